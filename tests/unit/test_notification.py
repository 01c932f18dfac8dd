from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given

from holdfast import chat, mail
from holdfast.attachment import PolicySummary
from holdfast.fight import Fight
from holdfast.incident import Failure, Leave
from holdfast.notification import compose, compose_record, left_unrecorded, spell
from holdfast.outcome import Conclusion, Outcome
from holdfast.report import Holder, Report
from holdfast.surroundings import Surroundings
from tests.unit import reports
from tests.unit.examples import (
    BROKEN,
    CURRENT,
    DETACHMENT,
    DEVELOPER,
    EVENT_ID,
    EXECUTION,
    EXEMPTION,
    NAMES_KEPT,
)
from tests.unit.reports import EXAMPLES, RESTORED, failed

UNREAD = EXAMPLES["failed_to_read_the_event"]


def forms_of(report: Report) -> dict[str, Any]:
    forms: dict[str, Any] = json.loads(compose(report, NAMES_KEPT)["message"])
    return forms


def test_a_whole_record_is_plain() -> None:
    assert json.loads(spell(compose_record(RESTORED))) == {
        "schema": 1,
        "outcome": "restored",
        "severity": "notice",
        "organization": "o-far1coz49w",
        "baseline_version": "0123456789ab",
        "policy": {
            "id": "p-7dj3cien",
            "name": "DenyUnapprovedRegions",
            "now_named": "DenyUnapprovedRegions",
            "type": "SERVICE_CONTROL_POLICY",
            "text": "as declared",
        },
        "target": {
            "id": "ou-exme-ycaqk99w",
            "kind": "OU",
            "name": "Workloads",
            "path": ["Workloads"],
            "accounts": 7,
        },
        "principal": {
            "kind": "AssumedRole",
            "arn": "arn:aws:iam::111122223333:role/developer",
            "unique_id": "AROAEXAMPLEDEVELOPER1",
            "name": "developer",
            "account_id": "111122223333",
            "session_name": "mallory",
            "source_identity": "mallory@example.com",
            "mfa": False,
            "access_key_id": "ASIAIOSFODNN7EXAMPLE",
            "invoked_by": None,
        },
        "source_ip": "203.0.113.7",
        "user_agent": "aws-cli/2.31.3 md/awscrt#0.27.6 ua/2.1 os/linux",
        "event_id": EVENT_ID,
        "call_id": EVENT_ID,
        "detached_at": "2026-11-22T09:00:00Z",
        "confirmed_at": "2026-11-22T09:00:42Z",
        "exposure_seconds": 42,
        "failure": None,
        "slots_held_by": [],
        "verdict": "in the baseline",
        "exemption": {"exemption": None, "ended": None, "ignored": [], "unread": None},
        "contested": False,
        "rounds": [],
        "recorded": True,
        "execution": EXECUTION,
        "link": (
            "https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1"
            f"#/v2/executions/details/{EXECUTION}"
        ),
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_record_has_every_key(name: str) -> None:
    whole, record = compose_record(RESTORED), compose_record(EXAMPLES[name])
    assert record.keys() == whole.keys()
    assert record["policy"].keys() == whole["policy"].keys()
    assert record["target"].keys() == whole["target"].keys()


def test_the_record_of_a_failure_says_what_failed_and_who_holds_the_slots() -> None:
    record = compose_record(EXAMPLES["failed_at_the_quota"])
    assert record["failure"]["error"] == "AttachmentQuotaExceededError"
    assert record["slots_held_by"] == ["p-FullAWSAccess", "p-7xfb7xkf", "p-allowlist01"]
    assert record["exposure_seconds"] is None


def test_each_protocol_gets_its_form() -> None:
    """Source: SNS developer guide, "Publishing messages", MessageStructure `json`."""
    forms, record = forms_of(RESTORED), json.loads(spell(compose_record(RESTORED)))
    told = {"subject": mail.subject(RESTORED), "text": mail.body(RESTORED)}
    assert forms.keys() == {"default", "email", "https"}
    assert json.loads(forms["default"]) == {**record, "mail": told}
    assert forms["email"] == told["text"]
    assert json.loads(forms["https"]) == chat.custom_notification(RESTORED, spell(record), EVENT_ID)


def test_all_that_is_told_of_an_incident_stands_in_one_thread() -> None:
    again = replace(failed("PolicyGoneError"), execution_arn=EXECUTION + "-2")
    threads = [json.loads(forms_of(report)["https"])["metadata"]["threadId"] for report in (RESTORED, again)]
    assert threads == [EVENT_ID, EVENT_ID]


def test_what_nobody_could_read_has_the_thread_of_its_execution() -> None:
    thread = json.loads(forms_of(UNREAD)["https"])["metadata"]["threadId"]
    assert thread == "b2c3d4e5-0f1a-4b2c-8d3e-4f5a6b7c8d9e"


@pytest.mark.parametrize(
    ("report", "attributes"),
    [
        (
            RESTORED,
            {
                "outcome": "restored",
                "severity": "notice",
                "organization": "o-far1coz49w",
                "policy_type": "SERVICE_CONTROL_POLICY",
                "policy_id": "p-7dj3cien",
                "target_id": "ou-exme-ycaqk99w",
            },
        ),
        (
            UNREAD,
            {
                "outcome": "failed",
                "severity": "page",
                "organization": "o-far1coz49w",
                "policy_type": "unknown",
                "policy_id": "unknown",
                "target_id": "unknown",
            },
        ),
    ],
)
def test_filter_policies_have_their_attributes(report: Report, attributes: dict[str, str]) -> None:
    assert compose(report, NAMES_KEPT)["attributes"] == attributes


@pytest.mark.parametrize("outcome", Outcome)
def test_only_a_failure_ends_in_fail(outcome: Outcome) -> None:
    notification = compose(replace(RESTORED, conclusion=Conclusion(outcome, None)), NAMES_KEPT)
    assert notification["failed"] is (outcome is Outcome.FAILED)


@given(reports.REPORTS)
def test_any_notification_is_json_that_sns_accepts(report: Report) -> None:
    """No attribute is empty. Source: SNS API reference, MessageAttributeValue."""
    notification = compose(report, NAMES_KEPT)
    forms = json.loads(notification["message"])
    assert json.loads(notification["message"].encode()) == forms
    assert set(forms) == {"default", "email", "https"}
    assert all(isinstance(form, str) and form for form in forms.values())
    assert all(notification["attributes"].values())
    assert json.loads(forms["default"])["outcome"] == report.conclusion.outcome
    assert json.dumps(notification, ensure_ascii=False).encode()


@pytest.mark.parametrize("character", ['"', "\\", "監", "\N{FAMILY}", "\x01"])
def test_the_longest_notification_fits(character: str) -> None:
    """SNS takes 262,144 bytes, and so does a state of Step Functions, in which every quote is escaped again.

    The caller chooses the program's name and the policies' and OUs' names; IAM's own names are plain.
    Source: "Amazon SNS endpoints and quotas"; Step Functions, "Quotas for Standard workflows".
    """
    name, holder = character * 128, PolicySummary("p-" + "x" * 128, character * 128, aws_managed=False)
    plain: dict[str, Any] = {
        key: "a" * 1_024 for key, value in asdict(DEVELOPER).items() if isinstance(value, str)
    }
    report = replace(
        failed("AttachmentQuotaExceededError", character * 1_000),
        detachment=replace(
            DETACHMENT,
            principal=replace(DEVELOPER, **plain),
            source_ip="a" * 1_024,
            user_agent=character * 1_024,
        ),
        policy_name=name,
        live_name=name,
        raw_event=character * 200_000,
        holders=(Holder(holder, in_baseline=False),) * 10,
        surroundings=Surroundings(name, (name,) * 6, 50_000),
    )
    assert len(json.dumps(compose(report, NAMES_KEPT), ensure_ascii=False).encode()) < 262_144


@pytest.mark.parametrize("character", ["*", "/", "~"])
@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.RESTORED])
def test_the_longest_fight_fits_under_the_longest_exemption(character: str, outcome: Outcome) -> None:
    """Who fights chooses the role's path: 512 visible characters. Source: IAM API reference, CreateRole.

    A state takes the notification beside the incident, of which it repeats the exemption.
    """
    name, path = "a" * 64, f"/{character * 510}/"
    principal = replace(
        DEVELOPER,
        arn=f"arn:aws:iam::111122223333:role{path}{name}",
        name=name,
        session_name=name,
        source_identity=name,
    )
    rounds = (replace(CURRENT, principal=principal),) * 60
    exemption = replace(EXEMPTION, reason="監" * 1_024, ticket="監" * 1_024)
    report = replace(
        failed("PermissionMissingError", '"' * 1_000),
        conclusion=Conclusion(outcome, None, contested=True),
        detachment=replace(DETACHMENT, principal=principal),
        fight=Fight(rounds, muted=False),
        leave=Leave(ended=exemption, ignored=(replace(BROKEN, problem="監" * 300),) * 5),
    )
    told = json.dumps(compose(report, NAMES_KEPT), ensure_ascii=False).encode()
    assert len(told) + len(json.dumps(report.leave.to_document(), ensure_ascii=False).encode()) < 240_000


@pytest.mark.parametrize("muted", [False, True])
def test_what_the_ledger_did_not_take_says_so_in_every_form(*, muted: bool) -> None:
    report = replace(EXAMPLES["contested"], fight=Fight((CURRENT,) * 3, muted=muted))
    refusal = Failure("DynamoDB.ProvisionedThroughputExceededException", "Slow down. See http://evil.example")

    notification = left_unrecorded(compose(report, NAMES_KEPT), refusal)

    forms = json.loads(notification["message"])
    record, chat_form = json.loads(forms["default"]), json.loads(forms["https"])
    line = (
        "Ledger:       NO RECORD of this could be written, so keep this mail: "
        "“DynamoDB․ProvisionedThroughputExceededException”: “Slow down. See http:/ /evil․example”"  # noqa: RUF001
    )
    assert (record["recorded"], notification["recorded"]) == (False, False)
    assert forms["email"] == record["mail"]["text"] == f"{mail.body(report)}\n{line}\n"
    assert chat_form["content"]["description"].endswith("\n*Ledger:* no record of this could be written")
    assert notification.keys() == compose(report, NAMES_KEPT).keys()


def test_a_round_that_people_have_heard_of_is_told_to_machines_only() -> None:
    forms = forms_of(replace(RESTORED, fight=Fight((CURRENT,) * 3, muted=True)))

    record = json.loads(forms["default"])
    assert (record["mail"], record["contested"], len(record["rounds"])) == (None, True, 3)

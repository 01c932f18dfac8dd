from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.baseline import Baseline, Guardrail
from holdfast.policy_document import PolicyDocument
from holdfast.reconciliation.drift import CHUNK, Drift, Plan
from holdfast.reconciliation.findings import find
from holdfast.reconciliation.mail import body, subject
from holdfast.reconciliation.notification import LIMIT, compose, compose_record
from holdfast.reconciliation.report import ReconciliationReport, RunOutcome
from holdfast.reconciliation.run import Refusal, RestoredAttachments
from tests.unit.examples import DENY_ALL, DEVELOPER, EVENT_ID
from tests.unit.outside import WORDS
from tests.unit.reports import inside_of_quotes, outside_of_quotes
from tests.unit.runs import ALL_ON, CLEAN, REPORTS, RUN, RUNS, SCP, by_developer, reported, searched, worded

MARKUP = set("@<>*_~`[](){}|#&!\\:")


def forms_of(report: ReconciliationReport) -> dict[str, Any]:
    forms: dict[str, Any] = json.loads(compose(report, tell=True)["message"])
    return forms


def chat_of(report: ReconciliationReport) -> dict[str, Any]:
    form: dict[str, Any] = json.loads(forms_of(report)["https"])
    return form


def test_a_whole_notification_is_what_the_state_machine_hands_on() -> None:
    report = REPORTS["restored_after_disable_policy_type"]
    notification = compose(report, tell=True)
    assert notification == {
        "tell": True,
        "failed": False,
        "recorded": True,
        "subject": subject(report),
        "message": notification["message"],
        "attributes": {
            "outcome": "reconciled",
            "severity": "page",
            "organization": "o-far1coz49w",
            "policy_type": "SERVICE_CONTROL_POLICY",
            "policy_id": "several",
            "target_id": "several",
        },
    }


def test_each_protocol_gets_its_form() -> None:
    """Source: SNS developer guide, "Publishing messages", MessageStructure `json`."""
    report = REPORTS["failed_in_part"]
    forms, told = forms_of(report), {"subject": subject(report), "text": body(report)}
    assert forms.keys() == {"default", "email", "https"}
    assert json.loads(forms["default"]) == {**compose_record(report), "mail": told}
    assert forms["email"] == told["text"]


def test_a_whole_record_is_plain() -> None:
    assert compose_record(REPORTS["account_moved"]) == {
        "schema": 1,
        "about": "reconciliation",
        "outcome": "drift found",
        "severity": "page",
        "organization": "o-far1coz49w",
        "baseline_version": "2c2b82b5bcf7",
        "trigger": {
            "cause": "event",
            "scope": f"event/{EVENT_ID}",
            "dry_run": False,
            "event": "MoveAccount",
            "event_id": EVENT_ID,
        },
        "restored": {"types": 0, "recreated": 0, "rewritten": 0, "attachments": 0},
        "failed_attachments": 0,
        "complete": True,
        "findings_in_all": 1,
        "findings": [
            {
                "kind": "coverage lost",
                "done": "reported",
                "severity": "page",
                "count": 2,
                "policies": ["p-7xfb7xkf", "p-7dj3cien"],
                "targets": ["338583429068"],
                "types": ["SERVICE_CONTROL_POLICY"],
                "error": None,
                "author": {
                    "event": "MoveAccount",
                    "event_id": EVENT_ID,
                    "at": "2026-11-22T09:00:00Z",
                    "principal": "arn:aws:iam::111122223333:role/developer",
                },
            }
        ],
        "reads": 0,
        "execution": RUN,
        "link": (
            f"https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/{RUN}"
        ),
    }


@pytest.mark.parametrize("name", REPORTS)
def test_every_record_has_every_key(name: str) -> None:
    assert compose_record(REPORTS[name]).keys() == compose_record(REPORTS["account_moved"]).keys()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clean", ("clean", "unknown", "unknown", "unknown")),
        ("account_departed", ("drift found", "unknown", "unknown", "338583429068")),
        ("dry_run", ("drift found", "SERVICE_CONTROL_POLICY", "p-cg404d5t", "several")),
        ("failed_to_begin", ("failed", "unknown", "unknown", "unknown")),
    ],
)
def test_filter_policies_have_their_attributes(name: str, expected: tuple[str, ...]) -> None:
    attributes = compose(REPORTS[name], tell=True)["attributes"]
    assert tuple(attributes[key] for key in ("outcome", "policy_type", "policy_id", "target_id")) == expected


@pytest.mark.parametrize("name", REPORTS)
def test_only_a_failure_ends_in_fail_told_or_not(name: str) -> None:
    notification = compose(REPORTS[name], tell=False)
    assert notification["failed"] is (REPORTS[name].outcome is RunOutcome.FAILED)
    assert notification["tell"] is False
    assert all(notification["attributes"].values())


def test_what_is_told_of_one_event_stands_in_one_thread() -> None:
    threads = [chat_of(REPORTS[name])["metadata"]["threadId"] for name in ("account_moved", "clean")]
    assert threads == [EVENT_ID, "0a1b2c3d-4e5f-4a6b-8c7d-9e8f7a6b5c4d"]


@pytest.mark.parametrize("name", REPORTS)
def test_any_chat_form_is_within_the_limits(name: str) -> None:
    """Source: Amazon Q Developer in chat applications, "Custom notifications", parameter details."""
    form = chat_of(REPORTS[name])
    content, metadata = form["content"], form["metadata"]
    assert 0 < len(content["title"]) <= 250
    assert 0 < len(content["description"]) <= 8_000
    assert all(0 < len(step) <= 350 for step in content["nextSteps"])
    assert all(0 < len(keyword) <= 75 for keyword in content["keywords"])
    assert 0 < len(metadata["summary"]) <= 250
    assert json.loads(metadata["additionalContext"]["record"]) == compose_record(REPORTS[name])


@pytest.mark.parametrize("name", REPORTS)
def test_no_next_step_is_cut(name: str) -> None:
    """A cut command is a wrong one."""
    content = chat_of(REPORTS[name])["content"]
    assert all(step.endswith((".", "`", "”")) for step in content["nextSteps"])


@st.composite
def forged_and_honest(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the chat form of a run full of forged words, and of the same with harmless ones."""
    name = draw(st.sampled_from(sorted(RUNS)))
    forged: dict[str, str] = {}

    def forge(word: str) -> str:
        return forged.setdefault(word, draw(WORDS))

    return chat_of(worded(name, forge)), chat_of(worded(name, lambda _: "word"))


@given(forged_and_honest())
def test_no_mention_link_or_markup_from_outside_survives(told: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Whatever the words are, what stands outside of the quotation marks is the same."""
    forged, honest = (form["content"] for form in told)
    assert outside_of_quotes(forged["description"]) == outside_of_quotes(honest["description"])
    assert not [word for word in inside_of_quotes(forged["description"]) if set(word) & MARKUP]
    assert forged["keywords"] == honest["keywords"]
    assert all(re.match(r"\*[A-Z][a-z ]+:\* ", line) for line in forged["description"].splitlines())
    assert len(forged["description"]) <= 8_000
    assert len(forged["title"].splitlines()) == 1


def large_run(name: str, message: str) -> ReconciliationReport:
    """Return what is told after 5,000 attachments of 200 guardrails were lost and none could be restored."""
    guardrails = tuple(
        Guardrail(
            f"p-guardrail{number:03}",
            name,
            SCP,
            frozenset(f"{account:012}" for account in range(25)),
            PolicyDocument.parse(DENY_ALL),
        )
        for number in range(200)
    )
    baseline = Baseline("o-far1coz49w", guardrails, (), CLEAN.baseline_version)
    numbers = tuple(range(5_000))
    plain = replace(DEVELOPER, name="a" * 1_024, session_name="a" * 1_024, source_identity="a" * 1_024)
    authors = [
        replace(by_developer("DetachPolicy", f"p-guardrail{number:03}/000000000000", number), principal=plain)
        for number in range(50)
    ]
    chunks = tuple(numbers[start : start + CHUNK] for start in range(0, 5_000, CHUNK))
    run = replace(
        CLEAN,
        search=searched(Drift(missing=numbers), *authors, plan=Plan(chunks=chunks)),
        attachments=RestoredAttachments(refused=(Refusal("OrganizationsRefusedError", message, numbers),)),
    )
    return replace(reported(run), findings=find(run, baseline, ALL_ON))


@pytest.mark.parametrize("character", ['"', "\\", "監", "\N{FAMILY}", "\x01"])
def test_a_notification_of_5000_failures_fits(character: str) -> None:
    """It stands beside the run in the state machine, and both have to fit into 262,144 bytes.

    Source: "Amazon SNS endpoints and quotas"; Step Functions, "Quotas for Standard workflows".
    """
    report = large_run(character * 128, character * 1_000)
    notification = compose(report, tell=True)
    assert len(json.dumps(notification, ensure_ascii=False).encode()) <= LIMIT
    assert notification["subject"] == (
        "[Holdfast o-far1coz49w] FAILED: 5,000 of 5,000 attachments could not be restored"
    )
    forms = json.loads(notification["message"])
    assert json.loads(forms["default"])["failed_attachments"] == 5_000
    assert len(json.loads(forms["https"])["content"]["description"]) <= 8_000
    assert "more findings: see the execution." in forms["email"]

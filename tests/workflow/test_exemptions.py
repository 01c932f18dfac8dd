"""Exemptions: granted, used, waited out, renewed and revoked; and those that are none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from holdfast.exemption import PATH, name_of
from holdfast.timestamps import parse_timestamp
from holdfast_cli.sample_organization import PIPELINE_ROLE
from localaws.gateway import ApiError
from tests.deployed import RECONCILIATION, REMEDIATION, SUCCEEDED, Holdfast, Run, the_only
from tests.workflow.paths import (
    EXEMPT,
    RESTORED,
    RESTORED_AFTER_EXEMPTION,
    RESTORED_AND_TOLD_BEFORE,
    REVOKED,
)

GUARDRAIL = ("DenyLeaveOrganization", "Root")
BUSY = ApiError("ThrottlingException", "Rate exceeded")


class Exemptions:
    """Whoever may write exemptions, and what they do."""

    def __init__(self, holdfast: Holdfast) -> None:
        self.holdfast = holdfast
        self.ssm = holdfast.aws.client("ssm")

    def name(self, policy: str, path: str | None = None) -> str:
        """Return the name of the parameter that exempts an attachment, or a whole policy."""
        return name_of(self.holdfast.policy(policy), path and self.holdfast.target(path))

    def write(self, name: str, hours: float = 2, **changed: Any) -> datetime:
        """Write an exemption, and return its end."""
        until = (self.holdfast.aws.clock.now() + timedelta(hours=hours)).replace(microsecond=0)
        value = {"until": until.isoformat(), "reason": "the region moves", "ticket": "CHG-7", **changed}
        self.ssm.put_parameter(Name=name, Type="String", Value=json.dumps(value), Overwrite=True)
        return until

    def clear(self) -> None:
        """Delete all exemptions."""
        pages = self.ssm.get_paginator("get_parameters_by_path").paginate(Path=PATH, Recursive=True)
        for name in [parameter["Name"] for page in pages for parameter in page["Parameters"]]:
            self.ssm.delete_parameter(Name=name)


@pytest.fixture
def exemptions(holdfast: Holdfast) -> Iterator[Exemptions]:
    written = Exemptions(holdfast)
    yield written
    written.clear()


def times_of(run: Run, state: str) -> list[datetime]:
    return [at for name, at in zip(run.states, run.times, strict=True) if name == state]


def test_a_detach_under_an_exemption_is_told_and_put_back_at_its_end(
    holdfast: Holdfast, exemptions: Exemptions
) -> None:
    until = exemptions.write(exemptions.name(*GUARDRAIL))

    run = holdfast.detach(*GUARDRAIL)

    told, restored = run.mails
    assert (run.states, run.end) == (RESTORED_AFTER_EXEMPTION, SUCCEEDED)
    assert [mail.attributes["outcome"] for mail in run.mails] == ["exempt", "restored"]
    assert times_of(run, "Verify Detach")[1] - until < timedelta(seconds=2)
    assert f"until {until:%Y-%m-%dT%H:%M:%SZ}, because “the region moves”, ticket “CHG-7”" in told.body
    assert "Was exempt:" in restored.body
    assert GUARDRAIL[0] in holdfast.attached(GUARDRAIL[1])


def test_while_it_is_exempt_it_stays_off(holdfast: Holdfast, exemptions: Exemptions) -> None:
    exemptions.write(exemptions.name(*GUARDRAIL))

    with holdfast.watch() as runs:
        holdfast.take(*GUARDRAIL)
        holdfast.aws.clock.sleep(7_000)
        assert GUARDRAIL[0] not in holdfast.attached(GUARDRAIL[1])

    assert the_only(runs).states == RESTORED_AFTER_EXEMPTION


@pytest.mark.parametrize("name", ["policy", "all"])
def test_an_exemption_of_the_policy_or_of_everything_counts_as_well(
    holdfast: Holdfast, exemptions: Exemptions, name: str
) -> None:
    exemptions.write(name_of(None, None) if name == "all" else exemptions.name(GUARDRAIL[0]))

    assert holdfast.detach(*GUARDRAIL).states == RESTORED_AFTER_EXEMPTION


def test_an_exemption_of_another_target_does_not_count(holdfast: Holdfast, exemptions: Exemptions) -> None:
    exemptions.write(exemptions.name(GUARDRAIL[0], "Security"))

    assert holdfast.detach(*GUARDRAIL).states == RESTORED


def test_an_exemption_that_ended_before_the_detach_does_not_count(
    holdfast: Holdfast, exemptions: Exemptions
) -> None:
    exemptions.write(exemptions.name(*GUARDRAIL), hours=0.01)
    with holdfast.aws.clock.working():
        holdfast.aws.clock.sleep(60)

    assert holdfast.detach(*GUARDRAIL).states == RESTORED


def test_an_exemption_counts_for_the_sanctioned_role_too_and_ends_for_it(
    holdfast: Holdfast, exemptions: Exemptions
) -> None:
    exemptions.write(exemptions.name(*GUARDRAIL))

    run = holdfast.detach(*GUARDRAIL, by=holdfast.role(PIPELINE_ROLE))

    assert run.states == RESTORED_AFTER_EXEMPTION


def test_an_exemption_that_is_renewed_is_told_again_and_waited_for_again(
    holdfast: Holdfast, exemptions: Exemptions
) -> None:
    name = exemptions.name(*GUARDRAIL)
    exemptions.write(name, hours=2)

    with holdfast.watch() as runs:
        holdfast.take(*GUARDRAIL)
        holdfast.aws.clock.sleep(3_600)
        until = exemptions.write(name, hours=3)

    run = the_only(runs)
    assert run.states == [*EXEMPT, *EXEMPT, *RESTORED]
    assert [mail.attributes["outcome"] for mail in run.mails] == ["exempt", "exempt", "restored"]
    assert times_of(run, "Verify Detach")[2] - until < timedelta(seconds=2)


def test_an_end_in_the_midst_of_a_second_is_told_and_waited_for_once(
    holdfast: Holdfast, exemptions: Exemptions
) -> None:
    until = holdfast.aws.clock.now().replace(microsecond=999_000) + timedelta(hours=2)
    exemptions.write(exemptions.name(*GUARDRAIL), until=until.isoformat())

    assert holdfast.detach(*GUARDRAIL).states == RESTORED_AFTER_EXEMPTION


def test_a_revoked_exemption_is_over_within_a_minute_and_its_execution_ends_quietly(
    holdfast: Holdfast, exemptions: Exemptions
) -> None:
    name = exemptions.name(*GUARDRAIL)
    exemptions.write(name)
    attachment = f"{holdfast.policy(GUARDRAIL[0])}/{holdfast.target(GUARDRAIL[1])}"
    request = {"scope": {"kind": "attachment", "subject": attachment}, "at_once": True}

    with holdfast.watch(REMEDIATION, RECONCILIATION) as runs:
        holdfast.take(*GUARDRAIL)
        holdfast.aws.clock.sleep(600)
        exemptions.ssm.delete_parameter(Name=name)
        holdfast.executions.start_execution(
            stateMachineArn=holdfast.output(RECONCILIATION), input=json.dumps(request)
        )
        holdfast.aws.clock.sleep(60)
        assert GUARDRAIL[0] in holdfast.attached(GUARDRAIL[1])

    waiting = next(run for run in runs if run.states[0] == "Verify Detach")
    assert (waiting.states, waiting.end) == (REVOKED, SUCCEEDED)
    assert [mail.attributes["outcome"] for mail in waiting.mails] == ["exempt"]


BROKEN = {
    "too long": ({"hours": 24 * 7 + 1}, "7 days after its change"),
    "without a reason": ({"reason": " "}, "reason: got ' ', expected why, in words"),
    "without a zone": ({"until": "2030-01-01T00:00:00"}, "expected a time with its zone"),
}


@pytest.mark.parametrize(("written", "problem"), BROKEN.values(), ids=BROKEN)
def test_a_broken_exemption_is_ignored_and_told(
    holdfast: Holdfast, exemptions: Exemptions, written: dict[str, Any], problem: str
) -> None:
    exemptions.write(exemptions.name(*GUARDRAIL), **written)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.outcome) == (RESTORED, "restored")
    assert problem.replace(".", "․") in run.says("Ignored")  # noqa: RUF001 - as a mail spells a dot


def test_what_is_no_json_is_ignored_and_told(holdfast: Holdfast, exemptions: Exemptions) -> None:
    exemptions.ssm.put_parameter(Name=exemptions.name(*GUARDRAIL), Type="String", Value="until tomorrow")

    run = holdfast.detach(*GUARDRAIL)

    assert run.states == RESTORED
    assert "value: got 'until tomorrow'" in run.says("Ignored")


def test_exemptions_that_cannot_be_read_for_a_moment_are_read_again(
    holdfast: Holdfast, exemptions: Exemptions
) -> None:
    exemptions.write(exemptions.name(*GUARDRAIL))
    holdfast.aws.clock.settle()
    holdfast.aws.faults.fail_call("ssm", "GetParameters", BUSY, times=3)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.errors) == (RESTORED_AFTER_EXEMPTION, ["ServiceBusyError"] * 3)


def test_exemptions_that_nobody_can_read_for_minutes_keep_no_guardrail_off(
    holdfast: Holdfast, exemptions: Exemptions
) -> None:
    exemptions.write(exemptions.name(*GUARDRAIL))
    holdfast.aws.clock.settle()
    holdfast.aws.faults.fail_call("ssm", "GetParameters", BUSY, times=10_000)

    run = holdfast.detach(*GUARDRAIL)

    detached = parse_timestamp(run.event["detail"]["eventTime"])
    confirmed = times_of(run, "Attached By Others?")[0]
    assert (run.states, run.outcome) == (RESTORED, "restored")
    assert timedelta(minutes=5) <= confirmed - detached < timedelta(minutes=6)
    assert run.says("Exemptions").startswith("NOT READ, so none counted: “ssm GetParameters: Throttling")


def test_a_refusal_to_show_the_exemptions_keeps_no_guardrail_off(holdfast: Holdfast) -> None:
    holdfast.aws.faults.fail_call("ssm", "GetParameters", ApiError("AccessDeniedException", "No."))

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.errors) == (RESTORED, [])
    assert "AccessDeniedException" in run.says("Exemptions")


def test_an_incident_that_began_to_wait_before_there_was_a_deploy_is_understood_after_it(
    holdfast: Holdfast, exemptions: Exemptions
) -> None:
    """What an older version left out of the document is not missed, and what a newer one added is borne."""
    exemptions.write(exemptions.name(*GUARDRAIL))
    first = holdfast.detach(*GUARDRAIL)
    document = {**first.given["Wait For Exemption To End"], "part_of_tomorrow": {"colour": "red"}}
    del document["detachment"]["shared_event_id"]
    with holdfast.unseen():
        holdfast.take(*GUARDRAIL)

    run = holdfast.start(document)

    assert (run.states, run.mails) == (RESTORED_AND_TOLD_BEFORE, ())
    assert GUARDRAIL[0] in holdfast.attached(GUARDRAIL[1])

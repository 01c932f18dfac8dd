"""Ends of executions that nobody was told of, and those that are told already."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from holdfast_cli.embedded import WATCHER
from localaws.gateway import ApiError
from localaws.mail import Mail
from tests.deployed import SUCCEEDED, Holdfast, Run, text_of

GUARDRAIL = ("DenyLeaveOrganization", "Root")


def alarms_during(holdfast: Holdfast, happening: Callable[[], Any]) -> list[Mail]:
    before = len(holdfast.mails("AlarmTopicArn"))
    happening()
    holdfast.aws.clock.settle()
    return holdfast.mails("AlarmTopicArn")[before:]


def alarm(status: str, execution: str) -> list[str]:
    console = "https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1"
    return [
        f"ALARM: an execution of Holdfast ended without telling anybody how: “{status}”.",
        "Treat the guardrail as detached until you have looked.",
        f"Execution: {execution}",
        f"Look here: {console}#/v2/executions/details/{execution}",
    ]


def test_an_execution_that_somebody_stops_raises_the_alarm(holdfast: Holdfast) -> None:
    event = holdfast.detach(*GUARDRAIL).event
    executions: list[str] = []

    def stop_it() -> None:
        with holdfast.aws.clock.working():
            holdfast.aws.faults.fail_call(
                "organizations", "ListPoliciesForTarget", ApiError("ServiceException", "", status=500), 10
            )
            started = holdfast.executions.start_execution(
                stateMachineArn=holdfast.deployment.state_machine_arn, input=json.dumps(event)
            )
            executions.append(started["executionArn"])
            holdfast.executions.stop_execution(executionArn=started["executionArn"], error="Stopped")

    mails = {text_of(mail)[0]: mail for mail in alarms_during(holdfast, stop_it)}
    who, end = sorted(mails.values(), key=lambda mail: "Call: StopExecution" not in mail.body)

    assert len(mails) == 2
    assert (end.to, text_of(end)) == (WATCHER, alarm("ABORTED", executions[0]))
    assert f'"On: {executions[0]}"' in text_of(who)


def fail(holdfast: Holdfast) -> Run:
    """Let a guardrail stay detached, which is told."""
    holdfast.aws.faults.fail_call(
        "organizations", "AttachPolicy", ApiError("AccessDeniedException", "You may not.")
    )
    return holdfast.detach(*GUARDRAIL)


def test_a_failure_that_was_told_raises_no_alarm(holdfast: Holdfast) -> None:
    runs: list[Run] = []

    alarms = alarms_during(holdfast, lambda: runs.append(fail(holdfast)))

    assert ([run.end for run in runs], alarms) == ([("FAILED", "RemediationFailed")], [])


def test_a_success_raises_no_alarm(holdfast: Holdfast) -> None:
    runs: list[Run] = []

    alarms = alarms_during(holdfast, lambda: runs.append(holdfast.detach(*GUARDRAIL)))

    assert ([run.end for run in runs], alarms) == ([SUCCEEDED], [])


def test_an_outcome_that_sns_did_not_take_raises_the_alarm(holdfast: Holdfast) -> None:
    event = fail(holdfast).event
    holdfast.aws.faults.fail_call("sns", "Publish", ApiError("KMSDisabled", "The key is disabled."), 9)
    runs: list[Run] = []

    (mail,) = alarms_during(holdfast, lambda: runs.append(holdfast.start(event)))

    assert runs[0].end == ("FAILED", "NotificationFailed")
    assert text_of(mail) == alarm("FAILED", runs[0].arn)


@pytest.mark.parametrize("nonsense", [[], "DetachPolicy", 42], ids=repr)
def test_an_input_that_no_state_can_carry_raises_the_alarm(holdfast: Holdfast, nonsense: Any) -> None:
    """The caught error has no place in what is no object: States.Runtime, which nothing catches."""
    runs: list[Run] = []

    (mail,) = alarms_during(holdfast, lambda: runs.append(holdfast.start(nonsense)))

    assert runs[0].end == ("FAILED", "States.Runtime")
    assert text_of(mail) == alarm("FAILED", runs[0].arn)


@pytest.fixture
def impatient(holdfast: Holdfast) -> Iterator[Holdfast]:
    """Let the state machine time out after a second instead of nine days."""
    arn, client = holdfast.deployment.state_machine_arn, holdfast.executions
    shipped = client.describe_state_machine(stateMachineArn=arn)["definition"]
    changed = json.dumps({**json.loads(shipped), "TimeoutSeconds": 1})
    client.update_state_machine(stateMachineArn=arn, definition=changed)
    # The watch tells of the change itself.
    holdfast.aws.clock.settle()
    yield holdfast
    client.update_state_machine(stateMachineArn=arn, definition=shipped)


def test_an_execution_that_times_out_raises_the_alarm(impatient: Holdfast) -> None:
    impatient.aws.faults.fail_call(
        "organizations", "ListPoliciesForTarget", ApiError("ServiceException", "", status=500), 10
    )
    runs: list[Run] = []

    (mail,) = alarms_during(impatient, lambda: runs.append(impatient.detach(*GUARDRAIL)))

    assert runs[0].end == ("TIMED_OUT", None)
    assert text_of(mail) == alarm("TIMED_OUT", runs[0].arn)

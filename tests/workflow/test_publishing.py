"""The event about each incident: who gets it, and what happens if EventBridge does not take it."""

from __future__ import annotations

import json

import pytest

from localaws.gateway import ApiError
from tests.deployed import SUCCEEDED, Holdfast, Run, text_of
from tests.queue_policy import take_from_rules
from tests.system.subscribers import Queue
from tests.workflow.paths import (
    FAILED_TO_REATTACH,
    PUBLICATION_FAILED,
    REMEDIATION_FAILED,
    RESTORED,
    RESTORED_AFTER_EXEMPTION,
)
from tests.workflow.reconcile.ways import PUBLICATION_FAILED as RECONCILED_UNPUBLISHED
from tests.workflow.refusals import TERMINAL
from tests.workflow.test_exemptions import Exemptions

GUARDRAIL = ("DenyLeaveOrganization", "Root")
DENIED = ApiError("AccessDeniedException", "You may not.")
ATTEMPTS = 9


@pytest.fixture(scope="module")
def listener(shared_holdfast: Holdfast) -> Queue:
    """Return a queue that a rule of somebody's own sends Holdfast's events to."""
    sqs, events = shared_holdfast.aws.client("sqs"), shared_holdfast.aws.client("events")
    url = sqs.create_queue(QueueName="incidents")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": take_from_rules(arn)})
    pattern = json.dumps({"source": ["holdfast"], "detail-type": ["Incident"]})
    events.put_rule(Name="incidents", EventPattern=pattern)
    events.put_targets(Rule="incidents", Targets=[{"Id": "queue", "Arn": arn}])
    return Queue(sqs, url)


def unpublished(holdfast: Holdfast, times: int = ATTEMPTS) -> None:
    """Let EventBridge refuse the next events."""
    holdfast.aws.faults.fail_call("events", "PutEvents", DENIED, times=times)


def alarms_about(holdfast: Holdfast, run: Run) -> list[list[str]]:
    return [text_of(mail) for mail in holdfast.mails("AlarmTopicArn") if run.arn in mail.body]


def test_a_rule_gets_the_record_of_a_restored_guardrail(holdfast: Holdfast, listener: Queue) -> None:
    run = holdfast.detach(*GUARDRAIL)

    (event,) = listener.messages()
    assert (run.states, run.end) == (RESTORED, SUCCEEDED)
    assert (event["source"], event["detail-type"]) == ("holdfast", "Incident")
    assert event["resources"] == [holdfast.deployment.state_machine_arn, run.arn]
    assert (event["detail"]["outcome"], event["detail"]) == ("restored", run.record)


def test_a_rule_gets_the_record_of_a_guardrail_that_could_not_be_restored(
    holdfast: Holdfast, listener: Queue
) -> None:
    holdfast.aws.faults.fail_call("organizations", "AttachPolicy", TERMINAL["PermissionMissingError"])

    run = holdfast.detach(*GUARDRAIL)

    (event,) = listener.messages()
    assert (run.states, run.end) == (FAILED_TO_REATTACH, REMEDIATION_FAILED)
    assert (event["detail"]["outcome"], event["detail"]) == ("failed", run.record)


def test_a_rule_gets_the_record_of_a_reconciliation(holdfast: Holdfast, listener: Queue) -> None:
    with holdfast.unseen():
        holdfast.take(*GUARDRAIL)

    run = holdfast.reconcile()

    (event,) = listener.messages()
    assert run.end == SUCCEEDED
    assert (event["detail"]["outcome"], event["detail"]) == ("reconciled", run.record)


def test_a_rule_gets_nothing_of_what_is_not_told(holdfast: Holdfast, listener: Queue) -> None:
    event = holdfast.detach(*GUARDRAIL).event
    listener.messages()

    (again,) = holdfast.deliver(event)

    assert (again.states[-1], listener.messages()) == ("Nothing To Do", [])


def test_an_event_that_is_refused_for_a_moment_is_offered_again(holdfast: Holdfast, listener: Queue) -> None:
    unpublished(holdfast, times=2)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, len(run.errors), run.end) == (RESTORED, 2, SUCCEEDED)
    assert [event["detail"]["execution"] for event in listener.messages()] == [run.arn]


@pytest.mark.parametrize("failing", [False, True], ids=["a success", "a failure"])
def test_an_event_that_is_refused_for_good_is_told_as_an_alarm_after_people_were_told(
    holdfast: Holdfast,
    listener: Queue,
    failing: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    unpublished(holdfast)
    if failing:
        holdfast.aws.faults.fail_call("organizations", "AttachPolicy", TERMINAL["PermissionMissingError"])

    run = holdfast.detach(*GUARDRAIL)

    console = "https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1"
    assert (run.end, run.states[-1]) == (PUBLICATION_FAILED, "Publication Failed")
    assert run.outcome == ("failed" if failing else "restored")
    assert (len(run.mails), listener.messages()) == (1, [])
    assert alarms_about(holdfast, run) == [
        [
            "ALARM: people and topics were told of an incident, but its event could not be published.",
            "Look at the execution for the error. What your rules do at Holdfast's events was not done.",
            f"Execution: {run.arn}",
            f"Look here: {console}#/v2/executions/details/{run.arn}",
        ]
    ]


def test_a_reconciliation_whose_event_is_refused_for_good_is_told_as_an_alarm(
    holdfast: Holdfast, listener: Queue
) -> None:
    with holdfast.unseen():
        holdfast.take(*GUARDRAIL)
    unpublished(holdfast)

    run = holdfast.reconcile()

    assert (run.end, run.outcome, listener.messages()) == (RECONCILED_UNPUBLISHED, "reconciled", [])
    assert len(alarms_about(holdfast, run)) == 1


def test_an_exemption_is_waited_for_though_its_event_is_refused_and_that_is_told(
    holdfast: Holdfast, listener: Queue
) -> None:
    exemptions = Exemptions(holdfast)
    exemptions.write(exemptions.name(*GUARDRAIL))
    unpublished(holdfast)

    run = holdfast.detach(*GUARDRAIL)

    exemptions.clear()
    waits = RESTORED_AFTER_EXEMPTION.index("Wait For Exemption To End")
    assert run.states == [
        *RESTORED_AFTER_EXEMPTION[:waits],
        "Notify Unpublished",
        *RESTORED_AFTER_EXEMPTION[waits:],
    ]
    assert run.end == SUCCEEDED
    assert [event["detail"]["outcome"] for event in listener.messages()] == ["restored"]
    organization = holdfast.deployment.organization.organization_id
    unpublished_mail = f"[Holdfast {organization}] FAILED: an event could not be published"
    assert [mail.subject for mail in run.mails].count(unpublished_mail) == 1

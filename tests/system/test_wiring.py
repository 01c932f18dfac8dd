"""Check Wiring on the deployed system: every part tampered with as somebody could, and the fast path blinded.

The task is invoked by itself, with the role and the environment that the template gives it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest

from holdfast.quoting import quoted
from holdfast_cli.embedded import READER
from localaws.gateway import ApiError
from tests.deployed import Holdfast
from tests.system.breakages import function_stopped, key_disabled, mapping_disabled, rule_disabled

pytestmark = pytest.mark.long

RUN = {
    "schema": 1,
    "route": "reconcile",
    "trigger": {
        "cause": "schedule",
        "scope": {"kind": "all", "subject": None},
        "dry_run": False,
        "change": None,
    },
    "organization": "o-exampleorgid",
    "baseline_version": "0123456789ab",
    "began_at": "2026-11-22T09:00:00Z",
}
GUARDRAIL = ("DenyLeaveOrganization", "Root")
TRAIL = "organization"
NEWCOMER = "new@example.com"
TWO_HOURS = 7_200.0


def check(holdfast: Holdfast) -> dict[str, Any]:
    """Invoke the task and return what it found."""
    answer = holdfast.aws.client("lambda").invoke(
        FunctionName=holdfast.resource("CheckWiringFunction"), Payload=json.dumps(RUN)
    )
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "errorType" not in found, found
    return found


def faults(holdfast: Holdfast) -> list[tuple[str, str]]:
    """Return what is wrong: the part, and the finding."""
    return [(fault["part"], fault["finding"]) for fault in check(holdfast)["faults"]]


def let_pass(holdfast: Holdfast, seconds: float = TWO_HOURS) -> None:
    with holdfast.aws.clock.working():
        holdfast.aws.clock.sleep(seconds)


@pytest.fixture(scope="module")
def wired(shared_holdfast: Holdfast) -> Holdfast:
    """Let the task remember what was deployed."""
    assert faults(shared_holdfast) == []
    return shared_holdfast


@contextmanager
def rule_without_targets(holdfast: Holdfast) -> Iterator[None]:
    events, name = holdfast.aws.client("events"), holdfast.resource("AlertRule")
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    events.remove_targets(Rule=name, Ids=[target["Id"] for target in targets])
    yield
    events.put_targets(Rule=name, Targets=targets)


@contextmanager
def rule_with_another_pattern(holdfast: Holdfast) -> Iterator[None]:
    events, name = holdfast.aws.client("events"), holdfast.resource("UntoldEndRule")
    pattern = events.describe_rule(Name=name)["EventPattern"]
    events.put_rule(Name=name, EventPattern=pattern.replace("aws.states", "aws.events"))
    yield
    # The same pattern in another spelling is the same pattern.
    events.put_rule(Name=name, EventPattern=json.dumps(json.loads(pattern), indent=4))


@contextmanager
def mail_not_confirmed(holdfast: Holdfast) -> Iterator[None]:
    topic = holdfast.output("AlarmTopicArn")
    holdfast.aws.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint=NEWCOMER)
    yield
    holdfast.aws.inbox.confirm(NEWCOMER)


@contextmanager
def mail_filtered(holdfast: Holdfast) -> Iterator[None]:
    sns, topic = holdfast.aws.client("sns"), holdfast.output("MailTopicArn")
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    (arn,) = (entry["SubscriptionArn"] for entry in listed if entry["Endpoint"] == READER)
    sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue='{"outcome": ["failed"]}'
    )
    yield
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="{}")


@contextmanager
def outcomes_not_mailed(holdfast: Holdfast) -> Iterator[None]:
    sns, topic = holdfast.aws.client("sns"), holdfast.output("OutcomeTopicArn")
    (entry,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=entry["SubscriptionArn"])
    yield
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=entry["Endpoint"])


@contextmanager
def function_with_another_environment(holdfast: Holdfast) -> Iterator[None]:
    functions, name = holdfast.aws.client("lambda"), holdfast.resource("ReattachPolicyFunction")
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    elsewhere = {"Variables": {**before, "ORGANIZATION_ID": "o-somebodyelse"}}
    functions.update_function_configuration(FunctionName=name, Environment=elsewhere)
    yield
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


@contextmanager
def definition_replaced(holdfast: Holdfast) -> Iterator[None]:
    machines, arn = holdfast.aws.client("stepfunctions"), holdfast.resource("RemediateStateMachine")
    before = machines.describe_state_machine(stateMachineArn=arn)["definition"]
    nothing = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    machines.update_state_machine(stateMachineArn=arn, definition=json.dumps(nothing))
    yield
    machines.update_state_machine(stateMachineArn=arn, definition=before)


@contextmanager
def schedule_narrowed(holdfast: Holdfast) -> Iterator[None]:
    schedules, name = holdfast.aws.client("scheduler"), holdfast.resource("ReconcileSchedule")
    before = settings_of(schedules.get_schedule(Name=name))
    scope = {"kind": "policy", "subject": "p-examplescp1"}
    narrowed = {**before["Target"], "Input": json.dumps({"cause": "schedule", "scope": scope})}
    schedules.update_schedule(**{**before, "Target": narrowed})
    yield
    schedules.update_schedule(**before)


def settings_of(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a schedule is made with, of what it tells about itself."""
    keys = ("Name", "ScheduleExpression", "State", "FlexibleTimeWindow", "Target")
    return {key: schedule[key] for key in keys}


@contextmanager
def trail_stopped(holdfast: Holdfast) -> Iterator[None]:
    trails = holdfast.aws.client("cloudtrail")
    trails.stop_logging(Name=TRAIL)
    yield
    trails.start_logging(Name=TRAIL)


TAMPERINGS: Mapping[Callable[[Holdfast], AbstractContextManager[None]], list[tuple[str, str]]] = {
    rule_disabled: [("DetachRule", "The rule is DISABLED: its events start nothing.")],
    rule_without_targets: [
        ("AlertRule", "The rule has no target: its events start nothing."),
        ("AlertRule", "It was changed outside of a deployment: targets."),
    ],
    rule_with_another_pattern: [("UntoldEndRule", "It was changed outside of a deployment: pattern.")],
    schedule_narrowed: [("ReconcileSchedule", "It was changed outside of a deployment: target.")],
    mail_not_confirmed: [
        ("AlarmTopic", f"The subscription of {quoted(NEWCOMER)} is not confirmed: no mail is sent to it.")
    ],
    mail_filtered: [
        ("MailTopic", f"The subscription of {quoted(READER)} has a filter: not every mail is sent to it.")
    ],
    outcomes_not_mailed: [
        ("OutcomeTopic", "The mail queue is not subscribed to the topic: people hear of no outcome.")
    ],
    mapping_disabled: [
        ("MailMapping", "The event source mapping is Disabled: nobody takes what is in the queue.")
    ],
    key_disabled: [("OutcomeKey", "The key is Disabled: what is encrypted with it cannot be sent.")],
    function_stopped: [("VerifyDetachFunction", "The function's reserved concurrency is 0: it never runs.")],
    function_with_another_environment: [
        ("ReattachPolicyFunction", "It was changed outside of a deployment: environment.")
    ],
    definition_replaced: [("RemediateStateMachine", "It was changed outside of a deployment: definition.")],
    trail_stopped: [
        (
            "CloudTrail",
            (
                "No trail logs management write events: EventBridge gets no CloudTrail events "
                "(“arn:aws:cloudtrail:us-east-1:111122223333:trail/organization” is stopped)."
            ),
        )
    ],
}


def test_all_tampering_is_found_as_long_as_it_lasts(wired: Holdfast) -> None:
    with ExitStack() as tampered:
        for tampering in TAMPERINGS:
            tampered.enter_context(tampering(wired))
        first, second = faults(wired), faults(wired)
    mended = faults(wired)

    expected = sorted(fault for found in TAMPERINGS.values() for fault in found)
    assert (sorted(first), sorted(second), mended) == (expected, expected, [])


def test_a_trail_that_logs_no_writes_is_none(wired: Holdfast) -> None:
    trails = wired.aws.client("cloudtrail")
    selector = {"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True, "DataResources": []}
    trails.put_event_selectors(TrailName=TRAIL, EventSelectors=[selector])
    found = faults(wired)
    trails.put_event_selectors(TrailName=TRAIL, EventSelectors=[{**selector, "ReadWriteType": "WriteOnly"}])

    assert ([part for part, _ in found], faults(wired)) == (["CloudTrail"], [])


def test_what_cannot_be_read_is_told_and_the_rest_is_checked(wired: Holdfast) -> None:
    denied = ApiError("AccessDeniedException", "not authorized")
    wired.aws.faults.fail_call("kms", "DescribeKey", denied)

    with rule_disabled(wired):
        found = faults(wired)

    assert found == [
        ("DetachRule", "The rule is DISABLED: its events start nothing."),
        (
            "OutcomeKey",
            "It could not be checked: “kms DescribeKey: AccessDeniedException: not authorized”",
        ),
    ]


def test_a_service_that_is_busy_for_a_moment_is_asked_again(wired: Holdfast) -> None:
    busy = ApiError("ThrottlingException", "Rate exceeded")
    wired.aws.faults.fail_call("kms", "DescribeKey", busy, times=3)

    assert faults(wired) == []


def test_a_part_that_is_gone_is_missed(wired: Holdfast) -> None:
    schedules, name = wired.aws.client("scheduler"), wired.resource("ReconcileSchedule")
    before = settings_of(schedules.get_schedule(Name=name))
    schedules.delete_schedule(Name=name)
    found = faults(wired)
    schedules.create_schedule(**before)

    assert (found, faults(wired)) == (
        [("ReconcileSchedule", f"It is gone: scheduler does not know {name}.")],
        [],
    )


def test_other_code_is_found_until_the_next_deployment(wired: Holdfast) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("verify_detach.py", "def handler(event, context): return {}\n")
    name = wired.resource("VerifyDetachFunction")
    wired.aws.client("lambda").update_function_code(FunctionName=name, ZipFile=archive.getvalue())
    tampered = faults(wired)

    let_pass(wired, 60)
    parameters = dict(wired.deployment.stack.parameters)
    wired.aws.deploy(wired.deployment.template, parameters, "holdfast")
    deployed = faults(wired)

    assert (tampered, deployed) == (
        [
            (
                "VerifyDetachFunction",
                "The function runs other code than the others, and all come from one package.",
            ),
            ("VerifyDetachFunction", "It was changed outside of a deployment: code."),
        ],
        [],
    )


def test_a_detach_that_started_an_execution_is_not_blindness(wired: Holdfast) -> None:
    let_pass(wired)
    check(wired)
    wired.detach(*GUARDRAIL)
    let_pass(wired)

    assert check(wired)["blind"] == []


def test_a_detach_that_the_disabled_rule_missed_is_blindness_once(wired: Holdfast) -> None:
    let_pass(wired)
    check(wired)
    with rule_disabled(wired):
        wired.take(*GUARDRAIL)
        wired.organizations.attach_policy(PolicyId=wired.policy(GUARDRAIL[0]), TargetId=wired.target("Root"))
        let_pass(wired, 60)
    too_early = check(wired)["blind"]
    let_pass(wired)
    found, again = check(wired)["blind"], check(wired)["blind"]

    event = next(
        event
        for event in wired.aws.client("cloudtrail").lookup_events()["Events"]
        if event["EventName"] == "DetachPolicy"
    )
    assert (too_early, found, again) == ([], [event["EventId"]], [])


def test_a_missed_detach_of_what_is_no_guardrail_is_nobodys_business(wired: Holdfast) -> None:
    policy = wired.stranger("Unknown", "Sandbox")
    let_pass(wired)
    check(wired)
    with rule_disabled(wired):
        wired.organizations.detach_policy(PolicyId=policy, TargetId=wired.target("Sandbox"))
        let_pass(wired, 60)
    let_pass(wired)

    assert check(wired)["blind"] == []

"""Which calls the watch tells of, by whole events: also calls that the embedded AWS cannot answer."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from localaws.patterns import EventPattern
from tests.contract.shipped import ACCOUNT, ROOT, deployed, of_type

EVENTS = ROOT / "events" / "watch"
CALL = json.loads((EVENTS / "disable_rule.json").read_text(encoding="utf-8"))
CLOUDFORMATION = "cloudformation.amazonaws.com"

RULE = "holdfast-DetachRule-1A2B3C4D5E6F"
FUNCTION = "holdfast-VerifyDetachFunction-1A2B3C4D5E6F"
FUNCTION_ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{FUNCTION}"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:holdfast-OutcomeTopic-1A2B3C4D5E6F"
QUEUE = f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/holdfast-UndeliveredQueue-1A2B3C4D5E6F"
TABLE = "holdfast-LedgerTable-1A2B3C4D5E6F"
ALARM = "holdfast-UndeliveredAlarm-1A2B3C4D5E6F"
ROLE = "holdfast-ReattachPolicyFunctionRole-1A2B3C4D5E6F"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/holdfast-AttachGuardrailsPolicy-1A2B3C4D5E6F"
EXECUTION = f"arn:aws:states:us-east-1:{ACCOUNT}:execution"
STACK = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/holdfast/1a2b3c4d"
CHANGE_SET = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:changeSet/mine/1a2b3c4d"
DEFAULT_BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"

OWNED = [
    *(
        ("WatchRulesRule", "events", call, {"name": RULE})
        for call in ("DisableRule", "DeleteRule", "PutRule")
    ),
    *(("WatchRulesRule", "events", call, {"rule": RULE}) for call in ("PutTargets", "RemoveTargets")),
    ("WatchRulesRule", "events", "StartReplay", {"replayName": "r", "destination": {"arn": DEFAULT_BUS}}),
    ("WatchMachinesRule", "states", "UpdateStateMachine", {"stateMachineArn": "RemediateStateMachine"}),
    ("WatchMachinesRule", "states", "DeleteStateMachine", {"stateMachineArn": "ReconcileStateMachine"}),
    ("WatchFunctionsRule", "lambda", "UpdateFunctionCode20150331v2", {"functionName": FUNCTION}),
    ("WatchFunctionsRule", "lambda", "UpdateFunctionConfiguration20150331v2", {"functionName": FUNCTION}),
    ("WatchFunctionsRule", "lambda", "PutFunctionConcurrency20171031", {"functionName": FUNCTION_ARN}),
    ("WatchFunctionsRule", "lambda", "DeleteFunctionConcurrency20171031", {"functionName": FUNCTION}),
    ("WatchFunctionsRule", "lambda", "DeleteFunction20150331", {"functionName": FUNCTION}),
    ("WatchFunctionsRule", "lambda", "UpdateEventSourceMapping20150331", {"uUID": "MailMapping"}),
    ("WatchFunctionsRule", "lambda", "DeleteEventSourceMapping20150331", {"uuid": "MailMapping"}),
    ("WatchAlarmsRule", "monitoring", "DeleteAlarms", {"alarmNames": ["mine", ALARM]}),
    ("WatchAlarmsRule", "monitoring", "DisableAlarmActions", {"alarmNames": [ALARM]}),
    ("WatchAlarmsRule", "monitoring", "PutMetricAlarm", {"alarmName": ALARM}),
    ("WatchSourcesRule", "scheduler", "UpdateSchedule", {"name": "ReconcileSchedule"}),
    ("WatchSourcesRule", "scheduler", "DeleteSchedule", {"name": "ReconcileSchedule"}),
    ("WatchSourcesRule", "dynamodb", "DeleteTable", {"tableName": TABLE}),
    (
        *("WatchSourcesRule", "dynamodb", "UpdateTable"),
        {"tableName": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{TABLE}"},
    ),
]
"""The rule, the service, the call and its parameters, where no other stack can make the same call."""

REACHABLE = [
    ("WatchMachinesRule", "states", "StopExecution", {"executionArn": f"{EXECUTION}:holdfast-reconcile:one"}),
    ("WatchFunctionsRule", "lambda", "RemovePermission20150331v2", {"functionName": FUNCTION}),
    *(
        ("WatchTopicsRule", "sns", call, {"topicArn": TOPIC})
        for call in ("DeleteTopic", "SetTopicAttributes", "AddPermission", "RemovePermission")
    ),
    *(
        ("WatchTopicsRule", "sns", call, {"subscriptionArn": f"{TOPIC}:1a2b3c4d"})
        for call in ("SetSubscriptionAttributes", "Unsubscribe")
    ),
    *(
        ("WatchTopicsRule", "sqs", call, {"queueUrl": QUEUE})
        for call in ("PurgeQueue", "DeleteQueue", "SetQueueAttributes")
    ),
    *(
        ("WatchTopicsRule", "kms", call, {"keyId": key})
        for call, key in (
            ("DisableKey", "OutcomeKey"),
            ("ScheduleKeyDeletion", "OutcomeKey.Arn"),
            ("PutKeyPolicy", "OutcomeKey"),
        )
    ),
    *(
        ("WatchSourcesRule", "cloudtrail", call, {"name": "organization"})
        for call in ("StopLogging", "DeleteTrail", "UpdateTrail")
    ),
    ("WatchSourcesRule", "cloudtrail", "PutEventSelectors", {"trailName": "organization"}),
    ("WatchSourcesRule", "cloudformation", "UpdateStack", {"stackName": "holdfast"}),
    ("WatchSourcesRule", "cloudformation", "DeleteStack", {"stackName": STACK}),
    ("WatchSourcesRule", "cloudformation", "ExecuteChangeSet", {"stackName": STACK, "changeSetName": "mine"}),
    ("WatchSourcesRule", "cloudformation", "ExecuteChangeSet", {"changeSetName": CHANGE_SET}),
    *(
        ("WatchRolesRule", "iam", call, {"roleName": role})
        for role in (ROLE, "guardrail-pipeline", "break-glass")
        for call in (
            *("PutRolePolicy", "AttachRolePolicy", "DetachRolePolicy", "DeleteRolePolicy", "DeleteRole"),
            *("UpdateAssumeRolePolicy", "PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary"),
        )
    ),
    *(
        ("WatchRolesRule", "iam", call, {"policyArn": POLICY})
        for call in ("CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicy")
    ),
]
"""The same, where another stack can, or where it is told whoever makes it."""

ELSEWHERE = [
    ("events", "DisableRule", {"name": "another-DetachRule"}),
    ("events", "StartReplay", {"destination": {"arn": f"{DEFAULT_BUS}-not"}}),
    ("states", "StopExecution", {"executionArn": f"{EXECUTION}:another-reconcile:one"}),
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": "another-VerifyDetachFunction"}),
    ("lambda", "Invoke", {"functionName": FUNCTION}),
    ("sns", "Unsubscribe", {"subscriptionArn": TOPIC.replace("holdfast", "another")}),
    ("sqs", "PurgeQueue", {"queueUrl": QUEUE.replace("holdfast", "another")}),
    ("kms", "DisableKey", {"keyId": "AnotherKey"}),
    ("monitoring", "DeleteAlarms", {"alarmNames": ["mine", "yours"]}),
    ("scheduler", "UpdateSchedule", {"name": "another-reconcile"}),
    ("cloudformation", "UpdateStack", {"stackName": "holdfast-witness"}),
    ("iam", "PutRolePolicy", {"roleName": "another-role"}),
    ("iam", "CreateRole", {"roleName": ROLE}),
]


def event(service: str, name: str, parameters: dict[str, Any], **detail: Any) -> dict[str, Any]:
    """Return the whole event of a call."""
    made: dict[str, Any] = deepcopy(CALL)
    made["source"] = f"aws.{service}"
    made["detail"] |= {
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "requestParameters": parameters,
        **detail,
    }
    return made


def by_cloudformation(call: dict[str, Any]) -> dict[str, Any]:
    """Return the event of the same call, made by CloudFormation for somebody."""
    made = deepcopy(call)
    made["detail"]["userIdentity"]["invokedBy"] = CLOUDFORMATION
    made["detail"]["sourceIPAddress"] = CLOUDFORMATION
    return made


def patterns() -> dict[str, EventPattern]:
    """Return the patterns of the watching rules."""
    rules = of_type(deployed(SanctionedRoleNames="guardrail-pipeline,break-glass"), "AWS::Events::Rule")
    found = {name: rule["EventPattern"] for name, rule in rules.items() if name.startswith("Watch")}
    return {
        name: EventPattern.parse(pattern if isinstance(pattern, str) else json.dumps(pattern))
        for name, pattern in found.items()
    }


PATTERNS = patterns()


def telling(call: dict[str, Any]) -> list[str]:
    """Return the rules that tell of an event."""
    return [name for name, pattern in PATTERNS.items() if pattern.matches(call)]


@pytest.mark.parametrize(("rule", "service", "name", "parameters"), [*OWNED, *REACHABLE])
def test_a_call_that_changes_holdfast_is_told_by_one_rule_and_only_if_it_succeeded(
    rule: str, service: str, name: str, parameters: dict[str, Any]
) -> None:
    assert telling(event(service, name, parameters)) == [rule]
    assert telling(event(service, name, parameters, errorCode="AccessDenied")) == []


@pytest.mark.parametrize(("service", "name", "parameters"), ELSEWHERE)
def test_a_call_that_changes_something_else_is_not_told(
    service: str, name: str, parameters: dict[str, Any]
) -> None:
    assert telling(event(service, name, parameters)) == []


@pytest.mark.parametrize(("rule", "service", "name", "parameters"), OWNED)
def test_what_cloudformation_does_to_its_own_stack_s_parts_is_not_told(
    rule: str, service: str, name: str, parameters: dict[str, Any]
) -> None:
    assert rule in PATTERNS
    assert telling(by_cloudformation(event(service, name, parameters))) == []


@pytest.mark.parametrize(("rule", "service", "name", "parameters"), REACHABLE)
def test_what_another_stack_could_do_is_told_of_cloudformation_too(
    rule: str, service: str, name: str, parameters: dict[str, Any]
) -> None:
    assert telling(by_cloudformation(event(service, name, parameters))) == [rule]


def test_the_whole_example_events_are_told() -> None:
    examples = {
        path.stem: telling(json.loads(path.read_text(encoding="utf-8"))) for path in EVENTS.glob("*.json")
    }

    assert examples == {
        "disable_rule": ["WatchRulesRule"],
        "put_role_policy": ["WatchRolesRule"],
        "set_topic_attributes_by_cloudformation": ["WatchTopicsRule"],
        "update_function_code": ["WatchFunctionsRule"],
    }


def test_the_rule_that_watches_the_rules_is_watched_by_another_one() -> None:
    """A rule that was disabled does not hear of it."""
    named = {"DisableRule": "name", "DeleteRule": "name", "PutRule": "name", "RemoveTargets": "rule"}
    calls = [event("events", call, {member: "WatchRulesRule"}) for call, member in named.items()]

    assert [telling(call) for call in calls] == [["WatchSourcesRule"]] * len(calls)


@pytest.mark.parametrize(
    ("issuer", "told"),
    [
        ({"arn": "arn:aws:iam::111122223333:role/platform-admin"}, ["WatchStartsRule"]),
        (None, ["WatchStartsRule"]),
        ({"arn": "DetachRuleRole.Arn"}, []),
        ({"arn": "TamperRuleRole.Arn"}, []),
        ({"arn": "ReconcileScheduleRole.Arn"}, []),
    ],
)
def test_a_start_is_told_unless_a_rule_or_the_schedule_made_it(
    issuer: dict[str, str] | None, told: list[str]
) -> None:
    call = event("states", "StartExecution", {"stateMachineArn": "ReconcileStateMachine"})
    call["detail"]["userIdentity"]["sessionContext"] = {"sessionIssuer": issuer} if issuer else {}

    assert telling(call) == told


def test_no_role_is_watched_by_an_empty_name() -> None:
    rule = of_type(deployed(), "AWS::Events::Rule")["WatchRolesRule"]
    (roles, _) = json.loads(rule["EventPattern"])["detail"]["$or"]

    assert roles["requestParameters"] == {"roleName": [{"prefix": "holdfast-"}]}


def test_what_the_watch_tells_goes_straight_to_the_alarm_topic_and_its_starts_to_a_queue() -> None:
    """Without a function and without a key."""
    rules = of_type(deployed(), "AWS::Events::Rule")
    arns = {name: [target["Arn"] for target in rules[name]["Targets"]] for name in PATTERNS}

    assert arns == {
        name: ["StartsQueue.Arn" if name == "WatchStartsRule" else "AlarmTopic"] for name in PATTERNS
    }

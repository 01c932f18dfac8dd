from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

import reattach_policy
from holdfast.attachment import Attachment
from holdfast.errors import OrganizationsBusyError, OrganizationsThrottledError, ServiceBusyError
from holdfast.incident import AttachResult, Failure, Incident, Reattachment
from holdfast.notification import compose, left_unrecorded
from holdfast.outcome import Outcome, TextCheck, conclude
from holdfast.verdict import NOT_OURS, Action, Reason, Verdict
from tests.contract.document_flow import always_set, caught_by, reads, targets
from tests.contract.shipped import FUNCTION_OF_TASK as FUNCTIONS_OF_BOTH
from tests.contract.shipped import MACHINES, RECONCILE, REMEDIATE, TASK_OF_FUNCTION, TEMPLATE, Machine
from tests.unit.examples import CONFIRMED_INCIDENT, NAMES_KEPT, NOW, VERIFIED, failed

STATE_KEYS = {
    "Task": {
        *("Type", "Comment", "Resource", "TimeoutSeconds", "Parameters", "ResultSelector", "ResultPath"),
        *("Retry", "Catch", "Next", "End"),
    },
    "Pass": {"Type", "Comment", "Parameters", "ResultPath", "Next"},
    "Choice": {"Type", "Comment", "Choices", "Default"},
    "Wait": {"Type", "Comment", "Seconds", "TimestampPath", "Next"},
    "Map": {
        *("Type", "Comment", "ItemsPath", "MaxConcurrency", "ItemSelector", "ItemProcessor", "ResultPath"),
        *("Catch", "Next"),
    },
    "Succeed": {"Type", "Comment"},
    "Fail": {"Type", "Comment", "Error", "CausePath"},
}
RETRY_KEYS = {
    *("ErrorEquals", "IntervalSeconds", "BackoffRate", "MaxDelaySeconds", "JitterStrategy", "MaxAttempts"),
}
"""What may be said of a state. Source: Amazon States Language; narrower where Holdfast needs no more."""

CONTEXT = {
    *("$$.Execution.Id", "$$.Execution.Name", "$$.Execution.StartTime", "$$.Execution.RoleArn"),
    *("$$.State.Name", "$$.State.EnteredTime", "$$.State.RetryCount"),
    *("$$.StateMachine.Id", "$$.StateMachine.Name"),
}
"""What the context object always has. Source: Step Functions developer guide, "Context object"."""

EVERY_STATE = [
    pytest.param(state, id=f"{machine}: {name}")
    for machine in MACHINES
    for name, state in machine.states.items()
]
EVERY_TASK = [
    pytest.param(state, id=f"{machine}: {name}")
    for machine in MACHINES
    for name, state in machine.tasks.items()
]
STATES, TASKS, DEFINITION = REMEDIATE.states, REMEDIATE.tasks, REMEDIATE.definition
FUNCTION_OF_TASK = REMEDIATE.function_of_task

LEAST_RESULTS = {
    "Verify Detach": replace(VERIFIED, verdict=NOT_OURS, observed=None).to_document(),
    "Describe Outcome": compose(replace(failed("MalformedEventError"), detachment=None), NAMES_KEPT),
    "Unpack Message": {"failed": False, "recorded": True, "forms": {"default": "{}"}},
}
AN_ERROR = frozenset({"$.error", "$.error.Error"})
UNPUBLISHED = frozenset({"$.publication_error", "$.publication_error.Error"})
UNTIL = frozenset({"$.leave", "$.leave.exemption", "$.leave.exemption.until"})
IMPLIED = {
    ("Failed?", "Notify Failure"): AN_ERROR,
    ("Told As Failure?", "Remediation Failed"): AN_ERROR,
    ("Told As Failure?", "Publication Failed"): UNPUBLISHED,
    ("Exempt?", "Publication Failed"): UNPUBLISHED,
    ("Exempt?", "Notify Unpublished"): UNPUBLISHED | UNTIL,
    ("Exempt?", "Wait For Exemption To End"): UNTIL,
}
"""What is certain on a way although not all that leads to its choice sets it."""
ALWAYS_SET = always_set(DEFINITION, LEAST_RESULTS, IMPLIED)

EVENTS_OF_AN_ATTEMPT = 4
"""Scheduled, started, submitted, ended. Source: Step Functions API reference, "HistoryEvent"."""
HISTORY_LIMIT = 25_000
"""Source: Step Functions developer guide, "Quotas": beyond it an execution fails."""
CLEARS_UP = {
    "Lambda.TooManyRequestsException",
    *(kind.__name__ for kind in (OrganizationsBusyError, OrganizationsThrottledError, ServiceBusyError)),
}
PATIENCE = 1_800
"""Seconds that are waited for what clears up by waiting."""
A_YEAR = 365 * 24 * 60 * 60
"""An exemption of a week can be renewed; no execution lasts longer. Source: Step Functions, "Quotas"."""


def substituted(machine: Machine) -> dict[str, Any]:
    """Return the definition with sample values in place of the substitutions."""
    arn = "arn:aws:lambda:us-east-1:111122223333:function:"
    samples = {name: "aws" if name == "Partition" else arn + name for name in machine.substitutions}
    text = re.sub(r"\$\{(\w+)\}", lambda match: samples[match[1]], json.dumps(machine.definition))
    definition: dict[str, Any] = json.loads(text)
    return definition


def ways_on(state: dict[str, Any]) -> set[str]:
    """Return the states that may come next, after an error too."""
    return {*targets(state), *(target for target, _ in caught_by(state))}


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_every_target_exists_and_every_state_can_be_reached(machine: Machine) -> None:
    for part in machine.parts:
        named = {target for state in part["States"].values() for target in ways_on(state)}

        assert named | {part["StartAt"]} == part["States"].keys()


BACK = {
    ("Wait For Exemption To End", "Verify Detach"),
    *((name, "Describe Outcome") for name in ("Record Names", "Record Incident")),
}
"""After an exemption all is verified again; what the ledger did not take is described again, to be told."""


def test_only_two_ways_of_the_remediation_lead_back() -> None:
    order = TopologicalSorter(
        {
            name: {after for after in ways_on(state) if (name, after) not in BACK}
            for name, state in STATES.items()
        }
    )

    assert set(order.static_order()) == STATES.keys()


def test_what_the_ledger_did_not_take_is_not_offered_to_it_again() -> None:
    guard = STATES["Left Unrecorded?"]

    assert guard["Choices"] == [
        {"Variable": "$.notification.recorded", "BooleanEquals": False, "Next": "Failed?"}
    ]
    assert left_unrecorded(LEAST_RESULTS["Describe Outcome"], Failure("Refused", "No."))["recorded"] is False
    assert {
        error["ResultPath"] for name in ("Record Names", "Record Incident") for error in STATES[name]["Catch"]
    } == {
        "$.record_error",
        "$.duplicate_error",
    }
    assert STATES["Describe Outcome"]["Next"] == "Left Unrecorded?"


@pytest.mark.parametrize("state", EVERY_STATE)
def test_a_state_is_well_formed(state: dict[str, Any]) -> None:
    ends = state.get("End", False) or state["Type"] in {"Succeed", "Fail"}

    assert state.keys() <= STATE_KEYS[state["Type"]]
    assert ends is not any(targets(state))


@pytest.mark.parametrize("state", EVERY_STATE)
def test_a_state_says_in_a_sentence_what_it_is_for(state: dict[str, Any]) -> None:
    assert re.fullmatch(r"[A-Z].+\.", state["Comment"])


@pytest.mark.parametrize("task", EVERY_TASK)
def test_a_task_is_limited_and_every_error_of_it_is_caught(task: dict[str, Any]) -> None:
    assert task["TimeoutSeconds"] > 0
    assert task["Retry"]
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
    assert all(re.fullmatch(r"\$\.(\w+_)?error", catcher["ResultPath"]) for catcher in task["Catch"])


@pytest.mark.parametrize("task", EVERY_TASK)
def test_a_retry_says_how_often_how_long_apart_and_with_jitter(task: dict[str, Any]) -> None:
    retriers = task["Retry"]

    assert [retrier.keys() for retrier in retriers] == [RETRY_KEYS] * len(retriers)
    assert {retrier["JitterStrategy"] for retrier in retriers} == {"FULL"}


@pytest.mark.parametrize("name", STATES)
def test_what_a_state_reads_is_always_set(name: str) -> None:
    assert reads(STATES[name]) - ALWAYS_SET[name] - CONTEXT == set()


@pytest.mark.parametrize(
    "incident",
    [
        replace(VERIFIED, verdict=Verdict(Action.REPORT, Reason.SANCTIONED_PRINCIPAL)),
        replace(VERIFIED, verdict=Verdict(Action.REPORT, Reason.ALERT_ONLY_MODE)),
        CONFIRMED_INCIDENT,
    ],
    ids=["sanctioned", "alert only", "confirmed"],
)
@pytest.mark.parametrize("text", TextCheck)
def test_failed_implies_an_error(incident: Incident, text: TextCheck) -> None:
    """These are the incidents that reach Describe Outcome without one."""
    assert conclude(incident, text).outcome is not Outcome.FAILED


def test_the_plain_notification_needs_no_function_and_reads_what_is_always_there() -> None:
    plain = STATES["Notify Plainly"]
    from_the_document = {path for path in reads(plain) if not path.startswith("$$")}
    from_the_context = {path.split(".")[1] for path in reads(plain) if path.startswith("$$")}

    assert plain["Resource"] == "arn:${Partition}:states:::sns:publish"
    assert from_the_document <= {"$.error", "$.error.Error"}
    assert from_the_context <= {"Execution", "StateMachine"}


def test_what_is_kept_of_a_reattachment_is_what_the_incident_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    class Attaching:
        def attach(self, attachment: Attachment) -> tuple[AttachResult, datetime]:
            assert attachment == VERIFIED.detachment.attachment
            return AttachResult.ATTACHED, NOW

    monkeypatch.setattr(reattach_policy, "connect", Attaching)
    result = reattach_policy.handler(VERIFIED.to_document(), None)
    selector = STATES["Reattach Policy"]["ResultSelector"]

    assert selector == {
        **{f"{key}.$": f"$.{key}" for key in result},
        "retries.$": "$$.State.RetryCount",
    }
    assert [key.removesuffix(".$") for key in selector] == [field.name for field in fields(Reattachment)]


@pytest.mark.parametrize("name", ["Notify Success", "Notify Failure"])
def test_a_notification_is_published_with_all_its_attributes(name: str) -> None:
    attributes = LEAST_RESULTS["Describe Outcome"]["attributes"]

    assert STATES[name]["Parameters"] == {
        "TopicArn": "${OutcomeTopicArn}",
        "Subject.$": "$.notification.subject",
        "MessageStructure": "json",
        "Message.$": "$.notification.message",
        "MessageAttributes": {
            key: {"DataType": "String", "StringValue.$": f"$.notification.attributes.{key}"}
            for key in attributes
        },
    }


def test_every_failure_is_described_before_it_is_told_and_told_before_the_end() -> None:
    assert {name: [target for target, _ in caught_by(task)] for name, task in TASKS.items()} == {
        "Verify Detach": ["Describe Outcome"],
        "Reattach Policy": ["Describe Outcome"],
        "Confirm Attachment": ["Describe Outcome"],
        "Describe Outcome": ["Notify Plainly"],
        "Record Names": ["Describe Outcome"],
        "Record Incident": ["Told As Failure?", "Describe Outcome"],
        "Notify Success": ["Notification Failed"],
        "Notify Unpublished": ["Publication Failed"],
        "Notify Failure": ["Notification Failed"],
        "Publish Incident": ["Told As Failure?"],
        "Notify Plainly": ["Notification Failed"],
    }


def test_a_failed_execution_ends_with_a_constant_name_and_the_error_that_was_caught() -> None:
    ends = {
        name: (state["Error"], state["CausePath"])
        for name, state in STATES.items()
        if state["Type"] == "Fail"
    }

    assert ends == {
        "Remediation Failed": ("RemediationFailed", "States.JsonToString($.error)"),
        "Notification Failed": ("NotificationFailed", "States.JsonToString($.error)"),
        "Publication Failed": ("PublicationFailed", "States.JsonToString($.publication_error)"),
    }


@pytest.mark.parametrize("name", TASK_OF_FUNCTION)
def test_what_clears_up_by_waiting_is_waited_for_at_least_half_an_hour(name: str) -> None:
    """Full jitter halves each delay on average. Source: developer guide, "Handling errors"."""
    (retrier,) = (
        retrier for retrier in TASK_OF_FUNCTION[name]["Retry"] if CLEARS_UP & set(retrier["ErrorEquals"])
    )

    assert set(retrier["ErrorEquals"]) <= CLEARS_UP
    assert "Lambda.TooManyRequestsException" in retrier["ErrorEquals"]
    assert retrier["MaxAttempts"] * retrier["MaxDelaySeconds"] / 2 >= PATIENCE


@pytest.mark.parametrize("name", TASK_OF_FUNCTION)
def test_a_function_gives_up_before_the_state_gives_it_up(name: str) -> None:
    own = TEMPLATE["Resources"][FUNCTIONS_OF_BOTH[name]]["Properties"]
    limit = own.get("Timeout", TEMPLATE["Globals"]["Function"]["Timeout"])

    assert limit < TASK_OF_FUNCTION[name]["TimeoutSeconds"]


def test_an_execution_that_uses_up_all_its_retries_keeps_within_the_history() -> None:
    attempts = sum(1 + sum(retrier["MaxAttempts"] for retrier in task["Retry"]) for task in TASKS.values())
    entered_and_left = 2 * (len(STATES) + 1)

    assert attempts * EVENTS_OF_AN_ATTEMPT + entered_and_left < HISTORY_LIMIT


def test_an_execution_may_wait_for_an_exemption_to_end() -> None:
    assert DEFINITION["TimeoutSeconds"] == A_YEAR


def test_a_reconciliation_is_told_without_the_run_beside_it() -> None:
    """Of 5,000 attachments that are refused, both in one document are more than a state may pass on."""
    state = RECONCILE.states["Describe Reconciliation"]

    assert (state["ResultSelector"], state["ResultPath"]) == ({"notification.$": "$"}, "$")


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_the_embedded_interpreter_accepts_the_definition(machine: Machine) -> None:
    program, _ = AmazonStateLanguageParser.parse(json.dumps(substituted(machine)))

    assert program.start_at.start_at_name == machine.definition["StartAt"]


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_cfn_lint_accepts_the_definition(machine: Machine) -> None:
    """`sam validate --lint` does not look into the file, cfn-lint looks into this resource's property."""
    resource = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": "arn:aws:iam::111122223333:role/states",
            "Definition": substituted(machine),
        },
    }
    template = json.dumps({"Resources": {"Machine": resource}})
    found = lint(template, config=ManualArgs(regions=["us-east-1"]))

    assert [f"{match.rule.id} {match.message}" for match in found] == []

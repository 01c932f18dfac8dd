from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.errors import ServiceRefusedError
from holdfast.reconciliation.run import Fault
from holdfast.reconciliation.wiring import (
    FUNCTION,
    RULE,
    TOPIC,
    State,
    Subscription,
    TopicState,
    checked_sentences,
    code_faults,
    faults_of,
    mail_faults,
    not_checked,
    unread_faults,
)
from tests.unit.inspected import (
    COMPLETE,
    DENIED,
    DEPLOYED,
    FUNCTION_STATE,
    GONE,
    KEY_STATE,
    MACHINE,
    MACHINE_STATE,
    MAPPING_STATE,
    QUEUE,
    RULE_STATE,
    SCHEDULE_STATE,
    STACK,
    STATES,
    TOPIC_STATE,
    part,
)

MAIL = TOPIC_STATE.subscriptions[0]


def findings(state: State) -> list[str]:
    found = faults_of(part("Part", "of any kind"), state)
    assert {fault.part for fault in found} <= {"Part"}
    assert all(fault.remedy for fault in found)
    return [fault.finding for fault in found]


@pytest.mark.parametrize("state", STATES.values())
def test_what_is_as_it_should_be_has_no_fault(state: State) -> None:
    assert findings(state) == []


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (replace(RULE_STATE, state="DISABLED"), ["The rule is DISABLED: its events start nothing."]),
        (replace(RULE_STATE, targets=()), ["The rule has no target: its events start nothing."]),
        (
            replace(SCHEDULE_STATE, state="DISABLED"),
            ["The schedule is DISABLED: nothing compares the baseline by itself."],
        ),
        (
            replace(KEY_STATE, state="PendingDeletion"),
            ["The key is PendingDeletion: what is encrypted with it cannot be sent."],
        ),
        (TopicState(()), ["Nobody is subscribed to the topic."]),
        (TopicState((QUEUE,)), []),
        (
            TopicState((QUEUE, replace(MAIL, confirmed=False), MAIL)),
            ["The subscription of “security@example․com” is not confirmed: no mail is sent to it."],  # noqa: RUF001 - as it is quoted
        ),
        (
            TopicState((replace(MAIL, protocol="email-json", filtered=True),)),
            ["The subscription of “security@example․com” has a filter: not every mail is sent to it."],  # noqa: RUF001 - as it is quoted
        ),
        (replace(FUNCTION_STATE, state="Inactive"), ["The function is Inactive: it may not run."]),
        (replace(FUNCTION_STATE, state="Pending", last_update="InProgress"), []),
        (
            replace(FUNCTION_STATE, last_update="Failed"),
            ["The function's last update failed: it runs as it was before."],
        ),
        (
            replace(FUNCTION_STATE, reserved_concurrency=0),
            ["The function's reserved concurrency is 0: it never runs."],
        ),
        (replace(FUNCTION_STATE, reserved_concurrency=1), []),
        (
            replace(MACHINE_STATE, status="DELETING"),
            ["The state machine is DELETING: it starts nothing new."],
        ),
        (
            replace(MAPPING_STATE, state="Disabled"),
            ["The event source mapping is Disabled: nobody takes what is in the queue."],
        ),
        (replace(MAPPING_STATE, state="Updating"), []),
    ],
)
def test_each_fault_is_found(state: State, found: list[str]) -> None:
    assert findings(state) == found


def test_machines_may_leave_the_alerts_to_people() -> None:
    assert faults_of(part("AlertTopic", TOPIC), TopicState(())) == ()


NOT_SUBSCRIBED = "The mail queue is not subscribed to the topic: people hear of no outcome."
FILTERED = "The mail queue's subscription has a filter: people do not hear of every outcome."


@pytest.mark.parametrize(
    ("subscriptions", "found"),
    [
        ((QUEUE,), []),
        ((MAIL, QUEUE), []),
        ((), [NOT_SUBSCRIBED]),
        ((MAIL, replace(QUEUE, endpoint=f"{QUEUE.endpoint}2")), [NOT_SUBSCRIBED]),
        ((replace(QUEUE, protocol="https"),), [NOT_SUBSCRIBED]),
        ((replace(QUEUE, filtered=True),), [FILTERED]),
    ],
)
def test_the_outcomes_have_to_reach_the_mail_queue(
    subscriptions: tuple[Subscription, ...], found: list[str]
) -> None:
    states = {part("OutcomeTopic", TOPIC): TopicState(subscriptions)}
    assert [fault.finding for fault in mail_faults(STACK, states)] == found


def test_a_topic_that_could_not_be_read_is_told_elsewhere() -> None:
    assert mail_faults(STACK, {}) == ()


def test_the_functions_that_differ_from_most_run_other_code() -> None:
    other = replace(FUNCTION_STATE, code="0ther=")
    functions = {"A": FUNCTION_STATE, "B": other, "C": FUNCTION_STATE}
    assert [fault.part for fault in code_faults(functions)] == ["B"]


def test_functions_of_one_package_have_no_fault() -> None:
    assert code_faults({"A": FUNCTION_STATE, "B": FUNCTION_STATE}) == ()
    assert code_faults({}) == ()


def test_a_part_that_its_service_does_not_know_is_gone() -> None:
    (fault,) = unread_faults({part("OutcomeKey", "AWS::KMS::Key", "1234"): GONE})
    assert (fault.part, fault.finding) == ("OutcomeKey", "It is gone: kms does not know 1234.")


def test_parts_that_are_refused_for_one_reason_are_told_together() -> None:
    throttled = ServiceRefusedError("lambda", "GetFunctionConfiguration", "Throttling", "slow down")
    unread: dict[Any, Any] = {
        part("A", FUNCTION): throttled,
        part("OutcomeKey", "AWS::KMS::Key"): DENIED,
        part("B", FUNCTION): throttled,
    }
    assert unread_faults(unread) == (not_checked("A, B", throttled), not_checked("OutcomeKey", DENIED))


def test_a_check_that_was_not_made_says_why_in_one_quoted_line() -> None:
    error = ServiceRefusedError("kms", "DescribeKey", "AccessDeniedException", 'no\n"way"')
    assert not_checked("OutcomeKey", error) == Fault(
        "OutcomeKey",
        "It could not be checked: “kms DescribeKey: AccessDeniedException: no 'way'”",
        "Let the role of CheckWiringFunction make this call, or wait for the service.",
    )


def test_what_was_looked_at_is_said_by_kind() -> None:
    assert checked_sentences(STATES) == (
        "the state and the targets of 1 rule",
        "the state of 1 schedule",
        "the state, the code and the concurrency of 2 functions",
        "the status of 1 state machine",
        "the state of 1 key",
        "the subscriptions of 2 topics",
        "the state of 1 event source mapping",
    )
    assert checked_sentences({part("DetachRule", RULE): RULE_STATE}) == (
        "the state and the targets of 1 rule",
    )


@pytest.mark.parametrize(
    ("status", "in_progress"),
    [
        ("CREATE_COMPLETE", False),
        ("UPDATE_IN_PROGRESS", True),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", True),
        ("UPDATE_ROLLBACK_FAILED", False),
    ],
)
def test_a_deployment_under_way_shows_in_the_status(status: str, in_progress: bool) -> None:  # noqa: FBT001 - a table's column
    assert replace(STACK, status=status).in_progress is in_progress


def test_a_stack_is_complete_when_its_last_part_is() -> None:
    assert STACK.complete_since == COMPLETE
    assert replace(STACK, parts=()).complete_since == DEPLOYED


def test_a_part_is_found_by_its_logical_id() -> None:
    assert (STACK.physical_id("RemediateStateMachine"), STACK.physical_id("Other")) == (MACHINE, None)


@pytest.mark.parametrize(
    ("parameters", "off"),
    [
        ({"ReconciliationEnabled": "true", "AlertEnabled": "true"}, set()),
        ({"ReconciliationEnabled": "false"}, {"ReconcileSchedule", "TamperRule", "ForwardedTamperRule"}),
        ({"AlertEnabled": "false"}, set()),
    ],
)
def test_a_parameter_puts_parts_out_of_use(parameters: dict[str, str], off: set[str]) -> None:
    assert replace(STACK, parameters=parameters).switched_off == off

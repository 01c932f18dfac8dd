from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.errors import ServiceBusyError, ServiceError
from holdfast.reconciliation.fingerprints import fingerprint_of
from holdfast.reconciliation.inspection import (
    Patience,
    Witnesses,
    check_blindness,
    check_fingerprints,
    check_parts,
    check_trails,
    together,
    wiring_document,
)
from holdfast.reconciliation.run import Fault, Wiring
from holdfast.reconciliation.trail_selection import Trail, TrailState
from holdfast.reconciliation.wiring import TopicState, not_checked
from tests.unit.examples import example_baseline
from tests.unit.inspected import (
    BUSY,
    DENIED,
    DEPLOYED,
    FUNCTION_STATE,
    KEY_STATE,
    LOGS_ALL,
    READ,
    RULE_STATE,
    SCHEDULE_STATE,
    STACK,
    STATES,
    TOO_MANY,
    TOPIC_STATE,
    TRAIL,
    PlainMemory,
    WrittenDeployment,
    WrittenExecutions,
    WrittenHistory,
    WrittenTrails,
    event_id,
    record,
)
from tests.unit.mocked_services import KnownSuccessors

HOUR = timedelta(hours=1)
NOW_ONCE = Patience(0)


@pytest.fixture(name="pauses", autouse=True)
def _pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    return pauses


def told(wiring: Wiring) -> list[tuple[str, str]]:
    return [(fault.part, fault.finding) for fault in wiring.faults]


def test_patience_asks_again_and_has_an_end_over_all_that_is_asked(pauses: list[float]) -> None:
    patience, deployment = Patience(3), WrittenDeployment(BUSY, BUSY, STACK)
    assert patience(lambda: deployment.stack("holdfast")) == STACK

    for_ever = WrittenDeployment(BUSY)
    with pytest.raises(ServiceBusyError):
        patience(lambda: for_ever.stack("holdfast"))
    assert pauses == [1.0, 1.0, 1.0]


ABROAD = Trail("arn:aws:cloudtrail:eu-west-1:111122223333:trail/abroad", covers_region=False)
STOPPED = Trail("arn:aws:cloudtrail:us-east-1:111122223333:trail/stopped", covers_region=True)
CHECKED = "whether a trail logs management write events"


def test_one_good_trail_is_enough() -> None:
    trails = WrittenTrails({ABROAD: DENIED, STOPPED: TrailState(logging=False), TRAIL: LOGS_ALL})
    assert check_trails(trails, NOW_ONCE) == Wiring((CHECKED,))


def test_without_a_trail_event_bridge_gets_no_events() -> None:
    wiring = check_trails(WrittenTrails({}), NOW_ONCE)
    finding = "No trail logs management write events: EventBridge gets no CloudTrail events."
    assert (wiring.checked, told(wiring)) == ((CHECKED,), [("CloudTrail", finding)])


def test_of_each_trail_is_told_why_it_does_not_do() -> None:
    trails = WrittenTrails({ABROAD: LOGS_ALL, STOPPED: TrailState(logging=False), TRAIL: DENIED})
    ((_, finding),) = told(check_trails(trails, NOW_ONCE))
    assert finding.removeprefix(
        "No trail logs management write events: EventBridge gets no CloudTrail events "
    ) == (
        "(“arn:aws:cloudtrail:eu-west-1:111122223333:trail/abroad” is of another region; "
        "“arn:aws:cloudtrail:us-east-1:111122223333:trail/stopped” is stopped; "
        "“arn:aws:cloudtrail:us-east-1:111122223333:trail/organization” could not be read, "
        "“kms DescribeKey: AccessDeniedException: not authorized”)."
    )


@pytest.mark.parametrize("error", [DENIED, BUSY])
def test_trails_that_cannot_be_listed_are_told(error: ServiceError) -> None:
    assert check_trails(WrittenTrails(error), NOW_ONCE) == Wiring(faults=(not_checked("CloudTrail", error),))


def test_parts_of_other_kinds_are_left_alone_and_all_others_are_read() -> None:
    wiring, states = check_parts(STACK, WrittenDeployment(), NOW_ONCE)
    assert (wiring.faults, states) == ((), STATES)


def test_a_part_that_cannot_be_read_is_a_fault_and_is_not_counted_as_checked() -> None:
    wiring, states = check_parts(STACK, WrittenDeployment(OutcomeKey=DENIED), NOW_ONCE)
    assert wiring.faults == (not_checked("OutcomeKey", DENIED),)
    assert "the state of 1 key" not in wiring.checked
    assert "OutcomeKey" not in {part.logical_id for part in states}


def test_a_busy_service_is_asked_again() -> None:
    deployment = WrittenDeployment(OutcomeKey=[BUSY, BUSY, KEY_STATE])
    assert check_parts(STACK, deployment, Patience(2))[0].faults == ()


def test_a_mail_queue_that_the_outcomes_do_not_reach_is_a_fault() -> None:
    found = told(check_parts(STACK, WrittenDeployment(OutcomeTopic=TOPIC_STATE), NOW_ONCE)[0])
    assert found == [
        ("OutcomeTopic", "The mail queue is not subscribed to the topic: people hear of no outcome.")
    ]


def test_code_is_not_compared_while_it_is_being_replaced() -> None:
    deployment = WrittenDeployment(VerifyDetachFunction=replace(FUNCTION_STATE, code="new="))
    deploying = replace(STACK, status="UPDATE_IN_PROGRESS")
    assert len(check_parts(STACK, deployment, NOW_ONCE)[0].faults) == 1
    assert check_parts(deploying, deployment, NOW_ONCE)[0].faults == ()


def test_what_a_parameter_put_out_of_use_is_no_fault() -> None:
    deployment = WrittenDeployment(
        ReconcileSchedule=replace(SCHEDULE_STATE, state="DISABLED"), MailTopic=TopicState(())
    )
    by_hand = replace(STACK, parameters={"ReconciliationEnabled": "false"})
    found = [told(check_parts(stack, deployment, NOW_ONCE)[0]) for stack in (STACK, by_hand)]
    topic = ("MailTopic", "Nobody is subscribed to the topic.")
    schedule = ("ReconcileSchedule", "The schedule is DISABLED: nothing compares the baseline by itself.")
    assert found == [[schedule, topic], [topic]]


CHANGED_STATES = {
    part: replace(state, pattern="{}") if state is RULE_STATE else state for part, state in STATES.items()
}
CHANGED = [("DetachRule", "It was changed outside of a deployment: pattern.")]
FINGERPRINTS = {
    part.logical_id: fingerprint_of(state) for part, state in STATES.items() if fingerprint_of(state)
}


def test_a_deployment_is_remembered_once_and_a_change_is_told_until_it_is_undone() -> None:
    memory, deployment = PlainMemory(), WrittenDeployment()
    found = [
        told(check_fingerprints(STACK, states, memory, lambda: deployment.stack("holdfast"), NOW_ONCE))
        for states in (STATES, CHANGED_STATES, CHANGED_STATES, STATES)
    ]
    assert (found, memory.writes) == ([[], CHANGED, CHANGED, []], 1)
    assert memory.items == {"deployed": {"stack_updated_at": DEPLOYED.isoformat(), "parts": FINGERPRINTS}}


def test_nothing_is_compared_during_a_deployment_and_nothing_remembered() -> None:
    deploying = replace(STACK, status="UPDATE_IN_PROGRESS")
    memory = PlainMemory()
    assert check_fingerprints(deploying, STATES, memory, lambda: deploying, NOW_ONCE) == Wiring()
    assert memory.items == {}


@pytest.mark.parametrize(
    "later",
    [replace(STACK, status="UPDATE_IN_PROGRESS"), replace(STACK, deployed_at=DEPLOYED + HOUR)],
)
def test_a_deployment_that_began_meanwhile_is_no_tampering(later: object) -> None:
    memory = PlainMemory()
    check_fingerprints(STACK, STATES, memory, lambda: STACK, NOW_ONCE)
    found = check_fingerprints(STACK, CHANGED_STATES, memory, lambda: later, NOW_ONCE)  # type: ignore[arg-type, return-value]
    assert (found, memory.writes) == (Wiring(), 1)


def test_a_memory_that_does_not_answer_is_told() -> None:
    wiring = check_fingerprints(STACK, STATES, PlainMemory(DENIED), lambda: STACK, NOW_ONCE)
    assert wiring == Wiring(faults=(not_checked("The comparison with what was deployed", DENIED),))


DETACH = record(1, READ - HOUR)
SPAN = (
    "whether each detach of a guardrail from 2026-11-21T09:30:00Z to 2026-11-22T09:15:00Z started an "
    "execution"
)
UNTIL = {"blindness": {"until": "2026-11-22T09:15:00Z"}}


def blindness_of(
    history: WrittenHistory,
    executions: WrittenExecutions | None = None,
    memory: PlainMemory | None = None,
    successors: KnownSuccessors | None = None,
) -> tuple[Wiring, PlainMemory]:
    remembered = memory or PlainMemory()
    witnesses = Witnesses(
        remembered, successors or KnownSuccessors({}), history, executions or WrittenExecutions()
    )
    return check_blindness(STACK, example_baseline(), witnesses), remembered


def test_a_quiet_time_costs_one_look_at_the_history() -> None:
    wiring, memory = blindness_of(WrittenHistory(), successors=KnownSuccessors(DENIED))
    assert (wiring, memory.items) == (Wiring((SPAN,)), UNTIL)


def test_a_detach_that_started_nothing_is_blind_and_told_once() -> None:
    history = WrittenHistory(DETACH)
    first, memory = blindness_of(history)
    second, _ = blindness_of(history, memory=memory)
    assert (replace(first, authors=()), second) == (Wiring((SPAN,), (), (event_id(1),)), Wiring())
    assert [(author.event_id, author.principal.name) for author in first.authors] == [
        (event_id(1), "developer")
    ]


def test_a_detach_that_started_an_execution_is_not_blind() -> None:
    wiring, _ = blindness_of(WrittenHistory(DETACH), WrittenExecutions((1, READ - HOUR)))
    assert wiring == Wiring((SPAN,))


def test_the_detach_of_a_successor_is_that_of_a_guardrail() -> None:
    successors = KnownSuccessors({"p-7dj3cien": "p-successor1"})
    wiring, _ = blindness_of(WrittenHistory(record(1, READ - HOUR, "p-successor1")), successors=successors)
    assert wiring.blind == (event_id(1),)


@pytest.mark.parametrize(
    ("history", "executions", "memory", "successors"),
    [
        (WrittenHistory(error=DENIED), None, None, None),
        (WrittenHistory(DETACH), WrittenExecutions(error=DENIED), None, None),
        (WrittenHistory(DETACH), None, PlainMemory(DENIED), None),
        (WrittenHistory(DETACH), None, None, KnownSuccessors(DENIED)),
    ],
)
def test_what_cannot_be_accounted_for_is_told_and_tried_again(
    history: WrittenHistory,
    executions: WrittenExecutions | None,
    memory: PlainMemory | None,
    successors: KnownSuccessors | None,
) -> None:
    wiring, remembered = blindness_of(history, executions, memory, successors)
    assert wiring == Wiring(faults=(not_checked("Detach events", DENIED),))
    assert remembered.items == {}


def test_a_flood_of_detach_calls_is_told_and_its_newest_are_accounted_for() -> None:
    wiring, memory = blindness_of(WrittenHistory(DETACH, error=TOO_MANY))
    assert (wiring.blind, memory.items) == ((event_id(1),), UNTIL)
    assert told(wiring) == [
        (
            "Detach events",
            (
                "There were more DetachPolicy calls, failed ones included, than are looked at: the older "
                "ones were not."
            ),
        )
    ]


def test_detaches_behind_too_many_executions_are_told_as_not_looked_for() -> None:
    records = [record(number, READ - 2 * HOUR) for number in range(1, 8)]
    strangers = [(None, READ - HOUR)] * 501
    wiring, _ = blindness_of(WrittenHistory(*records), WrittenExecutions(*strangers))
    ids = ", ".join(event_id(number) for number in range(1, 6))
    assert (wiring.blind, told(wiring)) == (
        (),
        [
            (
                "Detach events",
                (
                    "Of 7 it is not known whether they started an execution, as more than 500 have begun "
                    f"since: {ids}, …."
                ),
            )
        ],
    )


def test_a_stack_without_the_fast_path_is_a_fault() -> None:
    witnesses = Witnesses(PlainMemory(), KnownSuccessors({}), WrittenHistory(), WrittenExecutions())
    wiring = check_blindness(replace(STACK, parts=()), example_baseline(), witnesses)
    assert told(wiring) == [("RemediateStateMachine", "The stack has no such part.")]


def test_all_findings_are_one_document() -> None:
    fault = Fault("OutcomeKey", "It is off.", "Switch it on.")
    wiring = together(Wiring(("this",), (fault,)), Wiring(("that",), (), ("an-id",)))
    assert wiring_document(wiring) == {
        "checked": ["this", "that"],
        "faults": [{"part": "OutcomeKey", "finding": "It is off.", "remedy": "Switch it on."}],
        "blind": ["an-id"],
        "authors": [],
    }


class LosingMemory(PlainMemory):
    """A memory that writes, and whose answer is lost."""

    def remember(
        self, name: str, content: Mapping[str, Any], *, instead_of: Mapping[str, Any] | None
    ) -> bool:
        """Write, and raise."""
        super().remember(name, content, instead_of=instead_of)
        raise BUSY


def test_a_blind_detach_is_told_though_it_is_not_known_whether_it_was_remembered() -> None:
    """The window may be over: nobody would look at it again."""
    wiring, memory = blindness_of(WrittenHistory(DETACH), memory=LosingMemory())
    assert (wiring.blind, told(wiring), memory.items) == (
        (event_id(1),),
        told(Wiring(faults=(not_checked("Detach events", BUSY),))),
        UNTIL,
    )

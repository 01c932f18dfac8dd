"""The reconciliation's definition: what flows through it, where errors go, what goes round and how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.incident import Failure
from holdfast.notification import left_unrecorded
from holdfast.reconciliation.attaching import BUDGET, ROUNDS_WITHOUT_PROGRESS
from holdfast.reconciliation.chunk import Chunk
from holdfast.reconciliation.drift import CHUNK, Search, Stage
from holdfast.reconciliation.ledger import items_of
from holdfast.reconciliation.looking import EVENT_PATIENCE, SLICE, TYPE_PATIENCE
from holdfast.reconciliation.notification import compose
from holdfast.reconciliation.report import ReconciliationReport
from holdfast.reconciliation.run import Coverage, Reconciliation, is_reconciliation, parse_reconciliation
from holdfast.reconciliation.trigger import Cause, Route, Scope, ScopeKind, Trigger
from tests.contract.document_flow import always_set, caught_by, reads, targets
from tests.contract.shipped import RECONCILE, TEMPLATE

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
DEFINITION, STATES, TASKS = RECONCILE.definition, RECONCILE.states, RECONCILE.tasks
PROCESSOR = STATES["Each Chunk"]["ItemProcessor"]
ITEM = frozenset({"$", *(f"$.{key.removesuffix('.$')}" for key in STATES["Each Chunk"]["ItemSelector"])})

RUN = Reconciliation(
    trigger=Trigger(Cause.SCHEDULE, Scope(ScopeKind.ALL)),
    route=Route.RECONCILE,
    organization="o-exampleorgid",
    baseline_version="0123456789ab",
    began_at=NOW,
)
CHUNK_DOCUMENT = Chunk(baseline_version="0123456789ab", remaining=()).to_document()
NOTHING = ReconciliationReport("arn", "unknown", ())
NOTIFICATION = compose(NOTHING, tell=False)
LEAST_RESULTS = {
    "Take Turn": RUN.to_document(),
    "Find Drift": Search(Stage.READING, NOW).to_document(),
    "Restore Policy Types": {"enabled": [], "refused": []},
    "Restore Policies": {"recreated": {}, "found": {}, "rewritten": [], "renamed": [], "refused": []},
    "Restore Attachments": CHUNK_DOCUMENT,
    "Check Wiring": {"checked": [], "faults": [], "blind": []},
    "Compare Coverage": {"stage": "done", "account_id": "111122223333", "looks": 1},
    "Describe Reconciliation": NOTIFICATION | {"ledger": items_of(NOTHING, "ledger", NOW, timedelta(1))},
    "Unpack Message": {"failed": False, "subject": "", "forms": {"default": "{}"}},
}
UNPUBLISHED = frozenset({"$.publication_error"})
ALWAYS_SET = {
    **always_set(DEFINITION, LEAST_RESULTS, {("Told As Failure?", "Publication Failed"): UNPUBLISHED}),
    **always_set(PROCESSOR, LEAST_RESULTS, given=ITEM),
}
CONTEXT = {"$$.Execution.Id", "$$.Execution.StartTime", "$$.StateMachine.Name", "$$.Map.Item.Value"}
"""What the context object has wherever it is read here. Source: developer guide, "Context object"."""

_DESCRIBED = ("Describe Reconciliation", "Worth Telling?", "Left Unrecorded?")
ROUNDS = {
    frozenset({"Find Drift", "What Next?", "Let Others Read"}): "Let Others Read",
    frozenset({"Find Drift", "What Next?", "Wait For Changes To Settle"}): "Wait For Changes To Settle",
    frozenset({"Find Drift", "What Next?", "Wait For Second Look"}): "Wait For Second Look",
    frozenset({"Restore Attachments", "Chunk Finished?"}): "Restore Attachments",
    frozenset({"Compare Coverage", "Look At The Account Again?", "Wait For The Account To Arrive"}): (
        "Wait For The Account To Arrive"
    ),
}
"""Every way round, and what in it takes its time: a wait, or a task that uses up its own or gets further."""

NO_PARTS = {"$", None, "$.notification"}
"""Where nothing is put that a run consists of."""

ONCE = {
    frozenset({*_DESCRIBED, "Record Attachments"}),
    frozenset({*_DESCRIBED, "Record Attachments", "Record Incident"}),
}
"""The ways round that are gone once: what the ledger has refused is not offered to it again."""

HISTORY_GOAL = 20_000
EVENTS_OF_AN_ATTEMPT = 3
"""A function that is given directly: scheduled, started, ended. Source: API reference, "HistoryEvent"."""
EVENTS_OF_A_STATE = 2
"""Entered and exited."""
PLACEMENTS = 5_000


@pytest.mark.parametrize("name", STATES)
def test_what_a_state_reads_is_always_set(name: str) -> None:
    assert reads(STATES[name]) - ALWAYS_SET[name] - CONTEXT == set()


def test_the_item_of_the_map_is_read_within_the_map_only() -> None:
    readers = {name for name, state in STATES.items() if "$$.Map.Item.Value" in reads(state)}

    assert readers == {"Each Chunk"}


def test_a_chunk_begins_as_the_task_hands_it_back() -> None:
    assert {key.removesuffix(".$") for key in STATES["Each Chunk"]["ItemSelector"]} == (
        CHUNK_DOCUMENT.keys() - {"attached", "finished"}
    )


def test_every_part_of_a_run_stands_where_the_run_is_read_from() -> None:
    parts = {path for state in STATES.values() if (path := state.get("ResultPath", "$")) not in NO_PARTS}

    assert parts == {"$.drift", "$.types", "$.policies", "$.attachments", "$.wiring", "$.coverage"}
    assert all(hasattr(parse_reconciliation(RUN.to_document()), path[2:]) for path in parts - {"$.drift"})


def test_an_input_that_was_never_read_is_told_from_a_run() -> None:
    """Take Turn's failure hands the raw input to Describe Reconciliation."""
    assert [is_reconciliation(document) for document in ({"dry_run": True}, RUN.to_document())] == [
        False,
        True,
    ]


def test_every_error_is_caught_where_the_run_can_go_on() -> None:
    caught = {
        name: [(target, path) for target, path in caught_by(state)]
        for name, state in STATES.items()
        if "Catch" in state
    }

    assert caught == {
        "Take Turn": [("Describe Reconciliation", "$.error")],
        "Find Drift": [("Describe Reconciliation", "$.error")],
        "Restore Policy Types": [("Restore Policies", "$.types_error")],
        "Restore Policies": [("Each Chunk", "$.policies_error")],
        "Restore Attachments": [("Chunk Done", "$.error")],
        "Each Chunk": [("Whole Baseline?", "$.attachments_error")],
        "Check Wiring": [("Describe Reconciliation", "$.wiring_error")],
        "Compare Coverage": [("Describe Reconciliation", "$.error")],
        "Describe Reconciliation": [("Notify Plainly", "$.error")],
        "Record Attachments": [("Describe Reconciliation", "$.record_error")],
        "Record Incident": [
            ("Told As Failure?", "$.duplicate_error"),
            ("Describe Reconciliation", "$.record_error"),
        ],
        "Notify Success": [("Notification Failed", "$.error")],
        "Notify Failure": [("Notification Failed", "$.error")],
        "Publish Incident": [("Told As Failure?", "$.publication_error")],
        "Notify Plainly": [("Notification Failed", "$.error")],
    }


def test_where_a_run_ends() -> None:
    ends = {
        name: state.get("Error", state["Type"])
        for name, state in STATES.items()
        if state["Type"] in {"Succeed", "Fail"} or state.get("End")
    }

    assert ends == {
        "Nothing To Do": "Succeed",
        "Chunk Done": "Succeed",
        "Nothing To Tell": "Succeed",
        "Told": "Succeed",
        "Reconciliation Failed": "ReconciliationFailed",
        "Description Failed": "ReconciliationFailed",
        "Notification Failed": "NotificationFailed",
        "Publication Failed": "PublicationFailed",
    }


def test_only_what_nobody_was_told_of_ends_with_another_name() -> None:
    pattern = TEMPLATE["Resources"]["UntoldEndRule"]["Properties"]["EventPattern"]["Fn::Sub"]
    untold = {"NotificationFailed", "PublicationFailed"}
    told = {state["Error"] for name, state in STATES.items() if state["Type"] == "Fail"} - untold

    assert told == {"ReconciliationFailed"}
    assert all(f'"{error}"' in pattern for error in told)
    assert not any(f'"{error}"' in pattern for error in untold)


@pytest.mark.parametrize("name", ["Notify Success", "Notify Failure"])
def test_a_notification_is_published_with_all_its_attributes(name: str) -> None:
    assert STATES[name]["Parameters"] == {
        "TopicArn": "${OutcomeTopicArn}",
        "Subject.$": "$.notification.subject",
        "MessageStructure": "json",
        "Message.$": "$.notification.message",
        "MessageAttributes": {
            key: {"DataType": "String", "StringValue.$": f"$.notification.attributes.{key}"}
            for key in NOTIFICATION["attributes"]
        },
    }


def test_the_plain_notification_has_the_same_attributes_and_reads_what_is_always_there() -> None:
    plain = STATES["Notify Plainly"]

    assert plain["Parameters"]["MessageAttributes"].keys() == NOTIFICATION["attributes"].keys()
    assert reads(plain) == {
        "$$.Execution.Id",
        "$$.StateMachine.Name",
        "$$.Execution.StartTime",
        "$.error.Error",
    }


@pytest.mark.parametrize(
    ("choice", "variable", "values", "default"),
    [
        ("Which Way?", "$.route", set(Route) - {Route.NOTHING}, "Nothing To Do"),
        ("What Next?", "$.drift.stage", set(Stage) - {Stage.CLEAN}, "Whole Baseline?"),
        ("Whole Baseline?", "$.trigger.scope.kind", {ScopeKind.ALL}, "Describe Reconciliation"),
    ],
)
def test_a_choice_names_every_value_but_that_of_its_default(
    choice: str, variable: str, values: set[str], default: str
) -> None:
    asked = STATES[choice]["Choices"]

    assert {rule["Variable"] for rule in asked} == {variable}
    assert {rule["StringEquals"] for rule in asked} == {str(value) for value in values}
    assert STATES[choice]["Default"] == default


def test_every_way_round_takes_its_time() -> None:
    graphs = [
        {name: list(_ways_on(state)) for name, state in part["States"].items()} for part in RECONCILE.parts
    ]
    rounds = {frozenset(way) for graph in graphs for way in _ways_round(graph)}

    assert rounds == ROUNDS.keys() | ONCE
    assert STATES["Left Unrecorded?"]["Choices"] == [
        {"Variable": "$.notification.recorded", "BooleanEquals": False, "Next": "Failed?"}
    ]
    assert left_unrecorded(NOTIFICATION, Failure("Refused", "No."))["recorded"] is False
    assert all(slow in way and STATES[slow]["Type"] in {"Wait", "Task"} for way, slow in ROUNDS.items())


def _ways_on(state: Mapping[str, Any]) -> Iterator[str]:
    yield from targets(state)
    yield from (target for target, _ in caught_by(state))


def _ways_round(graph: Mapping[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """Yield every way that leads back to where it began, and meets no state twice."""

    def go_on(way: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for following in graph[way[-1]]:
            if following == way[0]:
                yield way
            elif following not in way:
                yield from go_on((*way, following))

    for name in graph:
        yield from go_on((name,))


def test_a_round_ends_before_its_function_does() -> None:
    timeouts = {
        state: TEMPLATE["Resources"][function]["Properties"]["Timeout"]
        for state, function in RECONCILE.function_of_task.items()
    }

    assert timeouts["Find Drift"] > SLICE
    assert timeouts["Restore Attachments"] > BUDGET


def test_waiting_for_an_event_to_show_is_a_few_looks() -> None:
    pause = STATES["Wait For Changes To Settle"]["Seconds"]

    assert (EVENT_PATIENCE.total_seconds() / pause, TYPE_PATIENCE.total_seconds() / pause) == (3, 45)


def test_restoring_gives_up_after_half_an_hour_without_any_progress() -> None:
    assert ROUNDS_WITHOUT_PROGRESS * BUDGET >= 1_800


def test_a_turn_is_waited_for_longer_than_restoring_5000_attachments_takes() -> None:
    """Two attachments a second; full jitter halves each delay on average."""
    (retrier,) = [
        retrier for retrier in TASKS["Take Turn"]["Retry"] if "TurnPendingError" in retrier["ErrorEquals"]
    ]

    assert retrier["MaxAttempts"] * retrier["MaxDelaySeconds"] / 2 > 2 * PLACEMENTS / 2


def attempts(name: str) -> int:
    """Return how often a task is tried at most."""
    retries: list[int] = [retrier["MaxAttempts"] for retrier in TASKS[name]["Retry"]]
    return 1 + sum(retries)


def test_a_run_that_uses_up_every_retry_of_every_state_once_keeps_within_the_history() -> None:
    """It waits hours for its turn, reads a large baseline in slices, waits a quarter of an hour, looks twice.

    It restores 5,000 attachments, each chunk in three rounds, and outlasts the trouble of every state.
    """
    retried = sum(attempts(name) for name in TASKS) * EVENTS_OF_AN_ATTEMPT
    states = 2 * len(STATES) * EVENTS_OF_A_STATE
    round_events = EVENTS_OF_AN_ATTEMPT + 2 * EVENTS_OF_A_STATE
    slices = 50 + TYPE_PATIENCE.total_seconds() / STATES["Wait For Changes To Settle"]["Seconds"]
    chunks = PLACEMENTS / CHUNK
    iterations = chunks * (2 + EVENTS_OF_A_STATE)

    assert (
        retried
        + states
        + slices * (round_events + EVENTS_OF_A_STATE)
        + iterations
        + (3 * chunks * round_events)
        < HISTORY_GOAL
    )


def test_what_never_ends_is_ended_before_the_history_is_full() -> None:
    """A rival who spends the whole rate makes each round use up its time without getting further."""
    rounds = DEFINITION["TimeoutSeconds"] / BUDGET

    assert rounds * (EVENTS_OF_AN_ATTEMPT + 2 * EVENTS_OF_A_STATE) < HISTORY_GOAL


def test_coverage_says_whether_to_look_again() -> None:
    asked = STATES["Look At The Account Again?"]["Choices"]
    fields = {*Coverage.__dataclass_fields__, "stage"}

    assert [rule["Variable"].removeprefix("$.coverage.") in fields for rule in asked] == [True]
    assert STATES["Wait For The Account To Arrive"]["Seconds"] == 1_800

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import take_turn
from holdfast.errors import (
    BaselineError,
    ForeignEventError,
    MalformedEventError,
    ServiceBusyError,
    ServiceRefusedError,
    SettingsError,
    TurnPendingError,
)
from holdfast.memory import Memory
from holdfast.reconciliation.executions import Executions
from holdfast.reconciliation.run import Reconciliation, parse_reconciliation
from holdfast.reconciliation.trigger import Route, parse_trigger
from tests.unit.examples import example_baseline
from tests.unit.mocked_services import KnownSuccessors, mocked_memory
from tests.unit.tampering import change_event

TASKS = Path(__file__).parents[2] / "events" / "tasks"

BUSY = ServiceBusyError("ssm", "GetParametersByPath", "ThrottlingException", "slow down")
REFUSED = ServiceRefusedError("dynamodb", "GetItem", "ResourceNotFoundException", "no table")
DELETE_REGIONS = change_event("DeletePolicy")


class KnownExecutions(Executions):
    """Executions of which it is known who is under way."""

    def __init__(self, *under_way: str) -> None:
        self.under_way = set(under_way)

    def is_running(self, execution_arn: str) -> bool:
        """Tell it."""
        return execution_arn in self.under_way


class CrowdedMemory(Memory):
    """A memory in which somebody else is faster, some times."""

    def __init__(self, memory: Memory, overtake: Callable[[], None], times: int) -> None:
        super().__init__(memory._client, memory._table)
        self._overtake = overtake
        self.left = times

    def remember(
        self, name: str, content: Mapping[str, Any], *, instead_of: Mapping[str, Any] | None
    ) -> bool:
        """Let the other one write first."""
        if self.left:
            self.left -= 1
            self._overtake()
        return super().remember(name, content, instead_of=instead_of)


class ForgetfulMemory(Memory):
    """A memory that cannot be reached."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def recall(self, name: str) -> Mapping[str, Any] | None:  # noqa: ARG002 - it forgets all names
        """Refuse."""
        raise self.error


@pytest.fixture(name="memory")
def _memory() -> Iterator[Memory]:
    with mocked_memory() as memory:
        yield memory


@pytest.fixture(name="executions")
def _executions() -> KnownExecutions:
    return KnownExecutions("run-a", "run-b", "run-c", "run-d")


@pytest.fixture(autouse=True)
def _deployed(monkeypatch: pytest.MonkeyPatch, memory: Memory, executions: KnownExecutions) -> None:
    """Deploy the function with the example baseline."""
    monkeypatch.setenv("MODE", "remediate")
    monkeypatch.setenv("ORGANIZATION_ID", "o-far1coz49w")
    monkeypatch.setenv("MANAGEMENT_ACCOUNT_ID", "111122223333")
    monkeypatch.setenv("HOST_ACCOUNT_ID", "111122223333")
    monkeypatch.setattr(take_turn, "load_baseline", lambda _: example_baseline())
    monkeypatch.setattr(take_turn, "connect_memory", lambda: memory)
    monkeypatch.setattr(take_turn, "connect_executions", lambda: executions)
    adopt(monkeypatch, {})


def adopt(monkeypatch: pytest.MonkeyPatch, known: Mapping[str, str] | Exception) -> None:
    monkeypatch.setattr(take_turn, "connect_successors", lambda: KnownSuccessors(known))


def run_of(document: object, execution: str = "run-a") -> Reconciliation:
    """Return the run that Lambda would hand to the state machine."""
    answer = take_turn.handler({"input": document, "execution": execution}, None)
    return parse_reconciliation(json.loads(json.dumps(answer)))


def route_of(document: object, execution: str = "run-a") -> Route:
    return run_of(document, execution).route


def claim_of(memory: Memory, key: str = "all") -> Mapping[str, Any] | None:
    return memory.recall(f"turn/{key}")


def test_the_first_run_goes_and_its_document_says_what_for(memory: Memory) -> None:
    run = run_of({"cause": "schedule"})
    assert run == Reconciliation(
        trigger=parse_trigger({"cause": "schedule"}),
        route=Route.RECONCILE,
        organization="o-far1coz49w",
        baseline_version=example_baseline().version,
        began_at=run.began_at,
    )
    assert claim_of(memory) == {"running": "run-a", "waiting": None}


def test_the_example_of_its_input_is_a_look_at_the_whole_baseline() -> None:
    """So that `sam local invoke TakeTurnFunction` has something to begin with."""
    answer = take_turn.handler(json.loads((TASKS / "take_turn.json").read_text()), None)
    assert (answer["route"], answer["trigger"]["scope"]["kind"]) == ("reconcile", "all")


def test_an_event_flows_on_in_the_runs_document() -> None:
    assert run_of(DELETE_REGIONS).trigger == parse_trigger(DELETE_REGIONS)


def test_a_second_run_waits_and_a_third_one_leaves(memory: Memory) -> None:
    run_of({})
    with pytest.raises(TurnPendingError) as raised:
        run_of({}, "run-b")
    assert str(raised.value) == "another run of scope 'all' is under way"
    assert route_of({}, "run-c") is Route.NOTHING
    assert claim_of(memory) == {"running": "run-a", "waiting": "run-b"}


def test_whoever_waits_goes_once_the_other_one_has_ended(executions: KnownExecutions) -> None:
    run_of({})
    with pytest.raises(TurnPendingError):
        run_of({}, "run-b")
    executions.under_way.remove("run-a")
    assert route_of({}, "run-b") is Route.RECONCILE
    with pytest.raises(TurnPendingError):
        run_of({}, "run-c")


def test_an_execution_that_died_keeps_nobody_from_going(executions: KnownExecutions) -> None:
    run_of({})
    with pytest.raises(TurnPendingError):
        run_of({}, "run-b")
    executions.under_way -= {"run-a", "run-b"}
    assert route_of({}, "run-c") is Route.RECONCILE


def test_a_function_that_is_run_again_gives_its_execution_the_same_answer(memory: Memory) -> None:
    assert [route_of({}), route_of({})] == [Route.RECONCILE, Route.RECONCILE]
    for _ in range(2):
        with pytest.raises(TurnPendingError):
            run_of({}, "run-b")
    assert claim_of(memory) == {"running": "run-a", "waiting": "run-b"}


def test_runs_of_other_scopes_go_beside_each_other() -> None:
    documents = [{}, DELETE_REGIONS, change_event("DisablePolicyType"), change_event("AttachPolicy")]
    routes = [route_of(document, f"run-{name}") for document, name in zip(documents, "abcd", strict=True)]
    assert routes == [Route.RECONCILE] * 4


def test_a_dry_run_takes_no_other_runs_turn(memory: Memory) -> None:
    """Whoever is to restore must not rely on one that only looks."""
    assert route_of({"dry_run": True}) is Route.RECONCILE
    assert route_of({}, "run-b") is Route.RECONCILE
    assert claim_of(memory, "all/dry run") == {"running": "run-a", "waiting": None}


def test_a_run_at_once_waits_for_no_run_that_looks_twice(memory: Memory) -> None:
    request = {"scope": {"kind": "policy", "subject": "p-7dj3cien"}}
    assert route_of(request) is Route.RECONCILE
    assert route_of({**request, "at_once": True}, "run-b") is Route.RECONCILE
    with pytest.raises(TurnPendingError):
        run_of({**request, "at_once": True}, "run-c")
    assert claim_of(memory, "policy/p-7dj3cien/at once") == {"running": "run-b", "waiting": "run-c"}


@pytest.mark.parametrize("others", [1, 4])
def test_whoever_is_overtaken_asks_again(
    monkeypatch: pytest.MonkeyPatch, memory: Memory, others: int
) -> None:
    """Each time another run goes first, and ends before this one has asked again."""

    def overtake() -> None:
        known = memory.recall("turn/all")
        memory.remember("turn/all", {"running": f"other-{crowded.left}"}, instead_of=known)

    crowded = CrowdedMemory(memory, overtake, others)
    monkeypatch.setattr(take_turn, "connect_memory", lambda: crowded)
    assert route_of({}) is Route.RECONCILE
    assert claim_of(memory) == {"running": "run-a", "waiting": None}


def test_two_runs_that_ask_at_once_never_both_go(monkeypatch: pytest.MonkeyPatch, memory: Memory) -> None:
    def overtake() -> None:
        memory.remember("turn/all", {"running": "run-b", "waiting": None}, instead_of=None)

    monkeypatch.setattr(take_turn, "connect_memory", lambda: CrowdedMemory(memory, overtake, 1))
    with pytest.raises(TurnPendingError):
        run_of({})
    assert claim_of(memory) == {"running": "run-b", "waiting": "run-a"}


def test_whoever_is_overtaken_again_and_again_waits(monkeypatch: pytest.MonkeyPatch, memory: Memory) -> None:
    def overtake() -> None:
        known = memory.recall("turn/all")
        memory.remember("turn/all", {"running": f"other-{crowded.left}"}, instead_of=known)

    crowded = CrowdedMemory(memory, overtake, 100)
    monkeypatch.setattr(take_turn, "connect_memory", lambda: crowded)
    with pytest.raises(TurnPendingError) as raised:
        run_of({})
    assert str(raised.value) == "other runs of scope 'all' were faster 5 times"


def test_what_does_not_concern_the_baseline_is_not_remembered(memory: Memory) -> None:
    assert route_of(change_event("DeletePolicy", policyId="p-stranger1")) is Route.NOTHING
    assert claim_of(memory, "policy/p-stranger1") is None


def test_a_policy_made_again_concerns_the_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    adopt(monkeypatch, {"p-7dj3cien": "p-madeagain1"})
    assert route_of(change_event("DeletePolicy", policyId="p-madeagain1")) is Route.RECONCILE


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("MoveAccount", Route.COMPARE_COVERAGE),
        ("AccountJoinedOrganization", Route.COMPARE_COVERAGE),
        ("AccountDepartedOrganization", Route.REPORT),
        ("RegisterDelegatedAdministrator", Route.REPORT),
        ("PutResourcePolicy", Route.REPORT),
    ],
)
def test_what_is_about_one_event_needs_no_turn(
    monkeypatch: pytest.MonkeyPatch, name: str, route: Route
) -> None:
    monkeypatch.setattr(take_turn, "connect_memory", lambda: ForgetfulMemory(BUSY))
    assert route_of(change_event(name)) is route


def test_without_its_memory_a_run_goes_rather_than_being_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(take_turn, "connect_memory", lambda: ForgetfulMemory(REFUSED))
    assert route_of({}) is Route.RECONCILE
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"goes without a turn: {REFUSED}")
    ]


def test_a_memory_that_is_busy_is_asked_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_turn, "connect_memory", lambda: ForgetfulMemory(BUSY))
    with pytest.raises(ServiceBusyError):
        run_of({})


@pytest.mark.parametrize("error", [BUSY, REFUSED])
def test_without_the_successors_nobody_knows_what_is_protected(
    monkeypatch: pytest.MonkeyPatch, memory: Memory, error: Exception
) -> None:
    adopt(monkeypatch, error)
    with pytest.raises(type(error)):
        run_of({})
    assert claim_of(memory) is None


def test_an_event_of_another_account_is_refused() -> None:
    event = change_event("DeletePolicy")
    event["detail"]["recipientAccountId"] = "351880565513"
    with pytest.raises(ForeignEventError) as raised:
        run_of(event)
    assert str(raised.value) == "detail.recipientAccountId: got 351880565513, expected 111122223333"


def test_an_event_that_began_in_another_account_is_refused_whatever_its_record_says() -> None:
    with pytest.raises(ForeignEventError) as raised:
        run_of(change_event("DeletePolicy") | {"account": "351880565513"})
    assert str(raised.value) == "account: got 351880565513, expected 111122223333"


def test_a_baseline_of_another_organization_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(example_baseline(), organization="o-otherexample")
    monkeypatch.setattr(take_turn, "load_baseline", lambda _: other)
    with pytest.raises(BaselineError) as raised:
        run_of({"cause": "schedule"})
    assert str(raised.value) == (
        "organization: got o-otherexample, expected o-far1coz49w, the parameter OrganizationId"
    )


@pytest.mark.parametrize("document", [None, "now", {"when": "now"}, {"detail": {}}])
def test_an_input_that_cannot_be_read_is_refused(document: object) -> None:
    with pytest.raises(MalformedEventError):
        run_of(document)


def test_a_wrong_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODE")
    with pytest.raises(SettingsError):
        run_of({})


def test_a_claim_that_somebody_tampered_with_keeps_no_run_from_going(memory: Memory) -> None:
    item = {"name": {"S": "turn/all"}, "content": {"S": "not a claim"}}
    memory._client.put_item(TableName=memory._table, Item=item)
    assert [route_of({"cause": "schedule"}, execution) for execution in ("run-a", "run-b")] == [
        Route.RECONCILE,
        Route.RECONCILE,
    ]

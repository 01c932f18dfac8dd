from __future__ import annotations

import json
import textwrap
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.moto_api._internal.models import moto_api_backend
from moto.stepfunctions.parser.utils import TMP_THREADS

from localaws import executions
from localaws.clock import SkippingClock, WallClock
from localaws.endpoint import Endpoint
from localaws.executions import Executions
from localaws.faults import Faults, FunctionFault
from localaws.functions import Functions, FunctionSpec, Surroundings
from localaws.gateway import INTERNAL_KEY_PREFIX, ApiError, Gateway
from localaws.identities import Credentials
from localaws.interpreter import Clients, Interpreter, replacements
from localaws.moto_names import find
from localaws.state_errors import sdk_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localaws.clock import Clock

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/machine"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:task"
TOPIC = "arn:aws:sns:us-east-1:123456789012:absent"
CATCH_ALL = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}]
CAUGHT = {"Type": "Pass", "End": True}
CODE = """
    calls = 0

    class NotYetError(Exception):
        pass

    def handler(event, context):
        global calls
        calls += 1
        if calls <= event.get("failures", 0):
            raise NotYetError(f"call {calls}")
        if "bytes" in event:
            return "x" * event["bytes"]
        return {"calls": calls}
"""


class Lab:
    """An interpreter behind an endpoint, one function, and clients."""

    def __init__(self, clock: Clock, folder: Path) -> None:
        self.clock = clock
        self.faults = Faults()
        self.changes: list[dict[str, Any]] = []
        self.dead: set[str] = set()
        self.endpoint = Endpoint(clock, "127.0.0.1", 0)
        self.functions = self._functions(folder)
        self.endpoint.serve(Gateway([self.faults, self.functions], clock))
        self.interpreter = Interpreter()
        self.interpreter.install(clock, self._connect, self.changes.append)
        self.states = self._client("stepfunctions", "AKIAIOSFODNN7EXAMPLE")

    def start(self, states: dict[str, Any], event: Any = None, **definition: Any) -> str:
        """Start an execution of a definition of these states, and return its ARN."""
        text = json.dumps({"StartAt": next(iter(states)), "States": states, **definition})
        name = f"machine-{len(self.states.list_state_machines()['stateMachines'])}"
        machine = self.states.create_state_machine(name=name, definition=text, roleArn=ROLE)
        started = self.states.start_execution(
            stateMachineArn=machine["stateMachineArn"], input=json.dumps({} if event is None else event)
        )
        return str(started["executionArn"])

    def run(self, states: dict[str, Any], event: Any = None, **definition: Any) -> dict[str, Any]:
        """Return the description of an execution that has ended."""
        arn = self.start(states, event, **definition)
        self.clock.settle()
        return dict(self.states.describe_execution(executionArn=arn))

    def output(self, states: dict[str, Any], event: Any = None) -> Any:
        """Return what an execution succeeds with."""
        done = self.run(states, event)
        assert done["status"] == "SUCCEEDED", (done["error"], done.get("cause"))
        return json.loads(done["output"])

    def failure(self, states: dict[str, Any], event: Any = None) -> tuple[str, str]:
        """Return the error and the cause that an execution fails with."""
        done = self.run(states, event)
        assert done["status"] == "FAILED", done["status"]
        return done["error"], done["cause"]

    def history(self, arn: str) -> list[str]:
        """Return the types of an execution's events."""
        events = self.states.get_execution_history(executionArn=arn)["events"]
        return [event["type"] for event in events]

    def seconds(self) -> float:
        """Return how much time has passed on the clock."""
        return (self.clock.now() - START).total_seconds()

    def close(self) -> None:
        """End everything."""
        self.interpreter.uninstall()
        self.functions.close()
        self.endpoint.close()

    def _functions(self, folder: Path) -> Functions:
        (folder / "task.py").write_text(textwrap.dedent(CODE))
        surroundings = Surroundings(
            self.endpoint.url,
            "us-east-1",
            lambda _role, _session: Credentials("a", "b", "c"),
            lambda *_: None,
        )
        functions = Functions(self.clock, self.faults, surroundings)
        functions.register(FunctionSpec("TaskFunction", "task", "task.handler", folder, ROLE))
        return functions

    def _connect(self, service: str) -> Any:
        return self._client(service, f"{INTERNAL_KEY_PREFIX}TEST")

    def _client(self, service: str, key: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url="http://127.0.0.1:1" if service in self.dead else self.endpoint.url,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=4000, parameter_validation=False),
        )


@contextmanager
def opened(clock: Clock, folder: Path) -> Iterator[Lab]:
    moto_api_backend.reset()
    lab = Lab(clock, folder)
    try:
        yield lab
    finally:
        lab.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with opened(SkippingClock(START), tmp_path) as lab:
        yield lab


def task(resource: str = FUNCTION, /, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "End": True, **fields}


def retry(*errors: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"ErrorEquals": list(errors), "IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 9, **fields}]


# --- The table ---

TABLE = replacements(
    SkippingClock(), Clients(lambda _: boto3.client("sts")), Executions(SkippingClock(), lambda _: None)
)


@pytest.mark.parametrize(("module", "name"), TABLE)
def test_moto_still_has_every_name_that_is_replaced(module: str, name: str) -> None:
    owner, last, value = find(module, name)

    assert vars(owner)[last] is value


def test_a_name_that_moto_lacks_is_told() -> None:
    with pytest.raises(LookupError, match=r"no Program\.gone in moto\.stepfunctions\.parser\.asl"):
        find("stepfunctions.parser.asl.component.program.program", "Program.gone")


def test_uninstalling_puts_every_name_back(tmp_path: Path) -> None:
    before = {place: find(*place)[2] for place in TABLE}

    with opened(SkippingClock(), tmp_path):
        changed = [place for place, value in before.items() if find(*place)[2] is value]

    assert changed == []
    assert {place: find(*place)[2] for place in TABLE} == before


def test_only_one_interpreter_is_installed_at_a_time(lab: Lab) -> None:
    with pytest.raises(RuntimeError, match="installed already"):
        Interpreter().install(lab.clock, lab._connect, print)


def test_uninstalling_stops_what_runs_without_a_word(tmp_path: Path) -> None:
    with opened(WallClock(), tmp_path) as lab:
        lab.start({"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}})
        lab.interpreter.uninstall()
        lab.clock.settle(5)

    assert [change["status"] for change in lab.changes] == ["RUNNING"]


# --- Time ---


def test_retries_wait_on_the_clock_with_growing_intervals(lab: Lab) -> None:
    output = lab.output({"Task": task(Retry=retry("NotYetError", MaxDelaySeconds=5))}, {"failures": 3})

    assert output == {"calls": 4}
    assert lab.seconds() == 2 + 4 + 5


def test_full_jitter_is_any_part_of_the_interval(lab: Lab) -> None:
    lab.output({"Task": task(Retry=retry("NotYetError", JitterStrategy="FULL"))}, {"failures": 3})

    assert 0 < lab.seconds() < 2 + 4 + 8
    assert lab.seconds() != int(lab.seconds())


def test_retries_that_are_used_up_leave_the_error(lab: Lab) -> None:
    error, cause = lab.failure({"Task": task(Retry=retry("NotYetError", MaxAttempts=2))}, {"failures": 9})

    assert error == "NotYetError"
    assert json.loads(cause)["errorMessage"] == "call 3"


@pytest.mark.parametrize(
    "until",
    [
        {"Seconds": 5400},
        {"SecondsPath": "$.seconds"},
        {"Timestamp": "2026-11-22T10:30:00Z"},
        {"TimestampPath": "$.moment"},
    ],
)
def test_a_wait_takes_its_time_on_the_clock(lab: Lab, until: dict[str, Any]) -> None:
    event = {"seconds": 5400, "moment": "2026-11-22T10:30:00.000Z"}

    lab.output({"Wait": {"Type": "Wait", "End": True, **until}}, event)

    assert lab.seconds() == 5400


def test_a_wait_until_a_time_that_is_no_whole_seconds_away_ends(lab: Lab) -> None:
    with lab.clock.working():
        lab.clock.sleep(0.3)

    lab.output({"Wait": {"Type": "Wait", "Timestamp": "2026-11-22T09:00:10Z", "End": True}})

    assert lab.seconds() == pytest.approx(10.3)


def test_a_wait_until_a_time_that_has_passed_ends_at_once(lab: Lab) -> None:
    lab.output({"Wait": {"Type": "Wait", "Timestamp": "2026-11-22T08:00:00Z", "End": True}})

    assert lab.seconds() == 0


def test_a_function_that_does_not_answer_is_a_timeout_of_the_task(lab: Lab) -> None:
    lab.faults.fail_function("TaskFunction", FunctionFault.NO_ANSWER)

    output = lab.output({"Task": task(TimeoutSeconds=30, Catch=CATCH_ALL), "Caught": CAUGHT})

    assert output["error"]["Error"] == "States.Timeout"
    assert lab.changes[-1]["stopDate"] - lab.changes[0]["startDate"] == 30_000


def test_a_task_is_tried_again_after_its_timeout(lab: Lab) -> None:
    lab.faults.fail_function("TaskFunction", FunctionFault.NO_ANSWER, times=2)

    arn = lab.start({"Task": task(TimeoutSeconds=30, Retry=retry("States.Timeout"))})
    lab.clock.settle()

    assert lab.history(arn).count("LambdaFunctionTimedOut") == 2
    assert lab.history(arn)[-1] == "ExecutionSucceeded"
    assert lab.changes[-1]["stopDate"] - lab.changes[0]["startDate"] == (30 + 2 + 30 + 4) * 1000


def test_an_execution_ends_at_its_own_timeout_whatever_its_task_does(lab: Lab) -> None:
    lab.faults.fail_function("TaskFunction", FunctionFault.NO_ANSWER)

    done = lab.run({"Task": task(Catch=CATCH_ALL), "Caught": CAUGHT}, TimeoutSeconds=60)

    assert done["status"] == "TIMED_OUT"
    assert done["stopDate"] == START + timedelta(seconds=60)
    assert [change["status"] for change in lab.changes] == ["RUNNING", "TIMED_OUT"]
    assert lab.changes[-1]["stopDate"] - lab.changes[0]["startDate"] == 60_000
    assert lab.history(done["executionArn"])[-2:] == ["LambdaFunctionStarted", "ExecutionTimedOut"]


def test_a_task_token_that_nobody_returns_is_a_timeout(lab: Lab) -> None:
    waiting = task(
        "arn:aws:states:::lambda:invoke.waitForTaskToken",
        Parameters={"FunctionName": "task", "Payload": {"token.$": "$$.Task.Token"}},
        TimeoutSeconds=7200,
    )

    assert lab.run({"Task": waiting})["error"] == "States.Timeout"
    assert lab.seconds() == 7200


def test_the_context_object_tells_the_clocks_time_as_aws_writes_it(lab: Lab) -> None:
    context = {
        "name.$": "$$.Execution.Name",
        "started.$": "$$.Execution.StartTime",
        "entered.$": "$$.State.EnteredTime",
        "machine.$": "$$.StateMachine.Name",
    }
    states = {
        "Wait": {"Type": "Wait", "Seconds": 90, "Next": "Show"},
        "Show": {"Type": "Pass", "Parameters": context, "End": True},
    }

    output = lab.output(states)

    assert len(output.pop("name")) == 36
    assert output == {
        "started": "2026-11-22T09:00:00.000Z",
        "entered": "2026-11-22T09:01:30.000Z",
        "machine": "machine-0",
    }


def test_an_execution_can_be_looked_at_while_it_is_being_started(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    parse = executions._parse_once

    def parse_slowly(definition: str) -> Any:
        (machine,) = lab.states.list_state_machines()["stateMachines"]
        arn = machine["stateMachineArn"]
        for execution in lab.states.list_executions(stateMachineArn=arn)["executions"]:
            history = lab.states.get_execution_history(executionArn=execution["executionArn"])
            seen.append((execution["status"], history["events"]))
        return parse(definition)

    monkeypatch.setattr(executions, "_parse_once", parse_slowly)

    assert lab.run({"Do": {"Type": "Pass", "End": True}})["status"] == "SUCCEEDED"
    assert seen == [("RUNNING", [])]


def test_the_history_has_the_clocks_time(lab: Lab) -> None:
    done = lab.run({"Wait": {"Type": "Wait", "Seconds": 90, "End": True}})

    events = lab.states.get_execution_history(executionArn=done["executionArn"])["events"]
    assert events[0]["timestamp"] == START
    assert events[-1]["timestamp"] == START + timedelta(seconds=90)
    assert done["startDate"] == START
    assert done["stopDate"] == START + timedelta(seconds=90)


# --- Units of work ---


def branch(seconds: int) -> dict[str, Any]:
    wait = {"Type": "Wait", "Seconds": seconds, "Next": "Done"}
    return {
        "StartAt": "Wait",
        "States": {"Wait": wait, "Done": {"Type": "Pass", "Result": seconds, "End": True}},
    }


def test_branches_wait_side_by_side(lab: Lab) -> None:
    both = {"Type": "Parallel", "Branches": [branch(20), branch(10)], "End": True}

    assert lab.output({"Both": both}) == [20, 10]
    assert lab.seconds() == 20


@pytest.mark.parametrize(("at_once", "seconds"), [(0, 10), (1, 30), (2, 20)])
def test_iterations_wait_side_by_side_as_far_as_they_may(lab: Lab, at_once: int, seconds: float) -> None:
    each = {"Type": "Map", "ItemProcessor": branch(10), "MaxConcurrency": at_once, "End": True}

    assert lab.output({"Each": each}, [1, 2, 3]) == [10, 10, 10]
    assert lab.seconds() == seconds


def test_a_map_over_nothing_is_empty(lab: Lab) -> None:
    assert lab.output({"Each": {"Type": "Map", "ItemProcessor": branch(10), "End": True}}, []) == []


def test_a_failed_branch_ends_the_others_without_a_trace(lab: Lab) -> None:
    failing = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "Broken"}}}
    both = {"Type": "Parallel", "Branches": [branch(600), failing], "Catch": CATCH_ALL, "End": True}

    arn = lab.start({"Both": both, "Caught": CAUGHT})
    lab.clock.settle()

    assert lab.history(arn)[-1] == "ExecutionSucceeded"
    assert "PassStateEntered" in lab.history(arn)
    assert lab.history(arn).count("WaitStateExited") == 0
    assert lab.changes[-1]["stopDate"] == lab.changes[0]["startDate"]


@pytest.mark.parametrize("kind", ["Parallel", "Map"])
def test_a_timeout_leaves_a_branch_under_its_own_name(lab: Lab, kind: str) -> None:
    lab.faults.fail_function("TaskFunction", FunctionFault.NO_ANSWER)
    inner = {"StartAt": "Task", "States": {"Task": task(TimeoutSeconds=30)}}
    parts = {"Branches": [inner]} if kind == "Parallel" else {"ItemProcessor": inner}
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Caught"}]

    output = lab.output(
        {"Outer": {"Type": kind, **parts, "Catch": catch, "End": True}, "Caught": CAUGHT}, [1]
    )

    assert output["Error"] == "States.Timeout"


def test_many_executions_at_once_leave_no_unit_behind(lab: Lab) -> None:
    states = {
        "Task": task(TimeoutSeconds=30, Retry=retry("NotYetError"), Next="Wait"),
        "Wait": {"Type": "Wait", "Seconds": 10, "End": True},
    }
    del states["Task"]["End"]

    for _ in range(30):
        lab.start(states, {"failures": 5})
    lab.clock.settle()

    assert [change["status"] for change in lab.changes].count("SUCCEEDED") == 30
    assert TMP_THREADS == []


# --- Starting and stopping ---


def test_executions_without_a_name_get_one_each(lab: Lab) -> None:
    arn = lab.start({"Pass": CAUGHT})
    machine = lab.states.describe_execution(executionArn=arn)["stateMachineArn"]

    other = lab.states.start_execution(stateMachineArn=machine)["executionArn"]

    assert arn != other
    assert len(arn.rpartition(":")[2]) == len(other.rpartition(":")[2]) == 36


def test_the_same_name_and_input_is_the_same_execution_while_it_runs(lab: Lab) -> None:
    arn = lab.start({"Wait": {"Type": "Wait", "Seconds": 10, "End": True}})
    lab.clock.settle()
    machine = lab.states.describe_execution(executionArn=arn)["stateMachineArn"]
    lab.changes.clear()

    with lab.clock.working():
        first, second = (
            lab.states.start_execution(stateMachineArn=machine, name="one", input="{}") for _ in range(2)
        )
        with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
            lab.states.start_execution(stateMachineArn=machine, name="one", input='{"other": 1}')
    lab.clock.settle()

    assert first["executionArn"] == second["executionArn"]
    assert first["startDate"] == second["startDate"]
    assert [change["status"] for change in lab.changes] == ["RUNNING", "SUCCEEDED"]


def test_a_stopped_execution_is_aborted_at_once_with_the_callers_words(tmp_path: Path) -> None:
    with opened(WallClock(), tmp_path) as lab:
        arn = lab.start({"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}})

        stopped = lab.states.stop_execution(executionArn=arn, error="Enough", cause="by hand")

        done = lab.states.describe_execution(executionArn=arn)
        assert (done["status"], done["error"], done["cause"]) == ("ABORTED", "Enough", "by hand")
        assert done["stopDate"] == stopped["stopDate"]
        lab.clock.settle(5)
        assert lab.history(arn)[-1] == "ExecutionAborted"
        assert [change["status"] for change in lab.changes] == ["RUNNING", "ABORTED"]
        assert (lab.changes[-1]["error"], lab.changes[-1]["cause"]) == ("Enough", "by hand")


def test_an_execution_that_has_ended_cannot_be_stopped(lab: Lab) -> None:
    done = lab.run({"Pass": CAUGHT})

    stopped = lab.states.stop_execution(executionArn=done["executionArn"])

    assert stopped["stopDate"] == done["stopDate"]
    assert lab.states.describe_execution(executionArn=done["executionArn"])["status"] == "SUCCEEDED"


def test_the_status_changes_are_reported_as_aws_does(lab: Lab) -> None:
    done = lab.run({"Wait": {"Type": "Wait", "Seconds": 5, "End": True}}, {"a": 1})

    machine = {"stateMachineArn": done["stateMachineArn"], "name": done["name"]}
    start = int(START.timestamp() * 1000)
    common = {
        "executionArn": done["executionArn"],
        **machine,
        "startDate": start,
        "input": '{"a": 1}',
        "inputDetails": {"included": True},
        "error": None,
        "cause": None,
    }
    assert lab.changes == [
        {**common, "status": "RUNNING", "stopDate": None, "output": None, "outputDetails": None},
        {
            **common,
            "status": "SUCCEEDED",
            "stopDate": start + 5000,
            "output": '{"a":1}',
            "outputDetails": {"included": True},
        },
    ]


def test_a_failure_is_reported_with_its_error_and_cause(lab: Lab) -> None:
    lab.failure({"Fail": {"Type": "Fail", "Error": "RemediationFailed", "Cause": "no such target"}})

    change = lab.changes[-1]
    assert (change["status"], change["error"], change["cause"]) == (
        "FAILED",
        "RemediationFailed",
        "no such target",
    )
    assert change["output"] is None


# --- What nothing catches ---

GUARDED: dict[str, Any] = {"Retry": retry("States.ALL"), "Catch": CATCH_ALL}


@pytest.mark.parametrize(
    "fields",
    [
        {"Parameters": {"id.$": "$.absent"}},
        {"Parameters": {"text.$": "States.Format('{}', $.absent)"}},
        {"Parameters": {"id.$": "$$.Absent"}},
        {"InputPath": "$.absent"},
        {"ResultSelector": {"id.$": "$.absent"}},
        {"OutputPath": "$.absent"},
        {"TimeoutSecondsPath": "$.absent"},
    ],
)
def test_a_missing_path_is_a_runtime_error_that_nothing_catches(lab: Lab, fields: dict[str, Any]) -> None:
    error, cause = lab.failure({"Task": task(**GUARDED, **fields), "Caught": CAUGHT})

    assert error == "States.Runtime"
    assert cause.startswith("An error occurred while executing the state 'Task'")
    assert lab.seconds() == 0


def test_a_runtime_error_in_a_branch_is_not_caught_outside_either(lab: Lab) -> None:
    inner = {"StartAt": "Task", "States": {"Task": task(Parameters={"id.$": "$.absent"})}}
    outer = {"Type": "Parallel", "Branches": [inner], **GUARDED, "End": True}

    assert lab.failure({"Outer": outer, "Caught": CAUGHT})[0] == "States.Runtime"


@pytest.mark.parametrize(
    "rule", [{"StringEquals": "a"}, {"IsNull": True}, {"BooleanEquals": False}, {"IsString": False}]
)
def test_a_choice_without_its_variable_is_a_runtime_error(lab: Lab, rule: dict[str, Any]) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.absent", "Next": "Caught", **rule}],
        "Default": "Caught",
    }

    error, cause = lab.failure({"Choice": choice, "Caught": CAUGHT})

    assert error == "States.Runtime"
    assert "Invalid path '$.absent'" in cause


def test_a_variable_that_is_guarded_by_is_present_may_be_absent(lab: Lab) -> None:
    guarded = {
        "And": [
            {"Variable": "$.absent", "IsPresent": True},
            {"Variable": "$.absent", "StringEquals": "a"},
        ],
        "Next": "Caught",
    }
    choice = {"Type": "Choice", "Choices": [guarded], "Default": "Default"}

    states = {
        "Choice": choice,
        "Caught": CAUGHT,
        "Default": {"Type": "Pass", "Result": "default", "End": True},
    }

    assert lab.output(states) == "default"


def test_a_choice_without_a_match_and_a_default_says_so(lab: Lab) -> None:
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEquals": 2, "Next": "Caught"}]}

    assert lab.failure({"Choice": choice, "Caught": CAUGHT}, {"a": 1})[0] == "States.NoChoiceMatched"


def test_a_result_that_is_too_large_is_caught_only_by_its_name(lab: Lab) -> None:
    event = {"bytes": 262_144}
    by_name = [{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "Caught"}]

    error, _ = lab.failure({"Task": task(**GUARDED), "Caught": CAUGHT}, event)
    caught = lab.output({"Task": task(Catch=by_name), "Caught": CAUGHT}, event)

    assert error == "States.DataLimitExceeded"
    assert caught["Error"] == "States.DataLimitExceeded"


LARGE = "x" * 100_000


@pytest.mark.parametrize(
    "states",
    [
        {"Grow": {"Type": "Pass", "Parameters": {"a.$": "$.a", "b.$": "$.a", "c.$": "$.a"}, "End": True}},
        {"Call": task(Parameters={"a.$": "$.a", "b.$": "$.a", "c.$": "$.a"})},
        {
            "Each": {
                "Type": "Map",
                "ItemsPath": "$.items",
                "ItemSelector": {"a.$": "$.a", "b.$": "$.a", "c.$": "$.a"},
                "ItemProcessor": {
                    "StartAt": "Drop",
                    "States": {"Drop": {"Type": "Pass", "Result": 1, "End": True}},
                },
                "End": True,
            }
        },
        {
            "Each": {
                "Type": "Map",
                "ItemsPath": "$.items",
                "ItemProcessor": {
                    "StartAt": "Fill",
                    "States": {"Fill": {"Type": "Pass", "Result": LARGE, "End": True}},
                },
                "End": True,
            }
        },
    ],
    ids=["the output of a state", "the input of a task", "an item of a map", "the output of a map"],
)
def test_no_payload_is_larger_than_256_kib(lab: Lab, states: dict[str, Any]) -> None:
    """Step Functions developer guide, "Service quotas": the maximum input or output of a task or state."""
    assert lab.failure(states, {"a": LARGE, "items": [1, 2, 3]})[0] == "States.DataLimitExceeded"


# --- Maps and loops ---


def test_one_worker_of_a_map_does_any_number_of_items_one_after_the_other(lab: Lab) -> None:
    processor = {"StartAt": "Same", "States": {"Same": {"Type": "Pass", "End": True}}}
    items = list(range(1_200))
    each = {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": processor, "End": True}
    assert lab.output({"Each": each}, items) == items


def test_a_loop_goes_round_as_often_as_it_must(lab: Lab) -> None:
    states = {
        "Begin": {"Type": "Pass", "Result": {"round": 0}, "Next": "Again?"},
        "Again?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.round", "NumericLessThan": 800, "Next": "Go Round"}],
            "Default": "Done",
        },
        "Go Round": {
            "Type": "Pass",
            "Parameters": {"round.$": "States.MathAdd($.round, 1)"},
            "Next": "Again?",
        },
        "Done": {"Type": "Succeed"},
    }
    assert lab.output(states) == {"round": 800}


def test_an_item_of_a_map_knows_its_place_and_the_result_finds_one(lab: Lab) -> None:
    """Step Functions developer guide, "ItemSelector" and "ResultPath": a path that is missing is made."""
    each = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemSelector": {
            "item.$": "$$.Map.Item.Value",
            "index.$": "$$.Map.Item.Index",
            "shared.$": "$.shared",
        },
        "ItemProcessor": {"StartAt": "Same", "States": {"Same": {"Type": "Pass", "End": True}}},
        "MaxConcurrency": 1,
        "ResultPath": "$.done.of.map",
        "End": True,
    }
    before = {"items": ["a", "b"], "shared": True}
    done = [{"item": item, "index": index, "shared": True} for index, item in enumerate("ab")]
    assert lab.output({"Each": each}, before) == {**before, "done": {"of": {"map": done}}}


def test_an_item_of_a_map_may_go_round_until_nothing_remains_and_may_fail_alone(lab: Lab) -> None:
    """A chunk of work that is given back in part, is tried again after an error, and at last is given up."""
    lab.faults.fail_function("TaskFunction", FunctionFault.CRASH, times=2)
    processor = {
        "StartAt": "Work",
        "States": {
            "Work": {
                "Type": "Task",
                "Resource": FUNCTION,
                "Parameters": {"chunk.$": "$.chunk"},
                "ResultPath": "$.answer",
                "Retry": retry("Runtime.ExitError", MaxAttempts=1),
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Given Up"}],
                "Next": "Shorter",
            },
            "Shorter": {
                "Type": "Pass",
                "Parameters": {"chunk.$": "$.chunk[1:]", "done.$": "States.MathAdd($.done, 1)"},
                "Next": "Anything Left?",
            },
            "Anything Left?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.chunk[0]", "IsPresent": True, "Next": "Work"}],
                "Default": "Finished",
            },
            "Finished": {"Type": "Pass", "OutputPath": "$.done", "End": True},
            "Given Up": {"Type": "Pass", "OutputPath": "$.error.Error", "End": True},
        },
    }
    each = {
        "Type": "Map",
        "ItemSelector": {"chunk.$": "$$.Map.Item.Value", "done": 0},
        "ItemProcessor": processor,
        "MaxConcurrency": 1,
        "End": True,
    }
    assert lab.output({"Each": each}, [[1], [2, 3], [4, 5, 6]]) == ["Runtime.ExitError", 2, 3]


def test_a_history_holds_25000_events() -> None:
    assert executions.MAX_EVENTS == 25_000


@pytest.mark.parametrize("inside_a_map", [False, True])
def test_an_execution_whose_history_is_full_fails(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, *, inside_a_map: bool
) -> None:
    monkeypatch.setattr(executions, "MAX_EVENTS", 50)
    loop = {"Loop": {"Type": "Pass", "Next": "Loop"}}
    processor = {"StartAt": "Loop", "States": loop}
    each = {"Type": "Map", "ItemProcessor": processor, **GUARDED, "End": True}
    states = {"Each": each, "Caught": CAUGHT} if inside_a_map else loop

    done = lab.run(states, [1, 2])

    assert (done["status"], done["error"]) == ("FAILED", "States.Runtime")
    assert done["cause"] == "The execution reached the maximum number of history events (50)."
    assert len(lab.history(done["executionArn"])) == 50
    assert lab.history(done["executionArn"])[-1] == "ExecutionFailed"


# --- The names of errors ---


def test_a_functions_error_is_its_exceptions_class_and_the_cause_its_payload(lab: Lab) -> None:
    output = lab.output({"Task": task(Catch=CATCH_ALL), "Caught": CAUGHT}, {"failures": 1})

    cause = json.loads(output["error"]["Cause"])
    assert output["error"]["Error"] == cause["errorType"] == "NotYetError"
    assert cause["errorMessage"] == "call 1"
    assert list(cause) == ["errorMessage", "errorType", "requestId", "stackTrace"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (FunctionFault.CRASH, "Runtime.ExitError"),
        (FunctionFault.HANG, "Sandbox.Timedout"),
        (FunctionFault.THROTTLED, "Lambda.TooManyRequestsException"),
        (FunctionFault.SERVICE_ERROR, "Lambda.ServiceException"),
        (FunctionFault.NO_ANSWER, "Lambda.ServiceException"),
    ],
)
@pytest.mark.parametrize("resource", [FUNCTION, "arn:aws:states:::lambda:invoke"])
def test_lambdas_own_errors_have_their_names(
    lab: Lab, fault: FunctionFault, error: str, resource: str
) -> None:
    lab.faults.fail_function("TaskFunction", fault)
    parameters = {} if resource == FUNCTION else {"Parameters": {"FunctionName": "task", "Payload": {}}}

    assert lab.failure({"Task": task(resource, **parameters)})[0] == error


def test_an_sdk_integration_names_errors_after_the_service(lab: Lab) -> None:
    lab.faults.fail_call(
        "organizations", "AttachPolicy", ApiError("TooManyRequestsException", "slow down"), times=2
    )
    attach = task(
        "arn:aws:states:::aws-sdk:organizations:attachPolicy",
        Parameters={"PolicyId": "p-absent00", "TargetId": "r-abcd"},
        Retry=retry("Organizations.TooManyRequestsException"),
    )

    error, _ = lab.failure({"Attach": attach})

    assert error == "Organizations.PolicyNotFoundException"
    assert lab.seconds() == 2 + 4


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("InvalidParameter", "SNS.InvalidParameterException"),
        ("ParameterValueInvalid", "SNS.InvalidParameterValueException"),
        ("AuthorizationError", "SNS.AuthorizationErrorException"),
        ("Throttled", "SNS.ThrottledException"),
        ("KMSThrottling", "SNS.KMSThrottlingException"),
        ("InternalError", "SNS.InternalErrorException"),
    ],
)
def test_a_publication_names_errors_after_the_exception(lab: Lab, code: str, error: str) -> None:
    lab.faults.fail_call("sns", "Publish", ApiError(code, "no"))
    publish = task("arn:aws:states:::sns:publish", Parameters={"TopicArn": TOPIC, "Message": "m"})

    assert lab.failure({"Publish": publish})[0] == error


EVENT = {"Source": "bakery", "DetailType": "Loaf", "Detail": {"weight": 750}}


def test_an_event_that_the_bus_does_not_take_fails_the_task_and_the_cause_is_a_text(lab: Lab) -> None:
    """Source: "Add EventBridge events with Step Functions" in the developer guide."""
    nameless = {key: value for key, value in EVENT.items() if key != "Source"}
    put = task("arn:aws:states:::events:putEvents", Parameters={"Entries": [nameless]})

    error, cause = lab.failure({"Put": put})
    assert (error, json.loads(cause)["FailedEntryCount"]) == ("EventBridge.FailedEntry", 1)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("InternalException", "EventBridge.InternalException"),
        ("AccessDeniedException", "EventBridge.AccessDeniedException"),
        ("ValidationException", "EventBridge.AmazonEventBridgeException"),
    ],
)
def test_events_that_are_refused_name_errors_after_the_exception(lab: Lab, code: str, error: str) -> None:
    lab.faults.fail_call("events", "PutEvents", ApiError(code, "no"))
    put = task("arn:aws:states:::events:putEvents", Parameters={"Entries": [EVENT]})

    assert lab.failure({"Put": put})[0] == error


@pytest.fixture
def ledger(lab: Lab) -> Any:
    """Make a table with two keys, and return a client."""
    client = lab._client("dynamodb", "AKIAIOSFODNN7EXAMPLE")
    client.create_table(
        TableName="ledger",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "what", "AttributeType": "S"},
            {"AttributeName": "when", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "what", "KeyType": "HASH"},
            {"AttributeName": "when", "KeyType": "RANGE"},
        ],
    )
    return client


ENTRY = {"what": {"S": "door"}, "when": {"S.$": "$.when"}}
PUT = {
    "TableName": "ledger",
    "Item": {**ENTRY, "by": {"S.$": "$$.Execution.Id"}},
    "ConditionExpression": "attribute_not_exists(what)",
}
NOON: Any = {"when": "noon"}


def test_a_table_is_written_and_read_by_states(lab: Lab, ledger: Any) -> None:
    key = {"TableName": "ledger", "Key": ENTRY}
    change = {"UpdateExpression": "SET seen = :yes", "ExpressionAttributeValues": {":yes": {"BOOL": True}}}
    steps: dict[str, dict[str, Any]] = {
        "Put": {"Resource": "arn:aws:states:::dynamodb:putItem", "Parameters": PUT, "Next": "Update"},
        "Update": {
            "Resource": "arn:aws:states:::dynamodb:updateItem",
            "Parameters": {**key, **change},
            "Next": "Get",
        },
        "Get": {"Resource": "arn:aws:states:::dynamodb:getItem", "Parameters": key, "End": True},
    }
    states = {name: {"Type": "Task", "ResultPath": f"$.{name}", **step} for name, step in steps.items()}
    done = lab.run(states, NOON)

    by = {"S": done["executionArn"]}
    item = {"what": {"S": "door"}, "when": {"S": "noon"}, "by": by, "seen": {"BOOL": True}}
    assert json.loads(done["output"])["Get"] == {"Item": item}
    assert ledger.scan(TableName="ledger")["Items"] == [item]


def test_a_condition_that_does_not_hold_is_caught_by_its_name(lab: Lab, ledger: Any) -> None:
    put = task("arn:aws:states:::dynamodb:putItem", Parameters=PUT)
    lab.output({"Put": put}, NOON)
    catch = [{"ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"], "Next": "Known"}]
    output = lab.output({"Put": {**put, "Catch": catch}, "Known": {"Type": "Pass", "End": True}}, NOON)

    assert output["Error"] == "DynamoDB.ConditionalCheckFailedException"
    assert ledger.scan(TableName="ledger")["Count"] == 1


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ProvisionedThroughputExceededException", "DynamoDB.ProvisionedThroughputExceededException"),
        ("ResourceNotFoundException", "DynamoDB.ResourceNotFoundException"),
        ("RequestLimitExceeded", "DynamoDB.RequestLimitExceededException"),
        ("InternalServerError", "DynamoDB.InternalServerErrorException"),
        ("ValidationException", "DynamoDB.AmazonDynamoDBException"),
        ("AccessDeniedException", "DynamoDB.AmazonDynamoDBException"),
    ],
)
def test_a_write_to_a_table_names_errors_after_the_exception(
    lab: Lab, ledger: Any, code: str, error: str
) -> None:
    lab.faults.fail_call("dynamodb", "PutItem", ApiError(code, "no"))

    put = task("arn:aws:states:::dynamodb:putItem", Parameters=PUT)
    assert lab.failure({"Put": put}, NOON)[0] == error
    assert ledger.scan(TableName="ledger")["Count"] == 0


def test_a_throttled_write_to_a_table_is_tried_again(lab: Lab, ledger: Any) -> None:
    throttled = ApiError("ProvisionedThroughputExceededException", "slow down")
    lab.faults.fail_call("dynamodb", "PutItem", throttled, times=2)
    again = retry("DynamoDB.ProvisionedThroughputExceededException")
    lab.output({"Put": task("arn:aws:states:::dynamodb:putItem", Parameters=PUT, Retry=again)}, NOON)

    assert ledger.scan(TableName="ledger")["Count"] == 1
    assert lab.seconds() == 2 + 4


@pytest.mark.parametrize(
    ("service", "resource", "error"),
    [
        ("lambda", FUNCTION, "Lambda.SdkClientException"),
        ("dynamodb", "arn:aws:states:::dynamodb:putItem", "DynamoDB.SdkClientException"),
        ("sns", "arn:aws:states:::sns:publish", "SNS.SdkClientException"),
        ("sns", "arn:aws:states:::aws-sdk:sns:publish", "Sns.SdkClientException"),
        ("dynamodb", "arn:aws:states:::aws-sdk:dynamodb:getItem", "DynamoDb.SdkClientException"),
    ],
)
def test_a_service_that_cannot_be_reached_is_a_client_exception(
    lab: Lab, service: str, resource: str, error: str
) -> None:
    lab.dead.add(service)

    output = lab.output({"Task": task(resource, Catch=CATCH_ALL), "Caught": CAUGHT})

    assert output["error"]["Error"] == error


@pytest.mark.parametrize(
    ("service_id", "name"),
    [
        ("Organizations", "Organizations"),
        ("DynamoDB", "DynamoDb"),
        ("SNS", "Sns"),
        ("SFN", "Sfn"),
        ("EventBridge", "EventBridge"),
        ("CloudWatch Logs", "CloudWatchLogs"),
        ("S3", "S3"),
        ("EC2", "Ec2"),
        ("SSM", "Ssm"),
    ],
)
def test_a_service_is_named_as_the_java_sdk_does(service_id: str, name: str) -> None:
    assert sdk_name(service_id) == name


def test_times_in_a_services_answer_are_text(lab: Lab) -> None:
    create = task("arn:aws:states:::aws-sdk:iam:createUser", Parameters={"UserName": "somebody"})

    created = lab.output({"Create": create})["User"]["CreateDate"]

    assert datetime.fromisoformat(created).tzinfo is UTC
    assert created.endswith("Z")


def test_no_thread_is_left_when_everything_has_settled(lab: Lab) -> None:
    lab.output({"Task": task(TimeoutSeconds=30)})

    units = [thread for thread in threading.enumerate() if "evaluate" in thread.name]
    assert units == []

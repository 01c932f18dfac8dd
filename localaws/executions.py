"""The life of an execution: started once, one unit of work, ended once, and reported both times.

moto's objects have no types here. The interpreter puts these methods in the place of moto's; where one
needs the method that it replaces, that is its first parameter, `otherwise`.
"""

from __future__ import annotations

import threading
import uuid
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.eval.program_state import ProgramRunning, ProgramStopped
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication
from moto.stepfunctions.parser.utils import TMP_THREADS

from localaws.standard_modules import UnitThread, UtcTime
from localaws.state_errors import RUNTIME_ERROR

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from localaws.clock import Clock

MAX_EVENTS = 25_000
"""How many events a history holds. Source: "Service quotas" in the Step Functions developer guide."""

_ENDINGS = {
    HistoryEventType.ExecutionSucceeded,
    HistoryEventType.ExecutionFailed,
    HistoryEventType.ExecutionTimedOut,
    HistoryEventType.ExecutionAborted,
}


class Executions:
    """All executions of one server.

    Parameters
    ----------
    clock : Clock
        Whose units of work the executions are.
    on_status_change : callable
        Called with the `detail` of a `Step Functions Execution Status Change` event when an execution
        starts and when it ends.
    """

    def __init__(self, clock: Clock, on_status_change: Callable[[dict[str, Any]], None]) -> None:
        self._clock = clock
        self._on_status_change = on_status_change
        self._lock = threading.RLock()
        self._running: dict[str, Any] = {}

    def close(self) -> None:
        """Stop what still runs, without a word: its threads end at their next step."""
        with self._lock:
            running = list(self._running.values())
            self._running.clear()
        for execution in running:
            execution.exec_worker.env.set_stop(stop_date=self._clock.now(), error=None, cause=None)

    def start_by_name(
        self,
        otherwise: Callable[..., Any],
        backend: Any,
        state_machine_arn: str,
        name: str | None = None,
        *others: Any,
    ) -> Any:
        """Start an execution as a unit of work, after its status has been reported.

        One without a name gets a UUID. One call at a time, so that two with the same name and input are
        one execution. Source: StartExecution in the Step Functions API reference.
        """
        with self._lock:
            execution = otherwise(backend, state_machine_arn, name or str(uuid.uuid4()), *others)
            program = vars(execution).pop("program", None)
        if program is not None:
            self._on_status_change(status_change(execution))
            self._clock.spawn(self._run, execution, program)
        return execution

    def prepare(self, execution: Any) -> None:
        """Begin the history of a new execution."""
        worker = execution._get_start_execution_worker()  # noqa: SLF001 - no other way to the worker
        env = worker.env = worker._get_evaluation_environment()  # noqa: SLF001
        env.event_manager.execution = execution
        # It is in moto's list already, and parsing takes a while in which somebody may look at it.
        execution.exec_worker = worker
        execution.exec_status = ExecutionStatus.RUNNING
        program = _parsed(execution.state_machine.definition)
        env.next_state_name = program.start_at.start_at_name
        details = {
            "input": execution.execution_input,
            "inputDetails": {"truncated": False},
            "roleArn": execution.role_arn,
        }
        env.event_manager.add_event(
            context=env.event_history_context,
            event_type=HistoryEventType.ExecutionStarted,
            event_details={"executionStartedEventDetails": details},
            update_source_event_id=False,
        )
        self._running[execution.exec_arn] = execution
        execution.program = program

    def evaluate(self, program: Any, env: Any) -> None:
        """Run a program, or a branch of one; at its time limit it ends as timed out, whoever still works."""
        if not isinstance(env.program_state(), ProgramRunning | None):
            return
        env.next_state_name = program.start_at.start_at_name
        if program.timeout_seconds is None:
            EvalComponent.eval(program, env)
            return
        thread = UnitThread(self._clock, target=EvalComponent.eval, args=(program, env))
        thread.start()
        thread.join(program.timeout_seconds.timeout_seconds)
        if thread.is_alive() and env.is_running():
            env.set_timed_out()
            self._end_history(env, HistoryEventType.ExecutionTimedOut, "executionTimedOutEventDetails", {})

    def stop(self, response: Any) -> Any:
        """Answer StopExecution: the execution is aborted at once, with the caller's error and cause."""
        arn, error, cause = (response._get_param(name) for name in ("executionArn", "error", "cause"))  # noqa: SLF001
        execution = response.stepfunction_backend.describe_execution(arn)
        env = execution.exec_worker.env
        env.set_stop(stop_date=self._clock.now(), error=error, cause=cause)
        if isinstance(env.program_state(), ProgramStopped):
            env.event_history_context.source_event_id = 0
            details = {"error": error, "cause": cause}
            self._end_history(env, HistoryEventType.ExecutionAborted, "executionAbortedEventDetails", details)
            self._finish(execution, error, cause)
        return ActionResult({"stopDate": execution.stop_date})

    def add_event(
        self,
        otherwise: Callable[..., int],
        history: Any,
        context: Any,
        event_type: Any,
        **others: Any,
    ) -> int:
        """Record an event in an execution's history; what comes after the end is not recorded.

        Work that has been given up (a task after its time-out, a branch after another one failed) goes
        on until it notices, and must leave no trace.
        """
        with self._lock:
            given_up = getattr(history, "ended", False) or getattr(context, "given_up", False)
            full = history._event_id_gen._next_id >= MAX_EVENTS and event_type not in _ENDINGS  # noqa: SLF001
            if not given_up and not full:
                history.ended = event_type in _ENDINGS
                return otherwise(history, context=context, event_type=event_type, **others)
        if not given_up:
            self._fail_full(history.execution)
        return int(context.last_published_event_id)

    def close_frame(self, otherwise: Callable[..., None], env: Any, frame: Any) -> None:
        """Close a part of an execution; work that goes on in it has been given up."""
        otherwise(env, frame)
        _give_up(frame)

    def _run(self, execution: Any, program: Any) -> None:
        program.eval(execution.exec_worker.env)
        self._finish(execution, execution.error, execution.cause)
        TMP_THREADS.clear()  # moto keeps every thread that it ever started

    def _finish(self, execution: Any, error: str | None, cause: str | None) -> None:
        with self._lock:
            if self._running.pop(execution.exec_arn, None) is None:
                return
            execution.error, execution.cause = error, cause
            BaseExecutionWorkerCommunication(execution).terminated()
            if execution.exec_status == ExecutionStatus.SUCCEEDED:
                # moto writes everything as JSON but text.
                execution.output = to_json_str(execution.output, separators=(",", ":"))
        self._on_status_change(status_change(execution))

    def _fail_full(self, execution: Any) -> None:
        env = execution.exec_worker.env
        cause = f"The execution reached the maximum number of history events ({MAX_EVENTS})."
        details = {"error": RUNTIME_ERROR, "cause": cause}
        env.set_error(details)
        self._end_history(env, HistoryEventType.ExecutionFailed, "executionFailedEventDetails", details)
        self._finish(execution, None, None)

    @staticmethod
    def _end_history(env: Any, kind: Any, member: str, details: dict[str, Any]) -> None:
        env.event_manager.add_event(
            context=env.event_history_context, event_type=kind, event_details={member: details}
        )


def set_error(otherwise: Callable[..., None], env: Any, error: Any) -> None:
    """Let a program fail that still runs; one that has ended stays as it ended."""
    if env.is_running():
        otherwise(env, error)


def enter(otherwise: Callable[..., None], state: Any, env: Any) -> None:
    """Let a state begin, unless its input is too large: moto looks at what leaves a state only.

    What comes in from elsewhere is the input of an execution and the item of a Map.
    """
    state._verify_size_quota(env=env, value=env.states.get_input())  # noqa: SLF001 - moto's own check
    otherwise(state, env)


def parameters(otherwise: Callable[..., Any], task: Any, env: Any) -> Any:
    """Return the parameters of a task, unless they are too large to be passed on.

    Source: "Service quotas" in the Step Functions developer guide: the maximum input or output of a task.
    """
    values = otherwise(task, env)
    task._verify_size_quota(env=env, value=values.get("Payload", values))  # noqa: SLF001 - moto's own check
    return values


def work_through(worker: Any, job: Any, worker_frame: Any) -> None:
    """Let one worker of a Map do its items one after the other, the first being `job`.

    moto's method calls itself for the next item, and Python ends that after about a thousand. A frame is
    closed before its job: the Map goes on when its jobs are done, and not when its workers are.
    """
    pool, env = worker._job_pool, worker._env  # noqa: SLF001 - stands in for a method
    while job is not None:
        frame = worker_frame.open_inner_frame()
        worker._eval_job(env=frame, job=job)  # noqa: SLF001
        worker_frame.close_frame(frame)
        ended = isinstance(job.job_output, Exception) or worker.stopped()
        following = None if ended else pool.next_job()
        if following is None:
            if not ended:
                # What comes after the Map follows the last event of its last item.
                source = frame.event_history_context.last_published_event_id
                worker_frame.event_history_context.source_event_id = source
            env.close_frame(worker_frame)
        pool.close_job(job)
        if following is None:
            return
        job = following
    env.close_frame(worker_frame)


def describe(otherwise: Callable[..., Any], response: Any) -> Any:
    """Answer DescribeExecution; what has ended has a stop date, however it ended."""
    description = otherwise(response).result
    execution = response.stepfunction_backend.describe_execution(description["executionArn"])
    stopped = {} if execution.stop_date is None else {"stopDate": execution.stop_date}
    return ActionResult({**description, **stopped})


def describe_start(otherwise: Callable[..., Any], execution: Any) -> Any:
    """Return an execution's part of the context object, with the start time as text."""
    details = otherwise(execution)
    moment = execution.start_date
    details.start_time = UtcTime.combine(moment.date(), moment.timetz()).isoformat()
    return details


def status_change(execution: Any) -> dict[str, Any]:
    """Return the `detail` of a `Step Functions Execution Status Change` event.

    Source: "Automating Step Functions event delivery with EventBridge" in the developer guide.
    """
    status = ExecutionStatus(execution.exec_status).value
    succeeded = status == ExecutionStatus.SUCCEEDED.value
    return {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": status,
        "startDate": _milliseconds(execution.start_date),
        "stopDate": _milliseconds(execution.stop_date),
        "input": execution.execution_input,
        "inputDetails": {"included": True},
        "output": execution.output,
        "outputDetails": {"included": True} if succeeded else None,
        "error": execution.error,
        "cause": execution.cause,
    }


def _give_up(frame: Any) -> None:
    frame.event_history_context.given_up = True
    for inner in list(frame._frames):  # noqa: SLF001 - moto does not tell
        _give_up(inner)


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


def _parsed(definition: str) -> Any:
    # A distributed map keeps its run in the parsed program, so no two executions can share one.
    parse = _parse if "DISTRIBUTED" in definition else _parse_once
    return parse(definition)


def _parse(definition: str) -> Any:
    return AmazonStateLanguageParser.parse(definition)[0]


_parse_once = lru_cache(maxsize=64)(_parse)

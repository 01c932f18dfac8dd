"""The one place that replaces names inside moto's Step Functions interpreter.

moto executes definitions, but on the wall clock, with a client for each task, and with some errors
that AWS does not have. `Interpreter.install` puts the embedded AWS's own time, clients and rules in the
place of moto's names, all of which stand in one table; `uninstall` puts moto's back.
"""

from __future__ import annotations

import json
import logging
import math
import threading
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jsonpath_ng.ext import parse as parse_path
from moto.core.config import default_user_config
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from localaws import state_errors
from localaws.executions import (
    Executions,
    describe,
    describe_start,
    enter,
    parameters,
    set_error,
    work_through,
)
from localaws.moto_names import ReplacedNames, around, by_method, by_value
from localaws.standard_modules import UtcTime, datetime_on, threading_on, time_on

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.client import BaseClient

    from localaws.clock import Clock

_STATE = "stepfunctions.parser.asl.component.state"
_COMMON = "stepfunctions.parser.asl.component.common"
_SERVICE = f"{_STATE}.exec.state_task.service.state_task_service"
_ITERATION = f"{_STATE}.exec.state_map.iteration"
_PARALLEL = f"{_STATE}.exec.state_parallel"

_USE_THREADING = (
    "stepfunctions.parser.asl.component.program.program",
    "stepfunctions.parser.asl.eval.environment",
    f"{_STATE}.exec.execute_state",
    f"{_SERVICE}_callback",
    f"{_ITERATION}.inline_iteration_component",
    f"{_ITERATION}.job",
    f"{_PARALLEL}.branch_worker",
    f"{_PARALLEL}.branches_decl",
)
_USE_DATETIME = (
    "stepfunctions.parser.asl.eval.event.event_manager",
    "stepfunctions.parser.backend.execution",
    "stepfunctions.parser.models",
    f"{_STATE}.state",
    f"{_ITERATION}.itemprocessor.map_run_record",
    f"{_PARALLEL}.branches_decl",
)
_USE_TIME = (
    f"{_COMMON}.retry.retrier_decl",
    f"{_SERVICE}_callback",
    f"{_STATE}.wait.wait_function.wait_function",
)
_USE_CLIENTS = (
    f"{_STATE}.exec.state_task.lambda_eval_utils",
    f"{_STATE}.exec.state_map.item_reader.eval.resource_eval_s3",
    f"{_STATE}.exec.state_map.result_writer.resource_eval.resource_eval_s3",
    *(
        f"{_SERVICE}_{name}"
        for name in (
            "aws_sdk",
            "batch",
            "dynamodb",
            "ecs",
            "events",
            "glue",
            "sfn",
            "sns",
            "sqs",
            "unsupported",
        )
    ),
)

_BOTO_NAMES = {"sfn": "stepfunctions"}
"""Where boto3's name of a service is another one than Step Functions'."""


class Interpreter:
    """moto's interpreter on a clock, with the rules of AWS."""

    _installed: Interpreter | None = None

    def __init__(self) -> None:
        self._names = ReplacedNames()
        self._executions: Executions | None = None

    def install(
        self,
        clock: Clock,
        connect: Callable[[str], BaseClient],
        on_status_change: Callable[[dict[str, Any]], None],
    ) -> None:
        """Replace moto's names; one interpreter at a time.

        Parameters
        ----------
        clock : Clock
            The time of the executions, which are its units of work.
        connect : callable
            Makes a client by boto3's name of its service; it should neither check parameters nor retry,
            and wait for an answer as long as a task may take. Called once for each service.
        on_status_change : callable
            Receives the `detail` of the `Step Functions Execution Status Change` events.

        Raises
        ------
        RuntimeError
            If an interpreter is installed already.
        LookupError
            If moto lacks a name: it is not the version that this module was written for.
        """
        if Interpreter._installed is not None:
            raise RuntimeError("an interpreter is installed already")
        self._executions = Executions(clock, on_status_change)
        self._names.replace(replacements(clock, Clients(connect), self._executions))
        default_user_config["stepfunctions"]["execute_state_machine"] = True
        # moto logs every failed state as an error of its own; here it is an execution's business.
        logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
        Interpreter._installed = self

    def uninstall(self) -> None:
        """Stop the running executions and put moto's names back."""
        if Interpreter._installed is not self or self._executions is None:
            return
        self._executions.close()
        self._names.put_back()
        default_user_config["stepfunctions"]["execute_state_machine"] = False
        logging.getLogger("moto.stepfunctions").setLevel(logging.NOTSET)
        Interpreter._installed = None


def replacements(
    clock: Clock, clients: Clients, executions: Executions
) -> Mapping[tuple[str, str], Callable[[Any], Any]]:
    """Return what takes the place of which name.

    Returns
    -------
    mapping
        From a module below `moto` and a name in it, to a function that makes the replacement from the
        original.
    """
    threads, time, moments = threading_on(clock), time_on(clock), datetime_on(clock)
    parse = lru_cache(maxsize=1024)(parse_path)
    return {
        **{(module, "threading"): by_value(threads) for module in _USE_THREADING},
        **{(module, "datetime"): by_value(moments) for module in _USE_DATETIME},
        **{(module, "time"): by_value(time) for module in _USE_TIME},
        **{(module, "boto_client_for"): by_value(_client_for(clients)) for module in _USE_CLIENTS},
        (f"{_STATE}.exec.execute_state", "Thread"): by_value(threads.Thread),
        ("stepfunctions.parser.asl.eval.callback.callback", "Event"): by_value(threads.Event),
        ("stepfunctions.models", "utcnow"): by_value(lambda: clock.now().replace(tzinfo=None)),
        (f"{_STATE}.wait.wait_function.timestamp", "Timestamp._get_wait_seconds"): by_value(
            _seconds_until(clock)
        ),
        ("stepfunctions.parser.asl.utils.encoding", "_DateTimeEncoder.default"): by_value(_encode),
        # A path is parsed once and not for every state that it stands in.
        ("stepfunctions.parser.asl.utils.json_path", "parse"): by_value(parse),
        (f"{_COMMON}.path.result_path", "parse"): by_value(parse),
        ("stepfunctions.parser.asl.component.eval_component", "EvalComponent.heap_key"): by_value(
            property(_heap_key)
        ),
        # The life of an execution.
        ("stepfunctions.parser.models", "StepFunctionsParserBackend.start_execution"): around(
            executions.start_by_name
        ),
        ("stepfunctions.parser.backend.execution", "Execution.start"): by_method(executions.prepare),
        ("stepfunctions.parser.backend.execution", "Execution.get_start_execution_details"): around(
            describe_start
        ),
        ("stepfunctions.parser.asl.component.program.program", "Program.eval"): by_method(
            executions.evaluate
        ),
        ("stepfunctions.responses", "StepFunctionResponse.stop_execution"): by_method(executions.stop),
        ("stepfunctions.responses", "StepFunctionResponse.describe_execution"): around(describe),
        ("stepfunctions.parser.asl.eval.environment", "Environment.close_frame"): around(
            executions.close_frame
        ),
        ("stepfunctions.parser.asl.eval.environment", "Environment.set_error"): around(set_error),
        ("stepfunctions.parser.asl.eval.event.event_manager", "EventManager.add_event"): around(
            executions.add_event
        ),
        # Limits.
        (f"{_STATE}.state", "CommonStateField._eval_body"): around(enter),
        (f"{_STATE}.exec.state_task.state_task", "StateTask._eval_parameters"): around(parameters),
        (f"{_STATE}.exec.state_task.state_task_lambda", "StateTaskLambda._eval_parameters"): around(
            parameters
        ),
        (f"{_ITERATION}.iteration_worker", "IterationWorker._eval_pool"): by_method(work_through),
        # The names of errors, and who handles them.
        (f"{_COMMON}.error_name.error_equals_decl", "ErrorEqualsDecl._eval_body"): around(
            state_errors.matches
        ),
        (f"{_ITERATION}.iteration_worker", "CustomErrorName"): by_value(state_errors.name_of),
        (f"{_PARALLEL}.branches_decl", "CustomErrorName"): by_value(state_errors.name_of),
        (f"{_STATE}.choice.comparison.comparison_variable", "ComparisonVariable._eval_body"): by_method(
            state_errors.compare
        ),
        (f"{_STATE}.choice.state_choice", "StateChoice._eval_state"): around(state_errors.choose),
        (f"{_STATE}.exec.execute_state", "ExecutionState._from_error"): around(state_errors.of_task),
        (f"{_STATE}.exec.state_task.state_task_lambda", "StateTaskLambda._from_error"): around(
            state_errors.of_function
        ),
        (f"{_SERVICE}_sns", "StateTaskServiceSns._from_error"): around(state_errors.of_topic),
        (f"{_SERVICE}_dynamodb", "StateTaskServiceDynamoDB._from_error"): around(state_errors.of_table),
        (f"{_SERVICE}_events", "StateTaskServiceEvents._from_error"): around(state_errors.of_bus),
        (f"{_SERVICE}_aws_sdk", "StateTaskServiceAwsSdk._normalise_service_error_name"): by_value(
            staticmethod(clients.error_prefix)
        ),
        (f"{_SERVICE}_aws_sdk", "StateTaskServiceAwsSdk._eval_service_task"): around(_plain_result),
    }


class Clients:
    """One client for each service: they are thread-safe, and expensive to make.

    Parameters
    ----------
    connect : callable
        Makes a client by boto3's name of its service.
    """

    def __init__(self, connect: Callable[[str], BaseClient]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._made: dict[str, BaseClient] = {}

    def of(self, service: str) -> BaseClient:
        """Return the client of a service."""
        with self._lock:
            if service not in self._made:
                self._made[service] = self._connect(service)
            return self._made[service]

    def error_prefix(self, service: str) -> str:
        """Return how SDK integrations with a service call it in their errors."""
        client = self.of(_BOTO_NAMES.get(service, service))
        return state_errors.sdk_name(client.meta.service_model.service_id)


def _heap_key(component: Any) -> str:
    # moto makes this key at its first use, which two executions of one parsed definition can reach at once.
    return str(id(component))


def _seconds_until(clock: Clock) -> Callable[[Any, Any], int]:
    def seconds_until(wait: Any, env: Any) -> int:
        wait.string.eval(env)
        text = env.stack.pop()
        moment: datetime | None = wait._from_timestamp_string(text)  # noqa: SLF001 - stands in for a method
        if moment is None:
            raise FailureEventException(wait._create_failure_event(env, text))  # noqa: SLF001
        # moto counts what it has waited in whole seconds: of a part of one it would never see the end.
        return math.ceil((moment.replace(tzinfo=UTC) - clock.now()).total_seconds())

    return seconds_until


def _client_for(clients: Clients) -> Callable[..., BaseClient]:
    # There is one region, and no role is in the way.
    return lambda service, **_: clients.of(service)


def _encode(_: Any, value: Any) -> str:
    if isinstance(value, datetime):
        return UtcTime.combine(value.date(), value.timetz()).isoformat()
    return str(value)


def _plain_result(otherwise: Callable[..., None], task: Any, env: Any, *values: Any, **named: Any) -> None:
    """Call the service and leave its answer as JSON: boto3 parses times, the next state reads text."""
    otherwise(task, env, *values, **named)
    env.stack[-1] = json.loads(to_json_str(env.stack[-1]))

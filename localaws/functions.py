"""Lambda: a layer that runs the template's Python functions in warm processes.

Each function has a pool of processes of its own, started when they are needed and used again and again.
A process has the function's environment and nothing else, so that nothing of this machine's AWS
configuration can reach it. Everything of Lambda but `Invoke` is moto's; what is changed there (code,
configuration, reserved concurrency) holds for the next invocation.

Source: the operations' pages in the AWS Lambda API reference.
"""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from localaws.faults import FunctionFault
from localaws.gateway import ApiError, ApiResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from localaws.clock import Clock, Signal
    from localaws.faults import Faults
    from localaws.gateway import ApiCall, Proceed
    from localaws.identities import Credentials

_RUNTIME = Path(__file__).with_name("runtime.py")
_INIT_SECONDS = 60.0
_NO_ANSWER_SECONDS = 3600.0
_CHANGES = {
    "DeleteFunctionConcurrency",
    "PutFunctionConcurrency",
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
}


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function as its template declares it.

    Parameters
    ----------
    logical_id : str
        Its name in the template.
    name : str
        Its name in Lambda.
    handler : str
        The module and the function in it, such as `verify_detach.handler`.
    code : Path
        The folder with the code.
    role_arn : str
        The role whose credentials it gets.
    arn : str
        Its ARN, which its context object shows.
    environment : mapping
        Its own environment variables.
    timeout_seconds : float
        How long an invocation may take.
    memory_mb : int
        What it is told about its memory, in MB; nothing limits it.
    runtime : str
        What it is told about its runtime; it runs on this program's interpreter.
    log_format : {"Text", "JSON"}
        The form of its log.
    log_level : str
        The level of its log; only the JSON format has one.
    reserved_concurrency : int or None
        How many invocations run at a time; one more is throttled. None is no limit of its own.
    """

    logical_id: str
    name: str
    handler: str
    code: Path
    role_arn: str
    arn: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 3.0
    memory_mb: int = 128
    runtime: str = "python3.13"
    log_format: Literal["Text", "JSON"] = "Text"
    log_level: str = "INFO"
    reserved_concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The payload of an invocation, and whether it is an error of the function."""

    payload: str
    failed: bool = False

    def response(self) -> ApiResponse:
        headers = [("Content-Type", "application/json"), ("X-Amz-Executed-Version", "$LATEST")]
        if self.failed:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        return ApiResponse(200, tuple(headers), self.payload.encode())


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the functions find around them.

    Parameters
    ----------
    endpoint : str
        The address at which they find AWS.
    region : str
        The region that they run in.
    issue_credentials : callable
        Issues the credentials of a role's session, by role ARN and session name.
    on_log : callable
        Receives their log lines, with the function's logical id.
    """

    endpoint: str
    region: str
    issue_credentials: Callable[[str, str], Credentials]
    on_log: Callable[[str, str], None]


class Functions:
    """A layer that answers `Invoke` for the functions that have been registered.

    Parameters
    ----------
    clock : Clock
        On which invocations queue and faults pass their time.
    faults : Faults
        The faults of the functions.
    surroundings : Surroundings
        What the functions find around them.
    workers : int
        How many processes a function has at most that reserves no concurrency; more invocations queue.

    Attributes
    ----------
    account_concurrency : int
        What GetAccountSettings answers as the account's concurrency; nothing here is limited by it. Accounts
        have 1,000, new ones less. Source: Lambda developer guide, "Lambda quotas".
    """

    def __init__(self, clock: Clock, faults: Faults, surroundings: Surroundings, workers: int = 10) -> None:
        self._clock = clock
        self._faults = faults
        self._surroundings = surroundings
        self._workers = workers
        self.account_concurrency = 1_000
        self._pools: dict[str, _Pool] = {}
        self._modified: dict[str, str] = {}
        self._uploads = tempfile.TemporaryDirectory(prefix="localaws-")

    def register(self, spec: FunctionSpec) -> None:
        """Make a function callable; an earlier one with the same name is replaced."""
        earlier = self._pools.get(spec.name)
        self._pools[spec.name] = _Pool(spec, self._clock, self._workers, self._surroundings)
        if earlier is not None:
            earlier.close()

    def close(self) -> None:
        """End all processes, the busy ones included."""
        for pool in self._pools.values():
            pool.close()
        self._uploads.cleanup()

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Answer `Invoke`; let everything else proceed, and follow what it changes."""
        if call.operation == "Invoke":
            return self._answer_invoke(call, proceed)
        if call.operation == "GetAccountSettings":
            return self._account_settings()
        response = proceed(call)
        if call.service != "lambda" or not response.ok:
            return response
        self._follow(call)
        return self._on_the_clock(response)

    def _account_settings(self) -> ApiResponse:
        """Answer how many invocations the account may have at a time, and how many no function reserves."""
        reserved = sum(pool.reserved or 0 for pool in self._pools.values())
        limit = {
            "ConcurrentExecutions": self.account_concurrency,
            "UnreservedConcurrentExecutions": self.account_concurrency - reserved,
        }
        usage = {"FunctionCount": len(self._pools)}
        return ApiResponse.of_json({"AccountLimit": limit, "AccountUsage": usage})

    def _follow(self, call: ApiCall) -> None:
        """Let a change that moto has taken hold for the invocations as well."""
        if call.operation == "CreateFunction":
            self._modified[json.loads(call.body)["FunctionName"]] = self._now()
            return
        pool = (
            self._pools.get(_function_name(call.environ["PATH_INFO"])) if call.operation in _CHANGES else None
        )
        if pool is None:
            return
        if call.operation.endswith("FunctionConcurrency"):
            change = json.loads(call.body or b"{}")
            pool.reserve(change.get("ReservedConcurrentExecutions"))
            return
        self._modified[pool.spec.name] = self._now()
        self.register(self._changed(pool.spec, json.loads(call.body)))

    def _changed(self, spec: FunctionSpec, change: Mapping[str, Any]) -> FunctionSpec:
        """Return a function as UpdateFunctionCode or UpdateFunctionConfiguration wants it."""
        if archive := change.get("ZipFile"):
            folder = Path(tempfile.mkdtemp(dir=self._uploads.name))
            zipfile.ZipFile(io.BytesIO(base64.b64decode(archive))).extractall(folder)
            return replace(spec, code=folder)
        environment = change.get("Environment", {}).get("Variables", spec.environment)
        return replace(
            spec,
            handler=change.get("Handler", spec.handler),
            role_arn=change.get("Role", spec.role_arn),
            environment=environment,
            timeout_seconds=float(change.get("Timeout", spec.timeout_seconds)),
            memory_mb=int(change.get("MemorySize", spec.memory_mb)),
        )

    def _on_the_clock(self, response: ApiResponse) -> ApiResponse:
        """Return an answer of moto with the clock's time in each function's `LastModified`."""
        if b'"LastModified"' not in response.body:
            return response
        answer = response.json()
        for found in [answer, answer.get("Configuration", {}), *answer.get("Functions", [])]:
            if found.get("FunctionName") in self._modified:
                found["LastModified"] = self._modified[found["FunctionName"]]
        return replace(response, body=json.dumps(answer).encode())

    def _now(self) -> str:
        return self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "+0000")

    def _answer_invoke(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        pool = self._pools.get(_function_name(call.environ["PATH_INFO"]))
        if pool is None:
            return proceed(call)
        event = _read_event(call.body)
        kind = call.environ.get("HTTP_X_AMZ_INVOCATION_TYPE", "RequestResponse")
        if kind == "DryRun":
            return ApiResponse(204, (), b"")
        if kind == "Event":
            self._clock.spawn(self._invoke_unattended, pool, event)
            return ApiResponse(202, (), b"")
        return self._invoke(pool, event).response()

    def _invoke_unattended(self, pool: _Pool, event: Any) -> None:
        try:
            self._invoke(pool, event)
        except ApiError as error:
            self._surroundings.on_log(pool.spec.logical_id, str(error))

    def _invoke(self, pool: _Pool, event: Any) -> _Outcome:
        request_id = str(uuid.uuid4())
        fault = self._faults.next_of_function(pool.spec.logical_id)
        if fault is not None:
            return self._suffer(fault, pool.spec, request_id)
        with pool.worker() as worker:
            return worker.invoke(request_id, event)

    def _suffer(self, fault: FunctionFault, spec: FunctionSpec, request_id: str) -> _Outcome:
        match fault:
            case FunctionFault.CRASH:
                return _crashed(request_id, "Runtime exited with error: exit status 1")
            case FunctionFault.HANG:
                self._clock.sleep(spec.timeout_seconds)
                return _timed_out(request_id, spec.timeout_seconds)
            case FunctionFault.THROTTLED:
                raise _throttled()
            case FunctionFault.NO_ANSWER:
                self._clock.sleep(_NO_ANSWER_SECONDS)
        raise ApiError("ServiceException", "Lambda could not process the request.", 500)


class _Pool:
    """The processes of one function, and the invocations that wait for one."""

    def __init__(self, spec: FunctionSpec, clock: Clock, limit: int, surroundings: Surroundings) -> None:
        self.spec = spec
        self._clock = clock
        self._surroundings = surroundings
        self._lock = threading.Lock()
        self._limit = limit
        self._reserved = spec.reserved_concurrency
        self._taken = 0
        self._queue: deque[Signal] = deque()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._closed = False

    @contextmanager
    def worker(self) -> Iterator[_Worker]:
        """Lend a process for one invocation, as soon as the function has a free place."""
        self._take_place()
        try:
            worker = self._take_worker()
            try:
                yield worker
            finally:
                self._put_back(worker)
        finally:
            self._leave_place()

    @property
    def reserved(self) -> int | None:
        """How many invocations may run at a time, None if none are reserved."""
        with self._lock:
            return self._reserved

    def reserve(self, places: int | None) -> None:
        """Let so many invocations run at a time from now on; None ends the reservation."""
        with self._lock:
            self._reserved = places

    def close(self) -> None:
        """End all processes; an invocation that goes on sees a crash."""
        with self._lock:
            self._closed = True
            self._idle.clear()
            workers = list(self._all)
        for worker in workers:
            worker.kill()

    def _take_place(self) -> None:
        with self._lock:
            if self._taken < (self._limit if self._reserved is None else self._reserved):
                self._taken += 1
                return
            if self._reserved is not None:
                raise _throttled()
            turn = self._clock.signal()
            self._queue.append(turn)
        turn.wait()

    def _leave_place(self) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._taken -= 1

    def _take_worker(self) -> _Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        worker = _Worker(self.spec, self._clock, self._surroundings)
        with self._lock:
            self._all.add(worker)
            closed = self._closed
        if closed:
            worker.kill()
        return worker

    def _put_back(self, worker: _Worker) -> None:
        with self._lock:
            if worker.alive and not self._closed:
                self._idle.append(worker)
                return
            self._all.discard(worker)
        worker.kill()


class _Worker:
    """One process of a function; it works on one event at a time."""

    def __init__(self, spec: FunctionSpec, clock: Clock, surroundings: Surroundings) -> None:
        self._spec = spec
        self._clock = clock
        self._on_log = surroundings.on_log
        environment = _environment(spec, surroundings)
        self._socket, child = socket.socketpair()
        with child:
            self._process = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-B", str(_RUNTIME), str(child.fileno())],
                cwd=spec.code,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[child.fileno()],
            )
        self._lines = self._socket.makefile("rb")
        self._ready = False
        self.alive = True

    def invoke(self, request_id: str, event: Any) -> _Outcome:
        """Let the function work on one event; whatever goes wrong is part of the outcome."""
        try:
            if not self._ready:
                outcome = self._receive(time.monotonic() + _INIT_SECONDS)
                if outcome is not None:
                    self.alive = False
                    return outcome
                self._ready = True
            self._send(request_id, event)
            outcome = self._receive(time.monotonic() + self._spec.timeout_seconds)
        except TimeoutError:
            self.kill()
            limit = self._spec.timeout_seconds if self._ready else _INIT_SECONDS
            return _timed_out(request_id, limit)
        except (OSError, ValueError):  # the end of the lines, or of half a line
            return _crashed(request_id, self._end())
        return outcome or _crashed(request_id, self._end())

    def kill(self) -> None:
        """End the process."""
        self.alive = False
        self._process.kill()
        self._process.wait()
        self._lines.close()
        self._socket.close()

    def _send(self, request_id: str, event: Any) -> None:
        now = self._clock.timestamp()
        request = {
            "requestId": request_id,
            "now": now,
            "deadline": now + self._spec.timeout_seconds,
            "arn": self._spec.arn,
            "event": event,
        }
        self._socket.sendall(json.dumps(request).encode() + b"\n")

    def _receive(self, until: float) -> _Outcome | None:
        """Return the outcome, or None if the process is ready for its first event."""
        while True:
            self._socket.settimeout(max(until - time.monotonic(), 0.001))
            line = self._lines.readline()
            if not line:
                raise ConnectionError("the process has ended")
            message = json.loads(line)
            if "log" in message:
                self._on_log(self._spec.logical_id, message["log"])
            elif "sleep" in message:
                until -= self._sleep(message["sleep"], until - time.monotonic())
            elif "ready" in message:
                return None
            elif "error" in message:
                return _Outcome(message["error"], failed=True)
            else:
                return _Outcome(message["result"])

    def _sleep(self, seconds: float, left: float) -> float:
        """Let the function sleep on the clock; return how much of that took no real time."""
        began = time.monotonic()
        self._clock.sleep(min(seconds, left))
        if seconds > left:
            raise TimeoutError
        self._socket.sendall(json.dumps({"now": self._clock.timestamp()}).encode() + b"\n")
        return seconds - (time.monotonic() - began)

    def _end(self) -> str:
        """Return how the process ended."""
        self.alive = False
        status = self._process.wait()
        if status == 0:
            return "Runtime exited without providing a reason"
        how = f"exit status {status}" if status > 0 else f"signal: {signal.strsignal(-status)}".lower()
        return f"Runtime exited with error: {how}"


def _environment(spec: FunctionSpec, surroundings: Surroundings) -> dict[str, str]:
    credentials = surroundings.issue_credentials(spec.role_arn, spec.name)
    logging = {"AWS_LAMBDA_LOG_LEVEL": spec.log_level} if spec.log_format == "JSON" else {}
    # An empty address is how a template says that its functions use AWS's own one.
    own = {name: value for name, value in spec.environment.items() if name != "AWS_ENDPOINT_URL" or value}
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "PYTHONUTF8": "1",
        "TZ": ":UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "_HANDLER": spec.handler,
        "LAMBDA_TASK_ROOT": str(spec.code),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_FORMAT": spec.log_format,
        **logging,
        "AWS_REGION": surroundings.region,
        "AWS_DEFAULT_REGION": surroundings.region,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_ENDPOINT_URL": surroundings.endpoint,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **own,
    }


def _function_name(path: str) -> str:
    """Return the function's name in the path of an `Invoke`, which may have a name or an ARN."""
    given = unquote(path.split("/")[3])
    if given.startswith("arn:"):
        return given.split(":")[6]
    return given.split(":function:")[-1].split(":")[0]


def _read_event(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise ApiError("InvalidRequestContentException", message) from error


def _throttled() -> ApiError:
    reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
    return ApiError("TooManyRequestsException", "Rate Exceeded.", 429, Reason=reason)


def _timed_out(request_id: str, seconds: float) -> _Outcome:
    return _failed(
        "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds"
    )


def _crashed(request_id: str, end: str) -> _Outcome:
    return _failed("Runtime.ExitError", f"RequestId: {request_id} Error: {end}")


def _failed(kind: str, message: str) -> _Outcome:
    return _Outcome(json.dumps({"errorType": kind, "errorMessage": message}), failed=True)

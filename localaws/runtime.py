"""The program of a worker: load a function's handler and answer one event after the other.

It is started as a script, with the function's own environment, and uses the standard library only. Its
one argument is a socket: a line of JSON for each event comes in; lines of JSON with log lines and, at
last, the result or the error go out. Whoever sleeps in the main thread asks the parent, whose clock may
skip the time, and whoever asks for the time is told the parent's. Whatever the handler prints is a log
line, and when the parent is gone, so is the worker.

Source of the error types, the logs and the context: "Building Lambda functions with Python" in the AWS
Lambda developer guide, and the behaviour of the runtime interface client that AWS publishes.
"""

from __future__ import annotations

import datetime as dt
import importlib
import io
import json
import logging
import os
import socket
import sys
import threading
import time
import traceback
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, NoReturn, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_STANDARD_FIELDS = {
    *vars(logging.LogRecord("", 0, "", 0, "", (), None)),
    "message",
    "asctime",
    "aws_request_id",
    "taskName",
}


class Fault(Exception):  # noqa: N818 - the runtime's own word
    """Something that the runtime itself finds wrong with a function."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Channel:
    """The lines to the parent and from it."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._lines = self._socket.makefile("rb")
        self._lock = threading.Lock()

    def receive(self) -> dict[str, Any] | None:
        """Return the next message, or None if the parent is gone."""
        line = self._lines.readline()
        message: dict[str, Any] | None = json.loads(line) if line else None
        return message

    def send(self, **message: Any) -> None:
        """Send a message."""
        with self._lock:
            self._socket.sendall(json.dumps(message).encode() + b"\n")


class Time:
    """The parent's time; between two messages it goes on at this machine's pace."""

    def __init__(self) -> None:
        self._time = time.time
        self._monotonic = time.monotonic
        self._ahead = 0.0
        self._skipped = 0.0

    def set(self, now: float) -> None:
        """Take over the parent's time, in seconds since 1970-01-01 UTC."""
        ahead = now - self._time()
        self._skipped += max(0.0, ahead - self._ahead)
        self._ahead = ahead

    def time(self) -> float:
        """Stand in for `time.time`."""
        return self._time() + self._ahead

    def time_ns(self) -> int:
        """Stand in for `time.time_ns`."""
        return int(self.time() * 1_000_000_000)

    def monotonic(self) -> float:
        """Stand in for `time.monotonic`: it counts what the parent skips, and never goes back."""
        return self._monotonic() + self._skipped

    def install(self) -> None:
        """Let everything that is imported from now on ask the parent's time."""
        time.time = self.time
        time.time_ns = self.time_ns
        time.monotonic = self.monotonic
        dt.datetime = ParentsDatetime  # type: ignore[misc] # that is the purpose


class _AnyDatetime(type):
    """Let what was made before, and what C code makes, be a datetime as well."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


class ParentsDatetime(datetime, metaclass=_AnyDatetime):
    """What stands in for `datetime.datetime`: it asks `time.time` for the time."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """Return the parent's time."""
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> Self:
        """Return the parent's time in UTC, without saying so."""
        return cls.now(UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> Self:
        """Return the parent's time in this machine's zone, without saying so."""
        return cls.now()


class Sleep:
    """What stands in for `time.sleep`: the parent says when the time is over."""

    def __init__(self, channel: Channel, clock: Time) -> None:
        self._channel = channel
        self._clock = clock
        self._sleep = time.sleep

    def __call__(self, seconds: float) -> None:
        """Return after `seconds` of the parent's clock."""
        if threading.current_thread() is not threading.main_thread():
            self._sleep(seconds)
            return
        self._channel.send(sleep=seconds)
        answer = self._channel.receive()
        if answer is not None:
            self._clock.set(answer["now"])


class LogStream(io.TextIOBase):
    """Standard output and error: every line is one of the function's log."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._rest = ""

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Send all complete lines, and keep the rest for later."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._channel.send(log=line)
        return len(text)

    def finish(self) -> None:
        """Send what has no line end."""
        if self._rest:
            self.write("\n")


class Context:
    """What a handler is told about its invocation."""

    function_version = "$LATEST"
    identity = None
    client_context = None

    def __init__(self, request_id: str, deadline: float, arn: str) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = "local"
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run."""
        return max(0, round((self._deadline - time.time()) * 1000))


class JsonFormatter(logging.Formatter):
    """Lambda's JSON log format."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON, its extra fields included."""
        kind, error, trace = record.exc_info or (None, None, None)
        fields: dict[str, Any] = {
            "timestamp": _timestamp(record.created),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "stackTrace": traceback.format_tb(trace) if trace else None,
            "errorType": kind.__name__ if kind else None,
            "errorMessage": str(error) if error else None,
            "requestId": getattr(record, "aws_request_id", None),
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}" if error else None,
        }
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
        present = {name: value for name, value in {**extra, **fields}.items() if value is not None}
        return json.dumps(present, ensure_ascii=False, default=str)


class Worker:
    """A function's handler and its log."""

    def __init__(self, channel: Channel, log: LogStream) -> None:
        self._channel = channel
        self._log = log
        self._request_id = ""
        self._as_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
        self._set_up_logging()

    def load(self, name: str) -> Callable[[Any, Context], Any] | None:
        """Return the handler, or None after the parent has been told why there is none."""
        try:
            return _load(name)
        except Fault as fault:
            self._fail(fault.kind, str(fault), [])
        except Exception as error:  # noqa: BLE001 - a module can fail in any way
            self._fail(type(error).__name__, str(error), _trace(error))
        return None

    def answer(self, request: dict[str, Any], handler: Callable[[Any, Context], Any]) -> None:
        """Let the handler work on one event and send its result or its error."""
        self._request_id = request["requestId"]
        context = Context(self._request_id, request["deadline"], request["arn"])
        try:
            result = _marshal(handler(request["event"], context))
        except Fault as fault:
            self._fail(fault.kind, str(fault), [])
        except Exception as error:  # noqa: BLE001 - a handler can fail in any way
            self._fail(type(error).__name__, str(error), _trace(error))
        else:
            self._log.finish()
            self._channel.send(result=result)

    def _fail(self, kind: str, message: str, trace: list[str]) -> None:
        error = {
            "errorMessage": message,
            "errorType": kind,
            "requestId": self._request_id,
            "stackTrace": trace,
        }
        if self._as_json:
            line = json.dumps({"timestamp": _timestamp(time.time()), "level": "ERROR", **error})
            sys.stdout.write(f"{line}\n")
        else:
            lines = "".join(trace).splitlines()
            sys.stdout.write("\n".join([f"[ERROR] {kind}: {message}", *lines]) + "\n")
        self._log.finish()
        self._channel.send(error=json.dumps(error))

    def _set_up_logging(self) -> None:
        handler = logging.StreamHandler(sys.stdout)
        handler.addFilter(self._add_request_id)
        root = logging.getLogger()
        root.addHandler(handler)
        if self._as_json:
            handler.setFormatter(JsonFormatter())
            root.setLevel(os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO"))
            return
        text = logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
        )
        text.converter = time.gmtime
        handler.setFormatter(text)

    def _add_request_id(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self._request_id
        return True


def _load(name: str) -> Callable[[Any, Context], Any]:
    module_name, _, attribute = name.rpartition(".")
    if not module_name:
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{name}': it has no module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise Fault("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        raise Fault("Runtime.UserCodeSyntaxError", message) from error
    try:
        handler: Callable[[Any, Context], Any] = getattr(module, attribute)
    except AttributeError:
        message = f"Handler '{attribute}' missing on module '{module_name}'"
        raise Fault("Runtime.HandlerNotFound", message) from None
    return handler


def _marshal(result: Any) -> str:
    try:
        return json.dumps(result, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def _trace(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return traceback.format_list([frame for frame in frames if frame.filename != __file__])


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def main() -> NoReturn:
    """Answer events until the parent is gone."""
    channel = Channel(int(sys.argv[1]))
    log = LogStream(channel)
    sys.stdout = sys.stderr = log
    clock = Time()
    clock.install()
    time.sleep = Sleep(channel, clock)  # type: ignore[assignment] # nobody sleeps for an index
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    worker = Worker(channel, log)
    handler = worker.load(os.environ["_HANDLER"])
    if handler is not None:
        channel.send(ready=True)
        while (request := channel.receive()) is not None:
            clock.set(request["now"])
            worker.answer(request, handler)
    # Threads that a handler left behind must not keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()

"""Make the next calls fail on purpose: for tests and drills.

A fault is armed by name and spent by the calls that it hits, so that a scenario reads as a list of
what goes wrong, in order.
"""

from __future__ import annotations

import socket
import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from localaws.gateway import ApiError

if TYPE_CHECKING:
    from localaws.gateway import ApiCall, ApiResponse, Proceed


class FunctionFault(StrEnum):
    """What can happen to a function's invocation before its code has a say."""

    CRASH = "crash"
    """The process exits: `Runtime.ExitError`."""
    HANG = "hang"
    """It runs until the function's own time-out: `Sandbox.Timedout`."""
    NO_ANSWER = "no answer"
    """Lambda does not answer for an hour, so that the caller's time-out decides."""
    THROTTLED = "throttled"
    """No concurrency is left: `Lambda.TooManyRequestsException`."""
    SERVICE_ERROR = "service error"
    """Lambda fails: `Lambda.ServiceException`."""


@dataclass(frozen=True, slots=True)
class ApiFault:
    """What an API call gets instead of its answer.

    Parameters
    ----------
    error : ApiError or None
        The error; None if the connection ends without any answer.
    after_effect : bool
        Whether the call takes effect before its answer is lost.
    """

    error: ApiError | None
    after_effect: bool = False


class Faults:
    """A layer that spends armed faults on the calls that pass."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # None stands for a call that is spared.
        self._api: dict[tuple[str, str], deque[ApiFault | None]] = defaultdict(deque)
        self._functions: dict[str, deque[FunctionFault]] = defaultdict(deque)

    def fail_call(  # noqa: PLR0913 - a fault is armed in one sentence
        self,
        service: str,
        operation: str,
        error: ApiError | None,
        times: int = 1,
        *,
        spared: int = 0,
        after_effect: bool = False,
    ) -> None:
        """Let the next calls of an operation fail.

        Parameters
        ----------
        service : str
            The signing name, such as `organizations`.
        operation : str
            The operation, such as `AttachPolicy`.
        error : ApiError or None
            The error to answer with; None ends the connection without any answer.
        times : int
            How many calls fail.
        spared : int
            How many calls succeed before.
        after_effect : bool
            Whether the calls take effect all the same: a lost answer.
        """
        with self._lock:
            self._api[service, operation].extend([None] * spared + [ApiFault(error, after_effect)] * times)

    def fail_function(self, name: str, fault: FunctionFault, times: int = 1) -> None:
        """Let the next invocations of the function with this logical id fail."""
        with self._lock:
            self._functions[name].extend([fault] * times)

    def next_of_function(self, name: str) -> FunctionFault | None:
        """Spend and return the next fault of a function's invocation, if one is armed."""
        with self._lock:
            return self._functions[name].popleft() if self._functions[name] else None

    def clear(self) -> None:
        """Disarm everything."""
        with self._lock:
            self._api.clear()
            self._functions.clear()

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Spend an armed fault on `call`, or let it proceed."""
        with self._lock:
            armed = self._api.get((call.service, call.operation))
            fault = armed.popleft() if armed else None
        if fault is None:
            return proceed(call)
        if fault.after_effect:
            proceed(call)
        if fault.error is None:
            _hang_up(call)
            raise ApiError("ConnectionLost", "Nobody hears this answer.")
        raise fault.error


def _hang_up(call: ApiCall) -> None:
    """End the connection that a call came by; the server behind the endpoint gives its socket away."""
    connection: socket.socket = call.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)

"""A record of every call that passed the endpoint: who called what, and how it ended."""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from localaws.clock import Clock
    from localaws.gateway import ApiCall, ApiResponse, Proceed
    from localaws.identities import Identities

_THROTTLES = frozenset({"TooManyRequestsException", "Throttling", "ThrottlingException"})
_XML_CODE = re.compile(rb"<Code>([^<]*)</Code>")
_XML_MESSAGE = re.compile(rb"<Message>([^<]*)</Message>")


@dataclass(frozen=True, slots=True)
class CallError:
    """How a refused call was answered."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call that was answered.

    Parameters
    ----------
    service : str
        The signing name, such as `organizations`.
    operation : str
        The operation, such as `AttachPolicy`.
    principal : str
        The caller's ARN.
    error_code : str or None
        The error's code; None if the call succeeded.
    at : datetime
        When the call came, on the clock.
    """

    service: str
    operation: str
    principal: str
    error_code: str | None
    at: datetime

    @property
    def throttled(self) -> bool:
        """Whether the call was refused for coming too fast."""
        return self.error_code in _THROTTLES


class CallLog:
    """A layer that records every call.

    Parameters
    ----------
    clock : Clock
        Tells when a call came.
    identities : Identities
        Tells who called.
    keep : int
        How many calls to remember; the oldest are forgotten first.
    """

    def __init__(self, clock: Clock, identities: Identities, keep: int = 500_000) -> None:
        self._clock = clock
        self._identities = identities
        self._lock = threading.Lock()
        self._calls: deque[RecordedCall] = deque(maxlen=keep)

    def recorded(self, service: str = "", operation: str = "") -> list[RecordedCall]:
        """Return the calls so far, in the order of their answers.

        Parameters
        ----------
        service : str
            Only calls of this service; empty for all.
        operation : str
            Only calls of this operation; empty for all.
        """
        with self._lock:
            calls = list(self._calls)
        return [call for call in calls if service in {"", call.service} and operation in {"", call.operation}]

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Let `call` proceed and record how it ended."""
        at, principal = self._clock.now(), self._identities.principal_of(call)
        response = proceed(call)
        error = error_of(response)
        code = error.code if error else None
        with self._lock:
            self._calls.append(RecordedCall(call.service, call.operation, principal, code, at))
        return response


def error_of(response: ApiResponse) -> CallError | None:
    """Read the error out of a response of any protocol; None if the call succeeded."""
    if response.ok:
        return None
    if found := _XML_CODE.search(response.body):
        text = _XML_MESSAGE.search(response.body)
        return CallError(found[1].decode(), text[1].decode() if text else "")
    try:
        body = json.loads(response.body)
        named = next((v for k, v in response.headers if k.lower() == "x-amzn-errortype"), "")
        code = str(named or body.get("__type", "")).rpartition("#")[2].partition(":")[0]
        return CallError(code, str(body.get("message") or body.get("Message") or ""))
    except (ValueError, AttributeError):
        return CallError(str(response.status), "")

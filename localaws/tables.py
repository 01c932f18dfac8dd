"""DynamoDB's calls, one at a time.

moto looks whether a condition holds and then writes, and another call may come between the two. On AWS
a conditional write is one step: of two that want to be the first, one fails.

Source: the DynamoDB developer guide, "Condition expressions" and "Read and write operations".
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localaws.gateway import ApiCall, ApiResponse, Proceed


class Tables:
    """A layer that lets the calls of DynamoDB pass one after the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Let `call` proceed, when it is its turn."""
        if call.service != "dynamodb":
            return proceed(call)
        with self._lock:
            return proceed(call)

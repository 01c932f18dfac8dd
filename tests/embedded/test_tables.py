"""DynamoDB's calls, one at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from moto.moto_api._internal.models import moto_api_backend

from localaws.clock import SkippingClock
from localaws.gateway import ApiCall, ApiResponse, Gateway, Proceed
from localaws.tables import Tables
from tests.embedded.wire import connect


class Meeting:
    """A layer that tells whether two calls were in it at the same time."""

    def __init__(self) -> None:
        self.met = False
        self._here = threading.Barrier(2, timeout=0.1)

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Let `call` wait for another one for a moment, and proceed."""
        try:
            self._here.wait()
            self.met = True
        except threading.BrokenBarrierError:
            self._here.reset()
        return proceed(call)


def meet(method: str, service: str, **arguments: Any) -> bool:
    """Return whether two calls that come at once are worked on at once."""
    moto_api_backend.reset()
    meeting = Meeting()
    gateway = Gateway([Tables(), meeting], SkippingClock())
    clients = [connect(gateway, service) for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda client: getattr(client, method)(**arguments), clients))
    return meeting.met


@pytest.mark.parametrize(("service", "met"), [("dynamodb", False), ("sqs", True)])
def test_only_dynamodbs_calls_wait_for_each_other(service: str, met: bool) -> None:  # noqa: FBT001 - a table
    assert meet("list_tables" if service == "dynamodb" else "list_queues", service) is met

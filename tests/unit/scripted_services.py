"""Real boto3 clients of the services beside Organizations, whose answers are written down beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from botocore.stub import Stubber

from holdfast.calling import ONE_ATTEMPT


@contextmanager
def scripted(service: str) -> Iterator[tuple[Any, Stubber]]:
    """Lend a client and what its answers are written on; all of them must be asked for."""
    client = _client(service)
    stubber = Stubber(client)
    with stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


@cache
def _client(service: str) -> Any:
    """Return the client of this process: making one reads a megabyte of JSON."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
        config=ONE_ATTEMPT,
    )

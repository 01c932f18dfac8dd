"""moto's DynamoDB and SSM within this process: conditions, paging and limits are theirs.

And successors for the tests of those who only read them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from moto import mock_aws

from holdfast.calling import ONE_ATTEMPT
from holdfast.exemption_store import ExemptionStore
from holdfast.memory import Memory
from holdfast.successors import Successors

TABLE = "memory"


@contextmanager
def mocked_memory() -> Iterator[Memory]:
    """Lend a memory that is empty."""
    with mock_aws():
        client = _client("dynamodb")
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield Memory(client, TABLE)


@contextmanager
def mocked_successors() -> Iterator[tuple[Successors, Any]]:
    """Lend successors of which there are none yet, and the SSM client behind them."""
    with mock_aws():
        client = _client("ssm")
        yield Successors(client), client


@contextmanager
def mocked_exemptions() -> Iterator[tuple[ExemptionStore, Any]]:
    """Lend the exemptions, of which there are none yet, and the SSM client behind them."""
    with mock_aws():
        client = _client("ssm")
        yield ExemptionStore(client), client


class KnownSuccessors(Successors):
    """Successors that are known beforehand."""

    def __init__(self, known: Mapping[str, str] | Exception) -> None:
        self.known = known

    def read(self) -> Mapping[str, str]:
        """Tell them."""
        if isinstance(self.known, Exception):
            raise self.known
        return self.known


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

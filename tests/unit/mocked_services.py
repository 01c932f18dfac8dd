"""moto's DynamoDB and SSM within this process: conditions, paging and limits are theirs.

And successors for the tests of those who only read them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

import boto3
from moto import mock_aws

from holdfast.attachment import Attachment
from holdfast.calling import ONE_ATTEMPT
from holdfast.exemption import Parameter
from holdfast.exemption_store import ExemptionStore
from holdfast.fight import Round
from holdfast.ledger_table import LedgerTable
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


@contextmanager
def mocked_ledger() -> Iterator[tuple[LedgerTable, Any]]:
    """Lend a ledger that is empty, and the DynamoDB client behind it."""
    with mock_aws():
        client = _client("dynamodb")
        client.create_table(
            TableName="ledger",
            KeySchema=[
                {"AttributeName": "attachment", "KeyType": "HASH"},
                {"AttributeName": "incident", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "attachment", "AttributeType": "S"},
                {"AttributeName": "incident", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield LedgerTable(client, "ledger"), client


class KnownExemptions(ExemptionStore):
    """Exemptions that are known beforehand."""

    def __init__(self, known: Sequence[Parameter] | Exception = ()) -> None:
        self.known = known
        self.asked: list[Sequence[str]] = []

    def read_named(self, names: Sequence[str]) -> tuple[Parameter, ...]:
        """Tell those that are asked for."""
        self.asked.append(names)
        if isinstance(self.known, Exception):
            raise self.known
        return tuple(parameter for parameter in self.known if parameter.name in names)


class KnownLedger(LedgerTable):
    """A ledger that is known beforehand."""

    def __init__(self, known: Sequence[Round] | Exception = ()) -> None:
        self.known = known

    def rounds(self, attachment: Attachment, since: datetime) -> tuple[Round, ...]:
        """Tell them, whatever the attachment is."""
        assert attachment.policy_id
        if isinstance(self.known, Exception):
            raise self.known
        return tuple(one for one in self.known if one.at >= since)


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

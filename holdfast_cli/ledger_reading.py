"""The ledger's table, as the operator's command reads it: page by page, to the end."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from holdfast.attachment import Attachment
from holdfast.reconciliation.trigger import Scope, ScopeKind
from holdfast.timestamps import format_timestamp
from holdfast_cli.deployed_stack import find_stack
from holdfast_cli.incidents import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from holdfast_cli.session import Session

TABLE = "LedgerTableName"
"""The stack's output that has the table's name."""

_FIRST = "0000"
"""Before every time."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """A stack's ledger.

    Parameters
    ----------
    client : DynamoDBClient
        A boto3 client.
    table : str
        The table's name.
    """

    client: DynamoDBClient
    table: str

    def pages(self, since: datetime | None = None) -> Iterator[Sequence[Item]]:
        """Yield all that was recorded of detaches since a time, and all names.

        The whole table is read, for it has no index by time; DynamoDB leaves out what is older. Names may
        stand with a run that an older event began.
        """
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.table,
            FilterExpression="attribute_exists(expires) OR incident >= :since",
            ExpressionAttributeValues={":since": {"S": _key(since)}},
            ConsistentRead=True,
        )
        for page in pages:
            yield page["Items"]

    def pages_of(
        self, attachments: Collection[Attachment], since: datetime | None = None
    ) -> Iterator[Sequence[Item]]:
        """Yield what was recorded of attachments, and of the runs whose names tell who detached them."""
        for partition in _partitions(attachments):
            pages = self.client.get_paginator("query").paginate(
                TableName=self.table,
                KeyConditionExpression="attachment = :attachment AND incident >= :since",
                ExpressionAttributeValues={":attachment": {"S": partition}, ":since": {"S": _key(since)}},
                ConsistentRead=True,
            )
            for page in pages:
                yield page["Items"]


def find_ledger(session: Session, stack: str) -> Ledger:
    """Return a stack's ledger.

    Raises
    ------
    NoStackError
        If there is no such stack, or it has no ledger.
    """
    client: Any = session.client("dynamodb")
    return Ledger(client, find_stack(session.client("cloudformation"), stack).output(TABLE, "the ledger"))


def _key(since: datetime | None) -> str:
    return format_timestamp(since) if since else _FIRST


def _partitions(attachments: Collection[Attachment]) -> Iterator[str]:
    """Yield the hash keys to read: who is behind a drift stands with the run that found it."""
    scopes = {Scope(ScopeKind.ALL).key}
    for attachment in attachments:
        yield attachment.pair
        scopes |= {
            Scope(ScopeKind.ATTACHMENT, attachment.pair).key,
            Scope(ScopeKind.POLICY, attachment.policy_id).key,
            Scope(ScopeKind.TARGET, attachment.target_id).key,
        }
    for key in sorted(scopes):
        yield f"reconciliation/{key}"

"""The ledger's table, as its readers see it; the state machines write it themselves."""

from __future__ import annotations

import os
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

import boto3

from holdfast.attachment import Attachment
from holdfast.calling import ONE_ATTEMPT, call
from holdfast.fight import Round
from holdfast.ledger import rounds_in
from holdfast.settings import named_in
from holdfast.timestamps import format_timestamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class LedgerTable:
    """Read the ledger.

    Every method raises `ServiceBusyError` or `ServiceRefusedError`.

    Parameters
    ----------
    client : DynamoDBClient
        A boto3 client that makes one attempt.
    table : str
        The table's name.
    """

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def rounds(self, attachment: Attachment, since: datetime) -> tuple[Round, ...]:
        """Return the detaches of an attachment since a time, as far as they are recorded.

        One page, the newest first: it holds some thousand rounds, and nobody reads that many. Source:
        DynamoDB developer guide, "Paginating table query results": a page is a megabyte.
        """
        answer = call(
            "dynamodb",
            "Query",
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="attachment = :attachment AND incident >= :since",
            ExpressionAttributeValues={
                ":attachment": {"S": attachment.pair},
                ":since": {"S": format_timestamp(since)},
            },
            ConsistentRead=True,
            ScanIndexForward=False,
        )
        return rounds_in(answer["Items"])


@cache
def connect_ledger() -> LedgerTable:
    """Return the connection of this process, made at the first call and kept while the function is warm.

    Raises
    ------
    SettingsError
        If the environment does not name the table.
    """
    table = named_in(os.environ, "LEDGER_TABLE", "a table's name")
    return LedgerTable(boto3.client("dynamodb", config=ONE_ATTEMPT), table)

"""What is remembered from run to run: one DynamoDB item per name, each a JSON object.

An item is written only if it still is what was read, so that two runs never overwrite each other's word.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from holdfast.calling import ONE_ATTEMPT, call
from holdfast.errors import ServiceRefusedError
from holdfast.settings import named_in

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_CHANGED = "ConditionalCheckFailedException"


class Memory:
    """Recall and remember.

    Every method raises `ServiceBusyError` or `ServiceRefusedError`.

    Parameters
    ----------
    client : DynamoDBClient
        A boto3 client that makes one attempt.
    table : str
        The table's name; its key is the text `name`, and `content` holds the JSON.
    """

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def recall(self, name: str) -> Mapping[str, Any] | None:
        """Return what is remembered under a name, read consistently; None if nothing is.

        What is not as `remember` writes it is refused: somebody else wrote it, and no condition would ever
        find it unchanged.
        """
        answer = call(
            "dynamodb",
            "GetItem",
            self._client.get_item,
            TableName=self._table,
            Key={"name": {"S": name}},
            ConsistentRead=True,
        )
        item = answer.get("Item")
        return None if item is None else _parse(name, item)

    def remember(
        self, name: str, content: Mapping[str, Any], *, instead_of: Mapping[str, Any] | None
    ) -> bool:
        """Write under a name, and return whether it was still `instead_of` that stood there.

        Parameters
        ----------
        name : str
            The item's name.
        content : mapping
            A JSON object.
        instead_of : mapping or None
            What `recall` returned.
        """
        try:
            call(
                "dynamodb",
                "PutItem",
                self._client.put_item,
                TableName=self._table,
                Item={"name": {"S": name}, "content": {"S": _spell(content)}},
                **_unchanged(instead_of),
            )
        except ServiceRefusedError as error:
            if error.code == _CHANGED:
                return False
            raise
        return True


def _parse(name: str, item: Mapping[str, Any]) -> Mapping[str, Any]:
    text = item.get("content", {}).get("S", "")
    try:
        content = json.loads(text)
        ours = isinstance(content, dict) and _spell(content) == text
    except (ValueError, RecursionError):
        ours = False
    if not ours:
        explained = f"the item “{name}” is not as Holdfast writes it: delete it"
        raise ServiceRefusedError("dynamodb", "GetItem", "NotOurs", explained)
    return dict(content)


def _unchanged(before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the condition that an item is still what was read."""
    if before is None:
        return {
            "ConditionExpression": "attribute_not_exists(#name)",
            "ExpressionAttributeNames": {"#name": "name"},
        }
    return {
        "ConditionExpression": "content = :before",
        "ExpressionAttributeValues": {":before": {"S": _spell(before)}},
    }


def _spell(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@cache
def connect_memory() -> Memory:
    """Return the connection of this process, made at the first call and kept while the function is warm.

    Raises
    ------
    SettingsError
        If the environment does not name the table.
    """
    table = named_in(os.environ, "MEMORY_TABLE", "a table's name")
    return Memory(boto3.client("dynamodb", config=ONE_ATTEMPT), table)

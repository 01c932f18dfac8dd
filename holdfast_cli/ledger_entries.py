"""The ledger as people ask for it: every entry, with who did it while that is kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from holdfast.attachment import Attachment
from holdfast.ledger import NAMES
from holdfast.timestamps import format_timestamp, parse_timestamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = Mapping[str, Mapping[str, Any]]

BY_RECONCILIATION = "reconciliation, "
"""How the outcome of what the slow path did begins."""

_ABOUT = {"detachment", "drift"}
_RUN = "reconciliation"


@dataclass(frozen=True, slots=True)
class Entry:
    """One outcome of an incident, as the ledger has it. What is not recorded is None, or empty.

    Parameters
    ----------
    attachment : Attachment
        What was off.
    outcome : str
        How it ended, such as `restored`; of the slow path, behind `reconciliation, `.
    recorded_at : datetime
        When it was written.
    detached_at : datetime or None
        When it was detached; None if nobody knows.
    verdict, severity, error : str
        As Holdfast's records have them.
    exposure : timedelta or None
        For how long it was off, until it was confirmed to be on again.
    accounts : int or None
        How many accounts the target covers.
    event_ids : frozenset of str
        The ids of the call and of its event.
    policy_name : str
        The guardrail's name.
    principal : str
        Who did it: the ARN or name while it is kept, then the unique id.
    session : str
        The session's name, which the caller chose.
    source_ip : str
        Where the call came from, while it is kept.
    account_id : str
        The account of whoever did it.
    baseline_version, code_version, execution : str
        What judged it, and where that can be read.
    """

    attachment: Attachment
    outcome: str
    recorded_at: datetime
    detached_at: datetime | None = None
    verdict: str = ""
    severity: str = ""
    error: str = ""
    exposure: timedelta | None = None
    accounts: int | None = None
    event_ids: frozenset[str] = frozenset()
    policy_name: str = ""
    principal: str = ""
    session: str = ""
    source_ip: str = ""
    account_id: str = ""
    baseline_version: str = ""
    code_version: str = ""
    execution: str = ""

    @property
    def since(self) -> datetime:
        """When it began, as far as that is known."""
        return self.detached_at or self.recorded_at


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was read of the ledger.

    Parameters
    ----------
    entries : tuple of Entry
        Every entry about an attachment, the newest first.
    runs : int
        How many reconciliations are recorded.
    unread : int
        How many items are not as Holdfast writes them; an execution with an event that could not be read has
        one as well, for it names no attachment.
    """

    entries: tuple[Entry, ...] = ()
    runs: int = 0
    unread: int = 0


def read_items(client: DynamoDBClient, table: str, since: datetime) -> Iterator[Sequence[Item]]:
    """Yield what was recorded since a time, and all names, page by page.

    The whole table is read, for it has no index by time; DynamoDB leaves out what is older.

    Parameters
    ----------
    client : DynamoDBClient
        A boto3 client.
    table : str
        The ledger's name.
    since : datetime
        The first moment of `recorded_at`.
    """
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        FilterExpression="attribute_exists(expires) OR recorded_at >= :since",
        ExpressionAttributeValues={":since": {"S": format_timestamp(since)}},
        ConsistentRead=True,
    )
    for page in pages:
        yield page["Items"]


def read_ledger(items: Iterable[Item]) -> Ledger:
    """Return what items say; what is no item of Holdfast's is counted and passed over."""
    facts: list[Item] = []
    names: dict[tuple[str, str], Item] = {}
    authors: dict[str, Item] = {}
    for item in items:
        attachment, key = _key(item)
        if key.endswith(NAMES):
            names[attachment, key.removesuffix(NAMES)] = item
            authors.update(_authors(item))
        else:
            facts.append(item)
    told = [item for item in facts if _text(item, "about") != _RUN]
    read = [
        _entry(
            item, names.get((_text(item, "attachment"), _text(item, "incident"))) or _author(item, authors)
        )
        for item in told
    ]
    entries = sorted((entry for entry in read if entry), key=lambda entry: entry.since, reverse=True)
    return Ledger(tuple(entries), len(facts) - len(told), len(told) - len(entries))


def _key(item: Item) -> tuple[str, str]:
    return _text(item, "attachment"), _text(item, "incident")


def _authors(names: Item) -> Iterator[tuple[str, Item]]:
    """Yield the event and the names of each author that a run's names list: id, identity, session."""
    for line in _text(names, "authors").splitlines():
        event_id, _, rest = line.partition(" ")
        identity, _, session = rest.partition(" ")
        known = {"arn": identity, "session_name": session}
        yield event_id, {name: {"S": word} for name, word in known.items() if word != "-"}


def _author(item: Item, authors: Mapping[str, Item]) -> Item:
    return authors.get(_text(item, "event_id"), {})


def _entry(item: Item, names: Item) -> Entry | None:
    """Return what an item says; None if it is none of Holdfast's."""
    policy_id, _, target_id = _text(item, "attachment").partition("/")
    if _text(item, "about") not in _ABOUT:
        return None
    try:
        detached, seconds = _text(item, "detached_at"), _number(item, "exposure_seconds")
        return Entry(
            attachment=Attachment(policy_id, target_id),
            outcome=_text(item, "outcome"),
            recorded_at=parse_timestamp(_text(item, "recorded_at")),
            detached_at=parse_timestamp(detached) if detached else None,
            exposure=None if seconds is None else timedelta(seconds=seconds),
            accounts=_number(item, "accounts"),
            event_ids=frozenset(filter(None, (_text(item, "call_id"), _text(item, "event_id")))),
            principal=_text(names, "arn") or _text(names, "name") or _text(item, "principal_id"),
            session=_text(names, "session_name"),
            source_ip=_text(names, "source_ip"),
            **{name: _text(item, name) for name in _PLAIN},
        )
    except (ValueError, OverflowError):
        return None


_PLAIN = (
    "verdict",
    "severity",
    "error",
    "policy_name",
    "account_id",
    "baseline_version",
    "code_version",
    "execution",
)
_WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)


def _text(item: Item, name: str) -> str:
    attribute = item.get(name)
    value = attribute.get("S") if isinstance(attribute, Mapping) else None
    return value if isinstance(value, str) else ""


def _number(item: Item, name: str) -> int | None:
    attribute = item.get(name)
    value = attribute.get("N") if isinstance(attribute, Mapping) else None
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else None

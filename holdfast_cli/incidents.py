"""The ledger's incidents as people ask for them: what was off, who did it while that is kept, how it ended.

Whoever may write to the table could have written anything: an item counts if it is as Holdfast writes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from holdfast.attachment import Attachment
from holdfast.ledger import NAMES, SCHEMA
from holdfast.outcome import Outcome
from holdfast.reconciliation.fates import Done
from holdfast.reconciliation.ledger import ATTACHMENTS
from holdfast.timestamps import format_timestamp, parse_timestamp

Item = Mapping[str, Mapping[str, Any]]

BY_RECONCILIATION = "reconciliation, "
"""How the outcome of what the slow path did begins."""

UNREADABLE = "unknown"
"""What stands for the attachment of an event that could not be read."""

_OUTCOMES = {
    "detachment": frozenset(outcome.value for outcome in Outcome),
    "drift": frozenset(f"{BY_RECONCILIATION}{done}" for done in Done),
}
_RUN, _RUN_KEY = "reconciliation", "reconciliation/"
_WHOLE = re.compile(r"[0-9]{1,12}", re.ASCII)
_LONGEST = 512
"""Characters that are kept of a word; ARNs have more than 160."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One outcome of an incident, as the ledger has it. What is not recorded is None, or empty.

    Parameters
    ----------
    attachment : Attachment or None
        What was off; None if the event could not be read.
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
    organization, baseline_version, code_version, execution : str
        For which organization, by what it was judged, and where that can be read.
    """

    attachment: Attachment | None
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
    organization: str = ""
    baseline_version: str = ""
    code_version: str = ""
    execution: str = ""

    @property
    def at(self) -> datetime:
        """When it began, as far as that is known."""
        return self.detached_at or self.recorded_at


@dataclass(frozen=True, slots=True)
class Run:
    """A reconciliation, as the ledger has it.

    Parameters
    ----------
    at : datetime
        When it was recorded.
    outcome : str
        How it ended.
    baseline_version : str
        By which baseline.
    uncounted : int
        How many attachments were off beyond those that have items of their own.
    """

    at: datetime
    outcome: str
    baseline_version: str = ""
    uncounted: int = 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was read of the ledger.

    Parameters
    ----------
    incidents : tuple of Incident
        The newest first.
    runs : tuple of Run
        The reconciliations.
    passed_over : int
        How many items are not as Holdfast writes them.
    """

    incidents: tuple[Incident, ...] = ()
    runs: tuple[Run, ...] = ()
    passed_over: int = 0


def read_items(items: Iterable[Item]) -> Recorded:
    """Return what items say; what is no item of Holdfast's is counted and passed over."""
    facts: list[Item] = []
    names: dict[tuple[str, str], Item] = {}
    authors: dict[str, Item] = {}
    for item in items:
        attachment, key = _text(item, "attachment"), _text(item, "incident")
        if key.endswith(NAMES):
            names[attachment, key.removesuffix(NAMES)] = item
            authors.update(_authors(item))
        else:
            facts.append(item)
    incidents, runs, passed_over = list[Incident](), list[Run](), 0
    for item in facts:
        who = names.get((_text(item, "attachment"), _text(item, "incident")))
        read = parse_item(item, who or authors.get(_text(item, "event_id"), {}))
        if isinstance(read, Incident):
            incidents.append(read)
        elif isinstance(read, Run):
            runs.append(read)
        else:
            passed_over += 1
    incidents.sort(key=lambda incident: (incident.at, incident.recorded_at), reverse=True)
    return Recorded(tuple(incidents), tuple(runs), passed_over)


def parse_item(item: Item, names: Item) -> Incident | Run | None:
    """Return what an item says; None if it is none of Holdfast's.

    Parameters
    ----------
    item : mapping
        The item, as DynamoDB answers it.
    names : mapping
        The item with its names, or nothing where they have expired.
    """
    if _number(item, "schema") != SCHEMA:
        return None
    try:
        if _text(item, "about") == _RUN and _text(item, "attachment").startswith(_RUN_KEY):
            return _run(item)
        return _incident(item, names)
    except (ValueError, OverflowError):
        return None


def _run(item: Item) -> Run:
    return Run(
        at=parse_timestamp(_text(item, "recorded_at")),
        outcome=_text(item, "outcome"),
        baseline_version=_text(item, "baseline_version"),
        uncounted=max((_number(item, "attachments_in_all") or 0) - ATTACHMENTS, 0),
    )


def _incident(item: Item, names: Item) -> Incident | None:
    outcome, detached = _text(item, "outcome"), _text(item, "detached_at")
    if outcome not in _OUTCOMES.get(_text(item, "about"), ()):
        return None
    seconds, at = _number(item, "exposure_seconds"), detached or _text(item, "recorded_at")
    incident = Incident(
        attachment=_attachment(item),
        outcome=outcome,
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
    # The key says the same as the item, or somebody else wrote it.
    key = _text(item, "incident")
    written = key.startswith(f"{format_timestamp(parse_timestamp(at))}/") and key.endswith(f"/{outcome}")
    return incident if written else None


_PLAIN = (
    "verdict",
    "severity",
    "error",
    "policy_name",
    "account_id",
    "organization",
    "baseline_version",
    "code_version",
    "execution",
)


def _attachment(item: Item) -> Attachment | None:
    """Return what was off; raises ValueError if it is neither an attachment nor said to be unknown."""
    key = _text(item, "attachment")
    if key == UNREADABLE:
        return None
    policy_id, _, target_id = key.partition("/")
    return Attachment(policy_id, target_id)


def _authors(names: Item) -> Iterator[tuple[str, Item]]:
    """Yield the event and the names of each author that a run's names list: id, identity, session."""
    for line in _text(names, "authors", limit=None).splitlines():
        event_id, _, rest = line.partition(" ")
        identity, _, session = rest.rpartition(" ")
        known = {"arn": identity, "session_name": session}
        yield event_id, {name: {"S": word} for name, word in known.items() if word != "-"}


def _text(item: Item, name: str, limit: int | None = _LONGEST) -> str:
    attribute = item.get(name)
    value = attribute.get("S") if isinstance(attribute, Mapping) else None
    # Half a character (a lone surrogate) cannot be written to any file.
    return value[:limit].encode(errors="replace").decode() if isinstance(value, str) else ""


def _number(item: Item, name: str) -> int | None:
    attribute = item.get(name)
    value = attribute.get("N") if isinstance(attribute, Mapping) else None
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else None

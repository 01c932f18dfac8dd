"""`holdfast history`: what the ledger holds, for people, for programs and for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from rich.table import Table

from holdfast.attachment import Attachment
from holdfast.timestamps import format_timestamp
from holdfast_cli.deployed_stack import find_stack
from holdfast_cli.ledger_entries import Entry, Item, Ledger, read_items, read_ledger
from holdfast_cli.screen import safe

if TYPE_CHECKING:
    from holdfast_cli.screen import Screen
    from holdfast_cli.session import Session

OUTPUT = "LedgerTableName"


class Form(Enum):
    """How a history is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the ledger is asked for.

    Parameters
    ----------
    since, until : datetime
        The window of the detaches; `until` is not in it.
    policy_id : str or None
        One policy; None for all.
    target_id : str or None
        One target; None for all.
    """

    since: datetime
    until: datetime
    policy_id: str | None = None
    target_id: str | None = None

    def wants(self, entry: Entry) -> bool:
        """Return whether an entry is asked for."""
        attachment = entry.attachment
        return (
            self.since <= entry.since < self.until
            and self.policy_id in {None, attachment.policy_id}
            and self.target_id in {None, attachment.target_id}
        )


def run_history(screen: Screen, session: Session, stack: str, wanted: Wanted, form: Form) -> int:
    """Print what the ledger holds, the newest first, and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print.
    session : Session
        Which AWS, as whom.
    stack : str
        The stack's name.
    wanted : Wanted
        What is asked for.
    form : Form
        How it is printed.

    Raises
    ------
    NoStackError
        If there is no such stack, or it has no ledger.
    """
    ledger = look_into_ledger(screen, session, stack, wanted.since)
    entries = tuple(entry for entry in ledger.entries if wanted.wants(entry))
    match form:
        case Form.JSON:
            screen.document([as_document(entry) for entry in entries])
        case Form.CSV:
            screen.line(_as_csv(entries))
        case Form.TABLE:
            _show(screen, entries, ledger, wanted)
    return 0


def find_ledger(session: Session, stack: str) -> str:
    """Return the name of a stack's ledger; raises `NoStackError` if there is none."""
    return find_stack(session.client("cloudformation"), stack).output(OUTPUT, "the ledger")


def look_into_ledger(screen: Screen, session: Session, stack: str, since: datetime) -> Ledger:
    """Return what was recorded since a time; the screen shows how far it is."""
    table = find_ledger(session, stack)
    items: list[Item] = []
    with screen.counter("Reading the ledger") as counter:
        for page in read_items(session.client("dynamodb"), table, since):
            items += page
            counter.add(len(page))
    return read_ledger(items)


def _show(screen: Screen, entries: tuple[Entry, ...], ledger: Ledger, wanted: Wanted) -> None:
    if entries:
        table = Table("Detached (UTC)", "Guardrail", "Target", "By", "Outcome", "Exposed", box=None)
        for entry in entries:
            table.add_row(*(safe(cell) for cell in _cells(entry)))
        screen.show(table)
    window = f"from {format_timestamp(wanted.since)} to {format_timestamp(wanted.until)}"
    screen.line(f"{len(entries):,} recorded {window}, and {ledger.runs:,} reconciliations since.", "bold")
    if ledger.unread:
        screen.line(f"{ledger.unread:,} items name no attachment, or are not Holdfast's: left out.", "yellow")


def _cells(entry: Entry) -> tuple[str, ...]:
    when = format_timestamp(entry.since) if entry.detached_at else f"before {format_timestamp(entry.since)}"
    policy = entry.policy_name or entry.attachment.policy_id
    session = f" ({entry.session})" if entry.session else ""
    who = f"{entry.principal.rpartition(':')[2] or 'not known'}{session}"
    return when, policy, entry.attachment.target_id, who, entry.outcome, span(entry.exposure)


def span(exposure: timedelta | None) -> str:
    """Return a time span as people read it; nothing where there is none."""
    if exposure is None:
        return "-"
    seconds = int(exposure.total_seconds())
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"{seconds} s"
    minutes, hours = seconds // 60, seconds // 3600
    return f"{minutes} min" if hours < 2 else f"{hours} h {minutes % 60} min"  # noqa: PLR2004 - two hours


def as_document(entry: Entry) -> dict[str, Any]:
    """Return an entry as plain JSON: every key always there."""
    return {
        "policy_id": entry.attachment.policy_id,
        "policy_name": entry.policy_name or None,
        "target_id": entry.attachment.target_id,
        "detached_at": format_timestamp(entry.detached_at) if entry.detached_at else None,
        "recorded_at": format_timestamp(entry.recorded_at),
        "outcome": entry.outcome,
        "verdict": entry.verdict or None,
        "severity": entry.severity or None,
        "error": entry.error or None,
        "exposure_seconds": None if entry.exposure is None else int(entry.exposure.total_seconds()),
        "accounts": entry.accounts,
        "principal": entry.principal or None,
        "session": entry.session or None,
        "account_id": entry.account_id or None,
        "source_ip": entry.source_ip or None,
        "event_ids": sorted(entry.event_ids),
        "execution": entry.execution or None,
        "baseline_version": entry.baseline_version or None,
        "code_version": entry.code_version or None,
    }


_COLUMNS = tuple(
    as_document(Entry(Attachment("p-examplescp1", "r-exmp"), "", datetime.min.replace(tzinfo=UTC)))
)


def _as_csv(entries: tuple[Entry, ...]) -> str:
    written = io.StringIO()
    documents = [as_document(entry) for entry in entries]
    rows = csv.DictWriter(written, _COLUMNS, lineterminator="\n")
    rows.writeheader()
    rows.writerows({name: _cell(value) for name, value in document.items()} for document in documents)
    return written.getvalue().rstrip("\n")


def _cell(value: Any) -> str:
    """Return a value as a spreadsheet takes it: what begins like a formula is text.

    Source: OWASP, "CSV Injection".
    """
    if isinstance(value, list):
        value = " ".join(map(str, value))
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def since_of(text: str, now: datetime) -> datetime:
    """Return the moment that people name: `7d`, `12h`, `2026-10-01`, or a time with its zone.

    Raises
    ------
    ValueError
        If it is none of these; names the value and what was expected.
    """
    unit = _SPANS.get(text[-1:])
    if unit and text[:-1].isascii() and text[:-1].isdecimal() and len(text) <= _LONGEST_SPAN:
        return now - int(text[:-1]) * unit
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"got {text!r}, expected 7d, 12h, a day such as 2026-10-01, or a time with its zone"
        raise ValueError(message) from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


_SPANS: Mapping[str, timedelta] = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
_LONGEST_SPAN = 5

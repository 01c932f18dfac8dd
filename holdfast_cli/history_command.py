"""`holdfast history`: the ledger's incidents as a table, as JSON or for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from holdfast.attachment import Attachment
from holdfast.baseline import Baseline
from holdfast.quoting import quoted
from holdfast.reconciliation.sentence import counted
from holdfast.timestamps import format_timestamp, parse_timestamp
from holdfast_cli.command_line import say
from holdfast_cli.evidence import names_in
from holdfast_cli.exempt import policy_called
from holdfast_cli.finding import shown
from holdfast_cli.incidents import UNREADABLE, Incident, Item, Recorded, read_items
from holdfast_cli.ledger_reading import Ledger, find_ledger
from holdfast_cli.organization_tree import find_target
from holdfast_cli.screen import safe
from holdfast_cli.spans import span_of

if TYPE_CHECKING:
    from holdfast_cli.screen import Screen
    from holdfast_cli.session import Session

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

# What a spreadsheet takes for a formula, also in its full width. Source: OWASP, "CSV Injection".
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")

_COLUMNS = ("Time (UTC)", "Guardrail", "Target", "Who", "Outcome", "Exposure", "Accounts")


@dataclass(frozen=True, slots=True)
class Question:
    """Which incidents are asked for; None is all of them.

    Parameters
    ----------
    policy_ids : frozenset of str or None
        The policies, a guardrail's under its new id and the declared one.
    target_id : str or None
        The target.
    since, until : datetime or None
        From when on, and before when.
    """

    policy_ids: frozenset[str] | None = None
    target_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The attachments, if the question names both parts of them."""
        if self.policy_ids is None or self.target_id is None:
            return ()
        return tuple(Attachment(policy_id, self.target_id) for policy_id in sorted(self.policy_ids))

    def wants(self, incident: Incident) -> bool:
        """Return whether an incident is asked for."""
        policy_id = incident.attachment.policy_id if incident.attachment else UNREADABLE
        target_id = incident.attachment.target_id if incident.attachment else UNREADABLE
        return (
            (self.policy_ids is None or policy_id in self.policy_ids)
            and (self.target_id is None or target_id == self.target_id)
            and (self.since is None or self.since <= incident.at)
            and (self.until is None or incident.at < self.until)
        )


def moment_of(text: str, now: datetime, option: str) -> datetime:
    """Return the time that people ask for: some time ago, a day's beginning in UTC, or a time.

    Raises
    ------
    ValueError
        If it is none of these; names the value and what was expected.
    """
    if (ago := span_of(text)) is not None:
        return now - ago
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        return parse_timestamp(text)
    except (ValueError, OverflowError) as error:
        expected = "12h, 7d, a day such as 2026-10-01 or a time with its zone"
        message = f"{option}: got {shown(text)}, expected {expected}"
        raise ValueError(message) from error


def question_of(
    session: Session,
    baseline: Baseline | None,
    policy: str | None,
    target: str | None,
    times: tuple[datetime | None, datetime | None],
) -> Question:
    """Return what people ask for.

    Raises
    ------
    UnknownGuardrailError, UnknownTargetError
        If there is no such policy or target.
    """
    return Question(
        _ids_of(policy_called(policy, baseline), baseline) if policy else None,
        find_target(session.organizations(), target) if target else None,
        *times,
    )


def _ids_of(policy_id: str, baseline: Baseline | None) -> frozenset[str]:
    """Return all ids that a policy has had: its incidents stay under the one of their time."""
    guardrails = baseline.guardrails if baseline else ()
    known = next((each for each in guardrails if policy_id in {each.policy_id, each.declared_id}), None)
    ids = (policy_id, known.policy_id, known.declared_id) if known else (policy_id,)
    return frozenset(filter(None, ids))


def run_history(  # noqa: PLR0913 - what the command line says
    screen: Screen,
    session: Session,
    stack: str,
    question: Question,
    baseline: Baseline | None,
    *,
    form: str = "table",
) -> int:
    """Show the incidents that are asked for, the newest first, and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print.
    session : Session
        Which AWS, as whom.
    stack : str
        The name or ARN of Holdfast's stack.
    question : Question
        What is asked for.
    baseline : Baseline or None
        For the guardrails' names where the ledger has none.
    form : str
        `table`, `json` or `csv`.

    Raises
    ------
    NoStackError
        If there is no such stack, or it has no ledger.
    """
    recorded = _read(screen, find_ledger(session, stack), question)
    incidents = tuple(incident for incident in recorded.incidents if question.wants(incident))
    names = names_in(baseline)
    if form == "json":
        screen.document([as_document(incident, names) for incident in incidents])
    elif form == "csv":
        screen.sheet(as_csv(incidents, names))
    else:
        _show(screen, incidents, names)
    if recorded.passed_over:
        say(passed_over(recorded.passed_over))
    return 0


def passed_over(count: int) -> str:
    """Return that there are items that do not count."""
    return (
        f"{counted(count, 'item')} of the ledger passed over: not as Holdfast writes them. Who wrote to the "
        "table, CloudTrail's data events tell if a trail records them"
    )


def _read(screen: Screen, ledger: Ledger, question: Question) -> Recorded:
    named = question.attachments
    pages = ledger.pages_of(named, question.since) if named else ledger.pages(question.since)
    return read_items(read_all(screen, pages))


def read_all(screen: Screen, pages: Iterable[Sequence[Item]]) -> list[Item]:
    """Return the items of all pages; whoever watches sees how many there are."""
    items: list[Item] = []
    with screen.counter("Reading the ledger") as counter:
        for page in pages:
            items += page
            counter.add(len(page))
    return items


def as_document(incident: Incident, names: Mapping[str, str]) -> dict[str, Any]:
    """Return an incident for a program, its words as they are."""
    attachment = incident.attachment
    return {
        "at": format_timestamp(incident.at),
        "detached_at": format_timestamp(incident.detached_at) if incident.detached_at else None,
        "recorded_at": format_timestamp(incident.recorded_at),
        "guardrail": guardrail_name(incident, names),
        "policy": attachment.policy_id if attachment else None,
        "target": attachment.target_id if attachment else None,
        "principal": incident.principal or None,
        "session": incident.session or None,
        "source_ip": incident.source_ip or None,
        "account": incident.account_id or None,
        "outcome": incident.outcome,
        "verdict": incident.verdict or None,
        "severity": incident.severity or None,
        "error": incident.error or None,
        "exposure_seconds": None if incident.exposure is None else int(incident.exposure.total_seconds()),
        "accounts": incident.accounts,
        "baseline": incident.baseline_version or None,
        "execution": incident.execution or None,
        "event_ids": sorted(incident.event_ids),
    }


def guardrail_name(incident: Incident, names: Mapping[str, str]) -> str | None:
    """Return the guardrail's name, as the ledger or else the baseline has it; None if nobody knows."""
    policy_id = incident.attachment.policy_id if incident.attachment else ""
    return incident.policy_name or names.get(policy_id)


def as_csv(incidents: Iterable[Incident], names: Mapping[str, str]) -> str:
    """Return incidents as a table with a header, in which a spreadsheet finds no formula."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\n")
    documents = [as_document(incident, names) for incident in incidents]
    header = list(as_document(_NOTHING, {}))
    writer.writerow(header)
    for document in documents:
        writer.writerow([_cell(document[name]) for name in header])
    return sheet.getvalue()


_NOTHING = Incident(None, "", datetime.min.replace(tzinfo=UTC))


def _cell(value: Any) -> str:
    """Return a value as a spreadsheet's cell: never a formula, never more than a line."""
    if value is None:
        return ""
    text = " ".join(value) if isinstance(value, list) else str(value)
    line = safe(" ".join(text.split()))
    return f"'{line}" if _FORMULA.match(line) else line


def span(exposure: timedelta | None) -> str:
    """Return how long something was, as people read it; nothing if nobody knows."""
    if exposure is None:
        return ""
    seconds = int(exposure.total_seconds())
    days, hours, minutes = seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s"))
    # The two greatest units: nobody needs the seconds of a day.
    first = next((index for index, (number, _) in enumerate(parts) if number), len(parts) - 1)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number) or "0 s"


def who(incident: Incident) -> str:
    """Return who did it, with the session's name in quotation marks: the caller chose it."""
    principal = safe(incident.principal) or "unknown"
    return f"{principal}, session {quoted(incident.session)}" if incident.session else principal


def _show(screen: Screen, incidents: tuple[Incident, ...], names: Mapping[str, str]) -> None:
    if incidents:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in _COLUMNS:
            table.add_column(column, justify="right" if column in {"Exposure", "Accounts"} else "left")
        for row in _rows(incidents, names):
            # As plain text: brackets in it are no markup.
            table.add_row(*(Text(safe(cell)) for cell in row))
        screen.show(table)
    screen.line(f"{counted(len(incidents), 'incident')}.", "bold")


def _rows(incidents: tuple[Incident, ...], names: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    for incident in incidents:
        attachment = incident.attachment
        unknown = UNREADABLE if attachment is None else attachment.policy_id
        yield (
            format_timestamp(incident.at),
            " ".join((guardrail_name(incident, names) or unknown).split()),
            attachment.target_id if attachment else UNREADABLE,
            who(incident),
            incident.outcome,
            span(incident.exposure),
            "" if incident.accounts is None else str(incident.accounts),
        )

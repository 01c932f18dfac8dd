"""The digest: who, how many, how it ended, failures first, every incident in a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from holdfast.mailing.letter import (
    ALERT,
    FAILED,
    TEXT_LIMIT,
    Letter,
    Mail,
    mail_of,
    text_of,
    without_needless_alerts,
)
from holdfast.mailing.storm import Storm
from holdfast.outcome import Outcome, Severity
from holdfast.timestamps import format_timestamp

DIGEST = "digest"
"""The outcome that subscribers filter."""

_RESTORED = (
    Outcome.RESTORED,
    Outcome.RESTORED_WITH_CHANGED_TEXT,
    Outcome.RESTORED_WITHOUT_TEXT_CHECK,
    Outcome.ALREADY_ATTACHED,
)
_CALLERS = 20


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest, ready to be sent.

    Parameters
    ----------
    mail : Mail
        What is sent.
    letters : tuple of Letter
        What it tells.
    storm : Storm
        What will have been told with it.
    """

    mail: Mail
    letters: tuple[Letter, ...]
    storm: Storm


def write_digests(
    letters: Iterable[Letter], storm: Storm | None, organization: str, now: datetime
) -> Iterator[Digest]:
    """Yield the digests that tell all letters: one, or as many as it takes for each to be sent.

    Parameters
    ----------
    letters : iterable of Letter
        All that is to be told.
    storm : Storm or None
        What was told before; None if the storm begins.
    organization : str
        The organization's id.
    now : datetime
        The time.
    """
    told = storm or Storm(since=now, told_at=now)
    pending = [tuple(sorted(letters, key=_place))]
    while pending:
        part = pending.pop(0)
        digest = _digest(part, told, organization, now)
        if digest is None:
            half = len(part) // 2
            pending[:0] = [part[:half], part[half:]]
        else:
            told = digest.storm
            yield digest


def write_closing(storm: Storm, organization: str, now: datetime) -> Mail:
    """Return the last digest of a storm: its totals, and what is still open."""
    claim = _claim(storm.detached, storm.outcomes, len(storm.open))
    lines = [
        f"DIGEST, the last of this storm: {claim}.",
        "",
        f"Since:        {format_timestamp(storm.since)}",
        f"Until:        {format_timestamp(now)}",
        *_counts("Ended:", storm.outcomes),
        *_counts("Caused by:", storm.callers),
        f"Organization: {organization}",
    ]
    if storm.open:
        lines += ["", "Still open, with the event of each detach; treat the guardrail as detached:"]
        lines += [f"  - event {incident}" for incident in storm.open]
    pages = bool(storm.open) or FAILED in storm.outcomes
    return _mail(claim, text_of(lines), organization, pages=pages)


def _digest(letters: tuple[Letter, ...], before: Storm, organization: str, now: datetime) -> Digest | None:
    """Return the digest, if need be without the names that others chose; None if it does not fit."""
    after, listed = before.after_telling(letters, now), without_needless_alerts(letters, before.closed)
    outcomes = Counter(letter.outcome for letter in letters if letter.outcome != ALERT)
    claim = _claim(after.detached - before.detached, outcomes, len(after.open))
    pages = bool(after.open) or any(letter.severity is Severity.PAGE for letter in letters)
    head = [
        f"DIGEST: {claim}.",
        "",
        f"Why a digest: more came at once than is mailed singly, since {format_timestamp(after.since)}",
        "What next:    a digest a minute while there is news, and a last one",
        *_counts("Ended:", outcomes),
        *_counts("Caused by:", Counter(letter.caller for letter in listed)),
        f"Organization: {organization}",
        *([_REMEDY] if pages else []),
    ]
    for brief in (False, True):
        text = text_of([*head, *_sections(listed, brief=brief)])
        if len(text.encode()) <= TEXT_LIMIT or (brief and len(letters) == 1):
            return Digest(_mail(claim, text, organization, pages=pages), letters, after)
    return None


_REMEDY = "To do:        look at the failures first; to restore what can be restored: holdfast reconcile"


def _claim(detached: int, outcomes: Mapping[str, int], still_open: int) -> str:
    restored, failed = sum(outcomes.get(outcome, 0) for outcome in _RESTORED), outcomes.get(FAILED, 0)
    return f"{detached:,} detached, {restored:,} restored, {failed:,} failed, {still_open:,} open"


def _counts(label: str, counted: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for each, the most frequent first, and one for those that there is no room for."""
    most = Counter(counted).most_common()
    for words, number in most[:_CALLERS]:
        yield f"{label:<13} {number:,} {words}"
    if others := sum(number for _, number in most[_CALLERS:]):
        yield f"{label:<13} {others:,} others"


def _place(letter: Letter) -> tuple[int, str, str, str]:
    """Return where a letter stands: what failed first, then what is urgent, then what is open."""
    awaits = letter.outcome == ALERT and letter.awaits
    rank = (letter.outcome == FAILED, letter.severity is Severity.PAGE, awaits, letter.outcome != ALERT)
    return rank.index(True) if True in rank else len(rank), letter.outcome, letter.caller, letter.cause


def _sections(letters: Sequence[Letter], *, brief: bool) -> Iterator[str]:
    for _, group in groupby(letters, _place):
        alike = list(group)
        yield ""
        yield f"{_title(alike[0])}, {len(alike):,}:"
        for letter in alike:
            yield f"  - {letter.brief if brief else letter.line}"


def _title(letter: Letter) -> str:
    ended = "OPEN, an alert without its outcome yet" if letter.awaits else letter.outcome.upper()
    because = f" with {letter.cause}" if letter.cause else ""
    return f"{ended}{because}, by {letter.caller}"


def _mail(claim: str, text: str, organization: str, *, pages: bool) -> Mail:
    severity = Severity.PAGE if pages else Severity.NOTICE
    return mail_of(DIGEST, severity, organization, f"DIGEST: {claim}", text)

"""The timeline of a report: a row for each guardrail, a mark for each lapse, as wide as the page is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from holdfast.reconciliation.sentence import counted
from holdfast.timestamps import format_timestamp
from holdfast_cli.evidence import Ending, Evidence, Lapse, Month
from holdfast_cli.markup import Markup, element, joined

MARKS: dict[Ending, str] = {
    Ending.FAST: "fast",
    Ending.SLOW: "slow",
    Ending.OTHERS: "others",
    Ending.GONE: "gone",
    Ending.ALLOWED: "allowed",
    Ending.OPEN: "open",
}
"""The classes of the marks."""

ROWS = 14
"""Guardrails that have a row."""

_HEAD, _ROW, _BAR = 30, 48, 14
_NARROWEST = 0.9
"""Percent of the width: most lapses last for seconds, and would not be seen."""

_LABEL = 40
"""Characters of a guardrail's name that a phone has room for."""


def timeline(evidence: Evidence) -> Markup:
    """Return the timeline; a guardrail without a lapse has no row.

    All places are percents, so that it is as wide as the page while its words keep their size.
    """
    rows: dict[str, list[Lapse]] = defaultdict(list)
    for lapse in evidence.lapses:
        rows[evidence.guardrail(lapse)].append(lapse)
    shown = sorted(rows.items(), key=lambda row: (-len(row[1]), row[0]))[:ROWS]
    height = _HEAD + _ROW * len(shown)
    drawing = element(
        "svg",
        element("title", f"When guardrails were off in {evidence.month.name}", id="timeline-title"),
        element("desc", _in_words(shown, len(rows)), id="timeline-desc"),
        *_days(evidence.month, height),
        *_future(evidence, height),
        *(
            mark
            for number, (name, lapses) in enumerate(shown)
            for mark in _row(name, lapses, _HEAD + _ROW * number, evidence)
        ),
        role="img",
        aria_labelledby="timeline-title timeline-desc",
        width="100%",
        height=height,
    )
    if len(rows) <= len(shown):
        return drawing
    more = counted(len(rows) - len(shown), "more guardrail")
    return joined(drawing, element("p", f"And {more}: all are in the list below.", class_="note"))


def _in_words(shown: Sequence[tuple[str, list[Lapse]]], rows: int) -> str:
    listed = "; ".join(f"{name}: {counted(len(lapses), 'lapse')}" for name, lapses in shown)
    return f"{counted(rows, 'guardrail')} with lapses. {listed}. The table below has every lapse."


def _days(month: Month, height: int) -> Iterator[Markup]:
    for day in range(1, month.days + 1, 7):
        x = f"{100 * (day - 1) / month.days:.2f}%"
        yield element("line", x1=x, x2=x, y1=_HEAD - 8, y2=height, class_="day")
        yield element("text", str(day), x=x, y=12, class_="axis")


def _future(evidence: Evidence, height: int) -> Iterator[Markup]:
    """Shade what had not happened when the report was made."""
    made = _place(evidence.provenance.made_at, evidence.month)
    if made < 100:  # noqa: PLR2004 - percent
        yield element(
            "rect",
            x=f"{made:.2f}%",
            y=_HEAD - 8,
            width=f"{100 - made:.2f}%",
            height=height - _HEAD + 8,
            class_="future",
        )


def _row(name: str, lapses: Sequence[Lapse], top: int, evidence: Evidence) -> Iterator[Markup]:
    label = name if len(name) <= _LABEL else f"{name[: _LABEL - 1]}…"
    number = f"  {len(lapses)}" if len(lapses) > 1 else ""
    count = element("tspan", number, class_="count")
    yield element("text", label, count, x=0, y=top + 13, class_="label")
    yield element("line", x1=0, x2="100%", y1=top + 30, y2=top + 30, class_="track")
    # The shortest last, so that nothing hides it.
    for lapse in sorted(lapses, key=lambda lapse: _end(lapse, evidence) - lapse.began, reverse=True):
        yield _mark(lapse, top + 23, evidence)


def _mark(lapse: Lapse, y: int, evidence: Evidence) -> Markup:
    begin = _place(lapse.began, evidence.month)
    width = max(_place(_end(lapse, evidence), evidence.month) - begin, _NARROWEST)
    words = f"{format_timestamp(lapse.began)}, {lapse.attachment.target_id}: {lapse.ending}"
    return element(
        "rect",
        element("title", words),
        x=f"{min(begin, 100 - _NARROWEST):.2f}%",
        y=y,
        width=f"{width:.2f}%",
        height=_BAR,
        rx=2,
        class_=f"mark {MARKS[lapse.ending]}",
    )


def _end(lapse: Lapse, evidence: Evidence) -> datetime:
    """Return until when a lapse is drawn: one without an end lasts as long as the report tells of."""
    return lapse.ended or min(evidence.provenance.made_at, evidence.month.following)


def _place(moment: datetime, month: Month) -> float:
    """Return where a moment is, in percent of the month."""
    return min(max(100 * ((moment - month.first) / (month.following - month.first)), 0.0), 100.0)

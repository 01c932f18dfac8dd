"""The report as one page that needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from html import escape
from importlib.resources import files

from holdfast.detachment import Detachment
from holdfast.quoting import quoted
from holdfast.reconciliation.sentence import counted
from holdfast.timestamps import format_timestamp
from holdfast_cli.evidence import Ending, Lapse
from holdfast_cli.history_command import span
from holdfast_cli.ledger_entries import Entry
from holdfast_cli.report import Report

_CLASSES = {Ending.FAST: "fast", Ending.SLOW: "slow", Ending.ALLOWED: "allowed", Ending.OPEN: "open"}
_NARROWEST = 0.4
"""Percent of the month that a bar is wide at least, so that it can be seen."""


def render(report: Report) -> str:
    """Return the page.

    Every word from outside is quoted as in a mail, and escaped; the page may load and run nothing.
    """
    style = files("holdfast_cli").joinpath("report.css").read_text(encoding="utf-8")
    sections = (_summary(report), _completeness(report), _timeline(report), _lapses(report), _method(report))
    title = f"Guardrail evidence, {report.month}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>{escape(title)} · {escape(report.organization)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<p class="kicker">Holdfast · {escape(report.organization)}</p>
<h1>{escape(title)}</h1>
<p class="lead">{_lead(report)}</p>
</header>
<main>
{"".join(sections)}</main>
<footer>
<p>Made {_time(report.made_at)} by {_outside(report.reader)}.</p>
</footer>
</body>
</html>
"""


def _lead(report: Report) -> str:
    figures = report.figures
    ended = "" if report.is_over else f" The month is not over: as known at {_time(report.made_at)}."
    if not figures.lapses:
        return f"No guardrail is recorded as off.{ended}"
    lapses, still = counted(figures.lapses, "lapse"), figures.endings[Ending.OPEN]
    left = f"{still:,} not restored" if still else "none left open"
    return f"{lapses} of guardrails, {left}.{ended}"


def _summary(report: Report) -> str:
    figures = report.figures
    tiles = (
        ("Lapses", f"{figures.lapses:,}", ""),
        ("Fast path", f"{figures.endings[Ending.FAST]:,}", "fast"),
        ("Slow path", f"{figures.endings[Ending.SLOW]:,}", "slow"),
        ("Allowed", f"{figures.endings[Ending.ALLOWED]:,}", "allowed"),
        ("Not restored", f"{figures.endings[Ending.OPEN]:,}", "open"),
        ("Median", span(figures.middle), ""),
        ("Longest", span(figures.longest), ""),
        ("Total", span(figures.total), ""),
    )
    cells = "".join(
        f'<div class="{name}"><dt>{label}</dt><dd>{escape(value)}</dd></div>\n'
        for label, value, name in tiles
    )
    return _section("In numbers", f'<dl class="tiles">\n{cells}</dl>\n')


def _completeness(report: Report) -> str:
    compared = report.completeness
    kind = "unknown" if compared is None else "whole" if compared.is_whole else "gaps"
    text = f'<p class="verdict {kind}">{escape(report.verdict)}</p>\n'
    if compared is None:
        return _section("Completeness", text)
    notes = []
    if compared.unguarded:
        detaches = counted(compared.unguarded, "detach", "detaches")
        notes.append(f"{detaches} of policies that the baseline does not guard there.")
    if compared.unseen:
        entries = counted(len(compared.unseen), "entry", "entries")
        notes.append(f"{entries} of the ledger about a detach that the event history does not show.")
    listed = "".join(f"<li>{_gap(gap)}</li>\n" for gap in compared.gaps)
    text += f'<ul class="gaps">\n{listed}</ul>\n' if listed else ""
    return _section("Completeness", text + "".join(f"<p>{note}</p>\n" for note in notes))


def _gap(gap: Detachment) -> str:
    who = gap.principal.arn or gap.principal.name or "somebody unknown"
    return (
        f"{_time(gap.event_time)}: <code>{escape(gap.attachment.policy_id)}</code> from "
        f"<code>{escape(gap.attachment.target_id)}</code>, by {_outside(who)}, event "
        f"<code>{escape(gap.event_id)}</code>"
    )


def _timeline(report: Report) -> str:
    if not report.lapses:
        return ""
    lanes: dict[str, list[Lapse]] = {}
    for lapse in report.lapses:
        lanes.setdefault(_policy(lapse), []).append(lapse)
    drawn = "".join(
        f"<li><h3>{name}</h3><div class=track>{''.join(_bar(lapse, report) for lapse in lapses)}</div></li>\n"
        for name, lapses in sorted(lanes.items())
    )
    days = (report.until - report.since).days
    marks = "".join(
        f'<span style="left:{100 * (day - 1) / days:.3f}%">{day}</span>' for day in range(1, days, 7)
    )
    key = "".join(f'<span class="{name}">{ending}</span>' for ending, name in _CLASSES.items())
    return _section(
        "Timeline",
        f'<ol class="lanes">\n{drawn}</ol>\n<div class="days" aria-hidden="true">{marks}</div>\n'
        f'<p class="key">{key}</p>\n',
    )


def _bar(lapse: Lapse, report: Report) -> str:
    whole = report.until - report.since
    end = _end(lapse, report)
    left = min(100 * ((lapse.since - report.since) / whole), 100 - _NARROWEST)
    width = min(max(100 * ((end - lapse.since) / whole), _NARROWEST), 100 - left)
    words = f"{format_timestamp(lapse.since)}, {lapse.attachment.target_id}: {lapse.ending}"
    return (
        f'<span class="bar {_CLASSES[lapse.ending]}" style="left:{left:.3f}%;width:{width:.3f}%" '
        f'title="{escape(words)}"><span class="unseen">{escape(words)}</span></span>'
    )


def _end(lapse: Lapse, report: Report) -> datetime:
    """Return where a bar ends: what was not restored is off until the report was made."""
    if lapse.ending in {Ending.OPEN, Ending.ALLOWED}:
        return min(report.made_at, report.until)
    return lapse.since + (lapse.exposure or timedelta())


_COLUMNS = ("Since (UTC)", "Guardrail", "Target", "By", "Ending", "Exposed", "What was recorded")


def _lapses(report: Report) -> str:
    if not report.lapses:
        return ""
    head = "".join(f'<th scope="col">{column}</th>' for column in _COLUMNS)
    rows = "".join(f"<tr>{''.join(_cells(lapse))}</tr>\n" for lapse in report.lapses)
    return _section(
        "Every lapse", f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    )


def _cells(lapse: Lapse) -> Iterator[str]:
    since = _time(lapse.since) if lapse.is_dated else f"found {_time(lapse.since)}"
    accounts = "" if lapse.accounts is None else f"<br><small>{counted(lapse.accounts, 'account')}</small>"
    target = f"<code>{escape(lapse.attachment.target_id)}</code>{accounts}"
    ending = f'<span class="ending {_CLASSES[lapse.ending]}">{lapse.ending}</span>'
    stages = f"<ol>{''.join(f'<li>{_stage(entry)}</li>' for entry in lapse.entries)}</ol>"
    guardrail = f"{_policy(lapse)}<br><small><code>{escape(lapse.attachment.policy_id)}</code></small>"
    exposed = escape(span(lapse.exposure))
    values = (since, guardrail, target, _who(lapse), ending, exposed, stages)
    for column, value in zip(_COLUMNS, values, strict=True):
        yield f'<td data-label="{column}"><div>{value}</div></td>'


def _stage(entry: Entry) -> str:
    error = f", {_outside(entry.error)}" if entry.error else ""
    baseline = (
        f" · baseline <code>{_outside(entry.baseline_version)}</code>" if entry.baseline_version else ""
    )
    return f"{_time(entry.recorded_at)} {_outside(entry.outcome)}{error}{baseline}"


def _who(lapse: Lapse) -> str:
    principal, session = lapse.known("principal"), lapse.known("session")
    lines = [_outside(principal) if principal else "not known"]
    lines += [f"<small>session {_outside(session)}, chosen by the caller</small>"] if session else []
    lines += [f"<small>from {_outside(address)}</small>"] if (address := lapse.known("source_ip")) else []
    return "<br>".join(lines)


def _policy(lapse: Lapse) -> str:
    name = lapse.known("policy_name")
    return _outside(name) if name else f"<code>{escape(lapse.attachment.policy_id)}</code>"


def _method(report: Report) -> str:
    judged = ", ".join(f"<code>{_outside(version)}</code>" for version in report.baselines) or "none"
    unread = f"; {counted(report.unread, 'item')} could not be read as incidents" if report.unread else ""
    facts = (
        ("Organization", escape(report.organization)),
        ("Month", f"{_time(report.since)} to {_time(report.until)}"),
        ("Ledger", f"table <code>{escape(report.ledger)}</code>{unread}"),
        ("Reconciliations", f"{report.runs:,} recorded since the month began; clean ones leave no record"),
        ("Baselines that judged", judged),
        ("Baseline compared with", f"<code>{_outside(report.baseline_version)}</code>"),
        ("Read by", _outside(report.reader)),
        ("Made", _time(report.made_at)),
    )
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>\n" for name, value in facts)
    return _section("What this was made from", f'<dl class="facts">\n{rows}</dl>\n{_EXPLAINED}')


_EXPLAINED = """\
<p>Exposure is counted from CloudTrail's time of the detach to the read that confirmed the attachment. A lapse
is not restored if the ledger has no entry that says so; one that somebody else put back may be among them.
Names and addresses are kept for as long as the stack's parameter RetentionDays says; after that the
principal's unique id stands in their place.</p>
"""


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{title}</h2>\n{content}</section>\n"


def _time(moment: datetime) -> str:
    text = format_timestamp(moment)
    return f'<time datetime="{text}">{text.replace("T", " ").removesuffix("Z")}</time>'


def _outside(word: str) -> str:
    """Return an outside word, made harmless; the quotation marks would be all over the page."""
    return escape(quoted(word).strip("“”"))

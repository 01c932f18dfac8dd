"""The report's page: one file without scripts and without anything that it would have to fetch."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from holdfast.quoting import quoted
from holdfast.reconciliation.sentence import counted
from holdfast.timestamps import format_timestamp
from holdfast_cli.evidence import Completeness, Evidence, Lapse
from holdfast_cli.history_command import passed_over, span
from holdfast_cli.incidents import Incident
from holdfast_cli.markup import Markup, element, joined
from holdfast_cli.report_timeline import MARKS, timeline
from holdfast_cli.report_words import Standing, verdict_of

_STYLE = Path(__file__).with_name("report_page.css")
_SIGNS = {Standing.COMPLETE: "✓", Standing.PARTIAL: "◐", Standing.UNKNOWN: "?", Standing.GAPS: "!"}
_NOBODY_KNOWS = "\N{EN DASH}"


def render_page(evidence: Evidence) -> str:
    """Return the page, whole."""
    title = f"Guardrail evidence, {evidence.month.name}"
    style = Markup(_STYLE.read_text(encoding="utf-8"))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_content_policy(style)),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name_="color-scheme", content="light dark"),
        element("meta", name_="referrer", content="no-referrer"),
        element("title", f"{title}, {evidence.provenance.organization}"),
        element("style", style),
    )
    main = element(
        "main",
        _verdict(evidence),
        _figures(evidence),
        _timeline(evidence),
        _completeness(evidence),
        _lapses(evidence),
    )
    body = element("body", _header(evidence), main, _footer(evidence))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _content_policy(style: str) -> str:
    """Return what a browser may load and run: our one style sheet, known by its hash.

    Source: W3C, Content Security Policy Level 3.
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _header(evidence: Evidence) -> Markup:
    source = evidence.provenance
    organization = element("span", source.organization, class_="id")
    return element(
        "header",
        element("p", "Holdfast · Guardrail evidence", class_="kicker"),
        element("h1", evidence.month.name),
        element(
            "p",
            "Every guardrail that was off in organization ",
            organization,
            ": who detached it, for how long, and how it came back.",
            class_="lead",
        ),
    )


def _verdict(evidence: Evidence) -> Markup:
    verdict = verdict_of(evidence)
    return element(
        "section",
        element("span", _SIGNS[verdict.standing], class_="sign", aria_hidden="true"),
        element("div", element("h2", verdict.title), element("p", verdict.words)),
        class_=f"verdict {verdict.standing}",
    )


def _figures(evidence: Evidence) -> Markup:
    figures = evidence.figures
    shown = (
        ("Lapses", str(figures.lapses)),
        ("Longest", span(figures.longest) or _NOBODY_KNOWS),
        ("Median", span(figures.middle) or _NOBODY_KNOWS),
        ("In total", span(figures.total) or _NOBODY_KNOWS),
        ("Failed at some stage", str(figures.failed)),
        ("Exempt", str(figures.exempt)),
        ("Sanctioned", str(figures.sanctioned)),
        ("Reconciliations recorded", f"{figures.runs:,}"),
    )
    return element(
        "section",
        element("h2", "In numbers"),
        element("dl", *(_figure(*each) for each in shown), class_="figures"),
    )


def _figure(label: str, value: str) -> Markup:
    return element("div", element("dt", label), element("dd", value))


def _timeline(evidence: Evidence) -> Markup:
    if not evidence.lapses:
        return element(
            "section", element("h2", "When"), element("p", "No guardrail was off.", class_="empty")
        )
    endings = ((ending, count) for ending, count in evidence.figures.endings.items() if count)
    legend = (
        element(
            "li", element("span", class_=f"swatch {MARKS[ending]}"), f"{ending} ", element("b", str(count))
        )
        for ending, count in endings
    )
    return element(
        "section",
        element("h2", "When"),
        element("ul", *legend, class_="legend"),
        timeline(evidence),
        class_="when",
    )


def _lapses(evidence: Evidence) -> Markup:
    if not evidence.lapses:
        return Markup()
    header = ("Off since (UTC)", "Guardrail", "Detached by", "How it ended", "Off for")
    rows = (_lapse(lapse, evidence) for lapse in evidence.lapses)
    return element("section", element("h2", "Every lapse"), _table(header, rows))


def _table(header: tuple[str, ...], rows: Iterable[tuple[Markup, ...]]) -> Markup:
    """Return a table; on a phone each row is a card, so the roles say that it is a table all the same."""
    columns = (element("th", name, scope="col", role="columnheader") for name in header)
    lines = (
        element(
            "tr",
            *(
                element("td", cell, role="cell", data_label=name)
                for name, cell in zip(header, row, strict=True)
            ),
            role="row",
        )
        for row in rows
    )
    return element(
        "table",
        element("thead", element("tr", *columns, role="row"), role="rowgroup"),
        element("tbody", *lines, role="rowgroup"),
        role="table",
    )


def _lapse(lapse: Lapse, evidence: Evidence) -> tuple[Markup, ...]:
    attachment, accounts = lapse.attachment, lapse.accounts
    covered = [counted(accounts, "account")] if accounts is not None else []
    return (
        _moment(lapse.began, "" if lapse.is_dated else "found then; nobody knows since when"),
        _two(evidence.guardrail(lapse), _between(element("br"), [_id(attachment.pair), *covered])),
        _person(lapse),
        joined(_ending(lapse), *_stages(lapse)),
        element("span", span(lapse.exposure) or _NOBODY_KNOWS, class_="span"),
    )


def _moment(moment: datetime, remark: str = "") -> Markup:
    day, _, time = format_timestamp(moment).rstrip("Z").partition("T")
    words = element("time", day, " ", element("b", time), datetime=format_timestamp(moment))
    return joined(words, element("span", remark, class_="small")) if remark else words


def _two(first: str, second: str) -> Markup:
    return joined(element("b", first), element("span", second, class_="small"))


def _person(lapse: Lapse) -> Markup:
    return _principal(
        lapse.known("principal"), lapse.known("session"), lapse.known("account_id"), lapse.known("source_ip")
    )


def _principal(principal: str, session: str, account: str, source_ip: str) -> Markup:
    if not principal:
        return element("span", "unknown", class_="muted")
    short = principal.rpartition(":")[2]
    parts = [_id(principal)] if short != principal else [f"account {account}"] if account else []
    origin = [joined("session ", quoted(session))] if session else []
    origin += [joined("from ", _id(source_ip))] if source_ip else []
    parts += [_between(" · ", origin)] if origin else []
    return _two(short, _between(element("br"), parts))


def _between(separator: str, parts: Iterable[str]) -> Markup:
    """Return parts with a separator between them."""
    return joined(*[piece for part in parts for piece in (separator, part)][1:])


def _ending(lapse: Lapse) -> Markup:
    mark = element("span", class_=f"swatch {MARKS[lapse.ending]}")
    return element("span", mark, str(lapse.ending), class_=f"ending {MARKS[lapse.ending]}")


def _stages(lapse: Lapse) -> Iterator[Markup]:
    """Yield the stages, where there is more to say than how it ended."""
    plain = {"restored", "reconciliation, restored", "already attached"}
    if len(lapse.stages) == 1 and lapse.stages[0].outcome in plain:
        return
    yield element("ol", *(_stage(stage, lapse) for stage in lapse.stages), class_="stages")


def _stage(stage: Incident, lapse: Lapse) -> Markup:
    same_day = stage.recorded_at.date() == lapse.began.date()
    text = format_timestamp(stage.recorded_at).rstrip("Z")
    shown = text.partition("T")[2] if same_day else text.replace("T", " ")
    error = joined(": ", quoted(stage.error)) if stage.error else ""
    time = element("time", shown, datetime=format_timestamp(stage.recorded_at))
    return element("li", time, " ", stage.outcome, error)


def _completeness(evidence: Evidence) -> Markup:
    verdict, found = verdict_of(evidence), evidence.completeness
    notes = [element("li", note) for note in verdict.notes]
    if evidence.passed_over:
        notes.append(element("li", f"{passed_over(evidence.passed_over)}."))
    return element(
        "section",
        element("h2", "CloudTrail beside the ledger"),
        *(_compared(found, evidence) if found else (element("p", verdict.words, class_="empty"),)),
        *((element("ul", *notes, class_="notes"),) if notes else ()),
    )


def _compared(found: Completeness, evidence: Evidence) -> Iterator[Markup]:
    since, until = format_timestamp(found.window.since), format_timestamp(found.window.until)
    yield element(
        "p",
        "Each successful DetachPolicy in CloudTrail's event history beside the ledger's incidents, by the "
        "ids of call and event. Compared: ",
        element("time", since, datetime=since),
        " to ",
        element("time", until, datetime=until),
        ".",
    )
    shown = (
        ("In both", str(found.matched)),
        ("In CloudTrail only", str(len(found.gaps))),
        ("In the ledger only", str(len(found.unseen))),
        ("Not of guardrails", str(found.unguarded)),
    )
    yield element("dl", *(_figure(*each) for each in shown), class_="figures four")
    if found.gaps:
        header = ("Detached (UTC)", "Guardrail", "By", "CloudTrail's event")
        yield element("h3", "Detaches of guardrails that the ledger lacks")
        yield _table(header, _gaps(found, evidence))


def _gaps(found: Completeness, evidence: Evidence) -> Iterator[tuple[Markup, ...]]:
    for gap in found.gaps:
        who, pair = gap.principal, gap.attachment.pair
        name = (evidence.names or {}).get(gap.attachment.policy_id, gap.attachment.policy_id)
        yield (
            _moment(gap.event_time),
            _two(name, _id(pair)),
            _principal(
                who.arn or who.name or "", who.session_name or "", who.account_id or "", gap.source_ip or ""
            ),
            _id(gap.event_id),
        )


def _footer(evidence: Evidence) -> Markup:
    source = evidence.provenance
    versions = [
        element("li", _id(version.name), f" from {_day(version.first)} to {_day(version.last)}")
        for version in evidence.versions
    ]
    in_force = element("ul", *versions) if versions else joined("none recorded in this month")
    facts = (
        ("Made", joined(element("time", format_timestamp(source.made_at)))),
        ("By", _id(source.reader)),
        ("Organization", _id(source.organization)),
        ("Stack", joined(_id(source.stack), f" in {source.region}")),
        ("Ledger", _id(source.table)),
        ("Baselines in force", in_force),
        ("Compared with", joined("baseline ", _id(source.baseline_version))),
    )
    return element(
        "footer",
        element("h2", "Where this comes from"),
        element("dl", *(element("div", element("dt", name), element("dd", fact)) for name, fact in facts)),
        element(
            "p",
            "All times are UTC. A lapse lasts from the detach, by CloudTrail's clock, until a read showed "
            "the policy attached again. Names and addresses are shown for as long as the ledger keeps them.",
        ),
    )


def _day(moment: datetime) -> str:
    return format_timestamp(moment).partition("T")[0]


def _id(text: str) -> Markup:
    """Return an id or an ARN, which may be broken behind its colons and slashes."""
    pieces = re.split("(?<=[:/])", text)
    return element("span", *[piece for part in pieces for piece in (element("wbr"), part)][1:], class_="id")

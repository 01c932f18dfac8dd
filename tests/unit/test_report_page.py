from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from holdfast_cli.evidence import Completeness, lapses_in, month_of
from holdfast_cli.ledger_entries import read_ledger
from holdfast_cli.report import Report
from holdfast_cli.report_page import render
from tests.unit.ledger_items import DETACHED, POLICY, ROLE, TARGET, drift, incident, names
from tests.unit.test_evidence import detachment

OCTOBER = month_of("2026-10")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
VOID = {"meta", "br"}


def example_items() -> list[Any]:
    """Return the ledger of a lively month."""
    exempt = {"attachment": "p-cg404d5t/ou-exme-cbm7ma1f", "policy_name": "ProtectSecurityRoles"}
    quick = [incident(detached_at=DETACHED + number * 5 * DAY - 7 * DAY) for number in range(4)]
    leave = incident("exempt", **exempt, exposure_seconds=None)
    told = [
        *quick,
        incident("failed", detached_at=DETACHED + 3 * HOUR, error="PolicyGoneError", exposure_seconds=None),
        leave,
        incident(**exempt, recorded_at=DETACHED + 30 * HOUR, exposure_seconds=108_000),
        incident("sanctioned", **exempt, detached_at=DETACHED + 9 * DAY, exposure_seconds=None),
        drift(
            attachment="p-lp0dxjlp/r-exme",
            policy_name="DenyLeaveOrganization",
            detached_at=DETACHED + 4 * DAY,
            recorded_at=DETACHED + 4 * DAY + HOUR,
            exposure_seconds=3_600,
        ),
        drift("withheld", attachment=f"{POLICY}/338583429068", recorded_at=DETACHED + 12 * DAY),
    ]
    return [*told, *(names(item) for item in told[:6])]


def report_of(items: list[Any], **changes: Any) -> Report:
    """Return October's report of what items tell of."""
    ledger = read_ledger(items)
    report = Report(
        organization="o-far1coz49w",
        since=OCTOBER.since,
        until=OCTOBER.until,
        made_at=OCTOBER.until + 2 * DAY,
        reader="arn:aws:sts::111122223333:assumed-role/auditor/jane",
        ledger="holdfast-LedgerTable-1ABCDEF",
        baseline_version="0123456789ab",
        lapses=lapses_in(ledger.entries),
        runs=3,
        unread=0,
        completeness=Completeness(OCTOBER.since, OCTOBER.until, matched=8, unguarded=2),
    )
    return replace(report, **changes)


class Page(HTMLParser):
    """What a page says, and whether its elements are closed in their order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that begins."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that what ends is what began last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note words that people read."""
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        """The words, white space made one space."""
        return " ".join(" ".join(self.words).split())


def test_the_page_closes_what_it_opens_and_needs_nothing_else() -> None:
    page = Page(render(report_of(example_items())))
    attributes = {name for _, attrs in page.tags for name in attrs}

    assert page.open == []
    assert {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object"} == set()
    assert attributes & {"src", "href", "onload", "onclick"} == set()
    assert ("http-equiv", "Content-Security-Policy") in {
        item for tag, attrs in page.tags if tag == "meta" for item in attrs.items()
    }


def test_the_page_names_every_lapse_and_who_it_was() -> None:
    rows = render(report_of(example_items())).split("<tbody>")[1].split("</tr>")[:-1]
    first = Page(rows[0]).text

    assert len(rows) == 9
    assert "2026-10-05 09:00:00" in first
    assert "DenyUnapprovedRegions" in first
    assert POLICY in first
    assert TARGET in first
    assert ROLE in first
    assert "session mallory, chosen by the caller" in first
    assert "restored by the fast path" in first


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "&lt;b&gt;",
        "evil\u202eexe",
        "https://x.example",
    ],
)
def test_no_word_from_outside_becomes_anything_but_words(hostile: str) -> None:
    """A role's name, a session's, an error: whoever detaches may choose some of them."""
    item = incident(policy_name=hostile, error=hostile, baseline_version=hostile)
    page = Page(render(report_of([item, names(item, arn=hostile, session_name=hostile)], reader=hostile)))

    assert page.open == []
    assert {tag for tag, _ in page.tags} & {"script", "img", "b"} == set()
    assert "\u202e" not in "".join(page.words)


WHOLE = "between 01 October 00:00 and 01 November 00:00 UTC"
LATER = "between 02 October 00:00 and 01 November 00:00 UTC"
EVERY = "Every detach of a guardrail in CloudTrail's event history has an entry in the ledger"
REST = "The rest of the month is not in that history, and was not compared."


@pytest.mark.parametrize(
    ("completeness", "sentence"),
    [
        (Completeness(OCTOBER.since, OCTOBER.until, matched=8), f"{EVERY} {WHOLE}: 8 of 8."),
        (Completeness(OCTOBER.since + DAY, OCTOBER.until, matched=8), f"{EVERY} {LATER}: 8 of 8. {REST}"),
        (
            Completeness(OCTOBER.since, OCTOBER.until),
            f"CloudTrail's event history shows no detach of a guardrail {WHOLE}.",
        ),
        (
            Completeness(OCTOBER.since, OCTOBER.until, gaps=(detachment(),)),
            f"Not complete: of 1 detach of guardrails {WHOLE} the ledger has no entry.",
        ),
        (None, "Cannot be compared: CloudTrail's event history keeps 90 days, and all of this is older."),
    ],
)
def test_the_report_claims_no_more_than_was_compared(
    completeness: Completeness | None, sentence: str
) -> None:
    report = report_of(example_items(), completeness=completeness)

    assert report.verdict == sentence
    assert sentence in Page(render(report)).text


def test_a_gap_is_named() -> None:
    gap = detachment()
    page = Page(render(report_of([], completeness=Completeness(OCTOBER.since, OCTOBER.until, gaps=(gap,)))))

    assert f"{gap.attachment.policy_id} from {gap.attachment.target_id}" in page.text
    assert gap.event_id in page.text


def test_a_month_without_a_lapse_says_so() -> None:
    text = Page(render(report_of([]))).text

    assert "No guardrail is recorded as off." in text
    assert "Timeline" not in text


def test_a_month_that_is_not_over_is_said_to_be_so() -> None:
    text = Page(render(report_of([], made_at=DETACHED))).text

    assert "The month is not over: as known at 2026-10-12 09:00:00 ." in text


def test_what_was_never_restored_is_drawn_to_the_end_of_the_month() -> None:
    page = render(
        report_of([incident("failed", exposure_seconds=None, detached_at=OCTOBER.since + 15.5 * DAY)])
    )
    bars = re.findall(r'class="bar open" style="left:([0-9.]+)%;width:([0-9.]+)%"', page)

    assert bars == [("50.000", "50.000")]


_MEASURING = """<script>
addEventListener("load", () => { const { scrollWidth, clientWidth } = document.documentElement;
  document.title = scrollWidth - clientWidth })
</script></head>"""


@pytest.mark.long
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here to look at the page with")
@pytest.mark.parametrize("width", [390, 1280])
def test_no_browser_has_to_scroll_sideways(tmp_path: Path, width: int) -> None:
    """A frame of that width, since a window of a browser without a head has a least width of its own."""
    page = render(report_of(example_items())).replace("default-src 'none'; style-src 'unsafe-inline'", "")
    (tmp_path / "page.html").write_text(page.replace("</head>", _MEASURING), encoding="utf-8")
    (tmp_path / "frame.html").write_text(
        f'<iframe src="page.html" style="width:{width}px;height:900px;border:0" onload="setTimeout(() => '
        f'document.body.append(frames[0].document.title), 200)"></iframe>',
        encoding="utf-8",
    )

    dumped = subprocess.run(  # noqa: S603 - the browser of this machine, and our own page
        [
            str(BROWSER),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--allow-file-access-from-files",
            "--virtual-time-budget=5000",
            "--dump-dom",
            f"file://{tmp_path}/frame.html",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout

    assert re.findall(r"</iframe>\s*(\d+)", dumped) == ["0"]

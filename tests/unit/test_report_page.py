from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from holdfast_cli.evidence import Evidence
from holdfast_cli.markup import element
from holdfast_cli.report_page import render_page
from tests.unit.evidence_examples import MADE_AT, REGIONS, detachment, eventful, evidence, incident, on
from tests.unit.outside import WORDS

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\u0000&amp;</style>'


class Page(HTMLParser):
    """The elements of a page with their attributes, and its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep words."""
        self.words += data

    def named(self, name: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a name."""
        return [attributes for tag, attributes in self.elements if tag == name]


def hostile(word: str) -> Evidence:
    """Return evidence in which each word from outside is this one."""
    worst = replace(
        incident(REGIONS, on(5), "failed"),
        policy_name=word,
        principal=word,
        session=word,
        source_ip=word,
        account_id=word,
        error=word,
        baseline_version=word,
    )
    gap = detachment(REGIONS, on(6), number=2)
    who = replace(gap.principal, arn=word, session_name=word)
    found = evidence([worst], [replace(gap, principal=who, source_ip=word)])
    return replace(found, provenance=replace(found.provenance, reader=word, stack=word, table=word))


def shape(page: Page) -> list[str]:
    """Return the names of a page's elements, but for the places where a word may be broken."""
    return [tag for tag, _ in page.elements if tag != "wbr"]


def test_no_word_from_outside_becomes_markup() -> None:
    html = render_page(hostile(HOSTILE))

    assert shape(Page(html)) == shape(Page(render_page(hostile("word"))))
    assert "<script" not in html
    assert not {"\u202e", "\u0000"} & set(html)


@settings(max_examples=30)
@given(WORDS)
def test_whatever_was_written_the_page_stays_what_it_is(word: str) -> None:
    names = set(shape(Page(render_page(hostile(word or "word")))))

    assert names <= set(shape(Page(render_page(eventful())))) | {"ul", "li", "ol"}


@pytest.mark.parametrize("found", [eventful(), evidence([])], ids=["eventful", "empty"])
def test_the_page_loads_nothing_and_runs_nothing(found: Evidence) -> None:
    html = render_page(found)
    page = Page(html)

    assert {"script", "link", "img", "iframe", "object", "form"}.isdisjoint(shape(page))
    assert not any({"src", "href", "style"} & set(attributes) for _, attributes in page.elements)
    assert "url(" not in html
    assert "@import" not in html


def test_only_the_style_sheet_of_the_page_passes_its_own_policy() -> None:
    html = render_page(eventful())
    (style,) = re.findall("<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = (meta["content"] for meta in Page(html).named("meta") if "http-equiv" in meta)

    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_the_page_says_what_it_is_to_those_who_do_not_see_it() -> None:
    page = Page(render_page(eventful()))
    (drawing,) = page.named("svg")

    assert page.named("html") == [{"lang": "en"}]
    assert drawing["aria-labelledby"] == "timeline-title timeline-desc"
    assert {header["scope"] for header in page.named("th")} == {"col"}
    assert "4 guardrails with lapses. DenyUnapprovedRegions: 7 lapses;" in page.words


def test_a_gap_is_named_with_its_event() -> None:
    words = Page(render_page(eventful())).words

    assert "The ledger has gaps" in words
    assert "0000005a-2222-4333-8444-555555555555" in words


def test_a_quiet_month_says_so() -> None:
    words = Page(render_page(evidence([]))).words

    assert "No guardrail was off." in words
    assert "CloudTrail shows no detach of a guardrail." in words


def test_a_month_that_cannot_be_compared_says_so() -> None:
    words = Page(render_page(evidence([], made_at=MADE_AT.replace(year=2028)))).words

    assert "Cannot be compared" in words
    assert "All detaches are in the ledger" not in words


def test_attributes_are_escaped_as_well() -> None:
    assert element("td", "a<b", data_label='"x" & y') == '<td data-label="&quot;x&quot; &amp; y">a&lt;b</td>'

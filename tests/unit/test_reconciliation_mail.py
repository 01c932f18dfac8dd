# ruff: noqa: RUF001 - characters that look like others are what quoting makes.
from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.reconciliation.mail import body, subject
from tests.unit.outside import WORDS
from tests.unit.reports import outside_of_quotes
from tests.unit.runs import REPORTS, RUNS, worded

MAILS = Path(__file__).parent / "mails" / "runs"
A_LINK = re.compile(r"https://us-east-1\.console\.aws\.amazon\.com/\S+")
OUR_DOTS = re.compile(r"aws-cli\S+|baseline\.toml")


@st.composite
def forged_and_honest(draw: st.DrawFn) -> tuple[str, str, str, str]:
    """Return subject and text of a run full of forged words, and of the same with harmless ones."""
    name = draw(st.sampled_from(sorted(RUNS)))
    forged: dict[str, str] = {}

    def forge(word: str) -> str:
        return forged.setdefault(word, draw(WORDS))

    worst, tame = worded(name, forge), worded(name, lambda _: "word")
    return subject(worst), body(worst), subject(tame), body(tame)


@pytest.mark.parametrize("name", REPORTS)
def test_a_mail_is_as_it_was_approved(name: str) -> None:
    """Read the files in `mails/runs/` as their readers do: at three in the morning."""
    report = REPORTS[name]
    assert f"Subject: {subject(report)}\n\n{body(report)}" == (MAILS / f"{name}.txt").read_text()


def test_every_approved_mail_is_compared() -> None:
    assert {path.stem for path in MAILS.iterdir()} == set(REPORTS)


@pytest.mark.parametrize("name", REPORTS)
def test_the_first_screen_says_what_matters(name: str) -> None:
    labels = {line.partition(":")[0] for line in body(REPORTS[name]).splitlines()[:9]}
    assert {"Exposed now", "Restored", "The run", "To do"} <= labels


@given(forged_and_honest())
def test_no_line_of_a_mail_can_be_forged_from_outside(told: tuple[str, str, str, str]) -> None:
    """Whatever the words are, what stands outside of the quotation marks is the same."""
    _, forged, _, honest = told
    assert outside_of_quotes(forged) == outside_of_quotes(honest)
    assert forged.splitlines() == forged.removesuffix("\n").split("\n")
    assert forged.encode()


@given(forged_and_honest())
def test_any_subject_is_valid(told: tuple[str, str, str, str]) -> None:
    """Fewer than 100 characters, no line break, no control character.

    Source: botocore's SNS model, Publish, `Subject`.
    """
    line, *_ = told
    assert line.startswith("[Holdfast o-far1coz49w] ")
    assert len(line) < 100
    assert line.isascii()
    assert line.isprintable()


@given(forged_and_honest())
def test_nothing_in_a_mail_becomes_a_link_but_our_own(told: tuple[str, str, str, str]) -> None:
    text = A_LINK.sub("", told[1])
    assert "//" not in text
    assert not re.search(r"[^\s”]((?<![0-9])[.。．｡]|[.。．｡](?![0-9]))[^\s”]", text)


@pytest.mark.parametrize("name", REPORTS)
def test_nothing_is_called_restored_that_was_not(name: str) -> None:
    """What would have been done is not told as done."""
    report = REPORTS[name]
    if report.tally.is_empty:
        assert "Restored:     nothing" in body(report)
        assert "confirmed" not in body(report).replace("what was restored was confirmed", "")


def test_findings_that_are_too_many_are_told_by_their_titles_and_then_counted() -> None:
    finding = REPORTS["dry_run"].findings[0]
    many = replace(REPORTS["dry_run"], findings=(finding,) * 300)
    lines = body(many, lines=100).splitlines()
    told = [line for line in lines if re.match(r"[0-9]+\. ", line)]
    assert 0 < len(told) < 60
    assert lines[lines.index(told[-1]) + 1] == f"And {300 - len(told)} more findings: see the execution."
    assert len(lines) < 140


def test_the_gravest_finding_is_told_in_full_however_long_it_is() -> None:
    finding = replace(REPORTS["dry_run"].findings[0], items=REPORTS["dry_run"].findings[0].items * 500)
    text = body(replace(REPORTS["dry_run"], findings=(finding,)), lines=20)
    assert "   - and 950 more: see the execution" in text

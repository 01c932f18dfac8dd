# ruff: noqa: RUF001 - characters that look like others are what the worst words are made of.
from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from holdfast_cli.history_command import Question, as_csv, moment_of, span, who
from holdfast_cli.incidents import Incident
from tests.unit.evidence_examples import REGIONS, TRAIL, incident, on
from tests.unit.outside import WORDS

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def cells(given: Incident) -> dict[str, str]:
    """Return an incident's cells by their columns, as a spreadsheet reads them."""
    (row,) = csv.DictReader(io.StringIO(as_csv([given], {REGIONS.policy_id: "DenyUnapprovedRegions"})))
    return row


def test_a_sheet_has_a_header_and_a_line_for_each_incident() -> None:
    row = cells(incident(REGIONS, on(5), exposure=42))

    assert (row["at"], row["guardrail"], row["target"], row["exposure_seconds"], row["error"]) == (
        "2026-10-05T09:00:00Z",
        "DenyUnapprovedRegions",
        "ou-exme-ycaqk99w",
        "42",
        "",
    )


@pytest.mark.parametrize(
    "word", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "＝1", "\r\n=cmd|' /C calc'!A0"]
)
def test_no_cell_is_a_formula(word: str) -> None:
    assert cells(replace(incident(REGIONS, on(5)), session=word))["session"].startswith("'")


@given(WORDS)
def test_no_word_breaks_a_line_or_steers_the_terminal(word: str) -> None:
    sheet = as_csv([replace(incident(REGIONS, on(5)), session=word, principal=word)], {})

    assert sheet.count("\n") == 2
    assert not {"\x1b", "\r", "\u202e", "\u2028"} & set(sheet)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("12h", NOW - timedelta(hours=12)),
        ("2026-10-01", datetime(2026, 10, 1, tzinfo=UTC)),
        ("2026-10-01T02:00:00+02:00", datetime(2026, 10, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_span_before_now_a_day_in_utc_or_a_time_with_its_zone(
    text: str, moment: datetime
) -> None:
    assert moment_of(text, NOW, "since") == moment


@pytest.mark.parametrize("text", ["", "soon", "7w", "2026-10-32", "2026-10-01T00:00:00"])
def test_what_is_no_time_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"since: got .*, expected 12h, 7d, a day"):
        moment_of(text, NOW, "since")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (42, "42 s"),
        (60, "1 min"),
        (231, "3 min 51 s"),
        (3_600, "1 h"),
        (3_661, "1 h 1 min"),
        (86_400 + 7_200 + 59, "1 d 2 h"),
    ],
)
def test_a_span_has_its_two_greatest_units(seconds: int, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


def test_a_question_bounds_policy_target_and_time() -> None:
    question = Question(frozenset({REGIONS.policy_id}), REGIONS.target_id, on(5), on(7))
    asked = [(REGIONS, on(5)), (REGIONS, on(6)), (REGIONS, on(7)), (REGIONS, on(4)), (TRAIL, on(6))]

    assert [question.wants(incident(*each)) for each in asked] == [True, True, False, False, False]
    assert question.attachments == (REGIONS,)


def test_the_name_that_the_caller_chose_is_quoted() -> None:
    assert who(incident(REGIONS, on(5))) == "arn:aws:iam::111122223333:role/developer, session “mallory”"

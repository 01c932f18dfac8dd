from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.mailing.letter import Mailbox
from holdfast.mailing.pace import QUIET, Pace, Paces, Plan, Sent, parse_paces
from holdfast.mailing.storm import Storm
from tests.unit.examples import NOW
from tests.unit.outside import JSON

MINUTE = timedelta(seconds=60)
MOMENT = timedelta(microseconds=1)


def sent(singles: int, digests: int = 0, at: datetime = NOW) -> Pace:
    return Pace((Sent(at, single=True),) * singles + (Sent(at, single=False),) * digests)


def in_storm(told_at: datetime, *incidents: str, before: Pace | None = None) -> Pace:
    return replace(before or Pace(), storm=Storm(NOW, told_at, open=incidents))


@pytest.mark.parametrize(
    ("pace", "letters", "plan"),
    [
        (Pace(), 0, Plan.NOTHING),
        (Pace(), 1, Plan.SINGLY),
        (Pace(), 4, Plan.SINGLY),
        (Pace(), 5, Plan.DIGEST),
        (sent(3), 1, Plan.SINGLY),
        (sent(3), 2, Plan.DIGEST),
        (sent(4), 1, Plan.DIGEST),
        (sent(0, 4), 2, Plan.SINGLY),
        (sent(0, 5), 2, Plan.DIGEST),
        (sent(4, 2), 1, Plan.HOLD),
        (sent(4, 2), 0, Plan.NOTHING),
    ],
)
def test_in_a_calm_few_letters_go_singly_and_more_in_a_digest(pace: Pace, letters: int, plan: Plan) -> None:
    assert pace.plan(letters, NOW) is plan


@pytest.mark.parametrize(
    ("since_told", "letters", "incidents", "plan"),
    [
        (MINUTE, 9, (), Plan.HOLD),
        (MINUTE + MOMENT, 9, (), Plan.DIGEST),
        (MINUTE + MOMENT, 1, (), Plan.DIGEST),
        (MINUTE + MOMENT, 0, ("e",), Plan.WAIT),
        (timedelta(minutes=45) - MOMENT, 0, ("e",), Plan.WAIT),
        (timedelta(minutes=45), 0, ("e",), Plan.CLOSE),
        (MINUTE + MOMENT, 0, (), Plan.WAIT),
        (QUIET - MOMENT, 0, (), Plan.WAIT),
        (QUIET, 0, (), Plan.CLOSE),
    ],
)
def test_in_a_storm_there_is_a_digest_a_minute_and_a_last_one(
    since_told: timedelta, letters: int, incidents: tuple[str, ...], plan: Plan
) -> None:
    assert in_storm(NOW - since_told, *incidents).plan(letters, NOW) is plan


@pytest.mark.parametrize("letters", [0, 1])
def test_in_a_storm_too_the_budget_holds(letters: int) -> None:
    pace = in_storm(NOW - QUIET, before=sent(4, 2))
    assert pace.plan(letters, NOW) is Plan.HOLD


def test_a_mail_counts_for_a_whole_minute() -> None:
    assert sent(4, 2, at=NOW - MINUTE).plan(1, NOW) is Plan.HOLD
    assert sent(4, 2, at=NOW - MINUTE - MOMENT).plan(1, NOW) is Plan.SINGLY


def test_the_paces_are_remembered() -> None:
    storm = Storm(NOW, NOW + MOMENT, 3, {"failed": 3}, {"somebody": 3}, ("a",), ("b",))
    paces = Paces({Mailbox.PEOPLE: replace(sent(1, 1), storm=storm), Mailbox.ALARMS: Pace()}).leased(NOW)
    assert parse_paces(json.loads(json.dumps(paces.to_document()))) == paces


@given(JSON | st.fixed_dictionaries({"leased_until": JSON, "paces": JSON}))
def test_what_other_code_remembered_counts_as_nothing(document: Any) -> None:
    if isinstance(document, dict):
        assert parse_paces(document) == Paces()


def test_nothing_remembered_is_a_calm() -> None:
    assert parse_paces(None) == Paces()

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from holdfast.reconciliation.drift import Drift
from holdfast.reconciliation.report import ReconciliationReport
from holdfast.reconciliation.telling import after_telling, is_worth_telling
from tests.unit.examples import NOW
from tests.unit.runs import AS_DEPLOYED, CLEAN, REPORTS, REQUESTED, RUN, reported, searched

STANDING = reported(replace(CLEAN, search=searched(Drift(missing=(7,)))), AS_DEPLOYED)
NOTICE = REPORTS["only_notices"]
LATER = f"{RUN}-later"


def told(report: ReconciliationReport, at: datetime = NOW) -> dict[str, Any]:
    """Return what is remembered after the report was told."""
    return after_telling(report, {}, at, tell=True)


def is_told(report: ReconciliationReport, memory: dict[str, Any], minutes: float) -> bool:
    """Return whether another execution tells it some minutes later."""
    later = replace(report, execution_arn=LATER)
    return is_worth_telling(later, memory, NOW + timedelta(minutes=minutes))


def test_a_clean_run_is_quiet() -> None:
    assert is_worth_telling(REPORTS["clean"], {}, NOW) is False


@pytest.mark.parametrize("name", sorted(REPORTS.keys() - {"clean"}))
def test_what_is_new_is_told(name: str) -> None:
    assert is_worth_telling(REPORTS[name], {}, NOW) is True


@pytest.mark.parametrize(
    ("report", "minutes", "again"),
    [(STANDING, 59, False), (STANDING, 60, True), (NOTICE, 23 * 60, False), (NOTICE, 24 * 60, True)],
)
def test_what_stands_is_told_again_after_its_time(
    report: ReconciliationReport, minutes: int, *, again: bool
) -> None:
    assert is_told(report, told(report), minutes) is again


def test_a_failure_that_goes_on_is_told_every_hour() -> None:
    failed = REPORTS["failed_to_begin"]
    assert [is_told(failed, told(failed), minutes) for minutes in (10, 70)] == [False, True]


def test_what_was_restored_is_told_always() -> None:
    restored = REPORTS["restored_after_disable_policy_type"]
    assert is_told(restored, told(restored), 1) is True


def test_what_is_new_beside_what_stands_is_told() -> None:
    more = reported(replace(CLEAN, search=searched(Drift(missing=(5, 7)))), AS_DEPLOYED)
    assert is_told(more, told(STANDING), 10) is True


def test_what_somebody_asked_for_is_told() -> None:
    assert is_told(replace(STANDING, trigger=REQUESTED), told(STANDING), 10) is True
    assert is_told(replace(REPORTS["clean"], trigger=REQUESTED), {}, 10) is False


def test_the_same_execution_tells_it_though_it_has_remembered_it_already() -> None:
    """A function whose answer was lost is called again."""
    assert is_worth_telling(STANDING, told(STANDING), NOW + timedelta(minutes=1)) is True


@pytest.mark.parametrize("entry", [None, 3, {}, {"at": None}, {"at": "yesterday"}, {"at": "2026-11-22"}])
def test_what_is_remembered_wrongly_is_told(entry: object) -> None:
    memory = {finding.key: entry for finding in STANDING.findings}
    assert is_told(STANDING, memory, 1) is True
    assert after_telling(STANDING, memory, NOW, tell=False) == {}


def test_what_was_put_right_and_comes_again_is_new() -> None:
    after_clean = after_telling(REPORTS["clean"], told(STANDING), NOW, tell=False)
    assert after_clean == {}
    assert is_told(STANDING, after_clean, 10) is True


@pytest.mark.parametrize("name", ["account_moved", "failed_to_go_on", "slots_filled"])
def test_a_run_that_did_not_see_everything_forgets_nothing(name: str) -> None:
    memory = told(STANDING)
    assert after_telling(REPORTS[name], memory, NOW, tell=False) == memory


@pytest.mark.parametrize("name", ["off_under_exemptions", "restored_without_exemptions"])
def test_what_a_whole_run_says_of_exemptions_is_new_when_it_comes_again(name: str) -> None:
    """A run of the whole baseline always reads them."""
    assert after_telling(REPORTS["clean"], told(REPORTS[name]), NOW, tell=False) == {}


def test_what_is_seen_from_time_to_time_only_is_not_forgotten() -> None:
    """The targets whose slots are looked at take turns."""
    memory = told(REPORTS["slots_filled"])
    assert after_telling(REPORTS["clean"], memory, NOW, tell=False) == memory


def test_what_is_long_ago_is_forgotten() -> None:
    assert after_telling(STANDING, told(STANDING), NOW + timedelta(hours=24), tell=False) == {}


def test_the_memory_stays_small() -> None:
    """DynamoDB takes items of 400 KB."""
    memory = {
        f"wiring/{number}/reported": {"at": "2026-11-22T09:00:00Z", "by": RUN} for number in range(5_000)
    }
    kept = after_telling(STANDING, memory | told(STANDING, NOW + timedelta(minutes=1)), NOW, tell=True)
    assert len(kept) <= 1_000
    assert STANDING.findings[0].key in kept


def test_what_is_said_to_be_told_in_the_future_is_told() -> None:
    """Whoever writes into the memory mutes nothing for good."""
    memory = told(STANDING, NOW + timedelta(days=365))
    assert is_told(STANDING, memory, 1) is True
    assert after_telling(STANDING, memory, NOW, tell=False) == {}

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.attachment import Attachment
from holdfast.detachment import Detachment
from holdfast.principal import Principal
from holdfast_cli.evidence import Ending, Lapse, Month, compare, figures_of, lapses_in, month_of
from holdfast_cli.ledger_entries import read_ledger
from tests.unit.examples import example_baseline
from tests.unit.ledger_items import DETACHED, EVENT_ID, POLICY, TARGET, drift, incident

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OCTOBER = Month(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
GUARDED = Attachment(POLICY, TARGET)
OTHER_ID = "11111111-2222-4333-8444-555555555555"


def lapses(*items: Any) -> tuple[Lapse, ...]:
    """Return the lapses that items tell of."""
    return lapses_in(read_ledger(items).entries)


def test_an_incident_that_was_restored_is_one_lapse() -> None:
    (lapse,) = lapses(incident())

    assert (lapse.since, lapse.ending, lapse.exposure) == (DETACHED, Ending.FAST, timedelta(seconds=9))


def test_a_detach_under_an_exemption_and_its_restoration_at_the_end_are_one_lapse() -> None:
    exempt = incident("exempt", exposure_seconds=None)
    ended = incident(recorded_at=DETACHED + 2 * HOUR, exposure_seconds=7_200)

    (lapse,) = lapses(ended, exempt)

    assert [entry.outcome for entry in lapse.entries] == ["exempt", "restored"]
    assert (lapse.ending, lapse.exposure) == (Ending.FAST, 2 * HOUR)


def test_what_the_fast_path_failed_at_and_the_slow_path_restored_is_one_lapse() -> None:
    failed = incident("failed", exposure_seconds=None, error="PolicyGoneError")
    restored = drift(detached_at=DETACHED, recorded_at=DETACHED + 10 * MINUTE, exposure_seconds=600)

    (lapse,) = lapses(failed, restored)

    assert (lapse.ending, lapse.exposure) == (Ending.SLOW, 10 * MINUTE)


@pytest.mark.parametrize(
    ("item", "ending"),
    [
        (incident("failed", exposure_seconds=None), Ending.OPEN),
        (incident("alert only", exposure_seconds=None), Ending.OPEN),
        (incident("yielded", exposure_seconds=None), Ending.OPEN),
        (incident("sanctioned", exposure_seconds=None), Ending.ALLOWED),
        (incident("exempt", exposure_seconds=None), Ending.ALLOWED),
        (incident("already attached"), Ending.FAST),
        (incident("restored with changed text"), Ending.FAST),
        (drift("restored by others"), Ending.SLOW),
        (drift("failed"), Ending.OPEN),
    ],
    ids=lambda value: value["outcome"]["S"] if isinstance(value, dict) else "",
)
def test_how_a_lapse_ended_is_what_was_recorded(item: Any, ending: Ending) -> None:
    (lapse,) = lapses(item)

    assert lapse.ending is ending


def test_two_detaches_of_the_same_attachment_are_two_lapses() -> None:
    assert [lapse.since for lapse in lapses(incident(), incident(detached_at=DETACHED + HOUR))] == [
        DETACHED,
        DETACHED + HOUR,
    ]


def test_what_nobody_knows_the_beginning_of_is_one_lapse_until_it_is_mended() -> None:
    told = [drift("withheld", recorded_at=DETACHED + number * HOUR) for number in range(3)]
    mended = drift("restored", recorded_at=DETACHED + 3 * HOUR)
    again = drift("withheld", recorded_at=DETACHED + 9 * HOUR)

    first, second = lapses(*told, mended, again)

    assert (len(first.entries), first.ending, first.exposure) == (4, Ending.SLOW, None)
    assert (len(second.entries), second.ending) == (1, Ending.OPEN)


def test_lapses_are_counted_and_their_exposures_summed() -> None:
    figures = figures_of(
        lapses(
            incident(exposure_seconds=4),
            incident(detached_at=DETACHED + HOUR, exposure_seconds=10),
            incident(detached_at=DETACHED + 2 * HOUR, exposure_seconds=1_000),
            incident("failed", detached_at=DETACHED + 3 * HOUR, exposure_seconds=None),
        )
    )

    assert (figures.lapses, figures.endings[Ending.FAST], figures.endings[Ending.OPEN]) == (4, 3, 1)
    assert [span.total_seconds() for span in (figures.total, figures.longest, figures.middle) if span] == [
        1_014,
        1_000,
        10,
    ]


def test_where_nothing_was_restored_there_is_no_exposure() -> None:
    figures = figures_of(())

    assert (figures.total, figures.longest, figures.middle) == (None, None, None)


def detachment(event_id: str = EVENT_ID, attachment: Attachment = GUARDED, **more: Any) -> Detachment:
    """Return a detach as CloudTrail's event history has it."""
    return Detachment(attachment, event_id, DETACHED, "111122223333", Principal("AssumedRole"), **more)


def compared(*items: Any, detachments: tuple[Detachment, ...]) -> Any:
    """Return how October's detaches match what items tell of."""
    return compare(detachments, read_ledger(items).entries, example_baseline(), OCTOBER.since, OCTOBER.until)


def test_a_detach_with_an_entry_is_matched() -> None:
    found = compared(incident(), detachments=(detachment(),))

    assert (found.matched, found.gaps, found.unguarded, found.unseen) == (1, (), 0, ())


def test_records_of_two_accounts_about_one_call_match_its_entry() -> None:
    """The fast path was started by one of them, and the history shows another."""
    item = incident(call_id=OTHER_ID, event_id=EVENT_ID)

    found = compared(item, detachments=(detachment("0" * 36, shared_event_id=OTHER_ID),))

    assert (found.matched, found.is_whole) == (1, True)


def test_a_detach_of_a_guardrail_without_an_entry_is_a_gap() -> None:
    found = compared(detachments=(detachment(),))

    assert (found.gaps, found.is_whole) == ((detachment(),), False)


def test_a_detach_of_what_is_not_guarded_is_no_gap() -> None:
    stranger = detachment(attachment=Attachment("p-stranger001", GUARDED.target_id))

    found = compared(detachments=(stranger,))

    assert (found.unguarded, found.is_whole) == (1, True)


def test_an_entry_that_the_history_does_not_show_is_counted() -> None:
    found = compared(incident(), detachments=())

    assert ([entry.event_ids for entry in found.unseen], found.is_whole) == ([frozenset({EVENT_ID})], True)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2026-10", "2026-10-01T00:00Z", "2026-11-01T00:00Z"),
        ("2026-12", "2026-12-01T00:00Z", "2027-01-01T00:00Z"),
        ("2028-2", "2028-02-01T00:00Z", "2028-03-01T00:00Z"),
    ],
)
def test_a_month_goes_from_its_first_moment_to_the_next_ones(text: str, since: str, until: str) -> None:
    month = month_of(text)

    assert month == Month(datetime.fromisoformat(since), datetime.fromisoformat(until))


@pytest.mark.parametrize("text", ["", "October", "2026-13", "2026", "2026-10-01"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="month: got") as refused:
        month_of(text)

    assert str(refused.value) == f"month: got {text!r}, expected a month such as 2026-10"

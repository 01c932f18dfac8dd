from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from holdfast.detachment import Detachment
from holdfast_cli.evidence import (
    Ending,
    Lapse,
    Month,
    Version,
    Window,
    lapses_in,
    lapses_of,
    month_of,
    window_of,
)
from holdfast_cli.incidents import Run
from holdfast_cli.report_words import Standing, verdict_of
from tests.unit.evidence_examples import (
    MADE_AT,
    NOBODYS,
    OCTOBER,
    REGIONS,
    TRAIL,
    VERSION,
    detachment,
    evidence,
    incident,
    on,
)


def the_lapse(*outcomes: str, exposure: float = 60) -> Lapse:
    """Return the one lapse of these outcomes, of which the last one has the exposure."""
    stages = [
        replace(incident(REGIONS, on(5), outcome), recorded_at=on(5, 10, number))
        for number, outcome in enumerate(outcomes)
    ]
    last = replace(stages[-1], exposure=timedelta(seconds=exposure))
    (lapse,) = lapses_in([last, *stages[:-1]])
    return lapse


@pytest.mark.parametrize(
    ("outcomes", "ending"),
    [
        (("restored",), Ending.FAST),
        (("exempt", "restored"), Ending.FAST),
        (("restored with changed text",), Ending.FAST),
        (("restored, text not checked",), Ending.FAST),
        (("failed", "reconciliation, restored"), Ending.SLOW),
        (("failed", "reconciliation, failed", "reconciliation, restored"), Ending.SLOW),
        (("already attached",), Ending.OTHERS),
        (("alert only", "reconciliation, restored by others"), Ending.OTHERS),
        (("failed", "reconciliation, target gone"), Ending.GONE),
        (("exempt",), Ending.ALLOWED),
        (("sanctioned",), Ending.ALLOWED),
        (("exempt", "failed"), Ending.OPEN),
        (("alert only",), Ending.OPEN),
        (("yielded", "reconciliation, withheld"), Ending.OPEN),
    ],
    ids=" then ".join,
)
def test_several_outcomes_of_one_detach_are_one_lapse_with_its_stages(
    outcomes: tuple[str, ...], ending: Ending
) -> None:
    lapse = the_lapse(*outcomes)

    assert tuple(stage.outcome for stage in lapse.stages) == outcomes
    assert lapse.ending is ending


def test_a_lapse_lasts_from_the_detach_to_the_end() -> None:
    lapse = the_lapse("failed", "reconciliation, restored", exposure=900)

    assert (lapse.began, lapse.ended, lapse.exposure) == (on(5), on(5, 9, 15), timedelta(minutes=15))


def test_two_detaches_of_one_attachment_are_two_lapses_and_so_are_those_of_two_attachments() -> None:
    incidents = [incident(REGIONS, on(5)), incident(REGIONS, on(6)), incident(TRAIL, on(5))]

    assert [(each.began, each.attachment) for each in lapses_in(incidents)] == [
        (on(5), REGIONS),
        (on(5), TRAIL),
        (on(6), REGIONS),
    ]


def test_what_nobody_knows_the_beginning_of_is_one_lapse_until_it_has_an_end() -> None:
    outcomes = ["reconciliation, failed", "reconciliation, restored", "reconciliation, failed"]
    incidents = [
        replace(incident(REGIONS, None, outcome), recorded_at=on(day))
        for day, outcome in enumerate(outcomes, 3)
    ]

    assert [len(lapse.stages) for lapse in lapses_in(incidents)] == [2, 1]
    assert [(lapse.is_dated, lapse.exposure) for lapse in lapses_in(incidents)] == [(False, None)] * 2


def test_an_event_that_could_not_be_read_is_no_lapse_and_is_counted() -> None:
    seen = evidence([replace(incident(None, None, "failed"), recorded_at=on(4))])

    assert (seen.lapses, seen.unreadable_events) == ((), 1)


@pytest.mark.parametrize(
    ("text", "following", "days"),
    [
        ("2026-10", datetime(2026, 11, 1, tzinfo=UTC), 31),
        ("2026-12", datetime(2027, 1, 1, tzinfo=UTC), 31),
        ("2028-02", datetime(2028, 3, 1, tzinfo=UTC), 29),
    ],
)
def test_a_month_ends_where_the_next_one_begins(text: str, following: datetime, days: int) -> None:
    month = month_of(text)

    assert (month.following, month.days) == (following, days)


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-1", "10-2026", "2026-10-01", "9999-12", "\u0662026-10"]
)
def test_what_is_no_month_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"month: got .*, expected a month such as 2026-10"):
        month_of(text)


@pytest.mark.parametrize(
    ("moment", "held"),
    [
        (datetime(2026, 10, 1, tzinfo=UTC), True),
        (datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 1, tzinfo=UTC), False),
        (datetime(2026, 11, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))), True),
        (datetime(2026, 9, 30, 20, tzinfo=timezone(timedelta(hours=-5))), True),
    ],
)
def test_the_month_is_that_of_utc_wherever_the_time_was_written(moment: datetime, *, held: bool) -> None:
    assert OCTOBER.holds(moment) is held


def test_a_lapse_counts_in_the_month_of_its_beginning_and_in_those_that_it_reaches_into() -> None:
    before = incident(REGIONS, datetime(2026, 9, 30, 23, tzinfo=UTC), exposure=7_200)
    earlier = incident(TRAIL, datetime(2026, 9, 12, tzinfo=UTC), exposure=30)
    later = incident(TRAIL, datetime(2026, 11, 1, tzinfo=UTC), exposure=30)
    unended = incident(REGIONS, datetime(2026, 8, 1, tzinfo=UTC), "failed")
    found = evidence([before, earlier, later, unended, incident(TRAIL, on(31, 23, 59), exposure=600)])

    assert [lapse.began for lapse in found.lapses] == [before.at, on(31, 23, 59)]
    assert found.unended_before == 1
    assert [each.began for each in lapses_of(month_of("2026-11"), lapses_in([later, earlier]))] == [later.at]


def test_the_figures_sum_up_what_is_known() -> None:
    figures = evidence(
        [
            incident(REGIONS, on(2), exposure=10),
            incident(REGIONS, on(3), exposure=20),
            incident(TRAIL, on(4), "exempt"),
            incident(TRAIL, on(4), exposure=3_600),
            incident(TRAIL, on(5), "sanctioned"),
            incident(TRAIL, on(6), "failed"),
        ],
        runs=[Run(on(3), "clean"), Run(datetime(2026, 9, 30, tzinfo=UTC), "clean")],
    ).figures

    assert (figures.lapses, figures.failed, figures.exempt, figures.sanctioned, figures.runs) == (
        5,
        1,
        1,
        1,
        1,
    )
    assert (figures.total, figures.longest, figures.middle) == (
        timedelta(seconds=3_630),
        timedelta(hours=1),
        timedelta(seconds=20),
    )
    assert {ending: count for ending, count in figures.endings.items() if count} == {
        Ending.FAST: 3,
        Ending.ALLOWED: 1,
        Ending.OPEN: 1,
    }


def test_every_detach_with_an_incident_is_complete() -> None:
    found = evidence([incident(REGIONS, on(5))], [detachment(REGIONS, on(5))])

    assert found.completeness is not None
    assert (found.completeness.matched, found.completeness.gaps) == (1, ())
    assert verdict_of(found).standing is Standing.COMPLETE


def test_a_detach_of_a_guardrail_without_an_incident_is_a_gap_and_one_of_another_policy_is_none() -> None:
    missing, other = detachment(TRAIL, on(6), number=2), detachment(NOBODYS, on(7), number=3)
    found = evidence([incident(REGIONS, on(5))], [detachment(REGIONS, on(5)), missing, other])

    assert found.completeness is not None
    assert (found.completeness.gaps, found.completeness.unguarded) == ((missing,), 1)
    assert verdict_of(found).words == (
        "CloudTrail shows 1 detach of a guardrail that the ledger lacks; it has 1 other."
    )


def test_a_call_matches_by_its_shared_id_and_counts_once_however_many_records_it_has() -> None:
    shared = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
    records: list[Detachment] = [
        replace(detachment(REGIONS, on(5), number), shared_event_id=shared) for number in (7, 8)
    ]
    found = evidence([replace(incident(REGIONS, on(5)), event_ids=frozenset({shared}))], records)

    assert found.completeness is not None
    assert (found.completeness.matched, found.completeness.gaps, found.completeness.unseen) == (1, (), ())


def test_an_incident_whose_detach_cloudtrail_does_not_show_is_named_once_and_is_no_gap() -> None:
    stages = [incident(REGIONS, on(5), outcome) for outcome in ("exempt", "restored")]
    found = evidence(stages)

    assert found.completeness is not None
    assert (len(found.completeness.unseen), found.completeness.is_whole) == (1, True)
    assert verdict_of(found).notes == (
        "1 incident in the ledger only: CloudTrail's event history does not show their detach.",
    )


def test_a_record_that_could_not_be_read_is_never_called_complete() -> None:
    assert verdict_of(evidence([], unreadable=1)).standing is Standing.GAPS


def test_a_month_of_which_a_part_is_older_than_90_days_claims_that_part_only() -> None:
    made_at = datetime(2027, 1, 10, tzinfo=UTC)
    found = evidence([incident(REGIONS, on(5)), incident(REGIONS, on(20), number=2)], made_at=made_at)

    assert found.completeness is not None
    assert found.completeness.window == Window(datetime(2026, 10, 12, 1, tzinfo=UTC), OCTOBER.following)
    assert [each.at for each in found.completeness.unseen] == [on(20)]
    assert verdict_of(found).standing is Standing.PARTIAL


@pytest.mark.parametrize(
    ("made_at", "words"),
    [
        (datetime(2027, 2, 1, tzinfo=UTC), "CloudTrail keeps its event history for 90 days"),
        (datetime(2026, 10, 1, 0, 20, tzinfo=UTC), "The month has just begun"),
        (datetime(2026, 9, 1, tzinfo=UTC), "The month has not begun."),
    ],
)
def test_a_month_that_cannot_be_compared_says_why_and_claims_nothing(made_at: datetime, words: str) -> None:
    verdict = verdict_of(evidence([incident(REGIONS, on(5))], made_at=made_at))

    assert (verdict.standing, verdict.words.startswith(words)) == (Standing.UNKNOWN, True)


def test_the_last_half_hour_is_not_compared_for_holdfast_may_still_be_at_it() -> None:
    assert window_of(OCTOBER, on(20, 12)) == Window(OCTOBER.first, on(20, 11, 30))


def test_the_baselines_in_force_are_named_and_others_than_the_compared_one_are_noted() -> None:
    old = replace(incident(REGIONS, on(2)), baseline_version="0123456789ab")
    found = evidence([old, incident(REGIONS, on(9), number=2)], runs=[Run(on(30), "clean", VERSION)])

    assert found.versions == (
        Version("0123456789ab", old.recorded_at, old.recorded_at),
        Version(VERSION, on(9, 9, 1), on(30)),
    )
    assert any("Other baselines were in force" in note for note in verdict_of(found).notes)


def test_a_report_of_the_present_month_ends_before_now() -> None:
    november = Month(datetime(2026, 11, 1, tzinfo=UTC))

    assert window_of(november, MADE_AT) == Window(november.first, MADE_AT - timedelta(minutes=30))

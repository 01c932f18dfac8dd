from __future__ import annotations

import pytest

from holdfast.pacing import PUBLISHED_RATES, QUARTER, Pace
from tests.unit.live_organization import Clock


def paced(share: float, clock: Clock) -> Pace:
    return Pace(share, clock.sleep, clock.monotonic)


def starts(pace: Pace, clock: Clock, *operations: str) -> list[float]:
    """Return when each call may begin, if the calls themselves take no time."""
    begun = []
    for operation in operations:
        pace(operation)
        begun.append(clock.seconds)
    return begun


@pytest.mark.parametrize("operation", PUBLISHED_RATES)
def test_calls_of_one_kind_keep_their_distance(operation: str) -> None:
    clock = Clock()
    apart = 1 / (PUBLISHED_RATES[operation] * QUARTER)
    begun = starts(paced(QUARTER, clock), clock, *[operation] * 3)
    assert begun == pytest.approx([0, apart, 2 * apart])


def test_calls_of_different_kinds_do_not_wait_for_each_other() -> None:
    clock = Clock()
    assert starts(paced(QUARTER, clock), clock, "DescribePolicy", "ListTargetsForPolicy", "ListRoots") == [
        0,
        0,
        0,
    ]


def test_operations_of_one_row_of_the_published_table_share_their_rate() -> None:
    """Source: Organizations user guide, "Quotas and service limits", "Throttling limits"."""
    clock = Clock()
    begun = starts(
        paced(QUARTER, clock), clock, "ListPolicies", "ListPoliciesForTarget", "ListTargetsForPolicy"
    )
    assert begun == pytest.approx([0, 0.8, 1.6])


def test_time_that_a_call_takes_counts() -> None:
    clock = Clock()
    pace = paced(QUARTER, clock)
    pace("DescribePolicy")
    clock.sleep(1.5)
    pace("DescribePolicy")
    assert clock.seconds == pytest.approx(2)
    clock.sleep(60)
    pace("DescribePolicy")
    assert clock.seconds == pytest.approx(62)


def test_what_has_no_published_rate_goes_at_once() -> None:
    clock = Clock()
    assert starts(paced(QUARTER, clock), clock, *["AttachPolicy"] * 3) == [0, 0, 0]


def test_every_call_is_counted() -> None:
    clock = Clock()
    pace = paced(1, clock)
    starts(pace, clock, "ListRoots", "AttachPolicy", "AttachPolicy")
    assert pace.calls == 3

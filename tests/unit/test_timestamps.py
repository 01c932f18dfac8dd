from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.timestamps import format_timestamp, parse_http_date, parse_timestamp

NINE = datetime(2026, 11, 22, 9, 0, 0, tzinfo=UTC)


def test_a_time_of_cloudtrail_is_read() -> None:
    assert parse_timestamp("2026-11-22T09:00:00Z") == NINE


def test_a_time_of_another_zone_is_the_same_in_utc() -> None:
    parsed = parse_timestamp("2026-11-22T10:00:00+01:00")
    assert (parsed, parsed.tzinfo) == (NINE, UTC)


@pytest.mark.parametrize("text", ["2026-11-22T09:00:00", "2026-11-22", "now", ""])
def test_a_time_without_its_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time zone|isoformat"):
        parse_timestamp(text)


def test_a_time_is_written_as_cloudtrail_writes_it() -> None:
    tokyo = timezone(timedelta(hours=9))
    written = format_timestamp(datetime(2026, 11, 22, 18, 0, 0, 999_999, tzinfo=tokyo))
    assert written == "2026-11-22T09:00:00Z"


def test_the_date_of_an_answer_is_read() -> None:
    """Source: RFC 9110, section 5.6.7, IMF-fixdate."""
    assert parse_http_date("Sun, 22 Nov 2026 09:00:00 GMT") == NINE


@given(st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(microsecond=0)))
def test_what_is_written_is_read_again(moment: datetime) -> None:
    """Also in the year 7, which `strftime` writes as `7`: an event may claim any time."""
    assert parse_timestamp(format_timestamp(moment)) == moment

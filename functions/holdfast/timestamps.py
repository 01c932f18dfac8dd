"""Points in time, as AWS writes them: ISO 8601 in UTC, with `Z`."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def parse_timestamp(text: str) -> datetime:
    """Return the point in time that an ISO 8601 text names.

    Raises
    ------
    ValueError
        If it is no such text, or names no zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = f"{text!r} names no time zone"
        raise ValueError(message)
    return moment.astimezone(UTC)


def format_timestamp(moment: datetime) -> str:
    """Return `moment` as CloudTrail writes it, in whole seconds: `2026-11-22T09:00:00Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def parse_http_date(text: str) -> datetime:
    """Return the point in time that an HTTP `Date` header names, in UTC."""
    return parsedate_to_datetime(text).astimezone(UTC)

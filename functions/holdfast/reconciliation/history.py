"""CloudTrail's event history: who did it, for 90 days, without any trail.

Source: CloudTrail user guide, "Working with CloudTrail event history"; API reference, LookupEvents (two calls
a second). The history lags by up to 15 minutes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from holdfast.calling import ONE_ATTEMPT, pages
from holdfast.errors import MalformedEventError, ServiceBusyError
from holdfast.pacing import Pace
from holdfast.record import Record, parse_record

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudtrail.type_defs import LookupEventsResponseTypeDef

LAG = timedelta(minutes=15)
"""What is younger may not be in the history yet."""

KEPT = timedelta(days=90)
"""What is older is not there any more."""

TOO_MANY_PAGES = "TooManyPages"
"""Our own code: a window holds more than may be asked for; what was yielded before the error counts."""

HALF = 0.5
"""The part of the published rate that may be used."""


class History:
    """Look events up.

    Parameters
    ----------
    client : CloudTrailClient
        A boto3 client that makes one attempt, for the region in which Organizations' events are.
    before : callable, optional
        Called with the operation's name before each call; by default it keeps to half of the rate.
    """

    def __init__(self, client: CloudTrailClient, before: Callable[[str], None] | None = None) -> None:
        self._client = client
        self._before = before or Pace(HALF)

    def records(
        self, name: str, since: datetime, until: datetime, pages_at_most: int = 10
    ) -> Iterator[Record]:
        """Yield the successful calls of a name between two times, the newest first.

        Parameters
        ----------
        name : str
            CloudTrail's `eventName`.
        since, until : datetime
            The window.
        pages_at_most : int
            How many pages of 50 events may be asked for.

        Raises
        ------
        ServiceBusyError
            If the window holds more pages than may be asked for, or CloudTrail does not answer now.
        ServiceRefusedError
            For all other answers.
        """
        listing = pages(
            "cloudtrail",
            "LookupEvents",
            self._lookup,
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}],
            StartTime=since,
            EndTime=until,
            MaxResults=50,
        )
        for number, page in enumerate(listing, start=1):
            yield from filter(None, (_record(event, name) for event in page["Events"]))
            if number == pages_at_most and page.get("NextToken"):
                raise ServiceBusyError("cloudtrail", "LookupEvents", TOO_MANY_PAGES, f"of {name}")

    def _lookup(self, **request: Any) -> LookupEventsResponseTypeDef:
        self._before("LookupEvents")
        return self._client.lookup_events(**request)


def _record(event: Mapping[str, Any], name: str) -> Record | None:
    """Return the record of an event; None of a failed call, and of what says less than a record must."""
    try:
        return parse_record(json.loads(event.get("CloudTrailEvent", "null")), [name], "CloudTrailEvent")
    except (MalformedEventError, ValueError):
        return None


@cache
def connect_history() -> History:
    """Return the connection of this process, made at the first call and kept while the function is warm."""
    return History(boto3.client("cloudtrail", config=ONE_ATTEMPT))

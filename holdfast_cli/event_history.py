"""CloudTrail's event history, as the commands ask for it: where Organizations' calls are recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from holdfast.calling import pages
from holdfast.detachment import DETACH_POLICY, Detachment, detachment_of
from holdfast.errors import MalformedEventError
from holdfast.pacing import Pace
from holdfast.reconciliation.history import HALF, History
from holdfast.record import ORGANIZATIONS, parse_record
from holdfast_cli.session import REGION_OF_EVENTS

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient

    from holdfast_cli.session import Session


def event_history(session: Session, partition: str) -> History:
    """Return the event history of a partition, asked at half of the published rate.

    Parameters
    ----------
    session : Session
        Which AWS, as whom.
    partition : str
        Such as `aws`.
    """
    return History(_client(session, partition), _pace(session))


def detaches(
    session: Session, partition: str, since: datetime, until: datetime
) -> Iterator[list[Detachment | None]]:
    """Yield every successful DetachPolicy between two times, page by page; None for an unreadable record.

    A failed call detached nothing. It is left out, and is not unreadable.

    Parameters
    ----------
    session : Session
        Which AWS, as whom.
    partition : str
        Such as `aws`.
    since, until : datetime
        The window.
    """
    client, before = _client(session, partition), _pace(session)

    def look_up(**request: Any) -> Any:
        before("LookupEvents")
        return client.lookup_events(**request)

    for page in pages(
        "cloudtrail",
        "LookupEvents",
        look_up,
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": DETACH_POLICY}],
        StartTime=since,
        EndTime=until,
        MaxResults=50,
    ):
        records = (_record(event) for event in page["Events"])
        yield [detachment_in(record) for record in records if not _is_of_another_kind(record)]


def detachment_in(record: object) -> Detachment | None:
    """Return the detachment that a record of DetachPolicy reports; None if it is not as documented."""
    try:
        return detachment_of(parse_record(record, [DETACH_POLICY], "CloudTrailEvent"))
    except MalformedEventError:
        return None


def _record(event: Mapping[str, Any]) -> object:
    try:
        return json.loads(event.get("CloudTrailEvent", "null"))
    except (ValueError, RecursionError):
        return None


def _is_of_another_kind(record: object) -> bool:
    """Return whether a record is of a failed call, or of another service's DetachPolicy: IoT has one."""
    if not isinstance(record, Mapping):
        return False
    source = record.get("eventSource")
    return record.get("errorCode") is not None or (isinstance(source, str) and source != ORGANIZATIONS)


def _client(session: Session, partition: str) -> CloudTrailClient:
    region = REGION_OF_EVENTS.get(partition)
    client: CloudTrailClient = (replace(session, region=region) if region else session).client("cloudtrail")
    return client


def _pace(session: Session) -> Callable[[str], None]:
    return _at_once if session.endpoint_url else Pace(HALF)


def _at_once(operation: str) -> None:
    """Let a call go ahead: nobody shares the rates of an embedded AWS."""

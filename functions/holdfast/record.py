"""A CloudTrail record, checked field by field: what every event about the organization has in common.

Source: CloudTrail user guide, "CloudTrail record contents".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.errors import MalformedEventError
from holdfast.fields import text_in
from holdfast.principal import Principal, parse_principal
from holdfast.timestamps import parse_timestamp

SUPPORTED_EVENT_VERSION = 1
"""CloudTrail changes the minor version for additions only. Source: "CloudTrail record contents"."""

ORGANIZATIONS = "organizations.amazonaws.com"

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ACCOUNT = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, slots=True)
class Record:
    """A successful call, or an event of the service itself.

    Parameters
    ----------
    name : str
        CloudTrail's `eventName`, such as `DetachPolicy`.
    event_id : str
        CloudTrail's `eventID`, a UUID.
    event_time : datetime
        When the call was made, in UTC.
    account_id : str
        `recipientAccountId`: the account whose record this is.
    principal : Principal
        Who called.
    source_ip : str or None
        Where the call came from: an address or an AWS service's name.
    user_agent : str or None
        What the caller says its program is.
    request : mapping
        `requestParameters`; of a service event, its `serviceEventDetails`.
    shared_event_id : str or None
        `sharedEventID`: the same in all records of one call that several accounts get.
    """

    name: str
    event_id: str
    event_time: datetime
    account_id: str
    principal: Principal
    source_ip: str | None
    user_agent: str | None
    request: Mapping[str, Any]
    shared_event_id: str | None = None


def parse_record(
    detail: object, names: Collection[str], path: str = "detail", source: str = ORGANIZATIONS
) -> Record:
    """Return what a record of one of these events says.

    Parameters
    ----------
    detail : object
        The record as it came in; unknown fields and newer minor versions are accepted.
    names : collection of str
        The events that are expected.
    path : str
        Where the record stands, for the error's words.
    source : str
        The `eventSource` that is expected.

    Raises
    ------
    MalformedEventError
        If it is no record of such an event, or of a call that failed; names field, value and expectation.
    """
    record = mapping_of(detail, path)
    _check_version(record, path)
    _expect(record, "eventSource", [source], path)
    _expect(record, "eventName", names, path)
    if record.get("errorCode") is not None:
        raise malformed(f"{path}.errorCode", record["errorCode"], "none: a failed call changes nothing")
    part = "serviceEventDetails" if record.get("eventType") == "AwsServiceEvent" else "requestParameters"
    return Record(
        name=record["eventName"],
        event_id=_matching(record, "eventID", _UUID, "a UUID", path).lower(),
        event_time=_time(record, path),
        account_id=_matching(record, "recipientAccountId", _ACCOUNT, "12 digits", path),
        principal=parse_principal(mapping_of(record.get("userIdentity"), f"{path}.userIdentity")),
        source_ip=text_in(record, "sourceIPAddress"),
        user_agent=text_in(record, "userAgent"),
        request=mapping_of(record.get(part), f"{path}.{part}"),
        shared_event_id=_shared_event_id(record),
    )


def mapping_of(value: object, field: str) -> Mapping[str, Any]:
    """Return a JSON object.

    Raises
    ------
    MalformedEventError
        If the value is none.
    """
    if not isinstance(value, Mapping):
        raise malformed(field, value, "a JSON object")
    return value


def malformed(field: str, value: object, expected: str) -> MalformedEventError:
    """Return the error that names a field, its value and what was expected."""
    try:
        got = repr(value)
    except RecursionError:
        got = "something nested too deeply"
    return MalformedEventError(f"{field}: got {shortened(got)}, expected {expected}")


def shortened(value: object, limit: int = 200) -> str:
    """Return a value as text, cut to a readable length."""
    text = str(value)
    return text if len(text) <= limit else text[:limit] + "…"


def _check_version(record: Mapping[str, Any], path: str) -> None:
    version = record.get("eventVersion")
    major, _, minor = version.partition(".") if isinstance(version, str) else ("", "", "")
    if major != str(SUPPORTED_EVENT_VERSION) or not (minor.isascii() and minor.isdigit()):
        raise malformed(f"{path}.eventVersion", version, f"{SUPPORTED_EVENT_VERSION}.x")


def _time(record: Mapping[str, Any], path: str) -> datetime:
    text = record.get("eventTime")
    try:
        return parse_timestamp(text if isinstance(text, str) else "")
    except (ValueError, OverflowError) as error:
        raise malformed(f"{path}.eventTime", text, "an ISO 8601 time with its zone") from error


def _matching(record: Mapping[str, Any], key: str, pattern: re.Pattern[str], expected: str, path: str) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise malformed(f"{path}.{key}", value, expected)
    return value


def _shared_event_id(record: Mapping[str, Any]) -> str | None:
    value = record.get("sharedEventID")
    return value.lower() if isinstance(value, str) and _UUID.fullmatch(value) else None


def _expect(record: Mapping[str, Any], key: str, expected: Collection[str], path: str) -> None:
    value = record.get(key)
    if not isinstance(value, str) or value not in expected:
        raise malformed(f"{path}.{key}", value, " or ".join(expected))

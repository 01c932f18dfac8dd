"""A successful DetachPolicy call, read from the EventBridge event that reports it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.attachment import Attachment
from holdfast.errors import MalformedEventError
from holdfast.fields import text_in
from holdfast.principal import Principal, parse_principal
from holdfast.timestamps import parse_timestamp

SUPPORTED_EVENT_VERSION = 1
"""CloudTrail changes the minor version for additions only. Source: "CloudTrail record contents"."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ACCOUNT = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, slots=True)
class Detachment:
    """A policy was detached from a target: by whom, when, from where.

    Parameters
    ----------
    attachment : Attachment
        What was taken away.
    event_id : str
        CloudTrail's `eventID`, a UUID: the incident's id.
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
    replayed : bool
        Whether the event comes from an EventBridge archive.
    """

    attachment: Attachment
    event_id: str
    event_time: datetime
    account_id: str
    principal: Principal
    source_ip: str | None = None
    user_agent: str | None = None
    replayed: bool = False


def parse_detachment(event: object) -> Detachment:
    """Return the detachment that an EventBridge event reports.

    Parameters
    ----------
    event : object
        The event as it came in; unknown fields and newer minor versions are accepted.

    Returns
    -------
    Detachment
        The detachment, every id of it checked whole.

    Raises
    ------
    MalformedEventError
        If the event does not report a successful DetachPolicy call; names field, value and expectation.
    """
    envelope = _mapping(event, "event")
    detail = _mapping(envelope.get("detail"), "detail")
    _check_version(detail)
    _expect(detail, "eventSource", "organizations.amazonaws.com")
    _expect(detail, "eventName", "DetachPolicy")
    if detail.get("errorCode") is not None:
        raise _malformed("detail.errorCode", detail["errorCode"], "none: a failed call detaches nothing")
    request = _mapping(detail.get("requestParameters"), "detail.requestParameters")
    return Detachment(
        attachment=_attachment(request),
        event_id=_matching(detail, "eventID", _UUID, "a UUID").lower(),
        event_time=_time(detail),
        account_id=_matching(detail, "recipientAccountId", _ACCOUNT, "12 digits"),
        principal=parse_principal(_mapping(detail.get("userIdentity"), "detail.userIdentity")),
        source_ip=text_in(detail, "sourceIPAddress"),
        user_agent=text_in(detail, "userAgent"),
        replayed=envelope.get("replay-name") is not None,
    )


def _check_version(detail: Mapping[str, Any]) -> None:
    version = detail.get("eventVersion")
    major, _, minor = version.partition(".") if isinstance(version, str) else ("", "", "")
    if major != str(SUPPORTED_EVENT_VERSION) or not (minor.isascii() and minor.isdigit()):
        raise _malformed("detail.eventVersion", version, f"{SUPPORTED_EVENT_VERSION}.x")


def _attachment(request: Mapping[str, Any]) -> Attachment:
    policy_id, target_id = request.get("policyId"), request.get("targetId")
    if not isinstance(policy_id, str):
        raise _malformed("detail.requestParameters.policyId", policy_id, "a policy's id (p-…)")
    if not isinstance(target_id, str):
        raise _malformed("detail.requestParameters.targetId", target_id, "a target's id")
    try:
        return Attachment(policy_id, target_id)
    except ValueError as error:
        raise MalformedEventError(f"detail.requestParameters: {_short(error)}") from error


def _time(detail: Mapping[str, Any]) -> datetime:
    text = detail.get("eventTime")
    try:
        return parse_timestamp(text if isinstance(text, str) else "")
    except (ValueError, OverflowError) as error:
        raise _malformed("detail.eventTime", text, "an ISO 8601 time with its zone") from error


def _matching(detail: Mapping[str, Any], key: str, pattern: re.Pattern[str], expected: str) -> str:
    value = detail.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _malformed(f"detail.{key}", value, expected)
    return value


def _expect(detail: Mapping[str, Any], key: str, expected: str) -> None:
    if detail.get(key) != expected:
        raise _malformed(f"detail.{key}", detail.get(key), expected)


def _mapping(value: object, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _malformed(field, value, "a JSON object")
    return value


def _malformed(field: str, value: object, expected: str) -> MalformedEventError:
    try:
        got = repr(value)
    except RecursionError:
        got = "something nested too deeply"
    return MalformedEventError(f"{field}: got {_short(got)}, expected {expected}")


def _short(value: object, limit: int = 200) -> str:
    text = str(value)
    return text if len(text) <= limit else text[:limit] + "…"

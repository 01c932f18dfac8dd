"""What moto's CloudTrail lacks: LookupEvents, and the event selectors that a trail begins with.

Source, unless a line names another one: LookupEvents and its data types in the AWS CloudTrail API
reference, and "Viewing recent management events with the AWS CLI" in the user guide. The event history
needs no trail of the account's own, holds 90 days, and is a region's own.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from localaws.gateway import ApiError, ApiResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from localaws.clock import Clock
    from localaws.gateway import ApiCall, Proceed
    from localaws.trail import Recorded, Trail

    Event = dict[str, Any]

_DAYS = 90
_LONGEST_PAGE = 50
_KEYS = {"AccessKeyId", "EventId", "EventName", "EventSource", "ReadOnly", "Username"}
_RESOURCE_KEYS = {"ResourceName", "ResourceType"}


class CloudTrail:
    """A layer that completes moto's CloudTrail.

    Parameters
    ----------
    clock : Clock
        Tells how old an event is.
    trail : Trail
        Has the events, and the lag after which they can be looked up.
    """

    def __init__(self, clock: Clock, trail: Trail) -> None:
        self._clock = clock
        self._trail = trail

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Answer LookupEvents and complete GetEventSelectors; let everything else proceed."""
        match call.service, call.operation:
            case "cloudtrail", "LookupEvents":
                return self._look_up(call)
            case "cloudtrail", "GetEventSelectors":
                return _with_default_selectors(proceed(call))
        return proceed(call)

    def _look_up(self, call: ApiCall) -> ApiResponse:
        _check_time_range(call.parameters)
        wanted = _wanted(call.parameters)
        found = [
            one for one in self._shown(call) if _holds(one, wanted) and _is_between(one.at, call.parameters)
        ]
        return ApiResponse.of_json(_page(found, call.parameters))

    def _shown(self, call: ApiCall) -> Iterable[Recorded]:
        """Yield what can be looked up in the call's region, newest first."""
        now = self._clock.timestamp()
        for recorded in reversed(self._trail.recorded()):
            age = now - recorded.at
            if recorded.detail["awsRegion"] == call.region and self._trail.lookup_lag <= age < _DAYS * 86_400:
                yield recorded


def _with_default_selectors(response: ApiResponse) -> ApiResponse:
    """Return what a trail records: all management events, unless its owner has chosen otherwise.

    Source: GetEventSelectors in the API reference, and the AWS CLI's example of get-event-selectors.
    """
    if not response.ok:
        return response
    chosen = {name: value for name, value in response.json().items() if value}
    if "EventSelectors" in chosen or "AdvancedEventSelectors" in chosen:
        return ApiResponse.of_json(chosen)
    default = {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "DataResources": [],
        "ExcludeManagementEventSources": [],
    }
    return ApiResponse.of_json({**chosen, "EventSelectors": [default]})


def _event_of(recorded: Recorded) -> Event:
    return {
        **_attributes(recorded),
        "EventTime": recorded.at,
        # CloudTrail finds resources in the calls of some services; of Organizations no example is published.
        "Resources": [],
        "CloudTrailEvent": json.dumps(recorded.detail, separators=(",", ":")),
    }


def _attributes(recorded: Recorded) -> dict[str, str]:
    """Return what an event can be looked up by."""
    record = recorded.detail
    identity = record["userIdentity"]
    optional = {"Username": _user_name(identity), "AccessKeyId": identity.get("accessKeyId")}
    return {
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "ReadOnly": "true" if record["readOnly"] else "false",
        "EventSource": record["eventSource"],
        **{name: value for name, value in optional.items() if value},
    }


def _user_name(identity: Mapping[str, Any]) -> str | None:
    """Return a user's name, or that of a role's session (source: the AWS CLI's example of lookup-events)."""
    if identity.get("type") == "AssumedRole":
        return str(identity["arn"]).rpartition("/")[2]
    return identity.get("userName") or ("root" if identity.get("type") == "Root" else None)


def _wanted(parameters: Mapping[str, Any]) -> tuple[str, str] | None:
    attributes = parameters.get("LookupAttributes") or []
    if not attributes:
        return None
    if len(attributes) > 1 or attributes[0].get("AttributeKey") not in _KEYS | _RESOURCE_KEYS:
        message = "You can only look up events by one of the attributes that CloudTrail knows."
        raise ApiError("InvalidLookupAttributesException", message)
    return attributes[0]["AttributeKey"], attributes[0].get("AttributeValue", "")


def _holds(recorded: Recorded, wanted: tuple[str, str] | None) -> bool:
    return wanted is None or _attributes(recorded).get(wanted[0]) == wanted[1]


def _check_time_range(parameters: Mapping[str, Any]) -> None:
    start, end = parameters.get("StartTime"), parameters.get("EndTime")
    if start is not None and end is not None and start > end:
        message = "The start time of the time range is after its end time."
        raise ApiError("InvalidTimeRangeException", message)


def _is_between(at: float, parameters: Mapping[str, Any]) -> bool:
    start, end = parameters.get("StartTime"), parameters.get("EndTime")
    return (start is None or start <= at) and (end is None or at <= end)


def _page(found: list[Recorded], parameters: Mapping[str, Any]) -> dict[str, Any]:
    size = parameters.get("MaxResults", _LONGEST_PAGE)
    if not 1 <= size <= _LONGEST_PAGE:
        message = f"MaxResults must be a number from 1 to {_LONGEST_PAGE}."
        raise ApiError("InvalidMaxResultsException", message)
    # A page goes on after an event, and not at a number: new events come in at the head meanwhile.
    after = _read_token(parameters["NextToken"], found) if parameters.get("NextToken") else 0
    page: dict[str, Any] = {"Events": [_event_of(recorded) for recorded in found[after : after + size]]}
    if after + size < len(found):
        page["NextToken"] = base64.urlsafe_b64encode(page["Events"][-1]["EventId"].encode()).decode()
    return page


def _read_token(token: str, found: list[Recorded]) -> int:
    try:
        last = base64.urlsafe_b64decode(token).decode()
        return 1 + [recorded.detail["eventID"] for recorded in found].index(last)
    except (ValueError, binascii.Error) as error:
        message = "The token is invalid, or the request has other parameters than the one that returned it."
        raise ApiError("InvalidNextTokenException", message) from error

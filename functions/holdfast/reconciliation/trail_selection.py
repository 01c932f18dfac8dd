"""Whether a trail logs the changes of the organization: without one, EventBridge gets no CloudTrail events.

Source: EventBridge user guide, "AWS service events delivered via AWS CloudTrail"; CloudTrail API reference,
DescribeTrails, GetTrailStatus, EventSelector and AdvancedFieldSelector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SOURCE = "organizations.amazonaws.com"
_EVENT = {"eventCategory": "Management", "eventSource": _SOURCE, "readOnly": "false"}
"""A change of the organization, in the fields that a trail can select management events by."""


@dataclass(frozen=True, slots=True)
class Trail:
    """A trail that this account sees, its own or its organization's.

    Parameters
    ----------
    arn : str
        Its ARN.
    covers_region : bool
        Whether it logs the events of the region that was asked.
    """

    arn: str
    covers_region: bool

    @property
    def home_region(self) -> str:
        """The region in which it was made: its replications in other regions have the same ARN."""
        return self.arn.split(":")[3]


@dataclass(frozen=True, slots=True)
class TrailState:
    """What a trail does.

    Parameters
    ----------
    logging : bool
        Whether it is switched on.
    selectors, advanced_selectors : sequence of mapping
        What it selects, as the API tells; a trail has selectors of one kind only.
    """

    logging: bool
    selectors: Sequence[Mapping[str, Any]] = ()
    advanced_selectors: Sequence[Mapping[str, Any]] = ()


def shortcoming_of(trail: TrailState) -> str | None:
    """Return why a trail does not log the organization's changes, None if it does."""
    if not trail.logging:
        return "is stopped"
    basic = any(_selects(selector) for selector in trail.selectors)
    advanced = any(_selects_by_fields(selector) for selector in trail.advanced_selectors)
    return None if basic or advanced else "does not log management write events of Organizations"


def _selects(selector: Mapping[str, Any]) -> bool:
    """Return whether a basic selector takes a change of the organization."""
    return (
        selector.get("IncludeManagementEvents") is True
        and selector.get("ReadWriteType") in {"All", "WriteOnly"}
        and _SOURCE not in selector.get("ExcludeManagementEventSources", [])
    )


def _selects_by_fields(selector: Mapping[str, Any]) -> bool:
    """Return whether an advanced selector takes a change of the organization: all its fields must."""
    fields = selector.get("FieldSelectors", [])
    named = {field.get("Field") for field in fields}
    return "eventCategory" in named and all(_takes(field) for field in fields)


def _takes(field: Mapping[str, Any]) -> bool:
    """Return whether a field selector takes a change; one that we do not know takes none, to be safe."""
    value = _EVENT.get(field.get("Field", ""))
    if value is None:
        return False
    wanted = [
        *(value == other for other in field.get("Equals", [])),
        *(value.startswith(other) for other in field.get("StartsWith", [])),
        *(value.endswith(other) for other in field.get("EndsWith", [])),
    ]
    unwanted = (
        *(value == other for other in field.get("NotEquals", [])),
        *(value.startswith(other) for other in field.get("NotStartsWith", [])),
        *(value.endswith(other) for other in field.get("NotEndsWith", [])),
    )
    return (not wanted or any(wanted)) and not any(unwanted)

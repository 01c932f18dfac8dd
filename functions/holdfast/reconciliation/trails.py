"""CloudTrail's trails: which there are, and what they log."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import boto3

from holdfast.calling import ONE_ATTEMPT, call
from holdfast.reconciliation.trail_selection import Trail, TrailState

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient


class Trails:
    """Ask CloudTrail about trails.

    Every method raises `ServiceBusyError` or `ServiceRefusedError`.

    Parameters
    ----------
    client : CloudTrailClient
        A boto3 client that makes one attempt, for the region in which Organizations' events are.
    client_in : callable
        Returns such a client for another region.
    """

    def __init__(self, client: CloudTrailClient, client_in: Callable[[str], CloudTrailClient]) -> None:
        self._client = client
        self._client_in = client_in

    def visible(self) -> tuple[Trail, ...]:
        """Return the trails that the account sees here, its organization's and those of other regions too."""
        listed = call("cloudtrail", "DescribeTrails", self._client.describe_trails)
        here = self._client.meta.region_name
        return tuple(
            Trail(trail["TrailARN"], trail.get("HomeRegion") == here or bool(trail.get("IsMultiRegionTrail")))
            for trail in listed["trailList"]
        )

    def look_at(self, trail: Trail) -> TrailState:
        """Return what a trail does.

        Its home region is asked: the others show the trail, but need not know its selectors.
        Source: none of AWS's; what its users met (aws-sdk-go-v2 #1957, aws-sdk-java #1309).
        """
        client = self._client_in(trail.home_region)
        status = call("cloudtrail", "GetTrailStatus", client.get_trail_status, Name=trail.arn)
        chosen = call("cloudtrail", "GetEventSelectors", client.get_event_selectors, TrailName=trail.arn)
        return TrailState(
            logging=bool(status.get("IsLogging")),
            selectors=chosen.get("EventSelectors", []),
            advanced_selectors=chosen.get("AdvancedEventSelectors", []),
        )


@cache
def connect_trails() -> Trails:
    """Return the connection of this process, made at the first call and kept while the function is warm."""
    return Trails(boto3.client("cloudtrail", config=ONE_ATTEMPT), _client_in)


@cache
def _client_in(region: str) -> CloudTrailClient:
    return boto3.client("cloudtrail", region_name=region, config=ONE_ATTEMPT)

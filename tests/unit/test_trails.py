"""What CloudTrail tells about trails, asked of moto's within this process: it has regions as AWS has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws

from holdfast.reconciliation.trail_selection import Trail, TrailState
from holdfast.reconciliation.trails import Trails

SELECTOR = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}
HERE, ELSEWHERE = "us-east-1", "eu-central-1"


@cache
def client_in(region: str, service: str = "cloudtrail") -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service, region_name=region, aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="secret"
    )


@pytest.fixture(name="create")
def _create() -> Iterator[Callable[..., None]]:
    """Lend a function that makes a trail in a region and starts it."""
    with mock_aws():
        client_in(HERE, "s3").create_bucket(Bucket="trails")

        def create(name: str, region: str, *, everywhere: bool) -> None:
            trails = client_in(region)
            trails.create_trail(Name=name, S3BucketName="trails", IsMultiRegionTrail=everywhere)
            trails.put_event_selectors(TrailName=name, EventSelectors=[SELECTOR])
            trails.start_logging(Name=name)

        yield create


@pytest.fixture(name="trails")
def _trails() -> Trails:
    return Trails(client_in(HERE), client_in)


def trail(region: str, name: str) -> Trail:
    return Trail(f"arn:aws:cloudtrail:{region}:123456789012:trail/{name}", covers_region=True)


def test_the_trails_of_other_regions_that_cover_this_one_are_visible(
    create: Callable[..., None], trails: Trails
) -> None:
    create("here", HERE, everywhere=False)
    create("everywhere", ELSEWHERE, everywhere=True)
    create("there-only", ELSEWHERE, everywhere=False)
    assert set(trails.visible()) == {trail(HERE, "here"), trail(ELSEWHERE, "everywhere")}


@pytest.mark.parametrize("home", [HERE, ELSEWHERE])
def test_a_trail_is_looked_at_in_its_home_region(
    home: str, create: Callable[..., None], trails: Trails
) -> None:
    create("everywhere", home, everywhere=True)
    (visible,) = trails.visible()
    expected = TrailState(logging=True, selectors=[SELECTOR], advanced_selectors=[])
    assert trails.look_at(visible) == expected


def test_a_trail_that_was_stopped_in_its_home_region_is_seen_to_be(
    create: Callable[..., None], trails: Trails
) -> None:
    create("everywhere", ELSEWHERE, everywhere=True)
    client_in(ELSEWHERE).stop_logging(Name="everywhere")
    assert not trails.look_at(trail(ELSEWHERE, "everywhere")).logging

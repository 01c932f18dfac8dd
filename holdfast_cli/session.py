"""Which AWS a command talks to, as whom, and how fast."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.loaders import Loader, create_loader
from botocore.session import get_session

from holdfast.pacing import QUARTER, Pace
from holdfast.timestamps import parse_http_date

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

_PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 8})
"""Whoever shares the rate with us may use it up for a while: a long read shall survive that."""

# Source: Organizations user guide, "Logging with CloudTrail"; botocore's endpoints for the other partitions.
REGION_OF_EVENTS: Mapping[str, str] = MappingProxyType(
    {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-northwest-1"}
)
"""The region of each partition in which the calls of Organizations are recorded, and their events arrive."""

_THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True)
class Session:
    """The options that all commands share.

    Parameters
    ----------
    endpoint_url : str or None
        Another endpoint than the service's own, such as the embedded AWS.
    profile : str or None
        The profile whose credentials are used, if not the usual ones.
    region : str or None
        The region, if not the profile's.
    """

    endpoint_url: str | None = None
    profile: str | None = None
    region: str | None = None

    @property
    def options(self) -> str:
        """The options as they are typed behind another command, with a space before each."""
        options = {"endpoint-url": self.endpoint_url, "profile": self.profile, "region": self.region}
        return "".join(f" --{name} {shlex.quote(value)}" for name, value in options.items() if value)

    def client(self, service: str) -> Any:
        """Return a client of a service.

        Organizations answers in one region of a partition only, and boto3 knows which; a region that is
        given nowhere is therefore the commercial partition's.
        """
        core = get_session()
        core.register_component("data_loader", _service_models())
        session: Any = boto3.Session(
            profile_name=self.profile, region_name=self.region, botocore_session=core
        )
        region = session.region_name or "us-east-1"
        return session.client(service, endpoint_url=self.endpoint_url, region_name=region, config=_PATIENT)

    def organizations(self) -> OrganizationsClient:
        """Return a client of Organizations that takes a quarter of the published rates at most.

        On this machine nobody shares the rates, so an embedded AWS is asked at once.
        """
        client: OrganizationsClient = self.client("organizations")
        if urlsplit(client.meta.endpoint_url).hostname not in _THIS_MACHINE:
            before_each_call(client, Pace(QUARTER))
        return client


@cache
def _service_models() -> Loader:
    """Return what reads botocore's models of the services: one for all clients, as each read takes long."""
    return create_loader(os.environ.get("AWS_DATA_PATH"))


def answered_at(answer: Mapping[str, Any]) -> datetime:
    """Return the time of a service's answer, by its own clock."""
    return parse_http_date(answer["ResponseMetadata"]["HTTPHeaders"]["date"])


def before_each_call(client: Any, act: Callable[[str], None]) -> None:
    """Let something happen before each call of a client, also before those that a paginator makes.

    Parameters
    ----------
    client : boto3 client
        Any client.
    act : callable
        Called with the API's name of the operation, such as `ListPolicies`; it may wait.
    """

    def handle(model: Any, **_: Any) -> None:
        act(model.name)

    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"before-parameter-build.{service}", handle)

"""The embedded AWS: all layers behind one endpoint."""

from __future__ import annotations

import os
import secrets
import threading
import uuid
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

import boto3
from botocore.config import Config
from moto.core.config import default_user_config
from moto.iam.models import iam_backends
from moto.moto_api._internal.models import moto_api_backend
from moto.utilities.utils import get_partition

from localaws.calls import CallLog
from localaws.clock import Clock, WallClock
from localaws.cloudformation import StackListing
from localaws.cloudtrail import CloudTrail
from localaws.endpoint import Endpoint
from localaws.event_sources import EventSources
from localaws.events import EventBus
from localaws.fanout import Fanout
from localaws.faults import Faults
from localaws.functions import Functions, Surroundings
from localaws.gateway import SERVICES_KEY, Gateway
from localaws.identities import Credentials, Identities
from localaws.interpreter import Interpreter
from localaws.mail import Inbox
from localaws.organizations import Organizations
from localaws.parameters import Parameters
from localaws.permissions import Permissions
from localaws.queues import Queues
from localaws.rates import Rates
from localaws.schedules import Schedules
from localaws.stable_ids import StableIds
from localaws.stack import Stack, Stacks
from localaws.tables import Tables
from localaws.trail import Trail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from botocore.client import BaseClient

    from localaws.gateway import Layer
    from localaws.mail import Mail

_OUTSIDER: Final = Credentials("AKIALOCALOPERATOR000", "local", "")
_INSIDER: Final = Credentials(SERVICES_KEY, "local", "local")

_SESSION: Final[Any] = boto3.Session()
"""Shared by all servers of a program: it keeps botocore's service models, which take long to read. Its
types know a service by its literal name only."""

_ONE_ATTEMPT: Final = Config(
    # Who retries is the caller's business: Step Functions, EventBridge, a test.
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=50,
    # Longer than any function or wait may take.
    read_timeout=4_000,
)
_UNCHECKED: Final = _ONE_ATTEMPT.merge(Config(parameter_validation=False))

_ACCOUNT_VARIABLE: Final = "MOTO_ACCOUNT_ID"


class EmbeddedAws:
    """One embedded AWS: a context manager that starts it and stops it.

    moto keeps its state in its modules, so a program runs one at a time, and a start forgets everything
    that was there before.

    Parameters
    ----------
    port : int
        The port of the endpoint; 0 takes any free one.
    host : str
        The address to listen on.
    account : str
        The account that every caller is in.
    region : str
        The region of clients and templates.
    clock : Clock, optional
        The time; by default the machine's.
    seed : int, optional
        Makes the ids of the organization's parts the same at every start; by default they differ.
    delivery_delay : float
        Seconds between an event and its delivery.
    published_rates : bool
        Whether AWS Organizations throttles as published; `rates.published` switches it later.
    on_log : callable, optional
        Called with the logical id of a function and a line that it logged.
    on_mail : callable, optional
        Called with each mail.
    on_execution : callable, optional
        Called with the `detail` of each status change of an execution.

    Raises
    ------
    EndpointError
        If the port is in use.
    """

    def __init__(  # noqa: PLR0913 - each has a default, and tests name the few that they need
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        account: str = "111122223333",
        region: str = "us-east-1",
        clock: Clock | None = None,
        seed: int | None = None,
        delivery_delay: float = 0.0,
        published_rates: bool = False,
        on_log: Callable[[str, str], None] | None = None,
        on_mail: Callable[[Mail], None] | None = None,
        on_execution: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.account = account
        self.region = region
        self.clock = clock or WallClock()
        self._seed = secrets.randbits(32) if seed is None else seed
        self._on_execution = on_execution
        self._clients: dict[tuple[str, Credentials, str, Config], BaseClient] = {}
        self._lock = threading.Lock()
        self._endpoint = Endpoint(self.clock, host, port)
        self.endpoint_url = self._endpoint.url
        self.faults = Faults()
        self.identities = Identities(self.clock)
        self.calls = CallLog(self.clock, self.identities)
        self.rates = Rates(self.clock, published=published_rates, seed=self._seed)
        self.organizations = Organizations(self.clock)
        self.bus = EventBus(self.clock, self.connect, delivery_delay=delivery_delay)
        self.schedules = Schedules(self.clock, partial(self._connect_as, "scheduler"), self._seed)
        self.trail = Trail(self.clock, self.identities, self.bus.put)
        self.fanout = Fanout(self.clock, self.connect)
        self.inbox = Inbox(self.clock, self.fanout, on_mail=on_mail)
        around = Surroundings(self.endpoint_url, region, self.identities.issue, on_log or _say_nothing)
        self.functions = Functions(self.clock, self.faults, around)
        self._parameters = Parameters(self.clock)
        self._queues = Queues(self.clock)
        self.event_sources = EventSources(
            self.clock, self._queues, self.connect, partial(self._connect_as, "lambda")
        )
        self.stacks = Stacks(self.connect, self.functions, self.clock, account, region)
        self._interpreter = Interpreter()
        self._undo = ExitStack()

    def start(self) -> None:
        """Forget everything that moto holds, and answer at the endpoint from now on.

        Raises
        ------
        RuntimeError
            If another one runs in this program.
        """
        with ExitStack() as undo:
            undo.callback(self._close_clients)
            undo.callback(self.stacks.close)
            undo.callback(self.functions.close)
            undo.callback(self.schedules.close)
            undo.callback(_play_account, os.environ.get(_ACCOUNT_VARIABLE))
            undo.callback(self._endpoint.close)
            self._interpreter.install(self.clock, self._connect_unchecked, self._report)
            undo.callback(self._interpreter.uninstall)
            self._parameters.install()
            undo.callback(self._parameters.uninstall)
            self._queues.install()
            undo.callback(self._queues.uninstall)
            undo.callback(self.event_sources.close)
            moto_api_backend.reset()
            _play_account(self.account)
            self._load_aws_policies()
            self._endpoint.serve(Gateway(self._layers(), self.clock))
            self._undo = undo.pop_all()

    def stop(self) -> None:
        """Stop answering, end the functions' processes and free the port."""
        self._undo.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def client(
        self, service: str, *, credentials: Credentials | None = None, region: str | None = None
    ) -> Any:
        """Return a client for a caller from outside; it makes one attempt and no retries.

        Parameters
        ----------
        service : str
            The service, by boto3's name.
        credentials : Credentials, optional
            Who calls, such as a session from `identities.issue`; by default the person at the machine.
        region : str, optional
            The region, if not the server's.
        """
        return self._client(service, credentials or _OUTSIDER, region or self.region, _ONE_ATTEMPT)

    def connect(self, service: str) -> Any:
        """Return a client for the embedded AWS's own services, whose work is part of a unit already."""
        return self._client(service, _INSIDER, self.region, _ONE_ATTEMPT)

    def deploy(
        self, template: Path, parameters: Mapping[str, str] | None = None, stack_name: str = "local"
    ) -> Stack:
        """Deploy a SAM template: see `Stacks.deploy`."""
        with self.clock.working():
            return self.stacks.deploy(template, parameters, stack_name)

    def _load_aws_policies(self) -> None:
        """Give the account AWS's own policies; the organization's other accounts are quicker made without."""
        default_user_config["iam"] = {"load_aws_managed_policies": True}
        iam_backends[self.account][get_partition(self.region)]
        default_user_config["iam"] = {"load_aws_managed_policies": False}

    def _layers(self) -> list[Layer]:
        """Return the layers, outermost first.

        The trail stands outside of what can refuse a call for a reason that CloudTrail records, and inside
        of what refuses a call before it reaches the service.
        """
        return [
            self.calls,
            self.rates,
            self.faults,
            self.trail,
            Permissions(self.identities),
            CloudTrail(self.clock, self.trail),
            StableIds(self._seed),
            self.organizations,
            self.bus,
            self.schedules,
            self.inbox,
            self.functions,
            self.event_sources,
            Tables(),
            StackListing(self.stacks.deployed),
        ]

    def _connect_as(self, session_name: str, role_arn: str, service: str) -> Any:
        """Return a client that an AWS service uses with a role that it was given."""
        session = self.identities.issue(role_arn, session_name)
        return self._client(service, session, self.region, _ONE_ATTEMPT)

    def _connect_unchecked(self, service: str) -> Any:
        """Return a client that leaves it to the service to refuse parameters, as Step Functions does."""
        return self._client(service, _INSIDER, self.region, _UNCHECKED)

    def _client(self, service: str, credentials: Credentials, region: str, config: Config) -> Any:
        key = (service, credentials, region, config)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = _SESSION.client(
                    service,
                    region_name=region,
                    endpoint_url=self.endpoint_url,
                    aws_access_key_id=credentials.access_key,
                    aws_secret_access_key=credentials.secret_key,
                    aws_session_token=credentials.session_token or None,
                    config=config,
                )
            return self._clients[key]

    def _close_clients(self) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _report(self, detail: dict[str, Any]) -> None:
        """Put an execution's change of status on the default bus."""
        if self._on_execution:
            self._on_execution(detail)
        self.bus.put(
            {
                "version": "0",
                "id": str(uuid.uuid4()),
                "detail-type": "Step Functions Execution Status Change",
                "source": "aws.states",
                "account": self.account,
                "time": self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
                "region": self.region,
                "resources": [detail["executionArn"]],
                "detail": detail,
            }
        )


def _play_account(account: str | None) -> None:
    """Tell moto and the layers which account is called: they ask the environment at every call."""
    if account is None:
        os.environ.pop(_ACCOUNT_VARIABLE, None)
    else:
        os.environ[_ACCOUNT_VARIABLE] = account


def _say_nothing(_function: str, _line: str) -> None:
    """Stand in for a listener."""

"""EventBridge: buses, rules and which events they want.

Buses, rules and targets live in moto and are read when an event comes, so that `aws events disable-rule`
and all the other calls work as ever. moto delivers nothing: some of its targets are not implemented.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import JsonRESTError
from moto.events.models import EventsBackend, events_backends
from moto.iam.models import get_account_id_from

from localaws.delivery import Courier, Delivery, DroppedEvent
from localaws.gateway import ApiError, ApiResponse
from localaws.patterns import EventPattern, PatternError
from localaws.transformer import InputTransformer, Path, TransformError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localaws.clock import Clock
    from localaws.delivery import Connect
    from localaws.gateway import ApiCall, Proceed

_ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


class EventBus:
    """All event buses: a place to put events, and the gateway's layer for their API.

    Parameters
    ----------
    clock : Clock
        Each delivery is a unit of work of this clock.
    connect : callable
        Makes the clients that deliver; they should make one attempt each, because the retries are here.
    delivery_delay : float
        Seconds between an event and its delivery.
    """

    def __init__(self, clock: Clock, connect: Connect, *, delivery_delay: float = 0.0) -> None:
        self._clock = clock
        self._delay = delivery_delay
        self._courier = Courier(clock, connect, self._put_forwarded)
        # It has no rules, so its PutEvents only checks the entries and numbers them.
        self._checker = EventsBackend("us-east-1", "000000000000")

    @property
    def dropped(self) -> tuple[DroppedEvent, ...]:
        """What no target and no dead-letter queue took, in order."""
        return tuple(self._courier.dropped)

    def put(self, event: dict[str, Any], bus_arn: str = "") -> None:
        """Deliver an event, a whole envelope, to the targets of all rules that match it.

        Parameters
        ----------
        event : dict
            The envelope; `account` and `region` tell the bus unless `bus_arn` does.
        bus_arn : str
            The bus; by default the default bus of the event's account and region.

        Raises
        ------
        PatternError
            If the pattern of an enabled rule is one that EventBridge would refuse.
        """
        arn = bus_arn or f"arn:aws:events:{event['region']}:{event['account']}:event-bus/default"
        self._put(event, arn, forwarded=False)

    def deliver(self, rule: Any, event: dict[str, Any], *, forwarded: bool = False) -> None:
        """Deliver an event to all targets of a rule, whatever its pattern: schedules do so too.

        Parameters
        ----------
        rule : moto.events.models.Rule
            The rule.
        event : dict
            The envelope.
        forwarded : bool
            Whether the event comes from another bus.
        """
        received_at = self._clock.now()
        for target in list(rule.targets):
            delivery = Delivery(event, rule.arn, rule.name, target, received_at, forwarded)
            self._clock.spawn(self._courier.carry_out, delivery, after=self._delay)

    def check_rules(self) -> None:
        """Check the rules of all buses: a template's never pass the checks of PutRule and PutTargets.

        Raises
        ------
        PatternError
            If EventBridge would refuse the pattern of a rule.
        ApiError
            If EventBridge would refuse the input of a target.
        """
        for account in list(events_backends.values()):
            for backend in list(account.values()):
                for bus in list(backend.event_buses.values()):
                    for rule in list(bus.rules.values()):
                        if text := rule.event_pattern.dump():
                            EventPattern.parse(text)
                        _check_inputs(rule.targets)

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Answer PutEvents and TestEventPattern, and check what PutRule and PutTargets bring."""
        if call.service == "events":
            match call.operation:
                case "PutEvents":
                    return self._put_events(call)
                case "TestEventPattern":
                    pattern = _checked_pattern(call.parameters.get("EventPattern"))
                    event = json.loads(call.parameters.get("Event", "{}"))
                    return ApiResponse.of_json({"Result": pattern.matches(event)})
                case "PutRule" if text := call.parameters.get("EventPattern"):
                    _checked_pattern(text)
                case "PutTargets":
                    _check_inputs(call.parameters.get("Targets", []))
        return proceed(call)

    def _put_events(self, call: ApiCall) -> ApiResponse:
        entries = call.parameters.get("Entries", [])
        account = os.environ.get("MOTO_ACCOUNT_ID") or get_account_id_from(call.access_key)
        try:
            buses = [_bus_of(entry, account, call.region) for entry in entries]
            answers = self._checker.put_events([{**entry, "EventBusName": None} for entry in entries])
        except JsonRESTError as error:
            raise ApiError(error.error_type, error.message) from error
        for entry, bus, answer in zip(entries, buses, answers, strict=True):
            if event_id := answer.get("EventId"):
                self.put(self._envelope(entry, event_id, account, call.region), bus.arn)
        failed = sum("ErrorCode" in answer for answer in answers)
        return ApiResponse.of_json({"FailedEntryCount": failed, "Entries": answers})

    def _envelope(self, entry: Mapping[str, Any], event_id: str, account: str, region: str) -> dict[str, Any]:
        time = datetime.fromtimestamp(entry["Time"], UTC) if "Time" in entry else self._clock.now()
        return {
            "version": "0",
            "id": event_id,
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": account,
            "time": f"{time:%Y-%m-%dT%H:%M:%SZ}",
            "region": region,
            "resources": entry.get("Resources", []),
            "detail": json.loads(entry["Detail"]),
        }

    def _put_forwarded(self, event: dict[str, Any], bus_arn: str) -> None:
        try:
            self._put(event, bus_arn, forwarded=True)
        except JsonRESTError as error:
            raise LookupError(error.message) from error

    def _put(self, event: dict[str, Any], bus_arn: str, *, forwarded: bool) -> None:
        _, _, _, region, account, resource = bus_arn.split(":", 5)
        bus = events_backends[account][region].describe_event_bus(resource.partition("/")[2])
        for rule in list(bus.rules.values()):
            if _wants(rule, event):
                self.deliver(rule, event, forwarded=forwarded)


def _wants(rule: Any, event: Mapping[str, Any]) -> bool:
    """Return whether an enabled rule matches an event.

    Source: the EventBridge user guide, "AWS service events via CloudTrail" (eb-service-event-cloudtrail):
    events of read-only calls reach only the rules that ask for all management events.
    """
    pattern = rule.event_pattern.dump()
    if not pattern or rule.state not in {"ENABLED", _ALL_EVENTS}:
        return False
    via_cloudtrail = str(event.get("detail-type", "")).endswith("via CloudTrail")
    if via_cloudtrail and event["detail"].get("readOnly") is True and rule.state != _ALL_EVENTS:
        return False
    return _read_pattern(pattern).matches(event)


@lru_cache(maxsize=256)
def _read_pattern(text: str) -> EventPattern:
    """Read a pattern once: every event asks every rule."""
    return EventPattern.parse(text)


def _bus_of(entry: Mapping[str, Any], account: str, region: str) -> Any:
    name = entry.get("EventBusName") or "default"
    if name.startswith("arn:"):
        _, _, _, region, account, resource = name.split(":", 5)
        name = resource.partition("/")[2]
    return events_backends[account][region].describe_event_bus(name)


def _checked_pattern(text: str | None) -> EventPattern:
    try:
        return EventPattern.parse(text or "")
    except PatternError as error:
        message = f"Event pattern is not valid. Reason: {error}"
        raise ApiError("InvalidEventPatternException", message) from error


def _check_inputs(targets: list[dict[str, Any]]) -> None:
    """Refuse the targets whose input EventBridge would refuse.

    Source: the messages that LocalStack recorded from the real PutTargets, in
    `tests/aws/services/events/test_events_inputs.snapshot.json`.
    """
    for target in targets:
        if sum(name in target for name in ("Input", "InputPath", "InputTransformer")) > 1:
            one_of = "Only one of Input, InputPath, or InputTransformer must be provided"
            message = f"{one_of} for target {target['Id']}."
            raise ApiError("ValidationException", message)
        try:
            if "InputPath" in target:
                Path.parse(target["InputPath"])
            if "InputTransformer" in target:
                InputTransformer.parse(target["InputTransformer"])
        except TransformError as error:
            message = f"Input of target {target['Id']} is not valid: {error}."
            raise ApiError("ValidationException", message) from error

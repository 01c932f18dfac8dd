"""EventBridge Scheduler: schedules that fire on the clock.

Schedules live in moto and are read when they are due, so that `aws scheduler update-schedule` and all the
other calls work as ever; moto fires nothing. A schedule is an alarm of the clock and no unit of work: on the
skipping clock it fires at its own moments when time passes for another reason, and never lets time pass
by itself.

Sources, unless a line names another one: the EventBridge Scheduler user guide, "Schedule types",
"Configuring flexible time windows", "Adding context attributes", "Configuring a dead-letter queue" and
"Confused deputy prevention".
"""

from __future__ import annotations

import json
import random
import re
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from moto.scheduler.models import scheduler_backends

from localaws.delivery import Courier, Delivery, DroppedEvent
from localaws.gateway import ApiError, ApiResponse
from localaws.identities import account_of, role_with
from localaws.resource_policies import ServiceRequest, is_trusted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localaws.clock import Alarm, Clock
    from localaws.gateway import ApiCall, Proceed

    ConnectAs = Callable[[str, str], Any]
    """Make a client that calls with a role: by the role's ARN, and boto3's name of the service."""

_RATE = re.compile(r"rate\(([1-9]\d*) (minute|hour|day)s?\)")
_ONCE = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")


class Series(Protocol):
    """The moments at which a schedule is due."""

    def due(self, number: int) -> datetime | None:
        """Return the moment with this number, from 0 on; None if there are no more."""


@dataclass(frozen=True, slots=True)
class Every:
    """A rate: due at once when it begins, and then at an even pace."""

    start: datetime
    interval: timedelta

    def due(self, number: int) -> datetime | None:
        """Return the moment with this number."""
        return self.start + number * self.interval


@dataclass(frozen=True, slots=True)
class Once:
    """A single moment."""

    moment: datetime

    def due(self, number: int) -> datetime | None:
        """Return the moment, if `number` is 0."""
        return None if number else self.moment


def read_series(expression: str, zone: str, start: datetime) -> Series:
    """Read a schedule expression.

    Parameters
    ----------
    expression : str
        Such as `rate(10 minutes)` or `at(2026-11-22T09:00:00)`.
    zone : str
        The time zone of an `at`, such as `UTC`.
    start : datetime
        When a rate begins, in UTC.

    Raises
    ------
    ApiError
        ValidationException if Scheduler would refuse it, and for `cron(...)`, which this program cannot
        compute.
    """
    if expression.startswith("cron("):
        message = "This embedded AWS cannot compute cron expressions: use rate(...) or at(...)."
        raise ApiError("ValidationException", message)
    if rate := _RATE.fullmatch(expression):
        return Every(start, int(rate[1]) * timedelta(**{f"{rate[2]}s": 1}))
    if once := _ONCE.fullmatch(expression):
        try:
            return Once(datetime.fromisoformat(once[1]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))
        except (ValueError, ZoneInfoNotFoundError) as error:
            raise _invalid(expression) from error
    raise _invalid(expression)


def _invalid(expression: str) -> ApiError:
    return ApiError("ValidationException", f"Invalid Schedule Expression {expression}.")


@dataclass(frozen=True, slots=True)
class Invocation(Delivery):
    """One firing of a schedule on its way to the target; its `rule_arn` is the schedule's ARN.

    Parameters
    ----------
    scheduled_time : str
        The moment at which the schedule was due, before any flexible window.
    execution_id : str
        Names this firing.
    """

    scheduled_time: str = ""
    execution_id: str = ""

    @property
    def by_role(self) -> bool:
        """Whether all of it is done with a role: always the schedule's own."""
        return True

    def dead_letter(self) -> tuple[str, dict[str, str]]:
        """Return the body of its dead letter, and the attributes that name where it comes from."""
        origin = {
            "SCHEDULE_ARN": self.rule_arn,
            "SCHEDULED_TIME": self.scheduled_time,
            "EXECUTION_ID": self.execution_id,
        }
        return self.input(1), origin

    def input(self, attempt: int) -> str:
        """Return the target's input, its context attributes filled in; by default a notification."""
        context = {
            "scheduled-time": self.scheduled_time,
            "schedule-arn": self.rule_arn,
            "execution-id": self.execution_id,
            "attempt-number": str(attempt),
        }
        text = str(self.target.get("Input") or json.dumps(self.event))
        for name, value in context.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return text


@dataclass(frozen=True, slots=True)
class _Planned:
    """A schedule whose next moment is set as an alarm of the clock."""

    expression: tuple[Any, ...]
    series: Series
    alarm: Alarm


class Schedules:
    """A layer that lets the schedules that moto keeps fire.

    Parameters
    ----------
    clock : Clock
        Rings when a schedule is due; each firing is a unit of work.
    connect_as : callable
        Makes the clients that invoke the targets, with a schedule's role; they should make one attempt
        each, because the retries are here.
    seed : int
        Decides where in its flexible window a schedule fires.
    """

    def __init__(self, clock: Clock, connect_as: ConnectAs, seed: int) -> None:
        self._clock = clock
        self._connect_as = connect_as
        self._seed = seed
        self._lock = threading.RLock()
        self._planned: dict[str, _Planned] = {}
        self._couriers: dict[str, Courier] = {}

    @property
    def dropped(self) -> tuple[DroppedEvent, ...]:
        """What no target and no dead-letter queue took."""
        with self._lock:
            return tuple(lost for courier in self._couriers.values() for lost in courier.dropped)

    def close(self) -> None:
        """Let nothing fire any more."""
        with self._lock:
            for planned in self._planned.values():
                planned.alarm.cancel()
            self._planned.clear()

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Let `call` proceed; plan what it creates or changes, and forget what it deletes."""
        match call.service, call.operation:
            case "scheduler", "CreateSchedule" | "UpdateSchedule":
                return self._write(call, proceed)
            case "scheduler", "DeleteSchedule":
                query = parse_qs(call.environ.get("QUERY_STRING", ""))
                group, name = query.get("groupName", ["default"])[0], call.environ["PATH_INFO"].split("/")[2]
                self._forget(f"arn:aws:scheduler:{call.region}:{account_of(call)}:schedule/{group}/{name}")
        return proceed(call)

    def _write(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        wanted = json.loads(call.body)
        expression, zone = wanted["ScheduleExpression"], wanted.get("ScheduleExpressionTimezone", "UTC")
        now = self._clock.now()
        series = read_series(expression, zone, _moment(wanted.get("StartDate")) or now)
        group = wanted.get("GroupName", "default")
        _check_role(call, wanted["Target"]["RoleArn"], group)
        response = proceed(call)
        if response.ok:
            arn = response.json()["ScheduleArn"]
            # What UpdateSchedule leaves out takes its default (source: the API reference); moto sets null.
            if (schedule := _find(arn)) is not None:
                schedule.state = wanted.get("State", "ENABLED")
            self._plan(arn, (expression, zone, wanted.get("StartDate")), series, now)
        return response

    def _plan(self, arn: str, expression: tuple[Any, ...], series: Series, now: datetime) -> None:
        with self._lock:
            earlier = self._planned.get(arn)
            # That a change of something else does not begin the series anew is inferred: no source tells.
            if earlier is not None and earlier.expression == expression:
                return
            self._forget(arn)
            number = 0
            # What was due before the schedule was there is not made up for.
            while (due := series.due(number)) is not None and due < now:
                number += 1
            self._set_alarm(arn, expression, series, number)

    def _forget(self, arn: str) -> None:
        with self._lock:
            if planned := self._planned.pop(arn, None):
                planned.alarm.cancel()

    def _set_alarm(self, arn: str, expression: tuple[Any, ...], series: Series, number: int) -> None:
        due, schedule = series.due(number), _find(arn)
        if due is None or schedule is None:
            self._planned.pop(arn, None)
            return
        ring = partial(self._ring, arn, series, number)
        alarm = self._clock.alarm(due + self._delay(schedule, due), ring)
        self._planned[arn] = _Planned(expression, series, alarm)

    def _delay(self, schedule: Any, due: datetime) -> timedelta:
        """Return how far into its flexible window a schedule fires, in whole seconds."""
        window = schedule.flexible_time_window
        if window.get("Mode") != "FLEXIBLE":
            return timedelta()
        chance = random.Random(f"{self._seed} {schedule.arn} {due.isoformat()}")  # noqa: S311 - spreads firings
        return timedelta(seconds=chance.randrange(60 * int(window["MaximumWindowInMinutes"])))

    def _ring(self, arn: str, series: Series, number: int) -> None:
        with self._lock:
            planned, schedule = self._planned.get(arn), _find(arn)
            if planned is None or planned.series is not series or schedule is None:
                return
            self._set_alarm(arn, planned.expression, series, number + 1)
            courier = self._courier(schedule.target["RoleArn"])
        due = series.due(number)
        end = _moment(schedule.end_date)
        if due is not None and schedule.state == "ENABLED" and (end is None or due <= end):
            courier.carry_out(self._invocation(schedule, due))

    def _courier(self, role_arn: str) -> Courier:
        if role_arn not in self._couriers:
            connect = partial(self._connect_as, role_arn)
            self._couriers[role_arn] = Courier(self._clock, connect, _no_bus)
        return self._couriers[role_arn]

    def _invocation(self, schedule: Any, due: datetime) -> Invocation:
        at = f"{due:%Y-%m-%dT%H:%M:%SZ}"
        _, _, _, region, account, _ = schedule.arn.split(":", 5)
        notification = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": account,
            "time": at,
            "region": region,
            "resources": [schedule.arn],
            "detail": "{}",
        }
        return Invocation(
            event=notification,
            rule_arn=schedule.arn,
            rule_name=schedule.name,
            target=schedule.target,
            received_at=self._clock.now(),
            forwarded=False,
            scheduled_time=at,
            execution_id=uuid.uuid4().hex[:16],
        )


def _find(arn: str) -> Any | None:
    """Return moto's schedule with this ARN, if it is still there."""
    _, _, _, region, account, resource = arn.split(":", 5)
    _, group, name = resource.split("/")
    groups: Mapping[str, Any] = scheduler_backends[account][region].schedule_groups
    return groups[group].schedules.get(name) if group in groups else None


def _moment(value: Any) -> datetime | None:
    return None if value is None else datetime.fromtimestamp(float(value), UTC)


def _check_role(call: ApiCall, role_arn: str, group: str) -> None:
    """Refuse a role that Scheduler may not assume; it asks on behalf of the schedule's group."""
    source = f"arn:aws:scheduler:{call.region}:{account_of(call)}:schedule-group/{group}"
    role = role_with(role_arn)
    request = ServiceRequest("scheduler.amazonaws.com", "sts:AssumeRole", role_arn, source)
    if role is None or not is_trusted(role.assume_role_policy_document, request):
        message = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
        raise ApiError("ValidationException", message)


def _no_bus(_event: dict[str, Any], bus_arn: str) -> None:
    raise LookupError(f"a schedule cannot put events on {bus_arn} in this embedded AWS")

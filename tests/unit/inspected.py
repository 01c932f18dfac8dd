"""A small deployment whose state is written down, and witnesses who say what they are told to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.errors import ServiceBusyError, ServiceError, ServiceRefusedError
from holdfast.memory import Memory
from holdfast.reconciliation.deployment import Deployment
from holdfast.reconciliation.executions import Executions, Remediation
from holdfast.reconciliation.history import TOO_MANY_PAGES, History
from holdfast.reconciliation.trail_selection import Trail, TrailState
from holdfast.reconciliation.trails import Trails
from holdfast.reconciliation.wiring import (
    FUNCTION,
    KEY,
    MAPPING,
    RULE,
    SCHEDULE,
    STATE_MACHINE,
    TOPIC,
    FunctionState,
    KeyState,
    MappingState,
    Part,
    RuleState,
    ScheduleState,
    Stack,
    State,
    StateMachineState,
    Subscription,
    TopicState,
)
from holdfast.record import Record
from tests.unit.examples import DETACHMENT, DEVELOPER, MANAGEMENT_ACCOUNT

DEPLOYED = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
COMPLETE = datetime(2026, 11, 20, 8, 3, tzinfo=UTC)
READ = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:RemediateStateMachine-x"
TRAIL = Trail("arn:aws:cloudtrail:us-east-1:111122223333:trail/organization", covers_region=True)
LOGS_ALL = TrailState(
    logging=True, selectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}]
)
BUSY = ServiceBusyError("kms", "DescribeKey", "ThrottlingException", "Rate exceeded")
DENIED = ServiceRefusedError("kms", "DescribeKey", "AccessDeniedException", "not authorized")
GONE = ServiceRefusedError("kms", "DescribeKey", "NotFoundException", "no such key")


def part(logical_id: str, kind: str, physical_id: str = "") -> Part:
    """Return a part that the last deployment touched."""
    return Part(logical_id, kind, physical_id or f"holdfast-{logical_id}", COMPLETE)


ROLE = "arn:aws:iam::111122223333:role/holdfast"
RULE_STATE = RuleState("ENABLED", '{"source": ["aws.organizations"]}', ({"Id": "Remediate", "Arn": MACHINE},))
SCHEDULE_STATE = ScheduleState("ENABLED", "rate(10 minutes)", {"Arn": MACHINE, "RoleArn": ROLE})
FUNCTION_STATE = FunctionState("Active", "Successful", None, "c0de=", {"handler": "verify_detach.handler"})
MACHINE_STATE = StateMachineState("ACTIVE", '{"StartAt": "Verify Detach"}', ROLE)
KEY_STATE = KeyState("Enabled")
TOPIC_STATE = TopicState((Subscription("email", "security@example.com", confirmed=True),))
QUEUE = Subscription("sqs", "arn:aws:sqs:us-east-1:111122223333:holdfast-MailQueue-x", confirmed=True)
MAPPING_STATE = MappingState("Enabled", {"source": QUEUE.endpoint, "filter": {}})
STATES: Mapping[Part, State] = {
    part("DetachRule", RULE): RULE_STATE,
    part("ReconcileSchedule", SCHEDULE): SCHEDULE_STATE,
    part("VerifyDetachFunction", FUNCTION): FUNCTION_STATE,
    part("ReattachPolicyFunction", FUNCTION): FUNCTION_STATE,
    part("RemediateStateMachine", STATE_MACHINE, MACHINE): MACHINE_STATE,
    part("OutcomeKey", KEY): KEY_STATE,
    part("OutcomeTopic", TOPIC): TopicState((QUEUE,)),
    part("MailTopic", TOPIC): TOPIC_STATE,
    part("MailMapping", MAPPING, "14e0db71-1d5d-4b5f-9c1a-2d3e4f5a6b7c"): MAPPING_STATE,
}
UNCHECKED = (
    part("MemoryTable", "AWS::DynamoDB::Table"),
    part(
        "MailQueue",
        "AWS::SQS::Queue",
        "https://sqs.us-east-1.amazonaws.com/111122223333/holdfast-MailQueue-x",
    ),
)
STACK = Stack("UPDATE_COMPLETE", DEPLOYED, READ, (*STATES, *UNCHECKED))


class WrittenDeployment(Deployment):
    """The stack above.

    Parameters
    ----------
    stacks : Stack or ServiceError
        What the stack is at each look; the last one stays.
    **changed
        The states, or the errors, of some parts, by logical id; a list is one for each look.
    """

    def __init__(self, *stacks: Stack | ServiceError, **changed: State | ServiceError | list[Any]) -> None:
        self._stacks = list(stacks) or [STACK]
        self._states = {known.logical_id: state for known, state in STATES.items()} | changed

    def stack(self, name: str) -> Stack:
        """Show the stack."""
        assert name == "holdfast"
        shown = self._stacks.pop(0) if len(self._stacks) > 1 else self._stacks[0]
        if isinstance(shown, ServiceError):
            raise shown
        return shown

    def look_at(self, part: Part) -> State:
        """Show a part."""
        state = self._states[part.logical_id]
        if isinstance(state, list):
            state = state.pop(0) if len(state) > 1 else state[0]
        if isinstance(state, ServiceError):
            raise state
        return state


class WrittenTrails(Trails):
    """Trails by what they do, or what their reading raises."""

    def __init__(self, trails: Mapping[Trail, TrailState | ServiceError] | ServiceError) -> None:
        self._trails = trails

    def visible(self) -> tuple[Trail, ...]:
        """Show the trails."""
        if isinstance(self._trails, ServiceError):
            raise self._trails
        return tuple(self._trails)

    def look_at(self, trail: Trail) -> TrailState:
        """Show a trail."""
        assert isinstance(self._trails, Mapping)
        state = self._trails[trail]
        if isinstance(state, ServiceError):
            raise state
        return state


class PlainMemory(Memory):
    """A memory that is a dictionary, or raises."""

    def __init__(self, refusal: ServiceError | None = None) -> None:
        self.items: dict[str, Mapping[str, Any]] = {}
        self.writes = 0
        self._refusal = refusal

    def recall(self, name: str) -> Mapping[str, Any] | None:
        """Tell what is remembered."""
        if self._refusal:
            raise self._refusal
        return self.items.get(name)

    def remember(
        self, name: str, content: Mapping[str, Any], *, instead_of: Mapping[str, Any] | None
    ) -> bool:
        """Remember, if nobody else has."""
        if self.items.get(name) != instead_of:
            return False
        self.items[name] = content
        self.writes += 1
        return True


def event_id(number: int) -> str:
    """Return the id of an example's event."""
    return f"6f1d3c9a-2b54-4b0e-9f0b-{number:012d}"


def record(number: int, at: datetime, policy_id: str = "p-7dj3cien") -> Record:
    """Return the record of a detach."""
    request = {"policyId": policy_id, "targetId": "ou-exme-ycaqk99w"}
    return Record("DetachPolicy", event_id(number), at, MANAGEMENT_ACCOUNT, DEVELOPER, None, None, request)


class WrittenHistory(History):
    """An event history.

    Parameters
    ----------
    *records : Record
        Its events, the newest first.
    error : ServiceError, optional
        What comes after them.
    """

    def __init__(self, *records: Record, error: ServiceError | None = None) -> None:
        self._records = records
        self._error = error
        self.asked: list[tuple[str, datetime, datetime]] = []

    def records(
        self, name: str, since: datetime, until: datetime, pages_at_most: int = 10
    ) -> Iterator[Record]:
        """Yield what lies between, ends included."""
        assert pages_at_most
        self.asked.append((name, since, until))
        yield from (record for record in self._records if since <= record.event_time <= until)
        if self._error:
            raise self._error


TOO_MANY = ServiceBusyError("cloudtrail", "LookupEvents", TOO_MANY_PAGES, "of DetachPolicy")


class WrittenExecutions(Executions):
    """Executions of the fast path, two seconds after their events.

    Parameters
    ----------
    *started : tuple of int and datetime
        The number of the event that started it and that event's time, the newest first; None in place of
        the number if it was started by something else.
    """

    def __init__(self, *started: tuple[int | None, datetime], error: ServiceError | None = None) -> None:
        self._started = started
        self._error = error
        self.looked_at = 0

    def remediations(self, state_machine_arn: str, since: datetime, limit: int) -> Iterator[Remediation]:
        """Yield them."""
        assert state_machine_arn == MACHINE
        if self._error:
            raise self._error
        for number, at in self._since(since)[:limit]:
            self.looked_at += 1
            if number is not None:
                detachment = replace(DETACHMENT, event_id=event_id(number))
                yield Remediation(
                    f"{MACHINE}:{number}", at, running=False, sanctioned=False, detachment=detachment
                )

    def horizon(self, state_machine_arn: str, since: datetime, limit: int) -> datetime | None:
        """Tell how far back the looking goes."""
        assert state_machine_arn == MACHINE
        found = self._since(since)
        return found[limit - 1][1] if len(found) > limit else None

    def _since(self, since: datetime) -> list[tuple[int | None, datetime]]:
        begun = ((number, at + timedelta(seconds=2)) for number, at in self._started)
        return [(number, at) for number, at in begun if at >= since]

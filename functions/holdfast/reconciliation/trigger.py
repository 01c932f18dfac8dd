"""What starts a reconciliation, and how much of the baseline it concerns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from holdfast.attachment import (
    ACCOUNT_ID,
    ORGANIZATIONAL_UNIT_ID,
    POLICY_ID,
    ROOT_ID,
    Attachment,
    PolicyType,
    target_kind,
)
from holdfast.baseline import Baseline
from holdfast.errors import MalformedEventError
from holdfast.fields import text_in
from holdfast.principal import Principal
from holdfast.record import Record, malformed, mapping_of, parse_record
from holdfast.timestamps import format_timestamp, parse_timestamp


class Cause(StrEnum):
    """Why a run began."""

    SCHEDULE = "schedule"
    REQUEST = "request"
    EVENT = "event"


class ChangeKind(StrEnum):
    """The events that can take a guardrail away without a DetachPolicy, by CloudTrail's `eventName`.

    Source: Organizations user guide, "Logging with CloudTrail"; the last two are service events.
    """

    DISABLE_POLICY_TYPE = "DisablePolicyType"
    UPDATE_POLICY = "UpdatePolicy"
    DELETE_POLICY = "DeletePolicy"
    ATTACH_POLICY = "AttachPolicy"
    MOVE_ACCOUNT = "MoveAccount"
    REGISTER_DELEGATED_ADMINISTRATOR = "RegisterDelegatedAdministrator"
    PUT_RESOURCE_POLICY = "PutResourcePolicy"
    ACCOUNT_JOINED = "AccountJoinedOrganization"
    ACCOUNT_DEPARTED = "AccountDepartedOrganization"


class ScopeKind(StrEnum):
    """What a run looks at."""

    ALL = "all"
    POLICY_TYPE = "policy type"
    POLICY = "policy"
    TARGET = "target"
    ATTACHMENT = "attachment"
    EVENT = "event"


class Route(StrEnum):
    """Which way a run takes through the state machine."""

    RECONCILE = "reconcile"
    COMPARE_COVERAGE = "compare coverage"
    REPORT = "report"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run looks at; runs of one scope go one at a time.

    Parameters
    ----------
    kind : ScopeKind
        All of the baseline, or what an id names.
    subject : str or None
        A policy type, the id of a policy, a target or an event, or an attachment as `p-…/target`; None for
        all.
    """

    kind: ScopeKind
    subject: str | None = None

    @property
    def key(self) -> str:
        """The scope's name, the same for every run of it."""
        return f"{self.kind}/{self.subject}" if self.subject else self.kind.value

    @property
    def attachment(self) -> Attachment | None:
        """The attachment that it names; None if it is about more."""
        return _attachment(self.subject or "") if self.kind is ScopeKind.ATTACHMENT else None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the organization, read from its event; what the event does not name is None.

    Parameters
    ----------
    kind : ChangeKind
        Which event it is.
    event_id : str
        CloudTrail's `eventID`.
    event_time : datetime
        When it happened, in UTC.
    account_id : str
        The account whose record this is.
    principal : Principal
        Who did it.
    policy_type : PolicyType or None
        DisablePolicyType: the type.
    policy_id : str or None
        UpdatePolicy, DeletePolicy, AttachPolicy: the policy.
    target_id : str or None
        AttachPolicy: the target.
    member_id : str or None
        The account that was moved, joined, departed or made a delegated administrator.
    source_parent, destination_parent : str or None
        MoveAccount: from where to where.
    method : str or None
        How an account joined or departed: CREATED, INVITED; LEFT, REMOVED, CLEANED.
    """

    kind: ChangeKind
    event_id: str
    event_time: datetime
    account_id: str
    principal: Principal
    policy_type: PolicyType | None = None
    policy_id: str | None = None
    target_id: str | None = None
    member_id: str | None = None
    source_parent: str | None = None
    destination_parent: str | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why a run began, and for what.

    Parameters
    ----------
    cause : Cause
        A schedule, somebody's request, or an event.
    scope : Scope
        What it looks at.
    dry_run : bool
        Whether it only tells what it would do.
    change : Change or None
        The event that caused it.
    at_once : bool
        Whether neither a second look nor the fast path is waited for; only a request can ask for it.
    """

    cause: Cause
    scope: Scope
    dry_run: bool = False
    change: Change | None = None
    at_once: bool = False

    @property
    def route(self) -> Route:
        """Which way the run takes."""
        if self.change is None:
            return Route.RECONCILE
        return _ROUTE_OF_CHANGE.get(self.change.kind, Route.RECONCILE)

    def concerns(self, baseline: Baseline) -> bool:
        """Return whether the trigger is about anything that the baseline holds.

        Membership and delegation concern every guardrail. An attachment that the baseline declares takes no
        slot from anybody.
        """
        change, guardrails = self.change, baseline.guardrails
        if change is None or change.kind in _ROUTE_OF_CHANGE:
            return True
        if change.kind is ChangeKind.DISABLE_POLICY_TYPE:
            return any(guardrail.policy_type is change.policy_type for guardrail in guardrails)
        if change.kind is ChangeKind.ATTACH_POLICY:
            on_target = [
                guardrail for guardrail in guardrails if change.target_id in (guardrail.targets or ())
            ]
            return bool(on_target) and change.policy_id not in {
                guardrail.policy_id for guardrail in on_target
            }
        return any(
            change.policy_id in {guardrail.policy_id, guardrail.declared_id} for guardrail in guardrails
        )

    def to_document(self) -> dict[str, Any]:
        """Return the trigger as a part of the run's document."""
        change = self.change and {
            **asdict(self.change),
            "event_time": format_timestamp(self.change.event_time),
        }
        return {**asdict(self), "change": change}


_ROUTE_OF_CHANGE = {
    ChangeKind.MOVE_ACCOUNT: Route.COMPARE_COVERAGE,
    ChangeKind.ACCOUNT_JOINED: Route.COMPARE_COVERAGE,
    ChangeKind.ACCOUNT_DEPARTED: Route.REPORT,
    ChangeKind.REGISTER_DELEGATED_ADMINISTRATOR: Route.REPORT,
    ChangeKind.PUT_RESOURCE_POLICY: Route.REPORT,
}

_KEYS_OF_A_REQUEST = {"cause", "scope", "dry_run", "at_once"}


def parse_trigger(document: object) -> Trigger:
    """Return what an execution's input asks for.

    Parameters
    ----------
    document : object
        An EventBridge event, or an object with `cause` (`schedule` or `request`, the default), `scope` (an
        object with `kind` and `subject`; all by default), `dry_run` and, in a request, `at_once`, each of
        which may be absent.

    Raises
    ------
    MalformedEventError
        If it is neither; names the field, its value and what was expected.
    """
    given = mapping_of(document, "input")
    if "detail-type" in given or "detail" in given:
        change = change_of(parse_record(given.get("detail"), list(ChangeKind)))
        return Trigger(Cause.EVENT, _scope_of_change(change), change=change)
    for key in sorted(given.keys() - _KEYS_OF_A_REQUEST, key=str):
        raise malformed("input", key, f"an event, or only {', '.join(sorted(_KEYS_OF_A_REQUEST))}")
    cause = given.get("cause", Cause.REQUEST)
    if cause not in (Cause.SCHEDULE, Cause.REQUEST):
        raise malformed("input.cause", cause, f"{Cause.SCHEDULE} or {Cause.REQUEST}")
    dry_run, at_once = _flag(given, "dry_run"), _flag(given, "at_once")
    if at_once and cause != Cause.REQUEST:
        raise malformed("input.at_once", at_once, f"false, as only a {Cause.REQUEST} is made at once")
    return Trigger(Cause(cause), _parse_scope(given.get("scope")), dry_run, at_once=at_once)


def _flag(given: Mapping[str, Any], key: str) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise malformed(f"input.{key}", value, "true or false")
    return value


def change_of(record: Record) -> Change:
    """Return the change that a record reports.

    Raises
    ------
    MalformedEventError
        If its request lacks what such an event names.
    """
    kind = ChangeKind(record.name)
    return Change(
        kind=kind,
        event_id=record.event_id,
        event_time=record.event_time,
        account_id=record.account_id,
        principal=record.principal,
        **{field: _member(record, key, field) for field, key in _MEMBERS.get(kind, {}).items()},
        method=_method(record),
    )


def trigger_of_document(document: Mapping[str, Any]) -> Trigger:
    """Return the trigger that `to_document` wrote."""
    scope, change = document["scope"], document["change"]
    return Trigger(
        cause=Cause(document["cause"]),
        scope=Scope(ScopeKind(scope["kind"]), scope["subject"]),
        dry_run=bool(document["dry_run"]),
        change=change and _change_of_document(change),
        # A run that waited through a deploy may be older than the key.
        at_once=bool(document.get("at_once", False)),
    )


def _change_of_document(change: Mapping[str, Any]) -> Change:
    policy_type = change["policy_type"]
    return Change(
        **{
            **change,
            "kind": ChangeKind(change["kind"]),
            "event_time": parse_timestamp(change["event_time"]),
            "principal": Principal(**change["principal"]),
            "policy_type": policy_type and PolicyType(policy_type),
        }
    )


_PARENT_ID = re.compile(f"(?:{ROOT_ID.pattern})|(?:{ORGANIZATIONAL_UNIT_ID.pattern})")
_TARGET_ID = re.compile(f"{_PARENT_ID.pattern}|(?:{ACCOUNT_ID.pattern})")

_MEMBERS: Mapping[ChangeKind, Mapping[str, str]] = {
    ChangeKind.DISABLE_POLICY_TYPE: {"policy_type": "policyType"},
    ChangeKind.UPDATE_POLICY: {"policy_id": "policyId"},
    ChangeKind.DELETE_POLICY: {"policy_id": "policyId"},
    ChangeKind.ATTACH_POLICY: {"policy_id": "policyId", "target_id": "targetId"},
    ChangeKind.MOVE_ACCOUNT: {
        "member_id": "accountId",
        "source_parent": "sourceParentId",
        "destination_parent": "destinationParentId",
    },
    ChangeKind.REGISTER_DELEGATED_ADMINISTRATOR: {"member_id": "accountId"},
    ChangeKind.ACCOUNT_JOINED: {"member_id": "accountId"},
    ChangeKind.ACCOUNT_DEPARTED: {"member_id": "accountId"},
}
"""What each event names: our field, and the member of its request. Source: the events' own records."""

_PATTERNS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "policy_type": (re.compile("|".join(PolicyType)), "a policy type"),
    "policy_id": (POLICY_ID, "a policy's id (p-…)"),
    "target_id": (_TARGET_ID, "a target's id"),
    "member_id": (ACCOUNT_ID, "12 digits"),
    "source_parent": (_PARENT_ID, "the id of a root or an OU"),
    "destination_parent": (_PARENT_ID, "the id of a root or an OU"),
}


def _member(record: Record, key: str, field: str) -> Any:
    pattern, expected = _PATTERNS[field]
    value = record.request.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise malformed(f"{record.name}.{key}", value, expected)
    return PolicyType(value) if field == "policy_type" else value


def _method(record: Record) -> str | None:
    return text_in(record.request, "joinedMethod") or text_in(record.request, "departureMethod")


def _scope_of_change(change: Change) -> Scope:
    if change.policy_type is not None:
        return Scope(ScopeKind.POLICY_TYPE, change.policy_type.value)
    if change.target_id is not None:
        return Scope(ScopeKind.TARGET, change.target_id)
    if change.policy_id is not None:
        return Scope(ScopeKind.POLICY, change.policy_id)
    return Scope(ScopeKind.EVENT, change.event_id)


def _parse_scope(value: object) -> Scope:
    if value is None:
        return Scope(ScopeKind.ALL)
    given = mapping_of(value, "input.scope")
    kind, subject = given.get("kind"), given.get("subject")
    if kind == ScopeKind.ALL:
        if subject is not None:
            raise malformed("input.scope.subject", subject, "none: all is all")
        return Scope(ScopeKind.ALL)
    check = _CHECKS.get(kind) if isinstance(kind, str) else None
    if not isinstance(kind, str) or check is None:
        raise malformed("input.scope.kind", kind, f"{ScopeKind.ALL}, {', '.join(_CHECKS)}")
    try:
        check(subject if isinstance(subject, str) else "")
    except (ValueError, MalformedEventError) as error:
        raise malformed("input.scope.subject", subject, f"what a scope of kind {kind!r} can name") from error
    return Scope(ScopeKind(kind), str(subject))


def _check_policy(subject: str) -> None:
    if not POLICY_ID.fullmatch(subject):
        raise malformed("input.scope.subject", subject, "a policy's id (p-…)")


def _attachment(subject: str) -> Attachment:
    policy_id, _, target_id = subject.partition("/")
    return Attachment(policy_id, target_id)


_CHECKS: Mapping[str, Callable[[str], object]] = {
    ScopeKind.POLICY_TYPE.value: PolicyType,
    ScopeKind.POLICY.value: _check_policy,
    ScopeKind.TARGET.value: target_kind,
    ScopeKind.ATTACHMENT.value: _attachment,
}

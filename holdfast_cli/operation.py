"""How Holdfast fares in operation: heartbeat, dead letters, alarms, exemptions, listed roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.baseline import RolePrincipal
from holdfast.exemption import Exemptions
from holdfast.reconciliation.sentence import counted
from holdfast.timestamps import format_timestamp
from holdfast_cli.check import Verdict, failed, ok, warning

SILENT = timedelta(hours=1)
"""After this without a reconciliation ReconciliationSilentAlarm fires."""

_NAMED = 5


def judge_heartbeat(
    last: datetime | None, deployed_at: datetime, now: datetime, *, scheduled: bool
) -> Verdict:
    """Judge whether the whole baseline is compared again and again.

    Parameters
    ----------
    last : datetime or None
        When the last reconciliation that succeeded ended, None if none has.
    deployed_at : datetime
        When the stack was deployed: in the first hour there need not be one.
    now : datetime
        The time.
    scheduled : bool
        Whether the schedule is meant to be on.
    """
    following = "Run one and read how it ends (holdfast reconcile --dry-run); look at the schedule."
    if last is None:
        found = f"none has succeeded yet, deployed {_minutes(deployed_at, now)} ago"
        overdue = scheduled and now - deployed_at > SILENT
        return failed(found, following) if overdue else warning(found, following)
    found = f"the last that succeeded ended {_minutes(last, now)} ago, at {format_timestamp(last)}"
    if now - last <= SILENT:
        return ok(found)
    return failed(found, following) if scheduled else warning(found, following)


def _minutes(then: datetime, now: datetime) -> str:
    return counted(max(0, int((now - then).total_seconds() // 60)), "minute")


def judge_undelivered(messages: int, queue_url: str) -> Verdict:
    """Judge whether something never reached the state machines, a topic or a mailbox."""
    if not messages:
        return ok("the dead-letter queue is empty")
    return failed(
        f"{counted(messages, 'message')} in the dead-letter queue",
        "Read why (ERROR_CODE): aws sqs receive-message --message-attribute-names All "
        f"--queue-url {queue_url}",
    )


@dataclass(frozen=True, slots=True)
class Alarm:
    """A CloudWatch alarm: its logical id, its state, and whether it tells anybody."""

    name: str
    state: str
    tells: bool


def judge_alarms(alarms: Sequence[Alarm], gone: Sequence[str]) -> Verdict:
    """Judge whether an alarm of the stack says that something is wrong, or cannot say it.

    Parameters
    ----------
    alarms : sequence of Alarm
        The stack's alarms.
    gone : sequence of str
        The logical ids of those that are not there.
    """
    if ringing := sorted(alarm.name for alarm in alarms if alarm.state == "ALARM"):
        return failed(
            f"in ALARM: {', '.join(ringing)}",
            "Read the alarm's description in CloudWatch, which says what to look at; docs/operations.md.",
        )
    if gone:
        return failed(f"gone: {', '.join(sorted(gone))}", "Deploy the template again.")
    if silent := sorted(alarm.name for alarm in alarms if not alarm.tells):
        return warning(
            f"with their actions switched off: {', '.join(silent)}",
            "Switch them on again: aws cloudwatch enable-alarm-actions --alarm-names …",
        )
    return ok(f"{counted(len(alarms), 'alarm')}, none in ALARM")


def judge_exemptions(exemptions: Exemptions, now: datetime) -> Verdict:
    """Judge whether something may be off now, and whether some exemption is broken."""
    in_force = sorted((one for one in exemptions.valid if one.is_in_force(now)), key=lambda one: one.until)
    ended = len(exemptions.valid) - len(in_force)
    told = [
        f"{one.name} until {format_timestamp(one.until)}, because {one.reason!r}" for one in in_force[:_NAMED]
    ]
    if len(in_force) > _NAMED:
        told.append(f"and {len(in_force) - _NAMED} more")
    broken = [f"{one.name} is broken and ignored" for one in exemptions.broken[:_NAMED]]
    if len(exemptions.broken) > _NAMED:
        broken.append(f"and {len(exemptions.broken) - _NAMED} more broken")
    if in_force or broken:
        mend = " Grant again what is broken, or delete it." if broken else ""
        return warning(
            f"{len(in_force)} in force, {len(exemptions.broken)} broken: {'; '.join([*told, *broken])}",
            f"See them with holdfast exempt list; end one with holdfast exempt revoke.{mend}",
        )
    return ok(f"none in force{f', {ended} ended' if ended else ''}")


def judge_roles(
    listed: Sequence[RolePrincipal], ids: Mapping[str, str | None], elsewhere: Sequence[str]
) -> Verdict:
    """Judge whether the roles that the baseline sanctions are those that were meant.

    Parameters
    ----------
    listed : sequence of RolePrincipal
        The roles of the baseline, sanctioned ones and rivals.
    ids : mapping of str to str or None
        The unique id of each role that was looked at, None if it does not exist.
    elsewhere : sequence of str
        The ARNs of the roles in other accounts, which were not looked at.
    """
    if not listed:
        return ok("the baseline lists no role")
    gone = [one.role for one in listed if ids.get(one.role, "") is None]
    other = [one.role for one in listed if one.role_id and ids.get(one.role) not in {None, one.role_id}]
    if gone or other:
        parts = [
            *([f"not there: {', '.join(gone)}"] if gone else []),
            *([f"not the one with the id that is listed: {', '.join(other)}"] if other else []),
        ]
        return warning(
            "; ".join(parts),
            "Correct baseline.toml: whoever makes a role of that name is sanctioned, unless an id is listed.",
        )
    there = len(listed) - len(elsewhere)
    found = f"{counted(there, 'role')} as listed"
    if elsewhere:
        found += f"; not looked at, in other accounts: {', '.join(elsewhere)}"
    return ok(found)

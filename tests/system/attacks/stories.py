"""The words in which the attacks are told.

An attack is one block: all of it happens before the first event arrives, unless the attacker waits. What came
of it is read from what was told and from the organization, as people would.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.deployed import RECONCILIATION, REMEDIATION, SCP, Holdfast, Run

EVERYTHING_ON = {
    "ReconciliationEnabled": "true",
    "ReconciliationSchedule": "rate(3650 days)",
    "RestorePolicyTypes": "true",
    "RestorePolicies": "true",
    "AlertEnabled": "false",
}
"""Both paths restore whatever may be restored. The schedule is so far away that events and people start runs;
the announcements, which come besides, are left out."""

HARMLESS = {"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}
"""What an attacker writes where a guardrail stood: it hinders nobody."""

_ROLE = re.compile(r"^(?:Done|Detached) by: .*?role “([\w-]+)”", re.MULTILINE)


@dataclass
class Aftermath:
    """What came of an attack.

    Parameters
    ----------
    fast, slow : list of Run
        The runs of the two paths that had something to do, in the order in which they began.
    """

    fast: list[Run] = field(default_factory=list)
    slow: list[Run] = field(default_factory=list)


@contextmanager
def attack(holdfast: Holdfast) -> Iterator[Aftermath]:
    """Let a block happen, and collect what both paths did about it until all has settled."""
    aftermath = Aftermath()
    with holdfast.watch(REMEDIATION, RECONCILIATION) as runs:
        yield aftermath
    slow = holdfast.output(RECONCILIATION).rpartition(":")[2]
    for run in runs:
        if run.states[-1] != "Nothing To Do":
            (aftermath.slow if f":{slow}:" in run.arn else aftermath.fast).append(run)


def wait(holdfast: Holdfast, seconds: float) -> None:
    """Let time pass, and everything happen that is due meanwhile."""
    with holdfast.aws.clock.working():
        holdfast.aws.clock.sleep(seconds)
    holdfast.aws.clock.settle()


def told(runs: Iterable[Run]) -> list[str]:
    """Return what was told, in alphabetical order: how urgent, the mail's subject, and who is blamed."""
    return sorted(_in_short(run.record) for run in runs if run.record)


def _in_short(record: dict[str, Any]) -> str:
    severity, subject = record["severity"], record["mail"]["subject"].partition("] ")[2]
    return f"{severity}: {subject}" + "".join(
        f" [by {role}]" for role in _ROLE.findall(record["mail"]["text"])
    )


def findings(run: Run) -> list[str]:
    """Return the titles of what a mail tells, in its order."""
    return re.findall(r"^\d+\. (.*)\.$", run.text, re.MULTILINE)


def started(holdfast: Holdfast, run: Run) -> datetime:
    """Return when a run began."""
    moment: datetime = _described(holdfast, run)["startDate"]
    return moment


def ended(holdfast: Holdfast, run: Run) -> datetime:
    """Return when a run ended."""
    moment: datetime = _described(holdfast, run)["stopDate"]
    return moment


def _described(holdfast: Holdfast, run: Run) -> Any:
    return holdfast.executions.describe_execution(executionArn=run.arn)


def begin_run(holdfast: Holdfast, **request: Any) -> None:
    """Begin a reconciliation and do not look what happens; by default one as the schedule begins it."""
    holdfast.executions.start_execution(
        stateMachineArn=holdfast.output(RECONCILIATION), input=json.dumps(request or {"cause": "schedule"})
    )


def scheduled_run(holdfast: Holdfast) -> Run:
    """Return what a reconciliation does that begins as the schedule would begin it."""
    return holdfast.reconcile(cause="schedule")


def create(client: Any, name: str, statement: dict[str, Any] = HARMLESS) -> str:
    """Create a policy that is attached nowhere, and return its id."""
    created = client.create_policy(Name=name, Description="", Type=SCP, Content=_text(statement))
    return str(created["Policy"]["PolicySummary"]["Id"])


def rewrite(client: Any, policy_id: str, statement: dict[str, Any] = HARMLESS) -> None:
    """Give a policy another text."""
    client.update_policy(PolicyId=policy_id, Content=_text(statement))


def _text(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def disable_type(client: Any, holdfast: Holdfast) -> None:
    """Switch off the type of all guardrails: every attachment is lost."""
    client.disable_policy_type(RootId=holdfast.target("Root"), PolicyType=SCP)


def successor_of(holdfast: Holdfast, policy_id: str) -> str | None:
    """Return the id that stands in the place of a deleted policy."""
    parameters = holdfast.aws.client("ssm").get_parameters_by_path(Path="/holdfast/successors")["Parameters"]
    return {entry["Name"].rpartition("/")[2]: entry["Value"] for entry in parameters}.get(policy_id)


@contextmanager
def teams_with(holdfast: Holdfast, name: str, number: int) -> Iterator[list[str]]:
    """Create OUs with one guardrail on all of them for a while, and yield the names of the OUs."""
    teams = [f"{name} {place}" for place in range(1, number + 1)]
    with holdfast.aws.clock.working():
        for team in teams:
            holdfast.unit(team)
        policy_id = holdfast.stranger(name, teams[0])
        for team in teams[1:]:
            holdfast.organizations.attach_policy(PolicyId=policy_id, TargetId=holdfast.target(team))
        holdfast.declare()
    wait(holdfast, 300)
    yield teams
    with holdfast.aws.clock.working():
        for team in teams:
            holdfast.organizations.delete_organizational_unit(OrganizationalUnitId=holdfast.target(team))
        holdfast.organizations.delete_policy(PolicyId=policy_id)
        holdfast.declare()
    wait(holdfast, 300)


def take_all(holdfast: Holdfast, name: str, teams: Iterable[str], by: Any) -> None:
    """Detach a guardrail from all OUs in the same moment.

    The published rates bind everybody, so nobody could do that; it is the hardest case for Holdfast.
    """
    published, holdfast.aws.rates.published = holdfast.aws.rates.published, False
    for team in teams:
        holdfast.take(name, team, by)
    holdfast.aws.rates.published = published


def covered(holdfast: Holdfast, name: str, teams: Iterable[str]) -> list[str]:
    """Return on which of the OUs a guardrail is attached."""
    return [team for team in teams if name in holdfast.attached(team)]


@contextmanager
def detach_rule_disabled(holdfast: Holdfast) -> Iterator[None]:
    """Let no detach start the fast path for a while."""
    events, name = holdfast.aws.client("events"), holdfast.output("DetachRuleName")
    events.disable_rule(Name=name)
    yield
    events.enable_rule(Name=name)


def account_for_detaches(holdfast: Holdfast) -> None:
    """Let a reconciliation tell of all detaches that the fast path did not see, so that no later one does."""
    wait(holdfast, 1_200)
    scheduled_run(holdfast)


@contextmanager
def published_rates(holdfast: Holdfast) -> Iterator[None]:
    """Let Organizations throttle as published from now on, until all has settled."""
    holdfast.aws.rates.published = True
    yield
    holdfast.aws.rates.published = False

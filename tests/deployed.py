"""Holdfast as it is shipped, deployed on the embedded AWS, and the words in which its tests speak.

The embedded AWS runs on the clock that skips, so nothing here waits for real, and its events come some
seconds after the calls that they tell of: all that a test does within one `watch` happens before the first
execution begins.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from holdfast_cli.embedded import Deployment, deploy_holdfast
from holdfast_cli.sample_organization import PIPELINE_ROLE, POLICIES, SEED
from holdfast_cli.snapshot import take_snapshot
from localaws.clock import SkippingClock
from localaws.identities import Credentials
from localaws.mail import Mail
from localaws.server import EmbeddedAws

DELIVERY_DELAY = 5.0
SCP = "SERVICE_CONTROL_POLICY"
SUCCEEDED = ("SUCCEEDED", None)

REMEDIATION, RECONCILIATION = "StateMachineArn", "ReconcileStateMachineArn"
"""The outputs that have the state machines' ARNs."""

TELLING = ("Notify Success", "Notify Failure")
"""The states that tell what has been described."""

A_BUDGET_OF_MAILS = 120.0
"""Seconds after which as many mails may go singly as if there had been none before."""

_A_QUIET_WHILE = 3_600.0
_TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


@dataclass(frozen=True)
class Run:
    """An execution that has ended.

    Parameters
    ----------
    arn : str
        The execution's ARN.
    event : dict
        Its input.
    states : list of str
        The states that it entered, in order.
    errors : list of str
        The errors of its failed attempts, in order.
    end : tuple
        Its status, and its error if it failed.
    mails : tuple of Mail
        The outcomes that it told.
    times : list of datetime
        When it entered each state.
    given : dict
        What each state was given, the last time that it was entered.
    """

    arn: str
    event: Any
    states: list[str]
    errors: list[str]
    end: tuple[str, str | None]
    mails: tuple[Mail, ...]
    times: list[datetime]
    given: dict[str, Any]

    @property
    def mail(self) -> Mail:
        """The one outcome that it told."""
        (mail,) = self.mails
        return mail

    @property
    def record(self) -> dict[str, Any] | None:
        """What it told the machines, the mail in it; when people get that, and how, is another matter."""
        told = next((self.given[state] for state in TELLING if state in self.given), None)
        if told is None or "Notification Failed" in self.states:
            return None
        record: dict[str, Any] = json.loads(json.loads(told["notification"]["message"])["default"])
        return record

    @property
    def outcome(self) -> str:
        """The outcome's name, as subscribers filter it."""
        return str((self.record or self.mail.attributes)["outcome"])

    @property
    def text(self) -> str:
        """What it told people, also where they got it in a digest."""
        return str(self.record["mail"]["text"]) if self.record else self.mail.body

    def says(self, label: str) -> str:
        """Return what the mail says after a label; the label stands at one line's beginning."""
        (line,) = (line for line in self.text.splitlines() if line.startswith(f"{label}:"))
        return line.removeprefix(f"{label}:").strip()


@dataclass(frozen=True)
class Holdfast:
    """The deployed system, and everybody around it.

    Parameters
    ----------
    deployment : Deployment
        What was deployed, where, and for which organization.
    """

    deployment: Deployment
    _units: dict[str, str] = field(default_factory=dict)

    @property
    def aws(self) -> EmbeddedAws:
        """The embedded AWS that it runs on."""
        return self.deployment.aws

    @property
    def organizations(self) -> Any:
        """The person at the machine, who may do everything in the organization."""
        return self.aws.client("organizations")

    @property
    def executions(self) -> Any:
        """A client of Step Functions."""
        return self.aws.client("stepfunctions")

    def output(self, name: str) -> str:
        """Return an output of the stack."""
        return self.deployment.stack.outputs[name]

    def resource(self, logical_id: str) -> str:
        """Return a resource's name or ARN."""
        return self.deployment.stack.resources[logical_id]

    def target(self, path: str) -> str:
        """Return the id of a root, OU or account of the sample organization, or of an OU made by `unit`."""
        return self._units.get(path) or self.deployment.organization.targets[path]

    def policy(self, name: str) -> str:
        """Return the id of a policy."""
        for page in self.organizations.get_paginator("list_policies").paginate(Filter=SCP):
            for policy in page["Policies"]:
                if policy["Name"] == name:
                    return str(policy["Id"])
        raise LookupError(name)

    def role(self, name: str, session: str = "mallory") -> Any:
        """Return an Organizations client of a role's session; the role is made if it is not there."""
        iam = self.aws.client("iam")
        if name not in {role["RoleName"] for role in iam.list_roles()["Roles"]}:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=_TRUST)
        arn = iam.get_role(RoleName=name)["Role"]["Arn"]
        issued = self.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName=session)["Credentials"]
        keys = Credentials(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])
        return self.aws.client("organizations", credentials=keys)

    @contextmanager
    def watch(self, *machines: str) -> Iterator[list[Run]]:
        """Collect the runs that a block causes: after it, when all has settled, they are in the list.

        Parameters
        ----------
        *machines : str
            The outputs that have the state machines' ARNs; by default the fast path's.
        """
        machines = machines or (REMEDIATION,)
        known, runs = {arn for machine in machines for arn in self._known(machine)}, list[Run]()
        with self.aws.clock.working():
            # So that what happens now is mailed as if nothing had been mailed before.
            self.aws.clock.sleep(A_BUDGET_OF_MAILS)
            yield runs
        self.aws.clock.settle()
        runs += [self._run(arn) for machine in machines for arn in self._known(machine) if arn not in known]

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """Let what a block does start nothing: it happens while the rules are off."""
        events, rules = self.aws.client("events"), [self.resource("DetachRule"), self.resource("TamperRule")]
        on = [rule for rule in rules if events.describe_rule(Name=rule)["State"] == "ENABLED"]
        for rule in on:
            events.disable_rule(Name=rule)
        with self.aws.clock.working():
            yield
            self.aws.clock.sleep(2 * DELIVERY_DELAY)
        self.aws.clock.settle()
        for rule in on:
            events.enable_rule(Name=rule)

    def take(self, policy: str, path: str, by: Any = None) -> None:
        """Detach a policy, and do not look what happens."""
        (by or self.organizations).detach_policy(PolicyId=self.policy(policy), TargetId=self.target(path))

    def detach(self, policy: str, path: str, by: Any = None) -> Run:
        """Detach a policy, by the person at the machine or by a role's client, and return what happened."""
        with self.watch() as runs:
            self.take(policy, path, by)
        return the_only(runs)

    def start(self, event: Any) -> Run:
        """Start the state machine by hand and return what happened."""
        with self.watch() as runs:
            self.executions.start_execution(
                stateMachineArn=self.deployment.state_machine_arn, input=json.dumps(event)
            )
        return the_only(runs)

    def reconcile(self, **request: Any) -> Run:
        """Start a reconciliation by hand and return what happened."""
        with self.watch(RECONCILIATION) as runs:
            self.executions.start_execution(
                stateMachineArn=self.output(RECONCILIATION), input=json.dumps(request)
            )
        return the_only(runs)

    def state(self) -> dict[str, dict[str, set[str]]]:
        """Return the whole organization as the baseline sees it: what is attached where, by name and text."""
        roots = self.organizations.list_roots()["Roots"]
        types = {entry["Type"]: entry["Status"] for entry in roots[0]["PolicyTypes"]}
        attached = {path: self.attached(path) for path in self.deployment.organization.targets}
        texts = {name: {self.text(name)} for name in sorted(set().union(*attached.values()))}
        return {
            "types": {kind: {status} for kind, status in types.items()},
            "attached": attached,
            "texts": texts,
        }

    def text(self, name: str) -> str:
        """Return a policy's text, spelled in one way."""
        described = self.organizations.describe_policy(PolicyId=self.policy(name))["Policy"]
        return json.dumps(json.loads(described["Content"]), sort_keys=True)

    def deliver(self, event: dict[str, Any]) -> list[Run]:
        """Let CloudTrail put an event on the bus and return what happened."""
        with self.watch() as runs:
            self.aws.bus.put(event)
        return runs

    def stranger(self, name: str, path: str, *statements: dict[str, Any]) -> str:
        """Create a policy, attach it where the baseline does not want it, and return its id."""
        content = json.dumps({"Version": "2012-10-17", "Statement": statements or [DENY_LEAVING]})
        created = self.organizations.create_policy(Name=name, Description="", Type=SCP, Content=content)
        policy_id = str(created["Policy"]["PolicySummary"]["Id"])
        self.organizations.attach_policy(PolicyId=policy_id, TargetId=self.target(path))
        return policy_id

    def guardrail(self, name: str, path: str, *statements: dict[str, Any]) -> str:
        """Create a policy, attach it, declare it in the baseline, and return its id."""
        policy_id = self.stranger(name, path, *statements)
        self.declare()
        return policy_id

    def unit(self, name: str) -> str:
        """Create an OU below the root, and return its id."""
        created = self.organizations.create_organizational_unit(ParentId=self.target("Root"), Name=name)
        self._units[name] = created["OrganizationalUnit"]["Id"]
        return self._units[name]

    def declare(self) -> None:
        """Take the baseline from the organization as it is now."""
        take_snapshot(self.organizations, self.guardrails)

    @property
    def guardrails(self) -> Path:
        """The deployed baseline's folder."""
        return self.deployment.template.parent / "functions" / "guardrails"

    def attached(self, path: str) -> set[str]:
        """Return the names of the policies that a read shows on a target."""
        listed = self.organizations.list_policies_for_target(TargetId=self.target(path), Filter=SCP)
        return {policy["Name"] for policy in listed["Policies"]}

    def mails(self, topic: str) -> list[Mail]:
        """Return the mails of a topic, named by the output that has its ARN; confirmations are none."""
        arn = self.output(topic)
        return [mail for mail in self.aws.inbox.mails() if mail.topic_arn == arn and not mail.token]

    def changes(self) -> list[dict[str, Any]]:
        """Return the records of all calls that were to change the organization, the oldest first."""
        records = (recorded.detail for recorded in self.aws.trail.recorded())
        return [record for record in records if record["eventSource"] == "organizations.amazonaws.com"]

    def alerts(self) -> list[Mail]:
        """Return the mails that announce a detach."""
        return [mail for mail in self.mails("MailTopicArn") if mail.attributes.get("outcome") == "alert"]

    def mend(self) -> None:
        """Put back what a test took from the sample organization, and let what lingers pass."""
        self.aws.faults.clear()
        self.aws.organizations.stale_reads(0)
        self.aws.organizations.empty_pages = 0
        for policy in POLICIES:
            for path in policy.targets:
                self._attach(policy.name, path)
        with self.aws.clock.working():
            self.aws.clock.sleep(_A_QUIET_WHILE)
        self.aws.clock.settle()

    def _attach(self, policy: str, path: str) -> None:
        client = self.organizations
        policy_id = self.deployment.organization.policies[policy]
        with suppress(client.exceptions.DuplicatePolicyAttachmentException):
            client.attach_policy(PolicyId=policy_id, TargetId=self.target(path))

    def _known(self, machine: str) -> list[str]:
        pages = self.executions.get_paginator("list_executions").paginate(
            stateMachineArn=self.output(machine)
        )
        listed = [execution["executionArn"] for page in pages for execution in page["executions"]]
        return listed[::-1]

    def _run(self, arn: str) -> Run:
        described = self.executions.describe_execution(executionArn=arn)
        history = self.executions.get_execution_history(executionArn=arn)["events"]
        entered = [event for event in history if "stateEnteredEventDetails" in event]
        return Run(
            arn=arn,
            event=json.loads(described["input"]),
            states=[event["stateEnteredEventDetails"]["name"] for event in entered],
            errors=[error for event in history if (error := _error_of(event))],
            end=(described["status"], described.get("error")),
            mails=tuple(mail for mail in self.mails("MailTopicArn") if arn in mail.body),
            times=[event["timestamp"] for event in entered],
            given={
                event["stateEnteredEventDetails"]["name"]: json.loads(
                    event["stateEnteredEventDetails"]["input"]
                )
                for event in entered
            },
        )


DENY_LEAVING = {
    "Sid": "NobodyLeaves",
    "Effect": "Deny",
    "Action": "organizations:LeaveOrganization",
    "Resource": "*",
}


@contextmanager
def deployed(folder: Path, **parameters: str) -> Iterator[Holdfast]:
    """Deploy Holdfast for the sample organization, whose pipeline's role is sanctioned.

    Parameters
    ----------
    folder : Path
        Where the copy with the organization's baseline goes.
    **parameters
        The template's parameters that differ from a usual deployment's; the reconciliation starts by hand
        only, unless they say otherwise.
    """
    by_hand = {"ReconciliationEnabled": "false"}
    with EmbeddedAws(seed=SEED, clock=SkippingClock(), delivery_delay=DELIVERY_DELAY) as aws:
        holdfast = Holdfast(deploy_holdfast(aws, folder, **(by_hand | parameters)))
        role = aws.client("iam").create_role(RoleName=PIPELINE_ROLE, AssumeRolePolicyDocument=_TRUST)["Role"]
        with (holdfast.guardrails / "baseline.toml").open("a", encoding="utf-8") as baseline:
            baseline.write(f'[[sanctioned_principal]]\nrole = "{role["Arn"]}"\nid = "{role["RoleId"]}"\n')
        yield holdfast


def text_of(mail: Mail) -> list[str]:
    """Return the lines of a mail without the footer that SNS adds."""
    return mail.body.partition("\n\n--\n")[0].rstrip().splitlines()


def the_only(runs: list[Run]) -> Run:
    """Return the run if there was exactly one."""
    (run,) = runs
    return run


def _error_of(event: dict[str, Any]) -> str | None:
    """Return the error of a failed attempt, whatever kind of task it was."""
    details = [value for key, value in event.items() if key.endswith("EventDetails")]
    if event["type"].startswith("Execution"):
        return None
    return next((detail["error"] for detail in details if "error" in detail), None)

"""The demonstration: guardrails are detached, deleted and switched off, and come back; mails tell of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from holdfast.exemption import name_of
from holdfast.timestamps import format_timestamp
from holdfast_cli.embedded import BUILD, DELIVERY_DELAY, READER, Deployment, deploy_holdfast
from holdfast_cli.following import Told, follow, newest_execution, told_by
from holdfast_cli.picture import SCP, Picture, take_picture
from holdfast_cli.sample_organization import SEED
from localaws.identities import Credentials
from localaws.server import EmbeddedAws

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_organizations import OrganizationsClient

    from holdfast_cli.screen import Screen
    from localaws.clock import Clock
    from localaws.mail import Mail

RESTORING = {"RestorePolicyTypes": "true", "RestorePolicies": "true"}

SETTLING = 0.5
"""Seconds until a switched policy type has settled: before the event comes, so that no run has to wait."""

A_BUDGET_OF_MAILS = 120.0
"""Seconds that pass before each act, so that its mails come singly and not in a digest."""

MAILS_OF_AN_INCIDENT, MAILS_OF_A_RECONCILIATION, MAILS_OF_AN_EXEMPTION = 2, 1, 4
"""Alert and outcome; the outcome; who permitted it, the alert, the outcome before its end, and after."""

EXEMPT_FOR = timedelta(seconds=10)
"""How long the demo's exemption lasts: its execution really waits."""

_PATIENCE = 30.0
_POLL_SECONDS = 0.1


def run_demo(screen: Screen, clock: Clock | None = None) -> bool:
    """Show both paths on the embedded AWS; return whether all went as it should.

    Parameters
    ----------
    screen : Screen
        Where to print.
    clock : Clock, optional
        The time; by default the machine's.
    """
    screen.act("An embedded AWS with a sample organization; Holdfast is deployed on it from template.yaml")
    with EmbeddedAws(seed=SEED, clock=clock, delivery_delay=DELIVERY_DELAY) as aws:
        aws.organizations.settling = SETTLING
        deployment = deploy_holdfast(aws, BUILD / "demo", **RESTORING)
        _stop_schedule(deployment)
        organization = deployment.organization
        before = _picture(deployment)
        screen.line(f"  endpoint      {aws.endpoint_url}")
        screen.line(f"  organization  {organization.organization_id}, {len(organization.targets)} targets")
        screen.line(f"  guardrails    {', '.join(organization.policies)}")
        screen.line(f"  mail to       {READER} (subscriptions confirmed)")
        good = (
            _show_restored(deployment, screen)
            and _show_permitted(deployment, screen)
            and _show_made_again(deployment, screen)
            and _show_brought_back(deployment, screen, before)
        )
    screen.line("")
    screen.verdict("All went as it should." if good else "Something did not go as it should.", good=good)
    if good:
        screen.line("Next: `make local` keeps such an AWS running for your own hands.")
    return good


def _stop_schedule(deployment: Deployment) -> None:
    """Let events alone start runs: the demo shows what each of them does."""
    scheduler = deployment.aws.client("scheduler")
    schedule = scheduler.get_schedule(Name=deployment.stack.resources["ReconcileSchedule"])
    wanted = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    scheduler.update_schedule(**{key: schedule[key] for key in wanted}, State="DISABLED")


# ---- The acts ----------------------------------------------------------------------------------------------


def _show_restored(deployment: Deployment, screen: Screen) -> bool:
    screen.act("A guardrail is detached: DenyLeaveOrganization, from the root")
    organization = deployment.organization
    policy_id, root_id = organization.policies["DenyLeaveOrganization"], organization.targets["Root"]
    attack = _attack(
        deployment, screen, "DetachPolicy", lambda by: by.detach_policy(PolicyId=policy_id, TargetId=root_id)
    )
    told = attack.follow_incident(_whole)
    record = told.record if told else {}
    if record.get("outcome") != "restored" or policy_id not in _on(deployment, "Root").values():
        screen.verdict("  NOT RESTORED", good=False)
        return False
    screen.verdict(
        f"  {record['policy']['name']} was detached from the root by role {record['principal']['name']} "
        f"and restored after {record['exposure_seconds']} s.",
        good=True,
    )
    return True


def _show_permitted(deployment: Deployment, screen: Screen) -> bool:
    permitted = f"{EXEMPT_FOR.total_seconds():.0f} seconds"
    screen.act(f"A guardrail is detached under an exemption of {permitted}: it comes back at its end")
    organization = deployment.organization
    policy_id, target_id = organization.policies["ProtectSecurityRoles"], organization.targets["Security"]

    def permit_and_detach(by: OrganizationsClient) -> None:
        until = format_timestamp(deployment.aws.clock.now() + EXEMPT_FOR)
        value = {"until": until, "reason": "the audit role is being replaced", "ticket": "CHG-7"}
        deployment.aws.client("ssm").put_parameter(
            Name=name_of(policy_id, target_id), Type="String", Value=json.dumps(value)
        )
        by.detach_policy(PolicyId=policy_id, TargetId=target_id)

    attack = _attack(deployment, screen, "PutParameter, DetachPolicy", permit_and_detach)
    told = attack.follow_incident(first_screen, MAILS_OF_AN_EXEMPTION)
    record = told.record if told else {}
    if record.get("verdict") != "exemption ended" or policy_id not in _on(deployment, "Security").values():
        screen.verdict("  NOT PUT BACK AT THE END OF THE EXEMPTION", good=False)
        return False
    name, seconds = record["policy"]["name"], record["exposure_seconds"]
    screen.verdict(f"  {name} was off for {seconds} s, as long as that was permitted.", good=True)
    return True


def _show_made_again(deployment: Deployment, screen: Screen) -> bool:
    screen.act("One that cannot be attached again: the policy is deleted as soon as it is detached")
    organization = deployment.organization
    policy_id, unit_id = organization.policies["DenyUnapprovedRegions"], organization.targets["Workloads"]

    def detach_and_delete(by: OrganizationsClient) -> None:
        by.detach_policy(PolicyId=policy_id, TargetId=unit_id)
        by.delete_policy(PolicyId=policy_id)

    attack = _attack(deployment, screen, "DetachPolicy, DeletePolicy", detach_and_delete)
    screen.line("  The fast path cannot attach what is gone, and says so:", "bold")
    failed = attack.follow_incident(first_screen)
    if not failed or (failed.record["failure"] or {}).get("error") != "PolicyGoneError":
        screen.verdict("  THE FAILURE WAS NOT TOLD", good=False)
        return False
    screen.line("  The slow path, which the DeletePolicy started, makes the policy again:", "bold")
    told = attack.follow_reconciliation()
    made = _on(deployment, "Workloads").get("DenyUnapprovedRegions")
    if not told or told.record["restored"]["recreated"] != 1 or made in {None, policy_id}:
        screen.verdict("  THE POLICY WAS NOT MADE AGAIN", good=False)
        return False
    screen.verdict(
        f"  It was made again from its document, as {made}, and attached. Both paths guard the new one now.",
        good=True,
    )
    return True


def _show_brought_back(deployment: Deployment, screen: Screen, before: Picture) -> bool:
    screen.act("All at once: the policy type is disabled, and every attachment of the organization is lost")
    root_id = deployment.organization.targets["Root"]
    left = before

    def disable(by: OrganizationsClient) -> None:
        nonlocal left
        by.disable_policy_type(RootId=root_id, PolicyType=SCP)
        deployment.aws.clock.sleep(SETTLING)
        left = _picture(deployment)

    attack = _attack(deployment, screen, f"DisablePolicyType {SCP}", disable)
    lost = before.attachments - left.attachments
    screen.line(
        f"  {lost} of {before.attachments} attachments, on {len(before.attached)} targets, are gone. "
        "No DetachPolicy event tells of any."
    )
    told = attack.follow_reconciliation()
    after = _picture(deployment)
    if not told or told.record["outcome"] != "reconciled" or lost != before.attachments or after != before:
        screen.verdict("  THE ORGANIZATION IS NOT AS IT WAS BEFORE", good=False)
        return False
    screen.verdict(
        f"  The whole organization is as it was before all attacks: {len(after.types)} policy type, "
        f"{after.attachments} attachments, {len(after.texts)} texts.\n"
        f"  Holdfast restored its {told.record['restored']['attachments']} attachments; "
        f"FullAWSAccess comes with the policy type.",
        good=True,
    )
    return True


_BEFORE_OUTCOMES = {"alert", "exemption changed"}

# ---- The intruder, and what follows ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Attack:
    """What somebody did: where, since when, and which executions and how many mails there were before."""

    deployment: Deployment
    screen: Screen
    since: datetime
    known: frozenset[str]
    mails: int

    def follow_incident(
        self, cut: Callable[[Mail], Mail], expected: int = MAILS_OF_AN_INCIDENT
    ) -> Told | None:
        """Show the fast path and its mails; return what it told last, if all came."""
        arn = self._follow(self.deployment.state_machine_arn)

        def belongs(mail: Mail) -> bool:
            return mail.attributes.get("outcome") in _BEFORE_OUTCOMES or arn in mail.body

        return self._told(arn) if self._show_mails(expected, belongs, cut) else None

    def follow_reconciliation(self) -> Told | None:
        """Show the slow path and its mail; return what it told, if the mail came."""
        arn = self._follow(self.deployment.reconciliation_arn)
        came = self._show_mails(MAILS_OF_A_RECONCILIATION, lambda mail: arn in mail.body, first_screen)
        return self._told(arn) if came else None

    def _follow(self, state_machine_arn: str) -> str:
        """Show an execution live and return its ARN."""
        client = self.deployment.aws.client("stepfunctions")
        execution = newest_execution(client, state_machine_arn, self.known, _PATIENCE)
        with self.screen.story(self.since) as show:
            for step in follow(client, execution):
                show(step)
        return execution

    def _told(self, arn: str) -> Told | None:
        return told_by(self.deployment.aws.client("stepfunctions"), arn)

    def _show_mails(
        self, expected: int, belongs: Callable[[Mail], bool], cut: Callable[[Mail], Mail]
    ) -> bool:
        """Show the mails that belong to an execution; return whether as many came as there should."""
        give_up = time.monotonic() + _PATIENCE
        while len(mails := self._mails(belongs)) < expected and time.monotonic() < give_up:
            time.sleep(_POLL_SECONDS)
        for mail in mails:
            self.screen.mail(cut(mail))
        if len(mails) == expected:
            return True
        self.screen.verdict(f"  {len(mails)} mails came, {expected} were expected", good=False)
        return False

    def _mails(self, belongs: Callable[[Mail], bool]) -> list[Mail]:
        mails = self.deployment.aws.inbox.mails(to=READER)
        return [mail for mail in mails[self.mails :] if belongs(mail)]


def _attack(
    deployment: Deployment, screen: Screen, calls: str, act: Callable[[OrganizationsClient], object]
) -> _Attack:
    intruder = _intruder(deployment.aws)
    deployment.aws.clock.advance(A_BUDGET_OF_MAILS)
    clock, mails = deployment.aws.clock, len(deployment.aws.inbox.mails(to=READER))
    attack = _Attack(deployment, screen, clock.now(), _known_executions(deployment), mails)
    with clock.working():
        act(intruder)
    screen.line(f"  {0:6.1f} s  ○ {calls} by role BreakGlassAdmin, session mallory")
    return attack


def _intruder(aws: EmbeddedAws) -> OrganizationsClient:
    """Return a client of somebody who may do everything: a role's session with a name of its choice."""
    iam = aws.client("iam")
    trust = {"Version": "2012-10-17", "Statement": []}
    if not any(role["RoleName"] == "BreakGlassAdmin" for role in iam.list_roles()["Roles"]):
        iam.create_role(RoleName="BreakGlassAdmin", AssumeRolePolicyDocument=json.dumps(trust))
    role_arn = iam.get_role(RoleName="BreakGlassAdmin")["Role"]["Arn"]
    session = aws.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="mallory")["Credentials"]
    credentials = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    client: OrganizationsClient = aws.client("organizations", credentials=credentials)
    return client


def _known_executions(deployment: Deployment) -> frozenset[str]:
    client = deployment.aws.client("stepfunctions")
    machines = (deployment.state_machine_arn, deployment.reconciliation_arn)
    listed = (client.list_executions(stateMachineArn=arn)["executions"] for arn in machines)
    return frozenset(execution["executionArn"] for executions in listed for execution in executions)


def _whole(mail: Mail) -> Mail:
    return mail


def first_screen(mail: Mail) -> Mail:
    """Return a mail down to the end of what its first screen shows.

    Parameters
    ----------
    mail : Mail
        The whole mail.
    """
    text = mail.body.partition("\n\n--\n")[0].rstrip()
    shown = "\n\n".join(text.split("\n\n")[:2])
    left = len(text.splitlines()) - len(shown.splitlines())
    return replace(mail, body=f"{shown}\n\n[{left} more lines]" if left else shown)


# ---- The organization --------------------------------------------------------------------------------------


def _picture(deployment: Deployment) -> Picture:
    return take_picture(deployment.aws.client("organizations"), deployment.organization.targets)


def _on(deployment: Deployment, path: str) -> dict[str, str]:
    """Return the ids of the policies on a target, by their names."""
    client, target_id = deployment.aws.client("organizations"), deployment.organization.targets[path]
    listed = client.list_policies_for_target(TargetId=target_id, Filter=SCP)["Policies"]
    return {policy["Name"]: policy["Id"] for policy in listed}

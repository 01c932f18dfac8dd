"""The demonstration: a guardrail is detached and comes back; another cannot, and somebody is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from holdfast_cli.embedded import BUILD, DELIVERY_DELAY, READER, Deployment, deploy_holdfast
from holdfast_cli.following import follow, newest_execution, told_by
from holdfast_cli.sample_organization import SEED
from localaws.identities import Credentials
from localaws.server import EmbeddedAws

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

    from holdfast_cli.screen import Screen

MAILS_OF_AN_INCIDENT = 2
"""The alert and the outcome."""

_PATIENCE = 30.0


def run_demo(screen: Screen) -> bool:
    """Show the main job and a failing case on the embedded AWS; return whether both went as they should."""
    screen.act("An embedded AWS with a sample organization; Holdfast is deployed on it from template.yaml")
    with EmbeddedAws(seed=SEED, delivery_delay=DELIVERY_DELAY) as aws:
        deployment = deploy_holdfast(aws, BUILD / "demo")
        organization = deployment.organization
        guardrails = ", ".join(organization.policies)
        screen.line(f"  endpoint      {aws.endpoint_url}")
        screen.line(f"  organization  {organization.organization_id}, {len(organization.targets)} targets")
        screen.line(f"  guardrails    {guardrails}")
        screen.line(f"  mail to       {READER} (subscriptions confirmed)")
        restored = _show_restored(deployment, screen)
        told = _show_failure(deployment, screen)
    screen.line("")
    screen.verdict(
        "Both went as they should." if restored and told else "Something did not go as it should.",
        good=restored and told,
    )
    if restored and told:
        screen.line("Next: `make local` keeps such an AWS running for your own hands.")
    return restored and told


def _show_restored(deployment: Deployment, screen: Screen) -> bool:
    screen.act("A guardrail is detached: DenyLeaveOrganization, from the root")
    organization = deployment.organization
    policy_id, root_id = organization.policies["DenyLeaveOrganization"], organization.targets["Root"]
    record = _attack(deployment, screen, policy_id, root_id)
    attached = deployment.aws.client("organizations").list_policies_for_target(
        TargetId=root_id, Filter="SERVICE_CONTROL_POLICY"
    )
    if record.get("outcome") != "restored" or policy_id not in {p["Id"] for p in attached["Policies"]}:
        screen.verdict("  NOT RESTORED", good=False)
        return False
    screen.verdict(
        f"  {record['policy']['name']} was detached from the root by role {record['principal']['name']} "
        f"and restored after {record['exposure_seconds']} s.",
        good=True,
    )
    return True


def _show_failure(deployment: Deployment, screen: Screen) -> bool:
    screen.act("One that cannot be restored: the policy is deleted as soon as it is detached")
    organization = deployment.organization
    policy_id, unit_id = organization.policies["DenyUnapprovedRegions"], organization.targets["Workloads"]
    record = _attack(deployment, screen, policy_id, unit_id, deleting=True)
    if record.get("outcome") != "failed" or record["failure"]["error"] != "PolicyGoneError":
        screen.verdict("  THE FAILURE WAS NOT TOLD", good=False)
        return False
    screen.verdict("  It could not be restored, and the mail says so and what to do.", good=True)
    return True


def _attack(
    deployment: Deployment, screen: Screen, policy_id: str, target_id: str, *, deleting: bool = False
) -> dict[str, Any]:
    """Detach a policy, delete it if asked to, and return the record of how that ended."""
    intruder, known = _intruder(deployment.aws), _known_executions(deployment)
    since, calls = datetime.now(UTC), "DetachPolicy"
    intruder.detach_policy(PolicyId=policy_id, TargetId=target_id)
    if deleting:
        intruder.delete_policy(PolicyId=policy_id)
        calls += ", DeletePolicy"
    screen.line(f"  {0:6.1f} s  ○ {calls} by role BreakGlassAdmin, session mallory")
    return _follow(deployment, screen, since, known)


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


def _known_executions(deployment: Deployment) -> set[str]:
    client = deployment.aws.client("stepfunctions")
    listed = client.list_executions(stateMachineArn=deployment.state_machine_arn)["executions"]
    return {execution["executionArn"] for execution in listed}


def _follow(deployment: Deployment, screen: Screen, since: datetime, known: set[str]) -> dict[str, Any]:
    """Show an execution live and then its mails; return the record that it told, if both mails came."""
    client = deployment.aws.client("stepfunctions")
    execution = newest_execution(client, deployment.state_machine_arn, known, _PATIENCE)
    for step in follow(client, execution):
        screen.step(step, since)
    deployment.aws.clock.settle(_PATIENCE)
    mails = [mail for mail in deployment.aws.inbox.mails(to=READER) if mail.received_at >= since]
    for mail in mails:
        screen.mail(mail)
    if len(mails) != MAILS_OF_AN_INCIDENT:
        screen.verdict(f"  {len(mails)} mails came, {MAILS_OF_AN_INCIDENT} were expected", good=False)
        return {}
    return told_by(client, execution)

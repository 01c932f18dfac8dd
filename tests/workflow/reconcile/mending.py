"""Beginning with a deployment that has run once, and putting back whatever a test did to it."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from holdfast.baseline import load_baseline
from holdfast.exemption import PATH as EXEMPTIONS
from holdfast.memory import Memory
from holdfast.reconciliation.inspection import BLINDNESS
from holdfast.reconciliation.telling import ITEM
from holdfast.successors import PATH as SUCCESSORS
from holdfast.timestamps import format_timestamp
from holdfast_cli.sample_organization import POLICIES, SamplePolicy
from localaws.policy_limits import PUBLISHED_LIMITS
from tests.deployed import SCP, Holdfast

FAR_APART = {"ReconciliationEnabled": "true", "ReconciliationSchedule": "rate(3650 days)"}
"""The rule is on, and the schedule runs once, when it begins."""

_FLEXIBLE_WINDOW = 120.0
_SETTLED = 10.0


def pass_the_first_run(holdfast: Holdfast) -> None:
    """Let the schedule's only run pass."""
    with holdfast.aws.clock.working():
        holdfast.aws.clock.sleep(_FLEXIBLE_WINDOW + _SETTLED)
    holdfast.aws.clock.settle()


def mend(holdfast: Holdfast) -> None:
    """Restore the organization as it began, write its baseline anew, and let Holdfast forget what it told."""
    holdfast.aws.faults.clear()
    holdfast.aws.organizations.stale_reads(0)
    holdfast.aws.organizations.settling = 2.0
    holdfast.aws.organizations.limits.update(PUBLISHED_LIMITS)
    holdfast.aws.trail.lookup_lag = 0.0
    with holdfast.unseen():
        _enable_type(holdfast)
        _drop_strangers(holdfast)
        for policy in POLICIES:
            _restore(holdfast, policy)
    _forget(holdfast)
    declared = {guardrail.policy_id for guardrail in load_baseline(holdfast.guardrails).guardrails}
    present = {policy["Id"] for policy in holdfast.organizations.list_policies(Filter=SCP)["Policies"]}
    if not declared <= present:
        holdfast.declare()


def _enable_type(holdfast: Holdfast) -> None:
    client = holdfast.organizations
    with suppress(client.exceptions.PolicyTypeAlreadyEnabledException):
        client.enable_policy_type(RootId=holdfast.target("Root"), PolicyType=SCP)
        holdfast.aws.clock.sleep(_SETTLED)


def _drop_strangers(holdfast: Holdfast) -> None:
    client, known = holdfast.organizations, {policy.name for policy in POLICIES}
    for policy in client.list_policies(Filter=SCP)["Policies"]:
        if policy["AwsManaged"] or policy["Name"] in known:
            continue
        for target in client.list_targets_for_policy(PolicyId=policy["Id"])["Targets"]:
            client.detach_policy(PolicyId=policy["Id"], TargetId=target["TargetId"])
        client.delete_policy(PolicyId=policy["Id"])


def _restore(holdfast: Holdfast, policy: SamplePolicy) -> None:
    client = holdfast.organizations
    words = {"Name": policy.name, "Description": policy.description, "Content": policy.content}
    try:
        policy_id = holdfast.policy(policy.name)
    except LookupError:
        policy_id = client.create_policy(**words, Type=SCP)["Policy"]["PolicySummary"]["Id"]
    client.update_policy(PolicyId=policy_id, **words)
    for path in policy.targets:
        with suppress(client.exceptions.DuplicatePolicyAttachmentException):
            client.attach_policy(PolicyId=policy_id, TargetId=holdfast.target(path))


def _forget(holdfast: Holdfast) -> None:
    """Let nothing be remembered, but that every detach so far is accounted for."""
    parameters = holdfast.aws.client("ssm")
    for path in (SUCCESSORS, EXEMPTIONS):
        for parameter in parameters.get_parameters_by_path(Path=path, Recursive=True)["Parameters"]:
            parameters.delete_parameter(Name=parameter["Name"])
    table, database = holdfast.resource("MemoryTable"), holdfast.aws.client("dynamodb")
    for name in (ITEM, BLINDNESS):
        database.delete_item(TableName=table, Key={"name": {"S": name}})
    # What the next test does may carry the time of this very second.
    until = format_timestamp(holdfast.aws.clock.now() - timedelta(seconds=1))
    Memory(database, table).remember(BLINDNESS, {"until": until}, instead_of=None)

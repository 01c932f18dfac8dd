"""Every way in which the sample organization can differ from its baseline, brought about in one call."""

from __future__ import annotations

import json
from collections.abc import Callable

from holdfast_cli.sample_organization import POLICIES
from tests.deployed import DENY_LEAVING, SCP, Holdfast

WEAK = json.dumps({"Version": "2012-10-17", "Statement": [{**DENY_LEAVING, "Resource": "arn:aws:s3:::x"}]})
TARGETS = {policy.name: policy.targets for policy in POLICIES}


def short_ids(holdfast: Holdfast) -> dict[str, str]:
    """Return the guardrails' ids by short words."""
    return {
        "leave": holdfast.policy("DenyLeaveOrganization"),
        "cloudtrail": holdfast.policy("DenyDisablingCloudTrail"),
        "regions": holdfast.policy("DenyUnapprovedRegions"),
        "roles": holdfast.policy("ProtectSecurityRoles"),
    }


def disable_type(holdfast: Holdfast) -> None:
    """Switch the type off, and wait until it is."""
    holdfast.organizations.disable_policy_type(RootId=holdfast.target("Root"), PolicyType=SCP)


def delete(holdfast: Holdfast, name: str = "ProtectSecurityRoles") -> None:
    """Detach a guardrail everywhere, and delete its policy."""
    for path in TARGETS[name]:
        holdfast.take(name, path)
    holdfast.organizations.delete_policy(PolicyId=holdfast.policy(name))


def weaken(holdfast: Holdfast, name: str = "DenyLeaveOrganization") -> None:
    """Put another text in the place of a guardrail's."""
    holdfast.organizations.update_policy(PolicyId=holdfast.policy(name), Content=WEAK)


def detach(holdfast: Holdfast) -> None:
    """Detach one guardrail from one target."""
    holdfast.take("DenyUnapprovedRegions", "Workloads")


def rename(holdfast: Holdfast) -> None:
    """Give a guardrail another name."""
    holdfast.organizations.update_policy(PolicyId=holdfast.policy("DenyDisablingCloudTrail"), Name="Harmless")


def fill_slot(holdfast: Holdfast) -> None:
    """Attach what the baseline does not know."""
    holdfast.stranger("Filler", "Security")


def squat(holdfast: Holdfast) -> None:
    """Delete a guardrail's policy, and give its name to another text."""
    delete(holdfast)
    holdfast.organizations.create_policy(Name="ProtectSecurityRoles", Description="", Type=SCP, Content=WEAK)


DRIFTS: dict[str, Callable[[Holdfast], None]] = {
    "type disabled": disable_type,
    "policy deleted": delete,
    "text changed": weaken,
    "attachment missing": detach,
    "renamed": rename,
    "slot filled": fill_slot,
    "name squatted": squat,
}

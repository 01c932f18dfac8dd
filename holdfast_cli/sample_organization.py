"""A small organization to try Holdfast on: named like real ones, with the guardrails that many begin with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

SEED = 20261122
"""With this seed the embedded AWS gives the sample organization the ids that `events/` names."""

SAMPLE_ID = "o-far1coz49w"
"""The id that it has with this seed; the baseline that is shipped is its own."""

PIPELINE_ROLE = "guardrail-pipeline"


@dataclass(frozen=True, slots=True)
class Unit:
    """An OU with its accounts and the OUs below it."""

    name: str
    accounts: tuple[str, ...] = ()
    units: tuple[Unit, ...] = ()


UNITS = (
    Unit("Security", accounts=("log-archive", "audit")),
    Unit(
        "Workloads",
        units=(
            Unit("Prod", accounts=("shop-prod", "payments-prod", "data-prod")),
            Unit("Dev", accounts=("shop-dev", "payments-dev")),
        ),
    ),
    Unit("Sandbox", accounts=("playground", "training")),
)


@dataclass(frozen=True, slots=True)
class SamplePolicy:
    """A guardrail of the sample organization, and where it is attached by name."""

    name: str
    description: str
    targets: tuple[str, ...]
    statements: tuple[Mapping[str, Any], ...]

    @property
    def content(self) -> str:
        """The policy's text."""
        return json.dumps({"Version": "2012-10-17", "Statement": list(self.statements)})


def _deny(sid: str, actions: list[str], **conditions: Any) -> Mapping[str, Any]:
    return {"Sid": sid, "Effect": "Deny", "Action": actions, "Resource": "*", **conditions}


POLICIES = (
    SamplePolicy(
        "DenyLeaveOrganization",
        "No account leaves on its own.",
        ("Root",),
        (_deny("DenyLeaveOrganization", ["organizations:LeaveOrganization"]),),
    ),
    SamplePolicy(
        "DenyDisablingCloudTrail",
        "Nobody switches the trail off.",
        ("Root", "Workloads/Prod"),
        (
            _deny(
                "DenyDisablingCloudTrail",
                [
                    "cloudtrail:DeleteTrail",
                    "cloudtrail:PutEventSelectors",
                    "cloudtrail:StopLogging",
                    "cloudtrail:UpdateTrail",
                ],
            ),
        ),
    ),
    SamplePolicy(
        "DenyUnapprovedRegions",
        "Workloads stay in the approved regions.",
        ("Workloads",),
        (
            {
                "Sid": "DenyUnapprovedRegions",
                "Effect": "Deny",
                "NotAction": ["iam:*", "organizations:*", "route53:*", "sts:*", "support:*"],
                "Resource": "*",
                "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}},
            },
        ),
    ),
    SamplePolicy(
        "ProtectSecurityRoles",
        "Nobody touches the security team's roles.",
        ("Security", "Workloads/Prod/payments-prod"),
        (
            {
                "Sid": "ProtectSecurityRoles",
                "Effect": "Deny",
                "Action": ["iam:AttachRolePolicy", "iam:DeleteRole", "iam:PutRolePolicy", "iam:UpdateRole"],
                "Resource": "arn:aws:iam::*:role/security/*",
            },
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class SampleOrganization:
    """The ids that the sample organization was given.

    Parameters
    ----------
    organization_id : str
        The organization's id.
    targets : mapping
        The ids of the root, the OUs and the accounts by their paths: `Root`, `Workloads/Prod`,
        `Workloads/Prod/shop-prod`.
    policies : mapping
        The ids of the policies by their names.
    """

    organization_id: str
    targets: Mapping[str, str]
    policies: Mapping[str, str]


def create_sample_organization(client: OrganizationsClient) -> SampleOrganization:
    """Create the sample organization through the ordinary API and return its ids."""
    organization_id = client.create_organization(FeatureSet="ALL")["Organization"]["Id"]
    root_id = client.list_roots()["Roots"][0]["Id"]
    targets = {"Root": root_id}
    for unit in UNITS:
        _create_unit(client, unit, root_id, "", targets)
    policies = {}
    for policy in POLICIES:
        created = client.create_policy(
            Name=policy.name,
            Description=policy.description,
            Type="SERVICE_CONTROL_POLICY",
            Content=policy.content,
        )
        policies[policy.name] = created["Policy"]["PolicySummary"]["Id"]
        for path in policy.targets:
            client.attach_policy(PolicyId=policies[policy.name], TargetId=targets[path])
    return SampleOrganization(organization_id, targets, policies)


def _create_unit(
    client: OrganizationsClient, unit: Unit, parent_id: str, above: str, targets: dict[str, str]
) -> None:
    created = client.create_organizational_unit(ParentId=parent_id, Name=unit.name)
    unit_id, path = created["OrganizationalUnit"]["Id"], above + unit.name
    targets[path] = unit_id
    for account in unit.accounts:
        targets[f"{path}/{account}"] = _create_account(client, account, unit_id)
    for below in unit.units:
        _create_unit(client, below, unit_id, f"{path}/", targets)


def _create_account(client: OrganizationsClient, name: str, unit_id: str) -> str:
    """Create an account and move it to its OU, the only way there is."""
    status = client.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
    account_id = status["AccountId"]
    parent = client.list_parents(ChildId=account_id)["Parents"][0]["Id"]
    client.move_account(AccountId=account_id, SourceParentId=parent, DestinationParentId=unit_id)
    return account_id

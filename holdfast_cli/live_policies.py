"""The policies of the live organization that can be guardrails, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.attachment import CONTROL_TOWER_PREFIX, PolicyType
from holdfast.errors import BaselineError
from holdfast.policy_document import PolicyDocument

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_organizations.type_defs import PolicySummaryTypeDef

Track = Callable[[Sequence[Any]], Iterable[Any]]
"""Passes on what is read one by one, and shows how far it is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which policies become guardrails.

    Parameters
    ----------
    aws_managed : bool
        Whether the AWS-managed ones do.
    control_tower : bool
        Whether those that Control Tower manages do.
    guarded : collection of str
        The ids of the policies that do in any case, whoever manages them.
    """

    aws_managed: bool = False
    control_tower: bool = False
    guarded: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class AttachedPolicy:
    """A policy with all its attachments and its text.

    Parameters
    ----------
    policy_id : str
        The policy's id.
    name : str
        Its name, on one line.
    description : str
        Its description.
    policy_type : PolicyType
        Its type.
    targets : tuple of str
        The ids of the roots, OUs and accounts that it is attached to, sorted.
    content : str
        Its text as it was written.
    document : PolicyDocument
        What the text says.
    """

    policy_id: str
    name: str
    description: str
    policy_type: PolicyType
    targets: tuple[str, ...]
    content: str
    document: PolicyDocument


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A policy that does not become a guardrail, and why."""

    policy_id: str
    name: str
    because: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of an organization.

    Parameters
    ----------
    policies : tuple of AttachedPolicy
        The policies that become guardrails, by type and name.
    left_out : tuple of LeftOut
        The others.
    types : frozenset of str
        The policy types that are enabled in the root.
    """

    policies: tuple[AttachedPolicy, ...]
    left_out: tuple[LeftOut, ...]
    types: frozenset[str]


def read_policies(client: OrganizationsClient, wanted: Wanted, track: Track) -> Reading:
    """Return the policies of every type that is enabled in the root.

    Parameters
    ----------
    client : OrganizationsClient
        A client of the management account or of a delegated administrator.
    wanted : Wanted
        Which policies become guardrails.
    track : callable
        Passes on the policies whose targets and texts are read.

    Raises
    ------
    BaselineError
        If a policy's text is not JSON.
    """
    types = frozenset(_enabled_types(client))
    candidates, left_out = [], []
    for summary in (summary for kind in sorted(types) for summary in _summaries(client, kind)):
        if because := _left_out_because(summary, wanted):
            left_out.append(LeftOut(summary["Id"], _on_one_line(summary["Name"]), because))
        else:
            candidates.append(summary)
    policies = []
    for summary in track(candidates):
        if targets := _targets(client, summary["Id"]):
            policies.append(_attached_policy(client, summary, targets))
        else:
            left_out.append(LeftOut(summary["Id"], _on_one_line(summary["Name"]), "attached nowhere"))
    policies.sort(key=lambda policy: (policy.policy_type, policy.name, policy.policy_id))
    return Reading(tuple(policies), tuple(left_out), types)


def _on_one_line(name: str) -> str:
    """Return a policy's name as the baseline holds it: on one line. A name may be any text."""
    return name.replace("\n", " ")


def _enabled_types(client: OrganizationsClient) -> Iterator[str]:
    # An empty page may come before the one with the root.
    for page in client.get_paginator("list_roots").paginate():
        for root in page["Roots"]:
            yield from (kind["Type"] for kind in root["PolicyTypes"] if kind["Status"] == "ENABLED")


def _summaries(client: OrganizationsClient, policy_type: Any) -> Iterator[PolicySummaryTypeDef]:
    for page in client.get_paginator("list_policies").paginate(Filter=policy_type):
        yield from page["Policies"]


def _left_out_because(summary: PolicySummaryTypeDef, wanted: Wanted) -> str | None:
    if summary["Type"] not in set(PolicyType):
        return f"of a type that this version does not know: {summary['Type']}"
    if summary["Id"] in wanted.guarded:
        return None
    if summary["AwsManaged"] and not wanted.aws_managed:
        return "AWS-managed: reattaching it can widen permissions"
    if summary["Name"].startswith(CONTROL_TOWER_PREFIX) and not wanted.control_tower:
        return "Control Tower manages it"
    return None


def _targets(client: OrganizationsClient, policy_id: str) -> tuple[str, ...]:
    pages = client.get_paginator("list_targets_for_policy").paginate(PolicyId=policy_id)
    return tuple(sorted(target["TargetId"] for page in pages for target in page["Targets"]))


def _attached_policy(
    client: OrganizationsClient, summary: PolicySummaryTypeDef, targets: tuple[str, ...]
) -> AttachedPolicy:
    content = client.describe_policy(PolicyId=summary["Id"])["Policy"]["Content"]
    try:
        document = PolicyDocument.parse(content)
    except ValueError as error:
        raise BaselineError(f"the live text of {summary['Id']} cannot be read: {error}") from error
    return AttachedPolicy(
        policy_id=summary["Id"],
        name=_on_one_line(summary["Name"]),
        description=summary.get("Description", ""),
        policy_type=PolicyType(summary["Type"]),
        targets=targets,
        content=content,
        document=document,
    )

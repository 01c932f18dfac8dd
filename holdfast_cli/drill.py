"""What a drill is: a test guardrail is taken off on purpose, and what has to be true before anybody does.

The test guardrail is a policy that denies nothing, on an OU that is empty. Both carry a tag, and without it
nothing is ever detached: a guardrail that protects somebody is none to drill with.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from holdfast.attachment import Attachment, TargetKind, target_kind
from holdfast.baseline import Baseline, Guardrail
from holdfast.errors import HoldfastError
from holdfast.exemption import names_for, sort_out
from holdfast.exemption_store import parameters_in
from holdfast.timestamps import format_timestamp
from holdfast_cli.session import answered_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

NAME: Final = "HoldfastDrill"
"""What the test policy and the test OU are called."""

KEY, VALUE = "holdfast", "drill"
"""The tag of both."""

SCP: Final = "SERVICE_CONTROL_POLICY"

# Source: IAM user guide, "IAM identifiers": the ARN of a session leaves out the role's path.
_SESSION = re.compile(r"arn:aws[a-z-]*:sts::(?P<account>[0-9]{12}):assumed-role/(?P<role>[^/]+)/.+", re.ASCII)


class DrillError(HoldfastError):
    """There is nothing to drill with, or it is not safe. Raised before anything is detached."""


def find_drill(baseline: Baseline, folder: Path) -> Guardrail:
    """Return the test guardrail of a baseline: the one of the name, on one OU.

    Parameters
    ----------
    baseline : Baseline
        The baseline.
    folder : Path
        Where it lies, for the error's words.

    Raises
    ------
    DrillError
        If there is none, or it is not on exactly one OU.
    """
    found = [guardrail for guardrail in baseline.guardrails if guardrail.name == NAME]
    if len(found) != 1:
        number = "several guardrails" if found else "no guardrail"
        raise DrillError(
            f"the baseline in {folder} holds {number} named {NAME}. Next: holdfast drill --create makes one; "
            "`holdfast drill --local` needs none"
        )
    (guardrail,) = found
    targets = sorted(guardrail.targets or ())
    if [target_kind(target) for target in targets] != [TargetKind.ORGANIZATIONAL_UNIT]:
        on = ", ".join(targets) or "any target"
        raise DrillError(f"{NAME} is declared on {on}, expected one OU: nothing else is safe to drill with")
    return guardrail


def attachment_of(drill: Guardrail) -> Attachment:
    """Return the one attachment of a test guardrail."""
    (target_id,) = drill.targets or frozenset[str]()
    return Attachment(drill.policy_id, target_id)


def check_safe(client: OrganizationsClient, drill: Guardrail) -> None:
    """Make sure that a detach would expose nobody.

    Parameters
    ----------
    client : OrganizationsClient
        A client of the management account or of a delegated administrator.
    drill : Guardrail
        The test guardrail.

    Raises
    ------
    DrillError
        If policy or OU lacks the tag, the OU is not empty, or the policy is not attached to it.
    """
    attachment = attachment_of(drill)
    check_tag(client, attachment.policy_id, "policy")
    check_tag(client, attachment.target_id, "OU")
    check_empty(client, attachment.target_id)
    if not is_attached(client, attachment):
        raise DrillError(
            f"{attachment.policy_id} is not attached to {attachment.target_id}, so nothing can be detached. "
            "Next: holdfast reconcile restores it where the deployed baseline holds it; "
            "else holdfast drill --create"
        )


def check_tag(client: OrganizationsClient, resource_id: str, what: str) -> None:
    """Make sure that a policy or an OU carries the tag.

    Raises
    ------
    DrillError
        If it does not.
    """
    pages = client.get_paginator("list_tags_for_resource").paginate(ResourceId=resource_id)
    tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
    if tags.get(KEY) != VALUE:
        raise DrillError(
            f"the {what} {resource_id} lacks the tag {KEY}={VALUE}: what does not carry it is never touched. "
            "Next: if it protects nobody, aws organizations tag-resource "
            f"--resource-id {resource_id} --tags Key={KEY},Value={VALUE}"
        )


def check_empty(client: OrganizationsClient, unit_id: str) -> None:
    """Make sure that nothing is in an OU.

    Raises
    ------
    DrillError
        If there is an account or another OU in it.
    """
    if within := sorted(_children(client, unit_id)):
        raise DrillError(
            f"the OU {unit_id} is not empty: {', '.join(within)}. A drill exposes nobody. "
            "Next: move out what is in it"
        )


def _children(client: OrganizationsClient, unit_id: str) -> Iterator[str]:
    paginator = client.get_paginator("list_children")
    for page in paginator.paginate(ParentId=unit_id, ChildType="ACCOUNT"):
        yield from (child["Id"] for child in page["Children"])
    for page in paginator.paginate(ParentId=unit_id, ChildType="ORGANIZATIONAL_UNIT"):
        yield from (child["Id"] for child in page["Children"])


def is_attached(client: OrganizationsClient, attachment: Attachment) -> bool:
    """Return whether a read shows the attachment; reads may be late."""
    pages = client.get_paginator("list_policies_for_target").paginate(
        TargetId=attachment.target_id, Filter=SCP
    )
    return any(policy["Id"] == attachment.policy_id for page in pages for policy in page["Policies"])


def check_not_exempt(client: SSMClient, drill: Guardrail) -> None:
    """Make sure that the test attachment may not be off: else nobody would put it back.

    Raises
    ------
    DrillError
        If an exemption is in force.
    """
    attachment = attachment_of(drill)
    answer: Any = client.get_parameters(Names=list(names_for(attachment, drill.declared_id)))
    exemptions = sort_out(parameters_in(answer["Parameters"]))
    if one := exemptions.of(attachment, answered_at(answer), declared_id=drill.declared_id):
        raise DrillError(
            f"{attachment.pair} is exempt by {one.name} until {format_timestamp(one.until)}, so it would not "
            f"be restored. Next: holdfast exempt revoke {attachment.policy_id} {attachment.target_id}"
        )


def check_not_sanctioned(client: STSClient, baseline: Baseline) -> None:
    """Make sure that the caller's detach is judged as anybody's.

    Raises
    ------
    DrillError
        If the caller is in a role that the baseline sanctions, or lists as a rival.
    """
    caller = _SESSION.fullmatch(client.get_caller_identity()["Arn"])
    for listed, word in ((baseline.sanctioned, "sanctioned"), (baseline.rivals, "a rival")):
        for principal in listed:
            if caller and _is_role(principal.role, caller["account"], caller["role"]):
                raise DrillError(
                    f"these credentials are those of {principal.role}, which the baseline lists as {word}: "
                    "its detach is not judged as anybody's. Next: drill with other credentials (--profile)"
                )


def _is_role(arn: str, account: str, name: str) -> bool:
    return arn.split(":")[4] == account and arn.rpartition("/")[2] == name

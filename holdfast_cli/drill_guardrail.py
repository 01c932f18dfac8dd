"""The test guardrail itself: made, declared, attached again, and taken away; nothing without its tag."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from botocore.exceptions import ClientError

from holdfast.attachment import Attachment, PolicyType
from holdfast.baseline import FILE_NAME, Baseline, load_baseline
from holdfast_cli.baseline_file import Entry, documents_in, edited_text
from holdfast_cli.drill import KEY, NAME, SCP, VALUE, DrillError, check_empty, check_tag
from holdfast_cli.organization_tree import find_target

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_organizations.type_defs import TagTypeDef

T = TypeVar("T")

DOCUMENT = f"policies/{NAME}.json"
DESCRIPTION = "Denies nothing. holdfast drill detaches it on purpose, to see it come back."
POLICY: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": NAME,
            "Effect": "Deny",
            "Action": "organizations:LeaveOrganization",
            "Resource": "*",
            # No account has this id, so that nobody is denied anything, wherever it is attached.
            "Condition": {"StringEquals": {"aws:PrincipalAccount": "000000000000"}},
        }
    ],
}

ATTEMPTS, PAUSE = 10, 0.5
"""How often a change is tried while others are at work, and the seconds between the first two attempts."""

# Source: botocore's Organizations model; a policy that was just detached is still in use for a moment.
_PASSING = {
    "ConcurrentModificationException",
    "PolicyChangesInProgressException",
    "PolicyInUseException",
    "ServiceException",
    "TooManyRequestsException",
}
_TAGS: list[TagTypeDef] = [{"Key": KEY, "Value": VALUE}]


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of a test guardrail in an organization.

    Parameters
    ----------
    policy_id : str or None
        The policy's id.
    unit_id : str or None
        The OU's id.
    targets : tuple of str
        What the policy is attached to.
    """

    policy_id: str | None
    unit_id: str | None
    targets: tuple[str, ...] = ()


def find_guardrail(client: OrganizationsClient) -> Found:
    """Return what there is of the test guardrail, by its name and tag.

    Raises
    ------
    DrillError
        If something of its name lacks the tag.
    """
    policies = client.get_paginator("list_policies").paginate(Filter=SCP)
    named = [policy["Id"] for page in policies for policy in page["Policies"] if policy["Name"] == NAME]
    policy_id, unit_id = next(iter(named), None), _unit(client)
    if policy_id:
        check_tag(client, policy_id, "policy")
    if unit_id:
        check_tag(client, unit_id, "OU")
    return Found(policy_id, unit_id, _targets(client, policy_id) if policy_id else ())


def check_organization(client: OrganizationsClient, baseline: Baseline, folder: Path) -> None:
    """Make sure that a baseline is that of the organization whose credentials these are.

    Raises
    ------
    DrillError
        If it is another's.
    """
    organization = client.describe_organization()["Organization"]["Id"]
    if organization != baseline.organization:
        raise DrillError(
            f"the baseline in {folder} is that of {baseline.organization}, and these credentials are of "
            f"{organization}. Next: holdfast snapshot, or other credentials (--profile)"
        )


def create_guardrail(client: OrganizationsClient, found: Found) -> Attachment:
    """Make what is missing of the test guardrail, and attach it; what is there stays."""
    policy_id = found.policy_id or _create_policy(client)
    unit_id = found.unit_id or _create_unit(client)
    attachment = Attachment(policy_id, unit_id)
    attach(client, attachment)
    return attachment


def declare_guardrail(folder: Path, attachment: Attachment) -> tuple[Path, ...]:
    """Write the test guardrail into a baseline, behind the others, and return the files.

    Raises
    ------
    BaselineError
        If the baseline cannot be edited in place.
    """
    path = folder / FILE_NAME
    text = path.read_bytes().decode()
    documents = documents_in(text)
    kept = {
        guardrail.policy_id: Entry(
            policy_id=guardrail.policy_id,
            name=guardrail.name,
            policy_type=guardrail.policy_type,
            targets=None if guardrail.targets is None else tuple(sorted(guardrail.targets)),
            document=documents[guardrail.policy_id],
            description=guardrail.description,
        )
        for guardrail in load_baseline(folder).guardrails
    }
    entry = Entry(
        policy_id=attachment.policy_id,
        name=NAME,
        policy_type=PolicyType.SERVICE_CONTROL_POLICY,
        targets=(attachment.target_id,),
        document=DOCUMENT,
        description=DESCRIPTION,
    )
    edited = edited_text(text, kept, [entry])
    (folder / DOCUMENT).parent.mkdir(parents=True, exist_ok=True)
    (folder / DOCUMENT).write_text(json.dumps(POLICY, indent=2) + "\n", encoding="utf-8")
    path.write_bytes(edited.encode())
    load_baseline(folder)
    return folder / DOCUMENT, path


def attach(client: OrganizationsClient, attachment: Attachment) -> bool:
    """Attach, and return whether that was needed: only Organizations' own answer proves that it was not."""
    try:
        _insist(lambda: client.attach_policy(PolicyId=attachment.policy_id, TargetId=attachment.target_id))
    except client.exceptions.DuplicatePolicyAttachmentException:
        return False
    return True


def check_removable(client: OrganizationsClient, found: Found, baseline: Baseline, folder: Path) -> None:
    """Make sure that nobody misses the test guardrail.

    Raises
    ------
    DrillError
        If the baseline still holds it, its policy is attached elsewhere too, or its OU is not empty.
    """
    if any(
        guardrail.name == NAME or guardrail.policy_id == found.policy_id for guardrail in baseline.guardrails
    ):
        raise DrillError(
            f"the baseline in {folder} holds {NAME}, so Holdfast would put it back. Next: take its "
            f"[[guardrail]] and {DOCUMENT} out, deploy, and try again"
        )
    if elsewhere := [target for target in found.targets if target != found.unit_id]:
        raise DrillError(
            f"{found.policy_id} is attached to {', '.join(elsewhere)} too. Next: detach it there yourself"
        )
    if found.unit_id:
        check_empty(client, found.unit_id)


def remove_guardrail(client: OrganizationsClient, found: Found) -> None:
    """Take away what `check_removable` has found to be nobody's."""
    if found.policy_id:
        policy_id = found.policy_id
        for target in found.targets:
            _insist(lambda target=target: client.detach_policy(PolicyId=policy_id, TargetId=target))  # type: ignore[misc]
        _insist(lambda: client.delete_policy(PolicyId=policy_id))
    if found.unit_id:
        unit_id = found.unit_id
        _insist(lambda: client.delete_organizational_unit(OrganizationalUnitId=unit_id))


def _insist(change: Callable[[], T]) -> T:
    """Return what a change answers, trying again while others are at work."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return change()
        except ClientError as error:
            if error.response["Error"].get("Code") not in _PASSING:
                raise
            time.sleep(min(PAUSE * 2**attempt, 5))
    return change()


def _create_policy(client: OrganizationsClient) -> str:
    created = _insist(
        lambda: client.create_policy(
            Name=NAME, Description=DESCRIPTION, Type=SCP, Content=json.dumps(POLICY), Tags=_TAGS
        )
    )
    return created["Policy"]["PolicySummary"]["Id"]


def _create_unit(client: OrganizationsClient) -> str:
    root_id = find_target(client, "Root")
    created = _insist(lambda: client.create_organizational_unit(ParentId=root_id, Name=NAME, Tags=_TAGS))
    return created["OrganizationalUnit"]["Id"]


def _unit(client: OrganizationsClient) -> str | None:
    pages = client.get_paginator("list_organizational_units_for_parent").paginate(
        ParentId=find_target(client, "Root")
    )
    units = (unit for page in pages for unit in page["OrganizationalUnits"])
    return next((unit["Id"] for unit in units if unit["Name"] == NAME), None)


def _targets(client: OrganizationsClient, policy_id: str) -> tuple[str, ...]:
    pages = client.get_paginator("list_targets_for_policy").paginate(PolicyId=policy_id)
    return tuple(target["TargetId"] for page in pages for target in page["Targets"])

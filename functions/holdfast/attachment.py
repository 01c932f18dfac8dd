"""What Holdfast keeps in place: a policy on a target."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

# Source of the patterns: botocore's Organizations model (PolicyId, RootId, OrganizationalUnitId,
# AccountId, OrganizationId). They are matched whole: PolicyTargetId's own anchors bind to its first and last
# alternative only.
POLICY_ID = re.compile(r"p-[0-9a-zA-Z_]{8,128}")
ROOT_ID = re.compile(r"r-[0-9a-z]{4,32}")
ORGANIZATIONAL_UNIT_ID = re.compile(r"ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}")
ACCOUNT_ID = re.compile(r"[0-9]{12}")
ORGANIZATION_ID = re.compile(r"o-[a-z0-9]{10,32}")


class PolicyType(StrEnum):
    """The policy types of the Organizations API. Source: botocore's PolicyType enum, version 1.44.5."""

    SERVICE_CONTROL_POLICY = "SERVICE_CONTROL_POLICY"
    RESOURCE_CONTROL_POLICY = "RESOURCE_CONTROL_POLICY"
    TAG_POLICY = "TAG_POLICY"
    BACKUP_POLICY = "BACKUP_POLICY"
    AISERVICES_OPT_OUT_POLICY = "AISERVICES_OPT_OUT_POLICY"
    CHATBOT_POLICY = "CHATBOT_POLICY"
    DECLARATIVE_POLICY_EC2 = "DECLARATIVE_POLICY_EC2"
    SECURITYHUB_POLICY = "SECURITYHUB_POLICY"
    INSPECTOR_POLICY = "INSPECTOR_POLICY"
    UPGRADE_ROLLOUT_POLICY = "UPGRADE_ROLLOUT_POLICY"
    BEDROCK_POLICY = "BEDROCK_POLICY"
    S3_POLICY = "S3_POLICY"
    NETWORK_SECURITY_DIRECTOR_POLICY = "NETWORK_SECURITY_DIRECTOR_POLICY"
    GUARDDUTY_POLICY = "GUARDDUTY_POLICY"
    SECURITYHUB_CSPM_POLICY = "SECURITYHUB_CSPM_POLICY"


class TargetKind(StrEnum):
    """What a policy can be attached to; the words are those that people read."""

    ROOT = "root"
    ORGANIZATIONAL_UNIT = "OU"
    ACCOUNT = "account"


_KIND_OF_ID = (
    (ROOT_ID, TargetKind.ROOT),
    (ORGANIZATIONAL_UNIT_ID, TargetKind.ORGANIZATIONAL_UNIT),
    (ACCOUNT_ID, TargetKind.ACCOUNT),
)


def target_kind(target_id: str) -> TargetKind:
    """Return what kind of target an id names.

    Raises
    ------
    ValueError
        If it is no id of a root, an OU or an account.
    """
    for pattern, kind in _KIND_OF_ID:
        if pattern.fullmatch(target_id):
            return kind
    message = f"{target_id!r} is not the id of a root (r-…), an OU (ou-…-…) or an account (12 digits)"
    raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Attachment:
    """One policy on one target.

    Parameters
    ----------
    policy_id : str
        `p-…`, as the Organizations API writes it.
    target_id : str
        The id of a root, an OU or an account.

    Raises
    ------
    ValueError
        If an id is not what the API could have written.
    """

    policy_id: str
    target_id: str

    def __post_init__(self) -> None:
        if not POLICY_ID.fullmatch(self.policy_id):
            message = f"{self.policy_id!r} is not the id of a policy (p-…)"
            raise ValueError(message)
        target_kind(self.target_id)

    @property
    def kind(self) -> TargetKind:
        """The kind of the target."""
        return target_kind(self.target_id)

    @property
    def pair(self) -> str:
        """Both ids as one word: `p-…/target`."""
        return f"{self.policy_id}/{self.target_id}"


CONTROL_TOWER_PREFIX = "aws-guardrails-"
"""How Control Tower names the policies that it manages itself. Source: Control Tower user guide, "Drift"."""


@dataclass(frozen=True, slots=True)
class PolicySummary:
    """A policy as lists show it."""

    policy_id: str
    name: str
    aws_managed: bool


@dataclass(frozen=True, slots=True)
class LivePolicy:
    """A policy with its text, as the organization has it."""

    policy_id: str
    name: str
    description: str
    policy_type: PolicyType
    content: str

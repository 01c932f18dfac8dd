"""What AWS Organizations allows of each policy type: how many, where, and how long.

Source: "Quotas and service limits for AWS Organizations" in the AWS Organizations user guide, as of
May 2026, and the policy types of botocore's Organizations model.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class PolicyLimits:
    """The limits of one policy type.

    Parameters
    ----------
    attached : int
        The most policies of the type that one root, OU or account can have attached directly.
    characters : int
        The longest document.
    in_organization : int
        The most policies of the type in an organization.
    at_least : int
        The fewest policies of the type that an entity must keep attached.
    default_policy : str or None
        The AWS-managed policy that every entity gets when the type is enabled.
    """

    attached: int
    characters: int
    in_organization: int
    at_least: int = 0
    default_policy: str | None = None


_MANAGEMENT = PolicyLimits(attached=10, characters=10_000, in_organization=1_000)

PUBLISHED_LIMITS: Mapping[str, PolicyLimits] = MappingProxyType(
    {
        "SERVICE_CONTROL_POLICY": PolicyLimits(
            attached=10,
            characters=10_240,
            in_organization=10_000,
            at_least=1,
            default_policy="p-FullAWSAccess",
        ),
        "RESOURCE_CONTROL_POLICY": PolicyLimits(
            attached=5,
            characters=5_120,
            in_organization=2_000,
            at_least=1,
            default_policy="p-RCPFullAWSAccess",
        ),
        "AISERVICES_OPT_OUT_POLICY": PolicyLimits(attached=5, characters=2_500, in_organization=1_000),
        "CHATBOT_POLICY": PolicyLimits(attached=5, characters=10_000, in_organization=1_000),
        "BACKUP_POLICY": _MANAGEMENT,
        "DECLARATIVE_POLICY_EC2": _MANAGEMENT,
        "SECURITYHUB_POLICY": _MANAGEMENT,
        "TAG_POLICY": _MANAGEMENT,
        # The quotas page does not list the youngest types yet: they get the numbers of the others.
        "BEDROCK_POLICY": _MANAGEMENT,
        "GUARDDUTY_POLICY": _MANAGEMENT,
        "INSPECTOR_POLICY": _MANAGEMENT,
        "NETWORK_SECURITY_DIRECTOR_POLICY": _MANAGEMENT,
        "S3_POLICY": _MANAGEMENT,
        "UPGRADE_ROLLOUT_POLICY": _MANAGEMENT,
    }
)
"""The published limits, by policy type: all types that the API knows."""

OU_DEPTH = 5
"""How many levels of OUs a root can have below it."""

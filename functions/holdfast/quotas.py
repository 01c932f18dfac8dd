"""What AWS publishes about each policy type: how many fit on a target, and how long a document may be.

They are for words and for warnings before a deployment. AWS has raised them before, so that nothing is
refused or skipped at run time because of them: the API's own answer decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from holdfast.attachment import PolicyType


@dataclass(frozen=True, slots=True)
class PolicyQuota:
    """The published quotas of one policy type.

    Parameters
    ----------
    attached : int
        The most policies of the type that one root, OU or account can have attached directly; inherited
        ones do not count.
    characters : int
        The longest document, in characters. An SDK's or the CLI's text is saved and counted exactly as
        written; the console strips white space first.
    default_policy : str or None
        The AWS-managed policy that every root, OU and account gets when the type is enabled: it holds a slot.
    """

    attached: int
    characters: int
    default_policy: str | None = None


_MANAGEMENT = PolicyQuota(attached=10, characters=10_000)

# Source: Organizations user guide, "Quotas and service limits for AWS Organizations", as of May 2026 (service
# control policies had 5 and 5,120 before), and for the lengths of Inspector, Bedrock and upgrade rollout
# policies CloudFormation's AWS::Organizations::Policy.
QUOTAS: Mapping[PolicyType, PolicyQuota] = MappingProxyType(
    {
        PolicyType.SERVICE_CONTROL_POLICY: PolicyQuota(
            attached=10, characters=10_240, default_policy="p-FullAWSAccess"
        ),
        PolicyType.RESOURCE_CONTROL_POLICY: PolicyQuota(
            attached=5, characters=5_120, default_policy="p-RCPFullAWSAccess"
        ),
        PolicyType.AISERVICES_OPT_OUT_POLICY: PolicyQuota(attached=5, characters=2_500),
        PolicyType.CHATBOT_POLICY: PolicyQuota(attached=5, characters=10_000),
        PolicyType.TAG_POLICY: _MANAGEMENT,
        PolicyType.BACKUP_POLICY: _MANAGEMENT,
        PolicyType.DECLARATIVE_POLICY_EC2: _MANAGEMENT,
        PolicyType.SECURITYHUB_POLICY: _MANAGEMENT,
        PolicyType.INSPECTOR_POLICY: _MANAGEMENT,
        PolicyType.BEDROCK_POLICY: _MANAGEMENT,
        PolicyType.UPGRADE_ROLLOUT_POLICY: _MANAGEMENT,
        # Nothing is published for the youngest types yet: they get the numbers of the others.
        PolicyType.S3_POLICY: _MANAGEMENT,
        PolicyType.NETWORK_SECURITY_DIRECTOR_POLICY: _MANAGEMENT,
        PolicyType.GUARDDUTY_POLICY: _MANAGEMENT,
        PolicyType.SECURITYHUB_CSPM_POLICY: _MANAGEMENT,
    }
)
"""The published quotas, by policy type: all types that Holdfast knows."""

from __future__ import annotations

from holdfast.attachment import PolicyType
from holdfast.quotas import QUOTAS, PolicyQuota
from localaws.policy_limits import PUBLISHED_LIMITS


def test_every_policy_type_has_its_quotas() -> None:
    assert set(QUOTAS) == set(PolicyType)


def test_the_quotas_are_those_that_the_embedded_aws_enforces() -> None:
    enforced = {
        kind: PolicyQuota(limits.attached, limits.characters, limits.default_policy)
        for kind, limits in PUBLISHED_LIMITS.items()
    }
    assert {kind: QUOTAS[PolicyType(kind)] for kind in enforced} == enforced


def test_ten_service_control_policies_fit_on_a_target_since_may_2026() -> None:
    assert QUOTAS[PolicyType.SERVICE_CONTROL_POLICY] == PolicyQuota(10, 10_240, "p-FullAWSAccess")

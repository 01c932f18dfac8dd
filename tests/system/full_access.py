"""The AWS-managed policy that is attached everywhere, as a guardrail."""

from __future__ import annotations

from tests.deployed import Holdfast


def declare_full_access(holdfast: Holdfast) -> None:
    """Write the AWS-managed policy into the baseline by hand, for it takes a decision."""
    live = holdfast.organizations.describe_policy(PolicyId="p-FullAWSAccess")["Policy"]
    (holdfast.guardrails / "policies" / "FullAWSAccess.json").write_text(live["Content"], encoding="utf-8")
    with (holdfast.guardrails / "baseline.toml").open("a", encoding="utf-8") as baseline:
        baseline.write(
            '[[guardrail]]\npolicy = "p-FullAWSAccess"\nname = "FullAWSAccess"\n'
            'type = "SERVICE_CONTROL_POLICY"\ntargets = "any"\n'
            'document = "policies/FullAWSAccess.json"\n'
        )

"""Deployments whose parameters cannot be changed afterwards on the embedded AWS, each for itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.failures import EXPLANATIONS
from localaws.clock import SkippingClock
from localaws.server import EmbeddedAws
from localaws.stack import StackError
from tests.deployed import deployed
from tests.system.full_access import declare_full_access

pytestmark = pytest.mark.long

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


def test_an_aws_managed_policy_is_restored_where_that_is_allowed(tmp_path: Path) -> None:
    with deployed(tmp_path / "holdfast", AllowAwsManagedPolicies="true") as holdfast:
        declare_full_access(holdfast)

        run = holdfast.detach("FullAWSAccess", "Security")

        assert (run.outcome, run.errors) == ("restored", [])
        assert "FullAWSAccess" in holdfast.attached("Security")


def test_a_baseline_of_another_organization_than_deployed_for_is_refused_and_told(tmp_path: Path) -> None:
    with deployed(tmp_path / "holdfast", OrganizationId="o-anotherorg1") as holdfast:
        run = holdfast.detach("DenyLeaveOrganization", "Root")

        assert (run.outcome, run.says("Error")) == ("failed", "“BaselineError”")
        assert run.says("What failed") == EXPLANATIONS["BaselineError"].meaning
        assert "DenyLeaveOrganization" not in holdfast.attached("Root")


@pytest.mark.parametrize("region", ["eu-central-1", "us-west-2", "us-gov-east-1", "cn-north-1"])
def test_a_region_in_which_organizations_events_do_not_arrive_is_refused(region: str) -> None:
    """Source: Organizations user guide, "Logging AWS Organizations API calls with AWS CloudTrail"."""
    with (
        EmbeddedAws(region=region, clock=SkippingClock()) as aws,
        pytest.raises(StackError, match="Organizations events arrive only in us-east-1"),
    ):
        aws.deploy(TEMPLATE, {"OrganizationId": "o-exampleorgid"})

"""Holdfast on the embedded AWS: the sample organization, its baseline, and the shipped template, deployed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from holdfast_cli.sample_organization import SampleOrganization, create_sample_organization
from holdfast_cli.staging import PROJECT, stage
from localaws.server import EmbeddedAws
from localaws.stack import Stack

READER = "security@example.com"
WATCHER = "oncall@example.com"
BUILD = PROJECT / "build"
DELIVERY_DELAY = 1.0
"""Seconds from a call to its event; the real CloudTrail takes longer, and promises nothing."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Holdfast, deployed for the sample organization.

    Parameters
    ----------
    aws : EmbeddedAws
        The embedded AWS that it runs on.
    organization : SampleOrganization
        The organization's ids.
    template : Path
        The copy of the template, beside which the organization's baseline lies.
    stack : Stack
        The deployed stack.
    """

    aws: EmbeddedAws
    organization: SampleOrganization
    template: Path
    stack: Stack

    @property
    def state_machine_arn(self) -> str:
        """The ARN of the remediation's state machine."""
        return self.stack.outputs["StateMachineArn"]

    @property
    def reconciliation_arn(self) -> str:
        """The ARN of the reconciliation's state machine."""
        return self.stack.outputs["ReconcileStateMachineArn"]


def deploy_holdfast(aws: EmbeddedAws, folder: Path, **parameters: str) -> Deployment:
    """Create the sample organization, write its baseline, deploy the template, confirm the subscriptions.

    Parameters
    ----------
    aws : EmbeddedAws
        Where; with the seed of the sample organization the ids are those of `events/`.
    folder : Path
        Where the copy with the baseline goes.
    **parameters
        The template's parameters that differ from a usual deployment's.
    """
    organizations = aws.client("organizations")
    organization = create_sample_organization(organizations)
    _log_management_events(aws)
    template = stage(organizations, folder)
    usual = {
        "OrganizationId": organization.organization_id,
        "Mode": "remediate",
        "NotificationEmail": READER,
        "AlarmEmail": WATCHER,
    }
    stack = aws.deploy(template, {**usual, **parameters}, "holdfast")
    for address in (READER, WATCHER):
        aws.inbox.confirm(address)
    return Deployment(aws, organization, template, stack)


def _log_management_events(aws: EmbeddedAws) -> None:
    """Create the organization's trail: without one EventBridge gets no events of calls."""
    aws.client("s3").create_bucket(Bucket="organization-trail")
    trails = aws.client("cloudtrail")
    trails.create_trail(
        Name="organization",
        S3BucketName="organization-trail",
        IsMultiRegionTrail=True,
        IsOrganizationTrail=True,
    )
    trails.start_logging(Name="organization")

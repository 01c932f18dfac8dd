"""One example of each value, whole; a test changes with `dataclasses.replace` what it is about."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from holdfast.attachment import Attachment, LivePolicy, PolicySummary, PolicyType
from holdfast.baseline import Baseline, parse_baseline
from holdfast.detachment import Detachment
from holdfast.exemption import BrokenExemption, Exemption
from holdfast.fight import Fight, Round, round_of
from holdfast.incident import AttachResult, Failure, Incident, Leave, Observation, Protection, Reattachment
from holdfast.outcome import Conclusion, Outcome, TextCheck
from holdfast.principal import Principal
from holdfast.report import Holder, Report
from holdfast.surroundings import Surroundings
from holdfast.verdict import Action, Reason, Verdict

ORGANIZATION = "o-far1coz49w"
MANAGEMENT_ACCOUNT = "111122223333"
ROOT = "r-exme"
WORKLOADS = "ou-exme-ycaqk99w"
SANDBOX = "ou-exme-ofz030k9"
PAYMENTS_PROD = "338583429068"

DENY_REGIONS = "p-7dj3cien"
ALLOW_ONLY_EU = "p-allowlist01"

DETACHED = datetime(2026, 11, 22, 9, 0, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 9, 0, 30, tzinfo=UTC)
CONFIRMED = datetime(2026, 11, 22, 9, 0, 42, tzinfo=UTC)
TOLD = datetime(2026, 11, 22, 9, 0, 44, tzinfo=UTC)
NAMES_KEPT = timedelta(days=365)

EVENT_ID = "6f1d3c9a-2b54-4b0e-9f0b-5a8f6c2d7e10"
EXECUTION = (
    "arn:aws:states:us-east-1:111122223333:execution:holdfast-remediate:b2c3d4e5-0f1a-4b2c-8d3e-4f5a6b7c8d9e"
)
SANCTIONED_ROLE = "arn:aws:iam::111122223333:role/guardrail-pipeline"
SANCTIONED_ROLE_ID = "AROAEXAMPLEPIPELINE01"

BASELINE_TOML = """
organization = "o-far1coz49w"

[[sanctioned_principal]]
role = "arn:aws:iam::111122223333:role/guardrail-pipeline"
id = "AROAEXAMPLEPIPELINE01"

[[guardrail]]
policy = "p-lp0dxjlp"
name = "DenyLeaveOrganization"
type = "SERVICE_CONTROL_POLICY"
targets = ["r-exme"]
document = "policies/DenyAll.json"

[[guardrail]]
policy = "p-7xfb7xkf"
name = "DenyDisablingCloudTrail"
type = "SERVICE_CONTROL_POLICY"
targets = ["r-exme", "ou-exme-8tio7fay"]
document = "policies/DenyAll.json"

[[guardrail]]
policy = "p-7dj3cien"
name = "DenyUnapprovedRegions"
type = "SERVICE_CONTROL_POLICY"
targets = ["ou-exme-ycaqk99w"]
document = "policies/DenyAll.json"

[[guardrail]]
policy = "p-cg404d5t"
name = "ProtectSecurityRoles"
type = "SERVICE_CONTROL_POLICY"
targets = ["ou-exme-cbm7ma1f", "338583429068"]
document = "policies/DenyAll.json"

[[guardrail]]
policy = "p-rcptls00001"
name = "RequireTls"
type = "RESOURCE_CONTROL_POLICY"
targets = ["r-exme"]
document = "policies/DenyAll.json"

[[guardrail]]
policy = "p-tagcost0001"
name = "CostCentre"
type = "TAG_POLICY"
targets = ["r-exme"]
document = "policies/CostCentre.json"

[[guardrail]]
policy = "p-allowlist01"
name = "AllowOnlyEu"
type = "SERVICE_CONTROL_POLICY"
targets = ["ou-exme-ofz030k9"]
document = "policies/AllowOnlyEu.json"
"""

DENY_ALL = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
)
ALLOW_ONLY_EU_TEXT = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}},
            }
        ],
    }
)
DOCUMENTS = {
    "policies/DenyAll.json": DENY_ALL.encode(),
    "policies/CostCentre.json": b'{"tags": {"CostCentre": {"tag_key": {"@@assign": "CostCentre"}}}}',
    "policies/AllowOnlyEu.json": ALLOW_ONLY_EU_TEXT.encode(),
}


def example_baseline() -> Baseline:
    """Return the baseline that `BASELINE_TOML` declares."""
    return parse_baseline(BASELINE_TOML.encode(), DOCUMENTS.__getitem__)


REGIONS_ON_WORKLOADS = Attachment(DENY_REGIONS, WORKLOADS)

DEVELOPER = Principal(
    kind="AssumedRole",
    arn="arn:aws:iam::111122223333:role/developer",
    unique_id="AROAEXAMPLEDEVELOPER1",
    name="developer",
    account_id=MANAGEMENT_ACCOUNT,
    session_name="mallory",
    source_identity="mallory@example.com",
    mfa=False,
    access_key_id="ASIAIOSFODNN7EXAMPLE",
)

DETACHMENT = Detachment(
    attachment=REGIONS_ON_WORKLOADS,
    event_id=EVENT_ID,
    event_time=DETACHED,
    account_id=MANAGEMENT_ACCOUNT,
    principal=DEVELOPER,
    source_ip="203.0.113.7",
    user_agent="aws-cli/2.31.3 md/awscrt#0.27.6 ua/2.1 os/linux",
)

PROTECTION = Protection(
    "DenyUnapprovedRegions", PolicyType.SERVICE_CONTROL_POLICY, ORGANIZATION, "0123456789ab"
)

VERIFIED = Incident(
    detachment=DETACHMENT,
    protection=PROTECTION,
    verdict=Verdict(Action.REATTACH, Reason.IN_BASELINE),
    observed=Observation(attached=False, at=NOW),
)
REATTACHED = replace(VERIFIED, reattachment=Reattachment(AttachResult.ATTACHED, NOW, retries=0))
CONFIRMED_INCIDENT = replace(REATTACHED, confirmed_at=CONFIRMED)

RESTORED = Report(
    conclusion=Conclusion(Outcome.RESTORED, CONFIRMED - DETACHED),
    execution_arn=EXECUTION,
    organization=ORGANIZATION,
    told_at=TOLD,
    baseline_version="0123456789ab",
    detachment=DETACHMENT,
    policy_name="DenyUnapprovedRegions",
    live_name="DenyUnapprovedRegions",
    policy_type=PolicyType.SERVICE_CONTROL_POLICY,
    judged=True,
    protected=True,
    text=TextCheck.AS_DECLARED,
    observed=Observation(attached=False, at=NOW),
    reattachment=Reattachment(AttachResult.ATTACHED, NOW, retries=0),
    confirmed_at=CONFIRMED,
    surroundings=Surroundings("Workloads", ("Workloads",), 7),
    reason=Reason.IN_BASELINE,
)

EXEMPTION = Exemption(
    name="/holdfast/exemptions/p-7dj3cien/ou-exme-ycaqk99w",
    until=DETACHED + timedelta(hours=2),
    reason="the region moves",
    ticket="CHG-7",
    changed_at=DETACHED - timedelta(hours=1),
)
BROKEN = BrokenExemption("/holdfast/exemptions/p-7dj3cien", "reason: got nothing, expected why, in words")


def rounds(*seconds: int, outcome: str = "restored", told_after: int | None = None) -> tuple[Round, ...]:
    """Return rounds of the developer's, by the seconds before the detach at which they began."""
    return tuple(
        Round(
            at=DETACHED - timedelta(seconds=before),
            call_id=f"00000000-0000-4000-8000-{before:012}",
            principal_key="AROAEXAMPLEDEVELOPER1",
            principal=DEVELOPER,
            outcome=outcome,
            verified=True,
            told_at=None if told_after is None else DETACHED - timedelta(seconds=before - told_after),
        )
        for before in seconds
    )


CURRENT = round_of(DETACHMENT, "restored", verified=True)


def failed(error: str, message: str = "as the API said") -> Report:
    """Return the report of an incident that ended with `error` before anything was attached."""
    return replace(
        RESTORED,
        conclusion=Conclusion(Outcome.FAILED, None),
        text=TextCheck.NOT_COMPARED,
        reattachment=None,
        confirmed_at=None,
        failure=Failure(error, message),
        attached_now=Observation(attached=False, at=NOW + timedelta(minutes=1)),
    )


NOT_ATTACHED = replace(RESTORED, reattachment=None, confirmed_at=None)
HOLDERS = (
    Holder(PolicySummary("p-FullAWSAccess", "FullAWSAccess", aws_managed=True), in_baseline=False),
    Holder(PolicySummary("p-7xfb7xkf", "DenyDisablingCloudTrail", aws_managed=False), in_baseline=True),
    Holder(PolicySummary("p-allowlist01", "Stuffing", aws_managed=False), in_baseline=False),
)

REPORTS = {
    "restored": RESTORED,
    "restored_with_changed_text": replace(
        RESTORED,
        conclusion=Conclusion(Outcome.RESTORED_WITH_CHANGED_TEXT, timedelta(minutes=3, seconds=20)),
        text=TextCheck.CHANGED,
        live_name="Temporary",
    ),
    "already_attached": replace(
        RESTORED,
        conclusion=Conclusion(Outcome.ALREADY_ATTACHED, timedelta(hours=26, minutes=3)),
        detachment=replace(DETACHMENT, replayed=True),
        reattachment=Reattachment(AttachResult.ALREADY_ATTACHED, NOW, retries=2),
    ),
    "alert_only": replace(NOT_ATTACHED, conclusion=Conclusion(Outcome.ALERT_ONLY, None)),
    "sanctioned": replace(NOT_ATTACHED, conclusion=Conclusion(Outcome.SANCTIONED, None)),
    "exempt": replace(
        NOT_ATTACHED,
        conclusion=Conclusion(Outcome.EXEMPT, None),
        reason=Reason.EXEMPT,
        leave=Leave(exemption=EXEMPTION, ignored=(BROKEN,)),
    ),
    "restored_after_an_exemption": replace(
        RESTORED,
        conclusion=Conclusion(Outcome.RESTORED, timedelta(hours=2, seconds=4)),
        reason=Reason.EXEMPTION_ENDED,
        leave=Leave(ended=EXEMPTION),
    ),
    "restored_though_nobody_knows_whether_it_is_exempt": replace(
        RESTORED,
        leave=Leave(unread="ssm GetParameters: ThrottlingException: Rate exceeded"),
        ledger_unread="dynamodb Query: AccessDeniedException: You may not.",
    ),
    "contested": replace(
        RESTORED,
        conclusion=Conclusion(Outcome.RESTORED, CONFIRMED - DETACHED, contested=True),
        fight=Fight((*rounds(1_800, 600), CURRENT), muted=False),
    ),
    "yielded": replace(
        NOT_ATTACHED,
        conclusion=Conclusion(Outcome.YIELDED, None, contested=True),
        reason=Reason.RIVAL_PRINCIPAL,
        fight=Fight((*rounds(1_800, 600), replace(CURRENT, outcome="yielded")), muted=False),
    ),
    "failed_at_the_quota": replace(
        failed(
            "AttachmentQuotaExceededError",
            "AttachPolicy: ConstraintViolationException (MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED): You "
            "have attached the maximum number of policies to the specified target.",
        ),
        holders=HOLDERS,
    ),
    "failed_because_the_policy_is_gone": failed(
        "PolicyGoneError", "AttachPolicy: PolicyNotFoundException: The policy could not be found."
    ),
    "failed_to_confirm": replace(
        failed("AttachmentNotVisibleError", "p-7dj3cien does not show on ou-exme-ycaqk99w yet"),
        reattachment=RESTORED.reattachment,
    ),
    "failed_to_judge": Report(
        conclusion=Conclusion(Outcome.FAILED, None),
        execution_arn=EXECUTION,
        organization=ORGANIZATION,
        told_at=TOLD,
        detachment=replace(DETACHMENT, attachment=Attachment("p-lp0dxjlp", ROOT)),
        failure=Failure("BaselineError", "guardrail[0].policy: got 3, expected a policy's id (p-…)"),
        surroundings=Surroundings("Root", ("Root",), None),
    ),
    "failed_to_read_the_event": Report(
        conclusion=Conclusion(Outcome.FAILED, None),
        execution_arn=EXECUTION,
        organization=ORGANIZATION,
        told_at=TOLD,
        baseline_version="0123456789ab",
        failure=Failure("MalformedEventError", "detail: got None, expected a JSON object"),
        raw_event='{"source": "aws.organizations", "detail": null}',
    ),
}
"""A report of each kind, by the name of the mail that tells it."""


def live_policy(name: str, content: str, policy_id: str = DENY_REGIONS, description: str = "") -> LivePolicy:
    """Return a service control policy as the organization has it."""
    return LivePolicy(policy_id, name, description, PolicyType.SERVICE_CONTROL_POLICY, content)

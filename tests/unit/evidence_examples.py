"""A month's evidence to test with: incidents of every kind, as the ledger has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from holdfast.attachment import Attachment, PolicyType
from holdfast.baseline import Baseline, Guardrail
from holdfast.detachment import Detachment
from holdfast.policy_document import PolicyDocument
from holdfast.principal import Principal
from holdfast_cli.evidence import (
    Evidence,
    Month,
    Provenance,
    Sightings,
    compare,
    evidence_of,
    window_of,
)
from holdfast_cli.incidents import Incident, Recorded, Run

REGIONS = Attachment("p-7dj3cien", "ou-exme-ycaqk99w")
TRAIL = Attachment("p-7xfb7xkf", "ou-exme-8tio7fay")
LEAVING = Attachment("p-29kc5gzx", "r-exme")
ROLES = Attachment("p-cg404d5t", "444455556666")
NOBODYS = Attachment("p-nobodysown1", "r-exme")

OCTOBER = Month(datetime(2026, 10, 1, tzinfo=UTC))
MADE_AT = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)
VERSION = "6e8a3cbc9924"

_DENY = PolicyDocument.parse('{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*"}]}')
DEVELOPER = "arn:aws:iam::111122223333:role/developer"


def _guardrail(name: str, attachment: Attachment) -> Guardrail:
    return Guardrail(
        attachment.policy_id,
        name,
        PolicyType.SERVICE_CONTROL_POLICY,
        frozenset({attachment.target_id}),
        _DENY,
    )


BASELINE = Baseline(
    organization="o-far1coz49w",
    guardrails=(
        _guardrail("DenyUnapprovedRegions", REGIONS),
        _guardrail("DenyDisablingCloudTrail", TRAIL),
        _guardrail("DenyLeaveOrganization", LEAVING),
        _guardrail("ProtectSecurityRoles", ROLES),
    ),
    sanctioned=(),
    version=VERSION,
)
PROVENANCE = Provenance(
    reader="arn:aws:sts::111122223333:assumed-role/auditor/alice",
    made_at=MADE_AT,
    organization="o-far1coz49w",
    stack="holdfast",
    table="holdfast-LedgerTable-1A2B3C4D5E6F",
    region="us-east-1",
    baseline_version=VERSION,
)


def on(day: int, hour: int = 9, minute: int = 0, second: int = 0) -> datetime:
    """Return a time in October."""
    return datetime(2026, 10, day, hour, minute, second, tzinfo=UTC)


def event_id(number: int) -> str:
    """Return the id of an event."""
    return f"{number:08x}-2222-4333-8444-555555555555"


def incident(
    attachment: Attachment | None,
    at: datetime | None,
    outcome: str = "restored",
    exposure: float | None = None,
    number: int = 1,
) -> Incident:
    """Return what is recorded of an incident; a minute after its detach, or when it was over."""
    length = None if exposure is None else timedelta(seconds=exposure)
    began = at or on(15)
    return Incident(
        attachment,
        outcome,
        recorded_at=began + (length or timedelta(minutes=1)),
        detached_at=at,
        verdict="in the baseline",
        severity="notice",
        exposure=length,
        accounts=7,
        event_ids=frozenset({event_id(number)}) if at else frozenset(),
        principal=DEVELOPER,
        session="mallory",
        source_ip="203.0.113.7",
        account_id="111122223333",
        organization="o-far1coz49w",
        baseline_version=VERSION,
    )


def detachment(attachment: Attachment, at: datetime, number: int = 1) -> Detachment:
    """Return what CloudTrail shows of a detach."""
    return Detachment(
        attachment,
        event_id(number),
        at,
        "111122223333",
        Principal("AssumedRole", DEVELOPER, "AROAEXAMPLEDEVELOPER1", "developer", "111122223333", "mallory"),
        source_ip="203.0.113.7",
    )


def evidence(
    incidents: Sequence[Incident],
    detachments: Sequence[Detachment] = (),
    *,
    made_at: datetime = MADE_AT,
    month: Month = OCTOBER,
    runs: Sequence[Run] = (),
    unreadable: int = 0,
    passed_over: int = 0,
) -> Evidence:
    """Return the evidence that these are."""
    recorded = Recorded(tuple(incidents), tuple(runs), passed_over)
    window, sightings = window_of(month, made_at), Sightings(tuple(detachments), unreadable)
    found = compare(sightings, recorded.incidents, BASELINE, window) if window else None
    return evidence_of(month, recorded, found, BASELINE, replace(PROVENANCE, made_at=made_at))


def eventful() -> Evidence:
    """Return the evidence of a month with every ending, and with a gap."""
    denied, pipeline = "PermissionMissingError", "arn:aws:iam::111122223333:role/pipeline"
    incidents = [
        *(incident(REGIONS, on(day, 10, day), exposure=4 + day % 9, number=day) for day in (2, 5, 6, 19)),
        *(incident(REGIONS, on(23, 14, minute), exposure=6, number=40 + minute) for minute in (2, 9, 17)),
        replace(incident(TRAIL, on(8, 13, 5), "exempt", number=60), verdict="exempt"),
        replace(incident(TRAIL, on(8, 13, 5), exposure=6_895, number=60), verdict="exemption ended"),
        replace(incident(LEAVING, on(12, 3, 41), "failed", number=61), error=denied, accounts=214),
        incident(LEAVING, on(12, 3, 41), "reconciliation, restored", 1_251, number=61),
        replace(incident(TRAIL, on(17, 8), "sanctioned", number=62), principal=pipeline, session="deploy"),
        replace(incident(TRAIL, on(17, 8), "reconciliation, restored", 86_580, number=62), session="deploy"),
        replace(incident(ROLES, on(21, 16, 20), "already attached", 71, number=63), accounts=1),
        replace(incident(ROLES, on(27, 22, 14), "restored with changed text", 9, number=64), accounts=1),
        replace(incident(ROLES, None, "reconciliation, reported"), principal="", session="", source_ip=""),
        replace(incident(LEAVING, on(29, 23, 50), "failed", number=65), error=denied, accounts=214),
    ]
    seen = {
        each.event_ids: replace(detachment(each.attachment, each.detached_at), event_id=min(each.event_ids))
        for each in incidents
        if each.attachment and each.detached_at
    }
    gap = detachment(REGIONS, on(30, 4, 12), number=90)
    others = [detachment(NOBODYS, on(day), number=100 + day) for day in (3, 9)]
    runs = [Run(on(day, hour), "clean", VERSION) for day in range(1, 31) for hour in (1, 13)]
    return evidence(incidents, [*seen.values(), gap, *others], runs=runs)

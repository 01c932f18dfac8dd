"""Many attachments detached in the same moment, at the published rates, with and without a rival."""

from __future__ import annotations

import time
from dataclasses import dataclass

from holdfast.timestamps import parse_timestamp
from tests.bench.stage import Stage, stage

ATTACH_RATE = 2.0
"""AttachPolicy calls a second. Source: Organizations user guide, "Quotas", throttling limits."""

_PATIENCE = 1_800.0


@dataclass(frozen=True, slots=True)
class MassDetach:
    """How one mass detach went.

    Parameters
    ----------
    incidents : int
        How many attachments were detached.
    seconds : float
        Of the clock, until the last one was confirmed.
    lost : int
        How many were not attached in the end, or not told as restored.
    attempts : float
        AttachPolicy calls for each incident.
    throttled : float
        Calls for each incident, of all operations, that Organizations throttled.
    wall : float
        Real seconds that this machine took.
    """

    incidents: int
    seconds: float
    lost: int
    attempts: float
    throttled: float
    wall: float

    @property
    def limit(self) -> float:
        """The seconds that AttachPolicy's published rate asks for."""
        return self.incidents / ATTACH_RATE


def mass_detach(incidents: int, seed: int, rival: float = 0.0, operation: str = "DetachPolicy") -> MassDetach:
    """Detach that many attachments at once and watch until all is told.

    Parameters
    ----------
    incidents : int
        How many.
    seed : int
        Of the jitter.
    rival : float
        Failing calls a second with which somebody else burns a bucket.
    operation : str
        An operation whose bucket that is.
    """
    with stage(incidents, seed) as scene:
        aws = scene.aws
        aws.calls.clear()
        aws.rates.published = True
        if rival:
            aws.rates.rival(rival, operation)
        began, wall = scene.detach_all(scene.accounts), time.monotonic()
        aws.clock.settle(_PATIENCE)
        wall = time.monotonic() - wall
        aws.rates.published = False
        restored = [record for record in scene.outcomes.take() if record["outcome"] == "restored"]
        confirmed = [parse_timestamp(record["confirmed_at"]) for record in restored]
        calls = [call for call in aws.calls.recorded("organizations") if call.operation != "DetachPolicy"]
        attempts = sum(call.operation == "AttachPolicy" for call in calls)
        return MassDetach(
            incidents=incidents,
            seconds=(max(confirmed) - began).total_seconds() if confirmed else float("inf"),
            lost=incidents - min(len({record["event_id"] for record in restored}), _attached(scene)),
            attempts=attempts / incidents,
            throttled=sum(call.throttled for call in calls) / incidents,
            wall=wall,
        )


def _attached(scene: Stage) -> int:
    """Count the accounts that the guardrail is attached to, by asking Organizations."""
    pages = scene.aws.client("organizations").get_paginator("list_targets_for_policy")
    targets = {
        target["TargetId"] for page in pages.paginate(PolicyId=scene.policy_id) for target in page["Targets"]
    }
    return len(targets & set(scene.accounts))

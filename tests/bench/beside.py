"""The fast path while the slow path reads: twenty incidents in the middle of a reconciliation."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.timestamps import parse_timestamp
from tests.bench.large_organization import Shape
from tests.bench.mass_detach import ATTACH_RATE
from tests.bench.reconciling import reconciling

_INTO_THE_RUN = 60.0
"""Seconds after which the incidents begin: the run reads guardrails then, and goes on reading for minutes."""


@dataclass(frozen=True, slots=True)
class Beside:
    """How the fast path did.

    Parameters
    ----------
    reconciling : bool
        Whether a reconciliation of the whole baseline was under way.
    incidents : int
        How many attachments were detached in the same moment.
    seconds : float
        Of the clock, until the last one was confirmed.
    lost : int
        How many of them were not told as restored, or texts and attachments that differ in the end.
    throttled : float
        Calls for each incident that Organizations throttled, the reconciliation's included.
    """

    reconciling: bool
    incidents: int
    seconds: float
    lost: int
    throttled: float

    @property
    def limit(self) -> float:
        """The seconds that AttachPolicy's published rate asks for."""
        return self.incidents / ATTACH_RATE


def beside(shape: Shape, incidents: int, seed: int, *, with_reconciliation: bool) -> Beside:
    """Detach that many attachments at once, in the middle of a reconciliation or without one."""
    with reconciling(shape, seed) as scene:
        before = scene.state()
        with scene.at_published_rates():
            if with_reconciliation:
                scene.start()
                scene.aws.rates.published = True
                scene.aws.clock.sleep(_INTO_THE_RUN)
                scene.aws.rates.published = False
            began = scene.detach(incidents)
        restored = [record for record in scene.outcomes.take() if record["outcome"] == "restored"]
        confirmed = [parse_timestamp(record["confirmed_at"]) for record in restored]
        calls = scene.aws.calls.recorded("organizations")
        untold = incidents - len({record["event_id"] for record in restored})
        return Beside(
            reconciling=with_reconciliation,
            incidents=incidents,
            seconds=(max(confirmed) - began).total_seconds() if confirmed else float("inf"),
            lost=max(untold, len(before ^ scene.state())),
            throttled=sum(call.throttled for call in calls) / incidents,
        )

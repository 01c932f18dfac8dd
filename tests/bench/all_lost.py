"""All attachments lost at once, by one call or without any event, and restored at the published rates."""

from __future__ import annotations

import time
from dataclasses import dataclass

from localaws.gateway import ApiError
from tests.bench.large_organization import Shape, lose_unseen
from tests.bench.mass_detach import ATTACH_RATE
from tests.bench.peak_memory import peak_memory
from tests.bench.reconciling import reconciling

_MEASURED = ("FindDriftFunction", "RestoreAttachmentsFunction", "DescribeReconciliationFunction")
_REFUSAL = ApiError("AccessDeniedException", "You are not allowed to do this. " * 10)


@dataclass(frozen=True, slots=True)
class AllLost:
    """How an organization came back.

    Parameters
    ----------
    guardrails, targets_each, per_target, accounts : int
        The baseline, and the size of the organization.
    found : float
        Seconds of the clock from the loss until the first attachment may be made again.
    restoring : float
        Seconds of the clock that attaching and confirming took from then on.
    lost, added : int
        Texts and attachments of the whole organization that were before and are not, and the reverse.
    attempts : float
        AttachPolicy calls for each attachment.
    reads : float
        Calls for each attachment that read.
    events : int
        Of the execution's history.
    payload : int
        Bytes of the largest input or output of a state.
    finding_peak, restoring_peak, describing_peak : float
        MiB of memory that Find Drift, Restore Attachments and Describe Reconciliation had at most.
    memory : int
        MB that these functions may have, the least of them.
    end : str
        How the execution ended: its error, or `succeeded`.
    wall : float
        Real seconds that this machine took.
    """

    guardrails: int
    targets_each: int
    per_target: int
    accounts: int
    found: float
    restoring: float
    lost: int
    added: int
    attempts: float
    reads: float
    events: int
    payload: int
    finding_peak: float
    restoring_peak: float
    describing_peak: float
    memory: int
    end: str
    wall: float

    @property
    def attachments(self) -> int:
        """How many were lost."""
        return self.guardrails * self.targets_each

    @property
    def limit(self) -> float:
        """The seconds that AttachPolicy's published rate asks for."""
        return self.attachments / ATTACH_RATE


def all_lost(shape: Shape, *, unseen: bool = False, refused: bool = False) -> AllLost:
    """Take all attachments of all guardrails away in one moment and watch until all is told.

    Parameters
    ----------
    shape : Shape
        The organization.
    unseen : bool
        Whether no event tells of it, so that each attachment is missing by itself; else the policy type is
        disabled.
    refused : bool
        Whether AttachPolicy is refused each time: the longest that a run has to tell.
    """
    with reconciling(shape, RestorePolicyTypes="true") as scene:
        before, wall = scene.state(), time.monotonic()
        if refused:
            scene.aws.faults.fail_call("organizations", "AttachPolicy", _REFUSAL, 2 * shape.placements)
        with scene.at_published_rates():
            began = scene.disable_type() if not unseen else lose_unseen(scene.aws)
            if unseen:
                scene.start()
        wall = time.monotonic() - wall
        run = scene.the_only_run()
        calls = [call.operation for call in scene.aws.calls.recorded("organizations")]
        attempts, after = calls.count("AttachPolicy"), scene.state()
        functions = [scene.function_name(name) for name in _MEASURED]
        finding, restoring, describing = (peak_memory(function) for function in functions)
        return AllLost(
            guardrails=shape.guardrails,
            targets_each=shape.targets_each,
            per_target=shape.per_target,
            accounts=shape.accounts,
            found=(run.entered("Each Chunk") - began).total_seconds(),
            restoring=(run.left("Each Chunk") - run.entered("Each Chunk")).total_seconds(),
            lost=len(before - after),
            added=len(after - before),
            attempts=attempts / shape.placements,
            reads=(len(calls) - attempts) / shape.placements,
            events=len(run.events),
            payload=run.largest_payload,
            finding_peak=finding,
            restoring_peak=restoring,
            describing_peak=describing,
            memory=min(scene.memory_of(function) for function in functions),
            end=run.end,
            wall=wall,
        )

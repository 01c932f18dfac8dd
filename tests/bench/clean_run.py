"""Reconciling an organization in which nothing differs: what a run costs that finds nothing."""

from __future__ import annotations

from dataclasses import dataclass

from docs.generated.prices import REQUEST_PRICE, SECOND_PRICE, TRANSITION_PRICE
from tests.bench.large_organization import Shape
from tests.bench.one_incident import SECONDS_OF_AN_INVOCATION
from tests.bench.reconciling import reconciling

RUNS_A_MONTH = 30.4 * 24 * 6
"""Every ten minutes."""

ANSWER = 0.1
"""Billed seconds that a call costs which waits for no pace: an assumption. Paced calls wait longer anyway."""

_ONE_GIGABYTE = 1024


@dataclass(frozen=True, slots=True)
class CleanRun:
    """What a reconciliation took that found nothing.

    Parameters
    ----------
    guardrails, targets_each, accounts : int
        The baseline, and the size of the organization.
    reads : int
        Organizations calls.
    calls : int
        Calls of all services that the run's functions made.
    throttled : int
        Calls of all services that were throttled.
    seconds : float
        Of the clock, from the execution's start to its end.
    transitions : int
        State transitions.
    invocations : int
        Function calls.
    billed : float
        Seconds of the functions: those that they waited, one for each start, `ANSWER` for each unpaced call.
    gigabyte_seconds : float
        The same by the functions' memory settings.
    """

    guardrails: int
    targets_each: int
    accounts: int
    reads: int
    calls: int
    throttled: int
    seconds: float
    transitions: int
    invocations: int
    billed: float
    gigabyte_seconds: float

    @property
    def dollars(self) -> float:
        """The price of the run in us-east-1, without any free tier."""
        functions = self.invocations * REQUEST_PRICE + self.gigabyte_seconds * SECOND_PRICE
        return self.transitions * TRANSITION_PRICE + functions

    @property
    def dollars_a_month(self) -> float:
        """The price of such a run every ten minutes."""
        return self.dollars * RUNS_A_MONTH


def clean_run(shape: Shape) -> CleanRun:
    """Reconcile where nothing differs, for the second time: then there is an earlier run to look back to."""
    with reconciling(shape) as scene:
        with scene.at_published_rates():
            scene.start()
        run = scene.the_only_run()
        if run.end != "succeeded" or scene.outcomes.take():
            raise RuntimeError("the run was not clean: there is nothing to measure")
        calls = [call for call in scene.aws.calls.recorded() if ":assumed-role/" in call.principal]
        reads = [call for call in calls if call.service == "organizations"]
        invocations = list(run.invocations())
        billed = {arn: 0.0 for arn, _ in invocations}
        for arn, waited in invocations:
            billed[arn] += waited + SECONDS_OF_AN_INVOCATION
        unpaced = ANSWER * (len(calls) - len(reads))
        gigabyte_seconds = sum(
            seconds * scene.memory_of(arn) / _ONE_GIGABYTE for arn, seconds in billed.items()
        )
        return CleanRun(
            guardrails=shape.guardrails,
            targets_each=shape.targets_each,
            accounts=shape.accounts,
            reads=len(reads),
            calls=len(calls),
            throttled=sum(call.throttled for call in calls),
            seconds=run.seconds,
            transitions=run.transitions,
            invocations=len(invocations),
            billed=sum(billed.values()) + unpaced,
            gigabyte_seconds=gigabyte_seconds + unpaced,
        )

"""One incident: its calls, its state transitions, its price."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from docs.generated.prices import REQUEST_PRICE, SECOND_PRICE, TRANSITION_PRICE
from tests.bench.stage import stage

SECONDS_OF_AN_INVOCATION = 1.0
"""Billed for one invocation, cold: an assumption, and four times what a warm one takes."""

CRITICAL_PATH = ("ListPoliciesForTarget", "AttachPolicy", "ListPoliciesForTarget")


@dataclass(frozen=True, slots=True)
class OneIncident:
    """What restoring one attachment took.

    Parameters
    ----------
    accounts : int
        The size of the organization.
    critical : int
        Organizations calls up to the confirmation.
    later : int
        Organizations calls after it, for names, text and counts.
    throttled : int
        Attempts that were throttled.
    transitions : int
        State transitions, each state that was entered and the start.
    invocations : int
        Function calls.
    """

    accounts: int
    critical: int
    later: int
    throttled: int
    transitions: int
    invocations: int

    @property
    def dollars(self) -> float:
        """The price in us-east-1 without any free tier."""
        functions = self.invocations * (REQUEST_PRICE + SECOND_PRICE * SECONDS_OF_AN_INVOCATION)
        return self.transitions * TRANSITION_PRICE + functions


def one_incident(accounts: int) -> OneIncident:
    """Detach one guardrail from one account of an organization of that size and count."""
    with stage(accounts) as scene:
        scene.aws.rates.published = True
        scene.aws.calls.clear()
        scene.detach_all(scene.accounts[:1])
        scene.aws.clock.settle()
        calls = [
            call for call in scene.aws.calls.recorded("organizations") if call.operation != "DetachPolicy"
        ]
        admitted = [call.operation for call in calls if not call.throttled]
        attached = admitted.index("AttachPolicy")
        confirmed = admitted.index("ListPoliciesForTarget", attached)
        kinds = Counter(event["type"] for event in scene.execution_history())
        return OneIncident(
            accounts=accounts,
            critical=confirmed + 1,
            later=len(admitted) - confirmed - 1,
            throttled=len(calls) - len(admitted),
            transitions=1 + sum(count for kind, count in kinds.items() if kind.endswith("StateEntered")),
            invocations=kinds["LambdaFunctionScheduled"],
        )

"""Taking turns: of each scope one run at a time, one that waits, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from holdfast.fields import text_in


class Turn(StrEnum):
    """What a run may do."""

    GO = "go"
    WAIT = "wait"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Claim:
    """Who looks at a scope, and who will next; execution ARNs.

    Nobody has to let go of a claim: it counts as long as its execution runs.
    """

    running: str | None = None
    waiting: str | None = None

    def to_document(self) -> dict[str, Any]:
        """Return the claim as it is remembered."""
        return asdict(self)


def parse_claim(content: Mapping[str, Any] | None) -> Claim:
    """Return the claim that is remembered; what is not there, or no text, claims nothing."""
    return Claim(text_in(content, "running"), text_in(content, "waiting")) if content else Claim()


def decide_turn(claim: Claim, execution: str, is_running: Callable[[str], bool]) -> tuple[Turn, Claim]:
    """Return whether a run may begin, and the claim that says so.

    A run leaves only if another one waits: that one has not looked yet, so it will see what this one came
    for.

    Parameters
    ----------
    claim : Claim
        Who looks at the scope.
    execution : str
        The ARN of the run that asks.
    is_running : callable
        Tells whether an execution is under way.
    """
    if claim.running == execution:
        return Turn.GO, claim
    waits = claim.waiting is not None and claim.waiting != execution and is_running(claim.waiting)
    if waits:
        return Turn.LEAVE, claim
    if claim.running is not None and is_running(claim.running):
        return Turn.WAIT, Claim(claim.running, execution)
    return Turn.GO, Claim(execution, None)

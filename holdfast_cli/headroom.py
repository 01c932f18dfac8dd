"""Whether there is room for what Holdfast does: slots on the targets, and Lambda's concurrency."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from holdfast.attachment import PolicyType
from holdfast.quotas import QUOTAS
from holdfast.reconciliation.sentence import counted
from holdfast.settings import Mode
from holdfast_cli.check import Verdict, ok, warning

UNRESERVED = 100
"""What Lambda keeps unreserved. Source: its developer guide, "Configuring reserved concurrency"."""

_NAMED = 3
_READING = 2
"""The functions that reserve one each where ReattachConcurrency is not 0: Find Drift, Restore Attachments."""


@dataclass(frozen=True, slots=True)
class Slots:
    """The policies of one type on one target of the baseline.

    Parameters
    ----------
    target_id : str
        The root, OU or account.
    policy_type : PolicyType
        The type.
    attached : frozenset of str
        The ids of the policies that are attached there.
    declared : frozenset of str
        Those that the baseline wants there.
    """

    target_id: str
    policy_type: PolicyType
    attached: frozenset[str]
    declared: frozenset[str]

    @property
    def free(self) -> int:
        """How many more fit, by the published quota."""
        return max(0, QUOTAS[self.policy_type].attached - len(self.attached))

    @property
    def missing(self) -> frozenset[str]:
        """The guardrails that are not there."""
        return self.declared - self.attached

    @property
    def in_words(self) -> str:
        """Where, how many, and whether a guardrail waits for a place."""
        quota = QUOTAS[self.policy_type].attached
        held = f"{self.target_id} has {len(self.attached)} of {quota} {self.policy_type}"
        return f"{held}, and lacks {', '.join(sorted(self.missing))}" if self.missing else held


def judge_slots(slots: Collection[Slots]) -> Verdict:
    """Judge whether a guardrail that is detached could be attached again wherever the baseline wants one."""
    if not slots:
        return ok("no target to look at: the baseline names none whose policy type is on")
    full = sorted((one for one in slots if not one.free), key=lambda one: not one.missing)
    if full:
        named = "; ".join(one.in_words for one in full[:_NAMED])
        more = f"; and {len(full) - _NAMED} more" if len(full) > _NAMED else ""
        return warning(
            f"no slot is free on {counted(len(full), 'target')}: {named}{more}",
            "Detach what is not needed there: whoever detaches a guardrail can fill its place.",
        )
    least = min(slots, key=lambda one: one.free)
    targets = counted(len({one.target_id for one in slots}), "target")
    return ok(
        f"{targets} looked at; the fewest are free on {least.target_id}: {least.free} {least.policy_type}"
    )


def judge_concurrency(limit: int, unreserved: int, reserved: int, parameters: Mapping[str, str]) -> Verdict:
    """Judge whether Lambda lets the functions run beside all others of the account.

    Parameters
    ----------
    limit, unreserved : int
        The account's concurrency, and what of it no function reserves.
    reserved : int
        What Holdfast's functions reserve.
    parameters : mapping of str to str
        The stack's parameters.
    """
    found = f"{unreserved:,} of {limit:,} are unreserved, {reserved} are reserved for Holdfast"
    following = "Ask for more (Service Quotas, Lambda, “Concurrent executions”)"
    if unreserved < UNRESERVED:
        return warning(f"{found}: a mass detach would be throttled", f"{following}.")
    wanted = int(parameters.get("ReattachConcurrency", "0"))
    more = wanted + _READING - reserved if wanted else 0
    if parameters.get("Mode") != Mode.REMEDIATE and more > 0 and unreserved - more < UNRESERVED:
        return warning(
            f"{found}; deploying with Mode=remediate reserves {more} more, and {UNRESERVED} must stay free",
            f"{following}, or deploy with ReattachConcurrency=0.",
        )
    return ok(found)

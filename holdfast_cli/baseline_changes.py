"""What is different between a baseline and the one that replaces it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from holdfast.baseline import Guardrail
from holdfast.reconciliation.version_mark import is_same_description
from holdfast_cli.live_policies import AttachedPolicy, Reading


class ChangeKind(StrEnum):
    """How a guardrail differs from what it was."""

    ADDED = "new guardrail"
    REMOVED = "no longer a guardrail"
    RECREATED = "has a new id"
    RENAMED = "renamed"
    DESCRIBED = "has another description"
    MORE_TARGETS = "new targets"
    FEWER_TARGETS = "lost targets"
    OTHER_TEXT = "changed text"


_LOSSES = (ChangeKind.REMOVED, ChangeKind.FEWER_TARGETS, ChangeKind.OTHER_TEXT)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Parameters
    ----------
    kind : ChangeKind
        What is different.
    policy_id : str
        The policy's id, the new one if it has a new one.
    name : str
        Its name now.
    details : tuple of str
        The targets, the old id, the old name, or why it is no longer a guardrail.
    """

    kind: ChangeKind
    policy_id: str
    name: str
    details: tuple[str, ...] = ()

    @property
    def loses(self) -> bool:
        """Whether less is protected than before, or something else."""
        return self.kind in _LOSSES


def find_former(
    before: Collection[Guardrail], reading: Reading, successors: Mapping[str, str]
) -> dict[str, Guardrail]:
    """Return the guardrail that each policy was, by the policy's id now.

    Parameters
    ----------
    before : collection of Guardrail
        The guardrails as they were.
    reading : Reading
        What was read of the organization.
    successors : mapping
        The new id of each policy that was deleted and created again, by its old id.
    """
    live = {policy.policy_id for policy in reading.policies}
    former = {guardrail.policy_id: guardrail for guardrail in before if guardrail.policy_id in live}
    for guardrail in before:
        heir = _heir(guardrail.policy_id, successors)
        if guardrail.policy_id not in live and heir in live:
            former.setdefault(heir, guardrail)
    return former


def _heir(policy_id: str, successors: Mapping[str, str]) -> str:
    """Follow the successors to the last one; a circle, which nobody should write, is followed once."""
    seen = {policy_id}
    while (successor := successors.get(policy_id)) and successor not in seen:
        seen.add(successor)
        policy_id = successor
    return policy_id


def changes_between(
    before: Collection[Guardrail], reading: Reading, former: Mapping[str, Guardrail]
) -> Iterator[Change]:
    """Yield what is different, the losses first.

    Parameters
    ----------
    before : collection of Guardrail
        The guardrails as they were.
    reading : Reading
        What was read of the organization.
    former : mapping
        The guardrail that each policy was, by the policy's id now.
    """
    remaining = {guardrail.policy_id for guardrail in former.values()}
    found = [
        Change(ChangeKind.REMOVED, guardrail.policy_id, guardrail.name, (_gone_because(guardrail, reading),))
        for guardrail in before
        if guardrail.policy_id not in remaining
    ]
    for policy in reading.policies:
        was = former.get(policy.policy_id)
        found += _changes_of(policy, was) if was else [_addition(policy)]
    yield from sorted(found, key=lambda change: not change.loses)


def _addition(policy: AttachedPolicy) -> Change:
    return Change(ChangeKind.ADDED, policy.policy_id, policy.name, policy.targets)


def _gone_because(guardrail: Guardrail, reading: Reading) -> str:
    if guardrail.policy_type not in reading.types:
        return f"{guardrail.policy_type} is not enabled in the root: all its attachments are gone"
    for policy in reading.left_out:
        if policy.policy_id == guardrail.policy_id:
            return policy.because
    return "the policy is gone"


def _changes_of(policy: AttachedPolicy, was: Guardrail) -> Iterator[Change]:
    if policy.policy_id != was.policy_id:
        yield Change(ChangeKind.RECREATED, policy.policy_id, policy.name, (f"was {was.policy_id}",))
    if policy.name != was.name:
        yield Change(ChangeKind.RENAMED, policy.policy_id, policy.name, (f"was {was.name}",))
    if was.description is not None and not is_same_description(policy.description, was.description):
        yield Change(ChangeKind.DESCRIBED, policy.policy_id, policy.name)
    if was.targets is not None:
        if lost := was.targets - set(policy.targets):
            yield Change(ChangeKind.FEWER_TARGETS, policy.policy_id, policy.name, tuple(sorted(lost)))
        if more := set(policy.targets) - was.targets:
            yield Change(ChangeKind.MORE_TARGETS, policy.policy_id, policy.name, tuple(sorted(more)))
    if policy.document != was.document:
        yield Change(ChangeKind.OTHER_TEXT, policy.policy_id, policy.name)

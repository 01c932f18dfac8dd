"""Coverage: which guardrails reach an account, through itself and through the OUs and the root above it.

What is compared is what the baseline declares. Whether it is attached there is another question, which the
scheduled runs answer.
"""

from __future__ import annotations

from collections.abc import Collection

from holdfast.attachment import TargetKind, target_kind
from holdfast.baseline import Baseline
from holdfast.errors import OrganizationsRefusedError
from holdfast.organizations import Organizations
from holdfast.reconciliation.run import Coverage
from holdfast.reconciliation.trigger import Change, ChangeKind

_GONE = "ChildNotFoundException"
"""No such account or OU in the organization. Source: Organizations API reference, ListParents, "Errors"."""


def look_at_account(
    change: Change, baseline: Baseline, before: Coverage | None, organizations: Organizations
) -> Coverage:
    """Return which guardrails an account that was moved, or that joined, has lost by where it is now.

    Parameters
    ----------
    change : Change
        The event.
    baseline : Baseline
        The guardrails. Those of `"any"` target are left out: where they belong, nobody says.
    before : Coverage or None
        What the first look showed; its old path counts, for the OUs may have been deleted since.
    organizations : Organizations
        The connection, for a ListParents call for each level of the paths.
    """
    account_id = str(change.member_id)
    old_path = _path_before(change, organizations) if before is None else before.old_path
    new_path = _path_above(account_id, organizations)
    here = {account_id, *new_path} if new_path else set()
    had = _expected(change, baseline, {account_id, *old_path}, new_path)
    covered = _covering(baseline, here)
    return Coverage(
        account_id=account_id,
        looks=1 if before is None else before.looks + 1,
        old_path=old_path,
        new_path=new_path,
        lost=tuple(index for index in had if index not in covered),
    )


def is_final(change: Change, coverage: Coverage) -> bool:
    """Return whether what a look showed can be told.

    Account factories let an account pass through the root, so what seems lost is looked at again. Reads may
    be stale: an account that still shows where it was moved away from is, too. And an account that joined
    has not arrived anywhere yet.
    """
    if coverage.looks > 1:
        return True
    if change.kind is ChangeKind.ACCOUNT_JOINED:
        return False
    if not coverage.new_path:
        return True
    return not coverage.lost and coverage.new_path[0] != change.source_parent


def _path_before(change: Change, organizations: Organizations) -> tuple[str, ...]:
    """Return the root and OUs that were above a moved account; nothing was above one that joined."""
    if change.source_parent is None:
        return ()
    return (change.source_parent, *_path_above(change.source_parent, organizations))


def _path_above(child_id: str, organizations: Organizations) -> tuple[str, ...]:
    """Return the OUs and the root above an account or an OU, the nearest first, as far as they are there."""
    path: list[str] = []
    while target_kind(child_id) is not TargetKind.ROOT:
        try:
            child_id = organizations.parent(child_id)
        except OrganizationsRefusedError as error:
            if error.code != _GONE:
                raise
            break
        path.append(child_id)
    return tuple(path)


def _expected(
    change: Change, baseline: Baseline, before: Collection[str], new_path: tuple[str, ...]
) -> tuple[int, ...]:
    """Return the guardrails that an account should have.

    One that was moved should have what it had. One that joined should be in an OU; as long as it lies
    directly below the root, nobody has decided which guardrails it is to have, so it misses all of them.
    """
    if change.kind is ChangeKind.MOVE_ACCOUNT:
        return _covering(baseline, before)
    directly_below_the_root = len(new_path) == 1
    everywhere = frozenset[str]().union(*(guardrail.targets or () for guardrail in baseline.guardrails))
    return _covering(baseline, everywhere) if directly_below_the_root else ()


def _covering(baseline: Baseline, targets: Collection[str]) -> tuple[int, ...]:
    """Return the guardrails, by index, that the baseline declares on any of these targets."""
    return tuple(
        index
        for index, guardrail in enumerate(baseline.guardrails)
        if guardrail.targets is not None and not guardrail.targets.isdisjoint(targets)
    )

"""What is worth knowing about a target, looked up within a small budget and never at any price."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from holdfast.attachment import TargetKind, target_kind
from holdfast.calling import unless_refused
from holdfast.errors import OrganizationsError
from holdfast.organizations import Organizations

LOOKUPS = 16
"""API calls that the surroundings of one incident may cost: a path of five OUs and a few pages below."""

PATIENCE = 15.0
"""Seconds after which no further lookup begins, however slow the answers are; the function has 60."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A target as people know it; None is "not found out".

    Parameters
    ----------
    name : str or None
        The target's name.
    path : tuple of str, or None
        The names from below the root down to the target.
    accounts : int or None
        How many accounts are at or below the target.
    """

    name: str | None = None
    path: tuple[str, ...] | None = None
    accounts: int | None = None


class _OverBudgetError(OrganizationsError):
    """No lookup is left. Raised and caught in this module."""

    def __init__(self) -> None:
        super().__init__("any", "OverBudget", "no lookup is left")


class _Lookups:
    """Organizations, for a limited number of calls and for some seconds."""

    def __init__(self, organizations: Organizations, left: int) -> None:
        self.organizations = organizations
        self._left = left
        self._ends = time.monotonic() + PATIENCE

    def spend(self) -> Organizations:
        """Return the connection for one call more."""
        if self._left == 0 or time.monotonic() > self._ends:
            raise _OverBudgetError
        self._left -= 1
        return self.organizations

    def pages(self, pages: Iterator[T]) -> Iterator[T]:
        """Yield pages that are asked for one by one, each paid for before."""
        while True:
            self.spend()
            page = next(pages, None)
            if page is None:
                self._left += 1
                return
            yield page


def survey(organizations: Organizations, target_id: str, lookups: int = LOOKUPS) -> Surroundings:
    """Return what can be found out about a target; what cannot is None, and nothing is raised.

    Parameters
    ----------
    organizations : Organizations
        The connection.
    target_id : str
        A root, an OU or an account.
    lookups : int
        API calls that it may cost.
    """
    budget = _Lookups(organizations, lookups)
    path = unless_refused(lambda: _path(budget, target_id))
    accounts = unless_refused(lambda: _count_accounts(budget, target_id))
    return Surroundings(name=path[-1] if path else None, path=path, accounts=accounts)


def _path(budget: _Lookups, target_id: str) -> tuple[str, ...]:
    kind = target_kind(target_id)
    if kind is TargetKind.ROOT:
        return ("Root",)
    if kind is TargetKind.ACCOUNT:
        name = budget.spend().account_name(target_id)
    else:
        name = budget.spend().unit_name(target_id)
    parent = budget.spend().parent(target_id)
    above = () if target_kind(parent) is TargetKind.ROOT else _path(budget, parent)
    return (*above, name)


def _count_accounts(budget: _Lookups, target_id: str) -> int:
    if target_kind(target_id) is TargetKind.ACCOUNT:
        return 1
    here = sum(len(page) for page in budget.pages(budget.organizations.child_accounts(target_id)))
    units = budget.pages(budget.organizations.child_units(target_id))
    return here + sum(_count_accounts(budget, unit) for page in units for unit in page)

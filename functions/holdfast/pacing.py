"""A pace for reading, so that whoever looks for drift leaves the rate to whoever restores.

Source of the rates (per account): Organizations user guide, "Quotas and service limits", "Throttling limits";
CloudTrail API reference, LookupEvents.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

PUBLISHED_RATES: Mapping[str, float] = {
    "DescribeAccount": 20,
    "DescribeOrganization": 1,
    "DescribeOrganizationalUnit": 2,
    "DescribePolicy": 2,
    "ListAccountsForParent": 5,
    "ListOrganizationalUnitsForParent": 5,
    "ListParents": 5,
    "ListPolicies": 5,
    "ListPoliciesForTarget": 5,
    "ListRoots": 1,
    "ListTargetsForPolicy": 5,
    "LookupEvents": 2,
}
"""Calls a second that AWS allows an account, by operation; what is not listed here is not paced."""

_SHARED = {
    "ListPolicies": "lists of policies",
    "ListPoliciesForTarget": "lists of policies",
    "ListTargetsForPolicy": "lists of policies",
    "ListParents": "lists of parents",
    "ListAccountsForParent": "lists of parents",
    "ListOrganizationalUnitsForParent": "lists of parents",
}
"""Operations that the table of rates names in one row: they share one bucket."""

QUARTER = 0.25
"""Two functions of a reconciliation read, one instance each: together at most half of what is published."""


class Pace:
    """Let calls through at a share of the published rates; the first call of each kind goes at once.

    Parameters
    ----------
    share : float
        The part of the published rates that may be used.
    sleep : callable
        Waits a number of seconds.
    now : callable
        Tells the time in seconds.
    """

    def __init__(
        self,
        share: float,
        sleep: Callable[[float], None] | None = None,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._share = share
        self._sleep = sleep or time.sleep
        self._now = now or time.monotonic
        self._free_at: dict[str, float] = {}
        self.calls = 0

    def __call__(self, operation: str) -> None:
        """Wait until a call of `operation` is due, and count it."""
        self.calls += 1
        rate = PUBLISHED_RATES.get(operation)
        if rate is None:
            return
        bucket = _SHARED.get(operation, operation)
        wait = self._free_at.get(bucket, 0.0) - self._now()
        if wait > 0:
            self._sleep(wait)
        self._free_at[bucket] = self._now() + 1 / (rate * self._share)

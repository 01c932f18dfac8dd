"""The published rates of AWS Organizations and of LookupEvents: token buckets, and rivals that drain them.

Source: "Throttling limits" in the AWS Organizations user guide: rate and burst of each row, per account.
The limits per organization are wider and do not bind a single account, so they are not kept. That the
operations of one row share one bucket is inferred from rows with equal numbers being listed apart. The rate
of LookupEvents is in the AWS CloudTrail API reference, without a burst.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localaws.gateway import ApiError
from localaws.identities import account_of

if TYPE_CHECKING:
    from localaws.clock import Clock
    from localaws.gateway import ApiCall, ApiResponse, Proceed


@dataclass(frozen=True, slots=True)
class Rate:
    """One row of the published table.

    Parameters
    ----------
    operations : tuple of str
        The operations that share the bucket.
    per_second : float
        Tokens that the bucket gains each second.
    burst : int
        Tokens that it holds at most.
    service : str
        The signing name of the service.
    """

    operations: tuple[str, ...]
    per_second: float
    burst: int
    service: str = "organizations"


PUBLISHED_RATES = (
    Rate(("CloseAccount",), 0.05, 1),
    Rate(("CreateAccount", "CreateGovCloudAccount"), 0.1, 3),
    Rate(("DescribeAccount",), 20, 30),
    Rate(("DescribeCreateAccountStatus",), 2, 2),
    Rate(("LeaveOrganization",), 1, 1),
    Rate(("ListCreateAccountStatus",), 5, 8),
    Rate(("AcceptHandshake",), 1, 2),
    Rate(("DescribeHandshake",), 1, 2),
    Rate(("CancelHandshake",), 2, 3),
    Rate(("DeclineHandshake",), 1, 1),
    Rate(("InviteAccountToOrganization",), 3, 5),
    Rate(("ListHandshakesForAccount", "ListHandshakesForOrganization"), 5, 8),
    Rate(("CreateOrganization", "DeleteOrganization", "EnableAllFeatures"), 1, 1),
    Rate(("CreateOrganizationalUnit", "DescribeOrganization"), 1, 2),
    Rate(("MoveAccount", "UpdateOrganizationalUnit", "DeleteOrganizationalUnit"), 2, 3),
    Rate(("DescribeOrganizationalUnit",), 2, 2),
    Rate(("ListAccounts",), 8, 12),
    Rate(("ListChildren",), 6, 10),
    Rate(("ListParents", "ListAccountsForParent", "ListOrganizationalUnitsForParent"), 5, 8),
    Rate(("ListRoots",), 1, 2),
    Rate(("ListTagsForResource",), 10, 15),
    Rate(("RemoveAccountFromOrganization",), 2, 2),
    Rate(("TagResource", "UntagResource"), 4, 6),
    Rate(("CreatePolicy", "DeletePolicy", "AttachPolicy", "DetachPolicy"), 2, 3),
    Rate(("DescribePolicy",), 2, 2),
    Rate(("DisablePolicyType", "EnablePolicyType"), 1, 1),
    Rate(("ListPolicies", "ListPoliciesForTarget", "ListTargetsForPolicy"), 5, 8),
    Rate(("UpdatePolicy",), 2, 3),
    Rate(("EnableAWSServiceAccess", "DisableAWSServiceAccess"), 1, 2),
    Rate(("ListAWSServiceAccessForOrganization", "ListDelegatedServicesForAccount"), 1, 3),
    Rate(("ListDelegatedAdministrators",), 5, 8),
    Rate(("RegisterDelegatedAdministrator", "DeregisterDelegatedAdministrator"), 1, 2),
    Rate(("LookupEvents",), 2, 2, "cloudtrail"),
)

_BY_OPERATION = {operation: rate for rate in PUBLISHED_RATES for operation in rate.operations}

_RIVALS_MEMORY = 60.0
_ROUNDING = 1e-5


class Rates:
    """A layer that lets an account call AWS no faster than published.

    Parameters
    ----------
    clock : Clock
        Tells how many tokens have come in.
    published : bool
        Whether the rates hold; the attribute of this name switches them at any time.
    seed : int
        Decides when within an interval the rivals' calls arrive.
    """

    def __init__(self, clock: Clock, *, published: bool = False, seed: int = 0) -> None:
        self.published = published
        self._clock = clock
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 - arrivals, not secrets
        self._buckets: dict[tuple[str, Rate], _Bucket] = {}
        self._rivals: dict[Rate, _Rival] = {}

    def rival(self, calls_per_second: float, operation: str = "DetachPolicy") -> None:
        """Let somebody else in the account spend the bucket of an operation from now on.

        Its calls fail for another reason than the rate, so that all that they do is take tokens. They
        come evenly, each taking a token if one is there. A caller that comes at exact multiples of the
        time that a token needs always finds the same part of one: only varied waits, such as those of a
        jittered retry, meet the rival as a network would let them.

        Parameters
        ----------
        calls_per_second : float
            How many calls; zero sends the rival away.
        operation : str
            An operation whose bucket is spent; by default that of all attachment changes.
        """
        rate = _BY_OPERATION[operation]
        with self._lock:
            now = self._clock.timestamp()
            for (_, kept), bucket in self._buckets.items():
                if kept is rate:
                    self._catch_up(bucket, now)
            self._rivals[rate] = _Rival(calls_per_second, now)

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Let `call` proceed if its bucket has a token."""
        rate = _BY_OPERATION.get(call.operation)
        if rate is None or rate.service != call.service or not self.published:
            return proceed(call)
        if not self._admit(account_of(call), rate):
            raise _too_fast(rate)
        return proceed(call)

    def _admit(self, account: str, rate: Rate) -> bool:
        with self._lock:
            now = self._clock.timestamp()
            if (account, rate) not in self._buckets:
                rival = self._rivals.get(rate)
                self._buckets[account, rate] = _Bucket(rate, rival.since if rival else now)
            bucket = self._buckets[account, rate]
            self._catch_up(bucket, now)
            return bucket.take(now)

    def _catch_up(self, bucket: _Bucket, now: float) -> None:
        """Let the rival's calls arrive that came since the last look at the bucket."""
        rival = self._rivals.get(bucket.rate)
        if rival is not None and rival.per_second > 0:
            interval = 1 / rival.per_second
            # A bucket forgets: what a rival did long ago no longer shows, so it need not be replayed.
            arrival = max(bucket.at, now - _RIVALS_MEMORY) + self._random.uniform(0, interval)
            while arrival <= now:
                bucket.take(arrival)
                arrival += interval
        bucket.refill(now)


def _too_fast(rate: Rate) -> ApiError:
    if rate.service == "organizations":
        message = "You have sent too many requests in too short a period of time. Try again later."
        # The values of `Type` are not documented.
        return ApiError("TooManyRequestsException", message, Type="Throttling")
    return ApiError("ThrottlingException", "Rate exceeded")


@dataclass(frozen=True, slots=True)
class _Rival:
    per_second: float
    since: float


class _Bucket:
    def __init__(self, rate: Rate, now: float) -> None:
        self.rate = rate
        self.at = now
        self._tokens = float(rate.burst)

    def refill(self, now: float) -> None:
        gained = max(0.0, now - self.at) * self.rate.per_second
        self._tokens = min(float(self.rate.burst), self._tokens + gained)
        self.at = max(self.at, now)

    def take(self, now: float) -> bool:
        self.refill(now)
        # Half a second at two a second is one token, whatever floating point makes of today's date.
        if self._tokens < 1 - _ROUNDING:
            return False
        self._tokens -= 1
        return True

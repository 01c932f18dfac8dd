"""The adapters' methods over an organization that can be restored, without AWS, with a clock of its own.

A `Disturbance` stands in every call's way: it can let any of them fail, take time, or be throttled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from holdfast.attachment import Attachment, LivePolicy, PolicySummary, PolicyType
from holdfast.baseline import Baseline
from holdfast.errors import (
    HoldfastError,
    OrganizationsThrottledError,
    PolicyGoneError,
    PolicyNameTakenError,
)
from holdfast.incident import AttachResult
from holdfast.organizations import Organizations, Root
from holdfast.pacing import Pace
from holdfast.reconciliation.drift import Drift, Plan, Search, Stage
from holdfast.reconciliation.run import Reconciliation
from holdfast.reconciliation.trigger import Cause, Route, Scope, ScopeKind, Trigger
from holdfast.successors import Successors
from tests.unit.examples import NOW, ORGANIZATION, ROOT


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        """Tell the time."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


Disturbance = Callable[[str], None]
"""Called with the operation's name before a call takes effect; it raises, or lets time pass."""


def undisturbed(operation: str) -> None:
    """Let a call be."""


class Rate:
    """A token bucket for each operation: a call without a token is throttled.

    Parameters
    ----------
    clock : Clock
        Fills the buckets.
    buckets : mapping
        Tokens a second, and the most that a bucket holds, by operation.
    """

    def __init__(self, clock: Clock, buckets: Mapping[str, tuple[float, float]]) -> None:
        self._clock = clock
        self._buckets = buckets
        self._tokens = {operation: burst for operation, (_, burst) in buckets.items()}
        self._at = dict.fromkeys(buckets, clock.seconds)

    def __call__(self, operation: str) -> None:
        """Take a token, or throttle the call."""
        if operation not in self._buckets:
            return
        rate, burst = self._buckets[operation]
        gained = (self._clock.seconds - self._at[operation]) * rate
        self._at[operation] = self._clock.seconds
        self._tokens[operation] = min(burst, self._tokens[operation] + gained)
        if self._tokens[operation] < 1 - 1e-9:
            raise throttled(operation)
        self._tokens[operation] -= 1


def throttled(operation: str = "AttachPolicy") -> OrganizationsThrottledError:
    """Return what too many requests are answered with."""
    return OrganizationsThrottledError(operation, "TooManyRequestsException", "slow down")


class RestorableOrganization(Organizations):
    """An organization with policies, attachments and policy types.

    Parameters
    ----------
    policies : iterable of LivePolicy
        The policies that are there.
    statuses : mapping of str to str
        The root's policy types that are on, or being switched.
    disturb : callable
        Stands in every call's way.
    pace : Pace, optional
        Keeps reads slow, as in the real adapter.
    """

    def __init__(
        self,
        policies: Iterable[LivePolicy] = (),
        statuses: Mapping[str, str] | None = None,
        disturb: Disturbance = undisturbed,
        pace: Pace | None = None,
    ) -> None:
        self.policies = {policy.policy_id: policy for policy in policies}
        self.attached: set[Attachment] = set()
        self.statuses = dict(statuses or {})
        self.disturb = disturb
        self.calls: list[str] = []
        self.refused: dict[str, HoldfastError] = {}
        self.hidden: defaultdict[str, int] = defaultdict(int)
        self.settling = 0
        self._pace = pace
        self._made = 0

    def root(self) -> Root:
        """Show the root; a type that is being switched on needs `settling` looks until it is."""
        self._call("ListRoots", ROOT)
        if self.settling == 0:
            self.statuses = {
                kind: "ENABLED" if status == "PENDING_ENABLE" else status
                for kind, status in self.statuses.items()
            }
        elif "PENDING_ENABLE" in self.statuses.values():
            self.settling -= 1
        return Root(ROOT, dict(self.statuses))

    def enable_type(self, root_id: str, policy_type: PolicyType) -> None:
        """Begin to enable a type; that it is on, or being switched on, is an answer."""
        with self._calling("EnablePolicyType", f"{policy_type} {root_id}"):
            self.statuses.setdefault(policy_type, "PENDING_ENABLE")

    def policy(self, policy_id: str) -> LivePolicy:
        """Describe a policy; one that is `hidden` does not show yet."""
        self._call("DescribePolicy", policy_id)
        if policy_id not in self.policies or self._hides(policy_id):
            raise PolicyGoneError("DescribePolicy", "PolicyNotFoundException", policy_id)
        return self.policies[policy_id]

    def policies_of_type(self, policy_type: PolicyType) -> Iterator[PolicySummary]:
        """List policies."""
        self._call("ListPolicies", policy_type)
        for policy in self.policies.values():
            if policy.policy_type is policy_type and not self._hides(policy.name):
                yield PolicySummary(policy.policy_id, policy.name, aws_managed=False)

    def create_policy(self, name: str, description: str, policy_type: PolicyType, content: str) -> LivePolicy:
        """Create a policy, unless its name is taken."""
        with self._calling("CreatePolicy", name):
            taken = {(policy.name, policy.policy_type) for policy in self.policies.values()}
            if (name, policy_type) in taken:
                raise PolicyNameTakenError("CreatePolicy", "DuplicatePolicyException", "exists")
            self._made += 1
            made = LivePolicy(f"p-new0000{self._made}", name, description, policy_type, content)
            self.policies[made.policy_id] = made
            return made

    def update_text(self, policy_id: str, content: str, description: str) -> None:
        """Replace a text."""
        with self._calling("UpdatePolicy", policy_id):
            live = self.policies[policy_id]
            self.policies[policy_id] = replace(live, content=content, description=description)

    def attach(self, attachment: Attachment) -> tuple[AttachResult, datetime]:
        """Attach a policy."""
        with self._calling("AttachPolicy", f"{attachment.policy_id} {attachment.target_id}"):
            if attachment in self.attached:
                return AttachResult.ALREADY_ATTACHED, NOW
            self.attached.add(attachment)
            return AttachResult.ATTACHED, NOW

    def policies_on(self, target_id: str, policy_type: PolicyType) -> tuple[PolicySummary, ...]:
        """List what is attached to a target; one that is `hidden` shows nothing yet."""
        self._call("ListPoliciesForTarget", f"{target_id} {policy_type}")
        if self._hides(target_id):
            return ()
        here = sorted(held.policy_id for held in self.attached if held.target_id == target_id)
        return tuple(PolicySummary(policy_id, "Some", aws_managed=False) for policy_id in here)

    def _hides(self, name: str) -> bool:
        self.hidden[name] -= 1
        return self.hidden[name] >= 0

    def _call(self, operation: str, subject: str) -> None:
        with self._calling(operation, subject):
            pass

    @contextmanager
    def _calling(self, operation: str, subject: str) -> Iterator[None]:
        if self._pace is not None:
            self._pace(operation)
        self.calls.append(f"{operation} {subject}")
        refusal = self.refused.get(f"{operation} {subject}")
        if refusal is not None:
            raise refusal
        with _through(self.disturb, operation):
            yield


class RememberedSuccessors(Successors):
    """Successors without AWS."""

    def __init__(self, known: Mapping[str, str] | None = None, disturb: Disturbance = undisturbed) -> None:
        self.known = dict(known or {})
        self.disturb = disturb
        self.refused: HoldfastError | None = None

    def read(self) -> Mapping[str, str]:
        """Return them."""
        with _through(self.disturb, "GetParametersByPath"):
            return dict(self.known)

    def write(self, declared_id: str, policy_id: str) -> None:
        """Write one."""
        if self.refused is not None:
            raise self.refused
        with _through(self.disturb, "PutParameter"):
            self.known[declared_id] = policy_id


@contextmanager
def _through(disturb: Disturbance, operation: str) -> Iterator[None]:
    """Let what stands in a call's way come before the call takes effect, or after where it says so."""
    after = getattr(disturb, "after", False)
    if not after:
        disturb(operation)
    yield
    if after:
        disturb(operation)


class FailingOnce:
    """Lets the k-th call fail, before it takes effect or after.

    Parameters
    ----------
    number : int
        Which call fails, counted from zero.
    error : Exception
        With what.
    after : bool
        Whether the call takes effect all the same: its answer was lost.
    """

    def __init__(self, number: int, error: Exception, *, after: bool) -> None:
        self.after = after
        self.failed: str | None = None
        self._left = number
        self._error = error

    def __call__(self, operation: str) -> None:
        """Count a call, and let it fail if its number is up."""
        self._left -= 1
        if self._left == -1:
            self.failed = operation
            raise self._error


def run_document(baseline: Baseline, plan: Plan, drift: Drift = Drift()) -> dict[str, Any]:  # noqa: B008 - frozen
    """Return the document of a run in which Find Drift has found and planned this."""
    trigger = Trigger(Cause.SCHEDULE, Scope(ScopeKind.ALL))
    run = Reconciliation(trigger, Route.RECONCILE, ORGANIZATION, baseline.version, NOW)
    return {**run.to_document(), "drift": Search(Stage.DRIFTED, NOW, drift=drift, plan=plan).to_document()}

"""The adapters that Find Drift reads, over one organization that a test can tamper with, without AWS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Self

from holdfast.attachment import Attachment, LivePolicy, PolicySummary, PolicyType
from holdfast.baseline import Baseline
from holdfast.errors import AwsError, PolicyGoneError, TargetGoneError
from holdfast.organizations import Organizations, Root
from holdfast.reconciliation.history import History
from holdfast.record import Record
from tests.unit.examples import NOW, ROOT

PAGE = 20
"""Items on a page. Source: botocore's model, MaxResults."""


class LiveOrganization(Organizations):
    """An organization that has what a baseline declares, until somebody tampers with it.

    Parameters
    ----------
    baseline : Baseline
        What it has.
    """

    def __init__(self, baseline: Baseline) -> None:
        self.policies = {
            guardrail.policy_id: LivePolicy(
                guardrail.policy_id,
                guardrail.name,
                guardrail.description or "",
                guardrail.policy_type,
                guardrail.document.canonical,
            )
            for guardrail in baseline.guardrails
        }
        self.attached = {baseline.attachment_at(placement) for placement in baseline.placements}
        self.statuses: dict[str, str] = {
            guardrail.policy_type.value: "ENABLED" for guardrail in baseline.guardrails
        }
        self.gone_targets: set[str] = set()
        self.refused: dict[str, AwsError] = {}
        self.calls: list[str] = []
        self._before: Callable[[str], None] = lambda _: None

    def paced(self, before: Callable[[str], None]) -> Self:
        """Let something happen before each call."""
        self._before = before
        return self

    def detach(self, policy_id: str, *target_ids: str) -> None:
        """Take a policy away."""
        self.attached -= {Attachment(policy_id, target_id) for target_id in target_ids}

    def delete(self, policy_id: str) -> None:
        """Take a policy away for good."""
        del self.policies[policy_id]
        self.attached = {one for one in self.attached if one.policy_id != policy_id}

    def disable(self, policy_type: PolicyType) -> None:
        """Switch a type off: all its attachments are gone."""
        del self.statuses[policy_type.value]
        of_type = {policy.policy_id for policy in self.policies.values() if policy.policy_type is policy_type}
        self.attached = {one for one in self.attached if one.policy_id not in of_type}

    def create(self, policy: LivePolicy, *target_ids: str) -> None:
        """Create a policy, or write another over it, and attach it."""
        self.policies[policy.policy_id] = policy
        self.attached |= {Attachment(policy.policy_id, target_id) for target_id in target_ids}

    def close(self, target_id: str) -> None:
        """Take a target out of the organization."""
        self.gone_targets.add(target_id)
        self.attached = {one for one in self.attached if one.target_id != target_id}

    def root(self) -> Root:
        """Show the policy types."""
        self._call("ListRoots", ROOT)
        return Root(ROOT, dict(self.statuses))

    def policy(self, policy_id: str) -> LivePolicy:
        """Describe a policy."""
        self._call("DescribePolicy", policy_id)
        if policy_id not in self.policies:
            raise PolicyGoneError("DescribePolicy", "PolicyNotFoundException", policy_id)
        return self.policies[policy_id]

    def targets_of(self, policy_id: str) -> frozenset[str]:
        """List where a policy is attached, a call a page."""
        targets = frozenset(one.target_id for one in self.attached if one.policy_id == policy_id)
        for _ in range(max(1, -(-len(targets) // PAGE))):
            self._call("ListTargetsForPolicy", policy_id)
        if policy_id not in self.policies:
            raise PolicyGoneError("ListTargetsForPolicy", "PolicyNotFoundException", policy_id)
        return targets

    def policies_of_type(self, policy_type: PolicyType) -> Iterator[PolicySummary]:
        """List policies."""
        self._call("ListPolicies", policy_type.value)
        for policy in self.policies.values():
            if policy.policy_type is policy_type:
                yield _summary(policy)

    def policies_on(self, target_id: str, policy_type: PolicyType) -> tuple[PolicySummary, ...]:
        """List what is attached to a target."""
        self._call("ListPoliciesForTarget", f"{target_id} {policy_type}")
        if target_id in self.gone_targets:
            raise TargetGoneError("ListPoliciesForTarget", "TargetNotFoundException", target_id)
        here = sorted(one.policy_id for one in self.attached if one.target_id == target_id)
        return tuple(
            _summary(self.policies[policy_id])
            for policy_id in here
            if self.policies[policy_id].policy_type is policy_type
        )

    def counted(self) -> Mapping[str, int]:
        """Count the calls by operation."""
        counts: defaultdict[str, int] = defaultdict(int)
        for call in self.calls:
            counts[call.split()[0]] += 1
        return dict(counts)

    def _call(self, operation: str, subject: str) -> None:
        self._before(operation)
        self.calls.append(f"{operation} {subject}")
        refusal = self.refused.get(f"{operation} {subject}") or self.refused.get(operation)
        if refusal is not None:
            raise refusal


def _summary(policy: LivePolicy) -> PolicySummary:
    managed = policy.policy_id in {"p-FullAWSAccess", "p-RCPFullAWSAccess"}
    return PolicySummary(policy.policy_id, policy.name, aws_managed=managed)


class WrittenHistory(History):
    """A history that a test writes.

    Parameters
    ----------
    *records : Record
        The records, in any order.
    """

    def __init__(self, *records: Record) -> None:
        self.written = list(records)
        self.refused: AwsError | None = None
        self.asked: list[str] = []

    def records(
        self, name: str, since: datetime, until: datetime, pages_at_most: int = 10
    ) -> Iterator[Record]:
        """Yield what is written, the newest first; an error comes after that."""
        self.asked.append(name)
        matching = (one for one in self.written if one.name == name and since <= one.event_time <= until)
        yield from sorted(matching, key=lambda one: one.event_time, reverse=True)[: 50 * pages_at_most]
        if self.refused is not None:
            raise self.refused


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds

    def monotonic(self) -> float:
        """Tell the seconds."""
        return self.seconds

    def now(self) -> datetime:
        """Tell the time."""
        return NOW + timedelta(seconds=self.seconds)

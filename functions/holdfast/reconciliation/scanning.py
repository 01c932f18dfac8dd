"""Scanning the live organization for differences, one guardrail or one target at a time.

What it costs: ListRoots once; for each guardrail DescribePolicy and a page of ListTargetsForPolicy for 20
targets; for each target ListPoliciesForTarget once for each policy type that is declared there. The number of
accounts plays no part. A run for one attachment reads its policy and its target only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from holdfast.attachment import LivePolicy, PolicyType
from holdfast.baseline import Baseline, Guardrail
from holdfast.errors import PolicyGoneError, TargetGoneError
from holdfast.organizations import Organizations
from holdfast.quotas import QUOTAS
from holdfast.reconciliation.drift import (
    Drift,
    Impostor,
    Namesake,
    compare_attachments,
    compare_holders,
    compare_policy,
    says_the_same,
)
from holdfast.reconciliation.recreation import is_impostor

ENABLED = "ENABLED"
"""The status of a policy type that is switched on. Source: botocore's model of PolicyTypeStatus."""


class Scanner:
    """Read parts of the live organization, and return how they differ from the baseline.

    Every method that reads raises a subclass of `OrganizationsError`.

    Parameters
    ----------
    baseline : Baseline
        What must be there, successors adopted.
    organizations : Organizations
        Where to look.
    """

    def __init__(self, baseline: Baseline, organizations: Organizations) -> None:
        self.baseline = baseline
        self._organizations = organizations
        self._placed: defaultdict[int, dict[str, int]] = defaultdict(dict)
        self._on_target: defaultdict[str, dict[int, int]] = defaultdict(dict)
        for number, placement in enumerate(baseline.placements):
            self._placed[placement.guardrail][placement.target_id] = number
            self._on_target[placement.target_id][placement.guardrail] = number
        self._ids_by_name: dict[PolicyType, dict[str, str]] = {}

    @property
    def targets(self) -> tuple[str, ...]:
        """All targets that the baseline names: the root first, then OUs, then accounts."""
        return tuple(self._on_target)

    def guardrails_on(self, target_id: str) -> tuple[int, ...]:
        """Return the guardrails that are declared there."""
        return tuple(sorted(self._on_target.get(target_id, {})))

    def is_placed(self, guardrail: int) -> bool:
        """Return whether a guardrail names its targets."""
        return guardrail in self._placed

    def types_on(self, target_id: str, disabled: Sequence[PolicyType]) -> tuple[PolicyType, ...]:
        """Return the policy types that are declared there and are not switched off."""
        guardrails = (self.baseline.guardrails[index] for index in self.guardrails_on(target_id))
        types = dict.fromkeys(guardrail.policy_type for guardrail in guardrails)
        return tuple(kind for kind in types if kind not in disabled)

    def statuses(self, guardrails: Iterable[int]) -> Mapping[PolicyType, str | None]:
        """Return the root's word on each policy type that these guardrails need; None is "off"."""
        root = self._organizations.root()
        types = dict.fromkeys(self.baseline.guardrails[index].policy_type for index in guardrails)
        return {kind: root.statuses.get(kind) for kind in types}

    def guardrail(self, index: int, disabled: Sequence[PolicyType], only: str | None = None) -> Drift:
        """Return how a guardrail's policy differs and, unless its type is switched off, what is missing.

        Parameters
        ----------
        index : int
            The guardrail.
        disabled : sequence of PolicyType
            The types that are switched off.
        only : str, optional
            The one target that is looked at; by default all of the guardrail's are.
        """
        guardrail = self.baseline.guardrails[index]
        live = self._read(guardrail.policy_id)
        if self._is_impostor(live, guardrail):
            # The declared policy has not lost its place: it is compared, there or not.
            self.baseline = self.baseline.disowning([guardrail.policy_id])
            impostor = Drift(impostors=(Impostor(index, guardrail.policy_id),))
            return impostor + self.guardrail(index, disabled, only)
        if live is None:
            return self._gone(index)
        difference = compare_policy(index, guardrail, live)
        return difference if guardrail.policy_type in disabled else difference + self.attachments(index, only)

    def _is_impostor(self, live: LivePolicy | None, guardrail: Guardrail) -> bool:
        """Return whether a successor is none; nobody can succeed a policy that is there."""
        if live is not None:
            return is_impostor(live, guardrail)
        return guardrail.declared_id is not None and self._read(guardrail.declared_id) is not None

    def _read(self, policy_id: str) -> LivePolicy | None:
        try:
            return self._organizations.policy(policy_id)
        except PolicyGoneError:
            return None

    def attachments(self, index: int, only: str | None = None) -> Drift:
        """Return which of a guardrail's attachments are missing, or that its policy is gone."""
        try:
            return self._missing(index) if only is None else self._missing_on(only, index)
        except PolicyGoneError:
            return self._gone(index)

    def target(self, target_id: str, disabled: Sequence[PolicyType], attached: str | None = None) -> Drift:
        """Return the strangers on a target, or that it is no longer in the organization.

        `attached` is the policy that was attached there according to the run's event.
        """
        found = Drift()
        for kind in self.types_on(target_id, disabled):
            try:
                holders = self._organizations.policies_on(target_id, kind)
            except TargetGoneError:
                return Drift(gone_targets=tuple(sorted(self._on_target[target_id].values())))
            quota = QUOTAS[kind].attached
            found += compare_holders(target_id, kind, self.baseline, holders, quota, attached=attached)
        return found

    def _missing(self, index: int) -> Drift:
        if not self.is_placed(index):
            return Drift()
        targets = self._organizations.targets_of(self.baseline.guardrails[index].policy_id)
        return compare_attachments(self._placed[index], targets)

    def _missing_on(self, target_id: str, index: int) -> Drift:
        """Return whether one attachment is missing: one call, however many targets the guardrail has."""
        guardrail, number = self.baseline.guardrails[index], self._placed[index][target_id]
        try:
            holders = self._organizations.policies_on(target_id, guardrail.policy_type)
        except TargetGoneError:
            return Drift(gone_targets=(number,))
        attached = any(holder.policy_id == guardrail.policy_id for holder in holders)
        return Drift() if attached else Drift(missing=(number,))

    def _gone(self, index: int) -> Drift:
        """Return that a policy was deleted, and who has its name now if the text is another one.

        A policy with its name and its text is a successor that nobody has written down yet: it is left to
        Restore Policies, which looks for one.
        """
        guardrail = self.baseline.guardrails[index]
        holder = self._named(guardrail.policy_type).get(guardrail.name)
        if holder is None:
            return Drift(gone=(index,))
        try:
            same = says_the_same(self._organizations.policy(holder).content, guardrail.document)
        except PolicyGoneError:
            return Drift(gone=(index,))
        return Drift(gone=(index,), namesakes=() if same else (Namesake(index, holder),))

    def _named(self, kind: PolicyType) -> Mapping[str, str]:
        """Return the ids of all policies of a type by name, read once for all guardrails that are gone."""
        if kind not in self._ids_by_name:
            listed = self._organizations.policies_of_type(kind)
            self._ids_by_name[kind] = {policy.name: policy.policy_id for policy in listed}
        return self._ids_by_name[kind]

"""Enabling and disabling policy types, and what that does to every attachment.

Sources: botocore's Organizations model (both calls only start work in the background), and "Service
control policies" in the AWS Organizations user guide: disabling detaches all policies of the type from
everything, and enabling again brings back nothing but the AWS-managed default.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from localaws.gateway import ApiError
from localaws.lagging import Lagging
from localaws.policies import type_not_enabled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localaws.attachments import Attachments
    from localaws.clock import Clock
    from localaws.organization_state import OrganizationState, Parameters
    from localaws.policy_limits import PolicyLimits

    Later = Callable[[Callable[[], None]], None]

_AWS_MANAGED_ARN = "arn:{{0}}:organizations::aws:policy/{segment}/{{3}}"
"""moto fills in partition and id; no account owns these (source: Service Authorization Reference)."""


class PolicyTypes:
    """Switch the policy types of an organization on and off.

    Parameters
    ----------
    limits : mapping of str to PolicyLimits
        Knows each type's default policy.
    attachments : Attachments
        Where attachments are made and dropped.
    later : callable
        Does a piece of work in the background, when the change has settled.
    clock : Clock
        Tells when a change of a status becomes visible.

    Attributes
    ----------
    unseen : Lagging
        What ListRoots still shows of a root's policy types.
    """

    def __init__(
        self, limits: Mapping[str, PolicyLimits], attachments: Attachments, later: Later, clock: Clock
    ) -> None:
        self.unseen: Lagging[list[dict[str, str]]] = Lagging(clock)
        self._limits = limits
        self._attachments = attachments
        self._later = later

    def enable(self, state: OrganizationState, parameters: Parameters) -> dict[str, Any]:
        """Answer EnablePolicyType: the status is PENDING_ENABLE until the change has settled."""
        root, kind = state.root_with(parameters["RootId"]), parameters["PolicyType"]
        _check_features(state)
        _check_can_enable(state.status_of(kind))
        self._set_status(root, kind, "PENDING_ENABLE")
        self._later(lambda: self._finish_enabling(state, root, kind))
        return {"Root": copy.deepcopy(root.describe())}

    def disable(self, state: OrganizationState, parameters: Parameters) -> dict[str, Any]:
        """Answer DisablePolicyType: the status is PENDING_DISABLE until the change has settled."""
        root, kind = state.root_with(parameters["RootId"]), parameters["PolicyType"]
        _check_can_disable(state.status_of(kind))
        # A real CloudTrail record of this call answers with the status that was: ENABLED.
        before = copy.deepcopy(root.describe())
        self._set_status(root, kind, "PENDING_DISABLE")
        self._later(lambda: self._finish_disabling(state, root, kind))
        return {"Root": before}

    def begin(self, state: OrganizationState) -> None:
        """Give a new organization its types: SCPs with all features, nothing without."""
        for policy in state.backend.policies:
            policy._arn_format = _AWS_MANAGED_ARN.format(segment=policy.type.lower())  # noqa: SLF001 - moto
        if state.backend.org.feature_set == "ALL":
            state.root.policy_types.append({"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"})
        for entity in state.entities():
            self.begin_entity(state, entity)

    def begin_entity(self, state: OrganizationState, entity: Any) -> None:
        """Leave a new entity only the default policies of enabled types: moto attaches all defaults."""
        for policy in list(entity.attached_policies):
            if state.status_of(policy.type) != "ENABLED":
                entity.attached_policies.remove(policy)
                policy.attachments.remove(entity)

    def _finish_enabling(self, state: OrganizationState, root: Any, kind: str) -> None:
        if root not in state.backend.ou:
            return
        self._set_status(root, kind, "ENABLED")
        defaults = [p for p in state.backend.policies if p.id == self._limits[kind].default_policy]
        for entity in state.entities():
            for policy in defaults:
                if policy not in entity.attached_policies:
                    self._attachments.attach(policy, entity)

    def _finish_disabling(self, state: OrganizationState, root: Any, kind: str) -> None:
        if root not in state.backend.ou:
            return
        self._set_status(root, kind, None)
        for entity in state.entities():
            for policy in [policy for policy in entity.attached_policies if policy.type == kind]:
                self._attachments.detach(policy, entity)

    def _set_status(self, root: Any, kind: str, status: str | None) -> None:
        """Give a policy type a status; None is that of a type which is not enabled at all."""
        self.unseen.change(root.id, copy.deepcopy(root.policy_types))
        others = [row for row in root.policy_types if row["Type"] != kind]
        root.policy_types[:] = others if status is None else [*others, {"Type": kind, "Status": status}]


def _check_features(state: OrganizationState) -> None:
    if state.backend.org.feature_set != "ALL":
        message = "You can't use the policy type with the features that this organization has enabled."
        raise ApiError("PolicyTypeNotAvailableForOrganizationException", message)


def _check_can_enable(status: str | None) -> None:
    if status == "PENDING_DISABLE":
        raise _changes_in_progress()
    if status is not None:
        message = "The specified policy type is already enabled."
        raise ApiError("PolicyTypeAlreadyEnabledException", message)


def _check_can_disable(status: str | None) -> None:
    if status is None:
        raise type_not_enabled()
    if status != "ENABLED":
        raise _changes_in_progress()


def _changes_in_progress() -> ApiError:
    message = "Changes to the effective policy are in progress. Try the operation again later."
    return ApiError("PolicyChangesInProgressException", message)

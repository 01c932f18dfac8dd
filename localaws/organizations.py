"""AWS Organizations as the real API behaves, where moto's differs.

Policies, attachments and policy types are answered here, from moto's own state; everything else is
moto's, checked before and put right after.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from localaws.attachments import Attachments
from localaws.delegation_policies import DelegationPolicies
from localaws.gateway import ApiError, ApiResponse
from localaws.organization_state import OrganizationState, constraint_violation
from localaws.pages import page_of
from localaws.policies import Policies
from localaws.policy_limits import OU_DEPTH, PUBLISHED_LIMITS, PolicyLimits
from localaws.policy_types import PolicyTypes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localaws.clock import Clock
    from localaws.gateway import ApiCall, Proceed
    from localaws.organization_state import Parameters

_MOTO_LISTS = {
    "ListAccounts": "Accounts",
    "ListAccountsForParent": "Accounts",
    "ListChildren": "Children",
    "ListDelegatedAdministrators": "DelegatedAdministrators",
    "ListOrganizationalUnitsForParent": "OrganizationalUnits",
    "ListParents": "Parents",
    "ListRoots": "Roots",
}
_EVERYTHING = 1_000_000


class Organizations:
    """A layer that answers for AWS Organizations.

    Parameters
    ----------
    clock : Clock
        Tells when asynchronous changes happen and when they become visible.
    settling : float
        Seconds that enabling or disabling a policy type takes in the background.
    limits : mapping of str to PolicyLimits
        The limits of each policy type; an instance's own copy, `limits`, can be changed at any time.

    Attributes
    ----------
    empty_pages : int
        How many empty pages with a NextToken come before each page of a list. Organizations may
        return such pages at any time (source: the List operations in botocore's Organizations model).
    settling : float
        As the parameter: the changes that are made from now on take that long.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        settling: float = 2.0,
        limits: Mapping[str, PolicyLimits] = PUBLISHED_LIMITS,
    ) -> None:
        self.limits = dict(limits)
        self.empty_pages = 0
        self.settling = settling
        self._clock = clock
        self._lock = threading.RLock()
        self._attachments = Attachments(clock)
        self._policies = policies = Policies(self.limits, self._attachments, clock)
        self._types = PolicyTypes(self.limits, self._attachments, self._later, clock)
        delegation = DelegationPolicies()
        self._answers: dict[str, Callable[[OrganizationState, Parameters], dict[str, Any]]] = {
            "AttachPolicy": policies.attach,
            "CreatePolicy": policies.create,
            "DeletePolicy": policies.delete,
            "DeleteResourcePolicy": delegation.delete,
            "DescribePolicy": policies.describe,
            "DescribeResourcePolicy": delegation.describe,
            "DetachPolicy": policies.detach,
            "DisablePolicyType": self._disable_policy_type,
            "EnablePolicyType": self._enable_policy_type,
            "PutResourcePolicy": delegation.put,
            "UpdatePolicy": policies.update,
        }
        self._lists: dict[str, tuple[str, Callable[[OrganizationState, Parameters], list[Any]]]] = {
            "ListPolicies": ("Policies", policies.all),
            "ListPoliciesForTarget": ("Policies", policies.of_target),
            "ListTargetsForPolicy": ("Targets", policies.targets),
        }
        self._amendments: dict[str, Callable[[OrganizationState], None]] = {
            "CreateAccount": lambda state: self._types.begin_entity(state, state.backend.accounts[-1]),
            "CreateOrganization": self._types.begin,
            "CreateOrganizationalUnit": lambda state: self._types.begin_entity(state, state.backend.ou[-1]),
        }

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Answer `call` as Organizations would."""
        if call.service != "organizations":
            return proceed(call)
        with self._lock:
            if answer := self._answers.get(call.operation):
                return ApiResponse.of_json(answer(OrganizationState(call), call.parameters))
            if listing := self._lists.get(call.operation):
                key, items = listing
                return self._page(call, key, items(OrganizationState(call), call.parameters))
            return self._ask_moto(call, proceed)

    def stale_reads(
        self,
        lag: float,
        *,
        detach_lag: float | None = None,
        policy_lag: float = 0.0,
        root_lag: float = 0.0,
    ) -> None:
        """Let reads lag behind the changes that are made from now on.

        ListPoliciesForTarget and ListTargetsForPolicy show a changed attachment only when its lag has passed
        on the clock, DescribePolicy a changed policy and ListRoots the changed status of a policy type;
        the calls that change something always know the truth. Zero ends it, for new changes.

        Parameters
        ----------
        lag : float
            Seconds that a new attachment stays unseen.
        detach_lag : float or None
            Seconds that a detached attachment is still seen; `lag` if None.
        policy_lag : float
            Seconds that a policy is still described as it was before it was created, updated or deleted.
        root_lag : float
            Seconds that a root still shows the policy types that it had before.
        """
        with self._lock:
            self._policies.unseen.lag = policy_lag
            self._types.unseen.lag = root_lag
            self._attachments.lag(lag, lag if detach_lag is None else detach_lag)

    def _ask_moto(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        if check := _CHECKS.get(call.operation):
            check(OrganizationState(call), call.parameters)
        if call.operation == "DeleteOrganizationalUnit":
            self._detach_all(OrganizationState(call), call.parameters["OrganizationalUnitId"])
        if key := _MOTO_LISTS.get(call.operation):
            return self._list_of_moto(call, key, proceed)
        response = proceed(call)
        if response.ok and (amend := self._amendments.get(call.operation)):
            amend(OrganizationState(call))
        return response

    def _list_of_moto(self, call: ApiCall, key: str, proceed: Proceed) -> ApiResponse:
        whole = {name: value for name, value in call.parameters.items() if name != "NextToken"}
        response = proceed(call.with_parameters({**whole, "MaxResults": _EVERYTHING}))
        if not response.ok:
            return response
        items = response.json()[key]
        if call.operation == "ListRoots":
            for root in items:
                root["PolicyTypes"] = self._types.unseen.seen(root["Id"], root["PolicyTypes"])
        return self._page(call, key, items)

    def _page(self, call: ApiCall, key: str, items: list[Any]) -> ApiResponse:
        return ApiResponse.of_json(page_of(items, key, call.parameters, self.empty_pages))

    def _enable_policy_type(self, state: OrganizationState, parameters: Parameters) -> dict[str, Any]:
        self._policies.check_type(parameters["PolicyType"])
        return self._types.enable(state, parameters)

    def _disable_policy_type(self, state: OrganizationState, parameters: Parameters) -> dict[str, Any]:
        self._policies.check_type(parameters["PolicyType"])
        return self._types.disable(state, parameters)

    def _later(self, work: Callable[[], None]) -> None:
        def settle() -> None:
            with self._lock:
                work()

        self._clock.spawn(settle, after=self.settling)

    def _detach_all(self, state: OrganizationState, entity_id: str) -> None:
        """Drop the attachments of an OU that goes: moto would still list it as a target."""
        unit = state.find(entity_id)
        for policy in list(unit.attached_policies) if unit is not None else []:
            self._attachments.detach(policy, unit)


def _check_new_unit(state: OrganizationState, parameters: Parameters) -> None:
    parent = state.find(parameters["ParentId"])
    if parent is None or parent.type == "ACCOUNT":
        raise ApiError("ParentNotFoundException", "You specified a parent that doesn't exist.")
    siblings = [entity for entity in state.backend.ou if entity.parent_id == parent.id]
    if any(entity.name == parameters["Name"] for entity in siblings):
        raise ApiError("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")
    if state.depth(parent) >= OU_DEPTH:
        raise constraint_violation("OU_DEPTH_LIMIT_EXCEEDED", "The OU tree is too many levels deep.")


def _check_old_unit(state: OrganizationState, parameters: Parameters) -> None:
    unit_id = parameters["OrganizationalUnitId"]
    if any(entity.parent_id == unit_id for entity in state.entities()):
        message = "The specified OU is not empty. Move or remove what it contains, and try again."
        raise ApiError("OrganizationalUnitNotEmptyException", message)


def _check_child(state: OrganizationState, parameters: Parameters) -> None:
    if state.find(parameters["ChildId"]) is None:
        raise ApiError("ChildNotFoundException", "You specified a child that doesn't exist.")


def _check_move(state: OrganizationState, parameters: Parameters) -> None:
    account = state.find(parameters["AccountId"])
    if account is None:
        raise ApiError("AccountNotFoundException", "You specified an account that doesn't exist.")
    if state.find(parameters["SourceParentId"]) is None:
        raise ApiError("SourceParentNotFoundException", "You specified a source that doesn't exist.")
    if state.find(parameters["DestinationParentId"]) is None:
        message = "You specified a destination that doesn't exist."
        raise ApiError("DestinationParentNotFoundException", message)
    if account.parent_id == parameters["DestinationParentId"]:
        message = "That account is already present in the specified destination."
        raise ApiError("DuplicateAccountException", message)


_CHECKS: dict[str, Callable[[OrganizationState, Parameters], None]] = {
    "CreateOrganizationalUnit": _check_new_unit,
    "DeleteOrganizationalUnit": _check_old_unit,
    "ListParents": _check_child,
    "MoveAccount": _check_move,
}

"""The rules for policies and their attachments: one small function each.

Sources: botocore's Organizations model (the errors and their reasons), "Quotas and service limits for
AWS Organizations" in the user guide, and live error texts quoted in public issues, named at the text.
The order of the checks is not documented: the form of the ids comes first, then what exists, then
what is allowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.organizations.models import FakePolicy

from localaws.gateway import ApiError
from localaws.lagging import Lagging
from localaws.organization_state import constraint_violation, invalid_input, policy_not_found
from localaws.policy_grammar import is_well_formed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localaws.attachments import Attachments
    from localaws.clock import Clock
    from localaws.organization_state import OrganizationState, Parameters
    from localaws.policy_limits import PolicyLimits

_UNDETACHABLE = "p-RCPFullAWSAccess"
_ARN = "arn:{{0}}:organizations::{{1}}:policy/{{2}}/{segment}/{{3}}"
"""moto fills in partition, account, organization and id (source: Service Authorization Reference)."""


class Policies:
    """Create, change, attach and list the policies of an organization.

    Parameters
    ----------
    limits : mapping of str to PolicyLimits
        The limits of each policy type; read at every call.
    attachments : Attachments
        Where attachments are made and read.
    clock : Clock
        Tells when a change of a policy becomes visible.

    Attributes
    ----------
    unseen : Lagging
        What DescribePolicy still shows of a policy: None before it was created.
    """

    def __init__(self, limits: Mapping[str, PolicyLimits], attachments: Attachments, clock: Clock) -> None:
        self.unseen: Lagging[dict[str, Any] | None] = Lagging(clock)
        self._limits = limits
        self._attachments = attachments

    def attach(self, state: OrganizationState, parameters: Parameters) -> dict[str, Any]:
        """Answer AttachPolicy."""
        policy, target = state.policy(parameters["PolicyId"]), state.target(parameters["TargetId"])
        _check_enabled(state, policy)
        _check_not_attached(policy, target)
        self._check_room(policy, target)
        self._attachments.attach(policy, target)
        return {}

    def detach(self, state: OrganizationState, parameters: Parameters) -> dict[str, Any]:
        """Answer DetachPolicy."""
        policy, target = state.policy(parameters["PolicyId"]), state.target(parameters["TargetId"])
        _check_attached(policy, target)
        _check_detachable(policy)
        self._check_not_last(policy, target)
        self._attachments.detach(policy, target)
        return {}

    def create(self, state: OrganizationState, parameters: Parameters) -> dict[str, Any]:
        """Answer CreatePolicy."""
        kind = parameters["Type"]
        self.check_type(kind)
        self._check_document(kind, parameters["Content"])
        _check_name(state, kind, parameters["Name"])
        self._check_count(state, kind)
        policy = _new_policy(state, parameters)
        state.backend.policies.append(policy)
        self.unseen.change(policy.id, None)
        return _described(policy)

    def update(self, state: OrganizationState, parameters: Parameters) -> dict[str, Any]:
        """Answer UpdatePolicy."""
        policy = state.policy(parameters["PolicyId"])
        _check_mutable(policy)
        if "Content" in parameters:
            self._check_document(policy.type, parameters["Content"])
        if parameters.get("Name", policy.name) != policy.name:
            _check_name(state, policy.type, parameters["Name"])
        self.unseen.change(policy.id, _described(policy))
        policy.name = parameters.get("Name", policy.name)
        policy.description = parameters.get("Description", policy.description)
        policy.content = parameters.get("Content", policy.content)
        return _described(policy)

    def delete(self, state: OrganizationState, parameters: Parameters) -> dict[str, Any]:
        """Answer DeletePolicy."""
        policy = state.policy(parameters["PolicyId"])
        _check_mutable(policy)
        _check_unused(policy)
        state.backend.policies.remove(policy)
        self.unseen.change(policy.id, _described(policy))
        return {}

    def describe(self, state: OrganizationState, parameters: Parameters) -> dict[str, Any]:
        """Answer DescribePolicy."""
        found = state.find_policy(parameters["PolicyId"])
        now = None if found is None else _described(found)
        seen = self.unseen.seen(parameters["PolicyId"], now)
        if seen is None:
            raise policy_not_found()
        return seen

    def all(self, state: OrganizationState, parameters: Parameters) -> list[Any]:
        """Return what ListPolicies lists, whole."""
        self.check_type(parameters["Filter"])
        return [_summary(policy) for policy in state.backend.policies if policy.type == parameters["Filter"]]

    def of_target(self, state: OrganizationState, parameters: Parameters) -> list[Any]:
        """Return what ListPoliciesForTarget lists, whole."""
        self.check_type(parameters["Filter"])
        attached = self._attachments.policies_of(state.target(parameters["TargetId"]))
        return [_summary(policy) for policy in attached if policy.type == parameters["Filter"]]

    def targets(self, state: OrganizationState, parameters: Parameters) -> list[Any]:
        """Return what ListTargetsForPolicy lists, whole."""
        return [
            {"TargetId": target.id, "Arn": target.arn, "Name": target.name, "Type": target.type}
            for target in self._attachments.targets_of(state.policy(parameters["PolicyId"]))
        ]

    def check_type(self, kind: str) -> None:
        """Refuse a policy type that does not exist.

        Raises
        ------
        ApiError
            InvalidInputException.
        """
        if kind not in self._limits:
            raise invalid_input("INVALID_ENUM_POLICY_TYPE", "You specified an invalid policy type string.")

    def _check_room(self, policy: Any, target: Any) -> None:
        if _count(target, policy.type) >= self._limits[policy.type].attached:
            # Live text: hashicorp/terraform-provider-aws#41493.
            message = "You have attached the maximum number of policies to the specified target."
            raise constraint_violation("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", message)

    def _check_not_last(self, policy: Any, target: Any) -> None:
        if _count(target, policy.type) <= self._limits[policy.type].at_least:
            # Live text: hashicorp/terraform-provider-aws#26797.
            message = (
                "You cannot remove the last policy attached to the specified target. "
                "You must have at least one attached at all times."
            )
            raise constraint_violation("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", message)

    def _check_document(self, kind: str, content: str) -> None:
        if not is_well_formed(kind, content):
            message = "The provided policy document does not meet the requirements of the policy type."
            raise ApiError("MalformedPolicyDocumentException", message)
        # The quota counts characters, white space included, exactly as an SDK sent them.
        if len(content) > self._limits[kind].characters:
            message = "You have exceeded the maximum policy size."
            raise constraint_violation("POLICY_CONTENT_LIMIT_EXCEEDED", message)

    def _check_count(self, state: OrganizationState, kind: str) -> None:
        number = sum(policy.type == kind for policy in state.backend.policies)
        if number >= self._limits[kind].in_organization:
            message = "You have reached the maximum number of policies of this type."
            raise constraint_violation("POLICY_NUMBER_LIMIT_EXCEEDED", message)


def type_not_enabled() -> ApiError:
    """Return the error for a policy type that is not, or not yet, or no longer enabled in the root."""
    message = "This operation can be performed only for enabled policy types."
    return ApiError("PolicyTypeNotEnabledException", message)


def _check_enabled(state: OrganizationState, policy: Any) -> None:
    if state.status_of(policy.type) != "ENABLED":
        raise type_not_enabled()


def _check_not_attached(policy: Any, target: Any) -> None:
    if policy in target.attached_policies:
        # The live text is that of DuplicatePolicyException, as users of Terraform report it.
        message = "A policy with the specified name and type already exists."
        raise ApiError("DuplicatePolicyAttachmentException", message)


def _check_attached(policy: Any, target: Any) -> None:
    if policy not in target.attached_policies:
        message = "The policy isn't attached to the specified target."
        raise ApiError("PolicyNotAttachedException", message)


def _check_detachable(policy: Any) -> None:
    if policy.id == _UNDETACHABLE:
        raise invalid_input("NON_DETACHABLE_POLICY", "You can't detach this AWS managed policy.")


def _check_mutable(policy: Any) -> None:
    if policy.aws_managed:
        message = "You specified a policy that is managed by AWS and can't be modified."
        raise invalid_input("IMMUTABLE_POLICY", message)


def _check_unused(policy: Any) -> None:
    if policy.attachments:
        message = "The policy is attached to one or more entities. Detach it from all of them first."
        raise ApiError("PolicyInUseException", message)


def _check_name(state: OrganizationState, kind: str, name: str) -> None:
    if any(policy.type == kind and policy.name == name for policy in state.backend.policies):
        message = "A policy with the specified name and type already exists."
        raise ApiError("DuplicatePolicyException", message)


def _count(target: Any, kind: str) -> int:
    return sum(policy.type == kind for policy in target.attached_policies)


def _new_policy(state: OrganizationState, parameters: Parameters) -> Any:
    # moto refuses the types that it does not know, and nothing but the ARN depends on the type.
    policy = FakePolicy(state.backend.org, **{**parameters, "Type": "TAG_POLICY"})
    policy.type = parameters["Type"]
    policy._arn_format = _ARN.format(segment=policy.type.lower())  # noqa: SLF001 - moto has no setter
    return policy


def _summary(policy: Any) -> dict[str, Any]:
    summary: dict[str, Any] = policy.describe()["Policy"]["PolicySummary"]
    return summary


def _described(policy: Any) -> dict[str, Any]:
    return {"Policy": {"PolicySummary": _summary(policy), "Content": policy.content}}

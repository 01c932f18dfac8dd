"""One organization as moto keeps it, asked with the errors of the real API.

moto names unknown targets after their kind and accepts every id; the real API knows one error for
all targets and checks the form of ids first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from moto.organizations.models import organizations_backends
from moto.utilities.utils import get_partition

from localaws.gateway import ApiError
from localaws.identities import account_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localaws.gateway import ApiCall

    Parameters = Mapping[str, Any]

# Source: the patterns of botocore's Organizations model, each meant for the whole id.
_POLICY_ID = re.compile(r"p-[0-9a-zA-Z_]{8,128}")
_ROOT_ID = re.compile(r"r-[0-9a-z]{4,32}")
_TARGET_ID = re.compile(r"r-[0-9a-z]{4,32}|\d{12}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}")


def invalid_input(reason: str, message: str) -> ApiError:
    """Return the error for a parameter that cannot be right.

    Parameters
    ----------
    reason : str
        A value of InvalidInputExceptionReason in botocore's Organizations model.
    message : str
        The text of the error.
    """
    return ApiError("InvalidInputException", message, Reason=reason)


def constraint_violation(reason: str, message: str) -> ApiError:
    """Return the error for a limit that a call would break.

    Parameters
    ----------
    reason : str
        A value of ConstraintViolationExceptionReason in botocore's Organizations model.
    message : str
        The text of the error.
    """
    return ApiError("ConstraintViolationException", message, Reason=reason)


def policy_not_found() -> ApiError:
    """Return the error for a policy that does not exist."""
    message = "We can't find a policy with the PolicyId that you specified."
    return ApiError("PolicyNotFoundException", message)


class OrganizationState:
    """The organization of a call's account.

    Parameters
    ----------
    call : ApiCall
        The call; its account is the management account.

    Raises
    ------
    ApiError
        AWSOrganizationsNotInUseException if the account has no organization.
    """

    def __init__(self, call: ApiCall) -> None:
        self.backend: Any = organizations_backends[account_of(call)][get_partition(call.region)]
        if self.backend.org is None:
            raise ApiError(
                "AWSOrganizationsNotInUseException", "Your account is not a member of an organization."
            )

    @property
    def root(self) -> Any:
        """The organization's only root."""
        return next(entity for entity in self.backend.ou if entity.id == self.backend.org.root_id)

    def entities(self) -> Iterator[Any]:
        """Yield everything that a policy can be attached to: the root, all OUs and all accounts."""
        yield from self.backend.ou
        yield from self.backend.accounts

    def policy(self, policy_id: str) -> Any:
        """Return the policy with this id.

        Raises
        ------
        ApiError
            InvalidInputException or PolicyNotFoundException.
        """
        found = self.find_policy(policy_id)
        if found is None:
            raise policy_not_found()
        return found

    def find_policy(self, policy_id: str) -> Any | None:
        """Return the policy with this id, if there is one.

        Raises
        ------
        ApiError
            InvalidInputException.
        """
        if not _POLICY_ID.fullmatch(policy_id):
            raise invalid_input("INVALID_SYNTAX_POLICY_ID", "You specified an invalid policy ID.")
        return next((policy for policy in self.backend.policies if policy.id == policy_id), None)

    def target(self, target_id: str) -> Any:
        """Return the root, OU or account with this id.

        Raises
        ------
        ApiError
            InvalidInputException or TargetNotFoundException.
        """
        if not _TARGET_ID.fullmatch(target_id):
            message = "You specified a policy target ID that doesn't match the required pattern."
            raise invalid_input("INVALID_PATTERN_TARGET_ID", message)
        found = self.find(target_id)
        if found is None:
            raise ApiError("TargetNotFoundException", "You specified a target that doesn't exist.")
        return found

    def root_with(self, root_id: str) -> Any:
        """Return the root if it has this id.

        Raises
        ------
        ApiError
            InvalidInputException or RootNotFoundException.
        """
        if not _ROOT_ID.fullmatch(root_id):
            message = "You provided a value that does not match the required pattern."
            raise invalid_input("INVALID_PATTERN", message)
        if root_id != self.root.id:
            raise ApiError("RootNotFoundException", "You specified a root that doesn't exist.")
        return self.root

    def find(self, entity_id: str) -> Any | None:
        """Return the root, OU or account with this id, if there is one."""
        return next((entity for entity in self.entities() if entity.id == entity_id), None)

    def depth(self, entity: Any) -> int:
        """Return how many OUs lie between the root and `entity`, itself included; the root has 0."""
        levels = 0
        while entity.parent_id is not None:
            levels += 1
            entity = self.find(entity.parent_id)
        return levels

    def status_of(self, policy_type: str) -> str | None:
        """Return the status of a policy type in the root: None if it is not enabled at all."""
        statuses = {row["Type"]: row["Status"] for row in self.root.policy_types}
        return statuses.get(policy_type)

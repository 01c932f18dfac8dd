"""The organization's resource policy, with which the management account delegates: one at most.

Source: PutResourcePolicy, DescribeResourcePolicy and DeleteResourcePolicy in botocore's Organizations model.
What the policy allows is not evaluated: every caller here is the management account.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from localaws.gateway import ApiError
from localaws.organization_state import invalid_input

if TYPE_CHECKING:
    from localaws.organization_state import OrganizationState, Parameters


class DelegationPolicies:
    """Keep the resource policy of each organization."""

    def __init__(self) -> None:
        self._contents: dict[str, str] = {}

    def put(self, state: OrganizationState, parameters: Parameters) -> dict[str, Any]:
        """Answer PutResourcePolicy."""
        content = parameters["Content"]
        _check(content)
        self._contents[state.backend.org.id] = content
        return self.describe(state, parameters)

    def describe(self, state: OrganizationState, _parameters: Parameters) -> dict[str, Any]:
        """Answer DescribeResourcePolicy."""
        organization = state.backend.org
        if organization.id not in self._contents:
            raise _not_found()
        policy_id = f"rp-{hashlib.sha256(organization.id.encode()).hexdigest()[:8]}"
        owner = organization.master_account_id
        arn = f"arn:aws:organizations::{owner}:resourcepolicy/{organization.id}/{policy_id}"
        summary = {"Id": policy_id, "Arn": arn}
        return {
            "ResourcePolicy": {"ResourcePolicySummary": summary, "Content": self._contents[organization.id]}
        }

    def delete(self, state: OrganizationState, _parameters: Parameters) -> dict[str, Any]:
        """Answer DeleteResourcePolicy."""
        if self._contents.pop(state.backend.org.id, None) is None:
            raise _not_found()
        return {}


def _check(content: str) -> None:
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    if not isinstance(document, dict) or "Statement" not in document:
        message = "You provided a resource policy that isn't valid JSON or lacks a statement."
        raise invalid_input("INVALID_RESOURCE_POLICY_JSON", message)


def _not_found() -> ApiError:
    return ApiError("ResourcePolicyNotFoundException", "We can't find a resource policy in the organization.")

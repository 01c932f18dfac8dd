"""The Organizations API: the one module that calls it, and the one place that judges its errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeGuard

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from holdfast.attachment import Attachment, LivePolicy, PolicySummary, PolicyType
from holdfast.calling import BUSY, ONE_ATTEMPT, THROTTLED, is_unreachable, without_token
from holdfast.errors import (
    AttachmentQuotaExceededError,
    OrganizationsBusyError,
    OrganizationsError,
    OrganizationsRefusedError,
    OrganizationsThrottledError,
    PermissionMissingError,
    PolicyGoneError,
    PolicyNameTakenError,
    PolicyTypeDisabledError,
    TargetGoneError,
)
from holdfast.incident import AttachResult, Observation
from holdfast.pacing import QUARTER, Pace
from holdfast.timestamps import parse_http_date

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

_BUSY = (*BUSY, "ConcurrentModificationException", "PolicyChangesInProgressException")
_ERROR_OF_CODE: Mapping[str, type[OrganizationsError]] = {
    **dict.fromkeys(THROTTLED, OrganizationsThrottledError),
    **dict.fromkeys(_BUSY, OrganizationsBusyError),
    "DuplicatePolicyException": PolicyNameTakenError,
    "PolicyNotFoundException": PolicyGoneError,
    "TargetNotFoundException": TargetGoneError,
    "PolicyTypeNotEnabledException": PolicyTypeDisabledError,
    "AccessDeniedException": PermissionMissingError,
    "AccessDenied": PermissionMissingError,
}
_ERROR_OF_REASON: Mapping[str, type[OrganizationsError]] = {
    "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED": AttachmentQuotaExceededError,
}
_ERROR_OF_STATUS: Mapping[int, type[OrganizationsError]] = {
    429: OrganizationsThrottledError,
    **dict.fromkeys(range(500, 600), OrganizationsBusyError),
}


@dataclass(frozen=True, slots=True)
class Root:
    """The organization's root.

    Parameters
    ----------
    root_id : str
        `r-…`.
    statuses : mapping of str to str
        ENABLED, PENDING_ENABLE or PENDING_DISABLE by policy type; a type that is off is not there.
        Source: botocore's model of PolicyTypeSummary.
    """

    root_id: str
    statuses: Mapping[str, str]


class Organizations:
    """Ask Organizations, one attempt a call.

    Every method raises a subclass of `OrganizationsError`, which is a `RetryableError` too if the same call
    may succeed later.

    Parameters
    ----------
    client : OrganizationsClient
        A boto3 client that makes one attempt.
    before : callable, optional
        Called with the operation's name before each call: it keeps a pace, or counts.
    """

    def __init__(self, client: OrganizationsClient, before: Callable[[str], None] | None = None) -> None:
        self._client = client
        self._before = before or _at_once

    def paced(self, before: Callable[[str], None]) -> Organizations:
        """Return the same connection, with `before` called before each call."""
        return Organizations(self._client, before)

    def observe(self, attachment: Attachment, policy_type: PolicyType) -> Observation:
        """Return whether a read shows the attachment; the time is that of Organizations' own answer.

        Every page is read until the policy shows: "always check NextToken even if you receive an empty
        result set" (source: botocore's model of ListPoliciesForTarget).
        """
        for page, at in self._pages_for_target(attachment.target_id, policy_type):
            if any(summary.policy_id == attachment.policy_id for summary in page):
                return Observation(attached=True, at=at)
        return Observation(attached=False, at=at)

    def policies_on(self, target_id: str, policy_type: PolicyType) -> tuple[PolicySummary, ...]:
        """Return the policies of a type that are attached to the target itself."""
        pages = self._pages_for_target(target_id, policy_type)
        return tuple(summary for page, _ in pages for summary in page)

    def attach(self, attachment: Attachment) -> tuple[AttachResult, datetime]:
        """Attach the policy; return what Organizations answered, and when by its own clock."""
        self._before("AttachPolicy")
        try:
            response = self._client.attach_policy(
                PolicyId=attachment.policy_id, TargetId=attachment.target_id
            )
        except (ClientError, BotoCoreError) as error:
            if _is_duplicate(error):
                return AttachResult.ALREADY_ATTACHED, _answered_at(error.response)
            raise judge("AttachPolicy", error) from error
        return AttachResult.ATTACHED, _answered_at(response)

    def policy(self, policy_id: str) -> LivePolicy:
        """Return the policy with its text."""
        return _live_policy(self._ask("DescribePolicy", PolicyId=policy_id))

    def root(self) -> Root:
        """Return the root with the policy types that are switched on, or being switched."""
        for page in self._pages("ListRoots"):
            for root in page["Roots"]:
                statuses = {entry["Type"]: entry["Status"] for entry in root["PolicyTypes"]}
                return Root(root["Id"], statuses)
        raise OrganizationsRefusedError("ListRoots", "NoRoot", "no page shows the root")

    def targets_of(self, policy_id: str) -> frozenset[str]:
        """Return the ids of all roots, OUs and accounts that a policy is attached to."""
        pages = self._pages("ListTargetsForPolicy", PolicyId=policy_id)
        return frozenset(target["TargetId"] for page in pages for target in page["Targets"])

    def policies_of_type(self, policy_type: PolicyType) -> Iterator[PolicySummary]:
        """Yield every policy of a type, wherever it is attached."""
        for page in self._pages("ListPolicies", Filter=policy_type.value):
            for policy in page["Policies"]:
                yield PolicySummary(policy["Id"], policy["Name"], policy["AwsManaged"])

    def enable_type(self, root_id: str, policy_type: PolicyType) -> None:
        """Ask for a policy type to be switched on; that it is on already is an answer.

        The call only begins it. Source: botocore's model of EnablePolicyType, "asynchronous request".
        """
        try:
            self._ask("EnablePolicyType", RootId=root_id, PolicyType=policy_type.value)
        except OrganizationsError as error:
            if error.code != "PolicyTypeAlreadyEnabledException":
                raise

    def create_policy(self, name: str, description: str, policy_type: PolicyType, content: str) -> LivePolicy:
        """Create a policy; raises `PolicyNameTakenError` if one of that name and type is there."""
        created = self._ask(
            "CreatePolicy", Name=name, Description=description, Type=policy_type.value, Content=content
        )
        return _live_policy(created)

    def update_text(self, policy_id: str, content: str, description: str) -> None:
        """Replace a policy's text and description; its name stays."""
        self._ask("UpdatePolicy", PolicyId=policy_id, Content=content, Description=description)

    def account_name(self, account_id: str) -> str:
        """Return an account's name."""
        return str(self._ask("DescribeAccount", AccountId=account_id)["Account"]["Name"])

    def unit_name(self, unit_id: str) -> str:
        """Return an OU's name."""
        unit = self._ask("DescribeOrganizationalUnit", OrganizationalUnitId=unit_id)
        return str(unit["OrganizationalUnit"]["Name"])

    def parent(self, child_id: str) -> str:
        """Return the id of the root or OU that an OU or account is in."""
        for page in self._pages("ListParents", ChildId=child_id):
            for parent in page["Parents"]:
                return str(parent["Id"])
        raise OrganizationsRefusedError("ListParents", "NoParent", f"no page shows the parent of {child_id}")

    def child_units(self, parent_id: str) -> Iterator[tuple[str, ...]]:
        """Yield the ids of the OUs directly below a root or OU, a tuple a page."""
        for page in self._pages("ListOrganizationalUnitsForParent", ParentId=parent_id):
            yield tuple(unit["Id"] for unit in page["OrganizationalUnits"])

    def child_accounts(self, parent_id: str) -> Iterator[tuple[str, ...]]:
        """Yield the ids of the accounts directly below a root or OU, a tuple a page."""
        for page in self._pages("ListAccountsForParent", ParentId=parent_id):
            yield tuple(account["Id"] for account in page["Accounts"])

    def _pages_for_target(
        self, target_id: str, policy_type: PolicyType
    ) -> Iterator[tuple[tuple[PolicySummary, ...], datetime]]:
        for page in self._pages("ListPoliciesForTarget", TargetId=target_id, Filter=policy_type.value):
            summaries = tuple(
                PolicySummary(policy["Id"], policy["Name"], policy["AwsManaged"])
                for policy in page["Policies"]
            )
            yield summaries, _answered_at(page)

    def _pages(self, operation: str, **request: str) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            page = self._ask(operation, **request, **token)
            yield page
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _ask(self, operation: str, **request: str) -> dict[str, Any]:
        self._before(operation)
        call: Callable[..., dict[str, Any]] = getattr(self._client, _METHOD_OF_OPERATION[operation])
        try:
            return call(**request)
        except (ClientError, BotoCoreError) as error:
            raise judge(operation, error) from error


def _live_policy(response: Mapping[str, Any]) -> LivePolicy:
    summary = response["Policy"]["PolicySummary"]
    return LivePolicy(
        policy_id=summary["Id"],
        name=summary["Name"],
        description=summary.get("Description", ""),
        policy_type=PolicyType(summary["Type"]),
        content=response["Policy"]["Content"],
    )


_METHOD_OF_OPERATION = {
    "CreatePolicy": "create_policy",
    "DescribeAccount": "describe_account",
    "DescribeOrganizationalUnit": "describe_organizational_unit",
    "DescribePolicy": "describe_policy",
    "EnablePolicyType": "enable_policy_type",
    "ListAccountsForParent": "list_accounts_for_parent",
    "ListOrganizationalUnitsForParent": "list_organizational_units_for_parent",
    "ListParents": "list_parents",
    "ListPolicies": "list_policies",
    "ListPoliciesForTarget": "list_policies_for_target",
    "ListRoots": "list_roots",
    "ListTargetsForPolicy": "list_targets_for_policy",
    "UpdatePolicy": "update_policy",
}


def judge(operation: str, error: ClientError | BotoCoreError) -> OrganizationsError:
    """Return what an error of the SDK means: try later, or never.

    Parameters
    ----------
    operation : str
        The API's name of the operation.
    error : ClientError or BotoCoreError
        What boto3 raised.

    Returns
    -------
    OrganizationsError
        `OrganizationsThrottledError`; `OrganizationsBusyError` for changes in progress, for the service's own
        faults and for connections that failed; the specific error, or `OrganizationsRefusedError`, for all
        others.
    """
    if not isinstance(error, ClientError):
        kind = OrganizationsBusyError if is_unreachable(error) else OrganizationsRefusedError
        return kind(operation, type(error).__name__, str(error))
    response: Mapping[str, Any] = error.response
    code, message = response["Error"].get("Code", "Unknown"), response["Error"].get("Message", "")
    # boto3 puts the Reason beside Error, not inside it.
    reason = response.get("Reason")
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    unknown = _ERROR_OF_STATUS.get(status, OrganizationsRefusedError)
    judged = _ERROR_OF_REASON.get(reason or "") or _ERROR_OF_CODE.get(code, unknown)
    return judged(operation, code, without_token(message), reason)


@cache
def connect() -> Organizations:
    """Return the connection of this process, made at the first call and kept while the function is warm."""
    return Organizations(_client())


@cache
def connect_paced() -> Organizations:
    """Return a connection of this process that reads at a quarter of the published rates and no faster."""
    return Organizations(_client(), Pace(QUARTER))


def _client() -> OrganizationsClient:
    # Its notices of where it found credentials and endpoint are no news.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    return boto3.client("organizations", config=ONE_ATTEMPT)


def _at_once(operation: str) -> None:
    """Let a call go ahead without waiting."""


def _is_duplicate(error: ClientError | BotoCoreError) -> TypeGuard[ClientError]:
    """Tell whether the policy was attached already: an answer, not an error."""
    return (
        isinstance(error, ClientError)
        and error.response["Error"].get("Code") == "DuplicatePolicyAttachmentException"
    )


def _answered_at(response: Mapping[str, Any]) -> datetime:
    """Return when Organizations answered, by its own clock, or by ours where the answer does not say."""
    try:
        return parse_http_date(response["ResponseMetadata"]["HTTPHeaders"]["date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)

"""The Organizations API: the one module that calls AWS, and the one place that judges its errors."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004

from holdfast.attachment import Attachment, PolicySummary, PolicyType
from holdfast.errors import (
    AttachmentQuotaExceededError,
    OrganizationsBusyError,
    OrganizationsError,
    OrganizationsRefusedError,
    OrganizationsThrottledError,
    PermissionMissingError,
    PolicyGoneError,
    PolicyTypeDisabledError,
    TargetGoneError,
)
from holdfast.incident import AttachResult, Observation
from holdfast.timestamps import parse_http_date

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

ONE_ATTEMPT = Config(
    retries={"mode": "standard", "total_max_attempts": 1},
    connect_timeout=2,
    read_timeout=5,
)
"""Retries belong to Step Functions: the SDK's own would multiply them and outlive the function."""

# Source of the codes: botocore's Organizations model, and for those that it does not model (throttling and
# denial by the front door) the "Common errors" page of the API reference.
_THROTTLED = (
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)
_BUSY = (
    "ConcurrentModificationException",
    # A warm function's own credentials, which a later invocation has renewed.
    "ExpiredToken",
    "ExpiredTokenException",
    "InternalFailure",
    "InternalServerError",
    "PolicyChangesInProgressException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
)
_ERROR_OF_CODE: Mapping[str, type[OrganizationsError]] = {
    **dict.fromkeys(_THROTTLED, OrganizationsThrottledError),
    **dict.fromkeys(_BUSY, OrganizationsBusyError),
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
# A refused signature is answered with the request that was signed, session token included.
_SESSION_TOKEN = re.compile(r"(x-amz-security-token:)\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy with its text."""

    name: str
    content: str


class Organizations:
    """Ask Organizations, one attempt a call.

    Every method raises a subclass of `OrganizationsError`, which is a `RetryableError` too if the same call
    may succeed later.

    Parameters
    ----------
    client : OrganizationsClient
        A boto3 client that makes one attempt.
    """

    def __init__(self, client: OrganizationsClient) -> None:
        self._client = client

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
        try:
            response = self._client.attach_policy(
                PolicyId=attachment.policy_id, TargetId=attachment.target_id
            )
        except (ClientError, BotoCoreError) as error:
            if _is_duplicate(error):
                return AttachResult.ALREADY_ATTACHED, _answered_at(error.response)
            raise judge("AttachPolicy", error) from error
        return AttachResult.ATTACHED, _answered_at(response)

    def policy(self, policy_id: str) -> Policy:
        """Return the policy with its text."""
        response = self._ask("DescribePolicy", PolicyId=policy_id)["Policy"]
        return Policy(response["PolicySummary"]["Name"], response["Content"])

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
        call: Callable[..., dict[str, Any]] = getattr(self._client, _METHOD_OF_OPERATION[operation])
        try:
            return call(**request)
        except (ClientError, BotoCoreError) as error:
            raise judge(operation, error) from error


_METHOD_OF_OPERATION = {
    "DescribeAccount": "describe_account",
    "DescribeOrganizationalUnit": "describe_organizational_unit",
    "DescribePolicy": "describe_policy",
    "ListAccountsForParent": "list_accounts_for_parent",
    "ListOrganizationalUnitsForParent": "list_organizational_units_for_parent",
    "ListParents": "list_parents",
    "ListPoliciesForTarget": "list_policies_for_target",
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
        unreachable = isinstance(error, HTTPClientError | ConnectionError)
        kind = OrganizationsBusyError if unreachable else OrganizationsRefusedError
        return kind(operation, type(error).__name__, str(error))
    response: Mapping[str, Any] = error.response
    code, message = response["Error"].get("Code", "Unknown"), response["Error"].get("Message", "")
    # boto3 puts the Reason beside Error, not inside it.
    reason = response.get("Reason")
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    unknown = _ERROR_OF_STATUS.get(status, OrganizationsRefusedError)
    judged = _ERROR_OF_REASON.get(reason or "") or _ERROR_OF_CODE.get(code, unknown)
    return judged(operation, code, _SESSION_TOKEN.sub(r"\1…", message), reason)


@cache
def connect() -> Organizations:
    """Return the connection of this process, made at the first call and kept while the function is warm."""
    # Its notices of where it found credentials and endpoint are no news.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    return Organizations(boto3.client("organizations", config=ONE_ATTEMPT))


def unless_refused(ask: Callable[[], T]) -> T | None:
    """Return what `ask` returns, or None if Organizations does not answer: for what is good to know only."""
    try:
        return ask()
    except OrganizationsError as error:
        _LOG.info("done without: %s", error)
        return None


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

"""The ways in which Organizations can refuse a call, and what Holdfast calls each.

Source of the codes: botocore's Organizations model, and for those that it does not model the "Common errors"
page of the API reference.
"""

from __future__ import annotations

import pytest

from localaws.gateway import ApiError

CONNECTION_LOST = None
"""What `Faults.fail_call` takes for a connection that ends without an answer."""

THROTTLED = {
    "TooManyRequestsException": ApiError("TooManyRequestsException", "Slow down.", Type="Throttling"),
    "ThrottlingException": ApiError("ThrottlingException", "Rate exceeded"),
    "RequestLimitExceeded": ApiError("RequestLimitExceeded", "Rate exceeded"),
}
"""What a little patience gets through."""

BUSY = {
    "ConcurrentModificationException": ApiError("ConcurrentModificationException", "Another attempt."),
    "PolicyChangesInProgressException": ApiError("PolicyChangesInProgressException", "In progress."),
    "ServiceException": ApiError("ServiceException", "Our fault.", status=500),
    "InternalFailure": ApiError("InternalFailure", "", status=500),
    "ServiceUnavailable": ApiError("ServiceUnavailable", "", status=503),
    "an answer of a proxy": ApiError("BadGateway", "", status=502),
    "no answer": CONNECTION_LOST,
}
"""What clears up by waiting."""

PASSING = [
    *(pytest.param("OrganizationsThrottledError", error, id=name) for name, error in THROTTLED.items()),
    *(pytest.param("OrganizationsBusyError", error, id=name) for name, error in BUSY.items()),
]
"""Both, each with the name of Holdfast's error."""

TERMINAL = {
    "PolicyGoneError": ApiError("PolicyNotFoundException", "We can't find a policy."),
    "TargetGoneError": ApiError("TargetNotFoundException", "We can't find a target."),
    "PolicyTypeDisabledError": ApiError("PolicyTypeNotEnabledException", "Only for enabled types."),
    "PermissionMissingError": ApiError("AccessDeniedException", "You may not."),
    "PermissionMissingError, by the front door": ApiError("AccessDenied", "You may not."),
    "AttachmentQuotaExceededError": ApiError(
        "ConstraintViolationException", "Full.", Reason="MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    ),
    "OrganizationsRefusedError, a constraint": ApiError(
        "ConstraintViolationException", "No.", Reason="ORGANIZATION_NOT_IN_ALL_FEATURES_MODE"
    ),
    "OrganizationsRefusedError, a constraint without reason": ApiError("ConstraintViolationException", "No."),
    "OrganizationsRefusedError, an input": ApiError(
        "InvalidInputException", "No.", Reason="TARGET_NOT_SUPPORTED"
    ),
    "OrganizationsRefusedError, no organization": ApiError(
        "AWSOrganizationsNotInUseException", "No organization."
    ),
    "OrganizationsRefusedError, no such endpoint": ApiError("UnsupportedAPIEndpointException", "Elsewhere."),
    "OrganizationsRefusedError, a code of tomorrow": ApiError("NotInventedYetException", "What?"),
}
"""What waiting does not change, by the name of Holdfast's error."""


def codes(*groups: dict[str, ApiError | None] | dict[str, ApiError]) -> set[str]:
    """Return the error codes of groups of refusals."""
    return {error.code for group in groups for error in group.values() if error is not None}

"""A check of a deployment: what it says, what it needs, and what becomes of one that AWS does not answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import ClientError

from holdfast.errors import BaselineError, OrganizationsError, ServiceError
from holdfast.reconciliation.wiring import is_gone
from holdfast.record import shortened
from holdfast_cli.explaining import EXPLAINED

# Source: "Common errors" of the API references; SNS has a code of its own (API reference, "Errors").
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError"})
"""The codes with which the services refuse a call that the caller may not make."""

# Source: SQS API reference, GetQueueAttributes, in the JSON protocol and in the one before.
_NO_QUEUE = frozenset({"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"})

_SHOWN = 300


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says.

    Parameters
    ----------
    status : Status
        How it ended.
    found : str
        What was found, with its value, in one sentence.
    following : str
        What to do next; empty if nothing is.
    """

    status: Status
    found: str
    following: str = ""


def ok(found: str) -> Verdict:
    """Return the verdict that all is well."""
    return Verdict(Status.OK, found)


def warning(found: str, following: str) -> Verdict:
    """Return the verdict that something has to be read, and may be meant."""
    return Verdict(Status.WARNING, found, following)


def failed(found: str, following: str) -> Verdict:
    """Return the verdict that Holdfast does not work as it should."""
    return Verdict(Status.FAILED, found, following)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is looked at.

    Parameters
    ----------
    name : str
        What it is called on the screen and in the JSON.
    needs : tuple of str
        The IAM actions that it takes, such as `sns:ListSubscriptionsByTopic`.
    judge : callable
        Reads and judges; what AWS refuses may be raised.
    """

    name: str
    needs: tuple[str, ...]
    judge: Callable[[], Verdict]

    def verdict(self) -> Verdict:
        """Return what it says; what could not be read is a warning, and hides no other check."""
        try:
            return self.judge()
        except EXPLAINED as error:
            if isinstance(error, ServiceError) and (is_gone(error) or error.code in _NO_QUEUE):
                return failed(f"it is gone: {_shown(error)}", "Deploy the template again.")
            return not_checked(error)


def not_checked(error: BaseException) -> Verdict:
    """Return the verdict about something that could not be read.

    Parameters
    ----------
    error : BaseException
        One of the errors that a command may end with.
    """
    said = _shown(error)
    if isinstance(error, BaselineError):
        return warning(
            f"could not be checked: {said}",
            "Name the baseline's folder (--folder); `holdfast validate` checks it.",
        )
    permission = permission_of(error)
    if permission is None:
        return warning(
            f"could not be checked: {said}", "Try again; if it stays so, look at the service by hand."
        )
    return warning(
        f"could not be checked: {said}; it needs {permission}",
        f"Run it as somebody who may call {permission}.",
    )


def _shown(error: BaseException) -> str:
    """Return an error in one line."""
    return shortened(" ".join(str(error).split()), _SHOWN)


def permission_of(error: BaseException) -> str | None:
    """Return the IAM action that a refused call wanted; None if it was refused for another reason."""
    if isinstance(error, OrganizationsError) and error.code in DENIED:
        return f"organizations:{error.operation}"
    if isinstance(error, ServiceError) and error.code in DENIED:
        return f"{error.service}:{error.operation}"
    if isinstance(error, ClientError) and error.response["Error"].get("Code") in DENIED:
        return error.operation_name
    return None

"""Every error that Holdfast's tasks raise; the class names are the state machine's `ErrorEquals`.

A task either returns its part of the incident or raises one of these. The state machine retries
`RetryableError`s by name; all others end in `Describe Outcome`, a failure notification and `Fail`.
"""


class HoldfastError(Exception):
    """Anything that Holdfast says has gone wrong. Never raised itself."""


class MalformedEventError(HoldfastError):
    """The event is not a DetachPolicy record. Raised by Verify Detach, told as a failure."""


class ForeignEventError(HoldfastError):
    """The event is of an account that is not ours. Raised by Verify Detach, told as a failure."""


class BaselineError(HoldfastError):
    """The baseline cannot be used. Raised by Verify Detach and Describe Outcome, told as a failure."""


class SettingsError(HoldfastError):
    """An environment variable is missing or wrong. Raised by every task, told as a failure."""


class UnknownSchemaError(HoldfastError):
    """The incident's schema is unknown here. Raised by every task but the first, told as a failure."""


class WidenedPolicyError(HoldfastError):
    """The policy now allows what its stored document does not. Raised by Verify Detach, told as a failure."""


class OrganizationsError(HoldfastError):
    """Organizations did not do what it was asked. Never raised itself.

    Parameters
    ----------
    operation : str
        The API's name of the operation.
    code : str
        The error code as the API answered it, or the name of the connection error.
    message : str
        The text of the API's answer.
    reason : str, optional
        The `Reason` of a ConstraintViolationException or InvalidInputException.
    """

    def __init__(self, operation: str, code: str, message: str, reason: str | None = None) -> None:
        because = f" ({reason})" if reason else ""
        super().__init__(f"{operation}: {code}{because}: {message}")
        self.operation = operation
        self.code = code
        self.reason = reason


class RetryableError(HoldfastError):
    """The same call may succeed later. Never raised itself; its subclasses are what Retry names."""


class OrganizationsBusyError(OrganizationsError, RetryableError):
    """Organizations changes the same entity, or cannot be reached. Retried for half an hour."""


class OrganizationsThrottledError(OrganizationsError, RetryableError):
    """Organizations has had too many requests. Asked again in Reattach Policy, retried for half an hour."""


class AttachmentNotVisibleError(RetryableError):
    """A read does not show the attachment yet. Raised and retried in Confirm Attachment, then told."""


class AttachmentQuotaExceededError(OrganizationsError):
    """The target holds all the policies it may. Raised by Reattach Policy, told with the holders' names."""


class PolicyGoneError(OrganizationsError):
    """The policy was deleted. Raised wherever the policy is needed, told as a failure."""


class TargetGoneError(OrganizationsError):
    """The root, OU or account is no longer there. Raised wherever the target is needed, told as a failure."""


class PolicyTypeDisabledError(OrganizationsError):
    """The policy type is switched off in the root. Raised by Reattach Policy, told as a failure."""


class PermissionMissingError(OrganizationsError):
    """Our role may not make the call. Raised wherever one is made, told as a failure."""


class OrganizationsRefusedError(OrganizationsError):
    """Organizations refused for any other reason, which the message names. Told as a failure."""

"""Every error that Holdfast's tasks raise; the class names are the state machines' `ErrorEquals`.

A task either returns its part of the document or raises one of these. The state machines retry
`RetryableError`s by name; all others are described, told as a failure, and end in `Fail`.
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


class ChangedSuccessorError(HoldfastError):
    """The policy in a guardrail's place has another text. Raised before attaching it, told as a failure."""


class BaselineChangedError(HoldfastError):
    """A deploy changed the baseline during a run. Raised by the reconciliation's tasks, told as a failure."""


class AwsError(HoldfastError):
    """An AWS service did not do what it was asked. Never raised itself."""


class OrganizationsError(AwsError):
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


class TurnPendingError(RetryableError):
    """Another run of the same scope is under way. Raised and retried in Take Turn, then told."""


class PolicyTypePendingError(RetryableError):
    """A policy type is still being switched. Raised and retried in Restore Policy Types, then told."""


class PolicyNotVisibleError(RetryableError):
    """A read does not show a restored policy yet. Raised and retried in Restore Policies, then told."""


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


class PolicyNameTakenError(OrganizationsError):
    """A policy of that name and type is there. Told if Restore Policies finds no other name either."""


class ServiceError(AwsError):
    """Another AWS service than Organizations did not do what it was asked. Never raised itself.

    Parameters
    ----------
    service : str
        The service's name, such as `ssm`.
    operation : str
        The API's name of the operation.
    code : str
        The error code as the API answered it, or the name of the connection error.
    message : str
        The text of the API's answer.
    """

    def __init__(self, service: str, operation: str, code: str, message: str) -> None:
        super().__init__(f"{service} {operation}: {code}: {message}")
        self.service = service
        self.operation = operation
        self.code = code


class ServiceBusyError(ServiceError, RetryableError):
    """Another service throttles, fails, or cannot be reached. Retried for half an hour."""


class ServiceRefusedError(ServiceError):
    """Another service refused for a reason that the message names. Told as a failure."""

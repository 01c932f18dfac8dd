"""How the tasks call AWS: one attempt a call, and one judgement of what went wrong."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004

from holdfast.errors import AwsError, ServiceBusyError, ServiceError, ServiceRefusedError

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

ONE_ATTEMPT = Config(
    retries={"mode": "standard", "total_max_attempts": 1},
    connect_timeout=2,
    read_timeout=5,
)
"""Retries belong to Step Functions: the SDK's own would multiply them and outlive the function."""

# Source of the codes: the services' models, and for those that they do not model (throttling and denial by
# the front door) the "Common errors" pages of the API references.
THROTTLED = (
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
BUSY = (
    # A warm function's own credentials, which a later invocation has renewed.
    "ExpiredToken",
    "ExpiredTokenException",
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
)
_ASK_LATER = frozenset((*THROTTLED, *BUSY, "ProvisionedThroughputExceededException", "InternalServiceError"))

# A refused signature is answered with the request that was signed, session token included.
_SESSION_TOKEN = re.compile(r"(x-amz-security-token:)\S+", re.IGNORECASE)


def call(service: str, operation: str, method: Callable[..., T], **request: Any) -> T:
    """Return what a client's method answers; what the SDK raises becomes one of our errors.

    Parameters
    ----------
    service : str
        The service's name, such as `ssm`.
    operation : str
        The API's name of the operation.
    method : callable
        The client's method.
    **request
        Its parameters.

    Raises
    ------
    ServiceBusyError
        If the same call may succeed later.
    ServiceRefusedError
        For all other answers.
    """
    try:
        return method(**request)
    except (ClientError, BotoCoreError) as error:
        raise judge_service(service, operation, error) from error


def pages(service: str, operation: str, method: Callable[..., Any], **request: Any) -> Iterator[Any]:
    """Yield the pages of a list; raises as `call` does.

    Most services spell the token `NextToken`, some `nextToken`; both are followed.
    """
    token: dict[str, str] = {}
    while True:
        page = call(service, operation, method, **request, **token)
        yield page
        token = {name: page[name] for name in ("NextToken", "nextToken") if page.get(name)}
        if not token:
            return


def judge_service(service: str, operation: str, error: ClientError | BotoCoreError) -> ServiceError:
    """Return what an error of another service than Organizations means: try later, or never."""
    if not isinstance(error, ClientError):
        kind = ServiceBusyError if is_unreachable(error) else ServiceRefusedError
        return kind(service, operation, type(error).__name__, str(error))
    response: Mapping[str, Any] = error.response
    code = response["Error"].get("Code", "Unknown")
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    later = code in _ASK_LATER or status == 429 or status >= 500  # noqa: PLR2004 - HTTP's own numbers
    message = without_token(response["Error"].get("Message", ""))
    return (ServiceBusyError if later else ServiceRefusedError)(service, operation, code, message)


def is_unreachable(error: BotoCoreError) -> bool:
    """Return whether a call may not have reached the service at all."""
    return isinstance(error, HTTPClientError | ConnectionError)


def without_token(message: str) -> str:
    """Return an error's message without the session token that a refused signature quotes."""
    return _SESSION_TOKEN.sub(r"\1…", message)


def unless_refused(ask: Callable[[], T]) -> T | None:
    """Return what `ask` returns, or None if AWS does not answer: for what is good to know only."""
    try:
        return ask()
    except AwsError as error:
        _LOG.info("done without: %s", error)
        return None

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from holdfast.calling import ONE_ATTEMPT, call, judge_service, pages, unless_refused
from holdfast.errors import (
    OrganizationsBusyError,
    RetryableError,
    ServiceBusyError,
    ServiceError,
    ServiceRefusedError,
    SettingsError,
)


def answer(code: str, status: int = 400, message: str = "as it said") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "GetItem",
    )


def raising(error: Exception) -> Callable[..., Any]:
    def method(**_: object) -> None:
        raise error

    return method


def test_a_call_returns_what_the_method_answers() -> None:
    assert call("ssm", "PutParameter", lambda **request: request, Name="x") == {"Name": "x"}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answer("ThrottlingException"), ServiceBusyError),
        (answer("ProvisionedThroughputExceededException"), ServiceBusyError),
        (answer("InternalServerError", 500), ServiceBusyError),
        (answer("ExpiredTokenException"), ServiceBusyError),
        (answer("NobodyKnowsThisException", 503), ServiceBusyError),
        (answer("NobodyKnowsThisException", 429), ServiceBusyError),
        (answer("NobodyKnowsThisException"), ServiceRefusedError),
        (answer("AccessDeniedException"), ServiceRefusedError),
        (answer("ResourceNotFoundException"), ServiceRefusedError),
        (EndpointConnectionError(endpoint_url="https://x"), ServiceBusyError),
        (ReadTimeoutError(endpoint_url="https://x"), ServiceBusyError),
        (NoCredentialsError(), ServiceRefusedError),
    ],
)
def test_an_error_means_try_later_or_never(
    error: ClientError | BotoCoreError, kind: type[ServiceError]
) -> None:
    judged = judge_service("dynamodb", "GetItem", error)
    assert type(judged) is kind
    assert isinstance(judged, RetryableError) is (kind is ServiceBusyError)


def test_an_error_names_service_operation_code_and_message() -> None:
    with pytest.raises(ServiceRefusedError) as raised:
        call("dynamodb", "GetItem", raising(answer("AccessDeniedException", message="no")))
    assert str(raised.value) == "dynamodb GetItem: AccessDeniedException: no"
    assert (raised.value.service, raised.value.operation, raised.value.code) == (
        "dynamodb",
        "GetItem",
        "AccessDeniedException",
    )


def test_an_error_does_not_tell_the_session_token() -> None:
    """A refused signature is answered with the request that was signed."""
    quoted = answer("InvalidSignatureException", message="x-amz-security-token:IQoJSECRET\nhost:x")
    judged = judge_service("ssm", "PutParameter", quoted)
    assert str(judged) == "ssm PutParameter: InvalidSignatureException: x-amz-security-token:…\nhost:x"


@pytest.mark.parametrize("token", ["NextToken", "nextToken"])
def test_every_page_is_asked_for_however_the_token_is_spelled(token: str) -> None:
    asked: list[dict[str, Any]] = []
    answers = [{"page": 1, token: "second"}, {"page": 2, token: "third"}, {"page": 3}]

    def method(**request: Any) -> Any:
        asked.append(request)
        return answers[len(asked) - 1]

    assert [page["page"] for page in pages("ssm", "GetParametersByPath", method, Path="/x")] == [1, 2, 3]
    assert asked == [{"Path": "/x"}, {"Path": "/x", token: "second"}, {"Path": "/x", token: "third"}]


def test_a_page_that_is_refused_is_an_error() -> None:
    with pytest.raises(ServiceBusyError):
        list(pages("ssm", "GetParametersByPath", raising(answer("ThrottlingException"))))


@pytest.mark.parametrize(
    "error",
    [
        ServiceRefusedError("ssm", "GetParametersByPath", "AccessDeniedException", "no"),
        OrganizationsBusyError("ListParents", "TooManyRequestsException", "slow down"),
    ],
)
def test_what_is_good_to_know_only_may_be_refused(error: Exception) -> None:
    assert unless_refused(lambda: "an answer") == "an answer"
    assert unless_refused(raising(error)) is None


def test_our_own_mistakes_are_not_taken_for_a_refusal() -> None:
    with pytest.raises(SettingsError):
        unless_refused(raising(SettingsError("wrong")))


def test_the_sdk_makes_one_attempt() -> None:
    """Retries belong to Step Functions."""
    assert ONE_ATTEMPT.retries == {"mode": "standard", "total_max_attempts": 1}  # type: ignore[attr-defined]

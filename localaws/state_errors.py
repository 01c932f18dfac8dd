"""The names of errors in Step Functions, and what can handle them, where moto differs from AWS.

moto's objects have no types here. The interpreter puts these functions in the place of moto's methods;
where one needs the method that it replaces, that is its first parameter, `otherwise`. The names of the
parameters are moto's.

Source: "Handling errors in Step Functions workflows" in the AWS Step Functions developer guide.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_operator_type import (
    ComparisonOperatorType,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.variable import NoSuchVariable
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

if TYPE_CHECKING:
    from collections.abc import Callable

RUNTIME_ERROR = "States.Runtime"
"""What nothing retries and nothing catches."""

DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"
"""What only its own name catches."""

_WORD = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z][a-z]*\d*|[a-z]+\d*|\d+")

_OPTIMISED_NAMES = {
    "dynamodb": "DynamoDB",
    "events": "EventBridge",
    "lambda": "Lambda",
    "sns": "SNS",
    "sqs": "SQS",
}


def matches(otherwise: Callable[..., None], error_equals: Any, env: Any) -> None:
    """Push whether an `ErrorEquals` names the error on the stack.

    States.ALL catches neither States.Runtime nor States.DataLimitExceeded.
    """
    name = getattr(env.stack[-1], "error_name", None)
    named = any(each.error_name == name for each in error_equals.error_names)
    if name == RUNTIME_ERROR or (name == DATA_LIMIT_EXCEEDED and not named):
        env.stack[-1] = False
    else:
        otherwise(error_equals, env)


def compare(comparison: Any, env: Any) -> None:
    """Push the result of one comparison of a Choice; a missing variable is States.Runtime."""
    comparison.variable.eval(env)
    operator = comparison.comparison_function.operator_type
    if isinstance(env.stack[-1], NoSuchVariable) and operator is not ComparisonOperatorType.IsPresent:
        path = comparison.variable.string_sampler.literal_value
        raise FailureEventException(
            _execution_failure(
                env,
                RUNTIME_ERROR,
                f"Invalid path '{path}': The choice state's condition path references an invalid value.",
            )
        )
    comparison.comparison_function.eval(env)


def choose(otherwise: Callable[..., None], choice: Any, env: Any) -> None:
    """Evaluate a Choice; without a matching rule and without a default it is States.NoChoiceMatched."""
    try:
        otherwise(choice, env)
    except RuntimeError as error:
        if choice.default_state is not None:
            raise
        cause = f"No choice rule of the state '{choice.name}' matched, and it has no Default."
        raise FailureEventException(_execution_failure(env, "States.NoChoiceMatched", cause)) from error


def name_of(error_name: str | None) -> Any:
    """Return the name of an error that left a branch or an iteration; it may be one of the interpreter's."""
    if error_name is not None and error_name.startswith("States."):
        return StatesErrorName.from_name(error_name)
    return CustomErrorName(error_name)


def sdk_name(service_id: str) -> str:
    """Return a service's name in the errors of SDK integrations.

    Parameters
    ----------
    service_id : str
        The service id in botocore's model, such as `DynamoDB`.

    Returns
    -------
    str
        Such as `DynamoDb`: the words of the id, each with one capital, as the AWS SDK for Java 2 names
        its exceptions. Source: "Learning to use AWS service SDK integrations" in the developer guide.
    """
    return "".join(word.capitalize() for word in _WORD.findall(service_id))


def of_topic(otherwise: Callable[..., Any], task: Any, env: Any, ex: Exception) -> Any:
    """Return the failure of `sns:publish`, named after the exception and not after its wire code.

    The two differ: `ParameterValueInvalid` is InvalidParameterValueException. Source: botocore's SNS model.
    """
    event = otherwise(task, env, ex)
    return _renamed(event, f"SNS.{_exception_name(ex)}") if _is_modelled(ex) else event


def of_table(otherwise: Callable[..., Any], task: Any, env: Any, ex: Exception) -> Any:
    """Return the failure of a DynamoDB integration, named after the exception.

    An error that is not in DynamoDB's model, such as a ValidationException or a refused permission, is an
    `AmazonDynamoDBException`.

    Source: "Call DynamoDB APIs with Step Functions" in the developer guide for the prefix; what the AWS
    sample aws-stepfunctions-distributed-semaphore catches for the others.
    """
    event = otherwise(task, env, ex)
    if isinstance(ex, BotoCoreError):
        return _renamed(event, "DynamoDB.SdkClientException")
    if not isinstance(ex, ClientError):
        return event
    name = _exception_name(ex) if _is_modelled(ex) else "AmazonDynamoDBException"
    return _renamed(event, f"DynamoDB.{name}")


def of_bus(otherwise: Callable[..., Any], task: Any, env: Any, ex: Exception) -> Any:
    """Return the failure of `events:putEvents`, its prefix `EventBridge.` and its cause a text.

    Source: "Add EventBridge events with Step Functions" in the developer guide for EventBridge.FailedEntry.
    The names of other errors are inferred from those of DynamoDB's integration.
    """
    event = otherwise(task, env, ex)
    if isinstance(ex, ClientError):
        name = _exception_name(ex) if _is_modelled(ex) else "AmazonEventBridgeException"
        return _renamed(event, f"EventBridge.{name}")
    for details in event.event_details.values():
        if isinstance(details.get("cause"), dict):
            details["cause"] = json.dumps(details["cause"])
    return event


def of_function(otherwise: Callable[..., Any], task: Any, env: Any, ex: Exception) -> Any:
    """Return the failure of a function; an error of Lambda itself has the prefix `Lambda.`.

    A missing path is a failure of the state, and not of the function.
    """
    event = otherwise(task, env, ex)
    if isinstance(ex, ClientError):
        name = type(ex).__name__ if _is_modelled(ex) else "AWSLambdaException"
        return _renamed(event, f"Lambda.{name}")
    if isinstance(ex, BotoCoreError):
        return _renamed(event, "Lambda.SdkClientException")
    return _renamed(event, RUNTIME_ERROR) if isinstance(ex, NoSuchJsonPathError) else event


def of_task(otherwise: Callable[..., Any], task: Any, env: Any, ex: Exception) -> Any:
    """Return the failure of a task; without any answer of the service it is an `SdkClientException`."""
    event = otherwise(task, env, ex)
    if not isinstance(ex, BotoCoreError):
        return event
    resource = task.resource
    if resource.service_name == "aws-sdk":
        service = task._normalise_service_error_name(resource.api_name)  # noqa: SLF001 - moto's own hook
    else:
        service = _OPTIMISED_NAMES.get(resource.service_name, resource.service_name)
    return _renamed(event, f"{service}.SdkClientException")


def _is_modelled(error: Exception) -> bool:
    # botocore makes a class of its own for each error of a service's model, and only for those.
    return isinstance(error, ClientError) and type(error) is not ClientError


def _exception_name(error: Exception) -> str:
    # As the AWS SDK for Java names its classes: InternalServerError is InternalServerErrorException.
    return type(error).__name__.removesuffix("Exception") + "Exception"


def _renamed(event: Any, name: str) -> Any:
    event.error_name = ErrorName(error_name=name)
    for details in event.event_details.values():
        details["error"] = name
    return event


def _execution_failure(env: Any, name: str, cause: str) -> Any:
    return FailureEvent(
        env=env,
        error_name=name_of(name),
        event_type=HistoryEventType.ExecutionFailed,
        event_details={"executionFailedEventDetails": {"error": name, "cause": cause}},
    )

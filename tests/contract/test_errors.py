from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import pytest

from holdfast import errors
from holdfast.errors import HoldfastError, RetryableError
from holdfast.failures import EXPLANATIONS
from tests.contract.call_graph import reachable
from tests.contract.shipped import FUNCTION_OF_TASK, MACHINES, TASK_OF_FUNCTION, module_of

GROUPS = {"AwsError", "HoldfastError", "OrganizationsError", "RetryableError", "ServiceError"}
"""The classes that gather others and are never raised themselves."""

ERRORS: dict[str, type[HoldfastError]] = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, HoldfastError) and name not in GROUPS
}
RETRYABLE = {name for name, kind in ERRORS.items() if issubclass(kind, RetryableError)}

AWS_ERRORS = {
    "DynamoDB.ConditionalCheckFailedException",
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.ALL",
    "States.Timeout",
}
"""Source: Step Functions developer guide, "Handling errors". A name with a typing error matches nothing."""


TASKS = {f"{machine}: {name}": task for machine in MACHINES for name, task in machine.tasks.items()}


CAUGHT_WITHIN = {
    "Restore Attachments": {
        "AttachmentNotVisibleError",
        "OrganizationsBusyError",
        "OrganizationsThrottledError",
    },
    "Describe Reconciliation": {
        *("OrganizationsBusyError", "OrganizationsThrottledError", "ServiceBusyError"),
    },
}
"""What a task catches itself: items that go round again, and what is told without."""


def handled(task: dict[str, Any], section: str) -> list[list[str]]:
    """Return the lists of error names in a task's `Retry` or `Catch`."""
    return [entry["ErrorEquals"] for entry in task[section]]


def mentioned(state: str) -> set[str]:
    """Return the errors that the code of a task mentions: what it does not mention it cannot raise."""
    return {place.name for place in reachable(module_of(state)) if place.module == errors.__name__}


def promised(state: str) -> set[str]:
    """Return the errors that the handler's docstring names under `Raises`."""
    handler = importlib.import_module(module_of(state)).handler
    _, _, raises = (inspect.getdoc(handler) or "").partition("Raises\n")
    return set(re.findall(r"\b\w+Error\b", raises))


@pytest.mark.parametrize("state", TASKS)
def test_the_errors_that_a_state_names_are_retryable_ones_of_ours_or_those_of_aws(state: str) -> None:
    named = {
        name for section in ("Retry", "Catch") for names in handled(TASKS[state], section) for name in names
    }

    assert named <= RETRYABLE | AWS_ERRORS


@pytest.mark.parametrize("state", FUNCTION_OF_TASK)
def test_a_task_retries_exactly_the_retryable_errors_that_it_can_raise(state: str) -> None:
    retried = {name for names in handled(TASK_OF_FUNCTION[state], "Retry") for name in names}

    assert retried & RETRYABLE == mentioned(state) & RETRYABLE - CAUGHT_WITHIN.get(state, set())


def test_every_retryable_error_is_raised_by_some_task() -> None:
    assert set().union(*(mentioned(state) for state in FUNCTION_OF_TASK)) >= RETRYABLE


@pytest.mark.parametrize("section", ["Retry", "Catch"])
@pytest.mark.parametrize("state", TASKS)
def test_all_errors_are_named_alone_and_last(state: str, section: str) -> None:
    """Elsewhere Step Functions refuses the definition. Source: Amazon States Language, "Errors"."""
    lists = handled(TASKS[state], section)

    assert [names for names in lists if "States.ALL" in names] in ([], [["States.ALL"]])
    assert not any("States.ALL" in names for names in lists[:-1])


@pytest.mark.parametrize("state", FUNCTION_OF_TASK)
def test_a_handler_promises_errors_that_exist(state: str) -> None:
    assert promised(state) <= ERRORS.keys() | GROUPS


@pytest.mark.parametrize("state", FUNCTION_OF_TASK)
def test_a_handler_promises_the_errors_that_are_retried(state: str) -> None:
    kinds = tuple(ERRORS[name] for name in promised(state) & RETRYABLE)

    raised = mentioned(state) & RETRYABLE - CAUGHT_WITHIN.get(state, set())

    assert [name for name in raised if not issubclass(ERRORS[name], kinds)] == []


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_says_what_becomes_of_it(name: str) -> None:
    fate = r"\b[Rr]etried\b" if name in RETRYABLE else r"\b[Tt]old\b"

    assert re.search(fate, inspect.getdoc(ERRORS[name]) or "")


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_an_error_that_only_gathers_others_says_so(name: str) -> None:
    assert "Never raised itself" in (inspect.getdoc(getattr(errors, name)) or "")


def test_every_error_of_ours_is_explained_to_the_reader() -> None:
    assert [name for name in ERRORS if name not in EXPLANATIONS] == []


def test_every_explanation_is_of_an_error_that_exists() -> None:
    families = {name.partition(".")[0] for name in AWS_ERRORS}

    assert EXPLANATIONS.keys() <= ERRORS.keys() | AWS_ERRORS | families

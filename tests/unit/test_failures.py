from __future__ import annotations

import inspect

import pytest

from holdfast import errors
from holdfast.failures import EXPLANATIONS, UNFORESEEN, explain

FROM_AWS = {"States.Timeout", "Sandbox.Timedout", "Lambda", "Runtime"}
"""Names of Step Functions' and of Lambda's, alone or as a family."""


def raised_classes() -> set[str]:
    """Return the names of the classes that are raised: those without a subclass of their own."""
    classes = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    return {kind.__name__ for kind in classes if not any(kind in other.__bases__ for other in classes)}


def test_every_error_has_an_explanation_and_every_explanation_an_error() -> None:
    assert set(EXPLANATIONS) == raised_classes() | FROM_AWS


@pytest.mark.parametrize(
    ("error", "explained_as"),
    [
        ("PolicyGoneError", "PolicyGoneError"),
        ("Lambda.Unknown", "Lambda"),
        ("Lambda.TooManyRequestsException", "Lambda"),
        ("Runtime.ExitError", "Runtime"),
        ("Runtime.ImportModuleError", "Runtime"),
        ("States.Timeout", "States.Timeout"),
        ("Sandbox.Timedout", "Sandbox.Timedout"),
    ],
)
def test_an_error_is_explained_by_its_name_or_its_family(error: str, explained_as: str) -> None:
    assert explain(error) is EXPLANATIONS[explained_as]


@pytest.mark.parametrize("error", ["KeyError", "States.DataLimitExceeded", "", "policygoneerror"])
def test_what_nobody_foresaw_says_so(error: str) -> None:
    assert explain(error) is UNFORESEEN


@pytest.mark.parametrize("error", sorted(EXPLANATIONS))
def test_an_explanation_is_sentences_that_chat_can_show(error: str) -> None:
    """A next step has at most 350 characters. Source: Amazon Q Developer in chat applications."""
    explanation = explain(error)
    assert explanation.meaning.endswith(".")
    assert explanation.remedy.endswith(".")
    assert len(explanation.remedy) <= 350


@pytest.mark.parametrize("error", sorted(EXPLANATIONS))
def test_a_remedy_speaks_of_the_command_where_it_is_given(error: str) -> None:
    explanation = explain(error)
    assert ("(command below)" in explanation.remedy) is bool(explanation.attaching)

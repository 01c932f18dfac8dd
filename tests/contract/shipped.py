"""What is shipped, as the contract tests read it: the template, the definition, the functions' sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from localaws.intrinsics import Created, Scope
from localaws.template import read_parameters, read_template

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"
TEMPLATE_FILE = ROOT / "template.yaml"

TEMPLATE = read_template(TEMPLATE_FILE)


@dataclass(frozen=True)
class Machine:
    """A state machine as it is shipped.

    Parameters
    ----------
    name : str
        The definition's file name without its suffixes.
    """

    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def logical_id(self) -> str:
        """The state machine's name in the template."""
        return f"{self.name.capitalize()}StateMachine"

    @property
    def file(self) -> Path:
        """The definition."""
        return ROOT / "statemachine" / f"{self.name}.asl.yaml"

    @cached_property
    def definition(self) -> dict[str, Any]:
        """The definition, parsed."""
        parsed: dict[str, Any] = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        return parsed

    @cached_property
    def states(self) -> dict[str, dict[str, Any]]:
        """All states by name, those within a Map too."""
        return dict(_states_of(self.definition))

    @cached_property
    def parts(self) -> list[dict[str, Any]]:
        """The definition itself and the processors of its Maps, each a graph of its own."""
        return list(_graphs(self.definition))

    @cached_property
    def tasks(self) -> dict[str, dict[str, Any]]:
        """The tasks by name."""
        return {name: state for name, state in self.states.items() if state["Type"] == "Task"}

    @cached_property
    def function_of_task(self) -> dict[str, str]:
        """The logical id of the function that a task runs; a task that only publishes is not here."""
        return {
            name: match[1]
            for name, state in self.tasks.items()
            if (match := re.fullmatch(r"\$\{(\w+)Arn\}", state["Resource"]))
        }

    @property
    def substitutions(self) -> dict[str, Any]:
        """What the template puts into the definition."""
        given: dict[str, Any] = TEMPLATE["Resources"][self.logical_id]["Properties"][
            "DefinitionSubstitutions"
        ]
        return given


def _states_of(graph: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in graph["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from _states_of(state["ItemProcessor"])


def _graphs(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield definition
    for state in definition["States"].values():
        if "ItemProcessor" in state:
            yield from _graphs(state["ItemProcessor"])


REMEDIATE, RECONCILE = Machine("remediate"), Machine("reconcile")
MACHINES = (REMEDIATE, RECONCILE)
FUNCTION_OF_TASK = {**REMEDIATE.function_of_task, **RECONCILE.function_of_task}
"""The functions of both, by the state that runs each."""
FUNCTION_OF_QUEUE = {"Send Mail": "SendMailFunction"}
"""The function that a queue calls; it is named as if a state of that name ran it."""
EVERY_FUNCTION = {**FUNCTION_OF_TASK, **FUNCTION_OF_QUEUE}
TASK_OF_FUNCTION = {
    state: machine.states[state] for machine in MACHINES for state in machine.function_of_task
}
"""The states that run functions, of both."""

HOME_REGIONS = ["us-east-1", "us-gov-west-1", "cn-northwest-1"]
"""Where Organizations events arrive. Source: Organizations user guide, "Logging with CloudTrail"."""

_ATTRIBUTES = ("Arn", "Name", "QueueName", "TopicName")

ACCOUNT = "111122223333"
ORGANIZATION = "o-exampleorgid"
PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackId": "arn:aws:cloudformation:us-east-1:111122223333:stack/holdfast/example",
    "AWS::StackName": "holdfast",
}


def module_of(state: str) -> str:
    """Return the name of a task's module: `Verify Detach` is `verify_detach`."""
    return state.lower().replace(" ", "_")


def scope(**parameters: str) -> Scope:
    """Return what the template's functions see in a deployment with these parameters.

    `!Ref X` is `X` and `!GetAtt X.Arn` is `X.Arn`; every other function is evaluated.
    """
    values = read_parameters(TEMPLATE, {"OrganizationId": ORGANIZATION, **parameters})
    created = {
        name: Created(name, {attribute: f"{name}.{attribute}" for attribute in _ATTRIBUTES})
        for name in TEMPLATE["Resources"]
    }
    return Scope({**PSEUDO_PARAMETERS, **values}, TEMPLATE["Mappings"], TEMPLATE["Conditions"], created)


def deployed(**parameters: str) -> dict[str, Any]:
    """Return the resources that a deployment with these parameters has."""
    seen = scope(**parameters)
    return {
        name: seen.resolve(resource)
        for name, resource in TEMPLATE["Resources"].items()
        if "Condition" not in resource or seen.is_true(resource["Condition"])
    }


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the properties of the resources of one type, by logical id."""
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}

"""What is shipped, as the contract tests read it: the template, the definition, the functions' sources."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from localaws.intrinsics import Created, Scope
from localaws.template import read_parameters, read_template

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"
TEMPLATE_FILE = ROOT / "template.yaml"
DEFINITION_FILE = ROOT / "statemachine" / "remediate.asl.yaml"

TEMPLATE = read_template(TEMPLATE_FILE)
DEFINITION: dict[str, Any] = yaml.safe_load(DEFINITION_FILE.read_text(encoding="utf-8"))
STATES: dict[str, dict[str, Any]] = DEFINITION["States"]
STATE_MACHINE: dict[str, Any] = TEMPLATE["Resources"]["RemediateStateMachine"]["Properties"]
SUBSTITUTIONS: dict[str, Any] = STATE_MACHINE["DefinitionSubstitutions"]

HOME_REGIONS = ["us-east-1", "us-gov-west-1", "cn-northwest-1"]
"""Where Organizations events arrive. Source: Organizations user guide, "Logging with CloudTrail"."""

ACCOUNT = "111122223333"
ORGANIZATION = "o-exampleorgid"
_PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "holdfast",
}

TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
FUNCTION_OF_TASK = {
    name: match[1]
    for name, state in TASKS.items()
    if (match := re.fullmatch(r"\$\{(\w+)Arn\}", state["Resource"]))
}
"""The logical id of the function that a task runs; tasks that run none, as a publication, are not here."""


def module_of(state: str) -> str:
    """Return the name of a task's module: `Verify Detach` is `verify_detach`."""
    return state.lower().replace(" ", "_")


def scope(**parameters: str) -> Scope:
    """Return what the template's functions see in a deployment with these parameters.

    `!Ref X` is `X` and `!GetAtt X.Arn` is `X.Arn`; every other function is evaluated.
    """
    values = read_parameters(TEMPLATE, {"OrganizationId": ORGANIZATION, **parameters})
    created = {
        name: Created(name, {attribute: f"{name}.{attribute}" for attribute in ("Arn", "Name", "QueueName")})
        for name in TEMPLATE["Resources"]
    }
    return Scope({**_PSEUDO_PARAMETERS, **values}, TEMPLATE["Mappings"], TEMPLATE["Conditions"], created)


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

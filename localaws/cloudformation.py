"""Let CloudFormation's API show the deployed stacks.

Deploying is not done by moto's CloudFormation, so its list would be empty; this layer answers the calls
that look at a stack, and knows no others. Everything else is moto's.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

from localaws.gateway import ApiError, ApiResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localaws.gateway import ApiCall, Proceed
    from localaws.stack import Stack


def stack_arn(account: str, region: str, name: str) -> str:
    """Return the ARN of a stack; AWS draws its last part, here it is the same at every start."""
    unique = uuid.uuid5(uuid.NAMESPACE_DNS, name)
    return f"arn:aws:cloudformation:{region}:{account}:stack/{name}/{unique}"


class StackListing:
    """A layer that answers questions about the deployed stacks.

    Parameters
    ----------
    stacks : mapping
        The deployed stacks by name; read at every call.
    """

    def __init__(self, stacks: Mapping[str, Stack]) -> None:
        self._stacks = stacks

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Answer DescribeStacks, ListStacks and the lists of a stack's resources."""
        result = _RESULTS.get(call.operation) if call.service == "cloudformation" else None
        if result is None:
            return proceed(call)
        named = call.parameters.get("StackName")
        stacks = [stack for stack in self._stacks.values() if named in {None, stack.name, stack.arn}]
        if named is not None and not stacks:
            raise ApiError("ValidationError", f"Stack with id {named} does not exist")
        return _response(call, result(stacks))


def _summary(stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.arn,
        "StackName": stack.name,
        "TemplateDescription": stack.description,
        **_history(stack),
    }


def _history(stack: Stack) -> dict[str, str]:
    updated = {} if stack.updated is None else {"LastUpdatedTime": stack.updated.isoformat()}
    return {"CreationTime": stack.created.isoformat(), **updated, "StackStatus": _status(stack)}


def _status(stack: Stack) -> str:
    return "CREATE_COMPLETE" if stack.updated is None else "UPDATE_COMPLETE"


def _description(stack: Stack) -> dict[str, Any]:
    parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in stack.parameters.items()]
    outputs = [{"OutputKey": name, "OutputValue": value} for name, value in stack.outputs.items()]
    return {
        "StackId": stack.arn,
        "StackName": stack.name,
        "Description": stack.description,
        "Parameters": parameters,
        **_history(stack),
        "Outputs": outputs,
    }


def _resources(stack: Stack) -> list[dict[str, Any]]:
    at = (stack.updated or stack.created).isoformat()
    return [
        {
            "StackName": stack.name,
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": physical_id,
            "ResourceType": stack.types[logical_id],
            "LastUpdatedTimestamp": at,
            "Timestamp": at,
            "ResourceStatus": _status(stack),
        }
        for logical_id, physical_id in stack.resources.items()
    ]


_RESULTS: Final[Mapping[str, Callable[[list[Stack]], dict[str, Any]]]] = {
    "DescribeStackResources": lambda stacks: {"StackResources": _resources(stacks[0])},
    "DescribeStacks": lambda stacks: {"Stacks": [_description(stack) for stack in stacks]},
    "ListStackResources": lambda stacks: {"StackResourceSummaries": _resources(stacks[0])},
    "ListStacks": lambda stacks: {"StackSummaries": [_summary(stack) for stack in stacks]},
}


def _response(call: ApiCall, result: Mapping[str, Any]) -> ApiResponse:
    """Return a result in the query protocol's form: lists are elements named `member`."""
    response = ET.Element(f"{call.operation}Response")
    _fill(ET.SubElement(response, f"{call.operation}Result"), result)
    return ApiResponse.of_xml(ET.tostring(response, encoding="unicode"))


def _fill(element: ET.Element, value: Any) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            _fill(ET.SubElement(element, name), item)
    elif isinstance(value, list):
        for item in value:
            _fill(ET.SubElement(element, "member"), item)
    else:
        element.text = str(value)

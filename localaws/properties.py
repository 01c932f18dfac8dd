"""CloudFormation's properties as the arguments of the service APIs.

The two are nearly always the same shapes: names differ in the case of a letter, numbers and switches
may be text, documents stand as objects, tags as lists or maps. botocore's service models say
which form an operation takes, so no property needs to be written down here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from localaws.intrinsics import StackError, text_of

if TYPE_CHECKING:
    from botocore.client import BaseClient


def arguments_of(
    client: BaseClient, method: str, properties: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return a method's arguments, and the paths of the properties that the operation does not know.

    Parameters
    ----------
    client : BaseClient
        A client of the service.
    method : str
        The client's method, such as `create_role`.
    properties : mapping
        The properties as they stand in a template, functions resolved.
    """
    operation = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    unknown: list[str] = []
    arguments = _convert(operation.input_shape, properties, "", unknown)
    return arguments, unknown


def text_attributes(properties: Mapping[str, Any]) -> dict[str, str]:
    """Return properties in the form of attributes that are all text: documents as JSON."""
    return {name: _text(value) for name, value in properties.items()}


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, Mapping | list) else text_of(value)


def _convert(shape: Any, value: Any, path: str, unknown: list[str]) -> Any:
    try:
        match shape.type_name:
            case "structure":
                return _structure(shape, value, path, unknown)
            case "list":
                items = _pairs(value) if isinstance(value, Mapping) else value
                return [_convert(shape.member, item, f"{path}[]", unknown) for item in items]
            case "map":
                members = _members(value) if isinstance(value, list) else value
                return {
                    key: _convert(shape.value, item, f"{path}.{key}", unknown)
                    for key, item in members.items()
                }
        return _SCALARS.get(shape.type_name, _as_it_is)(value)
    except (AttributeError, TypeError, ValueError) as error:
        raise StackError(f"property {path} has the wrong form for a {shape.type_name}: {value!r}") from error


def _structure(shape: Any, value: Mapping[str, Any], path: str, unknown: list[str]) -> dict[str, Any]:
    members = {name.lower(): (name, member) for name, member in shape.members.items()}
    converted = {}
    for name, item in value.items():
        here = f"{path}.{name}" if path else name
        if name.lower() in members:
            api_name, member = members[name.lower()]
            converted[api_name] = _convert(member, item, here, unknown)
        else:
            unknown.append(here)
    return converted


def _members(pairs: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {pair["Key"]: pair["Value"] for pair in pairs}


def _pairs(members: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"Key": key, "Value": value} for key, value in members.items()]


def _truth(value: Any) -> bool:
    return text_of(value).lower() == "true"


def _as_it_is(value: Any) -> Any:
    return value


_SCALARS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "boolean": _truth,
    "double": float,
    "float": float,
    "integer": int,
    "long": int,
    "string": _text,
}

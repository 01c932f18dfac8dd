"""CloudFormation's intrinsic functions: what stands in a template becomes a value.

Source: the intrinsic function reference of the CloudFormation user guide.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_PLACEHOLDER = re.compile(r"\$\{(!?)([^${}]+)\}")


class StackError(Exception):
    """Say in one line why a template cannot be deployed."""


@dataclass(frozen=True, slots=True)
class Created:
    """What the rest of a template can ask of a resource that exists.

    Parameters
    ----------
    physical_id : str
        The answer to `Ref`.
    attributes : mapping
        The answers to `Fn::GetAtt`, by attribute name.
    stand_in : bool
        Whether nothing was created, so that any attribute is answered with a made-up one.
    """

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    stand_in: bool = False


class _NoValue:
    """The value of `AWS::NoValue`: the property that has it is left out."""


NO_VALUE: Final = _NoValue()


class Scope:
    """All that the intrinsic functions of one template can see.

    Parameters
    ----------
    values : mapping
        Parameters and pseudo parameters by name.
    mappings : mapping
        The template's `Mappings` section.
    conditions : mapping
        The template's `Conditions` section, evaluated on demand.
    resources : mapping
        The resources that exist so far, by logical id; the caller adds to it.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        mappings: Mapping[str, Any] | None = None,
        conditions: Mapping[str, Any] | None = None,
        resources: Mapping[str, Created] | None = None,
    ) -> None:
        self.values = {"AWS::NoValue": NO_VALUE, **values}
        self.mappings = mappings or {}
        self.conditions = conditions or {}
        self.resources = {} if resources is None else resources
        self._open: list[str] = []

    def resolve(self, value: Any) -> Any:
        """Return `value` with every intrinsic function in it replaced by its result.

        Raises
        ------
        StackError
            If a function is unknown, malformed, or names something that does not exist.
        """
        if isinstance(value, list):
            items = (self.resolve(item) for item in value)
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(value, Mapping):
            return value
        if name := _function_in(value):
            return self._call(name, value[name])
        members = ((key, self.resolve(item)) for key, item in value.items())
        return {key: item for key, item in members if item is not NO_VALUE}

    def is_true(self, condition: Any) -> bool:
        """Return whether a condition holds, given by its name or as an expression."""
        if isinstance(condition, str) and condition in self.conditions:
            return self._named_condition(condition)
        if isinstance(condition, Mapping) and set(condition) == {"Condition"}:
            return self._named_condition(condition["Condition"])
        result = self.resolve(condition)
        if not isinstance(result, bool):
            raise StackError(f"not a condition: {condition!r}")
        return result

    def _named_condition(self, name: str) -> bool:
        if name not in self.conditions:
            raise StackError(f"condition {name} is not in the template")
        if name in self._open:
            raise StackError(f"condition {name} depends on itself")
        self._open.append(name)
        try:
            return self.is_true(self.conditions[name])
        finally:
            self._open.pop()

    def _call(self, name: str, argument: Any) -> Any:
        if name not in _FUNCTIONS:
            raise StackError(f"{name} is not supported")
        try:
            return _FUNCTIONS[name](self, argument)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise StackError(f"{name} cannot be evaluated with {argument!r}: {error}") from error

    def ref(self, name: str) -> Any:
        """Return what `Ref` gives: a parameter's value or a resource's physical id."""
        if name in self.values:
            return self.values[name]
        if name in self.resources:
            return self.resources[name].physical_id
        raise StackError(f"{name} is neither a parameter nor a resource of this stack")

    def attribute(self, name: str, attribute: str) -> Any:
        """Return what `Fn::GetAtt` gives: an attribute of a resource."""
        if name not in self.resources:
            raise StackError(f"{name} is not a resource of this stack")
        resource = self.resources[name]
        if attribute in resource.attributes:
            return resource.attributes[attribute]
        if resource.stand_in:
            return f"arn:aws:unsupported:::{name}/{attribute}"
        raise StackError(f"{name} has no attribute {attribute}")


def references(value: Any) -> Iterator[str]:
    """Yield the names that `Ref`, `Fn::GetAtt` and `Fn::Sub` in `value` mention."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
        return
    if not isinstance(value, Mapping):
        return
    match _function_in(value):
        case "Ref":
            yield value["Ref"]
        case "Fn::GetAtt":
            yield _attribute_path(value["Fn::GetAtt"])[0]
        case "Fn::Sub":
            yield from _references_of_sub(value["Fn::Sub"])
        case _:
            for item in value.values():
                yield from references(item)


def _references_of_sub(argument: Any) -> Iterator[str]:
    text, own = (argument, {}) if isinstance(argument, str) else argument
    yield from references(list(own.values()))
    for literal, name in _PLACEHOLDER.findall(text):
        if not literal and name not in own:
            yield name.strip().split(".")[0]


def _function_in(value: Mapping[str, Any]) -> str:
    """Return the name of the function that `value` is, or nothing."""
    if len(value) != 1:
        return ""
    name = next(iter(value))
    return name if name == "Ref" or (isinstance(name, str) and name.startswith("Fn::")) else ""


def _attribute_path(argument: Any) -> tuple[str, Any]:
    name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return name, attribute


def _get_att(scope: Scope, argument: Any) -> Any:
    name, attribute = _attribute_path(argument)
    return scope.attribute(name, scope.resolve(attribute))


def _sub(scope: Scope, argument: Any) -> str:
    text, own = (argument, {}) if isinstance(argument, str) else argument
    values = scope.resolve(own)

    def fill(match: re.Match[str]) -> str:
        literal, name = match[1], match[2].strip()
        if literal:
            return f"${{{name}}}"
        if name in values:
            return text_of(values[name])
        if "." in name:
            return text_of(scope.attribute(*name.split(".", 1)))
        return text_of(scope.ref(name))

    return _PLACEHOLDER.sub(fill, text)


def text_of(value: Any) -> str:
    """Return a scalar as CloudFormation writes it into a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise StackError(f"not a string: {value!r}")


def _join(scope: Scope, argument: Any) -> str:
    delimiter, parts = scope.resolve(argument)
    return str(delimiter).join(text_of(part) for part in parts)


def _select(scope: Scope, argument: Any) -> Any:
    index, items = scope.resolve(argument)
    if int(index) < 0:
        raise IndexError(f"index {index} is negative")
    return items[int(index)]


def _split(scope: Scope, argument: Any) -> list[str]:
    delimiter, text = scope.resolve(argument)
    return str(text).split(delimiter)


def _find_in_map(scope: Scope, argument: Any) -> Any:
    mapping, first, second = (text_of(key) for key in scope.resolve(argument))
    keys = {str(key): members for key, members in scope.mappings[mapping].items()}
    return {str(key): item for key, item in keys[first].items()}[second]


def _if(scope: Scope, argument: Any) -> Any:
    condition, then, otherwise = argument
    return scope.resolve(then if scope.is_true(condition) else otherwise)


def _equals(scope: Scope, argument: Any) -> bool:
    one, other = (text_of(side) for side in scope.resolve(argument))
    return one == other


def _not(scope: Scope, argument: Any) -> bool:
    (condition,) = argument
    return not scope.is_true(condition)


def _contains(scope: Scope, argument: Any) -> bool:
    items, item = scope.resolve(argument)
    return item in items


def _each_member_in(scope: Scope, argument: Any) -> bool:
    items, allowed = scope.resolve(argument)
    return all(item in allowed for item in items)


def _each_member_equals(scope: Scope, argument: Any) -> bool:
    items, value = scope.resolve(argument)
    return all(item == value for item in items)


def _base64(scope: Scope, argument: Any) -> str:
    return base64.b64encode(text_of(scope.resolve(argument)).encode()).decode()


_FUNCTIONS: Final[Mapping[str, Callable[[Scope, Any], Any]]] = {
    "Ref": Scope.ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::FindInMap": _find_in_map,
    "Fn::Base64": _base64,
    "Fn::If": _if,
    "Fn::Equals": _equals,
    "Fn::Not": _not,
    "Fn::And": lambda scope, parts: all(scope.is_true(part) for part in parts),
    "Fn::Or": lambda scope, parts: any(scope.is_true(part) for part in parts),
    "Fn::Contains": _contains,
    "Fn::EachMemberIn": _each_member_in,
    "Fn::EachMemberEquals": _each_member_equals,
}

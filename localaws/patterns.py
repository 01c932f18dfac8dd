"""Event patterns: which events a rule wants.

A pattern is read once, into a tree of small tests, so that an operator that is not understood is an
error when the pattern is read and never an event that quietly fails to match.

Sources: the EventBridge user guide, "Comparison operators for use in event patterns"
(eb-create-pattern-operators), and the README of Event Ruler, the open-source matcher of EventBridge.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Test = Callable[[Any], bool]
    """Whether a part of an event fits a part of a pattern."""


class PatternError(ValueError):
    """A pattern that EventBridge would refuse.

    Parameters
    ----------
    reason : str
        What is wrong.
    where : str
        The field, or the text, that it is wrong with.
    """

    def __init__(self, reason: str, where: str) -> None:
        super().__init__(f"{reason}: {where}")


@dataclass(frozen=True, slots=True)
class EventPattern:
    """A pattern, read and checked.

    Every field of a pattern must fit, and one of the values that it lists is enough. An array in the
    event fits if one of its elements does; all fields below an array of objects must fit in the same object.
    """

    _test: Test

    @classmethod
    def parse(cls, text: str) -> EventPattern:
        """Read a pattern.

        Parameters
        ----------
        text : str
            The pattern, a JSON object.

        Returns
        -------
        EventPattern
            The pattern.

        Raises
        ------
        PatternError
            If it is not JSON, not a pattern, or uses an operator that does not exist.
        """
        try:
            pattern = json.loads(text)
        except ValueError as error:
            raise PatternError("Invalid JSON", str(error)) from error
        if not isinstance(pattern, dict):
            raise PatternError("Filter is not an object", text[:100])
        return cls(_object_test(pattern, "pattern"))

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Return whether an event, a whole envelope, fits the pattern."""
        return self._test(event)


_ABSENT = object()


def _object_test(pattern: dict[str, Any], where: str) -> Test:
    if not pattern:
        raise PatternError("Empty objects are not allowed", where)
    tests = [_field_test(name, wanted, where) for name, wanted in pattern.items()]
    return lambda node: any(all(test(fields) for test in tests) for fields in _objects(node))


def _field_test(name: str, wanted: Any, where: str) -> Test:
    if name == "$or":
        return _or_test(wanted, where)
    if isinstance(wanted, dict):
        below = _object_test(wanted, name)
        return lambda fields: below(fields.get(name, _ABSENT))
    if isinstance(wanted, list):
        leaf = _leaf_test(wanted, name)
        return lambda fields: leaf(list(_leaves(fields.get(name, _ABSENT))))
    raise PatternError("A field must be an object or an array", name)


def _or_test(wanted: Any, where: str) -> Test:
    if not isinstance(wanted, list) or len(wanted) < 2 or not all(isinstance(one, dict) for one in wanted):  # noqa: PLR2004 - an "or" has two sides
        raise PatternError("'$or' must be an array of two or more objects", where)
    tests = [_object_test(one, "$or") for one in wanted]
    return lambda fields: any(test(fields) for test in tests)


def _objects(node: Any) -> list[Mapping[str, Any]]:
    """Return the objects at a place; a place without any is one where every field is absent."""
    if isinstance(node, dict):
        return [node]
    nested = [found for element in node for found in _objects(element)] if isinstance(node, list) else []
    return nested or [{}]


def _leaves(node: Any) -> Iterator[Any]:
    if isinstance(node, list):
        for element in node:
            yield from _leaves(element)
    elif node is not _ABSENT and not isinstance(node, dict):
        yield node


def _leaf_test(wanted: list[Any], name: str) -> Test:
    if not wanted:
        raise PatternError("Empty arrays are not allowed", name)
    tests = [_value_test(one, name) for one in wanted]
    return lambda leaves: any(test(leaves) for test in tests)


def _value_test(wanted: Any, name: str) -> Test:
    """Return the test of all leaves at a field against one of the values that a pattern lists."""
    if isinstance(wanted, list):
        raise PatternError("Match value must be a string, a number, true, false, null or an object", name)
    if not isinstance(wanted, dict):
        return lambda leaves: any(_same(leaf, wanted) for leaf in leaves)
    kind, argument = _only_item(wanted, name)
    if kind == "exists":
        if not isinstance(argument, bool):
            raise PatternError("exists must be true or false", name)
        return lambda leaves: bool(leaves) is argument
    test = _operator_test(kind, argument, name)
    return lambda leaves: any(test(leaf) for leaf in leaves)


def _only_item(expression: dict[str, Any], name: str) -> tuple[str, Any]:
    if len(expression) != 1:
        raise PatternError("Only one operator is allowed in a match expression", name)
    return next(iter(expression.items()))


def _operator_test(kind: str, argument: Any, name: str) -> Test:
    if kind not in _OPERATORS:
        raise PatternError("Unrecognized match type", f"{kind}, at {name}")
    return _OPERATORS[kind](argument, name)


def _prefix(argument: Any, name: str) -> Test:
    folded, text = _text_and_case(argument, "prefix", name)
    return lambda value: isinstance(value, str) and folded(value).startswith(text)


def _suffix(argument: Any, name: str) -> Test:
    folded, text = _text_and_case(argument, "suffix", name)
    return lambda value: isinstance(value, str) and folded(value).endswith(text)


def _equals_ignore_case(argument: Any, name: str) -> Test:
    text = _text(argument, "equals-ignore-case", name).lower()
    return lambda value: isinstance(value, str) and value.lower() == text


def _text_and_case(argument: Any, kind: str, name: str) -> tuple[Callable[[str], str], str]:
    if isinstance(argument, dict):
        inner, text = _only_item(argument, name)
        if inner != "equals-ignore-case":
            raise PatternError("Unrecognized match type", f"{inner} in {kind}, at {name}")
        return str.lower, _text(text, kind, name).lower()
    return str, _text(argument, kind, name)


def _text(argument: Any, kind: str, name: str) -> str:
    if not isinstance(argument, str):
        raise PatternError("The match pattern must be a string", f"{kind}, at {name}")
    return argument


_WILDCARD_TOKEN = re.compile(r"\\[*\\]|\*|\\|[^*\\]+", re.DOTALL)


def _wildcard(argument: Any, name: str) -> Test:
    tokens = _WILDCARD_TOKEN.findall(_text(argument, "wildcard", name))
    if "\\" in tokens:
        raise PatternError("Invalid escape character in wildcard", name)
    if any(left == right == "*" for left, right in itertools.pairwise(tokens)):
        raise PatternError("Consecutive wildcard characters", name)
    expression = "".join(".*" if one == "*" else re.escape(one.removeprefix("\\")) for one in tokens)
    compiled = re.compile(expression, re.DOTALL)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


def _numeric(argument: Any, name: str) -> Test:
    if not isinstance(argument, list) or len(argument) not in {2, 4}:
        raise PatternError("numeric needs one or two comparisons", name)
    comparisons = list(zip(argument[::2], argument[1::2], strict=True))
    for sign, number in comparisons:
        if not isinstance(sign, str) or sign not in _COMPARISONS:
            raise PatternError("Unrecognized numeric range operator", f"{sign}, at {name}")
        if not _is_number(number):
            raise PatternError("The value of a numeric range must be a number", f"{sign}, at {name}")
    return lambda value: (
        _is_number(value) and all(_COMPARISONS[sign](value, number) for sign, number in comparisons)
    )


def _cidr(argument: Any, name: str) -> Test:
    try:
        network = ipaddress.ip_network(_text(argument, "cidr", name), strict=False)
    except ValueError as error:
        raise PatternError("Malformed CIDR", f"{error}, at {name}") from error

    def test(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return test


_NEGATABLE = {"prefix", "suffix", "equals-ignore-case", "wildcard"}


def _anything_but(argument: Any, name: str) -> Test:
    if isinstance(argument, dict):
        kind, inner = _only_item(argument, name)
        if kind not in _NEGATABLE:
            raise PatternError("Unsupported anything-but pattern", f"{kind}, at {name}")
        choices = inner if isinstance(inner, list) else [inner]
        tests = [_operator_test(kind, choice, name) for choice in choices]
    else:
        choices = argument if isinstance(argument, list) else [argument]
        if not all(isinstance(choice, str) or _is_number(choice) for choice in choices):
            raise PatternError("anything-but takes strings and numbers", name)
        tests = [_exactly(choice) for choice in choices]
    if not tests:
        raise PatternError("Empty arrays are not allowed", name)
    return lambda value: not any(test(value) for test in tests)


def _exactly(wanted: Any) -> Test:
    return lambda value: _same(value, wanted)


def _same(value: Any, wanted: Any) -> bool:
    # Python holds 1 and True for equal; JSON does not.
    return isinstance(value, bool) is isinstance(wanted, bool) and bool(value == wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_OPERATORS: dict[str, Callable[[Any, str], Test]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}

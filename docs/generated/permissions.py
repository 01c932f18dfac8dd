"""What each role of the template may do, on what, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from docs.generated.sources import TEMPLATE
from docs.generated.tables import table

_ORGANIZATIONS_ARN = re.compile(r":organizations::(?P<owner>[^:]+):(?P<kind>\w+)/")
_KINDS = {"policy": "policies", "root": "root", "ou": "OUs", "account": "accounts"}


def render() -> str:
    """Return the table, a row for each statement of each role."""
    return table(("Who", "May", "On", "Why"), _rows(TEMPLATE["Resources"]))


def _rows(resources: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for name, resource in resources.items():
        if resource["Type"] == "AWS::IAM::Role":
            only = _only_with(resource["Condition"]) if "Condition" in resource else ""
            for statement, why in _statements(resource["Properties"], resources):
                yield f"`{name.removesuffix('Role')}`", _actions(statement), _where(statement), why + only


def _statements(
    role: Mapping[str, Any], resources: Mapping[str, Any]
) -> Iterator[tuple[Mapping[str, Any], str]]:
    for managed, only in _managed(role.get("ManagedPolicyArns", [])):
        policy = resources[managed["Ref"]]["Properties"]
        for statement in policy["PolicyDocument"]["Statement"]:
            yield statement, policy["Description"].removesuffix(".") + only
    for policy, only in map(_unconditional, role["Policies"]):
        for statement, only_then in map(_unconditional, policy["PolicyDocument"]["Statement"]):
            yield statement, _words(statement.get("Sid", policy["PolicyName"])) + only + only_then


def _managed(policies: Any) -> Iterator[tuple[Any, str]]:
    """Yield each managed policy with the words for when it is there; the whole list may be conditional."""
    listed, only = _unconditional(policies)
    yield from ((policy, only + only_then) for policy, only_then in map(_unconditional, listed))


def _unconditional(item: Any) -> tuple[Any, str]:
    """Return what an `!If` adds, and the words for when it does."""
    match item:
        case {"Fn::If": [condition, added, {"Ref": "AWS::NoValue"}]}:
            return added, _only_with(condition)
    return item, ""


def _only_with(condition: str) -> str:
    return f", only with {_condition(TEMPLATE['Conditions'][condition])}"


def _condition(condition: Any) -> str:
    match condition:
        case {"Fn::Equals": [{"Ref": parameter}, value]}:
            return f"`{parameter}={value}`"
        case {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}:
            return f"a `{parameter}`"
        case {"Fn::And": parts}:
            return " and ".join(_condition(part) for part in parts)
        case {"Condition": name}:
            return _condition(TEMPLATE["Conditions"][name])
    raise ValueError(f"no words for the condition {condition}")


def _words(name: str) -> str:
    """Return a name such as `RunTheTasks` in words."""
    return " ".join(re.findall(r"[A-Z][a-z]*", name)).capitalize()


def _actions(statement: Mapping[str, Any]) -> str:
    actions = statement["Action"]
    return "<br>".join(f"`{action}`" for action in ([actions] if isinstance(actions, str) else actions))


def _where(statement: Mapping[str, Any]) -> str:
    resources = statement["Resource"]
    listed = map(_unconditional, resources if isinstance(resources, list) else [resources])
    words = "<br>".join(_resource(resource) + only for resource, only in listed)
    for operator, keys in statement.get("Condition", {}).items():
        if operator != "Null":
            words += "".join(f"<br>if `{key}` is {_values(value)}" for key, value in keys.items())
    return words


def _values(value: Any) -> str:
    match value:
        case {"Ref": parameter}:
            return f"in `{parameter}`"
    return f"`{value}`"


def _without_place(arn: str) -> str:
    """Return what an ARN of our own account and region names; of another place, the whole ARN."""
    return arn.removeprefix("arn:${AWS::Partition}:").replace(":${AWS::Region}:${AWS::AccountId}:", " ")


def _resource(resource: Any) -> str:
    match resource:
        case "*":
            return "everything"
        case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
            return f"`{name}`"
        case {"Fn::Sub": [text, _]} | {"Fn::Sub": text} if arn := _ORGANIZATIONS_ARN.search(text):
            whose = "AWS-managed" if arn["owner"] == "aws" else "the organization's"
            return f"{whose} {_KINDS[arn['kind']]}"
        case {"Fn::Sub": str(text)}:
            return f"`{_without_place(text)}`"
    raise ValueError(f"no words for the resource {resource}")

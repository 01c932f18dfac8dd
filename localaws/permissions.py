"""Least privilege made real: refuse what a role's policies do not allow.

Only the sessions that the embedded AWS issues to its own functions and executions are checked, and
only their calls of the services that `authorized_resources` knows: these roles come from the template, and
what they lack shows here as it would on AWS. Of IAM's language it knows what such roles use: Action and
NotAction, Resource and NotResource, wildcards, Deny, string and ARN conditions, ForAllValues and Null. A
condition that it cannot judge does not hold in an Allow and holds in a Deny.

Source of the condition keys: "Actions, resources, and condition keys" of AWS Organizations and of Amazon
EventBridge in the Service Authorization Reference. A call that names several resources needs permission for
each.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from localaws.authorized_resources import action_of, resources_of
from localaws.gateway import ApiError
from localaws.identities import role_of, role_with
from localaws.organization_state import OrganizationState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from localaws.gateway import ApiCall, ApiResponse, Proceed
    from localaws.identities import Identities, RoleSession

    Statement = Mapping[str, Any]
    Value = str | tuple[str, ...]
    """Several where a key may have several; only ForAllValues and Null are judged on them."""
    Keys = Mapping[str, Value]

_POLICY_TYPE_KEY = "organizations:policytype"
_NOT_TOLD = ""
"""The value of a condition key that only something missing could tell: no condition on it is judged."""
_TYPE_PARAMETERS = ("Filter", "PolicyType", "Type")
_REFUSALS = {
    "cloudformation": ("AccessDenied", 403),
    "lambda": ("AccessDeniedException", 403),
    "scheduler": ("AccessDeniedException", 403),
    "sns": ("AuthorizationError", 403),
    "sqs": ("AccessDenied", 403),
}
"""How a service refuses, where it is not an AccessDeniedException with status 400.

Source: the common errors of each service's API reference.
"""
_EQUAL = {"StringEquals", "ArnEquals", "StringLike", "ArnLike"}
_OF_ALL = "ForAllValues:"


class Permissions:
    """A layer that refuses calls for which the caller's role has no permission.

    Parameters
    ----------
    identities : Identities
        Knows the issued sessions.
    """

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Let `call` proceed if its caller may."""
        session = self._identities.session_of(call.access_key) if call.is_internal else None
        resources = None if session is None else resources_of(call)
        if session is not None and resources is not None:
            _check(call, session, resources)
        return proceed(call)


def role_may(role_arn: str, action: str, resource: str) -> bool:
    """Return whether a role's policies allow an action on a resource.

    Parameters
    ----------
    role_arn : str
        The role; one that does not exist may do nothing.
    action : str
        The action, such as `sqs:ReceiveMessage`.
    resource : str
        The ARN of the resource.
    """
    return _is_allowed(_statements(role_with(role_arn)), action, resource, {})


def _check(call: ApiCall, session: RoleSession, resources: Iterable[str | None]) -> None:
    action = action_of(call)
    statements = _statements(role_of(session))
    keys = _condition_keys(call)
    for resource in resources:
        if not _is_allowed(statements, action, resource, keys):
            raise _refusal(call, session, action, resource)


def _is_allowed(statements: Iterable[Statement], action: str, resource: str | None, keys: Keys) -> bool:
    matching = [s["Effect"] for s in statements if _applies(s, action, resource, keys)]
    return "Allow" in matching and "Deny" not in matching


def _refusal(call: ApiCall, session: RoleSession, action: str, resource: str | None) -> ApiError:
    message = (
        f"User: {session.arn} is not authorized to perform: {action} on resource: {resource or '*'} "
        f"because no identity-based policy allows the {action} action"
    )
    code, status = _REFUSALS.get(call.service, ("AccessDeniedException", 400))
    return ApiError(code, message, status)


def _condition_keys(call: ApiCall) -> dict[str, Value]:
    """Return the values of the condition keys, by lower-case key."""
    if call.service == "events" and call.operation == "PutEvents":
        return {"events:source": tuple(str(entry.get("Source")) for entry in call.parameters["Entries"])}
    if call.service != "organizations":
        return {}
    given = [call.parameters[name] for name in _TYPE_PARAMETERS if name in call.parameters]
    policy_id = call.parameters.get("PolicyId")
    found = [p.type for p in OrganizationState(call).backend.policies if p.id == policy_id]
    kinds = [*given, *found, *([_NOT_TOLD] if policy_id else [])]
    return {_POLICY_TYPE_KEY: kinds[0]} if kinds else {}


def _statements(role: Any | None) -> list[Statement]:
    """Return the statements of a role's inline and attached policies; none if there is no role."""
    if role is None:
        return []
    inline = list(role.policies.values())
    versions = [version for policy in role.managed_policies.values() for version in policy.versions]
    attached = [version.document for version in versions if version.is_default]
    return [statement for document in [*inline, *attached] for statement in _parsed(document)]


@lru_cache(maxsize=256)
def _parsed(document: str) -> tuple[Statement, ...]:
    statements = json.loads(document)["Statement"]
    return tuple(statements) if isinstance(statements, list) else (statements,)


def _applies(statement: Statement, action: str, resource: str | None, keys: Keys) -> bool:
    return (
        _covers(statement, "Action", action, ignore_case=True)
        and (resource is None or _covers(statement, "Resource", resource, ignore_case=False))
        and _conditions_hold(statement, keys)
    )


def _covers(statement: Statement, element: str, value: str, *, ignore_case: bool) -> bool:
    inverse = f"Not{element}" in statement
    patterns = _as_list(statement.get(f"Not{element}" if inverse else element, []))
    matched = any(_matches(pattern, value, ignore_case=ignore_case) for pattern in patterns)
    return matched is not inverse


def _conditions_hold(statement: Statement, keys: Keys) -> bool:
    results = [
        _condition_holds(operator, keys.get(key.lower()), _as_list(values))
        for operator, tests in statement.get("Condition", {}).items()
        for key, values in tests.items()
        if keys.get(key.lower()) != _NOT_TOLD
    ]
    unknown_counts_as = statement["Effect"] == "Deny"
    return all(unknown_counts_as if result is None else result for result in results)


def _condition_holds(operator: str, value: Value | None, expected: list[str]) -> bool | None:
    """Return whether one condition holds; None if this program does not know its operator."""
    if operator == "Null":
        return (value is None) is (expected == ["true"])
    if operator.startswith(_OF_ALL):
        single = operator.removeprefix(_OF_ALL)
        results = [_condition_holds(single, each, expected) for each in _as_tuple(value)]
        return None if None in results else all(results)
    plain = operator.removesuffix("IfExists")
    if plain.replace("Not", "") not in _EQUAL or isinstance(value, tuple):
        return None
    inverse = "Not" in plain
    if value is None:
        return inverse or plain != operator
    literal = plain.endswith("Equals") and plain.startswith("String")
    matched = any(value == e if literal else _matches(e, value, ignore_case=False) for e in expected)
    return matched is not inverse


def _matches(pattern: str, value: str, *, ignore_case: bool) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def _as_tuple(value: Value | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

"""Resource policies: what an AWS service may do with a resource on behalf of another one.

Only as much of IAM as templates write for service principals. What is not understood grants nothing, so
that a policy which works here is one that this module could read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """What an AWS service wants to do.

    Parameters
    ----------
    principal : str
        The service, such as `events.amazonaws.com`.
    action : str
        The action, such as `sns:Publish`.
    resource : str
        The ARN of the resource.
    source_arn : str
        The ARN on whose behalf, such as a rule's.
    """

    principal: str
    action: str
    resource: str
    source_arn: str


_UNCONDITIONAL = ("events.amazonaws.com", "sns:Publish")
"""For this service and this action a statement with conditions grants nothing.

Source: EventBridge user guide, "Using resource-based policies for Amazon EventBridge", "Amazon SNS
permissions".
"""


def is_allowed(policy: str | None, request: ServiceRequest) -> bool:
    """Return whether a resource policy lets a service do something.

    Parameters
    ----------
    policy : str or None
        The policy, a JSON document; None if the resource has none.
    request : ServiceRequest
        What the service wants to do.

    Returns
    -------
    bool
        True if a statement allows it and none denies it.
    """
    statements = _listed(json.loads(policy or "{}").get("Statement"))
    if (request.principal, request.action) == _UNCONDITIONAL:
        statements = [one for one in statements if one.get("Effect") == "Deny" or not one.get("Condition")]
    effects = {statement.get("Effect") for statement in statements if _applies(statement, request)}
    return "Allow" in effects and "Deny" not in effects


def is_trusted(policy: str | None, request: ServiceRequest) -> bool:
    """Return whether a role's trust policy lets a service assume the role.

    Parameters
    ----------
    policy : str or None
        The trust policy, a JSON document; it names no resource, which is the role itself.
    request : ServiceRequest
        Who wants to assume the role, and on whose behalf.
    """
    document = json.loads(policy or "{}")
    statements = [{**one, "Resource": request.resource} for one in _listed(document.get("Statement"))]
    return is_allowed(json.dumps({"Statement": statements}), request)


def _applies(statement: dict[str, Any], request: ServiceRequest) -> bool:
    principal = statement.get("Principal", {})
    if isinstance(principal, dict):
        # "AWS": "*" is everybody, services included; conditions narrow it down again.
        principals = [
            *_listed(principal.get("Service")),
            *(one for one in _listed(principal.get("AWS")) if one == "*"),
        ]
    else:
        principals = _listed(principal)
    return (
        any(one in {"*", request.principal} for one in principals)
        and any(_like(one.lower(), request.action.lower()) for one in _listed(statement.get("Action")))
        and any(_like(one, request.resource) for one in _listed(statement.get("Resource")))
        and all(
            _holds(operator, key, wanted, request)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _holds(operator: str, key: str, wanted: Any, request: ServiceRequest) -> bool:
    known = {
        "aws:sourcearn": request.source_arn,
        "aws:sourceaccount": request.source_arn.split(":")[4],
        "aws:securetransport": "true",
    }
    actual = known.get(key.lower())
    if actual is None:
        return operator.endswith("IfExists")
    choices = [str(choice).lower() if operator.startswith("Bool") else choice for choice in _listed(wanted)]
    match operator.removesuffix("IfExists"):
        case "StringEquals" | "Bool":
            return actual in choices
        case "StringLike" | "ArnLike" | "ArnEquals":
            return any(_like(choice, actual) for choice in choices)
    return False


def _like(pattern: str, text: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]

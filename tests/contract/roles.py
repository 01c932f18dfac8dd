"""What each role of the template is allowed."""

from __future__ import annotations

from typing import Any

from tests.contract.shipped import deployed, of_type

EVERYTHING = {
    "Mode": "remediate",
    "AllowAwsManagedPolicies": "true",
    "TracingEnabled": "true",
    "RestorePolicyTypes": "true",
    "RestorePolicies": "true",
    "WitnessBusArn": "arn:aws:events:us-east-1:444455556666:event-bus/witness",
}
"""The parameters with which the roles may do most."""

Statement = dict[str, Any]


def roles(**parameters: str) -> dict[str, list[Statement]]:
    """Return what each role is allowed, its managed policies included."""
    resources = deployed(**parameters)
    managed = of_type(resources, "AWS::IAM::ManagedPolicy")
    return {
        name: [
            statement
            for policy in (*role["Policies"], *(managed[ref] for ref in role.get("ManagedPolicyArns", [])))
            for statement in policy["PolicyDocument"]["Statement"]
        ]
        for name, role in of_type(resources, "AWS::IAM::Role").items()
    }


def listed(value: str | list[str]) -> list[str]:
    """Return what IAM lets stand alone or in a list as a list."""
    return [value] if isinstance(value, str) else value


def actions(statements: list[Statement], service: str = "") -> set[str]:
    """Return the actions that statements name, of one service or of all."""
    named = {action for statement in statements for action in listed(statement["Action"])}
    return {action for action in named if action.startswith(service)}


def all_actions() -> set[str]:
    """Return every action that some role is allowed in some deployment."""
    return set().union(*(actions(statements) for statements in roles(**EVERYTHING).values()))

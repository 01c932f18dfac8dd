from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from tests.contract.templates import TEMPLATES, plain, role_that_may

RULES = {"E3510", "E3511", "E3512", "E3514", "E3530", "I3510", "W2511", "W3037"}
"""cfn-lint's rules about policies: syntax, ARNs, trust, actions that do not exist or match no resource."""

HOLDERS = {"AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"}


def findings(template: Mapping[str, Any]) -> list[str]:
    """Return what the linter has to say of the policies: rule, place and words.

    It knows AWS's own list of actions, and which kinds of resources each can be limited to.
    """
    config = ManualArgs(include_checks=["I"], regions=["us-east-1"])
    found = lint(json.dumps(template), config=config)
    return [
        f"{each.rule.id} {'/'.join(map(str, each.path))}: {each.message}"
        for each in found
        if each.rule.id in RULES
    ]


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_the_linter_finds_no_fault_in_any_policy(file: Any) -> None:
    template = plain(file)

    assert HOLDERS & {resource["Type"] for resource in template["Resources"].values()} != set()
    assert findings(template) == []


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ({"Action": "states:StartExecutions", "Resource": "*"}, "W3037"),
        ({"Action": "states:StartExecution", "Resource": "*", "Effect": "Allowed"}, "E3510"),
        ({"Action": "dynamodb:PutItem", "Resource": "arn:aws:sqs:us-east-1:111122223333:queue"}, "I3510"),
    ],
    ids=["an action that does not exist", "no effect", "a resource of another service"],
)
def test_the_linter_finds_a_planted_fault(statement: Mapping[str, Any], rule: str) -> None:
    assert [finding.split()[0] for finding in findings(role_that_may(**statement))] == [rule]


NEVER = ("organizations:DetachPolicy", "organizations:DeletePolicy")
EXEMPTING = ("ssm:PutParameter", "ssm:DeleteParameter", "ssm:DeleteParameters", "ssm:LabelParameterVersion")
SUCCESSORS = ":parameter/holdfast/successors/"
"""The one place below which a role may write parameters."""


def statements(template: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what the template's roles and managed policies hold, also those that SAM adds."""
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        policies = properties.get("Policies", []) if resource["Type"] == "AWS::IAM::Role" else []
        if resource["Type"] in {"AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"}:
            policies = [properties]
        for policy in map(unconditional, policies):
            for statement in map(unconditional, policy["PolicyDocument"]["Statement"]):
                yield name, statement


def unconditional(item: Any) -> Any:
    """Return what an `Fn::If` adds: whatever could be there counts."""
    return item["Fn::If"][1] if "Fn::If" in item else item


def as_list(value: Any) -> list[Any]:
    """Return what may stand alone or in a list as a list; alone, an ARN may be a function of the template."""
    return value if isinstance(value, list) else [value]


def allows(statement: Mapping[str, Any], action: str) -> bool:
    """Return whether a statement allows an action as IAM reads it, whatever it is limited to."""
    if "NotAction" in statement:
        return bool(statement["Effect"] == "Allow")
    patterns = (pattern.lower() for pattern in as_list(statement["Action"]))
    return bool(statement["Effect"] == "Allow") and any(
        fnmatchcase(action.lower(), each) for each in patterns
    )


def forbidden(template: Mapping[str, Any]) -> list[str]:
    """Return who could take a guardrail away, or permit that, and with which action."""
    taking = [
        (name, action) for name, each in statements(template) for action in NEVER if allows(each, action)
    ]
    permitting = [
        (name, action)
        for name, each in statements(template)
        for action in EXEMPTING
        if allows(each, action)
        and not all(SUCCESSORS in json.dumps(arn) for arn in as_list(each["Resource"]))
    ]
    return [f"{name} {action}" for name, action in taking + permitting]


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_no_role_of_any_template_can_detach_or_delete_a_policy_or_write_an_exemption(file: Any) -> None:
    template = plain(file)
    attached = [
        policy
        for resource in template["Resources"].values()
        for policy in unconditional(resource.get("Properties", {}).get("ManagedPolicyArns", []))
    ]

    assert forbidden(template) == []
    assert [policy for policy in map(unconditional, attached) if "Ref" not in policy] == []


@pytest.mark.parametrize(
    ("statement", "action"),
    [
        ({"Action": "organizations:detach*", "Resource": "*"}, "organizations:DetachPolicy"),
        ({"Action": ["organizations:DeletePolicy"], "Resource": "*"}, "organizations:DeletePolicy"),
        (
            {
                "Action": "ssm:PutParameter",
                "Resource": "arn:aws:ssm:us-east-1:111122223333:parameter/holdfast/*",
            },
            "ssm:PutParameter",
        ),
    ],
    ids=["detaching, with a wildcard", "deleting", "writing above the successors"],
)
def test_a_planted_permission_to_take_a_guardrail_away_is_found(
    statement: Mapping[str, Any], action: str
) -> None:
    assert forbidden(role_that_may(**statement)) == [f"Planted {action}"]

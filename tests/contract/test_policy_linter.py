from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from localaws.template import read_parameters, read_template, translate
from tests.contract.roles import EVERYTHING
from tests.contract.shipped import ROOT

TEMPLATES = [file for file in sorted(ROOT.glob("*.yaml")) if "AWSTemplateFormatVersion" in file.read_text()]
RULES = {"E3510", "E3511", "E3512", "E3514", "E3530", "I3510", "W2511", "W3037"}
"""cfn-lint's rules about policies: syntax, ARNs, trust, actions that do not exist or match no resource."""

HOLDERS = {"AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"}
REQUIRED = {
    "OrganizationId": "o-exampleorgid",
    "ManagementAccountId": "111122223333",
    "HoldfastStackName": "holdfast",
}


def plain(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template as plain CloudFormation: in a SAM template the linter passes actions over."""
    given = {name: value for name, value in (REQUIRED | EVERYTHING).items() if name in template["Parameters"]}
    return translate(template, read_parameters(template, given), ROOT, "us-east-1")


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
    template = plain(read_template(file))

    assert HOLDERS & {resource["Type"] for resource in template["Resources"].values()} != set()
    assert findings(template) == []


def role_that_may(**statement: Any) -> dict[str, Any]:
    """Return a template with one role, and one statement of its policy."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
    properties = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "Policies": [{"PolicyName": "Planted", "PolicyDocument": policy}],
    }
    return {"Resources": {"Planted": {"Type": "AWS::IAM::Role", "Properties": properties}}}


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

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.contract.templates import TEMPLATES, role_that_may, with_arns

with warnings.catch_warnings():
    # It imports pkg_resources, which warns of its own end.
    warnings.simplefilter("ignore")
    from parliament import analyze_policy_string

ANY_KIND = "It wants every kind of resource that the action takes."
EXCEPTIONS = {
    ("INVALID_ARN", "arn:aws:organizations::aws:policy/*"): (
        "AWS-managed policies belong to the account `aws`. Source: Service Authorization Reference."
    ),
    ("RESOURCE_MISMATCH", "states:ListExecutions"): f"{ANY_KIND} Ours are no Distributed Maps.",
    ("RESOURCE_MISMATCH", "states:DescribeExecution"): f"{ANY_KIND} Ours are no express workflows.",
}
"""What parliament finds and we leave, with the reason."""


def policies(resources: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the inline policies of the roles, and the managed policies."""
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::Role":
            yield from (policy["PolicyDocument"] for policy in resource["Properties"].get("Policies", []))
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            yield resource["Properties"]["PolicyDocument"]


def findings(resources: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return what parliament has to say of the policies: the issue, and the action or ARN that has it.

    Unlike cfn-lint it knows the condition keys of each action, and what could be limited and is not.
    """
    return {
        (finding.issue, subject)
        for policy in policies(resources)
        for finding in analyze_policy_string(json.dumps(policy)).findings
        for subject in _subjects(finding)
    }


def _subjects(finding: Any) -> list[str]:
    if isinstance(finding.detail, list):
        return [each["action"] if isinstance(each, dict) else each for each in finding.detail]
    return [finding.location.get("string") or str(finding.detail)]


def test_the_analysis_of_all_policies_finds_what_is_excepted_and_nothing_else() -> None:
    """An exception that nothing needs any more fails as well."""
    found = [findings(with_arns(file)) for file in TEMPLATES]

    assert set().union(*found) == set(EXCEPTIONS)


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_every_policy_is_analyzed_with_arns_in_it(file: Any) -> None:
    resources = [
        arn
        for policy in policies(with_arns(file))
        for statement in policy["Statement"]
        for arn in (
            statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        )
    ]

    assert [arn for arn in resources if arn != "*" and not arn.startswith("arn:aws:")] == []


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        (
            {"Action": "states:StartExecutions", "Resource": "*"},
            ("UNKNOWN_ACTION", "states:StartExecutions"),
        ),
        (
            {"Action": "dynamodb:PutItem", "Resource": "arn:aws:sqs:us-east-1:111122223333:queue"},
            ("RESOURCE_MISMATCH", "dynamodb:PutItem"),
        ),
        (
            {"Action": "organizations:AttachPolicy", "Resource": "*"},
            ("RESOURCE_STAR", "organizations:AttachPolicy"),
        ),
        (
            {
                "Action": "organizations:AttachPolicy",
                "Resource": "arn:aws:organizations::111122223333:policy/o-exampleorgid/*",
                "Condition": {"StringEquals": {"organizations:PolicyTypes": "TAG_POLICY"}},
            },
            (
                "UNKNOWN_CONDITION_FOR_ACTION",
                "Unknown condition organizations:PolicyTypes for action organizations:AttachPolicy",
            ),
        ),
    ],
    ids=["no such action", "another service's resource", "could be limited", "no such condition"],
)
def test_the_analysis_finds_a_planted_fault(statement: Mapping[str, Any], finding: tuple[str, str]) -> None:
    assert finding in findings(role_that_may(**statement)["Resources"])

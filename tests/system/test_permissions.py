"""Least privilege, measured: what each function's role allows is what its function calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localaws.gateway import ApiError
from tests.deployed import DENY_LEAVING, Holdfast

FUNCTIONS = (
    "VerifyDetachFunction",
    "ReattachPolicyFunction",
    "ConfirmAttachmentFunction",
    "DescribeOutcomeFunction",
)
ALLOW = {"Sid": "Anything", "Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture(scope="module")
def holdfast(shared_holdfast: Holdfast) -> Holdfast:
    """Let each kind of target lose a guardrail, one of them with an Allow, and one for good."""
    shared_holdfast.guardrail("AllowList", "Sandbox", ALLOW, DENY_LEAVING)
    shared_holdfast.detach("AllowList", "Sandbox")
    shared_holdfast.detach("DenyLeaveOrganization", "Root")
    shared_holdfast.detach("DenyDisablingCloudTrail", "Workloads/Prod")
    shared_holdfast.detach("ProtectSecurityRoles", "Workloads/Prod/payments-prod")
    full = ApiError("ConstraintViolationException", "", Reason="MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
    shared_holdfast.aws.faults.fail_call("organizations", "AttachPolicy", full)
    shared_holdfast.detach("DenyUnapprovedRegions", "Workloads")
    return shared_holdfast


def called(holdfast: Holdfast, function: str) -> set[str]:
    """Return the actions that a function's role was used for."""
    role = f":assumed-role/{holdfast.resource(f'{function}Role')}/"
    return {
        f"{call.service}:{call.operation}" for call in holdfast.aws.calls.recorded() if role in call.principal
    }


def allowed(holdfast: Holdfast, function: str) -> set[str]:
    """Return the actions that a function's role allows; writing its log, which no call shows, is none."""
    documents = policy_documents(holdfast.aws.client("iam"), holdfast.resource(f"{function}Role"))
    statements = [statement for document in documents for statement in document["Statement"]]
    assert {statement["Effect"] for statement in statements} == {"Allow"}
    actions = {action for statement in statements for action in as_list(statement["Action"])}
    return {action for action in actions if not action.startswith("logs:")}


def policy_documents(iam: Any, role: str) -> Iterator[Any]:
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
        yield iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)["PolicyVersion"][
            "Document"
        ]


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_allows_exactly_what_its_function_calls(holdfast: Holdfast, function: str) -> None:
    assert allowed(holdfast, function) == called(holdfast, function)


def test_no_call_of_holdfast_was_denied(holdfast: Holdfast) -> None:
    denied = [
        call
        for call in holdfast.aws.calls.recorded()
        if call.error_code in {"AccessDeniedException", "AuthorizationError"}
    ]

    assert denied == []


def test_only_reattaching_changes_anything(holdfast: Holdfast) -> None:
    reads = ("organizations:Describe", "organizations:List")

    changing = {
        function: {action for action in called(holdfast, function) if not action.startswith(reads)}
        for function in FUNCTIONS
    }

    assert changing == {
        "VerifyDetachFunction": set(),
        "ReattachPolicyFunction": {"organizations:AttachPolicy"},
        "ConfirmAttachmentFunction": set(),
        "DescribeOutcomeFunction": set(),
    }


@pytest.mark.parametrize("operation", ["DetachPolicy", "DeletePolicy", "UpdatePolicy"])
def test_the_reattaching_role_cannot_undo_anything(holdfast: Holdfast, operation: str) -> None:
    """The permissions are asked as IAM would be: by the role's statements, not by what happened."""
    assert f"organizations:{operation}" not in allowed(holdfast, "ReattachPolicyFunction")

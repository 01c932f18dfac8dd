"""Least privilege, measured: what each function's role allows is what its function calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from localaws.faults import FunctionFault
from localaws.gateway import ApiError
from tests.deployed import DENY_LEAVING, SCP, Holdfast, deployed

pytestmark = pytest.mark.long

REMEDIATING = (
    *(
        "VerifyDetachFunction",
        "ReattachPolicyFunction",
        "ConfirmAttachmentFunction",
        "DescribeOutcomeFunction",
    ),
)
RECONCILING = (
    *("TakeTurnFunction", "FindDriftFunction", "RestorePolicyTypesFunction", "RestorePoliciesFunction"),
    *("RestoreAttachmentsFunction", "CheckWiringFunction", "CompareCoverageFunction"),
    "DescribeReconciliationFunction",
)
FUNCTIONS = (*REMEDIATING, *RECONCILING)
RESTORING = {
    "ReconciliationEnabled": "true",
    "ReconciliationSchedule": "rate(300 days)",
    "RestorePolicyTypes": "true",
    "RestorePolicies": "true",
}
ALLOW = {"Sid": "Anything", "Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture(scope="module")
def holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Let the organization lose its guardrails in every way that Holdfast knows."""
    with deployed(tmp_path_factory.mktemp("holdfast"), **RESTORING) as fresh:
        detach_in_every_way(fresh)
        tamper_in_every_way(fresh)
        yield fresh


def detach_in_every_way(holdfast: Holdfast) -> None:
    """Let each kind of target lose a guardrail, one of them with an Allow, one for good, one to a rival."""
    holdfast.guardrail("AllowList", "Sandbox", ALLOW, DENY_LEAVING)
    holdfast.detach("AllowList", "Sandbox")
    holdfast.detach("DenyLeaveOrganization", "Root")
    holdfast.detach("DenyDisablingCloudTrail", "Workloads/Prod")
    holdfast.detach("ProtectSecurityRoles", "Workloads/Prod/payments-prod")
    full = ApiError("ConstraintViolationException", "", Reason="MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
    holdfast.aws.faults.fail_call("organizations", "AttachPolicy", full)
    holdfast.detach("DenyUnapprovedRegions", "Workloads")
    rival = holdfast.role("accelerator")
    role = holdfast.aws.client("iam").get_role(RoleName="accelerator")["Role"]["Arn"]
    with (holdfast.guardrails / "baseline.toml").open("a", encoding="utf-8") as baseline:
        baseline.write(f'[[rival_principal]]\nrole = "{role}"\n')
    holdfast.detach("ProtectSecurityRoles", "Security", by=rival)
    stranger = holdfast.stranger("Stranger", "Sandbox")
    holdfast.aws.faults.fail_function("VerifyDetachFunction", FunctionFault.CRASH, times=100)
    holdfast.organizations.detach_policy(PolicyId=stranger, TargetId=holdfast.target("Sandbox"))
    holdfast.aws.clock.settle()
    holdfast.aws.faults.clear()


def tamper_in_every_way(holdfast: Holdfast) -> None:
    """Weaken a text, delete a policy, squat its name, switch the type off, move an account."""
    client, root = holdfast.organizations, holdfast.target("Root")
    weak = json.dumps({"Version": "2012-10-17", "Statement": [DENY_LEAVING]})
    client.update_policy(PolicyId=holdfast.policy("DenyDisablingCloudTrail"), Content=weak)
    holdfast.aws.clock.settle()
    doomed = holdfast.policy("DenyUnapprovedRegions")
    with holdfast.aws.clock.working():
        # The schedule may have attached it again.
        with suppress(client.exceptions.PolicyNotAttachedException):
            holdfast.take("DenyUnapprovedRegions", "Workloads")
        client.delete_policy(PolicyId=doomed)
        client.create_policy(Name="DenyUnapprovedRegions", Description="", Type=SCP, Content=weak)
    holdfast.aws.clock.settle()
    client.disable_policy_type(RootId=root, PolicyType=SCP)
    holdfast.aws.clock.settle()
    client.move_account(
        AccountId=holdfast.target("Workloads/Prod/payments-prod"),
        SourceParentId=holdfast.target("Workloads/Prod"),
        DestinationParentId=holdfast.target("Sandbox"),
    )
    holdfast.stranger("Filler", "Workloads")
    holdfast.aws.clock.settle()
    holdfast.take("Filler", "Workloads")
    holdfast.aws.clock.settle()
    holdfast.aws.client("events").disable_rule(Name=holdfast.resource("DetachRule"))
    holdfast.take("DenyLeaveOrganization", "Root")
    holdfast.aws.clock.settle()
    holdfast.reconcile()


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


def test_who_changes_the_organization_and_how(holdfast: Holdfast) -> None:
    reads = ("organizations:Describe", "organizations:List")
    changes = {
        function: {
            action
            for action in called(holdfast, function)
            if action.startswith("organizations:") and not action.startswith(reads)
        }
        for function in FUNCTIONS
    }

    assert {function: made for function, made in changes.items() if made} == {
        "ReattachPolicyFunction": {"organizations:AttachPolicy"},
        "RestorePolicyTypesFunction": {"organizations:EnablePolicyType"},
        "RestorePoliciesFunction": {"organizations:CreatePolicy", "organizations:UpdatePolicy"},
        "RestoreAttachmentsFunction": {"organizations:AttachPolicy"},
    }


@pytest.mark.parametrize("operation", ["DetachPolicy", "DeletePolicy", "DisablePolicyType"])
def test_no_role_can_undo_anything(holdfast: Holdfast, operation: str) -> None:
    """The permissions are asked as IAM would be: by the roles' statements, not by what happened."""
    may = [name for name in FUNCTIONS if f"organizations:{operation}" in allowed(holdfast, name)]

    assert may == []

from __future__ import annotations

import re

import pytest

from tests.contract.call_graph import operations
from tests.contract.roles import EVERYTHING, actions, all_actions, listed, roles
from tests.contract.shipped import (
    ACCOUNT,
    FUNCTION_OF_TASK,
    ORGANIZATION,
    TASKS,
    deployed,
    module_of,
    of_type,
)


def organizations_arns(**parameters: str) -> set[str]:
    """Return every ARN of Organizations that a role's permissions are limited to."""
    everything = (statement for statements in roles(**parameters).values() for statement in statements)
    resources = (resource for statement in everything for resource in listed(statement["Resource"]))
    return {resource for resource in resources if ":organizations:" in resource}


def test_no_role_can_detach_delete_or_weaken_anything() -> None:
    """Step Functions itself manages its log deliveries. Source: its guide, "Logging to CloudWatch Logs"."""
    undoing = {
        action
        for action in all_actions()
        if re.match(r"\w+:(Detach|Delete|Remove|Disable|Update|Leave|Close|Move|Untag|Stop)", action)
    }

    assert undoing == {"logs:DeleteLogDelivery", "logs:UpdateLogDelivery"}


def test_no_action_has_a_wildcard() -> None:
    assert [action for action in all_actions() if "*" in action] == []


def test_what_is_allowed_on_every_resource_cannot_be_allowed_on_less() -> None:
    """Source: Service Authorization Reference, "CloudWatch Logs" and "X-Ray"."""
    everywhere = [
        statement
        for statements in roles(**EVERYTHING).values()
        for statement in statements
        if "*" in listed(statement["Resource"])
    ]

    assert {action.partition(":")[0] for action in actions(everywhere)} == {"logs", "xray"}
    assert {statement["Sid"] for statement in everywhere} == {"LogTheExecution", "TraceTheExecution"}


@pytest.mark.parametrize("state", FUNCTION_OF_TASK)
def test_a_function_may_ask_organizations_exactly_what_its_code_can_ask(state: str) -> None:
    allowed = actions(roles(**EVERYTHING)[f"{FUNCTION_OF_TASK[state]}Role"], "organizations:")

    assert allowed == {f"organizations:{operation}" for operation in operations(module_of(state))}


def test_only_functions_may_ask_organizations() -> None:
    asking = {name for name, allowed in roles(**EVERYTHING).items() if actions(allowed, "organizations:")}

    assert asking == {f"{function}Role" for function in FUNCTION_OF_TASK.values()}


def test_only_the_reattaching_role_attaches_and_only_the_policy_types_of_the_parameter() -> None:
    attaching = {
        (name, statement["Action"]): statement.get("Condition")
        for name, statements in roles(Mode="remediate", PolicyTypes="TAG_POLICY,S3_POLICY").items()
        for statement in statements
        if "organizations:AttachPolicy" in listed(statement["Action"])
    }

    assert attaching == {
        ("ReattachPolicyFunctionRole", "organizations:AttachPolicy"): {
            "StringEquals": {"organizations:PolicyType": ["TAG_POLICY", "S3_POLICY"]}
        }
    }


def test_nobody_attaches_in_alert_only_mode() -> None:
    allowed = [statement for statements in roles(Mode="alert-only").values() for statement in statements]

    assert "organizations:AttachPolicy" not in actions(allowed)


def test_attaching_is_limited_to_the_policies_and_targets_of_the_organization() -> None:
    """Both sides of an attachment need it. Source: Service Authorization Reference, AWS Organizations."""
    arn = f"arn:aws:organizations::{ACCOUNT}"
    (attach,) = (
        statement
        for statement in roles(Mode="remediate")["ReattachPolicyFunctionRole"]
        if statement["Action"] == "organizations:AttachPolicy"
    )

    assert attach["Resource"] == [
        f"{arn}:policy/{ORGANIZATION}/*",
        f"{arn}:root/{ORGANIZATION}/*",
        f"{arn}:ou/{ORGANIZATION}/*",
        f"{arn}:account/{ORGANIZATION}/*",
    ]


@pytest.mark.parametrize(("given", "expected"), [("", ACCOUNT), ("999988887777", "999988887777")])
def test_every_arn_of_organizations_belongs_to_the_management_account(given: str, expected: str) -> None:
    arns = organizations_arns(Mode="remediate", ManagementAccountId=given)

    assert {arn.split(":")[4] for arn in arns} == {expected}
    assert {arn.split("/")[1] for arn in arns} == {ORGANIZATION}


def test_the_parameter_for_aws_managed_policies_adds_their_arn_and_nothing_else() -> None:
    without, with_them = organizations_arns(Mode="remediate"), organizations_arns(**EVERYTHING)

    assert with_them - without == {"arn:aws:organizations::aws:policy/*"}


def test_every_role_has_the_permissions_boundary_that_the_organization_demands() -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    every_role = of_type(deployed(PermissionsBoundaryArn=boundary), "AWS::IAM::Role")

    assert {role["PermissionsBoundary"] for role in every_role.values()} == {boundary}


def test_a_role_trusts_the_one_service_that_it_is_for() -> None:
    trusted = {
        name: [statement["Principal"] for statement in role["AssumeRolePolicyDocument"]["Statement"]]
        for name, role in of_type(deployed(), "AWS::IAM::Role").items()
    }

    assert trusted == {
        "DetachRuleRole": [{"Service": "events.amazonaws.com"}],
        "RemediateStateMachineRole": [{"Service": "states.amazonaws.com"}],
        **{f"{name}Role": [{"Service": "lambda.amazonaws.com"}] for name in FUNCTION_OF_TASK.values()},
    }


def test_a_function_writes_to_its_own_log_only() -> None:
    may_log = {
        name: {
            resource
            for statement in statements
            if "logs:PutLogEvents" in listed(statement["Action"])
            for resource in listed(statement["Resource"])
        }
        for name, statements in roles().items()
        if name.endswith("FunctionRole")
    }

    assert may_log == {
        f"{name}Role": {f"{name.removesuffix('Function')}LogGroup.Arn"} for name in FUNCTION_OF_TASK.values()
    }


def test_the_state_machine_may_run_its_tasks_publish_where_it_tells_and_use_the_topics_key() -> None:
    allowed = roles()["RemediateStateMachineRole"]
    on = {
        action: set(listed(statement["Resource"])) for statement in allowed for action in actions([statement])
    }

    assert {action: where for action, where in on.items() if not action.startswith("logs:")} == {
        "lambda:InvokeFunction": {f"{function}.Arn" for function in FUNCTION_OF_TASK.values()},
        "sns:Publish": {"OutcomeTopic"},
        "kms:GenerateDataKey": {"OutcomeKey.Arn"},
        "kms:Decrypt": {"OutcomeKey.Arn"},
    }


def test_the_state_machine_publishes_to_the_outcome_topic_only() -> None:
    topics = {task["Parameters"]["TopicArn"] for name, task in TASKS.items() if name not in FUNCTION_OF_TASK}
    substitutions = deployed()["RemediateStateMachine"]["Properties"]["DefinitionSubstitutions"]

    assert topics == {"${OutcomeTopicArn}"}
    assert substitutions["OutcomeTopicArn"] == "OutcomeTopic"


def test_the_rule_may_start_the_remediation_and_nothing_else() -> None:
    (statement,) = roles()["DetachRuleRole"]

    assert statement == {
        "Effect": "Allow",
        "Action": "states:StartExecution",
        "Resource": "RemediateStateMachine",
    }

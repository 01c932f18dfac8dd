from __future__ import annotations

import re

import pytest

from tests.contract.call_graph import actions_of
from tests.contract.roles import EVERYTHING, actions, all_actions, listed, roles
from tests.contract.shipped import (
    ACCOUNT,
    EVERY_FUNCTION,
    FUNCTION_OF_QUEUE,
    MACHINES,
    ORGANIZATION,
    Machine,
    deployed,
    module_of,
    of_type,
)

LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}


def organizations_arns(**parameters: str) -> set[str]:
    """Return every ARN of Organizations that a role's permissions are limited to."""
    everything = (statement for statements in roles(**parameters).values() for statement in statements)
    resources = (resource for statement in everything for resource in listed(statement["Resource"]))
    return {resource for resource in resources if ":organizations:" in resource}


def test_no_role_can_detach_or_delete_a_policy_and_only_one_can_write_a_text() -> None:
    """Step Functions itself manages its log deliveries. Source: its guide, "Logging to CloudWatch Logs"."""
    undoing = {
        action
        for action in all_actions()
        if re.match(r"\w+:(Detach|Delete|Remove|Disable|Update|Leave|Close|Move|Untag|Stop)", action)
    }

    log_deliveries = {"logs:DeleteLogDelivery", "logs:UpdateLogDelivery"}

    assert undoing == {*log_deliveries, "organizations:UpdatePolicy", "sqs:DeleteMessage"}


def test_no_action_has_a_wildcard() -> None:
    assert [action for action in all_actions() if "*" in action] == []


def test_what_is_allowed_on_every_resource_cannot_be_allowed_on_less() -> None:
    """Source: Service Authorization Reference, of each service: these actions have no resource type."""
    everywhere = [
        statement
        for statements in roles(**EVERYTHING).values()
        for statement in statements
        if "*" in listed(statement["Resource"])
    ]
    named = actions(everywhere)

    assert {action for action in named if not action.startswith(("logs:", "xray:"))} == {
        *("cloudtrail:DescribeTrails", "cloudtrail:LookupEvents"),
        *("organizations:CreatePolicy", "organizations:ListPolicies", "organizations:ListRoots"),
        "sns:GetSubscriptionAttributes",
    }


CONSUMING = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
"""What Lambda asks with the role of a function that a queue calls.

Source: its developer guide, "Using Lambda with Amazon SQS", "Execution role permissions".
"""


@pytest.mark.parametrize("name", EVERY_FUNCTION)
def test_a_function_may_ask_aws_exactly_what_its_code_can_ask(name: str) -> None:
    allowed = actions(roles(**EVERYTHING)[f"{EVERY_FUNCTION[name]}Role"])
    consuming = CONSUMING if name in FUNCTION_OF_QUEUE else set()

    assert allowed - LOGGING == actions_of(module_of(name)) | consuming


def test_only_one_role_can_delete_anything_and_only_from_its_own_queue() -> None:
    (statement,) = (
        statement
        for statements in roles(**EVERYTHING).values()
        for statement in statements
        if "sqs:DeleteMessage" in listed(statement["Action"])
    )

    assert statement["Resource"] == "MailQueue.Arn"


def test_only_functions_may_ask_organizations() -> None:
    asking = {name for name, allowed in roles(**EVERYTHING).items() if actions(allowed, "organizations:")}

    assert asking <= {f"{function}Role" for function in EVERY_FUNCTION.values()}


def changing(**parameters: str) -> dict[str, set[str]]:
    """Return who may change the organization, and how."""
    may = {name: actions(allowed, "organizations:") for name, allowed in roles(**parameters).items()}
    reads = re.compile(r"organizations:(Describe|List)")
    return {
        name: {action for action in allowed if not reads.match(action)}
        for name, allowed in may.items()
        if not all(map(reads.match, allowed))
    }


ATTACH, ENABLE = {"organizations:AttachPolicy"}, {"organizations:EnablePolicyType"}
WRITE = {"organizations:CreatePolicy", "organizations:UpdatePolicy"}


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ({}, {"ReattachPolicy": ATTACH, "RestoreAttachments": ATTACH}),
        ({"RestoreAttachments": "false"}, {"ReattachPolicy": ATTACH}),
        (
            {"RestorePolicyTypes": "true"},
            {"ReattachPolicy": ATTACH, "RestoreAttachments": ATTACH, "RestorePolicyTypes": ENABLE},
        ),
        (
            {"RestorePolicies": "true"},
            {"ReattachPolicy": ATTACH, "RestoreAttachments": ATTACH, "RestorePolicies": WRITE},
        ),
        ({"Mode": "alert-only", "RestorePolicyTypes": "true", "RestorePolicies": "true"}, {}),
    ],
    ids=["as it comes", "no attachments", "with types", "with policies", "alert-only"],
)
def test_what_is_switched_off_nobody_is_allowed(
    switches: dict[str, str], expected: dict[str, set[str]]
) -> None:
    assert changing(**{"Mode": "remediate", **switches}) == {
        f"{name}FunctionRole": allowed for name, allowed in expected.items()
    }


def test_every_change_is_limited_to_the_policy_types_of_the_parameter() -> None:
    limits = [
        statement.get("Condition")
        for statements in roles(**EVERYTHING, PolicyTypes="TAG_POLICY,S3_POLICY").values()
        for statement in statements
        if actions([statement]) & (ATTACH | ENABLE | WRITE)
    ]

    assert limits == [{"StringEquals": {"organizations:PolicyType": ["TAG_POLICY", "S3_POLICY"]}}] * len(
        limits
    )


def test_attaching_is_limited_to_the_policies_and_targets_of_the_organization() -> None:
    """Both sides of an attachment need it. Source: Service Authorization Reference, AWS Organizations."""
    arn = f"arn:aws:organizations::{ACCOUNT}"
    (attach,) = (
        statement
        for statement in roles(Mode="remediate")["RestoreAttachmentsFunctionRole"]
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
        "ReconcileScheduleRole": [{"Service": "scheduler.amazonaws.com"}],
        "TamperRuleRole": [{"Service": "events.amazonaws.com"}],
        "ReconcileStateMachineRole": [{"Service": "states.amazonaws.com"}],
        **{f"{name}Role": [{"Service": "lambda.amazonaws.com"}] for name in EVERY_FUNCTION.values()},
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
        f"{name}Role": {f"{name.removesuffix('Function')}LogGroup.Arn"} for name in EVERY_FUNCTION.values()
    }


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_a_state_machine_may_run_its_tasks_record_publish_where_it_tells_and_use_the_topics_key(
    machine: Machine,
) -> None:
    allowed = roles()[f"{machine.logical_id}Role"]
    on = {
        action: set(listed(statement["Resource"])) for statement in allowed for action in actions([statement])
    }

    assert {action: where for action, where in on.items() if not action.startswith("logs:")} == {
        "lambda:InvokeFunction": {f"{function}.Arn" for function in machine.function_of_task.values()},
        "dynamodb:PutItem": {"LedgerTable.Arn"},
        "sns:Publish": {"OutcomeTopic"},
        "kms:GenerateDataKey": {"OutcomeKey.Arn"},
        "kms:Decrypt": {"OutcomeKey.Arn"},
        "events:PutEvents": {f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"},
    }


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_a_state_machine_may_put_events_on_the_bus_in_its_own_name_only(machine: Machine) -> None:
    """A request may have several sources. Source: EventBridge user guide, "Using IAM policy conditions"."""
    (statement,) = (
        statement
        for statement in roles()[f"{machine.logical_id}Role"]
        if "events:PutEvents" in listed(statement["Action"])
    )
    (entry,) = machine.tasks["Publish Incident"]["Parameters"]["Entries"]

    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"events:source": entry["Source"]},
        "Null": {"events:source": "false"},
    }
    assert entry == {
        "Source": "holdfast",
        "DetailType": "Incident",
        "Detail.$": "States.StringToJson($.notification.forms.default)",
    }


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_a_state_machine_writes_to_the_ledger_and_publishes_to_the_outcome_topic_only(
    machine: Machine,
) -> None:
    calling = [task for name, task in machine.tasks.items() if name not in machine.function_of_task]
    substitutions = deployed()[machine.logical_id]["Properties"]["DefinitionSubstitutions"]

    assert {
        (
            task["Resource"].partition(":::")[2],
            task["Parameters"].get("TopicArn", task["Parameters"].get("TableName")),
        )
        for task in calling
        if not {"TransactItems.$", "Entries"} & task["Parameters"].keys()
    } == {("sns:publish", "${OutcomeTopicArn}"), ("dynamodb:putItem", "${LedgerTableName}")}
    assert (substitutions["OutcomeTopicArn"], substitutions["LedgerTableName"]) == (
        "OutcomeTopic",
        "LedgerTable",
    )


@pytest.mark.parametrize(
    ("role", "machine"),
    [("DetachRuleRole", "RemediateStateMachine"), ("TamperRuleRole", "ReconcileStateMachine")],
)
def test_a_rule_may_start_its_state_machine_and_nothing_else(role: str, machine: str) -> None:
    (statement,) = roles()[role]

    assert statement == {"Effect": "Allow", "Action": "states:StartExecution", "Resource": machine}


def test_the_schedule_may_start_the_reconciliation_and_leave_what_it_could_not_deliver() -> None:
    assert [
        (statement["Action"], statement["Resource"]) for statement in roles()["ReconcileScheduleRole"]
    ] == [
        ("states:StartExecution", "ReconcileStateMachine"),
        ("sqs:SendMessage", "UndeliveredQueue.Arn"),
    ]


def test_the_stack_may_be_asked_about_by_its_name() -> None:
    """Such a call may be judged as stack/NAME/*, not by the stack's id. Source: aws-parallelcluster, #754."""
    (statement,) = (
        statement
        for statement in roles()["CheckWiringFunctionRole"]
        if "cloudformation:DescribeStacks" in listed(statement["Action"])
    )

    assert statement["Resource"] == f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/holdfast/*"


def test_no_role_can_write_an_exemption() -> None:
    """Whoever restores must not be able to permit; people write them, and IAM says who."""
    writing = [
        (role, listed(statement["Resource"]))
        for role, statements in roles(**EVERYTHING).items()
        for statement in statements
        if actions([statement], "ssm:") - {"ssm:GetParameters", "ssm:GetParametersByPath"}
    ]

    assert writing == [
        (
            "RestorePoliciesFunctionRole",
            [f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/holdfast/successors/*"],
        )
    ]


def test_no_role_can_change_or_delete_what_the_ledger_holds() -> None:
    """Put is all that is allowed: also in a transaction, source: DynamoDB developer guide, "IAM"."""
    on_ledger = {
        action
        for statements in roles(**EVERYTHING).values()
        for statement in statements
        if "LedgerTable.Arn" in listed(statement["Resource"])
        for action in listed(statement["Action"])
    }

    assert on_ledger == {"dynamodb:PutItem", "dynamodb:Query"}

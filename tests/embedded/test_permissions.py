"""What a role's policies do not allow is refused.

IAM is "Policy evaluation logic" in the IAM user guide, ACTIONS is "Actions, resources, and condition keys for
AWS Organizations" in the Service Authorization Reference.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.moto_api._internal.models import moto_api_backend

from localaws.clock import SkippingClock
from localaws.gateway import Gateway
from localaws.identities import Identities
from localaws.organizations import Organizations
from localaws.permissions import Permissions
from tests.embedded.wire import connect

ACCOUNT = "111122223333"
ANYWHERE = f"arn:aws:organizations::{ACCOUNT}"
SCP = "SERVICE_CONTROL_POLICY"


class World:
    """An organization, and a role whose policies the test writes."""

    def __init__(self) -> None:
        clock = SkippingClock()
        self.identities = Identities(clock)
        self.gateway = Gateway([Permissions(self.identities), Organizations(clock)], clock)
        self.operator = connect(self.gateway, "organizations")
        self.operator.create_organization()
        self.root = self.operator.list_roots()["Roots"][0]["Id"]
        content = json.dumps({"Version": "2012-10-17", "Statement": []})
        made = self.operator.create_policy(Name="P", Description="", Type=SCP, Content=content)
        self.policy = made["Policy"]["PolicySummary"]["Id"]
        self.iam = connect(self.gateway, "iam")
        role = self.iam.create_role(RoleName="worker", AssumeRolePolicyDocument="{}")["Role"]
        self.key = self.identities.issue(role["Arn"], "session").access_key
        self.client = connect(self.gateway, "organizations", self.key)

    def allow(self, *statements: dict[str, Any]) -> None:
        """Give the role these statements, and no others."""
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self.iam.put_role_policy(RoleName="worker", PolicyName="inline", PolicyDocument=document)

    def refused(self) -> bool:
        """Return whether the role may not attach the policy; anything else that happens is no refusal."""
        try:
            self.client.attach_policy(PolicyId=self.policy, TargetId=self.root)
        except self.client.exceptions.AccessDeniedException:
            return True
        self.operator.detach_policy(PolicyId=self.policy, TargetId=self.root)
        return False


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    moto_api_backend.reset()
    return World()


def statement(*resources: str, action: str = "organizations:AttachPolicy", **members: Any) -> dict[str, Any]:
    """Return an Allow statement."""
    return {"Effect": "Allow", "Action": action, "Resource": list(resources), **members}


def test_a_role_without_policies_may_do_nothing(world: World) -> None:
    """IAM: what no statement allows is denied."""
    with pytest.raises(ClientError) as error:
        world.client.attach_policy(PolicyId=world.policy, TargetId=world.root)
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    assert "is not authorized to perform: organizations:AttachPolicy" in str(error.value)


def test_a_role_that_does_not_exist_may_do_nothing(world: World) -> None:
    key = world.identities.issue(f"arn:aws:iam::{ACCOUNT}:role/nobody", "session").access_key
    with pytest.raises(ClientError, match="AccessDeniedException"):
        connect(world.gateway, "organizations", key).list_roots()


def test_everybody_else_may_do_everything(world: World) -> None:
    assert world.operator.list_roots()["Roots"][0]["Id"] == world.root


def test_attaching_needs_the_policy_and_the_target(world: World) -> None:
    """ACTIONS, AttachPolicy: the policy, and the account, OU or root."""
    world.allow(statement(f"{ANYWHERE}:policy/*"))
    assert world.refused()
    world.allow(statement(f"{ANYWHERE}:root/*"))
    assert world.refused()
    world.allow(statement(f"{ANYWHERE}:policy/*/service_control_policy/*", f"{ANYWHERE}:root/*/r-????"))
    assert not world.refused()


def test_an_aws_managed_policy_has_an_arn_of_its_own(world: World) -> None:
    """ACTIONS: the resource type awspolicy."""
    world.allow(statement(f"{ANYWHERE}:*"))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        world.client.attach_policy(PolicyId="p-FullAWSAccess", TargetId=world.root)
    world.allow(statement(f"{ANYWHERE}:*", "arn:aws:organizations::aws:policy/*"))
    with pytest.raises(ClientError, match="DuplicatePolicyAttachmentException"):
        world.client.attach_policy(PolicyId="p-FullAWSAccess", TargetId=world.root)


@pytest.mark.parametrize(
    ("condition", "refused"),
    [
        ({"StringEquals": {"organizations:PolicyType": SCP}}, False),
        ({"StringEquals": {"organizations:PolicyType": ["TAG_POLICY", SCP]}}, False),
        ({"StringEquals": {"organizations:PolicyType": "TAG_POLICY"}}, True),
        ({"StringLikeIfExists": {"organizations:PolicyType": "SERVICE_*"}}, False),
        ({"StringNotEquals": {"organizations:PolicyType": SCP}}, True),
        ({"StringEquals": {"aws:PrincipalTag/team": "x"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2099-01-01T00:00:00Z"}}, True),
    ],
)
def test_a_condition_must_hold(world: World, condition: dict[str, Any], refused: bool) -> None:  # noqa: FBT001 - a table
    """ACTIONS: the condition key organizations:PolicyType; what cannot be judged does not allow."""
    world.allow(statement("*", Condition=condition))
    assert world.refused() is refused


def test_the_filter_of_a_list_is_its_policy_type(world: World) -> None:
    """ACTIONS, ListPoliciesForTarget: the condition key applies to reads as well."""
    condition = {"StringEquals": {"organizations:PolicyType": SCP}}
    world.allow(statement("*", action="organizations:List*", Condition=condition))
    world.client.list_policies_for_target(TargetId=world.root, Filter=SCP)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        world.client.list_policies_for_target(TargetId=world.root, Filter="TAG_POLICY")


def test_a_call_that_names_nothing_needs_every_resource(world: World) -> None:
    """ACTIONS, ListRoots: no resource types, so only `*` allows it."""
    world.allow(statement(f"{ANYWHERE}:root/*", action="organizations:ListRoots"))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        world.client.list_roots()
    world.allow(statement("*", action="organizations:listroots"))
    assert world.client.list_roots()["Roots"][0]["Id"] == world.root


def test_a_deny_beats_every_allow(world: World) -> None:
    """IAM: an explicit deny wins."""
    world.allow(statement("*", action="*"), statement("*", action="organizations:Attach*", Effect="Deny"))
    assert world.refused()


def test_what_is_missing_is_the_services_to_say(world: World) -> None:
    world.allow(statement(f"{ANYWHERE}:policy/*"))
    with pytest.raises(ClientError, match="PolicyNotFoundException"):
        world.client.attach_policy(PolicyId="p-nosuchpolicy", TargetId="r-none")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        world.client.detach_policy(PolicyId="p-nosuchpolicy", TargetId="r-none")


def test_the_type_of_a_policy_that_is_gone_is_no_condition(world: World) -> None:
    """ACTIONS: the value of the condition key is the policy's own; without one there is none to compare."""
    world.allow(statement("*", Condition={"StringEquals": {"organizations:PolicyType": SCP}}))
    with pytest.raises(ClientError, match="PolicyNotFoundException"):
        world.client.attach_policy(PolicyId="p-nosuchpolicy", TargetId=world.root)


def test_an_attached_managed_policy_counts_too(world: World) -> None:
    """IAM: identity-based policies are inline or managed."""
    document = json.dumps({"Version": "2012-10-17", "Statement": statement("*")})
    policy = world.iam.create_policy(PolicyName="managed", PolicyDocument=document)["Policy"]
    world.iam.attach_role_policy(RoleName="worker", PolicyArn=policy["Arn"])
    assert not world.refused()


def test_publishing_needs_the_topic(world: World) -> None:
    """Service Authorization Reference for Amazon SNS, Publish: the topic."""
    topics = [
        connect(world.gateway, "sns").create_topic(Name=name)["TopicArn"] for name in ("alerts", "other")
    ]
    world.allow(statement(topics[0], action="sns:Publish"))
    sns = connect(world.gateway, "sns", world.key)
    sns.publish(TopicArn=topics[0], Message="hello")
    with pytest.raises(ClientError) as error:
        sns.publish(TopicArn=topics[1], Message="hello")
    assert error.value.response["Error"]["Code"] == "AuthorizationError"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_reading_parameters_needs_each_of_them(world: World) -> None:
    """Service Authorization Reference for Systems Manager, GetParameters: the parameter."""
    ssm = connect(world.gateway, "ssm", world.key)
    world.allow(statement(f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/a/b", action="ssm:GetParameters"))
    assert ssm.get_parameters(Names=["/a/b"])["InvalidParameters"] == ["/a/b"]
    with pytest.raises(ClientError, match="AccessDeniedException"):
        ssm.get_parameters(Names=["/a/b", "/a/c"])


MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:reconcile"
EXECUTION = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:reconcile:one"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:alerts"
QUEUE = f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/q"
MAPPING = "a1b2c3d4-0000-4000-8000-000000000001"
KEY = {"item": {"S": "a"}}


@pytest.mark.parametrize(
    ("service", "method", "request_", "action", "resource"),
    [
        ("ssm", "put_parameter", {"Name": "/a/b", "Value": "x"}, "ssm:PutParameter", "ssm:parameter/a/b"),
        ("ssm", "get_parameter", {"Name": "/a/b"}, "ssm:GetParameter", "ssm:parameter/a/b"),
        (
            "ssm",
            "get_parameters",
            {"Names": ["/a/b", "/a/c"]},
            "ssm:GetParameters",
            "ssm:parameter/a/?",
        ),
        ("ssm", "get_parameters_by_path", {"Path": "/a"}, "ssm:GetParametersByPath", "ssm:parameter/a"),
        ("dynamodb", "get_item", {"TableName": "t", "Key": KEY}, "dynamodb:GetItem", "dynamodb:table/t"),
        ("dynamodb", "put_item", {"TableName": "t", "Item": KEY}, "dynamodb:PutItem", "dynamodb:table/t"),
        (
            "dynamodb",
            "update_item",
            {"TableName": "t", "Key": KEY},
            "dynamodb:UpdateItem",
            "dynamodb:table/t",
        ),
        (
            "dynamodb",
            "delete_item",
            {"TableName": "t", "Key": KEY},
            "dynamodb:DeleteItem",
            "dynamodb:table/t",
        ),
        (
            "dynamodb",
            "query",
            {"TableName": "t", "KeyConditionExpression": "a = b"},
            "dynamodb:Query",
            "dynamodb:table/t",
        ),
        (
            "dynamodb",
            "query",
            {"TableName": "t", "IndexName": "day", "KeyConditionExpression": "a = b"},
            "dynamodb:Query",
            "dynamodb:table/t/index/day",
        ),
        ("cloudtrail", "lookup_events", {}, "cloudtrail:LookupEvents", "*"),
        ("cloudtrail", "describe_trails", {}, "cloudtrail:DescribeTrails", "*"),
        (
            "cloudtrail",
            "get_trail_status",
            {"Name": "all"},
            "cloudtrail:GetTrailStatus",
            "cloudtrail:trail/all",
        ),
        (
            "cloudtrail",
            "get_event_selectors",
            {"TrailName": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/all"},
            "cloudtrail:GetEventSelectors",
            "cloudtrail:trail/all",
        ),
        ("stepfunctions", "start_execution", {"stateMachineArn": MACHINE}, "states:StartExecution", MACHINE),
        ("stepfunctions", "list_executions", {"stateMachineArn": MACHINE}, "states:ListExecutions", MACHINE),
        (
            "stepfunctions",
            "describe_execution",
            {"executionArn": EXECUTION},
            "states:DescribeExecution",
            EXECUTION,
        ),
        (
            "stepfunctions",
            "describe_state_machine",
            {"stateMachineArn": MACHINE},
            "states:DescribeStateMachine",
            MACHINE,
        ),
        ("events", "describe_rule", {"Name": "r"}, "events:DescribeRule", "events:rule/r"),
        ("events", "list_targets_by_rule", {"Rule": "r"}, "events:ListTargetsByRule", "events:rule/r"),
        (
            "events",
            "disable_rule",
            {"Name": "r", "EventBusName": "b"},
            "events:DisableRule",
            "events:rule/b/r",
        ),
        ("sns", "list_subscriptions_by_topic", {"TopicArn": TOPIC}, "sns:ListSubscriptionsByTopic", TOPIC),
        (
            "sns",
            "get_subscription_attributes",
            {"SubscriptionArn": f"{TOPIC}:1"},
            "sns:GetSubscriptionAttributes",
            "*",
        ),
        (
            "lambda",
            "get_function_configuration",
            {"FunctionName": "f"},
            "lambda:GetFunctionConfiguration",
            "lambda:function:f",
        ),
        (
            "lambda",
            "get_function_concurrency",
            {"FunctionName": "f"},
            "lambda:GetFunctionConcurrency",
            "lambda:function:f",
        ),
        (
            "lambda",
            "invoke",
            {"FunctionName": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f:live"},
            "lambda:InvokeFunction",
            "lambda:function:f",
        ),
        ("lambda", "list_functions", {}, "lambda:ListFunctions", "*"),
        ("lambda", "list_event_source_mappings", {}, "lambda:ListEventSourceMappings", "*"),
        (
            "lambda",
            "get_event_source_mapping",
            {"UUID": MAPPING},
            "lambda:GetEventSourceMapping",
            f"lambda:event-source-mapping:{MAPPING}",
        ),
        ("sqs", "get_queue_url", {"QueueName": "q"}, "sqs:GetQueueUrl", "sqs:q"),
        ("sqs", "receive_message", {"QueueUrl": QUEUE}, "sqs:ReceiveMessage", "sqs:q"),
        ("sqs", "send_message", {"QueueUrl": QUEUE, "MessageBody": "m"}, "sqs:SendMessage", "sqs:q"),
        (
            "sqs",
            "send_message_batch",
            {"QueueUrl": QUEUE, "Entries": [{"Id": "1", "MessageBody": "m"}]},
            "sqs:SendMessage",
            "sqs:q",
        ),
        (
            "sqs",
            "delete_message_batch",
            {"QueueUrl": QUEUE, "Entries": [{"Id": "1", "ReceiptHandle": "h"}]},
            "sqs:DeleteMessage",
            "sqs:q",
        ),
        (
            "sqs",
            "change_message_visibility_batch",
            {"QueueUrl": QUEUE, "Entries": [{"Id": "1", "ReceiptHandle": "h", "VisibilityTimeout": 1}]},
            "sqs:ChangeMessageVisibility",
            "sqs:q",
        ),
        ("sqs", "get_queue_attributes", {"QueueUrl": QUEUE}, "sqs:GetQueueAttributes", "sqs:q"),
        (
            "sns",
            "publish_batch",
            {"TopicArn": TOPIC, "PublishBatchRequestEntries": [{"Id": "1", "Message": "m"}]},
            "sns:Publish",
            TOPIC,
        ),
        (
            "scheduler",
            "get_schedule",
            {"Name": "s", "GroupName": "g"},
            "scheduler:GetSchedule",
            "scheduler:schedule/g/s",
        ),
        (
            "cloudformation",
            "list_stack_resources",
            {"StackName": "s"},
            "cloudformation:ListStackResources",
            "cloudformation:stack/s/*",
        ),
        ("cloudformation", "describe_stacks", {}, "cloudformation:DescribeStacks", "*"),
    ],
)
def test_a_call_needs_its_action_on_its_resource(  # noqa: PLR0917 - a table
    world: World, service: str, method: str, request_: dict[str, Any], action: str, resource: str
) -> None:
    """Service Authorization Reference: the actions and resource types of each service."""
    prefix, _, rest = resource.partition(":")
    whole = resource if prefix in {"*", "arn"} else f"arn:aws:{prefix}:us-east-1:{ACCOUNT}:{rest}"
    client = connect(world.gateway, service, world.key)

    def outcome() -> str:
        try:
            getattr(client, method)(**request_)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "done"

    other = f"arn:aws:{service}:us-east-1:{ACCOUNT}:other"
    world.allow(statement(whole, action=f"{action}Not"), statement(other, action=action))
    assert outcome() in {"AccessDenied", "AccessDeniedException", "AuthorizationError"}
    world.allow(statement(whole, action=action))
    assert outcome() not in {"AccessDenied", "AccessDeniedException", "AuthorizationError"}


def test_a_key_is_described_with_permission_for_the_key_whatever_it_is_called(world: World) -> None:
    """Service Authorization Reference for AWS KMS, DescribeKey: the key, not its alias."""
    operator = connect(world.gateway, "kms")
    key = operator.create_key()["KeyMetadata"]
    operator.create_alias(AliasName="alias/mail", TargetKeyId=key["KeyId"])
    kms = connect(world.gateway, "kms", world.key)
    for name in (key["KeyId"], key["Arn"], "alias/mail"):
        world.allow(statement(f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/mail", action="kms:DescribeKey"))
        with pytest.raises(ClientError, match="AccessDeniedException"):
            kms.describe_key(KeyId=name)
        world.allow(statement(key["Arn"], action="kms:DescribeKey"))
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == key["Arn"]
    with pytest.raises(ClientError, match="NotFoundException"):
        kms.describe_key(KeyId="alias/none")


@pytest.mark.parametrize(
    ("service", "method", "code", "status"),
    [
        ("ssm", "describe_parameters", "AccessDeniedException", 400),
        ("stepfunctions", "list_state_machines", "AccessDeniedException", 400),
        ("lambda", "list_functions", "AccessDeniedException", 403),
        ("cloudformation", "describe_stacks", "AccessDenied", 403),
        ("sns", "list_topics", "AuthorizationError", 403),
    ],
)
def test_each_service_refuses_in_its_own_words(
    world: World, service: str, method: str, code: str, status: int
) -> None:
    """The common errors of each service's API reference."""
    with pytest.raises(ClientError, match="is not authorized to perform") as error:
        getattr(connect(world.gateway, service, world.key), method)()
    response = error.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("EnablePolicyType", f"{ANYWHERE}:root/*"),
        ("CreatePolicy", "*"),
        ("ListPolicies", "*"),
    ],
)
def test_enabling_a_type_needs_the_root_and_creating_a_policy_needs_everything(
    world: World, action: str, resource: str
) -> None:
    """ACTIONS: EnablePolicyType has the resource type root; CreatePolicy and ListPolicies have none."""

    def call(kind: str) -> None:
        match action:
            case "EnablePolicyType":
                world.client.enable_policy_type(RootId=world.root, PolicyType=kind)
            case "CreatePolicy":
                world.client.create_policy(Name=kind, Description="", Type=kind, Content="{}")
            case "ListPolicies":
                world.client.list_policies(Filter=kind)

    tag = {"StringEquals": {"organizations:PolicyType": "TAG_POLICY"}}
    world.allow(statement(resource, action=f"organizations:{action}", Condition=tag))
    call("TAG_POLICY")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        call("BACKUP_POLICY")
    world.allow(statement(f"{ANYWHERE}:policy/*", action=f"organizations:{action}"))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        call("TAG_POLICY")


def test_a_policy_is_updated_with_permission_for_the_policy(world: World) -> None:
    """ACTIONS, UpdatePolicy: the policy, and the condition key organizations:PolicyType."""
    for resource, kind, allowed in (
        (f"{ANYWHERE}:policy/*/service_control_policy/{world.policy}", SCP, True),
        (f"{ANYWHERE}:policy/*/service_control_policy/{world.policy}", "TAG_POLICY", False),
        (f"{ANYWHERE}:policy/*/service_control_policy/p-other", SCP, False),
    ):
        condition = {"StringEquals": {"organizations:PolicyType": kind}}
        world.allow(statement(resource, action="organizations:UpdatePolicy", Condition=condition))
        try:
            world.client.update_policy(PolicyId=world.policy, Description=kind)
            done = True
        except world.client.exceptions.AccessDeniedException:
            done = False
        assert done is allowed


@pytest.mark.parametrize(
    ("sources", "allowed"),
    [
        (["bakery"], True),
        (["bakery", "bakery"], True),
        (["aws.states"], False),
        (["bakery", "aws.states"], False),
    ],
)
def test_a_condition_on_all_values_is_judged_on_each_source_of_the_events(
    world: World, sources: list[str], *, allowed: bool
) -> None:
    """IAM: "Multivalued context keys"."""
    condition = {
        "ForAllValues:StringEquals": {"events:source": "bakery"},
        "Null": {"events:source": "false"},
    }
    bus = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
    world.allow(statement(bus, action="events:PutEvents", Condition=condition))
    entries = [{"Source": source, "DetailType": "Loaf", "Detail": "{}"} for source in sources]

    assert may_put(world, entries) is allowed


def test_a_condition_on_one_value_is_not_judged_on_several(world: World) -> None:
    bus = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
    condition = {"StringEquals": {"events:source": "bakery"}}
    world.allow(statement(bus, action="events:PutEvents", Condition=condition))

    assert may_put(world, [{"Source": "bakery", "DetailType": "Loaf", "Detail": "{}"}]) is False


def may_put(world: World, entries: list[dict[str, str]]) -> bool:
    """Return whether the role may put events on the default bus."""
    events = connect(world.gateway, "events", world.key)
    try:
        events.put_events(Entries=entries)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException"  # noqa: PT017 - what else could it be
        return False
    return True

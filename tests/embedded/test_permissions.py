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

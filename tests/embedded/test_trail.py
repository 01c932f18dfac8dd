"""CloudTrail's events of calls, and who is named in them.

RECORDS is "CloudTrail record contents", IDENTITY is "CloudTrail userIdentity element" in the AWS CloudTrail
user guide, ORG is "Logging AWS Organizations API calls with AWS CloudTrail" in the AWS Organizations
user guide, and SSM is "Logging AWS Systems Manager API calls with AWS CloudTrail" in that of Systems Manager.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from moto.moto_api._internal.models import moto_api_backend

from localaws.clock import SkippingClock
from localaws.gateway import INTERNAL_KEY_PREFIX, SERVICES_KEY, ApiError, Gateway
from localaws.identities import Identities
from localaws.organizations import Organizations
from localaws.trail import Trail
from tests.embedded.wire import connect

if TYPE_CHECKING:
    from localaws.gateway import ApiCall, ApiResponse, Proceed

ACCOUNT = "111122223333"
KEY = "AKIAIOSFODNN7EXAMPLE"
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": []})
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}],
    }
)
SCP = "SERVICE_CONTROL_POLICY"


class World:
    """An organization behind a trail, and what the trail has told."""

    def __init__(self) -> None:
        self.clock = SkippingClock(datetime(2026, 11, 22, 8, 30, tzinfo=UTC))
        self.identities = Identities(self.clock)
        self.told: list[dict[str, Any]] = []
        self.refuse: ApiError | None = None
        trail = Trail(self.clock, self.identities, self.told.append)
        self.gateway = Gateway([trail, self.refusing, Organizations(self.clock)], self.clock)
        self.client = connect(self.gateway, "organizations", KEY)
        self.client.create_organization()
        self.root = self.client.list_roots()["Roots"][0]["Id"]
        created = self.client.create_policy(
            Name="DenyLeaving", Description="stay", Type=SCP, Content=DOCUMENT
        )
        self.policy = created["Policy"]["PolicySummary"]["Id"]
        self.told.clear()

    def refusing(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Let `call` proceed unless a refusal is set."""
        if self.refuse is not None:
            raise self.refuse
        return proceed(call)

    def attach(self, access_key: str = KEY) -> dict[str, Any]:
        """Attach the policy to the root as somebody and return the event's detail."""
        client = connect(self.gateway, "organizations", access_key)
        client.attach_policy(PolicyId=self.policy, TargetId=self.root)
        return self.detail()

    def detail(self) -> dict[str, Any]:
        """Return the detail of the last event."""
        detail: dict[str, Any] = self.told[-1]["detail"]
        return detail


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    moto_api_backend.reset()
    return World()


def test_a_change_is_told_as_eventbridge_delivers_it(world: World) -> None:
    """EventBridge user guide, "AWS service events via CloudTrail": the envelope around the record."""
    world.attach()
    (event,) = world.told
    assert uuid.UUID(event.pop("id"))
    assert event.pop("detail")["eventName"] == "AttachPolicy"
    assert event == {
        "version": "0",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.organizations",
        "account": ACCOUNT,
        "time": "2026-11-22T08:30:00Z",
        "region": "us-east-1",
        "resources": [],
    }


def test_the_record_of_a_change_is_whole(world: World) -> None:
    """RECORDS, and published records of AttachPolicy."""
    detail = world.attach()
    ids = [detail.pop("eventID"), detail.pop("requestID")]
    assert [str(uuid.UUID(value)) for value in ids] == ids
    assert detail.pop("userAgent").startswith("Boto3/")
    assert detail.pop("userIdentity")["type"] == "IAMUser"
    assert detail == {
        "eventVersion": "1.11",
        "eventTime": "2026-11-22T08:30:00Z",
        "eventSource": "organizations.amazonaws.com",
        "eventName": "AttachPolicy",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "127.0.0.1",
        "requestParameters": {"policyId": world.policy, "targetId": world.root},
        "responseElements": None,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": "organizations.us-east-1.amazonaws.com",
        },
    }


def test_the_event_and_the_answer_carry_the_same_request_id(world: World) -> None:
    """RECORDS, requestID: the value that the service returns to the caller."""
    answer = world.client.attach_policy(PolicyId=world.policy, TargetId=world.root)
    assert world.detail()["requestID"] == answer["ResponseMetadata"]["RequestId"]


def test_reads_are_not_told(world: World) -> None:
    """EventBridge user guide: events of read-only calls do not come by default."""
    world.client.list_roots()
    world.client.describe_organization()
    world.client.list_policies_for_target(TargetId=world.root, Filter=SCP)
    assert world.told == []


def test_data_events_and_other_services_are_not_told(world: World) -> None:
    """EventBridge user guide, "AWS service events via CloudTrail": no data events by default."""
    topic = connect(world.gateway, "sns").create_topic(Name="alerts")["TopicArn"]
    world.told.clear()
    connect(world.gateway, "sns").publish(TopicArn=topic, Message="hello")
    connect(world.gateway, "logs").create_log_group(logGroupName="diary")
    assert world.told == []


def told_parameters(world: World) -> dict[str, Any]:
    """Return what the last event says of the request, by the name of the call."""
    detail = world.detail()
    return {f"{world.told[-1]['source']} {detail['eventName']}": detail["requestParameters"]}


def test_a_call_of_the_query_protocol_is_told_with_its_lists(world: World) -> None:
    topic = connect(world.gateway, "sns").create_topic(Name="alerts")["TopicArn"]
    connect(world.gateway, "sns").set_topic_attributes(
        TopicArn=topic, AttributeName="DisplayName", AttributeValue="Alerts"
    )
    assert told_parameters(world) == {
        "aws.sns SetTopicAttributes": {
            "topicArn": topic,
            "attributeName": "DisplayName",
            "attributeValue": "Alerts",
        }
    }
    connect(world.gateway, "sns").add_permission(
        TopicArn=topic, Label="all", AWSAccountId=["444455556666", "111122223333"], ActionName=["Publish"]
    )
    assert world.detail()["requestParameters"]["aWSAccountId"] == ["444455556666", "111122223333"]


def test_a_call_of_cloudwatch_is_told_under_the_name_of_its_endpoint(world: World) -> None:
    connect(world.gateway, "cloudwatch").delete_alarms(AlarmNames=["smoke", "water"])
    assert told_parameters(world) == {"aws.monitoring DeleteAlarms": {"alarmNames": ["smoke", "water"]}}
    assert world.detail()["eventSource"] == "monitoring.amazonaws.com"


def test_a_call_of_lambda_is_told_with_its_version_and_without_code(world: World) -> None:
    """Lambda developer guide, "Lambda management events in CloudTrail"."""
    role = connect(world.gateway, "iam").create_role(RoleName="any", AssumeRolePolicyDocument=TRUST)["Role"]
    code = {"ZipFile": b"code"}
    plain = {"FunctionName": "mill", "Role": role["Arn"], "Runtime": "python3.13", "Handler": "mill.grind"}
    functions = connect(world.gateway, "lambda")
    functions.create_function(**plain, Code=code, Environment={"Variables": {"SECRET": "flour"}})
    made = world.detail()["requestParameters"]
    functions.put_function_concurrency(FunctionName="mill", ReservedConcurrentExecutions=0)
    assert told_parameters(world) == {
        "aws.lambda PutFunctionConcurrency20171031": {
            "functionName": "mill",
            "reservedConcurrentExecutions": 0,
        }
    }
    functions.update_function_code(FunctionName="mill", **code)
    assert told_parameters(world) == {"aws.lambda UpdateFunctionCode20150331v2": {"functionName": "mill"}}
    assert "flour" not in json.dumps(world.told)
    assert (made["functionName"], "environment" in made, made["code"]) == ("mill", False, {})


def test_iam_is_told_in_us_east_1(world: World) -> None:
    """CloudTrail user guide, "Global service events"."""
    iam = connect(world.gateway, "iam", region="eu-west-1")
    iam.create_role(RoleName="any", AssumeRolePolicyDocument=TRUST)
    iam.update_assume_role_policy(RoleName="any", PolicyDocument=TRUST)
    event = world.told[-1]
    assert (event["region"], event["detail"]["requestParameters"]["roleName"]) == ("us-east-1", "any")


def test_what_the_program_itself_does_is_not_told(world: World) -> None:
    connect(world.gateway, "events", SERVICES_KEY).put_rule(Name="any", ScheduleExpression="rate(1 day)")
    assert world.told == []


def test_events_appear_in_us_east_1_wherever_the_caller_is(world: World) -> None:
    """ORG: all CloudTrail information for Organizations is in US East (N. Virginia)."""
    client = connect(world.gateway, "organizations", region="eu-central-1")
    client.attach_policy(PolicyId=world.policy, TargetId=world.root)
    assert world.told[-1]["region"] == world.detail()["awsRegion"] == "us-east-1"


def test_a_failed_change_is_told_with_its_error(world: World) -> None:
    """ORG, the sample of a failed AttachPolicy: an ordinary record with errorCode and errorMessage."""
    with pytest.raises(ClientError):
        world.client.detach_policy(PolicyId="p-FullAWSAccess", TargetId=world.root)
    detail = world.detail()
    assert detail["errorCode"] == "ConstraintViolationException"
    assert detail["errorMessage"].startswith("You cannot remove the last policy")
    assert detail["requestParameters"] == {"policyId": "p-FullAWSAccess", "targetId": world.root}
    assert detail["responseElements"] is None


def test_a_successful_change_is_told_without_error_members(world: World) -> None:
    """RECORDS: errorCode is there only for a failed call."""
    assert {"errorCode", "errorMessage"}.isdisjoint(world.attach())


def test_a_denied_change_is_told_under_iams_own_name(world: World) -> None:
    """Published records of denied Organizations calls say AccessDenied, not AccessDeniedException."""
    world.refuse = ApiError("AccessDeniedException", "You don't have permissions." + "!" * 2000)
    with pytest.raises(ClientError):
        world.client.detach_policy(PolicyId=world.policy, TargetId=world.root)
    detail = world.detail()
    assert detail["errorCode"] == "AccessDenied"
    assert len(detail["errorMessage"]) == 1024


def test_an_update_shows_the_new_text_and_the_whole_policy(world: World) -> None:
    """Published records of UpdatePolicy: the content is in clear, in request and response."""
    statement = {"Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}
    content = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.client.update_policy(PolicyId=world.policy, Content=content)
    detail = world.detail()
    assert detail["requestParameters"] == {"policyId": world.policy, "content": content}
    organization = world.client.describe_organization()["Organization"]["Id"]
    prefix = f"arn:aws:organizations::{ACCOUNT}:policy/{organization}/service_control_policy"
    assert detail["responseElements"] == {
        "policy": {
            "policySummary": {
                "id": world.policy,
                "arn": f"{prefix}/{world.policy}",
                "name": "DenyLeaving",
                "description": "stay",
                "type": SCP,
                "awsManaged": False,
            },
            "content": content,
        }
    }


def test_a_created_policy_is_told_with_what_was_asked_for(world: World) -> None:
    """Published records of CreatePolicy."""
    parameters = {"Name": "New", "Description": "", "Type": SCP, "Content": DOCUMENT}
    created = world.client.create_policy(**parameters)["Policy"]["PolicySummary"]["Id"]
    assert world.detail()["requestParameters"] == {
        "name": "New",
        "description": "",
        "type": SCP,
        "content": DOCUMENT,
    }
    assert world.detail()["responseElements"]["policy"]["policySummary"]["id"] == created


def test_a_disabled_type_is_told_with_the_status_that_was(world: World) -> None:
    """A published record of DisablePolicyType: the response still says ENABLED."""
    world.client.disable_policy_type(RootId=world.root, PolicyType=SCP)
    detail = world.detail()
    assert detail["requestParameters"] == {"rootId": world.root, "policyType": SCP}
    assert detail["responseElements"]["root"]["policyTypes"] == [{"type": SCP, "status": "ENABLED"}]
    world.clock.settle()
    assert [event["detail"]["eventName"] for event in world.told] == ["DisablePolicyType"]


def test_an_enabled_type_is_told_as_pending(world: World) -> None:
    """Botocore's Organizations model, EnablePolicyType: the work is done in the background."""
    world.client.enable_policy_type(RootId=world.root, PolicyType="TAG_POLICY")
    detail = world.detail()
    assert detail["requestParameters"] == {"rootId": world.root, "policyType": "TAG_POLICY"}
    types = {row["type"]: row["status"] for row in detail["responseElements"]["root"]["policyTypes"]}
    assert types == {SCP: "ENABLED", "TAG_POLICY": "PENDING_ENABLE"}


def test_a_deleted_policy_is_told_by_its_id_alone(world: World) -> None:
    world.client.delete_policy(PolicyId=world.policy)
    detail = world.detail()
    assert detail["requestParameters"] == {"policyId": world.policy}
    assert detail["responseElements"] is None


def test_a_moved_account_is_told_with_both_parents(world: World) -> None:
    """Published records of MoveAccount."""
    created = world.client.create_account(AccountName="Shop", Email="shop@example.com")
    account = created["CreateAccountStatus"]["AccountId"]
    unit = world.client.create_organizational_unit(ParentId=world.root, Name="Shops")["OrganizationalUnit"][
        "Id"
    ]
    move = {"accountId": account, "sourceParentId": world.root, "destinationParentId": unit}
    world.client.move_account(**{name[0].upper() + name[1:]: value for name, value in move.items()})
    detail = world.detail()
    assert (detail["eventName"], detail["requestParameters"]) == ("MoveAccount", move)
    assert detail["responseElements"] is None


def test_a_delegated_administrator_is_told_with_its_service(world: World) -> None:
    created = world.client.create_account(AccountName="Audit", Email="audit@example.com")
    wanted = {
        "accountId": created["CreateAccountStatus"]["AccountId"],
        "servicePrincipal": "access-analyzer.amazonaws.com",
    }
    world.client.register_delegated_administrator(
        AccountId=wanted["accountId"], ServicePrincipal=wanted["servicePrincipal"]
    )
    detail = world.detail()
    assert detail["eventName"] == "RegisterDelegatedAdministrator"
    assert (detail["requestParameters"], detail["responseElements"]) == (wanted, None)


def test_a_resource_policy_is_told_without_its_content(world: World) -> None:
    """ORG and published records: the content is hidden, in request and response."""
    content = json.dumps({"Version": "2012-10-17", "Statement": []})
    summary = world.client.put_resource_policy(Content=content)["ResourcePolicy"]["ResourcePolicySummary"]
    detail = world.detail()
    hidden = {"content": "HIDDEN_DUE_TO_SECURITY_REASONS"}
    assert detail["requestParameters"] == hidden
    told = {"resourcePolicySummary": {"id": summary["Id"], "arn": summary["Arn"]}, **hidden}
    assert detail["responseElements"] == {"resourcePolicy": told}


def test_request_parameters_over_100_kb_are_left_out(world: World) -> None:
    """RECORDS, requestParameters: omitted when they are larger than 100 KB."""
    with pytest.raises(ClientError):
        world.client.update_policy(PolicyId=world.policy, Content=f'{{"a": "{"x" * 102_400}"}}')
    assert "requestParameters" not in world.detail()


def test_a_new_account_is_told_by_the_service_too_and_its_address_is_not(world: World) -> None:
    """ORG, the samples of CreateAccount and CreateAccountResult.

    AccountJoinedOrganization and its joinedMethod: botocore's Organizations model.
    """
    made = world.client.create_account(AccountName="Shop", Email="shop@example.com")
    account = made["CreateAccountStatus"]["AccountId"]
    names = [(event["detail-type"], event["detail"]["eventName"]) for event in world.told]
    assert names == [
        ("AWS API Call via CloudTrail", "CreateAccount"),
        ("AWS Service Event via CloudTrail", "CreateAccountResult"),
        ("AWS Service Event via CloudTrail", "AccountJoinedOrganization"),
    ]
    assert world.told[0]["detail"]["requestParameters"] == {"email": "****", "accountName": "****"}
    assert "shop" not in json.dumps(world.told).lower()
    joined = world.detail()
    assert joined["eventType"] == "AwsServiceEvent"
    assert joined["userIdentity"] == {"accountId": ACCOUNT, "invokedBy": "AWS Internal"}
    assert joined["serviceEventDetails"]["accountId"] == account
    assert joined["serviceEventDetails"]["joinedMethod"] == "CREATED"


def test_an_account_that_goes_is_told_by_the_service_too(world: World) -> None:
    """AccountDepartedOrganization and its departureMethod: botocore's Organizations model."""
    made = world.client.create_account(AccountName="Shop", Email="shop@example.com")
    account = made["CreateAccountStatus"]["AccountId"]
    world.client.remove_account_from_organization(AccountId=account)
    detail = world.detail()
    assert detail["eventName"] == "AccountDepartedOrganization"
    assert detail["serviceEventDetails"]["accountId"] == account
    assert detail["serviceEventDetails"]["departureMethod"] == "REMOVED"


def test_an_unknown_key_is_the_local_operator(world: World) -> None:
    """IDENTITY, IAMUser: the shape; that unknown keys belong to one user is this program's rule."""
    identity = world.attach()["userIdentity"]
    assert identity.pop("principalId").startswith("AIDA")
    assert identity == {
        "type": "IAMUser",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/local-operator",
        "accountId": ACCOUNT,
        "accessKeyId": KEY,
        "userName": "local-operator",
    }


def test_an_iam_user_is_named_by_its_access_key(world: World) -> None:
    """IDENTITY, IAMUser."""
    iam = connect(world.gateway, "iam")
    user = iam.create_user(UserName="ada", Path="/people/")["User"]
    key = iam.create_access_key(UserName="ada")["AccessKey"]["AccessKeyId"]
    assert world.attach(key)["userIdentity"] == {
        "type": "IAMUser",
        "principalId": user["UserId"],
        "arn": f"arn:aws:iam::{ACCOUNT}:user/people/ada",
        "accountId": ACCOUNT,
        "accessKeyId": key,
        "userName": "ada",
    }


def test_an_assumed_role_is_named_by_its_issuer_and_its_session(world: World) -> None:
    """IDENTITY, AssumedRole: the session's ARN leaves the path out, the issuer's keeps it."""
    iam = connect(world.gateway, "iam")
    role = iam.create_role(RoleName="pipeline", Path="/ci/", AssumeRolePolicyDocument=TRUST)["Role"]
    session = {"RoleArn": role["Arn"], "RoleSessionName": "ada@example.com"}
    key = connect(world.gateway, "sts").assume_role(**session)["Credentials"]["AccessKeyId"]
    assert world.attach(key)["userIdentity"] == {
        "type": "AssumedRole",
        "principalId": f"{role['RoleId']}:ada@example.com",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/pipeline/ada@example.com",
        "accountId": ACCOUNT,
        "accessKeyId": key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role["RoleId"],
                "arn": f"arn:aws:iam::{ACCOUNT}:role/ci/pipeline",
                "accountId": ACCOUNT,
                "userName": "pipeline",
            },
            "attributes": {"creationDate": "2026-11-22T08:30:00Z", "mfaAuthenticated": "false"},
        },
    }


def test_an_issued_session_is_an_assumed_role(world: World) -> None:
    """IDENTITY, AssumedRole: a role that IAM does not know still has one stable id."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/attach"
    with world.clock.working():
        key = world.identities.issue(arn, "AttachFunction").access_key
        identity = world.attach(key)["userIdentity"]
    issuer = identity["sessionContext"]["sessionIssuer"]
    assert identity["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/attach/AttachFunction"
    assert issuer["arn"] == arn
    assert issuer["principalId"].startswith("AROA")
    assert identity["principalId"] == f"{issuer['principalId']}:AttachFunction"


def test_issued_credentials_are_internal_and_the_same_for_the_same_session(world: World) -> None:
    first = world.identities.issue("arn:aws:iam::111122223333:role/a", "one")
    again = world.identities.issue("arn:aws:iam::111122223333:role/a", "one")
    other = world.identities.issue("arn:aws:iam::111122223333:role/a", "two")
    assert first == again != other
    assert first.access_key.startswith(INTERNAL_KEY_PREFIX)
    assert len(first.access_key) == 20


def test_writing_a_parameter_is_told_without_its_value(world: World) -> None:
    """SSM; published records of PutParameter hide the value."""
    ssm = connect(world.gateway, "ssm", KEY, region="eu-west-1")
    ssm.put_parameter(Name="/a/b", Value="secret", Type="String", Overwrite=True)
    event = world.told[-1]
    detail = event["detail"]
    assert (event["source"], event["region"]) == ("aws.ssm", "eu-west-1")
    assert (detail["eventSource"], detail["eventName"], detail["awsRegion"]) == (
        "ssm.amazonaws.com",
        "PutParameter",
        "eu-west-1",
    )
    assert detail["requestParameters"] == {
        "name": "/a/b",
        "value": "HIDDEN_DUE_TO_SECURITY_REASONS",
        "type": "String",
        "overwrite": True,
    }
    assert detail["responseElements"] == {"version": 1, "tier": "Standard"}
    assert "secret" not in json.dumps(event)


def test_deleting_parameters_is_told(world: World) -> None:
    ssm = connect(world.gateway, "ssm", KEY)
    ssm.put_parameter(Name="/a/b", Value="v", Type="String")
    ssm.delete_parameter(Name="/a/b")
    ssm.delete_parameters(Names=["/a/c", "/a/d"])
    told = [(event["detail"]["eventName"], event["detail"]["requestParameters"]) for event in world.told[1:]]
    assert told == [
        ("DeleteParameter", {"name": "/a/b"}),
        ("DeleteParameters", {"names": ["/a/c", "/a/d"]}),
    ]


def test_a_refused_write_of_a_parameter_is_told_as_refused(world: World) -> None:
    ssm = connect(world.gateway, "ssm", KEY)
    with pytest.raises(ClientError):
        ssm.delete_parameter(Name="/a/b")
    assert world.detail()["errorCode"] == "ParameterNotFound"
    world.refuse = ApiError("AccessDeniedException", "no")
    with pytest.raises(ClientError):
        ssm.put_parameter(Name="/a/b", Value="v", Type="String")
    assert (world.detail()["errorCode"], world.detail()["responseElements"]) == ("AccessDenied", None)


def test_reading_parameters_is_not_told(world: World) -> None:
    ssm = connect(world.gateway, "ssm", KEY)
    ssm.get_parameters(Names=["/a/b"])
    ssm.get_parameters_by_path(Path="/a", Recursive=True)
    ssm.describe_parameters()
    assert world.told == []

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from localaws.clock import SkippingClock
from localaws.endpoint import EndpointError
from localaws.faults import FunctionFault
from localaws.gateway import ApiError
from localaws.server import EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)

LIBRARY = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Reader: {Type: String, Default: reader@example.com}
Resources:
  Catalogue:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: catalogue.asl.yaml
      DefinitionSubstitutions: {WriteCardFunctionArn: !GetAtt WriteCardFunction.Arn, TopicArn: !Ref News}
      Policies:
        - LambdaInvokePolicy: {FunctionName: !Ref WriteCardFunction}
        - SNSPublishMessagePolicy: {TopicName: !GetAtt News.TopicName}
      Events:
        NewPolicy:
          Type: EventBridgeRule
          Properties:
            Pattern:
              source: [aws.organizations]
              detail: {eventName: [CreatePolicy], errorCode: [{exists: false}]}
  WriteCardFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code
      Handler: write_card.handler
      Runtime: python3.13
      LoggingConfig: {LogFormat: JSON}
      Policies:
        - Version: 2012-10-17
          Statement: [{Effect: Allow, Action: "organizations:DescribePolicy", Resource: "*"}]
  News:
    Type: AWS::SNS::Topic
  NewsMail:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref News, Protocol: email, Endpoint: !Ref Reader}
Outputs:
  TopicArn: {Value: !Ref News}
  FunctionName: {Value: !Ref WriteCardFunction}
"""

CATALOGUE = """
StartAt: Take Time
States:
  Take Time:
    Type: Wait
    Seconds: 3600
    Next: Write Card
  Write Card:
    Type: Task
    Resource: ${WriteCardFunctionArn}
    Retry: [{ErrorEquals: [Lambda.TooManyRequestsException], IntervalSeconds: 600, MaxAttempts: 3}]
    Next: Tell
  Tell:
    Type: Task
    Resource: arn:aws:states:::sns:publish
    Parameters: {TopicArn: "${TopicArn}", Subject: New policy, "Message.$": "$.card"}
    End: true
"""

WRITE_CARD = """
import logging

import boto3

organizations = boto3.client("organizations")
logging.getLogger().setLevel(logging.INFO)


def handler(event, context):
    policy = event["detail"]["responseElements"]["policy"]["policySummary"]
    found = organizations.describe_policy(PolicyId=policy["id"])["Policy"]["PolicySummary"]
    logging.info("card written", extra={"policy": found["Name"]})
    return {"card": f"{found['Name']} is {policy['id']}"}
"""

DENY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "write_card.py").write_text(WRITE_CARD)
    (tmp_path / "catalogue.asl.yaml").write_text(CATALOGUE)
    (tmp_path / "template.yaml").write_text(LIBRARY)
    return tmp_path / "template.yaml"


@pytest.fixture
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(clock=SkippingClock(NOON)) as aws:
        yield aws


def create_policy(aws: EmbeddedAws) -> str:
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    created = organizations.create_policy(
        Name="DenyAll", Description="", Type="SERVICE_CONTROL_POLICY", Content=DENY
    )
    return str(created["Policy"]["PolicySummary"]["Id"])


def test_a_change_of_the_organization_becomes_a_mail(library: Path) -> None:
    logs: list[tuple[str, str]] = []
    statuses: list[str] = []
    clock = SkippingClock(NOON)
    with EmbeddedAws(
        clock=clock,
        on_log=lambda function, line: logs.append((function, line)),
        on_execution=lambda detail: statuses.append(detail["status"]),
    ) as aws:
        aws.deploy(library)
        aws.inbox.confirm("reader@example.com")
        aws.faults.fail_function("WriteCardFunction", FunctionFault.THROTTLED)

        policy_id = create_policy(aws)
        clock.settle()

        (mail,) = [mail for mail in aws.inbox.mails("reader@example.com") if not mail.token]
        assert mail.subject == "New policy"
        assert mail.body.startswith(f"DenyAll is {policy_id}\n")
        assert (mail.received_at - NOON).total_seconds() == 3600 + 600
        assert statuses == ["RUNNING", "SUCCEEDED"]
        assert [json.loads(line)["policy"] for function, line in logs if "card written" in line] == [
            "DenyAll"
        ]
        assert {function for function, _ in logs} == {"WriteCardFunction"}


def ids_of_a_new_organization(seed: int) -> list[str]:
    with EmbeddedAws(seed=seed) as aws:
        policy_id = create_policy(aws)
        organizations = aws.client("organizations")
        root_id = organizations.list_roots()["Roots"][0]["Id"]
        unit = organizations.create_organizational_unit(ParentId=root_id, Name="Workloads")
        account = organizations.create_account(AccountName="one", Email="one@example.com")
        return [
            policy_id,
            root_id,
            organizations.describe_organization()["Organization"]["Id"],
            unit["OrganizationalUnit"]["Id"],
            account["CreateAccountStatus"]["AccountId"],
        ]


def test_the_same_seed_gives_the_same_ids() -> None:
    assert ids_of_a_new_organization(seed=7) == ids_of_a_new_organization(seed=7)
    assert ids_of_a_new_organization(seed=7) != ids_of_a_new_organization(seed=8)


def test_a_start_forgets_everything(aws: EmbeddedAws) -> None:
    create_policy(aws)
    aws.stop()

    with EmbeddedAws() as again, pytest.raises(ClientError) as error:
        again.client("organizations").describe_organization()

    assert error.value.response["Error"]["Code"] == "AWSOrganizationsNotInUseException"


def test_only_one_runs_at_a_time(aws: EmbeddedAws) -> None:
    with pytest.raises(RuntimeError, match="installed already"):
        EmbeddedAws().start()

    assert aws.client("sts").get_caller_identity()["Account"] == "111122223333"


def test_it_plays_the_account_that_it_is_told() -> None:
    with EmbeddedAws(account="444455556666") as aws:
        assert aws.client("sts").get_caller_identity()["Account"] == "444455556666"
        topic = aws.client("sns").create_topic(Name="news")["TopicArn"]
        assert topic == "arn:aws:sns:us-east-1:444455556666:news"

    assert "MOTO_ACCOUNT_ID" not in os.environ


def test_answers_carry_the_clocks_date_and_keep_the_connection(aws: EmbeddedAws) -> None:
    answer = aws.client("sns").list_topics()["ResponseMetadata"]["HTTPHeaders"]

    assert answer["date"] == "Mon, 01 Jun 2026 12:00:00 GMT"
    assert "connection" not in answer


def test_a_port_in_use_is_a_clear_error(aws: EmbeddedAws) -> None:
    port = int(aws.endpoint_url.rpartition(":")[2])

    with pytest.raises(EndpointError, match=f"port {port} of 127.0.0.1 is in use"):
        EmbeddedAws(port)


def test_stopping_frees_the_port_and_ends_the_functions(library: Path) -> None:
    (library.parent / "code" / "write_card.py").write_text(
        "import os\ndef handler(event, context):\n    return os.getpid()\n"
    )
    with EmbeddedAws() as aws:
        stack = aws.deploy(library)
        answer = aws.client("lambda").invoke(FunctionName=stack.outputs["FunctionName"])
        worker = int(answer["Payload"].read())
        port = int(aws.endpoint_url.rpartition(":")[2])

    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))


def recorded_events(aws: EmbeddedAws) -> list[dict[str, Any]]:
    """Return what a rule for all events of Organizations has brought to a queue."""
    aws.clock.settle()
    url = aws.client("sqs").get_queue_url(QueueName="events")["QueueUrl"]
    messages = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"])["detail"] for message in messages]


def record_events(aws: EmbeddedAws) -> None:
    url = aws.client("sqs").create_queue(QueueName="events")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:111122223333:events"
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    aws.client("events").put_rule(
        Name="all", EventPattern=json.dumps({"source": ["aws.organizations", "aws.states"]})
    )
    aws.client("events").put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": arn}])


def test_the_trail_records_what_the_service_refuses(aws: EmbeddedAws) -> None:
    create_policy(aws)
    record_events(aws)

    with pytest.raises(ClientError):
        aws.client("organizations").delete_policy(PolicyId="p-nonexist")

    (event,) = recorded_events(aws)
    assert (event["eventName"], event["errorCode"]) == ("DeletePolicy", "PolicyNotFoundException")


def test_what_is_throttled_or_fails_by_fault_is_counted_but_never_reaches_the_trail(aws: EmbeddedAws) -> None:
    policy_id = create_policy(aws)
    record_events(aws)
    organizations = aws.client("organizations")
    aws.faults.fail_call(
        "organizations", "DeletePolicy", ApiError("ServiceException", "Sorry.", 500), times=3
    )
    aws.rates.published = True

    for _ in range(4):
        with pytest.raises(ClientError):
            organizations.delete_policy(PolicyId=policy_id)

    codes = [call.error_code for call in aws.calls.recorded("organizations", "DeletePolicy")]
    assert codes == ["ServiceException"] * 3 + ["TooManyRequestsException"]
    assert recorded_events(aws) == []


def test_a_session_calls_with_the_permissions_of_its_role(aws: EmbeddedAws, library: Path) -> None:
    policy_id = create_policy(aws)
    aws.deploy(library)
    session = aws.identities.issue("arn:aws:iam::111122223333:role/local-WriteCardFunctionRole", "somebody")
    organizations = aws.client("organizations", credentials=session)

    found = organizations.describe_policy(PolicyId=policy_id)
    with pytest.raises(ClientError) as error:
        organizations.delete_policy(PolicyId=policy_id)

    assert found["Policy"]["PolicySummary"]["Name"] == "DenyAll"
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_failed_execution_is_an_event_on_the_default_bus(aws: EmbeddedAws) -> None:
    record_events(aws)
    definition = {"StartAt": "End", "States": {"End": {"Type": "Fail", "Error": "Flood", "Cause": "Rain"}}}
    states = aws.client("stepfunctions")
    machine = states.create_state_machine(
        name="cellar", roleArn="arn:aws:iam::111122223333:role/any", definition=json.dumps(definition)
    )

    states.start_execution(stateMachineArn=machine["stateMachineArn"])

    events = [event for event in recorded_events(aws) if "status" in event]
    ends = {event["status"]: (event["error"], event["cause"]) for event in events}
    assert ends == {"RUNNING": (None, None), "FAILED": ("Flood", "Rain")}

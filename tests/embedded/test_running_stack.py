"""A deployed stack while it lives: its schedule, its second deployment, and what somebody changes by hand.

LAMBDA is the AWS Lambda API reference.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.clock import SkippingClock
from localaws.server import EmbeddedAws

NINE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CODE = """
import time

def handler(event, context):
    time.sleep(event.get("seconds", 0))
    return "ours"
"""
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Pace: {Type: String, Default: rate(10 minutes)}
  State: {Type: String, Default: ENABLED}
Resources:
  Watch:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code/
      Handler: watch.handler
      Runtime: python3.13
      Timeout: 60
      ReservedConcurrentExecutions: 1
  Log:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: day, AttributeType: S}]
      KeySchema: [{AttributeName: day, KeyType: HASH}]
      SSESpecification: {SSEEnabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
      DeletionProtectionEnabled: true
  Round:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: !Sub ${AWS::StackName}-round
      Definition:
        StartAt: Both
        States:
          Both:
            Type: Parallel
            End: true
            Branches:
              - StartAt: Watch
                States:
                  Watch:
                    Type: Task
                    Resource: !GetAtt Watch.Arn
                    Catch: [{ErrorEquals: [Lambda.TooManyRequestsException], Next: Crowded}]
                    End: true
                  Crowded: {Type: Pass, OutputPath: $.Error, End: true}
              - StartAt: Look
                States:
                  Look:
                    Type: Task
                    Resource: !GetAtt Watch.Arn
                    Catch: [{ErrorEquals: [Lambda.TooManyRequestsException], Next: Crowded}]
                    End: true
                  Crowded: {Type: Pass, OutputPath: $.Error, End: true}
  Letters: {Type: AWS::SQS::Queue}
  WatchmanRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {Service: scheduler.amazonaws.com}
            Action: sts:AssumeRole
            Condition: {StringEquals: {"aws:SourceAccount": !Ref AWS::AccountId}}
      Policies:
        - PolicyName: start
          PolicyDocument:
            Version: 2012-10-17
            Statement:
              - {Effect: Allow, Action: states:StartExecution, Resource: !Ref Round}
  Rounds:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: !Ref Pace
      State: !Ref State
      FlexibleTimeWindow: {Mode: FLEXIBLE, MaximumWindowInMinutes: 2}
      Target:
        Arn: !Ref Round
        RoleArn: !GetAtt WatchmanRole.Arn
        Input: '{"scheduled": "<aws.scheduler.scheduled-time>"}'
        RetryPolicy: {MaximumEventAgeInSeconds: 900, MaximumRetryAttempts: 10}
        DeadLetterConfig: {Arn: !GetAtt Letters.Arn}
"""


class Night:
    """The template, deployed as `night`, on a clock that the test moves."""

    def __init__(self, aws: EmbeddedAws, folder: Path) -> None:
        self.aws = aws
        self.template = folder / "template.yaml"
        (folder / "code").mkdir()
        self.code = folder / "code" / "watch.py"
        self.code.write_text(CODE)
        self.template.write_text(TEMPLATE)
        self.functions = aws.client("lambda")
        self.states = aws.client("stepfunctions")

    def deploy(self, **parameters: str) -> None:
        """Deploy the template, anew or again."""
        self.resources = self.aws.deploy(self.template, parameters, "night").resources
        self.aws.clock.settle()

    def wait(self, **time: float) -> None:
        """Let time pass, and wait until what happened in it is done."""
        with self.aws.clock.working():
            self.aws.clock.sleep(timedelta(**time).total_seconds())
        self.aws.clock.settle()

    def rounds(self, **chosen: Any) -> list[str]:
        """Return when the executions were scheduled, as a list of them comes."""
        executions = self.states.list_executions(stateMachineArn=self.resources["Round"], **chosen)[
            "executions"
        ]
        described = [self.states.describe_execution(executionArn=one["executionArn"]) for one in executions]
        return [json.loads(one["input"])["scheduled"][11:16] for one in described]

    def configuration(self) -> dict[str, Any]:
        """Return what Lambda tells about the function."""
        return dict(self.functions.get_function_configuration(FunctionName="night-Watch"))

    def answer(self, **event: Any) -> Any:
        """Return what the function answers."""
        answer = self.functions.invoke(FunctionName="night-Watch", Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    with EmbeddedAws(clock=SkippingClock(NINE), seed=1) as aws:
        yield Night(aws, tmp_path)


def archive(text: str) -> bytes:
    """Return a package with one module."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("watch.py", text)
    return packed.getvalue()


def test_a_templates_schedule_starts_its_state_machine(night: Night) -> None:
    night.deploy()
    night.wait(minutes=32)
    assert night.resources["Round"].endswith(":stateMachine:night-round")
    assert night.rounds() == ["09:30", "09:20", "09:10", "09:00"]
    assert night.aws.schedules.dropped == ()


def test_a_second_deployment_changes_the_schedule(night: Night) -> None:
    night.deploy(State="DISABLED")
    night.wait(minutes=15)
    assert night.rounds() == []
    night.deploy(Pace="rate(1 hour)")
    night.wait(minutes=65)
    assert night.rounds() == ["10:15", "09:15"]


def test_executions_are_listed_in_pages_newest_first_and_by_status(night: Night) -> None:
    """Step Functions API reference, ListExecutions: sorted by time, the most recent first."""
    night.deploy()
    night.wait(minutes=32)
    machine = night.resources["Round"]
    first = night.states.list_executions(stateMachineArn=machine, maxResults=3)
    last = night.states.list_executions(stateMachineArn=machine, maxResults=3, nextToken=first["nextToken"])
    starts = [one["startDate"] for one in [*first["executions"], *last["executions"]]]
    assert (len(first["executions"]), len(last["executions"])) == (3, 1)
    assert starts == sorted(starts, reverse=True)
    assert "nextToken" not in last
    assert night.rounds(statusFilter="SUCCEEDED") == ["09:30", "09:20", "09:10", "09:00"]
    assert night.rounds(statusFilter="FAILED") == []


def test_cloudformation_tells_the_second_deployment_from_the_first(night: Night) -> None:
    """CloudFormation API reference, Stack: LastUpdatedTime is returned only if the stack has been updated."""
    times = []
    for _ in range(2):
        night.deploy()
        (stack,) = night.aws.client("cloudformation").describe_stacks(StackName="night")["Stacks"]
        times.append((stack["CreationTime"], stack.get("LastUpdatedTime"), stack["StackStatus"]))
        night.wait(hours=1)
    hour = timedelta(hours=1)
    assert times == [(NINE, None, "CREATE_COMPLETE"), (NINE, NINE + hour, "UPDATE_COMPLETE")]


def test_a_table_has_its_protections(night: Night) -> None:
    night.deploy()
    tables = night.aws.client("dynamodb")
    table = tables.describe_table(TableName="night-Log")["Table"]
    backups = tables.describe_continuous_backups(TableName="night-Log")["ContinuousBackupsDescription"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert (table["SSEDescription"]["Status"], table["DeletionProtectionEnabled"]) == ("ENABLED", True)
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    once = {"TableName": "night-Log", "ConditionExpression": "attribute_not_exists(#day)"}
    write = {**once, "Key": {"day": {"S": "1"}}, "UpdateExpression": "SET n = :n"}
    values = {"ExpressionAttributeNames": {"#day": "day"}, "ExpressionAttributeValues": {":n": {"N": "1"}}}
    tables.update_item(**write, **values)
    with pytest.raises(tables.exceptions.ConditionalCheckFailedException):
        tables.update_item(**write, **values)


def test_code_that_somebody_replaces_runs_and_shows_in_its_hash(night: Night) -> None:
    """LAMBDA, FunctionConfiguration: CodeSha256, and LastModified with milliseconds."""
    night.deploy(State="DISABLED")
    before = night.configuration()
    night.wait(minutes=5)
    packed = archive("def handler(event, context):\n    return 'theirs'\n")
    night.functions.update_function_code(FunctionName="night-Watch", ZipFile=packed)
    after = night.configuration()
    assert night.answer() == "theirs"
    assert after["CodeSha256"] != before["CodeSha256"]
    modified = [before["LastModified"], after["LastModified"]]
    assert modified == ["2026-11-22T09:00:00.000+0000", "2026-11-22T09:05:00.000+0000"]

    night.deploy(State="DISABLED")
    assert night.answer() == "ours"
    assert night.configuration()["CodeSha256"] == before["CodeSha256"]


def test_a_deployment_without_a_change_leaves_a_function_as_it_was(night: Night) -> None:
    night.deploy(State="DISABLED")
    before = night.configuration()
    night.wait(minutes=5)
    night.deploy(State="DISABLED")
    after = night.configuration()
    members = ("CodeSha256", "LastModified")
    assert [after[name] for name in members] == [before[name] for name in members]

    night.code.write_text(CODE.replace("ours", "ours, better"))
    night.deploy(State="DISABLED")
    assert night.answer() == "ours, better"
    assert night.configuration()["CodeSha256"] != before["CodeSha256"]


def test_a_configuration_that_somebody_changes_holds_for_the_next_invocation(night: Night) -> None:
    night.deploy(State="DISABLED")
    night.functions.update_function_configuration(FunctionName="night-Watch", Timeout=5)
    assert night.answer(seconds=10)["errorType"] == "Sandbox.Timedout"


def test_concurrency_that_somebody_takes_away_is_missing_at_once(night: Night) -> None:
    """LAMBDA, PutFunctionConcurrency and DeleteFunctionConcurrency."""
    night.deploy(State="DISABLED")
    night.functions.put_function_concurrency(FunctionName="night-Watch", ReservedConcurrentExecutions=0)
    concurrency = night.functions.get_function_concurrency(FunctionName="night-Watch")
    assert concurrency["ReservedConcurrentExecutions"] == 0
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        night.answer()
    night.functions.delete_function_concurrency(FunctionName="night-Watch")
    assert night.answer() == "ours"


def test_with_a_reserved_concurrency_of_one_the_second_invocation_is_throttled(night: Night) -> None:
    """Step Functions developer guide, "Handling error conditions": Lambda.TooManyRequestsException."""
    night.deploy(State="DISABLED")
    started = night.states.start_execution(
        stateMachineArn=night.resources["Round"], input=json.dumps({"seconds": 10})
    )
    night.aws.clock.settle()
    done = night.states.describe_execution(executionArn=started["executionArn"])
    assert sorted(json.loads(done["output"])) == ["Lambda.TooManyRequestsException", "ours"]

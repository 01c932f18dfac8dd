from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from localaws.server import EmbeddedAws
from localaws.stack import Stack, StackError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BAKERY = """
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Description: Orders become loaves.
Parameters:
  Stage: {Type: String, Default: test, AllowedValues: [test, live]}
  Mail: {Type: String, Default: baker@example.com, AllowedPattern: "[^@ ]+@[^@ ]+"}
  Flours: {Type: CommaDelimitedList, Default: "rye, spelt"}
  Heat: {Type: Number, Default: 200, MinValue: 100, MaxValue: 300}
  Recipe: {Type: String, Default: secret, NoEcho: true, MinLength: 4, ConstraintDescription: a real recipe}
Mappings:
  Sizes: {test: {Memory: 128}, live: {Memory: 512}}
Conditions:
  Live: !Equals [!Ref Stage, live]
Rules:
  LiveBakery:
    RuleCondition: !Equals [!Ref Stage, live]
    Assertions:
      - Assert: !Contains [!Ref Flours, wheat]
        AssertDescription: A live bakery needs wheat.
Globals:
  Function: {CodeUri: code, Runtime: python3.13, Timeout: 5, LoggingConfig: {LogFormat: JSON}}
Resources:
  KneadFunction:
    Type: AWS::Serverless::Function
    Properties:
      Handler: knead.handler
      MemorySize: !FindInMap [Sizes, !Ref Stage, Memory]
      ReservedConcurrentExecutions: 2
      Environment:
        Variables:
          FLOURS: !Join ["+", !Ref Flours]
          TABLE: !Ref Orders
          LIVE_ONLY: !If [Live, x, !Ref AWS::NoValue]
  TasteFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: !Ref AWS::NoValue
      InlineCode: "def handler(event, context): return event"
      Handler: index.handler
  Baking:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: baking.asl.yaml
      DefinitionSubstitutions:
        KneadFunctionArn: !GetAtt KneadFunction.Arn
        TopicArn: !Ref Ready
        Limit: 30
      Logging:
        Level: ALL
        IncludeExecutionData: true
        Destinations: [{CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt BakingLogs.Arn}}]
      Policies:
        - LambdaInvokePolicy: {FunctionName: !Ref KneadFunction}
      Events:
        Order:
          Type: EventBridgeRule
          Properties:
            Pattern: {source: [shop], detail: {loaves: [{numeric: [">", 2]}]}}
            InputPath: $.detail
            RetryPolicy: {MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 300}
            DeadLetterConfig: {Arn: !GetAtt Letters.Arn}
  BakingLogs:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: !Sub "/aws/vendedlogs/states/${AWS::StackName}", RetentionInDays: 14}
  Ready:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: Fresh bread, KmsMasterKeyId: !Ref Key}
  ReadyPolicy:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref Ready]
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {Service: events.amazonaws.com}
            Action: sns:Publish
            Resource: !Ref Ready
  ReadyMail:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Ready, Protocol: email, Endpoint: !Ref Mail, FilterPolicy: {kind: [rye]}}
  Letters:
    Type: AWS::SQS::Queue
    Properties: {MessageRetentionPeriod: 1209600, SqsManagedSseEnabled: true}
  LettersPolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Letters]
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {Service: events.amazonaws.com}
            Action: sqs:SendMessage
            Resource: !GetAtt Letters.Arn
  Key:
    Type: AWS::KMS::Key
    Properties: {EnableKeyRotation: true, Tags: [{Key: of, Value: bakery}]}
  KeyAlias:
    Type: AWS::KMS::Alias
    Properties: {AliasName: alias/bakery, TargetKeyId: !Ref Key}
  BurntAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: AWS/States
      MetricName: ExecutionsFailed
      Dimensions: [{Name: StateMachineArn, Value: !Ref Baking}]
      Statistic: Sum
      Period: 300
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanOrEqualToThreshold
      AlarmActions: [!Ref Ready]
  Board:
    Type: AWS::CloudWatch::Dashboard
    Properties: {DashboardBody: !Sub '{"widgets": [], "start": "${AWS::Region}"}'}
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {AttributeName: id, AttributeType: S}
        - {AttributeName: day, AttributeType: S}
      KeySchema:
        - {AttributeName: id, KeyType: HASH}
        - {AttributeName: day, KeyType: RANGE}
      DeletionProtectionEnabled: true
      TimeToLiveSpecification: {AttributeName: ends, Enabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
      SSESpecification: {SSEEnabled: true}
  OvenHeat:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Name: /bakery/heat, Value: !Ref Heat, Tags: {of: bakery}}
  Market:
    Type: AWS::Events::EventBus
    Properties: {Name: market}
  MarketPolicy:
    Type: AWS::Events::EventBusPolicy
    Properties:
      EventBusName: !Ref Market
      StatementId: millers
      Statement:
        Effect: Allow
        Principal: {AWS: "444455556666"}
        Action: events:PutEvents
        Resource: !GetAtt Market.Arn
  MarketRule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Market
      EventPattern: {source: [mill]}
      Targets:
        - Id: letters
          Arn: !GetAtt Letters.Arn
          InputTransformer: {InputPathsMap: {flour: $.detail.flour}, InputTemplate: '"<flour> came"'}
  Mornings:
    Type: AWS::Scheduler::ScheduleGroup
  Morning:
    Type: AWS::Scheduler::Schedule
    Properties:
      GroupName: !Ref Mornings
      ScheduleExpression: rate(1 day)
      State: DISABLED
      FlexibleTimeWindow: {Mode: "OFF"}
      Target: {Arn: !Ref Baking, RoleArn: !GetAtt MorningRole.Arn, Input: '{"loaves": 9}'}
  MorningRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {Service: scheduler.amazonaws.com}
            Action: sts:AssumeRole
  NoRetry:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref KneadFunction, Qualifier: $LATEST, MaximumRetryAttempts: 0}
  MayKnead:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref KneadFunction
      Action: lambda:InvokeFunction
      Principal: events.amazonaws.com
      SourceArn: !GetAtt MarketRule.Arn
  MayRead:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Action: "dynamodb:*", Resource: !GetAtt Orders.Arn}]
      Roles: [!Ref KneadFunctionRole]
  LogDelivery:
    Type: AWS::Logs::ResourcePolicy
    Properties: {PolicyName: bakery, PolicyDocument: '{"Version": "2012-10-17", "Statement": []}'}
  Bonus:
    Type: AWS::SQS::Queue
    Condition: Live
  River:
    Type: AWS::Kinesis::Stream
    Properties: {ShardCount: 1}
Outputs:
  BakingArn: {Value: !Ref Baking}
  TopicName: {Value: !GetAtt Ready.TopicName}
  RiverArn: {Value: !GetAtt River.Arn}
  BonusUrl: {Condition: Live, Value: !Ref Bonus}
"""

BAKING = """
Comment: Bakes ${Nothing}
StartAt: Knead
States:
  Knead:
    Type: Task
    Resource: ${KneadFunctionArn}
    TimeoutSeconds: ${Limit}
    Next: Tell
  Tell:
    Type: Task
    Resource: arn:aws:states:::sns:publish
    Parameters: {TopicArn: "${TopicArn}", Message: Ready}
    End: true
"""


def write_bakery(folder: Path) -> Path:
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code" / "knead.py").write_text("def handler(event, context):\n    return event\n")
    (folder / "baking.asl.yaml").write_text(BAKING)
    (folder / "template.yaml").write_text(BAKERY)
    return folder / "template.yaml"


@dataclass(frozen=True, slots=True)
class Bakery:
    """The big template, deployed."""

    aws: EmbeddedAws
    stack: Stack


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as aws:
        yield aws


@pytest.fixture(scope="module")
def bakery(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Bakery:
    template = write_bakery(tmp_path_factory.mktemp("bakery"))
    return Bakery(aws, aws.deploy(template, stack_name="bakery"))


def test_physical_ids_are_what_ref_gives(bakery: Bakery) -> None:
    resources = bakery.stack.resources

    assert resources["KneadFunction"] == "bakery-KneadFunction"
    assert resources["MarketRule"] == "market|bakery-MarketRule"
    assert resources["Baking"] == "arn:aws:states:us-east-1:111122223333:stateMachine:bakery-Baking"
    assert resources["Letters"] == f"{bakery.aws.endpoint_url}/111122223333/bakery-Letters"


def test_outputs_and_resources_whose_condition_does_not_hold_are_left_out(bakery: Bakery) -> None:
    assert bakery.stack.outputs == {
        "BakingArn": "arn:aws:states:us-east-1:111122223333:stateMachine:bakery-Baking",
        "TopicName": "bakery-Ready",
        "RiverArn": "arn:aws:unsupported:::River/Arn",
    }
    assert "Bonus" not in bakery.stack.resources


def test_an_unsupported_type_is_named_and_stood_in_for(bakery: Bakery) -> None:
    assert bakery.stack.warnings == ("River (AWS::Kinesis::Stream): the type is not supported, left out",)
    assert bakery.stack.resources["River"] == "unsupported-River"


def test_a_function_is_registered_with_what_its_code_needs(bakery: Bakery) -> None:
    function = bakery.aws.client("lambda").get_function_configuration(FunctionName="bakery-KneadFunction")

    assert (function["Handler"], function["Timeout"], function["MemorySize"]) == ("knead.handler", 5, 128)
    assert function["Environment"]["Variables"] == {"FLOURS": "rye+spelt", "TABLE": "bakery-Orders"}
    assert function["Role"].endswith(":role/bakery-KneadFunctionRole")


def test_a_functions_reserved_concurrency_is_kept(bakery: Bakery) -> None:
    reserved = bakery.aws.client("lambda").get_function_concurrency(FunctionName="bakery-KneadFunction")

    assert reserved["ReservedConcurrentExecutions"] == 2


def test_placeholders_of_a_definition_file_are_filled_in_its_text(bakery: Bakery) -> None:
    machine = bakery.aws.client("stepfunctions").describe_state_machine(
        stateMachineArn=bakery.stack.resources["Baking"]
    )
    definition = json.loads(machine["definition"])

    assert definition["Comment"] == "Bakes ${Nothing}"
    assert definition["States"]["Knead"]["TimeoutSeconds"] == 30
    assert definition["States"]["Knead"]["Resource"].endswith(":function:bakery-KneadFunction")
    assert definition["States"]["Tell"]["Parameters"]["TopicArn"] == bakery.stack.resources["Ready"]


def test_a_rule_keeps_all_properties_of_its_targets(bakery: Bakery) -> None:
    events = bakery.aws.client("events")
    rule = events.describe_rule(Name="bakery-BakingOrder")
    (target,) = events.list_targets_by_rule(Rule="bakery-BakingOrder")["Targets"]

    assert json.loads(rule["EventPattern"]) == {
        "source": ["shop"],
        "detail": {"loaves": [{"numeric": [">", 2]}]},
    }
    assert target["Arn"] == bakery.stack.resources["Baking"]
    assert target["InputPath"] == "$.detail"
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 300}
    assert target["DeadLetterConfig"] == {"Arn": "arn:aws:sqs:us-east-1:111122223333:bakery-Letters"}


def test_a_rule_of_another_bus_keeps_its_input_transformer(bakery: Bakery) -> None:
    listed = bakery.aws.client("events").list_targets_by_rule(Rule="bakery-MarketRule", EventBusName="market")

    assert listed["Targets"][0]["InputTransformer"] == {
        "InputPathsMap": {"flour": "$.detail.flour"},
        "InputTemplate": '"<flour> came"',
    }


def test_roles_have_their_inline_and_managed_policies(bakery: Bakery) -> None:
    iam = bakery.aws.client("iam")

    inline = iam.list_role_policies(RoleName="bakery-BakingRole")["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName="bakery-KneadFunctionRole")["AttachedPolicies"]

    assert inline == ["BakingRolePolicy0"]
    assert {policy["PolicyName"] for policy in attached} == {"AWSLambdaBasicExecutionRole", "bakery-MayRead"}


def test_a_queue_has_its_attributes_and_policy(bakery: Bakery) -> None:
    attributes = bakery.aws.client("sqs").get_queue_attributes(
        QueueUrl=bakery.stack.resources["Letters"], AttributeNames=["All"]
    )["Attributes"]

    assert attributes["MessageRetentionPeriod"] == "1209600"
    assert json.loads(attributes["Policy"])["Statement"][0]["Action"] == "sqs:SendMessage"


def test_a_topic_has_its_attributes_policy_and_subscription(bakery: Bakery) -> None:
    sns = bakery.aws.client("sns")
    topic = sns.get_topic_attributes(TopicArn=bakery.stack.resources["Ready"])["Attributes"]
    mail = sns.get_subscription_attributes(SubscriptionArn=bakery.stack.resources["ReadyMail"])["Attributes"]

    assert topic["DisplayName"] == "Fresh bread"
    assert topic["KmsMasterKeyId"] == bakery.stack.resources["Key"]
    assert json.loads(topic["Policy"])["Statement"][0]["Action"] == "sns:Publish"
    assert (mail["Endpoint"], json.loads(mail["FilterPolicy"])) == ("baker@example.com", {"kind": ["rye"]})


def test_everything_else_exists_in_its_service(bakery: Bakery) -> None:
    client = bakery.aws.client
    resources = bakery.stack.resources
    alarms = client("cloudwatch").describe_alarms(AlarmNames=["bakery-BurntAlarm"])["MetricAlarms"]
    dashboard = client("cloudwatch").get_dashboard(DashboardName="bakery-Board")
    table = client("dynamodb").describe_table(TableName="bakery-Orders")["Table"]
    backups = client("dynamodb").describe_continuous_backups(TableName="bakery-Orders")
    expiry = client("dynamodb").describe_time_to_live(TableName="bakery-Orders")
    groups = client("logs").describe_log_groups(logGroupNamePrefix="/aws/vendedlogs")["logGroups"]
    aliases = client("kms").list_aliases(KeyId=resources["Key"])["Aliases"]
    bus = client("events").describe_event_bus(Name="market")
    schedule = client("scheduler").get_schedule(GroupName="bakery-Mornings", Name="bakery-Morning")
    permission = client("lambda").get_policy(FunctionName="bakery-KneadFunction")["Policy"]
    retries = client("lambda").get_function_event_invoke_config(FunctionName="bakery-KneadFunction")

    assert alarms[0]["Dimensions"] == [{"Name": "StateMachineArn", "Value": resources["Baking"]}]
    assert json.loads(dashboard["DashboardBody"]) == {"widgets": [], "start": "us-east-1"}
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["id", "day"]
    assert (table["DeletionProtectionEnabled"], table["SSEDescription"]["Status"]) == (True, "ENABLED")
    assert (
        backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        == "ENABLED"
    )
    assert expiry["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ends"}
    assert [(group["logGroupName"], group["retentionInDays"]) for group in groups] == [
        ("/aws/vendedlogs/states/bakery", 14)
    ]
    assert [alias["AliasName"] for alias in aliases] == ["alias/bakery"]
    assert client("kms").get_key_rotation_status(KeyId=resources["Key"])["KeyRotationEnabled"]
    assert client("ssm").get_parameter(Name="/bakery/heat")["Parameter"]["Value"] == "200"
    assert json.loads(bus["Policy"])["Statement"][0]["Sid"] == "millers"
    assert schedule["Target"]["Input"] == '{"loaves": 9}'
    assert json.loads(permission)["Statement"][0]["Sid"] == "MayKnead"
    assert retries["MaximumRetryAttempts"] == 0


def test_cloudformation_shows_the_stack(bakery: Bakery) -> None:
    cloudformation = bakery.aws.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName="bakery")["Stacks"]
    listed = cloudformation.list_stack_resources(StackName="bakery")["StackResourceSummaries"]
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}

    assert stack["StackId"] == bakery.stack.arn
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]} == bakery.stack.outputs
    assert (parameters["Flours"], parameters["Recipe"]) == ("rye,spelt", "****")
    assert {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed} == bakery.stack.resources
    assert "bakery" in [one["StackName"] for one in cloudformation.list_stacks()["StackSummaries"]]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Stage": "prod"}, "parameter Stage is 'prod', expected one of test, live"),
        ({"Mail": "nobody"}, "parameter Mail is 'nobody', expected text that matches [^@ ]+@[^@ ]+"),
        ({"Heat": "hot"}, "parameter Heat is 'hot', expected a number"),
        ({"Heat": "301"}, "parameter Heat is '301', expected at most 300"),
        ({"Recipe": "x"}, "parameter Recipe is ****, expected at least 4 characters (a real recipe)"),
        ({"Oven": "1"}, "parameter Oven is not in the template"),
        ({"Stage": "live"}, "rule LiveBakery: A live bakery needs wheat."),
        (
            {"Heat": "1", "Stage": "x"},
            (
                "parameter Stage is 'x', expected one of test, live; "
                "parameter Heat is '1', expected at least 100"
            ),
        ),
    ],
)
def test_a_wrong_parameter_is_refused_with_what_was_expected(
    aws: EmbeddedAws, tmp_path: Path, parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(StackError) as error:
        aws.deploy(write_bakery(tmp_path), parameters, stack_name="refused")

    assert str(error.value) == message


def deploy(aws: EmbeddedAws, folder: Path, resources: str) -> Stack:
    template = folder / "template.yaml"
    template.write_text(f"Transform: AWS::Serverless-2016-10-31\nResources:\n{resources}")
    return aws.deploy(template, stack_name=folder.name)


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        pytest.param(
            "  Shop: {Type: AWS::SQS::Queue, DependsOn: Mill}\n"
            "  Mill: {Type: AWS::SQS::Queue, DependsOn: [Shop]}",
            "resources depend on each other: ",
            id="a cycle",
        ),
        pytest.param(
            "  Mail: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref Nowhere}}",
            "Mail (AWS::SNS::Subscription): Nowhere is neither a parameter nor a resource of this stack",
            id="an unknown reference",
        ),
        pytest.param(
            "  Bus: {Type: AWS::Events::EventBus}",
            "Bus (AWS::Events::EventBus): property Name is missing",
            id="a missing property",
        ),
        pytest.param(
            "  Shop: {Type: AWS::DynamoDB::Table, Properties: {KeySchema: id}}",
            "Shop (AWS::DynamoDB::Table): property KeySchema[] has the wrong form for a structure: 'i'",
            id="a property of the wrong form",
        ),
        pytest.param(
            "  Mail: {Type: AWS::SNS::Subscription, Properties: {Protocol: email, Endpoint: a@b.c, "
            "TopicArn: 'arn:aws:sns:us-east-1:111122223333:none'}}",
            "Mail (AWS::SNS::Subscription): An error occurred (NotFound)",
            id="refused by the service",
        ),
        pytest.param(
            "  Flow: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: none.yaml}}",
            "Flow (AWS::StepFunctions::StateMachine): cannot read its definition",
            id="a missing definition",
        ),
        pytest.param(
            "  Do: {Type: AWS::Serverless::Function, Properties: {CodeUri: none, Handler: a.b, "
            "Runtime: python3.13}}",
            "Do (AWS::Lambda::Function): its code folder",
            id="a missing code folder",
        ),
        pytest.param(
            "  Do: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.13}}",
            "Resource with id [Do] is invalid.",
            id="refused by the translator",
        ),
        pytest.param("  - nothing", "{template} has no Resources section", id="no resources"),
        pytest.param("  Shop: {", "{template} is not YAML: ", id="no YAML"),
    ],
)
def test_what_cannot_be_deployed_is_named(
    aws: EmbeddedAws, tmp_path: Path, resources: str, message: str
) -> None:
    with pytest.raises(StackError) as error:
        deploy(aws, tmp_path, resources)

    assert str(error.value).startswith(message.format(template=tmp_path / "template.yaml"))


def test_a_missing_template_is_named(aws: EmbeddedAws, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"cannot read the template .*none\.yaml: No such file"):
        aws.deploy(tmp_path / "none.yaml")


def test_an_unknown_property_is_a_warning(aws: EmbeddedAws, tmp_path: Path) -> None:
    stack = deploy(aws, tmp_path, "  Logs: {Type: AWS::Logs::LogGroup, Properties: {Colour: blue}}")

    assert stack.warnings == ("Logs (AWS::Logs::LogGroup): property Colour is ignored",)


SHOP = """
  Sell:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: sell.handler
      Runtime: python3.13
      Environment: {Variables: {PRICE: "PRICE_NOW"}}
  Day:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: day.asl.json
      DefinitionSubstitutions: {Sell: !GetAtt Sell.Arn}
      Events:
        Morning:
          Type: EventBridgeRule
          Properties: {Pattern: {source: [shop], detail: {price: [PRICE_NOW]}}}
  Price:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: PRICE_NOW}
  Till:
    Type: AWS::SQS::Queue
"""


def open_shop(aws: EmbeddedAws, folder: Path, price: str) -> Stack:
    (folder / "sell.py").write_text(f"def handler(event, context):\n    return {price!r}\n")
    (folder / "day.asl.json").write_text(
        json.dumps(
            {"StartAt": price, "States": {price: {"Type": "Task", "Resource": "${Sell}", "End": True}}}
        )
    )
    return deploy(aws, folder, SHOP.replace("PRICE_NOW", price))


def test_deploying_again_changes_what_can_change_and_keeps_the_rest(aws: EmbeddedAws, tmp_path: Path) -> None:
    first = open_shop(aws, tmp_path, "2")

    second = open_shop(aws, tmp_path, "3")

    day = aws.client("stepfunctions").describe_state_machine(stateMachineArn=second.resources["Day"])
    rule = aws.client("events").describe_rule(Name=second.resources["DayMorning"])
    sell = aws.client("lambda").get_function_configuration(FunctionName=second.resources["Sell"])
    answer = aws.client("lambda").invoke(FunctionName=second.resources["Sell"])
    assert second.resources == first.resources
    assert json.loads(day["definition"])["StartAt"] == "3"
    assert json.loads(rule["EventPattern"])["detail"] == {"price": [3]}
    assert sell["Environment"]["Variables"] == {"PRICE": "3"}
    assert answer["Payload"].read() == b'"3"'
    assert aws.client("ssm").get_parameter(Name=second.resources["Price"])["Parameter"]["Value"] == "3"


STAFF = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Task: {Type: String}
  Trusted: {Type: String}
Conditions:
  IsTrusted: !Equals [!Ref Trusted, "true"]
Resources:
  Cook:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]
      ManagedPolicyArns: !If [IsTrusted, [!Ref Kitchen, !Ref Till], [!Ref Kitchen]]
      Policies: !If
        - IsTrusted
        - - PolicyName: keys
            PolicyDocument:
              Version: "2012-10-17"
              Statement: [{Effect: Allow, Action: "kms:*", Resource: "*"}]
        - !Ref AWS::NoValue
  Kitchen:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: !Ref Task, Resource: "*"}]
  Till:
    Type: AWS::IAM::ManagedPolicy
    Condition: IsTrusted
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: "sqs:*", Resource: "*"}]
"""


def test_what_a_role_may_do_follows_the_template(aws: EmbeddedAws, tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(STAFF)
    iam = aws.client("iam")

    def granted(task: str, trusted: str) -> tuple[list[str], list[str], list[str]]:
        aws.deploy(tmp_path / "template.yaml", {"Task": task, "Trusted": trusted}, "staff")
        attached = iam.list_attached_role_policies(RoleName="staff-Cook")["AttachedPolicies"]
        arn = next(policy["PolicyArn"] for policy in attached if policy["PolicyName"] == "staff-Kitchen")
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return (
            sorted(policy["PolicyName"] for policy in attached),
            iam.list_role_policies(RoleName="staff-Cook")["PolicyNames"],
            [statement["Action"] for statement in document["Statement"]],
        )

    assert granted("sns:Publish", "true") == (["staff-Kitchen", "staff-Till"], ["keys"], ["sns:Publish"])
    assert granted("sqs:SendMessage", "false") == (["staff-Kitchen"], [], ["sqs:SendMessage"])
    for number in range(6):
        task = f"s3:Get{number}"
        assert granted(task, "true") == (["staff-Kitchen", "staff-Till"], ["keys"], [task])


def test_changed_files_are_deployed_again_under_an_unchanged_template(
    aws: EmbeddedAws, tmp_path: Path
) -> None:
    stack = open_shop(aws, tmp_path, "2")
    (tmp_path / "sell.py").write_text("def handler(event, context):\n    return 'closed'\n")
    (tmp_path / "day.asl.json").write_text(
        json.dumps({"StartAt": "Rest", "States": {"Rest": {"Type": "Succeed"}}})
    )

    aws.deploy(tmp_path / "template.yaml", stack_name=tmp_path.name)

    day = aws.client("stepfunctions").describe_state_machine(stateMachineArn=stack.resources["Day"])
    answer = aws.client("lambda").invoke(FunctionName=stack.resources["Sell"])
    assert json.loads(day["definition"])["StartAt"] == "Rest"
    assert answer["Payload"].read() == b'"closed"'


POST = """
Resources:
  Dead:
    Type: AWS::SQS::Queue
    Properties:
      RedriveAllowPolicy:
        redrivePermission: byQueue
        sourceQueueArns: [!Sub "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:post"]
  Post:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: post
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5}
  News:
    Type: AWS::SNS::Topic
    Properties: {KmsMasterKeyId: alias/aws/sns}
  NewsForPost:
    Type: AWS::SNS::Subscription
    Properties:
      TopicArn: !Ref News
      Protocol: sqs
      Endpoint: !GetAtt Post.Arn
      FilterPolicy: {kind: [bad]}
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn}
"""


def test_a_topic_that_fans_out_to_a_queue_is_created_whole(aws: EmbeddedAws, tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(POST)
    stack = aws.deploy(tmp_path / "template.yaml", stack_name="post")
    sqs, sns = aws.client("sqs"), aws.client("sns")

    def attributes(queue: str) -> dict[str, str]:
        url = stack.resources[queue]
        return dict(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])

    subscription = sns.get_subscription_attributes(SubscriptionArn=stack.resources["NewsForPost"])[
        "Attributes"
    ]
    topic = sns.get_topic_attributes(TopicArn=stack.resources["News"])["Attributes"]
    post, dead = attributes("Post"), attributes("Dead")
    assert stack.warnings == ()
    assert topic["KmsMasterKeyId"] == "alias/aws/sns"
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("sqs", post["QueueArn"])
    assert json.loads(subscription["FilterPolicy"]) == {"kind": ["bad"]}
    assert json.loads(subscription["RedrivePolicy"]) == {"deadLetterTargetArn": dead["QueueArn"]}
    assert json.loads(post["RedrivePolicy"]) == {
        "deadLetterTargetArn": dead["QueueArn"],
        "maxReceiveCount": 5,
    }
    assert json.loads(dead["RedriveAllowPolicy"])["sourceQueueArns"] == [post["QueueArn"]]


def test_the_statements_of_a_topics_policy_need_ids_of_their_own(aws: EmbeddedAws, tmp_path: Path) -> None:
    """Source: Amazon SNS developer guide, "API permissions: Actions and resources reference"."""
    statement = "{Effect: Allow, Principal: '*', Action: 'sns:Publish', Resource: '*'}"
    resources = f"""
  Topic: {{Type: AWS::SNS::Topic}}
  Policy:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref Topic]
      PolicyDocument: {{Statement: [{statement}, {statement}]}}
"""

    with pytest.raises(StackError, match="Every policy statement must have a unique ID"):
        deploy(aws, tmp_path, resources)


def test_a_null_is_refused_wherever_it_stands(aws: EmbeddedAws, tmp_path: Path) -> None:
    """Source: the answer of AWS CloudFormation's ValidateTemplate."""
    rule = "  Watch: {Type: AWS::Events::Rule, Properties: {EventPattern: {detail: {error: [null]}}}}"

    with pytest.raises(StackError, match=r"\[/Resources/Watch/.*/error/0\] 'null' values are not allowed"):
        deploy(aws, tmp_path, rule)


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (
            "  Shop: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 5}}",
            r"Shop \(AWS::SQS::Queue\): cannot be changed in a running server",
        ),
        ("  Mill: {Type: AWS::SQS::Queue}", "cannot remove Shop from a running server"),
    ],
)
def test_a_change_that_needs_a_new_start_says_so(
    aws: EmbeddedAws, tmp_path: Path, resources: str, message: str
) -> None:
    deploy(aws, tmp_path, "  Shop: {Type: AWS::SQS::Queue}")

    with pytest.raises(StackError, match=message):
        deploy(aws, tmp_path, resources)

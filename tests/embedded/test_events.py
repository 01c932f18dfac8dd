from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.events.models import events_backends
from moto.moto_api._internal.models import moto_api_backend
from werkzeug.serving import make_server

from localaws.clock import SkippingClock
from localaws.events import EventBus
from localaws.faults import Faults
from localaws.gateway import INTERNAL_KEY_PREFIX, ApiCall, ApiError, ApiResponse, Gateway, Proceed
from localaws.patterns import PatternError

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PATTERN = {"source": ["aws.organizations"], "detail": {"eventName": ["DetachPolicy"]}}
ROLE = "arn:aws:iam::123456789012:role/deliver"


@dataclass
class Invocations:
    """The functions layer of these tests: it keeps what a function is invoked with."""

    payloads: list[Any]

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Answer Invoke as Lambda answers an asynchronous one."""
        if call.service == "lambda" and call.operation == "Invoke":
            self.payloads.append(json.loads(call.body))
            return ApiResponse.of_json({}, 202)
        return proceed(call)


def client(port: int, service: str, key: str = "AKIAEXAMPLE") -> Any:
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


class World:
    """A gateway with the events layer, and clients from outside."""

    def __init__(
        self, port: int, clock: SkippingClock, faults: Faults, invocations: Invocations, bus: EventBus
    ) -> None:
        self.clock = clock
        self.faults = faults
        self.invocations = invocations
        self.bus = bus
        self.events = client(port, "events")
        self.functions = client(port, "lambda")
        self.iam = client(port, "iam")
        self.sqs = client(port, "sqs")
        self.sns = client(port, "sns")
        self.states = client(port, "stepfunctions")
        self.account = client(port, "sts").get_caller_identity()["Account"]

    def rule_arn(self, name: str = "watch") -> str:
        """Return the ARN of a rule."""
        return f"arn:aws:events:us-east-1:{self.account}:rule/{name}"

    def rule(self, target: dict[str, Any], pattern: Any = PATTERN, state: str = "ENABLED") -> None:
        """Watch with one rule, which has one target."""
        self.events.put_rule(Name="watch", EventPattern=json.dumps(pattern), State=state)
        self.events.put_targets(Rule="watch", Targets=[{"Id": "target", **target}])

    def queue(self, name: str, *, permitted: bool = True) -> str:
        """Create a queue, by default one that takes messages from all rules, and return its ARN."""
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:{self.account}:{name}"
        if permitted:
            policy = permission("sqs:SendMessage", arn, self.rule_arn("*"))
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return arn

    def messages(self, name: str) -> list[Any]:
        """Receive the messages of a queue."""
        url = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=0
        )
        return list(answer.get("Messages", []))

    def bodies(self, name: str) -> list[Any]:
        """Receive the messages of a queue, as JSON."""
        return [json.loads(message["Body"]) for message in self.messages(name)]

    def letter(self, name: str = "dead") -> dict[str, str]:
        """Return the attributes of the one dead letter."""
        (message,) = self.messages(name)
        assert json.loads(message["Body"])["detail"]["eventName"] == "DetachPolicy"
        return {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}

    def event(self, **detail: Any) -> dict[str, Any]:
        """Return the event of a detach."""
        return {
            "version": "0",
            "id": "4d1f8b1e-0000-4000-8000-000000000001",
            "detail-type": "AWS API Call via CloudTrail",
            "source": "aws.organizations",
            "account": self.account,
            "time": "2026-11-22T09:00:00Z",
            "region": "us-east-1",
            "resources": [],
            "detail": {"eventName": "DetachPolicy", "readOnly": False, **detail},
        }

    def put(self, **detail: Any) -> dict[str, Any]:
        """Put the event of a detach, and return it when all is delivered."""
        event = self.event(**detail)
        self.bus.put(event)
        self.clock.settle()
        return event


def permission(action: str, resource: str, source: str) -> str:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": action,
        "Resource": resource,
    }
    if action != "sns:Publish":
        statement["Condition"] = {"ArnLike": {"aws:SourceArn": source}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def world() -> Iterator[World]:
    moto_api_backend.reset()
    clock = SkippingClock(START)
    faults = Faults()
    invocations = Invocations([])
    bus = EventBus(clock, lambda service: client(server.server_port, service, INTERNAL_KEY_PREFIX))
    server = make_server("127.0.0.1", 0, Gateway([faults, bus, invocations], clock), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield World(server.server_port, clock, faults, invocations, bus)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_queue_gets_the_whole_event(world: World) -> None:
    world.rule({"Arn": world.queue("target")})
    event = world.put()
    assert world.bodies("target") == [event]


def test_an_event_that_does_not_match_goes_nowhere(world: World) -> None:
    world.rule({"Arn": world.queue("target")})
    world.put(eventName="AttachPolicy")
    assert world.bodies("target") == []


def test_a_state_machine_starts_with_the_event(world: World) -> None:
    machine = state_machine(world)
    world.rule({"Arn": machine, "RoleArn": ROLE})
    event = world.put()
    (started,) = world.states.list_executions(stateMachineArn=machine)["executions"]
    execution = world.states.describe_execution(executionArn=started["executionArn"])
    assert json.loads(execution["input"]) == event


def test_two_events_start_two_executions(world: World) -> None:
    machine = state_machine(world)
    world.rule({"Arn": machine, "RoleArn": ROLE})
    world.put()
    world.put()
    assert len(world.states.list_executions(stateMachineArn=machine)["executions"]) == 2


def test_a_topic_gets_the_event(world: World) -> None:
    topic = world.sns.create_topic(Name="topic")["TopicArn"]
    policy = permission("sns:Publish", topic, world.rule_arn())
    world.sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    world.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=world.queue("subscriber"))
    world.rule({"Arn": topic})
    event = world.put()
    (notification,) = world.bodies("subscriber")
    assert json.loads(notification["Message"]) == event


def test_a_function_is_invoked_with_the_event(world: World) -> None:
    function = world.functions.create_function(
        FunctionName="listener",
        Runtime="python3.13",
        Role=role(world),
        Handler="index.handler",
        Code={"ZipFile": b"no code runs here"},
    )["FunctionArn"]
    world.functions.add_permission(
        FunctionName="listener",
        StatementId="events",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=world.rule_arn(),
    )
    world.rule({"Arn": function})
    event = world.put()
    assert world.invocations.payloads == [event]


def let_role_put_events(world: World, *buses: str) -> None:
    """Make the role of the targets, which may put events on these buses."""
    allow = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": list(buses)}
    world.iam.create_role(RoleName="deliver", AssumeRolePolicyDocument="{}")
    world.iam.put_role_policy(
        RoleName="deliver",
        PolicyName="deliver",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )


def test_a_bus_gets_nothing_by_a_role_that_may_not_put_events_there(world: World) -> None:
    """EventBridge user guide, "Permissions for event buses"."""
    second, third = (world.events.create_event_bus(Name=name)["EventBusArn"] for name in ("second", "third"))
    let_role_put_events(world, third)
    world.rule({"Arn": second, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": world.queue("dead")}})

    world.put()
    assert world.letter()["ERROR_CODE"] == "NO_PERMISSIONS"


def test_another_bus_gets_the_event_and_no_third_one(world: World) -> None:
    second, third = (world.events.create_event_bus(Name=name)["EventBusArn"] for name in ("second", "third"))
    let_role_put_events(world, second, third)
    world.rule({"Arn": second, "RoleArn": ROLE})
    copy = {"Name": "copy", "EventBusName": "second", "EventPattern": json.dumps(PATTERN)}
    world.events.put_rule(**copy)
    targets = [{"Id": "queue", "Arn": world.queue("target")}, {"Id": "bus", "Arn": third, "RoleArn": ROLE}]
    policy = permission("sqs:SendMessage", targets[0]["Arn"], world.rule_arn("second/copy"))
    url = world.sqs.get_queue_url(QueueName="target")["QueueUrl"]
    world.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    world.events.put_targets(Rule="copy", EventBusName="second", Targets=targets)

    event = world.put()
    assert world.bodies("target") == [event]
    assert [(one.target_arn, one.error_code) for one in world.bus.dropped] == [
        (third, "THIRD_ACCOUNT_HOP_DETECTED")
    ]


def test_a_mistake_of_this_program_loses_no_event_either(world: World) -> None:
    target = world.queue("target", permitted=False)
    url = world.sqs.get_queue_url(QueueName="target")["QueueUrl"]
    world.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": '{"Statement": [1]}'})
    world.rule({"Arn": target, "DeadLetterConfig": {"Arn": world.queue("dead")}})
    world.put()
    assert world.letter()["ERROR_CODE"] == "INTERNAL_ERROR"


def test_a_client_puts_an_event_of_its_own(world: World) -> None:
    world.rule({"Arn": world.queue("target")}, pattern={"source": ["my.app"]})
    entry = {
        "Source": "my.app",
        "DetailType": "Done",
        "Detail": '{"n": 1}',
        "Time": START,
        "Resources": ["r"],
    }
    answer = world.events.put_events(Entries=[entry, {"Source": "my.app"}])
    world.clock.settle()
    assert answer["FailedEntryCount"] == 1
    assert world.bodies("target") == [
        {
            "version": "0",
            "id": answer["Entries"][0]["EventId"],
            "detail-type": "Done",
            "source": "my.app",
            "account": world.account,
            "time": "2026-11-22T09:00:00Z",
            "region": "us-east-1",
            "resources": ["r"],
            "detail": {"n": 1},
        }
    ]


def test_a_bus_that_is_not_there_takes_no_event(world: World) -> None:
    entry = {"Source": "my.app", "DetailType": "Done", "Detail": "{}", "EventBusName": "nowhere"}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        world.events.put_events(Entries=[entry])


def test_a_disabled_rule_rests_until_it_is_enabled(world: World) -> None:
    world.rule({"Arn": world.queue("target")})
    world.events.disable_rule(Name="watch")
    world.put()
    assert world.bodies("target") == []
    world.events.enable_rule(Name="watch")
    world.put()
    assert len(world.bodies("target")) == 1


def test_a_scheduled_rule_takes_no_events(world: World) -> None:
    world.events.put_rule(Name="watch", ScheduleExpression="rate(1 day)")
    world.events.put_targets(Rule="watch", Targets=[{"Id": "target", "Arn": world.queue("target")}])
    world.put()
    assert world.bodies("target") == []


@pytest.mark.parametrize(
    ("state", "delivered"), [("ENABLED", 0), ("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", 1)]
)
def test_only_a_rule_for_all_management_events_gets_read_only_ones(
    world: World, state: str, delivered: int
) -> None:
    world.rule({"Arn": world.queue("target")}, pattern={"source": ["aws.organizations"]}, state=state)
    world.put(eventName="ListRoots", readOnly=True)
    assert len(world.bodies("target")) == delivered


def test_a_delivery_comes_after_its_delay(world: World) -> None:
    slow = EventBus(world.clock, lambda _: world.sqs, delivery_delay=90)
    world.rule({"Arn": world.queue("target")})
    slow.put(world.event())
    world.clock.settle()
    assert (world.clock.now() - START).total_seconds() == 90
    assert len(world.bodies("target")) == 1


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ({"Input": '{"fixed": true}'}, {"fixed": True}),
        ({"InputPath": "$.detail.eventName"}, "DetachPolicy"),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"n": "$.detail.eventName"},
                    "InputTemplate": '{"name": <n>}',
                }
            },
            {"name": "DetachPolicy"},
        ),
        ({"InputTransformer": {"InputTemplate": '"<aws.events.rule-name> fired"'}}, "watch fired"),
    ],
)
def test_a_target_gets_the_input_that_it_asks_for(world: World, shape: Any, body: Any) -> None:
    world.rule({"Arn": world.queue("target"), **shape})
    world.put()
    assert world.bodies("target") == [body]


def test_a_value_with_quotes_is_not_escaped_and_a_broken_result_is_a_dead_letter(world: World) -> None:
    template = {"InputPathsMap": {"agent": "$.detail.userAgent"}, "InputTemplate": '{"agent": "<agent>"}'}
    dead = {"DeadLetterConfig": {"Arn": world.queue("dead")}}
    world.rule({"Arn": world.queue("target"), "InputTransformer": template, **dead})
    world.put(userAgent='evil", "policy": "p-other')
    world.put(userAgent='broken"')
    assert world.bodies("target") == [{"agent": "evil", "policy": "p-other"}]
    assert world.letter()["ERROR_CODE"] == "INVALID_JSON"


def test_a_queue_without_a_policy_for_the_rule_is_a_dead_letter_at_once(world: World) -> None:
    target = world.queue("target", permitted=False)
    world.rule({"Arn": target, "DeadLetterConfig": {"Arn": world.queue("dead")}})
    world.put()
    assert world.clock.now() == START
    assert world.letter() == {
        "RULE_ARN": world.rule_arn(),
        "TARGET_ARN": target,
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": f"the policy of {target} does not allow sqs:SendMessage for {world.rule_arn()}",
        "RETRY_ATTEMPTS": "0",
    }


def test_a_topic_with_only_the_default_policy_gets_nothing(world: World) -> None:
    topic = world.sns.create_topic(Name="topic")["TopicArn"]
    world.rule({"Arn": topic, "DeadLetterConfig": {"Arn": world.queue("dead")}})
    world.put()
    assert world.letter()["ERROR_CODE"] == "NO_PERMISSIONS"


def test_a_role_of_the_target_stands_in_for_a_policy(world: World) -> None:
    world.rule({"Arn": world.queue("target", permitted=False), "RoleArn": ROLE})
    world.put()
    assert len(world.bodies("target")) == 1


def test_a_state_machine_without_a_role_is_not_started(world: World) -> None:
    world.rule({"Arn": state_machine(world), "DeadLetterConfig": {"Arn": world.queue("dead")}})
    world.put()
    assert world.letter()["ERROR_CODE"] == "NO_PERMISSIONS"


def test_a_target_that_is_gone_is_a_dead_letter_at_once(world: World) -> None:
    gone = f"arn:aws:states:us-east-1:{world.account}:stateMachine:gone"
    world.rule({"Arn": gone, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": world.queue("dead")}})
    world.put()
    letter = world.letter()
    assert (letter["ERROR_CODE"], letter["RETRY_ATTEMPTS"]) == ("NO_RESOURCE", "0")
    assert world.clock.now() == START


def test_a_failing_target_is_tried_until_it_recovers(world: World) -> None:
    world.rule({"Arn": world.queue("target")})
    world.faults.fail_call("sqs", "SendMessage", ApiError("ServiceUnavailable", "later", 503), times=5)
    world.put()
    assert len(world.bodies("target")) == 1
    waited = (world.clock.now() - START).total_seconds()
    assert (1 + 2 + 4 + 8 + 16) / 2 <= waited <= 1 + 2 + 4 + 8 + 16


def test_the_retries_end_with_their_number(world: World) -> None:
    machine = state_machine(world)
    world.rule(
        {
            "Arn": machine,
            "RoleArn": ROLE,
            "RetryPolicy": {"MaximumRetryAttempts": 3},
            "DeadLetterConfig": {"Arn": world.queue("dead")},
        }
    )
    world.faults.fail_call("states", "StartExecution", ApiError("InternalError", "broken", 500), times=99)
    world.put()
    letter = world.letter()
    assert letter["ERROR_CODE"] == "ERROR_FROM_TARGET"
    assert letter["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert letter["RETRY_ATTEMPTS"] == "3"


def test_the_retries_end_with_the_age_of_the_event(world: World) -> None:
    machine = state_machine(world)
    world.rule(
        {
            "Arn": machine,
            "RoleArn": ROLE,
            "RetryPolicy": {"MaximumEventAgeInSeconds": 60},
            "DeadLetterConfig": {"Arn": world.queue("dead")},
        }
    )
    slow_down = ApiError("ThrottlingException", "slow down")
    world.faults.fail_call("states", "StartExecution", slow_down, times=99)
    world.put()
    letter = world.letter()
    assert letter["ERROR_CODE"] == "THROTTLING"
    assert letter["EXHAUSTED_RETRY_CONDITION"] == "MaximumEventAgeInSeconds"
    assert (world.clock.now() - START).total_seconds() <= 60


def test_the_default_retries_last_about_a_day(world: World) -> None:
    machine = state_machine(world)
    world.rule({"Arn": machine, "RoleArn": ROLE})
    world.faults.fail_call("states", "StartExecution", ApiError("InternalError", "broken", 500), times=999)
    world.put()
    (dropped,) = world.bus.dropped
    assert 150 <= dropped.retries <= 185
    assert 20 * 3600 <= (world.clock.now() - START).total_seconds() <= 24 * 3600


def test_what_no_queue_takes_is_dropped_with_a_warning(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    forbidden = world.queue("dead", permitted=False)
    stream = f"arn:aws:kinesis:us-east-1:{world.account}:stream/one"
    world.rule({"Arn": stream, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": forbidden}})
    with caplog.at_level(logging.WARNING, "localaws.delivery"):
        event = world.put()
    (dropped,) = world.bus.dropped
    assert (dropped.event, dropped.target_arn, dropped.error_code) == (event, stream, "UNSUPPORTED_TARGET")
    assert f"{stream} did not get event" in caplog.text
    assert f"{forbidden} did not get the dead letter either" in caplog.text


def test_a_refused_pattern_is_an_error_of_put_rule(world: World) -> None:
    with pytest.raises(ClientError) as refused:
        world.events.put_rule(Name="watch", EventPattern='{"source": [{"contains": "x"}]}')
    assert refused.value.response["Error"] == {
        "Code": "InvalidEventPatternException",
        "Message": "Event pattern is not valid. Reason: Unrecognized match type: contains, at source",
    }


@pytest.mark.parametrize(
    "shape",
    [
        {"Input": "{}", "InputPath": "$.detail"},
        {"InputPath": "detail"},
        {"InputTransformer": {"InputTemplate": '"<nobody>"'}},
    ],
)
def test_a_refused_input_is_an_error_of_put_targets(world: World, shape: Any) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        world.rule({"Arn": world.queue("target"), **shape})


def test_a_rule_that_a_template_made_inside_moto_is_checked_on_request(world: World) -> None:
    backend = events_backends[world.account]["us-east-1"]
    backend.put_rule("watch", event_pattern='{"source": [{"contains": "x"}]}')
    with pytest.raises(PatternError, match="Unrecognized match type"):
        world.bus.check_rules()
    with pytest.raises(PatternError, match="Unrecognized match type"):
        world.bus.put(world.event())


def test_a_pattern_can_be_tried_out(world: World) -> None:
    answers = [
        world.events.test_event_pattern(EventPattern=json.dumps(PATTERN), Event=json.dumps(event))["Result"]
        for event in (world.event(), world.event(eventName="AttachPolicy"))
    ]
    assert answers == [True, False]


def state_machine(world: World) -> str:
    definition = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    answer = world.states.create_state_machine(
        name="machine", definition=json.dumps(definition), roleArn=f"arn:aws:iam::{world.account}:role/states"
    )
    return str(answer["stateMachineArn"])


def role(world: World) -> str:
    return str(world.iam.create_role(RoleName="function", AssumeRolePolicyDocument="{}")["Role"]["Arn"])

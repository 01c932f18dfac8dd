"""Functions that are invoked with what their queues hold.

GUIDE is "Using Lambda with Amazon SQS" in the Lambda developer guide.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.moto_api._internal.models import moto_api_backend

from localaws.calls import CallLog
from localaws.clock import SkippingClock
from localaws.event_sources import EventSources, failed_items
from localaws.faults import Faults
from localaws.gateway import INTERNAL_KEY_PREFIX, ApiCall, ApiError, ApiResponse, Gateway, Proceed
from localaws.identities import Identities
from localaws.permissions import Permissions
from localaws.queues import Queues
from localaws.server import EmbeddedAws
from localaws.stack import Stack
from tests.embedded.wire import connect

NINE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ACCOUNT = "123456789012"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:plates"
NEEDED = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
Answer = Callable[[list[dict[str, Any]]], Any]


def well_done(_: list[dict[str, Any]]) -> Any:
    """Answer as a function that succeeds."""
    return None


class Washer:
    """The function: it keeps what it gets, and answers as the test wants it."""

    def __init__(self, clock: SkippingClock) -> None:
        self.clock = clock
        self.answer: Answer = well_done
        self.batches: list[tuple[float, list[dict[str, Any]]]] = []
        self.at_a_time: list[int] = []
        self._lock = threading.Lock()
        self._working = 0

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Answer Invoke."""
        if call.operation != "Invoke":
            return proceed(call)
        records = json.loads(call.body)["Records"]
        with self._lock:
            self._working += 1
            self.at_a_time.append(self._working)
            self.batches.append(((self.clock.now() - NINE).total_seconds(), records))
        try:
            payload = json.dumps(self.answer(records)).encode()
            return ApiResponse(200, (("Content-Type", "application/json"),), payload)
        except ZeroDivisionError:
            failed = (("X-Amz-Function-Error", "Unhandled"),)
            return ApiResponse(200, failed, b'{"errorType": "ZeroDivisionError"}')
        finally:
            with self._lock:
                self._working -= 1

    def washed(self) -> list[tuple[float, list[str]]]:
        """Return when which bodies came, in seconds since nine o'clock."""
        return [(at, [record["body"] for record in records]) for at, records in self.batches]


class Kitchen:
    """A queue of plates, and a function that washes them."""

    def __init__(self, clock: SkippingClock, queues: Queues) -> None:
        self.clock = clock
        self.faults = Faults()
        self.washer = Washer(clock)
        identities = Identities(clock)
        self.calls = CallLog(clock, identities)

        def client(service: str, key: str = "AKIAIOSFODNN7EXAMPLE") -> Any:
            return connect(self.gateway, service, key)

        def client_inside(service: str) -> Any:
            return client(service, f"{INTERNAL_KEY_PREFIX}SERVICES000")

        def client_as(role: str, service: str) -> Any:
            return client(service, identities.issue(role, "lambda").access_key)

        sources = EventSources(clock, queues, client_inside, client_as)
        self.close = sources.close
        self.gateway = Gateway(
            [self.calls, self.faults, Permissions(identities), self.washer, sources], clock
        )
        self.sqs = client("sqs")
        self.url = self.sqs.create_queue(QueueName="plates", Attributes={"VisibilityTimeout": "60"})[
            "QueueUrl"
        ]
        self.iam = client("iam")
        self.role = self.iam.create_role(RoleName="washer", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        self.allow(*NEEDED)
        self.functions = client("lambda")
        self.functions.create_function(
            FunctionName="wash",
            Role=self.role,
            Runtime="python3.13",
            Handler="wash.handler",
            Timeout=10,
            Code={"ZipFile": b"PK\x05\x06" + bytes(18)},
        )

    def allow(self, *actions: str) -> None:
        """Let the function's role do this with the queue, and nothing else."""
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": QUEUE}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_role_policy(RoleName="washer", PolicyName="wash", PolicyDocument=document)

    def map(self, **more: Any) -> str:
        """Map the queue to the function, and return the mapping's id."""
        arguments = {"EventSourceArn": QUEUE, "FunctionName": "wash", **more}
        return str(self.functions.create_event_source_mapping(**arguments)["UUID"])

    def bring(self, *plates: str, **more: Any) -> None:
        """Send a message for each plate, all in the same moment."""
        with self.clock.working():
            for plate in plates:
                self.sqs.send_message(QueueUrl=self.url, MessageBody=plate, **more)

    def left(self) -> int:
        """Return how many messages the queue holds."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "Delayed", "NotVisible")]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(number) for number in answer.values())

    @property
    def seconds(self) -> float:
        """The seconds since nine o'clock."""
        return (self.clock.now() - NINE).total_seconds()


@pytest.fixture
def kitchen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kitchen]:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    moto_api_backend.reset()
    clock = SkippingClock(NINE)
    queues = Queues(clock)
    queues.install()
    kitchen = Kitchen(clock, queues)
    yield kitchen
    kitchen.close()
    queues.uninstall()


def broken(_: list[dict[str, Any]]) -> Any:
    """Answer as a function that fails."""
    return 1 / 0


def test_a_function_gets_what_is_sent_to_its_queue(kitchen: Kitchen) -> None:
    """GUIDE, "Example standard queue message event"."""
    kitchen.map()
    spots = {
        "spots": {"DataType": "Number", "StringValue": "3"},
        "photo": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    kitchen.bring("plate", MessageAttributes=spots)
    kitchen.clock.settle()

    (record,) = kitchen.washer.batches[0][1]
    sent = f"{NINE.timestamp() * 1000:.0f}"
    assert {name: record.pop(name) is not None for name in ("messageId", "receiptHandle")}
    assert len(record.pop("md5OfMessageAttributes")) == 32
    assert record == {
        "body": "plate",
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": sent,
            "SenderId": record["attributes"]["SenderId"],
            "ApproximateFirstReceiveTimestamp": sent,
        },
        "messageAttributes": {
            "spots": {
                "stringValue": "3",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "Number",
            },
            "photo": {
                "binaryValue": "AAE=",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "Binary",
            },
        },
        "md5OfBody": "5da21a3ecff2814528fc0997c69f72bc",
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE,
        "awsRegion": "us-east-1",
    }


def test_what_a_function_has_done_is_deleted(kitchen: Kitchen) -> None:
    kitchen.map()
    kitchen.bring("a", "b", "c")
    kitchen.clock.settle()

    assert sorted(body for _, bodies in kitchen.washer.washed() for body in bodies) == ["a", "b", "c"]
    assert (kitchen.left(), kitchen.seconds) == (0, 0)


def test_messages_that_came_before_the_mapping_are_consumed_too(kitchen: Kitchen) -> None:
    kitchen.bring("early")
    kitchen.map()
    kitchen.clock.settle()
    assert kitchen.washer.washed() == [(0, ["early"])]


def test_a_delayed_message_is_consumed_after_its_delay(kitchen: Kitchen) -> None:
    kitchen.map()
    kitchen.bring("later", DelaySeconds=90)
    kitchen.clock.settle()
    assert kitchen.washer.washed() == [(90, ["later"])]


def test_a_batching_window_gathers_messages(kitchen: Kitchen) -> None:
    kitchen.map(BatchSize=100, MaximumBatchingWindowInSeconds=60)
    with kitchen.clock.working():
        kitchen.bring("a", "b")
        kitchen.clock.spawn(kitchen.bring, "c", after=59)
        kitchen.clock.spawn(kitchen.bring, "d", after=61)
    kitchen.clock.settle()
    assert kitchen.washer.washed() == [(60, ["a", "b", "c"]), (121, ["d"])]


def test_a_full_batch_does_not_wait_for_the_window(kitchen: Kitchen) -> None:
    """GUIDE: the window is over when it is, when the batch is full, or when the payload is 6 MB."""
    kitchen.map(BatchSize=3, MaximumBatchingWindowInSeconds=60)
    kitchen.bring("a", "b", "c", "d")
    kitchen.clock.settle()
    assert kitchen.washer.washed() == [(0, ["a", "b", "c"]), (60, ["d"])]


def test_a_large_batch_takes_several_receives(kitchen: Kitchen) -> None:
    kitchen.map(BatchSize=25, MaximumBatchingWindowInSeconds=1)
    kitchen.bring(*map(str, range(25)))
    kitchen.clock.settle()
    assert [len(bodies) for _, bodies in kitchen.washer.washed()] == [25]
    assert kitchen.left() == 0


@pytest.mark.parametrize(("scaling", "most"), [({}, 5), ({"ScalingConfig": {"MaximumConcurrency": 2}}, 2)])
def test_only_so_many_batches_are_worked_on_at_a_time(
    kitchen: Kitchen, scaling: dict[str, Any], most: int
) -> None:
    kitchen.washer.answer = lambda _: kitchen.clock.sleep(10)
    kitchen.map(BatchSize=1, **scaling)
    kitchen.bring(*map(str, range(11)))
    kitchen.clock.settle()
    assert max(kitchen.washer.at_a_time) == most
    assert len(kitchen.washer.batches) == 11
    assert kitchen.seconds == 10 * -(-11 // most)


def test_what_fails_reappears_after_the_visibility_time_out(kitchen: Kitchen) -> None:
    kitchen.washer.answer = lambda _: 1 / (len(kitchen.washer.batches) - 1)
    kitchen.map()
    kitchen.bring("burnt")
    kitchen.clock.settle()
    assert kitchen.washer.washed() == [(0, ["burnt"]), (60, ["burnt"])]
    assert kitchen.left() == 0


def test_what_fails_too_often_goes_to_the_dead_letter_queue(kitchen: Kitchen) -> None:
    dead = kitchen.sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": QUEUE.replace("plates", "dead"), "maxReceiveCount": 3})
    kitchen.sqs.set_queue_attributes(QueueUrl=kitchen.url, Attributes={"RedrivePolicy": policy})
    kitchen.washer.answer = broken
    kitchen.map()
    kitchen.bring("burnt")
    kitchen.clock.settle()

    assert kitchen.washer.washed() == [(0, ["burnt"]), (60, ["burnt"]), (120, ["burnt"])]
    assert kitchen.seconds == 180
    assert [one["Body"] for one in kitchen.sqs.receive_message(QueueUrl=dead)["Messages"]] == ["burnt"]


def test_only_the_items_that_a_function_reports_come_again(kitchen: Kitchen) -> None:
    """GUIDE, "Implementing partial batch responses"."""

    def second_fails(records: list[dict[str, Any]]) -> Any:
        names = [
            one["messageId"] for one in records if one["body"] == "b" and len(kitchen.washer.batches) == 1
        ]
        return {"batchItemFailures": [{"itemIdentifier": name} for name in names]}

    kitchen.washer.answer = second_fails
    kitchen.map(MaximumBatchingWindowInSeconds=1, FunctionResponseTypes=["ReportBatchItemFailures"])
    kitchen.bring("a", "b", "c")
    kitchen.clock.settle()
    assert kitchen.washer.washed() == [(1, ["a", "b", "c"]), (62, ["b"])]


def test_nobody_reads_a_report_that_the_mapping_does_not_ask_for(kitchen: Kitchen) -> None:
    kitchen.washer.answer = lambda records: {
        "batchItemFailures": [{"itemIdentifier": records[0]["messageId"]}]
    }
    kitchen.map()
    kitchen.bring("a")
    kitchen.clock.settle()
    assert (len(kitchen.washer.batches), kitchen.left()) == (1, 0)


@pytest.mark.parametrize(
    ("payload", "failed"),
    [
        (b"null", ""),
        (b"", ""),
        (b"{}", ""),
        (b'{"batchItemFailures": null}', ""),
        (b'{"batchItemFailures": []}', ""),
        (b'{"batchItemFailures": [{"itemIdentifier": "a"}]}', "a"),
        (b'{"batchItemFailures": [{"itemIdentifier": "c"}]}', "ab"),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', "ab"),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', "ab"),
        (b'{"batchItemFailures": [{"itemIdentifier": ["a"]}]}', "ab"),
        (b'{"batchItemFailures": [{"id": "a"}]}', "ab"),
        (b'{"batchItemFailures": ["a"]}', "ab"),
        (b'{"batchItemFailures": 1}', "ab"),
        (b'"done"', "ab"),
        (b"[1]", "ab"),
        (b"{", "ab"),
    ],
)
def test_a_malformed_report_fails_the_whole_batch(payload: bytes, failed: str) -> None:
    """GUIDE, "Success and failure conditions"."""
    assert failed_items(payload, {"a", "b"}) == set(failed)


@pytest.mark.parametrize(
    "error",
    [
        ApiError("TooManyRequestsException", "Rate Exceeded.", 429),
        ApiError("ServiceException", "broken", 500),
    ],
)
def test_an_invocation_that_lambda_refuses_is_a_failure(kitchen: Kitchen, error: ApiError) -> None:
    kitchen.faults.fail_call("lambda", "Invoke", error)
    kitchen.map()
    kitchen.bring("a")
    kitchen.clock.settle()
    assert kitchen.washer.washed() == [(60, ["a"])]


def test_a_queue_that_cannot_be_read_is_looked_at_again(kitchen: Kitchen) -> None:
    kitchen.faults.fail_call("sqs", "ReceiveMessage", ApiError("InternalError", "broken", 500), times=3)
    kitchen.map()
    kitchen.bring("a")
    kitchen.clock.settle()
    assert kitchen.washer.washed() == [(3, ["a"])]


def test_what_others_have_received_is_waited_for(kitchen: Kitchen) -> None:
    kitchen.bring("a")
    kitchen.sqs.receive_message(QueueUrl=kitchen.url, VisibilityTimeout=20)
    kitchen.map()
    kitchen.clock.settle()
    assert kitchen.washer.washed() == [(20, ["a"])]


def test_messages_that_nobody_takes_end_with_their_retention_period(kitchen: Kitchen) -> None:
    attributes = {"MessageRetentionPeriod": "300"}
    kitchen.sqs.set_queue_attributes(QueueUrl=kitchen.url, Attributes=attributes)
    kitchen.washer.answer = broken
    kitchen.map()
    kitchen.bring("a")
    kitchen.clock.settle()
    assert [at for at, _ in kitchen.washer.washed()] == [0, 60, 120, 180, 240]


def test_a_disabled_mapping_consumes_nothing_until_it_is_enabled(kitchen: Kitchen) -> None:
    mapping = kitchen.map(Enabled=False)
    kitchen.bring("a")
    kitchen.clock.settle()
    assert (kitchen.washer.washed(), kitchen.left()) == ([], 1)

    kitchen.functions.update_event_source_mapping(UUID=mapping, Enabled=True)
    kitchen.clock.settle()
    assert kitchen.washer.washed() == [(0, ["a"])]

    kitchen.functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    kitchen.bring("b")
    kitchen.clock.settle()
    assert kitchen.left() == 1


def test_a_mapping_that_is_disabled_in_its_window_consumes_nothing(kitchen: Kitchen) -> None:
    mapping = kitchen.map(MaximumBatchingWindowInSeconds=60)
    with kitchen.clock.working():
        kitchen.bring("a")
        kitchen.clock.sleep(30)
        kitchen.functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    kitchen.clock.settle()
    assert (kitchen.washer.washed(), kitchen.left()) == ([], 1)


def test_a_deleted_mapping_consumes_nothing(kitchen: Kitchen) -> None:
    mapping = kitchen.map()
    kitchen.functions.delete_event_source_mapping(UUID=mapping)
    kitchen.bring("a")
    kitchen.clock.settle()
    assert (kitchen.washer.washed(), kitchen.left()) == ([], 1)


@pytest.mark.parametrize("missing", NEEDED)
def test_a_role_that_lost_a_permission_consumes_nothing(kitchen: Kitchen, missing: str) -> None:
    kitchen.map()
    kitchen.allow(*(action for action in NEEDED if action != missing))
    kitchen.bring("a")
    kitchen.clock.settle()
    assert (kitchen.washer.washed(), kitchen.left()) == ([], 1)


def test_the_queue_is_consumed_with_the_functions_role(kitchen: Kitchen) -> None:
    kitchen.map()
    kitchen.bring("a")
    kitchen.clock.settle()
    callers = {
        (call.operation, call.principal)
        for call in kitchen.calls.recorded("sqs")
        if call.operation in {"ReceiveMessage", "DeleteMessageBatch"}
    }
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/washer/lambda"
    assert callers == {("ReceiveMessage", session), ("DeleteMessageBatch", session)}


@pytest.mark.parametrize("action", NEEDED)
def test_a_role_without_a_permission_gets_no_mapping(kitchen: Kitchen, action: str) -> None:
    kitchen.allow(*(other for other in NEEDED if other != action))
    name = action.removeprefix("sqs:")
    with pytest.raises(ClientError, match=f"role does not have permissions to call {name} on SQS"):
        kitchen.map()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"BatchSize": 11}, "Maximum batch window in seconds must be greater than 0 if maximum batch size"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}, "cannot filter the messages of a queue"),
    ],
)
def test_lambda_refuses_a_mapping(kitchen: Kitchen, wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message) as refused:
        kitchen.map(**wanted)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"


def test_a_queue_must_hide_messages_as_long_as_the_function_may_run(kitchen: Kitchen) -> None:
    kitchen.sqs.set_queue_attributes(QueueUrl=kitchen.url, Attributes={"VisibilityTimeout": "9"})
    message = "Queue visibility timeout: 9 seconds is less than Function timeout: 10 seconds"
    with pytest.raises(ClientError, match=message):
        kitchen.map()


def test_a_queue_and_a_function_have_one_mapping(kitchen: Kitchen) -> None:
    mapping = kitchen.map()
    with pytest.raises(ClientError, match=f"existing mapping with UUID {mapping}") as refused:
        kitchen.map(FunctionName=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:wash")
    assert refused.value.response["Error"]["Code"] == "ResourceConflictException"


@pytest.mark.parametrize("name", ["wash", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:wash"])
def test_mappings_are_listed_by_every_form_of_the_functions_name(kitchen: Kitchen, name: str) -> None:
    mapping = kitchen.map(FunctionName=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:wash")
    listed = kitchen.functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    assert [(one["UUID"], one["State"]) for one in listed] == [(mapping, "Enabled")]


def test_many_messages_are_all_consumed_once(kitchen: Kitchen) -> None:
    kitchen.map(BatchSize=100, MaximumBatchingWindowInSeconds=1)
    kitchen.bring(*map(str, range(350)))
    kitchen.clock.settle()
    bodies = [body for _, some in kitchen.washer.washed() for body in some]
    assert sorted(map(int, bodies)) == list(range(350))
    assert kitchen.left() == 0


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: 60}
  OrdersPolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Orders]
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {Service: [events.amazonaws.com, sns.amazonaws.com]}
            Action: sqs:SendMessage
            Resource: !GetAtt Orders.Arn
  News:
    Type: AWS::SNS::Topic
  NewsForOrders:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref News, Protocol: sqs, Endpoint: !GetAtt Orders.Arn}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [shop]}
      Targets: [{Id: orders, Arn: !GetAtt Orders.Arn}]
  Takings:
    Type: AWS::SQS::Queue
  CookFunction:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: |
        import json
        import boto3

        def handler(event, context):
            for record in event["Records"]:
                print(json.loads(record["body"]).get("Message", record["body"]))
            if failures := [record for record in event["Records"] if "burnt" in record["body"]]:
                return {"batchItemFailures": [{"itemIdentifier": failures[0]["messageId"]}]}
      Handler: index.handler
      Runtime: python3.13
      Events:
        Taking:
          Type: SQS
          Properties: {Queue: !GetAtt Takings.Arn, BatchSize: 1}
      Policies:
        - SQSPollerPolicy: {QueueName: !GetAtt Orders.QueueName}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Orders.Arn
      FunctionName: !Ref CookFunction
      BatchSize: 10
      MaximumBatchingWindowInSeconds: 2
      FunctionResponseTypes: [ReportBatchItemFailures]
      ScalingConfig: {MaximumConcurrency: 2}
"""


@pytest.fixture
def restaurant(tmp_path: Path) -> Iterator[tuple[EmbeddedAws, Stack, list[str]]]:
    said: list[str] = []
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    with EmbeddedAws(clock=SkippingClock(NINE), on_log=lambda _, line: said.append(line.strip())) as aws:
        yield aws, aws.deploy(tmp_path / "template.yaml"), said


def test_a_templates_function_gets_what_topics_rules_and_callers_send(
    restaurant: tuple[EmbeddedAws, Stack, list[str]],
) -> None:
    aws, stack, said = restaurant
    aws.client("sns").publish(TopicArn=stack.resources["News"], Message="from the topic")
    aws.client("events").put_events(
        Entries=[{"Source": "shop", "DetailType": "order", "Detail": '{"of": "the rule"}'}]
    )
    aws.client("sqs").send_message(QueueUrl=stack.resources["Takings"], MessageBody='{"Message": "by hand"}')
    aws.clock.settle()

    assert stack.warnings == ()
    assert {"from the topic", "by hand"} < set(said)
    assert [json.loads(line)["detail"] for line in said if "shop" in line] == [{"of": "the rule"}]


def test_a_mapping_of_a_template_can_be_changed_and_removed(
    restaurant: tuple[EmbeddedAws, Stack, list[str]], tmp_path: Path
) -> None:
    aws, stack, _ = restaurant
    changed = TEMPLATE.replace("MaximumBatchingWindowInSeconds: 2", "Enabled: false")
    (tmp_path / "template.yaml").write_text(changed)
    again = aws.deploy(tmp_path / "template.yaml")
    client = aws.client("lambda")
    mapping = client.get_event_source_mapping(UUID=again.resources["Mapping"])
    assert again.resources["Mapping"] == stack.resources["Mapping"]
    assert (mapping["State"], mapping["ScalingConfig"]) == ("Disabled", {"MaximumConcurrency": 2})

    (tmp_path / "template.yaml").write_text(changed[: changed.index("  Mapping:")])
    aws.deploy(tmp_path / "template.yaml")
    listed = client.list_event_source_mappings(FunctionName=stack.resources["CookFunction"])
    assert [one["EventSourceArn"].rpartition(":")[2] for one in listed["EventSourceMappings"]] == [
        "local-Takings"
    ]

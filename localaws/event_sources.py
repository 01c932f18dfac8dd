"""Lambda's event source mappings of SQS: functions that are invoked with what their queues hold.

Mappings live in moto and are read whenever a queue changes, so that `aws lambda
update-event-source-mapping` and all the other calls work as ever. Lambda polls for ever; here a mapping looks
at its queue when something has happened there, and waits for what will happen only while the queue holds
messages, so that the skipping clock comes to rest.

Sources, unless a line names another one: the Lambda developer guide, "Using Lambda with Amazon SQS" and its
pages about configuring, scaling and handling errors, and CreateEventSourceMapping in the API reference.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from botocore.exceptions import BotoCoreError, ClientError
from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends

from localaws.gateway import ApiError
from localaws.identities import account_of
from localaws.permissions import role_may
from localaws.queues import queue_with

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from localaws.clock import Clock
    from localaws.gateway import ApiCall, ApiResponse, Proceed
    from localaws.queues import Queues

    Connect = Callable[[str], Any]
    """Make a client of a service, by its boto3 name, that calls this program's own endpoint."""

    ConnectAs = Callable[[str, str], Any]
    """Make a client that calls with a role: by the role's ARN, and boto3's name of the service."""

    Message = Mapping[str, Any]

log = logging.getLogger(__name__)

_NEEDED = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_BATCHES_AT_A_TIME = 5
"""How many batches Lambda begins with; it polls more only when a queue stays full for a minute."""
_LARGEST_CALL = 10
"""How many messages one ReceiveMessage or DeleteMessageBatch takes (source: the SQS API reference)."""
_LOOK_AGAIN_SECONDS = 1.0
"""When a mapping looks again at a queue that did not give what it has; nobody publishes such a time."""
_CHANGES = {"CreateEventSourceMapping", "DeleteEventSourceMapping", "UpdateEventSourceMapping"}


class EventSources:
    """A layer that lets the mappings that moto keeps consume their queues.

    Parameters
    ----------
    clock : Clock
        Each mapping that has something to do is a unit of work of this clock, and so is each batch.
    queues : Queues
        Tell when a queue has changed.
    connect : callable
        Makes the client that invokes the functions.
    connect_as : callable
        Makes the clients that receive and delete messages, with the functions' roles. These clients should
        make one attempt each.
    """

    def __init__(self, clock: Clock, queues: Queues, connect: Connect, connect_as: ConnectAs) -> None:
        self._clock = clock
        self._queues = queues
        self._connect = connect
        self._connect_as = connect_as
        self._lock = threading.Lock()
        self._pollers: dict[str, _Poller] = {}
        queues.listen(self._awaken)

    def close(self) -> None:
        """Let nothing be consumed any more."""
        with self._lock:
            pollers = list(self._pollers.values())
        for poller in pollers:
            poller.close()

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Let `call` proceed, and follow what it changes."""
        if call.service != "lambda" or not call.operation.endswith(("SourceMapping", "SourceMappings")):
            return proceed(call)
        match call.operation:
            case "CreateEventSourceMapping":
                call = _checked(call)
            case "ListEventSourceMappings":
                call = _by_plain_name(call)
        response = proceed(call)
        if call.operation in _CHANGES and response.ok:
            self._awaken(response.json()["EventSourceArn"])
        return response

    def _awaken(self, queue_arn: str) -> None:
        """Let the mappings of a queue look at it."""
        queue = queue_with(queue_arn)
        if queue is not None:
            # moto would invoke the function by itself, message by message.
            queue.lambda_event_source_mappings.clear()
        for mapping in _mappings_of(queue_arn):
            self._poller_of(mapping).awaken()

    def _poller_of(self, mapping: Any) -> _Poller:
        with self._lock:
            if mapping.uuid not in self._pollers:
                self._pollers[mapping.uuid] = _Poller(
                    mapping, self._clock, self._queues, self._connect, self._connect_as
                )
            return self._pollers[mapping.uuid]


class _Poller:
    """What consumes the queue of one mapping, as a unit of work for as long as there are messages."""

    def __init__(
        self, mapping: Any, clock: Clock, queues: Queues, connect: Connect, connect_as: ConnectAs
    ) -> None:
        self._mapping = mapping
        self._queue_arn = str(mapping.event_source_arn)
        self._clock = clock
        self._queues = queues
        self._connect = connect
        self._connect_as = connect_as
        self._lock = threading.Lock()
        self._changed = clock.signal()
        self._at_work = False
        self._batches = 0
        self._closed = False

    def awaken(self) -> None:
        """Look at the queue, now or as soon as the present look is over."""
        with self._lock:
            self._changed.set()
            if self._at_work or self._closed:
                return
            self._at_work = True
        self._clock.spawn(self._poll)

    def close(self) -> None:
        """Consume nothing any more."""
        self._closed = True
        self._changed.set()

    def _poll(self) -> None:
        while self._look():
            pass

    def _look(self) -> bool:
        """Begin a batch, or wait for the next moment at which there may be one.

        Returns
        -------
        bool
            Whether to look again.
        """
        self._changed.clear()
        visible_at = self._queues.next_visible(self._queue_arn) if self._role() else None
        if visible_at is None:
            with self._lock:
                self._at_work = self._changed.is_set() and not self._closed
                return self._at_work
        pause = visible_at - self._clock.timestamp()
        if pause > 0:
            self._changed.wait(pause)
        elif self._batches >= self._most_batches():
            self._changed.wait()
        else:
            self._begin_batch()
        return True

    def _role(self) -> str | None:
        """Return the role that consumes the queue; None if it must not be consumed."""
        mapping = self._mapping
        if self._closed or not mapping.enabled or mapping not in _mappings_of(self._queue_arn):
            return None
        function = _function_of(mapping)
        if function is None or _missing_permission(function.role, self._queue_arn):
            return None
        return str(function.role)

    def _most_batches(self) -> int:
        return int((self._mapping.scaling_config or {}).get("MaximumConcurrency", _BATCHES_AT_A_TIME))

    def _begin_batch(self) -> None:
        self._fill_window()
        role = self._role()
        if role is None:
            return
        queue = _Queue(self._connect_as(role, "sqs"), self._queue_arn)
        batch = queue.receive(self._mapping.batch_size)
        if batch:
            with self._lock:
                self._batches += 1
            self._clock.spawn(self._work, queue, batch)
            return
        # What was visible may be a dead letter by now. If not, the call has failed, or it is not the turn of
        # the message's group.
        self._changed.clear()
        visible_at = self._queues.next_visible(self._queue_arn)
        if visible_at is not None and visible_at <= self._clock.timestamp():
            self._changed.wait(_LOOK_AGAIN_SECONDS)

    def _fill_window(self) -> None:
        """Wait until there are enough messages for a whole batch, or the batching window is over."""
        until = self._clock.timestamp() + (self._mapping.max_batch_window or 0)
        while (left := until - self._clock.timestamp()) > 0:
            self._changed.clear()
            if self._closed or self._queues.count_visible(self._queue_arn) >= self._mapping.batch_size:
                return
            self._changed.wait(left)

    def _work(self, queue: _Queue, batch: Sequence[Message]) -> None:
        """Invoke the function with a batch, and delete what succeeded."""
        try:
            failed = self._invoke(batch)
            queue.delete([message for message in batch if message["MessageId"] not in failed])
        except (BotoCoreError, ClientError) as error:
            # The messages reappear when their visibility time-out is over.
            log.warning("%s did not consume a batch: %s", self._mapping.function_arn, error)
        finally:
            with self._lock:
                self._batches -= 1
            self.awaken()

    def _invoke(self, batch: Sequence[Message]) -> set[str]:
        """Return the ids of the messages that failed."""
        event = {"Records": [_record(message, self._queue_arn) for message in batch]}
        answer = self._connect("lambda").invoke(
            FunctionName=self._mapping.function_arn, Payload=json.dumps(event)
        )
        ids = {message["MessageId"] for message in batch}
        if "FunctionError" in answer:
            return ids
        if "ReportBatchItemFailures" not in (self._mapping.function_response_types or []):
            return set()
        return failed_items(answer["Payload"].read(), ids)


class _Queue:
    """A queue, as a function's role reaches it."""

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        account, name = arn.split(":")[4:]
        self._url = f"{client.meta.endpoint_url}/{account}/{name}"

    def receive(self, most: int) -> list[Message]:
        """Return messages, at most so many; none if there are none, or if they cannot be had."""
        batch: list[Message] = []
        wanted = found = 0
        while found == wanted and len(batch) < most:
            wanted = min(most - len(batch), _LARGEST_CALL)
            try:
                answer = self._client.receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=wanted,
                    MessageSystemAttributeNames=["All"],
                    MessageAttributeNames=["All"],
                    WaitTimeSeconds=0,
                )
            except (BotoCoreError, ClientError) as error:
                log.warning("%s cannot be received from: %s", self._url, error)
                break
            found = len(answer.get("Messages", []))
            batch.extend(answer.get("Messages", []))
        return batch

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages that have been received."""
        for first in range(0, len(messages), _LARGEST_CALL):
            some = enumerate(messages[first : first + _LARGEST_CALL])
            entries = [{"Id": str(number), "ReceiptHandle": one["ReceiptHandle"]} for number, one in some]
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)


def failed_items(payload: bytes, ids: set[str]) -> set[str]:
    """Return which messages failed, as a function with ReportBatchItemFailures tells it.

    Parameters
    ----------
    payload : bytes
        What the function returned.
    ids : set of str
        The ids of the batch's messages: all have failed if the answer is malformed or names another one.
    """
    try:
        answer = json.loads(payload or b"null")
        named = [item["itemIdentifier"] for item in (answer or {}).get("batchItemFailures") or []]
        return set(named) if ids.issuperset(named) else ids
    except (AttributeError, KeyError, TypeError, ValueError):
        return ids


def _record(message: Message, queue_arn: str) -> dict[str, Any]:
    """Return a message as its function sees it.

    Source: the developer guide's example event; aws-lambda-go's `events/sqs.go` for the attributes.
    """
    attributes = message.get("MessageAttributes", {})
    hashes = {"md5OfBody": message["MD5OfBody"]}
    if attributes:
        hashes["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        **hashes,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    content = (
        {"binaryValue": base64.b64encode(value["BinaryValue"]).decode()}
        if "BinaryValue" in value
        else {"stringValue": value["StringValue"]}
    )
    return {**content, "stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}


def _mappings_of(queue_arn: str) -> list[Any]:
    region, account = queue_arn.split(":")[3:5]
    mappings = lambda_backends[account][region].list_event_source_mappings(queue_arn, "")
    return list(mappings)


def _function_of(mapping: Any) -> Any | None:
    try:
        return lambda_backends[mapping.account_id][mapping.region].get_function(mapping.function_arn)
    except UnknownFunctionException:
        return None


def _missing_permission(role_arn: str, queue_arn: str) -> str:
    """Return the first action that a role lacks for consuming a queue; empty if it has all."""
    lacking = (action for action in _NEEDED if not role_may(role_arn, f"sqs:{action}", queue_arn))
    return next(lacking, "")


def _checked(call: ApiCall) -> ApiCall:
    """Return a CreateEventSourceMapping with the function's plain name, or refuse what Lambda refuses."""
    wanted = json.loads(call.body)
    wanted["FunctionName"] = _plain_name(wanted["FunctionName"])
    queue = queue_with(wanted["EventSourceArn"])
    try:
        function = lambda_backends[account_of(call)][call.region].get_function(wanted["FunctionName"])
    except UnknownFunctionException:
        function = None
    if queue is not None and function is not None:
        _check_first(function, queue)
        _check_permissions(function, queue)
        _check_settings(wanted)
    return replace(call, body=json.dumps(wanted).encode())


def _check_first(function: Any, queue: Any) -> None:
    """Refuse a second mapping of the same two (source: the real service's answer in aws/chalice#2146)."""
    for earlier in _mappings_of(queue.queue_arn):
        if earlier.function_name == function.function_name:
            message = (
                f'An event source mapping with SQS arn (" {queue.queue_arn} ") and function '
                f'(" {function.function_name} ") already exists. Please update or delete the existing '
                f"mapping with UUID {earlier.uuid}"
            )
            raise ApiError("ResourceConflictException", message, 409)


def _check_permissions(function: Any, queue: Any) -> None:
    """Refuse a role that cannot consume, and a queue that shows a message again while it is worked on.

    Source: the real service's answers in aws/aws-cdk#6770 and winglang/wing#1507.
    """
    if action := _missing_permission(function.role, queue.queue_arn):
        raise _refusal(f"The provided execution role does not have permissions to call {action} on SQS")
    if queue.visibility_timeout < function.timeout:
        raise _refusal(
            f"Queue visibility timeout: {queue.visibility_timeout} seconds is less than Function timeout: "
            f"{function.timeout} seconds"
        )


def _check_settings(wanted: Mapping[str, Any]) -> None:
    """Refuse what does not fit together (source: the real service's answer in serverless/serverless#8989)."""
    if wanted.get("BatchSize", 0) > _LARGEST_CALL and not wanted.get("MaximumBatchingWindowInSeconds"):
        raise _refusal(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
    if wanted.get("FilterCriteria"):
        raise _refusal("This embedded AWS cannot filter the messages of a queue.")


def _refusal(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message)


def _by_plain_name(call: ApiCall) -> ApiCall:
    """Return a ListEventSourceMappings that names its function as moto does: by the plain name."""
    query = dict(parse_qsl(call.environ.get("QUERY_STRING", "")))
    if "FunctionName" in query:
        query["FunctionName"] = _plain_name(query["FunctionName"])
    return replace(call, environ={**call.environ, "QUERY_STRING": urlencode(query)})


def _plain_name(given: str) -> str:
    """Return a function's name, which may be given as an ARN, with or without a qualifier."""
    return given.rpartition("function:")[2].partition(":")[0]

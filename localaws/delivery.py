"""Delivery: bring an event to a target, try again, and bury what cannot be delivered.

Sources, unless a docstring names another one: the EventBridge user guide, "How EventBridge retries delivering
events" (eb-rule-retry-policy), "Using dead-letter queues to process undelivered events" (eb-rule-dlq) and
"Using resource-based policies" (eb-use-resource-based).
"""

from __future__ import annotations

import json
import logging
import random
import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.permissions import role_may
from localaws.resource_policies import ServiceRequest, is_allowed
from localaws.transformer import InputTransformer, Path, TransformError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from localaws.clock import Clock

    Connect = Callable[[str], Any]
    """Make a client of a service, by its boto3 name, that calls this program's own endpoint."""

    Forward = Callable[[dict[str, Any], str], None]
    """Put an event that comes from another bus on the bus with this ARN; LookupError if there is none."""

log = logging.getLogger(__name__)

MAX_RETRIES = 185
MAX_AGE_SECONDS = 86_400

# Nobody publishes the intervals. Doubling up to ten minutes, with a jitter of at most half, makes 185
# retries take about a day, which are the two published defaults.
_LONGEST_WAIT_SECONDS = 600.0

_GONE = {
    "AWS.SimpleQueueService.NonExistentQueue",
    "NotFound",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
    "StateMachineDoesNotExist",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}
_THROTTLED = {
    "ExecutionLimitExceeded",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}


@dataclass(frozen=True, slots=True)
class DroppedEvent:
    """An event that a target did not get and no dead-letter queue took.

    Parameters
    ----------
    event : dict
        The event as it came.
    rule_arn, target_arn : str
        Where it should have gone.
    error_code, error_message : str
        Why it did not.
    retries : int
        How often the delivery was tried again.
    """

    event: dict[str, Any]
    rule_arn: str
    target_arn: str
    error_code: str
    error_message: str
    retries: int


class DeliveryError(Exception):
    """A target did not take an event.

    Parameters
    ----------
    code : str
        One of the error codes of dead letters, such as `NO_PERMISSIONS`.
    message : str
        What happened.
    lasting : bool
        Whether trying again is no use.
    """

    def __init__(self, code: str, message: str, *, lasting: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.lasting = lasting


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one target.

    Parameters
    ----------
    event : dict
        The event, a whole envelope.
    rule_arn, rule_name : str
        The rule that matched it.
    target : mapping
        The target, as PutTargets took it.
    received_at : datetime
        When the event came, in UTC.
    forwarded : bool
        Whether it came from another bus.
    """

    event: dict[str, Any]
    rule_arn: str
    rule_name: str
    target: Mapping[str, Any]
    received_at: datetime
    forwarded: bool

    @property
    def target_arn(self) -> str:
        """The ARN of the target."""
        return str(self.target["Arn"])

    @property
    def sender(self) -> str:
        """The service that sends it, to which a resource's policy must allow that."""
        return "events.amazonaws.com"

    @property
    def message_attributes(self) -> Mapping[str, Any]:
        """The message attributes of a queue's message."""
        return {}

    @property
    def by_role(self) -> bool:
        """Whether a role does all of it, so that no queue's own policy needs to allow the dead letter."""
        return False

    def dead_letter(self) -> tuple[str, dict[str, str]]:
        """Return the body of its dead letter, and the attributes that name where it comes from."""
        return json.dumps(self.event), {"RULE_ARN": self.rule_arn}

    def input(self, attempt: int) -> str:  # noqa: ARG002 - a schedule's own input can tell the attempt
        """Return what the target gets: the event, or what the target asks for instead.

        Parameters
        ----------
        attempt : int
            Which try to deliver it this is, from 1 on.
        """
        if "Input" in self.target:
            return str(self.target["Input"])
        try:
            if path := self.target.get("InputPath"):
                return json.dumps(Path.parse(path).select(self.event))
            if transformer := self.target.get("InputTransformer"):
                return InputTransformer.parse(transformer).apply(
                    self.event,
                    rule_arn=self.rule_arn,
                    rule_name=self.rule_name,
                    ingested_at=self.received_at,
                )
        except KeyError as error:
            message = f"the event has nothing at {self.target['InputPath']}"
            raise DeliveryError("INVALID_PARAMETER", message) from error
        except TransformError as error:
            raise DeliveryError("INVALID_JSON", str(error)) from error
        return json.dumps(self.event)


class Courier:
    """Deliver events to targets.

    Parameters
    ----------
    clock : Clock
        The clock that the retries wait on.
    connect : callable
        Makes the clients that deliver; they should make one attempt each, because the retries are here.
    forward : callable
        Puts an event on another bus.

    Attributes
    ----------
    dropped : list of DroppedEvent
        What was lost, in order.
    """

    def __init__(self, clock: Clock, connect: Connect, forward: Forward) -> None:
        self.dropped: list[DroppedEvent] = []
        self._clock = clock
        self._connect = connect
        self._forward_to = forward
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._jitter = random.Random(0)  # noqa: S311 - spreads retries, hides nothing
        self._senders: dict[str, Callable[[Delivery, str], None]] = {
            "states": self._start_execution,
            "sns": self._publish,
            "sqs": self._send_message,
            "lambda": self._invoke,
            "events": self._forward,
        }

    def carry_out(self, delivery: Delivery) -> None:
        """Deliver, and try again until it succeeds, is hopeless, or the target's retry policy ends."""
        policy = delivery.target.get("RetryPolicy") or {}
        most = int(policy.get("MaximumRetryAttempts", MAX_RETRIES))
        longest = float(policy.get("MaximumEventAgeInSeconds", MAX_AGE_SECONDS))
        retries = 0
        while True:
            try:
                self._send(delivery, retries + 1)
            except DeliveryError as error:
                wait = self._wait_before(retries)
                age = (self._clock.now() - delivery.received_at).total_seconds()
                if error.lasting:
                    return self._give_up(delivery, error, "", retries)
                if retries >= most:
                    return self._give_up(delivery, error, "MaximumRetryAttempts", retries)
                if age + wait > longest:
                    return self._give_up(delivery, error, "MaximumEventAgeInSeconds", retries)
                self._clock.sleep(wait)
                retries += 1
            else:
                return None

    def _wait_before(self, retries: int) -> float:
        with self._lock:
            return min(2.0**retries, _LONGEST_WAIT_SECONDS) * self._jitter.uniform(0.5, 1.0)

    def _send(self, delivery: Delivery, attempt: int) -> None:
        service = delivery.target_arn.split(":")[2]
        if service not in self._senders:
            message = f"this program cannot deliver to {service}"
            raise DeliveryError("UNSUPPORTED_TARGET", message)
        try:
            self._senders[service](delivery, delivery.input(attempt))
        except (ClientError, BotoCoreError) as error:
            raise _understood(error) from error
        except DeliveryError:
            raise
        except Exception as error:
            # A mistake of this program must not lose the event.
            log.exception("delivery to %s broke", delivery.target_arn)
            raise DeliveryError("INTERNAL_ERROR", repr(error)) from error

    def _start_execution(self, delivery: Delivery, text: str) -> None:
        if not delivery.target.get("RoleArn"):
            raise DeliveryError("NO_PERMISSIONS", "a state machine target needs a role")
        self._client("stepfunctions").start_execution(
            stateMachineArn=delivery.target_arn, name=str(uuid.uuid4()), input=text
        )

    def _publish(self, delivery: Delivery, text: str) -> None:
        client = self._client("sns")
        if not delivery.target.get("RoleArn"):
            attributes = client.get_topic_attributes(TopicArn=delivery.target_arn)["Attributes"]
            _require_permission("sns:Publish", delivery.target_arn, attributes.get("Policy"), delivery)
        client.publish(TopicArn=delivery.target_arn, Message=text)

    def _send_message(self, delivery: Delivery, text: str) -> None:
        group = (delivery.target.get("SqsParameters") or {}).get("MessageGroupId")
        more = {"MessageGroupId": group} if group else {}
        if delivery.target.get("RoleArn"):
            url = self._queue_url(delivery.target_arn)
        else:
            url = self._permitted_queue_url(delivery.target_arn, delivery)
        attributes = delivery.message_attributes
        self._client("sqs").send_message(QueueUrl=url, MessageBody=text, MessageAttributes=attributes, **more)

    def _queue_url(self, arn: str) -> str:
        # Asking for it would need a permission that a sender does not need.
        account, name = arn.split(":")[4:6]
        return f"{self._client('sqs').meta.endpoint_url}/{account}/{name}"

    def _permitted_queue_url(self, arn: str, delivery: Delivery) -> str:
        client = self._client("sqs")
        url = self._queue_url(arn)
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
        _require_permission("sqs:SendMessage", arn, answer.get("Attributes", {}).get("Policy"), delivery)
        return url

    def _invoke(self, delivery: Delivery, text: str) -> None:
        client = self._client("lambda")
        if not delivery.target.get("RoleArn"):
            policy = client.get_policy(FunctionName=delivery.target_arn)["Policy"]
            _require_permission("lambda:InvokeFunction", delivery.target_arn, policy, delivery)
        client.invoke(FunctionName=delivery.target_arn, InvocationType="Event", Payload=text.encode())

    def _forward(self, delivery: Delivery, _text: str) -> None:
        """Put the event on another bus, once.

        Source: the EventBridge user guide, "Sending events between event buses" (eb-bus-to-bus): what a bus
        received from another one does not go on to a third.
        """
        if ":event-bus/" not in delivery.target_arn:
            raise DeliveryError(
                "UNSUPPORTED_TARGET", "of EventBridge's own resources only buses are targets here"
            )
        role = delivery.target.get("RoleArn")
        if role and not role_may(role, "events:PutEvents", delivery.target_arn):
            raise DeliveryError("NO_PERMISSIONS", f"{role} may not put events on {delivery.target_arn}")
        if delivery.forwarded:
            raise DeliveryError("THIRD_ACCOUNT_HOP_DETECTED", "the event comes from another bus already")
        try:
            self._forward_to(delivery.event, delivery.target_arn)
        except LookupError as error:
            raise DeliveryError("NO_RESOURCE", str(error)) from error

    def _give_up(self, delivery: Delivery, error: DeliveryError, condition: str, retries: int) -> None:
        log.warning(
            "%s did not get event %s of %s: %s: %s",
            delivery.target_arn,
            delivery.event.get("id"),
            delivery.rule_arn,
            error.code,
            error,
        )
        queue = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
        if queue and self._bury(queue, delivery, error, condition, retries):
            return
        self.dropped.append(
            DroppedEvent(
                delivery.event, delivery.rule_arn, delivery.target_arn, error.code, str(error), retries
            )
        )

    def _bury(
        self, queue: str, delivery: Delivery, error: DeliveryError, condition: str, retries: int
    ) -> bool:
        body, origin = delivery.dead_letter()
        attributes = {
            **origin,
            "TARGET_ARN": delivery.target_arn,
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": str(error),
            "EXHAUSTED_RETRY_CONDITION": condition,
            "RETRY_ATTEMPTS": str(retries),
        }
        try:
            by_role = delivery.by_role
            url = self._queue_url(queue) if by_role else self._permitted_queue_url(queue, delivery)
            self._client("sqs").send_message(
                QueueUrl=url,
                MessageBody=body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": text}
                    for name, text in attributes.items()
                    if text
                },
            )
        except Exception as lost:  # noqa: BLE001 - whatever it is, the event must not vanish
            log.warning("%s did not get the dead letter either: %s", queue, lost)
            return False
        return True

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._connect(service)
            return self._clients[service]


def _require_permission(action: str, resource: str, policy: str | None, delivery: Delivery) -> None:
    request = ServiceRequest(delivery.sender, action, resource, delivery.rule_arn)
    if not is_allowed(policy, request):
        message = f"the policy of {resource} does not allow {action} for {delivery.rule_arn}"
        raise DeliveryError("NO_PERMISSIONS", message)


def _understood(error: ClientError | BotoCoreError) -> DeliveryError:
    """Say what a failed call means for the delivery.

    Source: AWS re:Post, "How do I resolve FailedInvocation errors": server errors and throttling are tried
    again, the other client errors are not.
    """
    if not isinstance(error, ClientError):
        return DeliveryError("CONNECTION_FAILURE", str(error), lasting=False)
    code = error.response["Error"]["Code"]
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if code in _GONE:
        return DeliveryError("NO_RESOURCE", str(error))
    if code in _DENIED:
        return DeliveryError("NO_PERMISSIONS", str(error))
    if code in _THROTTLED or status == 429:  # noqa: PLR2004 - HTTP's "too many requests"
        return DeliveryError("THROTTLING", str(error), lasting=False)
    return DeliveryError("ERROR_FROM_TARGET", str(error), lasting=status < 500)  # noqa: PLR2004 - HTTP's border

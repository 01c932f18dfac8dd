"""SNS's deliveries to queues.

A message goes to a queue as SNS's JSON around it, or as it is with raw delivery, if the queue's own policy
lets SNS send on behalf of the topic.

Sources: the SNS developer guide, "Fanout to Amazon SQS queues", "Amazon SNS message delivery retries" and
"Dead-letter queues".
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localaws.delivery import Courier, Delivery, DroppedEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localaws.clock import Clock
    from localaws.delivery import Connect

_RETRIES = {"MaximumRetryAttempts": 100_015, "MaximumEventAgeInSeconds": 23 * 86_400}
"""How long SNS tries to reach a queue: 100,015 times, over 23 days."""


@dataclass(frozen=True, slots=True)
class Copy(Delivery):
    """A message on its way to one queue; its `rule_arn` is the topic's ARN.

    Parameters
    ----------
    body : str
        What the queue gets.
    attributes : mapping
        The message attributes that the queue gets, in the form of SendMessage.
    """

    body: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sender(self) -> str:
        """The service that sends it."""
        return "sns.amazonaws.com"

    @property
    def message_attributes(self) -> Mapping[str, Any]:
        """The message attributes of a queue's message."""
        return self.attributes

    def dead_letter(self) -> tuple[str, dict[str, str]]:
        """Return the body of its dead letter."""
        return self.body, {}

    def input(self, attempt: int) -> str:  # noqa: ARG002 - it is the same at every attempt
        """Return what the queue gets."""
        return self.body


class Fanout:
    """Deliver messages to the queues that are subscribed to a topic.

    Parameters
    ----------
    clock : Clock
        Each delivery is a unit of work of this clock.
    connect : callable
        Makes the clients that deliver; they should make one attempt each, because the retries are here.
    """

    def __init__(self, clock: Clock, connect: Connect) -> None:
        self._clock = clock
        self._courier = Courier(clock, connect, _no_bus)

    @property
    def dropped(self) -> tuple[DroppedEvent, ...]:
        """What no queue and no dead-letter queue took, in order."""
        return tuple(self._courier.dropped)

    def deliver(self, subscription: Any, body: str, attributes: Mapping[str, Any]) -> None:
        """Deliver a message to the queue of a subscription.

        Parameters
        ----------
        subscription : moto.sns.models.Subscription
            The subscription, of protocol `sqs`.
        body : str
            What the queue gets.
        attributes : mapping
            The message attributes that the queue gets, in the form of Publish.
        """
        target: dict[str, Any] = {"Arn": subscription.endpoint, "RetryPolicy": _RETRIES}
        if policy := subscription.attributes.get("RedrivePolicy"):
            target["DeadLetterConfig"] = {"Arn": json.loads(policy)["deadLetterTargetArn"]}
        topic = subscription.topic_arn
        name = topic.rpartition(":")[2]
        carried = {key: _sent(value) for key, value in attributes.items()}
        copy = Copy(
            {}, topic, name, target, self._clock.now(), forwarded=False, body=body, attributes=carried
        )
        self._clock.spawn(self._courier.carry_out, copy)


def _sent(attribute: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attribute as SendMessage takes it; moto keeps it as the JSON around a message has it."""
    kind, value = attribute["Type"], str(attribute["Value"])
    if kind.startswith("Binary"):
        return {"DataType": kind, "BinaryValue": base64.b64decode(value)}
    return {"DataType": kind, "StringValue": value}


def _no_bus(_event: Mapping[str, Any], bus_arn: str) -> None:
    message = f"a topic does not deliver to {bus_arn}"
    raise LookupError(message)

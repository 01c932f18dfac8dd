"""SQS on the clock: delays, visibility time-outs, retention and long polling take the clock's time.

Queues and messages live in moto, which takes the machine's time, changes its lists without a lock, and
leaves expired messages where they are. `Queues.install` puts the clock and a lock in the place, and lets
others know when a queue has changed.

Source of the rules: "Amazon SQS visibility timeout", "delay queues" and "short and long polling" in the SQS
developer guide, and SetQueueAttributes in the API reference.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from moto.sqs.models import sqs_backends

from localaws.moto_names import ReplacedNames, around, by_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.clock import Clock, Signal
    from localaws.moto_names import Table


class Queues:
    """moto's queues on a clock.

    Parameters
    ----------
    clock : Clock
        The time of the queues; whoever polls for long waits on it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._names = ReplacedNames()
        # One lock for all queues: a message moves from one to another when it becomes a dead letter.
        self._lock = threading.RLock()
        self._polling: dict[str, list[Signal]] = defaultdict(list)
        self._listeners: list[Callable[[str], None]] = []

    def install(self) -> None:
        """Replace moto's names.

        Raises
        ------
        LookupError
            If moto lacks a name: it is not the version that this module was written for.
        """
        self._names.replace(self.replacements())

    def uninstall(self) -> None:
        """Put moto's names back."""
        self._names.put_back()

    def listen(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with a queue's ARN whenever its messages come, go or change their visibility."""
        self._listeners.append(listener)

    def replacements(self) -> Table:
        """Return what takes the place of which name."""
        return {
            ("sqs.models", "unix_time"): by_value(self._clock.timestamp),
            ("sqs.models", "unix_time_millis"): by_value(self._milliseconds),
            # moto shows a message only after the moment at which it becomes visible.
            ("sqs.models", "Message.visible"): by_value(
                property(lambda message: message.visible_at <= self._milliseconds())
            ),
            ("sqs.models", "Queue.add_message"): around(self._change),
            ("sqs.models", "Queue.delete_message"): around(self._change),
            ("sqs.models", "SQSBackend.change_message_visibility"): around(self._change_by_name),
            ("sqs.models", "SQSBackend.purge_queue"): around(self._change_by_name),
            ("sqs.models", "SQSBackend.set_queue_attributes"): around(self._change_by_name),
            ("sqs.models", "SQSBackend.delete_queue"): around(self._delete_queue),
            ("sqs.models", "SQSBackend.get_queue_attributes"): around(self._get_attributes),
            ("sqs.models", "SQSBackend.receive_message"): around(self._receive),
        }

    def next_visible(self, arn: str) -> float | None:
        """Return when the next message of a queue can be received, in seconds since 1970.

        Returns
        -------
        float or None
            The moment, which may have passed; None if there is no message, or no such queue.
        """
        queue = queue_with(arn)
        if queue is None:
            return None
        with self._lock:
            self._forget_expired(queue)
            moments = [max(one.visible_at, one.delayed_until) for one in queue._messages]  # noqa: SLF001
        return min(moments) / 1000 if moments else None

    def count_visible(self, arn: str) -> int:
        """Return how many messages of a queue can be received now."""
        queue = queue_with(arn)
        return 0 if queue is None else len(queue.messages)

    def _milliseconds(self) -> float:
        # Whole ones, so that a wait until a moment does not end a rounding error before it.
        return float(round(self._clock.timestamp() * 1000))

    def _change(self, original: Callable[..., Any], queue: Any, *values: Any) -> Any:
        with self._lock:
            answer = original(queue, *values)
        self._tell(queue.queue_arn)
        return answer

    def _change_by_name(self, original: Callable[..., Any], backend: Any, *values: Any, **named: Any) -> Any:
        with self._lock:
            answer = original(backend, *values, **named)
        queue_name = named["queue_name"] if "queue_name" in named else values[0]
        self._tell(backend.get_queue(queue_name).queue_arn)
        return answer

    def _delete_queue(self, original: Callable[..., Any], backend: Any, queue_name: str) -> None:
        arn = backend.get_queue(queue_name).queue_arn
        with self._lock:
            original(backend, queue_name)
        self._tell(arn)

    def _get_attributes(
        self, original: Callable[..., Any], backend: Any, queue_name: str, names: list[str]
    ) -> Any:
        with self._lock:
            self._forget_expired(backend.get_queue(queue_name))
            return original(backend, queue_name, names)

    def _receive(
        self,
        original: Callable[..., Any],
        backend: Any,
        queue_name: str,
        count: int,
        seconds: float,
        *others: Any,
    ) -> list[Any]:
        """Receive messages; if there are none, wait on the clock until one can be received."""
        queue = backend.get_queue(queue_name)
        until = self._clock.timestamp() + seconds
        changed = self._clock.signal()
        with self._lock:
            self._polling[queue.queue_arn].append(changed)
        try:
            while True:
                changed.clear()
                with self._lock:
                    self._forget_expired(queue)
                    found: list[Any] = original(backend, queue_name, count, 0, *others)
                now = self._clock.timestamp()
                if found or now >= until:
                    return found
                moment = self.next_visible(queue.queue_arn)
                # Of an ordered queue a message may be visible and yet not be there for the taking.
                later = until if moment is None or moment <= now else min(moment, until)
                changed.wait(later - now)
        finally:
            with self._lock:
                self._polling[queue.queue_arn].remove(changed)

    def _tell(self, arn: str) -> None:
        with self._lock:
            polling = list(self._polling[arn])
        for changed in polling:
            changed.set()
        for listener in self._listeners:
            listener(arn)

    def _forget_expired(self, queue: Any) -> None:
        """Remove the messages that are older than the queue's retention period (lock held)."""
        eldest = self._milliseconds() - 1000 * queue.message_retention_period
        kept = [one for one in queue._messages if one.sent_timestamp > eldest]  # noqa: SLF001 - moto's list
        if len(kept) < len(queue._messages):  # noqa: SLF001
            queue._messages = kept  # noqa: SLF001
            queue._pending_messages.intersection_update(kept)  # noqa: SLF001


def queue_with(arn: str) -> Any | None:
    """Return moto's queue with this ARN, or None if there is none."""
    region, account, name = arn.split(":")[3:6]
    return sqs_backends[account][region].queues.get(name)

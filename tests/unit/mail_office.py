"""The postman's office within this process: a queue that hides what was taken, topics, memory, a clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from holdfast.errors import AwsError
from holdfast.mailing.desk import Desk
from holdfast.mailing.letter import Mail, Mailbox
from holdfast.mailing.post import Post
from holdfast.mailing.postman import Office, deliver
from holdfast.mailing.queue import BATCH, LOOK_AGAIN_AFTER, Queue
from holdfast.mailing.sorting import Message
from holdfast.memory import Memory
from tests.unit.examples import NOW
from tests.unit.letters import DESK, look_again

VISIBILITY = timedelta(seconds=60)
TICK = timedelta(milliseconds=20)
"""What a call takes."""


class World:
    """A queue, the function that it calls, and the topics.

    Attributes
    ----------
    now : datetime
        The time; it goes on with each call.
    sent : list
        When each mail was sent, to whom, and the mail.
    """

    def __init__(self, desk: Desk = DESK) -> None:
        self.now = NOW
        self.desk = desk
        self.sent: list[tuple[datetime, Mailbox, Mail]] = []
        self.queue = HidingQueue(self)
        self.post = RecordingPost(self)
        self.memory = KeptMemory()
        self.office = Office(self.memory, self.queue, self.post, self.tick)

    def tick(self) -> datetime:
        """Return the time, after a little has passed."""
        self.now += TICK
        return self.now

    def mails(self, mailbox: Mailbox = Mailbox.PEOPLE) -> list[Mail]:
        """Return the mails of a mailbox."""
        return [mail for _, to, mail in self.sent if to is mailbox]

    def subjects(self) -> list[str]:
        """Return what people's mails are about, without the organization."""
        return [mail.subject.removeprefix("[Holdfast o-far1coz49w] ") for mail in self.mails()]

    def put(self, *messages: Message) -> None:
        """Send messages."""
        for message in messages:
            self.queue.put(message)

    def call(self, batch: Sequence[Message]) -> frozenset[str]:
        """Call the function with a batch; what it does not hold is deleted, as Lambda does."""
        held = deliver(batch, self.desk, self.office)
        self.queue.delete([message for message in batch if message.message_id not in held])
        return held

    def take(self) -> tuple[Message, ...]:
        """Take a batch, as Lambda does."""
        return self.queue.receive()

    def run(self, seconds: float = 0.0) -> None:
        """Call the function with all that becomes visible within some seconds."""
        until = self.now + timedelta(seconds=seconds)
        while True:
            if batch := self.take():
                self.call(batch)
                continue
            coming = [at for at in self.queue.visible_at.values() if at > self.now]
            if not coming or min(coming) > until:
                self.now = max(self.now, until)
                return
            self.now = min(coming)


class HidingQueue(Queue):
    """A queue that hides a message for a minute when it is taken."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.messages: dict[str, Message] = {}
        self.visible_at: dict[str, datetime] = {}

    def put(self, message: Message, delay: float = 0.0) -> None:
        """Send a message."""
        self.messages[message.message_id] = message
        self.visible_at[message.message_id] = self._world.now + timedelta(seconds=delay)

    def receive(self) -> tuple[Message, ...]:
        """Take up to ten messages."""
        now = self._world.tick()
        visible = [name for name, at in self.visible_at.items() if at <= now][:BATCH]
        self.visible_at |= dict.fromkeys(visible, now + VISIBILITY)
        return tuple(self.messages[name] for name in visible)

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages."""
        for message in messages:
            self.messages.pop(message.message_id, None)
            self.visible_at.pop(message.message_id, None)

    def look_again(self) -> None:
        """Send the sign to look again."""
        self.put(look_again(), LOOK_AGAIN_AFTER)


class RecordingPost(Post):
    """Topics that take every mail, or none for a while.

    Attributes
    ----------
    refusal : Exception or None
        What every mail is answered with.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.refusal: Exception | None = None
        self.attempts: list[datetime] = []

    def send(self, mailbox: Mailbox, mail: Mail) -> None:
        """Take a mail."""
        now = self._world.tick()
        self.attempts.append(now)
        if isinstance(self.refusal, AwsError):
            raise self.refusal
        self._world.sent.append((now, mailbox, replace(mail)))
        if self.refusal:
            raise self.refusal


class KeptMemory(Memory):
    """A memory of this process."""

    def __init__(self) -> None:
        self.kept: dict[str, Mapping[str, Any]] = {}

    def recall(self, name: str) -> Mapping[str, Any] | None:
        """Return what is remembered."""
        return self.kept.get(name)

    def remember(
        self, name: str, content: Mapping[str, Any], *, instead_of: Mapping[str, Any] | None
    ) -> bool:
        """Remember, unless somebody else did."""
        if self.kept.get(name) != instead_of:
            return False
        self.kept[name] = content
        return True

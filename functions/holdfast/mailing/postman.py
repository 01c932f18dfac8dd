"""One round of the postman: take what there is, tell what may be told now, hold the rest.

What is held comes again when its visibility time-out is over. What is told is deleted only afterwards, so a
round that breaks off anywhere loses nothing; it may tell something twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from holdfast.errors import AwsError
from holdfast.mailing.desk import Desk
from holdfast.mailing.digest import write_closing, write_digests
from holdfast.mailing.letter import Letter, Mail, Mailbox, without_needless_alerts
from holdfast.mailing.pace import ITEM, Pace, Paces, Plan, parse_paces
from holdfast.mailing.sorting import Message, letter_of

if TYPE_CHECKING:
    from holdfast.mailing.post import Post
    from holdfast.mailing.queue import Queue
    from holdfast.memory import Memory

LETTERS_AT_ONCE = 1_000
"""How many messages one round takes."""

SECONDS_OF_TAKING = 15.0
"""How long it takes them: the function has time to tell and to delete them."""

_MAILING = {Plan.SINGLY, Plan.DIGEST, Plan.CLOSE}

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Office:
    """What the postman works with; the clock tells the time in UTC."""

    memory: Memory
    queue: Queue
    post: Post
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Bag:
    """What was taken from the queue, sorted.

    Parameters
    ----------
    messages : mapping of str to Message
        All of it, by message id.
    letters : tuple of Letter
        What is to be told.
    signs : frozenset of str
        The ids of those messages that only ask to look again.
    """

    messages: Mapping[str, Message]
    letters: tuple[Letter, ...]
    signs: frozenset[str]

    @classmethod
    def of(cls, messages: Sequence[Message], desk: Desk) -> Bag:
        """Return the messages, sorted."""
        found = {message.message_id: letter_of(message, desk) for message in messages}
        return cls(
            {message.message_id: message for message in messages},
            tuple(letter for letter in found.values() if letter),
            frozenset(message_id for message_id, letter in found.items() if letter is None),
        )

    def of_mailbox(self, mailbox: Mailbox) -> tuple[Letter, ...]:
        """Return the letters of a mailbox."""
        return tuple(letter for letter in self.letters if letter.mailbox is mailbox)


def deliver(batch: Sequence[Message], desk: Desk, office: Office) -> frozenset[str]:
    """Tell what may be told now, and return the ids of those messages of the batch that are held.

    Parameters
    ----------
    batch : sequence of Message
        What the function was called with.
    desk : Desk
        What letters are written with.
    office : Office
        Queue, topics and memory.

    Raises
    ------
    ServiceBusyError, ServiceRefusedError
        If the pace cannot be read or written: nothing is told then, since nobody knows how much was.
    """
    now, everything = office.clock(), frozenset(message.message_id for message in batch)
    remembered = office.memory.recall(ITEM)
    paces = parse_paces(remembered)
    if paces.is_leased(now):
        return everything
    paces, bag = paces.settled(), Bag.of(batch, desk)
    plans = {mailbox: _plan(bag.of_mailbox(mailbox), paces.paces[mailbox], now) for mailbox in Mailbox}
    if not _MAILING.intersection(plans.values()):
        return _put_by(bag, plans, office.queue)
    claimed = paces.leased(now).to_document()
    if not office.memory.remember(ITEM, claimed, instead_of=remembered):
        return everything
    bag = Bag.of([*batch, *_take_more(office.queue, len(batch))], desk)
    rounds = {mailbox: Round(mailbox, paces.paces[mailbox], desk, office) for mailbox in Mailbox}
    told = [message_id for mailbox in Mailbox for message_id in rounds[mailbox].tell(bag.of_mailbox(mailbox))]
    _finish(Paces({mailbox: each.pace for mailbox, each in rounds.items()}), claimed, office)
    done = bag.signs.union(told)
    _delete([bag.messages[message_id] for message_id in done], office.queue)
    return everything - done


def _plan(letters: Sequence[Letter], pace: Pace, now: datetime) -> Plan:
    return pace.plan(len(letters if pace.storm else _worth_a_mail(letters, pace.told(now))), now)


def _worth_a_mail(letters: Sequence[Letter], told: frozenset[str]) -> list[Letter]:
    """Return the letters that need a mail of their own."""
    return [letter for letter in without_needless_alerts(letters, told) if letter.compose]


def _put_by(bag: Bag, plans: Mapping[Mailbox, Plan], queue: Queue) -> frozenset[str]:
    """Return the ids of what is held while nothing may be told."""
    holding = [mailbox for mailbox, plan in plans.items() if plan is Plan.HOLD]
    held = frozenset(letter.message_id for mailbox in holding for letter in bag.of_mailbox(mailbox))
    if Plan.WAIT in plans.values():
        # A new sign, for this one's age would raise the alarm on mail that is stuck.
        queue.look_again()
        return held
    return held | bag.signs if holding else held


def _take_more(queue: Queue, taken: int) -> Iterator[Message]:
    """Yield what else is in the queue, so that a digest is whole."""
    began = time.monotonic()
    while taken < LETTERS_AT_ONCE and time.monotonic() - began < SECONDS_OF_TAKING:
        try:
            messages = queue.receive()
        except AwsError as error:
            _LOG.warning("took no more: %s", error)
            return
        if not messages:
            return
        taken += len(messages)
        yield from messages


def _finish(paces: Paces, claimed: Mapping[str, Any], office: Office) -> None:
    """Give the lease back with the paces as they are now; a storm has to be looked after without news too."""
    if any(pace.storm for pace in paces.paces.values()):
        office.queue.look_again()
    if not office.memory.remember(ITEM, paces.to_document(), instead_of=claimed):
        _LOG.warning("the lease was lost: what was told now may be told again")


def _delete(messages: Sequence[Message], queue: Queue) -> None:
    try:
        queue.delete(messages)
    except AwsError as error:
        _LOG.warning("what was told may be told again: %s", error)


class Round:
    """The mails of one mailbox, and its pace as they change it.

    Parameters
    ----------
    mailbox : Mailbox
        Whose mail it is.
    pace : Pace
        What is remembered of it.
    desk : Desk
        What letters are written with.
    office : Office
        Sends the mails.
    """

    def __init__(self, mailbox: Mailbox, pace: Pace, desk: Desk, office: Office) -> None:
        self.pace = pace
        self._mailbox = mailbox
        self._desk = desk
        self._post = office.post
        self._clock = office.clock
        self._now = office.clock()

    def tell(self, letters: Sequence[Letter]) -> Iterator[str]:
        """Send the mails that may go now, and yield the ids of the messages that are told."""
        match _plan(letters, self.pace, self._now):
            case Plan.NOTHING:
                yield from (letter.message_id for letter in letters)
            case Plan.SINGLY:
                yield from self._tell_singly(letters)
            case Plan.DIGEST:
                yield from self._tell_in_digests(letters)
            case Plan.CLOSE:
                self._close()

    def _tell_singly(self, letters: Sequence[Letter]) -> Iterator[str]:
        worth = _worth_a_mail(letters, self.pace.told(self._now))
        yield from (letter.message_id for letter in letters if letter not in worth)
        for letter in worth:
            if letter.compose and self._send(letter.compose(self._now), single=True, of=letter.incident):
                yield letter.message_id

    def _tell_in_digests(self, letters: Sequence[Letter]) -> Iterator[str]:
        for digest in write_digests(letters, self.pace.storm, self._desk.organization, self._now):
            if self.pace.mails_left(self._now) == 0 or not self._send(digest.mail, single=False):
                return
            self.pace = replace(self.pace, storm=digest.storm)
            yield from (letter.message_id for letter in digest.letters)

    def _close(self) -> None:
        if self.pace.storm:
            closing = write_closing(self.pace.storm, self._desk.organization, self._now)
            if self._send(closing, single=False):
                self.pace = replace(self.pace, storm=None)

    def _send(self, mail: Mail, *, single: bool, of: str | None = None) -> bool:
        """Return whether SNS took a mail; it counts in any case, since its answer may have been lost."""
        try:
            self._post.send(self._mailbox, mail)
            sent = True
        except AwsError as error:
            _LOG.warning("could not mail: %s", error)
            sent = False
        self.pace = self.pace.after_sending(self._clock(), single=single, incident=of if sent else None)
        return sent

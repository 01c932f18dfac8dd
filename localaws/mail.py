"""SNS as people meet it: subscriptions that wait for a confirmation, the inbox, and the webhooks.

Topics and subscriptions live in moto. moto confirms every subscription at once, drops e-mails, sends
HTTP requests, and reaches every queue whatever its policy; here each subscription of these protocols is
taken over as soon as it is seen, and what its owner would get is kept, or goes to its queue.

Sources, unless a docstring names another one: botocore's SNS model, and the SNS developer guide,
"Email notifications" (sns-email-notifications) and "Amazon SNS endpoints and quotas" (general/latest/gr/sns).
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import unicodedata
from collections import defaultdict, deque
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from moto.sns.models import sns_backends

from localaws.gateway import ApiError, ApiResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from localaws.clock import Clock
    from localaws.fanout import Fanout
    from localaws.gateway import ApiCall, Proceed

SENDER = "AWS Notifications <no-reply@sns.amazonaws.com>"
DEFAULT_SUBJECT = "AWS Notification Message"
CONFIRMATION_SUBJECT = "AWS Notification - Subscription Confirmation"
MAX_MESSAGE_BYTES = 262_144
MAX_MAILS_A_SECOND = 10
SUBJECT_LIMIT = 100
"""A subject is shorter than this, in characters."""

_MAIL = {"email", "email-json"}
_WEB = {"http", "https"}
_QUEUES = {"sqs"}
_ARN = re.compile(r"<SubscriptionArn>([^<]*)</SubscriptionArn>")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail in somebody's inbox.

    Parameters
    ----------
    to : str
        The address.
    sender : str
        The sender, with its display name.
    subject : str
        The subject; SNS has a default.
    body : str
        The text, with the footer that SNS adds.
    received_at : datetime
        When it came, in UTC.
    topic_arn : str
        The topic.
    attributes : mapping
        The message attributes' values; a mailbox does not show them.
    token : str
        What ConfirmSubscription wants, in a confirmation mail; empty in any other.
    """

    to: str
    subject: str
    body: str
    received_at: datetime
    topic_arn: str
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    token: str = ""
    sender: str = SENDER


@dataclass(frozen=True, slots=True)
class Webhook:
    """An HTTP request that SNS would have sent.

    Parameters
    ----------
    url : str
        The endpoint.
    body : str
        The body: the message itself with raw delivery, else SNS's JSON around it, without a signature.
    sent_at : datetime
        When, in UTC.
    topic_arn : str
        The topic.
    """

    url: str
    body: str
    sent_at: datetime
    topic_arn: str

    @property
    def message(self) -> str:
        """The message, out of SNS's JSON if it is in there."""
        try:
            return str(json.loads(self.body)["Message"])
        except (ValueError, TypeError, KeyError):
            return self.body


@dataclass(frozen=True, slots=True)
class _Notification:
    message_id: str
    message: str
    subject: str | None
    attributes: Mapping[str, Any]


class Inbox:
    """All mailboxes and webhooks, and the gateway's layer for SNS.

    A subscription by e-mail is pending until its address confirms it, by `confirm` or by ConfirmSubscription
    with the token of the mail. A webhook counts as confirmed: a service that takes messages there confirms
    by itself.

    Parameters
    ----------
    clock : Clock
        Tells when a mail comes.
    fanout : Fanout
        Delivers to the queues that are subscribed.
    suspends : bool
        Whether a subscription that gets more than ten mails within a second is suspended. It is pending
        then, and has to be confirmed again. Source: AWS re:Post, "Why did I get an email from AWS that
        states that my Amazon SNS subscription was manually deactivated?".
    on_mail : callable, optional
        Called with each mail, in the thread of the publisher.
    """

    def __init__(
        self,
        clock: Clock,
        fanout: Fanout,
        *,
        suspends: bool = True,
        on_mail: Callable[[Mail], None] | None = None,
    ) -> None:
        self._clock = clock
        self._fanout = fanout
        self._suspends = suspends
        self._on_mail = on_mail
        self._lock = threading.RLock()
        self._mails: list[Mail] = []
        self._webhooks: list[Webhook] = []
        self._taken: set[str] = set()
        self._tokens: dict[str, Any] = {}
        self._recent: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MAX_MAILS_A_SECOND))
        self._suspended: list[str] = []

    @property
    def webhooks(self) -> tuple[Webhook, ...]:
        """The HTTP requests that SNS would have sent, in order."""
        with self._lock:
            return tuple(self._webhooks)

    @property
    def suspended(self) -> tuple[str, ...]:
        """The ARNs of the subscriptions that got too many mails at once, in order."""
        with self._lock:
            return tuple(self._suspended)

    def mails(self, to: str | None = None) -> tuple[Mail, ...]:
        """Return the mails, in order.

        Parameters
        ----------
        to : str, optional
            The address; by default all addresses.
        """
        self._take_over()
        with self._lock:
            return tuple(mail for mail in self._mails if to in {None, mail.to})

    def confirm(self, address: str) -> None:
        """Confirm all pending subscriptions of an address, as its owner does with the links in the mails.

        Raises
        ------
        LookupError
            If none is pending.
        """
        self._take_over()
        pending = [one for one in _subscriptions(_MAIL) if one.endpoint == address and not one.confirmed]
        if not pending:
            message = f"no subscription of {address} is pending"
            raise LookupError(message)
        for subscription in pending:
            _set_confirmed(subscription, confirmed=True)
            _set_authenticated(subscription, authenticated=False)

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Check what is published, and show pending subscriptions as pending."""
        if call.service != "sns":
            return proceed(call)
        self._take_over()
        match call.operation:
            case "Publish" | "PublishBatch":
                for message in _messages(call.parameters):
                    _check_message(message)
            case "Subscribe":
                return self._subscribe(call, proceed)
            case "ConfirmSubscription":
                return self._confirm_subscription(call, proceed)
            case "ListSubscriptions" | "ListSubscriptionsByTopic":
                return _rewritten(
                    proceed(call), lambda arn: "PendingConfirmation" if _is_pending(arn) else arn
                )
        return proceed(call)

    def _subscribe(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        response = proceed(call)
        found = _ARN.search(response.body.decode())
        if not found or not (subscription := _subscription(found[1])):
            return response
        if found[1] in self._taken and subscription.protocol in _MAIL and not subscription.confirmed:
            self._ask_to_confirm(subscription)
        self._take_over()
        if call.parameters.get("ReturnSubscriptionArn") == "true" or not _is_pending(found[1]):
            return response
        return _rewritten(response, lambda _: "pending confirmation")

    def _confirm_subscription(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        response = proceed(call)
        if not response.ok:
            return response
        subscription = self._tokens.get(call.parameters.get("Token", ""))
        if subscription is None or subscription.topic_arn != call.parameters.get("TopicArn"):
            raise ApiError("InvalidParameter", "Invalid parameter: Token")
        _set_confirmed(subscription, confirmed=True)
        asked = call.parameters.get("AuthenticateOnUnsubscribe", "").lower()
        _set_authenticated(subscription, authenticated=asked == "true")
        return _rewritten(response, lambda _: str(subscription.arn))

    def _take_over(self) -> None:
        """Deliver in moto's place for the subscriptions that are new, a template's included.

        CloudFormation creates a topic's own subscriptions inside moto, past every layer.
        """
        with self._lock:
            new = [one for one in _subscriptions(_MAIL | _WEB | _QUEUES) if one.arn not in self._taken]
            self._taken.update(one.arn for one in new)
            for subscription in new:
                subscription.publish = _Delivery(self, subscription)
                if subscription.protocol in _MAIL:
                    _set_confirmed(subscription, confirmed=False)
                    self._ask_to_confirm(subscription)

    def _ask_to_confirm(self, subscription: Any) -> None:
        token = secrets.token_hex(64)
        topic = subscription.topic_arn
        with self._lock:
            self._tokens[token] = subscription
        body = (
            f"This address was subscribed to the topic\n{topic}\n\n"
            "It gets no messages until the subscription is confirmed:\n"
            f"{_link(topic, 'ConfirmSubscription', TopicArn=topic, Token=token)}\n\n"
            "If that is not wanted, do nothing.\n"
        )
        now = self._clock.now()
        self._keep(Mail(subscription.endpoint, CONFIRMATION_SUBJECT, body, now, topic, token=token))

    def _deliver(self, subscription: Any, notification: _Notification) -> None:
        if subscription.protocol in _WEB:
            self._send(subscription, notification)
        elif subscription.protocol in _QUEUES:
            self._copy(subscription, notification)
        elif subscription.confirmed and not self._is_too_much(subscription):
            self._keep(self._mail(subscription, notification))

    def _send(self, subscription: Any, notification: _Notification) -> None:
        raw = subscription.attributes.get("RawMessageDelivery") is True
        body = notification.message if raw else self._envelope(subscription, notification)
        with self._lock:
            self._webhooks.append(
                Webhook(subscription.endpoint, body, self._clock.now(), subscription.topic_arn)
            )

    def _copy(self, subscription: Any, notification: _Notification) -> None:
        if subscription.attributes.get("RawMessageDelivery") is True:
            self._fanout.deliver(subscription, notification.message, notification.attributes)
        else:
            self._fanout.deliver(subscription, self._envelope(subscription, notification), {})

    def _is_too_much(self, subscription: Any) -> bool:
        with self._lock:
            recent = self._recent[subscription.arn]
            now = self._clock.timestamp()
            full = len(recent) == MAX_MAILS_A_SECOND and now - recent[0] < 1
            if not full or not self._suspends:
                recent.append(now)
                return False
            recent.clear()
            self._suspended.append(subscription.arn)
            _set_confirmed(subscription, confirmed=False)
            return True

    def _mail(self, subscription: Any, notification: _Notification) -> Mail:
        if subscription.protocol == "email-json":
            body = self._envelope(subscription, notification)
        else:
            footer = f"--\nTo stop these notifications:\n{_unsubscribe_link(subscription)}\n"
            body = f"{notification.message}\n\n{footer}"
        return Mail(
            subscription.endpoint,
            notification.subject or DEFAULT_SUBJECT,
            body,
            self._clock.now(),
            subscription.topic_arn,
            MappingProxyType({name: str(one["Value"]) for name, one in notification.attributes.items()}),
        )

    def _envelope(self, subscription: Any, notification: _Notification) -> str:
        fields = {
            "Type": "Notification",
            "MessageId": notification.message_id,
            "TopicArn": subscription.topic_arn,
            "Subject": notification.subject,
            "Message": notification.message,
            "Timestamp": f"{self._clock.now():%Y-%m-%dT%H:%M:%S}.000Z",
            "UnsubscribeURL": _unsubscribe_link(subscription),
            "MessageAttributes": dict(notification.attributes),
        }
        return json.dumps({name: value for name, value in fields.items() if value})

    def _keep(self, mail: Mail) -> None:
        with self._lock:
            self._mails.append(mail)
        if self._on_mail:
            self._on_mail(mail)


@dataclass(frozen=True, slots=True)
class _Delivery:
    """Stand in for the `publish` of one of moto's subscriptions."""

    inbox: Inbox
    subscription: Any

    def __call__(
        self,
        message: str,
        message_id: str,
        *,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        message_structure: str | None = None,
        **_for_queues: Any,
    ) -> None:
        attributes = message_attributes or {}
        matcher = self.subscription._filter_policy_matcher  # noqa: SLF001 - moto has no public form of it
        if matcher is not None and not matcher.matches(attributes, message):
            return
        if message_structure == "json":
            by_protocol = json.loads(message)
            own = by_protocol.get(self.subscription.protocol)
            message = own if isinstance(own, str) else by_protocol["default"]
        notification = _Notification(message_id, message, subject, attributes)
        self.inbox._deliver(self.subscription, notification)  # noqa: SLF001 - one piece with the inbox


def _subscriptions(protocols: set[str]) -> list[Any]:
    return [
        subscription
        for account in list(sns_backends.values())
        for backend in list(account.values())
        for subscription in list(backend.subscriptions.values())
        if subscription.protocol in protocols
    ]


def _subscription(arn: str) -> Any:
    return next((one for one in _subscriptions(_MAIL | _WEB | _QUEUES) if one.arn == arn), None)


def _is_pending(arn: str) -> bool:
    subscription = _subscription(arn)
    return subscription is not None and subscription.protocol in _MAIL and not subscription.confirmed


def _set_confirmed(subscription: Any, *, confirmed: bool) -> None:
    subscription.confirmed = confirmed
    subscription.attributes["PendingConfirmation"] = not confirmed


def _set_authenticated(subscription: Any, *, authenticated: bool) -> None:
    """Say whether ending it takes credentials; who confirms by the mail's link never asks for that."""
    subscription.attributes["ConfirmationWasAuthenticated"] = authenticated


def _rewritten(response: ApiResponse, shown: Callable[[str], str]) -> ApiResponse:
    body = _ARN.sub(
        lambda found: f"<SubscriptionArn>{shown(found[1])}</SubscriptionArn>", response.body.decode()
    )
    return ApiResponse(response.status, response.headers, body.encode())


def _link(topic_arn: str, action: str, **parameters: str) -> str:
    region = topic_arn.split(":")[3]
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"https://sns.{region}.amazonaws.com/?Action={action}&{query}"


def _unsubscribe_link(subscription: Any) -> str:
    return _link(subscription.topic_arn, "Unsubscribe", SubscriptionArn=subscription.arn)


def _messages(parameters: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the parameters of each message of a Publish or PublishBatch."""
    if "Message" in parameters:
        yield dict(parameters)
    numbered = r"PublishBatchRequestEntries\.member\.(\d+)\.(.+)"
    entries: dict[str, dict[str, str]] = defaultdict(dict)
    for name, value in parameters.items():
        if found := re.fullmatch(numbered, name):
            entries[found[1]][found[2]] = value
    yield from entries.values()


def _check_message(message: Mapping[str, str]) -> None:
    """Refuse what SNS refuses and moto lets pass.

    Sources: Publish in botocore's SNS model; the messages about MessageStructure are those that the real
    service gave in aws-sdk-ruby#346 and kumo#940.
    """
    text = message.get("Message", "")
    subject = message.get("Subject")
    if not text:
        raise ApiError("InvalidParameter", "Invalid parameter: Empty message")
    if subject is not None and not _is_subject(subject):
        raise ApiError("InvalidParameter", "Invalid parameter: Subject")
    counted = [value for name, value in message.items() if "MessageAttributes." in name]
    if sum(len(value.encode()) for value in [text, *counted]) > MAX_MESSAGE_BYTES:
        raise ApiError("InvalidParameter", "Invalid parameter: Message too long")
    if message.get("MessageStructure") == "json":
        _check_structure(text)


def _is_subject(subject: str) -> bool:
    unprintable = {"Cc", "Zl", "Zp"}
    return 0 < len(subject) < SUBJECT_LIMIT and not any(
        unicodedata.category(character) in unprintable for character in subject
    )


def _check_structure(text: str) -> None:
    reason = "Invalid parameter: Message Structure - "
    try:
        by_protocol = json.loads(text)
    except ValueError as error:
        raise ApiError("InvalidParameter", reason + "JSON message body failed to parse") from error
    if not isinstance(by_protocol, dict):
        raise ApiError("InvalidParameter", reason + "JSON message body failed to parse")
    if not isinstance(by_protocol.get("default"), str):
        raise ApiError("InvalidParameter", reason + "No default entry in JSON message body")

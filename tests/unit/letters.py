"""Messages of the mail queue, as EventBridge and SNS put them there."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from holdfast.mailing.desk import Desk
from holdfast.mailing.letter import Letter
from holdfast.mailing.sorting import LOOK_AGAIN, Message, letter_of
from holdfast.notification import compose
from holdfast.report import Report
from tests.unit.examples import NAMES_KEPT, ORGANIZATION, PAYMENTS_PROD, WORKLOADS, example_baseline

DESK = Desk(
    organization=ORGANIZATION,
    region="us-east-1",
    remediates=True,
    baseline=example_baseline(),
    read_exemptions=lambda _names: (),
)
TOPIC = "arn:aws:sns:us-east-1:111122223333:holdfast-OutcomeTopic-example"
GUARDED = {"policyId": "p-7dj3cien", "targetId": WORKLOADS}
UNGUARDED = {"policyId": "p-7dj3cien", "targetId": PAYMENTS_PROD}


def event_id(number: int) -> str:
    """Return the id of an event, the same for the same number."""
    return str(uuid.UUID(int=number))


def message(said: object, message_id: str | None = None) -> Message:
    """Return a message of the queue."""
    body = said if isinstance(said, str) else json.dumps(said)
    name = message_id or str(uuid.uuid4())
    return Message(name, f"receipt of {name}", body)


def look_again() -> Message:
    """Return the sign to look again."""
    return message(LOOK_AGAIN)


def record(**changes: Any) -> dict[str, Any]:
    """Return an event of CloudTrail by way of EventBridge: a detach, unless something else is said."""
    return {
        "source": "aws.organizations",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {
            "eventVersion": "1.11",
            "eventSource": "organizations.amazonaws.com",
            "eventName": "DetachPolicy",
            "eventID": event_id(0),
            "eventTime": "2026-11-22T09:00:00Z",
            "recipientAccountId": "111122223333",
            "sourceIPAddress": "203.0.113.7",
            "userIdentity": {
                "type": "IAMUser",
                "userName": "mallory",
                "accountId": "111122223333",
                "arn": "arn:aws:iam::111122223333:user/mallory",
            },
            "requestParameters": GUARDED,
            **changes,
        },
    }


def alert(number: int = 0, **changes: Any) -> Message:
    """Return the message of an alert."""
    return message(record(eventID=event_id(number), **changes))


def exemption_change(operation: str, **request: Any) -> Message:
    """Return the message of a change of an exemption."""
    changes = {"eventSource": "ssm.amazonaws.com", "eventName": operation, "requestParameters": request}
    return message({**record(**changes), "source": "aws.ssm"})


def untold_end(status: str = "TIMED_OUT", execution: str = "b2c3d4e5") -> Message:
    """Return the message of an execution that ended untold."""
    arn = f"arn:aws:states:us-east-1:111122223333:execution:holdfast-remediate:{execution}"
    return message({"source": "aws.states", "detail": {"status": status, "executionArn": arn}})


def envelope(text: str, subject: str = "Subject", **attributes: str) -> Message:
    """Return what SNS sends to a queue."""
    return message(
        {
            "Type": "Notification",
            "TopicArn": TOPIC,
            "Subject": subject,
            "Message": text,
            "MessageAttributes": {
                name: {"Type": "String", "Value": value} for name, value in attributes.items()
            },
        }
    )


def told(report: Report) -> Message:
    """Return the message of an outcome as the state machine publishes it."""
    notification = compose(report, NAMES_KEPT)
    text = json.loads(notification["message"])["default"]
    return envelope(text, notification["subject"], **notification["attributes"])


def outcome(number: int = 0, end: str = "failed", **changes: Any) -> Message:
    """Return the message of an outcome, small."""
    arn = f"arn:aws:states:us-east-1:111122223333:execution:holdfast-remediate:execution-{number}"
    severity = "page" if end == "failed" else "notice"
    said: Mapping[str, Any] = {
        "outcome": end,
        "severity": severity,
        "policy": {"id": "p-7dj3cien", "name": "DenyUnapprovedRegions"},
        "target": {"id": f"{number:012}"},
        "principal": {"kind": "IAMUser", "name": "mallory", "account_id": "111122223333"},
        "event_id": event_id(number),
        "detached_at": "2026-11-22T09:00:00Z",
        "failure": {"error": "PermissionMissingError", "message": "denied"} if end == "failed" else None,
        "execution": arn,
        "mail": {"subject": f"{end} {number}", "text": f"The mail about {number}.\n"},
        **changes,
    }
    return envelope(json.dumps(said), outcome=end, severity=severity)


def letter(of: Message, desk: Desk = DESK) -> Letter:
    """Return what a message tells."""
    found = letter_of(of, desk)
    assert found is not None
    return found

"""An outcome as the machines get it: the record has the mail, and what a digest says of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from holdfast.fields import mapping_in, text_in
from holdfast.links import Console
from holdfast.mail import MAIL
from holdfast.mailing.letter import FAILED, Letter, Mail, identifier, sendable
from holdfast.outcome import Severity
from holdfast.principal import Principal
from holdfast.quoting import quoted
from holdfast.wording import identity

RECONCILIATION = "the reconciliation"
_SOMEBODY = "somebody"


def outcome_letter(envelope: Mapping[str, Any]) -> Letter:
    """Return the letter that an outcome's SNS message makes; a message in plain words is mailed as it is.

    Parameters
    ----------
    envelope : mapping
        What SNS sends to a queue. Source: SNS developer guide, "Parsing message formats".
    """
    message = envelope.get("Message")
    text = message if isinstance(message, str) else ""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        record = None
    attributes = _attributes(envelope)
    told = {"subject": text_in(envelope, "Subject"), "text": text}
    if not isinstance(record, Mapping) or "outcome" not in record:
        return _plain(told, attributes)
    # A record that was written before mails travelled in it is mailed itself.
    return _recorded({"mail": told, **record}, attributes)


def _attributes(envelope: Mapping[str, Any]) -> dict[str, Any]:
    given = mapping_in(envelope, "MessageAttributes")
    return {name: mapping_in(given, name).get("Value") for name in given if isinstance(name, str)}


def _plain(told: Mapping[str, Any], attributes: Mapping[str, Any]) -> Letter:
    line = quoted(told["text"], limit=500)
    return Letter(
        outcome=_bare(attributes.get("outcome", FAILED)),
        severity=_severity(attributes),
        caller=_SOMEBODY,
        cause="it could not be described",
        line=line,
        brief=line,
        compose=_writer(told, attributes),
    )


def _recorded(record: Mapping[str, Any], attributes: Mapping[str, Any]) -> Letter:
    told, outcome = record["mail"], _bare(record["outcome"])
    brief = _about_run(record) if _is_run(record) else _about_incident(record, outcome)
    name = text_in(mapping_in(record, "policy"), "name")
    return Letter(
        outcome=outcome,
        severity=_severity(record),
        caller=_caller(record),
        cause=_cause(record),
        line=f"{quoted(name)} {brief}" if name else brief,
        brief=brief,
        # A record that was written before calls had ids of their own has the event's.
        incident=text_in(record, "call_id") or text_in(record, "event_id"),
        compose=_writer(told, attributes) if isinstance(told, Mapping) else None,
    )


def _is_run(record: Mapping[str, Any]) -> bool:
    return record.get("about") == "reconciliation"


def _about_run(record: Mapping[str, Any]) -> str:
    subject = text_in(mapping_in(record, "mail"), "subject") or ""
    return f"{quoted(subject)}, {_execution(record)}"


def _about_incident(record: Mapping[str, Any], outcome: str) -> str:
    """Return what was detached and when; of a failure, which execution has to be looked at."""
    policy_id, target_id = (mapping_in(record, part).get("id") for part in ("policy", "target"))
    ids = f"{identifier(policy_id)} on {identifier(target_id)}, {_bare(record.get('detached_at'))}"
    return f"{ids}, {_execution(record)}" if outcome == FAILED else ids


def _bare(word: object) -> str:
    """Return a harmless word without its quotation marks, for what is ours unless somebody meddled."""
    return quoted(word)[1:-1]


def _writer(told: Mapping[str, Any], attributes: Mapping[str, Any]) -> Callable[[datetime], Mail]:
    subject, text = told.get("subject"), told.get("text")
    return lambda _now: sendable(str(subject or ""), str(text or ""), attributes)


def _severity(said: Mapping[str, Any]) -> Severity:
    """Return a severity; what is none is taken for the worse one."""
    return Severity.NOTICE if said.get("severity") == Severity.NOTICE.value else Severity.PAGE


def _caller(record: Mapping[str, Any]) -> str:
    if _is_run(record):
        return RECONCILIATION
    part = record.get("principal")
    if not isinstance(part, Mapping):
        return _SOMEBODY
    principal = Principal(
        kind=text_in(part, "kind") or "Unknown",
        arn=text_in(part, "arn"),
        name=text_in(part, "name"),
        account_id=text_in(part, "account_id"),
        invoked_by=text_in(part, "invoked_by"),
    )
    return identity(principal, MAIL)


def _cause(record: Mapping[str, Any]) -> str:
    error = text_in(mapping_in(record, "failure"), "error")
    return quoted(error) if error else ""


def _execution(record: Mapping[str, Any]) -> str:
    execution = text_in(record, "execution") or ""
    known = Console.of_execution(execution) is not None
    return f"execution {execution.rpartition(':')[2] if known else quoted(execution)}"

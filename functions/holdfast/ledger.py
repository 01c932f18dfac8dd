"""The ledger's items: every incident under its attachment, and beside it, for a while, who did it.

The key is the attachment and, in one text, time, id and outcome: an event that is delivered twice is recorded
once. Names and addresses are an item of their own, which DynamoDB deletes when it expires.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

from holdfast.code_version import code_version
from holdfast.fight import Round, key_of
from holdfast.outcome import Outcome
from holdfast.principal import Principal
from holdfast.report import Report
from holdfast.timestamps import format_timestamp, parse_timestamp

Item = dict[str, dict[str, Any]]

SCHEMA = 1
NAMES = "/names"
"""How the key of the item with the names ends."""

_NO_ATTACHMENT = "unknown"
_ID_LIMIT = 128
"""Characters of an id. Source: IAM API reference, `UserId` and `RoleId`; CloudTrail's own are shorter."""

_PRINCIPAL_FIELDS = tuple(
    field.name for field in fields(Principal) if field.name not in {"kind", "account_id"}
)


def items_of(report: Report, names_kept: timedelta) -> dict[str, Item]:
    """Return the items that the state machine writes about an incident.

    Parameters
    ----------
    report : Report
        What is told.
    names_kept : timedelta
        How long names and addresses are kept.

    Returns
    -------
    dict
        `incident`, which stays and names nobody; `names`, which expires.
    """
    key, detachment = _key(report), report.detachment
    expires = int((report.told_at + names_kept).timestamp())
    names = {**key, "incident": f"{key['incident']}{NAMES}", "expires": expires}
    if detachment is not None:
        principal = asdict(detachment.principal)
        names |= {field: principal[field] for field in _PRINCIPAL_FIELDS}
        names |= {"source_ip": detachment.source_ip, "user_agent": detachment.user_agent}
    return {"incident": as_item({**key, **_facts(report)}), "names": as_item(names)}


def _key(report: Report) -> dict[str, str]:
    """Return the key: of an event that could not be read, its time and id are the execution's."""
    outcome, detachment = report.conclusion.outcome.value, report.detachment
    if detachment is None:
        execution = report.execution_arn.rpartition(":")[2] or "by hand"
        return {
            "attachment": _NO_ATTACHMENT,
            "incident": f"{format_timestamp(report.told_at)}/{execution}/{outcome}",
        }
    return {
        "attachment": detachment.attachment.pair,
        "incident": f"{format_timestamp(detachment.event_time)}/{detachment.call_id}/{outcome}",
    }


def _facts(report: Report) -> dict[str, Any]:
    """Return what is known of an incident and names no person."""
    detachment, conclusion, leave = report.detachment, report.conclusion, report.leave
    facts: dict[str, Any] = {
        "schema": SCHEMA,
        "about": "detachment",
        "outcome": conclusion.outcome,
        "verdict": report.reason,
        "severity": conclusion.severity,
        "exposure_seconds": conclusion.exposure and int(conclusion.exposure.total_seconds()),
        "accounts": report.surroundings.accounts,
        "execution": report.execution_arn,
        "recorded_at": report.told_at,
        "confirmed_at": report.confirmed_at,
        "organization": report.organization,
        "policy_name": report.policy_name,
        "policy_type": report.policy_type,
        "baseline_version": report.baseline_version,
        "code_version": code_version(),
        "verified": report.was_off,
        "contested": report.fight is not None,
        "error": report.failure and report.failure.error,
        "exempt_until": leave.exemption and leave.exemption.until,
        "exemption": (one := leave.exemption or leave.ended) and one.name,
    }
    if report.fight is not None and not report.is_muted:
        facts["fight_told_at"] = report.told_at
    if detachment is not None:
        facts |= {
            "policy_id": detachment.attachment.policy_id,
            "target_id": detachment.attachment.target_id,
            "call_id": detachment.call_id,
            "event_id": detachment.event_id,
            "detached_at": detachment.event_time,
            "principal_id": key_of(detachment.principal),
            "principal_kind": detachment.principal.kind,
            "account_id": detachment.principal.account_id,
        }
    return facts


def as_item(values: Mapping[str, Any]) -> Item:
    """Return values as a DynamoDB item; what is None is left out."""
    return {name: _attribute(value) for name, value in values.items() if value is not None}


def _attribute(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    text = format_timestamp(value) if isinstance(value, datetime) else str(value)
    # Half a character (a lone surrogate) cannot be sent.
    return {"S": text.encode(errors="replace").decode()}


def rounds_in(items: Iterable[Mapping[str, Mapping[str, Any]]]) -> tuple[Round, ...]:
    """Return the detaches that the items of one attachment tell of; what is no such item is passed over.

    So is a detach that was allowed, by an exemption or to a sanctioned principal: it is no round of a fight.
    """
    known = {_text(item, "incident"): item for item in items}
    rounds = (
        _round(item, known.get(f"{key}{NAMES}"))
        for key, item in known.items()
        if not (key.endswith(NAMES) or _was_allowed(item))
    )
    return tuple(one for one in rounds if one is not None)


def _was_allowed(item: Mapping[str, Mapping[str, Any]]) -> bool:
    return "exemption" in item or _text(item, "outcome") == Outcome.SANCTIONED


def _round(
    item: Mapping[str, Mapping[str, Any]], names: Mapping[str, Mapping[str, Any]] | None
) -> Round | None:
    try:
        told_at = _text(item, "fight_told_at")
        return Round(
            at=parse_timestamp(_text(item, "detached_at")),
            call_id=_text(item, "call_id")[:_ID_LIMIT],
            principal_key=_text(item, "principal_id")[:_ID_LIMIT],
            principal=_principal(item, names) if names else None,
            # Mail and chat tell it as it is, so it has to be a word of ours, whoever wrote the item.
            outcome=Outcome(_text(item, "outcome")).value,
            verified=item.get("verified", {}).get("BOOL") is True,
            told_at=parse_timestamp(told_at) if told_at else None,
        )
    except (ValueError, OverflowError, AttributeError, TypeError):
        return None


def _principal(item: Mapping[str, Mapping[str, Any]], names: Mapping[str, Mapping[str, Any]]) -> Principal:
    given = {name: _text(names, name) or None for name in _PRINCIPAL_FIELDS if name != "mfa"}
    return Principal(
        kind=_text(item, "principal_kind") or "Unknown",
        account_id=_text(item, "account_id") or None,
        mfa=names.get("mfa", {}).get("BOOL"),
        **given,
    )


def _text(item: Mapping[str, Mapping[str, Any]], name: str) -> str:
    return str(item.get(name, {}).get("S", ""))

"""Items of the ledger, as the state machines write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.ledger import NAMES, Item, as_item
from holdfast.timestamps import format_timestamp

POLICY, TARGET = "p-7dj3cien", "ou-exme-ycaqk99w"
DETACHED = datetime(2026, 10, 12, 9, tzinfo=UTC)
EVENT_ID = "6f1d3c9a-2b54-4b0e-9f0b-5a8f6c2d7e10"
ROLE = "arn:aws:iam::111122223333:role/developer"


def incident(outcome: str = "restored", **facts: Any) -> Item:
    """Return the item of an incident of the fast path, told 12 seconds after the detach."""
    told = {
        "attachment": f"{POLICY}/{TARGET}",
        "about": "detachment",
        "outcome": outcome,
        "verdict": "in the baseline",
        "severity": "notice",
        "exposure_seconds": 9,
        "accounts": 7,
        "execution": "arn:aws:states:us-east-1:111122223333:execution:holdfast-remediate:one",
        "recorded_at": DETACHED + timedelta(seconds=12),
        "detached_at": DETACHED,
        "policy_name": "DenyUnapprovedRegions",
        "baseline_version": "0123456789ab",
        "code_version": "ba9876543210",
        "call_id": EVENT_ID,
        "event_id": EVENT_ID,
        "principal_id": "AROAEXAMPLEID",
        "account_id": "111122223333",
    } | facts
    return as_item({"incident": _key(told), **told})


def drift(done: str = "restored", **facts: Any) -> Item:
    """Return the item of an attachment that a reconciliation found off, and nobody knows since when."""
    unknown = dict.fromkeys(("detached_at", "call_id", "event_id", "principal_id", "exposure_seconds"))
    told = {"about": "drift", "verdict": "attachments missing", "recorded_at": DETACHED}
    return incident(f"reconciliation, {done}", **{**unknown, **told, **facts})


def names(item: Item, **known: Any) -> Item:
    """Return the item with the names that belongs to another one."""
    who = {"arn": ROLE, "session_name": "mallory", "source_ip": "203.0.113.7"} | known
    key = {"attachment": item["attachment"]["S"], "incident": f"{item['incident']['S']}{NAMES}"}
    return as_item({**key, "expires": 1_900_000_000, **who})


def run(scope: str = "all", authors: str = "") -> list[Item]:
    """Return the items of a reconciliation: the run's own, and the one with its authors."""
    key = {"attachment": f"reconciliation/{scope}", "incident": "2026-10-12T09:30:00Z/run/reconciled/0a1b"}
    told = as_item({**key, "about": "reconciliation", "recorded_at": DETACHED})
    return [told, as_item({**key, "incident": f"{key['incident']}{NAMES}", "expires": 1, "authors": authors})]


def _key(told: dict[str, Any]) -> str:
    moment = told["detached_at"] or told["recorded_at"]
    time = moment if isinstance(moment, str) else format_timestamp(moment)
    return f"{time}/{told['call_id'] or 'run'}/{told['outcome']}"

"""Whose events and whose baseline a deployment accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.attachment import ACCOUNT_ID
from holdfast.baseline import Baseline
from holdfast.errors import BaselineError, ForeignEventError
from holdfast.record import malformed
from holdfast.settings import Settings


def check_account(account_id: str, settings: Settings, field: str = "detail.recipientAccountId") -> None:
    """Refuse a record of an account that this deployment does not serve.

    Raises
    ------
    ForeignEventError
        If it is one; names the field, the account and those that are served.
    """
    if account_id not in settings.account_ids:
        served = " or ".join(sorted(settings.account_ids))
        raise ForeignEventError(f"{field}: got {account_id}, expected {served}")


def check_sender(event: Mapping[str, Any], settings: Settings) -> None:
    """Refuse an event that began in an account that this deployment does not serve.

    No sender can write the envelope's `account`, and it stays that of the sender on another account's bus:
    rules with an account in their pattern match no events of others. Sources: EventBridge API reference,
    "PutEventsRequestEntry" and "PutPermission".

    Raises
    ------
    ForeignEventError
        If it began in one; names the account and those that are served.
    MalformedEventError
        If the envelope names no account.
    """
    account = event.get("account")
    if not isinstance(account, str) or not ACCOUNT_ID.fullmatch(account):
        raise malformed("account", account, "12 digits")
    check_account(account, settings, "account")


def check_organization(baseline: Baseline, settings: Settings) -> None:
    """Refuse a baseline that was written for another organization than the template was deployed for.

    Raises
    ------
    BaselineError
        If it was; names both.
    """
    if baseline.organization != settings.organization_id:
        expected = f"{settings.organization_id}, the parameter OrganizationId"
        raise BaselineError(f"organization: got {baseline.organization}, expected {expected}")

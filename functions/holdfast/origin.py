"""Whose events and whose baseline a deployment accepts."""

from __future__ import annotations

from holdfast.baseline import Baseline
from holdfast.errors import BaselineError, ForeignEventError
from holdfast.settings import Settings


def check_account(account_id: str, settings: Settings) -> None:
    """Refuse a record of an account that this deployment does not serve.

    Raises
    ------
    ForeignEventError
        If it is one; names the account and those that are served.
    """
    if account_id not in settings.account_ids:
        served = " or ".join(sorted(settings.account_ids))
        raise ForeignEventError(f"detail.recipientAccountId: got {account_id}, expected {served}")


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

"""Compare Coverage: say which guardrails an account lost by being moved, or has not got since it joined."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from holdfast.baseline import GUARDRAILS, load_baseline
from holdfast.errors import UnknownSchemaError
from holdfast.organizations import connect
from holdfast.reconciliation.coverage import is_final, look_at_account
from holdfast.reconciliation.run import parse_reconciliation, same_baseline

_LOG = logging.getLogger(__name__)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Return which guardrails the run's account has lost.

    Parameters
    ----------
    event : dict
        The run; at the second look, with what this task returned at the first.
    context : object
        Lambda's context, not used.

    Returns
    -------
    dict
        The fields of `Coverage`, and `stage`: `look again` after a while, or `done`.

    Raises
    ------
    OrganizationsThrottledError, OrganizationsBusyError
        If Organizations cannot say where the account is now: retried by the state machine.
    OrganizationsError, BaselineError, BaselineChangedError, UnknownSchemaError
        Terminal: told as a failure.
    """
    run = parse_reconciliation(event)
    change = run.trigger.change
    if change is None or change.member_id is None:
        raise UnknownSchemaError("reconciliation: the run is not about an account")
    # Only targets are compared, and a policy that was made again has those of the one that it replaces.
    baseline = same_baseline(load_baseline(GUARDRAILS), run.baseline_version)
    coverage = look_at_account(change, baseline, run.coverage, connect())
    stage = "done" if is_final(change, coverage) else "look again"
    _LOG.info("compared", extra={"stage": stage, "account": coverage.account_id, "lost": coverage.lost})
    return {**asdict(coverage), "stage": stage}

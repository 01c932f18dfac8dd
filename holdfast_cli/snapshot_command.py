"""`holdfast snapshot`: read the organization, show what is different, ask where something is lost, write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast_cli.samconfig import with_alert_policy_ids
from holdfast_cli.sample_organization import SAMPLE_ID
from holdfast_cli.snapshot import Plan, Request, Snapshot, plan_snapshot, write_snapshot

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

    from holdfast_cli.screen import Screen


@dataclass(frozen=True, slots=True)
class AlertEnvironment:
    """Where the guardrails' policy ids go for the alert rule.

    Parameters
    ----------
    samconfig : Path
        The file.
    name : str
        The deploy environment in it.
    """

    samconfig: Path
    name: str


def run_snapshot(  # noqa: PLR0913 - what the command line says
    screen: Screen,
    client: OrganizationsClient,
    folder: Path,
    request: Request,
    *,
    agree: Callable[[str], bool],
    alerts: AlertEnvironment | None = None,
    as_json: bool = False,
) -> int:
    """Write the baseline and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print.
    client : OrganizationsClient
        A client of the management account or of a delegated administrator.
    folder : Path
        Where the baseline goes.
    request : Request
        What it shall hold.
    agree : callable
        Asked a question before anything that is protected now no longer is.
    alerts : AlertEnvironment, optional
        Where the policies' ids go for the alert rule.
    as_json : bool
        Whether a program reads what is printed.
    """
    plan = plan_snapshot(
        client, folder, request, track=lambda items: screen.track(items, "Reading the policies")
    )
    if not as_json:
        _show_plan(screen, plan)
    samconfig = _with_alerts(alerts, plan)
    agreed = not _question(plan) or agree(_question(plan))
    taken = write_snapshot(plan) if agreed else None
    if taken and alerts:
        alerts.samconfig.write_bytes(samconfig)
    if as_json:
        screen.document(_as_document(plan, written=agreed))
    else:
        _show_end(screen, plan, taken, alerts)
    return 0 if agreed else 1


def _with_alerts(alerts: AlertEnvironment | None, plan: Plan) -> bytes:
    if alerts is None:
        return b""
    policy_ids = [guardrail.policy_id for guardrail in plan.baseline.guardrails]
    text = alerts.samconfig.read_bytes().decode()
    return with_alert_policy_ids(text, alerts.name, policy_ids).encode()


def _question(plan: Plan) -> str:
    """Return what has to be agreed to; nothing if nothing is lost but the sample organization's baseline."""
    if plan.replaces and plan.replaces != SAMPLE_ID:
        return f"Replace the baseline of {plan.replaces}, another organization?"
    if plan.losses:
        return f"{len(plan.losses)} marked with - leave less protected, or another text. Write it?"
    return ""


def _show_plan(screen: Screen, plan: Plan) -> None:
    if plan.replaces:
        sample = "the sample organization" if plan.replaces == SAMPLE_ID else "another organization"
        screen.line(
            f"The baseline in {plan.folder} is that of {plan.replaces}, {sample}: it is replaced.", "yellow"
        )
    changed = {change.policy_id for change in plan.changes}
    for policy in (policy for policy in plan.left_out if policy.policy_id not in changed):
        screen.line(f"  {policy.policy_id}  {policy.name}  left out: {policy.because}", "dim")
    for change in plan.changes:
        details = f": {', '.join(change.details)}" if change.details else ""
        mark, style = ("-", "yellow") if change.loses else ("+", "green")
        screen.line(f"{mark} {change.policy_id}  {change.name}  {change.kind}{details}", style)
    if not plan.changes:
        screen.line("The baseline already says what the organization has.")


def _show_end(screen: Screen, plan: Plan, taken: Snapshot | None, alerts: AlertEnvironment | None) -> None:
    if taken is None:
        screen.line(
            "Nothing was written. Next: attach again what is missing, or say --yes if it is meant.",
            "bold red",
        )
        return
    for path in taken.written:
        screen.line(f"Wrote {path}")
    for name in plan.obsolete:
        screen.line(f"Removed {plan.folder / name}")
    if alerts:
        screen.line(f"Wrote the policies' ids for the alert rule into {alerts.samconfig}, [{alerts.name}].")
    screen.line(f"{_counted(taken)}, baseline {taken.baseline.version}. {_next(taken)}")


def _counted(taken: Snapshot) -> str:
    guardrails = taken.baseline.guardrails
    attachments = sum(len(guardrail.targets or ()) for guardrail in guardrails)
    return f"{len(guardrails)} guardrails with {attachments} attachments"


def _next(taken: Snapshot) -> str:
    if not taken.written:
        return "Nothing had to be written."
    return 'Next: review the difference, commit it, and deploy it in the mode you run (README, "Deploy it").'


def _as_document(plan: Plan, *, written: bool) -> dict[str, Any]:
    return {
        "organization": plan.baseline.organization,
        "baseline": plan.baseline.version,
        "written": [str(plan.folder / name) for name in plan.files] if written else [],
        "refused": None if written else _question(plan),
        "replaces": plan.replaces,
        "changes": [
            {
                "kind": change.kind.name.lower(),
                "policy": change.policy_id,
                "name": change.name,
                "details": list(change.details),
                "loses": change.loses,
            }
            for change in plan.changes
        ],
        "left_out": [
            {"policy": policy.policy_id, "name": policy.name, "because": policy.because}
            for policy in plan.left_out
        ],
    }

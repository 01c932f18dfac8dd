"""`holdfast diff`: what Find Drift sees, without deploying anything, and with every target looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.baseline import Baseline, load_baseline
from holdfast.errors import BaselineError
from holdfast.exemption_store import ExemptionStore
from holdfast.organizations import Organizations
from holdfast.outcome import Severity
from holdfast.pacing import Pace
from holdfast.quoting import Medium
from holdfast.reconciliation.authorship import Circumstances, Witnesses, attribute
from holdfast.reconciliation.drift import Author, Drift, Search, Stage, without_gone_targets
from holdfast.reconciliation.exempting import leave_what_is_exempt, read_exemptions
from holdfast.reconciliation.finding import Finding
from holdfast.reconciliation.findings import find
from holdfast.reconciliation.history import HALF, History
from holdfast.reconciliation.run import Reconciliation
from holdfast.reconciliation.scanning import ENABLED, Scanner
from holdfast.reconciliation.sentence import counted
from holdfast.reconciliation.trigger import Cause, Route, Scope, ScopeKind, Trigger
from holdfast.reconciliation.wording import AUTHORS, author_line
from holdfast.settings import SANCTIONED_FOR
from holdfast.timestamps import format_timestamp
from holdfast_cli.session import REGION_OF_EVENTS, Session

if TYPE_CHECKING:
    from holdfast_cli.screen import Screen

CLEAN, DRIFT = 0, 3
"""The command's exit codes; a failure is 1, as of every command."""


def run_diff(  # noqa: PLR0913 - what the command line says
    screen: Screen,
    session: Session,
    folder: Path,
    successors: Mapping[str, str],
    *,
    sanctioned_for: timedelta = SANCTIONED_FOR,
    as_json: bool = False,
) -> int:
    """Show how the organization differs from the baseline, and return the command's exit code.

    It looks once: what the fast path is restoring at the moment differs too. What is sanctioned or exempt is
    shown, and is no drift.

    Parameters
    ----------
    screen : Screen
        Where to print.
    session : Session
        Which AWS to ask.
    folder : Path
        The baseline's folder.
    successors : mapping
        The new id of each policy that Holdfast made again, by its declared id.
    sanctioned_for : timedelta
        How long a sanctioned detach may wait for the baseline to say the same.
    as_json : bool
        Whether a program reads what is printed.

    Raises
    ------
    BaselineError
        If the baseline cannot be read, or is another organization's.
    OrganizationsError, ServiceBusyError
        If AWS does not answer.
    """
    declared = load_baseline(folder)
    client = session.organizations()
    _check_organization(declared, client.describe_organization()["Organization"]["Id"])
    baseline, now = declared.adopting(successors), datetime.now(UTC)
    history = _history(session, client.meta.partition)
    seen = look_at_everything(screen, Scanner(baseline, Organizations(client)))
    circumstances = Circumstances(now, sanctioned_for=sanctioned_for)
    drift, authors = attribute(seen, baseline, Witnesses(lambda _: (), history), circumstances)
    exemptions, unheeded = read_exemptions(_exemptions(session).read_all)
    drift = leave_what_is_exempt(drift, baseline, exemptions, now)
    search = Search(Stage.DRIFTED, now, drift=drift, authors=authors, unheeded=unheeded)
    findings = find(_as_run(search, baseline), baseline, switches=None)
    if as_json:
        screen.document(_as_document(findings, baseline, drift))
    else:
        _show(screen, findings, baseline, drift)
    return CLEAN if drift.is_tolerated else DRIFT


def look_at_everything(screen: Screen, scanner: Scanner) -> Drift:
    """Return how all guardrails and all targets differ; the screen shows how far it is."""
    guardrails = range(len(scanner.baseline.guardrails))
    statuses = scanner.statuses(guardrails)
    drift = Drift(disabled=tuple(kind for kind, status in statuses.items() if status != ENABLED))
    for index in screen.track(guardrails, "Reading the guardrails"):
        drift += scanner.guardrail(index, drift.disabled)
    for target_id in screen.track(scanner.targets, "Reading the targets"):
        drift += scanner.target(target_id, drift.disabled)
    return without_gone_targets(drift)


def _check_organization(baseline: Baseline, organization: str) -> None:
    if baseline.organization != organization:
        raise BaselineError(
            f"organization: got {baseline.organization}, expected {organization}, whose credentials these are"
        )


def _history(session: Session, partition: str) -> History:
    region = REGION_OF_EVENTS.get(partition)
    client = (replace(session, region=region) if region else session).client("cloudtrail")
    return History(client, _at_once if session.endpoint_url else Pace(HALF))


def _exemptions(session: Session) -> ExemptionStore:
    return ExemptionStore(session.client("ssm"))


def _at_once(operation: str) -> None:
    """Let a call go ahead: nobody shares the rates of an embedded AWS."""


def _as_run(search: Search, baseline: Baseline) -> Reconciliation:
    """Return the run that would have found this: the findings' words are those of the mails."""
    return Reconciliation(
        trigger=Trigger(Cause.REQUEST, Scope(ScopeKind.ALL), dry_run=True),
        route=Route.RECONCILE,
        organization=baseline.organization,
        baseline_version=baseline.version,
        began_at=search.began_at,
        search=search,
    )


_STYLES = {Severity.PAGE: "red", Severity.NOTICE: "yellow"}


def _show(screen: Screen, findings: tuple[Finding, ...], baseline: Baseline, drift: Drift) -> None:
    for finding in findings:
        title = finding.title.spelled(Medium.MAIL)
        screen.line(f"{finding.kind.capitalize()}: {title}", _STYLES.get(finding.severity, ""))
        for item in finding.items:
            screen.line(f"    {item.spelled(Medium.MAIL)}")
        for author in finding.authors[:AUTHORS]:
            screen.line(f"    by {author_line(author, Medium.MAIL)}", "dim")
        if len(finding.authors) > AUTHORS:
            screen.line(f"    and by {counted(len(finding.authors) - AUTHORS, 'more event')}", "dim")
    attachments = counted(len(baseline.placements), "attachment")
    compared = f"{counted(len(baseline.guardrails), 'guardrail')} with {attachments}"
    if not findings:
        screen.verdict(f"Clean: {compared} are as declared, baseline {baseline.version}.", good=True)
        return
    found = counted(len(findings), "finding")
    if drift.is_tolerated:
        words = "what is off may be off, and all else is as declared."
        screen.verdict(f"No drift: {found} among {compared}; {words}", good=True)
        return
    following = "holdfast reconcile --dry-run says what Holdfast would restore."
    screen.verdict(f"Drift: {found} among {compared}. Next: {following}", good=False)


def _as_document(findings: tuple[Finding, ...], baseline: Baseline, drift: Drift) -> dict[str, Any]:
    return {
        "organization": baseline.organization,
        "baseline": baseline.version,
        "drift": not drift.is_tolerated,
        "findings": [_as_item(finding) for finding in findings],
    }


def _as_item(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "words": finding.title.spelled(Medium.MAIL),
        "policies": list(finding.policy_ids),
        "targets": list(finding.target_ids),
        "types": [kind.value for kind in finding.policy_types],
        "authors": [_as_author(author) for author in finding.authors],
    }


def _as_author(author: Author) -> dict[str, Any]:
    return {
        "event": author.event,
        "event_id": author.event_id,
        "at": format_timestamp(author.at),
        "principal": author.principal.arn or author.principal.name,
        "session": author.principal.session_name,
        "subject": author.subject,
    }

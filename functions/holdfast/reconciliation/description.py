"""From a run at any stage, or an input that was never read, to everything that is told about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.baseline import Baseline
from holdfast.errors import BaselineError, MalformedEventError
from holdfast.incident import Failure, parse_failure
from holdfast.reconciliation.fates import Switches
from holdfast.reconciliation.finding import NAMELESS, Names
from holdfast.reconciliation.findings import failure_finding, find
from holdfast.reconciliation.report import ReconciliationReport, is_complete, tally_of
from holdfast.reconciliation.run import Reconciliation, is_reconciliation, parse_reconciliation
from holdfast.reconciliation.trigger import Trigger, parse_trigger

_NO_ERROR = Failure("Unknown", "the state machine handed over no error")


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the function knows besides the run.

    Parameters
    ----------
    organization : str
        The organization's id, or `unknown`.
    baseline : Baseline or BaselineError
        The deployed baseline as its files say, or why it cannot be used.
    successors : mapping of str to str
        The new policy id of each declared one that was made again.
    switches : Switches or None
        What may be restored; None if the settings could not be read.
    """

    organization: str
    baseline: Baseline | BaselineError
    successors: Mapping[str, str]
    switches: Switches | None


def describe_run(
    document: Mapping[str, Any], execution_arn: str, deployment: Deployment, names: Names = NAMELESS
) -> ReconciliationReport:
    """Return everything that is told about what flows through the state machine.

    Parameters
    ----------
    document : mapping
        A run at any stage, or the raw input with `error` if Take Turn failed.
    execution_arn : str
        The execution that made the run.
    deployment : Deployment
        What is deployed.
    names : Names
        What targets and policies are called.

    Raises
    ------
    UnknownSchemaError
        If the run was written by code that this one does not know.
    """
    if not is_reconciliation(document) or _was_never_read(document):
        return _describe_input(document, execution_arn, deployment)
    return report_of(parse_reconciliation(document), execution_arn, deployment, names)


def _was_never_read(document: Mapping[str, Any]) -> bool:
    """Return whether Take Turn refused the input: then it is nobody's run, whatever it looks like.

    Only Take Turn raises this error. Whoever can start an execution must not have findings invented.
    """
    failure = parse_failure(document.get("error"))
    return failure is not None and failure.error == MalformedEventError.__name__


def report_of(
    run: Reconciliation, execution_arn: str, deployment: Deployment, names: Names = NAMELESS
) -> ReconciliationReport:
    """Return everything that is told about a run; parameters as of `describe_run`."""
    baseline = _baseline_of(run, deployment)
    return ReconciliationReport(
        execution_arn=execution_arn,
        organization=run.organization,
        findings=find(run, baseline, deployment.switches, names),
        baseline_version=run.baseline_version,
        trigger=run.trigger,
        tally=tally_of(run),
        complete=is_complete(run),
        reads=run.search.reads if run.search else 0,
        checked=len(run.wiring.checked) if run.wiring else 0,
        outdated=_outdated(baseline),
    )


def _baseline_of(run: Reconciliation, deployment: Deployment) -> Baseline | None:
    """Return the baseline that the run's numbers are for; None if another one is deployed, or none."""
    baseline = deployment.baseline
    if not isinstance(baseline, Baseline) or baseline.version != run.baseline_version:
        return None
    made = {**run.policies.recreated, **run.policies.found} if run.policies else {}
    if not all(index < len(baseline.guardrails) for index in made):
        return None
    just_made = {baseline.guardrails[index].policy_id: policy_id for index, policy_id in made.items()}
    adopted = baseline.adopting({**deployment.successors, **just_made})
    return adopted.disowning(run.search.drift.disowned) if run.search else adopted


def _outdated(adopted: Baseline | None) -> int:
    return sum(guardrail.declared_id is not None for guardrail in adopted.guardrails) if adopted else 0


def _describe_input(
    document: Mapping[str, Any], execution_arn: str, deployment: Deployment
) -> ReconciliationReport:
    given = {key: value for key, value in document.items() if key != "error"}
    failure = parse_failure(document.get("error")) or _NO_ERROR
    baseline = deployment.baseline
    return ReconciliationReport(
        execution_arn=execution_arn,
        organization=deployment.organization,
        findings=(failure_finding("input", failure),),
        baseline_version=baseline.version if isinstance(baseline, Baseline) else None,
        trigger=_trigger_of(given),
        outdated=_outdated(
            baseline.adopting(deployment.successors) if isinstance(baseline, Baseline) else None
        ),
        raw_input=json.dumps(given, ensure_ascii=False),
    )


def _trigger_of(given: Mapping[str, Any]) -> Trigger | None:
    """Return what a run was to begin for, if its input can be read."""
    try:
        return parse_trigger(given)
    except MalformedEventError:
        return None

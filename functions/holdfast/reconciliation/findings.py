"""What a reconciliation has to tell, each with what was done about it, who did it, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from holdfast.baseline import Baseline
from holdfast.failures import explain
from holdfast.incident import Failure
from holdfast.outcome import Severity
from holdfast.reconciliation.differences import Comparison
from holdfast.reconciliation.drift import Drift
from holdfast.reconciliation.exemption_findings import unheeded_findings
from holdfast.reconciliation.fates import Done, Switches
from holdfast.reconciliation.finding import (
    NAMELESS,
    RECONCILE,
    Finding,
    Kind,
    Names,
    author_of,
    digest,
    target_words,
    why,
)
from holdfast.reconciliation.run import Fault, Reconciliation, Wiring
from holdfast.reconciliation.sentence import Outside, counted, say
from holdfast.reconciliation.trigger import Change, ChangeKind


def find(
    run: Reconciliation, baseline: Baseline | None, switches: Switches | None, names: Names = NAMELESS
) -> tuple[Finding, ...]:
    """Return what a run has to tell, what failed first, then what is to be looked at at once.

    Parameters
    ----------
    run : Reconciliation
        The run at any stage.
    baseline : Baseline or None
        The baseline that its indices are for, successors adopted; None if it cannot be had.
    switches : Switches or None
        What may be restored; None if the settings could not be read.
    names : Names
        What targets and policies are called.
    """
    found = [*_failures(run.failures), *_of_change(run, names), *_of_wiring(run)]
    found += unheeded_findings(run.search.unheeded) if run.search else ()
    if baseline is None:
        found += _unresolved(run)
    else:
        found += Comparison(run, baseline, switches, names).findings()
    return tuple(sorted(found, key=_place_in_order))


_KINDS = tuple(Kind)


def _place_in_order(finding: Finding) -> tuple[bool, bool, bool, int]:
    return (
        finding.done is not Done.FAILED,
        finding.severity is not Severity.PAGE,
        not finding.is_standing,
        _KINDS.index(finding.kind),
    )


def _failures(failures: Mapping[str, Failure]) -> Iterator[Finding]:
    for part, failure in failures.items():
        yield failure_finding(part, failure)


_TITLE_OF_PART = {
    "run": "the run could not go on",
    "drift": "the search for drift failed",
    "types": "policy types could not be switched on",
    "policies": "policies could not be restored",
    "attachments": "attachments could not be restored",
    "coverage": "an account's guardrails could not be compared",
    "wiring": "Holdfast's own wiring could not be checked",
    "input": "a run could not begin",
}


def failure_finding(part: str, failure: Failure) -> Finding:
    """Return the finding that a task failed, by the part of the document that it should have become."""
    return Finding(
        kind=Kind.TASK_FAILED,
        done=Done.FAILED,
        severity=Severity.PAGE,
        subject=f"{part}/{failure.error}"[:_SUBJECT_LIMIT],
        title=say(_TITLE_OF_PART[part]),
        action=why(failure),
        remedy=say(explain(failure.error).cure),
        commands=(RECONCILE,),
        failure=failure,
    )


_SUBJECT_LIMIT = 200


def _of_change(run: Reconciliation, names: Names) -> Iterator[Finding]:
    change = run.trigger.change
    if change is None or change.kind not in _TITLES_OF_CHANGE or change.member_id is None:
        if change is not None and change.kind is ChangeKind.PUT_RESOURCE_POLICY:
            yield _resource_policy(change)
        return
    kind, words, remedy, commands = _TITLES_OF_CHANGE[change.kind]
    method = say(" (method ", Outside(change.method), ")") if change.method else say()
    yield Finding(
        kind=kind,
        done=Done.REPORTED,
        severity=Severity.PAGE,
        subject=f"{change.member_id}/{change.event_id}",
        title=say(target_words(change.member_id, names), words, method),
        meaning=_MEANING_OF_CHANGE[kind],
        action=say(_ALERT_ONLY),
        remedy=say(remedy),
        commands=commands,
        authors=(author_of(change),),
        target_ids=(change.member_id,),
    )


_ALERT_ONLY = "Nothing: Holdfast only tells of it."
_TITLES_OF_CHANGE: Mapping[ChangeKind, tuple[Kind, str, str, tuple[tuple[str, str], ...]]] = {
    ChangeKind.ACCOUNT_DEPARTED: (
        Kind.ACCOUNT_DEPARTED,
        " left the organization",
        "If nobody planned it, treat whoever did it as an attacker, and invite the account again.",
        (),
    ),
    ChangeKind.REGISTER_DELEGATED_ADMINISTRATOR: (
        Kind.DELEGATED_ADMINISTRATOR,
        " was made a delegated administrator",
        "Ask whoever did it. If nobody planned it, deregister the account.",
        (("To list them", "aws organizations list-delegated-administrators"),),
    ),
}
_MEANING_OF_CHANGE = {
    Kind.ACCOUNT_DEPARTED: "All guardrails of this organization are gone for it.",
    Kind.DELEGATED_ADMINISTRATOR: (
        "What its administrators may do in the whole organization depends on the service and on the "
        "delegation policy: it may be more than before."
    ),
    Kind.RESOURCE_POLICY: (
        "It says which member accounts may manage the organization's policies: it may be more than before."
    ),
}


def _resource_policy(change: Change) -> Finding:
    return Finding(
        kind=Kind.RESOURCE_POLICY,
        done=Done.REPORTED,
        severity=Severity.PAGE,
        subject=change.event_id,
        title=say("the organization's delegation policy was set or changed"),
        meaning=_MEANING_OF_CHANGE[Kind.RESOURCE_POLICY],
        action=say(_ALERT_ONLY),
        remedy=say("Read it, and ask whoever did it whether it was planned."),
        commands=(("To read it", "aws organizations describe-resource-policy"),),
        authors=(author_of(change),),
    )


def _of_wiring(run: Reconciliation) -> Iterator[Finding]:
    if run.wiring is None:
        return
    if run.wiring.blind:
        yield _blind(run.wiring)
    for fault in run.wiring.faults:
        yield _fault(fault)


def _blind(wiring: Wiring) -> Finding:
    events = wiring.blind
    lookup = "aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventId,AttributeValue="
    detaches = counted(len(events), "detach of a guardrail", "detaches of guardrails")
    return Finding(
        kind=Kind.BLIND,
        done=Done.REPORTED,
        severity=Severity.PAGE,
        subject=digest(events),
        title=say(f"the fast path is blind: {detaches} went unnoticed"),
        meaning="CloudTrail's history has the event, and no execution began with it.",
        action=say("The attachments themselves were compared with the baseline in this run."),
        remedy=say(
            "Mend what is wrong with the wiring, if it is told below; then look at the trail, at the detach "
            "rule and at the dead-letter queue, and find out what else was done meanwhile."
        ),
        commands=(("To see the event", lookup + events[0]),),
        items=tuple(say(f"event {event}") for event in events),
        authors=wiring.authors,
        count=len(events),
    )


def _fault(fault: Fault) -> Finding:
    return Finding(
        kind=Kind.WIRING,
        done=Done.REPORTED,
        severity=Severity.PAGE,
        subject=digest([fault.part, fault.finding]),
        title=say(
            Outside(fault.part), " is not as it should be: ", Outside(fault.finding.rstrip("."), _FAULT_LIMIT)
        ),
        action=say("Nothing: Holdfast does not change itself."),
        remedy=say(Outside(fault.remedy, _FAULT_LIMIT)),
    )


_FAULT_LIMIT = 300


def _unresolved(run: Reconciliation) -> Iterator[Finding]:
    """Tell counts: another baseline than the run's is deployed now, so that its numbers name nothing here."""
    drift = run.search.drift if run.search else Drift()
    counts = _counts_of(drift) if run.coverage is None else [counted(len(run.coverage.lost), "guardrail")]
    if not counts or (run.coverage and not run.coverage.lost):
        return
    yield Finding(
        kind=Kind.UNRESOLVED,
        done=Done.REPORTED,
        severity=Severity.PAGE,
        subject=run.baseline_version,
        title=say(
            f"what differs cannot be named, as the baseline {run.baseline_version} is no longer at hand"
        ),
        meaning=f"Found by that baseline: {', '.join(counts)}.",
        action=say("See the counts: what was restored was confirmed, and what failed is in the execution."),
        remedy=say("Run the reconciliation again: it names everything by the baseline that is deployed now."),
        commands=(RECONCILE,),
        policy_types=drift.disabled,
    )


def _counts_of(drift: Drift) -> list[str]:
    named = (
        (len(drift.disabled), "policy type switched off", "policy types switched off"),
        (len(drift.gone), "policy deleted", "policies deleted"),
        (len(drift.changed), "text changed", "texts changed"),
        (len(drift.missing), "attachment missing by itself", "attachments missing by themselves"),
        (len(drift.sanctioned), "sanctioned detach", "sanctioned detaches"),
        (len(drift.exempt_placements), "exempt attachment", "exempt attachments"),
        (len(drift.strangers), "target with unknown policies", "targets with unknown policies"),
        (
            len(drift.gone_targets),
            "attachment to a target that is gone",
            "attachments to targets that are gone",
        ),
    )
    return [counted(number, one, many) for number, one, many in named if number]

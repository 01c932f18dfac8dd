"""One run of each kind, by the name of the mail that tells it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from holdfast.attachment import PolicyType
from holdfast.baseline import Baseline
from holdfast.exemption import PATH, BrokenExemption
from holdfast.incident import Failure
from holdfast.principal import Principal
from holdfast.reconciliation.description import Deployment, describe_run, report_of
from holdfast.reconciliation.drift import (
    Author,
    Drift,
    Exempt,
    Impostor,
    Moved,
    Namesake,
    Plan,
    Renamed,
    Search,
    Stage,
    Stranger,
    Unheeded,
)
from holdfast.reconciliation.fates import Switches
from holdfast.reconciliation.finding import Names
from holdfast.reconciliation.inspection import wiring_document
from holdfast.reconciliation.report import ReconciliationReport
from holdfast.reconciliation.run import (
    Coverage,
    Fault,
    Reconciliation,
    Refusal,
    RestoredAttachments,
    RestoredPolicies,
    RestoredTypes,
    Wiring,
    refusal_document,
)
from holdfast.reconciliation.trigger import Cause, Change, ChangeKind, Route, Scope, ScopeKind, Trigger
from holdfast.settings import Mode, Restoring
from tests.unit.examples import (
    DETACHED,
    DEVELOPER,
    EVENT_ID,
    MANAGEMENT_ACCOUNT,
    NOW,
    ORGANIZATION,
    PAYMENTS_PROD,
    SANDBOX,
    WORKLOADS,
    example_baseline,
)

RUN = (
    "arn:aws:states:us-east-1:111122223333:execution:holdfast-reconcile:0a1b2c3d-4e5f-4a6b-8c7d-9e8f7a6b5c4d"
)
SCP = PolicyType.SERVICE_CONTROL_POLICY
BASELINE = example_baseline()
EVERYTHING = Restoring(attachments=True, policy_types=True, policies=True)
ATTACHMENTS_ONLY = Restoring(attachments=True, policy_types=False, policies=False)
ALL_ON = Switches(Mode.REMEDIATE, EVERYTHING)
AS_DEPLOYED = Switches(Mode.REMEDIATE, ATTACHMENTS_ONLY)
NAMES = Names(
    targets={
        WORKLOADS: "Workloads",
        SANDBOX: "Sandbox",
        "ou-exme-8tio7fay": "Prod",
        "ou-exme-cbm7ma1f": "Security",
        PAYMENTS_PROD: "payments-prod",
    },
    policies={"p-stuffing01": "Stuffing"},
)

SCHEDULED = Trigger(Cause.SCHEDULE, Scope(ScopeKind.ALL))
REQUESTED = Trigger(Cause.REQUEST, Scope(ScopeKind.ALL))


def change(kind: ChangeKind, **fields: Any) -> Change:
    """Return an event of the developer's."""
    return Change(kind, EVENT_ID, DETACHED, MANAGEMENT_ACCOUNT, DEVELOPER, **fields)


def caused_by(kind: ChangeKind, scope: Scope | None = None, **fields: Any) -> Trigger:
    """Return the trigger of such an event."""
    return Trigger(Cause.EVENT, scope or Scope(ScopeKind.EVENT, EVENT_ID), change=change(kind, **fields))


def by_developer(event: str, subject: str, number: int = 1) -> Author:
    """Return the developer as the author of a change."""
    event_id = f"00000000-0000-4000-8000-{number:012}"
    return Author(event, event_id, DETACHED + timedelta(minutes=number), DEVELOPER, subject)


def searched(drift: Drift, *authors: Author, plan: Plan | None = None) -> Search:
    """Return a search that came to its end."""
    stage = Stage.CLEAN if drift.is_clean else Stage.DRIFTED
    return Search(stage, NOW, drift=drift, plan=plan or Plan(), authors=authors, reads=42)


CLEAN = Reconciliation(
    trigger=SCHEDULED,
    route=Route.RECONCILE,
    organization=ORGANIZATION,
    baseline_version=BASELINE.version,
    began_at=NOW,
    search=searched(Drift()),
    types=RestoredTypes(),
    policies=RestoredPolicies({}, {}),
    attachments=RestoredAttachments(),
    wiring=Wiring(checked=("the trail", "3 rules")),
)

DISABLED = Drift(disabled=(SCP,))
SCP_PLACEMENTS = (0, 1, 4, 5, 6, 7, 8)
BY_DISABLING = caused_by(
    ChangeKind.DISABLE_POLICY_TYPE, Scope(ScopeKind.POLICY_TYPE, SCP.value), policy_type=SCP
)
RESTORED_AFTER_DISABLING = replace(
    CLEAN,
    trigger=BY_DISABLING,
    search=searched(DISABLED, plan=Plan(types=(SCP,), chunks=(SCP_PLACEMENTS,))),
    types=RestoredTypes(enabled=(SCP,)),
    attachments=RestoredAttachments(restored=SCP_PLACEMENTS),
    wiring=None,
)
BROKEN = BrokenExemption(
    f"{PATH}/all",
    "until: got '2026-12-24T09:00:00Z', expected 2026-11-29T09:00:00Z at the latest, 7 days after its change",
)


def exempt(name: str, *placements: int, ticket: str | None = "CHG-7") -> Exempt:
    """Return what is off under an exemption that ends in two hours."""
    return Exempt(name, NOW + timedelta(hours=2), "the region moves", ticket, placements)


MUCH = Drift(
    disabled=(PolicyType.TAG_POLICY,),
    gone=(0,),
    changed=(1,),
    missing=(7,),
)
QUOTA = Refusal(
    "AttachmentQuotaExceededError",
    "AttachPolicy: ConstraintViolationException (MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED): You have "
    "attached the maximum number of policies to the specified target.",
    (5,),
)

_RUNS: Mapping[str, tuple[Reconciliation, Switches]] = {
    "clean": (CLEAN, ALL_ON),
    "restored_after_disable_policy_type": (RESTORED_AFTER_DISABLING, ALL_ON),
    "reported_as_switches_are_off": (
        replace(
            CLEAN,
            search=searched(
                MUCH,
                by_developer("DisablePolicyType", "TAG_POLICY"),
                by_developer("DeletePolicy", "p-lp0dxjlp", 2),
                by_developer("DetachPolicy", f"p-7dj3cien/{WORKLOADS}", 3),
            ),
        ),
        Switches(Mode.REMEDIATE, Restoring(attachments=False, policy_types=False, policies=False)),
    ),
    "reported_in_alert_only_mode": (
        replace(CLEAN, search=searched(MUCH)),
        Switches(Mode.ALERT_ONLY, EVERYTHING),
    ),
    "dry_run": (
        replace(CLEAN, trigger=replace(REQUESTED, dry_run=True), search=searched(Drift(missing=(5, 8)))),
        ALL_ON,
    ),
    "failed_in_part": (
        replace(
            CLEAN,
            search=searched(
                Drift(missing=(4, 5, 7, 8)),
                by_developer("DetachPolicy", f"p-7dj3cien/{WORKLOADS}"),
                by_developer("DetachPolicy", f"p-cg404d5t/{PAYMENTS_PROD}", 2),
                plan=Plan(chunks=((4, 5), (7, 8))),
            ),
            attachments=RestoredAttachments(
                restored=(7,),
                already=(4,),
                refused=(
                    QUOTA,
                    replace(
                        QUOTA,
                        error="AttachmentNotVisibleError",
                        message="p-cg404d5t does not show yet",
                        items=(8,),
                    ),
                ),
            ),
        ),
        AS_DEPLOYED,
    ),
    "failed_to_go_on": (
        replace(
            CLEAN,
            search=replace(searched(Drift(missing=(7,))), stage=Stage.READING),
            types=None,
            policies=None,
            attachments=None,
            wiring=None,
            failures={
                "run": Failure(
                    "OrganizationsThrottledError", "ListTargetsForPolicy: TooManyRequestsException"
                )
            },
        ),
        AS_DEPLOYED,
    ),
    "blind": (
        replace(
            CLEAN,
            search=searched(Drift()),
            wiring=Wiring(
                checked=("the trail", "3 rules"),
                faults=(
                    Fault(
                        "DetachRule",
                        "The rule is DISABLED: its events start nothing.",
                        "Enable it (aws events enable-rule), unless it was disabled to stop Holdfast.",
                    ),
                ),
                blind=(EVENT_ID, "00000000-0000-4000-8000-000000000001"),
                authors=(by_developer("DetachPolicy", "p-lp0dxjlp/r-exme"),),
            ),
        ),
        ALL_ON,
    ),
    "account_moved": (
        replace(
            CLEAN,
            trigger=caused_by(
                ChangeKind.MOVE_ACCOUNT,
                member_id=PAYMENTS_PROD,
                source_parent="ou-exme-8tio7fay",
                destination_parent=SANDBOX,
            ),
            route=Route.COMPARE_COVERAGE,
            search=None,
            coverage=Coverage(
                PAYMENTS_PROD, 2, ("ou-exme-8tio7fay", WORKLOADS, "r-exme"), (SANDBOX, "r-exme"), (1, 2)
            ),
        ),
        ALL_ON,
    ),
    "account_joined": (
        replace(
            CLEAN,
            trigger=caused_by(ChangeKind.ACCOUNT_JOINED, member_id=PAYMENTS_PROD, method="INVITED"),
            route=Route.COMPARE_COVERAGE,
            search=None,
            coverage=Coverage(PAYMENTS_PROD, 2, (), ("r-exme",), (2, 3)),
        ),
        ALL_ON,
    ),
    "account_departed": (
        replace(
            CLEAN,
            trigger=caused_by(ChangeKind.ACCOUNT_DEPARTED, member_id=PAYMENTS_PROD, method="LEFT"),
            route=Route.REPORT,
            search=None,
        ),
        ALL_ON,
    ),
    "delegated_administrator": (
        replace(
            CLEAN,
            trigger=caused_by(ChangeKind.REGISTER_DELEGATED_ADMINISTRATOR, member_id=PAYMENTS_PROD),
            route=Route.REPORT,
            search=None,
        ),
        ALL_ON,
    ),
    "delegation_policy": (
        replace(CLEAN, trigger=caused_by(ChangeKind.PUT_RESOURCE_POLICY), route=Route.REPORT, search=None),
        ALL_ON,
    ),
    "name_squatted": (
        replace(
            CLEAN,
            search=searched(
                Drift(gone=(0,), namesakes=(Namesake(0, "p-squatter01"),)),
                by_developer("DeletePolicy", "p-lp0dxjlp"),
                plan=Plan(policies=(0,), chunks=((0,),)),
            ),
            policies=RestoredPolicies({0: "p-madeagain1"}, {}, renamed=(0,)),
            attachments=RestoredAttachments(restored=(0,)),
        ),
        ALL_ON,
    ),
    "place_taken": (
        replace(
            CLEAN,
            search=searched(Drift(impostors=(Impostor(0, "p-impostor01"),)), plan=Plan(policies=(0,))),
            policies=RestoredPolicies({}, {}),
        ),
        ALL_ON,
    ),
    "only_notices": (
        replace(
            CLEAN,
            search=searched(
                Drift(
                    renamed=(Renamed(1, "Temporary", None), Renamed(2, None, "for now")),
                    moved=(Moved(0, "p-madeagain1"),),
                    in_progress=(7,),
                    sanctioned=(5,),
                    gone_targets=(8,),
                    strangers=(Stranger(WORKLOADS, SCP, ("p-stuffing01", "p-stuffing02"), 3),),
                ),
                by_developer("UpdatePolicy", "p-7xfb7xkf"),
            ),
        ),
        AS_DEPLOYED,
    ),
    "off_under_exemptions": (
        replace(
            CLEAN,
            search=replace(
                searched(
                    Drift(
                        exempt=(
                            exempt(f"{PATH}/p-7dj3cien/{WORKLOADS}", 7),
                            exempt(f"{PATH}/p-7xfb7xkf", 1, 4, ticket=None),
                            Exempt(None, NOW + timedelta(hours=1), "", None, (0, 5), 3),
                        )
                    ),
                    by_developer("DetachPolicy", f"p-7dj3cien/{WORKLOADS}"),
                ),
                unheeded=Unheeded((BROKEN,), more=2),
            ),
        ),
        ALL_ON,
    ),
    "restored_without_exemptions": (
        replace(
            CLEAN,
            search=replace(
                searched(Drift(missing=(7,)), plan=Plan(chunks=((7,),))),
                unheeded=Unheeded(refused="ssm GetParametersByPath: AccessDeniedException: no"),
            ),
            attachments=RestoredAttachments(restored=(7,)),
        ),
        ALL_ON,
    ),
    "slots_filled": (
        replace(
            CLEAN,
            trigger=caused_by(
                ChangeKind.ATTACH_POLICY,
                Scope(ScopeKind.TARGET, WORKLOADS),
                policy_id="p-stuffing01",
                target_id=WORKLOADS,
            ),
            search=searched(Drift(strangers=(Stranger(WORKLOADS, SCP, ("p-stuffing01",), 0),))),
            wiring=None,
        ),
        AS_DEPLOYED,
    ),
}
RUNS = {name: run for name, (run, _) in _RUNS.items()}


def document_of(run: Reconciliation) -> dict[str, Any]:
    """Return the document in which a run stands, as the state machine hands it on."""
    document = run.to_document()
    if run.search:
        document["drift"] = run.search.to_document()
    if run.types:
        document["types"] = {
            "enabled": list(run.types.enabled),
            "refused": list(map(refusal_document, run.types.refused)),
        }
    if run.policies:
        document["policies"] = {
            "recreated": {str(index): policy_id for index, policy_id in run.policies.recreated.items()},
            "found": {str(index): policy_id for index, policy_id in run.policies.found.items()},
            "rewritten": list(run.policies.rewritten),
            "renamed": list(run.policies.renamed),
            "refused": list(map(refusal_document, run.policies.refused)),
        }
    if run.attachments:
        restored = asdict(run.attachments)
        document["attachments"] = [{**restored, "remaining": []}]
    if run.coverage:
        document["coverage"] = {**asdict(run.coverage), "stage": "done"}
    if run.wiring:
        document["wiring"] = wiring_document(run.wiring)
    for part, failure in run.failures.items():
        caught = {"Error": failure.error, "Cause": failure.message}
        document["error" if part == "run" else f"{part}_error"] = caught
    return document


def worded(name: str, word: Callable[[str], str]) -> ReconciliationReport:
    """Return what is told about a run in which every word from outside is another one.

    Parameters
    ----------
    name : str
        The run.
    word : callable
        Returns what stands in the place of a word.
    """
    run, switches = _RUNS[name]

    def other(given: str | None) -> str | None:
        return given and (word(given) or "-")

    def principal(given: Principal) -> Principal:
        return replace(
            given,
            name=other(given.name),
            account_id=other(given.account_id),
            session_name=other(given.session_name),
            source_identity=other(given.source_identity),
        )

    def refusal(given: Refusal) -> Refusal:
        return replace(given, message=word(given.message))

    trigger = run.trigger
    if trigger.change:
        changed = replace(
            trigger.change, principal=principal(trigger.change.principal), method=other(trigger.change.method)
        )
        trigger = replace(trigger, change=changed)
    search = run.search
    if search:
        renamed = tuple(
            replace(entry, name=other(entry.name), description=other(entry.description))
            for entry in search.drift.renamed
        )
        authors = tuple(replace(author, principal=principal(author.principal)) for author in search.authors)
        under = tuple(
            replace(entry, reason=word(entry.reason), ticket=other(entry.ticket))
            for entry in search.drift.exempt
        )
        broken = tuple(replace(entry, problem=word(entry.problem)) for entry in search.unheeded.broken)
        unheeded = replace(search.unheeded, broken=broken, refused=other(search.unheeded.refused))
        drift = replace(search.drift, renamed=renamed, exempt=under)
        search = replace(search, drift=drift, authors=authors, unheeded=unheeded)
    attachments = run.attachments and replace(
        run.attachments, refused=tuple(map(refusal, run.attachments.refused))
    )
    wiring = run.wiring and replace(
        run.wiring,
        faults=tuple(
            Fault(word(fault.part), word(fault.finding), word(fault.remedy)) for fault in run.wiring.faults
        ),
    )
    failures = {
        part: replace(failure, message=word(failure.message)) for part, failure in run.failures.items()
    }
    guardrails = tuple(
        replace(guardrail, name=word(guardrail.name) or "-") for guardrail in BASELINE.guardrails
    )
    names = Names(
        {target: word(given) for target, given in NAMES.targets.items()},
        {policy_id: word(given) for policy_id, given in NAMES.policies.items()},
    )
    return reported(
        replace(
            run, trigger=trigger, search=search, attachments=attachments, wiring=wiring, failures=failures
        ),
        switches,
        replace(BASELINE, guardrails=guardrails),
        names,
    )


def deployed(switches: Switches | None, successors: Mapping[str, str] | None = None) -> Deployment:
    """Return a deployment of the example baseline."""
    return Deployment(ORGANIZATION, BASELINE, successors or {}, switches)


def reported(
    run: Reconciliation,
    switches: Switches | None = ALL_ON,
    baseline: Baseline = BASELINE,
    names: Names = NAMES,
) -> ReconciliationReport:
    """Return what is told about a run, with names."""
    moved = run.search.drift.moved if run.search else ()
    successors = {baseline.guardrails[entry.guardrail].policy_id: entry.policy_id for entry in moved}
    deployment = replace(deployed(switches, successors), baseline=baseline)
    return report_of(run, RUN, deployment, names)


UNREAD = {"cause": "whim", "error": {"Error": "MalformedEventError", "Cause": "input.cause: got 'whim'"}}

REPORTS = {
    **{name: reported(run, switches) for name, (run, switches) in _RUNS.items()},
    "failed_to_begin": describe_run(UNREAD, RUN, deployed(ALL_ON)),
    "failed_with_another_baseline": describe_run(
        document_of(
            replace(
                CLEAN,
                baseline_version="0123456789ab",
                search=searched(MUCH),
                failures={"run": Failure("BaselineChangedError", "baseline: got another")},
            )
        ),
        RUN,
        deployed(ALL_ON),
    ),
}
"""What is told about each of them."""

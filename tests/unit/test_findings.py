from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.attachment import PolicyType
from holdfast.exemption import ALL, PATH, BrokenExemption
from holdfast.incident import Failure
from holdfast.outcome import Severity
from holdfast.quoting import Medium
from holdfast.reconciliation.drift import Drift, Moved, Plan, Unheeded
from holdfast.reconciliation.fates import Done, Switches
from holdfast.reconciliation.finding import Finding, Kind
from holdfast.reconciliation.findings import find
from holdfast.reconciliation.report import ReconciliationReport, RunOutcome
from holdfast.reconciliation.run import (
    Refusal,
    RestoredAttachments,
    RestoredPolicies,
    RestoredTypes,
    Wiring,
)
from holdfast.reconciliation.sentence import Sentence
from holdfast.reconciliation.trigger import Cause, Scope, ScopeKind, Trigger
from holdfast.settings import Mode, Restoring
from tests.unit.examples import DENY_REGIONS, DEVELOPER, EVENT_ID, PAYMENTS_PROD, WORKLOADS
from tests.unit.runs import (
    ALL_ON,
    AS_DEPLOYED,
    BASELINE,
    CLEAN,
    EVERYTHING,
    MUCH,
    REPORTS,
    REQUESTED,
    RESTORED_AFTER_DISABLING,
    SCP,
    by_developer,
    exempt,
    reported,
    searched,
)
from tests.unit.test_drift import large_baseline


def found(
    drift: Drift, switches: Switches | None = ALL_ON, plan: Plan | None = None, **parts: Any
) -> tuple[Finding, ...]:
    """Return the findings of a run that found `drift`, planned `plan` and has these parts."""
    run = replace(CLEAN, search=searched(drift, plan=plan), **parts)
    return reported(run, switches).findings


def spelled(sentence: Sentence) -> str:
    return sentence.spelled(Medium.MAIL)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clean", []),
        (
            "restored_after_disable_policy_type",
            ["policy type disabled restored page", *["attachments missing restored notice"] * 5],
        ),
        (
            "reported_as_switches_are_off",
            [
                "policy type disabled withheld page",
                "policy deleted withheld page",
                "text changed withheld page",
                *["attachments missing withheld page"] * 3,
            ],
        ),
        ("dry_run", ["attachments missing withheld page"]),
        (
            "failed_in_part",
            [
                *["attachments missing failed page"] * 2,
                "attachments missing restored by others notice",
                "attachments missing restored notice",
            ],
        ),
        ("failed_to_go_on", ["task failed failed page", "attachments missing withheld page"]),
        ("blind", ["fast path blind reported page", "wiring reported page"]),
        ("account_moved", ["coverage lost reported page"]),
        ("account_joined", ["coverage lost reported page"]),
        ("account_departed", ["account departed reported page"]),
        ("delegated_administrator", ["delegated administrator registered reported page"]),
        ("delegation_policy", ["resource policy put reported page"]),
        (
            "name_squatted",
            [
                "name taken reported page",
                "policy deleted restored page",
                "new id reported notice",
                "attachments missing restored notice",
            ],
        ),
        (
            "only_notices",
            [
                "unknown policies reported notice",
                "sanctioned reported notice",
                "target gone reported notice",
                "new id reported notice",
                *["renamed reported notice"] * 2,
            ],
        ),
        (
            "off_under_exemptions",
            [*["broken exemption reported notice"] * 2, *["exempt reported notice"] * 3],
        ),
        (
            "restored_without_exemptions",
            ["exemptions not read reported page", "attachments missing restored notice"],
        ),
        ("slots_filled", ["unknown policies reported page"]),
        ("failed_to_begin", ["task failed failed page"]),
        ("failed_with_another_baseline", ["task failed failed page", "not resolved reported page"]),
    ],
)
def test_a_run_has_its_findings_the_gravest_first(name: str, expected: list[str]) -> None:
    findings = REPORTS[name].findings
    assert [f"{finding.kind} {finding.done} {finding.severity}" for finding in findings] == expected


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("clean", RunOutcome.CLEAN),
        ("restored_after_disable_policy_type", RunOutcome.RECONCILED),
        ("reported_in_alert_only_mode", RunOutcome.DRIFT_FOUND),
        ("dry_run", RunOutcome.DRIFT_FOUND),
        ("failed_in_part", RunOutcome.FAILED),
        ("failed_to_go_on", RunOutcome.FAILED),
        ("blind", RunOutcome.DRIFT_FOUND),
        ("account_moved", RunOutcome.DRIFT_FOUND),
        ("name_squatted", RunOutcome.RECONCILED),
        ("failed_to_begin", RunOutcome.FAILED),
    ],
)
def test_a_run_has_its_outcome(name: str, outcome: RunOutcome) -> None:
    assert REPORTS[name].outcome is outcome


@pytest.mark.parametrize(
    ("drift", "outcome"),
    [
        (Drift(exempt=(exempt(f"{PATH}/p-7dj3cien/{WORKLOADS}", 7),)), RunOutcome.CLEAN),
        (Drift(sanctioned=(7,)), RunOutcome.CLEAN),
        (Drift(exempt=(exempt(f"{PATH}/p-7dj3cien/{WORKLOADS}", 7),), gone=(0,)), RunOutcome.DRIFT_FOUND),
    ],
    ids=["exempt", "sanctioned", "exempt, and a policy is gone"],
)
def test_what_may_be_off_for_a_while_is_no_drift(drift: Drift, outcome: RunOutcome) -> None:
    run = replace(CLEAN, search=searched(drift))

    assert reported(run).outcome is outcome


def test_what_the_fast_path_is_restoring_is_no_finding() -> None:
    assert found(Drift(in_progress=(7,))) == ()


def asked_for(policy_id: str, target_id: str) -> Trigger:
    return Trigger(Cause.REQUEST, Scope(ScopeKind.ATTACHMENT, f"{policy_id}/{target_id}"), at_once=True)


def test_a_request_for_an_attachment_that_is_not_declared_is_answered() -> None:
    (unknown,) = found(Drift(), trigger=asked_for("p-unknown001", WORKLOADS))
    assert (unknown.kind, unknown.done, unknown.severity) == (Kind.UNDECLARED, Done.REPORTED, Severity.NOTICE)
    assert (
        spelled(unknown.title)
        == f"the baseline does not declare p-unknown001 on OU “Workloads” ({WORKLOADS})"
    )
    assert unknown.commands == ()
    assert found(Drift(), trigger=asked_for(DENY_REGIONS, WORKLOADS)) == ()


def test_a_request_for_a_guardrail_that_may_be_anywhere_is_answered_with_how_to_attach_it() -> None:
    anywhere = tuple(replace(guardrail, targets=None) for guardrail in BASELINE.guardrails)
    run = replace(CLEAN, trigger=asked_for(DENY_REGIONS, WORKLOADS))
    (finding,) = reported(run, ALL_ON, replace(BASELINE, guardrails=anywhere)).findings
    assert finding.kind is Kind.UNDECLARED
    command = f"aws organizations attach-policy --policy-id {DENY_REGIONS} --target-id {WORKLOADS}"
    assert finding.commands == (("To attach it", command),)


def test_an_exemption_is_told_with_the_command_that_revokes_it() -> None:
    names = {
        f"{PATH}/{DENY_REGIONS}/{WORKLOADS}": f"{DENY_REGIONS} {WORKLOADS}",
        f"{PATH}/{DENY_REGIONS}": f"{DENY_REGIONS} all",
        ALL: "all",
    }
    commands = {name: found(Drift(exempt=(exempt(name, 7),)))[0].commands for name in names}
    assert commands == {
        name: (("To revoke it", f"holdfast exempt revoke {what}"),) for name, what in names.items()
    }


def test_what_is_off_under_an_exemption_is_told_with_who_detached_it() -> None:
    detached = by_developer("DetachPolicy", f"{DENY_REGIONS}/{WORKLOADS}")
    run = replace(CLEAN, search=searched(Drift(exempt=(exempt(ALL, 7, 5),)), detached))
    (finding,) = reported(run).findings
    assert finding.authors == (detached,)
    assert (finding.count, finding.policy_ids) == (2, (DENY_REGIONS, "p-cg404d5t"))
    assert spelled(finding.title).startswith(
        "2 attachments of 2 guardrails are off under an exemption until "
    )


@pytest.mark.parametrize(
    ("name", "command"),
    [
        (f"{PATH}/p-nonsense/elsewhere", f"aws ssm delete-parameter --name {PATH}/p-nonsense/elsewhere"),
        (f"{PATH}/{'x' * 300}"[:250] + "…", "holdfast exempt list"),
        (f"{PATH}/$(reboot)", "holdfast exempt list"),
        (f"{PATH}/--force\n", "holdfast exempt list"),
    ],
)
def test_a_broken_exemption_is_told_with_a_command_only_if_its_name_is_one_word(
    name: str, command: str
) -> None:
    unheeded = Unheeded((BrokenExemption(name, "name: got another"),))
    (finding,) = reported(replace(CLEAN, search=replace(searched(Drift()), unheeded=unheeded))).findings
    assert [given for _, given in finding.commands] == [command]


def test_a_key_changes_when_an_exemption_is_prolonged_or_covers_more() -> None:
    first = exempt(ALL, 7)
    others = (replace(first, until=first.until + timedelta(hours=1)), replace(first, placements=(5, 7)))
    keys = {found(Drift(exempt=(one,)))[0].key for one in (first, first, *others)}
    assert len(keys) == 3


def test_five_thousand_exempt_attachments_are_told_in_no_time() -> None:
    large = large_baseline(guardrails=200, targets=25)
    drift = Drift(exempt=(exempt(ALL, *range(5_000)),))
    run = replace(CLEAN, baseline_version=large.version, search=searched(drift))
    began = time.process_time()
    (finding,) = reported(run, ALL_ON, large).findings
    assert time.process_time() - began < 2
    assert finding.count == 5_000


def test_what_is_told_by_itself_is_not_called_missing_too() -> None:
    drift = Drift(gone=(3,), sanctioned=(5,), gone_targets=(8,))
    kinds = [finding.kind for finding in found(drift)]
    assert kinds == [Kind.POLICY_DELETED, Kind.SANCTIONED, Kind.TARGET_GONE]


@pytest.mark.parametrize(
    ("switches", "parts", "words"),
    [
        (
            AS_DEPLOYED,
            {},
            "Not restored: RestorePolicyTypes is off. Otherwise Holdfast would have switched the",
        ),
        (Switches(Mode.ALERT_ONLY, EVERYTHING), {}, "Not restored: Mode is alert-only. Otherwise"),
        (
            ALL_ON,
            {"trigger": replace(REQUESTED, dry_run=True)},
            "Not restored: this was a dry run. Otherwise",
        ),
        (
            ALL_ON,
            {"failures": {"run": Failure("X", "y")}},
            "Not restored: the run could not go on. Otherwise",
        ),
        (None, {}, "Not restored: Holdfast's own settings could not be read. Otherwise"),
        (ALL_ON, {}, "Not restored: it was not planned. Otherwise"),
    ],
)
def test_what_is_withheld_says_why_and_what_would_have_been_done(
    switches: Switches | None, parts: dict[str, Any], words: str
) -> None:
    findings = found(Drift(disabled=(SCP,)), switches, **parts)
    disabled = next(finding for finding in findings if finding.kind is Kind.TYPE_DISABLED)
    assert str(disabled.action.parts[0]).startswith(words)


@pytest.mark.parametrize(
    ("drift", "restoring", "words"),
    [
        (Drift(missing=(7,)), Restoring(False, True, True), "RestoreAttachments is off"),  # noqa: FBT003 - as the environment says
        (Drift(gone=(2,)), Restoring(True, True, False), "RestorePolicies is off"),  # noqa: FBT003
        (Drift(changed=(2,)), Restoring(True, True, False), "RestorePolicies is off"),  # noqa: FBT003
    ],
)
def test_the_parameter_that_withholds_is_named(drift: Drift, restoring: Restoring, words: str) -> None:
    first, *_ = found(drift, Switches(Mode.REMEDIATE, restoring))
    assert words in str(first.action.parts[0])


def test_an_attachment_that_was_planned_and_never_answered_for_has_failed() -> None:
    failure = Failure("States.DataLimitExceeded", "too much")
    plan = Plan(chunks=((7,),))
    missing, task = found(Drift(missing=(7,)), plan=plan, attachments=None, failures={"attachments": failure})
    (silent,) = found(Drift(missing=(7,)), plan=plan)
    assert (missing.failure, task.failure) == (failure, failure)
    assert silent.failure == Failure("Unknown", "no task answered for it")


def test_a_text_that_was_right_again_before_holdfast_came_is_no_failure() -> None:
    (changed,) = found(Drift(changed=(2,)), plan=Plan(policies=(2,)), policies=RestoredPolicies({}, {}))
    assert changed.done == "restored by others"


def test_what_is_attached_with_a_changed_text_is_not_called_as_declared() -> None:
    findings = found(
        Drift(missing=(7,), changed=(2,)),
        AS_DEPLOYED,
        Plan(chunks=((7,),)),
        attachments=RestoredAttachments(restored=(7,)),
    )
    missing = next(finding for finding in findings if finding.kind is Kind.MISSING)
    assert missing.action.parts == (
        "Attached again, confirmed, but with a text that is not the declared one.",
    )


@pytest.mark.parametrize(
    ("drift", "refusal"),
    [
        (Drift(missing=(7,), changed=(2,)), None),
        (Drift(missing=(7,)), Refusal("WidenedPolicyError", "it allows more", (7,))),
        (Drift(missing=(7,)), Refusal("ChangedSuccessorError", "another text", (7,))),
        (Drift(disabled=(SCP,)), None),
        (Drift(gone=(2,)), None),
    ],
)
def test_no_command_attaches_what_could_widen_permissions_or_cannot_be_attached(
    drift: Drift, refusal: Refusal | None
) -> None:
    attachments = RestoredAttachments(refused=(refusal,)) if refusal else None
    plan = Plan(chunks=((7,),)) if refusal else None
    findings = found(drift, AS_DEPLOYED, plan, attachments=attachments)
    commands = [command for finding in findings for _, command in finding.commands]
    assert not [command for command in commands if "attach-policy" in command]


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_a_remedy_speaks_of_the_command_where_one_is_given(report: ReconciliationReport) -> None:
    for finding in report.findings:
        assert finding.commands or "below)" not in finding.remedy.spelled(Medium.MAIL)


def test_a_key_changes_when_what_is_missing_or_what_was_done_changes() -> None:
    (one,) = found(Drift(missing=(5,)))
    (two,) = found(Drift(missing=(5, 8)))
    (same,) = found(Drift(missing=(8, 5)))
    (failed,) = found(Drift(missing=(5,)), plan=Plan(chunks=((5,),)))
    assert two.key == same.key
    assert len({one.key, two.key, failed.key}) == 3


def test_keys_tell_findings_apart() -> None:
    for report in REPORTS.values():
        keys = [finding.key for finding in report.findings]
        assert len(set(keys)) == len(keys)


def test_the_author_of_each_finding_is_whoever_did_just_that() -> None:
    other = replace(DEVELOPER, name="other")
    authors = (
        by_developer("DetachPolicy", f"p-cg404d5t/{PAYMENTS_PROD}"),
        replace(by_developer("DetachPolicy", f"p-7dj3cien/{WORKLOADS}", 2), principal=other),
        by_developer("UpdatePolicy", "p-cg404d5t", 3),
    )
    run = replace(CLEAN, search=searched(Drift(missing=(7, 8), gone=(0,)), *authors))
    named = {
        finding.policy_ids: [author.event_id for author in finding.authors]
        for finding in reported(run).findings
        if finding.kind is Kind.MISSING
    }
    assert named == {
        ("p-lp0dxjlp",): [],
        ("p-7dj3cien",): [authors[1].event_id],
        ("p-cg404d5t",): [authors[0].event_id],
    }


def test_a_principal_is_named_once_by_its_newest_change() -> None:
    authors = (
        by_developer("DetachPolicy", f"p-cg404d5t/{PAYMENTS_PROD}"),
        by_developer("DetachPolicy", "p-cg404d5t/ou-exme-cbm7ma1f", 2),
    )
    run = replace(CLEAN, search=searched(Drift(missing=(5, 8)), *authors))
    (missing,) = reported(run).findings
    assert missing.authors == (authors[1],)


def test_the_event_that_began_the_run_names_the_author() -> None:
    disabled = reported(RESTORED_AFTER_DISABLING).findings[0]
    assert [(author.event, author.event_id) for author in disabled.authors] == [
        ("DisablePolicyType", EVENT_ID)
    ]


def test_what_a_run_has_made_again_is_told_as_moved_at_once() -> None:
    findings = found(
        Drift(gone=(2,)), plan=Plan(policies=(2,)), policies=RestoredPolicies({2: "p-madeagain1"}, {})
    )
    moved = next(finding for finding in findings if finding.kind is Kind.MOVED)
    later = reported(replace(CLEAN, search=searched(Drift(moved=(Moved(2, "p-madeagain1"),))))).findings[0]
    assert moved.key == later.key
    assert moved.commands == (("To take a new snapshot", "holdfast snapshot"),)


def test_a_type_is_switched_on_below_the_root_that_the_targets_are_in() -> None:
    disabled = found(Drift(disabled=(SCP,)), AS_DEPLOYED)[0]
    assert disabled.commands[0][1] == (
        "aws organizations enable-policy-type --root-id r-exme --policy-type SERVICE_CONTROL_POLICY"
    )


def test_a_refused_type_is_a_failure_in_the_words_of_whoever_refused() -> None:
    refusal = Refusal("PermissionMissingError", "EnablePolicyType: AccessDenied", (SCP.value,))
    disabled = found(
        Drift(disabled=(SCP,)), plan=Plan(types=(SCP,)), types=RestoredTypes(refused=(refusal,))
    )[0]
    assert disabled.failure == Failure("PermissionMissingError", "EnablePolicyType: AccessDenied")


def test_a_blind_finding_is_new_with_every_new_event() -> None:
    keys = {
        reported(replace(CLEAN, wiring=Wiring(blind=blind))).findings[0].key
        for blind in (("a",), ("a", "b"), ("b", "a"))
    }
    assert len(keys) == 2


def test_with_another_baseline_there_is_a_count_of_each_kind() -> None:
    run = replace(CLEAN, baseline_version="0123456789ab", search=searched(MUCH))
    (unresolved,) = reported(run).findings
    assert unresolved.meaning == (
        "Found by that baseline: 1 policy type switched off, 1 policy deleted, 1 text changed, "
        "1 attachment missing by itself."
    )
    assert "0123456789ab" in unresolved.title.spelled(Medium.MAIL)


def test_with_another_baseline_a_clean_run_is_clean() -> None:
    assert reported(replace(CLEAN, baseline_version="0123456789ab")).findings == ()


@pytest.mark.parametrize(
    ("drift", "lost_with"), [(Drift(disabled=(SCP,)), "policy type"), (Drift(gone=(2,)), "policy")]
)
def test_a_guardrail_of_any_target_that_is_lost_is_told_though_nobody_knows_where_it_was(
    drift: Drift, lost_with: str
) -> None:
    """The run that restores its type or its policy is the last one that could tell."""
    guardrails = list(BASELINE.guardrails)
    guardrails[2] = replace(guardrails[2], targets=None)
    baseline = replace(BASELINE, guardrails=tuple(guardrails))
    plan = Plan(types=drift.disabled, policies=drift.gone)
    run = replace(
        CLEAN,
        search=searched(drift, plan=plan),
        types=RestoredTypes(enabled=drift.disabled),
        policies=RestoredPolicies(dict.fromkeys(drift.gone, "p-7dj3cien"), {}),
    )
    (nowhere,) = (finding for finding in find(run, baseline, ALL_ON) if finding.subject == "p-7dj3cien/any")
    assert (nowhere.kind, nowhere.is_standing, nowhere.title.spelled(Medium.MAIL)) == (
        Kind.MISSING,
        True,
        f"“DenyUnapprovedRegions” (p-7dj3cien) is attached nowhere, lost with its {lost_with}",
    )


@pytest.mark.parametrize(
    ("policy_type", "widens"), [(SCP, True), (PolicyType.RESOURCE_CONTROL_POLICY, False)]
)
def test_that_switching_a_type_on_undoes_allow_lists_is_told(
    policy_type: PolicyType, *, widens: bool
) -> None:
    (disabled, *_) = found(Drift(disabled=(policy_type,)))
    assert ("Switching it on attaches p-FullAWSAccess everywhere" in disabled.meaning) is widens

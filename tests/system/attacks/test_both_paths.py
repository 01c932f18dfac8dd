"""The two paths at work at the same time, and a deployment between them."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast_cli.sample_organization import PIPELINE_ROLE
from localaws.faults import FunctionFault
from tests.deployed import SCP, Holdfast
from tests.system.attacks.stories import (
    account_for_detaches,
    attack,
    begin_run,
    covered,
    detach_rule_disabled,
    findings,
    published_rates,
    scheduled_run,
    take_all,
    teams_with,
    told,
    wait,
)

pytestmark = pytest.mark.long

HOUR = 3_600.0
REGIONS = ("DenyUnapprovedRegions", "Workloads")


def test_a_detach_during_a_reconciliation_is_the_fast_paths_alone(holdfast: Holdfast, intruder: Any) -> None:
    before = holdfast.state()

    with attack(holdfast) as aftermath:
        begin_run(holdfast)
        holdfast.aws.clock.sleep(1)
        holdfast.take(*REGIONS, by=intruder)

    assert told(aftermath.fast) == ["notice: Restored: DenyUnapprovedRegions on OU Workloads [by Intruder]"]
    assert ([run.end[0] for run in aftermath.slow], told(aftermath.slow)) == (["SUCCEEDED"], [])
    assert holdfast.state() == before


def test_a_reconciliation_during_a_mass_detach_loses_nothing_and_repeats_nothing(
    holdfast: Holdfast, intruder: Any
) -> None:
    before = holdfast.state()

    with teams_with(holdfast, "Crew", 12) as teams:
        with published_rates(holdfast), attack(holdfast) as aftermath:
            take_all(holdfast, "Crew", teams, by=intruder)
            holdfast.aws.clock.sleep(8)
            begin_run(holdfast)
        assert covered(holdfast, "Crew", teams) == teams

    assert told(aftermath.fast) == sorted(
        f"notice: Restored: Crew on OU {team} [by Intruder]" for team in teams
    )
    assert ([run.end[0] for run in aftermath.slow], told(aftermath.slow)) == (["SUCCEEDED"], [])
    assert holdfast.state() == before


def test_what_the_fast_path_still_fights_for_is_left_to_it(holdfast: Holdfast, intruder: Any) -> None:
    before = holdfast.state()
    # For about five minutes Lambda has no concurrency left for it.
    holdfast.aws.faults.fail_function("ReattachPolicyFunction", FunctionFault.THROTTLED, times=40)

    with attack(holdfast) as aftermath:
        holdfast.take(*REGIONS, by=intruder)
        holdfast.aws.clock.sleep(60)
        begin_run(holdfast)

    (run,) = aftermath.slow
    assert ("Wait For Second Look" in run.states, "Restore Attachments" in run.states) == (True, False)
    assert told(aftermath.fast) == ["notice: Restored: DenyUnapprovedRegions on OU Workloads [by Intruder]"]
    assert (told(aftermath.slow), holdfast.state()) == ([], before)


def test_two_reconciliations_of_one_deleted_policy_make_it_once(holdfast: Holdfast, intruder: Any) -> None:
    before, policy_id = holdfast.state(), holdfast.policy("DenyUnapprovedRegions")
    # Lambda lets neither of them restore before both have seen that the policy is gone.
    holdfast.aws.faults.fail_function("RestorePoliciesFunction", FunctionFault.THROTTLED, times=10)

    with attack(holdfast) as aftermath:
        holdfast.take(*REGIONS, by=intruder)
        intruder.delete_policy(PolicyId=policy_id)
        holdfast.aws.clock.sleep(4)
        begin_run(holdfast)

    assert [findings(run)[0] for run in aftermath.slow] == [
        f"Policy deleted: “DenyUnapprovedRegions” ({policy_id}) was deleted"
    ] * 2
    assert [run.outcome for run in aftermath.slow] == ["reconciled"] * 2
    listed = holdfast.organizations.list_policies(Filter=SCP)["Policies"]
    assert [policy["Name"] for policy in listed if policy["Name"].startswith("DenyUnapproved")] == [
        "DenyUnapprovedRegions"
    ]
    assert holdfast.state() == before


def test_a_sanctioned_detach_is_told_by_both_paths_and_is_drift_after_a_day(holdfast: Holdfast) -> None:
    before, pipeline = holdfast.state(), holdfast.role(PIPELINE_ROLE, session="deploy-4711")

    detached = holdfast.detach(*REGIONS, by=pipeline)
    soon = scheduled_run(holdfast)
    wait(holdfast, 23 * HOUR)
    within_the_day = scheduled_run(holdfast)
    off = "DenyUnapprovedRegions" not in holdfast.attached("Workloads")
    wait(holdfast, HOUR)
    after_a_day = scheduled_run(holdfast)

    assert told([detached]) == [
        "notice: Not restored (sanctioned): DenyUnapprovedRegions on OU Workloads [by guardrail-pipeline]"
    ]
    regions = f"“DenyUnapprovedRegions” ({holdfast.policy('DenyUnapprovedRegions')})"
    assert findings(soon) == [f"Sanctioned: {regions} was detached from 1 target by a sanctioned principal"]
    assert (told([within_the_day]), off) == ([], True)
    assert told([after_a_day]) == ["notice: Reconciled: 1 attachment restored [by guardrail-pipeline]"]
    assert holdfast.state() == before


def test_a_deployment_with_another_baseline_ends_a_run_and_the_next_one_restores(
    holdfast: Holdfast, intruder: Any
) -> None:
    before = holdfast.state()
    with detach_rule_disabled(holdfast), attack(holdfast) as aftermath:
        holdfast.take(*REGIONS, by=intruder)
        begin_run(holdfast)
        holdfast.aws.clock.sleep(30)
        baseline = (holdfast.guardrails / "baseline.toml").read_text(encoding="utf-8")
        (holdfast.guardrails / "baseline.toml").write_text(turned(baseline), encoding="utf-8")
        holdfast.aws.clock.sleep(300)
    in_between = holdfast.state()
    following = scheduled_run(holdfast)

    (run,) = aftermath.slow
    assert (run.errors, run.end) == (["BaselineChangedError"], ("FAILED", "ReconciliationFailed"))
    assert told([run]) == ["page: FAILED: the run could not go on"]
    assert in_between["attached"] == {**before["attached"], "Workloads": {"FullAWSAccess"}}
    assert findings(following)[-1].startswith("Attachments missing: “DenyUnapprovedRegions”")
    assert holdfast.state() == before
    account_for_detaches(holdfast)


def turned(baseline: str) -> str:
    """Return a baseline with its guardrails in another order, so that each has another number."""
    head, *guardrails = baseline.split("[[guardrail]]")
    sanctioned = guardrails[-1].partition("[[sanctioned_principal]]")
    return "[[guardrail]]".join([head, sanctioned[0], *guardrails[:-1]]) + "".join(sanctioned[1:])

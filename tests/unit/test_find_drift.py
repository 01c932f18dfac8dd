from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import find_drift
from holdfast import pacing
from holdfast.attachment import PolicyType
from holdfast.baseline import GUARDRAILS, Baseline
from holdfast.errors import (
    BaselineChangedError,
    OrganizationsThrottledError,
    ServiceBusyError,
    SettingsError,
    UnknownSchemaError,
)
from holdfast.exemption import ALL, PATH
from holdfast.reconciliation import looking
from holdfast.reconciliation.executions import Remediation
from holdfast.reconciliation.run import Reconciliation
from holdfast.reconciliation.trigger import Cause, Route, Scope, ScopeKind, Trigger, parse_trigger
from tests.unit.examples import (
    ALLOW_ONLY_EU,
    DENY_ALL,
    DENY_REGIONS,
    DETACHMENT,
    EXECUTION,
    NOW,
    ORGANIZATION,
    ROOT,
    SANDBOX,
    WORKLOADS,
    example_baseline,
    live_policy,
)
from tests.unit.live_organization import Clock, LiveOrganization, WrittenHistory
from tests.unit.restorable_organization import RememberedSuccessors
from tests.unit.tampering import change_event
from tests.unit.test_authorship import PIPELINE, detach, record
from tests.unit.test_drift import large_baseline
from tests.unit.test_reconciliation_exempting import WrittenExemptions, written

MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:holdfast-remediate"
SCP = PolicyType.SERVICE_CONTROL_POLICY
BASELINE = example_baseline()
SCHEDULE = Trigger(Cause.SCHEDULE, Scope(ScopeKind.ALL))
WAITS = {"reading": 0, "unsettled": 20, "second look": 90}


class Deployed:
    """The function, and everything that it asks."""

    def __init__(self, baseline: Baseline) -> None:
        self.clock = Clock()
        self.baseline = baseline
        self.organization = LiveOrganization(baseline)
        self.history = WrittenHistory()
        self.successors = RememberedSuccessors()
        self.exemptions = WrittenExemptions()
        self.remediating: list[Remediation] = []
        self.asked: list[tuple[str, datetime, int]] = []

    def remediations(self, state_machine_arn: str, since: datetime, limit: int) -> Iterator[Remediation]:
        """Stand in for the executions of the fast path."""
        self.asked.append((state_machine_arn, since, limit))
        return iter(self.remediating)

    def call(self, document: dict[str, Any]) -> dict[str, Any]:
        """Invoke the function once, and let the state machine put its answer into the document."""
        result: dict[str, Any] = json.loads(json.dumps(find_drift.handler(document, None)))
        return {**document, "drift": result}

    def run(self, trigger: Trigger = SCHEDULE) -> dict[str, Any]:
        """Invoke the function until the state machine goes on; return what it found."""
        document = self.call(run_document(trigger, self.baseline))
        while document["drift"]["stage"] in WAITS:
            self.clock.sleep(WAITS[document["drift"]["stage"]])
            document = self.call(document)
        found: dict[str, Any] = document["drift"]
        return found


@pytest.fixture(name="deployed")
def _deployed(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """Deploy the function with the example baseline, in remediate mode, restoring everything."""
    for name, value in {
        "MODE": "remediate",
        "RESTORE_ATTACHMENTS": "true",
        "RESTORE_POLICY_TYPES": "true",
        "RESTORE_POLICIES": "true",
        "REMEDIATE_STATE_MACHINE_ARN": MACHINE,
        "SANCTIONED_FOR_HOURS": "24",
    }.items():
        monkeypatch.setenv(name, value)
    return deploy(monkeypatch, BASELINE)


def deploy(monkeypatch: pytest.MonkeyPatch, baseline: Baseline) -> Deployed:
    deployed = Deployed(baseline)
    clock = deployed.clock

    class FakeTime(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            assert tz is UTC
            return clock.now()

    monkeypatch.setattr(find_drift, "load_baseline", lambda _: deployed.baseline)
    monkeypatch.setattr(find_drift, "connect", lambda: deployed.organization)
    monkeypatch.setattr(find_drift, "connect_history", lambda: deployed.history)
    monkeypatch.setattr(find_drift, "connect_executions", lambda: deployed)
    monkeypatch.setattr(find_drift, "connect_successors", lambda: deployed.successors)
    monkeypatch.setattr(find_drift, "connect_exemptions", lambda: deployed.exemptions)
    for module in (find_drift, looking):
        monkeypatch.setattr(module, "datetime", FakeTime)
    for module in (looking, pacing):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep))
    return deployed


def run_document(trigger: Trigger, baseline: Baseline = BASELINE) -> dict[str, Any]:
    run = Reconciliation(trigger, Route.RECONCILE, ORGANIZATION, baseline.version, NOW)
    document: dict[str, Any] = json.loads(json.dumps(run.to_document()))
    return document


def plan(found: dict[str, Any]) -> tuple[Any, Any, Any]:
    return found["plan"]["types"], found["plan"]["policies"], found["plan"]["chunks"]


def test_a_clean_organization_is_clean(deployed: Deployed) -> None:
    assert deployed.run() == {
        "stage": "clean",
        "began_at": "2026-11-22T09:00:30Z",
        "looks": 1,
        "todo": [],
        "targets_todo": [],
        "drift": {
            "disabled": [],
            "gone": [],
            "changed": [],
            "renamed": [],
            "moved": [],
            "namesakes": [],
            "impostors": [],
            "missing": [],
            "in_progress": [],
            "sanctioned": [],
            "exempt": [],
            "gone_targets": [],
            "strangers": [],
        },
        "suspected": None,
        "plan": {"types": [], "policies": [], "chunks": []},
        "authors": [],
        "reads": 23,
        "unheeded": {"broken": [], "more": 0, "refused": None},
    }
    assert (deployed.asked, deployed.history.asked, deployed.exemptions.reads) == ([], [], 1)


def test_a_missing_attachment_is_found_attributed_and_planned(deployed: Deployed) -> None:
    deployed.organization.detach(DENY_REGIONS, WORKLOADS)
    deployed.history.written.append(detach(20))
    found = deployed.run()
    assert (found["stage"], found["looks"], found["drift"]["missing"]) == ("drifted", 2, [7])
    assert plan(found) == ([], [], [[7]])
    (author,) = found["authors"]
    assert (author["event"], author["subject"], author["at"], author["principal"]["name"]) == (
        "DetachPolicy",
        f"{DENY_REGIONS}/{WORKLOADS}",
        "2026-11-22T08:40:30Z",
        "developer",
    )
    ((machine, since, limit),) = deployed.asked
    assert (machine, limit) == (MACHINE, 500)
    assert since == deployed.clock.now() - timedelta(minutes=30)


def test_everything_that_is_restored_is_planned_in_one_run(deployed: Deployed) -> None:
    deployed.organization.disable(PolicyType.TAG_POLICY)
    deployed.organization.delete(ALLOW_ONLY_EU)
    deployed.organization.create(replace(deployed.organization.policies[DENY_REGIONS], content="{}"))
    deployed.organization.detach("p-7xfb7xkf", ROOT)
    assert plan(deployed.run()) == (["TAG_POLICY"], [2, 6], [[1, 3, 6]])


@pytest.mark.parametrize("mode", ["alert-only", "remediate"])
def test_in_alert_only_mode_and_in_a_dry_run_nothing_is_planned(
    mode: str, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODE", mode)
    deployed.organization.detach(DENY_REGIONS, WORKLOADS)
    found = deployed.run(replace(SCHEDULE, dry_run=mode == "remediate"))
    assert (found["stage"], found["drift"]["missing"], plan(found)) == ("drifted", [7], ([], [], []))


def test_what_the_fast_path_is_restoring_ends_the_run_clean(deployed: Deployed) -> None:
    deployed.organization.detach(DENY_REGIONS, WORKLOADS)
    deployed.remediating = [
        Remediation(EXECUTION, NOW, running=True, sanctioned=False, detachment=DETACHMENT)
    ]
    found = deployed.run()
    assert (found["stage"], found["drift"]["in_progress"], plan(found)) == ("clean", [7], ([], [], []))


def test_what_a_sanctioned_principal_detached_is_reported_and_not_restored(deployed: Deployed) -> None:
    deployed.organization.detach(DENY_REGIONS, WORKLOADS)
    deployed.remediating = [
        Remediation(EXECUTION, NOW, running=False, sanctioned=True, detachment=DETACHMENT)
    ]
    found = deployed.run()
    assert (found["stage"], found["drift"]["sanctioned"], plan(found)) == ("drifted", [7], ([], [], []))


@pytest.mark.parametrize(("hours", "missing"), [("0", [7]), ("23", [7]), ("24", []), ("168", [])])
def test_a_sanctioned_detach_turns_into_drift_when_sanctioned_for_is_over(
    hours: str, missing: list[int], deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANCTIONED_FOR_HOURS", hours)
    deployed.organization.detach(DENY_REGIONS, WORKLOADS)
    deployed.history.written.append(detach(60 * 23.5, PIPELINE))
    found = deployed.run()
    assert (found["drift"]["missing"], found["plan"]["chunks"]) == (missing, [missing] if missing else [])


def test_what_is_exempt_is_found_and_left(deployed: Deployed) -> None:
    name = f"{PATH}/{DENY_REGIONS}/{WORKLOADS}"
    deployed.exemptions.written = (written(name), written(ALL, hours=169))
    deployed.organization.detach(DENY_REGIONS, WORKLOADS)
    deployed.organization.detach("p-7xfb7xkf", ROOT)
    found = deployed.run()
    assert (found["stage"], found["drift"]["missing"], plan(found)) == ("drifted", [1], ([], [], [[1]]))
    assert found["drift"]["exempt"] == [
        {
            "name": name,
            "until": "2026-11-22T11:00:30Z",
            "reason": "the region moves",
            "ticket": "CHG-7",
            "placements": [7],
            "exemptions": 1,
        }
    ]
    assert [broken["name"] for broken in found["unheeded"]["broken"]] == [ALL]


def test_exemptions_are_read_once_where_something_is_off_and_not_where_nothing_is(deployed: Deployed) -> None:
    of_one = Trigger(Cause.REQUEST, Scope(ScopeKind.POLICY, DENY_REGIONS))
    deployed.run(of_one)
    assert deployed.exemptions.reads == 0
    deployed.organization.detach(DENY_REGIONS, WORKLOADS)
    deployed.run(of_one)
    assert deployed.exemptions.reads == 1


def test_exemptions_that_cannot_be_read_now_are_waited_for(deployed: Deployed) -> None:
    deployed.exemptions.written = ServiceBusyError(
        "ssm", "GetParametersByPath", "ThrottlingException", "slow"
    )
    with pytest.raises(ServiceBusyError):
        deployed.run()


def test_a_policy_made_again_is_read_in_the_place_of_the_declared_one(deployed: Deployed) -> None:
    deployed.organization.delete(DENY_REGIONS)
    deployed.organization.create(live_policy("DenyUnapprovedRegions", DENY_ALL, "p-new00001"), WORKLOADS)
    deployed.successors.write(DENY_REGIONS, "p-new00001")
    found = deployed.run()
    assert (found["drift"]["moved"], found["drift"]["gone"]) == (
        [{"guardrail": 2, "policy_id": "p-new00001"}],
        [],
    )


def test_an_event_is_waited_for_and_names_its_author(deployed: Deployed) -> None:
    trigger = parse_trigger(change_event("UpdatePolicy"))
    document = deployed.call(run_document(trigger))
    assert document["drift"]["stage"] == "unsettled"
    deployed.clock.sleep(20)
    deployed.organization.create(live_policy("DenyUnapprovedRegions", "{}"))
    found = deployed.call(document)["drift"]
    assert (found["stage"], found["drift"]["changed"], found["plan"]["policies"]) == ("drifted", [2], [2])
    assert [author["event"] for author in found["authors"]] == ["UpdatePolicy"]


def test_whoever_filled_a_slot_is_named(deployed: Deployed) -> None:
    deployed.organization.create(live_policy("Filler", DENY_ALL, "p-filler0001"), SANDBOX)
    deployed.history.written.append(
        record("AttachPolicy", {"policyId": "p-filler0001", "targetId": SANDBOX}, minutes_ago=600)
    )
    found = deployed.run()
    assert found["drift"]["strangers"] == [
        {
            "target_id": SANDBOX,
            "policy_type": "SERVICE_CONTROL_POLICY",
            "policies": ["p-filler0001"],
            "free": 8,
        }
    ]
    assert [author["subject"] for author in found["authors"]] == [f"p-filler0001/{SANDBOX}"]


def test_a_long_search_goes_on_from_slice_to_slice(
    monkeypatch: pytest.MonkeyPatch, deployed: Deployed
) -> None:
    large = deploy(monkeypatch, large_baseline(guardrails=60, targets=25))
    large.organization.detach("p-large00059", *large.baseline.guardrails[59].targets or ())
    found = large.run()
    assert (found["stage"], len(found["drift"]["missing"]), len(found["plan"]["chunks"])) == (
        "drifted",
        25,
        2,
    )
    # The root twice; each policy; two pages of targets each, but one of those that are missing, twice.
    assert found["reads"] == 2 + 60 + 59 * 2 + 1 + 1 + 60
    assert deployed.organization.calls == []


def test_looking_for_authors_is_left_to_the_next_slice_if_this_one_is_half_over(
    monkeypatch: pytest.MonkeyPatch, deployed: Deployed
) -> None:
    del deployed
    large = deploy(monkeypatch, large_baseline(guardrails=13, targets=1))
    document = large.call(run_document(SCHEDULE, large.baseline))
    assert 20 <= large.clock.seconds < 40
    assert (document["drift"]["stage"], document["drift"]["todo"]) == ("reading", [])
    calls = len(large.organization.calls)
    assert large.call(document)["drift"]["stage"] == "clean"
    assert len(large.organization.calls) == calls


def test_a_slice_that_could_read_nothing_is_retried(deployed: Deployed) -> None:
    throttled = OrganizationsThrottledError("ListRoots", "TooManyRequestsException", "slow down")
    deployed.organization.refused["ListRoots"] = throttled
    with pytest.raises(OrganizationsThrottledError):
        deployed.call(run_document(SCHEDULE))


def test_another_baseline_than_the_run_began_with_ends_it(deployed: Deployed) -> None:
    with pytest.raises(BaselineChangedError):
        deployed.call(run_document(SCHEDULE, replace(BASELINE, version="ba5e11fe0000")))


@pytest.mark.parametrize(
    "name", ["RESTORE_POLICIES", "REMEDIATE_STATE_MACHINE_ARN", "SANCTIONED_FOR_HOURS", "MODE"]
)
def test_a_setting_that_is_missing_ends_it(
    name: str, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SettingsError, match=name):
        deployed.call(run_document(SCHEDULE))


def test_a_document_of_other_code_ends_it(deployed: Deployed) -> None:
    with pytest.raises(UnknownSchemaError):
        deployed.call({**run_document(SCHEDULE), "schema": 2})


def test_the_baseline_is_that_of_the_package() -> None:
    assert Path(find_drift.__file__).parent / "guardrails" == GUARDRAILS

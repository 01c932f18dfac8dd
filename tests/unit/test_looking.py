from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from holdfast.attachment import Attachment, PolicyType
from holdfast.baseline import Baseline
from holdfast.errors import OrganizationsThrottledError, PermissionMissingError
from holdfast.pacing import QUARTER, Pace
from holdfast.reconciliation.drift import Drift, Moved, Namesake, Renamed, Search, Stage, Stranger
from holdfast.reconciliation.looking import SLICE, TARGET_READS, Looking, Slice, conclude, guardrails_in
from holdfast.reconciliation.scanning import Scanner
from holdfast.reconciliation.trigger import Cause, Scope, ScopeKind, Trigger, parse_trigger
from holdfast.settings import NOTHING, Restoring
from tests.unit.examples import (
    ALLOW_ONLY_EU,
    DENY_ALL,
    DENY_REGIONS,
    NOW,
    PAYMENTS_PROD,
    ROOT,
    SANDBOX,
    WORKLOADS,
    example_baseline,
    live_policy,
)
from tests.unit.live_organization import Clock, LiveOrganization
from tests.unit.tampering import change_event
from tests.unit.test_drift import large_baseline

SCP = PolicyType.SERVICE_CONTROL_POLICY
RCP = PolicyType.RESOURCE_CONTROL_POLICY
TAG = PolicyType.TAG_POLICY
BASELINE = example_baseline()
SCHEDULE = Trigger(Cause.SCHEDULE, Scope(ScopeKind.ALL))
WAITS = {Stage.READING: 0, Stage.UNSETTLED: 20, Stage.SECOND_LOOK: 90}
"""Seconds that the state machine waits before the next slice."""

Between = Callable[[Search], None]


class Run:
    """A run of the state machine up to the end of its search."""

    def __init__(
        self, trigger: Trigger, organization: LiveOrganization, baseline: Baseline = BASELINE
    ) -> None:
        self.clock = Clock()
        self.trigger = trigger
        self.organization = organization
        self.baseline = baseline
        self.stages: list[Stage] = []

    def slice(self, search: Search | None, seconds: float = SLICE) -> Search:
        """Let the function run once."""
        pace = Pace(QUARTER, self.clock.sleep, self.clock.monotonic)
        looking = Looking(self.trigger, Scanner(self.baseline, self.organization.paced(pace)), self.clock.now)
        return looking.advance(search, Slice(seconds, self.clock.monotonic).is_over)

    def search(self, between: Between = lambda _: None, seconds: float = SLICE) -> Search:
        """Look until all is read; `between` is what happens while the machine waits."""
        search = self.slice(None, seconds)
        while not search.is_read:
            self.stages.append(search.stage)
            between(search)
            self.clock.sleep(WAITS[search.stage])
            search = self.slice(search, seconds)
        return search


@pytest.fixture(name="organization")
def _organization() -> LiveOrganization:
    return LiveOrganization(BASELINE)


def after(name: str, **members: object) -> Trigger:
    return parse_trigger(change_event(name, **members))


def of_scope(kind: ScopeKind, subject: str) -> Trigger:
    return Trigger(Cause.REQUEST, Scope(kind, subject))


def test_an_organization_as_declared_is_clean_after_one_look(organization: LiveOrganization) -> None:
    run = Run(SCHEDULE, organization)
    assert run.search().drift == Drift()
    assert run.stages == []


def test_each_look_asks_for_the_root_once_and_for_each_guardrail_twice(
    organization: LiveOrganization,
) -> None:
    Run(SCHEDULE, organization).search()
    assert organization.counted() == {
        "ListRoots": 1,
        "DescribePolicy": 7,
        "ListTargetsForPolicy": 7,
        "ListPoliciesForTarget": 8,
    }


def test_every_kind_of_drift_alone() -> None:
    found: dict[str, Drift] = {}
    for name, (tamper, baseline) in TAMPERING.items():
        tampered = LiveOrganization(BASELINE)
        tamper(tampered)
        found[name] = Run(SCHEDULE, tampered, baseline).search().drift
    assert found == {
        "a type is off": Drift(disabled=(SCP,)),
        "a policy is gone": Drift(gone=(2,)),
        "its name is taken": Drift(gone=(2,), namesakes=(Namesake(2, "p-squatter1"),)),
        "a text is changed": Drift(changed=(2,)),
        "a name is changed": Drift(renamed=(Renamed(2, "Temporary", None),)),
        "an attachment is missing": Drift(missing=(7,)),
        "a target is gone": Drift(gone_targets=(8,)),
        "a stranger is there": Drift(strangers=(Stranger(SANDBOX, SCP, ("p-filler0001",), 8),)),
        "a guardrail has a new id": Drift(moved=(Moved(2, "p-new00001"),)),
    }


def _move(organization: LiveOrganization) -> None:
    organization.delete(DENY_REGIONS)
    organization.create(live_policy("DenyUnapprovedRegions", DENY_ALL, "p-new00001"), WORKLOADS)


def _squat(organization: LiveOrganization) -> None:
    organization.delete(DENY_REGIONS)
    organization.create(live_policy("DenyUnapprovedRegions", "{}", "p-squatter1"))


Tamper = Callable[[LiveOrganization], None]
TAMPERING: dict[str, tuple[Tamper, Baseline]] = {
    "a type is off": (lambda live: live.disable(SCP), BASELINE),
    "a policy is gone": (lambda live: live.delete(DENY_REGIONS), BASELINE),
    "its name is taken": (_squat, BASELINE),
    "a text is changed": (
        lambda live: live.create(live_policy("DenyUnapprovedRegions", "{}")),
        BASELINE,
    ),
    "a name is changed": (lambda live: live.create(live_policy("Temporary", DENY_ALL)), BASELINE),
    "an attachment is missing": (lambda live: live.detach(DENY_REGIONS, WORKLOADS), BASELINE),
    "a target is gone": (lambda live: live.close(PAYMENTS_PROD), BASELINE),
    "a stranger is there": (
        lambda live: live.create(live_policy("Filler", DENY_ALL, "p-filler0001"), SANDBOX),
        BASELINE,
    ),
    "a guardrail has a new id": (_move, BASELINE.adopting({DENY_REGIONS: "p-new00001"})),
}


def test_all_kinds_of_drift_at_once(organization: LiveOrganization) -> None:
    organization.disable(TAG)
    organization.create(replace(organization.policies["p-lp0dxjlp"], content="{}"))
    organization.create(replace(organization.policies["p-cg404d5t"], name="Temporary"))
    _squat(organization)
    organization.detach("p-7xfb7xkf", ROOT)
    organization.close(PAYMENTS_PROD)
    organization.create(live_policy("Filler", DENY_ALL, "p-filler0001"), SANDBOX)
    organization.create(
        live_policy("AllowOnlyEu", organization.policies[ALLOW_ONLY_EU].content, "p-new00001")
    )
    organization.delete(ALLOW_ONLY_EU)
    organization.attached.add(Attachment("p-new00001", SANDBOX))
    run = Run(SCHEDULE, organization, BASELINE.adopting({ALLOW_ONLY_EU: "p-new00001"}))
    assert run.search().drift == Drift(
        disabled=(TAG,),
        gone=(2,),
        changed=(0,),
        renamed=(Renamed(3, "Temporary", None),),
        moved=(Moved(6, "p-new00001"),),
        namesakes=(Namesake(2, "p-squatter1"),),
        missing=(1,),
        gone_targets=(8,),
        strangers=(Stranger(SANDBOX, SCP, ("p-filler0001",), 8),),
    )


def test_a_missing_attachment_counts_only_if_a_second_look_90_seconds_later_shows_it_missing_too(
    organization: LiveOrganization,
) -> None:
    organization.detach(DENY_REGIONS, WORKLOADS)
    run = Run(SCHEDULE, organization)
    search = run.search()
    assert run.stages == [Stage.SECOND_LOOK]
    assert (search.looks, search.drift) == (2, Drift(missing=(7,)))


def test_what_came_back_before_the_second_look_is_no_drift(organization: LiveOrganization) -> None:
    organization.detach(DENY_REGIONS, WORKLOADS)
    run = Run(SCHEDULE, organization)
    back = Attachment(DENY_REGIONS, WORKLOADS)
    assert run.search(between=lambda _: organization.attached.add(back)).drift == Drift()


def test_the_second_look_reads_only_what_was_missing_and_leaves_what_is_new_to_the_next_run(
    organization: LiveOrganization,
) -> None:
    organization.detach("p-7xfb7xkf", ROOT)

    def detach_more(_: Search) -> None:
        organization.detach("p-7xfb7xkf", "ou-exme-8tio7fay")
        organization.detach(DENY_REGIONS, WORKLOADS)
        organization.calls.clear()

    assert Run(SCHEDULE, organization).search(detach_more).drift == Drift(missing=(1,))
    assert organization.calls == [f"ListRoots {ROOT}", "ListTargetsForPolicy p-7xfb7xkf"]


def test_a_policy_that_is_deleted_before_the_second_look_is_gone(organization: LiveOrganization) -> None:
    organization.detach(DENY_REGIONS, WORKLOADS)
    search = Run(SCHEDULE, organization).search(lambda _: organization.delete(DENY_REGIONS))
    assert search.drift == Drift(gone=(2,))


def test_a_type_that_is_switched_off_before_the_second_look_takes_what_is_missing_with_it(
    organization: LiveOrganization,
) -> None:
    organization.detach(DENY_REGIONS, WORKLOADS)
    organization.detach("p-rcptls00001", ROOT)
    search = Run(SCHEDULE, organization).search(lambda _: organization.disable(SCP))
    assert search.drift == Drift(disabled=(SCP,), missing=(2,))


def test_what_is_lost_with_its_type_or_its_policy_needs_no_second_look(
    organization: LiveOrganization,
) -> None:
    organization.disable(RCP)
    organization.delete(DENY_REGIONS)
    run = Run(SCHEDULE, organization)
    assert run.search().drift == Drift(disabled=(RCP,), gone=(2,))
    assert run.stages == []


def test_an_attachment_to_a_target_that_is_gone_is_not_looked_for_twice(
    organization: LiveOrganization,
) -> None:
    organization.close(PAYMENTS_PROD)
    run = Run(SCHEDULE, organization)
    assert run.search().drift == Drift(gone_targets=(8,))
    assert run.stages == []


@pytest.mark.parametrize(
    ("scope", "guardrails"),
    [
        (Scope(ScopeKind.ALL), (0, 1, 2, 3, 4, 5, 6)),
        (Scope(ScopeKind.POLICY_TYPE, "SERVICE_CONTROL_POLICY"), (0, 1, 2, 3, 6)),
        (Scope(ScopeKind.POLICY, DENY_REGIONS), (2,)),
        (Scope(ScopeKind.POLICY, "p-new00001"), (6,)),
        (Scope(ScopeKind.POLICY, ALLOW_ONLY_EU), (6,)),
        (Scope(ScopeKind.POLICY, "p-stranger1"), ()),
        (Scope(ScopeKind.TARGET, ROOT), (0, 1, 4, 5)),
        (Scope(ScopeKind.ATTACHMENT, f"{DENY_REGIONS}/{WORKLOADS}"), (2,)),
        (Scope(ScopeKind.ATTACHMENT, f"{DENY_REGIONS}/{ROOT}"), ()),
        (Scope(ScopeKind.ATTACHMENT, f"p-new00001/{SANDBOX}"), (6,)),
        (Scope(ScopeKind.ATTACHMENT, f"{ALLOW_ONLY_EU}/{SANDBOX}"), (6,)),
        (Scope(ScopeKind.EVENT, "6f1d3c9a"), ()),
    ],
)
def test_a_run_looks_at_what_its_scope_names(scope: Scope, guardrails: tuple[int, ...]) -> None:
    assert guardrails_in(scope, BASELINE.adopting({ALLOW_ONLY_EU: "p-new00001"})) == guardrails


def test_a_run_for_a_policy_reads_nothing_else(organization: LiveOrganization) -> None:
    Run(of_scope(ScopeKind.POLICY, DENY_REGIONS), organization).search()
    assert organization.calls == [
        f"ListRoots {ROOT}",
        f"DescribePolicy {DENY_REGIONS}",
        f"ListTargetsForPolicy {DENY_REGIONS}",
    ]


def test_a_run_for_a_target_reads_the_guardrails_there_and_what_else_is_there(
    organization: LiveOrganization,
) -> None:
    organization.create(live_policy("Filler", DENY_ALL, "p-filler0001"), WORKLOADS)
    search = Run(of_scope(ScopeKind.TARGET, WORKLOADS), organization).search()
    assert search.drift.strangers == (Stranger(WORKLOADS, SCP, ("p-filler0001",), 8),)
    assert organization.calls == [
        f"ListRoots {ROOT}",
        f"DescribePolicy {DENY_REGIONS}",
        f"ListTargetsForPolicy {DENY_REGIONS}",
        f"ListPoliciesForTarget {WORKLOADS} SERVICE_CONTROL_POLICY",
    ]


ROOT_ONLY = f"p-7xfb7xkf/{ROOT}"
"""One attachment of a guardrail that has more."""


def test_a_run_for_an_attachment_reads_its_policy_and_its_target(organization: LiveOrganization) -> None:
    Run(of_scope(ScopeKind.ATTACHMENT, ROOT_ONLY), organization).search()
    assert organization.calls == [
        f"ListRoots {ROOT}",
        "DescribePolicy p-7xfb7xkf",
        f"ListPoliciesForTarget {ROOT} SERVICE_CONTROL_POLICY",
    ]


def test_a_run_for_an_attachment_finds_that_one_missing_and_no_other(organization: LiveOrganization) -> None:
    organization.detach("p-7xfb7xkf", ROOT, "ou-exme-8tio7fay")
    run = Run(of_scope(ScopeKind.ATTACHMENT, ROOT_ONLY), organization)
    assert run.search().drift == Drift(missing=(1,))
    assert run.stages == [Stage.SECOND_LOOK]


def test_a_run_at_once_looks_once(organization: LiveOrganization) -> None:
    organization.detach("p-7xfb7xkf", ROOT)
    run = Run(replace(of_scope(ScopeKind.ATTACHMENT, ROOT_ONLY), at_once=True), organization)
    assert run.search().drift == Drift(missing=(1,))
    assert run.stages == []
    assert run.clock.seconds < 10


def test_a_run_for_an_attachment_to_a_target_that_is_gone_finds_that(organization: LiveOrganization) -> None:
    organization.close(PAYMENTS_PROD)
    attachment = BASELINE.attachment_at(BASELINE.placements[8])
    subject = f"{attachment.policy_id}/{attachment.target_id}"
    assert Run(of_scope(ScopeKind.ATTACHMENT, subject), organization).search().drift == Drift(
        gone_targets=(8,)
    )


def test_a_run_for_what_the_baseline_does_not_hold_ends_at_once(organization: LiveOrganization) -> None:
    for kind, subject in (
        (ScopeKind.POLICY, "p-stranger1"),
        (ScopeKind.ATTACHMENT, f"{DENY_REGIONS}/{ROOT}"),
    ):
        assert Run(of_scope(kind, subject), organization).search().drift == Drift()


@pytest.mark.parametrize(
    ("trigger", "seconds"),
    [
        (after("UpdatePolicy"), 60),
        (after("DeletePolicy"), 60),
        (after("AttachPolicy"), 60),
        (after("DisablePolicyType"), 900),
        (SCHEDULE, 0),
        (of_scope(ScopeKind.POLICY, DENY_REGIONS), 0),
    ],
    ids=["text", "deletion", "attachment", "type", "schedule", "request"],
)
def test_what_an_event_reports_may_take_a_while_to_show(
    trigger: Trigger, seconds: int, organization: LiveOrganization
) -> None:
    run = Run(trigger, organization)
    assert run.search().drift == Drift()
    assert set(run.stages) <= {Stage.UNSETTLED, Stage.READING}
    assert seconds <= run.clock.seconds < seconds + 60


def test_a_stale_read_after_a_change_does_not_make_it_clean(organization: LiveOrganization) -> None:
    run = Run(after("UpdatePolicy"), organization)

    def show(search: Search) -> None:
        if search.looks == 2:
            organization.create(live_policy("DenyUnapprovedRegions", "{}"))

    assert run.search(between=show).drift == Drift(changed=(2,))
    assert run.stages == [Stage.UNSETTLED, Stage.UNSETTLED]


def test_a_deletion_that_shows_late_is_found(organization: LiveOrganization) -> None:
    run = Run(after("DeletePolicy"), organization)
    assert run.search(between=lambda _: _delete(organization)).drift == Drift(gone=(2,))


def _delete(organization: LiveOrganization) -> None:
    if DENY_REGIONS in organization.policies:
        organization.delete(DENY_REGIONS)


def test_a_finding_of_another_kind_does_not_end_the_wait_for_what_the_event_reports(
    organization: LiveOrganization,
) -> None:
    organization.create(live_policy("Filler", DENY_ALL, "p-filler0001"), WORKLOADS)
    run = Run(after("AttachPolicy"), organization)

    def attach(_: Search) -> None:
        organization.create(live_policy("Second", DENY_ALL, "p-stranger1"), WORKLOADS)

    strangers = (Stranger(WORKLOADS, SCP, ("p-filler0001", "p-stranger1"), 7),)
    assert run.search(between=attach).drift == Drift(strangers=strangers)
    assert run.stages == [Stage.UNSETTLED]


def test_while_a_type_is_being_switched_nothing_but_the_root_is_read(organization: LiveOrganization) -> None:
    organization.statuses["SERVICE_CONTROL_POLICY"] = "PENDING_DISABLE"
    run = Run(SCHEDULE, organization)

    def go_on(_: Search) -> None:
        assert organization.counted() == {"ListRoots": len(run.stages)}
        if len(run.stages) == 3:
            organization.disable(SCP)

    assert run.search(between=go_on).drift == Drift(disabled=(SCP,))
    assert run.stages == [Stage.UNSETTLED] * 3


def test_a_type_that_is_being_switched_for_15_minutes_counts_as_off(organization: LiveOrganization) -> None:
    organization.statuses["SERVICE_CONTROL_POLICY"] = "PENDING_DISABLE"
    run = Run(SCHEDULE, organization)
    assert run.search().drift == Drift(disabled=(SCP,))
    assert 900 <= run.clock.seconds < 960


def test_a_type_that_shows_late_that_it_is_off_is_waited_for_with_two_reads_at_a_time(
    organization: LiveOrganization,
) -> None:
    """The real CloudTrail record of DisablePolicyType still says ENABLED."""
    run = Run(after("DisablePolicyType"), organization)
    first_guardrail = BASELINE.guardrails[0].policy_id
    waited: list[str] = []

    def go_on(_: Search) -> None:
        waited[:] = organization.calls
        organization.calls.clear()
        if len(run.stages) == 5:
            organization.disable(SCP)

    assert run.search(between=go_on).drift == Drift(disabled=(SCP,))
    assert waited == [f"ListRoots {ROOT}", f"ListTargetsForPolicy {first_guardrail}"]
    assert run.stages == [Stage.UNSETTLED] * 5


def test_a_type_that_was_switched_off_and_on_again_meanwhile_has_lost_its_attachments(
    organization: LiveOrganization,
) -> None:
    run = Run(after("DisablePolicyType"), organization)

    def switch(search: Search) -> None:
        if search.stage is Stage.UNSETTLED:
            organization.disable(SCP)
            organization.statuses["SERVICE_CONTROL_POLICY"] = "ENABLED"

    assert run.search(between=switch).drift == Drift(missing=(0, 1, 4, 5, 6, 7, 8))
    assert run.stages == [Stage.UNSETTLED, Stage.SECOND_LOOK]


def test_a_detach_does_not_end_the_wait_for_a_type(organization: LiveOrganization) -> None:
    organization.detach(DENY_REGIONS, WORKLOADS)
    run = Run(after("DisablePolicyType"), organization)

    def switch(_: Search) -> None:
        if len(run.stages) == 20:
            organization.disable(SCP)

    assert run.search(between=switch).drift == Drift(disabled=(SCP,))
    assert run.stages == [Stage.UNSETTLED] * 20


def test_a_target_that_is_gone_does_not_end_the_wait_for_a_type(organization: LiveOrganization) -> None:
    organization.close(ROOT)
    run = Run(after("DisablePolicyType"), organization)
    assert run.search().drift == Drift(gone_targets=(0, 1, 2, 3))
    assert run.stages.count(Stage.UNSETTLED) > 30


LARGE = large_baseline(guardrails=60, targets=25)


def test_a_look_is_cut_into_slices_that_go_on_where_the_last_one_ended() -> None:
    """DescribePolicy is the slowest: at a quarter of two calls a second, 40 seconds have room for 21."""
    organization = LiveOrganization(LARGE)
    organization.detach("p-large00059", *LARGE.guardrails[59].targets or ())
    run = Run(SCHEDULE, organization, LARGE)
    left: list[int] = []
    search = run.search(between=lambda search: left.append(len(search.todo)))
    assert left[:4] == [39, 18, 0, 0]
    assert len(search.drift.missing) == 25
    assert run.stages.count(Stage.SECOND_LOOK) == 1


@pytest.mark.parametrize("seconds", [0.001, 3, 40, 10_000])
def test_the_length_of_a_slice_changes_neither_what_is_found_nor_what_is_read(seconds: float) -> None:
    organization = LiveOrganization(LARGE)
    organization.detach("p-large00007", *LARGE.guardrails[7].targets or ())
    organization.create(live_policy("Guardrail8", "{}", "p-large00008"))
    drift = Run(SCHEDULE, organization, LARGE).search(seconds=seconds).drift
    assert (drift.changed, len(drift.missing)) == ((8,), 25)
    counted = organization.counted()
    assert (counted["ListRoots"], counted["DescribePolicy"]) == (2, 60)
    assert counted["ListPoliciesForTarget"] == TARGET_READS


def test_what_a_look_costs_grows_with_guardrails_and_attachments() -> None:
    organization = LiveOrganization(LARGE)
    Run(SCHEDULE, organization, LARGE).search()
    assert organization.counted() == {
        "ListRoots": 1,
        "DescribePolicy": 60,
        "ListTargetsForPolicy": 2 * 60,
        "ListPoliciesForTarget": 60,
    }


def test_reading_keeps_to_a_quarter_of_the_published_rates() -> None:
    """Source of the rates: Organizations user guide, "Quotas and service limits": 2 and 5 a second."""
    organization = LiveOrganization(LARGE)
    run = Run(SCHEDULE, organization, LARGE)
    run.search(seconds=10_000)
    assert run.clock.seconds >= max(59 / (2 / 4), 179 / (5 / 4))


THROTTLED = OrganizationsThrottledError("DescribePolicy", "TooManyRequestsException", "slow down")


def test_a_slice_that_reads_nothing_is_retried_whole(organization: LiveOrganization) -> None:
    organization.refused["DescribePolicy"] = THROTTLED
    with pytest.raises(OrganizationsThrottledError):
        Run(SCHEDULE, organization).slice(None)


def test_a_slice_that_is_throttled_later_keeps_what_it_has_read(organization: LiveOrganization) -> None:
    organization.create(replace(organization.policies["p-lp0dxjlp"], content="{}"))
    organization.refused[f"DescribePolicy {DENY_REGIONS}"] = THROTTLED
    run = Run(SCHEDULE, organization)
    search = run.slice(None)
    assert (search.stage, search.todo, search.drift) == (Stage.READING, (2, 3, 4, 5, 6), Drift(changed=(0,)))
    with pytest.raises(OrganizationsThrottledError):
        run.slice(search)
    organization.refused.clear()
    assert run.slice(search).drift == Drift(changed=(0,))


def test_what_will_not_succeed_later_ends_the_search(organization: LiveOrganization) -> None:
    organization.refused[f"DescribePolicy {DENY_REGIONS}"] = PermissionMissingError(
        "DescribePolicy", "AccessDeniedException", "no"
    )
    with pytest.raises(PermissionMissingError):
        Run(SCHEDULE, organization).slice(None)


def _targets_read(organization: LiveOrganization) -> list[str]:
    return [call.split()[1] for call in organization.calls if call.startswith("ListPoliciesForTarget")]


def test_targets_that_lack_a_guardrail_are_read_first() -> None:
    organization = LiveOrganization(LARGE)
    lacking = sorted(LARGE.guardrails[59].targets or ())
    organization.detach("p-large00059", *lacking)
    organization.close(lacking[3])
    drift = Run(SCHEDULE, organization, LARGE).search().drift
    assert _targets_read(organization)[:25] == lacking
    assert (len(drift.missing), len(drift.gone_targets)) == (24, 1)


@pytest.mark.parametrize("minutes", [10, 60, 1_440])
def test_over_some_runs_all_targets_are_read_whatever_the_time_between_them_is(minutes: int) -> None:
    baseline = large_baseline(guardrails=6, targets=50)
    organization = LiveOrganization(baseline)
    run = Run(SCHEDULE, organization, baseline)
    read: set[str] = set()
    for _ in range(8 * len(baseline.placements) // TARGET_READS):
        run.search(seconds=10_000)
        read.update(_targets_read(organization))
        organization.calls.clear()
        run.clock.seconds += minutes * 60
    assert len(read) == len(baseline.placements)


def test_a_search_ends_with_what_is_to_be_restored(organization: LiveOrganization) -> None:
    organization.detach(DENY_REGIONS, WORKLOADS)
    search = Run(SCHEDULE, organization).search()
    end = conclude(
        search, search.drift, (), BASELINE, Restoring(attachments=True, policy_types=False, policies=False)
    )
    assert (end.stage, end.suspected, end.plan.chunks) == (Stage.DRIFTED, None, ((7,),))
    assert conclude(search, search.drift, (), BASELINE, NOTHING).plan.chunks == ()
    assert conclude(search, Drift(in_progress=(7,)), (), BASELINE, NOTHING).stage is Stage.CLEAN


def test_a_slice_is_over_after_its_seconds() -> None:
    clock = Clock()
    slice_ = Slice(40, clock.monotonic)
    seen = []
    for _ in range(3):
        seen.append((slice_.is_half_over(), slice_.is_over()))
        clock.sleep(20)
    assert seen == [(False, False), (True, False), (True, True)]


def test_the_search_knows_when_it_began(organization: LiveOrganization) -> None:
    run = Run(after("UpdatePolicy"), organization)
    run.clock.sleep(5)
    assert run.search().began_at == NOW + timedelta(seconds=5)


def test_full_access_that_somebody_attached_beside_an_allow_list_is_found(
    organization: LiveOrganization,
) -> None:
    organization.create(live_policy("FullAWSAccess", "{}", "p-FullAWSAccess"), SANDBOX)
    run = Run(after("AttachPolicy", policyId="p-FullAWSAccess", targetId=SANDBOX), organization)
    assert run.search().drift == Drift(strangers=(Stranger(SANDBOX, SCP, ("p-FullAWSAccess",), 8),))
    assert run.stages == []
    assert Run(SCHEDULE, organization).search().drift == Drift()

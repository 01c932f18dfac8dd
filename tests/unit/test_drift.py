from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.attachment import PolicySummary, PolicyType
from holdfast.baseline import Baseline, Guardrail
from holdfast.policy_document import PolicyDocument
from holdfast.principal import Principal
from holdfast.reconciliation.drift import (
    CHUNK,
    Author,
    Drift,
    Moved,
    Namesake,
    Plan,
    Renamed,
    Search,
    Stage,
    Stranger,
    compare_attachments,
    compare_holders,
    compare_policy,
    lost_placements,
    parse_search,
    plan_restoration,
)
from holdfast.settings import NOTHING, Restoring
from tests.unit.examples import (
    DENY_ALL,
    DENY_REGIONS,
    DEVELOPER,
    EVENT_ID,
    NOW,
    ORGANIZATION,
    ROOT,
    WORKLOADS,
    example_baseline,
    live_policy,
)

SCP = PolicyType.SERVICE_CONTROL_POLICY
RCP = PolicyType.RESOURCE_CONTROL_POLICY
BASELINE = example_baseline()
REGIONS = BASELINE.guardrails[2]
EVERYTHING = Restoring(attachments=True, policy_types=True, policies=True)


def large_baseline(guardrails: int, targets: int) -> Baseline:
    """Return a baseline in which each guardrail has as many targets."""
    document = PolicyDocument.parse(DENY_ALL)
    accounts = [f"{number:012d}" for number in range(guardrails * targets)]
    return Baseline(
        ORGANIZATION,
        tuple(
            Guardrail(
                f"p-large{index:05d}",
                f"Guardrail{index}",
                SCP,
                frozenset(accounts[index * targets : (index + 1) * targets]),
                document,
            )
            for index in range(guardrails)
        ),
        (),
        "0123456789ab",
    )


def test_a_policy_as_declared_does_not_differ() -> None:
    spelled_otherwise = json.dumps(json.loads(DENY_ALL), indent=4)
    assert compare_policy(2, REGIONS, live_policy("DenyUnapprovedRegions", spelled_otherwise)) == Drift()


@pytest.mark.parametrize(
    "content", [DENY_ALL.replace("Deny", "Allow"), "not json", '{"Version": 1, "Version": 1}', ""]
)
def test_another_text_is_a_difference(content: str) -> None:
    assert compare_policy(2, REGIONS, live_policy("DenyUnapprovedRegions", content)) == Drift(changed=(2,))


def test_another_name_is_a_difference() -> None:
    assert compare_policy(2, REGIONS, live_policy("Temporary", DENY_ALL)) == Drift(
        renamed=(Renamed(2, "Temporary", None),)
    )


@pytest.mark.parametrize(
    ("declared", "live", "renamed"),
    [
        (None, "anything", ()),
        ("Regions", "Regions", ()),
        ("Regions", "Weakened", (Renamed(2, None, "Weakened"),)),
        ("", "Weakened", (Renamed(2, None, "Weakened"),)),
    ],
)
def test_another_description_is_a_difference_where_one_is_declared(
    declared: str | None, live: str, renamed: tuple[Renamed, ...]
) -> None:
    described = replace(REGIONS, description=declared)
    policy = live_policy("DenyUnapprovedRegions", DENY_ALL, description=live)
    assert compare_policy(2, described, policy) == Drift(renamed=renamed)


def test_of_a_name_and_a_description_only_the_beginnings_are_kept() -> None:
    """Whoever gives every guardrail the longest ones must not make the document too large for a state."""
    described = replace(REGIONS, description="Regions")
    policy = live_policy("n" * 128, DENY_ALL, description="d" * 512)
    assert compare_policy(2, described, policy) == Drift(
        renamed=(Renamed(2, "n" * 20 + "…", "d" * 20 + "…"),)
    )


def test_a_policy_made_again_is_told_of_until_the_baseline_says_so() -> None:
    """Its name may have a date and its description has the mark, so that only the text is compared."""
    successor = replace(REGIONS, policy_id="p-new00001", declared_id=DENY_REGIONS, description="Regions")
    made = live_policy("DenyUnapprovedRegions (Holdfast 2026-11-22)", DENY_ALL, "p-new00001", "Made again")
    assert compare_policy(2, successor, made) == Drift(moved=(Moved(2, "p-new00001"),))
    weakened = replace(made, content="{}")
    assert compare_policy(2, successor, weakened) == Drift(changed=(2,), moved=(Moved(2, "p-new00001"),))


def test_declared_targets_that_are_not_there_are_missing_and_others_do_not_matter() -> None:
    declared = {ROOT: 1, WORKLOADS: 4, "338583429068": 8}
    assert compare_attachments(declared, {WORKLOADS, "999999999999"}) == Drift(missing=(1, 8))


def test_policies_that_the_baseline_does_not_know_are_strangers_and_leave_some_slots() -> None:
    holders = [
        PolicySummary("p-FullAWSAccess", "FullAWSAccess", aws_managed=True),
        PolicySummary(DENY_REGIONS, "DenyUnapprovedRegions", aws_managed=False),
        PolicySummary("p-tower00001", "aws-guardrails-abc", aws_managed=False),
        PolicySummary("p-filler0002", "Filler", aws_managed=False),
        PolicySummary("p-filler0001", "Filler", aws_managed=False),
    ]
    assert compare_holders(WORKLOADS, SCP, BASELINE, holders, quota=10) == Drift(
        strangers=(Stranger(WORKLOADS, SCP, ("p-filler0001", "p-filler0002"), free=5),)
    )
    assert compare_holders(WORKLOADS, SCP, BASELINE, holders, quota=4).strangers[0].free == 0
    assert compare_holders(WORKLOADS, SCP, BASELINE, holders[:3], quota=10) == Drift()


def test_two_drifts_together_name_each_difference_once() -> None:
    one = Drift(gone=(1,), missing=(3, 4), moved=(Moved(2, "p-new00001"),))
    other = Drift(gone=(1, 2), missing=(4, 5), moved=(Moved(2, "p-new00001"),))
    assert one + other == Drift(gone=(1, 2), missing=(3, 4, 5), moved=(Moved(2, "p-new00001"),))


def test_what_the_fast_path_is_mending_is_no_drift() -> None:
    assert Drift(in_progress=(1,)).is_clean
    assert not Drift(in_progress=(1,), sanctioned=(2,)).is_clean


def test_attachments_are_lost_one_by_one_with_their_policy_or_with_their_type() -> None:
    """Of the example's placements 2 is the control policy's, 5 and 8 are ProtectSecurityRoles'."""
    assert lost_placements(Drift(missing=(0,), gone=(3,), disabled=(RCP,)), BASELINE) == (0, 2, 5, 8)


@pytest.mark.parametrize(
    ("restoring", "plan"),
    [
        (EVERYTHING, Plan((RCP,), (2, 3), ((0, 2, 5),))),
        (replace(EVERYTHING, policy_types=False), Plan((), (2, 3), ((0, 5),))),
        (replace(EVERYTHING, policies=False), Plan((RCP,), (), ((0, 2),))),
        (replace(EVERYTHING, attachments=False), Plan((RCP,), (2, 3), ())),
        (NOTHING, Plan()),
    ],
)
def test_what_may_be_restored_is_planned_and_what_depends_on_the_rest_is_not(
    restoring: Restoring, plan: Plan
) -> None:
    drift = Drift(
        missing=(0,),
        gone=(3,),
        changed=(2,),
        disabled=(RCP,),
        sanctioned=(1,),
        in_progress=(4,),
        gone_targets=(8,),
    )
    assert plan_restoration(drift, BASELINE, restoring) == plan


def test_strangers_other_names_and_new_ids_are_reported_only() -> None:
    drift = Drift(
        renamed=(Renamed(2, "Temporary", None),),
        moved=(Moved(1, "p-new00001"),),
        strangers=(Stranger(ROOT, SCP, ("p-filler0001",), 3),),
    )
    assert plan_restoration(drift, BASELINE, EVERYTHING) == Plan()


def test_a_guardrail_that_goes_back_wherever_it_was_has_no_attachment_to_be_planned() -> None:
    anywhere = replace(BASELINE, guardrails=(replace(BASELINE.guardrails[0], targets=None),))
    assert plan_restoration(Drift(gone=(0,)), anywhere, EVERYTHING) == Plan(policies=(0,))


IDS = st.integers(min_value=0, max_value=5_000)
NUMBERS = st.lists(IDS, max_size=4, unique=True).map(tuple)
POLICY_IDS = st.from_regex(r"p-[0-9a-z]{8,12}", fullmatch=True)
TARGETS = st.from_regex(r"[0-9]{12}", fullmatch=True)
TEXTS = st.none() | st.text(max_size=8)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - zone follows
    lambda moment: moment.replace(microsecond=0)
)
STRANGERS = st.builds(
    Stranger,
    TARGETS,
    st.sampled_from(PolicyType),
    st.lists(POLICY_IDS, min_size=1, max_size=3).map(tuple),
    st.integers(0, 10),
)
DRIFTS = st.builds(
    Drift,
    disabled=st.lists(st.sampled_from(PolicyType), max_size=2, unique=True).map(tuple),
    renamed=st.lists(st.builds(Renamed, IDS, TEXTS, TEXTS), max_size=2).map(tuple),
    moved=st.lists(st.builds(Moved, IDS, POLICY_IDS), max_size=2).map(tuple),
    namesakes=st.lists(st.builds(Namesake, IDS, POLICY_IDS), max_size=2).map(tuple),
    strangers=st.lists(STRANGERS, max_size=2).map(tuple),
    **dict.fromkeys(("gone", "changed", "missing", "in_progress", "sanctioned", "gone_targets"), NUMBERS),
)
PRINCIPALS = st.builds(
    Principal,
    st.text(max_size=8),
    TEXTS,
    TEXTS,
    TEXTS,
    TEXTS,
    TEXTS,
    TEXTS,
    st.none() | st.booleans(),
    TEXTS,
    TEXTS,
)
SEARCHES = st.builds(
    Search,
    stage=st.sampled_from(Stage),
    began_at=TIMES,
    looks=IDS,
    todo=NUMBERS,
    targets_todo=st.lists(TARGETS, max_size=3).map(tuple),
    drift=DRIFTS,
    suspected=st.none() | NUMBERS,
    plan=st.builds(
        Plan,
        st.lists(st.sampled_from(PolicyType), max_size=2).map(tuple),
        NUMBERS,
        st.lists(NUMBERS, max_size=3).map(tuple),
    ),
    authors=st.lists(
        st.builds(Author, st.text(max_size=8), st.text(max_size=8), TIMES, PRINCIPALS, st.text(max_size=8)),
        max_size=2,
    ).map(tuple),
    reads=IDS,
)


@given(SEARCHES)
def test_a_search_survives_the_state_machine(search: Search) -> None:
    assert parse_search(json.loads(json.dumps(search.to_document()))) == search


@given(DRIFTS, DRIFTS)
def test_a_drift_added_twice_is_the_same(one: Drift, other: Drift) -> None:
    assert (one + other) + other == one + other


LARGE = large_baseline(guardrails=200, targets=25)
AUTHOR = Author(
    "DetachPolicy", EVENT_ID, NOW, replace(DEVELOPER, session_name="x" * 64), "p-large00000/000000000000"
)
ALL_MISSING = Drift(
    missing=tuple(range(5_000)),
    moved=tuple(Moved(index, f"p-large{index:05d}") for index in range(200)),
    strangers=tuple(
        Stranger(f"{number:012d}", SCP, tuple(f"p-fill{slot:06d}" for slot in range(9)), 0)
        for number in range(60)
    ),
)


@pytest.mark.parametrize(
    "search",
    [
        Search(Stage.READING, NOW, drift=ALL_MISSING, suspected=tuple(range(5_000))),
        Search(
            Stage.DRIFTED,
            NOW,
            drift=ALL_MISSING,
            plan=plan_restoration(ALL_MISSING, LARGE, EVERYTHING),
            authors=(AUTHOR,) * 50,
        ),
    ],
    ids=["in the second look", "at the end"],
)
def test_with_5000_attachments_missing_the_document_stays_far_below_its_limit(search: Search) -> None:
    """A state's payload may have 262,144 bytes. Source: Step Functions quotas."""
    assert len(json.dumps(search.to_document())) < 200_000


def test_5000_missing_attachments_are_planned_in_chunks_and_in_no_time() -> None:
    began = time.process_time()
    plan = plan_restoration(ALL_MISSING, LARGE, EVERYTHING)
    assert [len(chunk) for chunk in plan.chunks] == [CHUNK] * 250
    assert [number for chunk in plan.chunks for number in chunk] == list(range(5_000))
    assert time.process_time() - began < 1


TOWER = PolicySummary("p-tower00001", "aws-guardrails-abc", aws_managed=False)
ELSEWHERE = PolicySummary("p-lp0dxjlp", "DenyLeaveOrganization", aws_managed=False)
FULL_ACCESS = PolicySummary("p-FullAWSAccess", "FullAWSAccess", aws_managed=True)


def test_on_a_full_target_everything_that_is_not_declared_there_is_a_stranger() -> None:
    """A name proves nothing, and a guardrail that is declared elsewhere takes a slot as well."""
    holders = [FULL_ACCESS, TOWER, ELSEWHERE]
    assert compare_holders(WORKLOADS, SCP, BASELINE, holders, quota=4) == Drift()
    assert compare_holders(WORKLOADS, SCP, BASELINE, holders, quota=3) == Drift(
        strangers=(Stranger(WORKLOADS, SCP, ("p-lp0dxjlp", "p-tower00001"), free=0),)
    )


@pytest.mark.parametrize("attached", [FULL_ACCESS, TOWER, ELSEWHERE])
def test_what_an_event_says_was_attached_is_a_stranger_whatever_it_is(attached: PolicySummary) -> None:
    """FullAWSAccess beside an Allow list allows what the list was to keep out."""
    holders = [FULL_ACCESS, TOWER, ELSEWHERE]
    found = compare_holders(WORKLOADS, SCP, BASELINE, holders, quota=10, attached=attached.policy_id)
    assert found == Drift(strangers=(Stranger(WORKLOADS, SCP, (attached.policy_id,), free=7),))

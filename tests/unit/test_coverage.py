from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.baseline import Baseline
from holdfast.errors import OrganizationsBusyError, OrganizationsError, OrganizationsRefusedError
from holdfast.organizations import Organizations
from holdfast.reconciliation.coverage import is_final, look_at_account
from holdfast.reconciliation.run import Coverage, parse_coverage
from holdfast.reconciliation.trigger import Change, parse_trigger
from tests.unit.examples import example_baseline
from tests.unit.tampering import MOVED, PROD, ROOT, SANDBOX, WORKLOADS, change_event

UNITS = {PROD: WORKLOADS, WORKLOADS: ROOT, SANDBOX: ROOT}
NAMES = [guardrail.name for guardrail in example_baseline().guardrails]


class Tree(Organizations):
    """Who is in whom; whatever else is asked for is not there."""

    def __init__(self, parents: Mapping[str, str], refusal: OrganizationsError | None = None) -> None:
        self.parents = parents
        self.refusal = refusal
        self.asked: list[str] = []

    def parent(self, child_id: str) -> str:
        """Tell it, or answer that there is no such child."""
        self.asked.append(child_id)
        if self.refusal is not None:
            raise self.refusal
        if child_id not in self.parents:
            raise OrganizationsRefusedError("ListParents", "ChildNotFoundException", "no such child")
        return self.parents[child_id]


def change(name: str, **members: object) -> Change:
    told = parse_trigger(change_event(name, **members)).change
    assert told is not None
    return told


MOVE = change("MoveAccount")
JOIN = change("AccountJoinedOrganization")


def living_in(parent: str | None, units: Mapping[str, str] = UNITS) -> Tree:
    """Return the organization with the account in an OU, or no longer in it."""
    return Tree({**units, MOVED: parent} if parent else units)


def looked(
    event: Change,
    tree: Organizations,
    before: Coverage | None = None,
    baseline: Baseline | None = None,
) -> Coverage:
    return look_at_account(event, baseline or example_baseline(), before, tree)


def lost(coverage: Coverage) -> list[str]:
    return [NAMES[index] for index in coverage.lost]


def test_a_moved_account_loses_what_only_its_old_ancestors_gave_it() -> None:
    tree = living_in(SANDBOX)
    assert looked(MOVE, tree) == Coverage(
        account_id=MOVED,
        looks=1,
        old_path=(PROD, WORKLOADS, ROOT),
        new_path=(SANDBOX, ROOT),
        lost=(NAMES.index("DenyUnapprovedRegions"),),
    )
    assert tree.asked == [PROD, WORKLOADS, MOVED, SANDBOX]


def test_what_still_covers_it_by_another_attachment_is_not_lost() -> None:
    """DenyDisablingCloudTrail is on the OU that it left, and on the root."""
    assert "DenyDisablingCloudTrail" not in lost(looked(MOVE, living_in(ROOT)))


def test_what_is_attached_to_the_account_itself_moves_with_it() -> None:
    own = change("MoveAccount", accountId="338583429068")
    tree = Tree({**UNITS, "338583429068": SANDBOX})
    assert lost(looked(own, tree)) == ["DenyUnapprovedRegions"]


def test_a_move_into_an_ou_that_gives_the_same_loses_nothing() -> None:
    dev = "ou-exme-3pieu203"
    coverage = looked(MOVE, living_in(dev, {**UNITS, dev: WORKLOADS}))
    assert coverage.lost == ()
    assert is_final(MOVE, coverage)


def test_a_guardrail_for_any_target_is_left_out() -> None:
    """It belongs wherever it is detached from, so nobody says which accounts it is to cover."""
    declared = example_baseline()
    anywhere = tuple(replace(guardrail, targets=None) for guardrail in declared.guardrails)
    baseline = replace(declared, guardrails=anywhere)
    assert looked(MOVE, living_in(SANDBOX), baseline=baseline).lost == ()
    assert looked(JOIN, living_in(ROOT), baseline=baseline).lost == ()


def test_what_seems_lost_is_looked_at_again() -> None:
    """Account factories let accounts pass through the root."""
    first = looked(MOVE, living_in(ROOT))
    assert (lost(first), is_final(MOVE, first)) == (["DenyUnapprovedRegions"], False)
    second = looked(MOVE, living_in(WORKLOADS), first)
    assert (second.looks, second.new_path, second.lost) == (2, (WORKLOADS, ROOT), ())
    assert is_final(MOVE, second)


def test_what_is_lost_at_the_second_look_is_lost() -> None:
    first = looked(MOVE, living_in(SANDBOX))
    second = looked(MOVE, living_in(SANDBOX), first)
    assert second == replace(first, looks=2)
    assert is_final(MOVE, second)


def test_a_read_that_still_shows_the_old_place_proves_nothing() -> None:
    """Reads may be stale. Source: Organizations user guide, "Troubleshooting", eventual consistency."""
    first = looked(MOVE, living_in(PROD))
    assert (first.lost, is_final(MOVE, first)) == ((), False)
    second = looked(MOVE, living_in(PROD), first)
    assert (second.lost, is_final(MOVE, second)) == ((), True)


def test_the_second_look_keeps_the_old_path_of_the_first() -> None:
    first = looked(MOVE, living_in(SANDBOX))
    without_old_units = living_in(SANDBOX, {SANDBOX: ROOT})
    assert looked(MOVE, without_old_units, first).old_path == (PROD, WORKLOADS, ROOT)
    assert without_old_units.asked == [MOVED, SANDBOX]


@pytest.mark.parametrize(
    ("units", "old_path"),
    [({SANDBOX: ROOT}, (PROD,)), ({SANDBOX: ROOT, PROD: WORKLOADS}, (PROD, WORKLOADS))],
)
def test_of_a_parent_that_is_gone_the_rest_is_taken(units: dict[str, str], old_path: tuple[str, ...]) -> None:
    assert looked(MOVE, living_in(SANDBOX, units)).old_path == old_path


def test_an_account_that_left_has_lost_everything_that_it_had() -> None:
    coverage = looked(MOVE, living_in(None))
    assert coverage.new_path == ()
    assert lost(coverage) == [
        "DenyLeaveOrganization",
        "DenyDisablingCloudTrail",
        "DenyUnapprovedRegions",
        "RequireTls",
        "CostCentre",
    ]
    assert is_final(MOVE, coverage)


def test_an_account_that_joined_is_looked_at_again_in_any_case() -> None:
    """It appears directly below the root, or not yet at all, and may be moved on at once."""
    for parent in (ROOT, SANDBOX, None):
        coverage = looked(JOIN, living_in(parent))
        assert (coverage.old_path, is_final(JOIN, coverage)) == ((), False)


def test_an_account_that_nobody_moved_on_misses_all_that_is_not_on_the_root() -> None:
    second = looked(JOIN, living_in(ROOT), looked(JOIN, living_in(ROOT)))
    assert lost(second) == ["DenyUnapprovedRegions", "ProtectSecurityRoles", "AllowOnlyEu"]
    assert is_final(JOIN, second)


@pytest.mark.parametrize("parent", [SANDBOX, None])
def test_an_account_that_was_moved_on_or_left_again_misses_nothing(parent: str | None) -> None:
    second = looked(JOIN, living_in(parent), looked(JOIN, living_in(ROOT)))
    assert (second.lost, is_final(JOIN, second)) == ((), True)


@pytest.mark.parametrize(
    "error",
    [
        OrganizationsBusyError("ListParents", "TooManyRequestsException", "slow down"),
        OrganizationsRefusedError("ListParents", "InvalidInputException", "no"),
    ],
)
def test_any_other_answer_is_no_account_that_left(error: OrganizationsError) -> None:
    with pytest.raises(type(error)):
        looked(MOVE, Tree({}, refusal=error))


PLACES = st.sampled_from([ROOT, WORKLOADS, PROD, SANDBOX])


@given(PLACES, PLACES, PLACES)
def test_whatever_a_move_loses_covered_before_and_does_not_now(old: str, first: str, second: str) -> None:
    event = change("MoveAccount", sourceParentId=old)
    then = looked(event, living_in(old))
    now = looked(event, living_in(second), looked(event, living_in(first)))
    guardrails = example_baseline().guardrails
    assert now.old_path == then.new_path
    assert set(now.lost) == {
        index
        for index, guardrail in enumerate(guardrails)
        if guardrail.targets is not None
        and guardrail.targets & {MOVED, *then.new_path}
        and not guardrail.targets & {MOVED, *now.new_path}
    }


def test_a_coverage_survives_the_way_through_the_state_machine() -> None:
    coverage = looked(MOVE, living_in(SANDBOX))
    assert parse_coverage(json.loads(json.dumps(asdict(coverage)))) == coverage

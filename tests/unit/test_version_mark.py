from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.reconciliation.drift import Drift, Renamed, compare_policy
from holdfast.reconciliation.version_mark import bears_mark, is_same_description, marked, unmarked
from tests.unit.examples import DENY_ALL, example_baseline, live_policy

VERSION = "0123456789ab"
MARK = "[Holdfast baseline 0123456789ab]"


def test_the_mark_ends_a_description() -> None:
    assert marked("No other regions.", VERSION) == f"No other regions. {MARK}"


def test_where_nothing_is_described_the_mark_stands_alone() -> None:
    assert marked("", VERSION) == MARK


@pytest.mark.parametrize("words", ["", "No other regions."])
def test_a_new_mark_takes_the_place_of_an_old_one(words: str) -> None:
    old = marked(words, "ffffffffffff")
    assert (marked(old, VERSION), unmarked(old)) == (marked(words, VERSION), words)


def test_what_does_not_fit_beside_the_mark_is_cut_off() -> None:
    """Source of the limit: botocore's Organizations model, PolicyDescription."""
    fits = "x" * (512 - len(MARK) - 1)
    assert marked(fits, VERSION) == f"{fits} {MARK}"
    assert len(marked(fits, VERSION)) == 512
    assert marked("x" * 512, VERSION) == f"{fits[:-1]}… {MARK}"


def test_a_mark_is_that_of_one_baseline() -> None:
    assert bears_mark(f"Some {MARK}", VERSION)
    assert not bears_mark(f"Some {MARK}", "ffffffffffff")
    assert not bears_mark("Some", VERSION)
    assert not bears_mark(f"{MARK} Some", VERSION)


@pytest.mark.parametrize("declared", ["", "No other regions.", "x" * 512, f"Some {MARK}"])
def test_the_mark_does_not_count_as_a_difference(declared: str) -> None:
    assert is_same_description(declared, declared)
    assert is_same_description(marked(declared, VERSION), declared)
    assert not is_same_description("Other words.", declared)
    assert not is_same_description(marked("Other words.", VERSION), declared)


def test_a_rewritten_policy_is_not_reported_for_its_mark() -> None:
    guardrail = replace(example_baseline().guardrails[2], description="No other regions.")
    rewritten = live_policy(guardrail.name, DENY_ALL, description=f"No other regions. {MARK}")
    assert compare_policy(2, guardrail, rewritten) == Drift()
    reworded = replace(rewritten, description="Do not touch!")
    assert compare_policy(2, guardrail, reworded) == Drift(renamed=(Renamed(2, None, "Do not touch!"),))

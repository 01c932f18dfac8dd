from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.reconciliation.recreation import dated_name, is_name_of
from tests.unit.examples import example_baseline

GUARDRAIL = example_baseline().guardrails[0]
LONG = replace(GUARDRAIL, name="n" * 128)


def test_a_dated_name_has_128_characters_at_most() -> None:
    """Source of the limit: botocore's Organizations model, PolicyName."""
    assert dated_name("n" * 105, "2026-11-22") == "n" * 105 + " (Holdfast 2026-11-22)"
    assert dated_name("n" * 128, "2026-11-22") == "n" * 106 + " (Holdfast 2026-11-22)"
    assert len(dated_name("n" * 128, "2026-11-22")) == 128


@pytest.mark.parametrize("name", ["DenyLeaveOrganization", "DenyLeaveOrganization (Holdfast 2025-01-31)"])
def test_a_policy_may_be_ours_by_its_name(name: str) -> None:
    assert is_name_of(name, GUARDRAIL)


@pytest.mark.parametrize(
    "name",
    [
        "DenyLeave",
        "denyleaveorganization",
        "DenyLeave (Holdfast 2025-01-31)",
        "DenyLeaveOrganization (Holdfast)",
        "DenyLeaveOrganization (Holdfast 2025-01-31) ",
        "x DenyLeaveOrganization (Holdfast 2025-01-31)",
    ],
)
def test_any_other_name_is_somebody_elses(name: str) -> None:
    assert not is_name_of(name, GUARDRAIL)


def test_a_cut_name_is_ours_too() -> None:
    assert is_name_of(dated_name(LONG.name, "2025-01-31"), LONG)

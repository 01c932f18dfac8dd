from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.reconciliation.fingerprints import compare_with_deployed, fingerprint_of
from holdfast.reconciliation.wiring import State
from tests.unit.inspected import (
    DEPLOYED,
    FUNCTION_STATE,
    KEY_STATE,
    MACHINE_STATE,
    READ,
    RULE_STATE,
    SCHEDULE_STATE,
    TOPIC_STATE,
)

AT = DEPLOYED.isoformat()
NARROWED = replace(RULE_STATE, pattern='{"source": ["aws.iam"]}')
ELSEWHERE = replace(RULE_STATE, targets=({"Id": "Remediate", "Arn": "arn:aws:sqs:us-east-1:1:void"},))


def differing(before: State, after: State) -> list[str]:
    one, other = fingerprint_of(before), fingerprint_of(after)
    assert one.keys() == other.keys()
    return [name for name in one if one[name] != other[name]]


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        (RULE_STATE, NARROWED, ["pattern"]),
        (RULE_STATE, ELSEWHERE, ["targets"]),
        (RULE_STATE, replace(RULE_STATE, state="DISABLED"), []),
        (RULE_STATE, replace(RULE_STATE, pattern='{ "source":["aws.organizations"] }'), []),
        (RULE_STATE, replace(RULE_STATE, pattern="no JSON"), ["pattern"]),
        (SCHEDULE_STATE, replace(SCHEDULE_STATE, expression="rate(30 days)"), ["expression"]),
        (SCHEDULE_STATE, replace(SCHEDULE_STATE, target={"Arn": "a", "RoleArn": "b"}), ["target"]),
        (FUNCTION_STATE, replace(FUNCTION_STATE, code="0ther="), ["code"]),
        (FUNCTION_STATE, replace(FUNCTION_STATE, configuration={"handler": "x.handler"}), ["handler"]),
        (FUNCTION_STATE, replace(FUNCTION_STATE, reserved_concurrency=0), []),
        (MACHINE_STATE, replace(MACHINE_STATE, definition="{}"), ["definition"]),
        (MACHINE_STATE, replace(MACHINE_STATE, role="arn:aws:iam::1:role/other"), ["role"]),
    ],
)
def test_a_fingerprint_tells_what_decides_from_what_does_not(
    before: State, after: State, names: list[str]
) -> None:
    assert differing(before, after) == names


def test_the_order_of_targets_does_not_count() -> None:
    one, other = {"Id": "One", "Arn": "a"}, {"Id": "Other", "Arn": "b"}
    assert (
        differing(replace(RULE_STATE, targets=(one, other)), replace(RULE_STATE, targets=(other, one))) == []
    )


@pytest.mark.parametrize("state", [KEY_STATE, TOPIC_STATE])
def test_what_has_nothing_to_compare_has_no_fingerprint(state: State) -> None:
    assert fingerprint_of(state) == {}


SEEN = {"DetachRule": fingerprint_of(RULE_STATE)}
REMEMBERED = {"stack_updated_at": AT, "parts": SEEN}


@pytest.mark.parametrize("before", [None, {"stack_updated_at": READ.isoformat(), "parts": {"Old": {}}}])
def test_the_first_look_after_a_deployment_is_believed(before: dict[str, Any] | None) -> None:
    assert compare_with_deployed(before, DEPLOYED, SEEN) == ((), REMEMBERED)


def test_what_is_as_it_was_deployed_has_no_fault() -> None:
    assert compare_with_deployed(REMEMBERED, DEPLOYED, SEEN) == ((), REMEMBERED)


def test_a_change_is_a_fault_and_what_was_deployed_stays_remembered() -> None:
    changed = replace(NARROWED, targets=ELSEWHERE.targets)
    (fault,), after = compare_with_deployed(REMEMBERED, DEPLOYED, {"DetachRule": fingerprint_of(changed)})
    assert (fault.part, fault.finding) == (
        "DetachRule",
        "It was changed outside of a deployment: pattern, targets.",
    )
    assert after == REMEMBERED


def test_what_could_not_be_read_before_is_remembered_as_it_is_seen() -> None:
    seen = {**SEEN, "VerifyDetachFunction": fingerprint_of(FUNCTION_STATE)}
    assert compare_with_deployed(REMEMBERED, DEPLOYED, seen) == ((), {**REMEMBERED, "parts": seen})


def test_what_cannot_be_read_now_stays_remembered() -> None:
    assert compare_with_deployed(REMEMBERED, DEPLOYED, {}) == ((), REMEMBERED)

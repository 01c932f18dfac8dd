from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.attachment import Attachment
from holdfast.exemption import (
    BrokenExemption,
    Exemption,
    Exemptions,
    Parameter,
    exemption_of_document,
    name_of,
    names_for,
    parse_exemption,
    sort_out,
)

CHANGED = datetime(2026, 11, 20, 9, tzinfo=UTC)
ATTACHMENT = Attachment("p-7dj3cien", "ou-a1b2-workload")
NARROW = "/holdfast/exemptions/p-7dj3cien/ou-a1b2-workload"
GIVEN = {"until": "2026-11-22T09:00:00Z", "reason": "the region moves", "ticket": "CHG-7"}


def parameter(value: object = GIVEN, name: str = NARROW, kind: str = "String") -> Parameter:
    return Parameter(name, kind, value if isinstance(value, str) else json.dumps(value), CHANGED)


def exemption(name: str = NARROW, hours: float = 48) -> Exemption:
    return Exemption(name, CHANGED + timedelta(hours=hours), "the region moves", "CHG-7", CHANGED)


def test_a_well_formed_parameter_is_an_exemption() -> None:
    assert parse_exemption(parameter()) == exemption()


def test_a_ticket_may_be_left_out_and_what_nobody_knows_is_passed_over() -> None:
    read = parse_exemption(parameter({**GIVEN, "ticket": None, "author": "alice"}))

    assert (read.ticket, read.reason) == (None, "the region moves")


@pytest.mark.parametrize(
    "name",
    [
        NARROW,
        "/holdfast/exemptions/p-7dj3cien",
        "/holdfast/exemptions/p-FullAWSAccess/444455556666",
        "/holdfast/exemptions/p-7dj3cien/r-a1b2",
        "/holdfast/exemptions/all",
    ],
)
def test_it_may_be_for_an_attachment_a_policy_or_everything(name: str) -> None:
    assert parse_exemption(parameter(name=name)).name == name


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("until tomorrow", "value: got 'until tomorrow', expected JSON such as"),
        ("[1]", "value: got '[1]', expected a JSON object such as"),
        ({"reason": "r"}, "until: got nothing, expected a time with its zone"),
        ({**GIVEN, "until": "2026-11-22T09:00:00"}, "until: got '2026-11-22T09:00:00', expected a time with"),
        ({**GIVEN, "until": 1_700_000_000}, "until: got 1700000000, expected a time with its zone"),
        ({**GIVEN, "until": "2026-11-27T09:00:01Z"}, "expected 2026-11-27T09:00:00Z at the latest, 7 days"),
        ({**GIVEN, "until": "2026-11-20T09:00:00Z"}, "a time after its change at 2026-11-20T09:00:00Z"),
        ({"until": GIVEN["until"]}, "reason: got nothing, expected why, in words"),
        ({**GIVEN, "reason": "  "}, "reason: got '  ', expected why, in words"),
        ({**GIVEN, "reason": "…"}, "reason: got '…', expected why, in words"),
        ({**GIVEN, "reason": 7}, "reason: got 7, expected why, in words"),
    ],
)
def test_a_value_that_breaks_a_rule_is_refused_by_field_value_and_expectation(
    value: object, problem: str
) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        parse_exemption(parameter(value))

    assert problem in str(refused.value)


@pytest.mark.parametrize("kind", ["SecureString", "StringList"])
def test_only_a_plain_string_is_read(kind: str) -> None:
    with pytest.raises(ValueError, match=f"type: got '{kind}', expected String"):
        parse_exemption(parameter(kind=kind))


@pytest.mark.parametrize(
    "name",
    [
        "/holdfast/exemptions/p-7dj3cien/",
        "/holdfast/exemptions/p-7dj3cien/payments",
        "/holdfast/exemptions/p-7dj3cien/ou-a1b2-workload/more",
        "/holdfast/exemptions/everything",
        "/holdfast/exemptions/all/444455556666",
    ],
)
def test_a_name_that_says_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"name: got .*, expected /holdfast/exemptions/POLICY/TARGET"):
        parse_exemption(parameter(name=name))


def test_seven_days_after_the_change_is_not_too_long() -> None:
    assert parse_exemption(parameter({**GIVEN, "until": "2026-11-27T09:00:00Z"})) == exemption(hours=168)


def test_an_end_counts_in_whole_seconds_as_it_is_told_and_waited_for() -> None:
    assert parse_exemption(parameter({**GIVEN, "until": "2026-11-22T09:00:00.999Z"})) == exemption()


def test_what_is_broken_is_set_apart_with_its_problem() -> None:
    sorted_out = sort_out([parameter(), parameter("{}", name="/holdfast/exemptions/all")])

    problem = "until: got nothing, expected a time with its zone, such as 2026-11-22T09:00:00Z"
    assert sorted_out == Exemptions((exemption(),), (BrokenExemption("/holdfast/exemptions/all", problem),))


def test_the_names_that_concern_an_attachment_fit_one_call() -> None:
    assert names_for(ATTACHMENT, "p-declared") == (
        NARROW,
        "/holdfast/exemptions/p-declared/ou-a1b2-workload",
        "/holdfast/exemptions/p-7dj3cien",
        "/holdfast/exemptions/p-declared",
        "/holdfast/exemptions/all",
    )


@pytest.mark.parametrize(
    ("policy_id", "target_id", "name"),
    [
        ("p-7dj3cien", "ou-a1b2-workload", NARROW),
        ("p-7dj3cien", None, "/holdfast/exemptions/p-7dj3cien"),
        (None, None, "/holdfast/exemptions/all"),
    ],
)
def test_a_name_is_made_of_what_is_exempt(policy_id: str | None, target_id: str | None, name: str) -> None:
    assert name_of(policy_id, target_id) == name


@pytest.mark.parametrize("name", names_for(ATTACHMENT, "p-declared"))
def test_an_exemption_is_in_force_until_its_end_and_not_at_it(name: str) -> None:
    granted = Exemptions((exemption(name),))
    end = CHANGED + timedelta(hours=48)

    before = granted.of(ATTACHMENT, end - timedelta(seconds=1), declared_id="p-declared")
    assert (before, granted.of(ATTACHMENT, end, declared_id="p-declared")) == (exemption(name), None)


def test_of_several_the_one_that_ends_last_counts() -> None:
    longer = exemption("/holdfast/exemptions/all", hours=60)

    assert Exemptions((longer, exemption())).of(ATTACHMENT, CHANGED) == longer


@pytest.mark.parametrize(
    "name", ["/holdfast/exemptions/p-another1", "/holdfast/exemptions/p-7dj3cien/444455556666"]
)
def test_an_exemption_of_something_else_is_none(name: str) -> None:
    assert Exemptions((exemption(name),)).of(ATTACHMENT, CHANGED) is None


def test_an_exemption_survives_the_document() -> None:
    assert exemption_of_document(exemption().to_document()) == exemption()


@given(
    st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5).map(json.dumps)
)
def test_whatever_the_value_says_it_is_an_exemption_or_a_value_error(value: str) -> None:
    (sorted_out,) = [sort_out([parameter(value)])]

    assert len(sorted_out.valid) + len(sorted_out.broken) == 1

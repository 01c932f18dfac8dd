from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.exemption import Exemption, Parameter, parse_exemption
from holdfast.reconciliation.trigger import Scope, ScopeKind
from holdfast_cli.exempt import (
    Subject,
    UnknownGuardrailError,
    end_of,
    idle_because,
    policy_called,
    sentence,
    subject_named,
    value_of,
)
from tests.unit.examples import example_baseline

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
ATTACHMENT = Subject("p-7dj3cien", "ou-exme-ycaqk99w")
POLICY = Subject("p-7dj3cien")
EVERYTHING = Subject()


@pytest.mark.parametrize(
    ("subject", "name", "arguments", "scope"),
    [
        (
            ATTACHMENT,
            "/holdfast/exemptions/p-7dj3cien/ou-exme-ycaqk99w",
            "p-7dj3cien ou-exme-ycaqk99w",
            Scope(ScopeKind.ATTACHMENT, "p-7dj3cien/ou-exme-ycaqk99w"),
        ),
        (
            POLICY,
            "/holdfast/exemptions/p-7dj3cien",
            "p-7dj3cien all",
            Scope(ScopeKind.POLICY, "p-7dj3cien"),
        ),
        (EVERYTHING, "/holdfast/exemptions/all", "all", Scope(ScopeKind.ALL)),
    ],
    ids=["an attachment", "a policy", "everything"],
)
def test_what_is_exempt_has_a_parameter_arguments_and_a_scope(
    subject: Subject, name: str, arguments: str, scope: Scope
) -> None:
    assert (subject.name, subject.arguments, subject.scope) == (name, arguments, scope)
    assert subject_named(name) == subject


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (ATTACHMENT, "DenyUnapprovedRegions (p-7dj3cien) on ou-exme-ycaqk99w"),
        (POLICY, "DenyUnapprovedRegions (p-7dj3cien) wherever it is attached"),
        (Subject("p-nobodys01", "r-exme"), "p-nobodys01 on r-exme"),
        (EVERYTHING, "everything"),
    ],
)
def test_what_is_exempt_is_called_by_the_guardrails_name(subject: Subject, words: str) -> None:
    assert subject.in_words(example_baseline()) == words


def test_a_policy_made_again_has_its_guardrails_name_under_both_ids() -> None:
    adopted = example_baseline().adopting({"p-7dj3cien": "p-madeagain1"})
    named = [Subject(policy_id, "r-exme").in_words(adopted) for policy_id in ("p-7dj3cien", "p-madeagain1")]
    assert named == [
        "DenyUnapprovedRegions (p-7dj3cien) on r-exme",
        "DenyUnapprovedRegions (p-madeagain1) on r-exme",
    ]


def test_without_a_baseline_ids_have_to_do() -> None:
    assert ATTACHMENT.in_words(None) == "p-7dj3cien on ou-exme-ycaqk99w"
    assert policy_called("p-7dj3cien", None) == "p-7dj3cien"


def test_a_guardrail_is_found_by_its_name() -> None:
    assert policy_called("DenyUnapprovedRegions", example_baseline()) == "p-7dj3cien"


def test_a_name_of_two_guardrails_is_refused() -> None:
    """A tag policy may have the name of a service control policy."""
    baseline = example_baseline()
    twin = replace(baseline.guardrails[2], policy_id="p-twin00001")
    with pytest.raises(UnknownGuardrailError) as refused:
        policy_called(twin.name, replace(baseline, guardrails=(*baseline.guardrails, twin)))
    assert str(refused.value) == (
        "'DenyUnapprovedRegions' is the name of p-7dj3cien, p-twin00001: name one by its id"
    )


def test_a_name_that_no_guardrail_has_is_refused_with_those_that_there_are() -> None:
    baseline = replace(example_baseline(), guardrails=example_baseline().guardrails[:2])
    with pytest.raises(UnknownGuardrailError) as refused:
        policy_called("Regions\x1b[2J", baseline)
    assert str(refused.value) == (
        r"'Regions\x1b[2J' is neither a policy's id (p-…) nor a guardrail: "
        "DenyDisablingCloudTrail, DenyLeaveOrganization"
    )


@pytest.mark.parametrize(
    ("subject", "because"),
    [
        (ATTACHMENT, None),
        (POLICY, None),
        (EVERYTHING, None),
        (
            replace(ATTACHMENT, target_id="r-exme"),
            "does not attach DenyUnapprovedRegions (p-7dj3cien) to r-exme",
        ),
        (Subject("p-nobodys01", "r-exme"), "holds no policy p-nobodys01"),
        (Subject("p-nobodys01"), "holds no policy p-nobodys01"),
    ],
)
def test_what_the_baseline_does_not_hold_needs_no_exemption(subject: Subject, because: str | None) -> None:
    assert idle_because(subject, example_baseline()) == because


def test_a_guardrail_for_any_target_may_be_exempt_on_each() -> None:
    baseline = example_baseline()
    anywhere = replace(baseline, guardrails=(replace(baseline.guardrails[2], targets=None),))
    assert idle_because(replace(ATTACHMENT, target_id="r-exme"), anywhere) is None


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("30m", NOW + timedelta(minutes=30)),
        ("2h", NOW + timedelta(hours=2)),
        ("3d", NOW + timedelta(days=3)),
        ("2026-11-22T12:00:00Z", NOW + timedelta(hours=3)),
        ("2026-11-22T12:00+01:00", NOW + timedelta(hours=2)),
    ],
)
def test_the_end_is_a_span_from_now_or_a_time_with_its_zone(text: str, end: datetime) -> None:
    assert end_of(text, NOW) == end


@pytest.mark.parametrize(
    "text", ["", "2", "h", "2 h", "1.5h", "-2h", "2w", "tomorrow", "2026-11-22T12:00:00"]
)
def test_another_end_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="until: got") as refused:
        end_of(text, NOW)
    assert str(refused.value) == (
        f"until: got {text!r}, expected 30m, 2h, 3d or a time with its zone, such as 2026-11-22T09:00:00Z"
    )


@given(st.text(max_size=30) | st.from_regex(r"[0-9]{1,5}[mhdw]") | st.datetimes().map(datetime.isoformat))
def test_any_end_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert end_of(text, NOW).tzinfo is UTC


@given(st.text(), st.none() | st.text(), st.integers(1, 7 * 24 * 60))
def test_what_is_written_is_what_the_functions_read(reason: str, ticket: str | None, minutes: int) -> None:
    until = NOW + timedelta(minutes=minutes)
    value = value_of(until, reason, ticket)
    read = None
    with suppress(ValueError):
        read = parse_exemption(Parameter(ATTACHMENT.name, "String", value, NOW))
    expected = Exemption(ATTACHMENT.name, until, reason.strip(), ticket or None, NOW)
    assert read == (expected if re.search(r"\w", reason) else None)


def test_a_ticket_that_is_not_given_is_not_written() -> None:
    value = value_of(NOW, "the region moves", None)
    assert json.loads(value) == {"until": "2026-11-22T09:00:00Z", "reason": "the region moves"}


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (timedelta(), "until 2026-11-22T11:30:00Z, 2.5 hours left: "),
        (timedelta(hours=3), "until 2026-11-22T11:30:00Z: "),
    ],
    ids=["in force", "ended"],
)
def test_it_is_told_in_one_line_whatever_its_author_wrote(later: timedelta, words: str) -> None:
    until = NOW + timedelta(hours=2.5)
    exemption = Exemption(ATTACHMENT.name, until, "the move\n\x1b[31mof \u202ethe region", "CHG\r7", NOW)
    assert sentence(exemption, NOW + later) == (
        f"{words}“the move [31mof the region”, ticket “CHG 7”, changed 2026-11-22T09:00:00Z"
    )

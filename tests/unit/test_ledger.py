from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from holdfast.code_version import code_version
from holdfast.fight import Fight
from holdfast.incident import Leave
from holdfast.ledger import items_of, rounds_in
from holdfast.report import Report
from tests.unit import reports
from tests.unit.examples import CURRENT, DETACHMENT, EVENT_ID, EXECUTION, EXEMPTION, NAMES_KEPT, REPORTS, TOLD
from tests.unit.outside import JSON
from tests.unit.reports import EXAMPLES, RESTORED

KEY = f"2026-11-22T09:00:00Z/{EVENT_ID}/restored"


def plain(item: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return an item's values without their types."""
    return {name: next(iter(value.values())) for name, value in item.items()}


def test_an_incident_is_recorded_under_its_attachment_time_id_and_outcome() -> None:
    assert plain(items_of(RESTORED, NAMES_KEPT)["incident"]) == {
        "attachment": "p-7dj3cien/ou-exme-ycaqk99w",
        "incident": KEY,
        "schema": "1",
        "about": "detachment",
        "outcome": "restored",
        "verdict": "in the baseline",
        "severity": "notice",
        "exposure_seconds": "42",
        "accounts": "7",
        "execution": EXECUTION,
        "recorded_at": "2026-11-22T09:00:44Z",
        "confirmed_at": "2026-11-22T09:00:42Z",
        "organization": "o-far1coz49w",
        "policy_name": "DenyUnapprovedRegions",
        "policy_type": "SERVICE_CONTROL_POLICY",
        "baseline_version": "0123456789ab",
        "code_version": code_version(),
        "verified": True,
        "contested": False,
        "policy_id": "p-7dj3cien",
        "target_id": "ou-exme-ycaqk99w",
        "call_id": EVENT_ID,
        "event_id": EVENT_ID,
        "detached_at": "2026-11-22T09:00:00Z",
        "principal_id": "AROAEXAMPLEDEVELOPER1",
        "principal_kind": "AssumedRole",
        "account_id": "111122223333",
    }


def test_names_and_addresses_stand_beside_it_and_expire() -> None:
    assert plain(items_of(RESTORED, timedelta(days=30))["names"]) == {
        "attachment": "p-7dj3cien/ou-exme-ycaqk99w",
        "incident": f"{KEY}/names",
        "expires": str(int((TOLD + timedelta(days=30)).timestamp())),
        "arn": "arn:aws:iam::111122223333:role/developer",
        "unique_id": "AROAEXAMPLEDEVELOPER1",
        "name": "developer",
        "session_name": "mallory",
        "source_identity": "mallory@example.com",
        "mfa": False,
        "access_key_id": "ASIAIOSFODNN7EXAMPLE",
        "source_ip": "203.0.113.7",
        "user_agent": "aws-cli/2.31.3 md/awscrt#0.27.6 ua/2.1 os/linux",
    }


def test_what_stays_names_nobody() -> None:
    kept = json.dumps(items_of(RESTORED, NAMES_KEPT)["incident"])

    assert not any(word in kept for word in ('developer"', "mallory", "203.0.113.7", "aws-cli", "ASIA"))


def test_the_two_records_of_one_call_have_one_key() -> None:
    shared = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
    copies = [
        replace(RESTORED, detachment=replace(DETACHMENT, event_id=event_id, shared_event_id=shared))
        for event_id in (EVENT_ID, "11111111-2222-4333-8444-555555555555")
    ]

    (key,) = {plain(items_of(copy, NAMES_KEPT)["incident"])["incident"] for copy in copies}
    assert key == f"2026-11-22T09:00:00Z/{shared}/restored"


def test_an_event_that_could_not_be_read_is_recorded_under_its_execution() -> None:
    item = plain(items_of(EXAMPLES["failed_to_read_the_event"], NAMES_KEPT)["incident"])

    assert (item["attachment"], item["incident"], item["error"]) == (
        "unknown",
        "2026-11-22T09:00:44Z/b2c3d4e5-0f1a-4b2c-8d3e-4f5a6b7c8d9e/failed",
        "MalformedEventError",
    )


@pytest.mark.parametrize(("muted", "told"), [(False, "2026-11-22T09:00:44Z"), (True, None)])
def test_a_fight_is_remembered_as_told_only_if_it_is(told: str | None, *, muted: bool) -> None:
    fight = Fight((CURRENT,) * 3, muted=muted)

    item = plain(items_of(replace(RESTORED, fight=fight), NAMES_KEPT)["incident"])

    assert (item["contested"], item.get("fight_told_at")) == (True, told)


def test_an_exemption_is_recorded_with_its_end() -> None:
    item = plain(items_of(REPORTS["exempt"], NAMES_KEPT)["incident"])

    assert (item["outcome"], item["exemption"], item["exempt_until"]) == (
        "exempt",
        "/holdfast/exemptions/p-7dj3cien/ou-exme-ycaqk99w",
        "2026-11-22T11:00:00Z",
    )


def test_what_is_recorded_is_a_round_of_a_fight() -> None:
    assert rounds_in(items_of(RESTORED, NAMES_KEPT).values()) == (CURRENT,)


def test_a_round_whose_names_have_expired_is_still_one() -> None:
    incident = items_of(RESTORED, NAMES_KEPT)["incident"]

    assert rounds_in([incident]) == (replace(CURRENT, principal=None),)


@pytest.mark.parametrize(
    "item",
    [{}, {"incident": {"S": KEY}}, {"incident": {"S": KEY}, "detached_at": {"S": "yesterday"}}],
    ids=["empty", "without a time", "of no time"],
)
def test_what_is_no_item_of_ours_is_passed_over(item: dict[str, Any]) -> None:
    assert rounds_in([item]) == ()


@pytest.mark.parametrize(
    "allowed",
    [REPORTS["exempt"], REPORTS["sanctioned"], replace(RESTORED, leave=Leave(ended=EXEMPTION))],
    ids=["exempt", "sanctioned", "restored after an exemption"],
)
def test_a_detach_that_was_allowed_is_no_round_of_a_fight(allowed: Report) -> None:
    assert rounds_in(items_of(allowed, NAMES_KEPT).values()) == ()


def test_words_that_somebody_else_wrote_do_not_come_into_a_mail() -> None:
    """Mail and chat tell a round's outcome as it is, so it has to be one of ours."""
    incident = items_of(RESTORED, NAMES_KEPT)["incident"]

    assert rounds_in([{**incident, "outcome": {"S": "restored\nAll is well: <https://example.com>"}}]) == ()


def test_ids_that_somebody_else_wrote_are_cut() -> None:
    incident = items_of(RESTORED, NAMES_KEPT)["incident"]

    (cut,) = rounds_in([{**incident, "call_id": {"S": "c" * 9_999}, "principal_id": {"S": "p" * 9_999}}])

    assert (cut.call_id, cut.principal_key) == ("c" * 128, "p" * 128)


@given(reports.REPORTS)
def test_any_incident_is_an_item_that_dynamodb_takes(report: Report) -> None:
    """400 KB at most, no empty key, and numbers as texts. Source: DynamoDB developer guide, "Quotas"."""
    for item in items_of(report, NAMES_KEPT).values():
        assert item["attachment"]["S"]
        assert len(item["incident"]["S"].encode()) <= 1_024
        assert len(json.dumps(item, ensure_ascii=False).encode()) < 10_000


@given(JSON)
def test_whatever_an_item_holds_it_is_a_round_or_none(value: Any) -> None:
    given_item = {"incident": {"S": KEY}, "detached_at": {"S": value}, "verified": {"BOOL": value}}

    assert len(rounds_in([given_item])) <= 1

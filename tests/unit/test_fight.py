from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from holdfast.fight import Fight, Round, find_fight, key_of, round_of, yields_to_rival
from holdfast.principal import Principal
from holdfast.settings import FightRules
from tests.unit.examples import CURRENT, DETACHED, DETACHMENT, DEVELOPER, rounds

RULES = FightRules(after=3, within=timedelta(minutes=60))
NOW = DETACHED + timedelta(seconds=40)
OTHER = replace(CURRENT, principal_key="AROAEXAMPLEATTACKER01", principal=None)


def test_the_third_detach_within_the_hour_is_a_fight_of_three_rounds() -> None:
    earlier = rounds(1_800, 600)

    assert find_fight(earlier[::-1], CURRENT, RULES, NOW) == Fight((*earlier, CURRENT), muted=False)


@pytest.mark.parametrize(
    "earlier",
    [
        (),
        rounds(600),
        rounds(3_601, 600),
        (*rounds(600), replace(rounds(1_800)[0], verified=False)),
        (*rounds(600), replace(CURRENT, outcome="failed")),
    ],
    ids=["alone", "twice", "an hour ago", "not seen off", "the same detach told twice"],
)
def test_less_is_no_fight(earlier: tuple[Round, ...]) -> None:
    assert find_fight(earlier, CURRENT, RULES, NOW) is None


def test_a_detach_on_the_hour_still_counts() -> None:
    assert find_fight(rounds(3_600, 600), CURRENT, RULES, NOW) is not None


def test_a_detach_that_nobody_saw_begins_no_fight() -> None:
    assert find_fight(rounds(1_800, 600), replace(CURRENT, verified=False), RULES, NOW) is None


def test_an_outcome_that_is_told_twice_is_one_round() -> None:
    twice = (*rounds(600), replace(rounds(600)[0], outcome="restored with changed text"))

    assert find_fight(twice, CURRENT, RULES, NOW) is None


@pytest.mark.parametrize(
    ("seconds", "muted"), [(599, True), (600, False)], ids=["ten minutes after", "after ten minutes"]
)
def test_a_fight_that_was_told_is_muted_for_ten_minutes(seconds: int, *, muted: bool) -> None:
    told_at = NOW - timedelta(seconds=seconds)
    earlier = (*rounds(1_800, 1_200), replace(rounds(700)[0], told_at=told_at))

    fight = find_fight(earlier, CURRENT, RULES, NOW)

    assert fight is not None
    assert fight.muted is muted


def test_a_fight_of_few_minutes_is_muted_for_ten_as_well() -> None:
    rules = FightRules(after=3, within=timedelta(minutes=5))
    told = replace(rounds(420)[0], told_at=NOW - timedelta(seconds=400))

    fight = find_fight((*rounds(660, 540), told, *rounds(280, 140)), CURRENT, rules, NOW)

    assert fight == Fight((*rounds(280, 140), CURRENT), muted=True)


def test_somebody_who_was_not_named_yet_is_told() -> None:
    fight = find_fight(rounds(900, 600, 300, told_after=2), OTHER, RULES, NOW)

    assert fight == Fight((*rounds(900, 600, 300, told_after=2), OTHER), muted=False)


def test_somebody_who_was_named_by_an_earlier_round_is_not_told_again() -> None:
    told = replace(rounds(300)[0], told_at=NOW - timedelta(seconds=250))
    earlier = (replace(OTHER, at=DETACHED - timedelta(seconds=900), call_id="one"), *rounds(600), told)

    fight = find_fight(earlier, OTHER, RULES, NOW)

    assert fight is not None
    assert fight.muted


@pytest.mark.parametrize("seconds", [0, 1])
def test_somebody_whose_detach_is_heard_of_late_was_not_named_yet(seconds: int) -> None:
    """Events come out of order, and tell whole seconds."""
    told = replace(rounds(300)[0], told_at=NOW - timedelta(seconds=250))
    late = replace(OTHER, at=told.at - timedelta(seconds=seconds))

    fight = find_fight((*rounds(900, 600), told), late, RULES, NOW)

    assert fight is not None
    assert not fight.muted


@pytest.mark.parametrize("outcome", ["failed", "restored with changed text", "yielded", "alert only"])
def test_all_but_what_was_put_back_is_always_told(outcome: str) -> None:
    fight = find_fight(rounds(900, 600, 300, told_after=2), replace(CURRENT, outcome=outcome), RULES, NOW)

    assert fight is not None
    assert not fight.muted


def test_a_time_to_come_mutes_nothing() -> None:
    tomorrow = replace(rounds(300)[0], told_at=NOW + timedelta(days=1))

    fight = find_fight((*rounds(900), tomorrow), CURRENT, RULES, NOW)

    assert fight is not None
    assert not fight.muted


@pytest.mark.parametrize(
    ("earlier", "yields"),
    [
        (rounds(1_800, 600), True),
        (rounds(600), False),
        (rounds(1_800, 600, outcome="yielded"), False),
        (rounds(1_800, 600, outcome="failed"), False),
        ((*rounds(1_800), *rounds(600, outcome="restored with changed text")), True),
    ],
    ids=["third", "second", "yielded before", "never won", "won twice"],
)
def test_holdfast_yields_at_the_third_round_that_it_would_win(
    earlier: tuple[Round, ...], *, yields: bool
) -> None:
    assert yields_to_rival(earlier, CURRENT, RULES) is yields


def test_what_others_did_makes_holdfast_yield_to_nobody() -> None:
    assert not yields_to_rival((*rounds(1_800, 900), replace(OTHER, call_id="one")), OTHER, RULES)


def test_an_identity_is_known_by_its_unique_id_and_not_by_its_name() -> None:
    renamed = replace(DEVELOPER, name="renamed", session_name="other")

    assert key_of(renamed) == key_of(DEVELOPER) == "AROAEXAMPLEDEVELOPER1"


def test_an_identity_without_an_id_is_known_by_a_digest_of_what_it_has() -> None:
    service = Principal(kind="AWSService", name="controltower.amazonaws.com")

    assert key_of(service).startswith("sha256:")
    assert key_of(service) == key_of(replace(service, session_name="another"))
    assert key_of(service) != key_of(replace(service, name="organizations.amazonaws.com"))
    assert "controltower" not in key_of(service)


def test_a_round_is_known_by_the_call_and_not_by_the_record_of_it() -> None:
    shared = replace(DETACHMENT, shared_event_id="0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d")

    assert round_of(shared, "restored", verified=True).call_id == "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"

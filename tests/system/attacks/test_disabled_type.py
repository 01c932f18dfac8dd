"""The policy type is switched off, and every attachment in the organization is lost at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deployed import SCP, Holdfast
from tests.system.attacks.stories import (
    attack,
    covered,
    disable_type,
    ended,
    published_rates,
    teams_with,
    told,
)

pytestmark = pytest.mark.long

SIX_BACK = "page: Reconciled: 1 policy type switched on, 6 attachments restored [by Intruder]"


def test_everything_is_back_when_the_type_was_disabled(holdfast: Holdfast, intruder: Any) -> None:
    before = holdfast.state()

    with attack(holdfast) as aftermath:
        disable_type(intruder, holdfast)

    assert (told(aftermath.fast), told(aftermath.slow)) == ([], [SIX_BACK])
    assert holdfast.state() == before


def test_it_is_back_each_time_when_the_type_is_disabled_twice(holdfast: Holdfast, intruder: Any) -> None:
    before = holdfast.state()

    with attack(holdfast) as aftermath:
        disable_type(intruder, holdfast)
        holdfast.aws.clock.sleep(60)
        again = holdfast.state() == before
        disable_type(intruder, holdfast)

    assert (again, told(aftermath.slow)) == (True, [SIX_BACK] * 2)
    assert holdfast.state() == before


def test_a_slow_organization_is_waited_for(holdfast: Holdfast, intruder: Any) -> None:
    """CloudTrail's record comes before the act, and the act takes its time."""
    before, usual = holdfast.state(), holdfast.aws.organizations.settling
    holdfast.aws.organizations.settling = 300.0

    with attack(holdfast) as aftermath:
        disable_type(intruder, holdfast)

    holdfast.aws.organizations.settling = usual
    assert (told(aftermath.slow), holdfast.state()) == ([SIX_BACK], before)


def test_disabled_again_while_everything_is_being_restored_it_is_restored_after_all(
    holdfast: Holdfast, intruder: Any
) -> None:
    before = holdfast.state()

    with teams_with(holdfast, "Crew", 20) as teams:
        with published_rates(holdfast), attack(holdfast) as aftermath:
            disable_type(intruder, holdfast)
            holdfast.aws.clock.sleep(20)
            disable_type(intruder, holdfast)
        assert covered(holdfast, "Crew", teams) == teams

    first, second = sorted(aftermath.slow, key=lambda run: ended(holdfast, run))
    assert first.end == ("FAILED", "ReconciliationFailed")
    assert "of 26 attachments could not be restored" in first.mail.subject
    assert told([second]) == [
        "page: Reconciled: 1 policy type switched on, 26 attachments restored [by Intruder]"
    ]
    assert holdfast.state() == before


def test_in_the_middle_of_a_mass_detach_nothing_is_lost(holdfast: Holdfast, intruder: Any) -> None:
    before = holdfast.state()

    with teams_with(holdfast, "Team", 20) as teams:
        with published_rates(holdfast), attack(holdfast) as aftermath:
            for team in teams[:10]:
                holdfast.take("Team", team, by=intruder)
                holdfast.aws.clock.sleep(1)
            disable_type(intruder, holdfast)
        assert covered(holdfast, "Team", teams) == teams

    with_type = [run for run in aftermath.slow if run.event["detail"]["eventName"] == "DisablePolicyType"]
    assert [run.outcome for run in with_type] == ["reconciled"]
    assert {run.outcome for run in aftermath.fast} == {"restored", "failed"}
    assert holdfast.state() == before


def test_switched_on_again_by_somebody_else_it_still_lacks_everything_and_gets_it_back(
    holdfast: Holdfast, intruder: Any
) -> None:
    """Enabling a type brings no attachment back, and whoever looks at the type only sees nothing."""
    before = holdfast.state()

    with attack(holdfast) as aftermath:
        disable_type(intruder, holdfast)
        holdfast.aws.clock.sleep(4)
        intruder.enable_policy_type(RootId=holdfast.target("Root"), PolicyType=SCP)

    assert [run.outcome for run in aftermath.slow] == ["reconciled"]
    assert holdfast.state() == before

"""Guardrails whose text is weakened, and floods of changes that are to keep Holdfast busy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests.deployed import Holdfast
from tests.system.attacks.stories import (
    Aftermath,
    attack,
    covered,
    create,
    ended,
    findings,
    published_rates,
    rewrite,
    started,
    take_all,
    teams_with,
    told,
)

pytestmark = pytest.mark.long


def test_a_weakened_text_is_put_back(holdfast: Holdfast, intruder: Any) -> None:
    before = holdfast.state()

    with attack(holdfast) as aftermath:
        rewrite(intruder, holdfast.policy("DenyDisablingCloudTrail"))

    assert told(aftermath.slow) == ["page: Reconciled: 1 text put back [by Intruder]"]
    assert holdfast.state() == before


def test_weakened_and_then_detached_it_is_back_with_its_text(holdfast: Holdfast, intruder: Any) -> None:
    before = holdfast.state()

    with attack(holdfast) as aftermath:
        rewrite(intruder, holdfast.policy("DenyLeaveOrganization"))
        holdfast.take("DenyLeaveOrganization", "Root", by=intruder)

    assert told(aftermath.fast) == ["page: CHANGED TEXT: DenyLeaveOrganization on the root [by Intruder]"]
    assert told(aftermath.slow) == ["page: Reconciled: 1 text put back [by Intruder]"]
    assert holdfast.state() == before


FLOOD = 24
A_WHILE = 30.0


def mass_detach(
    holdfast: Holdfast, intruder: Any, teams: list[str], flood: Sequence[str] = ()
) -> tuple[float, Aftermath]:
    """Detach a guardrail from all teams at once, in a flood of changes of policies.

    Returns the seconds until the last one is back, and told; from the attack on the published rates hold.
    """
    with published_rates(holdfast), attack(holdfast) as aftermath:
        take_all(holdfast, "Team", teams, by=intruder)
        holdfast.aws.rates.published = False
        for number, policy_id in enumerate(flood):
            intruder.update_policy(PolicyId=policy_id, Description=f"Flood {number}")
        holdfast.aws.rates.published = True
        began = holdfast.aws.clock.now()
    assert [run.outcome for run in aftermath.fast] == ["restored"] * len(teams)
    assert covered(holdfast, "Team", teams) == teams
    return (max(ended(holdfast, run) for run in aftermath.fast) - began).total_seconds(), aftermath


def test_a_flood_of_changes_does_not_slow_the_fast_path_down(holdfast: Holdfast, intruder: Any) -> None:
    bystander = create(intruder, "Bystander")
    guardrail = holdfast.policy("DenyDisablingCloudTrail")
    before = holdfast.state()

    with teams_with(holdfast, "Team", 10) as teams:
        alone, _ = mass_detach(holdfast, intruder, teams)
        flooded, aftermath = mass_detach(holdfast, intruder, teams, [guardrail, bystander] * (FLOOD // 2))

    # Half a second for each attachment, the delivery, and what the luck of the retries makes of it.
    assert (alone <= A_WHILE, flooded <= A_WHILE) == (True, True)
    first, second = sorted(aftermath.slow, key=lambda run: ended(holdfast, run))
    assert "TurnPendingError" in second.errors
    assert started(holdfast, second) - started(holdfast, first) < timedelta(seconds=1)
    (run,) = (run for run in aftermath.slow if run.record)
    trail = f"“DenyDisablingCloudTrail” ({guardrail})"
    assert findings(run) == [f"Renamed: {trail} now has the description “Flood {FLOOD - 2}”"]
    assert holdfast.state() == before
    intruder.delete_policy(PolicyId=bystander)
    intruder.update_policy(PolicyId=guardrail, Description="Nobody switches the trail off.")

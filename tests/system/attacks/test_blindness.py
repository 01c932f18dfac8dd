"""The fast path is blinded: what it cannot see is seen by the slow path, later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deployed import Holdfast
from tests.system.attacks.stories import (
    account_for_detaches,
    attack,
    begin_run,
    detach_rule_disabled,
    findings,
    scheduled_run,
    told,
    wait,
)

pytestmark = pytest.mark.long

MINUTE = 60.0
RULE_IS_OFF = "Wiring: “DetachRule” is not as it should be: “The rule is DISABLED: its events start nothing”"
BLIND = "Fast path blind: the fast path is blind: 1 detach of a guardrail went unnoticed"


@pytest.fixture(autouse=True)
def _as_slow_as_cloudtrail(holdfast: Holdfast) -> Iterator[None]:
    """Let the event history lag, and account before and afterwards for all that it shows."""
    holdfast.aws.trail.lookup_lag = 5 * MINUTE
    account_for_detaches(holdfast)
    yield
    account_for_detaches(holdfast)
    holdfast.aws.trail.lookup_lag = 0.0


def test_detached_and_attached_again_unseen_it_is_told_once_and_not_too_early(
    holdfast: Holdfast, intruder: Any
) -> None:
    before = holdfast.state()

    with detach_rule_disabled(holdfast):
        with attack(holdfast) as aftermath:
            holdfast.take("DenyLeaveOrganization", "Root", by=intruder)
            holdfast.aws.clock.sleep(5 * MINUTE)
            intruder.attach_policy(
                PolicyId=holdfast.policy("DenyLeaveOrganization"), TargetId=holdfast.target("Root")
            )
        early = scheduled_run(holdfast)
    wait(holdfast, 10 * MINUTE)
    seen = scheduled_run(holdfast)
    wait(holdfast, 10 * MINUTE)
    later = scheduled_run(holdfast)

    assert (aftermath.fast, aftermath.slow) == ([], [])
    assert findings(early) == [RULE_IS_OFF]
    assert findings(seen) == [BLIND]
    assert told([seen]) == [
        "page: BLIND: the fast path is blind: 1 detach of a guardrail went unnoticed [by Intruder]"
    ]
    assert (later.mails, holdfast.state()) == ((), before)


def test_detached_unseen_it_is_back_after_the_second_look_of_the_next_run(
    holdfast: Holdfast, intruder: Any
) -> None:
    before = holdfast.state()

    with detach_rule_disabled(holdfast):
        with attack(holdfast) as aftermath:
            holdfast.take("DenyDisablingCloudTrail", "Workloads/Prod", by=intruder)
            holdfast.aws.clock.sleep(10 * MINUTE)
            begin_run(holdfast)
        (run,) = aftermath.slow

    assert aftermath.fast == []
    assert "Wait For Second Look" in run.states
    trail = f"“DenyDisablingCloudTrail” ({holdfast.policy('DenyDisablingCloudTrail')})"
    unit = f"OU “Prod” ({holdfast.target('Workloads/Prod')})"
    assert findings(run) == [RULE_IS_OFF, f"Attachments missing: {trail} was missing on {unit}"]
    assert told([run]) == [
        "page: DRIFT: DetachRule is not as it should be: The rule is DISABLED: its even... [by Intruder]"
    ]
    assert holdfast.state() == before

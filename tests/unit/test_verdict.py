from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import pytest

from holdfast.attachment import Attachment
from holdfast.principal import Principal
from holdfast.settings import Mode
from holdfast.verdict import NOT_OURS, Action, Reason, Verdict, decide, is_stale
from tests.unit.examples import (
    DETACHED,
    DETACHMENT,
    DEVELOPER,
    NOW,
    SANCTIONED_ROLE,
    SANCTIONED_ROLE_ID,
    example_baseline,
)

SANCTIONED = Principal(kind="AssumedRole", arn=SANCTIONED_ROLE, unique_id=SANCTIONED_ROLE_ID)
A_DAY = DETACHED + timedelta(hours=24)
LATER = A_DAY + timedelta(seconds=1)

REATTACH = Verdict(Action.REATTACH, Reason.IN_BASELINE)
REATTACH_STALE = Verdict(Action.REATTACH, Reason.STALE_EVENT)
REPORT_MODE = Verdict(Action.REPORT, Reason.ALERT_ONLY_MODE)
REPORT_SANCTIONED = Verdict(Action.REPORT, Reason.SANCTIONED_PRINCIPAL)


@pytest.mark.parametrize(
    ("principal", "mode", "replayed", "now", "verdict"),
    [
        (DEVELOPER, Mode.REMEDIATE, False, NOW, REATTACH),
        (DEVELOPER, Mode.REMEDIATE, False, LATER, REATTACH_STALE),
        (DEVELOPER, Mode.REMEDIATE, True, NOW, REATTACH_STALE),
        (DEVELOPER, Mode.REMEDIATE, True, LATER, REATTACH_STALE),
        (DEVELOPER, Mode.ALERT_ONLY, False, NOW, REPORT_MODE),
        (DEVELOPER, Mode.ALERT_ONLY, False, LATER, REPORT_MODE),
        (DEVELOPER, Mode.ALERT_ONLY, True, NOW, REPORT_MODE),
        (DEVELOPER, Mode.ALERT_ONLY, True, LATER, REPORT_MODE),
        (SANCTIONED, Mode.REMEDIATE, False, NOW, REPORT_SANCTIONED),
        (SANCTIONED, Mode.REMEDIATE, False, LATER, REATTACH_STALE),
        (SANCTIONED, Mode.REMEDIATE, True, NOW, REATTACH_STALE),
        (SANCTIONED, Mode.REMEDIATE, True, LATER, REATTACH_STALE),
        (SANCTIONED, Mode.ALERT_ONLY, False, NOW, REPORT_SANCTIONED),
        (SANCTIONED, Mode.ALERT_ONLY, False, LATER, REPORT_MODE),
        (SANCTIONED, Mode.ALERT_ONLY, True, NOW, REPORT_MODE),
        (SANCTIONED, Mode.ALERT_ONLY, True, LATER, REPORT_MODE),
    ],
)
def test_a_guarded_attachment_gets_its_verdict(
    principal: Principal, mode: Mode, now: datetime, verdict: Verdict, *, replayed: bool
) -> None:
    detachment = replace(DETACHMENT, principal=principal, replayed=replayed)
    assert decide(detachment, example_baseline(), mode, now) == verdict


@pytest.mark.parametrize(
    ("principal", "mode", "replayed", "now"),
    list(product([DEVELOPER, SANCTIONED], Mode, [False, True], [NOW, LATER])),
)
def test_what_the_baseline_does_not_hold_is_left_alone_whoever_did_it(
    principal: Principal, mode: Mode, now: datetime, *, replayed: bool
) -> None:
    detachment = replace(
        DETACHMENT, attachment=Attachment("p-FullAWSAccess", "r-exme"), principal=principal, replayed=replayed
    )
    assert decide(detachment, example_baseline(), mode, now) == NOT_OURS


def test_an_event_is_stale_when_it_is_older_than_eventbridge_delivers() -> None:
    """EventBridge tries for 24 hours. Source: its user guide, "Event retry policy"."""
    assert not is_stale(DETACHMENT, A_DAY)
    assert is_stale(DETACHMENT, LATER)


def test_an_event_from_the_future_is_not_stale() -> None:
    """Two clocks of AWS's may differ by seconds."""
    assert not is_stale(DETACHMENT, DETACHED - timedelta(seconds=2))

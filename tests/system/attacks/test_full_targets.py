"""Targets whose slots are filled, so that a guardrail that is detached cannot come back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deployed import Holdfast
from tests.system.attacks.stories import attack, create, findings, scheduled_run, told, wait

pytestmark = pytest.mark.long

HOUR = 3_600.0


def fill(holdfast: Holdfast, client: Any, path: str) -> list[str]:
    """Attach policies until no slot is free, and return their ids."""
    fillers: list[str] = []
    while len(holdfast.attached(path)) < holdfast.aws.organizations.limits["SERVICE_CONTROL_POLICY"].attached:
        fillers.append(create(client, f"Filler {len(fillers) + 1}"))
        client.attach_policy(PolicyId=fillers[-1], TargetId=holdfast.target(path))
    return fillers


def test_who_fills_all_slots_is_named_and_the_guardrail_is_back_when_one_is_free(
    holdfast: Holdfast, intruder: Any
) -> None:
    before, workloads = holdfast.state(), holdfast.target("Workloads")
    unit = f"OU “Workloads” ({workloads})"
    guardrail = f"“DenyUnapprovedRegions” ({holdfast.policy('DenyUnapprovedRegions')})"

    with attack(holdfast) as aftermath:
        holdfast.take("DenyUnapprovedRegions", "Workloads", by=intruder)
        fillers = fill(holdfast, intruder, "Workloads")

    (detached,) = aftermath.fast
    assert told([detached]) == ["page: FAILED: DenyUnapprovedRegions on OU Workloads [by Intruder]"]
    assert [
        f"{filler} “Filler {number}”" in detached.mail.body for number, filler in enumerate(fillers, 1)
    ] == [True] * len(fillers)

    assert told(aftermath.slow) == ["page: FAILED: 1 of 1 attachment could not be restored [by Intruder]"]
    unknown = f"which has {len(fillers)} policies that the baseline does not know (SERVICE_CONTROL_POLICY)"
    (attached,) = (run for run in aftermath.slow if run.mails)
    assert findings(attached) == [
        f"Attachments missing: {guardrail} could not be attached to {unit}",
        f"Unknown policies: no slot is free on {unit}, {unknown}",
    ]
    assert [
        f"- {filler} “Filler {number}”" in attached.mail.body for number, filler in enumerate(fillers, 1)
    ] == [True] * len(fillers)

    wait(holdfast, HOUR)
    still_full = scheduled_run(holdfast)
    for filler in fillers:
        holdfast.organizations.detach_policy(PolicyId=filler, TargetId=workloads)
    free = scheduled_run(holdfast)

    assert told([still_full]) == ["page: FAILED: 1 of 1 attachment could not be restored [by Intruder]"]
    assert told([free]) == ["notice: Reconciled: 1 attachment restored [by Intruder]"]
    assert holdfast.state() == before

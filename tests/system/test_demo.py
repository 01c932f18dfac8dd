"""The demonstration, on the clock that skips: what it shows is what happens."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from holdfast_cli.demo import run_demo
from holdfast_cli.screen import Screen
from localaws.clock import SkippingClock

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long


def test_every_act_of_the_demo_goes_as_it_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast_cli.demo.BUILD", tmp_path)
    printed = io.StringIO()

    went_well = run_demo(Screen(Console(file=printed, soft_wrap=True)), SkippingClock())

    lines = printed.getvalue().splitlines()
    security, workloads = "ou-exme-cbm7ma1f", "ou-exme-ycaqk99w"
    exemption = f"/holdfast/exemptions/p-cg404d5t/{security}"
    assert [line for line in lines if line.startswith("  > Subject: [")] == [
        "  > Subject: [Holdfast o-far1coz49w] ALERT: DenyLeaveOrganization was detached from r-exme",
        "  > Subject: [Holdfast o-far1coz49w] Restored: DenyLeaveOrganization on the root",
        f"  > Subject: [Holdfast o-far1coz49w] EXEMPTION: {exemption} was written",
        f"  > Subject: [Holdfast o-far1coz49w] ALERT: ProtectSecurityRoles was detached from {security}",
        "  > Subject: [Holdfast o-far1coz49w] Not restored (exempt): ProtectSecurityRoles on OU Security",
        "  > Subject: [Holdfast o-far1coz49w] Restored: ProtectSecurityRoles on OU Security",
        f"  > Subject: [Holdfast o-far1coz49w] ALERT: DenyUnapprovedRegions was detached from {workloads}",
        "  > Subject: [Holdfast o-far1coz49w] FAILED: DenyUnapprovedRegions on OU Workloads",
        "  > Subject: [Holdfast o-far1coz49w] Reconciled: 1 policy made again, 1 attachment restored",
        "  > Subject: [Holdfast o-far1coz49w] Reconciled: 1 policy type switched on, 6 attachments restored",
    ]
    assert "  21 of 21 attachments, on 15 targets, are gone. No DetachPolicy event tells of any." in lines
    assert went_well

"""`holdfast drill` where Holdfast only reports: it says so before, and puts the guardrail back itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from holdfast_cli import drill_command
from holdfast_cli.__main__ import app
from holdfast_cli.drill import NAME
from holdfast_cli.drill_guardrail import find_guardrail
from tests.deployed import deployed

pytestmark = pytest.mark.long


def test_in_alert_only_mode_a_drill_is_told_and_puts_the_guardrail_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALOCALOPERATOR000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(drill_command, "POLL", 0.02)

    with deployed(tmp_path, Mode="alert-only") as holdfast:

        def run(*arguments: str) -> Result:
            at = ("--folder", str(holdfast.guardrails), "--endpoint-url", holdfast.aws.endpoint_url)
            return CliRunner().invoke(app, ["drill", *arguments, *at])

        run("--create", "--yes")
        unasked = run()
        detaches = len(holdfast.aws.calls.recorded("organizations", "DetachPolicy"))
        result = run("--yes")
        found = find_guardrail(holdfast.organizations)

    assert (unasked.exit_code, detaches) == (1, 0)
    assert unasked.stdout.splitlines()[-1] == "Nothing was detached. Next: say --yes if it is meant."
    assert (result.exit_code, found.targets) == (0, (found.unit_id,))
    assert result.stdout.splitlines()[-2:] == [
        f"{NAME} was off: the drill has attached it, with your credentials.",
        "The detach was told and not reverted, for the mode is alert-only.",
    ]

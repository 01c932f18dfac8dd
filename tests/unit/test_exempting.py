from __future__ import annotations

import shlex
from datetime import timedelta

import pytest

from holdfast.attachment import Attachment
from holdfast.exempting import exempt_commands, exempt_value, revoke_command
from holdfast.exemption import Parameter, parse_exemption
from tests.unit.examples import DENY_REGIONS, NOW, WORKLOADS


def test_the_ready_made_value_exempts_for_two_hours() -> None:
    name = f"/holdfast/exemptions/{DENY_REGIONS}/{WORKLOADS}"
    exemption = parse_exemption(Parameter(name, "String", exempt_value(NOW), NOW))
    assert exemption.until == NOW + timedelta(hours=2)


def test_the_ready_made_commands_exempt_the_attachment() -> None:
    assert exempt_commands(Attachment(DENY_REGIONS, WORKLOADS), NOW) == {
        "To permit it for two hours": (
            "holdfast exempt grant p-7dj3cien ou-exme-ycaqk99w --until 2h "
            '--reason "break-glass, the reason follows"'
        ),
        "The same without holdfast": (
            "aws ssm put-parameter --name /holdfast/exemptions/p-7dj3cien/ou-exme-ycaqk99w --type String "
            '--overwrite --value \'{"until": "2026-11-22T11:00:30Z", "reason": "break-glass, the reason '
            'follows", "ticket": ""}\''
        ),
    }


def test_the_commands_name_the_region_where_that_is_known() -> None:
    grant, put = exempt_commands(Attachment(DENY_REGIONS, WORKLOADS), NOW, "eu-central-1").values()

    assert grant.startswith(
        "holdfast exempt grant p-7dj3cien ou-exme-ycaqk99w --until 2h --region eu-central-1 "
    )
    assert put.startswith(
        "aws ssm put-parameter --region eu-central-1 --name /holdfast/exemptions/p-7dj3cien/"
    )


def test_the_value_is_one_word_to_a_shell() -> None:
    *_, command = exempt_commands(Attachment(DENY_REGIONS, WORKLOADS), NOW).values()
    assert shlex.split(command)[-1] == exempt_value(NOW)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("/holdfast/exemptions/p-7dj3cien/r-exme", "holdfast exempt revoke p-7dj3cien r-exme"),
        ("/holdfast/exemptions/p-7dj3cien", "holdfast exempt revoke p-7dj3cien all"),
        ("/holdfast/exemptions/all", "holdfast exempt revoke all"),
    ],
)
def test_the_command_that_revokes_names_what_the_parameter_does(name: str, command: str) -> None:
    assert revoke_command(name) == command

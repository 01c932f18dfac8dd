from __future__ import annotations

from datetime import timedelta

import pytest

from holdfast.errors import SettingsError
from holdfast.settings import Mode, Settings, sanctioned_for_from

ENVIRONMENT = {
    "MODE": "remediate",
    "ORGANIZATION_ID": "o-far1coz49w",
    "MANAGEMENT_ACCOUNT_ID": "111122223333",
    "HOST_ACCOUNT_ID": "164621202689",
    "PATH": "/usr/bin",
}


def test_the_settings_are_read_from_the_environment() -> None:
    assert Settings.from_environ(ENVIRONMENT) == Settings(
        Mode.REMEDIATE, "o-far1coz49w", frozenset({"111122223333", "164621202689"})
    )


def test_forwarding_accounts_are_served_as_well() -> None:
    settings = Settings.from_environ(ENVIRONMENT | {"FORWARDING_ACCOUNT_IDS": "444455556666,777788889999"})

    assert settings.account_ids == {"111122223333", "164621202689", "444455556666", "777788889999"}


def test_the_management_account_may_host_the_stack_itself() -> None:
    settings = Settings.from_environ(ENVIRONMENT | {"HOST_ACCOUNT_ID": "111122223333", "MODE": "alert-only"})
    assert settings == Settings(Mode.ALERT_ONLY, "o-far1coz49w", frozenset({"111122223333"}))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MODE", "REMEDIATE", "remediate or alert-only"),
        ("MODE", "remediate ", "remediate or alert-only"),
        ("ORGANIZATION_ID", "exampleorgid", "an organization's id (o-…)"),
        ("MANAGEMENT_ACCOUNT_ID", "1111-2222-3333", "12 digits"),
        ("HOST_ACCOUNT_ID", "", "12 digits"),
        ("FORWARDING_ACCOUNT_IDS", "444455556666,", "accounts of 12 digits with commas between, or nothing"),
        ("FORWARDING_ACCOUNT_IDS", "all", "accounts of 12 digits with commas between, or nothing"),
    ],
)
def test_a_wrong_variable_is_named_with_its_value_and_what_was_expected(
    name: str, value: str, expected: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_environ(ENVIRONMENT | {name: value})
    assert str(raised.value) == f"environment variable {name}: got {value!r}, expected {expected}"


@pytest.mark.parametrize("hours", [0, 1, 24, 99, 100, 159, 168])
def test_a_sanctioned_detach_may_wait_for_hours(hours: int) -> None:
    assert sanctioned_for_from({"SANCTIONED_FOR_HOURS": str(hours)}) == timedelta(hours=hours)


@pytest.mark.parametrize("value", ["", "-1", "169", "1000", "24.5", "a day", "24\n"])
def test_anything_else_than_hours_up_to_a_week_is_refused(value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        sanctioned_for_from({"SANCTIONED_FOR_HOURS": value})
    expected = f"environment variable SANCTIONED_FOR_HOURS: got {value!r}, expected hours, 0 to 168"
    assert str(raised.value) == expected


@pytest.mark.parametrize("name", ["MODE", "ORGANIZATION_ID", "MANAGEMENT_ACCOUNT_ID", "HOST_ACCOUNT_ID"])
def test_a_missing_variable_is_named(name: str) -> None:
    environment = {key: value for key, value in ENVIRONMENT.items() if key != name}
    with pytest.raises(SettingsError, match=f"^environment variable {name}: got '', expected "):
        Settings.from_environ(environment)

"""What the template tells the functions, by environment variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from holdfast.attachment import ACCOUNT_ID, ORGANIZATION_ID
from holdfast.errors import SettingsError


class Mode(StrEnum):
    """Whether Holdfast may change anything."""

    REMEDIATE = "remediate"
    ALERT_ONLY = "alert-only"


@dataclass(frozen=True, slots=True)
class Restoring:
    """What a reconciliation may restore; the rest is reported with what it would have done."""

    attachments: bool
    policy_types: bool
    policies: bool


SANCTIONED_FOR = timedelta(hours=24)
"""How long a sanctioned detach may wait for the baseline to say the same: the template's default."""

NOTHING = Restoring(attachments=False, policy_types=False, policies=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """The deployment's settings.

    Parameters
    ----------
    mode : Mode
        Whether anything may be changed.
    organization_id : str
        The organization that this deployment is for (`o-…`).
    account_ids : frozenset of str
        The accounts whose records are accepted: the management account, the one that hosts the stack, and
        those that may forward theirs.
    """

    mode: Mode
    organization_id: str
    account_ids: frozenset[str]

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Return the settings that the environment holds.

        Raises
        ------
        SettingsError
            If a variable is missing or wrong; names it, its value and what was expected.
        """
        mode = _matching(environ, "MODE", re.compile("|".join(Mode)), " or ".join(Mode))
        organization = _matching(environ, "ORGANIZATION_ID", ORGANIZATION_ID, "an organization's id (o-…)")
        management = _matching(environ, "MANAGEMENT_ACCOUNT_ID", ACCOUNT_ID, "12 digits")
        host = _matching(environ, "HOST_ACCOUNT_ID", ACCOUNT_ID, "12 digits")
        return cls(Mode(mode), organization, frozenset({management, host, *_forwarding(environ)}))


def _forwarding(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the accounts that may forward their events; nothing is none."""
    expected = "accounts of 12 digits with commas between, or nothing"
    ids = re.compile(rf"({ACCOUNT_ID.pattern}(,{ACCOUNT_ID.pattern})*)?")
    return tuple(filter(None, _matching(environ, "FORWARDING_ACCOUNT_IDS", ids, expected).split(",")))


def restoring_from(environ: Mapping[str, str]) -> Restoring:
    """Return what a reconciliation may restore; in alert-only mode nothing.

    Raises
    ------
    SettingsError
        If a variable is missing or wrong; names it, its value and what was expected.
    """
    switches = {
        "attachments": _switch(environ, "RESTORE_ATTACHMENTS"),
        "policy_types": _switch(environ, "RESTORE_POLICY_TYPES"),
        "policies": _switch(environ, "RESTORE_POLICIES"),
    }
    mode = _matching(environ, "MODE", re.compile("|".join(Mode)), " or ".join(Mode))
    return Restoring(**switches) if Mode(mode) is Mode.REMEDIATE else NOTHING


@dataclass(frozen=True, slots=True)
class FightRules:
    """When an attachment counts as contested.

    Parameters
    ----------
    after : int
        Detaches.
    within : timedelta
        The time in which they have to fall.
    """

    after: int
    within: timedelta


def fight_rules_from(environ: Mapping[str, str]) -> FightRules:
    """Return when an attachment counts as contested.

    Raises
    ------
    SettingsError
        If a variable is missing or wrong; names it, its value and what was expected.
    """
    minutes = _number(environ, "CONTESTED_WITHIN_MINUTES")
    return FightRules(_number(environ, "CONTESTED_AFTER"), timedelta(minutes=minutes))


def retention_from(environ: Mapping[str, str]) -> timedelta:
    """Return how long the ledger keeps names and addresses; raises as `fight_rules_from` does."""
    return timedelta(days=_number(environ, "RETENTION_DAYS"))


def sanctioned_for_from(environ: Mapping[str, str]) -> timedelta:
    """Return how long a sanctioned detach may wait for the baseline to say the same.

    Raises
    ------
    SettingsError
        If the variable is missing or wrong; names it, its value and what was expected.
    """
    hours = _matching(environ, "SANCTIONED_FOR_HOURS", _HOURS, "hours, 0 to 168")
    return timedelta(hours=int(hours))


def named_in(environ: Mapping[str, str], name: str, what: str) -> str:
    """Return what the template names in a variable.

    Parameters
    ----------
    environ : mapping
        The environment.
    name : str
        The variable.
    what : str
        What it has to name, for the error.

    Raises
    ------
    SettingsError
        If it names nothing.
    """
    return _matching(environ, name, _SOMETHING, what)


_SOMETHING = re.compile(".+")
_HOURS = re.compile("[0-9]{1,2}|1[0-5][0-9]|16[0-8]")


def _number(environ: Mapping[str, str], name: str) -> int:
    return int(_matching(environ, name, re.compile("[0-9]{1,5}"), "a whole number"))


def _switch(environ: Mapping[str, str], name: str) -> bool:
    return _matching(environ, name, re.compile("true|false"), "true or false") == "true"


def _matching(environ: Mapping[str, str], name: str, pattern: re.Pattern[str], expected: str) -> str:
    value = environ.get(name, "")
    if not pattern.fullmatch(value):
        raise SettingsError(f"environment variable {name}: got {value!r}, expected {expected}")
    return value

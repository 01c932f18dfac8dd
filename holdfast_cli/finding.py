"""What a check found: how bad it is, where it stands, and what was expected there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_PLAIN_KEY = re.compile(r"[\w-]{1,64}", re.ASCII)
_SHOWN = 200


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Parameters
    ----------
    severity : Severity
        An error must be corrected; a warning must be read.
    file : str
        The file, as the baseline names it.
    where : str
        The key in it, or the line; empty where it is about the whole file.
    message : str
        The finding in one sentence, value and expectation included.
    value : str or None
        What stands there, as Python spells it; None if nothing does, or if no single value is at fault.
    expected : str or None
        What was expected instead, if one thing was.
    """

    severity: Severity
    file: str
    where: str
    message: str
    value: str | None = None
    expected: str | None = None


class _Nothing:
    """The value of a key that is not there: JSON has its own null."""


NOTHING: Final = _Nothing()


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, from which findings are made.

    Parameters
    ----------
    file : str
        The file, as the baseline names it.
    path : str
        The key, from the outermost one on.
    """

    file: str
    path: str = ""

    def at(self, key: str | int) -> Place:
        """Return the place of a key or of a list's item below this one."""
        if isinstance(key, str) and _PLAIN_KEY.fullmatch(key):
            return Place(self.file, f"{self.path}.{key}" if self.path else key)
        return Place(self.file, f"{self.path}[{shown(key)}]")

    def wrong(self, value: object, expected: str) -> Finding:
        """Return the error that another value was expected here; NOTHING is a value too."""
        spelled = None if value is NOTHING else shown(value)
        message = f"got {spelled or 'nothing'}, expected {expected}"
        return Finding(Severity.ERROR, self.file, self.path, message, spelled, expected)

    def error(self, message: str) -> Finding:
        """Return an error in its own words."""
        return Finding(Severity.ERROR, self.file, self.path, message)

    def warning(self, message: str, value: object = NOTHING, expected: str | None = None) -> Finding:
        """Return a warning in its own words."""
        spelled = None if value is NOTHING else shown(value)
        return Finding(Severity.WARNING, self.file, self.path, message, spelled, expected)


def shown(value: object) -> str:
    """Return any value as one short line that is safe on a terminal: `repr` escapes what has no shape."""
    try:
        spelled = repr(value)
    except (RecursionError, ValueError):  # nested too deeply; an integer of more than 4,300 digits
        return f"a {type(value).__name__} too large to show"
    return spelled if len(spelled) <= _SHOWN else spelled[:_SHOWN] + "…"

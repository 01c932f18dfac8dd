"""The README's generated parts, each between its markers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from docs.generated import failures, permissions, states
from docs.generated.sources import ROOT

README = ROOT / "README.md"

PARTS: Mapping[str, Callable[[], str]] = {
    "remediation": states.render_remediation,
    "reconciliation": states.render_reconciliation,
    "permissions": permissions.render,
    "failures": failures.render,
}

_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def refresh(text: str, parts: Mapping[str, Callable[[], str]] = PARTS) -> str:
    """Return a page with every generated part as the sources have it now.

    Parameters
    ----------
    text : str
        The page.
    parts : mapping
        What writes each part, by its marker's name; the README's, unless others are given.

    Raises
    ------
    KeyError
        If a marker names no part.
    """
    return _PART.sub(lambda part: f"{part[1]}{parts[part[2]]()}{part[3]}", text)


def parts_of(text: str) -> list[str]:
    """Return the names of the parts that a text has a place for."""
    return [name for _, name, _ in _PART.findall(text)]

"""The README's generated parts, each between its markers."""

from __future__ import annotations

import re

from docs.generated import failures, permissions, states
from docs.generated.sources import ROOT

README = ROOT / "README.md"

PARTS = {
    "remediation": states.render_remediation,
    "reconciliation": states.render_reconciliation,
    "permissions": permissions.render,
    "failures": failures.render,
}

_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def refresh(text: str) -> str:
    """Return the README with every generated part as the sources have it now.

    Raises
    ------
    KeyError
        If a marker names no part.
    """
    return _PART.sub(lambda part: f"{part[1]}{PARTS[part[2]]()}{part[3]}", text)


def parts_of(text: str) -> list[str]:
    """Return the names of the parts that a text has a place for."""
    return [name for _, name, _ in _PART.findall(text)]

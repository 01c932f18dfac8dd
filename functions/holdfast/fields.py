"""Fields of a JSON document from outside: what is not of the expected type counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LIMIT = 1_024
"""Characters kept of a text: what follows would only burden every state and every message.

CloudTrail itself cuts a user agent at 1 KB. Source: its user guide, "CloudTrail record contents".
"""


def text_in(parent: Mapping[str, Any], key: str) -> str | None:
    """Return a text that can be written as UTF-8, or None if there is none.

    JSON can spell half a character (a lone surrogate), which no answer of a function can carry.
    """
    value = parent.get(key)
    if not isinstance(value, str):
        return None
    return value[:LIMIT].encode(errors="replace").decode() or None


def mapping_in(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a JSON object, empty if there is none."""
    value = parent.get(key)
    return value if isinstance(value, Mapping) else {}

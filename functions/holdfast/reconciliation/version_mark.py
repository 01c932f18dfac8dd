"""The mark that Holdfast leaves in the description of a policy that it made or rewrote.

It says from which baseline the text is: `… [Holdfast baseline 0123456789ab]`.
"""

from __future__ import annotations

import re

DESCRIPTION_LIMIT = 512
"""Characters of a policy's description. Source: botocore's Organizations model, PolicyDescription."""

_MARK = re.compile(r"\s?\[Holdfast baseline (?P<version>[0-9a-f]{12})\]\Z")


def marked(description: str, version: str) -> str:
    """Return a description with a baseline's mark at its end, in the place of an older one.

    Parameters
    ----------
    description : str
        The description; what does not fit beside the mark is cut off.
    version : str
        The baseline's version.
    """
    mark = f"[Holdfast baseline {version}]"
    words = unmarked(description)
    room = DESCRIPTION_LIMIT - len(mark) - 1
    if len(words) > room:
        words = words[: room - 1] + "…"
    return f"{words} {mark}" if words else mark


def unmarked(description: str) -> str:
    """Return a description without our mark."""
    return _MARK.sub("", description)


def bears_mark(description: str, version: str) -> bool:
    """Return whether a description ends with the mark of a baseline."""
    mark = _MARK.search(description)
    return mark is not None and mark["version"] == version


def is_same_description(live: str, declared: str) -> bool:
    """Return whether a live description is the declared one, our mark left aside."""
    mark = _MARK.search(live)
    return live in {declared, marked(declared, mark["version"]) if mark else declared}

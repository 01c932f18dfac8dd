"""Which code it was: a short name for what is deployed, which changes with every change."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

_FUNCTIONS = Path(__file__).parents[1]


@cache
def code_version(folder: Path = _FUNCTIONS) -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of all Python files below `folder`.

    What else lies there has versions of its own: the baseline names its own.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]

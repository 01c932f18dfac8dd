"""What a mail says was found, and what was done about it."""

from __future__ import annotations

import re

from tests.deployed import Run

_TITLE = re.compile(r"\d+\. (?P<title>.+)\.")
_TARGET_ID = re.compile(r" \((?:r|ou)-[a-z0-9-]+\)")


def findings_of(run: Run, **ids: str) -> dict[str, str]:
    """Return the findings of a run's mail: what stands under `Done` by what was found, in order.

    Parameters
    ----------
    run : Run
        A run that was told.
    **ids
        Ids of policies, each by the word that shall stand in its place. Targets' ids are left out.
    """
    text = _TARGET_ID.sub("", run.mail.body)
    for word, policy_id in ids.items():
        text = text.replace(policy_id, word)
    found: dict[str, str] = {}
    for line in text.splitlines():
        if title := _TITLE.fullmatch(line):
            found[title["title"]] = ""
        elif found and line.startswith("   Done: "):
            found[list(found)[-1]] = line.removeprefix("   Done: ").strip()
    return found

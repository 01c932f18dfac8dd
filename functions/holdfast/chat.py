"""The chat message: the custom notification that Amazon Q Developer in chat applications shows.

Source: Amazon Q Developer in chat applications, "Custom notifications" (schema version 1.0 and its limits).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from holdfast import wording
from holdfast.links import Console
from holdfast.outcome import Severity
from holdfast.quoting import Medium
from holdfast.report import Report

CHAT = Medium.CHAT

ROUNDS = 10
"""Rounds of a fight that are shown, the newest."""

_TITLE_LIMIT = 250
_STEP_LIMIT = 350
_KEYWORD_LIMIT = 75
# What a chat client acts on and JSON has in strings only, where any character may be spelled as \uXXXX.
_ACTED_ON = re.compile(r"[<>@*_~`|#&!()/]|[^\x00-\x7f]")
_UTF16 = re.compile("[0-9a-f]{4}")


@dataclass(frozen=True, slots=True)
class Message:
    """What a chat shows.

    Parameters
    ----------
    headline : str
        The one sentence that says how it ended.
    urgent : bool
        Whether somebody must get up.
    description : str
        What matters, a line each.
    next_steps : sequence of str
        What to do; each is cut where the limit is.
    keywords : sequence of str
        What to find it by.
    thread : str
        All messages of one thread stand together.
    """

    headline: str
    urgent: bool
    description: str
    next_steps: Sequence[str]
    keywords: Sequence[str]
    thread: str


def custom_notification(report: Report, record: str, thread: str) -> dict[str, Any]:
    """Return the message about an incident, with the machine's record beside it.

    Parameters
    ----------
    report : Report
        What is told.
    record : str
        The record for machines, spelled: the values of `additionalContext` are texts.
    thread : str
        The incident's id: all that is told about an incident stands in one thread.
    """
    message = Message(
        headline=wording.headline(report, CHAT),
        urgent=report.conclusion.severity is Severity.PAGE,
        description=_description(report),
        next_steps=_next_steps(report),
        keywords=_keywords(report),
        thread=thread,
    )
    return form_of(message, record)


def form_of(message: Message, record: str) -> dict[str, Any]:
    """Return a message in the form that Amazon Q Developer shows, with the machine's record beside it."""
    mark = ":rotating_light:" if message.urgent else ":shield:"
    return {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": f"{mark} {message.headline}"[:_TITLE_LIMIT],
            "description": message.description,
            "nextSteps": [step[:_STEP_LIMIT] for step in message.next_steps],
            "keywords": [word[:_KEYWORD_LIMIT] for word in message.keywords],
        },
        "metadata": {
            "threadId": message.thread,
            "summary": message.headline[:_TITLE_LIMIT],
            "additionalContext": {"record": _inert(record)},
        },
    }


def _inert(record: str) -> str:
    """Spell a JSON text so that a chat client shows it as it is; it stays the same JSON."""
    return _ACTED_ON.sub(lambda found: _UTF16.sub(r"\\u\g<0>", found[0].encode("utf-16-be").hex()), record)


def _description(report: Report) -> str:
    lines = [f"*Covered now:* {wording.covered(report)}", f"*Exposed:* {wording.exposure(report)}"]
    if report.detachment:
        lines.append(f"*Detached by:* {wording.caller(report.detachment.principal, CHAT)}")
    if text := wording.text_check(report):
        lines.append(f"*Policy text:* {text}")
    if report.declared_id:
        lines.append(f"*New id:* {wording.successor(report)}")
    if explained := wording.explanation(report):
        lines.append(f"*What failed:* {explained.meaning}")
    if exemption := report.leave.exemption or report.leave.ended:
        lines.append(f"*Exemption:* {wording.exemption_line(exemption, CHAT)}")
    lines += [f"*Ignored:* {broken.name} is no exemption" for broken in report.leave.ignored]
    lines += [f"*Round:* {wording.round_line(one, CHAT)}" for one in wording.newest_rounds(report)[-ROUNDS:]]
    console = Console.of_execution(report.execution_arn)
    if console is not None:
        lines.append(f"*Execution:* {console.execution(report.execution_arn)}")
    return "\n".join(lines)


def _next_steps(report: Report) -> list[str]:
    commands = wording.commands(report).items()
    return [wording.remedy(report), *(f"{purpose}: `{command}`" for purpose, command in commands)]


def _keywords(report: Report) -> list[str]:
    words = ["Holdfast", report.organization, report.conclusion.outcome.value]
    if report.detachment:
        words += [report.detachment.attachment.policy_id, report.detachment.attachment.target_id]
    return words

"""The chat message: the custom notification that Amazon Q Developer in chat applications shows.

Source: Amazon Q Developer in chat applications, "Custom notifications" (schema version 1.0 and its limits).
"""

from __future__ import annotations

from typing import Any

from holdfast import wording
from holdfast.links import Console
from holdfast.outcome import Severity
from holdfast.quoting import Medium
from holdfast.report import Report

CHAT = Medium.CHAT
_TITLE_LIMIT = 250
_STEP_LIMIT = 350
_KEYWORD_LIMIT = 75


def custom_notification(report: Report, record: str, thread: str) -> dict[str, Any]:
    """Return the message, with the machine's record beside it.

    Parameters
    ----------
    report : Report
        What is told.
    record : str
        The record for machines, spelled: the values of `additionalContext` are texts.
    thread : str
        The incident's id: all that is told about an incident stands in one thread.
    """
    mark = ":rotating_light:" if report.conclusion.severity is Severity.PAGE else ":shield:"
    return {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": f"{mark} {wording.headline(report, CHAT)}"[:_TITLE_LIMIT],
            "description": _description(report),
            "nextSteps": [step[:_STEP_LIMIT] for step in _next_steps(report)],
            "keywords": [word[:_KEYWORD_LIMIT] for word in _keywords(report)],
        },
        "metadata": {
            "threadId": thread,
            "summary": wording.headline(report, CHAT)[:_TITLE_LIMIT],
            "additionalContext": {"record": record},
        },
    }


def _description(report: Report) -> str:
    lines = [f"*Covered now:* {wording.covered(report)}", f"*Exposed:* {wording.exposure(report)}"]
    if report.detachment:
        lines.append(f"*Detached by:* {wording.caller(report.detachment.principal, CHAT)}")
    if text := wording.text_check(report):
        lines.append(f"*Policy text:* {text}")
    if explained := wording.explanation(report):
        lines.append(f"*What failed:* {explained.meaning}")
    console = Console.of_execution(report.execution_arn)
    if console is not None:
        lines.append(f"*Execution:* {console.execution(report.execution_arn)}")
    return "\n".join(lines)


def _next_steps(report: Report) -> list[str]:
    return [wording.remedy(report), *(f"`{command}`" for command in wording.commands(report).values())]


def _keywords(report: Report) -> list[str]:
    words = ["Holdfast", report.organization, report.conclusion.outcome.value]
    if report.detachment:
        words += [report.detachment.attachment.policy_id, report.detachment.attachment.target_id]
    return words

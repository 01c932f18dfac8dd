"""The mail: what a reader at three in the morning needs, the first screen first."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from holdfast import wording
from holdfast.exempting import exempt_commands
from holdfast.incident import MESSAGE_LIMIT, AttachResult
from holdfast.links import Console
from holdfast.outcome import Outcome
from holdfast.quoting import Medium, quoted
from holdfast.report import Report
from holdfast.timestamps import format_timestamp

MAIL = Medium.MAIL
RAW_EVENT_LIMIT = 2_000

_TITLES = {
    Outcome.RESTORED: "Restored",
    Outcome.RESTORED_WITH_CHANGED_TEXT: "CHANGED TEXT",
    Outcome.RESTORED_WITHOUT_TEXT_CHECK: "TEXT NOT CHECKED",
    Outcome.ALREADY_ATTACHED: "Attached again",
    Outcome.ALERT_ONLY: "NOT restored (alert-only)",
    Outcome.SANCTIONED: "Not restored (sanctioned)",
    Outcome.EXEMPT: "Not restored (exempt)",
    Outcome.YIELDED: "NOT restored (yielded)",
    Outcome.FAILED: "FAILED",
}
_SUBJECT_LIMIT = 99


def subject(report: Report) -> str:
    """Return a subject that SNS accepts: one line of fewer than 100 ASCII characters.

    Source: botocore's SNS model, Publish, `Subject`; ASCII, which older endpoints ask for, is valid UTF-8.
    """
    aside = " (not in the baseline)" if wording.is_undeclared(report) else ""
    contested = "CONTESTED, " if report.fight else ""
    words = f"{contested}{_TITLES[report.conclusion.outcome]}{aside}: "
    if report.detachment is None:
        words += "an event could not be read"
    else:
        words += f"{wording.policy(report, MAIL)} on {wording.target(report, MAIL)}"
    return subject_line(report.organization, words)


def subject_line(organization: str, words: str) -> str:
    """Return words as a subject that SNS accepts; the quotation marks of outside words are left out."""
    return sendable_subject(f"[Holdfast {organization}] {words}".replace("“", "").replace("”", ""))


def sendable_subject(line: str) -> str:
    """Return a line as a subject that SNS accepts, whatever is in it."""
    ascii_line = _ascii(line)
    return ascii_line if len(ascii_line) <= _SUBJECT_LIMIT else ascii_line[: _SUBJECT_LIMIT - 3] + "..."


def _ascii(words: str) -> str:
    """Spell words in ASCII: letters without their accents, and a question mark for what has no likeness."""
    letters = (letter for letter in unicodedata.normalize("NFKD", words) if not unicodedata.combining(letter))
    return "".join(letters).encode("ascii", "replace").decode()


def command_lines(commands: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield commands, each after what it is for."""
    for purpose, command in commands:
        yield f"{purpose + ':':<28} {command}"


def source_line(source_ip: str | None) -> str:
    """Return the line that says where a call came from."""
    return f"From address: {quoted(source_ip) if source_ip else 'not recorded'}"


def body(report: Report) -> str:
    """Return the mail's text; each line begins with words of ours."""
    sections = (
        [wording.headline(report, MAIL)],
        list(_first_screen(report)),
        list(_commands(report)),
        list(_rounds(report)),
        list(_exempting(report)),
        list(_holders(report)),
        list(_error(report)),
        list(_what_happened(report)),
        list(_links(report)),
        list(_raw_event(report)),
    )
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _first_screen(report: Report) -> Iterator[str]:
    yield f"Covered now:  {wording.covered(report)}"
    yield f"Exposed:      {wording.exposure(report)}"
    if report.detachment:
        yield f"Detached by:  {wording.caller(report.detachment.principal, MAIL)}"
        yield f"What else:    {_what_else(report)}"
    if text := wording.text_check(report):
        yield f"Policy text:  {text}"
    if explained := wording.explanation(report):
        yield f"What failed:  {explained.meaning}"
    yield from _exemptions(report)
    yield f"To do:        {wording.remedy(report)}"
    yield from _ledger(report)


def _exemptions(report: Report) -> Iterator[str]:
    leave = report.leave
    if leave.exemption:
        yield f"Exempt by:    {wording.exemption_line(leave.exemption, MAIL)}"
    elif leave.ended:
        yield f"Was exempt:   {wording.exemption_line(leave.ended, MAIL)}"
    for broken in leave.ignored:
        problem = quoted(broken.problem, limit=MESSAGE_LIMIT)
        yield f"Ignored:      {broken.name} is no exemption: {problem}"
    if leave.unread:
        reason = quoted(leave.unread, limit=MESSAGE_LIMIT)
        yield f"Exemptions:   NOT READ, so none counted: {reason}"


def _ledger(report: Report) -> Iterator[str]:
    if report.ledger_unread:
        reason = quoted(report.ledger_unread, limit=MESSAGE_LIMIT)
        yield f"Ledger:       NOT READ, so nobody looked whether this is a fight: {reason}"


def _exempting(report: Report) -> Iterator[str]:
    """Yield how to permit it: ready-made, for whoever has to leave the guardrail off tonight."""
    if report.detachment is None or wording.is_undeclared(report):
        return
    console = Console.of_execution(report.execution_arn)
    commands = exempt_commands(
        report.detachment.attachment, report.told_at, console.region if console else None
    )
    yield from command_lines(commands.items())


def _rounds(report: Report) -> Iterator[str]:
    if report.fight is None:
        return
    rounds, told = report.fight.rounds, wording.newest_rounds(report)
    yield f"The fight so far, {len(rounds):,} rounds:"
    if len(rounds) > len(told):
        yield f"  - {len(rounds) - len(told):,} before these"
    for one in told:
        yield f"  - {wording.round_line(one, MAIL)}"


def _what_else(report: Report) -> str:
    """Return where to see what else was done with the caller's access key."""
    console = Console.of_execution(report.execution_arn)
    key = report.detachment.principal.access_key_id if report.detachment else None
    link = console.events_of_key(key) if console else None
    return link or "look in CloudTrail for what else the caller did"


def _commands(report: Report) -> Iterator[str]:
    yield from command_lines(wording.commands(report).items())


def _error(report: Report) -> Iterator[str]:
    if report.failure:
        yield f"Error:        {quoted(report.failure.error)}"
        yield f"Message:      {quoted(report.failure.message, limit=MESSAGE_LIMIT)}"


def _holders(report: Report) -> Iterator[str]:
    if report.holders:
        yield f"The {len(report.holders)} slots of the target are held by:"
    for holder in report.holders:
        whose = "in the baseline" if holder.in_baseline else "not in the baseline"
        managed = ", AWS-managed" if holder.policy.aws_managed else ""
        yield f"  - {holder.policy.policy_id} {quoted(holder.policy.name)} ({whose}{managed})"


def _what_happened(report: Report) -> Iterator[str]:
    if report.detachment is None:
        return
    detachment, attachment = report.detachment, report.detachment.attachment
    policy = _with_id(wording.policy(report, MAIL), attachment.policy_id)
    yield f"Policy:       {policy}{_type_and_name(report)}"
    if report.declared_id:
        yield f"New id:       {wording.successor(report)}"
    yield f"Target:       {_with_id(wording.target(report, MAIL), attachment.target_id)}"
    yield f"Detached at:  {format_timestamp(detachment.event_time)}"
    yield source_line(detachment.source_ip)
    yield f"With program: {quoted(detachment.user_agent) if detachment.user_agent else 'not recorded'}"
    key = detachment.principal.access_key_id
    yield f"Access key:   {quoted(key) if key else 'not recorded'}"
    if report.stale:
        yield "Stale event:  replayed, or older than a day, so a sanction of the caller did not count"
    if report.observed:
        seen = "attached" if report.observed.attached else "detached"
        yield f"First read:   {seen}, at {format_timestamp(report.observed.at)}"
    if report.reattachment:
        yield f"AttachPolicy: {_answer(report)}, at {format_timestamp(report.reattachment.at)}"
    yield f"Event id:     {detachment.event_id}{' (replayed)' if detachment.replayed else ''}"
    yield f"Organization: {report.organization}"
    yield f"Baseline:     {report.baseline_version or 'not read'}"


def _with_id(words: str, identifier: str) -> str:
    return words if words.endswith(identifier) else f"{words} ({identifier})"


def _type_and_name(report: Report) -> str:
    words = f", {report.policy_type}" if report.policy_type else ""
    if report.live_name and report.live_name != report.policy_name:
        words += f", now named {quoted(report.live_name)}"
    return words


def _answer(report: Report) -> str:
    if report.reattachment is None or report.reattachment.result is AttachResult.ATTACHED:
        return "attached"
    return "already attached, by an earlier attempt whose answer was lost or by somebody else"


def _links(report: Report) -> Iterator[str]:
    console = Console.of_execution(report.execution_arn)
    if console is None:
        return
    yield f"Execution:    {console.execution(report.execution_arn)}"
    if report.detachment is None:
        return
    yield f"The event:    {console.event(report.detachment.event_id)}"


def _raw_event(report: Report) -> Iterator[str]:
    if report.raw_event is not None:
        yield f"The event, cut: {quoted(report.raw_event, limit=RAW_EVENT_LIMIT)}"

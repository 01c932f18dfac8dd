"""The sentences about an incident that mail and chat share."""

from __future__ import annotations

import re
from datetime import timedelta

from holdfast.attachment import CONTROL_TOWER_PREFIX, TargetKind
from holdfast.exempting import revoke_command
from holdfast.exemption import Exemption
from holdfast.failures import ATTACH, ATTACH_A_GUARDRAIL, EXPLANATIONS, Explanation, explain
from holdfast.fight import Round
from holdfast.incident import Observation
from holdfast.outcome import Outcome, TextCheck
from holdfast.principal import Principal
from holdfast.quoting import Medium, quoted
from holdfast.report import Holder, Report
from holdfast.timestamps import format_timestamp

_ROLE_ARN = re.compile(r"arn:[^:]*:iam::[0-9]{12}:role/")

_HEADLINE = {
    Outcome.RESTORED: "Restored: {policy} is attached to {target} again, confirmed.",
    Outcome.RESTORED_WITH_CHANGED_TEXT: (
        "Attached, but with CHANGED TEXT: {policy} is on {target} again, with another text than declared."
    ),
    Outcome.RESTORED_WITHOUT_TEXT_CHECK: (
        "Attached again, but its text could not be checked: {policy} is on {target}, perhaps with another "
        "text."
    ),
    Outcome.ALREADY_ATTACHED: "Attached again: {policy} is on {target}, confirmed.",
    Outcome.ALERT_ONLY: "NOT restored, alert-only mode: Holdfast would have reattached {policy} to {target}.",
    Outcome.SANCTIONED: "Not restored, sanctioned: {policy} was detached from {target} by a sanctioned role.",
    Outcome.EXEMPT: (
        "Not restored, exempt: {policy} was detached from {target}, and is judged anew when the exemption "
        "ends."
    ),
    Outcome.YIELDED: (
        "NOT restored, yielded: {policy} was detached from {target} by a rival principal of the baseline."
    ),
    Outcome.FAILED: "FAILED: {policy} could not be attached to {target} again.",
}
_UNREAD = "FAILED: an event could not be read as a detach, so nothing was done about it."
_UNJUDGED = "FAILED: {policy} was detached from {target}, and Holdfast could not deal with it."
_UNDECLARED = (
    "FAILED, but nothing was to be restored: {policy} on {target} is not in the baseline; Holdfast's own "
    "check failed."
)
_UNJUDGED_SANCTIONED = (
    "FAILED: {policy} was detached from {target} by a sanctioned role, and Holdfast could not deal with it."
)
_INVISIBLE = "FAILED, not confirmed: {policy} was attached to {target} again, but no read shows it."
_UNCONFIRMED = "FAILED: {policy} was attached to {target} again, but that was not confirmed."
_WIDENED = (
    "NOT restored, alert-only mode: Holdfast would have REFUSED to reattach {policy} to {target}, as it now "
    "allows more than declared."
)


def headline(report: Report, medium: Medium) -> str:
    """Return the one sentence that says how it ended."""
    sentence = _sentence(report).format(policy=policy(report, medium), target=target(report, medium))
    return f"CONTESTED, {sentence}" if report.fight else sentence


def _sentence(report: Report) -> str:
    if report.detachment is None:
        return _UNREAD
    if report.conclusion.outcome is Outcome.ALERT_ONLY and report.widened:
        return _WIDENED
    if report.conclusion.outcome is Outcome.FAILED:
        return _sentence_of_failure(report)
    return _HEADLINE[report.conclusion.outcome]


def _sentence_of_failure(report: Report) -> str:
    if is_undeclared(report):
        return _UNDECLARED
    if not report.judged:
        return _UNJUDGED_SANCTIONED if report.sanctioned else _UNJUDGED
    if report.reattachment is None:
        return _HEADLINE[Outcome.FAILED]
    return _INVISIBLE if _is_invisible(report) else _UNCONFIRMED


def is_undeclared(report: Report) -> bool:
    """Return whether only Holdfast itself failed: what was detached was no guardrail."""
    return not report.judged and report.protected is False


def _is_invisible(report: Report) -> bool:
    never_shown = report.failure is not None and report.failure.error == "AttachmentNotVisibleError"
    return never_shown and not _shows_attached(report)


def _newest_read(report: Report) -> Observation | None:
    """Return the newest read; what was read before AttachPolicy says nothing about what it did."""
    return report.attached_now or (None if report.reattachment else report.observed)


def _shows_attached(report: Report) -> bool:
    newest = _newest_read(report)
    return newest is not None and newest.attached


def policy(report: Report, medium: Medium) -> str:
    """Return the policy as the baseline names it, or its id."""
    if report.policy_name:
        return quoted(report.policy_name, medium)
    return report.detachment.attachment.policy_id if report.detachment else "the policy"


def target(report: Report, medium: Medium) -> str:
    """Return the target with its kind and its name, or its id where the name is not known."""
    if report.detachment is None:
        return "the target"
    attachment = report.detachment.attachment
    if attachment.kind is TargetKind.ROOT:
        return "the root"
    path = report.surroundings.path
    # Each by itself: a name may hold a slash, and must not read as a path.
    name = "/".join(quoted(name, medium) for name in path) if path else attachment.target_id
    return f"{attachment.kind} {name}"


def covered(report: Report) -> str:
    """Return whether the target is covered now."""
    newest = _newest_read(report)
    if report.confirmed_at is not None:
        return _CONFIRMED[report.text].format(at=format_timestamp(report.confirmed_at))
    if newest is not None:
        return _seen(newest, report.text)
    if report.reattachment is not None:
        answer, at = report.reattachment.result, format_timestamp(report.reattachment.at)
        return f"NOT KNOWN: AttachPolicy answered '{answer}' at {at}, but no read confirmed it"
    if is_undeclared(report):
        return "nothing to cover: the baseline does not ask for it"
    return "NOT KNOWN: treat it as detached"


_CONFIRMED = {
    TextCheck.AS_DECLARED: "yes, Organizations showed it at {at}",
    TextCheck.CHANGED: "NOT KNOWN: attached at {at}, but with a text that may forbid less",
    TextCheck.NOT_COMPARED: "NOT KNOWN: attached at {at}, but its text was not compared",
}


def _seen(seen: Observation, text: TextCheck) -> str:
    at = format_timestamp(seen.at)
    if not seen.attached:
        return f"NO: a read at {at} showed it detached"
    if text is TextCheck.CHANGED:
        return f"NOT KNOWN: a read at {at} showed it attached, but with a text that may forbid less"
    return f"perhaps: a read at {at} showed it attached, and reads may lag behind"


def exposure(report: Report) -> str:
    """Return how long, and for how many accounts, the guardrail was away."""
    if report.detachment is None:
        return "not known"
    if is_undeclared(report):
        return "not counted: the attachment is not in the baseline"
    accounts = report.surroundings.accounts
    if accounts is None:
        return f"{_span(report)}; accounts at or below the target: not counted"
    return f"{_span(report)}; {accounts:,} account{'' if accounts == 1 else 's'} at or below the target"


def _span(report: Report) -> str:
    if report.conclusion.exposure is None:
        return _open_span(report)
    span = duration(report.conclusion.exposure)
    if report.leave.ended:
        ended = format_timestamp(report.leave.ended.until)
        return f"{span} from the detach to the confirmation, under an exemption until {ended}"
    if report.stale:
        return f"at most {span}, as the event is stale and the detach that was mended may be a later one"
    return f"{span} from the detach to the confirmation"


def _open_span(report: Report) -> str:
    if report.detachment is None:
        return "not known"
    since = f"since {format_timestamp(report.detachment.event_time)}"
    if report.stale:
        since += " at the earliest, as the event is stale and there may be a later detach"
    if _shows_attached(report) or (report.reattachment and not _newest_read(report)):
        return f"{since}, perhaps over"
    if report.leave.exemption:
        return f"{since}, exempt until {format_timestamp(report.leave.exemption.until)}"
    return f"{since}, still open"


def duration(span: timedelta) -> str:
    """Return a span of time in its two largest units: `42 s`, `12 min 5 s`, `26 h 3 min`."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, rest = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {rest} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def caller(principal: Principal, medium: Medium) -> str:
    """Return who it was, in one line."""
    words = [identity(principal, medium)]
    if principal.session_name:
        session = "federated session" if principal.kind == "FederatedUser" else "session"
        words.append(f"{session} {quoted(principal.session_name, medium)} (chosen by the caller)")
    if principal.source_identity:
        words.append(f"source identity {quoted(principal.source_identity, medium)}")
    if principal.mfa is not None:
        words.append("with MFA" if principal.mfa else "without MFA")
    if principal.invoked_by and principal.invoked_by != principal.name:
        words.append(f"invoked by {quoted(principal.invoked_by, medium)}")
    return ", ".join(words)


def identity(principal: Principal, medium: Medium) -> str:
    """Return who it was, without the session: what a role is known by."""
    who = "the root user" if principal.kind == "Root" else _name(principal, medium)
    return who + (f" of account {quoted(principal.account_id, medium)}" if principal.account_id else "")


def _name(principal: Principal, medium: Medium) -> str:
    if principal.name is not None and principal.name == principal.invoked_by:
        return f"AWS service {quoted(principal.name, medium)}"
    # Not every record of a session says AssumedRole, but its issuer's ARN is a role's.
    is_role = _ROLE_ARN.match(principal.arn or "")
    kind = "role" if is_role else _KIND_WORDS.get(principal.kind, "identity")
    return f"{kind} {quoted(principal.name, medium)}" if principal.name else f"{kind} without a name"


_KIND_WORDS = {
    "AssumedRole": "role",
    "Role": "role",
    "IAMUser": "user",
    "FederatedUser": "user",
    "IdentityCenterUser": "Identity Center user",
    "AWSService": "AWS service",
    "AWSAccount": "identity of another account",
}


def remedy(report: Report) -> str:
    """Return what to do, a few sentences."""
    if report.detachment is None:
        return EXPLANATIONS["MalformedEventError"].remedy
    outcome = report.conclusion.outcome
    if outcome in {Outcome.RESTORED, Outcome.ALREADY_ATTACHED} and (report.fight or report.leave.ended):
        return _END_THE_FIGHT if report.fight else _EXEMPTION_ENDED
    if outcome in _AFTER_CONFIRMATION:
        return _AFTER_CONFIRMATION[outcome]
    explained, attaching = explanation(report), _attaching(report)
    return explained.remedy_with(attaching) if explained else f"{attaching} {_CURE[outcome]}".lstrip()


_ASK_THE_CALLER = (
    "Ask the caller. If nobody planned it, treat the caller's credentials as stolen; if somebody did, change "
    "the baseline first and detach then."
)
_END_THE_FIGHT = (
    "Find out who goes on detaching it. If it is an attacker, treat the credentials as stolen; if it is "
    "another tool, decide which of the two owns the attachment (docs, coexistence). Holdfast goes on putting "
    "it back."
)
_EXEMPTION_ENDED = (
    "Nothing, if the work is done. If it has to stay off for longer, grant another exemption, and detach it "
    "after that."
)
_AFTER_CONFIRMATION = {
    Outcome.RESTORED: _ASK_THE_CALLER,
    Outcome.RESTORED_WITH_CHANGED_TEXT: (
        "Compare the live text with the baseline's document and put it right (UpdatePolicy); find out who "
        "changed it."
    ),
    Outcome.RESTORED_WITHOUT_TEXT_CHECK: (
        "Compare the live text with the baseline's document by hand, and put it right if it differs "
        "(UpdatePolicy). Ask the caller whether the detach was planned."
    ),
    Outcome.ALREADY_ATTACHED: _ASK_THE_CALLER,
}
_CURE = {
    Outcome.ALERT_ONLY: "Holdfast itself restores only with Mode=remediate.",
    Outcome.SANCTIONED: "If it is to stay detached, take the attachment out of the baseline.",
    Outcome.EXEMPT: "Nothing, if you know of the exemption. If not, revoke it and ask whoever wrote it.",
    Outcome.YIELDED: (
        "Decide whose it is: take the attachment out of the baseline, or keep the rival from detaching it. "
        "The next reconciliation puts it back."
    ),
    Outcome.FAILED: "Look at the execution.",
}


def _attaching(report: Report) -> str:
    """Return what to do about the attachment itself; nothing where only the cure helps."""
    if is_undeclared(report):
        return "There was nothing to restore: do not attach it, as the baseline does not ask for it."
    if report.widened and not report.confirmed_at:
        return (
            "First put the policy's text right (UpdatePolicy), as it could widen permissions; attach it only "
            "then."
        )
    if not _is_to_attach(report):
        return ""
    if report.text is TextCheck.CHANGED:
        return f"First put the policy's text right (UpdatePolicy). {_by_hand(report)}"
    return _by_hand(report)


def _is_to_attach(report: Report) -> bool:
    """Return whether attaching the policy by hand may be right, and cannot widen permissions."""
    settled = {*_AFTER_CONFIRMATION, Outcome.EXEMPT, Outcome.YIELDED}
    if report.confirmed_at or report.conclusion.outcome in settled:
        return False
    explained = explanation(report)
    return (
        not is_undeclared(report) and not report.widened and (explained is None or explained.attaching != "")
    )


def _by_hand(report: Report) -> str:
    if not report.judged and report.protected is None:
        return ATTACH_A_GUARDRAIL
    if report.sanctioned:
        return (
            "The caller is a sanctioned principal: attach the policy by hand (command below) only if the "
            "detach was not planned."
        )
    if report.reattachment or _shows_attached(report):
        return "Look whether the policy is attached; if it is not, attach it by hand (command below)."
    return ATTACH


def explanation(report: Report) -> Explanation | None:
    """Return what went wrong, in words; None if nothing did."""
    return explain(report.failure.error) if report.failure else None


def text_check(report: Report) -> str | None:
    """Return how the policy's text compares with the declared one; None where nothing was to be compared."""
    if report.text is TextCheck.CHANGED:
        return "CHANGED: it is not what the baseline's document says"
    if report.text is TextCheck.AS_DECLARED:
        return "as the baseline declares it"
    return (
        "NOT COMPARED: it could not be read, or the baseline no longer holds it"
        if report.confirmed_at
        else None
    )


def successor(report: Report) -> str:
    """Return what to do about a policy that was made again, and lives under another id than declared."""
    return (
        f"the baseline still names {report.declared_id}, which was deleted: take a new snapshot (holdfast "
        "snapshot), review it, deploy it"
    )


def commands(report: Report) -> dict[str, str]:
    """Return the commands that are worth giving, by what they are for."""
    given = {
        **_free_slot(report),
        "To attach it": _attach(report),
        "To end the exemption now": _revoke(report),
    }
    return {purpose: command for purpose, command in given.items() if command}


def _revoke(report: Report) -> str | None:
    exemption = report.leave.exemption
    return revoke_command(exemption.name) if exemption else None


def exemption_line(exemption: Exemption, medium: Medium) -> str:
    """Return an exemption in one line: what, until when, why."""
    ticket = f", ticket {quoted(exemption.ticket, medium)}" if exemption.ticket else ""
    until, changed = format_timestamp(exemption.until), format_timestamp(exemption.changed_at)
    because = quoted(exemption.reason, medium)
    return f"{exemption.name}, until {until}, because {because}{ticket}, last changed at {changed}"


ROUNDS = 50
"""Rounds of a fight that are told one by one, the newest."""


def newest_rounds(report: Report) -> tuple[Round, ...]:
    """Return the rounds of the fight that are told one by one, the oldest first."""
    return report.fight.rounds[-ROUNDS:] if report.fight else ()


def round_line(one: Round, medium: Medium) -> str:
    """Return a round of a fight in one line: when, how it ended, who."""
    who = caller(one.principal, medium) if one.principal else f"identity {quoted(one.principal_key, medium)}"
    return f"{format_timestamp(one.at)} {one.outcome}, by {who}"


def _attach(report: Report) -> str | None:
    if report.detachment is None or not _is_to_attach(report):
        return None
    attachment = report.detachment.attachment
    return _command("attach-policy", attachment.policy_id, attachment.target_id)


def _free_slot(report: Report) -> dict[str, str]:
    """Name the last listed policy that nobody declared: a guardrail gives way to nothing.

    What is named as Control Tower names its own comes last. It is not left out, for anybody can choose such a
    name, and the mail about a target that is full of them would say nothing.
    """
    if report.detachment is None or report.protected is None:
        return {}
    target_id = report.detachment.attachment.target_id
    strangers = [holder.policy for holder in report.holders if _is_stranger(holder)]
    plain = [policy for policy in strangers if not policy.name.startswith(CONTROL_TOWER_PREFIX)]
    if not strangers:
        return {}
    purpose = "To free a slot, " + ("for example" if plain else "unless it is Control Tower's")
    return {purpose: _command("detach-policy", (plain or strangers)[-1].policy_id, target_id)}


def _is_stranger(holder: Holder) -> bool:
    return not (holder.in_baseline or holder.policy.aws_managed)


def _command(verb: str, policy_id: str, target_id: str) -> str:
    return f"aws organizations {verb} --policy-id {policy_id} --target-id {target_id}"

"""The sentences about an incident that mail and chat share."""

from __future__ import annotations

from datetime import timedelta

from holdfast.attachment import TargetKind
from holdfast.failures import EXPLANATIONS, Explanation, explain
from holdfast.incident import Observation
from holdfast.outcome import Outcome, TextCheck
from holdfast.principal import Principal
from holdfast.quoting import Medium, quoted
from holdfast.report import Report
from holdfast.timestamps import format_timestamp

_HEADLINE = {
    Outcome.RESTORED: "Restored: {policy} is attached to {target} again, confirmed.",
    Outcome.RESTORED_WITH_CHANGED_TEXT: (
        "Attached, but with CHANGED TEXT: {policy} is on {target} again, with another text than declared."
    ),
    Outcome.ALREADY_ATTACHED: "Attached again: {policy} is on {target}, confirmed.",
    Outcome.ALERT_ONLY: "NOT restored, alert-only mode: Holdfast would have reattached {policy} to {target}.",
    Outcome.SANCTIONED: "Not restored, sanctioned: {policy} was detached from {target} by a sanctioned role.",
    Outcome.FAILED: "FAILED: {policy} could not be attached to {target} again.",
}
_UNREAD = "FAILED: an event could not be read as a detach, so nothing was done about it."
_UNJUDGED = "FAILED: {policy} was detached from {target}, and Holdfast could not deal with it."
_UNCONFIRMED = "FAILED, not confirmed: {policy} was attached to {target} again, but no read shows it."


def headline(report: Report, medium: Medium) -> str:
    """Return the one sentence that says how it ended."""
    return _sentence(report).format(policy=policy(report, medium), target=target(report, medium))


def _sentence(report: Report) -> str:
    if report.detachment is None:
        return _UNREAD
    if report.conclusion.outcome is Outcome.FAILED and report.observed is None:
        return _UNJUDGED
    if report.conclusion.outcome is Outcome.FAILED and report.reattachment is not None:
        return _UNCONFIRMED
    return _HEADLINE[report.conclusion.outcome]


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
    name = quoted("/".join(path), medium) if path else attachment.target_id
    return f"{attachment.kind} {name}"


def covered(report: Report) -> str:
    """Return whether the target is covered now."""
    if report.confirmed_at is None:
        return _seen(report.attached_now or report.observed)
    at = format_timestamp(report.confirmed_at)
    if report.text is TextCheck.CHANGED:
        return f"NOT KNOWN: attached at {at}, but with a text that may forbid less"
    return f"yes, Organizations showed it at {at}"


def _seen(seen: Observation | None) -> str:
    if seen is None:
        return "NOT KNOWN: treat it as detached"
    at = format_timestamp(seen.at)
    if seen.attached:
        return f"perhaps: a read at {at} showed it attached, and reads may lag behind"
    return f"NO: a read at {at} showed it detached"


def exposure(report: Report) -> str:
    """Return how long, and for how many accounts, the guardrail was away."""
    if report.detachment is None:
        return "not known"
    accounts = report.surroundings.accounts
    if accounts is None:
        whom = "accounts at or below the target: not counted"
    else:
        whom = f"{accounts:,} account{'' if accounts == 1 else 's'} at or below the target"
    if report.conclusion.exposure is None:
        return f"since {format_timestamp(report.detachment.event_time)}, still open; {whom}"
    return f"{duration(report.conclusion.exposure)} from the detach to the confirmation; {whom}"


def duration(span: timedelta) -> str:
    """Return a span of time in its two largest units: `42 s`, `12 min 5 s`, `26 h 3 min`."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, rest = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {rest} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def caller(principal: Principal, medium: Medium) -> str:
    """Return who it was, in one line."""
    who = "the root user" if principal.kind == "Root" else _identity(principal, medium)
    words = [who + (f" of account {quoted(principal.account_id, medium)}" if principal.account_id else "")]
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


def _identity(principal: Principal, medium: Medium) -> str:
    if principal.name is not None and principal.name == principal.invoked_by:
        return f"AWS service {quoted(principal.name, medium)}"
    # Not every record of a session says AssumedRole, but its issuer's ARN is a role's.
    is_role = ":role/" in (principal.arn or "")
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
    """Return what to do, one or two sentences."""
    if report.detachment is None:
        return EXPLANATIONS["MalformedEventError"].remedy
    explained = explanation(report)
    return explained.remedy if explained else _REMEDY[report.conclusion.outcome]


_ASK_THE_CALLER = (
    "Ask the caller. If nobody planned it, treat the caller's credentials as stolen; if somebody did, change "
    "the baseline first and detach then."
)
_REMEDY = {
    Outcome.RESTORED: _ASK_THE_CALLER,
    Outcome.RESTORED_WITH_CHANGED_TEXT: (
        "Compare the live text with the baseline's document and put it right (UpdatePolicy); find out who "
        "changed it."
    ),
    Outcome.ALREADY_ATTACHED: _ASK_THE_CALLER,
    Outcome.ALERT_ONLY: "Attach the policy by hand (command below), or deploy with Mode=remediate.",
    Outcome.SANCTIONED: (
        "Nothing, if it was planned; if it is to stay so, take the attachment out of the baseline. If it was "
        "not, attach the policy by hand (command below)."
    ),
    Outcome.FAILED: "Attach the policy by hand (command below), then look at the execution.",
}


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


def commands(report: Report) -> dict[str, str]:
    """Return the commands that are worth giving, by what they are for."""
    given = {"To free a slot": _free_slot(report), "To attach it": _attach(report)}
    return {purpose: command for purpose, command in given.items() if command}


def _attach(report: Report) -> str | None:
    explained = explanation(report)
    if report.detachment is None or report.confirmed_at or (explained and not explained.by_hand):
        return None
    attachment = report.detachment.attachment
    return _command("attach-policy", attachment.policy_id, attachment.target_id)


def _free_slot(report: Report) -> str | None:
    """Name the last listed policy that nobody declared: a guardrail gives way to nothing."""
    strangers = [
        holder.policy.policy_id
        for holder in report.holders
        if not holder.in_baseline and not holder.policy.aws_managed
    ]
    if report.detachment is None or not strangers:
        return None
    return _command("detach-policy", strangers[-1], report.detachment.attachment.target_id)


def _command(verb: str, policy_id: str, target_id: str) -> str:
    return f"aws organizations {verb} --policy-id {policy_id} --target-id {target_id}"

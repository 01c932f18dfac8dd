"""What each failure means and what to do about it: the words of the mail and of the README's table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """A failure in words.

    Parameters
    ----------
    meaning : str
        What it means, one sentence.
    remedy : str
        What to do, one sentence or two.
    by_hand : bool
        Whether attaching the policy by hand is a part of it, so that the command is worth giving.
    """

    meaning: str
    remedy: str
    by_hand: bool = True


_LAMBDA = Explanation(
    "AWS Lambda could not run a task of Holdfast's, also after retries.",
    "Attach the policy by hand (command below), then look at the function's log and at the account's "
    "concurrency.",
)
_TIMED_OUT = Explanation(
    "A task of Holdfast's did not answer in time, also after retries.",
    "Attach the policy by hand (command below), then look at the function's log and at the AWS Health "
    "Dashboard.",
)

EXPLANATIONS: Mapping[str, Explanation] = {
    "AttachmentQuotaExceededError": Explanation(
        "The target holds as many policies of this type as it may; somebody may have filled the slots.",
        "Find out who filled the slots and free one, then attach the policy by hand (command below).",
    ),
    "PolicyGoneError": Explanation(
        "The policy was deleted, so nothing is left to attach.",
        "Create it again from its document in the baseline, attach it to all its targets, and write its new "
        "id into the baseline.",
        by_hand=False,
    ),
    "TargetGoneError": Explanation(
        "The root, OU or account is no longer in the organization.",
        "If it was removed on purpose, take it out of the baseline; if not, find out who removed it.",
        by_hand=False,
    ),
    "PolicyTypeDisabledError": Explanation(
        "The policy type is switched off in the root: every attachment of this type in the whole "
        "organization is gone.",
        "Switch the type on again (aws organizations enable-policy-type), then attach every guardrail of the "
        "baseline again; find out who switched it off.",
        by_hand=False,
    ),
    "PermissionMissingError": Explanation(
        "Holdfast's own role was not allowed to make the call.",
        "Attach the policy by hand (command below); compare the role with the template, and look for a "
        "permissions boundary, a missing policy type or a changed delegation policy.",
    ),
    "OrganizationsThrottledError": Explanation(
        "Organizations went on throttling for about half an hour.",
        "Attach the policy by hand (command below); find out in CloudTrail who uses up the request rate.",
    ),
    "OrganizationsBusyError": Explanation(
        "Organizations went on changing the same entity, or not answering, for about half an hour.",
        "Attach the policy by hand (command below); look at the AWS Health Dashboard, and in CloudTrail for "
        "who else changes the target.",
    ),
    "OrganizationsRefusedError": Explanation(
        "Organizations refused the call for the reason quoted below.",
        "Read the reason, mend it, and attach the policy by hand (command below).",
    ),
    "AttachmentNotVisibleError": Explanation(
        "AttachPolicy succeeded, but for about a quarter of an hour no read showed the attachment: it may "
        "have been detached again.",
        "Look whether the policy is attached and whether further detaches were reported; if it is not, "
        "attach it by hand (command below).",
    ),
    "WidenedPolicyError": Explanation(
        "The policy now allows what its document in the baseline does not, so it was not attached: that "
        "could widen permissions.",
        "First compare the live text with the baseline's and put it right (UpdatePolicy); only then attach "
        "the policy by hand (command below).",
    ),
    "MalformedEventError": Explanation(
        "The event that started the workflow could not be read as a detach.",
        "Look the event up in CloudTrail, and check by hand what it did.",
        by_hand=False,
    ),
    "ForeignEventError": Explanation(
        "The event belongs to an account that this deployment does not serve.",
        "Find out who sends it: check the rules and the permissions of the event bus.",
        by_hand=False,
    ),
    "BaselineError": Explanation(
        "The deployed baseline cannot be used, so Holdfast cannot tell whether this is a guardrail.",
        "If it is a guardrail, attach it by hand (command below); then correct the baseline as the message "
        "says and deploy it.",
    ),
    "SettingsError": Explanation(
        "A function's environment is wrong, so it did nothing.",
        "If it is a guardrail, attach it by hand (command below); then deploy the template again.",
    ),
    "UnknownSchemaError": Explanation(
        "The incident was written by a version of Holdfast that this one does not understand.",
        "Attach the policy by hand (command below).",
    ),
    "States.Timeout": _TIMED_OUT,
    "Sandbox.Timedout": _TIMED_OUT,
    "Lambda": _LAMBDA,
    "Runtime": _LAMBDA,
}

UNFORESEEN = Explanation(
    "Something went wrong that Holdfast does not know: it may be a fault of its own.",
    "Attach the policy by hand (command below), then look at the execution and at the function's log.",
)


def explain(error: str) -> Explanation:
    """Return what an error's name means; names of a family, as `Lambda.Unknown`, share their words."""
    family = error.partition(".")[0]
    return EXPLANATIONS.get(error) or EXPLANATIONS.get(family) or UNFORESEEN

"""What each failure means and what to do about it: the words of the mail and of the README's table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ATTACH = "Attach the policy by hand (command below)."
ATTACH_A_GUARDRAIL = "If it is a guardrail, attach it by hand (command below)."


@dataclass(frozen=True, slots=True)
class Explanation:
    """A failure in words.

    Parameters
    ----------
    meaning : str
        What it means, one sentence.
    cure : str
        What to do about what failed, one sentence or two.
    attaching : str
        What to do about the attachment itself; empty where attaching it by hand does not help.
    cure_first : bool
        Whether attaching it comes after the cure.
    """

    meaning: str
    cure: str
    attaching: str = ATTACH
    cure_first: bool = False

    @property
    def remedy(self) -> str:
        """What to do where nothing else is known."""
        return self.remedy_with(self.attaching)

    def remedy_with(self, attaching: str) -> str:
        """Return what to do, given the sentences on the attachment itself; there may be none."""
        steps = (self.cure, attaching) if self.cure_first else (attaching, self.cure)
        return " ".join(filter(None, steps))


_LAMBDA = Explanation(
    "AWS Lambda could not run a task of Holdfast's, also after retries.",
    "Look at the function's log and at the account's concurrency.",
)
_TIMED_OUT = Explanation(
    "A task of Holdfast's did not answer in time, also after retries.",
    "Look at the function's log and at the AWS Health Dashboard.",
)

EXPLANATIONS: Mapping[str, Explanation] = {
    "AttachmentQuotaExceededError": Explanation(
        "The target holds as many policies of this type as it may; somebody may have filled the slots.",
        "Find out who filled the slots, and free one that nobody needs.",
        cure_first=True,
    ),
    "PolicyGoneError": Explanation(
        "The policy was deleted, so nothing is left to attach.",
        "Let the reconciliation create it again (RestorePolicies=true, then holdfast reconcile), or create "
        "it from its document, attach it to all its targets, and write its new id into the baseline "
        "(holdfast snapshot).",
        attaching="",
    ),
    "TargetGoneError": Explanation(
        "The root, OU or account is no longer in the organization.",
        "If it was removed on purpose, take it out of the baseline; if not, find out who removed it.",
        attaching="",
    ),
    "PolicyTypeDisabledError": Explanation(
        "The policy type is switched off in the root: every attachment of this type in the whole "
        "organization is gone.",
        "Switch the type on again (aws organizations enable-policy-type), then let the reconciliation attach "
        "every guardrail again (holdfast reconcile; with RestorePolicyTypes=true it does both); find out who "
        "switched it off.",
        attaching="",
    ),
    "PermissionMissingError": Explanation(
        "Holdfast's own role was not allowed to make the call.",
        "Compare the role with the template, and look for a permissions boundary, a missing policy type or a "
        "changed delegation policy.",
    ),
    "OrganizationsThrottledError": Explanation(
        "Organizations went on throttling for about half an hour.",
        "Find out in CloudTrail who uses up the request rate.",
    ),
    "OrganizationsBusyError": Explanation(
        "Organizations went on changing the same entity, or not answering, for about half an hour.",
        "Look at the AWS Health Dashboard, and in CloudTrail for who else changes the target.",
    ),
    "OrganizationsRefusedError": Explanation(
        "Organizations refused the call for the reason quoted below.",
        "Read the reason, and mend it.",
        cure_first=True,
    ),
    "AttachmentNotVisibleError": Explanation(
        "AttachPolicy succeeded, but for about a quarter of an hour no read showed the attachment: it may "
        "have been detached again.",
        "See whether further detaches were reported.",
    ),
    "WidenedPolicyError": Explanation(
        "The policy now allows what its document in the baseline does not, so it was not attached: that "
        "could widen permissions.",
        "First compare the live text with the baseline's document and put it right (UpdatePolicy); only then "
        "attach the policy, and find out who changed its text.",
        attaching="",
    ),
    "ChangedSuccessorError": Explanation(
        "The policy that stands in the place of a deleted guardrail has another text than the baseline, so "
        "it was not attached: whoever put it there may have chosen the text.",
        "Find out who changed the policy, or the parameter under /holdfast/successors that names it; put the "
        "text right (UpdatePolicy), and then run holdfast reconcile.",
        attaching="",
    ),
    "PolicyNotVisibleError": Explanation(
        "A policy was created, or its text put back, but for about a quarter of an hour no read showed it: "
        "somebody may have changed it again.",
        "Look in CloudTrail for who else changes the policy, and run holdfast reconcile.",
        attaching="",
    ),
    "PolicyNameTakenError": Explanation(
        "Another policy of the same type has the guardrail's name.",
        "Find out who made that policy; rename or remove it, and run holdfast reconcile.",
        attaching="",
    ),
    "PolicyTypePendingError": Explanation(
        "Organizations went on switching a policy type, and it did not become ENABLED in time.",
        "Look whether the type is enabled (aws organizations list-roots) and at the AWS Health Dashboard; "
        "then run holdfast reconcile.",
        attaching="",
    ),
    "TurnPendingError": Explanation(
        "Another reconciliation of the same scope went on for hours, so this one never had its turn.",
        "Look at the executions that are running, stop one that hangs, and run holdfast reconcile.",
        attaching="",
    ),
    "BaselineChangedError": Explanation(
        "A deployment changed the baseline during the run, so that the run could not go on.",
        "Run holdfast reconcile, or wait for the schedule: the next run works with the new baseline.",
        attaching="",
    ),
    "ServiceBusyError": Explanation(
        "Another AWS service that Holdfast needs went on throttling, failing or not answering for about half "
        "an hour.",
        "Look at the AWS Health Dashboard, and in CloudTrail for who uses up the service's request rate.",
    ),
    "ServiceRefusedError": Explanation(
        "Another AWS service that Holdfast needs refused the call for the reason quoted below.",
        "Read the reason, and compare Holdfast's role and resources with the template.",
    ),
    "MalformedEventError": Explanation(
        "What started the workflow could not be read as an event, or as a request, that it knows.",
        "Look the event up in CloudTrail, and check by hand what it did.",
        attaching="",
    ),
    "ForeignEventError": Explanation(
        "The event belongs to an account that this deployment does not serve.",
        "Find out who sends it: check the rules and the permissions of the event bus.",
        attaching="",
    ),
    "BaselineError": Explanation(
        "The deployed baseline cannot be used, so Holdfast cannot tell what is a guardrail.",
        "Correct the baseline as the message says, and deploy it.",
        ATTACH_A_GUARDRAIL,
    ),
    "SettingsError": Explanation(
        "A function's environment is wrong, so it did nothing.",
        "Deploy the template again.",
        ATTACH_A_GUARDRAIL,
    ),
    "UnknownSchemaError": Explanation(
        "What flows through the workflow was written by a version of Holdfast that this one does not "
        "understand.",
        "Find out in the execution which of them wrote it, and deploy that one again.",
    ),
    "States.Timeout": _TIMED_OUT,
    "Sandbox.Timedout": _TIMED_OUT,
    "Lambda": _LAMBDA,
    "Runtime": _LAMBDA,
}

UNFORESEEN = Explanation(
    "Something went wrong that Holdfast does not know: it may be a fault of its own.",
    "Look at the execution and at the function's log.",
)


def explain(error: str) -> Explanation:
    """Return what an error's name means; names of a family, as `Lambda.Unknown`, share their words."""
    family = error.partition(".")[0]
    return EXPLANATIONS.get(error) or EXPLANATIONS.get(family) or UNFORESEEN

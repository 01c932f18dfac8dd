"""Whether people get the mail, and whether somebody else can end that."""

from __future__ import annotations

from holdfast.reconciliation.sentence import counted
from holdfast.reconciliation.wiring import Part, TopicState, faults_of
from holdfast_cli.check import Verdict, ok, warning
from holdfast_cli.working_parts import of_faults


def judge_subscriptions(part: Part, topic: TopicState) -> Verdict:
    """Judge the subscriptions of a topic that people listen to.

    One that was confirmed with the mail's link is ended by the link in every mail, for whoever has one.
    Source: SNS API reference, ConfirmSubscription, `AuthenticateOnUnsubscribe`.
    """
    faults = faults_of(part, topic)
    if faults:
        return of_faults(faults)
    found = f"{counted(len(topic.subscriptions), 'subscription')}, confirmed and without a filter"
    open_ones = [one for one in topic.subscriptions if one.by_mail and not one.authenticated]
    if open_ones:
        addresses = ", ".join(one.endpoint for one in open_ones)
        return warning(
            f"{found}; a forwarded mail can unsubscribe {addresses}",
            "Subscribe again; confirm with aws sns confirm-subscription --authenticate-on-unsubscribe true: "
            "docs/operations.md, “Confirm so that a forwarded mail cannot unsubscribe you”.",
        )
    return ok(found)

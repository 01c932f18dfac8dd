"""The text that a policy must have before anything attaches it in a guardrail's name."""

from __future__ import annotations

from holdfast.baseline import Guardrail
from holdfast.errors import ChangedSuccessorError, WidenedPolicyError
from holdfast.policy_document import PolicyDocument


def text_matters(guardrail: Guardrail) -> bool:
    """Return whether a guardrail's policy may be attached only after a look at its live text.

    Attaching an Allow can widen permissions. And which policy is a successor, a parameter says: whoever can
    write it must not make Holdfast attach a policy of their choice.
    """
    return guardrail.declared_id is not None or bool(guardrail.document.allow_statements())


def check_text(guardrail: Guardrail, content: str) -> None:
    """Refuse a policy that must not be attached in the guardrail's name.

    Parameters
    ----------
    guardrail : Guardrail
        The guardrail, successors adopted.
    content : str
        The live text of the policy `guardrail.policy_id`.

    Raises
    ------
    ChangedSuccessorError
        If it stands in the place of a deleted policy and does not say what the baseline declares.
    WidenedPolicyError
        If it has an Allow statement that the baseline's document lacks, or cannot be read.
    """
    refused = WidenedPolicyError if guardrail.declared_id is None else ChangedSuccessorError
    try:
        live = PolicyDocument.parse(content)
    except ValueError as error:
        raise refused(f"{guardrail.policy_id}: its text cannot be read: {error}") from error
    if guardrail.declared_id is not None and live != guardrail.document:
        place = f"in the place of {guardrail.declared_id} ({guardrail.name})"
        raise ChangedSuccessorError(f"{guardrail.policy_id}, {place}, has another text than declared")
    if live.allows_more_than(guardrail.document):
        raise WidenedPolicyError(f"{guardrail.policy_id} has an Allow statement that its document lacks")

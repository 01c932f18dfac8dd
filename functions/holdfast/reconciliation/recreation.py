"""Making a deleted policy again: once, under its name, or beside whoever has taken it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from holdfast.asking import ask_again
from holdfast.attachment import LivePolicy
from holdfast.baseline import Guardrail
from holdfast.errors import PolicyGoneError, PolicyNameTakenError, PolicyNotVisibleError
from holdfast.organizations import Organizations
from holdfast.reconciliation.drift import says_the_same
from holdfast.reconciliation.version_mark import marked

NAME_LIMIT = 128
"""Characters of a policy's name. Source: botocore's Organizations model, PolicyName."""

_DATE = re.compile(r" \(Holdfast (?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})\)\Z")


@dataclass(frozen=True, slots=True)
class Recreation:
    """The policy that stands in the place of a deleted one.

    Parameters
    ----------
    policy : LivePolicy
        The policy.
    found : bool
        Whether it was there when Holdfast came to make it.
    """

    policy: LivePolicy
    found: bool


def dated_name(name: str, day: str) -> str:
    """Return the name of a policy that is made again while another one has its name.

    Parameters
    ----------
    name : str
        The declared name; what does not fit beside the date is cut off.
    day : str
        The date, `YYYY-MM-DD`.
    """
    suffix = f" (Holdfast {day})"
    return name[: NAME_LIMIT - len(suffix)] + suffix


def is_name_of(name: str, guardrail: Guardrail) -> bool:
    """Return whether a policy may be the guardrail's by its name: the declared one, or ours with a date."""
    dated = _DATE.search(name)
    return name == guardrail.name or (dated is not None and name == dated_name(guardrail.name, dated["day"]))


def is_impostor(live: LivePolicy, guardrail: Guardrail) -> bool:
    """Return whether a policy in a deleted guardrail's place is not the one that Holdfast made.

    Whoever can write a successor must not make Holdfast attach or overwrite a policy of their choice.
    """
    ours = is_name_of(live.name, guardrail) or says_the_same(live.content, guardrail.document)
    return guardrail.declared_id is not None and not ours


def recreate(guardrail: Guardrail, version: str, today: date, organizations: Organizations) -> Recreation:
    """Create the guardrail's policy from its document, or find the one that was made before.

    The name decides, because two policies of a type cannot have the same: a policy that was made, and
    whose making was forgotten, is found by it.

    Parameters
    ----------
    guardrail : Guardrail
        The guardrail whose policy was deleted.
    version : str
        The baseline's version, for the mark in the description.
    today : date
        The date for the name, should the declared one be taken.
    organizations : Organizations
        The connection.

    Raises
    ------
    PolicyNameTakenError
        If the dated name is taken as well, by a policy with another text; the message names it.
    PolicyNotVisibleError
        If a name is taken and no read shows by whom.
    OrganizationsError
        Any other answer of the API's.
    """
    try:
        return Recreation(_create(guardrail, guardrail.name, version, organizations), found=False)
    except PolicyNameTakenError:
        namesakes = _namesakes(guardrail, organizations)
    for namesake in namesakes:
        if says_the_same(namesake.content, guardrail.document):
            return Recreation(namesake, found=True)
    _holder(guardrail.name, namesakes)
    dated = dated_name(guardrail.name, today.isoformat())
    try:
        return Recreation(_create(guardrail, dated, version, organizations), found=False)
    except PolicyNameTakenError as error:
        holder = _holder(dated, namesakes)
        explained = f"“{dated}” is the name of {holder.policy_id}, which has another text"
        raise PolicyNameTakenError(error.operation, error.code, explained) from error


def _create(guardrail: Guardrail, name: str, version: str, organizations: Organizations) -> LivePolicy:
    # Without white space, as the console stores a text: what an SDK sends is counted as it was written.
    content = guardrail.document.canonical
    description = marked(guardrail.description or "", version)
    return ask_again(lambda: organizations.create_policy(name, description, guardrail.policy_type, content))


def _namesakes(guardrail: Guardrail, organizations: Organizations) -> tuple[LivePolicy, ...]:
    """Return the policies that may be the guardrail's by their names, the declared name's holder first."""
    listed = ask_again(lambda: list(organizations.policies_of_type(guardrail.policy_type)))
    candidates = [summary for summary in listed if is_name_of(summary.name, guardrail)]
    candidates.sort(key=lambda summary: (summary.name != guardrail.name, summary.name))
    try:
        return tuple(_describe(candidate.policy_id, organizations) for candidate in candidates)
    except PolicyGoneError as error:
        raise PolicyNotVisibleError(f"a list shows a policy that cannot be read: {error}") from error


def _describe(policy_id: str, organizations: Organizations) -> LivePolicy:
    return ask_again(lambda: organizations.policy(policy_id))


def _holder(name: str, namesakes: tuple[LivePolicy, ...]) -> LivePolicy:
    """Return who has a name that is taken; the list that should show it may lag behind."""
    for namesake in namesakes:
        if namesake.name == name:
            return namesake
    raise PolicyNotVisibleError(f"“{name}” is taken, and no list shows by which policy yet")

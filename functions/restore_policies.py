"""Restore Policies: make deleted policies again, and put changed texts back."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from holdfast.asking import ask_again
from holdfast.attachment import LivePolicy
from holdfast.baseline import GUARDRAILS, Baseline, Guardrail, load_baseline
from holdfast.errors import (
    ChangedSuccessorError,
    HoldfastError,
    OrganizationsThrottledError,
    PolicyGoneError,
    PolicyNotVisibleError,
    RetryableError,
)
from holdfast.organizations import Organizations, connect_paced
from holdfast.reconciliation.drift import Drift, says_the_same
from holdfast.reconciliation.recreation import is_impostor, recreate
from holdfast.reconciliation.run import Refusal, parse_reconciliation, refusal_document, same_baseline
from holdfast.reconciliation.version_mark import bears_mark, marked
from holdfast.record import shortened
from holdfast.successors import Successors, connect_successors

_LOG = logging.getLogger(__name__)

LOOKS = 4
"""Reads until a restored policy shows; then the state machine waits and begins again."""

MESSAGE_LIMIT = 200
"""Characters kept of a refusal's message: 200 of them must fit into one payload of 256 KiB with the drift."""

BETWEEN_LOOKS = 1.0
"""Seconds before another look, besides those that the pace of reading costs."""


@dataclass(slots=True)
class _Account:
    """What was done, by the guardrails' indices."""

    recreated: dict[int, str] = field(default_factory=dict)
    found: dict[int, str] = field(default_factory=dict)
    rewritten: list[int] = field(default_factory=list)
    renamed: list[int] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    def to_document(self) -> dict[str, Any]:
        return {
            "recreated": {str(index): policy_id for index, policy_id in self.recreated.items()},
            "found": {str(index): policy_id for index, policy_id in self.found.items()},
            "rewritten": self.rewritten,
            "renamed": self.renamed,
            "refused": [refusal_document(refusal) for refusal in self.refused],
        }


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Restore the planned policies and return what was done, each confirmed by a read.

    Whatever was done before an error that may pass is found done when the task begins again.

    Parameters
    ----------
    event : dict
        The run, after Find Drift.
    context : object
        Lambda's context, not used.

    Returns
    -------
    dict
        `recreated` and `found`: new policy ids by the guardrails' indices; `rewritten`, `renamed`: indices;
        `refused`: what could not be done, and why.

    Raises
    ------
    PolicyNotVisibleError, OrganizationsThrottledError, OrganizationsBusyError, ServiceBusyError
        Retried by the state machine.
    BaselineError, BaselineChangedError, ServiceRefusedError, UnknownSchemaError
        Terminal, told as a failure.
    """
    run = parse_reconciliation(event)
    account = _Account()
    if run.search is None or not run.search.plan.policies:
        return account.to_document()
    baseline = same_baseline(load_baseline(GUARDRAILS), run.baseline_version)
    successors = connect_successors()
    restorer = _Restorer(
        baseline=baseline.adopting(successors.read()).disowning(run.search.drift.disowned),
        drift=run.search.drift,
        today=run.began_at.date(),
        organizations=connect_paced(),
        successors=successors,
        account=account,
    )
    restorer.restore_all(run.search.plan.policies)
    _LOG.info("restored", extra={"recreated": len(account.recreated), "rewritten": len(account.rewritten)})
    return account.to_document()


@dataclass(frozen=True, slots=True)
class _Restorer:
    """What restoring a policy needs, and the account of what was done."""

    baseline: Baseline
    drift: Drift
    today: date
    organizations: Organizations
    successors: Successors
    account: _Account

    def restore_all(self, indices: Iterable[int]) -> None:
        """Restore the policies of all these guardrails: one that somebody keeps changing holds up no other.

        Raises
        ------
        RetryableError
            If for any of them the same may succeed later; at once where the rate is used up for all.
        """
        held_up: RetryableError | None = None
        for index in indices:
            try:
                self.restore(index)
            except OrganizationsThrottledError:
                raise
            except RetryableError as error:
                held_up = held_up or error
        if held_up is not None:
            raise held_up

    def restore(self, index: int) -> None:
        """Restore one guardrail's policy, or note why not.

        Raises
        ------
        RetryableError
            If the same may succeed later.
        """
        guardrail = self.baseline.guardrails[index]
        try:
            live = self._read(guardrail.policy_id)
            # A deleted policy never comes back under its id: a read that shows it is older than the deletion.
            if live is None or (index in self.drift.gone and guardrail.declared_id is None):
                self._make_again(index, guardrail)
                return
            if guardrail.declared_id is None and self._has_impostor(index):
                # Whoever is named as its own successor has none.
                self.successors.write(guardrail.policy_id, guardrail.policy_id)
            if says_the_same(live.content, guardrail.document):
                self._note_done(index, guardrail, live)
            else:
                self._rewrite(index, guardrail, live)
        except RetryableError:
            raise
        except HoldfastError as error:
            message = shortened(error, MESSAGE_LIMIT)
            self.account.refused.append(Refusal(type(error).__name__, message, (index,)))

    def _has_impostor(self, index: int) -> bool:
        return any(impostor.guardrail == index for impostor in self.drift.impostors)

    def _make_again(self, index: int, guardrail: Guardrail) -> None:
        made = recreate(guardrail, self.baseline.version, self.today, self.organizations)
        if made.policy.policy_id == guardrail.policy_id:
            return  # it was the look that was older: the policy is there
        # First written down, then looked at: should the look fail, the next try knows whom to look for.
        self.successors.write(guardrail.declared_id or guardrail.policy_id, made.policy.policy_id)
        self._await_text(made.policy.policy_id, guardrail)
        self._note_made(index, guardrail, made.policy, found=made.found)

    def _rewrite(self, index: int, guardrail: Guardrail, live: LivePolicy) -> None:
        if is_impostor(live, guardrail):
            raise ChangedSuccessorError(
                f"{live.policy_id} stands in the place of {guardrail.declared_id}, has another text than its "
                f"document, and is called “{live.name}”: it may not be the policy that Holdfast made"
            )
        words = live.description if guardrail.description is None else guardrail.description
        description = marked(words, self.baseline.version)
        content = guardrail.document.canonical
        ask_again(lambda: self.organizations.update_text(live.policy_id, content, description))
        self._await_text(live.policy_id, guardrail)
        self.account.rewritten.append(index)

    def _note_done(self, index: int, guardrail: Guardrail, live: LivePolicy) -> None:
        """Tell what an earlier try of this task did: our mark shows it."""
        ours = bears_mark(live.description, self.baseline.version)
        if index in self.drift.gone and guardrail.declared_id is not None:
            self._note_made(index, guardrail, live, found=not ours)
        elif index in self.drift.changed and ours:
            self.account.rewritten.append(index)

    def _note_made(self, index: int, guardrail: Guardrail, policy: LivePolicy, *, found: bool) -> None:
        (self.account.found if found else self.account.recreated)[index] = policy.policy_id
        if policy.name != guardrail.name:
            self.account.renamed.append(index)

    def _read(self, policy_id: str) -> LivePolicy | None:
        try:
            return ask_again(lambda: self.organizations.policy(policy_id))
        except PolicyGoneError:
            return None

    def _await_text(self, policy_id: str, guardrail: Guardrail) -> None:
        """Read a restored policy until it shows the declared text."""
        for look in range(LOOKS):
            time.sleep(BETWEEN_LOOKS if look else 0)
            live = self._read(policy_id)
            if live is not None and says_the_same(live.content, guardrail.document):
                return
        raise PolicyNotVisibleError(f"{policy_id} does not show its declared text yet")

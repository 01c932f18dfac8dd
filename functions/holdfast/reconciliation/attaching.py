"""Attaching a chunk of placements and confirming each, as fast as Organizations lets one caller attach."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from holdfast.asking import ask_until
from holdfast.attachment import Attachment, PolicyType
from holdfast.baseline import Baseline
from holdfast.errors import (
    AttachmentNotVisibleError,
    HoldfastError,
    OrganizationsThrottledError,
    PolicyGoneError,
    PolicyTypeDisabledError,
    RetryableError,
    TargetGoneError,
)
from holdfast.incident import AttachResult
from holdfast.organizations import Organizations
from holdfast.reconciliation.chunk import Chunk
from holdfast.reconciliation.judged_texts import JudgedTexts

BUDGET = 45.0
"""Seconds after which a round begins nothing new; the function has 120."""

SETTLING = 10.0
"""Seconds of a round for which a policy or a type may seem to be gone still that was restored just now.

Changes take time to show everywhere. Source: Organizations user guide, "Troubleshooting"; no bound is given.
"""

BETWEEN_PASSES = 1.0
"""Seconds before what did not succeed is tried again within a round."""

ROUNDS_WITHOUT_PROGRESS = 40
"""Rounds in a row that may bring nothing forward: each uses up its budget, so half an hour in all."""


def restore_chunk(
    chunk: Chunk, baseline: Baseline, organizations: Organizations, texts: JudgedTexts
) -> Chunk:
    """Return the chunk after one round, as far as it came.

    Parameters
    ----------
    chunk : Chunk
        What is to be done.
    baseline : Baseline
        The baseline that its indices are of, successors adopted.
    organizations : Organizations
        The connection; reads wait for their pace.
    texts : JudgedTexts
        Which texts were found fit already.
    """
    this_round = _Round(chunk, baseline, organizations, texts)
    this_round.run()
    after = this_round.chunk
    if (after.remaining, after.attached) != (chunk.remaining, chunk.attached):
        return replace(after, rounds=0)
    after = replace(after, rounds=after.rounds + 1)
    if after.rounds < ROUNDS_WITHOUT_PROGRESS:
        return after
    for number in after.remaining:
        after = after.with_refused(number, this_round.held_up[number])
    return after


class _Round:
    """One round: passes over what remains, until nothing does or the time is over.

    A read costs the attaching nothing as long as it waits shorter than the rate of attaching needs to save
    up its burst, 1.5 seconds; so each target is read as soon as it has been dealt with.
    """

    def __init__(
        self, chunk: Chunk, baseline: Baseline, organizations: Organizations, texts: JudgedTexts
    ) -> None:
        self.chunk = chunk
        self._baseline = baseline
        self._placements = baseline.placements
        self._organizations = organizations
        self._texts = texts
        self._ends = time.monotonic() + BUDGET
        self._settled = time.monotonic() + SETTLING
        self._attached: set[int] = set()
        self._judged: dict[int, HoldfastError | None] = {}
        not_asked = OrganizationsThrottledError("AttachPolicy", "NotAsked", "its turn did not come")
        self.held_up: dict[int, HoldfastError] = dict.fromkeys(chunk.remaining, not_asked)
        """What keeps each placement that remains."""

    def run(self) -> None:
        """Attach and confirm."""
        while self.chunk.remaining:
            for target_id, policy_type, numbers in self._targets():
                for number in numbers:
                    self._attach(number)
                self._confirm(target_id, policy_type, numbers)
            if self._is_over():
                return
            if self.chunk.remaining:
                time.sleep(BETWEEN_PASSES)
                self._judged = {
                    index: error for index, error in self._judged.items() if not self._may_pass(error)
                }

    def _is_over(self) -> bool:
        return time.monotonic() >= self._ends

    def _targets(self) -> Iterable[tuple[str, PolicyType, list[int]]]:
        """Yield what remains by what one read shows, in the baseline's order."""
        by_target: dict[tuple[str, PolicyType], list[int]] = {}
        for number in self.chunk.remaining:
            placement = self._placements[number]
            policy_type = self._baseline.guardrails[placement.guardrail].policy_type
            by_target.setdefault((placement.target_id, policy_type), []).append(number)
        for (target_id, policy_type), numbers in by_target.items():
            yield target_id, policy_type, numbers

    def _attach(self, number: int) -> None:
        """Attach a placement, if that was not done in this round and there is time."""
        if number in self._attached or self._is_over():
            return
        try:
            self._refuse_unfit(self._placements[number].guardrail)
            result, _ = ask_until(lambda: self._organizations.attach(self._attachment(number)), self._ends)
        except HoldfastError as error:
            self._note(number, error)
            return
        if result is AttachResult.ALREADY_ATTACHED and number not in self.chunk.attached:
            self.chunk = self.chunk.with_already(number)
            return
        self._attached.add(number)
        self.chunk = self.chunk.with_attached(number)
        self._note(number, self._not_visible(number))

    def _confirm(self, target_id: str, policy_type: PolicyType, numbers: Iterable[int]) -> None:
        """Read a target once, and note which of the placements that were attached show."""
        unconfirmed = [number for number in numbers if number in self._attached & {*self.chunk.remaining}]
        if not unconfirmed or self._is_over():
            return
        try:
            shown = {policy.policy_id for policy in self._organizations.policies_on(target_id, policy_type)}
        except HoldfastError as error:
            for number in unconfirmed:
                self._note(number, error)
            return
        for number in unconfirmed:
            if self._attachment(number).policy_id in shown:
                self.chunk = self.chunk.with_restored(number)
            else:
                self._note(number, self._not_visible(number))

    def _note(self, number: int, error: HoldfastError) -> None:
        """Keep a placement for another try, if the error may pass; else settle it."""
        if self._may_pass(error):
            self.held_up[number] = error
        elif isinstance(error, TargetGoneError):
            self.chunk = self.chunk.with_gone_target(number)
        else:
            self.chunk = self.chunk.with_refused(number, error)

    def _refuse_unfit(self, index: int) -> None:
        """Refuse a policy with an unfit text, read once: all its placements of this chunk have the same."""
        if index not in self._judged:
            self._judged[index] = self._judge(index)
        refusal = self._judged[index]
        if refusal is not None:
            raise refusal

    def _judge(self, index: int) -> HoldfastError | None:
        """Return why a guardrail's policy may not be attached, or cannot be judged yet."""
        try:
            self._texts.refuse_unfit(self._baseline.guardrails[index])
        except HoldfastError as error:
            return error
        return None

    def _attachment(self, number: int) -> Attachment:
        return self._baseline.attachment_at(self._placements[number])

    def _not_visible(self, number: int) -> AttachmentNotVisibleError:
        attachment = self._attachment(number)
        return AttachmentNotVisibleError(
            f"{attachment.policy_id} does not show on {attachment.target_id} yet"
        )

    def _may_pass(self, error: HoldfastError | None) -> bool:
        """Return whether the same call may succeed later in this round."""
        if isinstance(error, PolicyGoneError | PolicyTypeDisabledError):
            return time.monotonic() < self._settled
        return isinstance(error, RetryableError)

"""A chunk of placements that one task restores, round by round: the document that goes around."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from holdfast.errors import HoldfastError, UnknownSchemaError
from holdfast.reconciliation.run import Refusal, refusal_document
from holdfast.record import shortened

MESSAGE_LIMIT = 150
"""Characters kept of a refusal's message: 250 chunks must fit into one payload of 256 KiB with the drift."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Placements, by their indices in the baseline, and what became of each.

    Parameters
    ----------
    baseline_version : str
        In which baseline the indices mean something.
    remaining : tuple of int
        What is still to be done, in the baseline's order.
    attached : tuple of int
        Those of `remaining` that Holdfast has attached and no read has shown yet.
    restored : tuple of int
        Attached by Holdfast and confirmed.
    already : tuple of int
        Attached when Holdfast came.
    gone_targets : tuple of int
        Their target is no longer in the organization.
    refused : tuple of Refusal
        What could not be done: one for each error.
    rounds : int
        Rounds in a row that brought nothing forward.
    """

    baseline_version: str
    remaining: tuple[int, ...]
    attached: tuple[int, ...] = ()
    restored: tuple[int, ...] = ()
    already: tuple[int, ...] = ()
    gone_targets: tuple[int, ...] = ()
    refused: tuple[Refusal, ...] = ()
    rounds: int = 0

    def with_attached(self, number: int) -> Chunk:
        """Return the chunk with a placement attached, not yet confirmed."""
        return replace(self, attached=tuple(dict.fromkeys((*self.attached, number))))

    def with_restored(self, number: int) -> Chunk:
        """Return the chunk with a placement confirmed."""
        return replace(self._without(number), restored=(*self.restored, number))

    def with_already(self, number: int) -> Chunk:
        """Return the chunk with a placement that was attached before Holdfast came."""
        return replace(self._without(number), already=(*self.already, number))

    def with_gone_target(self, number: int) -> Chunk:
        """Return the chunk with a placement whose target is gone."""
        return replace(self._without(number), gone_targets=(*self.gone_targets, number))

    def with_refused(self, number: int, error: HoldfastError) -> Chunk:
        """Return the chunk with a placement that was refused; of each error the first message is kept."""
        name = type(error).__name__
        by_error = {refusal.error: refusal for refusal in self.refused}
        known = by_error.get(name, Refusal(name, shortened(error, MESSAGE_LIMIT), ()))
        by_error[name] = replace(known, items=(*known.items, number))
        return replace(self._without(number), refused=tuple(by_error.values()))

    def _without(self, number: int) -> Chunk:
        return replace(
            self,
            remaining=tuple(other for other in self.remaining if other != number),
            attached=tuple(other for other in self.attached if other != number),
        )

    def to_document(self) -> dict[str, Any]:
        """Return the chunk as the state machine carries it; `finished` is what it asks for."""
        return {
            "baseline_version": self.baseline_version,
            "remaining": list(self.remaining),
            "attached": list(self.attached),
            "restored": list(self.restored),
            "already": list(self.already),
            "gone_targets": list(self.gone_targets),
            "refused": [refusal_document(refusal) for refusal in self.refused],
            "rounds": self.rounds,
            "finished": not self.remaining,
        }


def parse_chunk(document: Mapping[str, Any]) -> Chunk:
    """Return the chunk that a document holds; the state machine writes the first one without `attached`.

    Raises
    ------
    UnknownSchemaError
        If it is no chunk.
    """
    try:
        return Chunk(
            baseline_version=str(document["baseline_version"]),
            remaining=_numbers(document["remaining"]),
            attached=_numbers(document.get("attached", [])),
            restored=_numbers(document["restored"]),
            already=_numbers(document["already"]),
            gone_targets=_numbers(document["gone_targets"]),
            refused=tuple(
                Refusal(entry["error"], entry["message"], _numbers(entry["items"]))
                for entry in document["refused"]
            ),
            rounds=int(document["rounds"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnknownSchemaError(f"chunk: {error!r}") from error


def _numbers(part: Any) -> tuple[int, ...]:
    return tuple(int(number) for number in part)

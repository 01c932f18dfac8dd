"""A reconciliation: the document that flows through its state machine, each task adding its part.

Take Turn writes the first parts. What the later tasks return stands under `drift`, `types`, `policies`,
`attachments`, `coverage`, `wiring` and `notification`; what a Catch caught, beside it under the part's
name with `_error` added, and under `error` where the run could not go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from holdfast.attachment import PolicyType
from holdfast.baseline import Baseline
from holdfast.errors import BaselineChangedError, UnknownSchemaError
from holdfast.incident import Failure, parse_failure
from holdfast.reconciliation.drift import Author, Search, parse_author, parse_search
from holdfast.reconciliation.trigger import Route, Trigger, trigger_of_document
from holdfast.timestamps import format_timestamp, parse_timestamp

T = TypeVar("T")

SCHEMA = 1
"""Raised when a part changes its meaning: an execution may have waited through a deploy."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What could not be restored, and why.

    Parameters
    ----------
    error : str
        The error's name, one of `holdfast.errors`.
    message : str
        What AWS said, of the first of them.
    items : tuple of int or str
        Placements or guardrails by index, or policy types by name.
    """

    error: str
    message: str
    items: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class RestoredTypes:
    """What Restore Policy Types did."""

    enabled: tuple[PolicyType, ...] = ()
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class RestoredPolicies:
    """What Restore Policies did.

    Parameters
    ----------
    recreated : mapping of int to str
        The new policy id of each guardrail that was made again.
    found : mapping of int to str
        The same for those that another run, or somebody else, had made again with the declared text.
    rewritten : tuple of int
        Guardrails whose text was put back.
    renamed : tuple of int
        Guardrails that were made again under another name, because theirs was taken.
    refused : tuple of Refusal
        What could not be done.
    """

    recreated: Mapping[int, str]
    found: Mapping[int, str]
    rewritten: tuple[int, ...] = ()
    renamed: tuple[int, ...] = ()
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class RestoredAttachments:
    """What Restore Attachments did, over all chunks.

    Parameters
    ----------
    restored : tuple of int
        Placements that were attached and confirmed.
    already : tuple of int
        Placements that were attached when Holdfast came, by the fast path or by somebody else.
    gone_targets : tuple of int
        Placements whose target is no longer in the organization.
    refused : tuple of Refusal
        What could not be attached or confirmed.
    """

    restored: tuple[int, ...] = ()
    already: tuple[int, ...] = ()
    gone_targets: tuple[int, ...] = ()
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which guardrails an account had by where it was, and lacks by where it is.

    Parameters
    ----------
    account_id : str
        The account.
    looks : int
        How often it was looked at.
    old_path : tuple of str
        The root and OUs above it before, the nearest first; empty for an account that joined.
    new_path : tuple of str
        The root and OUs above it now, the nearest first; empty if it is no longer in the organization.
    lost : tuple of int
        Guardrails, by index, that covered it before (of one that joined: that the baseline has, while it is
        directly below the root) and do not now.
    """

    account_id: str
    looks: int
    old_path: tuple[str, ...]
    new_path: tuple[str, ...]
    lost: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of Holdfast, or of what it depends on, that is not as it should be.

    Parameters
    ----------
    part : str
        The part, as the template or AWS names it.
    finding : str
        What is wrong, one sentence.
    remedy : str
        What to do, one sentence.
    """

    part: str
    finding: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Wiring:
    """What Check Wiring found.

    Parameters
    ----------
    checked : tuple of str
        What was checked, in words.
    faults : tuple of Fault
        What is not as it should be.
    blind : tuple of str
        The ids of detach events of guardrails that never started an execution: the fast path is blind.
    authors : tuple of Author
        Who made the first of these detaches.
    """

    checked: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    blind: tuple[str, ...] = ()
    authors: tuple[Author, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A run at any stage; parts that are not there are None.

    Parameters
    ----------
    trigger : Trigger
        Why it began, and for what.
    route : Route
        Which way it takes.
    organization : str
        The organization's id.
    baseline_version : str
        Which baseline it works with: indices mean something in this version only.
    began_at : datetime
        When its turn came.
    search : Search or None
        What was found.
    types, policies, attachments : RestoredTypes, RestoredPolicies, RestoredAttachments or None
        What was restored.
    coverage : Coverage or None
        After an account was moved or joined.
    wiring : Wiring or None
        What Check Wiring found.
    failures : mapping of str to Failure
        What was caught, by the part that it should have become; `run` if the run could not go on.
    """

    trigger: Trigger
    route: Route
    organization: str
    baseline_version: str
    began_at: datetime
    search: Search | None = None
    types: RestoredTypes | None = None
    policies: RestoredPolicies | None = None
    attachments: RestoredAttachments | None = None
    coverage: Coverage | None = None
    wiring: Wiring | None = None
    failures: Mapping[str, Failure] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """Return the document that Take Turn hands to the state machine."""
        return {
            "schema": SCHEMA,
            "route": self.route.value,
            "trigger": self.trigger.to_document(),
            "organization": self.organization,
            "baseline_version": self.baseline_version,
            "began_at": format_timestamp(self.began_at),
        }


def is_reconciliation(document: Mapping[str, Any]) -> bool:
    """Return whether a document is a run's, and not an input that Take Turn never read."""
    return "schema" in document and "route" in document


def parse_reconciliation(document: Mapping[str, Any]) -> Reconciliation:
    """Return the run that a document holds, at whatever stage it is.

    Raises
    ------
    UnknownSchemaError
        If the document was written by other code than this one understands.
    """
    if document.get("schema") != SCHEMA:
        message = f"reconciliation schema: got {document.get('schema')!r}, expected {SCHEMA}"
        raise UnknownSchemaError(message)
    try:
        return _parse_parts(document)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise UnknownSchemaError(f"reconciliation: {error!r}") from error


def same_baseline(baseline: Baseline, version: str) -> Baseline:
    """Return the baseline if it is the one that a run began with: only then its indices mean the same.

    Raises
    ------
    BaselineChangedError
        If it is another one.
    """
    if baseline.version != version:
        raise BaselineChangedError(
            f"baseline: got {baseline.version}, expected {version}, with which it began"
        )
    return baseline


_PARTS = ("drift", "types", "policies", "attachments", "coverage", "wiring")


def _parse_parts(document: Mapping[str, Any]) -> Reconciliation:
    caught = {name: document.get(f"{name}_error") for name in _PARTS} | {"run": document.get("error")}
    failures = {name: parse_failure(error) for name, error in caught.items()}
    chunks = document.get("attachments")
    return Reconciliation(
        trigger=trigger_of_document(document["trigger"]),
        route=Route(document["route"]),
        organization=document["organization"],
        baseline_version=document["baseline_version"],
        began_at=parse_timestamp(document["began_at"]),
        search=_of(document.get("drift"), parse_search),
        types=_of(document.get("types"), _parse_types),
        policies=_of(document.get("policies"), _parse_policies),
        attachments=None if chunks is None else merge_chunks(chunks),
        coverage=_of(document.get("coverage"), parse_coverage),
        wiring=_of(document.get("wiring"), _parse_wiring),
        failures={name: failure for name, failure in failures.items() if failure is not None},
    )


def merge_chunks(chunks: Sequence[Mapping[str, Any]]) -> RestoredAttachments:
    """Return what all chunks together restored.

    Parameters
    ----------
    chunks : sequence of mapping
        What Restore Attachments returned for each: `restored`, `already`, `gone_targets` and `remaining`,
        lists of placements; `refused`, a list of refusals; `error`, if the chunk could not be finished.
    """
    refused: dict[str, Refusal] = {}
    for chunk in chunks:
        for refusal in (*map(_parse_refusal, chunk["refused"]), *_unfinished(chunk)):
            known = refused.get(refusal.error, Refusal(refusal.error, refusal.message, ()))
            refused[refusal.error] = replace(known, items=(*known.items, *refusal.items))
    return RestoredAttachments(
        restored=tuple(number for chunk in chunks for number in chunk["restored"]),
        already=tuple(number for chunk in chunks for number in chunk["already"]),
        gone_targets=tuple(number for chunk in chunks for number in chunk["gone_targets"]),
        refused=tuple(refused.values()),
    )


def _unfinished(chunk: Mapping[str, Any]) -> tuple[Refusal, ...]:
    """Return the items that a chunk still had to do when its task failed."""
    failure = parse_failure(chunk.get("error"))
    if failure is None:
        return ()
    return (Refusal(failure.error, failure.message, tuple(chunk["remaining"])),)


def refusal_document(refusal: Refusal) -> dict[str, Any]:
    """Return a refusal as a part of the document."""
    return {"error": refusal.error, "message": refusal.message, "items": list(refusal.items)}


def parse_coverage(part: Mapping[str, Any]) -> Coverage:
    """Return the coverage that a document holds."""
    return Coverage(
        account_id=part["account_id"],
        looks=int(part["looks"]),
        old_path=tuple(part["old_path"]),
        new_path=tuple(part["new_path"]),
        lost=tuple(part["lost"]),
    )


def _parse_types(part: Mapping[str, Any]) -> RestoredTypes:
    enabled = tuple(PolicyType(kind) for kind in part["enabled"])
    return RestoredTypes(enabled, tuple(_parse_refusal(entry) for entry in part["refused"]))


def _parse_policies(part: Mapping[str, Any]) -> RestoredPolicies:
    return RestoredPolicies(
        recreated={int(index): policy_id for index, policy_id in part["recreated"].items()},
        found={int(index): policy_id for index, policy_id in part["found"].items()},
        rewritten=tuple(part["rewritten"]),
        renamed=tuple(part["renamed"]),
        refused=tuple(_parse_refusal(entry) for entry in part["refused"]),
    )


def _parse_refusal(entry: Mapping[str, Any]) -> Refusal:
    return Refusal(entry["error"], entry["message"], tuple(entry["items"]))


def _parse_wiring(part: Mapping[str, Any]) -> Wiring:
    return Wiring(
        checked=tuple(part["checked"]),
        faults=tuple(Fault(**fault) for fault in part["faults"]),
        blind=tuple(part["blind"]),
        authors=tuple(parse_author(author) for author in part.get("authors", ())),
    )


def _of(part: Mapping[str, Any] | None, parse: Callable[[Mapping[str, Any]], T]) -> T | None:
    return None if part is None else parse(part)

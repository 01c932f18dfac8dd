"""A finding: one thing that a reconciliation has to tell."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from holdfast.attachment import PolicyType, TargetKind, target_kind
from holdfast.baseline import Guardrail
from holdfast.failures import explain
from holdfast.incident import MESSAGE_LIMIT, Failure
from holdfast.outcome import Severity
from holdfast.reconciliation.drift import Author
from holdfast.reconciliation.fates import MENDED, Done
from holdfast.reconciliation.run import Reconciliation
from holdfast.reconciliation.sentence import Outside, Sentence, say
from holdfast.reconciliation.trigger import Change

RECONCILE = ("To reconcile", "holdfast reconcile")
SNAPSHOT = ("To take a new snapshot", "holdfast snapshot")


class Kind(StrEnum):
    """What a finding is about, the gravest first."""

    BLIND = "fast path blind"
    TYPE_DISABLED = "policy type disabled"
    POLICY_DELETED = "policy deleted"
    NAME_TAKEN = "name taken"
    PLACE_TAKEN = "place taken"
    TEXT_CHANGED = "text changed"
    MISSING = "attachments missing"
    UNRESOLVED = "not resolved"
    COVERAGE_LOST = "coverage lost"
    ACCOUNT_DEPARTED = "account departed"
    DELEGATED_ADMINISTRATOR = "delegated administrator registered"
    RESOURCE_POLICY = "resource policy put"
    TASK_FAILED = "task failed"
    WIRING = "wiring"
    EXEMPTIONS_UNREAD = "exemptions not read"
    STRANGERS = "unknown policies"
    UNDECLARED = "not in the baseline"
    BROKEN_EXEMPTION = "broken exemption"
    SANCTIONED = "sanctioned"
    EXEMPT = "exempt"
    TARGET_GONE = "target gone"
    MOVED = "new id"
    RENAMED = "renamed"


TOLERATED = frozenset({Kind.SANCTIONED, Kind.EXEMPT})
"""What may be off for a while: it is told, and is no drift."""

NOT_IN_FORCE = frozenset(
    {
        Kind.TYPE_DISABLED,
        Kind.POLICY_DELETED,
        Kind.PLACE_TAKEN,
        Kind.TEXT_CHANGED,
        Kind.MISSING,
        Kind.UNRESOLVED,
        Kind.COVERAGE_LOST,
    }
)
"""With these a guardrail is not, or was not, in force as the baseline declares it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to tell.

    Parameters
    ----------
    kind : Kind
        What it is about.
    done : Done
        What was done about it.
    severity : Severity
        Whether somebody must get up.
    subject : str
        What tells it from others of its kind, ids only: the same as long as nothing changes.
    title : Sentence
        What was found, without a full stop.
    action : Sentence
        What was done about it.
    remedy : Sentence
        What to do; empty where only whoever did it has to be asked.
    meaning : str
        What it means, where the title does not say.
    commands : tuple of (str, str)
        Commands that are worth giving, each after what it is for.
    items : tuple of Sentence
        What it is about, one by one.
    authors : tuple of Author
        Who did it, as far as CloudTrail tells, the newest first.
    policy_ids, target_ids : tuple of str
        The policies and targets that it is about.
    policy_types : tuple of PolicyType
        Of which types they are.
    count : int
        How many attachments, events, … it is about.
    failure : Failure or None
        What kept it from being restored.
    """

    kind: Kind
    done: Done
    severity: Severity
    subject: str
    title: Sentence
    action: Sentence = field(default_factory=Sentence)
    remedy: Sentence = field(default_factory=Sentence)
    meaning: str = ""
    commands: tuple[tuple[str, str], ...] = ()
    items: tuple[Sentence, ...] = ()
    authors: tuple[Author, ...] = ()
    policy_ids: tuple[str, ...] = ()
    target_ids: tuple[str, ...] = ()
    policy_types: tuple[PolicyType, ...] = ()
    count: int = 1
    failure: Failure | None = None

    @property
    def key(self) -> str:
        """The name under which it is remembered that this was told."""
        return f"{self.kind}/{self.subject}/{self.done}"

    @property
    def is_standing(self) -> bool:
        """Whether nothing has put it right."""
        return self.done not in MENDED


@dataclass(frozen=True, slots=True)
class Names:
    """What targets and policies are called; those that nobody could or would look up are not there."""

    targets: Mapping[str, str] = field(default_factory=dict)
    policies: Mapping[str, str] = field(default_factory=dict)


NAMELESS = Names()


def guardrail_words(guardrail: Guardrail) -> Sentence:
    """Return a guardrail by its name and id."""
    return say(Outside(guardrail.name), f" ({guardrail.policy_id})")


def target_words(target_id: str, names: Names = NAMELESS) -> Sentence:
    """Return a target with its kind, its name where that is known, and its id."""
    kind = target_kind(target_id)
    if kind is TargetKind.ROOT:
        return say(f"the root ({target_id})")
    if target_id not in names.targets:
        return say(f"{kind} {target_id}")
    return say(f"{kind} ", Outside(names.targets[target_id]), f" ({target_id})")


def authors_of(run: Reconciliation) -> tuple[Author, ...]:
    """Return who changed what, the newest first: from CloudTrail's history, and from the run's own event."""
    found = {author.event_id: author for author in (run.search.authors if run.search else ())}
    change = run.trigger.change
    if change is not None and change.event_id not in found:
        found[change.event_id] = author_of(change)
    return tuple(sorted(found.values(), key=lambda author: author.at, reverse=True))


def author_of(change: Change) -> Author:
    """Return who caused the event that a run began with."""
    pair = f"{change.policy_id}/{change.target_id}" if change.target_id else change.policy_id
    subject = change.policy_type or pair or change.member_id or ""
    return Author(change.kind.value, change.event_id, change.event_time, change.principal, str(subject))


def why(failure: Failure) -> Sentence:
    """Return why something failed: what it means, then the words of whoever refused."""
    words = (Outside(failure.error), ": ", Outside(failure.message, MESSAGE_LIMIT))
    return say(explain(failure.error).meaning, " ", *words)


def digest(ids: Iterable[str]) -> str:
    """Return a short name for a set of ids, the same in whatever order they come."""
    return hashlib.sha256("\n".join(sorted(ids)).encode(errors="replace")).hexdigest()[:12]

"""Drift: every difference between the baseline and the live organization, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from holdfast.attachment import CONTROL_TOWER_PREFIX, LivePolicy, PolicySummary, PolicyType
from holdfast.baseline import Baseline, Guardrail
from holdfast.detachment import DETACH_POLICY, Detachment
from holdfast.exemption import BrokenExemption
from holdfast.policy_document import PolicyDocument
from holdfast.principal import Principal
from holdfast.reconciliation.version_mark import is_same_description
from holdfast.record import shortened
from holdfast.settings import Restoring
from holdfast.timestamps import format_timestamp, parse_timestamp

CHUNK = 20
"""Attachments that one task restores: ten seconds at the published two calls a second."""

WORDS = 20
"""Characters that are kept of a name or a description: whoever renames every guardrail must not make the
document grow beyond what a state takes, 262,144 bytes. Source: Step Functions, "Quotas"."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A guardrail's policy has another name, or another description, than declared: their beginnings."""

    guardrail: int
    name: str | None
    description: str | None


@dataclass(frozen=True, slots=True)
class Moved:
    """A guardrail lives under a new policy id, and the baseline still names the old one."""

    guardrail: int
    policy_id: str


@dataclass(frozen=True, slots=True)
class Namesake:
    """A guardrail's policy is gone, and a policy with another text has its name."""

    guardrail: int
    policy_id: str


@dataclass(frozen=True, slots=True)
class Impostor:
    """A policy was put in a guardrail's place as its successor, and is not what Holdfast made."""

    guardrail: int
    policy_id: str


@dataclass(frozen=True, slots=True)
class Stranger:
    """Policies on a baseline target that the baseline does not know, and the slots that are left there.

    Parameters
    ----------
    target_id : str
        The target.
    policy_type : PolicyType
        Of which type they are.
    policies : tuple of str
        Their ids.
    free : int
        How many more policies of the type the target can hold by the published quota.
    """

    target_id: str
    policy_type: PolicyType
    policies: tuple[str, ...]
    free: int


@dataclass(frozen=True, slots=True)
class Exempt:
    """Placements that are not attached, and may be off: an exemption is in force.

    Parameters
    ----------
    name : str or None
        The parameter's name; None where several exemptions are told as one.
    until : datetime
        Its end, in UTC; of several, the first one's.
    reason : str
        Why: the beginning.
    ticket : str or None
        Where it was agreed: the beginning.
    placements : tuple of int
        What is off under it.
    exemptions : int
        How many exemptions this tells of.
    """

    name: str | None
    until: datetime
    reason: str
    ticket: str | None
    placements: tuple[int, ...]
    exemptions: int = 1


@dataclass(frozen=True, slots=True)
class Author:
    """Who made a change, from CloudTrail's event history.

    Parameters
    ----------
    event : str
        CloudTrail's `eventName`.
    event_id : str
        CloudTrail's `eventID`.
    at : datetime
        When, in UTC.
    principal : Principal
        Who.
    subject : str
        What was changed: `p-…`, `p-…/target`, or a policy type.
    """

    event: str
    event_id: str
    at: datetime
    principal: Principal
    subject: str


AUTHORS = 20
"""How many authors a run names: a mass detach has one author and a thousand events."""


def author_of_detachment(detachment: Detachment) -> Author:
    """Return who made a detachment."""
    return Author(
        event=DETACH_POLICY,
        event_id=detachment.event_id,
        at=detachment.event_time,
        principal=detachment.principal,
        subject=detachment.attachment.pair,
    )


@dataclass(frozen=True, slots=True)
class Drift:
    """What differs; guardrails and placements are named by their indices in the baseline.

    Parameters
    ----------
    disabled : tuple of PolicyType
        Types that the baseline needs and the root has switched off: all their attachments are gone.
    gone : tuple of int
        Guardrails whose policy was deleted.
    changed : tuple of int
        Guardrails whose policy has another text.
    renamed : tuple of Renamed
        Guardrails whose policy has another name or description; reported only.
    moved : tuple of Moved
        Guardrails that live under a new id; reported until the baseline says so.
    namesakes : tuple of Namesake
        Deleted guardrails whose name is held by a policy with another text.
    impostors : tuple of Impostor
        Policies that count for nothing, whatever the successors say; what else differs is the declared one's.
    missing : tuple of int
        Placements that are not attached, though policy and type are there.
    in_progress : tuple of int
        Placements that are not attached, and an execution of the fast path is under way: left to it.
    sanctioned : tuple of int
        Placements that a sanctioned principal detached a short time ago, with whatever else they were lost:
        reported only.
    exempt : tuple of Exempt
        Placements that are off under an exemption, with whatever they were lost: reported only.
    gone_targets : tuple of int
        Placements whose target is no longer in the organization: reported, not an error.
    strangers : tuple of Stranger
        Policies that fill slots; reported only.
    """

    disabled: tuple[PolicyType, ...] = ()
    gone: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    moved: tuple[Moved, ...] = ()
    namesakes: tuple[Namesake, ...] = ()
    impostors: tuple[Impostor, ...] = ()
    missing: tuple[int, ...] = ()
    in_progress: tuple[int, ...] = ()
    sanctioned: tuple[int, ...] = ()
    exempt: tuple[Exempt, ...] = ()
    gone_targets: tuple[int, ...] = ()
    strangers: tuple[Stranger, ...] = ()

    def __add__(self, other: Drift) -> Drift:
        """Return both drifts as one, each difference once."""
        return Drift(
            **{
                field.name: tuple(dict.fromkeys((*getattr(self, field.name), *getattr(other, field.name))))
                for field in fields(Drift)
            }
        )

    @property
    def is_clean(self) -> bool:
        """Whether nothing differs; what the fast path is mending already is not counted."""
        return not any(getattr(self, field.name) for field in fields(self) if field.name != "in_progress")

    @property
    def is_tolerated(self) -> bool:
        """Whether nothing differs but what may: what is sanctioned or exempt, and what is being mended."""
        return replace(self, sanctioned=(), exempt=()).is_clean

    @property
    def exempt_placements(self) -> frozenset[int]:
        """All placements that are exempt."""
        return frozenset(number for exempt in self.exempt for number in exempt.placements)

    @property
    def disowned(self) -> frozenset[str]:
        """The ids of the impostors."""
        return frozenset(impostor.policy_id for impostor in self.impostors)


def compare_policy(index: int, guardrail: Guardrail, live: LivePolicy) -> Drift:
    """Return how a guardrail's policy differs from its declaration, its attachments left aside.

    Parameters
    ----------
    index : int
        The guardrail's index in the baseline.
    guardrail : Guardrail
        The declaration.
    live : LivePolicy
        What is there.
    """
    renamed = live.name != guardrail.name and guardrail.declared_id is None
    described = guardrail.description is not None and not is_same_description(
        live.description, guardrail.description
    )
    # A policy made again carries our mark in its description, and perhaps a date in its name.
    described = described and guardrail.declared_id is None
    difference = Renamed(
        index,
        shortened(live.name, WORDS) if renamed else None,
        shortened(live.description, WORDS) if described else None,
    )
    return Drift(
        changed=() if says_the_same(live.content, guardrail.document) else (index,),
        renamed=(difference,) if renamed or described else (),
        moved=(Moved(index, guardrail.policy_id),) if guardrail.declared_id else (),
    )


def compare_attachments(declared: Mapping[str, int], targets: Collection[str]) -> Drift:
    """Return which of a guardrail's declared attachments are not there.

    Parameters
    ----------
    declared : mapping of str to int
        The guardrail's placements, by target.
    targets : collection of str
        The targets that its policy is attached to.
    """
    return Drift(missing=tuple(number for target_id, number in declared.items() if target_id not in targets))


def compare_holders(  # noqa: PLR0913 - where, what is declared, and what is there
    target_id: str,
    policy_type: PolicyType,
    baseline: Baseline,
    holders: Sequence[PolicySummary],
    quota: int,
    *,
    attached: str | None = None,
) -> Drift:
    """Return the policies on a target that the baseline does not know, if there are any.

    AWS-managed policies, Control Tower's own and guardrails of other targets are no strangers as long as
    slots are free. On a full target only AWS-managed ones are none: a name proves nothing, and each takes a
    slot.

    Parameters
    ----------
    target_id : str
        The target.
    policy_type : PolicyType
        Of which type the policies are.
    baseline : Baseline
        What is declared, successors adopted.
    holders : sequence of PolicySummary
        The policies that are there.
    quota : int
        How many can be there.
    attached : str or None
        The policy that was attached according to the run's event. Unless it is declared there it is a
        stranger, also if it is FullAWSAccess: beside an Allow list that allows everything.
    """
    free = max(quota - len(holders), 0)
    declared = {
        guardrail.policy_id
        for guardrail in baseline.guardrails
        if guardrail.targets is None or target_id in guardrail.targets
    }
    known = {guardrail.policy_id for guardrail in baseline.guardrails} if free else declared
    strangers = tuple(
        sorted(
            holder.policy_id
            for holder in holders
            if (holder.policy_id == attached and attached not in declared)
            or _is_stranger(holder, known, by_name=free > 0)
        )
    )
    return Drift(strangers=(Stranger(target_id, policy_type, strangers, free),)) if strangers else Drift()


def _is_stranger(holder: PolicySummary, known: Collection[str], *, by_name: bool) -> bool:
    managed = holder.aws_managed or (by_name and holder.name.startswith(CONTROL_TOWER_PREFIX))
    return holder.policy_id not in known and not managed


def without_gone_targets(drift: Drift) -> Drift:
    """Return the drift with missing placements in order, those on targets that are gone left out."""
    missing = set(drift.missing).difference(drift.gone_targets)
    return replace(drift, missing=tuple(sorted(missing)))


def says_the_same(content: str, declared: PolicyDocument) -> bool:
    """Return whether a live text means what is declared; one that cannot be read does not."""
    try:
        return PolicyDocument.parse(content) == declared
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run restores, in this order; what the switches withhold is not in it.

    Parameters
    ----------
    types : tuple of PolicyType
        Types to be enabled.
    policies : tuple of int
        Guardrails whose policy is made again, or gets its text or its place back.
    chunks : tuple of tuple of int
        Placements to be attached, the root's first, then OUs', then accounts'.
    """

    types: tuple[PolicyType, ...] = ()
    policies: tuple[int, ...] = ()
    chunks: tuple[tuple[int, ...], ...] = ()


def plan_restoration(drift: Drift, baseline: Baseline, restoring: Restoring) -> Plan:
    """Return what is to be restored, given what the deployment may restore.

    An attachment is planned only if its type and its policy are there, or will be.
    """
    types = drift.disabled if restoring.policy_types else ()
    taken = (impostor.guardrail for impostor in drift.impostors)
    policies = tuple(sorted({*drift.gone, *drift.changed, *taken})) if restoring.policies else ()
    numbers = _placements_to_attach(drift, baseline, types, policies) if restoring.attachments else []
    chunks = tuple(tuple(numbers[start : start + CHUNK]) for start in range(0, len(numbers), CHUNK))
    return Plan(types, policies, chunks)


def lost_placements(drift: Drift, baseline: Baseline) -> tuple[int, ...]:
    """Return all placements that are off and may not be: by themselves, with their policy or their type."""
    missing, gone, disabled = set(drift.missing), set(drift.gone), set(drift.disabled)
    may_be_off = {*drift.sanctioned, *drift.exempt_placements}
    return tuple(
        number
        for number, placement in enumerate(baseline.placements)
        if number not in may_be_off
        and (
            number in missing
            or placement.guardrail in gone
            or baseline.guardrails[placement.guardrail].policy_type in disabled
        )
    )


def _placements_to_attach(
    drift: Drift, baseline: Baseline, types: Collection[PolicyType], policies: Collection[int]
) -> list[int]:
    beyond_help = set(drift.gone).difference(policies)
    switched_off = set(drift.disabled).difference(types)
    gone_targets, placements = set(drift.gone_targets), baseline.placements
    return [
        number
        for number in lost_placements(drift, baseline)
        if placements[number].guardrail not in beyond_help
        and baseline.guardrails[placements[number].guardrail].policy_type not in switched_off
        and number not in gone_targets
    ]


@dataclass(frozen=True, slots=True)
class Unheeded:
    """Exemptions that count for nothing.

    Parameters
    ----------
    broken : tuple of BrokenExemption
        Those that break a rule, the first of them by name.
    more : int
        How many more there are.
    refused : str or None
        Why none could be read, in the words of whoever refused.
    """

    broken: tuple[BrokenExemption, ...] = ()
    more: int = 0
    refused: str | None = None


class Stage(StrEnum):
    """What the state machine does after a slice of looking."""

    READING = "reading"
    UNSETTLED = "unsettled"
    SECOND_LOOK = "second look"
    CLEAN = "clean"
    DRIFTED = "drifted"


@dataclass(frozen=True, slots=True)
class Search:
    """How far a run has come in looking for drift: the document's part `drift`.

    Parameters
    ----------
    stage : Stage
        What comes next.
    began_at : datetime
        When the first look began.
    looks : int
        How many looks have begun.
    todo : tuple of int
        Guardrails that this look has still to read.
    targets_todo : tuple of str
        Targets whose policies this look has still to read.
    drift : Drift
        What was found so far.
    suspected : tuple of int, or None
        Placements that the look before found missing; only these may be restored. None at the first look.
    plan : Plan
        What will be restored; empty before the last look.
    authors : tuple of Author
        Who did it, as far as CloudTrail tells.
    reads : int
        API calls made so far.
    unheeded : Unheeded
        Exemptions that count for nothing.
    """

    stage: Stage
    began_at: datetime
    looks: int = 1
    todo: tuple[int, ...] = ()
    targets_todo: tuple[str, ...] = ()
    drift: Drift = Drift()
    suspected: tuple[int, ...] | None = None
    plan: Plan = Plan()
    authors: tuple[Author, ...] = ()
    reads: int = 0
    unheeded: Unheeded = Unheeded()

    @property
    def is_read(self) -> bool:
        """Whether a look has read all that it has to."""
        return self.stage is Stage.READING and not self.todo and not self.targets_todo

    def to_document(self) -> dict[str, Any]:
        """Return the search as a part of the run's document."""
        document = asdict(self)
        document["drift"]["exempt"] = [_exempt_document(exempt) for exempt in self.drift.exempt]
        authors = [author_document(author) for author in self.authors]
        return {**document, "began_at": format_timestamp(self.began_at), "authors": authors}


def parse_search(part: Mapping[str, Any]) -> Search:
    """Return the search that `Search.to_document` wrote."""
    suspected = part["suspected"]
    return Search(
        stage=Stage(part["stage"]),
        began_at=parse_timestamp(part["began_at"]),
        looks=int(part["looks"]),
        todo=tuple(part["todo"]),
        targets_todo=tuple(part["targets_todo"]),
        drift=_parse_drift(part["drift"]),
        suspected=None if suspected is None else tuple(suspected),
        plan=_parse_plan(part["plan"]),
        authors=tuple(parse_author(author) for author in part["authors"]),
        reads=int(part["reads"]),
        # A run that waited through a deploy may be older than the exemptions.
        unheeded=_parse_unheeded(part.get("unheeded", {})),
    )


def _parse_drift(part: Mapping[str, Any]) -> Drift:
    return Drift(
        disabled=tuple(PolicyType(kind) for kind in part["disabled"]),
        renamed=tuple(Renamed(**entry) for entry in part["renamed"]),
        moved=tuple(Moved(**entry) for entry in part["moved"]),
        namesakes=tuple(Namesake(**entry) for entry in part["namesakes"]),
        impostors=tuple(Impostor(**entry) for entry in part["impostors"]),
        strangers=tuple(_parse_stranger(entry) for entry in part["strangers"]),
        exempt=tuple(_parse_exempt(entry) for entry in part.get("exempt", ())),
        **{name: tuple(part[name]) for name in _NUMBERED},
    )


_NUMBERED = ("gone", "changed", "missing", "in_progress", "sanctioned", "gone_targets")


def _parse_stranger(entry: Mapping[str, Any]) -> Stranger:
    typed = {"policy_type": PolicyType(entry["policy_type"]), "policies": tuple(entry["policies"])}
    return Stranger(**{**entry, **typed})


def _exempt_document(exempt: Exempt) -> dict[str, Any]:
    return {**asdict(exempt), "until": format_timestamp(exempt.until)}


def _parse_exempt(entry: Mapping[str, Any]) -> Exempt:
    typed = {"until": parse_timestamp(entry["until"]), "placements": tuple(entry["placements"])}
    return Exempt(**{**entry, **typed})


def _parse_unheeded(part: Mapping[str, Any]) -> Unheeded:
    broken = tuple(BrokenExemption(**entry) for entry in part.get("broken", ()))
    return Unheeded(broken, int(part.get("more", 0)), part.get("refused"))


def _parse_plan(part: Mapping[str, Any]) -> Plan:
    return Plan(
        types=tuple(PolicyType(kind) for kind in part["types"]),
        policies=tuple(part["policies"]),
        chunks=tuple(tuple(chunk) for chunk in part["chunks"]),
    )


def author_document(author: Author) -> dict[str, Any]:
    """Return an author as a part of a document."""
    return {**asdict(author), "at": format_timestamp(author.at)}


def parse_author(entry: Mapping[str, Any]) -> Author:
    """Return the author that `author_document` wrote."""
    typed = {"at": parse_timestamp(entry["at"]), "principal": Principal(**entry["principal"])}
    return Author(**{**entry, **typed})

"""Write the baseline from the live organization, for people to review and commit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.baseline import FILE_NAME, Baseline, Guardrail, load_baseline, parse_baseline
from holdfast.errors import HoldfastError
from holdfast.reconciliation.version_mark import is_same_description, unmarked
from holdfast_cli.baseline_changes import Change, changes_between, find_former
from holdfast_cli.baseline_file import Entry, documents_in, edited_text, new_text
from holdfast_cli.live_policies import AttachedPolicy, LeftOut, Track, Wanted, read_policies

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient


class SnapshotError(HoldfastError):
    """The organization has nothing that a baseline could hold. Raised before anything is written."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a snapshot shall hold.

    Parameters
    ----------
    aws_managed : bool
        Whether AWS-managed policies become guardrails too.
    control_tower : bool
        Whether the policies that Control Tower manages do.
    successors : mapping
        The new id of each policy that was deleted and created again, by its old id.
    """

    aws_managed: bool = False
    control_tower: bool = False
    successors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a snapshot is going to write.

    Parameters
    ----------
    folder : Path
        Where.
    baseline : Baseline
        The baseline as it will read.
    replaces : str or None
        The id of the other organization whose baseline lies there now.
    files : mapping
        The new content of each file that changes, by its path below the folder; the baseline comes last.
    obsolete : tuple of str
        The documents that no guardrail needs any more.
    changes : tuple of Change
        The differences to the organization's own baseline before.
    left_out : tuple of LeftOut
        The policies that do not become guardrails.
    """

    folder: Path
    baseline: Baseline
    replaces: str | None
    files: Mapping[str, bytes]
    obsolete: tuple[str, ...]
    changes: tuple[Change, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def losses(self) -> tuple[Change, ...]:
        """The changes after which less is protected than before, or something else."""
        return tuple(change for change in self.changes if change.loses)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a snapshot wrote, and what it left out.

    Parameters
    ----------
    baseline : Baseline
        The baseline as it reads back.
    written : tuple of Path
        The files that were written anew or changed.
    changes : tuple of Change
        The differences to the organization's own baseline before.
    left_out : tuple of LeftOut
        The policies that do not become guardrails.
    """

    baseline: Baseline
    written: tuple[Path, ...]
    changes: tuple[Change, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class _Present:
    """The baseline that lies in the folder."""

    text: str
    baseline: Baseline
    documents: Mapping[str, str]


def take_snapshot(client: OrganizationsClient, folder: Path) -> Snapshot:
    """Write `baseline.toml` and the policies' documents into `folder` without asking anybody.

    Parameters
    ----------
    client : OrganizationsClient
        A client of the management account or of a delegated administrator.
    folder : Path
        Where to write; made if it is not there.

    Raises
    ------
    BaselineError
        If the baseline that is there already cannot be read, so that nothing of it is lost.
    SnapshotError
        If the organization has nothing that could be a guardrail.
    """
    return write_snapshot(plan_snapshot(client, folder))


def write_snapshot(plan: Plan) -> Snapshot:
    """Write what was planned, the documents before the baseline that names them."""
    (plan.folder / "policies").mkdir(parents=True, exist_ok=True)
    for name, content in plan.files.items():
        path = plan.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name in plan.obsolete:
        (plan.folder / name).unlink(missing_ok=True)
    return Snapshot(
        baseline=load_baseline(plan.folder),
        written=tuple(plan.folder / name for name in plan.files),
        changes=plan.changes,
        left_out=plan.left_out,
    )


def plan_snapshot(
    client: OrganizationsClient, folder: Path, request: Request | None = None, *, track: Track = iter
) -> Plan:
    """Read the organization, and return what a snapshot would write; nothing is written.

    Of the organization's baseline that is there already, all stays that need not change: comments, order,
    sanctioned and rival principals, each `targets = "any"`, and the spelling of a document that means the
    same. A policy that it guards is wanted, whoever manages it. Another organization's baseline is replaced.

    Parameters
    ----------
    client : OrganizationsClient
        A client of the management account or of a delegated administrator.
    folder : Path
        Where to write.
    request : Request, optional
        What the snapshot shall hold.
    track : callable
        Passes on the policies that are read one by one, and shows how far it is.

    Raises
    ------
    BaselineError
        If the baseline that is there already cannot be read or edited.
    SnapshotError
        If the organization has nothing that could be a guardrail.
    """
    request = request or Request()
    present = _present(folder)
    organization = client.describe_organization()["Organization"]["Id"]
    own = present if present and present.baseline.organization == organization else None
    before = own.baseline.guardrails if own else ()
    guarded = {guardrail.policy_id for guardrail in before} | set(request.successors.values())
    reading = read_policies(client, Wanted(request.aws_managed, request.control_tower, guarded), track)
    if not reading.policies:
        enabled = ", ".join(sorted(reading.types)) or "none"
        raise SnapshotError(
            f"no policy is attached that could be a guardrail (enabled types: {enabled}). "
            "Next: attach one, or enable its type; nothing was written"
        )
    former = find_former(before, reading, request.successors)
    entries = _entries(reading.policies, former, own, _foreign_files(folder, present))
    text = _text(organization, entries, former, own)
    files = _changed_documents(reading.policies, entries, former, own)
    if own is None or text != own.text:
        files[FILE_NAME] = text.encode()
    needed = {entry.document for entry in entries.values()}
    return Plan(
        folder=folder,
        baseline=_as_it_will_read(folder, text, files),
        replaces=present.baseline.organization if present and not own else None,
        files=files,
        obsolete=tuple(sorted(set(present.documents.values()) - needed)) if present else (),
        changes=tuple(changes_between(before, reading, former)),
        left_out=reading.left_out,
    )


def _present(folder: Path) -> _Present | None:
    path = folder / FILE_NAME
    if not path.exists():
        return None
    baseline = load_baseline(folder)
    # As bytes: line ends stay what they are.
    text = path.read_bytes().decode()
    return _Present(text, baseline, documents_in(text))


def _foreign_files(folder: Path, present: _Present | None) -> set[str]:
    """Return the files that lie where documents go and are none of the baseline's."""
    documents = set(present.documents.values()) if present else set()
    lying = {f"policies/{path.name}" for path in (folder / "policies").glob("*")}
    return {name.casefold() for name in lying - documents}


def _entries(
    policies: Sequence[AttachedPolicy],
    former: Mapping[str, Guardrail],
    own: _Present | None,
    foreign: set[str],
) -> dict[str, Entry]:
    """Return the file's entry of each policy; a guardrail that stays keeps its document's name."""
    documents: dict[str, str] = {}
    for policy in policies:
        was = former.get(policy.policy_id)
        if own and was and own.documents[was.policy_id] not in documents.values():
            documents[policy.policy_id] = own.documents[was.policy_id]
    taken = foreign | {name.casefold() for name in documents.values()}
    unnamed = [policy for policy in policies if policy.policy_id not in documents]
    documents |= _new_names(unnamed, taken)
    return {
        policy.policy_id: Entry(
            policy_id=policy.policy_id,
            name=policy.name,
            policy_type=policy.policy_type,
            targets=None if _is_anywhere(former.get(policy.policy_id)) else policy.targets,
            document=documents[policy.policy_id],
            description=_description(policy, former.get(policy.policy_id)),
        )
        for policy in policies
    }


def _is_anywhere(guardrail: Guardrail | None) -> bool:
    return guardrail is not None and guardrail.targets is None


def _description(policy: AttachedPolicy, was: Guardrail | None) -> str | None:
    """Return what the file says; our mark is none of it, and what does not declare descriptions stays so."""
    if was is None:
        return unmarked(policy.description) or None
    if was.description is None or is_same_description(policy.description, was.description):
        return was.description
    return unmarked(policy.description)


def _new_names(policies: Sequence[AttachedPolicy], taken: set[str]) -> dict[str, str]:
    """Name each document after its policy, with the id where two names would meet on a disk."""
    plain = {policy.policy_id: re.sub(r"[^A-Za-z0-9_-]+", "-", policy.name) for policy in policies}
    folded = [name.casefold() for name in plain.values()]

    def is_free(name: str) -> bool:
        return folded.count(name.casefold()) == 1 and f"policies/{name}.json".casefold() not in taken

    return {
        policy_id: f"policies/{name}{'' if is_free(name) else '-' + policy_id}.json"
        for policy_id, name in plain.items()
    }


def _text(
    organization: str, entries: Mapping[str, Entry], former: Mapping[str, Guardrail], own: _Present | None
) -> str:
    if own is None:
        return new_text(organization, tuple(entries.values()))
    kept = {was.policy_id: entries[policy_id] for policy_id, was in former.items()}
    added = [entry for policy_id, entry in entries.items() if policy_id not in former]
    return edited_text(own.text, kept, added)


def _changed_documents(
    policies: Sequence[AttachedPolicy],
    entries: Mapping[str, Entry],
    former: Mapping[str, Guardrail],
    own: _Present | None,
) -> dict[str, bytes]:
    """Return the documents that do not say yet what the policy says."""
    changed = {}
    for policy in policies:
        was, document = former.get(policy.policy_id), entries[policy.policy_id].document
        stays = own and was and own.documents[was.policy_id] == document
        if not stays or (was and was.document != policy.document):
            changed[document] = _pretty(policy.content).encode()
    return changed


def _pretty(content: str) -> str:
    """Return a policy's text as people review it: indented, and otherwise as it is."""
    return json.dumps(json.loads(content), indent=2, ensure_ascii=False) + "\n"


def _as_it_will_read(folder: Path, text: str, files: Mapping[str, bytes]) -> Baseline:
    return parse_baseline(
        text.encode(), lambda name: files[name] if name in files else (folder / name).read_bytes()
    )

"""The baseline: which policies must be attached where, declared in a file and reviewed like code."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from holdfast.attachment import ORGANIZATION_ID, POLICY_ID, Attachment, PolicyType, TargetKind, target_kind
from holdfast.errors import BaselineError
from holdfast.policy_document import PolicyDocument
from holdfast.principal import Principal

GUARDRAILS = Path(__file__).parents[1] / "guardrails"
"""The folder that is deployed with the functions."""

FILE_NAME = "baseline.toml"

# An IAM role by its whole ARN, in any partition. Source: IAM user guide, "IAM identifiers".
ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,577}", re.ASCII)
ROLE_ID = re.compile(r"AROA[A-Z0-9]{12,124}")
# The lengths are those of CreatePolicy. Source: botocore's Organizations model.
NAME = re.compile(r".{1,128}")
DESCRIPTION = re.compile(r"(?s).{0,512}")
DOCUMENT_PATH = re.compile(r"[\w./ -]+\.json")


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A protected policy and the targets that it must be attached to.

    Parameters
    ----------
    policy_id : str
        The policy's id.
    name : str
        The name that it had when the baseline was written.
    policy_type : PolicyType
        Its type: the event does not tell it.
    targets : frozenset of str, or None
        The targets' ids; None where the baseline says `"any"`.
    document : PolicyDocument
        The text that it must have.
    description : str or None
        The description that it must have; None where the baseline does not say.
    declared_id : str or None
        The id that the baseline names, where a policy made again under `policy_id` has taken its place.
    """

    policy_id: str
    name: str
    policy_type: PolicyType
    targets: frozenset[str] | None
    document: PolicyDocument
    description: str | None = None
    declared_id: str | None = None

    def protects(self, attachment: Attachment) -> bool:
        """Return whether this guardrail must stay attached there."""
        if attachment.policy_id != self.policy_id:
            return False
        return self.targets is None or attachment.target_id in self.targets

    def declares(self, attachment: Attachment) -> bool:
        """Return whether this guardrail names the attachment, by the policy's id or by its declared one."""
        if attachment.target_id not in (self.targets or ()):
            return False
        return attachment.policy_id in {self.policy_id, self.declared_id}


@dataclass(frozen=True, slots=True)
class RolePrincipal:
    """A role that the baseline lists, because what it does is judged differently.

    Parameters
    ----------
    role : str
        The role's whole ARN.
    role_id : str or None
        The role's unique id; where it is given, a role made again under the same name is another one.
    """

    role: str
    role_id: str | None = None

    def is_principal(self, principal: Principal) -> bool:
        """Return whether a call was made with this role; what the caller could choose plays no part."""
        if principal.kind != "AssumedRole" or principal.arn != self.role:
            return False
        return self.role_id is None or principal.unique_id == self.role_id


@dataclass(frozen=True, slots=True)
class Placement:
    """A declared attachment, by the place of its guardrail in the baseline.

    Parameters
    ----------
    guardrail : int
        The guardrail's index in the baseline.
    target_id : str
        The id of a root, an OU or an account.
    """

    guardrail: int
    target_id: str


_ORDER = (TargetKind.ROOT, TargetKind.ORGANIZATIONAL_UNIT, TargetKind.ACCOUNT)


def _place_in_order(placement: Placement) -> tuple[int, str, int]:
    """Sort by how many accounts an attachment covers at most, then so that one read serves its neighbours."""
    return _ORDER.index(target_kind(placement.target_id)), placement.target_id, placement.guardrail


@dataclass(frozen=True, slots=True)
class Baseline:
    """All guardrails of one organization.

    Parameters
    ----------
    organization : str
        The organization's id (`o-…`).
    guardrails : tuple of Guardrail
        Each policy once.
    sanctioned : tuple of RolePrincipal
        Whose detaches are not reverted.
    version : str
        The first 12 hexadecimal digits of the SHA-256 of the file and its documents.
    rivals : tuple of RolePrincipal
        To whom the fast path yields for an hour, once they contest an attachment. Nobody, unless the file
        says so.
    """

    organization: str
    guardrails: tuple[Guardrail, ...]
    sanctioned: tuple[RolePrincipal, ...]
    version: str
    rivals: tuple[RolePrincipal, ...] = ()

    @property
    def placements(self) -> tuple[Placement, ...]:
        """All attachments that are declared one by one: on the root first, then on OUs, then on accounts.

        The order is the same for every reader of the same version, so that documents can name a placement
        by its index. What `"any"` protects is not among them.
        """
        declared = (
            Placement(index, target_id)
            for index, guardrail in enumerate(self.guardrails)
            for target_id in guardrail.targets or ()
        )
        return tuple(sorted(declared, key=_place_in_order))

    def attachment_at(self, placement: Placement) -> Attachment:
        """Return the attachment that a placement stands for."""
        return Attachment(self.guardrails[placement.guardrail].policy_id, placement.target_id)

    def names(self, policy_id: str) -> bool:
        """Return whether a policy is one of the guardrails', wherever it is attached."""
        return any(guardrail.policy_id == policy_id for guardrail in self.guardrails)

    def adopting(self, successors: Mapping[str, str]) -> Baseline:
        """Return the baseline in which policies made again stand in the places of the declared ones.

        Parameters
        ----------
        successors : mapping of str to str
            The new policy id of each declared one that was made again; its own id stands for none.
        """
        adopted = tuple(
            replace(guardrail, policy_id=successors[guardrail.policy_id], declared_id=guardrail.policy_id)
            if successors.get(guardrail.policy_id, guardrail.policy_id) != guardrail.policy_id
            else guardrail
            for guardrail in self.guardrails
        )
        return replace(self, guardrails=adopted)

    def disowning(self, impostors: Collection[str]) -> Baseline:
        """Return the baseline in which the declared policies stand in their own places again.

        Parameters
        ----------
        impostors : collection of str
            The ids of policies that were put in a guardrail's place, and are not what Holdfast made.
        """
        owned = tuple(
            replace(guardrail, policy_id=guardrail.declared_id, declared_id=None)
            if guardrail.declared_id is not None and guardrail.policy_id in impostors
            else guardrail
            for guardrail in self.guardrails
        )
        return replace(self, guardrails=owned)

    def guardrail_for(self, attachment: Attachment) -> Guardrail | None:
        """Return the guardrail that protects `attachment`, if one does."""
        return next((guardrail for guardrail in self.guardrails if guardrail.protects(attachment)), None)

    def sanctions(self, principal: Principal) -> bool:
        """Return whether a principal's detaches are not to be reverted."""
        return any(sanctioned.is_principal(principal) for sanctioned in self.sanctioned)

    def is_rival(self, principal: Principal) -> bool:
        """Return whether a principal may make the fast path yield in a fight."""
        return any(rival.is_principal(principal) for rival in self.rivals)


def load_baseline(folder: Path) -> Baseline:
    """Return the baseline that `folder` declares.

    Parameters
    ----------
    folder : Path
        The folder with `baseline.toml`; documents are read below it only.

    Raises
    ------
    BaselineError
        If a file is missing or says something that cannot be meant; names the entry and the value.
    """

    def read(name: str) -> bytes:
        path = folder / name
        try:
            if path.resolve().is_relative_to(folder.resolve()):
                return path.read_bytes()
        except (OSError, RuntimeError) as error:
            # A RuntimeError before Python 3.13: links that go round in a circle.
            reason = getattr(error, "strerror", None) or error
            raise BaselineError(f"{folder.resolve().name}/{name} cannot be read: {reason}") from error
        raise BaselineError(f"{name!r} lies outside of {folder.resolve().name}/")

    return parse_baseline(read(FILE_NAME), read)


def parse_baseline(text: bytes, read_document: Callable[[str], bytes]) -> Baseline:
    """Return the baseline that a TOML text declares.

    Parameters
    ----------
    text : bytes
        The TOML, in UTF-8.
    read_document : callable
        Returns the bytes of a document by the name that the TOML gives it.

    Raises
    ------
    BaselineError
        If the text says something that cannot be meant; names the entry, the value and what was expected.
    """
    try:
        toml = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        # TOML's and UTF-8's own errors are ValueErrors, and so is that of a number of thousands of digits.
        raise BaselineError(f"{FILE_NAME} is not TOML: {error}") from error
    table = _Table(toml, "")
    digest = hashlib.sha256(text)

    def read(name: str) -> str:
        content = read_document(name)
        digest.update(content)
        return content.decode()

    organization = table.text("organization", ORGANIZATION_ID, "an organization's id (o-…)")
    sanctioned = tuple(_role_principal(entry) for entry in table.tables("sanctioned_principal"))
    rivals = tuple(_role_principal(entry) for entry in table.tables("rival_principal"))
    guardrails = tuple(_guardrail(entry, read) for entry in table.tables("guardrail"))
    table.refuse_others()
    if not guardrails:
        raise table.wrong("guardrail", None, "at least one [[guardrail]]")
    _refuse_repeated(guardrails)
    return Baseline(organization, guardrails, sanctioned, digest.hexdigest()[:12], rivals)


def _role_principal(entry: _Table) -> RolePrincipal:
    role = entry.text("role", ROLE_ARN, "the whole ARN of an IAM role")
    role_id = entry.text("id", ROLE_ID, "a role's unique id (AROA…)") if "id" in entry.values else None
    entry.refuse_others()
    return RolePrincipal(role, role_id)


def _guardrail(entry: _Table, read: Callable[[str], str]) -> Guardrail:
    guardrail = Guardrail(
        policy_id=entry.text("policy", POLICY_ID, "a policy's id (p-…)"),
        name=entry.text("name", NAME, "the policy's name"),
        policy_type=_policy_type(entry),
        targets=_targets(entry),
        document=_document(entry, read),
        description=_description(entry),
    )
    entry.refuse_others()
    return guardrail


def _description(entry: _Table) -> str | None:
    if "description" not in entry.values:
        return None
    return entry.text("description", DESCRIPTION, "the policy's description")


def _policy_type(entry: _Table) -> PolicyType:
    value = entry.text("type", re.compile(r".+"), "a policy type")
    try:
        return PolicyType(value)
    except ValueError as error:
        raise entry.wrong("type", value, "one of " + ", ".join(PolicyType)) from error


def _targets(entry: _Table) -> frozenset[str] | None:
    expected = '"any" or a list of the ids of roots, OUs and accounts'
    value = entry.take("targets")
    if value == "any":
        return None
    if not isinstance(value, list) or not value:
        raise entry.wrong("targets", value, expected)
    for target in value:
        try:
            target_kind(target if isinstance(target, str) else "")
        except ValueError as error:
            raise entry.wrong("targets", target, expected) from error
    if len(set(value)) < len(value):
        raise entry.wrong("targets", value, "each target once")
    return frozenset(value)


def _document(entry: _Table, read: Callable[[str], str]) -> PolicyDocument:
    name = entry.text("document", DOCUMENT_PATH, "the path of a JSON file beside the baseline")
    try:
        return PolicyDocument.parse(read(name))
    except ValueError as error:
        raise BaselineError(f"{entry.path}document: {name} is not a policy's text: {error}") from error


def _refuse_repeated(guardrails: tuple[Guardrail, ...]) -> None:
    seen: set[str] = set()
    for guardrail in guardrails:
        if guardrail.policy_id in seen:
            raise BaselineError(f"guardrail: {guardrail.policy_id} is declared twice: once is enough")
        seen.add(guardrail.policy_id)


class _Table:
    """A TOML table that knows its place and what of it has been read."""

    def __init__(self, values: Mapping[str, Any], path: str) -> None:
        self.values = values
        self.path = path
        self._unread = set(values)

    def take(self, key: str) -> Any:
        self._unread.discard(key)
        return self.values.get(key)

    def text(self, key: str, pattern: re.Pattern[str], expected: str) -> str:
        value = self.take(key)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self.wrong(key, value, expected)
        return value

    def tables(self, key: str) -> Iterator[_Table]:
        value = self.take(key) if key in self.values else []
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.wrong(key, value, f"[[{key}]] tables")
        return (_Table(entry, f"{self.path}{key}[{index}].") for index, entry in enumerate(value))

    def wrong(self, key: str, value: object, expected: str) -> BaselineError:
        got = "nothing" if value is None else repr(value)[:200]
        return BaselineError(f"{self.path}{key}: got {got}, expected {expected}")

    def refuse_others(self) -> None:
        if self._unread:
            unknown = ", ".join(sorted(self._unread))
            raise BaselineError(f"{self.path}{unknown}: no such key here")

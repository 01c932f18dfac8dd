"""The grammar of `baseline.toml`, read for findings: everything that is wrong, not only the first thing.

What this accepts, `load_baseline` accepts too; a test holds it. It is stricter in what can be read but cannot
be meant, such as two guardrails of one name.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from holdfast.attachment import ORGANIZATION_ID, POLICY_ID, PolicyType, target_kind
from holdfast.baseline import DESCRIPTION, DOCUMENT_PATH, FILE_NAME, NAME, ROLE_ARN, ROLE_ID
from holdfast.errors import BaselineError
from holdfast.policy_document import PolicyDocument
from holdfast.quotas import QUOTAS
from holdfast_cli.finding import NOTHING, Finding, Place
from holdfast_cli.policy_grammar import check_document

_TARGETS_EXPECTED = '"any" or a list of the ids of roots, OUs and accounts'
_TOML_PLACE = re.compile(r"(.*) \(at (.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ReadGuardrail:
    """What could be understood of a guardrail; each part that could not is None or empty.

    Parameters
    ----------
    place : Place
        Its table in the baseline.
    policy_id : str or None
        The policy's id.
    name : str or None
        Its name.
    policy_type : PolicyType or None
        Its type.
    targets : tuple of str
        The targets' ids.
    anywhere : bool
        Whether it is protected wherever it is attached.
    file : str or None
        The name of its document.
    content : bytes or None
        The document as it is written.
    """

    place: Place
    policy_id: str | None
    name: str | None
    policy_type: PolicyType | None
    targets: tuple[str, ...]
    anywhere: bool
    file: str | None
    content: bytes | None

    @property
    def is_default(self) -> bool:
        """Whether AWS manages the policy and attaches it everywhere when its type is enabled."""
        return self.policy_id in {quota.default_policy for quota in QUOTAS.values() if quota.default_policy}

    @property
    def document(self) -> PolicyDocument | None:
        """The document's JSON, if it is any."""
        try:
            return PolicyDocument.parse(self.content.decode()) if self.content is not None else None
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.name or 'a guardrail'} ({self.policy_id or self.place.path})"


@dataclass(frozen=True, slots=True)
class ReadPrincipal:
    """What could be understood of a role that the baseline lists.

    Parameters
    ----------
    place : Place
        Its table in the baseline.
    role : str or None
        The role's ARN.
    """

    place: Place
    role: str | None


@dataclass(frozen=True, slots=True)
class ReadBaseline:
    """A baseline as far as it could be understood, and all that is wrong with it."""

    guardrails: tuple[ReadGuardrail, ...]
    findings: tuple[Finding, ...]
    rivals: tuple[ReadPrincipal, ...] = ()


def read_baseline(text: bytes, read_document: Callable[[str], bytes]) -> ReadBaseline:
    """Return what a baseline and its documents say, and everything that is wrong with them.

    Parameters
    ----------
    text : bytes
        The baseline; anything is answered by findings.
    read_document : callable
        Returns the bytes of a document by the name that the baseline gives it, or raises BaselineError.
    """
    findings: list[Finding] = []
    try:
        toml = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        return ReadBaseline((), (_not_toml(error),))
    table = _Table(toml, Place(FILE_NAME), findings)
    table.text("organization", ORGANIZATION_ID, "an organization's id (o-…)")
    sanctioned = tuple(_read_principal(entry) for entry in table.tables("sanctioned_principal"))
    rivals = tuple(_read_principal(entry) for entry in table.tables("rival_principal"))
    guardrails = tuple(_read_guardrail(entry, read_document) for entry in table.tables("guardrail"))
    if not toml.get("guardrail", []):
        findings.append(table.place.at("guardrail").wrong(NOTHING, "at least one [[guardrail]]"))
    table.refuse_others()
    findings += _repeated_roles(sanctioned, "sanctioned")
    findings += _repeated_roles(rivals, "a rival")
    findings += _repeated_guardrails(guardrails)
    findings += _check_documents(guardrails)
    return ReadBaseline(guardrails, tuple(findings), rivals)


def _not_toml(error: Exception) -> Finding:
    match = _TOML_PLACE.fullmatch(str(error))
    reason, where = (match[1], match[2]) if match else (str(error), "")
    return Place(FILE_NAME, where).error(f"not TOML: {reason}")


def _read_principal(entry: _Table) -> ReadPrincipal:
    role = entry.text("role", ROLE_ARN, "the whole ARN of an IAM role")
    if "id" in entry.values:
        entry.text("id", ROLE_ID, "a role's unique id (AROA…)")
    entry.refuse_others()
    return ReadPrincipal(entry.place, role)


def _read_guardrail(entry: _Table, read_document: Callable[[str], bytes]) -> ReadGuardrail:
    policy_id = entry.text("policy", POLICY_ID, "a policy's id (p-…)")
    name = entry.text("name", NAME, "the policy's name")
    policy_type = _read_type(entry)
    targets = tuple(_read_targets(entry))
    file = entry.text("document", DOCUMENT_PATH, "the path of a JSON file beside the baseline")
    content = None
    if file is not None:
        try:
            content = read_document(file)
        except BaselineError as error:
            entry.findings.append(entry.place.at("document").error(str(error)))
    if "description" in entry.values:
        entry.text("description", DESCRIPTION, "the policy's description")
    entry.refuse_others()
    anywhere = entry.values.get("targets") == "any"
    return ReadGuardrail(entry.place, policy_id, name, policy_type, targets, anywhere, file, content)


def _read_type(entry: _Table) -> PolicyType | None:
    value = entry.take("type")
    known = {policy_type.value: policy_type for policy_type in PolicyType}
    if isinstance(value, str) and value in known:
        return known[value]
    entry.findings.append(entry.place.at("type").wrong(value, "one of " + ", ".join(PolicyType)))
    return None


def _read_targets(entry: _Table) -> Iterator[str]:
    """Yield the targets that are such; the findings have the others."""
    value = entry.take("targets")
    place = entry.place.at("targets")
    if value == "any":
        return
    if not isinstance(value, list) or not value:
        entry.findings.append(place.wrong(value, _TARGETS_EXPECTED))
        return
    seen: set[str] = set()
    for index, target in enumerate(value):
        try:
            target_kind(target if isinstance(target, str) else "")
        except ValueError:
            entry.findings.append(place.at(index).wrong(target, _TARGETS_EXPECTED))
            continue
        if target in seen:
            entry.findings.append(place.at(index).wrong(target, "each target once"))
            continue
        seen.add(target)
        yield target


def _repeated_roles(principals: tuple[ReadPrincipal, ...], what: str) -> Iterator[Finding]:
    counted = Counter(principal.role for principal in principals)
    for principal in principals:
        if principal.role is not None and counted[principal.role] > 1:
            place = principal.place.at("role")
            yield place.warning(f"this role is {what} more than once", principal.role, "each role once")


def _repeated_guardrails(guardrails: tuple[ReadGuardrail, ...]) -> Iterator[Finding]:
    """Yield one finding for every guardrail that repeats another one's policy, or its name within a type."""
    policies: set[str] = set()
    # Source: Organizations API, DuplicatePolicyException.
    names: set[tuple[PolicyType, str]] = set()
    for guardrail in guardrails:
        if guardrail.policy_id is not None:
            if guardrail.policy_id in policies:
                yield guardrail.place.at("policy").wrong(guardrail.policy_id, "each policy once")
            policies.add(guardrail.policy_id)
        if guardrail.name is not None and guardrail.policy_type is not None:
            named = (guardrail.policy_type, guardrail.name)
            if named in names:
                expected = f"another name: two policies of the type {named[0]} never have the same"
                yield guardrail.place.at("name").wrong(guardrail.name, expected)
            names.add(named)


def _check_documents(guardrails: tuple[ReadGuardrail, ...]) -> Iterator[Finding]:
    """Check each document once for each type that it is used for."""
    checked: set[tuple[str, PolicyType | None, bool]] = set()
    for guardrail in guardrails:
        if guardrail.file is None or guardrail.content is None:
            continue
        use = (guardrail.file, guardrail.policy_type, guardrail.is_default)
        if use not in checked:
            checked.add(use)
            yield from check_document(use[0], guardrail.content, use[1], aws_managed=use[2])


class _Table:
    """A TOML table that knows its place, what of it has been read, and where findings go."""

    def __init__(self, values: dict[str, Any], place: Place, findings: list[Finding]) -> None:
        self.values = values
        self.place = place
        self.findings = findings
        self._unread = set(values)

    def take(self, key: str) -> Any:
        self._unread.discard(key)
        return self.values.get(key, NOTHING)

    def text(self, key: str, pattern: re.Pattern[str], expected: str) -> str | None:
        value = self.take(key)
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        self.findings.append(self.place.at(key).wrong(value, expected))
        return None

    def tables(self, key: str) -> Iterator[_Table]:
        value = self.take(key) if key in self.values else []
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            self.findings.append(self.place.at(key).wrong(value, f"[[{key}]] tables"))
            return
        for index, entry in enumerate(value):
            yield _Table(entry, self.place.at(key).at(index), self.findings)

    def refuse_others(self) -> None:
        self.findings += [self.place.at(key).error("no such key here") for key in sorted(self._unread)]

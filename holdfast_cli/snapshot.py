"""Write the baseline from the live organization, for people to review and commit."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.attachment import CONTROL_TOWER_PREFIX, PolicyType
from holdfast.baseline import FILE_NAME, Baseline, Guardrail, SanctionedPrincipal, load_baseline

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_organizations.literals import PolicyTypeType


@dataclass(frozen=True, slots=True)
class FoundPolicy:
    """A policy of the live organization with all its attachments."""

    policy_id: str
    name: str
    policy_type: PolicyType
    aws_managed: bool
    targets: tuple[str, ...]
    content: str

    @property
    def left_out_because(self) -> str | None:
        """Why the policy does not become a guardrail unless it is asked for; None if it does."""
        if self.aws_managed:
            return "AWS-managed: reattaching it can widen permissions"
        if self.name.startswith(CONTROL_TOWER_PREFIX):
            return "Control Tower manages it"
        if not self.targets:
            return "attached nowhere"
        return None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a snapshot wrote, and what it left out."""

    baseline: Baseline
    written: tuple[Path, ...]
    left_out: tuple[FoundPolicy, ...]
    no_longer: tuple[str, ...]
    """What the baseline before protected and this one does not, in words."""


def take_snapshot(client: OrganizationsClient, folder: Path) -> Snapshot:
    """Write `baseline.toml` and the policies' documents into `folder`.

    Of this organization's baseline that is there already, the sanctioned principals and each
    `targets = "any"` are kept. Another organization's, such as the sample's, is replaced.

    Parameters
    ----------
    client : OrganizationsClient
        A client of the management account or of a delegated administrator.
    folder : Path
        Where to write; made if it is not there.

    Returns
    -------
    Snapshot
        The baseline as it reads back, the files, the policies left out, and what is no longer protected.

    Raises
    ------
    BaselineError
        If the baseline that is there already cannot be read, so that nothing of it is lost.
    """
    before = load_baseline(folder) if (folder / FILE_NAME).exists() else None
    organization = client.describe_organization()["Organization"]["Id"]
    if before is not None and before.organization != organization:
        before = None
    found = sorted(find_policies(client), key=lambda policy: (policy.policy_type, policy.name))
    kept = [policy for policy in found if policy.left_out_because is None]
    names = _document_names(kept)
    _forget_documents(folder)
    (folder / "policies").mkdir(parents=True, exist_ok=True)
    for policy in kept:
        (folder / names[policy.policy_id]).write_text(pretty_document(policy.content), encoding="utf-8")
    anywhere = {guardrail.policy_id for guardrail in _guardrails(before) if guardrail.targets is None}
    sanctioned = before.sanctioned if before else ()
    text = baseline_text(organization, sanctioned, kept, names, anywhere)
    (folder / FILE_NAME).write_text(text, encoding="utf-8")
    return Snapshot(
        baseline=load_baseline(folder),
        written=(folder / FILE_NAME, *(folder / names[policy.policy_id] for policy in kept)),
        left_out=tuple(policy for policy in found if policy not in kept),
        no_longer=tuple(_no_longer(before, kept)),
    )


def _guardrails(baseline: Baseline | None) -> tuple[Guardrail, ...]:
    return baseline.guardrails if baseline else ()


def _forget_documents(folder: Path) -> None:
    """Remove the documents that the baseline before named: what lies there is shipped."""
    path = folder / FILE_NAME
    if path.exists():
        for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("guardrail", []):
            (folder / entry["document"]).unlink(missing_ok=True)


def _no_longer(before: Baseline | None, kept: list[FoundPolicy]) -> Iterator[str]:
    """Yield what is lost between two baselines; a guardrail that is detached right now is."""
    targets_now = {policy.policy_id: set(policy.targets) for policy in kept}
    for guardrail in _guardrails(before):
        if guardrail.policy_id not in targets_now:
            yield f"{guardrail.policy_id}  {guardrail.name}"
            continue
        for target in sorted((guardrail.targets or set()) - targets_now[guardrail.policy_id]):
            yield f"{guardrail.policy_id}  {guardrail.name} on {target}"


def find_policies(client: OrganizationsClient) -> Iterator[FoundPolicy]:
    """Yield every policy of every type that is switched on in the root."""
    root = client.list_roots()["Roots"][0]
    for enabled in root["PolicyTypes"]:
        if enabled["Status"] == "ENABLED":
            yield from _find_of_type(client, enabled["Type"])


def _find_of_type(client: OrganizationsClient, policy_type: PolicyTypeType) -> Iterator[FoundPolicy]:
    for page in client.get_paginator("list_policies").paginate(Filter=policy_type):
        for summary in page["Policies"]:
            pages = client.get_paginator("list_targets_for_policy").paginate(PolicyId=summary["Id"])
            yield FoundPolicy(
                policy_id=summary["Id"],
                name=summary["Name"],
                policy_type=PolicyType(policy_type),
                aws_managed=summary["AwsManaged"],
                targets=tuple(sorted(target["TargetId"] for page in pages for target in page["Targets"])),
                content=client.describe_policy(PolicyId=summary["Id"])["Policy"]["Content"],
            )


def pretty_document(content: str) -> str:
    """Return a policy's text as people review it: indented, and otherwise as it is."""
    return json.dumps(json.loads(content), indent=2, ensure_ascii=False) + "\n"


def baseline_text(
    organization: str,
    sanctioned: tuple[SanctionedPrincipal, ...],
    policies: list[FoundPolicy],
    names: dict[str, str],
    anywhere: set[str],
) -> str:
    """Return the TOML of a baseline.

    Parameters
    ----------
    organization : str
        The organization's id.
    sanctioned : tuple of SanctionedPrincipal
        Whose detaches are not reverted.
    policies : list of FoundPolicy
        The guardrails.
    names : dict
        The document's file name for each policy id.
    anywhere : set of str
        The ids of the policies that are protected wherever they are attached.
    """
    tables = [f"organization = {_toml(organization)}\n"]
    for principal in sanctioned:
        role_id = f"id   = {_toml(principal.role_id)}\n" if principal.role_id else ""
        tables.append(f"[[sanctioned_principal]]\nrole = {_toml(principal.role)}\n{role_id}")
    tables += [
        f"[[guardrail]]\n"
        f"policy   = {_toml(policy.policy_id)}\n"
        f"name     = {_toml(policy.name)}\n"
        f"type     = {_toml(policy.policy_type.value)}\n"
        f"targets  = {_targets(policy, anywhere)}\n"
        f"document = {_toml(names[policy.policy_id])}\n"
        for policy in policies
    ]
    return "\n".join([_PREAMBLE, *tables])


def _targets(policy: FoundPolicy, anywhere: set[str]) -> str:
    if policy.policy_id in anywhere:
        return '"any"'
    return f"[{', '.join(map(_toml, policy.targets))}]"


_PREAMBLE = """\
# What must be attached where. Written by `make snapshot`; review it, commit it, deploy it.
#
# targets = "any" protects a policy wherever it is attached. A sanctioned principal's detaches are reported
# and not reverted:
#
#   [[sanctioned_principal]]
#   role = "arn:aws:iam::111122223333:role/guardrail-pipeline"
#   id   = "AROA…"    # optional: a role made again under the same name is another role
"""


def _document_names(policies: list[FoundPolicy]) -> dict[str, str]:
    """Name each document after its policy, with the id where two names would meet on a disk."""
    plain = {policy.policy_id: re.sub(r"[^A-Za-z0-9_-]+", "-", policy.name) for policy in policies}
    folded = [name.casefold() for name in plain.values()]
    return {
        policy_id: f"policies/{name}{'' if folded.count(name.casefold()) == 1 else '-' + policy_id}.json"
        for policy_id, name in plain.items()
    }


def _toml(text: str) -> str:
    """Spell a TOML basic string, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

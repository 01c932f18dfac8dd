"""`holdfast impact`: read the part of the organization in question, and draw what a detach would do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text
from rich.tree import Tree

from holdfast.attachment import POLICY_ID, PolicyType, TargetKind, target_kind
from holdfast.baseline import load_baseline
from holdfast.errors import HoldfastError
from holdfast.policy_document import PolicyDocument
from holdfast_cli.impact import AttachedPolicy, Consequence, Effect, allows, exposed
from holdfast_cli.organization_tree import Node, find_target, read_tree
from holdfast_cli.screen import safe

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

    from holdfast_cli.screen import Screen

SHOWN = 10
"""Accounts of one OU that are named; more are counted."""

MANY = 50
"""Targets that are looked at without being named: each costs calls, and AWS's own Allow is on thousands."""

_STYLES: Mapping[Effect, str] = {
    Effect.EXPOSED: "red",
    Effect.BLOCKED: "magenta",
    Effect.NARROWED: "yellow",
    Effect.COVERED: "green",
    Effect.UNRESTRICTED: "dim",
}


class ImpactError(HoldfastError):
    """The question has no answer: no such guardrail, or no such attachment."""


@dataclass(frozen=True, slots=True)
class Detach:
    """What one detach, or several at once, would do.

    Parameters
    ----------
    targets : mapping
        The names of the targets that the policy is detached from, by their ids.
    consequences : tuple of Consequence
        What happens to each account below them.
    """

    targets: Mapping[str, str]
    consequences: tuple[Consequence, ...]

    @property
    def counts(self) -> Counter[Effect]:
        """How many accounts each effect has."""
        return Counter(consequence.effect for consequence in self.consequences)


def run_impact(  # noqa: PLR0913 - what the command line says
    screen: Screen,
    client: OrganizationsClient,
    folder: Path,
    policy: str,
    target: str | None = None,
    *,
    as_json: bool = False,
) -> int:
    """Show what a detach would expose, and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print.
    client : OrganizationsClient
        A client of the management account or of a delegated administrator.
    folder : Path
        The baseline's folder; it is read if the policy is named by its name.
    policy : str
        A policy's id, or a guardrail's name.
    target : str, optional
        The id of a target or its path of names; by default each target of the policy.
    as_json : bool
        Whether a program reads what is printed.
    """
    policy_id = policy if POLICY_ID.fullmatch(policy) else _policy_in(folder, policy)
    management_account = client.describe_organization()["Organization"]["MasterAccountId"]
    bare = _read_policy(client, policy_id)
    wanted = _wanted(bare, find_target(client, target) if target else None)
    attached = _with_other_allows(client, bare, wanted)
    with screen.counter("Reading the accounts") as counter:
        tree = read_tree(client, wanted, counter.add)
    detaches = [
        Detach({target_id: name}, exposed(tree, attached, {target_id}, management_account))
        for target_id, name in wanted.items()
    ]
    at_once = Detach(wanted, exposed(tree, attached, set(wanted), management_account))
    if as_json:
        screen.document(_as_document(attached, detaches, at_once))
        return 0
    for detach in detaches:
        _show(screen, attached, tree, detach)
    if len(detaches) > 1:
        screen.act(f"Detached from all {len(detaches)} targets at once")
        screen.line(_counted(at_once.counts).plain)
    return 0


def _policy_in(folder: Path, name: str) -> str:
    guardrails = load_baseline(folder).guardrails
    for guardrail in guardrails:
        if guardrail.name == name:
            return guardrail.policy_id
    known = ", ".join(sorted(guardrail.name for guardrail in guardrails))
    raise ImpactError(f"{name!r} is neither a policy's id (p-…) nor a guardrail of {folder}: {known}")


def _read_policy(client: OrganizationsClient, policy_id: str) -> AttachedPolicy:
    policy = client.describe_policy(PolicyId=policy_id)["Policy"]
    summary = policy["PolicySummary"]
    pages = client.get_paginator("list_targets_for_policy").paginate(PolicyId=policy_id)
    found = [(target["TargetId"], target["Name"]) for page in pages for target in page["Targets"]]
    targets = dict(sorted(found, key=_largest_first))
    try:
        document = PolicyDocument.parse(policy["Content"])
    except ValueError as error:
        raise ImpactError(f"the text of {policy_id} cannot be read: {error}") from error
    return AttachedPolicy(policy_id, summary["Name"], PolicyType(summary["Type"]), document, targets)


def _largest_first(target: tuple[str, str]) -> tuple[int, str, str]:
    """Sort the root before OUs, and these before accounts."""
    target_id, name = target
    return list(TargetKind).index(target_kind(target_id)), name, target_id


def _wanted(policy: AttachedPolicy, target_id: str | None) -> Mapping[str, str]:
    """Return the targets that the question is about, with their names."""
    there = ", ".join(f"{name} ({attached})" for attached, name in list(policy.targets.items())[:SHOWN])
    if target_id and target_id not in policy.targets:
        raise ImpactError(
            f"{policy.name} ({policy.policy_id}) is not attached to {target_id} itself; it is attached to: "
            f"{there or 'nothing'}"
        )
    if not policy.targets:
        raise ImpactError(f"{policy.name} ({policy.policy_id}) is attached nowhere")
    if target_id is None and len(policy.targets) > MANY:
        raise ImpactError(
            f"{policy.name} is attached to {len(policy.targets):,} targets: name one, such as {there}"
        )
    return {target_id: policy.targets[target_id]} if target_id else policy.targets


def _with_other_allows(
    client: OrganizationsClient, policy: AttachedPolicy, targets: Iterable[str]
) -> AttachedPolicy:
    """Read which other policies allow something on the targets, where an Allow is at stake."""
    if not policy.allows:
        return policy

    @cache
    def has_allow(policy_id: str) -> bool:
        content = client.describe_policy(PolicyId=policy_id)["Policy"]["Content"]
        return allows(PolicyDocument.parse(content))

    def others_on(target_id: str) -> Iterator[str]:
        paginator = client.get_paginator("list_policies_for_target")
        for page in paginator.paginate(TargetId=target_id, Filter="SERVICE_CONTROL_POLICY"):
            for other in page["Policies"]:
                if other["Id"] != policy.policy_id and has_allow(other["Id"]):
                    yield other["Name"]

    return replace(policy, other_allows={target_id: tuple(others_on(target_id)) for target_id in targets})


def _show(screen: Screen, policy: AttachedPolicy, tree: Node, detach: Detach) -> None:
    ((target_id, name),) = detach.targets.items()
    screen.act(f"{policy.name} ({policy.policy_id}), detached from {name} ({target_id})")
    by_account = {consequence.account.target_id: consequence for consequence in detach.consequences}
    screen.show(_branch(_node(tree, target_id), by_account, None))


def _node(tree: Node, target_id: str) -> Node:
    """Return the node of a target; `tree` has been read for it."""
    return next(node for node in _nodes(tree) if node.target_id == target_id)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _nodes(child)


def _branch(node: Node, by_account: Mapping[str, Consequence], above: Tree | None) -> Tree:
    """Draw a node and what is below it: OUs with their counts, accounts by name as long as they are few."""
    if node.is_account:
        return _leaf(by_account[node.target_id], above)
    below = [by_account[child.target_id] for child in _nodes(node) if child.is_account]
    label = Text(safe(f"{node.name}  {node.target_id}  "))
    label.append(_counted(Counter(consequence.effect for consequence in below)))
    drawn = above.add(label) if above else Tree(label)
    accounts = [child for child in node.children if child.is_account]
    for child in (*accounts[:SHOWN], *(child for child in node.children if not child.is_account)):
        _branch(child, by_account, drawn)
    if more := accounts[SHOWN:]:
        effects = Counter(by_account[account.target_id].effect for account in more)
        drawn.add(Text("… and ").append(_counted(effects)))
    return drawn


def _leaf(consequence: Consequence, above: Tree | None) -> Tree:
    label = Text(safe(f"{consequence.account.name}  {consequence.account.target_id}  "))
    label.append(safe(_in_words(consequence)), _STYLES[consequence.effect])
    return above.add(label) if above else Tree(label)


def _in_words(consequence: Consequence) -> str:
    if consequence.effect is Effect.COVERED:
        return f"{consequence.effect} by the attachment to {consequence.because}"
    if consequence.effect is Effect.BLOCKED:
        return f"{consequence.effect}, for no other Allow is attached to {consequence.because}"
    if consequence.effect is Effect.NARROWED:
        return f"{consequence.effect}; {consequence.because} goes on allowing"
    if consequence.effect is Effect.UNRESTRICTED:
        return f"{consequence.effect}: the management account"
    return str(consequence.effect)


def _counted(counts: Counter[Effect]) -> Text:
    total = counts.total()
    text = Text(f"{total:,} {'account' if total == 1 else 'accounts'}")
    for effect in Effect:
        if counts[effect]:
            text.append(": " if text.plain.endswith(("account", "accounts")) else ", ")
            text.append(f"{counts[effect]:,} {_SHORT.get(effect, effect)}", _STYLES[effect])
    return text


_SHORT = {Effect.BLOCKED: "blocked"}


def _as_document(policy: AttachedPolicy, detaches: Sequence[Detach], at_once: Detach) -> dict[str, Any]:
    return {
        "policy": policy.policy_id,
        "name": policy.name,
        "type": policy.policy_type.value,
        "detaches": [
            {
                "target": target_id,
                "name": name,
                "accounts": _counts(detach),
                "consequences": [_as_item(consequence) for consequence in detach.consequences],
            }
            for detach in detaches
            for target_id, name in detach.targets.items()
        ],
        "all_at_once": _counts(at_once),
    }


def _counts(detach: Detach) -> dict[str, int]:
    return {effect.name.lower(): detach.counts[effect] for effect in Effect}


def _as_item(consequence: Consequence) -> dict[str, Any]:
    return {
        "account": consequence.account.target_id,
        "name": consequence.account.name,
        "path": list(consequence.path),
        "effect": consequence.effect.name.lower(),
        "because": consequence.because,
    }

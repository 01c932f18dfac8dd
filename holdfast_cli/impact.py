"""What a detach would expose, account by account: the rules by which Organizations evaluates policies.

An explicit Deny anywhere between the root and the account wins, so a second attachment of the same policy on
the way keeps its Denies in force. An Allow is needed at every level. The management account is never
restricted. Sources: Organizations user guide, "SCP evaluation", "Service control policies" and "Resource
control policies".
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from holdfast.attachment import PolicyType
from holdfast.policy_document import PolicyDocument
from holdfast_cli.organization_tree import Node

_AUTHORIZATION_TYPES = (PolicyType.SERVICE_CONTROL_POLICY, PolicyType.RESOURCE_CONTROL_POLICY)


class Effect(StrEnum):
    """What a detach does to an account."""

    EXPOSED = "exposed"
    BLOCKED = "blocked: nothing is allowed any more"
    NARROWED = "allowed less"
    COVERED = "still covered"
    UNRESTRICTED = "never restricted"


@dataclass(frozen=True, slots=True)
class AttachedPolicy:
    """A policy as far as its detach has consequences.

    Parameters
    ----------
    policy_id : str
        Its id.
    name : str
        Its name.
    policy_type : PolicyType
        Its type.
    document : PolicyDocument
        Its text.
    targets : mapping
        The names of the targets that it is attached to, by their ids.
    other_allows : mapping
        The names of the other policies of its type with an Allow, by the target that they are attached to;
        of interest only if it has an Allow itself.
    """

    policy_id: str
    name: str
    policy_type: PolicyType
    document: PolicyDocument
    targets: Mapping[str, str]
    other_allows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def allows(self) -> bool:
        """Whether some account may need it to be allowed anything."""
        return self.policy_type is PolicyType.SERVICE_CONTROL_POLICY and allows(self.document)

    @property
    def restricts(self) -> bool:
        """Whether something is no longer forbidden, or no longer set, where it is detached."""
        return self.policy_type not in _AUTHORIZATION_TYPES or _denies(self.document)


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a detach does to one account.

    Parameters
    ----------
    account : Node
        The account.
    path : tuple of str
        The names from the root down to it.
    effect : Effect
        What happens to it.
    because : str or None
        The name of the target whose attachment still covers it, or at which no Allow is left, or the names
        of the policies that go on allowing something there.
    """

    account: Node
    path: tuple[str, ...]
    effect: Effect
    because: str | None = None


def exposed(
    tree: Node, policy: AttachedPolicy, detached: Collection[str], management_account: str
) -> tuple[Consequence, ...]:
    """Return what happens to every account at or below the targets that a policy is detached from.

    Parameters
    ----------
    tree : Node
        The root, with all that is below those targets.
    policy : AttachedPolicy
        The policy as it is attached now.
    detached : collection of str
        The ids of the targets that it is detached from.
    management_account : str
        The id of the management account.
    """
    return tuple(
        _consequence(path, policy, detached, management_account)
        for path in _paths_to_accounts(tree, ())
        if any(node.target_id in detached for node in path)
    )


def allows(document: PolicyDocument) -> bool:
    """Return whether a document has a statement that may allow something."""
    return bool(document.allow_statements())


def _denies(document: PolicyDocument) -> bool:
    content = json.loads(document.canonical)
    statements = content.get("Statement", []) if isinstance(content, dict) else []
    listed = statements if isinstance(statements, list) else [statements]
    return any(isinstance(statement, dict) and statement.get("Effect") == "Deny" for statement in listed)


def _paths_to_accounts(node: Node, above: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    path = (*above, node)
    if node.is_account:
        yield path
    for child in node.children:
        yield from _paths_to_accounts(child, path)


def _consequence(
    path: tuple[Node, ...], policy: AttachedPolicy, detached: Collection[str], management_account: str
) -> Consequence:
    effect, because = _effect(path, policy, detached, management_account)
    return Consequence(path[-1], tuple(node.name for node in path), effect, because)


def _effect(
    path: tuple[Node, ...], policy: AttachedPolicy, detached: Collection[str], management_account: str
) -> tuple[Effect, str | None]:
    if path[-1].target_id == management_account and policy.policy_type in _AUTHORIZATION_TYPES:
        return Effect.UNRESTRICTED, None
    lost = [node for node in path if node.target_id in detached]
    if policy.allows:
        for node in lost:
            if not policy.other_allows.get(node.target_id):
                return Effect.BLOCKED, node.name
    if policy.restricts:
        left = [node for node in path if node.target_id in policy.targets and node not in lost]
        return (Effect.COVERED, left[-1].name) if left else (Effect.EXPOSED, None)
    others = {name for node in lost for name in policy.other_allows.get(node.target_id, ())}
    return Effect.NARROWED, ", ".join(sorted(others))

"""The part of an organization that a question is about: targets, what is above them and all that is below."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from holdfast.attachment import TargetKind, target_kind
from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient


class UnknownTargetError(HoldfastError):
    """A name or an id that the organization does not have. Raised while it is looked up."""


@dataclass(frozen=True, slots=True)
class Node:
    """A root, an OU or an account, with what was read of all that is below it.

    Parameters
    ----------
    target_id : str
        Its id.
    name : str
        Its name.
    children : tuple of Node
        The OUs and accounts directly below it.
    """

    target_id: str
    name: str
    children: tuple[Node, ...] = ()

    @property
    def is_account(self) -> bool:
        """Whether it is an account."""
        return target_kind(self.target_id) is TargetKind.ACCOUNT


def find_target(client: OrganizationsClient, path: str) -> str:
    """Return the id of the target that people call `Root`, `Workloads/Prod` or `Workloads/Prod/shop-prod`.

    Parameters
    ----------
    client : OrganizationsClient
        A client of the management account or of a delegated administrator.
    path : str
        An id, or names from below the root down, with a slash between them.

    Raises
    ------
    UnknownTargetError
        If there is no such target, or more than one; says what there is.
    """
    if _is_id(path):
        return path
    current = _root_id(client)
    names = [name for name in path.strip("/").split("/") if name]
    for name in names[1:] if names[:1] == ["Root"] else names:
        below = tuple(_children(client, current, lambda _: None))
        matching = [node.target_id for node in below if node.name == name]
        if len(matching) != 1:
            found = "more than one" if matching else "nothing"
            there = ", ".join(sorted(node.name for node in below)) or "nothing"
            raise UnknownTargetError(f"{path!r}: {found} is called {name!r} in {current}; there is: {there}")
        (current,) = matching
    return current


def read_tree(client: OrganizationsClient, targets: Mapping[str, str], count: Callable[[int], None]) -> Node:
    """Return the root with the branches to some targets and all that is below these.

    Parameters
    ----------
    client : OrganizationsClient
        A client of the management account or of a delegated administrator.
    targets : mapping
        The names of the targets by their ids.
    count : callable
        Called with the number of accounts that a page has shown.
    """
    chains = [tuple(_chain(client, target)) for target in targets]
    wanted = {parent: set[str]() for chain in chains for parent in chain}
    for chain in chains:
        for parent, child in pairwise(chain):
            wanted[parent].add(child)

    def branch(target_id: str) -> Node:
        name = targets.get(target_id) or _name(client, target_id)
        if target_id in targets:
            return _whole(client, Node(target_id, name), count)
        return Node(target_id, name, tuple(branch(child) for child in sorted(wanted[target_id])))

    return branch(chains[0][0])


def _is_id(text: str) -> bool:
    try:
        target_kind(text)
    except ValueError:
        return False
    return True


def _root_id(client: OrganizationsClient) -> str:
    for page in client.get_paginator("list_roots").paginate():
        for root in page["Roots"]:
            return root["Id"]
    raise UnknownTargetError("the organization shows no root")


def _chain(client: OrganizationsClient, target_id: str) -> Sequence[str]:
    """Return the ids from the root down to a target."""
    chain = [target_id]
    while target_kind(chain[0]) is not TargetKind.ROOT:
        pages = client.get_paginator("list_parents").paginate(ChildId=chain[0])
        chain.insert(0, next(parent["Id"] for page in pages for parent in page["Parents"]))
    return chain


def _name(client: OrganizationsClient, target_id: str) -> str:
    """Return the name of what is above a target: the root, or an OU."""
    if target_kind(target_id) is TargetKind.ROOT:
        return "Root"
    unit: Any = client.describe_organizational_unit(OrganizationalUnitId=target_id)
    return str(unit["OrganizationalUnit"]["Name"])


def _whole(client: OrganizationsClient, node: Node, count: Callable[[int], None]) -> Node:
    if node.is_account:
        return node
    below = tuple(_whole(client, child, count) for child in _children(client, node.target_id, count))
    return Node(node.target_id, node.name, below)


def _children(client: OrganizationsClient, parent_id: str, count: Callable[[int], None]) -> Iterator[Node]:
    for units in client.get_paginator("list_organizational_units_for_parent").paginate(ParentId=parent_id):
        yield from (Node(unit["Id"], unit["Name"]) for unit in units["OrganizationalUnits"])
    for accounts in client.get_paginator("list_accounts_for_parent").paginate(ParentId=parent_id):
        count(len(accounts["Accounts"]))
        yield from (Node(account["Id"], account["Name"]) for account in accounts["Accounts"])

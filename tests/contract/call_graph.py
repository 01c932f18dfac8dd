"""What a task can reach, read from the sources, by following names.

Types are not known here, so a method's name stands for every method of that name: what is found can be too
much, never too little. A call that is not found cannot be made.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import botocore.session
from botocore import xform_name

from tests.contract.shipped import FUNCTIONS

ADAPTER = "holdfast.organizations"


@dataclass(frozen=True)
class Place:
    """A function, a class, a method (`Class.method`) or a constant of a module."""

    module: str
    name: str


@cache
def sources() -> dict[str, ast.Module]:
    """Return every module that is shipped, by the name under which it is imported."""
    return {
        ".".join(path.relative_to(FUNCTIONS).with_suffix("").parts): ast.parse(
            path.read_text(encoding="utf-8"), str(path)
        )
        for path in sorted(FUNCTIONS.rglob("*.py"))
    }


def reachable(module: str) -> frozenset[Place]:
    """Return all that a task module's handler can lead to, itself included."""
    reached: set[Place] = set()
    pending = {Place(module, "handler")}
    while pending:
        place = pending.pop()
        reached.add(place)
        pending |= set(_mentioned(place)) - reached
    return frozenset(reached)


def operations(module: str) -> frozenset[str]:
    """Return the operations of the Organizations API that a task can call."""
    known = botocore.session.get_session().get_service_model("organizations").operation_names
    of_method = {xform_name(operation): operation for operation in known}
    functions = (place for place in reachable(module) if place.module == ADAPTER and not _is_constant(place))
    nodes = [node for place in functions for node in _code(place)]
    named = {node.value for node in nodes if isinstance(node, ast.Constant)}
    called = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return frozenset(
        operation for method, operation in of_method.items() if operation in named or method in called
    )


@cache
def _places() -> dict[Place, ast.stmt]:
    return {
        Place(module, name): node
        for module, tree in sources().items()
        for statement in tree.body
        for name, node in _named(statement)
    }


def _named(statement: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    match statement:
        case ast.FunctionDef(name=name):
            yield name, statement
        case ast.ClassDef(name=name, body=body):
            yield name, statement
            yield from ((f"{name}.{node.name}", node) for node in body if isinstance(node, ast.FunctionDef))
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            yield name, statement


def _is_constant(place: Place) -> bool:
    return isinstance(_places()[place], ast.Assign | ast.AnnAssign)


def _code(place: Place) -> Iterator[ast.AST]:
    """Yield what runs when a place is reached: of a class, not its methods but those without a caller."""
    node = _places()[place]
    if not isinstance(node, ast.ClassDef):
        yield from ast.walk(node)
        return
    for member in (*node.bases, *node.decorator_list, *node.body):
        if not isinstance(member, ast.FunctionDef) or member.name.startswith("__"):
            yield from ast.walk(member)


def _mentioned(place: Place) -> Iterator[Place]:
    imported = _imports(place.module)
    for node in _code(place):
        match node:
            case ast.Name(id=name):
                yield from _existing(imported.get(name, Place(place.module, name)))
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if _is_module(imported.get(name)):
                yield from _existing(Place(f"holdfast.{imported[name].name}", attribute))
            case ast.Attribute(value=ast.Call(func=ast.Name(id="Path"))):
                pass  # a path has a parent, and so has an account
            case ast.Attribute(attr=attribute):
                yield from (method for method in _places() if method.name.endswith(f".{attribute}"))


def _existing(place: Place) -> Iterator[Place]:
    if place in _places():
        yield place


def _is_module(imported: Place | None) -> bool:
    return imported is not None and f"{imported.module}.{imported.name}" in sources()


@cache
def _imports(module: str) -> dict[str, Place]:
    return {
        alias.asname or alias.name: Place(node.module or "", alias.name)
        for node in ast.walk(sources()[module])
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

"""What a task can reach, read from the sources, by following names.

Types are not known here, so a method's name stands for every method of that name, called or handed on; only a
name that is a field's too counts where it is called alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import botocore.session
from botocore import xform_name

from tests.contract.shipped import FUNCTIONS

_ACTION_OF = {"DeleteMessageBatch": "DeleteMessage"}
"""Where IAM has another name for an operation. Source: Service Authorization Reference, Amazon SQS."""


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


@cache
def reachable(module: str) -> frozenset[Place]:
    """Return all that a task module's handler can lead to, itself included."""
    reached: set[Place] = set()
    pending = {Place(module, "handler")}
    while pending:
        place = pending.pop()
        reached.add(place)
        pending |= _mentioned(place) - reached
    return frozenset(reached)


def actions_of(module: str) -> frozenset[str]:
    """Return the IAM actions for all that a task can ask AWS: `service:Operation`."""
    return frozenset(
        action
        for adapter in services()
        for action in _actions(adapter, [place for place in reachable(module) if place.module == adapter])
    )


@cache
def services() -> dict[str, frozenset[str]]:
    """Return the adapters, the modules that make a client, with the services that each makes one of."""
    made = {
        module: frozenset(
            node.args[0].value
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "client"
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
        )
        for module, tree in sources().items()
    }
    return {module: clients for module, clients in made.items() if clients}


def _actions(adapter: str, places: list[Place]) -> Iterator[str]:
    """Yield what an adapter's functions can ask: operations are named, or called as methods."""
    nodes = [node for place in places if not _is_constant(place) for node in _code(place)]
    named = {node.value for node in nodes if isinstance(node, ast.Constant)}
    called = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    for service in services()[adapter]:
        model = botocore.session.get_session().get_service_model(service)
        for operation in model.operation_names:
            if operation in named or xform_name(operation) in called:
                yield f"{model.signing_name}:{_ACTION_OF.get(operation, operation)}"


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


@cache
def _mentioned(place: Place) -> frozenset[Place]:
    return frozenset(_places_named_in(place))


def _places_named_in(place: Place) -> Iterator[Place]:
    imported = _imports(place.module)
    nodes = list(_code(place))
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        match node:
            case ast.Name(id=name):
                yield from _existing(imported.get(name, Place(place.module, name)))
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if _is_module(imported.get(name)):
                yield from _existing(Place(f"{imported[name].module}.{imported[name].name}", attribute))
            case ast.Attribute(value=ast.Call(func=ast.Name(id="Path"))):
                pass  # a path has a parent, and so has an account
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
                pass  # the bases are mentioned by name
            case ast.Attribute(attr=attribute) if id(node) not in called and attribute in _fields():
                pass  # a value that happens to have a method's name
            case ast.Attribute(attr=attribute):
                yield from _methods(attribute, place.module)


def _methods(name: str, module: str) -> Iterator[Place]:
    """Yield every method of a name; a private one is its own module's."""
    for place in _places():
        is_known = place.module == module or not name.startswith("_")
        if place.name.endswith(f".{name}") and is_known:
            yield place


@cache
def _fields() -> frozenset[str]:
    """Return the names of all fields of dataclasses."""
    return frozenset(
        node.target.id
        for tree in sources().values()
        for kind in ast.walk(tree)
        if isinstance(kind, ast.ClassDef)
        for node in kind.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    )


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

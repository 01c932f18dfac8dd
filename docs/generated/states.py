"""The state machines as Mermaid diagrams."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from docs.generated.sources import definition

_SHAPES = {
    "Task": '["{}"]',
    "Pass": '["{}"]',
    "Choice": '{{"{}"}}',
    "Wait": '("{}")',
    "Succeed": '(["{}"])',
    "Fail": '>"{}"]',
}


def render_remediation() -> str:
    """Return the diagram of the fast path."""
    return _render(definition("remediate"), "A policy is detached")


def render_reconciliation() -> str:
    """Return the diagram of the slow path."""
    return _render(definition("reconcile"), "The schedule, an event, or somebody")


def _render(machine: Mapping[str, Any], beginning: str) -> str:
    """Return a diagram: lines for what is meant to happen, dotted for what is caught, thick for both."""
    lines = "".join(f"    {line}\n" for line in (f'Event(["{beginning}"])', *_lines(machine)))
    return f"```mermaid\nflowchart TD\n{lines}```\n"


def node_id(state: str) -> str:
    """Return a state's name as Mermaid takes it: letters and digits only."""
    return re.sub(r"\W", "", state)


def _lines(machine: Mapping[str, Any]) -> Iterator[str]:
    yield from _nodes(machine)
    if any(state.get("End") for state in machine["States"].values()):
        yield 'Succeeded(["Succeeded"])'
    yield f"Event --> {node_id(machine['StartAt'])}"
    yield from _ways(machine)


def _nodes(graph: Mapping[str, Any]) -> Iterator[str]:
    for name, state in graph["States"].items():
        if "ItemProcessor" in state:
            yield f'subgraph {node_id(name)}["{name}"]'
            yield from (f"    {line}" for line in _nodes(state["ItemProcessor"]))
            yield "end"
        else:
            yield node_id(name) + _SHAPES[state["Type"]].format(name)


def _ways(graph: Mapping[str, Any]) -> Iterator[str]:
    for name, state in graph["States"].items():
        yield from (f"{node_id(name)} {arrow}" for arrow in _arrows(state))
        yield from _ways(state.get("ItemProcessor", {"States": {}}))


def _arrows(state: Mapping[str, Any]) -> Iterator[str]:
    for rule in state.get("Choices", []):
        yield f'-->|"{_condition(rule)}"| {node_id(rule["Next"])}'
    if "Default" in state:
        yield f"-->|otherwise| {node_id(state['Default'])}"
    caught = [catcher["Next"] for catcher in state.get("Catch", [])]
    if "Next" in state:
        yield f"{'==>' if state['Next'] in caught else '-->'} {node_id(state['Next'])}"
    if state.get("End"):
        yield "--> Succeeded"
    yield from (f"-.->|error| {node_id(name)}" for name in caught if name != state.get("Next"))


def _condition(rule: Mapping[str, Any]) -> str:
    match rule:
        case {"And": parts}:
            compared = {part["Variable"] for part in parts if "IsPresent" not in part}
            said = (part for part in parts if "IsPresent" not in part or part["Variable"] not in compared)
            return " and ".join(map(_condition, said))
        case {"Variable": variable, "IsPresent": True}:
            return str(variable.rpartition(".")[2]).replace("_", " ")
        case {"Variable": variable, "BooleanEquals": True}:
            return str(variable.rpartition(".")[2])
        case {"Variable": variable, "BooleanEquals": False}:
            return f"not {variable.rpartition('.')[2]}"
        case {"Variable": variable, "StringEquals": value} | {"Variable": variable, "NumericEquals": value}:
            return f"{variable.rpartition('.')[2]}: {value}"
    raise ValueError(f"no words for the choice rule {rule}")

"""The state machine as a Mermaid diagram."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from docs.generated.sources import DEFINITION

_SHAPES = {
    "Task": '["{}"]',
    "Choice": '{{"{}"}}',
    "Succeed": '(["{}"])',
    "Fail": '[["{}"]]',
}


def render() -> str:
    """Return the diagram: whole lines for what is meant to happen, dotted ones for what is caught."""
    lines = "".join(f"    {line}\n" for line in _lines(DEFINITION))
    return f"```mermaid\nflowchart TD\n{lines}```\n"


def node_id(state: str) -> str:
    """Return a state's name as Mermaid takes it: letters and digits only."""
    return re.sub(r"\W", "", state)


def _lines(definition: Mapping[str, Any]) -> Iterator[str]:
    states: Mapping[str, Mapping[str, Any]] = definition["States"]
    yield 'Event(["A policy is detached"])'
    for name, state in states.items():
        yield node_id(name) + _SHAPES[state["Type"]].format(name)
    yield 'Succeeded(["Succeeded"])'
    yield f"Event --> {node_id(definition['StartAt'])}"
    for name, state in states.items():
        yield from (f"{node_id(name)} {arrow}" for arrow in _arrows(state))


def _arrows(state: Mapping[str, Any]) -> Iterator[str]:
    for rule in state.get("Choices", []):
        yield f'-->|"{_condition(rule)}"| {node_id(rule["Next"])}'
    if "Default" in state:
        yield f"-->|otherwise| {node_id(state['Default'])}"
    if "Next" in state:
        yield f"--> {node_id(state['Next'])}"
    if state.get("End"):
        yield "--> Succeeded"
    for catcher in state.get("Catch", []):
        yield f"-.->|error| {node_id(catcher['Next'])}"


def _condition(rule: Mapping[str, Any]) -> str:
    match rule:
        case {"And": parts}:
            return " and ".join(_condition(part) for part in parts)
        case {"Variable": variable, "BooleanEquals": True}:
            return str(variable.rpartition(".")[2])
        case {"Variable": variable, "StringEquals": value} | {"Variable": variable, "NumericEquals": value}:
            return f"{variable.rpartition('.')[2]}: {value}"
    raise ValueError(f"no words for the choice rule {rule}")

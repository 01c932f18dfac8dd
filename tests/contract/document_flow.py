"""What is always set in the document that flows through a state machine, whatever way it took.

A path that is missing where a state reads it is `States.Runtime`, which no Catch sees. Source: Step
Functions developer guide, "Handling errors".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

State = Mapping[str, Any]
Paths = frozenset[str]

_PATH = re.compile(r"\$\$?(?:\.\w+)*")
_CAUGHT = frozenset({"", ".Error"})
"""What a Catch writes: the name is always there, the cause need not be."""


def paths_in(value: object, prefix: str = "") -> Iterator[str]:
    """Yield the path of a value and of all that its objects hold: `""`, `.verdict`, `.verdict.action`."""
    yield prefix
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from paths_in(member, f"{prefix}.{key}")


def targets(state: State) -> Iterator[str]:
    """Yield the states that may come next if nothing is caught."""
    yield from (rule["Next"] for rule in state.get("Choices", []))
    yield from (state[key] for key in ("Default", "Next") if key in state)


def caught_by(state: State) -> Iterator[tuple[str, str]]:
    """Yield each catcher's next state and result path."""
    yield from ((catcher["Next"], catcher.get("ResultPath", "$")) for catcher in state.get("Catch", []))


def reads(state: State) -> set[str]:
    """Return the paths that a state reads from its input (`$.…`) and from the context object (`$$.…`).

    What a Choice asks with `IsPresent` first counts as not read.
    """
    not_read = {"ResultSelector", "ResultPath", "Catch", "ItemProcessor"}
    own = {key: value for key, value in state.items() if key not in not_read}
    return set(_paths_read(own)) | {
        path for path in _paths_read(state.get("ResultSelector", {})) if path.startswith("$$")
    }


def _paths_read(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _paths_read(item)
    if not isinstance(value, Mapping):
        return
    asked = [value, *value.get("And", [])]
    guarded = {rule["Variable"] for rule in asked if rule.get("IsPresent")}
    yield from (path for path in _paths_of_members(value) if path not in guarded)


def _paths_of_members(value: Mapping[str, Any]) -> Iterator[str]:
    for key, member in value.items():
        if isinstance(member, str) and (key.endswith((".$", "Path")) or key == "Variable"):
            yield from _PATH.findall(member)
        else:
            yield from _paths_read(member)


def always_set(
    definition: Mapping[str, Any],
    results: Mapping[str, object],
    implied: Mapping[tuple[str, str], Paths] | None = None,
    *,
    given: Paths = frozenset({"$"}),
) -> dict[str, Paths]:
    """Return the paths that are set in every input of each state that can be reached.

    Parameters
    ----------
    definition : mapping
        The state machine.
    results : mapping
        An example of what a task returns, by the state's name: with the least that it ever returns.
    implied : mapping
        What a Choice makes certain that goes from the first state to the second.
    given : frozenset of str
        What is set in the input of the first state.
    """
    states: Mapping[str, State] = definition["States"]
    inputs: dict[str, Paths] = {definition["StartAt"]: given}
    pending = [definition["StartAt"]]
    while pending:
        name = pending.pop()
        for following, output in _outputs(states[name], inputs[name], results.get(name)):
            paths = output | (implied or {}).get((name, following), frozenset())
            known = inputs.get(following)
            common = paths if known is None else known & paths
            if common != known and following in states:
                inputs[following] = common
                pending.append(following)
    return inputs


def _outputs(state: State, before: Paths, result: object) -> Iterator[tuple[str, Paths]]:
    for following in targets(state):
        yield following, _after(state, before, result)
    for following, path in caught_by(state):
        yield following, _placed(before, path, _CAUGHT)


def _after(state: State, before: Paths, result: object) -> Paths:
    if state["Type"] not in {"Task", "Map", "Pass"}:
        return before
    selected = state.get("ResultSelector")
    if selected is not None:
        result = {key.removesuffix(".$"): result if path == "$" else 0 for key, path in selected.items()}
    shape = paths_in(result)
    return _placed(before, state.get("ResultPath", "$"), frozenset(shape))


def _placed(before: Paths, path: str | None, shape: Paths) -> Paths:
    if path is None:
        return before
    kept = frozenset(known for known in before if not f"{known}.".startswith(f"{path}."))
    return kept | {f"{path}{inner}" for inner in shape}

from __future__ import annotations

import re

from docs.generated.readme import PARTS, README, parts_of, refresh
from docs.generated.states import node_id
from tests.contract.document_flow import caught_by, targets
from tests.contract.roles import all_actions, roles
from tests.contract.shipped import DEFINITION, STATES


def test_the_readme_has_a_place_for_every_generated_part() -> None:
    assert sorted(parts_of(README.read_text(encoding="utf-8"))) == sorted(PARTS)


def test_the_generated_parts_are_fresh() -> None:
    """`make docs` writes them anew."""
    text = README.read_text(encoding="utf-8")

    assert refresh(text) == text


def test_only_what_stands_between_the_markers_is_written() -> None:
    text = "before\n<!-- generated: states -->\nold\n<!-- /generated -->\nafter\n"

    assert refresh(text) == (
        f"before\n<!-- generated: states -->\n{PARTS['states']()}<!-- /generated -->\nafter\n"
    )


def test_the_diagram_shows_every_state_and_every_way() -> None:
    nodes = dict(re.findall(r'^ +(\w+)[\[({]+"(.+)"', PARTS["states"](), re.MULTILINE))
    arrows = set(re.findall(r"^ +(\w+) (-->|-\.->)(?:\|[^|]+\|)? (\w+)$", PARTS["states"](), re.MULTILINE))
    states = {node_id(name): state for name, state in STATES.items()}

    assert nodes == {
        "Event": "A policy is detached",
        **{node_id(name): name for name in STATES},
        "Succeeded": "Succeeded",
    }
    assert arrows == {
        ("Event", "-->", node_id(DEFINITION["StartAt"])),
        *((node, "-->", node_id(to)) for node, state in states.items() for to in targets(state)),
        *((node, "-.->", node_id(to)) for node, state in states.items() for to, _ in caught_by(state)),
        *((node, "-->", "Succeeded") for node, state in states.items() if state.get("End")),
    }


def test_the_permissions_name_every_role_and_every_action() -> None:
    rows = [row.split(" | ") for row in PARTS["permissions"]().splitlines()[2:]]
    holders = {who.strip("| `") for who, *_ in rows}

    assert {f"{holder}Role" for holder in holders} == roles().keys()
    assert {action for _, may, *_ in rows for action in re.findall(r"\w+:\w+", may)} == all_actions()

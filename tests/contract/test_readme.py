from __future__ import annotations

import re

import pytest

from docs.generated.readme import PARTS, README, parts_of, refresh
from docs.generated.states import node_id
from tests.contract.document_flow import caught_by, targets
from tests.contract.roles import EVERYTHING, all_actions, roles
from tests.contract.shipped import EVERY_FUNCTION, RECONCILE, REMEDIATE, Machine

WAYS_OF_LINE = {"-->": ["-->"], "-.->": ["-.->"], "==>": ["-->", "-.->"]}
"""A thick line is drawn where a state goes on to the same state, whether it worked or failed."""


def test_the_readme_has_a_place_for_every_generated_part() -> None:
    assert sorted(parts_of(README.read_text(encoding="utf-8"))) == sorted(PARTS)


def test_the_generated_parts_are_fresh() -> None:
    """`make docs` writes them anew."""
    text = README.read_text(encoding="utf-8")

    assert refresh(text) == text


def test_only_what_stands_between_the_markers_is_written() -> None:
    text = "before\n<!-- generated: remediation -->\nold\n<!-- /generated -->\nafter\n"

    assert refresh(text) == (
        f"before\n<!-- generated: remediation -->\n{PARTS['remediation']()}<!-- /generated -->\nafter\n"
    )


@pytest.mark.parametrize(
    ("machine", "part", "beginning"),
    [
        (REMEDIATE, "remediation", "A policy is detached"),
        (RECONCILE, "reconciliation", "The schedule, an event, or somebody"),
    ],
    ids=["remediation", "reconciliation"],
)
def test_the_diagram_shows_every_state_and_every_way(machine: Machine, part: str, beginning: str) -> None:
    nodes = dict(re.findall(r'^ +(?:subgraph )?(\w+)[\[({>]+"(.+)"', PARTS[part](), re.MULTILINE))
    drawn = re.findall(r"^ +(\w+) (-->|-\.->|==>)(?:\|[^|]+\|)? (\w+)$", PARTS[part](), re.MULTILINE)
    arrows = {(node, way, to) for node, line, to in drawn for way in WAYS_OF_LINE[line]}
    states = {node_id(name): state for name, state in machine.states.items()}
    ended = any(state.get("End") for state in states.values())

    assert nodes == {
        "Event": beginning,
        **{node_id(name): name for name in machine.states},
        **({"Succeeded": "Succeeded"} if ended else {}),
    }
    assert arrows == {
        ("Event", "-->", node_id(machine.definition["StartAt"])),
        *((node, "-->", node_id(to)) for node, state in states.items() for to in targets(state)),
        *((node, "-.->", node_id(to)) for node, state in states.items() for to, _ in caught_by(state)),
        *((node, "-->", "Succeeded") for node, state in states.items() if state.get("End")),
    }


def test_the_diagram_draws_a_map_around_the_states_that_it_repeats() -> None:
    diagram = PARTS["reconciliation"]()
    maps = re.findall(r"^ +subgraph (\w+)\[.+?$(.+?)^ +end$", diagram, re.MULTILINE | re.DOTALL)
    inside = {node: re.findall(r"^ +(\w+)", states, re.MULTILINE) for node, states in maps}

    assert inside == {
        node_id(name): [node_id(each) for each in state["ItemProcessor"]["States"]]
        for name, state in RECONCILE.states.items()
        if "ItemProcessor" in state
    }


def test_the_permissions_name_every_role_and_every_action() -> None:
    rows = [row.split(" | ") for row in PARTS["permissions"]().splitlines()[2:]]
    holders = {who.strip("| `") for who, *_ in rows}

    assert {f"{holder}Role" for holder in holders} == roles(**EVERYTHING).keys()
    assert {action for _, may, *_ in rows for action in re.findall(r"\w+:\w+", may)} == all_actions()


def test_the_readme_says_how_long_a_stacks_name_may_be() -> None:
    """A role's name, STACK-ROLE-RANDOM, has 64 characters; else CloudFormation cuts the stack's.

    Functions' names have as many, and are shorter. Source: IAM and Lambda API references, CreateRole and
    CreateFunction; the random part has 12 or 13, as deployed stacks show.
    """
    longest = max(len(name) for name in (*roles(), *EVERY_FUNCTION.values()))
    room = 64 - len("--") - 13 - longest

    assert f"a name of at most {room} characters" in " ".join(README.read_text(encoding="utf-8").split())

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from holdfast.baseline import load_baseline
from holdfast.reconciliation.trigger import Route, parse_trigger

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events" / "reconcile"
CASES: dict[str, dict[str, Any]] = yaml.safe_load((EVENTS / "cases.yaml").read_text())
SHIPPED = load_baseline(ROOT / "functions" / "guardrails")


@pytest.mark.parametrize("name", CASES)
def test_an_input_starts_what_its_case_expects(name: str) -> None:
    trigger = parse_trigger(json.loads((EVENTS / name).read_text()))
    route = trigger.route if trigger.concerns(SHIPPED) else Route.NOTHING

    assert {"route": route.value, "scope": trigger.scope.key} == CASES[name]["expect"]


def test_every_input_has_its_case() -> None:
    assert {path.name for path in EVENTS.glob("*.json")} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_every_case_is_told_in_a_sentence(name: str) -> None:
    assert CASES[name]["story"].endswith(".")

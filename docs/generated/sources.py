"""What the generated parts are drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from localaws.template import read_template

ROOT = Path(__file__).parents[2]
TEMPLATE = read_template(ROOT / "template.yaml")


def definition(name: str) -> dict[str, Any]:
    """Return the definition of a state machine by its file's name."""
    file = ROOT / "statemachine" / f"{name}.asl.yaml"
    parsed: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return parsed

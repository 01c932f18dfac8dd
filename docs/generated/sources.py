"""What the generated parts are drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from localaws.template import read_template

ROOT = Path(__file__).parents[2]
TEMPLATE = read_template(ROOT / "template.yaml")
DEFINITION: dict[str, Any] = yaml.safe_load(
    (ROOT / "statemachine" / "remediate.asl.yaml").read_text(encoding="utf-8")
)

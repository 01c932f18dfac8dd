"""The generated part of the page for the change board."""

from __future__ import annotations

from docs.generated import cost
from docs.generated.sources import ROOT

CHANGE_BOARD = ROOT / "docs" / "change-board.md"

PARTS = {"cost": cost.render}

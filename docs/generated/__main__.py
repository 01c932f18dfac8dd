"""Write the generated parts of the documentation anew: `python -m docs.generated`."""

from __future__ import annotations

from docs.generated import change_board
from docs.generated.change_board import CHANGE_BOARD
from docs.generated.commands import COMMANDS
from docs.generated.commands import render as render_commands
from docs.generated.readme import README, refresh

README.write_text(refresh(README.read_text(encoding="utf-8")), encoding="utf-8")
COMMANDS.write_text(render_commands(), encoding="utf-8")
CHANGE_BOARD.write_text(
    refresh(CHANGE_BOARD.read_text(encoding="utf-8"), change_board.PARTS), encoding="utf-8"
)

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from docs.generated.commands import COMMANDS, render
from docs.generated.sources import ROOT
from holdfast_cli.__main__ import app

README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands_below(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield each command with the words that it is called by; a group holds further ones."""
    if hasattr(command, "commands"):
        for name, below in command.commands.items():
            yield from commands_below(below, f"{path} {name}")
    else:
        yield path, command


EVERY_COMMAND = dict(commands_below(get_command(app), "holdfast"))


def test_the_reference_is_fresh() -> None:
    """`make docs` writes it anew."""
    assert COMMANDS.read_text(encoding="utf-8") == render()


@pytest.mark.parametrize("path", EVERY_COMMAND)
def test_the_help_of_every_command_ends_with_an_example_of_it(path: str) -> None:
    help_text = (EVERY_COMMAND[path].help or "").strip()

    assert help_text.splitlines()[-1].startswith(f"Example: {path}")


@pytest.mark.parametrize("path", EVERY_COMMAND)
def test_every_option_and_argument_says_what_it_is(path: str) -> None:
    undescribed = [each.name for each in EVERY_COMMAND[path].params if not getattr(each, "help", None)]

    assert undescribed == []


@pytest.mark.parametrize("path", EVERY_COMMAND)
def test_the_readme_names_every_command(path: str) -> None:
    first, _, last = path.rpartition(" ")

    assert f"`{path}" in README or (f"`{first} " in README and f"`{last}`" in README)


@pytest.mark.parametrize(("typed", "completed"), [("exe", ["exempt"]), ("rec", ["reconcile"])])
def test_the_shell_completes_commands(typed: str, completed: list[str]) -> None:
    environment = {
        **os.environ,
        "_HOLDFAST_COMPLETE": "complete_bash",
        "COMP_WORDS": f"holdfast {typed}",
        "COMP_CWORD": "1",
    }
    code = "from holdfast_cli.__main__ import app; app(prog_name='holdfast')"

    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout.split() == completed

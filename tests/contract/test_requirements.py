from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.shipped import ROOT

REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda file: file.name)
def test_what_the_operator_installs_is_pinned_to_the_byte(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    pinned = re.findall(r"^([a-z0-9][\w.\[\]-]*)==\S+.*\\\n +--hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    required = re.findall(r"^([a-zA-Z0-9][\w.\[\]-]*)", text, re.MULTILINE)

    assert required != []
    assert pinned == required


def test_the_set_up_installs_what_is_listed_and_builds_nothing() -> None:
    """Older pips take a requirement with other extras, as boto3-stubs has, for one that is not pinned.

    A source package would be built with setuptools, which comes without a hash. Source: pip's documentation,
    "Secure installs".
    """
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    installing = [line for line in makefile.splitlines() if "pip install" in line]

    assert installing != []
    assert [
        line
        for line in installing
        if not {"--require-hashes", "--no-deps", "--only-binary"} <= set(line.split())
    ] == []


def test_what_is_listed_is_all_that_is_needed() -> None:
    """The set-up resolves nothing, so a dependency that is not in the list would be missing."""
    check = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )

    assert (check.returncode, check.stdout.strip()) == (0, "No broken requirements found.")


def test_the_demos_pins_are_those_of_development() -> None:
    """Else `make demo` would run on other packages than those that the tests ran on."""
    demo, dev = (
        set(re.findall(r"^(\S+==\S+)", (ROOT / "requirements" / name).read_text("utf-8"), re.MULTILINE))
        for name in ("demo.txt", "dev.txt")
    )

    assert demo - dev == set()

from __future__ import annotations

import re
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


def test_the_set_up_installs_nothing_without_its_hash() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert [
        line for line in makefile.splitlines() if "pip install" in line and "--require-hashes" not in line
    ] == []

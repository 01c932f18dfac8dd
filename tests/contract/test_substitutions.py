from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.contract.shipped import MACHINES, TEMPLATE_FILE, Machine

PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


def tokens(path: Path) -> list[yaml.Token]:
    """Return the tokens of a YAML file: unlike its values, they tell how it is written."""
    return list(yaml.scan(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_the_definition_and_the_template_name_the_same_substitutions(machine: Machine) -> None:
    used = PLACEHOLDER.findall(machine.file.read_text(encoding="utf-8"))

    assert sorted(set(used)) == sorted(machine.substitutions)


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_a_substitution_stands_in_a_quoted_string(machine: Machine) -> None:
    """Otherwise the file is no YAML, or another one, until the values are in it."""
    unquoted = [
        token.value
        for token in tokens(machine.file)
        if isinstance(token, yaml.ScalarToken) and PLACEHOLDER.search(token.value) and token.style != '"'
    ]

    assert unquoted == []


@pytest.mark.parametrize(
    "path", [TEMPLATE_FILE, *(machine.file for machine in MACHINES)], ids=lambda path: path.name
)
def test_there_are_no_anchors_and_no_aliases(path: Path) -> None:
    """CloudFormation refuses them. Source: its user guide, "Template formats"."""
    shared = [token for token in tokens(path) if isinstance(token, yaml.AnchorToken | yaml.AliasToken)]

    assert shared == []


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_the_definition_is_plain_ascii(machine: Machine) -> None:
    """CloudFormation reads it in the character set of its platform. Source: its published handler."""
    assert machine.file.read_bytes().isascii()

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.successors import Successors
from tests.unit.mocked_services import mocked_successors


@pytest.fixture(name="mocked")
def _mocked() -> Iterator[tuple[Successors, Any]]:
    with mocked_successors() as mocked:
        yield mocked


def test_at_first_there_are_none(mocked: tuple[Successors, Any]) -> None:
    successors, _ = mocked
    assert successors.read() == {}


def test_what_was_made_again_is_read_by_its_declared_id(mocked: tuple[Successors, Any]) -> None:
    successors, _ = mocked
    successors.write("p-7dj3cien", "p-madeagain1")
    assert successors.read() == {"p-7dj3cien": "p-madeagain1"}


def test_what_was_made_again_twice_is_what_it_was_last(mocked: tuple[Successors, Any]) -> None:
    successors, _ = mocked
    successors.write("p-7dj3cien", "p-madeagain1")
    successors.write("p-7dj3cien", "p-madeagain2")
    assert successors.read() == {"p-7dj3cien": "p-madeagain2"}


def test_more_of_them_than_a_page_holds_are_all_read(mocked: tuple[Successors, Any]) -> None:
    """A page holds ten at most. Source: SSM API reference, GetParametersByPath, "MaxResults"."""
    successors, _ = mocked
    made_again = {f"p-declared{number:02}": f"p-madeagain{number:02}" for number in range(23)}
    for declared_id, policy_id in made_again.items():
        successors.write(declared_id, policy_id)
    assert successors.read() == made_again


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("/holdfast/successors/p-7dj3cien", "none"),
        ("/holdfast/successors/notes", "p-madeagain1"),
        ("/holdfast/successors/p-7dj3cien", "p-madeagain1 "),
        ("/holdfast/other/p-7dj3cien", "p-madeagain1"),
    ],
)
def test_what_is_no_pair_of_ids_counts_as_absent(
    mocked: tuple[Successors, Any], name: str, value: str
) -> None:
    successors, ssm = mocked
    ssm.put_parameter(Name=name, Value=value, Type="String")
    assert successors.read() == {}

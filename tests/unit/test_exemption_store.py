from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.exemption_store import ExemptionStore
from tests.unit.mocked_services import mocked_exemptions

NAMES = ["/holdfast/exemptions/p-7dj3cien/r-a1b2", "/holdfast/exemptions/all"]


@pytest.fixture(name="mocked")
def _mocked() -> Iterator[tuple[ExemptionStore, Any]]:
    with mocked_exemptions() as mocked:
        yield mocked


def put(ssm: Any, name: str, kind: str = "String") -> None:
    ssm.put_parameter(Name=name, Value="{}", Type=kind)


def test_only_those_that_are_there_are_read(mocked: tuple[ExemptionStore, Any]) -> None:
    store, ssm = mocked
    put(ssm, NAMES[1])

    (read,) = store.read_named(NAMES)

    assert (read.name, read.kind, read.value) == (NAMES[1], "String", "{}")
    assert read.changed_at.tzinfo is not None


def test_all_below_the_path_are_read_page_by_page(mocked: tuple[ExemptionStore, Any]) -> None:
    store, ssm = mocked
    names = {f"/holdfast/exemptions/p-policy{number:04}/444455556666" for number in range(23)}
    for name in {*names, NAMES[1]}:
        put(ssm, name)
    put(ssm, "/holdfast/successors/p-7dj3cien")

    assert {parameter.name for parameter in store.read_all()} == {*names, NAMES[1]}

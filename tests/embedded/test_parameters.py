"""Systems Manager's parameters on the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.moto_api._internal.models import moto_api_backend

from localaws.clock import SkippingClock
from localaws.gateway import Gateway
from localaws.moto_names import find
from localaws.parameters import Parameters
from tests.embedded.wire import connect

NINE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TABLE = Parameters(SkippingClock()).replacements()


@pytest.fixture
def clock() -> Iterator[SkippingClock]:
    moto_api_backend.reset()
    clock = SkippingClock(NINE)
    parameters = Parameters(clock)
    parameters.install()
    yield clock
    parameters.uninstall()


@pytest.fixture
def ssm(clock: SkippingClock) -> Any:
    return connect(Gateway([], clock), "ssm")


def test_every_name_is_replaced_and_put_back() -> None:
    before = {place: find(*place)[2] for place in TABLE}
    parameters = Parameters(SkippingClock())
    parameters.install()
    changed = [place for place, value in before.items() if find(*place)[2] is not value]
    parameters.uninstall()

    assert changed == list(TABLE)
    assert {place: find(*place)[2] for place in TABLE} == before


def test_every_way_of_reading_a_parameter_tells_when_it_was_modified(clock: SkippingClock, ssm: Any) -> None:
    ssm.put_parameter(Name="/a/b/c", Value="one", Type="String")
    with clock.working():
        clock.sleep(3600)
    ssm.put_parameter(Name="/a/b/c", Value="two", Overwrite=True)

    ten = NINE + timedelta(hours=1)
    assert ssm.get_parameter(Name="/a/b/c")["Parameter"]["LastModifiedDate"] == ten
    for found in (
        ssm.get_parameters(Names=["/a/b/c"]),
        ssm.get_parameters_by_path(Path="/a", Recursive=True),
        ssm.describe_parameters(),
    ):
        assert [one["LastModifiedDate"] for one in found["Parameters"]] == [ten]
    history = ssm.get_parameter_history(Name="/a/b/c")["Parameters"]
    assert [one["LastModifiedDate"] for one in history] == [NINE, ten]

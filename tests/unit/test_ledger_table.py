from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast import ledger_table
from holdfast.attachment import Attachment
from holdfast.errors import SettingsError
from holdfast.ledger import items_of
from holdfast.ledger_table import LedgerTable, connect_ledger
from tests.unit.examples import CURRENT, DETACHED, DETACHMENT, NAMES_KEPT
from tests.unit.mocked_services import mocked_ledger
from tests.unit.reports import RESTORED


@pytest.fixture(name="mocked")
def _mocked() -> Iterator[tuple[LedgerTable, Any]]:
    with mocked_ledger() as mocked:
        yield mocked


def record(client: Any, seconds_before: int, attachment: Attachment = DETACHMENT.attachment) -> None:
    at = DETACHED - timedelta(seconds=seconds_before)
    detachment = replace(
        DETACHMENT,
        event_time=at,
        attachment=attachment,
        event_id=f"00000000-0000-4000-8000-{seconds_before:012}",
    )
    for item in items_of(replace(RESTORED, detachment=detachment), NAMES_KEPT).values():
        client.put_item(TableName="ledger", Item=item)


def test_the_rounds_of_an_attachment_since_a_time_are_read_with_who_it_was(
    mocked: tuple[LedgerTable, Any],
) -> None:
    ledger, client = mocked
    record(client, 3_601)
    record(client, 3_600)
    record(client, 0)
    record(client, 60, replace(DETACHMENT.attachment, target_id="r-exme"))

    read = ledger.rounds(DETACHMENT.attachment, DETACHED - timedelta(seconds=3_600))

    assert [one.at for one in read] == [DETACHED, DETACHED - timedelta(seconds=3_600)]
    assert {one.principal for one in read} == {CURRENT.principal}


def test_an_attachment_that_was_never_detached_has_no_rounds(mocked: tuple[LedgerTable, Any]) -> None:
    ledger, _ = mocked
    assert ledger.rounds(DETACHMENT.attachment, DETACHED) == ()


def test_a_function_without_the_tables_name_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEDGER_TABLE", raising=False)
    connect_ledger.cache_clear()

    with pytest.raises(SettingsError, match="LEDGER_TABLE: got '', expected a table's name"):
        ledger_table.connect_ledger()

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.errors import BaselineChangedError, UnknownSchemaError
from holdfast.reconciliation.run import (
    Refusal,
    is_reconciliation,
    merge_chunks,
    parse_reconciliation,
    same_baseline,
)
from tests.unit.runs import BASELINE, CLEAN, RUNS, document_of


@pytest.mark.parametrize("name", RUNS)
def test_a_run_survives_its_document(name: str) -> None:
    assert parse_reconciliation(document_of(RUNS[name])) == RUNS[name]


def test_a_run_at_its_first_stage_has_no_parts_yet() -> None:
    begun = parse_reconciliation(CLEAN.to_document())
    assert begun == replace(CLEAN, search=None, types=None, policies=None, attachments=None, wiring=None)


@pytest.mark.parametrize(
    ("document", "is_run"), [(CLEAN.to_document(), True), ({"cause": "schedule"}, False), ({}, False)]
)
def test_a_run_is_told_from_an_input(document: dict[str, Any], *, is_run: bool) -> None:
    assert is_reconciliation(document) is is_run


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"schema": None},
        {"trigger": None},
        {"route": "elsewhere"},
        {"drift": {"stage": "reading"}},
        {"types": {"enabled": ["NO_SUCH_TYPE"], "refused": []}},
        {"policies": []},
        {"attachments": [{"restored": [1]}]},
    ],
)
def test_what_other_code_wrote_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UnknownSchemaError):
        parse_reconciliation(CLEAN.to_document() | change)


def test_what_was_caught_stands_by_the_part_that_it_should_have_become() -> None:
    caught = {"Error": "States.Timeout", "Cause": "late"}
    document = CLEAN.to_document() | {"wiring_error": caught, "error": caught}
    assert sorted(parse_reconciliation(document).failures) == ["run", "wiring"]


def test_chunks_make_one_account_of_what_was_attached() -> None:
    refusal = {"error": "PolicyGoneError", "message": "first", "items": [3]}
    chunks = [
        {"restored": [1], "already": [], "gone_targets": [2], "refused": [refusal], "remaining": []},
        {
            "restored": [4],
            "already": [5],
            "gone_targets": [],
            "refused": [{**refusal, "message": "second", "items": [6]}],
            "remaining": [7, 8],
            "error": {"Error": "States.Timeout", "Cause": "late"},
        },
    ]
    merged = merge_chunks(chunks)
    assert (merged.restored, merged.already, merged.gone_targets) == ((1, 4), (5,), (2,))
    assert merged.refused == (
        Refusal("PolicyGoneError", "first", (3, 6)),
        Refusal("States.Timeout", "late", (7, 8)),
    )


def test_indices_mean_something_in_one_baseline_only() -> None:
    assert same_baseline(BASELINE, BASELINE.version) is BASELINE
    with pytest.raises(BaselineChangedError):
        same_baseline(BASELINE, "0123456789ab")

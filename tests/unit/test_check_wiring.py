from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import check_wiring
from holdfast.errors import ServiceBusyError, SettingsError, UnknownSchemaError
from holdfast.reconciliation.run import parse_reconciliation
from holdfast.reconciliation.wiring import not_checked
from tests.unit.examples import BASELINE_TOML, DOCUMENTS
from tests.unit.inspected import (
    BUSY,
    DENIED,
    KEY_STATE,
    LOGS_ALL,
    READ,
    TRAIL,
    PlainMemory,
    WrittenDeployment,
    WrittenExecutions,
    WrittenHistory,
    WrittenTrails,
    event_id,
    record,
)
from tests.unit.mocked_services import KnownSuccessors

RUN = {
    "schema": 1,
    "route": "reconcile",
    "trigger": {
        "cause": "schedule",
        "scope": {"kind": "all", "subject": None},
        "dry_run": False,
        "change": None,
    },
    "organization": "o-far1coz49w",
    "baseline_version": "0123456789ab",
    "began_at": "2026-11-22T09:29:00Z",
}


@pytest.fixture(autouse=True)
def _connected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "baseline.toml").write_text(BASELINE_TOML, encoding="utf-8")
    for name, document in DOCUMENTS.items():
        (tmp_path / name).write_bytes(document)
    monkeypatch.setenv("STACK_NAME", "holdfast")
    monkeypatch.setattr(check_wiring, "GUARDRAILS", tmp_path)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    connect(monkeypatch)


def connect(monkeypatch: pytest.MonkeyPatch, **changed: object) -> None:
    """Let the handler find a deployment in which all is well, but for what is changed."""
    usual = {
        "deployment": WrittenDeployment(),
        "trails": WrittenTrails({TRAIL: LOGS_ALL}),
        "memory": PlainMemory(),
        "successors": KnownSuccessors({}),
        "history": WrittenHistory(),
        "executions": WrittenExecutions(),
    }
    for name, connection in {**usual, **changed}.items():
        monkeypatch.setattr(check_wiring, f"connect_{name}", lambda connection=connection: connection)


def check() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(check_wiring.handler(RUN, None)))
    return found


def test_a_deployment_in_which_all_is_well_has_no_fault() -> None:
    assert check() == {
        "checked": [
            "whether a trail logs management write events",
            "the state and the targets of 1 rule",
            "the state of 1 schedule",
            "the state, the code and the concurrency of 2 functions",
            "the status of 1 state machine",
            "the state of 1 key",
            "the subscriptions of 2 topics",
            "the state of 1 event source mapping",
            "whether 6 parts are as they were deployed",
            (
                "whether each detach of a guardrail from 2026-11-21T09:30:00Z to 2026-11-22T09:15:00Z "
                "started an execution"
            ),
        ],
        "faults": [],
        "blind": [],
        "authors": [],
    }


def test_everything_that_is_wrong_comes_back_in_one_document(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(
        monkeypatch,
        deployment=WrittenDeployment(OutcomeKey=replace(KEY_STATE, state="Disabled")),
        trails=WrittenTrails({}),
        history=WrittenHistory(record(1, READ.replace(hour=8))),
    )

    found = parse_reconciliation({**RUN, "wiring": check()}).wiring

    assert found is not None
    assert [fault.part for fault in found.faults] == ["CloudTrail", "OutcomeKey"]
    assert found.blind == (event_id(1),)


def test_without_the_stack_the_trail_is_checked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, deployment=WrittenDeployment(DENIED))

    found = check()

    assert found["checked"] == ["whether a trail logs management write events"]
    assert [fault["finding"] for fault in found["faults"]] == [
        not_checked("The stack holdfast", DENIED).finding
    ]


def test_a_stack_that_cannot_be_read_now_is_left_to_the_state_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect(monkeypatch, deployment=WrittenDeployment(BUSY))
    with pytest.raises(ServiceBusyError):
        check()


def test_the_stack_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_NAME", "")
    with pytest.raises(SettingsError, match=r"^environment variable STACK_NAME: got ''"):
        check()


def test_a_document_of_other_code_is_refused() -> None:
    with pytest.raises(UnknownSchemaError):
        check_wiring.handler({**RUN, "schema": 99}, None)

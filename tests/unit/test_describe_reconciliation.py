from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import describe_reconciliation
from holdfast.baseline import Baseline
from holdfast.errors import BaselineError, ServiceBusyError, SettingsError, UnknownSchemaError
from holdfast.memory import Memory
from holdfast.reconciliation.drift import Drift
from holdfast.successors import Successors
from tests.unit.examples import WORKLOADS
from tests.unit.runs import BASELINE, CLEAN, RUN, RUNS, document_of, searched
from tests.unit.small_organization import SmallOrganization

MISSING = document_of(replace(CLEAN, search=searched(Drift(missing=(7,)))))
DETACH = json.loads((Path(__file__).parents[2] / "events" / "detach_from_ou.json").read_text())


class RememberedHere(Memory):
    """A memory in this process, which another run may write to in between.

    Parameters
    ----------
    others : int
        How often another run is faster.
    """

    def __init__(self, others: int = 0) -> None:
        self.items: dict[str, Mapping[str, Any]] = {}
        self.others = others

    def recall(self, name: str) -> Mapping[str, Any] | None:
        """Return what is remembered."""
        return self.items.get(name)

    def remember(
        self, name: str, content: Mapping[str, Any], *, instead_of: Mapping[str, Any] | None
    ) -> bool:
        """Write it, unless another run was faster."""
        if self.others:
            self.others -= 1
            return False
        assert self.items.get(name) == instead_of
        self.items[name] = content
        return True


class KnownSuccessors(Successors):
    """The successors that a mapping holds."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known

    def read(self) -> Mapping[str, str]:
        """Return them."""
        return self._known


@pytest.fixture
def memory() -> RememberedHere:
    return RememberedHere()


@pytest.fixture
def organization() -> SmallOrganization:
    return SmallOrganization()


@pytest.fixture(autouse=True)
def _deployed(
    monkeypatch: pytest.MonkeyPatch, memory: RememberedHere, organization: SmallOrganization
) -> None:
    settings = {
        "MODE": "remediate",
        "ORGANIZATION_ID": "o-far1coz49w",
        "MANAGEMENT_ACCOUNT_ID": "111122223333",
        "HOST_ACCOUNT_ID": "111122223333",
        "RESTORE_ATTACHMENTS": "true",
        "RESTORE_POLICY_TYPES": "false",
        "RESTORE_POLICIES": "false",
        "LEDGER_TABLE": "ledger",
        "RETENTION_DAYS": "365",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(describe_reconciliation, "load_baseline", lambda _: BASELINE)
    monkeypatch.setattr(describe_reconciliation, "connect_paced", lambda: organization)
    monkeypatch.setattr(describe_reconciliation, "connect_memory", lambda: memory)
    monkeypatch.setattr(describe_reconciliation, "connect_successors", lambda: KnownSuccessors({}))


def told(document: dict[str, Any], execution: str = RUN) -> dict[str, Any]:
    return describe_reconciliation.handler({"run": document, "execution": execution}, None)


def mail_of(notification: dict[str, Any]) -> str:
    return str(json.loads(notification["message"])["email"])


def test_a_finding_is_told_with_names_and_remembered(
    memory: RememberedHere, organization: SmallOrganization
) -> None:
    notification = told(MISSING)
    assert (notification["tell"], notification["failed"]) == (True, False)
    assert notification["attributes"]["target_id"] == WORKLOADS
    assert "is missing on OU “Workloads” (ou-exme-ycaqk99w)" in mail_of(notification)
    assert organization.calls == [f"unit_name {WORKLOADS}"]
    assert len(memory.items["told"]) == 1


def test_the_same_finding_is_not_told_by_the_next_run(organization: SmallOrganization) -> None:
    told(MISSING)
    organization.calls.clear()
    assert told(MISSING, f"{RUN}-2")["tell"] is False
    assert organization.calls == []


def test_a_muted_run_that_failed_still_ends_in_fail() -> None:
    caught = {"error": {"Error": "OrganizationsThrottledError", "Cause": "too many"}}
    failed = CLEAN.to_document() | caught
    notifications = [told(failed), told(failed, f"{RUN}-2")]
    assert [(each["tell"], each["failed"]) for each in notifications] == [(True, True), (False, True)]


def test_a_clean_run_is_quiet_and_leaves_no_trace(memory: RememberedHere) -> None:
    assert told(document_of(CLEAN))["tell"] is False
    assert memory.items == {}


def test_a_run_that_another_one_outran_in_remembering_tries_again(memory: RememberedHere) -> None:
    memory.others = 2
    assert told(MISSING)["tell"] is True
    assert len(memory.items["told"]) == 1
    memory.others = 99
    more = document_of(replace(CLEAN, search=searched(Drift(missing=(5, 7)))))
    assert told(more, f"{RUN}-2")["tell"] is True
    assert len(memory.items["told"]) == 1


@pytest.mark.parametrize(
    "error",
    [SettingsError("environment variable MEMORY_TABLE"), ServiceBusyError("dynamodb", "GetItem", "x", "y")],
)
def test_without_a_memory_it_is_told_anyway(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse() -> Memory:
        raise error

    monkeypatch.setattr(describe_reconciliation, "connect_memory", refuse)
    assert [told(MISSING, f"{RUN}-{number}")["tell"] for number in (1, 2)] == [True, True]
    assert told(document_of(CLEAN))["tell"] is False


def test_a_policy_that_was_made_again_is_named_by_its_new_id(monkeypatch: pytest.MonkeyPatch) -> None:
    known = KnownSuccessors({"p-7dj3cien": "p-madeagain1"})
    monkeypatch.setattr(describe_reconciliation, "connect_successors", lambda: known)
    assert "--policy-id p-madeagain1 --target-id" in mail_of(told(MISSING))


@pytest.mark.parametrize(
    "document",
    [
        MISSING,
        document_of(RUNS["account_departed"]),
        document_of(RUNS["failed_to_go_on"]),
        {"cause": "whim", "error": {"Error": "MalformedEventError", "Cause": "input.cause: got 'whim'"}},
    ],
    ids=["drift", "a report", "a failure", "an input"],
)
def test_every_mail_asks_for_a_snapshot_until_the_baseline_names_what_was_made_again(
    document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the mail is about: here, of other guardrails or of none."""
    asked = "Snapshot:     due, as the baseline names 1 policy by an id that is gone: holdfast snapshot"
    before = mail_of(told(document)).splitlines()
    known = KnownSuccessors({"p-lp0dxjlp": "p-madeagain1"})
    monkeypatch.setattr(describe_reconciliation, "connect_successors", lambda: known)

    after = mail_of(told(document)).splitlines()

    assert (before.count(asked), after.count(asked)) == (0, 1)


def test_without_the_successors_the_declared_ids_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(KnownSuccessors):
        def read(self) -> Mapping[str, str]:
            raise ServiceBusyError("ssm", "GetParametersByPath", "ThrottlingException", "later")

    monkeypatch.setattr(describe_reconciliation, "connect_successors", lambda: Refusing({}))
    assert "--policy-id p-7dj3cien --target-id" in mail_of(told(MISSING))


def test_with_a_baseline_that_cannot_be_used_the_run_is_still_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> Baseline:
        raise BaselineError("guardrails/baseline.toml cannot be read: No such file or directory")

    monkeypatch.setattr(describe_reconciliation, "load_baseline", refuse)
    notification = told(MISSING)
    assert notification["subject"].startswith("[Holdfast o-far1coz49w] DRIFT: what differs cannot be named")
    assert "1 attachment missing by itself" in mail_of(notification)


def test_without_settings_it_is_told_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTORE_ATTACHMENTS", "perhaps")
    assert "Holdfast's own settings could not be read" in mail_of(told(MISSING))


def test_an_input_that_take_turn_refused_is_quoted_last_and_cut() -> None:
    caught = {"error": {"Error": "MalformedEventError", "Cause": "input.cause: got 'whim'"}}
    notification = told({"cause": "whim", "rest": "x" * 10_000} | caught)
    last = mail_of(notification).splitlines()[-1]
    assert (notification["tell"], notification["failed"]) == (True, True)
    assert last.startswith("The input, cut: “{'cause': 'whim', 'rest': 'xxx")
    assert len(last) < 2_100


def test_an_event_that_take_turn_could_not_deal_with_names_its_author() -> None:
    detail = DETACH["detail"] | {
        "eventName": "DisablePolicyType",
        "requestParameters": {"rootId": "r-exme", "policyType": "SERVICE_CONTROL_POLICY"},
    }
    caught = {"error": {"Error": "SettingsError", "Cause": "environment variable MODE"}}
    text = mail_of(told(DETACH | {"detail": detail} | caught))
    assert "The run:      began by DisablePolicyType of SERVICE_CONTROL_POLICY at " in text
    assert ", called by role “" in text


def test_a_run_of_another_version_is_left_to_the_plain_notification() -> None:
    with pytest.raises(UnknownSchemaError):
        told(MISSING | {"schema": 2})


@pytest.mark.parametrize("name", RUNS)
def test_any_run_can_be_described_by_hand(name: str) -> None:
    """The document alone, without an execution."""
    notification = describe_reconciliation.handler(document_of(RUNS[name]), None)
    assert notification["subject"].startswith("[Holdfast o-far1coz49w] ")


def test_an_input_that_looks_like_a_run_is_told_as_an_input(memory: RememberedHere) -> None:
    """Whoever can start an execution must not have findings invented, nor remembered as told."""
    caught = {"error": {"Error": "MalformedEventError", "Cause": "input.attachments: got …"}}
    notification = told(MISSING | caught)
    assert "The input, cut: “{'schema': 1, " in mail_of(notification)
    assert (notification["failed"], list(memory.items["told"])) == (
        True,
        ["task failed/input/MalformedEventError/failed"],
    )


def test_every_described_run_is_counted_also_one_that_is_not_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STACK_NAME", "holdfast")
    notifications = [told(document_of(CLEAN)), told(MISSING), told(MISSING, f"{RUN}-2")]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["tell"] for each in notifications] == [False, True, False]
    assert [(line["Stack"], line["ReconcileRuns"], line["Drift"]) for line in lines] == [
        ("holdfast", 1, 0),
        ("holdfast", 1, 1),
        ("holdfast", 1, 1),
    ]


def test_a_run_that_is_described_again_without_its_record_is_not_counted_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    described = told(MISSING)
    capsys.readouterr()
    again = told({"notification": described, "record_error": {"Error": "Refused", "Cause": "No."}})
    assert (again["recorded"], capsys.readouterr().out) == (False, "")

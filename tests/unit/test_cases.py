from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

import verify_detach
from holdfast.attachment import PolicySummary, PolicyType
from holdfast.errors import HoldfastError
from tests.unit.examples import ALLOW_ONLY_EU_TEXT, example_baseline, live_policy
from tests.unit.mocked_services import KnownExemptions, KnownSuccessors
from tests.unit.small_organization import SmallOrganization

EVENTS = Path(__file__).parents[2] / "events"
CASES: dict[str, dict[str, Any]] = yaml.safe_load((EVENTS / "cases.yaml").read_text())
SAM_ENVIRONMENT = "local-environment.json"
"""Not an event: what `sam local invoke --env-vars` reads."""

HALF_PAST_NINE = datetime(2026, 11, 22, 9, 30, 0, tzinfo=UTC)


def everything_attached() -> dict[tuple[str, PolicyType], tuple[PolicySummary, ...]]:
    """Return what lists show when every guardrail is where it belongs."""
    shown: dict[tuple[str, PolicyType], tuple[PolicySummary, ...]] = {}
    for guardrail in example_baseline().guardrails:
        summary = PolicySummary(guardrail.policy_id, guardrail.name, aws_managed=False)
        for target_id in guardrail.targets or ():
            place = (target_id, guardrail.policy_type)
            shown[place] = (*shown.get(place, ()), summary)
    return shown


def judgement(event: object) -> dict[str, str]:
    """Return what Verify Detach makes of an event, as `cases.yaml` writes it."""
    try:
        verdict: dict[str, str] = verify_detach.handler(event, None)["verdict"]  # type: ignore[arg-type]
    except HoldfastError as error:
        return {"error": type(error).__name__}
    return verdict


@pytest.mark.parametrize("attached", [False, True], ids=["seen detached", "seen attached"])
@pytest.mark.parametrize("name", CASES)
def test_an_event_is_judged_as_its_case_expects(
    name: str, monkeypatch: pytest.MonkeyPatch, *, attached: bool
) -> None:
    """Whatever a read shows: it may be stale, and only AttachPolicy itself knows."""
    organization = SmallOrganization(
        everything_attached() if attached else None,
        policy=live_policy("AllowOnlyEu", ALLOW_ONLY_EU_TEXT),
        now=HALF_PAST_NINE,
    )
    monkeypatch.setattr(verify_detach, "connect", lambda: organization)
    monkeypatch.setattr(verify_detach, "connect_successors", lambda: KnownSuccessors({}))
    monkeypatch.setattr(verify_detach, "connect_exemptions", KnownExemptions)
    monkeypatch.setattr(verify_detach, "load_baseline", lambda _: example_baseline())
    monkeypatch.setenv("MODE", "remediate")
    monkeypatch.setenv("ORGANIZATION_ID", "o-far1coz49w")
    monkeypatch.setenv("MANAGEMENT_ACCOUNT_ID", "111122223333")
    monkeypatch.setenv("HOST_ACCOUNT_ID", "111122223333")
    assert judgement(json.loads((EVENTS / name).read_text())) == CASES[name]["expect"]


def test_every_event_has_its_case() -> None:
    assert {path.name for path in EVENTS.glob("*.json")} - {SAM_ENVIRONMENT} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_every_case_is_told_in_a_sentence(name: str) -> None:
    assert set(CASES[name]) == {"story", "expect"}
    assert CASES[name]["story"].endswith(".")


def test_no_two_events_are_the_same_one() -> None:
    envelopes = [json.loads((EVENTS / name).read_text()) for name in CASES]
    ids = [envelope["id"] for envelope in envelopes]
    event_ids = [envelope["detail"]["eventID"] for envelope in envelopes if "detail" in envelope]
    assert len(set(ids)) == len(ids)
    assert len(set(event_ids)) == len(event_ids)

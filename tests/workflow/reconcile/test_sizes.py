"""A run over 5,000 attachments that are all lost, through the shipped definition: how large it grows.

What Find Drift and Restore Attachments would read for an hour is made up by stand-ins, from the core's own
documents at their largest; every other function, the interpreter and its limits are the real ones.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deployed import RECONCILIATION, Holdfast, Run, deployed
from tests.workflow.reconcile.ways import RECONCILIATION_FAILED

pytestmark = pytest.mark.long

GUARDRAILS, TARGETS = 200, 25
PAYLOAD_GOAL = 200_000
HISTORY_GOAL = 20_000

STAND_INS = """
    from dataclasses import replace
    from datetime import UTC, datetime
    from pathlib import Path

    from holdfast.attachment import PolicyType
    from holdfast.reconciliation.drift import AUTHORS
    from holdfast.baseline import load_baseline
    from holdfast.exemption import Parameter
    from holdfast.reconciliation.exempting import read_exemptions
    from holdfast.reconciliation.chunk import parse_chunk
    from holdfast.reconciliation.drift import (
        Author, Drift, LivePolicy, Moved, Search, Stage, Stranger, compare_policy, plan_restoration,
    )
    from holdfast.errors import AttachmentQuotaExceededError
    from holdfast.principal import Principal
    from holdfast.settings import Restoring

    BASELINE = load_baseline(Path(__file__).parent / "guardrails")
    SCP = PolicyType.SERVICE_CONTROL_POLICY
    NOW = datetime.now(UTC)
    PRINCIPAL = Principal(
        kind="AssumedRole",
        arn="arn:aws:iam::111122223333:role/" + "r" * 64,
        unique_id="AROA" + "X" * 17,
        name="r" * 64,
        account_id="111122223333",
        session_name="s" * 64,
        source_identity=None,
        mfa=False,
        access_key_id="ASIA" + "X" * 16,
        invoked_by=None,
    )

    def find_drift(event, context):
        renamed = Drift()
        for index, guardrail in enumerate(BASELINE.guardrails):
            named, described = "x" * 128, "x" * 512
            text = guardrail.document.canonical
            renamed += compare_policy(
                index, guardrail, LivePolicy(guardrail.policy_id, named, described, SCP, text)
            )
        drift = renamed + Drift(
            missing=tuple(range(len(BASELINE.placements))),
            strangers=tuple(
                Stranger(f"{number:012d}", SCP, tuple(f"p-fill{slot:06d}" for slot in range(9)), 0)
                for number in range(60)
            ),
        )
        author = Author("DetachPolicy", "0" * 36, NOW, PRINCIPAL, "p-large00000/000000000000")
        everything = Restoring(attachments=True, policy_types=True, policies=True)
        plan = plan_restoration(drift, BASELINE, everything)
        _, unheeded = read_exemptions(
            lambda: (Parameter("/" + "x" * 1_000, "StringList", "x" * 4_000, NOW) for _ in range(1_000))
        )
        search = Search(Stage.DRIFTED, NOW, drift=drift, plan=plan, authors=(author,) * AUTHORS)
        return replace(search, unheeded=unheeded).to_document()

    def restore_attachments(event, context):
        chunk = parse_chunk(event)
        for number in chunk.remaining:
            error = AttachmentQuotaExceededError("AttachPolicy", "ConstraintViolationException", "x" * 1_000)
            chunk = chunk.with_refused(number, error)
        return chunk.to_document()
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast with a baseline of 5,000 attachments and the two stand-ins."""
    folder = tmp_path_factory.mktemp("holdfast")
    with deployed(folder, RestorePolicyTypes="true", RestorePolicies="true") as shared:
        _declare_many(shared.guardrails, shared.deployment.organization.organization_id)
        code = shared.guardrails.parent
        (code / "stand_ins.py").write_text(textwrap.dedent(STAND_INS), encoding="utf-8")
        client = shared.aws.client("lambda")
        for function, handler in [
            ("FindDriftFunction", "find_drift"),
            ("RestoreAttachmentsFunction", "restore_attachments"),
        ]:
            client.update_function_configuration(
                FunctionName=shared.resource(function), Handler=f"stand_ins.{handler}"
            )
        yield shared


def _declare_many(folder: Path, organization: str) -> None:
    targets = json.dumps([f"{number:012d}" for number in range(TARGETS)])
    entries = [f'organization = "{organization}"']
    entries += [
        f'[[guardrail]]\npolicy = "p-large{index:05d}"\nname = "Guardrail number {index}"\n'
        f'type = "SERVICE_CONTROL_POLICY"\ntargets = {targets}\ndescription = ""\n'
        'document = "policies/all.json"'
        for index in range(GUARDRAILS)
    ]
    statement = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    (folder / "policies" / "all.json").write_text(document, encoding="utf-8")
    (folder / "baseline.toml").write_text("\n".join(entries), encoding="utf-8")


def test_5000_lost_attachments_that_are_all_refused_stay_within_the_limits(large: Holdfast) -> None:
    with large.watch(RECONCILIATION) as runs:
        large.executions.start_execution(stateMachineArn=large.output(RECONCILIATION), input="{}")

    (run,) = runs
    assert (run.end, run.outcome) == (RECONCILIATION_FAILED, "failed")
    assert run.mail.subject.endswith("FAILED: 5,000 of 5,000 attachments could not be restored")
    assert run.states.count("Restore Attachments") == 250
    events, largest = _measured(large, run)
    assert events < HISTORY_GOAL
    assert {name: size for name, size in largest.items() if size >= PAYLOAD_GOAL} == {}


def _measured(holdfast: Holdfast, run: Run) -> tuple[int, dict[str, int]]:
    """Return how many events a run's history has, and the largest payload of each kind of event, in bytes."""
    events: list[dict[str, Any]] = holdfast.executions.get_execution_history(executionArn=run.arn)["events"]
    largest: dict[str, int] = {}
    for event in events:
        for key, details in event.items():
            if key.endswith("EventDetails"):
                payloads = (details.get(part) or "null" for part in ("input", "output"))
                size = max(len(_without_names(payload)) for payload in payloads)
                name = f"{event['type']} {details.get('name', '')}"
                largest[name] = max(size, largest.get(name, 0))
    return len(events), largest


def _without_names(payload: str) -> str:
    """Return a payload without the names and descriptions that an attacker may have given to all guardrails.

    With them it has to stay below the limit of 262,144 bytes, and the run shows that it does.
    """
    given = json.loads(payload)
    run = given.get("run", given) if isinstance(given, dict) else {}
    found = run.get("drift", run) if isinstance(run, dict) else {}
    if "drift" in found:
        found["drift"]["renamed"] = []
    return json.dumps(given, separators=(",", ":"))

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

import restore_attachments
from holdfast.attachment import Attachment, LivePolicy, PolicyType
from holdfast.baseline import Baseline, Guardrail
from holdfast.errors import (
    AttachmentQuotaExceededError,
    BaselineChangedError,
    OrganizationsBusyError,
    OrganizationsError,
    PermissionMissingError,
    PolicyGoneError,
    PolicyTypeDisabledError,
    ServiceBusyError,
    TargetGoneError,
    UnknownSchemaError,
)
from holdfast.pacing import QUARTER, Pace
from holdfast.policy_document import PolicyDocument
from holdfast.reconciliation import attaching
from holdfast.reconciliation.run import merge_chunks
from tests.unit.examples import ALLOW_ONLY_EU_TEXT, DENY_ALL, example_baseline
from tests.unit.restorable_organization import (
    Clock,
    FailingOnce,
    Rate,
    RememberedSuccessors,
    RestorableOrganization,
    throttled,
)

SCP = PolicyType.SERVICE_CONTROL_POLICY
BASELINE = example_baseline()
BUSY = OrganizationsBusyError("AttachPolicy", "ConcurrentModificationException", "later")
LEAVE_ON_ROOT, TRAIL_ON_ROOT, TLS_ON_ROOT, COST_ON_ROOT = range(4)
TRAIL_ON_PROD, ROLES_ON_SECURITY, ALLOW_LIST, REGIONS, ROLES_ON_PAYMENTS = range(4, 9)
ALL = tuple(range(9))


def scp(policy_id: str, content: str) -> LivePolicy:
    return LivePolicy(policy_id, "Some", "", SCP, content)


def first(*numbers: int) -> dict[str, Any]:
    """Return a chunk as the state machine begins it."""
    return {
        "remaining": list(numbers),
        "restored": [],
        "already": [],
        "gone_targets": [],
        "refused": [],
        "rounds": 0,
        "baseline_version": BASELINE.version,
    }


def after(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return what a chunk is expected to be."""
    expected = {**document, "attached": [], "remaining": [], **changes}
    return {**expected, "finished": not expected["remaining"]}


def attachments(numbers: Iterable[int], baseline: Baseline = BASELINE) -> set[Attachment]:
    return {baseline.attachment_at(baseline.placements[number]) for number in numbers}


class Deployed:
    """The task, deployed with a baseline into an organization; `restore` runs a round of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.baseline = BASELINE
        self.organization = RestorableOrganization([scp("p-allowlist01", ALLOW_ONLY_EU_TEXT)])
        self.successors = RememberedSuccessors()
        self.clock = Clock()
        monkeypatch.setattr(restore_attachments, "load_baseline", lambda _: self.baseline)
        monkeypatch.setattr(restore_attachments, "connect_paced", lambda: self.organization)
        monkeypatch.setattr(restore_attachments, "connect_successors", lambda: self.successors)
        monkeypatch.setattr(time, "sleep", self.clock.sleep)
        monkeypatch.setattr(time, "monotonic", self.clock.monotonic)

    def restore(self, document: dict[str, Any]) -> dict[str, Any]:
        """Run one round."""
        return restore_attachments.handler(document, None)

    def finish(self, document: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Run rounds until the chunk is finished; return it, and how many rounds that took."""
        rounds = 0
        while not document.get("finished"):
            document = self.restore(document)
            rounds += 1
        return document, rounds


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    return Deployed(monkeypatch)


def test_the_numbers_of_the_placements_are_those_of_the_baseline() -> None:
    assert [(place.guardrail, place.target_id) for place in BASELINE.placements] == [
        (0, "r-exme"),
        (1, "r-exme"),
        (4, "r-exme"),
        (5, "r-exme"),
        (1, "ou-exme-8tio7fay"),
        (3, "ou-exme-cbm7ma1f"),
        (6, "ou-exme-ofz030k9"),
        (2, "ou-exme-ycaqk99w"),
        (3, "338583429068"),
    ]


def test_lost_attachments_are_restored_in_order_and_confirmed_with_one_read_a_target(
    deployed: Deployed,
) -> None:
    assert deployed.restore(first(*ALL)) == after(first(*ALL), restored=[*ALL])
    assert deployed.organization.attached == attachments(ALL)
    assert deployed.organization.calls == [
        "AttachPolicy p-lp0dxjlp r-exme",
        "AttachPolicy p-7xfb7xkf r-exme",
        "ListPoliciesForTarget r-exme SERVICE_CONTROL_POLICY",
        "AttachPolicy p-rcptls00001 r-exme",
        "ListPoliciesForTarget r-exme RESOURCE_CONTROL_POLICY",
        "AttachPolicy p-tagcost0001 r-exme",
        "ListPoliciesForTarget r-exme TAG_POLICY",
        "AttachPolicy p-7xfb7xkf ou-exme-8tio7fay",
        "ListPoliciesForTarget ou-exme-8tio7fay SERVICE_CONTROL_POLICY",
        "AttachPolicy p-cg404d5t ou-exme-cbm7ma1f",
        "ListPoliciesForTarget ou-exme-cbm7ma1f SERVICE_CONTROL_POLICY",
        "DescribePolicy p-allowlist01",
        "AttachPolicy p-allowlist01 ou-exme-ofz030k9",
        "ListPoliciesForTarget ou-exme-ofz030k9 SERVICE_CONTROL_POLICY",
        "AttachPolicy p-7dj3cien ou-exme-ycaqk99w",
        "ListPoliciesForTarget ou-exme-ycaqk99w SERVICE_CONTROL_POLICY",
        "AttachPolicy p-cg404d5t 338583429068",
        "ListPoliciesForTarget 338583429068 SERVICE_CONTROL_POLICY",
    ]


def test_an_empty_chunk_is_finished(deployed: Deployed) -> None:
    assert deployed.restore(first())["finished"] is True
    assert deployed.organization.calls == []


def test_already_attached_is_an_answer_and_costs_no_read(deployed: Deployed) -> None:
    deployed.organization.attached = attachments([REGIONS])
    assert deployed.restore(first(REGIONS)) == after(first(REGIONS), already=[REGIONS])
    assert deployed.organization.calls == ["AttachPolicy p-7dj3cien ou-exme-ycaqk99w"]


def test_a_gone_target_is_no_failure(deployed: Deployed) -> None:
    deployed.organization.refused["AttachPolicy p-7dj3cien ou-exme-ycaqk99w"] = TargetGoneError(
        "AttachPolicy", "TargetNotFoundException", "gone"
    )
    document = first(REGIONS, ROLES_ON_PAYMENTS)
    assert deployed.restore(document) == after(document, gone_targets=[REGIONS], restored=[ROLES_ON_PAYMENTS])


def test_a_target_that_goes_before_the_confirmation_is_gone(deployed: Deployed) -> None:
    deployed.organization.refused["ListPoliciesForTarget r-exme SERVICE_CONTROL_POLICY"] = TargetGoneError(
        "ListPoliciesForTarget", "TargetNotFoundException", "gone"
    )
    document = first(LEAVE_ON_ROOT, TRAIL_ON_ROOT)
    assert deployed.restore(document) == after(document, gone_targets=[LEAVE_ON_ROOT, TRAIL_ON_ROOT])


def test_refusals_are_told_by_error_with_the_first_message(deployed: Deployed) -> None:
    full = AttachmentQuotaExceededError("AttachPolicy", "ConstraintViolationException", "x" * 500)
    deployed.organization.refused = {
        "AttachPolicy p-lp0dxjlp r-exme": full,
        "AttachPolicy p-7xfb7xkf ou-exme-8tio7fay": AttachmentQuotaExceededError("a", "b", "c"),
        "AttachPolicy p-rcptls00001 r-exme": PolicyGoneError("AttachPolicy", "PolicyNotFound", "gone"),
        "ListPoliciesForTarget r-exme TAG_POLICY": PermissionMissingError("ListPolicies", "Denied", "no"),
    }
    document = first(LEAVE_ON_ROOT, TLS_ON_ROOT, COST_ON_ROOT, TRAIL_ON_PROD, REGIONS)
    assert deployed.restore(document) == after(
        document,
        restored=[REGIONS],
        refused=[
            {
                "error": "AttachmentQuotaExceededError",
                "message": str(full)[:150] + "…",
                "items": [LEAVE_ON_ROOT, TRAIL_ON_PROD],
            },
            {
                "error": "PermissionMissingError",
                "message": "ListPolicies: Denied: no",
                "items": [COST_ON_ROOT],
            },
            {
                "error": "PolicyGoneError",
                "message": "AttachPolicy: PolicyNotFound: gone",
                "items": [TLS_ON_ROOT],
            },
        ],
    )


def test_refusals_of_a_later_round_join_those_of_an_earlier_one(deployed: Deployed) -> None:
    deployed.organization.refused["AttachPolicy p-7dj3cien ou-exme-ycaqk99w"] = PolicyGoneError("a", "b", "c")
    earlier = {"error": "PolicyGoneError", "message": "the first", "items": [TLS_ON_ROOT]}
    document = first(REGIONS) | {"refused": [earlier]}
    assert deployed.restore(document)["refused"] == [{**earlier, "items": [TLS_ON_ROOT, REGIONS]}]


def test_an_allow_list_that_allows_more_than_declared_is_refused(deployed: Deployed) -> None:
    deployed.organization.policies["p-allowlist01"] = scp(
        "p-allowlist01", ALLOW_ONLY_EU_TEXT.replace("eu-central-1", "*")
    )
    assert deployed.restore(first(ALLOW_LIST)) == after(
        first(ALLOW_LIST),
        refused=[
            {
                "error": "WidenedPolicyError",
                "message": "p-allowlist01 has an Allow statement that its document lacks",
                "items": [ALLOW_LIST],
            }
        ],
    )
    assert deployed.organization.attached == set()


def test_a_successor_is_attached_if_it_says_what_is_declared(deployed: Deployed) -> None:
    deployed.successors.known = {"p-cg404d5t": "p-new00001"}
    deployed.organization.policies["p-new00001"] = scp("p-new00001", DENY_ALL)
    document = first(ROLES_ON_SECURITY, ROLES_ON_PAYMENTS)
    assert deployed.restore(document) == after(document, restored=[ROLES_ON_SECURITY, ROLES_ON_PAYMENTS])
    assert deployed.organization.attached == {
        Attachment("p-new00001", "ou-exme-cbm7ma1f"),
        Attachment("p-new00001", "338583429068"),
    }
    assert deployed.organization.calls.count("DescribePolicy p-new00001") == 1


def test_whoever_writes_a_successor_cannot_have_a_policy_of_their_choice_attached(
    deployed: Deployed,
) -> None:
    deployed.successors.known = {"p-cg404d5t": "p-theirs001"}
    deployed.organization.policies["p-theirs001"] = scp("p-theirs001", ALLOW_ONLY_EU_TEXT)
    document = first(ROLES_ON_SECURITY, ROLES_ON_PAYMENTS)
    (refusal,) = deployed.restore(document)["refused"]
    assert (refusal["error"], refusal["items"]) == (
        "ChangedSuccessorError",
        [ROLES_ON_SECURITY, ROLES_ON_PAYMENTS],
    )
    assert deployed.organization.attached == set()
    assert deployed.organization.calls == ["DescribePolicy p-theirs001"]


def test_a_text_that_was_found_fit_is_not_read_again_for_five_minutes(deployed: Deployed) -> None:
    for seconds, reads in ((0, 1), (299, 1), (1, 2)):
        deployed.clock.sleep(seconds)
        deployed.restore(first(ALLOW_LIST))
        assert deployed.organization.calls.count("DescribePolicy p-allowlist01") == reads


def test_a_text_that_was_refused_is_read_again_for_the_next_chunk(deployed: Deployed) -> None:
    deployed.organization.policies["p-allowlist01"] = scp("p-allowlist01", "not json")
    assert deployed.restore(first(ALLOW_LIST))["restored"] == []
    deployed.organization.policies["p-allowlist01"] = scp("p-allowlist01", ALLOW_ONLY_EU_TEXT)
    assert deployed.restore(first(ALLOW_LIST))["restored"] == [ALLOW_LIST]


def test_a_text_that_was_found_fit_for_one_guardrail_is_not_so_for_another(deployed: Deployed) -> None:
    deployed.restore(first(ALLOW_LIST))
    deployed.successors.known = {"p-cg404d5t": "p-allowlist01"}
    (refusal,) = deployed.restore(first(ROLES_ON_SECURITY))["refused"]
    assert refusal["error"] == "ChangedSuccessorError"


def test_a_text_that_cannot_be_read_now_holds_nobody_else_back(deployed: Deployed) -> None:
    deployed.organization.disturb = FailingOnce(0, throttled("DescribePolicy"), after=False)
    document = first(ALLOW_LIST, REGIONS)
    assert deployed.restore(document) == after(document, restored=[REGIONS, ALLOW_LIST])
    assert deployed.organization.calls.count("DescribePolicy p-allowlist01") == 2


def test_a_throttled_call_is_asked_again_fast(deployed: Deployed) -> None:
    began = deployed.clock.seconds
    deployed.organization.disturb = FailingOnce(0, throttled(), after=False)
    assert deployed.restore(first(REGIONS)) == after(first(REGIONS), restored=[REGIONS])
    assert 0.18 <= deployed.clock.seconds - began <= 0.22


@pytest.mark.parametrize("error", [PolicyGoneError, PolicyTypeDisabledError])
def test_what_was_restored_just_now_may_seem_to_be_gone_for_a_while(
    deployed: Deployed, error: type[OrganizationsError]
) -> None:
    deployed.organization.disturb = FailingOnce(0, error("AttachPolicy", "NotFound", "yet"), after=False)
    assert deployed.restore(first(REGIONS)) == after(first(REGIONS), restored=[REGIONS])


@pytest.mark.parametrize("error", [PolicyGoneError, PolicyTypeDisabledError])
def test_what_seems_to_be_gone_for_ten_seconds_is_gone(
    deployed: Deployed, error: type[OrganizationsError]
) -> None:
    began = deployed.clock.seconds
    gone = error("AttachPolicy", "NotFound", "any more")
    deployed.organization.refused = {"AttachPolicy p-7dj3cien ou-exme-ycaqk99w": gone}
    refused = {"error": error.__name__, "message": str(gone), "items": [REGIONS]}
    assert deployed.restore(first(REGIONS)) == after(first(REGIONS), refused=[refused])
    assert attaching.SETTLING <= deployed.clock.seconds - began <= attaching.SETTLING + 2


def test_a_busy_target_is_asked_again_after_the_others(deployed: Deployed) -> None:
    deployed.organization.disturb = FailingOnce(0, BUSY, after=False)
    document = first(TRAIL_ON_PROD, REGIONS)
    assert deployed.restore(document) == after(document, restored=[REGIONS, TRAIL_ON_PROD])
    assert [call for call in deployed.organization.calls if call.startswith("Attach")] == [
        "AttachPolicy p-7xfb7xkf ou-exme-8tio7fay",
        "AttachPolicy p-7dj3cien ou-exme-ycaqk99w",
        "AttachPolicy p-7xfb7xkf ou-exme-8tio7fay",
    ]


def test_a_read_that_lags_is_repeated_and_nothing_is_attached_twice(deployed: Deployed) -> None:
    deployed.organization.hidden["r-exme"] = 3
    document = first(LEAVE_ON_ROOT, REGIONS)
    assert deployed.restore(document) == after(document, restored=[REGIONS, LEAVE_ON_ROOT])
    assert deployed.organization.calls == [
        "AttachPolicy p-lp0dxjlp r-exme",
        "ListPoliciesForTarget r-exme SERVICE_CONTROL_POLICY",
        "AttachPolicy p-7dj3cien ou-exme-ycaqk99w",
        "ListPoliciesForTarget ou-exme-ycaqk99w SERVICE_CONTROL_POLICY",
        *["ListPoliciesForTarget r-exme SERVICE_CONTROL_POLICY"] * 3,
    ]


def test_what_no_read_shows_within_a_round_is_looked_at_in_the_next(deployed: Deployed) -> None:
    deployed.organization.hidden["r-exme"] = 60
    document = deployed.restore(first(LEAVE_ON_ROOT, REGIONS))
    assert document == after(first(), restored=[REGIONS], remaining=[LEAVE_ON_ROOT], attached=[LEAVE_ON_ROOT])
    # The second attach is answered "already attached": by us.
    assert deployed.restore(document) == after(document, restored=[REGIONS, LEAVE_ON_ROOT])


def test_what_is_never_shown_is_refused_after_half_an_hour(deployed: Deployed) -> None:
    deployed.organization.hidden["r-exme"] = 10**9
    began = deployed.clock.seconds
    document, rounds = deployed.finish(first(LEAVE_ON_ROOT, REGIONS))
    assert document == after(
        first(),
        restored=[REGIONS],
        rounds=attaching.ROUNDS_WITHOUT_PROGRESS,
        refused=[
            {
                "error": "AttachmentNotVisibleError",
                "message": "p-lp0dxjlp does not show on r-exme yet",
                "items": [LEAVE_ON_ROOT],
            }
        ],
    )
    assert rounds == 41
    assert 41 * 45 <= deployed.clock.seconds - began <= 41 * 47


def test_throttling_ends_a_round_in_time_and_the_rest_goes_around(deployed: Deployed) -> None:
    began = deployed.clock.seconds
    deployed.organization.disturb = Rate(deployed.clock, {"AttachPolicy": (0.0, 1.0)})
    document = deployed.restore(first(TRAIL_ON_PROD, ROLES_ON_SECURITY, REGIONS))
    assert document == after(first(), restored=[TRAIL_ON_PROD], remaining=[ROLES_ON_SECURITY, REGIONS])
    assert attaching.BUDGET <= deployed.clock.seconds - began <= attaching.BUDGET + 0.3
    deployed.organization.disturb = Rate(deployed.clock, {})
    assert deployed.restore(document) == after(document, restored=[TRAIL_ON_PROD, ROLES_ON_SECURITY, REGIONS])


def test_rounds_without_progress_are_counted_from_the_last_progress(deployed: Deployed) -> None:
    deployed.organization.disturb = Rate(deployed.clock, {"AttachPolicy": (0.0, 0.0)})
    document = deployed.restore(deployed.restore(first(REGIONS, ROLES_ON_PAYMENTS)))
    assert document["rounds"] == 2
    deployed.organization.disturb = Rate(deployed.clock, {"AttachPolicy": (0.0, 1.0)})
    assert deployed.restore(document)["rounds"] == 0


def test_throttling_that_lasts_half_an_hour_is_a_refusal(deployed: Deployed) -> None:
    began = deployed.clock.seconds
    deployed.organization.disturb = Rate(deployed.clock, {"AttachPolicy": (0.0, 0.0)})
    document, rounds = deployed.finish(first(TRAIL_ON_PROD, REGIONS))
    assert document == after(
        first(),
        rounds=40,
        refused=[
            {
                "error": "OrganizationsThrottledError",
                "message": "AttachPolicy: TooManyRequestsException: slow down",
                "items": [TRAIL_ON_PROD, REGIONS],
            }
        ],
    )
    assert rounds == 40
    assert 1_800 <= deployed.clock.seconds - began <= 1_830


def test_what_is_busy_for_half_an_hour_is_told_as_busy(deployed: Deployed) -> None:
    deployed.organization.refused["AttachPolicy p-7dj3cien ou-exme-ycaqk99w"] = BUSY
    document, _ = deployed.finish(first(REGIONS, ROLES_ON_PAYMENTS))
    assert [(entry["error"], entry["items"]) for entry in document["refused"]] == [
        ("OrganizationsBusyError", [REGIONS])
    ]
    assert document["restored"] == [ROLES_ON_PAYMENTS]


def test_a_read_that_is_throttled_for_half_an_hour_confirms_nothing(deployed: Deployed) -> None:
    deployed.organization.disturb = Rate(deployed.clock, {"ListPoliciesForTarget": (0.0, 0.0)})
    document, _ = deployed.finish(first(REGIONS))
    assert document["restored"] == []
    assert [(entry["error"], entry["items"]) for entry in document["refused"]] == [
        ("OrganizationsThrottledError", [REGIONS])
    ]


def test_an_attachment_that_is_detached_again_and_again_does_not_go_on_for_ever(deployed: Deployed) -> None:
    class Contested(RestorableOrganization):
        def policies_on(self, target_id: str, policy_type: PolicyType) -> Any:
            self.attached.clear()
            return super().policies_on(target_id, policy_type)

    deployed.organization = Contested()
    document, rounds = deployed.finish(first(REGIONS))
    assert [entry["error"] for entry in document["refused"]] == ["AttachmentNotVisibleError"]
    assert rounds == 41


def test_answers_that_take_long_end_a_round_before_the_function(deployed: Deployed) -> None:
    def slow(_: str) -> None:
        deployed.clock.sleep(6)

    deployed.organization.disturb = slow
    began = deployed.clock.seconds
    # The last attach came back at 48 seconds: no time was left to look.
    assert deployed.restore(first(*ALL)) == after(
        first(), restored=[0, 1, 2, 3], attached=[4], remaining=[4, 5, 6, 7, 8]
    )
    assert deployed.clock.seconds - began == 48


def test_another_baseline_than_the_runs_is_refused(deployed: Deployed) -> None:
    with pytest.raises(BaselineChangedError):
        deployed.restore(first(REGIONS) | {"baseline_version": "ffffffffffff"})


@pytest.mark.parametrize("broken", [{}, {"remaining": None}, first() | {"refused": [{}]}])
def test_what_is_no_chunk_is_refused(broken: dict[str, Any], deployed: Deployed) -> None:
    with pytest.raises(UnknownSchemaError):
        deployed.restore(broken)


def test_successors_that_cannot_be_read_now_are_left_to_the_state_machine(deployed: Deployed) -> None:
    deployed.successors.disturb = FailingOnce(
        0, ServiceBusyError("ssm", "GetParametersByPath", "ThrottlingException", "later"), after=False
    )
    with pytest.raises(ServiceBusyError):
        deployed.restore(first(REGIONS))


class _CrashError(Exception):
    """The function's process ends."""


@pytest.mark.parametrize("lost_answer", [False, True])
@pytest.mark.parametrize("error", [BUSY, throttled(), _CrashError()])
def test_wherever_it_is_broken_off_all_is_attached_in_the_end(
    *, lost_answer: bool, error: Exception, deployed: Deployed
) -> None:
    failures = 0
    while True:
        failing = FailingOnce(failures, error, after=lost_answer)
        deployed.organization = RestorableOrganization(
            [scp("p-allowlist01", ALLOW_ONLY_EU_TEXT)], disturb=failing
        )
        try:
            document = deployed.restore(first(*ALL))
        except _CrashError:
            document = deployed.restore(first(*ALL))
        assert deployed.organization.attached == attachments(ALL)
        assert document["finished"] is True
        assert sorted(document["restored"] + document["already"]) == [*ALL]
        if not failing.failed:
            break
        failures += 1
    assert failures == 18


def test_what_the_task_returns_is_what_the_run_reads(deployed: Deployed) -> None:
    deployed.organization.refused["AttachPolicy p-7dj3cien ou-exme-ycaqk99w"] = PolicyGoneError("a", "b", "c")
    merged = merge_chunks([deployed.restore(first(0, 1)), deployed.restore(first(REGIONS))])
    assert merged.restored == (0, 1)
    assert [(refusal.error, refusal.items) for refusal in merged.refused] == [("PolicyGoneError", (REGIONS,))]


def large_baseline(guardrails: int, targets: int) -> Baseline:
    """Return a baseline in which every guardrail is on every target."""
    accounts = frozenset(f"{number:012d}" for number in range(targets))
    document = PolicyDocument.parse(DENY_ALL)
    made = tuple(
        Guardrail(f"p-guardrail{number:04d}", f"Guardrail {number}", SCP, accounts, document)
        for number in range(guardrails)
    )
    return replace(BASELINE, guardrails=made)


RATES = {"AttachPolicy": (2.0, 3.0), "ListPoliciesForTarget": (5.0, 8.0), "DescribePolicy": (2.0, 2.0)}
"""Calls a second and burst. Source: Organizations user guide, "Throttling limits"."""


def restore_a_thousand(deployed: Deployed) -> float:
    """Restore all attachments of the baseline chunk by chunk; return the seconds that it took."""
    deployed.organization.disturb = Rate(deployed.clock, RATES)
    deployed.organization._pace = Pace(QUARTER, deployed.clock.sleep, deployed.clock.monotonic)
    began = deployed.clock.seconds
    restored: list[int] = []
    for start in range(0, 1_000, 20):
        document, _ = deployed.finish(first(*range(start, start + 20)))
        restored += document["restored"]
    assert restored == list(range(1_000))
    adopted = deployed.baseline.adopting(deployed.successors.known)
    assert deployed.organization.attached == {adopted.attachment_at(place) for place in adopted.placements}
    return deployed.clock.seconds - began


@pytest.mark.parametrize(("guardrails", "targets"), [(5, 200), (10, 100), (2, 500), (20, 50)], ids=str)
def test_a_thousand_attachments_are_back_at_the_published_rate(
    guardrails: int, targets: int, deployed: Deployed
) -> None:
    deployed.baseline = large_baseline(guardrails, targets)
    assert restore_a_thousand(deployed) <= 1.05 * 500
    assert sum(call.startswith("List") for call in deployed.organization.calls) == targets


def test_a_thousand_attachments_of_policies_made_again_are_back_little_later(deployed: Deployed) -> None:
    deployed.baseline = large_baseline(20, 50)
    deployed.successors.known = {
        guardrail.policy_id: f"p-again{guardrail.policy_id[2:]}" for guardrail in deployed.baseline.guardrails
    }
    deployed.organization.policies = {
        policy_id: scp(policy_id, DENY_ALL) for policy_id in deployed.successors.known.values()
    }
    assert restore_a_thousand(deployed) <= 1.15 * 500


def test_the_result_of_5_000_attachments_fits_into_a_payload_beside_the_plan(deployed: Deployed) -> None:
    """Every chunk with a long refusal. Source of the limit, 262,144 bytes: Step Functions, "Quotas"."""
    deployed.baseline = large_baseline(20, 250)
    deployed.organization.refused["AttachPolicy p-guardrail0019 000000000249"] = PermissionMissingError(
        "AttachPolicy", "AccessDeniedException", "x" * 1_000
    )
    last = deployed.restore(first(*range(4_980, 5_000)))
    assert len(last["refused"]) == 1
    plan = len(json.dumps([list(range(4_980, 5_000))]))
    assert 250 * (len(json.dumps(last)) + plan) < 200_000

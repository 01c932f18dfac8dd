from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from holdfast.attachment import Attachment, PolicyType
from holdfast.errors import ServiceBusyError, ServiceRefusedError
from holdfast.principal import Principal
from holdfast.reconciliation.authorship import (
    RECENT,
    Circumstances,
    Witnesses,
    attribute,
    author_of_change,
    subjects_of,
)
from holdfast.reconciliation.drift import AUTHORS, Author, Drift, Renamed, Stranger, lost_placements
from holdfast.reconciliation.executions import Remediation
from holdfast.reconciliation.trigger import parse_trigger
from holdfast.record import Record
from tests.unit.examples import (
    DENY_REGIONS,
    DETACHMENT,
    DEVELOPER,
    EXECUTION,
    MANAGEMENT_ACCOUNT,
    NOW,
    ROOT,
    SANCTIONED_ROLE,
    SANCTIONED_ROLE_ID,
    WORKLOADS,
    example_baseline,
)
from tests.unit.live_organization import WrittenHistory
from tests.unit.tampering import change_event
from tests.unit.test_drift import large_baseline

SCP = PolicyType.SERVICE_CONTROL_POLICY
BASELINE = example_baseline()
MISSING = Drift(missing=(7,))
"""DenyUnapprovedRegions is not on Workloads."""

PIPELINE = Principal(
    "AssumedRole", SANCTIONED_ROLE, SANCTIONED_ROLE_ID, "guardrail-pipeline", MANAGEMENT_ACCOUNT
)


def record(
    name: str, request: dict[str, Any], minutes_ago: float = 20, principal: Principal = DEVELOPER
) -> Record:
    return Record(
        name=name,
        event_id=f"{name}-{minutes_ago}",
        event_time=NOW - timedelta(minutes=minutes_ago),
        account_id=MANAGEMENT_ACCOUNT,
        principal=principal,
        source_ip=None,
        user_agent=None,
        request=request,
    )


def detach(minutes_ago: float = 20, principal: Principal = DEVELOPER, target_id: str = WORKLOADS) -> Record:
    request = {"policyId": DENY_REGIONS, "targetId": target_id}
    return record("DetachPolicy", request, minutes_ago, principal)


def author(record: Record, subject: str) -> Author:
    return Author(record.name, record.event_id, record.event_time, record.principal, subject)


def remediation(minutes_ago: float = 5, *, running: bool = False, sanctioned: bool = False) -> Remediation:
    at = NOW - timedelta(minutes=minutes_ago)
    return Remediation(EXECUTION, at, running, sanctioned, replace(DETACHMENT, event_time=at))


def ask(
    drift: Drift, *records: Record, remediations: Iterable[Remediation] = ()
) -> tuple[Drift, tuple[Author, ...]]:
    witnesses = Witnesses(lambda _: remediations, WrittenHistory(*records))
    return attribute(drift, BASELINE, witnesses, Circumstances(NOW))


ON_WORKLOADS = f"{DENY_REGIONS}/{WORKLOADS}"
EVERYTHING = Drift(
    disabled=(SCP,),
    gone=(0,),
    changed=(1,),
    renamed=(Renamed(3, "Temporary", None),),
    strangers=(Stranger(ROOT, SCP, ("p-filler0001",), 2),),
    missing=(7,),
    in_progress=(4,),
    sanctioned=(5,),
    gone_targets=(8,),
)


def test_each_difference_has_an_event_that_made_it() -> None:
    assert subjects_of(EVERYTHING, BASELINE) == {
        "DisablePolicyType": {"SERVICE_CONTROL_POLICY"},
        "DeletePolicy": {"p-lp0dxjlp"},
        "UpdatePolicy": {"p-7xfb7xkf", "p-cg404d5t"},
        "AttachPolicy": {f"p-filler0001/{ROOT}"},
        "DetachPolicy": {ON_WORKLOADS},
    }
    assert subjects_of(Drift(in_progress=(1,), gone_targets=(8,)), BASELINE) == {}


def test_the_history_tells_who_made_each_difference() -> None:
    disabled = record("DisablePolicyType", {"rootId": ROOT, "policyType": "SERVICE_CONTROL_POLICY"})
    deleted = record("DeletePolicy", {"policyId": "p-lp0dxjlp"})
    updated = record("UpdatePolicy", {"policyId": "p-7xfb7xkf", "content": "{}"})
    renamed = record("UpdatePolicy", {"policyId": "p-cg404d5t", "name": "Temporary"}, minutes_ago=30)
    attached = record("AttachPolicy", {"policyId": "p-filler0001", "targetId": ROOT})
    detached = detach()
    others = (
        record("DisablePolicyType", {"policyType": "TAG_POLICY"}),
        record("DeletePolicy", {"policyId": "p-other0001"}),
        record("UpdatePolicy", {}),
        record("AttachPolicy", {"policyId": "p-filler0001", "targetId": WORKLOADS}),
        record("AttachPolicy", {"policyId": "p-filler0001"}),
        detach(target_id=ROOT),
    )
    drift, authors = ask(EVERYTHING, *others, detached, attached, updated, renamed, deleted, disabled)
    assert drift == EVERYTHING
    assert authors == (
        author(disabled, "SERVICE_CONTROL_POLICY"),
        author(deleted, "p-lp0dxjlp"),
        author(updated, "p-7xfb7xkf"),
        author(renamed, "p-cg404d5t"),
        author(attached, f"p-filler0001/{ROOT}"),
        author(detached, ON_WORKLOADS),
    )


def test_of_several_events_the_newest_one_made_the_difference() -> None:
    assert ask(MISSING, detach(40), detach(25), detach(90))[1] == (author(detach(25), ON_WORKLOADS),)


def test_the_fast_path_knows_what_the_history_does_not_have_yet() -> None:
    recent = remediation(2)
    (newest,) = ask(MISSING, detach(40), remediations=[remediation(10), recent])[1]
    assert (newest.event_id, newest.at) == (DETACHMENT.event_id, recent.detachment.event_time)


def test_the_event_that_caused_the_run_is_its_own_witness() -> None:
    change = parse_trigger(change_event("UpdatePolicy")).change
    assert change is not None
    known = author_of_change(change)
    witnesses = Witnesses(lambda _: (), WrittenHistory())
    assert attribute(Drift(changed=(2,)), BASELINE, witnesses, Circumstances(NOW, change))[1] == (known,)
    assert attribute(Drift(gone=(2,)), BASELINE, witnesses, Circumstances(NOW, change))[1] == ()
    assert known == Author("UpdatePolicy", change.event_id, change.event_time, change.principal, DENY_REGIONS)


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("DisablePolicyType", "SERVICE_CONTROL_POLICY"),
        ("AttachPolicy", f"p-stranger1/{WORKLOADS}"),
        ("DeletePolicy", DENY_REGIONS),
        ("MoveAccount", None),
    ],
)
def test_a_change_is_about_what_it_names(name: str, subject: str | None) -> None:
    change = parse_trigger(change_event(name)).change
    assert change is not None
    made = author_of_change(change)
    assert (made.subject if made else None) == subject


def test_what_the_fast_path_is_restoring_is_left_to_it() -> None:
    history = WrittenHistory(detach())
    witnesses = Witnesses(lambda _: [remediation(5, running=True), remediation(20)], history)
    assert attribute(MISSING, BASELINE, witnesses, Circumstances(NOW)) == (Drift(in_progress=(7,)), ())
    assert history.asked == []


def test_at_once_nothing_is_left_to_the_fast_path() -> None:
    """Its execution may wait for an exemption to end; what a sanctioned principal may do it may still do."""
    at_once = Circumstances(NOW, at_once=True)
    waiting, by_pipeline = (
        Witnesses(lambda _: [remediation(5, running=True)], WrittenHistory()),
        Witnesses(lambda _: [remediation(5, sanctioned=True)], WrittenHistory()),
    )
    assert attribute(MISSING, BASELINE, waiting, at_once)[0] == MISSING
    assert attribute(MISSING, BASELINE, by_pipeline, at_once)[0] == Drift(sanctioned=(7,))


def test_only_the_newest_execution_counts() -> None:
    executions = [remediation(20, running=True), remediation(5)]
    assert ask(MISSING, remediations=executions)[0] == MISSING


def test_an_execution_for_another_attachment_does_not_count() -> None:
    elsewhere = replace(
        remediation(5, running=True),
        detachment=replace(DETACHMENT, attachment=Attachment(DENY_REGIONS, ROOT)),
    )
    assert ask(MISSING, remediations=[elsewhere])[0] == MISSING


def test_what_a_sanctioned_principal_detached_is_not_missing() -> None:
    apart = Drift(sanctioned=(7,))
    by_the_fast_path = remediation(10, sanctioned=True)
    assert ask(MISSING, remediations=[by_the_fast_path])[0] == apart
    by_the_history = detach(60 * 23, PIPELINE)
    assert ask(MISSING, by_the_history) == (apart, (author(by_the_history, ON_WORKLOADS),))


@pytest.mark.parametrize(
    "records",
    [
        (detach(60 * 25, PIPELINE),),
        (detach(60, PIPELINE), detach(30)),
        (detach(60, replace(PIPELINE, unique_id="AROAEXAMPLEIMPOSTOR01")),),
        (detach(60, PIPELINE, target_id=ROOT),),
    ],
    ids=["too long ago", "others detached it again", "the role was made again", "another attachment"],
)
def test_what_was_not_sanctioned_last_is_missing(records: tuple[Record, ...]) -> None:
    assert ask(MISSING, *records)[0] == MISSING


@pytest.mark.parametrize(
    ("hours", "ago", "expected"),
    [
        (24, timedelta(hours=24), MISSING),
        (24, timedelta(hours=24, seconds=-1), Drift(sanctioned=(7,))),
        (168, timedelta(hours=168), MISSING),
        (168, timedelta(hours=168, seconds=-1), Drift(sanctioned=(7,))),
        (0, timedelta(seconds=1), MISSING),
        (0, timedelta(), MISSING),
    ],
)
def test_a_sanctioned_detach_is_drift_from_the_moment_on_at_which_sanctioned_for_is_over(
    hours: int, ago: timedelta, expected: Drift
) -> None:
    witnesses = Witnesses(lambda _: (), WrittenHistory(detach(ago.total_seconds() / 60, PIPELINE)))
    circumstances = Circumstances(NOW, sanctioned_for=timedelta(hours=hours))
    assert attribute(MISSING, BASELINE, witnesses, circumstances)[0] == expected


def test_a_later_detach_that_only_the_fast_path_knows_is_not_covered_by_an_earlier_sanctioned_one() -> None:
    assert ask(MISSING, detach(60, PIPELINE), remediations=[remediation(5)])[0] == MISSING
    assert ask(MISSING, detach(20), remediations=[remediation(25, sanctioned=True)])[0] == MISSING


def test_a_detach_that_was_undone_before_the_loss_neither_sanctions_it_nor_is_its_cause() -> None:
    """A pipeline detaches and attaches again; later the policy type is switched off, without any detach."""
    request = {"policyId": DENY_REGIONS, "targetId": WORKLOADS}
    attached = record("AttachPolicy", request, minutes_ago=50, principal=PIPELINE)
    assert ask(MISSING, detach(60, PIPELINE), attached) == (MISSING, ())
    assert ask(MISSING, attached, remediations=[remediation(60, sanctioned=True)]) == (MISSING, ())


def test_an_attachment_before_the_last_detach_undoes_nothing() -> None:
    before = record("AttachPolicy", {"policyId": DENY_REGIONS, "targetId": WORKLOADS}, minutes_ago=70)
    elsewhere = record("AttachPolicy", {"policyId": DENY_REGIONS, "targetId": ROOT}, minutes_ago=50)
    last = detach(60, PIPELINE)
    assert ask(MISSING, before, elsewhere, last) == (Drift(sanctioned=(7,)), (author(last, ON_WORKLOADS),))


@pytest.mark.parametrize("lost", [Drift(disabled=(SCP,)), Drift(gone=(2,))], ids=["type", "policy"])
def test_what_was_sanctioned_before_its_type_or_its_policy_was_lost_stays_off(lost: Drift) -> None:
    """A replaced policy is detached by a pipeline everywhere, and then deleted."""
    drift, authors = ask(lost, detach(60, PIPELINE))
    assert drift == replace(lost, sanctioned=(7,))
    assert 7 not in lost_placements(drift, BASELINE)
    assert authors == (author(detach(60, PIPELINE), ON_WORKLOADS),)
    attached = record("AttachPolicy", {"policyId": DENY_REGIONS, "targetId": WORKLOADS}, 50, PIPELINE)
    assert ask(lost, detach(60, PIPELINE), attached)[0] == lost
    assert ask(lost, detach(60))[0] == lost


def test_a_sanctioned_detach_of_what_is_attached_is_not_told() -> None:
    drift = Drift(missing=(1,))
    assert ask(drift, remediations=[remediation(10, sanctioned=True)]) == (drift, ())


def test_where_nobody_is_sanctioned_no_detach_of_what_was_lost_otherwise_is_looked_up() -> None:
    history, nobody = WrittenHistory(), replace(BASELINE, sanctioned=())
    attribute(Drift(gone=(2,)), nobody, Witnesses(lambda _: (), history), Circumstances(NOW))
    assert history.asked == ["DeletePolicy"]
    attribute(Drift(gone=(2,)), BASELINE, Witnesses(lambda _: (), history), Circumstances(NOW))
    assert history.asked == ["DeletePolicy"] * 2 + ["DetachPolicy"]


def test_a_history_that_does_not_answer_is_done_without() -> None:
    history = WrittenHistory(detach(60, PIPELINE))
    history.refused = ServiceBusyError("cloudtrail", "LookupEvents", "ThrottlingException", "slow down")
    both = Drift(missing=(7, 4), gone=(2,))
    drift, authors = attribute(both, BASELINE, Witnesses(lambda _: (), history), Circumstances(NOW))
    assert drift == Drift(missing=(4,), sanctioned=(7,), gone=(2,))
    assert [known.subject for known in authors] == [ON_WORKLOADS]
    assert history.asked == ["DeletePolicy", "DetachPolicy", "AttachPolicy"]


def test_executions_that_may_not_be_read_are_done_without() -> None:
    def refuse(_: datetime) -> Iterable[Remediation]:
        raise ServiceRefusedError("states", "ListExecutions", "AccessDeniedException", "no")

    assert attribute(MISSING, BASELINE, Witnesses(refuse, WrittenHistory()), Circumstances(NOW)) == (
        MISSING,
        (),
    )


def test_executions_that_cannot_be_read_now_are_waited_for() -> None:
    """Without them a sanctioned detach of the last minutes would be reverted."""

    def throttle(_: datetime) -> Iterable[Remediation]:
        raise ServiceBusyError("states", "ListExecutions", "ThrottlingException", "slow down")

    with pytest.raises(ServiceBusyError):
        attribute(MISSING, BASELINE, Witnesses(throttle, WrittenHistory()), Circumstances(NOW))


def test_nobody_is_asked_without_need() -> None:
    asked: list[datetime] = []

    def remember(since: datetime) -> Iterable[Remediation]:
        asked.append(since)
        return ()

    history = WrittenHistory()
    witnesses = Witnesses(remember, history)
    assert attribute(Drift(), BASELINE, witnesses, Circumstances(NOW)) == (Drift(), ())
    assert (asked, history.asked) == ([], [])
    attribute(Drift(changed=(2,)), BASELINE, witnesses, Circumstances(NOW))
    assert (asked, history.asked) == ([], ["UpdatePolicy"])
    attribute(MISSING, BASELINE, witnesses, Circumstances(NOW))
    assert asked == [NOW - RECENT]


def test_of_a_mass_detach_some_authors_are_kept_and_the_weightiest_events_come_first() -> None:
    large = large_baseline(guardrails=3, targets=100)
    deleted = record("DeletePolicy", {"policyId": "p-large00002"}, minutes_ago=90)
    detached = [
        record(
            "DetachPolicy",
            {"policyId": large.guardrails[placement.guardrail].policy_id, "targetId": placement.target_id},
            minutes_ago=20 + number / 60,
        )
        for number, placement in enumerate(large.placements)
    ]
    drift = Drift(gone=(2,), missing=tuple(range(200)))
    witnesses = Witnesses(lambda _: (), WrittenHistory(deleted, *detached))
    authors = attribute(drift, large, witnesses, Circumstances(NOW))[1]
    assert [known.event_id for known in authors] == [
        deleted.event_id,
        *(known.event_id for known in detached[: AUTHORS - 1]),
    ]

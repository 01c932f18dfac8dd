from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.attachment import Attachment, PolicyType
from holdfast.errors import MalformedEventError
from holdfast.reconciliation.trigger import (
    Cause,
    ChangeKind,
    Route,
    Scope,
    ScopeKind,
    Trigger,
    parse_trigger,
    trigger_of_document,
)
from tests.unit.examples import MANAGEMENT_ACCOUNT, example_baseline
from tests.unit.outside import JSON, WORDS
from tests.unit.tampering import DETAILS, EVENT_ID, MOVED, PROD, REQUESTS, SANDBOX, WORKLOADS, change_event

NAMES = [*REQUESTS, *DETAILS]
SCHEDULED = Trigger(Cause.SCHEDULE, Scope(ScopeKind.ALL))


def parsed(name: str, **members: object) -> Trigger:
    return parse_trigger(change_event(name, **members))


def complaint_about(document: object) -> str:
    with pytest.raises(MalformedEventError) as raised:
        parse_trigger(document)
    return str(raised.value)


def test_the_schedule_looks_at_everything() -> None:
    assert parse_trigger({"cause": "schedule"}) == SCHEDULED


def test_a_run_by_hand_looks_at_everything_unless_it_says_otherwise() -> None:
    assert parse_trigger({}) == Trigger(Cause.REQUEST, Scope(ScopeKind.ALL))


@pytest.mark.parametrize(
    ("scope", "expected", "key"),
    [
        ({"kind": "all"}, Scope(ScopeKind.ALL), "all"),
        ({"kind": "all", "subject": None}, Scope(ScopeKind.ALL), "all"),
        (
            {"kind": "policy type", "subject": "TAG_POLICY"},
            Scope(ScopeKind.POLICY_TYPE, "TAG_POLICY"),
            "policy type/TAG_POLICY",
        ),
        (
            {"kind": "policy", "subject": "p-7dj3cien"},
            Scope(ScopeKind.POLICY, "p-7dj3cien"),
            "policy/p-7dj3cien",
        ),
        (
            {"kind": "target", "subject": "338583429068"},
            Scope(ScopeKind.TARGET, "338583429068"),
            "target/338583429068",
        ),
        (
            {"kind": "attachment", "subject": "p-7dj3cien/338583429068"},
            Scope(ScopeKind.ATTACHMENT, "p-7dj3cien/338583429068"),
            "attachment/p-7dj3cien/338583429068",
        ),
    ],
)
def test_a_request_may_name_what_it_is_about(scope: dict[str, Any], expected: Scope, key: str) -> None:
    trigger = parse_trigger({"scope": scope, "dry_run": True})
    assert trigger == Trigger(Cause.REQUEST, expected, dry_run=True)
    assert trigger.scope.key == key


def test_a_request_may_be_for_one_attachment_at_once() -> None:
    scope = {"kind": "attachment", "subject": f"p-7dj3cien/{WORKLOADS}"}
    trigger = parse_trigger({"scope": scope, "at_once": True})
    assert (trigger.at_once, trigger.scope.attachment) == (True, Attachment("p-7dj3cien", WORKLOADS))
    assert trigger_of_document(json.loads(json.dumps(trigger.to_document()))) == trigger


def test_the_document_of_a_run_that_began_before_there_was_at_once_is_understood() -> None:
    document = SCHEDULED.to_document()
    del document["at_once"]
    assert trigger_of_document(document) == SCHEDULED


def test_only_a_scope_for_an_attachment_names_one() -> None:
    assert [scope.attachment for scope in (Scope(ScopeKind.ALL), Scope(ScopeKind.POLICY, "p-7dj3cien"))] == [
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("DisablePolicyType", Scope(ScopeKind.POLICY_TYPE, "SERVICE_CONTROL_POLICY")),
        ("UpdatePolicy", Scope(ScopeKind.POLICY, "p-7dj3cien")),
        ("DeletePolicy", Scope(ScopeKind.POLICY, "p-7dj3cien")),
        ("AttachPolicy", Scope(ScopeKind.TARGET, WORKLOADS)),
        ("MoveAccount", Scope(ScopeKind.EVENT, EVENT_ID)),
        ("RegisterDelegatedAdministrator", Scope(ScopeKind.EVENT, EVENT_ID)),
        ("PutResourcePolicy", Scope(ScopeKind.EVENT, EVENT_ID)),
        ("AccountJoinedOrganization", Scope(ScopeKind.EVENT, EVENT_ID)),
        ("AccountDepartedOrganization", Scope(ScopeKind.EVENT, EVENT_ID)),
    ],
)
def test_an_event_is_about_what_it_names(name: str, scope: Scope) -> None:
    trigger = parsed(name)
    assert (trigger.cause, trigger.scope, trigger.dry_run) == (Cause.EVENT, scope, False)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("DisablePolicyType", {"policy_type": PolicyType.SERVICE_CONTROL_POLICY}),
        ("UpdatePolicy", {"policy_id": "p-7dj3cien"}),
        ("DeletePolicy", {"policy_id": "p-7dj3cien"}),
        ("AttachPolicy", {"policy_id": "p-stranger1", "target_id": WORKLOADS}),
        ("MoveAccount", {"member_id": MOVED, "source_parent": PROD, "destination_parent": SANDBOX}),
        ("RegisterDelegatedAdministrator", {"member_id": MOVED}),
        ("PutResourcePolicy", {}),
        ("AccountJoinedOrganization", {"member_id": MOVED, "method": "CREATED"}),
        ("AccountDepartedOrganization", {"member_id": MOVED, "method": "LEFT"}),
    ],
)
def test_what_an_event_names_is_read_and_nothing_else(name: str, told: dict[str, Any]) -> None:
    change = parsed(name).change
    assert change is not None
    names_nothing: dict[str, Any] = dict.fromkeys(
        (
            "policy_type",
            "policy_id",
            "target_id",
            "member_id",
            "source_parent",
            "destination_parent",
            "method",
        )
    )
    assert change == replace(change, **(names_nothing | told))
    assert (change.kind, change.event_id, change.account_id) == (
        ChangeKind(name),
        EVENT_ID,
        MANAGEMENT_ACCOUNT,
    )


def test_the_routes_are_by_what_an_event_can_take_away() -> None:
    routes = {name: parsed(name).route for name in NAMES}
    assert routes == {
        "DisablePolicyType": Route.RECONCILE,
        "UpdatePolicy": Route.RECONCILE,
        "DeletePolicy": Route.RECONCILE,
        "AttachPolicy": Route.RECONCILE,
        "MoveAccount": Route.COMPARE_COVERAGE,
        "AccountJoinedOrganization": Route.COMPARE_COVERAGE,
        "AccountDepartedOrganization": Route.REPORT,
        "RegisterDelegatedAdministrator": Route.REPORT,
        "PutResourcePolicy": Route.REPORT,
    }
    assert SCHEDULED.route is Route.RECONCILE


@pytest.mark.parametrize(
    ("trigger", "concerned"),
    [
        (SCHEDULED, True),
        (parsed("DisablePolicyType"), True),
        (parsed("DisablePolicyType", policyType="S3_POLICY"), False),
        (parsed("UpdatePolicy"), True),
        (parsed("UpdatePolicy", policyId="p-FullAWSAccess"), False),
        (parsed("DeletePolicy"), True),
        (parsed("DeletePolicy", policyId="p-stranger1"), False),
        (parsed("AttachPolicy"), True),
        (parsed("AttachPolicy", targetId="ou-exme-3pieu203"), False),
        (parsed("AttachPolicy", policyId="p-7dj3cien"), False),
        (parsed("AttachPolicy", policyId="p-7xfb7xkf"), True),
        *((parsed(name), True) for name in (*DETAILS, "MoveAccount", "PutResourcePolicy")),
        (parsed("RegisterDelegatedAdministrator"), True),
    ],
)
def test_a_trigger_concerns_the_baseline_or_not(trigger: Trigger, *, concerned: bool) -> None:
    assert trigger.concerns(example_baseline()) is concerned


@pytest.mark.parametrize("policy_id", ["p-7dj3cien", "p-madeagain1"])
def test_what_happens_to_a_policy_made_again_concerns_the_baseline(policy_id: str) -> None:
    """The deleted one's own event may come after the policy was made again."""
    baseline = example_baseline().adopting({"p-7dj3cien": "p-madeagain1"})
    assert parsed("DeletePolicy", policyId=policy_id).concerns(baseline)


def test_the_reattachment_of_a_policy_made_again_fills_nobodys_slot() -> None:
    baseline = example_baseline().adopting({"p-7dj3cien": "p-madeagain1"})
    assert not parsed("AttachPolicy", policyId="p-madeagain1").concerns(baseline)


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (None, "input: got None, expected a JSON object"),
        ([], "input: got [], expected a JSON object"),
        ({"dryrun": True}, "input: got 'dryrun', expected an event, or only at_once, cause, dry_run, scope"),
        ({"cause": "event"}, "input.cause: got 'event', expected schedule or request"),
        ({"cause": []}, "input.cause: got [], expected schedule or request"),
        ({"dry_run": "yes"}, "input.dry_run: got 'yes', expected true or false"),
        ({"dry_run": 1}, "input.dry_run: got 1, expected true or false"),
        ({"at_once": 1}, "input.at_once: got 1, expected true or false"),
        (
            {"cause": "schedule", "at_once": True},
            "input.at_once: got True, expected false, as only a request is made at once",
        ),
        ({"scope": "all"}, "input.scope: got 'all', expected a JSON object"),
        (
            {"scope": {"kind": "event", "subject": EVENT_ID}},
            "input.scope.kind: got 'event', expected all, policy type, policy, target, attachment",
        ),
        ({"scope": {}}, "input.scope.kind: got None, expected all, policy type, policy, target, attachment"),
        (
            {"scope": {"kind": "all", "subject": "x"}},
            "input.scope.subject: got 'x', expected none: all is all",
        ),
        (
            {"scope": {"kind": "policy"}},
            "input.scope.subject: got None, expected what a scope of kind 'policy' can name",
        ),
        (
            {"scope": {"kind": "target", "subject": "p-7dj3cien"}},
            "input.scope.subject: got 'p-7dj3cien', expected what a scope of kind 'target' can name",
        ),
        *(
            (
                {"scope": {"kind": "attachment", "subject": subject}},
                f"input.scope.subject: got {subject!r}, expected what a scope of kind 'attachment' can name",
            )
            for subject in ("p-7dj3cien", "p-7dj3cien/", "338583429068/p-7dj3cien", "p-7dj3cien/1/2", None)
        ),
        ({"detail-type": "x"}, "detail: got None, expected a JSON object"),
        (
            change_event("MoveAccount", accountId="1"),
            "MoveAccount.accountId: got '1', expected 12 digits",
        ),
        (
            change_event("MoveAccount", sourceParentId=MOVED),
            f"MoveAccount.sourceParentId: got '{MOVED}', expected the id of a root or an OU",
        ),
        (
            change_event("UpdatePolicy", policyId="p-7dj3cien\n"),
            "UpdatePolicy.policyId: got 'p-7dj3cien\\n', expected a policy's id (p-…)",
        ),
        (
            change_event("DisablePolicyType", policyType="SCP"),
            "DisablePolicyType.policyType: got 'SCP', expected a policy type",
        ),
    ],
)
def test_a_malformed_input_is_refused_by_field_value_and_expectation(
    document: object, complaint: str
) -> None:
    assert complaint_about(document) == complaint


def test_a_failed_call_changed_nothing() -> None:
    event = change_event("DeletePolicy")
    event["detail"]["errorCode"] = "PolicyInUseException"
    assert complaint_about(event) == (
        "detail.errorCode: got 'PolicyInUseException', expected none: a failed call changes nothing"
    )


def test_an_event_of_another_kind_is_refused() -> None:
    event = change_event("DeletePolicy")
    event["detail"]["eventName"] = "CreatePolicy"
    assert complaint_about(event).startswith(
        "detail.eventName: got 'CreatePolicy', expected DisablePolicyType or"
    )


INPUTS = st.dictionaries(
    st.sampled_from(["cause", "scope", "dry_run", "detail", "detail-type"]) | WORDS,
    JSON
    | st.dictionaries(
        st.sampled_from(["kind", "subject"]), JSON | st.sampled_from([kind.value for kind in ScopeKind])
    ),
    max_size=3,
)


@given(JSON | INPUTS)
def test_any_input_is_read_or_refused(document: object) -> None:
    with suppress(MalformedEventError):
        assert isinstance(parse_trigger(document), Trigger)


FIELDS = sorted(change_event("MoveAccount")["detail"])


@given(st.sampled_from(NAMES), st.sampled_from([*FIELDS, "serviceEventDetails", "errorCode"]), JSON)
def test_an_event_with_any_one_field_wrong_is_read_or_refused(name: str, field: str, value: object) -> None:
    event = change_event(name)
    event["detail"][field] = value
    with suppress(MalformedEventError):
        assert isinstance(parse_trigger(event), Trigger)


@given(st.sampled_from(sorted(REQUESTS)), st.data())
def test_an_event_with_any_member_wrong_is_read_or_refused(name: str, data: st.DataObject) -> None:
    member = data.draw(st.sampled_from(sorted(REQUESTS[name])))
    with suppress(MalformedEventError):
        assert isinstance(parsed(name, **{member: data.draw(JSON)}), Trigger)


SCOPES = st.builds(
    Scope,
    st.sampled_from(ScopeKind),
    st.none() | st.from_regex(r"p-[0-9a-zA-Z_]{8,128}", fullmatch=True) | st.uuids().map(str),
)


TRIGGERS = st.builds(
    Trigger,
    cause=st.sampled_from(Cause),
    scope=SCOPES,
    dry_run=st.booleans(),
    change=st.none() | st.sampled_from([parsed(name).change for name in NAMES]),
)


@given(TRIGGERS, WORDS)
def test_a_trigger_survives_the_way_through_the_state_machine(trigger: Trigger, caller: str) -> None:
    if trigger.change is not None:
        principal = replace(trigger.change.principal, session_name=caller, mfa=None)
        trigger = replace(trigger, change=replace(trigger.change, principal=principal))
    assert trigger_of_document(json.loads(json.dumps(trigger.to_document()))) == trigger


@pytest.mark.parametrize("name", NAMES)
def test_the_trigger_of_every_event_survives_it_too(name: str) -> None:
    trigger = parsed(name)
    assert trigger_of_document(json.loads(json.dumps(trigger.to_document()))) == trigger

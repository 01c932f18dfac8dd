from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import MalformedEventError
from holdfast.principal import Principal
from holdfast.record import Record, mapping_of, parse_record, shortened
from tests.unit.outside import JSON
from tests.unit.tampering import EVENT_ID, MOVED, change_event

MOVE: dict[str, Any] = change_event("MoveAccount")["detail"]
JOIN: dict[str, Any] = change_event("AccountJoinedOrganization")["detail"]


def complaint_about(detail: object, names: tuple[str, ...] = ("MoveAccount",), path: str = "detail") -> str:
    with pytest.raises(MalformedEventError) as raised:
        parse_record(detail, names, path)
    return str(raised.value)


def test_the_record_of_a_call_is_read() -> None:
    assert parse_record(MOVE, ["MoveAccount"]) == Record(
        name="MoveAccount",
        event_id=EVENT_ID,
        event_time=datetime(2026, 11, 22, 9, 1, 14, tzinfo=UTC),
        account_id="111122223333",
        principal=Principal(
            kind="AssumedRole",
            arn="arn:aws:iam::111122223333:role/developer",
            unique_id="AROAEXAMPLEDEVELOPER1",
            name="developer",
            account_id="111122223333",
            session_name="mallory",
            mfa=False,
            access_key_id="ASIAIOSFODNN7EXAMPLE",
        ),
        source_ip="203.0.113.7",
        user_agent=MOVE["userAgent"],
        request={
            "accountId": MOVED,
            "sourceParentId": "ou-exme-8tio7fay",
            "destinationParentId": "ou-exme-ofz030k9",
        },
    )


def test_the_details_of_a_service_event_stand_for_its_request() -> None:
    record = parse_record(JOIN, ["AccountJoinedOrganization"])
    assert record.request == {"accountId": MOVED, "joinedMethod": "CREATED"}
    assert (record.principal.kind, record.principal.name) == ("Unknown", "AWS Internal")


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"eventVersion": "2.0"}, "detail.eventVersion: got '2.0', expected 1.x"),
        ({"eventVersion": "1.²"}, "detail.eventVersion: got '1.²', expected 1.x"),
        (
            {"eventSource": "iam.amazonaws.com"},
            "detail.eventSource: got 'iam.amazonaws.com', expected organizations.amazonaws.com",
        ),
        ({"eventName": ["MoveAccount"]}, "detail.eventName: got ['MoveAccount'], expected MoveAccount"),
        (
            {"errorCode": "AccessDenied"},
            "detail.errorCode: got 'AccessDenied', expected none: a failed call changes nothing",
        ),
        ({"eventID": "1"}, "detail.eventID: got '1', expected a UUID"),
        (
            {"eventTime": "2026-11-22"},
            "detail.eventTime: got '2026-11-22', expected an ISO 8601 time with its zone",
        ),
        (
            {"recipientAccountId": 111122223333},
            "detail.recipientAccountId: got 111122223333, expected 12 digits",
        ),
        ({"userIdentity": None}, "detail.userIdentity: got None, expected a JSON object"),
        ({"requestParameters": None}, "detail.requestParameters: got None, expected a JSON object"),
        (
            {"eventType": "AwsServiceEvent"},
            "detail.serviceEventDetails: got None, expected a JSON object",
        ),
    ],
)
def test_what_is_no_such_record_is_refused_by_field_value_and_expectation(
    changed: dict[str, Any], complaint: str
) -> None:
    assert complaint_about(MOVE | changed) == complaint


def test_several_events_may_be_expected() -> None:
    assert complaint_about(MOVE, ("DetachPolicy", "AttachPolicy")) == (
        "detail.eventName: got 'MoveAccount', expected DetachPolicy or AttachPolicy"
    )


def test_a_complaint_says_where_the_record_stands() -> None:
    assert (
        complaint_about(None, path="CloudTrailEvent") == "CloudTrailEvent: got None, expected a JSON object"
    )


@given(JSON)
def test_any_json_is_read_or_refused(detail: object) -> None:
    with suppress(MalformedEventError):
        assert isinstance(parse_record(detail, ["MoveAccount"]), Record)


@given(st.sampled_from([*MOVE, "serviceEventDetails", "errorCode"]), JSON)
def test_a_record_with_any_one_field_wrong_is_read_or_refused(field: str, value: object) -> None:
    with suppress(MalformedEventError):
        assert isinstance(parse_record(MOVE | {field: value}, ["MoveAccount"]), Record)


def test_a_complaint_about_something_endless_is_short() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(MalformedEventError) as raised:
        mapping_of(deep, "detail")
    assert str(raised.value) == "detail: got something nested too deeply, expected a JSON object"


@pytest.mark.parametrize(("value", "short"), [("a" * 200, "a" * 200), ("a" * 201, "a" * 200 + "…"), (7, "7")])
def test_a_value_is_cut_to_a_readable_length(value: object, short: str) -> None:
    assert shortened(value) == short

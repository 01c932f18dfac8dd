from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.attachment import Attachment
from holdfast.detachment import Detachment, parse_detachment
from holdfast.errors import MalformedEventError
from holdfast.principal import Principal
from tests.unit.outside import JSON, WORDS

EVENT = (Path(__file__).parents[2] / "events" / "detach_from_ou.json").read_text()


def event_with(field: str, value: object) -> dict[str, Any]:
    """Return the example event with one field of its record changed."""
    event: dict[str, Any] = json.loads(EVENT)
    event["detail"][field] = value
    return event


def event_without(field: str) -> dict[str, Any]:
    """Return the example event with one field of its record left out."""
    event: dict[str, Any] = json.loads(EVENT)
    del event["detail"][field]
    return event


def test_a_whole_event_is_read() -> None:
    assert parse_detachment(json.loads(EVENT)) == Detachment(
        attachment=Attachment("p-7dj3cien", "ou-exme-ycaqk99w"),
        event_id=json.loads(EVENT)["detail"]["eventID"],
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
        user_agent=json.loads(EVENT)["detail"]["userAgent"],
        replayed=False,
    )


def test_a_replayed_event_says_so() -> None:
    """EventBridge adds the field. Source: its user guide, "Replaying archived events"."""
    assert parse_detachment(json.loads(EVENT) | {"replay-name": "after-the-outage"}).replayed


@pytest.mark.parametrize("version", ["1.0", "1.08", "1.11", "1.99"])
def test_every_minor_version_of_the_record_is_read(version: str) -> None:
    """CloudTrail changes the minor version for additions only. Source: "CloudTrail record contents"."""
    assert parse_detachment(event_with("eventVersion", version)) == parse_detachment(json.loads(EVENT))


@pytest.mark.parametrize("field", ["sourceIPAddress", "userAgent"])
def test_what_is_good_to_know_may_be_absent(field: str) -> None:
    parse_detachment(event_without(field))


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        (None, "event: got None, expected a JSON object"),
        ([], "event: got [], expected a JSON object"),
        ({}, "detail: got None, expected a JSON object"),
        (event_with("eventVersion", "2.0"), "detail.eventVersion: got '2.0', expected 1.x"),
        (event_with("eventVersion", 1.11), "detail.eventVersion: got 1.11, expected 1.x"),
        (event_with("eventVersion", "1.²"), "detail.eventVersion: got '1.²', expected 1.x"),
        (event_without("eventVersion"), "detail.eventVersion: got None, expected 1.x"),
        (
            event_with("eventSource", "iam.amazonaws.com"),
            "detail.eventSource: got 'iam.amazonaws.com', expected organizations.amazonaws.com",
        ),
        (
            event_with("eventName", "AttachPolicy"),
            "detail.eventName: got 'AttachPolicy', expected DetachPolicy",
        ),
        (
            event_with("errorCode", "AccessDenied"),
            "detail.errorCode: got 'AccessDenied', expected none: a failed call changes nothing",
        ),
        (event_with("requestParameters", None), "detail.requestParameters: got None, expected a JSON object"),
        (event_without("requestParameters"), "detail.requestParameters: got None, expected a JSON object"),
        (
            event_with("requestParameters", {"targetId": "r-exme"}),
            "detail.requestParameters.policyId: got None, expected a policy's id (p-…)",
        ),
        (
            event_with("requestParameters", {"policyId": "p-7dj3cien", "targetId": 338583429068}),
            "detail.requestParameters.targetId: got 338583429068, expected a target's id",
        ),
        (
            event_with("requestParameters", {"policyId": "p-short", "targetId": "r-exme"}),
            "detail.requestParameters: 'p-short' is not the id of a policy (p-…)",
        ),
        (
            event_with("requestParameters", {"policyId": "p-7dj3cien", "targetId": "r-exme;"}),
            (
                "detail.requestParameters: 'r-exme;' is not the id of a root (r-…), an OU (ou-…-…) "
                "or an account (12 digits)"
            ),
        ),
        (event_with("eventID", "42"), "detail.eventID: got '42', expected a UUID"),
        (
            event_with("eventTime", "yesterday"),
            "detail.eventTime: got 'yesterday', expected an ISO 8601 time with its zone",
        ),
        (
            event_with("eventTime", "2026-11-22T09:00:00"),
            "detail.eventTime: got '2026-11-22T09:00:00', expected an ISO 8601 time with its zone",
        ),
        (
            event_with("eventTime", "0001-01-01T00:00:00+14:00"),
            "detail.eventTime: got '0001-01-01T00:00:00+14:00', expected an ISO 8601 time with its zone",
        ),
        (event_with("recipientAccountId", "1"), "detail.recipientAccountId: got '1', expected 12 digits"),
        (event_without("userIdentity"), "detail.userIdentity: got None, expected a JSON object"),
    ],
)
def test_a_malformed_event_is_refused_by_field_value_and_expectation(event: object, complaint: str) -> None:
    with pytest.raises(MalformedEventError) as raised:
        parse_detachment(event)
    assert str(raised.value) == complaint


def test_a_complaint_does_not_repeat_more_than_its_beginning() -> None:
    with pytest.raises(MalformedEventError) as raised:
        parse_detachment(event_with("eventID", "x" * 100_000))
    assert str(raised.value) == f"detail.eventID: got '{'x' * 199}…, expected a UUID"


@given(JSON)
def test_any_json_is_read_or_refused(event: object) -> None:
    with suppress(MalformedEventError):
        parse_detachment(event)


@given(st.sampled_from(sorted(json.loads(EVENT)["detail"])), JSON | WORDS)
def test_an_event_with_any_one_field_wrong_is_read_or_refused(field: str, value: object) -> None:
    with suppress(MalformedEventError):
        detachment = parse_detachment(event_with(field, value))
        assert detachment.attachment == Attachment("p-7dj3cien", "ou-exme-ycaqk99w")
        assert (detachment.user_agent or "").encode() is not None

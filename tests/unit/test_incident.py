from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.attachment import Attachment, PolicyType
from holdfast.detachment import Detachment
from holdfast.errors import UnknownSchemaError
from holdfast.incident import (
    SCHEMA,
    AttachResult,
    Failure,
    Incident,
    Observation,
    Protection,
    Reattachment,
    is_incident,
    observation_document,
    parse_failure,
    parse_incident,
)
from holdfast.principal import Principal
from holdfast.verdict import Action, Reason, Verdict
from tests.unit.examples import CONFIRMED, CONFIRMED_INCIDENT, NOW, VERIFIED
from tests.unit.outside import JSON, WORDS

MOMENTS = st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(microsecond=0))
PRINCIPALS = st.builds(Principal, kind=st.text(), arn=st.none() | st.text(), mfa=st.none() | st.booleans())
DETACHMENTS = st.builds(
    Detachment,
    attachment=st.builds(
        Attachment,
        st.from_regex(r"p-[0-9a-zA-Z_]{8,128}", fullmatch=True),
        st.from_regex(r"r-[0-9a-z]{4,32}|[0-9]{12}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}", fullmatch=True),
    ),
    event_id=st.uuids().map(str),
    event_time=MOMENTS,
    account_id=st.just("111122223333"),
    principal=PRINCIPALS,
    source_ip=st.none() | st.text(),
    user_agent=st.none() | st.text(),
    replayed=st.booleans(),
)
INCIDENTS = st.builds(
    Incident,
    detachment=DETACHMENTS,
    protection=st.builds(
        Protection,
        name=st.none() | st.text(),
        policy_type=st.none() | st.sampled_from(PolicyType),
        organization=st.text(),
        baseline_version=st.text(),
        declared_id=st.none() | st.text(),
    ),
    verdict=st.builds(Verdict, st.sampled_from(Action), st.sampled_from(Reason)),
    observed=st.none() | st.builds(Observation, attached=st.booleans(), at=MOMENTS),
)


@given(INCIDENTS)
def test_an_incident_survives_the_way_through_the_state_machine(incident: Incident) -> None:
    document = json.loads(json.dumps(incident.to_document()))
    assert parse_incident(document) == incident


def test_an_incident_at_its_last_stage_has_what_the_state_machine_added() -> None:
    document = VERIFIED.to_document() | {
        "reattachment": {"result": "attached", "at": "2026-11-22T09:00:30Z", "retries": 0},
        "confirmation": {"at": "2026-11-22T09:00:42Z"},
        "notification": {"subject": "whatever"},
    }
    assert parse_incident(document) == CONFIRMED_INCIDENT


def test_an_incident_that_failed_has_what_the_catch_caught() -> None:
    document = VERIFIED.to_document() | {"error": {"Error": "PolicyGoneError", "Cause": "gone"}}
    assert parse_incident(document) == replace(VERIFIED, failure=Failure("PolicyGoneError", "gone"))


def test_an_incident_from_before_policies_were_made_again_is_read() -> None:
    """An execution may have begun with the code that was deployed before."""
    document = VERIFIED.to_document()
    del document["protection"]["declared_id"]
    assert parse_incident(document) == VERIFIED


def test_the_document_of_an_incident_is_plain() -> None:
    document = VERIFIED.to_document()
    assert document["schema"] == SCHEMA
    assert document["verdict"] == {"action": "reattach", "reason": "in the baseline"}
    assert document["observed"] == {"attached": False, "at": "2026-11-22T09:00:30Z"}
    assert document["detachment"]["event_time"] == "2026-11-22T09:00:00Z"


def test_an_observation_is_a_part_of_the_document() -> None:
    observed = Observation(attached=True, at=CONFIRMED)
    assert observation_document(observed) == {"attached": True, "at": "2026-11-22T09:00:42Z"}


def test_a_raw_event_is_no_incident() -> None:
    assert is_incident(VERIFIED.to_document())
    assert not is_incident({"detail-type": "AWS API Call via CloudTrail", "detail": {}})


@pytest.mark.parametrize("schema", [2, 0, "1", None])
def test_an_incident_of_another_version_is_refused(schema: object) -> None:
    with pytest.raises(UnknownSchemaError) as raised:
        parse_incident(VERIFIED.to_document() | {"schema": schema})
    assert str(raised.value) == f"incident schema: got {schema!r}, expected 1"


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("detachment", None),
        ("detachment", {}),
        ("detachment", VERIFIED.to_document()["detachment"] | {"colour": "red"}),
        ("detachment", VERIFIED.to_document()["detachment"] | {"event_time": "yesterday"}),
        ("detachment", VERIFIED.to_document()["detachment"] | {"principal": {}}),
        ("protection", {"name": "x"}),
        ("verdict", {"action": "hesitate", "reason": "in the baseline"}),
        ("verdict", {"action": "reattach", "reason": "because"}),
        ("observed", {"attached": True}),
        ("reattachment", {"result": "maybe", "at": "2026-11-22T09:00:30Z", "retries": 0}),
        ("confirmation", {"at": None}),
        ("leave", {"exemption": None}),
        ("leave", {"exemption": {"name": "x"}, "ended": None, "ignored": [], "unread": None}),
        ("error", "it broke"),
    ],
)
def test_an_incident_with_a_part_that_nobody_knows_is_refused(part: str, value: object) -> None:
    with pytest.raises(UnknownSchemaError, match=r"^incident: "):
        parse_incident(VERIFIED.to_document() | {part: value})


@given(st.sampled_from(sorted(VERIFIED.to_document())), JSON)
def test_an_incident_with_anything_in_a_part_is_read_or_refused(part: str, value: Any) -> None:
    try:
        incident = parse_incident(VERIFIED.to_document() | {part: value})
    except UnknownSchemaError:
        return
    assert isinstance(incident, Incident)


@pytest.mark.parametrize(
    ("caught", "expected"),
    [
        (None, None),
        (
            {
                "Error": "PolicyGoneError",
                "Cause": '{"errorMessage": "gone", "errorType": "PolicyGoneError", "stackTrace": []}',
            },
            Failure("PolicyGoneError", "gone"),
        ),
        ({"Error": "States.Timeout"}, Failure("States.Timeout", "")),
        ({"Error": "States.Timeout", "Cause": "took too long"}, Failure("States.Timeout", "took too long")),
        ({"Error": "X", "Cause": '{"other": 1}'}, Failure("X", '{"other": 1}')),
        ({"Error": "X", "Cause": "[1, 2]"}, Failure("X", "[1, 2]")),
        ({"Error": "X", "Cause": '{"errorMessage": null}'}, Failure("X", "None")),
        ({"Error": "", "Cause": "7"}, Failure("Unknown", "7")),
        ({}, Failure("Unknown", "")),
        ({"Error": "X", "Cause": "[" * 30_000}, Failure("X", "[" * 1_000)),
        ({"Error": "X", "Cause": "1" * 5_000}, Failure("X", "1" * 1_000)),
    ],
)
def test_what_a_catch_caught_is_read(caught: dict[str, Any] | None, expected: Failure | None) -> None:
    """A function's error is Lambda's JSON, cut at 32,768 characters.

    Source: Step Functions developer guide, "Handling errors in Step Functions workflows".
    """
    assert parse_failure(caught) == expected


@given(st.fixed_dictionaries({"Error": WORDS, "Cause": WORDS | JSON.map(json.dumps)}))
def test_whatever_was_caught_is_a_failure(caught: dict[str, str]) -> None:
    assert isinstance(parse_failure(caught), Failure)


def test_what_attach_policy_answered_is_a_part_of_the_incident() -> None:
    part = {"result": "already attached", "at": "2026-11-22T09:00:30Z", "retries": 3}
    incident = parse_incident(VERIFIED.to_document() | {"reattachment": part})
    assert incident.reattachment == Reattachment(AttachResult.ALREADY_ATTACHED, NOW, retries=3)


def test_the_times_of_an_incident_are_in_whole_seconds() -> None:
    precise = replace(
        VERIFIED, observed=Observation(attached=False, at=datetime(2026, 11, 22, 9, 0, 30, 7, UTC))
    )
    assert parse_incident(precise.to_document()) == VERIFIED

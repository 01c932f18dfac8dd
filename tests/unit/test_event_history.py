from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.stub import Stubber
from hypothesis import given

from holdfast.errors import ServiceRefusedError
from holdfast_cli.event_history import detaches, detachment_in
from holdfast_cli.session import Session
from tests.unit.examples import NOW, REGIONS_ON_WORKLOADS
from tests.unit.outside import JSON
from tests.unit.tampering import change_event

SINCE = NOW - timedelta(days=90)
ASKED = {
    "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "DetachPolicy"}],
    "StartTime": SINCE,
    "EndTime": NOW,
    "MaxResults": 50,
}


def listed(**changes: object) -> dict[str, Any]:
    """Return a detach as LookupEvents lists it: the record is JSON in a string."""
    request = {"policyId": REGIONS_ON_WORKLOADS.policy_id, "targetId": REGIONS_ON_WORKLOADS.target_id}
    record = change_event("UpdatePolicy")["detail"]
    record |= {"eventName": "DetachPolicy", "requestParameters": request, **changes}
    return {"CloudTrailEvent": json.dumps(record)}


@pytest.fixture(name="cloudtrail")
def _cloudtrail(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    """Stub the client of the region that was asked; another region's is none."""
    session = Session(endpoint_url="http://127.0.0.1:1", region="us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALOCALOPERATOR000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    client = session.client("cloudtrail")

    def given(asked: Session, service: str) -> Any:
        assert (asked.region, service) == ("us-east-1", "cloudtrail")
        return client

    monkeypatch.setattr(Session, "client", given)
    stubber = Stubber(client)
    stubber.activate()
    return stubber


def found() -> list[Any]:
    """Return what is read of the whole window by somebody who works in another region."""
    session = Session(endpoint_url="http://127.0.0.1:1", region="eu-central-1")
    return [each for page in detaches(session, "aws", SINCE, NOW) for each in page]


def test_all_pages_are_read_in_the_region_of_the_events(cloudtrail: Stubber) -> None:
    cloudtrail.add_response("lookup_events", {"Events": [listed()], "NextToken": "2"}, ASKED)
    cloudtrail.add_response("lookup_events", {"Events": [listed()]}, ASKED | {"NextToken": "2"})

    assert [each.attachment for each in found()] == [REGIONS_ON_WORKLOADS] * 2


def test_what_detached_no_policy_is_left_out_and_what_cannot_be_read_is_not(cloudtrail: Stubber) -> None:
    events = [
        listed(errorCode="PolicyNotAttachedException"),
        listed(eventSource="iot.amazonaws.com"),
        listed(eventID="no UUID"),
        listed(requestParameters={"policyId": "p-7dj3cien"}),
        {"CloudTrailEvent": "{"},
        {},
    ]
    cloudtrail.add_response("lookup_events", {"Events": events}, ASKED)

    assert found() == [None] * 4


def test_a_history_that_does_not_answer_is_no_empty_one(cloudtrail: Stubber) -> None:
    cloudtrail.add_client_error("lookup_events", "AccessDeniedException", "no", 400)

    with pytest.raises(ServiceRefusedError):
        found()


@given(JSON)
def test_whatever_a_record_is_it_is_no_detach_of_ours(record: Any) -> None:
    assert detachment_in(record) is None

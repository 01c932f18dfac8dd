from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.errors import ServiceBusyError, ServiceRefusedError
from holdfast.pacing import Pace
from holdfast.reconciliation.history import HALF, History, connect_history
from tests.unit.examples import DENY_REGIONS, DETACHED, NOW, WORKLOADS
from tests.unit.live_organization import Clock
from tests.unit.scripted_services import scripted
from tests.unit.tampering import change_event

if TYPE_CHECKING:
    from botocore.stub import Stubber

SINCE, UNTIL = NOW - timedelta(days=90), NOW
ASKED = {
    "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "DetachPolicy"}],
    "StartTime": SINCE,
    "EndTime": UNTIL,
    "MaxResults": 50,
}


class Scripted:
    """A history whose pages are written down beforehand."""

    def __init__(self, client: Any, stubber: Stubber) -> None:
        self.clock = Clock()
        self.history = History(client, Pace(HALF, self.clock.sleep, self.clock.monotonic))
        self._stubber = stubber

    def answers(self, *events: dict[str, Any], token: str | None = None, after: str | None = None) -> None:
        """Answer the next page, which must be the one after the token `after`."""
        following = {"NextToken": token} if token else {}
        asked = ASKED | ({"NextToken": after} if after else {})
        self._stubber.add_response("lookup_events", {"Events": list(events), **following}, asked)

    def refuses(self, code: str) -> None:
        """Answer the next call with an error."""
        self._stubber.add_client_error("lookup_events", code, "as it said", 400)


@pytest.fixture(name="script")
def _script() -> Iterator[Scripted]:
    with scripted("cloudtrail") as (client, stubber):
        yield Scripted(client, stubber)


def listed(**changes: object) -> dict[str, Any]:
    """Return an event as LookupEvents lists it: the record is JSON in a string."""
    record = change_event("UpdatePolicy")["detail"]
    record |= {
        "eventName": "DetachPolicy",
        "requestParameters": {"policyId": DENY_REGIONS, "targetId": WORKLOADS},
        **changes,
    }
    return {"EventName": "DetachPolicy", "EventTime": DETACHED, "CloudTrailEvent": json.dumps(record)}


def names(script: Scripted, **limits: int) -> list[str]:
    return [
        record.request["policyId"]
        for record in script.history.records("DetachPolicy", SINCE, UNTIL, **limits)
    ]


def test_the_records_of_all_pages_are_yielded(script: Scripted) -> None:
    def request(policy_id: str) -> dict[str, Any]:
        return listed(requestParameters={"policyId": policy_id, "targetId": WORKLOADS})

    script.answers(request("p-first0001"), token="t1")
    script.answers(token="t2", after="t1")
    script.answers(request("p-second001"), request("p-third0001"), after="t2")
    assert names(script) == ["p-first0001", "p-second001", "p-third0001"]


def test_a_record_says_who_did_it(script: Scripted) -> None:
    script.answers(listed())
    (record,) = script.history.records("DetachPolicy", SINCE, UNTIL)
    assert (record.name, record.principal.arn) == (
        "DetachPolicy",
        "arn:aws:iam::111122223333:role/developer",
    )


def test_a_call_that_failed_and_what_is_no_record_are_left_out(script: Scripted) -> None:
    script.answers(
        listed(errorCode="AccessDenied"),
        listed(eventSource="sso.amazonaws.com"),
        listed(requestParameters=None),
        {"EventName": "DetachPolicy", "CloudTrailEvent": "not json"},
        {"EventName": "DetachPolicy"},
        listed(),
    )
    assert names(script) == [DENY_REGIONS]


def test_half_of_the_published_rate_is_used(script: Scripted) -> None:
    """Source: CloudTrail API reference, LookupEvents: two calls a second."""
    script.answers(token="t1")
    script.answers(token="t2", after="t1")
    script.answers(after="t2")
    assert names(script) == []
    assert script.clock.seconds == 2
    script.answers()
    assert names(script) == []
    assert script.clock.seconds == 3


def test_nobody_asks_for_a_page_that_is_not_needed(script: Scripted) -> None:
    script.answers(listed(), listed(), token="t1")
    assert next(script.history.records("DetachPolicy", SINCE, UNTIL)).name == "DetachPolicy"


def test_a_window_with_too_many_pages_is_no_answer(script: Scripted) -> None:
    script.answers(listed(), token="t1")
    script.answers(listed(), token="t2", after="t1")
    records = script.history.records("DetachPolicy", SINCE, UNTIL, pages_at_most=2)
    assert [next(records).name, next(records).name] == ["DetachPolicy"] * 2
    with pytest.raises(ServiceBusyError, match=r"^cloudtrail LookupEvents: TooManyPages: of DetachPolicy$"):
        next(records)


def test_a_window_with_just_as_many_pages_is_one(script: Scripted) -> None:
    script.answers(listed(), token="t1")
    script.answers(listed(), after="t1")
    assert names(script, pages_at_most=2) == [DENY_REGIONS] * 2


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ThrottlingException", ServiceBusyError),
        ("AccessDeniedException", ServiceRefusedError),
        ("InvalidTimeRangeException", ServiceRefusedError),
    ],
)
def test_an_error_is_judged(code: str, error: type[Exception], script: Scripted) -> None:
    script.refuses(code)
    with pytest.raises(error, match=f"^cloudtrail LookupEvents: {code}: as it said$"):
        names(script)


def test_the_connection_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    connect_history.cache_clear()
    assert connect_history() is connect_history()
    config: Any = connect_history()._client.meta.config
    assert config.retries["total_max_attempts"] == 1

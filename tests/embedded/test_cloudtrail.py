"""CloudTrail's API: the event history, and what trails tell about themselves.

LOOKUP is "LookupEvents" in the AWS CloudTrail API reference.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.moto_api._internal.models import moto_api_backend

from localaws.clock import SkippingClock
from localaws.cloudtrail import CloudTrail
from localaws.gateway import Gateway
from localaws.identities import Identities
from localaws.organizations import Organizations
from localaws.rates import Rates
from localaws.trail import Trail
from tests.embedded.wire import connect

NINE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ALL = ["AttachPolicy", "CreatePolicy", "CreateOrganization"]
SCP = "SERVICE_CONTROL_POLICY"
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": []})


class Town:
    """An organization whose changes have been recorded, one a minute from nine o'clock on."""

    def __init__(self) -> None:
        self.clock = SkippingClock(NINE)
        identities = Identities(self.clock)
        self.told: list[dict[str, Any]] = []
        self.trail = Trail(self.clock, identities, self.told.append)
        self.rates = Rates(self.clock)
        history = CloudTrail(self.clock, self.trail)
        self.gateway = Gateway([self.rates, self.trail, history, Organizations(self.clock)], self.clock)
        self.trails = connect(self.gateway, "cloudtrail")
        self.organizations = connect(self.gateway, "organizations")
        self.organizations.create_organization()
        self.root = self.organizations.list_roots()["Roots"][0]["Id"]
        self.wait(60)
        created = self.organizations.create_policy(Name="Deny", Description="", Type=SCP, Content=DOCUMENT)
        self.policy = created["Policy"]["PolicySummary"]["Id"]
        self.wait(60)
        self.organizations.attach_policy(PolicyId=self.policy, TargetId=self.root)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        with self.clock.working():
            self.clock.sleep(seconds)

    def names(self, key: str = "", value: str = "", **more: Any) -> list[str]:
        """Return the names of the events that a lookup shows."""
        if key:
            more["LookupAttributes"] = [{"AttributeKey": key, "AttributeValue": value}]
        return [event["EventName"] for event in self.trails.lookup_events(**more)["Events"]]


@pytest.fixture
def town(monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "111122223333")
    moto_api_backend.reset()
    return Town()


def test_a_lookup_shows_the_newest_event_first(town: Town) -> None:
    """LOOKUP: the events are sorted by time, the latest first."""
    assert town.names() == ["AttachPolicy", "CreatePolicy", "CreateOrganization"]


def test_an_event_is_shown_with_its_whole_record(town: Town) -> None:
    (event,) = town.trails.lookup_events(MaxResults=1)["Events"]
    record = json.loads(event.pop("CloudTrailEvent"))
    assert record["requestParameters"] == {"policyId": town.policy, "targetId": town.root}
    assert event == {
        "EventId": record["eventID"],
        "EventName": "AttachPolicy",
        "ReadOnly": "false",
        "AccessKeyId": record["userIdentity"]["accessKeyId"],
        "EventTime": NINE + timedelta(minutes=2),
        "EventSource": "organizations.amazonaws.com",
        "Username": "local-operator",
        "Resources": [],
    }


def test_a_failed_call_is_looked_up_like_any_other(town: Town) -> None:
    with pytest.raises(town.organizations.exceptions.DuplicatePolicyAttachmentException):
        town.organizations.attach_policy(PolicyId=town.policy, TargetId=town.root)
    (event,) = town.trails.lookup_events(MaxResults=1)["Events"]
    assert json.loads(event["CloudTrailEvent"])["errorCode"] == "DuplicatePolicyAttachmentException"


def test_the_services_own_events_have_no_user(town: Town) -> None:
    """CloudTrail user guide, "userIdentity element": AWS itself has no user name."""
    town.organizations.create_account(AccountName="Payroll", Email="payroll@example.com")
    shown = town.trails.lookup_events()["Events"]
    assert [(event["EventName"], event.get("Username")) for event in shown][:3] == [
        ("AccountJoinedOrganization", None),
        ("CreateAccountResult", None),
        ("CreateAccount", "local-operator"),
    ]


@pytest.mark.parametrize(
    ("key", "value", "names"),
    [
        ("EventName", "AttachPolicy", ["AttachPolicy"]),
        ("EventSource", "organizations.amazonaws.com", ALL),
        ("EventSource", "iam.amazonaws.com", []),
        ("ReadOnly", "true", []),
        ("ReadOnly", "false", ALL),
        ("Username", "local-operator", ALL),
        ("Username", "somebody-else", []),
        ("ResourceName", "p-examplescp1", []),
    ],
)
def test_a_lookup_keeps_to_its_attribute(town: Town, key: str, value: str, names: list[str]) -> None:
    assert town.names(key, value) == names


def test_an_event_is_found_by_its_id(town: Town) -> None:
    newest = town.trails.lookup_events(MaxResults=1)["Events"][0]["EventId"]
    assert town.names("EventId", newest) == ["AttachPolicy"]


def test_the_user_of_a_role_is_its_session(town: Town) -> None:
    """The AWS CLI's example of lookup-events."""
    role = connect(town.gateway, "iam").create_role(RoleName="pipeline", AssumeRolePolicyDocument="{}")[
        "Role"
    ]
    sts = connect(town.gateway, "sts")
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="it")["Credentials"]
    pipeline = connect(town.gateway, "organizations", session["AccessKeyId"])
    pipeline.detach_policy(PolicyId=town.policy, TargetId=town.root)
    assert town.names("Username", "it") == ["DetachPolicy"]


def test_a_lookup_keeps_to_its_time_range(town: Town) -> None:
    """LOOKUP: events that occur at or after the start, and at or before the end."""
    minute = timedelta(minutes=1)
    assert town.names(StartTime=NINE + minute) == ["AttachPolicy", "CreatePolicy"]
    assert town.names(EndTime=NINE + minute) == ["CreatePolicy", "CreateOrganization"]
    assert town.names(StartTime=NINE + minute, EndTime=NINE + minute) == ["CreatePolicy"]


def test_pages_go_on_where_the_last_one_ended_whatever_comes_in_meanwhile(town: Town) -> None:
    first = town.trails.lookup_events(MaxResults=2)
    assert [event["EventName"] for event in first["Events"]] == ["AttachPolicy", "CreatePolicy"]
    town.organizations.detach_policy(PolicyId=town.policy, TargetId=town.root)
    last = town.trails.lookup_events(MaxResults=2, NextToken=first["NextToken"])
    assert [event["EventName"] for event in last["Events"]] == ["CreateOrganization"]
    assert "NextToken" not in last


def test_a_new_event_is_shown_when_the_lag_has_passed(town: Town) -> None:
    town.trail.lookup_lag = 300
    assert town.names() == []
    town.wait(240)
    assert town.names() == ["CreatePolicy", "CreateOrganization"]
    town.wait(60)
    assert town.names() == ["AttachPolicy", "CreatePolicy", "CreateOrganization"]


def test_events_are_shown_for_90_days(town: Town) -> None:
    """LOOKUP: events that occurred in a Region within the last 90 days."""
    town.wait(90 * 86_400 - 100)
    assert town.names() == ["AttachPolicy", "CreatePolicy"]


def test_the_history_is_a_regions_own(town: Town) -> None:
    assert connect(town.gateway, "cloudtrail", region="eu-west-1").lookup_events()["Events"] == []


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"NextToken": "bm9wZQ=="}, "InvalidNextTokenException"),
        ({"StartTime": NINE, "EndTime": NINE - timedelta(1)}, "InvalidTimeRangeException"),
        (
            {"LookupAttributes": [{"AttributeKey": "EventId", "AttributeValue": "x"}] * 2},
            "InvalidLookupAttributesException",
        ),
    ],
)
def test_a_lookup_that_cannot_be_is_refused(town: Town, request_: dict[str, Any], error: str) -> None:
    with pytest.raises(getattr(town.trails.exceptions, error)):
        town.trails.lookup_events(**request_)


def test_two_lookups_a_second_are_answered(town: Town) -> None:
    """LOOKUP: the rate is limited to two per second, per account, per Region."""
    town.rates.published = True
    answers = []
    for pause in (0, 0, 0, 0.5, 0):
        town.wait(pause)
        try:
            town.trails.lookup_events()
            answers.append("answered")
        except town.trails.exceptions.ClientError as error:
            answers.append(error.response["Error"]["Code"])
    throttled = "ThrottlingException"
    assert answers == ["answered", "answered", throttled, "answered", throttled]


def test_a_trail_tells_what_it_records(town: Town) -> None:
    """CloudTrail user guide, "Logging management events": trails log all management events by default."""
    connect(town.gateway, "s3").create_bucket(Bucket="records")
    town.trails.create_trail(Name="everything", S3BucketName="records", IsMultiRegionTrail=True)
    (trail,) = town.trails.describe_trails()["trailList"]
    assert (trail["HomeRegion"], trail["IsMultiRegionTrail"]) == ("us-east-1", True)
    (selector,) = town.trails.get_event_selectors(TrailName="everything")["EventSelectors"]
    assert (selector["ReadWriteType"], selector["IncludeManagementEvents"]) == ("All", True)

    chosen = {"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True, "DataResources": []}
    town.trails.put_event_selectors(TrailName="everything", EventSelectors=[chosen])
    (selector,) = town.trails.get_event_selectors(TrailName="everything")["EventSelectors"]
    assert selector["ReadWriteType"] == "ReadOnly"


def test_a_trail_tells_whether_it_records(town: Town) -> None:
    connect(town.gateway, "s3").create_bucket(Bucket="records")
    town.trails.create_trail(Name="everything", S3BucketName="records")
    states = []
    for change in (town.trails.start_logging, town.trails.stop_logging):
        change(Name="everything")
        states.append(town.trails.get_trail_status(Name="everything")["IsLogging"])
    assert states == [True, False]


def test_the_history_shows_who_wrote_a_parameter(town: Town) -> None:
    connect(town.gateway, "ssm").put_parameter(Name="/a/b", Value="v", Type="String")
    assert town.names("EventSource", "ssm.amazonaws.com") == ["PutParameter"]
    assert town.names("EventName", "PutParameter") == ["PutParameter"]

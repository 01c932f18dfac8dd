"""The published rates of AWS Organizations.

QUOTAS is "Throttling limits" in the AWS Organizations user guide: rate and burst, per account.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from localaws.calls import CallLog
from localaws.clock import SkippingClock
from localaws.gateway import ApiCall, ApiResponse, Gateway
from localaws.identities import Identities
from localaws.rates import PUBLISHED_RATES, Rates
from tests.embedded.wire import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localaws.gateway import Proceed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[SkippingClock]:
    """Return a clock that stands still but where the test sleeps."""
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "111122223333")
    clock = SkippingClock()
    with clock.working():
        yield clock


@pytest.fixture
def rates(clock: SkippingClock) -> Rates:
    return Rates(clock, published=True)


def nothing_to_do(call: ApiCall, proceed: Proceed) -> ApiResponse:
    """Answer every call with success, so that only the rates can refuse it."""
    del call, proceed
    return ApiResponse.of_json({})


class Caller:
    """Calls Organizations through the rates, and counts."""

    def __init__(self, rates: Rates, clock: SkippingClock) -> None:
        log = CallLog(clock, Identities(clock))
        self.log = log
        self.clock = clock
        self.client = connect(Gateway([log, rates, nothing_to_do], clock), "organizations")

    def attach(self) -> bool:
        """Return whether one AttachPolicy call is admitted."""
        try:
            self.client.attach_policy(PolicyId="p-12345678", TargetId="r-abcd")
        except self.client.exceptions.TooManyRequestsException:
            return False
        return True

    def admitted(self, times: int) -> int:
        """Return how many of so many calls at once are admitted."""
        return sum(self.attach() for _ in range(times))


@pytest.fixture
def caller(rates: Rates, clock: SkippingClock) -> Caller:
    return Caller(rates, clock)


def test_a_full_bucket_admits_a_burst_of_three_changes(caller: Caller) -> None:
    """QUOTAS: AttachPolicy has rate 2 and burst 3."""
    assert [caller.attach() for _ in range(5)] == [True, True, True, False, False]


def test_a_bucket_gains_two_tokens_a_second_and_holds_three(caller: Caller) -> None:
    """QUOTAS: AttachPolicy has rate 2 and burst 3; the bucket never holds more than the burst."""
    admitted = [caller.admitted(5)]
    for seconds in (0.4, 0.1, 1, 60):
        caller.clock.sleep(seconds)
        admitted.append(caller.admitted(5))
    assert admitted == [3, 0, 1, 2, 3]


def test_no_more_than_two_changes_a_second_pass_in_the_long_run(caller: Caller) -> None:
    """QUOTAS: the rate is the average, whatever the burst."""
    admitted = 0
    for _ in range(500):
        admitted += caller.attach()
        caller.clock.sleep(0.1)
    assert admitted == pytest.approx(50 * 2 + 3, abs=1)


def test_a_refused_call_says_that_it_came_too_fast(caller: Caller) -> None:
    """From botocore's Organizations model: TooManyRequestsException with the extra member Type."""
    caller.admitted(3)
    with pytest.raises(ClientError) as error:
        caller.client.attach_policy(PolicyId="p-12345678", TargetId="r-abcd")
    response: Any = error.value.response
    assert response["Error"]["Code"] == "TooManyRequestsException"
    assert response["Type"] == "Throttling"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_the_four_changes_share_one_bucket_and_update_policy_has_its_own(caller: Caller) -> None:
    """QUOTAS: four operations on one row, UpdatePolicy on another with equal numbers."""
    client = caller.client
    client.create_policy(Name="n", Description="d", Type="SERVICE_CONTROL_POLICY", Content="{}")
    client.delete_policy(PolicyId="p-12345678")
    client.detach_policy(PolicyId="p-12345678", TargetId="r-abcd")
    assert not caller.attach()
    for _ in range(3):
        client.update_policy(PolicyId="p-12345678")
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        client.update_policy(PolicyId="p-12345678")


def test_every_operation_has_the_bucket_of_its_row() -> None:
    """QUOTAS: no operation is on two rows; botocore's model of the service knows all of them."""
    listed = [operation for rate in PUBLISHED_RATES for operation in rate.operations]
    assert len(listed) == len(set(listed))
    for service in {rate.service for rate in PUBLISHED_RATES}:
        listed = [name for rate in PUBLISHED_RATES if rate.service == service for name in rate.operations]
        model = boto3.Session().client(service, region_name="us-east-1").meta.service_model  # type: ignore[call-overload]
        assert set(listed) <= set(model.operation_names)


@pytest.mark.parametrize(
    ("operation", "per_second", "burst"),
    [
        ("DescribePolicy", 2, 2),
        ("ListPoliciesForTarget", 5, 8),
        ("ListTargetsForPolicy", 5, 8),
        ("ListRoots", 1, 2),
        ("DescribeOrganization", 1, 2),
        ("DisablePolicyType", 1, 1),
        ("DescribeAccount", 20, 30),
        ("ListParents", 5, 8),
    ],
)
def test_the_rows_are_as_published(operation: str, per_second: float, burst: int) -> None:
    """QUOTAS, the rows of the calls that matter most when policies are watched."""
    (row,) = (rate for rate in PUBLISHED_RATES if operation in rate.operations)
    assert (row.per_second, row.burst) == (per_second, burst)


def test_the_rates_do_not_hold_until_they_are_switched_on(clock: SkippingClock) -> None:
    rates = Rates(clock)
    caller = Caller(rates, clock)
    assert caller.admitted(20) == 20
    rates.published = True
    assert caller.admitted(20) == 3


def test_a_rival_leaves_what_it_does_not_take(rates: Rates, caller: Caller) -> None:
    """Two tokens a second are enough for one call of each side."""
    rates.rival(1)
    caller.clock.sleep(60)
    admitted = 0
    for _ in range(100):
        admitted += caller.attach()
        caller.clock.sleep(1)
    assert admitted == 100


def test_a_rival_faster_than_the_rate_leaves_the_time_between_its_calls(rates: Rates, caller: Caller) -> None:
    """Ten calls a second leave each of two tokens alone for 0.05 s on average: one call in ten finds one."""
    waits = random.Random(7)  # noqa: S311 - waits, not secrets
    rates.rival(10)
    caller.clock.sleep(60)
    admitted = 0
    for _ in range(2_000):
        admitted += caller.attach()
        caller.clock.sleep(waits.uniform(0.5, 1.5))
    assert admitted == pytest.approx(200, rel=0.25)


def test_a_rival_drains_the_bucket_before_the_first_call(rates: Rates, caller: Caller) -> None:
    rates.rival(100)
    caller.clock.sleep(10)
    assert caller.admitted(5) <= 1


def test_a_rival_that_was_sent_away_takes_no_more(rates: Rates, caller: Caller) -> None:
    rates.rival(100)
    caller.clock.sleep(10)
    rates.rival(0)
    caller.clock.sleep(1.5)
    assert caller.admitted(5) == 3


def test_a_rival_has_no_part_in_other_buckets(rates: Rates, caller: Caller) -> None:
    rates.rival(100, "AttachPolicy")
    caller.clock.sleep(10)
    for _ in range(3):
        caller.client.update_policy(PolicyId="p-12345678")


def test_the_call_log_keeps_admitted_and_throttled_calls_apart(caller: Caller) -> None:
    start = caller.clock.now()
    caller.admitted(5)
    caller.client.list_roots()
    attaches = caller.log.recorded("organizations", "AttachPolicy")
    assert [call.throttled for call in attaches] == [False, False, False, True, True]
    assert [call.error_code for call in attaches[2:4]] == [None, "TooManyRequestsException"]
    assert {call.principal for call in attaches} == {"arn:aws:iam::111122223333:user/local-operator"}
    assert {call.at for call in attaches} == {start}
    assert len(caller.log.recorded()) == 6
    caller.log.clear()
    assert caller.log.recorded() == []

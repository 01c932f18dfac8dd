"""Calls that fail on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from localaws.clock import SkippingClock
from localaws.gateway import ApiError
from localaws.server import EmbeddedAws

BUSY = ApiError("TooManyRequestsException", "Slow down.")


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(clock=SkippingClock()) as aws:
        yield aws


@pytest.fixture
def aws(server: EmbeddedAws) -> Iterator[EmbeddedAws]:
    yield server
    server.faults.clear()


def outcomes(client: Any, calls: int) -> list[str]:
    """Create topics, or try to, and return how each call ended."""
    ended = []
    for number in range(calls):
        try:
            client.create_topic(Name=f"topic-{number}")
        except (ClientError, ConnectionClosedError) as error:
            ended.append(type(error).__name__)
        else:
            ended.append("done")
    return ended


def topics(client: Any) -> int:
    return len(client.list_topics()["Topics"])


def test_a_fault_hits_as_many_calls_as_it_was_armed_for(aws: EmbeddedAws) -> None:
    aws.faults.fail_call("sns", "CreateTopic", BUSY, times=2)

    assert outcomes(aws.client("sns"), 3) == ["ClientError", "ClientError", "done"]


def test_spared_calls_come_before_the_faults(aws: EmbeddedAws) -> None:
    aws.faults.fail_call("sns", "CreateTopic", BUSY, spared=2)

    assert outcomes(aws.client("sns"), 4) == ["done", "done", "ClientError", "done"]


def test_faults_of_one_operation_are_spent_in_the_order_in_which_they_were_armed(aws: EmbeddedAws) -> None:
    aws.faults.fail_call("sns", "CreateTopic", None)
    aws.faults.fail_call("sns", "CreateTopic", BUSY, spared=1)

    assert outcomes(aws.client("sns"), 4) == ["ConnectionClosedError", "done", "ClientError", "done"]


def test_other_operations_are_not_hit(aws: EmbeddedAws) -> None:
    aws.faults.fail_call("sns", "DeleteTopic", BUSY)
    aws.faults.fail_call("sqs", "CreateTopic", BUSY)

    assert outcomes(aws.client("sns"), 1) == ["done"]


@pytest.mark.parametrize("error", [BUSY, None], ids=["refused", "no answer"])
@pytest.mark.parametrize("after_effect", [False, True])
def test_a_lost_answer_is_lost_after_the_effect_and_any_other_before(
    aws: EmbeddedAws, error: ApiError | None, *, after_effect: bool
) -> None:
    client = aws.client("sns")
    before = topics(client)
    aws.faults.fail_call("sns", "CreateTopic", error, after_effect=after_effect)

    with pytest.raises((ClientError, ConnectionClosedError)):
        client.create_topic(Name=f"lost-{before}")

    assert topics(client) == before + after_effect


def test_cleared_faults_hit_nothing(aws: EmbeddedAws) -> None:
    aws.faults.fail_call("sns", "CreateTopic", BUSY, times=5)
    aws.faults.clear()

    assert outcomes(aws.client("sns"), 1) == ["done"]

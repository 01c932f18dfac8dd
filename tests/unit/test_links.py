from __future__ import annotations

import pytest

from holdfast.links import Console
from tests.unit.examples import EVENT_ID, EXECUTION

CONSOLE = Console("console.aws.amazon.com", "us-east-1")


@pytest.mark.parametrize(
    ("execution", "console"),
    [
        (EXECUTION, CONSOLE),
        (
            EXECUTION.replace("arn:aws:", "arn:aws-us-gov:").replace("us-east-1", "us-gov-west-1"),
            Console("console.amazonaws-us-gov.com", "us-gov-west-1"),
        ),
        (
            EXECUTION.replace("arn:aws:", "arn:aws-cn:").replace("us-east-1", "cn-northwest-1"),
            Console("console.amazonaws.cn", "cn-northwest-1"),
        ),
        (
            EXECUTION.replace("arn:aws:", "arn:aws-eusc:").replace("us-east-1", "eusc-de-east-1"),
            Console("console.amazonaws-eusc.eu", "eusc-de-east-1"),
        ),
    ],
)
def test_the_console_is_that_of_the_partition_and_region(execution: str, console: Console) -> None:
    assert Console.of_execution(execution) == console


@pytest.mark.parametrize(
    "execution",
    [
        "",
        "None",
        EXECUTION + "\nhttps://evil.example",
        EXECUTION + " ",
        EXECUTION.replace("us-east-1", "evil.example/"),
        EXECUTION.replace("arn:aws:", "arn:evil:"),
        EXECUTION.replace(":execution:", ":stateMachine:"),
        EXECUTION.replace("holdfast-remediate", "höldfast"),
    ],
)
def test_what_is_no_execution_is_never_linked(execution: str) -> None:
    assert Console.of_execution(execution) is None


def test_an_execution_is_linked() -> None:
    assert CONSOLE.execution(EXECUTION) == (
        "https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1"
        f"#/v2/executions/details/{EXECUTION}"
    )


def test_an_event_is_linked() -> None:
    assert CONSOLE.event(EVENT_ID) == (
        "https://us-east-1.console.aws.amazon.com/cloudtrailv2/home?region=us-east-1"
        f"#/events?EventId={EVENT_ID}"
    )


def test_what_an_access_key_did_is_linked() -> None:
    assert CONSOLE.events_of_key("ASIAIOSFODNN7EXAMPLE") == (
        "https://us-east-1.console.aws.amazon.com/cloudtrailv2/home?region=us-east-1"
        "#/events?AccessKeyId=ASIAIOSFODNN7EXAMPLE"
    )


@pytest.mark.parametrize(
    "key",
    [None, "", "short", "ASIAIOSFODNN7EXAMPLE\n", "ASIAIOSFODNN7EXAMPLE&x=https://evil.example", "Ä" * 20],
)
def test_what_is_no_access_key_is_never_linked(key: str | None) -> None:
    assert CONSOLE.events_of_key(key) is None

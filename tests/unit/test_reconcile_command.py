"""What `holdfast reconcile` says of a run and how it ends, with histories as Step Functions writes them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.stub import Stubber
from rich.console import Console

from holdfast_cli.deployed_stack import NoStackError
from holdfast_cli.following import Told, follow
from holdfast_cli.reconcile import (
    CLEAN,
    DRIFT,
    FAILED,
    OUTPUT,
    exit_code,
    find_state_machine,
)
from holdfast_cli.screen import Screen
from holdfast_cli.story import Step, Story

BEGAN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DEFINITION = yaml.safe_load(Path("statemachine/reconcile.asl.yaml").read_text())
SETTLED: dict[str, Any] = {"already": [], "gone_targets": [], "refused": [], "remaining": []}
ARN = "arn:aws:states:us-east-1:111122223333:execution:holdfast-reconcile:e1"


def entered(name: str, document: Any = None, kind: str = "TaskStateEntered") -> dict[str, Any]:
    details = {"name": name, "input": json.dumps(document or {})}
    return {"type": kind, "stateEnteredEventDetails": details}


def exited(name: str, document: Any, kind: str = "TaskStateExited") -> dict[str, Any]:
    return {"type": kind, "stateExitedEventDetails": {"name": name, "output": json.dumps(document)}}


def failed(error: str, message: str) -> dict[str, Any]:
    cause = json.dumps({"errorMessage": message, "errorType": error})
    details = {"error": error, "cause": cause}
    return {"type": "LambdaFunctionFailed", "lambdaFunctionFailedEventDetails": details}


def history(*events: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {**event, "id": number, "previousEventId": number - 1, "timestamp": BEGAN + timedelta(seconds=number)}
        for number, event in enumerate(events, 1)
    ]


def told(*events: dict[str, Any]) -> list[Step]:
    """Return the story of a reconciliation with these events."""
    story = Story(DEFINITION)
    return [step for event in history(*events) for step in story.tell(event)]  # type: ignore[arg-type]


def texts(*events: dict[str, Any]) -> list[str]:
    return [step.text for step in told(*events)]


def test_a_wait_is_told_with_its_length_and_its_reason() -> None:
    (text,) = texts(entered("Wait For Second Look", kind="WaitStateEntered"))

    assert text == (
        "Wait For Second Look: 90 s, because what is missing may be detached and attached again by a "
        "pipeline, or on its way on the fast path"
    )


def test_an_error_that_is_tried_again_is_told_once() -> None:
    pending = failed("TurnPendingError", "another run of scope 'all' is under way")

    assert texts(entered("Take Turn"), pending, pending, pending, entered("Which Way?")) == [
        "Take Turn",
        "TurnPendingError: another run of scope 'all' is under way; tried again",
        "Which Way?",
    ]


def test_an_error_that_ends_the_run_is_not_said_to_be_tried_again() -> None:
    assert texts(entered("Find Drift"), failed("BaselineError", "targets: got nothing."))[1:] == [
        "BaselineError: targets: got nothing."
    ]


def test_a_time_out_has_no_message_of_its_own() -> None:
    details = {"error": "States.Timeout"}

    assert texts(
        entered("Find Drift"),
        {"type": "LambdaFunctionTimedOut", "lambdaFunctionTimedOutEventDetails": details},
    ) == ["Find Drift", "States.Timeout; tried again"]


def test_the_attachments_are_counted_over_chunks_and_their_rounds() -> None:
    run = {"drift": {"plan": {"chunks": [[0, 1, 2], [3]]}}}
    first_round = {**SETTLED, "restored": [0], "remaining": [1, 2]}
    first = {**SETTLED, "restored": [0, 1], "already": [2]}
    refused = [{"error": "AccessDeniedError", "message": "no", "items": [3]}]
    second = {**SETTLED, "restored": [], "refused": refused}
    item = {"type": "MapIterationStarted"}

    steps = told(
        entered("Each Chunk", run, "MapStateEntered"),
        item,
        entered("Restore Attachments"),
        exited("Restore Attachments", first_round),
        entered("Chunk Finished?", kind="ChoiceStateEntered"),
        entered("Restore Attachments"),
        exited("Restore Attachments", first),
        item,
        entered("Restore Attachments"),
        exited("Restore Attachments", second),
        exited("Each Chunk", {**run, "attachments": [first, second]}, "MapStateExited"),
        entered("Whole Baseline?", kind="ChoiceStateEntered"),
    )

    assert [step.progress for step in steps if step.progress] == [(0, 4), (1, 4), (3, 4), (3, 4)]
    assert [step.text for step in steps if not step.progress] == [
        "Each Chunk",
        "attachments restored: 2 of 4, 1 attached already, 1 could NOT be restored",
        "Whole Baseline?",
    ]


def test_a_map_without_chunks_counts_nothing() -> None:
    run: dict[str, Any] = {"drift": {"plan": {"chunks": []}}}

    assert told(
        entered("Each Chunk", run, "MapStateEntered"),
        exited("Each Chunk", {**run, "attachments": []}, "MapStateExited"),
    ) == [Step(BEGAN + timedelta(seconds=1), "Each Chunk", is_state=True)]


def test_an_output_that_this_version_cannot_read_is_passed_over() -> None:
    assert texts(exited("Find Drift", {"drift": {"stage": "dreaming"}})) == []


def test_a_run_that_leaves_to_another_one_says_so() -> None:
    document = {"route": "nothing", "trigger": {"cause": "request"}}

    assert texts(exited("Take Turn", document)) == [
        "another run of the same waits already and will see all that this one came for; it leaves"
    ]


@pytest.mark.parametrize(
    ("event", "text", "succeeded"),
    [
        ({"type": "ExecutionSucceeded"}, "the execution succeeded", True),
        ({"type": "ExecutionAborted"}, "the execution was stopped", False),
        (
            {
                "type": "ExecutionFailed",
                "executionFailedEventDetails": {"error": "ReconciliationFailed", "cause": "FAILED: …"},
            },
            "the execution failed, after it had told so",
            False,
        ),
        (
            {"type": "ExecutionFailed", "executionFailedEventDetails": {"error": "NotificationFailed"}},
            "the execution failed, NotificationFailed; the alarm topic tells",
            False,
        ),
    ],
    ids=["succeeded", "stopped", "failed and told", "failed untold"],
)
def test_the_end_is_told(event: dict[str, Any], text: str, *, succeeded: bool) -> None:
    assert told(event) == [Step(BEGAN + timedelta(seconds=1), text, succeeded=succeeded)]


def test_a_pipe_gets_a_line_for_each_tenth_of_the_progress() -> None:
    printed = io.StringIO()
    counts = (0, 20, 40, 100, 260, 300, 1_000)

    with Screen(Console(file=printed, soft_wrap=True)).story(BEGAN) as show:
        for done in counts:
            show(Step(BEGAN, f"attachments restored: {done:,} of 1,000", progress=(done, 1_000)))
        show(Step(BEGAN, "attachments restored: 1,000 of 1,000"))

    assert [line.partition("│ ")[2] for line in printed.getvalue().splitlines()] == [
        "attachments restored: 100 of 1,000",
        "attachments restored: 260 of 1,000",
        "attachments restored: 300 of 1,000",
        "attachments restored: 1,000 of 1,000",
    ]


def test_a_terminal_shows_the_progress_as_a_bar_that_goes_away() -> None:
    printed = io.StringIO()

    with Screen(Console(file=printed, force_terminal=True, width=120)).story(BEGAN) as show:
        show(Step(BEGAN, "not shown", progress=(120, 1_000)))
        show(Step(BEGAN, "attachments restored: 1,000 of 1,000"))

    text = printed.getvalue()
    assert "not shown" not in text
    assert text.index("attachments restored: 120 of 1,000") < text.index(
        "│ attachments restored: 1,000 of 1,000"
    )


def paged(stubber: Stubber, *pages: list[dict[str, Any]]) -> None:
    """Answer one look at the history, the newest events first."""
    token: dict[str, str] = {}
    for number, page in enumerate(pages, 1):
        following = {"nextToken": f"after page {number}"} if number < len(pages) else {}
        stubber.add_response(
            "get_execution_history",
            {"events": page[::-1], **following},
            {"executionArn": ARN, "reverseOrder": True, **token},
        )
        token = following


@pytest.fixture
def step_functions() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client(
        "stepfunctions",
        region_name="us-east-1",
        aws_access_key_id="AKIALOCALOPERATOR000",
        aws_secret_access_key="local",
    )
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def test_a_long_history_is_read_once_and_then_only_what_is_new(step_functions: tuple[Any, Stubber]) -> None:
    client, stubber = step_functions
    events = history(
        entered("Take Turn"), entered("Which Way?"), entered("Find Drift"), {"type": "ExecutionSucceeded"}
    )
    stubber.add_response(
        "describe_state_machine_for_execution",
        {
            "stateMachineArn": "arn:aws:states:us-east-1:111122223333:stateMachine:holdfast-reconcile",
            "name": "holdfast-reconcile",
            "definition": json.dumps(DEFINITION),
            "roleArn": "arn:aws:iam::111122223333:role/x",
            "updateDate": BEGAN,
        },
        {"executionArn": ARN},
    )
    paged(stubber, events[1:2], events[:1])
    # The first of two pages has what is known already, so the second is never asked for.
    stubber.add_response(
        "get_execution_history",
        {"events": events[1:][::-1], "nextToken": "older"},
        {"executionArn": ARN, "reverseOrder": True},
    )

    steps = [step.text for step in follow(client, ARN, poll=0)]

    assert steps == ["Take Turn", "Which Way?", "Find Drift", "the execution succeeded"]


def a_run(outcome: str, *done: str, kind: str = "attachments missing", more: int = 0) -> Told:
    findings = [{"done": each, "kind": kind} for each in done]
    record = {"outcome": outcome, "findings": findings, "findings_in_all": len(findings) + more}
    return Told("subject", "text", record, sent=True)


@pytest.mark.parametrize(
    ("run", "succeeded", "code"),
    [
        (a_run("clean"), True, CLEAN),
        (a_run("reconciled", "restored", "restored by others"), True, CLEAN),
        (a_run("reconciled", "restored", "reported"), True, DRIFT),
        (a_run("reconciled", "restored", more=1), True, DRIFT),
        (a_run("drift found", "withheld"), True, DRIFT),
        (a_run("clean", "reported", kind="exempt"), True, CLEAN),
        (a_run("reconciled", "restored", "reported", kind="sanctioned"), True, CLEAN),
        (a_run("failed", "failed", "restored"), False, FAILED),
        (a_run("reconciled", "restored"), False, FAILED),
        (None, True, FAILED),
        (None, False, FAILED),
    ],
    ids=[
        "clean",
        "all restored",
        "something left",
        "more than the record names",
        "withheld",
        "exempt",
        "sanctioned",
        "failed",
        "restored, but not told",
        "left to another run",
        "died",
    ],
)
def test_the_exit_code_says_how_it_ended(run: Told | None, *, succeeded: bool, code: int) -> None:
    assert exit_code(run, succeeded=succeeded) == code


@pytest.fixture
def stacks() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client(
        "cloudformation",
        region_name="us-east-1",
        aws_access_key_id="AKIALOCALOPERATOR000",
        aws_secret_access_key="local",
    )
    with Stubber(client) as stubber:
        yield client, stubber


def described(**outputs: str) -> dict[str, Any]:
    listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    stack = {"StackName": "holdfast", "CreationTime": BEGAN, "StackStatus": "CREATE_COMPLETE"}
    return {"Stacks": [{**stack, "Outputs": listed}]}


def test_the_state_machine_is_the_one_that_the_stack_names(stacks: tuple[Any, Stubber]) -> None:
    client, stubber = stacks
    stubber.add_response("describe_stacks", described(**{OUTPUT: "arn:…:holdfast-reconcile"}))

    assert find_state_machine(client, "holdfast") == "arn:…:holdfast-reconcile"


def test_a_stack_without_a_reconciliation_is_refused_in_words(stacks: tuple[Any, Stubber]) -> None:
    client, stubber = stacks
    stubber.add_response("describe_stacks", described(StateMachineArn="arn:…:holdfast"))

    with pytest.raises(NoStackError) as refused:
        find_state_machine(client, "holdfast")

    assert str(refused.value) == (
        "the stack 'holdfast' in us-east-1 has no output ReconcileStateMachineArn: it is not Holdfast's, or "
        "older than the reconciliation. Next: name Holdfast's stack (--stack), or deploy this version"
    )

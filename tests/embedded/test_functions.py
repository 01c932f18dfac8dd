from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localaws.clock import SkippingClock, WallClock
from localaws.endpoint import Endpoint
from localaws.faults import Faults, FunctionFault
from localaws.functions import Functions, FunctionSpec, Surroundings
from localaws.gateway import Gateway
from localaws.identities import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localaws.clock import Clock

CODE = """
    import json, logging, os, sys, time
    from datetime import UTC, date, datetime

    logger = logging.getLogger("app")
    calls = 0

    class PolicyMissingError(Exception):
        pass

    def echo(event, context):
        return event

    def count(event, context):
        global calls
        calls += 1
        return {"pid": os.getpid(), "calls": calls}

    def environment(event, context):
        return dict(os.environ)

    def folder(event, context):
        return {"cwd": os.getcwd(), "path": sys.path[0]}

    def describe(event, context):
        names = ("function_name", "function_version", "invoked_function_arn", "memory_limit_in_mb")
        left = context.get_remaining_time_in_millis()
        return {**{name: getattr(context, name) for name in names}, "left": left}

    def fail(event, context):
        raise PolicyMissingError("no such policy")

    def leave(event, context):
        os._exit(event["status"])

    def leave_politely(event, context):
        sys.exit(3)

    def hang(event, context):
        print("still here")
        while True:
            pass

    def sleep(event, context):
        time.sleep(event["seconds"])
        return "awake"

    def tell_the_time(event, context):
        began = time.monotonic()
        time.sleep(event["seconds"])
        return {
            "time": time.time(),
            "datetime": datetime.now(UTC).timestamp(),
            "is a datetime": isinstance(datetime.fromisoformat("2026-11-22"), date),
            "waited": time.monotonic() - began,
            "left": context.get_remaining_time_in_millis(),
        }

    def unserialisable(event, context):
        return {1, 2}

    def talk(event, context):
        print("printed", end=" ")
        print("in pieces")
        logger.info("a fact", extra={"policy": "p-1"})
        logger.debug("a detail")
        try:
            raise ValueError("bad")
        except ValueError:
            logger.exception("caught")

    def who_am_i(event, context):
        import boto3
        return boto3.client("sts").get_caller_identity()["Account"]
"""


class Lab:
    """Functions behind an endpoint, and a client."""

    def __init__(self, clock: Clock, folder: Path, workers: int) -> None:
        self.clock = clock
        self.faults = Faults()
        self.lines: list[str] = []
        (folder / "app.py").write_text(textwrap.dedent(CODE))
        self.endpoint = Endpoint(clock, "127.0.0.1", 0)
        surroundings = Surroundings(
            self.endpoint.url,
            "us-east-1",
            lambda role, session: Credentials("ASIALOCALTEST", role, session),
            lambda logical_id, line: self.lines.append(f"{logical_id}: {line}"),
        )
        self.functions = Functions(clock, self.faults, surroundings, workers)
        self.spec = FunctionSpec(
            logical_id="EchoFunction",
            name="echo",
            handler="app.echo",
            code=folder,
            role_arn="arn:aws:iam::111122223333:role/echo",
            arn="arn:aws:lambda:us-east-1:111122223333:function:echo",
            timeout_seconds=10,
        )
        self.endpoint.serve(Gateway([self.functions], clock))
        self.client = boto3.client(
            "lambda",
            endpoint_url=self.endpoint.url,
            region_name="us-east-1",
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def register(self, handler: str = "echo", **changes: Any) -> None:
        """Register the function with another handler."""
        self.functions.register(replace(self.spec, handler=f"app.{handler}", **changes))

    def invoke(self, event: Any = None, name: str = "echo", **options: Any) -> tuple[Any, str | None]:
        """Return the payload of an invocation and its kind of error."""
        payload = json.dumps({} if event is None else event)
        answer = self.client.invoke(FunctionName=name, Payload=payload, **options)
        return json.loads(answer["Payload"].read() or "null"), answer.get("FunctionError")

    def result(self, handler: str, event: Any = None, **changes: Any) -> Any:
        """Return what a handler makes of an event."""
        self.register(handler, **changes)
        payload, error = self.invoke(event)
        assert error is None, payload
        return payload

    def failure(self, handler: str, event: Any = None, **changes: Any) -> Any:
        """Return the error that a handler makes of an event."""
        self.register(handler, **changes)
        payload, error = self.invoke(event)
        assert error == "Unhandled"
        return payload


@contextmanager
def opened(clock: Clock, folder: Path, workers: int = 10) -> Iterator[Lab]:
    lab = Lab(clock, folder, workers)
    try:
        yield lab
    finally:
        lab.functions.close()
        lab.endpoint.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with opened(SkippingClock(), tmp_path) as lab:
        yield lab


def test_a_function_answers_with_what_its_handler_returns(lab: Lab) -> None:
    assert lab.result("echo", {"word": "grün", "list": [1, None]}) == {"word": "grün", "list": [1, None]}


@pytest.mark.parametrize(
    "name",
    [
        "echo",
        "echo:live",
        "111122223333:function:echo",
        "arn:aws:lambda:us-east-1:111122223333:function:echo",
        "arn:aws:lambda:us-east-1:111122223333:function:echo:live",
    ],
)
def test_a_function_is_found_by_every_form_of_its_name(lab: Lab, name: str) -> None:
    lab.register()

    assert lab.invoke({"a": 1}, name) == ({"a": 1}, None)


def test_everything_else_of_lambda_is_motos(lab: Lab) -> None:
    lab.register()

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        lab.client.get_function(FunctionName="echo")


def test_a_warm_process_is_used_again(lab: Lab) -> None:
    first = lab.result("count")
    second, _ = lab.invoke()

    assert second == {"pid": first["pid"], "calls": 2}


def test_a_function_that_is_registered_again_starts_afresh(lab: Lab) -> None:
    first = lab.result("count")
    second = lab.result("count")

    assert second["calls"] == 1
    assert second["pid"] != first["pid"]


def test_a_function_sees_its_own_environment_and_nothing_else(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("SECRET", "of this machine")

    seen = lab.result("environment", environment={"TOPIC": "t", "AWS_ENDPOINT_URL": ""})

    assert "SECRET" not in seen
    assert "AWS_PROFILE" not in seen
    assert seen["TOPIC"] == "t"
    assert seen["AWS_ENDPOINT_URL"] == lab.endpoint.url
    assert seen["AWS_CONFIG_FILE"] == seen["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert seen["AWS_ACCESS_KEY_ID"] == "ASIALOCALTEST"
    assert seen["AWS_SECRET_ACCESS_KEY"] == "arn:aws:iam::111122223333:role/echo"
    assert seen["AWS_SESSION_TOKEN"] == "echo"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "echo"
    assert seen["AWS_REGION"] == seen["AWS_DEFAULT_REGION"] == "us-east-1"


def test_a_function_runs_in_its_code_folder_and_leaves_nothing_there(lab: Lab, tmp_path: Path) -> None:
    assert lab.result("folder") == {"cwd": str(tmp_path), "path": str(tmp_path)}
    assert [path.name for path in tmp_path.iterdir()] == ["app.py"]


def test_a_function_is_told_about_its_invocation(lab: Lab) -> None:
    told = lab.result("describe")

    assert 9_000 < told.pop("left") <= 10_000
    assert told == {
        "function_name": "echo",
        "function_version": "$LATEST",
        "invoked_function_arn": "arn:aws:lambda:us-east-1:111122223333:function:echo",
        "memory_limit_in_mb": "128",
    }


def test_a_function_finds_aws_at_the_endpoint(lab: Lab) -> None:
    assert len(lab.result("who_am_i")) == 12


def test_an_exception_has_lambdas_error_shape(lab: Lab, tmp_path: Path) -> None:
    error = lab.failure("fail")

    assert error["errorType"] == "PolicyMissingError"
    assert error["errorMessage"] == "no such policy"
    assert len(error["requestId"]) == 36
    [frame] = error["stackTrace"]
    assert frame.startswith(f'  File "{tmp_path}/app.py", line ')
    assert 'raise PolicyMissingError("no such policy")' in frame


def test_a_function_works_again_after_an_exception(lab: Lab) -> None:
    lab.failure("fail")

    assert lab.invoke()[0]["errorType"] == "PolicyMissingError"


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        (
            "absent.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'absent': No module named 'absent'",
        ),
        ("app.absent", "Runtime.HandlerNotFound", "Handler 'absent' missing on module 'app'"),
        ("absent", "Runtime.MalformedHandlerName", "Bad handler 'absent': it has no module"),
    ],
)
def test_a_function_that_cannot_start_says_why(lab: Lab, handler: str, kind: str, message: str) -> None:
    lab.functions.register(replace(lab.spec, handler=handler))

    error, _ = lab.invoke()

    assert (error["errorType"], error["errorMessage"]) == (kind, message)


def test_an_exception_at_import_is_the_functions_error(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise KeyError('BASELINE')\n")
    lab.functions.register(replace(lab.spec, handler="broken.handler"))

    error, _ = lab.invoke()

    assert (error["errorType"], error["errorMessage"]) == ("KeyError", "'BASELINE'")


def test_a_result_that_is_not_json_is_a_marshal_error(lab: Lab) -> None:
    error = lab.failure("unserialisable")

    assert error["errorType"] == "Runtime.MarshalError"
    assert error["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"


@pytest.mark.parametrize(
    ("handler", "event", "end"),
    [
        ("leave", {"status": 1}, "Runtime exited with error: exit status 1"),
        ("leave", {"status": 0}, "Runtime exited without providing a reason"),
        ("leave_politely", {}, "Runtime exited with error: exit status 3"),
    ],
)
def test_a_process_that_ends_is_an_exit_error(lab: Lab, handler: str, event: Any, end: str) -> None:
    error = lab.failure(handler, event)

    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith(f" Error: {end}")
    assert lab.result("echo", "again") == "again"


def test_a_function_that_takes_too_long_is_killed(lab: Lab) -> None:
    error = lab.failure("hang", timeout_seconds=0.25)

    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith(" Error: Task timed out after 0.25 seconds")
    assert lab.lines == ["EchoFunction: still here"]


def test_a_body_that_is_not_json_is_refused(lab: Lab) -> None:
    lab.register()

    with pytest.raises(ClientError, match="InvalidRequestContentException"):
        lab.client.invoke(FunctionName="echo", Payload=b"{")


def test_an_event_is_accepted_at_once_and_worked_on_as_a_unit(lab: Lab) -> None:
    lab.register("talk")

    answer = lab.client.invoke(FunctionName="echo", InvocationType="Event", Payload=b"{}")
    lab.clock.settle()

    assert answer["StatusCode"] == 202
    assert lab.lines[0] == "EchoFunction: printed in pieces"


def test_a_dry_run_runs_nothing(lab: Lab) -> None:
    lab.register("talk")

    assert lab.client.invoke(FunctionName="echo", InvocationType="DryRun")["StatusCode"] == 204
    assert lab.lines == []


def test_the_json_log_has_levels_extras_and_errors(lab: Lab) -> None:
    lab.result("talk", log_format="JSON")

    printed, fact, caught = (line.removeprefix("EchoFunction: ") for line in lab.lines)
    record, error = json.loads(fact), json.loads(caught)
    assert printed == "printed in pieces"
    assert {name: record[name] for name in ("level", "message", "logger", "policy")} == {
        "level": "INFO",
        "message": "a fact",
        "logger": "app",
        "policy": "p-1",
    }
    assert record["timestamp"].endswith("Z")
    assert len(record["requestId"]) == 36
    assert (error["level"], error["errorType"], error["errorMessage"]) == ("ERROR", "ValueError", "bad")
    assert "talk" in error["stackTrace"][0]


def test_the_level_of_the_json_log_is_the_functions_own(lab: Lab) -> None:
    lab.result("talk", log_format="JSON", log_level="ERROR")

    assert [json.loads(line.removeprefix("EchoFunction: "))["level"] for line in lab.lines[1:]] == ["ERROR"]


def test_the_text_log_begins_with_warnings(lab: Lab) -> None:
    lab.result("talk")

    assert lab.lines[1].startswith("EchoFunction: [ERROR]\t20")
    assert lab.lines[1].endswith("\tcaught")


@pytest.mark.parametrize(
    ("fault", "kind", "seconds"),
    [(FunctionFault.CRASH, "Runtime.ExitError", 0), (FunctionFault.HANG, "Sandbox.Timedout", 10)],
)
def test_a_fault_of_the_process_is_an_error_of_the_function(
    lab: Lab, fault: FunctionFault, kind: str, seconds: float
) -> None:
    lab.faults.fail_function("EchoFunction", fault)
    before = lab.clock.now()

    assert lab.failure("echo")["errorType"] == kind
    assert (lab.clock.now() - before).total_seconds() == seconds
    assert lab.result("echo", 1) == 1


@pytest.mark.parametrize(
    ("fault", "code", "status", "seconds"),
    [
        (FunctionFault.THROTTLED, "TooManyRequestsException", 429, 0),
        (FunctionFault.SERVICE_ERROR, "ServiceException", 500, 0),
        (FunctionFault.NO_ANSWER, "ServiceException", 500, 3600),
    ],
)
def test_a_fault_of_lambda_is_an_error_of_the_call(
    lab: Lab, fault: FunctionFault, code: str, status: int, seconds: float
) -> None:
    lab.register()
    lab.faults.fail_function("EchoFunction", fault)
    before = lab.clock.now()

    with pytest.raises(ClientError) as refused:
        lab.invoke()

    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert (lab.clock.now() - before).total_seconds() == seconds


def test_a_function_has_as_many_processes_as_it_may_and_the_rest_queue(tmp_path: Path) -> None:
    with opened(WallClock(), tmp_path, workers=2) as lab:
        lab.register("count")
        callers = [threading.Thread(target=lab.invoke) for _ in range(8)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(30)

        assert len(lab.functions._pools["echo"]._all) == 2
        assert lab.invoke()[0]["calls"] >= 2


def test_a_function_sleeps_on_the_clock(lab: Lab) -> None:
    before = lab.clock.now()

    assert lab.result("sleep", {"seconds": 600}, timeout_seconds=900) == "awake"
    assert (lab.clock.now() - before).total_seconds() == 600


def test_a_function_tells_the_time_by_the_clock(lab: Lab) -> None:
    lab.register("tell_the_time", timeout_seconds=900)
    for seconds in (600, 0):
        with lab.clock.working():
            lab.clock.sleep(86_400)

        told, _ = lab.invoke({"seconds": seconds})

        now = lab.clock.timestamp()
        assert told["time"] == pytest.approx(now, abs=5)
        assert told["datetime"] == pytest.approx(now, abs=5)
        assert told["is a datetime"] is True
        assert told["waited"] == pytest.approx(seconds, abs=5)
        assert told["left"] == pytest.approx(1_000 * (900 - seconds), abs=5_000)


def test_a_function_that_sleeps_too_long_times_out_on_the_clock(lab: Lab) -> None:
    failure = lab.failure("sleep", {"seconds": 600}, timeout_seconds=10)

    assert failure["errorType"] == "Sandbox.Timedout"


def test_an_invocation_beyond_the_reserved_concurrency_is_throttled(lab: Lab) -> None:
    """Source: Lambda developer guide, "Configuring reserved concurrency"."""
    lab.register("sleep", reserved_concurrency=1, timeout_seconds=900)
    with lab.clock.working():
        lab.invoke({"seconds": 60}, InvocationType="Event")
        lab.clock.sleep(1)

        with pytest.raises(ClientError, match="TooManyRequestsException"):
            lab.invoke({"seconds": 1})

    lab.clock.settle()
    assert lab.invoke({"seconds": 1}) == ("awake", None)


def test_what_functions_reserve_is_taken_from_the_account(lab: Lab) -> None:
    """Source: Lambda API reference, GetAccountSettings, AccountLimit."""
    lab.register(reserved_concurrency=7)

    limit = lab.client.get_account_settings()["AccountLimit"]
    assert (limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]) == (1_000, 993)


def test_a_function_without_any_concurrency_is_always_throttled(lab: Lab) -> None:
    lab.register("echo", reserved_concurrency=0)

    with pytest.raises(ClientError, match="TooManyRequestsException"):
        lab.invoke()


def test_closing_ends_the_busy_processes_too(tmp_path: Path) -> None:
    with opened(WallClock(), tmp_path) as lab:
        lab.register("hang")
        answers: list[Any] = []
        caller = threading.Thread(target=lambda: answers.append(lab.invoke()))
        caller.start()
        while not lab.lines:
            caller.join(0.01)
        [worker] = lab.functions._pools["echo"]._all

        lab.functions.close()
        caller.join(10)

        assert worker._process.returncode == -9
        assert answers[0][0]["errorMessage"].endswith("Runtime exited with error: signal: killed")


def test_a_process_ends_with_the_program_that_started_it(tmp_path: Path) -> None:
    parent = textwrap.dedent(f"""
        import sys
        sys.path[:0] = {sys.path!r}
        from pathlib import Path
        from localaws.clock import WallClock
        from localaws.faults import Faults
        from localaws.functions import Functions, FunctionSpec, Surroundings
        from localaws.identities import Credentials
        around = Surroundings("http://x", "us-east-1", lambda r, s: Credentials("a", "b", "c"), print)
        functions = Functions(WallClock(), Faults(), around)
        functions.register(FunctionSpec("F", "f", "app.one", Path({str(tmp_path)!r}), "r"))
        outcome = functions._invoke(functions._pools["f"], None)
        print(outcome.payload, flush=True)
        import os; os._exit(0)
    """)
    (tmp_path / "app.py").write_text("def one(event, context):\n    return 1\n")

    # The worker has inherited standard error, so this returns only when the worker is gone as well.
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-B", "-c", parent], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == "1\n"

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from localaws.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.long

TREE = Path(__file__).parents[2]

KIOSK = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Paper: {Type: String, AllowedValues: [daily, weekly], Default: daily}
Resources:
  SellFunction:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ., Handler: sell.handler, Runtime: python3.13}
  River:
    Type: AWS::Kinesis::Stream
Outputs:
  Paper: {Value: !Ref Paper}
"""


@pytest.fixture
def kiosk(tmp_path: Path) -> Path:
    (tmp_path / "sell.py").write_text("def handler(event, context):\n    print('sold')\n    return 1\n")
    (tmp_path / "template.yaml").write_text(KIOSK)
    return tmp_path / "template.yaml"


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_it_shows_what_happens_until_a_signal_ends_it(kiosk: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "localaws", "--template", str(kiosk), "--port", "0"]
    with subprocess.Popen(  # noqa: S603 - our own program
        [*command, "--parameter", "Paper=weekly", "--stack-name", "kiosk"],
        cwd=TREE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        assert running.stderr
        shown = [running.stdout.readline().split(maxsplit=1) for _ in range(4)]
        assert shown[:3] == [
            ["warning", "River (AWS::Kinesis::Stream): the type is not supported, left out\n"],
            ["stack", "kiosk: 3 resources\n"],
            ["output", "Paper = weekly\n"],
        ]
        kind, ready = shown[3]
        assert kind == "ready"
        client = boto3.client(
            "lambda",
            endpoint_url=ready.split()[0],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.invoke(FunctionName="kiosk-SellFunction")
        assert running.stdout.readline().split(maxsplit=2) == ["log", "SellFunction", "sold\n"]

        running.send_signal(number)

        assert (running.wait(timeout=10), running.stderr.read()) == (0, "")


def test_a_missing_template_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--template", str(tmp_path / "none.yaml"), "--port", "0"])

    expected = f"localaws: cannot read the template {tmp_path}/none.yaml: No such file or directory\n"
    assert (code, capsys.readouterr().err) == (1, expected)


def test_an_invalid_parameter_is_one_line(kiosk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--template", str(kiosk), "--port", "0", "--parameter", "Paper=hourly"])

    expected = "localaws: parameter Paper is 'hourly', expected one of daily, weekly\n"
    assert (code, capsys.readouterr().err) == (1, expected)


def test_a_busy_port_is_one_line(kiosk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code = main(["--template", str(kiosk), "--port", str(port)])

    assert (code, capsys.readouterr().err) == (1, f"localaws: port {port} of 127.0.0.1 is in use\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--template", "t", "--port", "many"],
        ["--template", "t", "--port", "70000"],
        ["--template", "t", "--parameter", "Paper"],
        ["--template", "t", "--colour", "blue"],
    ],
)
def test_a_wrong_usage_has_exit_code_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage: python -m localaws" in capsys.readouterr().err


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert ended.value.code == 0
    assert "python -m localaws --template template.yaml --parameter" in capsys.readouterr().out

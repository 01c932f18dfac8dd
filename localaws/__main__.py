"""Run a SAM template on this machine: `python -m localaws --template template.yaml`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from localaws.endpoint import EndpointError
from localaws.intrinsics import StackError
from localaws.journal import Journal
from localaws.server import EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localaws.stack import Stack

_EXAMPLE = """example:
  python -m localaws --template template.yaml --parameter Stage=test --parameter Mail=me@example.com
  aws --endpoint-url http://127.0.0.1:4566 stepfunctions list-state-machines
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 after Ctrl-C or SIGTERM, 1 if it cannot run."""
    options = _parser().parse_args(arguments)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    journal = Journal()
    try:
        with EmbeddedAws(
            port=options.port,
            host=options.host,
            seed=options.seed,
            published_rates=options.published_rates,
            on_log=journal.log,
            on_mail=journal.mail,
            on_execution=journal.execution,
        ) as aws:
            _show(aws, aws.deploy(options.template, dict(options.parameter), options.stack_name), journal)
            ended.wait()
    except (EndpointError, StackError) as error:
        sys.stderr.write(f"localaws: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localaws",
        description="Run a SAM template on this machine: one endpoint for any AWS client, no account.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--template", type=Path, required=True, help="the SAM template")
    parser.add_argument("--stack-name", default="local", help="the stack's name (default: %(default)s)")
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=VALUE",
        help="the value of a template parameter; may be given several times",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=4566, help="the port (default: %(default)s; 0: any)")
    parser.add_argument("--seed", type=int, help="a number that makes all ids the same at every start")
    parser.add_argument(
        "--published-rates", action="store_true", help="throttle AWS Organizations as AWS publishes it"
    )
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _port(text: str) -> int:
    highest = 65_535
    if not text.isdecimal() or int(text) > highest:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _show(aws: EmbeddedAws, stack: Stack, journal: Journal) -> None:
    for warning in stack.warnings:
        journal.line("warning", warning)
    journal.line("stack", f"{stack.name}: {len(stack.resources)} resources")
    for name, value in stack.outputs.items():
        journal.line("output", f"{name} = {value}")
    journal.line("ready", f"{aws.endpoint_url} (Ctrl-C ends it)")


if __name__ == "__main__":
    sys.exit(main())

"""The embedded AWS, kept running with Holdfast on it, for people's own hands."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from holdfast_cli.embedded import BUILD, DELIVERY_DELAY, Deployment, deploy_holdfast
from holdfast_cli.following import follow
from holdfast_cli.sample_organization import SEED
from holdfast_cli.staging import PROJECT
from localaws.server import EmbeddedAws

if TYPE_CHECKING:
    from holdfast_cli.screen import Screen

SCP = "SERVICE_CONTROL_POLICY"
_POLL_SECONDS = 0.5


def run_local(screen: Screen, host: str, port: int) -> None:
    """Serve Holdfast on the embedded AWS until Ctrl-C, showing each execution and each mail.

    Parameters
    ----------
    screen : Screen
        Where to print.
    host : str
        The address of the endpoint.
    port : int
        The port of the endpoint.

    Raises
    ------
    EndpointError
        If the port cannot be had.
    """
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    screen.line("Starting an embedded AWS and deploying Holdfast on it …")
    with EmbeddedAws(
        port,
        host=host,
        seed=SEED,
        delivery_delay=DELIVERY_DELAY,
        on_log=lambda function, line: _show_log(screen, function, line),
    ) as aws:
        deployment = deploy_holdfast(aws, BUILD / "local")
        _print_commands(deployment, screen)
        _tail(deployment, screen, stopped)
    screen.line("Stopped.")


def _print_commands(deployment: Deployment, screen: Screen) -> None:
    aws, organization = deployment.aws, deployment.organization
    cli = f"aws --endpoint-url {aws.endpoint_url}"
    policy_id, root_id = organization.policies["DenyLeaveOrganization"], organization.targets["Root"]
    screen.act(f"Holdfast runs on the embedded AWS at {aws.endpoint_url}")
    screen.line(f"  {'organization':30} {organization.organization_id}")
    for name, policy in organization.policies.items():
        screen.line(f"  {name:30} {policy}")
    for path, target in organization.targets.items():
        screen.line(f"  {path:30} {target}")
    outputs = deployment.stack.outputs
    newest = f"{cli} stepfunctions list-executions --state-machine-arn {deployment.state_machine_arn}"
    newest += " --query 'executions[0].executionArn' --output text"
    credentials = "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1"
    of_type = f"--root-id {root_id} --policy-type {SCP}"
    holdfast, at = PROJECT / ".venv" / "bin" / "holdfast", f"--endpoint-url {aws.endpoint_url}"
    guardrails = deployment.template.parent / "functions" / "guardrails"
    screen.act("Copy these into another terminal")
    screen.line(f"  export {credentials} NO_PROXY=127.0.0.1")
    _print_part(
        screen,
        "The fast path: one detach, one execution",
        f"{cli} organizations detach-policy --policy-id {policy_id} --target-id {root_id}",
        f"{cli} organizations list-policies-for-target --target-id {root_id} --filter {SCP}",
        f'{cli} stepfunctions get-execution-history --execution-arn "$({newest})"',
    )
    which = f"{policy_id} {root_id} --folder {guardrails} {at}"
    _print_part(
        screen,
        "Break glass: permit a detach for two hours, and take that back; in between, detach as above",
        f'{holdfast} exempt grant {which} --until 2h --reason "to see how it goes"',
        f"{holdfast} exempt list --folder {guardrails} {at}",
        f"{holdfast} exempt revoke {which}",
    )
    _print_part(
        screen,
        "The slow path: every 10 minutes, after tampering, by hand; as shipped it restores attachments only",
        f"{cli} organizations disable-policy-type {of_type}",
        f"{holdfast} diff {guardrails} {at}",
        f"{holdfast} reconcile {at}",
        f"{cli} organizations enable-policy-type {of_type}",
    )
    _print_part(
        screen,
        "What else there is: subscriptions, the fast path's switch, the dead-letter queue",
        f"{cli} sns list-subscriptions",
        f"{cli} events disable-rule --name {outputs['DetachRuleName']}",
        f"{cli} events enable-rule --name {outputs['DetachRuleName']}",
        f"{cli} sqs receive-message --queue-url {outputs['UndeliveredQueueUrl']}",
    )
    screen.act("Executions and mails appear here. Ctrl-C ends it.")


def _print_part(screen: Screen, title: str, *commands: str) -> None:
    screen.line(f"  # {title}", "dim")
    for command in commands:
        screen.line(f"  {command}")


def _tail(deployment: Deployment, screen: Screen, stopped: threading.Event) -> None:
    """Show what happens until somebody stops it; each execution in a thread of its own."""
    shown: set[str] = set()
    mails = len(deployment.aws.inbox.mails())
    while not stopped.wait(_POLL_SECONDS):
        for arn, started in _executions(deployment):
            if arn not in shown:
                shown.add(arn)
                threading.Thread(
                    target=_show_execution, args=(deployment, arn, started, screen), daemon=True
                ).start()
        for mail in deployment.aws.inbox.mails()[mails:]:
            screen.mail(mail)
            mails += 1


def _executions(deployment: Deployment) -> list[tuple[str, datetime]]:
    """Return the executions, none of a state machine that somebody has deleted to see what happens."""
    client, found = deployment.aws.client("stepfunctions"), []
    for machine in (deployment.state_machine_arn, deployment.reconciliation_arn):
        with suppress(ClientError):
            listed = client.list_executions(stateMachineArn=machine)["executions"]
            found += [(execution["executionArn"], execution["startDate"]) for execution in listed]
    return found


def _show_execution(deployment: Deployment, arn: str, started: datetime, screen: Screen) -> None:
    machine, _, name = arn.rpartition(":execution:")[2].partition(":")
    screen.line(f"{started.astimezone(UTC):%H:%M:%S} execution {name} of {machine}", "bold")
    with suppress(ClientError):
        for step in follow(deployment.aws.client("stepfunctions"), arn):
            # Several executions share the screen, so a map tells its end only, not each step on the way.
            if step.progress is None:
                screen.step(step, started, f"{name[:8]} ")


def _show_log(screen: Screen, function: str, line: str) -> None:
    """Show what a function logs, without what boto3 says about this endpoint at every start."""
    try:
        logger = str(json.loads(line)["logger"])
    except (ValueError, TypeError, KeyError):
        logger = ""
    if not logger.startswith("botocore."):
        screen.line(f"  {function}: {line}", "dim")

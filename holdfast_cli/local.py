"""The embedded AWS, kept running with Holdfast on it, for people's own hands."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from holdfast_cli.embedded import BUILD, DELIVERY_DELAY, Deployment, deploy_holdfast
from holdfast_cli.following import follow
from holdfast_cli.sample_organization import SEED
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
        on_log=lambda function, line: screen.line(f"  {function}: {line}", "dim"),
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
    screen.act("Copy these into another terminal")
    machine, outputs = deployment.state_machine_arn, deployment.stack.outputs
    newest = f"{cli} stepfunctions list-executions --state-machine-arn {machine}"
    newest += " --query 'executions[0].executionArn' --output text"
    credentials = "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1"
    for command in (
        f"export {credentials} NO_PROXY=127.0.0.1",
        f"{cli} organizations detach-policy --policy-id {policy_id} --target-id {root_id}",
        f"{cli} organizations list-policies-for-target --target-id {root_id} --filter {SCP}",
        f'{cli} stepfunctions get-execution-history --execution-arn "$({newest})"',
        f"{cli} sns list-subscriptions",
        f"{cli} events disable-rule --name {outputs['DetachRuleName']}",
        f"{cli} events enable-rule --name {outputs['DetachRuleName']}",
        f"{cli} sqs receive-message --queue-url {outputs['UndeliveredQueueUrl']}",
    ):
        screen.line(f"  {command}")
    screen.act("Executions and mails appear here. Ctrl-C ends it.")


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
    """Return the executions, none if somebody has deleted the state machine to see what happens."""
    client = deployment.aws.client("stepfunctions")
    try:
        listed = client.list_executions(stateMachineArn=deployment.state_machine_arn)["executions"]
    except ClientError:
        return []
    return [(execution["executionArn"], execution["startDate"]) for execution in listed]


def _show_execution(deployment: Deployment, arn: str, started: datetime, screen: Screen) -> None:
    name = arn.rpartition(":")[2]
    screen.line(f"{started.astimezone(UTC):%H:%M:%S} execution {name}", "bold")
    with suppress(ClientError):
        for step in follow(deployment.aws.client("stepfunctions"), arn):
            screen.step(step, started, f"{name[:8]} ")

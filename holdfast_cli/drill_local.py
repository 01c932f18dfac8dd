"""`holdfast drill --local`: the same drill on the embedded AWS, also with something that goes wrong."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from holdfast.attachment import Attachment
from holdfast_cli.demo import A_BUDGET_OF_MAILS, first_screen
from holdfast_cli.drill import NAME, SCP
from holdfast_cli.drill_command import Scenario, run_drill
from holdfast_cli.drill_guardrail import create_guardrail, declare_guardrail, find_guardrail
from holdfast_cli.drill_result import Expected
from holdfast_cli.embedded import BUILD, DELIVERY_DELAY, READER, Deployment, deploy_holdfast
from holdfast_cli.sample_organization import SEED
from holdfast_cli.session import Session
from localaws.faults import FunctionFault
from localaws.gateway import ApiError
from localaws.server import EmbeddedAws

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_organizations import OrganizationsClient

    from holdfast_cli.screen import Screen
    from localaws.mail import Mail

MAILS = 2
"""The alert and the outcome."""

THROTTLED = 45
"""How many attempts are refused: more than one function makes, so that Step Functions tries again."""

STALE = 5.0
"""Seconds that a new attachment stays unseen."""

_PATIENCE = 30.0
_POLL_SECONDS = 0.1
_SLOTS = 10
"""Policies that one target can have. Source: "Quotas and service limits for AWS Organizations"."""


class Fault(StrEnum):
    """What can go wrong in a drill on the embedded AWS."""

    THROTTLE = "throttle"
    CONFLICT = "conflict"
    STALE = "stale"
    FULL = "full"
    DELETED = "deleted"
    SLOW = "slow"
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A fault: in words, what it does before the detach and right after it, and what shall come of it."""

    words: str
    before: Callable[[EmbeddedAws, Attachment], object] = lambda *_: None
    after: Callable[[EmbeddedAws, Attachment], object] = lambda *_: None
    error: str | None = None
    """The error with which it shall fail; None if the attachment shall come back all the same."""


class LocalScenario(Scenario):
    """A drill on the embedded AWS, where the mailbox can be looked into.

    Parameters
    ----------
    screen : Screen
        Where to show the mails.
    aws : EmbeddedAws
        The embedded AWS.
    attachment : Attachment
        The test attachment.
    fault : Fault, optional
        What goes wrong.
    """

    def __init__(
        self, screen: Screen, aws: EmbeddedAws, attachment: Attachment, fault: Fault | None = None
    ) -> None:
        self._screen = screen
        self._aws = aws
        self._attachment = attachment
        self._fault = fault
        self._mails = 0
        self._trouble = _TROUBLES[fault] if fault else _Trouble("nothing")
        self.error = self._trouble.error
        self.expected = Expected.FAILED if self.error else Expected.RESTORED

    def detaching(self) -> AbstractContextManager[object]:
        """Arm the fault before the detach, and do right after it what belongs to the fault."""
        return self._detaching()

    @contextmanager
    def _detaching(self) -> Iterator[None]:
        self._aws.clock.advance(A_BUDGET_OF_MAILS)
        self._mails = len(self._aws.inbox.mails(to=READER))
        if self._fault:
            self._screen.line(f"  fault     {self._fault}: {self._trouble.words}", "yellow")
        self._trouble.before(self._aws, self._attachment)
        with self._aws.clock.working():
            yield
            self._trouble.after(self._aws, self._attachment)

    def show_told(self, execution_arn: str) -> None:
        """Show the alert and the outcome, as their reader gets them."""

        def mails() -> list[Mail]:
            new = self._aws.inbox.mails(to=READER)[self._mails :]
            return [mail for mail in new if self._belongs(mail, execution_arn)]

        give_up = time.monotonic() + _PATIENCE
        while len(mails()) < MAILS and time.monotonic() < give_up:
            time.sleep(_POLL_SECONDS)
        for mail in mails():
            self._screen.line("")
            self._screen.mail(first_screen(mail))

    def _belongs(self, mail: Mail, execution_arn: str) -> bool:
        is_alert = mail.attributes.get("outcome") == "alert" and self._attachment.policy_id in mail.body
        return is_alert or execution_arn in mail.body

    def mend(self) -> bool:
        """Disarm the fault and take away what filled the slots; a deleted policy stays deleted."""
        self._aws.faults.clear()
        self._aws.organizations.stale_reads(0)
        _free(self._aws, self._attachment)
        return self._fault is not Fault.DELETED


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSession(Session):
    """The person at the machine, on an embedded AWS of this program's own.

    Parameters
    ----------
    aws : EmbeddedAws
        The embedded AWS.
    """

    aws: EmbeddedAws

    def client(self, service: str) -> Any:
        """Return a client of a service."""
        return self.aws.client(service)


def run_local_drill(screen: Screen, fault: Fault | None, patience: float, folder: Path | None = None) -> int:
    """Start an embedded AWS with Holdfast on it, drill there, and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print.
    fault : Fault or None
        What goes wrong.
    patience : float
        Seconds to wait for the execution.
    folder : Path, optional
        Where the copy with the baseline goes.
    """
    screen.line("Starting an embedded AWS and deploying Holdfast on it …")
    with EmbeddedAws(seed=SEED, delivery_delay=DELIVERY_DELAY) as aws:
        deployment = deploy_holdfast(aws, folder or BUILD / "drill", ReconciliationEnabled="false")
        code = drill_on(screen, deployment, fault, patience)
        # After Ctrl-C an execution may be under way still; how it breaks off with its AWS is no news.
        logging.getLogger("moto").setLevel(logging.CRITICAL)
    return code


def drill_on(screen: Screen, deployment: Deployment, fault: Fault | None, patience: float) -> int:
    """Drill on a deployed Holdfast, and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print.
    deployment : Deployment
        What is drilled; it gets a test guardrail if it has none.
    fault : Fault or None
        What goes wrong.
    patience : float
        Seconds to wait for the execution.
    """
    aws, folder = deployment.aws, deployment.template.parent / "functions" / "guardrails"
    attachment = _ready(aws.client("organizations"), folder)
    code = run_drill(
        screen,
        LocalSession(endpoint_url=aws.endpoint_url, aws=aws),
        folder,
        deployment.stack.name,
        patience=patience,
        successors=dict,
        agree=lambda _: True,
        scenario=LocalScenario(screen, aws, attachment, fault),
    )
    screen.line("All of this happened on this machine; the seconds are those of the embedded AWS.", "dim")
    return code


def _ready(client: OrganizationsClient, folder: Path) -> Attachment:
    """Make the test guardrail where it is missing, as `--create` does, and return its attachment."""
    found = find_guardrail(client)
    attachment = create_guardrail(client, found)
    if NAME not in (folder / "baseline.toml").read_text(encoding="utf-8"):
        declare_guardrail(folder, attachment)
    return attachment


# ---- The faults --------------------------------------------------------------------------------------------


def _refuse(code: str, message: str, times: int) -> Callable[[EmbeddedAws, Attachment], object]:
    """Let AttachPolicy be refused some times."""
    error = ApiError(code, message)
    return lambda aws, _: aws.faults.fail_call("organizations", "AttachPolicy", error, times)


def _break(fault: FunctionFault, times: int) -> Callable[[EmbeddedAws, Attachment], object]:
    """Let the function that attaches break some times."""
    return lambda aws, _: aws.faults.fail_function("ReattachPolicyFunction", fault, times)


def _read_late(aws: EmbeddedAws, _: Attachment) -> None:
    aws.organizations.stale_reads(STALE, detach_lag=0)


def _delete(aws: EmbeddedAws, attachment: Attachment) -> None:
    aws.client("organizations").delete_policy(PolicyId=attachment.policy_id)


def _fill(aws: EmbeddedAws, attachment: Attachment) -> None:
    """Attach other policies to the OU until it has no room."""
    client: OrganizationsClient = aws.client("organizations")
    listed = client.list_policies_for_target(TargetId=attachment.target_id, Filter=SCP)["Policies"]
    for number in range(_SLOTS - len(listed)):
        statement = {"Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}
        created = client.create_policy(
            Name=f"{_FILLER}{number}", Description="", Type=SCP, Content=json.dumps({"Statement": statement})
        )
        client.attach_policy(PolicyId=created["Policy"]["PolicySummary"]["Id"], TargetId=attachment.target_id)


def _free(aws: EmbeddedAws, attachment: Attachment) -> None:
    client: OrganizationsClient = aws.client("organizations")
    listed = client.list_policies(Filter=SCP)["Policies"]
    for policy_id in [policy["Id"] for policy in listed if policy["Name"].startswith(_FILLER)]:
        client.detach_policy(PolicyId=policy_id, TargetId=attachment.target_id)
        client.delete_policy(PolicyId=policy_id)


_FILLER = "TakesTheSlot"
_TROUBLES = {
    Fault.THROTTLE: _Trouble(
        f"AttachPolicy answers {THROTTLED} times that there are too many requests",
        before=_refuse("TooManyRequestsException", "You have sent too many requests.", THROTTLED),
    ),
    Fault.CONFLICT: _Trouble(
        "AttachPolicy answers 3 times that another change is under way",
        before=_refuse("ConcurrentModificationException", "The target is being modified.", 3),
    ),
    Fault.STALE: _Trouble(f"reads show the new attachment {STALE:g} s late", before=_read_late),
    Fault.FULL: _Trouble(
        f"as soon as it is off, others take all {_SLOTS} slots of the OU",
        after=_fill,
        error="AttachmentQuotaExceededError",
    ),
    Fault.DELETED: _Trouble(
        "as soon as it is off, the policy is deleted", after=_delete, error="PolicyGoneError"
    ),
    Fault.SLOW: _Trouble(
        "the function that attaches hangs once, until it is ended", before=_break(FunctionFault.HANG, 1)
    ),
    Fault.CRASH: _Trouble("the function that attaches crashes twice", before=_break(FunctionFault.CRASH, 2)),
}

"""`holdfast drill`: take the test guardrail off, watch Holdfast bring it back, and leave all as it was."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from holdfast.attachment import Attachment
from holdfast.baseline import load_baseline
from holdfast.detachment import DETACH_POLICY
from holdfast.fields import mapping_in
from holdfast.links import Console
from holdfast_cli.deployed_stack import find_stack
from holdfast_cli.drill import (
    KEY,
    NAME,
    VALUE,
    DrillError,
    attachment_of,
    check_not_exempt,
    check_not_sanctioned,
    check_safe,
    find_drill,
    is_attached,
)
from holdfast_cli.drill_guardrail import (
    Found,
    attach,
    check_organization,
    check_removable,
    create_guardrail,
    declare_guardrail,
    find_guardrail,
    remove_guardrail,
)
from holdfast_cli.drill_result import (
    WHERE_TO_LOOK,
    Expected,
    Judgement,
    Milestone,
    judge,
    milestones,
    reason_in,
    was_told,
)
from holdfast_cli.following import Told, follow, history, newest_execution, told_by
from holdfast_cli.session import answered_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_stepfunctions import SFNClient

    from holdfast_cli.screen import Screen
    from holdfast_cli.session import Session

OUTPUT, MODE = "StateMachineArn", "Mode"
"""The stack's output and parameter that a drill needs."""

POLL = 0.5
"""Seconds between two looks; whoever looks at the same time shares the rate of these calls."""

_LOOKS = 5
"""How many reads may be late before Organizations is asked by AttachPolicy."""

_UNENDED = Judgement(good=False, text="It did not come to an end.")
_ALREADY_DETACHED = "PolicyNotAttachedException"


@dataclass(frozen=True, slots=True)
class System:
    """The deployed system that is drilled.

    Parameters
    ----------
    state_machine_arn : str
        The fast path's state machine.
    mode : str or None
        The stack's mode; None if it does not say.
    """

    state_machine_arn: str
    mode: str | None


class Scenario:
    """What happens around the detach, and what shall come of it: nothing more, and it comes back."""

    expected = Expected.RESTORED
    error: str | None = None
    """The error with which the execution shall fail, if it shall."""

    def detaching(self) -> AbstractContextManager[object]:
        """Return what happens around the detach: before it on entry, right after it on exit."""
        return nullcontext()

    def show_told(self, execution_arn: str) -> None:
        """Show what came into the mailbox; on a real account that is the operator's own."""

    def mend(self) -> bool:
        """Take back what the scenario did, and return whether the attachment can be put back now."""
        return True


class _AlertOnly(Scenario):
    expected = Expected.REPORTED


def run_drill(  # noqa: PLR0913 - what the command line says
    screen: Screen,
    session: Session,
    folder: Path,
    stack: str,
    *,
    patience: float,
    successors: Callable[[], Mapping[str, str]],
    agree: Callable[[str], bool],
    scenario: Scenario | None = None,
) -> int:
    """Drill with the test guardrail of a baseline, and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print.
    session : Session
        Which AWS, as whom.
    folder : Path
        The baseline's folder.
    stack : str
        The name or ARN of Holdfast's stack.
    patience : float
        Seconds until the execution has to have begun, and again until it has to have ended.
    successors : callable
        Returns the new id of each policy that was made again.
    agree : callable
        Asked a question before a drill in which nothing will be restored.
    scenario : Scenario, optional
        What else happens; nothing by default.

    Raises
    ------
    DrillError
        If there is nothing to drill with, or it is not safe; nothing has been detached.
    """
    client = session.organizations()
    baseline = load_baseline(folder).adopting(successors())
    drill = find_drill(baseline, folder)
    attachment = attachment_of(drill)
    check_safe(client, drill)
    check_not_exempt(session.client("ssm"), drill)
    check_not_sanctioned(session.client("sts"), baseline)
    system = find_system(session.client("cloudformation"), stack)
    if system.mode == "alert-only":
        screen.line(
            "The stack's mode is alert-only: you will get the alert and an outcome that says NOT restored, "
            "and the drill attaches the policy itself.",
            "yellow",
        )
        if not agree("Drill all the same?"):
            screen.line("Nothing was detached. Next: say --yes if it is meant.", "bold red")
            return 1
        scenario = _AlertOnly()
    # This proves that the attachment can be put back with these credentials, before it is taken off.
    attach(client, attachment)
    run = _Run(screen, session, system, attachment, patience, scenario or Scenario())
    return run.drill(baseline.version)


def run_create(screen: Screen, session: Session, folder: Path, *, agree: Callable[[str], bool]) -> int:
    """Make the test guardrail, declare it in a baseline, and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print.
    session : Session
        Which AWS, as whom.
    folder : Path
        The baseline's folder.
    agree : callable
        Asked before anything is made.

    Raises
    ------
    DrillError
        If the baseline is another organization's, or something of that name lacks the tag.
    """
    client, baseline = session.organizations(), load_baseline(folder)
    check_organization(client, baseline, folder)
    found = find_guardrail(client)
    declared = any(guardrail.name == NAME for guardrail in baseline.guardrails)
    if declared:
        find_drill(baseline, folder)
    _show_plan(screen, found)
    if not agree(f"Make {NAME} and write it into {folder}?"):
        screen.line("Nothing was made. Next: say --yes if it is meant.", "bold red")
        return 1
    attachment = create_guardrail(client, found)
    screen.line(
        f"Attached: {NAME} ({attachment.policy_id}) to the OU {NAME} ({attachment.target_id})", "green"
    )
    if declared and attachment != attachment_of(find_drill(baseline, folder)):
        raise DrillError(
            f"the baseline in {folder} holds another {NAME}. Next: take its [[guardrail]] out, "
            "and create again"
        )
    for path in () if declared else declare_guardrail(folder, attachment):
        screen.line(f"Wrote {path}")
    screen.line("Next: review the difference, commit it, deploy it, and then: holdfast drill")
    screen.line(f"Where AlertPolicyIds is set, {attachment.policy_id} has to be in it, or no alert comes.")
    return 0


def run_remove(screen: Screen, session: Session, folder: Path, *, agree: Callable[[str], bool]) -> int:
    """Take the test guardrail away, and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print.
    session : Session
        Which AWS, as whom.
    folder : Path
        The baseline's folder; it has to be without the test guardrail.
    agree : callable
        Asked before anything is taken away.

    Raises
    ------
    DrillError
        If something of that name lacks the tag, or somebody may miss it.
    """
    client, baseline = session.organizations(), load_baseline(folder)
    check_organization(client, baseline, folder)
    found = find_guardrail(client)
    check_removable(client, found, baseline, folder)
    things = [thing for thing in (found.policy_id, found.unit_id) if thing]
    if not things:
        screen.line(f"There is no policy and no OU named {NAME}. Nothing had to be done.")
        return 0
    screen.line("The deployed baseline must be without it already: else Holdfast puts it back.", "yellow")
    if not agree(f"Delete {' and '.join(things)}?"):
        screen.line("Nothing was deleted. Next: say --yes if it is meant.", "bold red")
        return 1
    remove_guardrail(client, found)
    screen.line(f"Deleted: {', '.join(things)}", "green")
    return 0


def find_system(client: Any, stack: str) -> System:
    """Return the deployed system; raises `NoStackError` if it is not there."""
    found = find_stack(client, stack)
    return System(found.output(OUTPUT, "the remediation"), found.parameters.get(MODE))


@dataclass(frozen=True, slots=True)
class _Run:
    """One drill: from the detach to all being as it was."""

    screen: Screen
    session: Session
    system: System
    attachment: Attachment
    patience: float
    scenario: Scenario

    def drill(self, version: str) -> int:
        """Detach, follow, put back if need be, and return the exit code."""
        organizations: OrganizationsClient = self.session.organizations()
        executions: SFNClient = self.session.client("stepfunctions")
        self.screen.act(f"Drill: {NAME} is detached on purpose")
        self.screen.line(f"  policy    {self.attachment.policy_id}, which denies nothing")
        self.screen.line(f"  target    {self.attachment.target_id}, an empty OU")
        self.screen.line(f"  baseline  {version}, mode {self.system.mode or 'unknown'}")
        self.screen.line(f"  expected  {self.scenario.expected}")
        known = self._known(executions)
        with _interrupted_by_any_signal(), self._left_as_it_was(organizations) as end:
            end.judgement = self._watch(organizations, executions, known)
        return self._conclude(end)

    def _watch(
        self, organizations: OrganizationsClient, executions: SFNClient, known: frozenset[str]
    ) -> Judgement:
        detached_at = self._detach(organizations)
        self.screen.line(f"  {0:6.1f} s  ○ {DETACH_POLICY} answered; waiting for its event …")
        arn = newest_execution(
            executions, self.system.state_machine_arn, known, self.patience, POLL, self._concerns
        )
        console = None if self.session.endpoint_url else Console.of_execution(arn)
        with self.screen.story(detached_at) as show:
            for step in follow(executions, arn, POLL, self.patience):
                show(step)
        self.screen.line(f"  execution {console.execution(arn) if console else arn}", "dim")
        self.scenario.show_told(arn)
        events, told = history(executions, arn), told_by(executions, arn)
        found = milestones(events, detached_at)
        self._show(found, told)
        return judge(
            told,
            self.scenario.expected,
            reason=reason_in(events),
            handed_over=was_told(found),
            error=self.scenario.error,
        )

    def _detach(self, organizations: OrganizationsClient) -> datetime:
        """Detach, and return when, by AWS's own clock: its answer's date has whole seconds."""
        with self.scenario.detaching():
            try:
                answer = organizations.detach_policy(
                    PolicyId=self.attachment.policy_id, TargetId=self.attachment.target_id
                )
            except ClientError as error:
                # An answer that was lost, and the SDK has asked again: then it is off all the same.
                if error.response["Error"].get("Code") != _ALREADY_DETACHED:
                    raise
                return answered_at(error.response)
            return answered_at(answer)

    def _concerns(self, event: Any) -> bool:
        """Return whether an execution's input is the event of our detach."""
        detail = mapping_in(event if isinstance(event, dict) else {}, "detail")
        request = mapping_in(detail, "requestParameters")
        pair = request.get("policyId"), request.get("targetId")
        return pair == (self.attachment.policy_id, self.attachment.target_id)

    def _known(self, executions: SFNClient) -> frozenset[str]:
        listed = executions.list_executions(stateMachineArn=self.system.state_machine_arn)["executions"]
        return frozenset(execution["executionArn"] for execution in listed)

    def _show(self, found: tuple[Milestone, ...], told: Told | None) -> None:
        self.screen.line("\nTimeline", "bold")
        since = found[0].at
        for one in found:
            self.screen.line(f"  {(one.at - since).total_seconds():6.1f} s  {one.text}")
        if told is None:
            return
        self.screen.line(f"  message   {told.subject}")
        seconds = told.record["exposure_seconds"]
        if seconds is not None:
            self.screen.line(f"  exposure  {seconds} s, as the record has it; no account is in the OU")
        if told.record["contested"]:
            self.screen.line(
                "  contested: drills that follow one another this fast are told as a fight; see the stack's "
                "ContestedAfter and ContestedWithin",
                "yellow",
            )

    @contextmanager
    def _left_as_it_was(self, organizations: OrganizationsClient) -> Iterator[_End]:
        """Put the attachment back, whatever ends the block; only a fault of the command's own goes on."""
        end = _End()
        try:
            yield end
        except KeyboardInterrupt:
            end.judgement = Judgement(good=False, text="Interrupted.")
        except TimeoutError as error:
            following = f"{WHERE_TO_LOOK}. CloudTrail may also be late: --patience waits longer"
            end.judgement = Judgement(good=False, text=_sentence(error), following=following)
        except (BotoCoreError, ClientError) as error:
            end.judgement = Judgement(good=False, text=f"The drill broke off: {_sentence(error)}")
        finally:
            self._put_back(organizations, end)

    def _put_back(self, organizations: OrganizationsClient, end: _End) -> None:
        """Make sure that the attachment is there, and only then say so: the terminal may be gone."""
        try:
            words = self._attach_again(organizations, end)
        except (KeyboardInterrupt, BotoCoreError, ClientError) as error:
            pair = f"--policy-id {self.attachment.policy_id} --target-id {self.attachment.target_id}"
            self.screen.verdict(f"\n{NAME} MAY BE OFF STILL: {_sentence(error)}", good=False)
            self.screen.line(f"Next: aws organizations attach-policy {pair}{self.session.options}")
            return
        end.is_as_before = True
        self.screen.line(f"\n{words}")

    def _attach_again(self, organizations: OrganizationsClient, end: _End) -> str:
        """Attach where that is needed, and return what was found."""
        if not self.scenario.mend():
            return f"{NAME} stays off: there is nothing left to attach."
        shall_be_attached = end.judgement.good and self.scenario.expected is Expected.RESTORED
        if shall_be_attached and self._is_seen(organizations):
            return f"{NAME} is attached: a read of our own shows it."
        if not attach(organizations, self.attachment):
            return f"{NAME} is attached: Organizations says so."
        if shall_be_attached:
            end.judgement = Judgement(
                good=False, text="Told as restored, but it was off.", following=WHERE_TO_LOOK
            )
        return f"{NAME} was off: the drill has attached it, with your credentials."

    def _is_seen(self, organizations: OrganizationsClient) -> bool:
        """Return whether one of our own reads shows the attachment."""
        for look in range(_LOOKS):
            if look:
                time.sleep(POLL)
            if is_attached(organizations, self.attachment):
                return True
        return False

    def _conclude(self, end: _End) -> int:
        judgement = end.judgement
        self.screen.verdict(judgement.text, good=judgement.good)
        if judgement.following:
            self.screen.line(f"Next: {judgement.following}.")
        return 0 if judgement.good and end.is_as_before else 1


@dataclass(slots=True)
class _End:
    """How a drill ends."""

    judgement: Judgement = _UNENDED
    is_as_before: bool = False


@contextmanager
def _interrupted_by_any_signal() -> Iterator[None]:
    """Let a terminal that is closed, and a polite kill, end a drill as Ctrl-C does."""
    before = {}
    # Only the main thread may set handlers, and only there do signals arrive.
    with suppress(ValueError):
        for number in (signal.SIGTERM, signal.SIGHUP):
            before[number] = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sentence(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text if text.endswith(".") else f"{text}."


def _show_plan(screen: Screen, found: Found) -> None:
    tag = f"{KEY}={VALUE}"
    policy = f"is there: {found.policy_id}" if found.policy_id else "is made; it denies nothing to anybody"
    unit = f"is there: {found.unit_id}" if found.unit_id else "is made below the root, and stays empty"
    screen.line(f"  policy  {NAME}, tag {tag}: {policy}")
    screen.line(f"  OU      {NAME}, tag {tag}: {unit}")

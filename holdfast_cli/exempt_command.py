"""`holdfast exempt grant` and `revoke`: write an exemption, and take one back.

The time is that of Systems Manager's own answers, for by its clock the rules are enforced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from holdfast.baseline import Baseline, load_baseline
from holdfast.errors import BaselineError, HoldfastError
from holdfast.exemption import (
    Exemption,
    Parameter,
    parse_exemption,
)
from holdfast.exemption_store import parameters_in
from holdfast.quoting import quoted
from holdfast_cli.exempt import (
    EVERYTHING,
    Subject,
    end_of,
    ending,
    idle_because,
    policy_called,
    sentence,
    value_of,
)
from holdfast_cli.finding import shown
from holdfast_cli.organization_tree import find_target
from holdfast_cli.reconcile import RunRequest, find_state_machine, follow_run, look_command, show_start, start
from holdfast_cli.session import answered_at

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

    from holdfast_cli.screen import Screen
    from holdfast_cli.session import Session


class ExemptionError(HoldfastError):
    """What was asked for is not so: no such exemption, or one that does not read as it was written."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What people give to be written.

    Parameters
    ----------
    until : str
        The end: a span such as `2h`, or a time.
    reason : str
        Why.
    ticket : str or None
        Where it was agreed.
    """

    until: str
    reason: str
    ticket: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """The baseline that a command knows, which is not always the one that is deployed.

    Parameters
    ----------
    folder : Path
        Where it lies.
    baseline : Baseline or None
        None if it cannot be read.
    problem : str or None
        Why it cannot.
    """

    folder: Path
    baseline: Baseline | None
    problem: str | None = None


def read_known(folder: Path, successors: Callable[[], Mapping[str, str]]) -> Known:
    """Return the baseline in a folder as far as there is one: at 3 a.m. ids have to do without it.

    Parameters
    ----------
    folder : Path
        The baseline's folder.
    successors : callable
        Returns the new id of each policy that was made again; called only if there is a baseline.
    """
    try:
        return Known(folder, load_baseline(folder).adopting(successors()))
    except BaselineError as error:
        return Known(folder, None, str(error))


def find_subject(session: Session, known: Known, policy: str, target: str | None) -> Subject:
    """Return what people name.

    Parameters
    ----------
    session : Session
        Which AWS to ask for a target that is named by its path.
    known : Known
        The baseline, for the guardrails' names.
    policy : str
        A policy's id, a guardrail's name, or `all`.
    target : str or None
        A target's id, its path of names, or `all`; None after a policy that is `all`.

    Raises
    ------
    ValueError
        If the two do not go together.
    UnknownGuardrailError, UnknownTargetError
        If there is no such policy or target.
    """
    if policy == EVERYTHING:
        if target is not None:
            message = f"TARGET: got {shown(target)}, expected nothing behind `all`, which is everything"
            raise ValueError(message)
        return Subject()
    if target is None:
        message = "TARGET: got nothing, expected an id, a path of names, or `all` for the whole policy"
        raise ValueError(message)
    policy_id = policy_called(policy, known.baseline)
    if target == EVERYTHING:
        return Subject(policy_id)
    return Subject(policy_id, find_target(session.organizations(), target))


def run_grant(  # noqa: PLR0913 - what the command line says
    screen: Screen,
    session: Session,
    known: Known,
    subject: Subject,
    wording: Wording,
    *,
    agree: Callable[[str], bool],
) -> int:
    """Write an exemption and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print.
    session : Session
        Which AWS, as whom.
    known : Known
        The baseline, to warn of an exemption that does nothing.
    subject : Subject
        What is exempt.
    wording : Wording
        Until when, and why.
    agree : callable
        Asked a question before an exemption that is in force is replaced.

    Raises
    ------
    ValueError
        If what is to be written breaks a rule that the functions enforce; names field, value, expectation.
    ExemptionError
        If it does not read as it was written.
    """
    client: SSMClient = session.client("ssm")
    present, now = _read(client, subject)
    value = value_of(end_of(wording.until, now), wording.reason, wording.ticket)
    parse_exemption(Parameter(subject.name, "String", value, now))
    _warn_of_idle(screen, known, subject)
    if present and (in_force := _in_force(present, now)):
        screen.line(f"It is in force already: {sentence(in_force, now)}", "yellow")
        if not agree("Replace it?"):
            screen.line("Nothing was written. Next: say --replace if it is meant.", "bold red")
            return 1
    client.put_parameter(Name=subject.name, Value=value, Type="String", Overwrite=present is not None)
    written = _read_back(client, subject, value)
    screen.line(f"Exempt: {subject.in_words(known.baseline)}", "bold green")
    screen.line(f"  parameter  {written.name}, in {client.meta.region_name}")
    screen.line(f"  until      {ending(written, now)} from now")
    screen.line(f"  reason     {quoted(written.reason)}")
    if written.ticket is not None:
        screen.line(f"  ticket     {quoted(written.ticket)}")
    screen.line("Until then a detach is reported and not reverted; at the end, what is still off goes back.")
    screen.line(f"To end it sooner: holdfast exempt revoke {subject.arguments}{session.options}")
    return 0


def run_revoke(  # noqa: PLR0913 - what the command line says
    screen: Screen, session: Session, known: Known, subject: Subject, stack: str, *, wait: bool = True
) -> int:
    """Delete an exemption, let what it exempted be restored, and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print.
    session : Session
        Which AWS, as whom.
    known : Known
        The baseline, for the guardrails' names.
    subject : Subject
        What is exempt.
    stack : str
        The name or ARN of Holdfast's stack.
    wait : bool
        Whether to follow the reconciliation to its end.

    Raises
    ------
    NoStackError
        If there is no such stack; then nothing has been deleted.
    ExemptionError
        If there is no such exemption, or it is deleted and no reconciliation could be started.
    """
    machine = find_state_machine(session.client("cloudformation"), stack)
    _delete(session.client("ssm"), subject)
    screen.line(f"Revoked: {subject.in_words(known.baseline)} is no longer exempt by {subject.name}.", "bold")
    request = RunRequest(subject.scope, at_once=True)
    try:
        started = start(session.client("stepfunctions"), machine, request)
    except (BotoCoreError, ClientError) as error:
        raise ExemptionError(
            f"the exemption is deleted, but no reconciliation could be started: {error}. What is off stays "
            "off until one runs. Next: holdfast reconcile"
        ) from error
    show_start(screen, started, request)
    if not wait:
        screen.line("Started, and not waited for. To look at it:")
        screen.line(f"  {look_command(session, started)}")
        return 0
    return follow_run(screen, screen, session, started, request)


def _read(client: SSMClient, subject: Subject) -> tuple[Parameter | None, datetime]:
    """Return the parameter, if it is there, and the time."""
    answer = client.get_parameters(Names=[subject.name])
    return next(iter(parameters_in(answer["Parameters"])), None), answered_at(answer)


def _read_back(client: SSMClient, subject: Subject, value: str) -> Exemption:
    """Return the exemption as the functions read it: what is not seen there is not in force."""
    parameter, _ = _read(client, subject)
    following = "Next: holdfast exempt list shows how it stands"
    if parameter is None or parameter.value != value:
        raise ExemptionError(f"{subject.name} was written, and does not read so yet. {following}")
    try:
        return parse_exemption(parameter)
    except ValueError as error:
        raise ExemptionError(f"{subject.name} was written, and is ignored: {error}. {following}") from error


def _in_force(parameter: Parameter, now: datetime) -> Exemption | None:
    try:
        exemption = parse_exemption(parameter)
    except ValueError:
        return None
    return exemption if exemption.is_in_force(now) else None


def _delete(client: SSMClient, subject: Subject) -> None:
    try:
        client.delete_parameter(Name=subject.name)
    except client.exceptions.ParameterNotFound as error:
        raise ExemptionError(
            f"there is no exemption {subject.name} in {client.meta.region_name}. Next: holdfast exempt list "
            "shows those that there are"
        ) from error


def _warn_of_idle(screen: Screen, known: Known, subject: Subject) -> None:
    if known.baseline is None:
        screen.line(f"Not compared with a baseline: {known.problem}.", "yellow")
    elif because := idle_because(subject, known.baseline):
        screen.line(
            f"WARNING: the baseline in {known.folder} {because}. If the deployed one does not either, "
            "this exemption has no effect.",
            "yellow",
        )

"""`holdfast drill` as it is typed, against the deployed system: it comes back, whatever happens."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError
from rich.console import Console
from typer.testing import CliRunner, Result

from holdfast.attachment import Attachment
from holdfast.exemption import name_of
from holdfast.timestamps import format_timestamp
from holdfast_cli import drill_command, drill_guardrail
from holdfast_cli.__main__ import FAULTS, app
from holdfast_cli.drill import NAME, is_attached
from holdfast_cli.drill_guardrail import create_guardrail, find_guardrail
from holdfast_cli.drill_local import Fault, drill_on
from holdfast_cli.sample_organization import PIPELINE_ROLE
from holdfast_cli.screen import Screen
from localaws.gateway import ApiError
from tests.deployed import SCP, Holdfast

Drill = Callable[..., Result]

TAG = [{"Key": "holdfast", "Value": "drill"}]
REFUSED = ApiError("AccessDeniedException", "You don't have permissions to access this resource.")


@pytest.fixture(autouse=True)
def _operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be somebody who may do everything, and wait for nobody."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALOCALOPERATOR000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(drill_command, "POLL", 0.02)
    monkeypatch.setattr(drill_guardrail, "PAUSE", 0.0)


@pytest.fixture
def run(holdfast: Holdfast) -> Drill:
    """Return how the command is run on the deployed baseline; nobody sits at a terminal."""
    return command(holdfast)


@pytest.fixture
def attachment(holdfast: Holdfast) -> Attachment:
    """Return the test guardrail's attachment, made and declared where a test before has taken it away."""
    made = create_guardrail(holdfast.organizations, find_guardrail(holdfast.organizations))
    holdfast.declare()
    return made


def command(holdfast: Holdfast, folder: Path | None = None) -> Drill:
    def run(*arguments: str, folder: Path = folder or holdfast.guardrails) -> Result:
        at = ("--folder", str(folder), "--endpoint-url", holdfast.aws.endpoint_url)
        return CliRunner().invoke(app, ["drill", *arguments, *at])

    return run


def without_it(folder: Path) -> None:
    """Take the test guardrail out of a baseline, as people do before they remove it."""
    path = folder / "baseline.toml"
    tables = re.split(r"^(?=\[\[)", path.read_text(), flags=re.MULTILINE)
    path.write_text("".join(table for table in tables if NAME not in table))
    (folder / "policies" / f"{NAME}.json").unlink(missing_ok=True)


def detaches(holdfast: Holdfast) -> int:
    """Return how often anybody asked for a detach."""
    return len(holdfast.aws.calls.recorded("organizations", "DetachPolicy"))


def remaining(result: Result) -> list[str]:
    """Return the lines that were printed, without the seconds before each step."""
    return [re.sub(r"^ +[0-9.]+ s  ", "", line) for line in result.stdout.splitlines()]


def test_what_is_created_is_tagged_attached_and_declared_once(holdfast: Holdfast, run: Drill) -> None:
    before = (holdfast.guardrails / "baseline.toml").read_text()

    first, declared = run("--create", "--yes"), (holdfast.guardrails / "baseline.toml").read_text()
    second = run("--create", "--yes")

    found = find_guardrail(holdfast.organizations)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert found.targets == (found.unit_id,)
    for resource in (found.policy_id, found.unit_id):
        assert holdfast.organizations.list_tags_for_resource(ResourceId=resource)["Tags"] == TAG
    table = [
        "[[guardrail]]",
        f'policy      = "{found.policy_id}"',
        f'name        = "{NAME}"',
        f'type        = "{SCP}"',
        f'targets     = ["{found.unit_id}"]',
        f'document    = "policies/{NAME}.json"',
        'description = "Denies nothing. holdfast drill detaches it on purpose, to see it come back."',
    ]
    written = "\n".join([*table, "", ""])
    assert declared.replace(written, "", 1).split() == before.split()
    assert written in declared
    assert (holdfast.guardrails / "baseline.toml").read_text() == declared
    assert CliRunner().invoke(app, ["validate", str(holdfast.guardrails)]).exit_code == 0


def test_a_drill_shows_how_it_comes_back_and_what_that_took(
    holdfast: Holdfast, run: Drill, attachment: Attachment
) -> None:
    before = holdfast.state()

    result = run()

    shown = remaining(result)
    assert (result.exit_code, holdfast.state()) == (0, before)
    assert is_attached(holdfast.organizations, attachment)
    assert "● Reattach Policy" in shown
    timeline = shown[shown.index("Timeline") :]
    assert timeline[:6] == [
        "Timeline",
        "detached",
        "the event had come, and the execution began",
        "attached again",
        "confirmed by a read",
        "told",
    ]
    assert "  exposure  5 s, as the record has it; no account is in the OU" in timeline
    assert timeline[-2:] == [f"{NAME} is attached: a read of our own shows it.", "Restored, and told."]


def untag_policy(holdfast: Holdfast, attachment: Attachment) -> None:
    holdfast.organizations.untag_resource(ResourceId=attachment.policy_id, TagKeys=["holdfast"])


def untag_unit(holdfast: Holdfast, attachment: Attachment) -> None:
    holdfast.organizations.untag_resource(ResourceId=attachment.target_id, TagKeys=["holdfast"])


def move_in(holdfast: Holdfast, attachment: Attachment) -> None:
    move = {"SourceParentId": holdfast.target("Sandbox"), "DestinationParentId": attachment.target_id}
    holdfast.organizations.move_account(AccountId=holdfast.target("Sandbox/training"), **move)


def exempt(holdfast: Holdfast, attachment: Attachment) -> None:
    until = format_timestamp(holdfast.aws.clock.now() + timedelta(minutes=30))
    name = name_of(attachment.policy_id, attachment.target_id)
    value = json.dumps({"until": until, "reason": "a test"})
    holdfast.aws.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)


def take_off(holdfast: Holdfast, attachment: Attachment) -> None:
    with holdfast.unseen():
        pair = {"PolicyId": attachment.policy_id, "TargetId": attachment.target_id}
        holdfast.organizations.detach_policy(**pair)


@pytest.fixture
def _mended(holdfast: Holdfast, attachment: Attachment) -> Iterator[None]:
    """Undo what a refusal is about."""
    yield
    client = holdfast.organizations
    for resource in (attachment.policy_id, attachment.target_id):
        client.tag_resource(ResourceId=resource, Tags=TAG)
    account, home = holdfast.target("Sandbox/training"), holdfast.target("Sandbox")
    if client.list_parents(ChildId=account)["Parents"][0]["Id"] != home:
        client.move_account(AccountId=account, SourceParentId=attachment.target_id, DestinationParentId=home)
    for name in [name_of(attachment.policy_id, attachment.target_id)]:
        holdfast.aws.client("ssm").delete_parameters(Names=[name])


@pytest.mark.usefixtures("_mended")
@pytest.mark.parametrize(
    ("spoil", "because"),
    [
        (untag_policy, "the policy {policy} lacks the tag holdfast=drill"),
        (untag_unit, "the OU {unit} lacks the tag holdfast=drill"),
        (move_in, "the OU {unit} is not empty: {training}."),
        (exempt, "{policy}/{unit} is exempt by /holdfast/exemptions/{policy}/{unit} until "),
        pytest.param(
            take_off,
            "{policy} is not attached to {unit}, so nothing can be detached.",
            marks=pytest.mark.long,
        ),
    ],
    ids=["no tag on the policy", "no tag on the OU", "an account in the OU", "exempt", "off already"],
)
def test_what_is_not_safe_or_would_prove_nothing_is_refused_and_nothing_is_detached(
    holdfast: Holdfast,
    run: Drill,
    attachment: Attachment,
    spoil: Callable[[Holdfast, Attachment], None],
    because: str,
) -> None:
    spoil(holdfast, attachment)
    before = detaches(holdfast)

    result = run()

    ids = {"policy": attachment.policy_id, "unit": attachment.target_id}
    assert (result.exit_code, detaches(holdfast)) == (1, before)
    assert because.format(**ids, training=holdfast.target("Sandbox/training")) in result.stderr


def test_a_baseline_without_it_is_refused(
    holdfast: Holdfast, run: Drill, attachment: Attachment, tmp_path: Path
) -> None:
    folder = shutil.copytree(holdfast.guardrails, tmp_path / "guardrails")
    without_it(folder)
    before = detaches(holdfast)

    result = run(folder=folder)

    assert (result.exit_code, detaches(holdfast)) == (1, before)
    assert f"holds no guardrail named {NAME}. Next: holdfast drill --create makes one" in result.stderr
    assert is_attached(holdfast.organizations, attachment)


@pytest.mark.long
def test_a_baseline_that_is_not_deployed_yet_is_found_out(
    holdfast: Holdfast, run: Drill, attachment: Attachment, tmp_path: Path
) -> None:
    folder = shutil.copytree(holdfast.guardrails, tmp_path / "guardrails")
    without_it(holdfast.guardrails)

    result = run(folder=folder)

    assert result.exit_code == 1
    assert is_attached(holdfast.organizations, attachment)
    assert remaining(result)[-3:] == [
        f"{NAME} was off: the drill has attached it, with your credentials.",
        "Holdfast left it alone: the deployed baseline does not hold the test guardrail.",
        "Next: deploy the baseline, and drill again.",
    ]


@pytest.mark.long
@pytest.mark.usefixtures("attachment")
def test_a_sanctioned_role_is_refused_for_its_detach_would_stay(
    holdfast: Holdfast, run: Drill, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = holdfast.aws.client("iam").get_role(RoleName=PIPELINE_ROLE)["Role"]["Arn"]
    issued = holdfast.aws.client("sts").assume_role(RoleArn=role, RoleSessionName="ci")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", issued["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", issued["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", issued["SessionToken"])
    before = detaches(holdfast)

    result = run()

    assert (result.exit_code, detaches(holdfast)) == (1, before)
    assert f"these credentials are those of {role}, which the baseline lists as sanctioned" in result.stderr


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (KeyboardInterrupt(), "Interrupted."),
        pytest.param(
            ConnectTimeoutError(endpoint_url="https://states"),
            "The drill broke off: Connect timeout",
            marks=pytest.mark.long,
        ),
        pytest.param(RuntimeError("a fault of ours"), "", marks=pytest.mark.long),
    ],
    ids=["Ctrl-C", "a network that is gone", "a fault of the command's own"],
)
def test_whatever_ends_a_drill_the_guardrail_is_attached(  # noqa: PLR0917 - it names all that it needs
    holdfast: Holdfast,
    run: Drill,
    attachment: Attachment,
    monkeypatch: pytest.MonkeyPatch,
    trouble: BaseException,
    words: str,
) -> None:
    def interrupted(*_: Any, **__: Any) -> str:
        assert not is_attached(holdfast.organizations, attachment)
        raise trouble

    monkeypatch.setattr(drill_command, "newest_execution", interrupted)

    with holdfast.unseen():
        result = run()

    assert result.exit_code == 1
    assert is_attached(holdfast.organizations, attachment)
    assert f"{NAME} was off: the drill has attached it, with your credentials." in remaining(result)
    assert words in result.stdout


def test_where_the_terminal_is_gone_the_guardrail_is_attached_all_the_same(
    holdfast: Holdfast, run: Drill, attachment: Attachment, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def gone(_: Screen, text: str, __: str = "") -> None:
        seen.append(text)
        if any("DetachPolicy answered" in line for line in seen):
            raise BrokenPipeError

    monkeypatch.setattr(Screen, "line", gone)

    with holdfast.unseen():
        result = run()

    assert result.exit_code == 1
    assert is_attached(holdfast.organizations, attachment)
    assert seen[-1] == f"\n{NAME} was off: the drill has attached it, with your credentials."


def test_when_nothing_comes_in_time_the_drill_fails_and_attaches_it(
    holdfast: Holdfast, run: Drill, attachment: Attachment
) -> None:
    with holdfast.unseen():
        result = run("--patience", "1")

    assert result.exit_code == 1
    assert is_attached(holdfast.organizations, attachment)
    assert remaining(result)[-3:] == [
        f"{NAME} was off: the drill has attached it, with your credentials.",
        f"no execution of {holdfast.deployment.state_machine_arn} began within 1 s.",
        (
            "Next: holdfast doctor; then the execution, and the alarms. CloudTrail may also be late: "
            "--patience waits longer."
        ),
    ]


@pytest.mark.long
def test_when_it_cannot_be_put_back_the_command_to_do_so_is_said(
    holdfast: Holdfast, run: Drill, attachment: Attachment
) -> None:
    # The first call is the proof, before the detach, that these credentials may attach.
    holdfast.aws.faults.fail_call("organizations", "AttachPolicy", REFUSED, times=9, spared=1)

    with holdfast.unseen():
        result = run("--patience", "1")

    pair = f"--policy-id {attachment.policy_id} --target-id {attachment.target_id}"
    command = f"aws organizations attach-policy {pair} --endpoint-url {holdfast.aws.endpoint_url}"
    assert result.exit_code == 1
    assert f"{NAME} MAY BE OFF STILL: An error occurred (AccessDeniedException)" in result.stdout
    assert f"Next: {command}" in result.stdout.splitlines()


def test_whoever_may_not_attach_detaches_nothing(
    holdfast: Holdfast, run: Drill, attachment: Attachment
) -> None:
    holdfast.aws.faults.fail_call("organizations", "AttachPolicy", REFUSED, times=9)
    before = detaches(holdfast)

    result = run()

    assert (result.exit_code, detaches(holdfast)) == (1, before)
    assert is_attached(holdfast.organizations, attachment)


RESTORED = "Restored, and told."


@pytest.mark.parametrize(
    ("fault", "error", "conclusion"),
    [
        (Fault.THROTTLE, "OrganizationsThrottledError", RESTORED),
        (
            Fault.FULL,
            "AttachmentQuotaExceededError",
            "It failed as it should, and that was told (AttachmentQuotaExceededError).",
        ),
        pytest.param(Fault.CONFLICT, "OrganizationsBusyError", RESTORED, marks=pytest.mark.long),
        pytest.param(Fault.STALE, "AttachmentNotVisibleError", RESTORED, marks=pytest.mark.long),
        pytest.param(Fault.SLOW, "Sandbox.Timedout", RESTORED, marks=pytest.mark.long),
        pytest.param(Fault.CRASH, "Runtime.ExitError", RESTORED, marks=pytest.mark.long),
        pytest.param(
            Fault.DELETED,
            "PolicyGoneError",
            "It failed as it should, and that was told (PolicyGoneError).",
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_fault_is_seen_and_ends_as_it_is_known_to(
    holdfast: Holdfast, attachment: Attachment, fault: Fault, error: str, conclusion: str
) -> None:
    printed = io.StringIO()

    code = drill_on(Screen(Console(file=printed, soft_wrap=True)), holdfast.deployment, fault, 30)

    lines = printed.getvalue().splitlines()
    assert (code, lines[-2]) == (0, conclusion)
    assert any(f"│ {error}: " in line for line in lines)
    assert [line.split(": ")[1].split("] ")[1] for line in lines if line.startswith("  > Subject: [")] == [
        "ALERT",
        "FAILED" if error in conclusion else "Restored",
    ]
    assert is_attached(holdfast.organizations, attachment) == (fault is not Fault.DELETED)


def test_it_is_removed_once_the_baseline_is_without_it(
    holdfast: Holdfast, run: Drill, attachment: Attachment
) -> None:
    refused = run("--remove", "--yes")
    without_it(holdfast.guardrails)
    unasked = run("--remove")
    still = is_attached(holdfast.organizations, attachment)
    removed, again = run("--remove", "--yes"), run("--remove", "--yes")

    found = find_guardrail(holdfast.organizations)
    codes = [result.exit_code for result in (refused, unasked, removed, again)]
    assert (codes, still) == ([1, 1, 0, 0], True)
    assert f"holds {NAME}, so Holdfast would put it back" in refused.stderr
    assert (found.policy_id, found.unit_id) == (None, None)
    assert "Nothing had to be done." in again.stdout


@pytest.mark.usefixtures("attachment")
def test_what_is_called_so_and_lacks_the_tag_is_not_removed(holdfast: Holdfast, run: Drill) -> None:
    found = find_guardrail(holdfast.organizations)
    without_it(holdfast.guardrails)
    holdfast.organizations.untag_resource(ResourceId=found.policy_id, TagKeys=["holdfast"])

    result = run("--remove", "--yes")
    holdfast.organizations.tag_resource(ResourceId=found.policy_id, Tags=TAG)

    assert result.exit_code == 1
    assert find_guardrail(holdfast.organizations) == found


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--fault", "full"], "only with --local"),
        (["--local", "--fault", "flood"], "got 'flood', expected throttle, conflict"),
        (["--create", "--remove"], "not together with --create"),
        (["--local", "--create"], "not together with --create or --remove"),
        (["--patience", "0"], "--patience"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(arguments: list[str], complaint: str) -> None:
    result = CliRunner().invoke(app, ["drill", *arguments])

    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.replace("│", " ").split())


def test_every_fault_can_be_typed() -> None:
    assert tuple(Fault) == FAULTS

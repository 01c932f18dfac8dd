"""The operator's commands, as they are typed, against the sample organization."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from holdfast_cli.__main__ import app
from holdfast_cli.sample_organization import SEED, SampleOrganization, create_sample_organization
from holdfast_cli.snapshot import take_snapshot
from localaws.clock import SkippingClock
from localaws.server import EmbeddedAws

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(seed=SEED, clock=SkippingClock()) as aws:
        yield aws


@pytest.fixture(scope="module", autouse=True)
def organization(aws: EmbeddedAws) -> SampleOrganization:
    return create_sample_organization(aws.client("organizations"))


@pytest.fixture
def run(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return how a command is run; nobody sits at a terminal."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALOCALOPERATOR000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def run(*arguments: object) -> Result:
        words = [str(argument) for argument in arguments]
        return CliRunner().invoke(app, [*words, "--endpoint-url", aws.endpoint_url])

    return run


def test_a_first_snapshot_is_written_without_a_question(run: Run, tmp_path: Path) -> None:
    result = run("snapshot", tmp_path)

    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if line.startswith(("+", "-", "  p-"))] == [
        "  p-FullAWSAccess  FullAWSAccess  left out: AWS-managed: reattaching it can widen permissions",
        "+ p-7xfb7xkf  DenyDisablingCloudTrail  new guardrail: ou-exme-8tio7fay, r-exme",
        "+ p-lp0dxjlp  DenyLeaveOrganization  new guardrail: r-exme",
        "+ p-7dj3cien  DenyUnapprovedRegions  new guardrail: ou-exme-ycaqk99w",
        "+ p-cg404d5t  ProtectSecurityRoles  new guardrail: 338583429068, ou-exme-cbm7ma1f",
    ]
    assert (tmp_path / "baseline.toml").exists()


@pytest.fixture
def more_than_live(aws: EmbeddedAws, organization: SampleOrganization, tmp_path: Path) -> Path:
    """Return a baseline that wants an attachment which is not there."""
    take_snapshot(aws.client("organizations"), tmp_path)
    path, root = tmp_path / "baseline.toml", organization.targets["Root"]
    path.write_text(
        path.read_text().replace(f'["{root}"]', f'["{root}", "{organization.targets["Sandbox"]}"]')
    )
    return tmp_path


def test_a_loss_is_not_written_without_a_yes(run: Run, more_than_live: Path) -> None:
    before = (more_than_live / "baseline.toml").read_text()

    result = run("snapshot", more_than_live)

    assert result.exit_code == 1
    assert "- p-lp0dxjlp  DenyLeaveOrganization  lost targets: ou-exme-ofz030k9\n" in result.stdout
    assert "Nothing was written." in result.stdout
    assert (more_than_live / "baseline.toml").read_text() == before


def test_a_loss_is_written_with_a_yes(run: Run, more_than_live: Path) -> None:
    result = run("snapshot", more_than_live, "--yes", "--json")

    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["written"], told["refused"]) == ([str(more_than_live / "baseline.toml")], None)
    assert [(change["kind"], change["loses"]) for change in told["changes"]] == [("fewer_targets", True)]


@pytest.mark.parametrize(
    ("other", "exit_code"), [("o-thesample00", 0), ("o-another0000", 1)], ids=["the sample", "somebody's"]
)
def test_only_the_sample_organizations_baseline_is_replaced_without_a_yes(
    run: Run, aws: EmbeddedAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, other: str, exit_code: int
) -> None:
    take_snapshot(aws.client("organizations"), tmp_path)
    path = tmp_path / "baseline.toml"
    path.write_text(path.read_text().replace("o-far1coz49w", other))
    monkeypatch.setattr("holdfast_cli.snapshot_command.SAMPLE_ID", "o-thesample00")

    result = run("snapshot", tmp_path)

    assert result.exit_code == exit_code
    assert ("o-far1coz49w" in path.read_text()) == (exit_code == 0)
    assert "it is replaced" in result.stdout


def test_the_alert_rule_gets_the_guardrails_ids(run: Run, tmp_path: Path) -> None:
    samconfig = tmp_path / "samconfig.toml"
    samconfig.write_text('[mine.deploy.parameters]\nparameter_overrides = "Mode=remediate"   # act\n')

    result = run("snapshot", tmp_path / "new", "--alert-policy-ids", samconfig, "--config-env", "mine")

    assert result.exit_code == 0
    assert samconfig.read_text() == (
        "[mine.deploy.parameters]\nparameter_overrides = "
        '"Mode=remediate AlertPolicyIds=p-7xfb7xkf,p-lp0dxjlp,p-7dj3cien,p-cg404d5t"   # act\n'
    )


def test_a_policy_made_again_is_adopted(run: Run, aws: EmbeddedAws, tmp_path: Path) -> None:
    take_snapshot(aws.client("organizations"), tmp_path)
    path = tmp_path / "baseline.toml"
    text = path.read_text()
    path.write_text(text.replace("p-lp0dxjlp", "p-old0000001"))
    name = "/holdfast/successors/p-old0000001"
    aws.client("ssm").put_parameter(Name=name, Value="p-lp0dxjlp", Type="String")

    result = run("snapshot", tmp_path)

    assert "+ p-lp0dxjlp  DenyLeaveOrganization  has a new id: was p-old0000001\n" in result.stdout
    assert path.read_text() == text


def test_the_impact_of_each_attachment_is_drawn_as_a_tree(run: Run, aws: EmbeddedAws, tmp_path: Path) -> None:
    take_snapshot(aws.client("organizations"), tmp_path)

    result = run("impact", "DenyDisablingCloudTrail", "--folder", tmp_path)

    assert result.exit_code == 0
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "",
        "== DenyDisablingCloudTrail (p-7xfb7xkf), detached from Root (r-exme)",
        "Root  r-exme  10 accounts: 6 exposed, 3 still covered, 1 never restricted",
        "├── master  111122223333  never restricted: the management account",
        "├── Security  ou-exme-cbm7ma1f  2 accounts: 2 exposed",
        "│   ├── log-archive  278830726610  exposed",
        "│   └── audit  164621202689  exposed",
        "├── Workloads  ou-exme-ycaqk99w  5 accounts: 2 exposed, 3 still covered",
        "│   ├── Prod  ou-exme-8tio7fay  3 accounts: 3 still covered",
        "│   │   ├── shop-prod  957827661749  still covered by the attachment to Prod",
        "│   │   ├── payments-prod  338583429068  still covered by the attachment to Prod",
        "│   │   └── data-prod  270953059033  still covered by the attachment to Prod",
        "│   └── Dev  ou-exme-3pieu203  2 accounts: 2 exposed",
        "│       ├── shop-dev  690106306691  exposed",
        "│       └── payments-dev  784670542093  exposed",
        "└── Sandbox  ou-exme-ofz030k9  2 accounts: 2 exposed",
        "    ├── playground  351880565513  exposed",
        "    └── training  341157035417  exposed",
        "",
        "== DenyDisablingCloudTrail (p-7xfb7xkf), detached from Prod (ou-exme-8tio7fay)",
        "Prod  ou-exme-8tio7fay  3 accounts: 3 still covered",
        "├── shop-prod  957827661749  still covered by the attachment to Root",
        "├── payments-prod  338583429068  still covered by the attachment to Root",
        "└── data-prod  270953059033  still covered by the attachment to Root",
        "",
        "== Detached from all 2 targets at once",
        "10 accounts: 9 exposed, 1 never restricted",
    ]


def test_the_impact_on_one_target_by_the_names_on_the_way(run: Run) -> None:
    result = run("impact", "p-cg404d5t", "Workloads/Prod/payments-prod", "--json")

    (detach,) = json.loads(result.stdout)["detaches"]
    assert detach["consequences"] == [
        {
            "account": "338583429068",
            "name": "payments-prod",
            "path": ["Root", "Workloads", "Prod", "payments-prod"],
            "effect": "exposed",
            "because": None,
        }
    ]


def test_the_last_allow_at_a_level_blocks_and_a_second_one_keeps_something(
    run: Run, aws: EmbeddedAws, organization: SampleOrganization
) -> None:
    client, prod = aws.client("organizations"), organization.targets["Workloads/Prod"]
    statement = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    created = client.create_policy(
        Name="Basics",
        Description="",
        Type="SERVICE_CONTROL_POLICY",
        Content=json.dumps({"Statement": statement}),
    )
    basics = created["Policy"]["PolicySummary"]["Id"]

    before = run("impact", "p-FullAWSAccess", "Workloads/Prod").stdout
    client.attach_policy(PolicyId=basics, TargetId=prod)
    after = run("impact", "p-FullAWSAccess", "Workloads/Prod").stdout
    client.detach_policy(PolicyId=basics, TargetId=prod)
    client.delete_policy(PolicyId=basics)

    assert "3 accounts: 3 blocked" in before
    assert "shop-prod  957827661749  allowed less; Basics goes on allowing" in after


def test_accounts_beyond_the_first_ten_of_an_ou_are_counted(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdfast_cli.impact_command.SHOWN", 1)

    drawn = run("impact", "p-cg404d5t", "Security").stdout

    assert [line.rstrip() for line in drawn.splitlines()][2:] == [
        "Security  ou-exme-cbm7ma1f  2 accounts: 2 exposed",
        "├── log-archive  278830726610  exposed",
        "└── … and 1 account: 1 exposed",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("p-cg404d5t", "Workloads/Test"),
            "'Workloads/Test': nothing is called 'Test' in ou-exme-ycaqk99w; there is: Dev, Prod.",
        ),
        (
            ("p-lp0dxjlp", "Security"),
            "is not attached to ou-exme-cbm7ma1f itself; it is attached to: Root (r-exme).",
        ),
        (
            ("p-nosuchpolicy",),
            "`aws organizations list-policies` shows all that there are.",
        ),
    ],
    ids=["no such target", "not attached there", "no such policy"],
)
def test_a_question_without_an_answer_fails_and_says_why(
    run: Run, arguments: tuple[str, ...], words: str
) -> None:
    result = run("impact", *arguments)

    assert result.exit_code == 1
    assert result.stderr.endswith(f"{words}\n")


@pytest.mark.parametrize("command", sorted(typer.main.get_group(app).commands))
def test_every_command_shows_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])

    assert f"Example: holdfast {command}" in result.stdout

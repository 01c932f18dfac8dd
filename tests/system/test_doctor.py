"""`holdfast doctor` as it is typed, against a healthy deployment in which one thing at a time is broken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from holdfast.exemption import ALL, PATH
from holdfast.timestamps import format_timestamp
from holdfast_cli.__main__ import app
from holdfast_cli.doctor import checks_of
from holdfast_cli.embedded import READER, WATCHER
from holdfast_cli.live_deployment import LiveDeployment
from holdfast_cli.sample_organization import PIPELINE_ROLE, SAMPLE_ID
from holdfast_cli.session import Session
from localaws.gateway import ApiError
from tests.deployed import RECONCILIATION, SCP, SUCCEEDED, Holdfast, deployed
from tests.system.breakages import function_stopped, key_disabled, mapping_disabled, rule_disabled

pytestmark = pytest.mark.long

A_QUARTER_OF_AN_HOUR = 900.0
ACCELERATORS_RULE = "AWSAccelerator-FinalizeSt-RevertScpChangesModifyScpR-1A2B3C4D5E6F"
FUNCTION_OF_OTHERS = "arn:aws:lambda:us-east-1:111122223333:function:of-others"
DETACHES = json.dumps(
    {
        "source": ["aws.organizations"],
        "detail": {"eventName": ["AttachPolicy", "DetachPolicy", "UpdatePolicy"]},
    }
)
# What a call of these services is called in IAM, where that is not the name that signs it.
IAM_PREFIX = {"monitoring": "cloudwatch"}

Doctor = Callable[..., Result]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast as its documentation wants it, and let the schedule start a reconciliation."""
    options = {"ReconciliationEnabled": "true", "PolicyTypes": SCP}
    with deployed(tmp_path_factory.mktemp("holdfast"), **options) as holdfast:
        for topic, address in (("MailTopicArn", READER), ("AlarmTopicArn", WATCHER)):
            subscribe_with_credentials(holdfast, holdfast.output(topic), address)
        with holdfast.watch(RECONCILIATION) as runs:
            holdfast.aws.clock.sleep(A_QUARTER_OF_AN_HOUR)
        assert {run.end for run in runs} == {SUCCEEDED}
        yield holdfast


def subscribe_with_credentials(holdfast: Holdfast, topic: str, address: str) -> None:
    """Subscribe an address anew, so that no mail's link can end it."""
    sns = holdfast.aws.client("sns")
    for entry in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=entry["SubscriptionArn"])
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    token = holdfast.aws.inbox.mails(address)[-1].token
    sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")


@pytest.fixture
def doctor(healthy: Holdfast, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Return how the command is run: as somebody who may do everything."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALOCALOPERATOR000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def run(*arguments: str, folder: Path = healthy.guardrails) -> Result:
        at = ("--folder", str(folder), "--endpoint-url", healthy.aws.endpoint_url)
        return CliRunner().invoke(app, ["doctor", *arguments, *at])

    return run


def checks_in(result: Result) -> dict[str, Mapping[str, Any]]:
    """Return the checks of the JSON by their names."""
    return {check["name"]: check for check in json.loads(result.stdout)["checks"]}


def test_a_healthy_deployment_passes_every_check(healthy: Holdfast, doctor: Doctor) -> None:
    before = len(healthy.aws.calls.recorded())
    result = doctor("--json")
    calls = {
        f"{IAM_PREFIX.get(call.service, call.service)}:{call.operation}"
        for call in healthy.aws.calls.recorded()[before:]
    }

    live = LiveDeployment(Session(healthy.aws.endpoint_url), "holdfast", healthy.guardrails)
    needed = {permission for check in checks_of(live, iter) for permission in check.needs}
    document = json.loads(result.stdout)
    assert (result.exit_code, document["ok"], document["warning"], document["failed"]) == (0, 27, 0, 0)
    assert {name: check["status"] for name, check in checks_in(result).items()} == dict.fromkeys(
        [
            "stack",
            "account",
            "region",
            "all features",
            "policy types",
            "baseline",
            "mode",
            "trail",
            "rules",
            "state machines",
            "functions",
            "schedule",
            "key of the outcomes",
            "mail queue",
            "mail subscriptions",
            "alarm subscriptions",
            "slots on targets",
            "Lambda concurrency",
            "Landing Zone Accelerator",
            "Control Tower",
            "rules of others",
            "another Holdfast",
            "last reconciliation",
            "undelivered messages",
            "alarms",
            "exemptions",
            "listed roles",
        ],
        "ok",
    )
    # Asked only where a delegated administrator hosts the stack; whoever one is needs no permission.
    assert calls - {"sts:GetCallerIdentity"} == needed - {"organizations:DescribeResourcePolicy"}


def test_people_see_each_check_and_the_end(doctor: Doctor) -> None:
    result = doctor()
    lines = result.stdout.splitlines()

    assert (result.exit_code, lines[2], lines[-1]) == (
        0,
        "ok       region                    us-east-1, where Organizations events arrive",
        "27 ok, 0 warnings, 0 failed. Next: holdfast diff shows what is not attached.",
    )


@contextmanager
def trail_stopped(holdfast: Holdfast) -> Iterator[None]:
    trails = holdfast.aws.client("cloudtrail")
    trails.stop_logging(Name="organization")
    yield
    trails.start_logging(Name="organization")


@contextmanager
def key_not_shown(holdfast: Holdfast) -> Iterator[None]:
    denied = ApiError("AccessDeniedException", "not authorized")
    holdfast.aws.faults.fail_call("kms", "DescribeKey", denied)
    yield


@contextmanager
def schedule_disabled(holdfast: Holdfast) -> Iterator[None]:
    schedules, name = holdfast.aws.client("scheduler"), holdfast.resource("ReconcileSchedule")
    schedule = schedules.get_schedule(Name=name)
    kept = {key: schedule[key] for key in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    schedules.update_schedule(**kept, State="DISABLED")
    yield
    schedules.update_schedule(**kept, State="ENABLED")


@contextmanager
def mail_filtered(holdfast: Holdfast) -> Iterator[None]:
    sns, topic = holdfast.aws.client("sns"), holdfast.output("MailTopicArn")
    (entry,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    change = {"SubscriptionArn": entry["SubscriptionArn"], "AttributeName": "FilterPolicy"}
    sns.set_subscription_attributes(**change, AttributeValue='{"outcome": ["failed"]}')
    yield
    sns.set_subscription_attributes(**change, AttributeValue="{}")


@contextmanager
def confirmed_by_link(holdfast: Holdfast) -> Iterator[None]:
    sns, topic = holdfast.aws.client("sns"), holdfast.output("AlarmTopicArn")
    (entry,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=entry["SubscriptionArn"])
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=WATCHER)
    holdfast.aws.inbox.confirm(WATCHER)
    yield
    subscribe_with_credentials(holdfast, topic, WATCHER)


@contextmanager
def little_concurrency(holdfast: Holdfast) -> Iterator[None]:
    functions = holdfast.aws.functions
    usual, functions.account_concurrency = functions.account_concurrency, 10
    yield
    functions.account_concurrency = usual


@contextmanager
def target_full(holdfast: Holdfast) -> Iterator[None]:
    with holdfast.unseen():
        strangers = [holdfast.stranger(f"Stranger{number}", "Workloads") for number in range(8)]
    yield
    with holdfast.unseen():
        for policy in strangers:
            holdfast.organizations.detach_policy(PolicyId=policy, TargetId=holdfast.target("Workloads"))
            holdfast.organizations.delete_policy(PolicyId=policy)


@contextmanager
def accelerator(holdfast: Holdfast) -> Iterator[None]:
    with rule_named(holdfast, ACCELERATORS_RULE):
        yield


@contextmanager
def rule_of_others(holdfast: Holdfast) -> Iterator[None]:
    with rule_named(holdfast, "put-policies-back"):
        yield


@contextmanager
def rule_named(holdfast: Holdfast, name: str) -> Iterator[None]:
    """Let a rule start a function at each detach."""
    events = holdfast.aws.client("events")
    events.put_rule(Name=name, EventPattern=DETACHES)
    events.put_targets(Rule=name, Targets=[{"Id": "Function", "Arn": FUNCTION_OF_OTHERS}])
    yield
    events.remove_targets(Rule=name, Ids=["Function"])
    events.delete_rule(Name=name)


@contextmanager
def another_holdfast(holdfast: Holdfast) -> Iterator[None]:
    deployed = holdfast.aws.stacks.deployed
    deployed["second"] = replace(holdfast.deployment.stack, name="second", arn="arn:second")
    yield
    del deployed["second"]


@contextmanager
def message_undelivered(holdfast: Holdfast) -> Iterator[None]:
    sqs, url = holdfast.aws.client("sqs"), holdfast.output("UndeliveredQueueUrl")
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    yield
    sqs.purge_queue(QueueUrl=url)


@contextmanager
def alarm_on(holdfast: Holdfast) -> Iterator[None]:
    alarms, name = holdfast.aws.client("cloudwatch"), holdfast.resource("MailStuckAlarm")
    alarms.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="to see it")
    yield
    alarms.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="seen")


@contextmanager
def exempt(holdfast: Holdfast) -> Iterator[None]:
    until = format_timestamp(holdfast.aws.clock.now() + timedelta(hours=2))
    with parameter(holdfast, ALL, json.dumps({"until": until, "reason": "a move"})):
        yield


@contextmanager
def badly_exempt(holdfast: Holdfast) -> Iterator[None]:
    with parameter(holdfast, f"{PATH}/everything", "for ever"):
        yield


@contextmanager
def parameter(holdfast: Holdfast, name: str, value: str) -> Iterator[None]:
    """Let a parameter be there."""
    parameters = holdfast.aws.client("ssm")
    parameters.put_parameter(Name=name, Type="String", Value=value)
    yield
    parameters.delete_parameter(Name=name)


@contextmanager
def sanctioned_role_gone(holdfast: Holdfast) -> Iterator[None]:
    iam = holdfast.aws.client("iam")
    role = iam.get_role(RoleName=PIPELINE_ROLE)["Role"]
    iam.update_role(RoleName=PIPELINE_ROLE)
    iam.delete_role(RoleName=PIPELINE_ROLE)
    yield
    # Made again under its name it is another role: the last test of the table.
    iam.create_role(
        RoleName=PIPELINE_ROLE, AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"])
    )


@dataclass(frozen=True)
class Change:
    """What one broken thing changes: the check, its status, and words of what it found."""

    check: str
    status: str
    words: str


BROKEN: Mapping[Callable[[Holdfast], AbstractContextManager[None]], Change] = {
    rule_disabled: Change("rules", "failed", "DetachRule: The rule is DISABLED: its events start nothing."),
    trail_stopped: Change("trail", "failed", "trail/organization is stopped"),
    key_disabled: Change("key of the outcomes", "failed", "OutcomeKey: The key is Disabled"),
    key_not_shown: Change("key of the outcomes", "warning", "not authorized; it needs kms:DescribeKey"),
    schedule_disabled: Change("schedule", "failed", "ReconcileSchedule: The schedule is DISABLED"),
    function_stopped: Change("functions", "failed", "reserved concurrency is 0: it never runs."),
    mapping_disabled: Change("mail queue", "failed", "The event source mapping is Disabled"),
    mail_filtered: Change("mail subscriptions", "failed", "has a filter: not every mail is sent to it."),
    confirmed_by_link: Change(
        "alarm subscriptions", "warning", "a forwarded mail can unsubscribe oncall@example.com"
    ),
    little_concurrency: Change("Lambda concurrency", "warning", "3 of 10 are unreserved"),
    target_full: Change("slots on targets", "warning", "no slot is free on 1 target"),
    accelerator: Change(
        "Landing Zone Accelerator", "failed", f"{ACCELERATORS_RULE} starts {FUNCTION_OF_OTHERS}"
    ),
    rule_of_others: Change(
        "rules of others",
        "warning",
        f"1 rule of others for a detach: put-policies-back starts {FUNCTION_OF_OTHERS}",
    ),
    another_holdfast: Change("another Holdfast", "warning", "another Holdfast is deployed here: second"),
    message_undelivered: Change("undelivered messages", "failed", "1 message in the dead-letter queue"),
    alarm_on: Change("alarms", "failed", "in ALARM: MailStuckAlarm"),
    exempt: Change("exemptions", "warning", "1 in force, 0 broken: /holdfast/exemptions/all until "),
    badly_exempt: Change("exemptions", "warning", "0 in force, 1 broken: /holdfast/exemptions/everything"),
    sanctioned_role_gone: Change("listed roles", "warning", "not there: arn:aws:iam::111122223333:role/"),
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_one_broken_thing_changes_exactly_its_check(
    healthy: Holdfast,
    doctor: Doctor,
    broken: Callable[[Holdfast], AbstractContextManager[None]],
) -> None:
    change = BROKEN[broken]
    with broken(healthy):
        result = doctor("--json")
    after = checks_in(result)

    changed = {name: check["status"] for name, check in after.items() if check["status"] != "ok"}
    assert changed == {change.check: change.status}
    assert change.words in after[change.check]["found"]
    assert after[change.check]["next"]
    assert result.exit_code == (1 if change.status == "failed" else 0)


def test_a_foreign_baseline_is_told(healthy: Holdfast, doctor: Doctor, tmp_path: Path) -> None:
    shutil.copytree(healthy.guardrails / "policies", tmp_path / "policies")
    own = (healthy.guardrails / "baseline.toml").read_text(encoding="utf-8")
    (tmp_path / "baseline.toml").write_text(own.replace(SAMPLE_ID, "o-somebodyelse"), encoding="utf-8")

    result = doctor("--json", folder=tmp_path)

    assert (result.exit_code, checks_in(result)["baseline"]["found"]) == (
        1,
        f"it is of o-somebodyelse, and the organization is {SAMPLE_ID}",
    )


def test_without_a_baseline_the_rest_is_checked(doctor: Doctor, tmp_path: Path) -> None:
    result = doctor("--json", folder=tmp_path)

    unchecked = [
        name for name, check in checks_in(result).items() if "could not be checked" in check["found"]
    ]
    assert (result.exit_code, unchecked) == (
        0,
        ["policy types", "baseline", "slots on targets", "Control Tower", "listed roles"],
    )


def test_a_stack_that_is_not_there_ends_the_command(doctor: Doctor) -> None:
    result = doctor("--stack", "nowhere")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no stack 'nowhere' in us-east-1. Next: name yours" in result.stderr


def test_a_stack_that_may_not_be_read_leaves_the_organization_to_be_checked(
    healthy: Holdfast, doctor: Doctor
) -> None:
    denied = ApiError("AccessDenied", "not authorized")
    healthy.aws.faults.fail_call("cloudformation", "DescribeStacks", denied, times=100)
    result = doctor("--json")
    healthy.aws.faults.clear()

    checks = checks_in(result)
    assert (result.exit_code, checks["all features"]["status"], checks["trail"]["status"]) == (0, "ok", "ok")
    assert checks["rules"]["found"].endswith("it needs cloudformation:DescribeStacks")


def test_a_policy_type_that_is_off_is_told(healthy: Holdfast, doctor: Doctor) -> None:
    with healthy.unseen():
        healthy.organizations.disable_policy_type(RootId=healthy.target("Root"), PolicyType=SCP)
    result = doctor("--json")
    types = checks_in(result)["policy types"]

    assert (result.exit_code, types["status"], types["found"]) == (
        1,
        "failed",
        f"not ENABLED on the root, and guardrails are of it: {SCP} (DISABLED)",
    )

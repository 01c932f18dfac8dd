"""Mail to people, through an attack and through what breaks: nothing is missing, nothing comes too fast."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from holdfast_cli.embedded import READER, WATCHER
from localaws.faults import FunctionFault
from localaws.gateway import ApiError
from localaws.mail import Mail
from tests.deployed import REMEDIATION, Holdfast, the_only

GUARDRAIL = ("DenyLeaveOrganization", "Root")
DENIED = ApiError("AccessDeniedException", "You may not.")
EXEMPTION = "/holdfast/exemptions/all"


@pytest.fixture(autouse=True)
def _whole_budget(holdfast: Holdfast) -> Iterator[None]:
    holdfast.aws.clock.advance(120)
    yield
    holdfast.aws.clock.settle(1_800)


def mails_since(holdfast: Holdfast, before: int, topic: str = "MailTopicArn") -> list[Mail]:
    return holdfast.mails(topic)[before:]


def most_in_a_minute(mails: list[Mail]) -> int:
    """Return the most mails that came within any sixty seconds."""
    times = [mail.received_at for mail in mails]
    return max(sum(start <= each <= start + timedelta(seconds=60) for each in times) for start in times)


def is_confirmed(holdfast: Holdfast, topic: str, address: str) -> bool:
    listed = holdfast.aws.client("sns").list_subscriptions_by_topic(TopicArn=holdfast.output(topic))
    (arn,) = (one["SubscriptionArn"] for one in listed["Subscriptions"] if one["Endpoint"] == address)
    return bool(arn.startswith("arn:"))


def waiting(holdfast: Holdfast) -> int:
    """Return how many messages wait in the queue."""
    asked = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    answer = holdfast.aws.client("sqs").get_queue_attributes(
        QueueUrl=holdfast.resource("MailQueue"), AttributeNames=[*asked, f"{asked[0]}Delayed"]
    )
    return sum(int(number) for number in answer["Attributes"].values())


def check_that_all_is_told(holdfast: Holdfast, executions: set[str], mails: list[Mail]) -> None:
    """Compare what people got with the executions that failed."""
    told = "".join(mail.body for mail in mails)
    assert [arn for arn in executions if arn.rpartition(":")[2] not in told] == []
    assert holdfast.aws.inbox.suspended == ()
    assert is_confirmed(holdfast, "MailTopicArn", READER)
    assert most_in_a_minute(mails) <= 6
    singly = sum(mail.attributes["outcome"] == "failed" for mail in mails)
    assert f" {len(executions) - singly:,} failed, 0 open" in mails[-1].subject
    assert waiting(holdfast) == 0


def test_reattachments_that_fail_in_one_second_are_all_told_and_leave_the_mail_alive(
    holdfast: Holdfast,
) -> None:
    event, before = holdfast.detach(*GUARDRAIL).event, len(holdfast.mails("MailTopicArn"))
    known = set(holdfast._known(REMEDIATION))
    holdfast.aws.clock.advance(120)
    holdfast.aws.faults.fail_call("organizations", "AttachPolicy", DENIED, 30)

    with holdfast.aws.clock.working():
        for _ in range(30):
            again = {**event, "detail": {**event["detail"], "eventID": str(uuid.uuid4())}}
            holdfast.aws.bus.put(again)
    holdfast.aws.clock.settle(600)

    failed, mails = set(holdfast._known(REMEDIATION)) - known, mails_since(holdfast, before)
    assert len(failed) == 30
    check_that_all_is_told(holdfast, failed, mails)


@pytest.mark.long
def test_a_thousand_executions_that_fail_in_one_second_are_all_told_and_leave_the_mail_alive(
    holdfast: Holdfast,
) -> None:
    """With events that nobody can read: a thousand failed reattachments take a machine ten minutes."""
    before, known = len(holdfast.mails("MailTopicArn")), set(holdfast._known(REMEDIATION))

    with holdfast.aws.clock.working():
        for number in range(1_000):
            holdfast.executions.start_execution(
                stateMachineArn=holdfast.deployment.state_machine_arn, input=json.dumps({"detail": number})
            )
    holdfast.aws.clock.settle(1_800)

    failed, mails = set(holdfast._known(REMEDIATION)) - known, mails_since(holdfast, before)
    assert len(failed) == 1_000
    check_that_all_is_told(holdfast, failed, mails)


def test_after_a_storm_one_incident_is_one_mail_within_seconds(holdfast: Holdfast) -> None:
    event = holdfast.detach(*GUARDRAIL).event
    with holdfast.aws.clock.working():
        for _ in range(6):
            again = {**event, "detail": {**event["detail"], "eventID": str(uuid.uuid4())}}
            holdfast.aws.bus.put(again)
    holdfast.aws.clock.settle(600)

    run = holdfast.detach(*GUARDRAIL)

    assert run.mail.subject.endswith("Restored: DenyLeaveOrganization on the root")
    assert run.mail.received_at - run.times[0] < timedelta(seconds=10)


@pytest.mark.parametrize("fault", [FunctionFault.CRASH, FunctionFault.HANG, FunctionFault.THROTTLED])
def test_a_function_that_is_lost_loses_no_mail(holdfast: Holdfast, fault: FunctionFault) -> None:
    holdfast.aws.faults.fail_function("SendMailFunction", fault, times=2)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.outcome, waiting(holdfast)) == ("restored", 0)


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("sqs", "DeleteMessageBatch"),
        ("sqs", "ReceiveMessage"),
        ("dynamodb", "GetItem"),
        ("dynamodb", "PutItem"),
    ],
)
def test_a_service_that_fails_for_a_while_loses_no_mail(
    holdfast: Holdfast, service: str, operation: str
) -> None:
    holdfast.aws.faults.fail_call(service, operation, ApiError("InternalFailure", "", status=500), 3)

    run = holdfast.detach(*GUARDRAIL)

    assert run.mails[-1].attributes["outcome"] == "restored"
    assert waiting(holdfast) == 0


def test_while_sns_takes_no_mail_everything_waits_and_is_told_then(holdfast: Holdfast) -> None:
    event, before = holdfast.detach(*GUARDRAIL).event, len(holdfast.mails("MailTopicArn"))
    holdfast.aws.clock.advance(120)
    sqs, queue = holdfast.aws.client("sqs"), holdfast.resource("MailQueue")
    holdfast.aws.faults.fail_call("sns", "Publish", ApiError("InternalError", "", status=500), 12)
    holdfast.aws.faults.fail_call("sns", "Publish", ApiError("AuthorizationError", "", status=403), 3)

    with holdfast.aws.clock.working():
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(event))
    holdfast.aws.clock.settle(600)

    (mail,) = mails_since(holdfast, before)
    assert mail.attributes["outcome"] == "alert"
    assert waiting(holdfast) == 0


def test_a_message_that_nobody_can_read_is_mailed_and_holds_nothing_up(holdfast: Holdfast) -> None:
    before = len(holdfast.mails("MailTopicArn"))
    queue = holdfast.resource("MailQueue")

    with holdfast.aws.clock.working():
        holdfast.aws.client("sqs").send_message(QueueUrl=queue, MessageBody="poison")
    run = holdfast.detach(*GUARDRAIL)

    unreadable, *_ = mails_since(holdfast, before)
    assert unreadable.attributes["outcome"] == "unreadable"
    assert (run.outcome, waiting(holdfast)) == ("restored", 0)


def change(holdfast: Holdfast, operation: str, **request: Any) -> None:
    """Let CloudTrail tell of a change of an exemption."""
    with holdfast.aws.clock.working():
        getattr(holdfast.aws.client("ssm"), operation)(**request)
    holdfast.aws.clock.settle(600)


def test_a_change_of_an_exemption_is_told_with_its_author(holdfast: Holdfast) -> None:
    before, machines = len(holdfast.mails("MailTopicArn")), len(holdfast.aws.inbox.webhooks)
    holdfast.aws.client("sns").subscribe(
        TopicArn=holdfast.output("AlertTopicArn"), Protocol="https", Endpoint="https://siem.example.com"
    )
    value = json.dumps({"until": "2020-01-01T00:00:00Z", "reason": "moving house"})

    change(holdfast, "put_parameter", Name=EXEMPTION, Value=value, Type="String")
    change(holdfast, "delete_parameters", Names=[EXEMPTION, "/other"])

    written, deleted = mails_since(holdfast, before)
    records = [json.loads(one.message) for one in holdfast.aws.inbox.webhooks[machines:]]
    assert written.to == READER
    assert written.body.startswith(f"EXEMPTION: “{EXEMPTION}” was written.\n")
    assert "Who:          user “local-operator” of account “111122223333”\n" in written.body
    assert "Now:          BROKEN, so it is ignored: “until: got" in written.body
    assert deleted.body.startswith(f"EXEMPTION: “{EXEMPTION}” was deleted.\n")
    assert "Now:          gone: it exempts nothing\n" in deleted.body
    assert [(record["about"], record["operation"], record["name"]) for record in records] == [
        ("exemption", "PutParameter", EXEMPTION),
        ("exemption", "DeleteParameters", EXEMPTION),
    ]


def test_other_parameters_are_nobodys_business(holdfast: Holdfast) -> None:
    before = len(holdfast.mails("MailTopicArn"))

    change(holdfast, "put_parameter", Name="/holdfast/exemptionsnot", Value="x", Type="String")

    assert mails_since(holdfast, before) == []


def test_a_machine_is_told_of_a_detach_at_once(holdfast: Holdfast) -> None:
    holdfast.aws.client("sns").subscribe(
        TopicArn=holdfast.output("AlertTopicArn"), Protocol="https", Endpoint="https://siem.example.com"
    )
    known = len(holdfast.aws.inbox.webhooks)

    run = holdfast.detach(*GUARDRAIL, by=holdfast.role("developer", session="mallory"))

    detail = run.event["detail"]
    assert [json.loads(one.message) for one in holdfast.aws.inbox.webhooks[known:]][-1] == {
        "schema": 1,
        "about": "alert",
        "policy_id": holdfast.policy("DenyLeaveOrganization"),
        "target_id": holdfast.target("Root"),
        "event_id": detail["eventID"],
        "detached_at": detail["eventTime"],
        "principal_type": "AssumedRole",
        "role": "developer",
        "user": "",
        "account": "111122223333",
        "source_ip": "127.0.0.1",
        "organization": holdfast.deployment.organization.organization_id,
    }


def test_untold_ends_have_a_budget_and_digests_of_their_own(holdfast: Holdfast) -> None:
    before, people = len(holdfast.mails("AlarmTopicArn")), len(holdfast.mails("MailTopicArn"))

    with holdfast.watch() as runs:
        for number in range(8):
            holdfast.executions.start_execution(
                stateMachineArn=holdfast.deployment.state_machine_arn, input=json.dumps([number])
            )
    holdfast.aws.clock.settle(600)

    mails = mails_since(holdfast, before, "AlarmTopicArn")
    told = "".join(mail.body for mail in mails)
    assert {mail.to for mail in mails} == {WATCHER}
    assert [run.arn for run in runs if run.arn not in told] == []
    assert most_in_a_minute(mails) <= 6
    assert mails_since(holdfast, people) == []


def test_the_queue_takes_nothing_from_strangers(holdfast: Holdfast) -> None:
    sns = holdfast.aws.client("sns")
    stranger = sns.create_topic(Name="stranger")["TopicArn"]
    arn = holdfast.aws.client("sqs").get_queue_attributes(
        QueueUrl=holdfast.resource("MailQueue"), AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=stranger, Protocol="sqs", Endpoint=arn)
    before = len(holdfast.mails("MailTopicArn"))

    with holdfast.aws.clock.working():
        sns.publish(TopicArn=stranger, Message="Restored")
    holdfast.aws.clock.settle(600)

    assert mails_since(holdfast, before) == []


def test_a_detach_is_one_alert_and_one_outcome_whose_mails_are_apart(holdfast: Holdfast) -> None:
    before = len(holdfast.mails("MailTopicArn"))

    with holdfast.watch() as runs:
        holdfast.take(*GUARDRAIL)

    kinds = [mail.attributes["outcome"] for mail in mails_since(holdfast, before)]
    assert (kinds, the_only(runs).outcome) == (["alert", "restored"], "restored")

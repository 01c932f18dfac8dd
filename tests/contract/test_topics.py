from __future__ import annotations

import pytest

from holdfast.mailing.pace import LEASE
from localaws.intrinsics import references
from tests.contract.roles import listed, roles
from tests.contract.shipped import TEMPLATE, deployed, of_type

RULES = list(of_type(deployed(), "AWS::Events::Rule"))


def test_dead_letters_are_kept_for_14_days_and_encrypted() -> None:
    assert deployed()["UndeliveredQueue"]["Properties"] == {
        "MessageRetentionPeriod": 14 * 24 * 60 * 60,
        "SqsManagedSseEnabled": True,
    }


def test_only_the_rules_leave_dead_letters_and_everybody_uses_tls() -> None:
    policy = of_type(deployed(), "AWS::SQS::QueuePolicy")["UndeliveredQueuePolicy"]
    allow, deny = policy["PolicyDocument"]["Statement"]

    assert policy["Queues"] == ["UndeliveredQueue"]
    assert allow == {
        "Sid": "RulesMayLeaveWhatTheyCouldNotDeliver",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "UndeliveredQueue.Arn",
        "Condition": {"ArnEquals": {"aws:SourceArn": [f"{name}.Arn" for name in RULES]}},
    }
    assert deny == {
        "Sid": "OnlyOverTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": "UndeliveredQueue.Arn",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_what_is_to_be_mailed_waits_encrypted_for_longer_than_the_function_may_run() -> None:
    queue, function = deployed()["MailQueue"]["Properties"], deployed()["SendMailFunction"]["Properties"]

    assert queue == {
        "MessageRetentionPeriod": 14 * 24 * 60 * 60,
        "SqsManagedSseEnabled": True,
        "VisibilityTimeout": 60,
        "RedrivePolicy": {"deadLetterTargetArn": "UndeliveredQueue.Arn", "maxReceiveCount": 1_000},
    }
    assert function["Timeout"] < LEASE.total_seconds() < queue["VisibilityTimeout"]
    assert deployed()["MailMapping"]["Properties"] == {
        "EventSourceArn": "MailQueue.Arn",
        "FunctionName": "SendMailFunction",
        "BatchSize": 10,
        "ScalingConfig": {"MaximumConcurrency": 2},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }


def test_only_the_outcomes_and_the_rules_that_tell_people_reach_the_mail_queue() -> None:
    statements = of_type(deployed(), "AWS::SQS::QueuePolicy")["MailQueuePolicy"]["PolicyDocument"][
        "Statement"
    ]
    telling = [
        f"{name}.Arn"
        for name, rule in of_type(deployed(), "AWS::Events::Rule").items()
        if "MailQueue.Arn" in {target["Arn"] for target in rule["Targets"]}
    ]

    assert [(each["Principal"], each["Condition"]) for each in statements if each["Effect"] == "Allow"] == [
        ({"Service": "events.amazonaws.com"}, {"ArnEquals": {"aws:SourceArn": telling}}),
        ({"Service": "sns.amazonaws.com"}, {"ArnEquals": {"aws:SourceArn": "OutcomeTopic"}}),
    ]
    assert statements[-1]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_the_rule_for_starts_by_hand_reaches_their_queue() -> None:
    policy = of_type(deployed(), "AWS::SQS::QueuePolicy")["StartsQueuePolicy"]
    allow, deny = policy["PolicyDocument"]["Statement"]

    assert policy["Queues"] == ["StartsQueue"]
    assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": "WatchStartsRule.Arn"}}
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_the_function_that_keeps_the_pace_publishes_to_people_s_topic() -> None:
    """A topic without a policy of its own takes what roles of its account are allowed to publish."""
    publishing = {
        name
        for name, statements in roles().items()
        for statement in statements
        if "sns:Publish" in listed(statement["Action"]) and "MailTopic" in listed(statement["Resource"])
    }

    assert publishing == {"SendMailFunctionRole"}
    assert not [
        name
        for name, policy in of_type(deployed(), "AWS::SNS::TopicPolicy").items()
        if "MailTopic" in policy["Topics"]
    ]


def test_the_outcomes_are_encrypted_with_a_key_of_their_own() -> None:
    topics = of_type(deployed(), "AWS::SNS::Topic")
    (key,) = of_type(deployed(), "AWS::KMS::Key").values()

    assert {name: topic.get("KmsMasterKeyId") for name, topic in topics.items()} == {
        "AlertTopic": None,
        "OutcomeTopic": "OutcomeKey",
        "MailTopic": "alias/aws/sns",
        "AlarmTopic": None,
    }
    assert key["EnableKeyRotation"] is True


def test_the_alarms_depend_on_neither_the_outcomes_nor_their_key() -> None:
    resources = TEMPLATE["Resources"]
    needed = {
        reference
        for name in ("AlarmTopic", "AlarmTopicPolicy", "AlarmSubscription")
        for reference in references(resources[name]["Properties"])
        if reference in resources
    }

    assert needed == {"AlarmTopic"}


def test_mail_goes_to_the_addresses_of_the_parameters() -> None:
    subscriptions = of_type(
        deployed(NotificationEmail="people@example.com", AlarmEmail="on-call@example.com"),
        "AWS::SNS::Subscription",
    )

    assert [tuple(subscription.values()) for subscription in subscriptions.values()] == [
        ("OutcomeTopic", "sqs", "MailQueue.Arn"),
        ("MailTopic", "email", "people@example.com"),
        ("AlarmTopic", "email", "on-call@example.com"),
    ]


def test_nobody_is_subscribed_without_an_address() -> None:
    assert list(of_type(deployed(), "AWS::SNS::Subscription")) == ["OutcomesToMailSubscription"]


def test_eventbridge_may_publish_the_alerts_without_a_condition() -> None:
    """A condition would silence the rule. Source: EventBridge user guide, "Amazon SNS permissions"."""
    statements = TEMPLATE["Resources"]["AlertTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (statement,) = (one for one in statements if one["Principal"] == {"Service": "events.amazonaws.com"})

    assert "Condition" not in statement


@pytest.mark.parametrize(
    "name",
    [
        "AlertTopicPolicy",
        "AlarmTopicPolicy",
        "UndeliveredQueuePolicy",
        "MailQueuePolicy",
        "StartsQueuePolicy",
    ],
)
def test_every_statement_of_a_resource_policy_has_an_id_of_its_own(name: str) -> None:
    """Amazon SNS refuses the policy if not. Source: its developer guide, "API permissions"."""
    statements = TEMPLATE["Resources"][name]["Properties"]["PolicyDocument"]["Statement"]

    assert len({statement["Sid"] for statement in statements}) == len(statements)

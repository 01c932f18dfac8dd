from __future__ import annotations

import json
from typing import Any

import pytest

from localaws.template import read_template
from tests.contract.shipped import ROOT, deployed, of_type

ACCOUNTS = ["444455556666", "777788889999"]
FORWARDING = {"ForwardingAccountIds": ",".join(ACCOUNTS)}
FORWARDER = read_template(ROOT / "forwarder.yaml")["Resources"]
OF_RULE = {
    "ForwardedDetachRule": "DetachRule",
    "ForwardedAlertRule": "AlertRule",
    "ForwardedTamperRule": "TamperRule",
}


def rules() -> dict[str, Any]:
    """Return the rules of a deployment that accepts forwarded events."""
    return of_type(deployed(**FORWARDING), "AWS::Events::Rule")


def pattern(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a rule's pattern; some are texts."""
    given = rule["EventPattern"]
    parsed: dict[str, Any] = json.loads(given) if isinstance(given, str) else given
    return parsed


@pytest.mark.parametrize(("forwarded", "rule"), OF_RULE.items())
def test_a_rule_for_forwarded_events_is_the_other_one_but_for_the_account(forwarded: str, rule: str) -> None:
    there, here = rules()[forwarded], rules()[rule]

    assert pattern(there) == {"account": ACCOUNTS, **pattern(here)}
    assert there["Targets"] == here["Targets"]
    assert there.get("State") == here.get("State")
    assert there["EventBusName"] == "ForwardedEventsBus"


def test_without_a_forwarding_account_there_is_no_bus() -> None:
    added = {name: each["Type"] for name, each in deployed(**FORWARDING).items() if name not in deployed()}

    assert set(added) == {
        "ForwardedEventsBus",
        "ForwardedEventsBusPolicy",
        *OF_RULE,
        "ForwardedRulesFailingAlarm",
        "ForwardedRulesLosingAlarm",
    }


def test_the_bus_takes_what_aws_says_about_organizations_from_exactly_these_accounts() -> None:
    policy = of_type(deployed(**FORWARDING), "AWS::Events::EventBusPolicy")["ForwardedEventsBusPolicy"]

    assert policy["Statement"] == {
        "Effect": "Allow",
        "Principal": {"AWS": ACCOUNTS},
        "Action": "events:PutEvents",
        "Resource": "ForwardedEventsBus.Arn",
        "Condition": {
            "ForAllValues:StringEquals": {"events:source": "aws.organizations"},
            "Null": {"events:source": "false"},
            "StringEquals": {
                "events:detail-type": ["AWS API Call via CloudTrail", "AWS Service Event via CloudTrail"],
            },
        },
    }


def test_the_forwarder_sends_every_event_that_a_rule_is_there_for() -> None:
    sent = FORWARDER["ForwardRule"]["Properties"]["EventPattern"]["detail"]["eventName"]
    tampering = pattern(rules()["ForwardedTamperRule"])["detail"]["$or"]
    wanted = {name for part in tampering for name in part["eventName"]} | {"DetachPolicy"}

    assert set(sent) == wanted


def test_the_forwarder_may_send_to_that_bus_and_do_nothing_else() -> None:
    (policy,) = FORWARDER["ForwardRuleRole"]["Properties"]["Policies"]

    assert policy["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": "events:PutEvents", "Resource": {"Ref": "HoldfastBusArn"}}
    ]

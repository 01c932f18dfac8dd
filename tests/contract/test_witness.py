"""The witness' template: who may send what to it, and what it listens for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from localaws.intrinsics import Created, Scope
from localaws.template import read_parameters, read_template
from tests.contract.roles import EVERYTHING
from tests.contract.shipped import ACCOUNT, HOME_REGIONS, ROOT, of_type
from tests.contract.shipped import deployed as holdfast

FILE = ROOT / "witness.yaml"
TEMPLATE = read_template(FILE)
HOLDFAST_ACCOUNT = "999988887777"


def deployed(**parameters: str) -> dict[str, Any]:
    """Return the resources that a deployment with these parameters has."""
    values = read_parameters(TEMPLATE, {"ManagementAccountId": HOLDFAST_ACCOUNT, **parameters})
    pseudo = {
        "AWS::AccountId": ACCOUNT,
        "AWS::Partition": "aws",
        "AWS::Region": "us-east-1",
        "AWS::StackName": "witness",
    }
    created = {
        name: Created(name, {attribute: f"{name}.{attribute}" for attribute in ("Arn", "QueueName")})
        for name in TEMPLATE["Resources"]
    }
    scope = Scope({**pseudo, **values}, {}, TEMPLATE["Conditions"], created)
    return {
        name: scope.resolve(resource)
        for name, resource in TEMPLATE["Resources"].items()
        if "Condition" not in resource or scope.is_true(resource["Condition"])
    }


def forwarded() -> list[dict[str, Any]]:
    """Return the patterns of all rules of Holdfast that send to the witness."""
    rules = of_type(holdfast(**EVERYTHING), "AWS::Events::Rule").values()
    sending = [
        rule for rule in rules if EVERYTHING["WitnessBusArn"] in {target["Arn"] for target in rule["Targets"]}
    ]
    patterns = [rule["EventPattern"] for rule in sending]
    return [json.loads(one) if isinstance(one, str) else one for one in patterns]


def test_cfn_lint_accepts_the_template_in_every_region_it_is_for() -> None:
    found = lint(FILE.read_text(encoding="utf-8"), config=ManualArgs(regions=HOME_REGIONS))

    assert [f"{match.rule.id} line {match.linenumber}: {match.message}" for match in found] == []


def test_only_holdfast_s_account_may_send_and_only_what_holdfast_sends() -> None:
    (policy,) = of_type(deployed(), "AWS::Events::EventBusPolicy").values()
    statement = policy["Statement"]
    conditions = statement["Condition"]

    assert (statement["Effect"], statement["Action"], statement["Resource"]) == (
        "Allow",
        "events:PutEvents",
        "WitnessBus.Arn",
    )
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{HOLDFAST_ACCOUNT}:root"}
    assert set(conditions["ForAllValues:StringEquals"]["events:source"]) == {
        source for pattern in forwarded() for source in pattern["source"]
    }
    assert set(conditions["StringEquals"]["events:detail-type"]) == {
        kind for pattern in forwarded() for kind in pattern["detail-type"]
    }


def test_holdfast_sends_with_a_role_that_can_do_nothing_else() -> None:
    resources = holdfast(**EVERYTHING)
    bus = EVERYTHING["WitnessBusArn"]
    targets = [
        target
        for rule in of_type(resources, "AWS::Events::Rule").values()
        for target in rule["Targets"]
        if target["Arn"] == bus
    ]
    (policy,) = resources["WitnessRole"]["Properties"]["Policies"]

    assert {target["RoleArn"] for target in targets} == {"WitnessRole.Arn"}
    assert policy["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus}
    ]


def test_without_a_witness_there_is_nothing_for_it() -> None:
    assert holdfast(WitnessBusArn=EVERYTHING["WitnessBusArn"]).keys() - holdfast().keys() == {
        *("WitnessChangesRule", "WitnessExecutionsRule", "WitnessRole"),
    }


def test_every_rule_listens_to_holdfast_s_account_on_the_bus() -> None:
    rules = of_type(deployed(), "AWS::Events::Rule")

    assert {(rule["EventBusName"], *rule["EventPattern"]["account"]) for rule in rules.values()} == {
        ("WitnessBus", HOLDFAST_ACCOUNT)
    }


@pytest.mark.parametrize(
    ("alarm", "rule", "missing"),
    [("SilenceAlarm", "HeartbeatRule", "breaching"), ("EndsAlarm", "EndsRule", "notBreaching")],
)
def test_an_alarm_reads_the_metric_of_a_rule_of_the_bus(alarm: str, rule: str, missing: str) -> None:
    """A custom bus: both dimensions. Source: EventBridge user guide, "Monitoring Amazon EventBridge"."""
    resources = deployed()
    properties = resources[alarm]["Properties"]

    assert (properties["Namespace"], properties["MetricName"]) == ("AWS/Events", "TriggeredRules")
    assert {each["Name"]: each["Value"] for each in properties["Dimensions"]} == {
        "EventBusName": "WitnessBus",
        "RuleName": resources[rule]["Properties"]["Name"],
    }
    assert properties["TreatMissingData"] == missing


def test_the_heartbeat_is_missed_after_an_hour() -> None:
    properties = deployed()["SilenceAlarm"]["Properties"]
    pattern = deployed(HoldfastStackName="guard")["HeartbeatRule"]["Properties"]["EventPattern"]

    assert (properties["ComparisonOperator"], properties["Threshold"]) == ("LessThanThreshold", 1)
    assert (properties["Period"], properties["EvaluationPeriods"]) == (3_600, 1)
    assert pattern["detail"] == {
        "status": ["SUCCEEDED"],
        "stateMachineArn": [{"suffix": ":stateMachine:guard-reconcile"}],
    }

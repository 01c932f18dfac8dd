from __future__ import annotations

import re

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from tests.contract.shipped import (
    EVERY_FUNCTION,
    FUNCTIONS,
    HOME_REGIONS,
    MACHINES,
    TEMPLATE,
    TEMPLATE_FILE,
    Machine,
    deployed,
    of_type,
    scope,
)


def test_the_template_begins_with_what_a_deployer_decides() -> None:
    assert list(TEMPLATE) == [
        *("AWSTemplateFormatVersion", "Transform", "Description", "Metadata", "Parameters"),
        *("Rules", "Mappings", "Conditions", "Globals", "Resources", "Outputs"),
    ]


def test_the_sections_follow_an_event_on_its_way() -> None:
    text = TEMPLATE_FILE.read_text(encoding="utf-8")
    first_of_section = re.findall(r"^  # ---- (\d+)\. .*\n(?:  #.*\n)*  (\w+):$", text, re.MULTILINE)

    assert first_of_section == [
        ("1", "DetachRule"),
        ("2", "AlertRule"),
        ("3", "RemediateStateMachine"),
        ("4", "VerifyDetachFunction"),
        ("5", "ReconcileSchedule"),
        ("6", "TakeTurnFunction"),
        ("7", "ExemptionRule"),
        ("8", "LedgerTable"),
        ("9", "OutcomeTopic"),
        ("10", "MailQueue"),
        ("11", "AlarmTopic"),
        ("12", "WatchRulesRule"),
        ("13", "WitnessChangesRule"),
        ("14", "Dashboard"),
        ("15", "ForwardedEventsBus"),
    ]


def test_the_functions_stand_in_the_order_of_the_states_and_the_mail_s_stands_last() -> None:
    functions = of_type(TEMPLATE["Resources"], "AWS::Serverless::Function")

    assert list(functions) == list(EVERY_FUNCTION.values())


def test_cfn_lint_accepts_the_template_in_every_region_it_is_for() -> None:
    found = lint(TEMPLATE_FILE.read_text(encoding="utf-8"), config=ManualArgs(regions=HOME_REGIONS))

    assert [f"{match.rule.id} line {match.linenumber}: {match.message}" for match in found] == []


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_a_state_machine_is_traced_on_request(machine: Machine) -> None:
    tracing = {
        given: deployed(TracingEnabled=given)[machine.logical_id]["Properties"]["Tracing"]["Enabled"]
        for given in ("true", "false")
    }

    assert tracing == {"true": True, "false": False}


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_every_execution_is_logged_whole(machine: Machine) -> None:
    properties = deployed()[machine.logical_id]["Properties"]
    group = f"{machine.name.capitalize()}LogGroup"

    assert properties["Type"] == "STANDARD"
    assert properties["Logging"] == {
        "Level": "ALL",
        "IncludeExecutionData": True,
        "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": f"{group}.Arn"}}],
    }
    assert deployed()[group]["Properties"] == {
        "LogGroupName": f"/aws/vendedlogs/states/holdfast-{machine}",
        "RetentionInDays": "365",
    }


def test_all_functions_are_one_zip_without_dependencies() -> None:
    shared = scope().resolve(TEMPLATE["Globals"]["Function"])
    own = of_type(TEMPLATE["Resources"], "AWS::Serverless::Function")

    assert (shared["CodeUri"], shared["Runtime"], shared["Architectures"]) == (
        "functions/",
        "python3.13",
        ["arm64"],
    )
    assert {key for function in own.values() for key in function.keys() & shared.keys()} == {
        *("Environment", "LoggingConfig", "MemorySize", "Timeout"),
    }
    assert [name for name, function in own.items() if "Layers" in function] == []
    assert list(FUNCTIONS.rglob("requirements*.txt")) == []


def test_every_function_has_a_log_of_its_own_that_ends_some_day() -> None:
    resources = deployed(LogRetentionDays="90")
    logs = of_type(resources, "AWS::Logs::LogGroup")
    functions = of_type(resources, "AWS::Serverless::Function")
    own = {name: function["LoggingConfig"]["LogGroup"] for name, function in functions.items()}

    assert own == {name: f"{name.removesuffix('Function')}LogGroup" for name in EVERY_FUNCTION.values()}
    assert {name: log["RetentionInDays"] for name, log in logs.items()} == dict.fromkeys(
        ["RemediateLogGroup", "ReconcileLogGroup", *own.values()], "90"
    )

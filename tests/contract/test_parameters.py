from __future__ import annotations

import re
import shlex
import tomllib
from itertools import chain
from typing import Any

import pytest

from holdfast.attachment import ORGANIZATION_ID, PolicyType
from holdfast.settings import Mode, Settings
from localaws.intrinsics import StackError
from localaws.template import check_rules, read_parameters
from tests.contract.shipped import ACCOUNT, HOME_REGIONS, ORGANIZATION, ROOT, TEMPLATE, scope

FREE_TEXT = {
    name: parameter for name, parameter in TEMPLATE["Parameters"].items() if parameter["Type"] == "String"
}


def samconfig() -> dict[str, Any]:
    """Return the deploy environments by name."""
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    return {name: commands for name, commands in settings.items() if name != "version"}


def test_every_parameter_and_every_output_is_described_in_sentences() -> None:
    described = {**TEMPLATE["Parameters"], **TEMPLATE["Outputs"]}

    assert [
        name for name, entry in described.items() if not re.match(r"[A-Z].+\.$", entry["Description"])
    ] == []


def test_the_console_asks_for_every_parameter_once() -> None:
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]

    asked = chain.from_iterable(group["Parameters"] for group in groups)

    assert sorted(asked) == sorted(TEMPLATE["Parameters"])


@pytest.mark.parametrize("name", FREE_TEXT)
def test_free_text_is_checked_and_the_check_says_what_it_wants(name: str) -> None:
    parameter = FREE_TEXT[name]

    assert "AllowedValues" in parameter or parameter.keys() >= {"AllowedPattern", "ConstraintDescription"}


def test_the_template_and_the_code_agree_on_what_an_organization_a_mode_and_a_type_are() -> None:
    parameters = TEMPLATE["Parameters"]

    assert parameters["OrganizationId"]["AllowedPattern"] == f"^{ORGANIZATION_ID.pattern}$"
    assert set(parameters["Mode"]["AllowedValues"]) == set(Mode)
    assert parameters["PolicyTypes"]["AllowedValues"] == list(PolicyType)


@pytest.mark.parametrize(
    ("management", "accounts"), [("", {ACCOUNT}), ("999988887777", {ACCOUNT, "999988887777"})]
)
def test_the_functions_get_the_settings_that_they_read(management: str, accounts: set[str]) -> None:
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    environment = scope(Mode="remediate", ManagementAccountId=management).resolve(variables)

    assert Settings.from_environ(environment) == Settings(Mode.REMEDIATE, ORGANIZATION, frozenset(accounts))
    assert environment["AWS_ENDPOINT_URL"] == ""


def test_the_first_deployment_changes_nothing() -> None:
    assert read_parameters(TEMPLATE, {"OrganizationId": ORGANIZATION})["Mode"] == Mode.ALERT_ONLY


@pytest.mark.parametrize("environment", samconfig())
def test_a_deploy_environment_sets_parameters_that_exist_and_lints(environment: str) -> None:
    commands = samconfig()[environment]
    overrides = dict(
        pair.split("=", 1) for pair in shlex.split(commands["deploy"]["parameters"]["parameter_overrides"])
    )

    assert read_parameters(TEMPLATE, {"OrganizationId": ORGANIZATION, **overrides})["Mode"] in list(Mode)
    assert commands["validate"]["parameters"]["lint"] is True


@pytest.mark.parametrize("region", HOME_REGIONS)
def test_a_region_where_the_events_arrive_is_accepted(region: str) -> None:
    seen = scope()
    seen.values["AWS::Region"] = region

    check_rules(TEMPLATE, seen)


def test_any_other_region_is_refused() -> None:
    seen = scope()
    seen.values["AWS::Region"] = "eu-central-1"

    with pytest.raises(StackError, match="us-east-1, us-gov-west-1 and cn-northwest-1"):
        check_rules(TEMPLATE, seen)

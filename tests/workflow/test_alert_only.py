"""Alert-only mode: everything is seen and told, and nothing can be changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from holdfast.exemption import PATH
from holdfast_cli.sample_organization import PIPELINE_ROLE
from tests.deployed import SUCCEEDED, Holdfast, deployed, text_of, the_only
from tests.workflow.paths import EXEMPT, NOT_OURS, REPORTED


@pytest.fixture(scope="module")
def shared_holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast as a careful operator begins with it."""
    with deployed(tmp_path_factory.mktemp("holdfast"), Mode="alert-only", AlertEnabled="false") as shared:
        yield shared


def test_what_would_have_been_done_is_told_and_not_done(holdfast: Holdfast) -> None:
    run = holdfast.detach("DenyLeaveOrganization", "Root")

    command = "aws organizations attach-policy --policy-id {} --target-id {}"
    assert (run.states, run.end) == (REPORTED, SUCCEEDED)
    assert (run.outcome, run.mail.attributes["severity"]) == ("alert only", "notice")
    assert text_of(run.mail)[0] == (
        "NOT restored, alert-only mode: Holdfast would have reattached “DenyLeaveOrganization” to the root."
    )
    assert run.says("Covered now").startswith("NO: a read at ")
    assert run.says("To attach it") == command.format(
        holdfast.policy("DenyLeaveOrganization"), holdfast.target("Root")
    )
    assert "DenyLeaveOrganization" not in holdfast.attached("Root")


def test_without_the_alert_only_the_outcome_is_told(holdfast: Holdfast) -> None:
    run = holdfast.detach("DenyLeaveOrganization", "Root")

    assert (len(run.mails), holdfast.alerts()) == (1, [])


def test_a_stale_event_is_told_as_any_other(holdfast: Holdfast) -> None:
    first = holdfast.detach("DenyLeaveOrganization", "Root", by=holdfast.role(PIPELINE_ROLE))

    run = the_only(holdfast.deliver({**first.event, "replay-name": "after-the-outage"}))

    assert (first.outcome, run.states, run.outcome) == ("sanctioned", REPORTED, "alert only")


def test_what_is_not_in_the_baseline_is_not_told(holdfast: Holdfast) -> None:
    run = holdfast.detach("FullAWSAccess", "Workloads/Prod/payments-prod")

    assert (run.states, run.mails) == (NOT_OURS, ())


def test_the_reattaching_function_itself_may_not(holdfast: Holdfast) -> None:
    run = holdfast.detach("DenyLeaveOrganization", "Root")
    incident = verified(holdfast, run.arn)

    answer = holdfast.aws.client("lambda").invoke(
        FunctionName=holdfast.resource("ReattachPolicyFunction"), Payload=json.dumps(incident)
    )

    assert json.loads(answer["Payload"].read())["errorType"] == "PermissionMissingError"
    assert "DenyLeaveOrganization" not in holdfast.attached("Root")


def verified(holdfast: Holdfast, execution: str) -> object:
    """Return the incident as Verify Detach handed it over."""
    for event in holdfast.executions.get_execution_history(executionArn=execution)["events"]:
        exited = event.get("stateExitedEventDetails", {})
        if exited.get("name") == "Verify Detach":
            return json.loads(exited["output"])
    raise LookupError(execution)


def test_under_an_exemption_it_is_told_now_and_judged_at_its_end(holdfast: Holdfast) -> None:
    ssm, name = holdfast.aws.client("ssm"), f"{PATH}/{holdfast.policy('DenyLeaveOrganization')}"
    until = holdfast.aws.clock.now() + timedelta(hours=2)
    value = json.dumps({"until": until.isoformat(), "reason": "the region moves"})
    ssm.put_parameter(Name=name, Type="String", Value=value)

    run = holdfast.detach("DenyLeaveOrganization", "Root")

    ssm.delete_parameter(Name=name)
    assert run.states == [*EXEMPT, *REPORTED]
    assert [mail.attributes["outcome"] for mail in run.mails] == ["exempt", "alert only"]
    assert text_of(run.mails[0])[0] == (
        "Not restored, exempt: “DenyLeaveOrganization” was detached from the root, and is judged anew when "
        "the exemption ends."
    )

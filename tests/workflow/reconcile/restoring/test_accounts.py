"""Accounts that are moved, that join and that leave: told if a guardrail is really lost, and left alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deployed import RECONCILIATION, SUCCEEDED, Holdfast, Run, the_only
from tests.workflow.reconcile.drifts import short_ids
from tests.workflow.reconcile.findings import findings_of
from tests.workflow.reconcile.ways import COMPARED, COMPARED_TWICE, QUIET, REPORTED, TOLD

pytestmark = pytest.mark.long

ACCOUNT = "Workloads/Prod/payments-prod"
HALF_AN_HOUR = 1_800
ONLY_TOLD = "Nothing: Holdfast moves no account."


def move(holdfast: Holdfast, destination: str, account: str = ACCOUNT) -> None:
    account_id = holdfast.target(account)
    (parent,) = holdfast.organizations.list_parents(ChildId=account_id)["Parents"]
    holdfast.organizations.move_account(
        AccountId=account_id, SourceParentId=parent["Id"], DestinationParentId=holdfast.target(destination)
    )


@pytest.fixture
def at_home(holdfast: Holdfast) -> Iterator[Holdfast]:
    """Lend the deployment, and take the account home afterwards."""
    yield holdfast
    with holdfast.unseen():
        (parent,) = holdfast.organizations.list_parents(ChildId=holdfast.target(ACCOUNT))["Parents"]
        if parent["Id"] != holdfast.target("Workloads/Prod"):
            move(holdfast, "Workloads/Prod")


def moved(holdfast: Holdfast, destination: str) -> Run:
    with holdfast.watch(RECONCILIATION) as runs:
        move(holdfast, destination)
    return the_only(runs)


def test_an_account_that_loses_guardrails_is_told_after_half_an_hour(at_home: Holdfast) -> None:
    began = at_home.aws.clock.now()

    run = moved(at_home, "Sandbox")

    account, before, after = (at_home.target(path) for path in (ACCOUNT, "Workloads/Prod", "Sandbox"))
    assert (run.states, run.end, run.outcome) == ([*COMPARED_TWICE, *TOLD], SUCCEEDED, "drift found")
    assert (run.mail.received_at - began).total_seconds() >= HALF_AN_HOUR
    assert (run.mail.attributes["severity"], run.mail.attributes["target_id"]) == ("page", account)
    assert findings_of(run, account=account, prod=before, sandbox=after) == {
        "Coverage lost: account “payments-prod” (account) lost 1 guardrail: it was moved from prod to "
        "sandbox": (ONLY_TOLD)
    }
    assert f"   - “DenyUnapprovedRegions” ({short_ids(at_home)['regions']})" in run.mail.body
    assert (
        f"aws organizations move-account --account-id {account} --source-parent-id {after} "
        f"--destination-parent-id {before}"
    ) in run.mail.body


def test_an_account_that_comes_back_in_time_is_not_told(at_home: Holdfast) -> None:
    with at_home.watch(RECONCILIATION) as runs:
        move(at_home, "Sandbox")
        at_home.aws.clock.sleep(1_000)
        move(at_home, "Workloads/Prod")

    there, back = runs
    assert (there.states, there.end) == ([*COMPARED_TWICE, QUIET], SUCCEEDED)
    assert (back.states[-1], back.end, [*there.mails, *back.mails]) == (QUIET, SUCCEEDED, [])


def test_an_account_that_other_attachments_cover_is_not_told(at_home: Holdfast) -> None:
    """The root's and the OU's attachments reach it in Dev as they did in Prod."""
    run = moved(at_home, "Workloads/Dev")

    assert (run.states, run.end, run.mails) == ([*COMPARED, QUIET], SUCCEEDED, ())


def create(holdfast: Holdfast, name: str) -> str:
    status = holdfast.organizations.create_account(AccountName=name, Email=f"{name}@example.com")
    return str(status["CreateAccountStatus"]["AccountId"])


def test_an_account_that_joined_and_stays_below_the_root_is_told(at_home: Holdfast) -> None:
    with at_home.watch(RECONCILIATION) as runs:
        account = create(at_home, "newcomer")

    run = the_only(runs)
    assert (run.states, run.end, run.outcome) == ([*COMPARED_TWICE, *TOLD], SUCCEEDED, "drift found")
    assert findings_of(run, account=account) == {
        "Coverage lost: account “newcomer” (account) lacks 2 guardrails of the baseline after joining the "
        "organization": ONLY_TOLD
    }


def test_an_account_that_a_factory_moves_on_is_not_told(at_home: Holdfast) -> None:
    with at_home.watch(RECONCILIATION) as runs:
        account = create(at_home, "factory-made")
        at_home.aws.clock.sleep(600)
        at_home.organizations.move_account(
            AccountId=account,
            SourceParentId=at_home.target("Root"),
            DestinationParentId=at_home.target("Sandbox"),
        )

    assert [(run.end, run.states[-1], run.mails) for run in runs] == [(SUCCEEDED, QUIET, ())] * 2


def test_an_account_that_departed_is_told_with_the_method(at_home: Holdfast) -> None:
    with at_home.unseen():
        account = create(at_home, "leaver")

    with at_home.watch(RECONCILIATION) as runs:
        at_home.organizations.remove_account_from_organization(AccountId=account)

    run = the_only(runs)
    assert (run.states, run.end, run.mail.attributes["severity"]) == (REPORTED, SUCCEEDED, "page")
    assert findings_of(run, account=account) == {
        "Account departed: account account left the organization (method “REMOVED”)": (
            "Nothing: Holdfast only tells of it."
        )
    }
    assert "All guardrails of this organization are gone for it." in run.mail.body


def test_an_account_that_departs_before_the_second_look_is_told_as_lost(at_home: Holdfast) -> None:
    with at_home.unseen():
        account = create(at_home, "mover")
        at_home.organizations.move_account(
            AccountId=account,
            SourceParentId=at_home.target("Root"),
            DestinationParentId=at_home.target("Workloads"),
        )

    with at_home.watch(RECONCILIATION) as runs:
        at_home.organizations.move_account(
            AccountId=account,
            SourceParentId=at_home.target("Workloads"),
            DestinationParentId=at_home.target("Sandbox"),
        )
        at_home.aws.clock.sleep(60)
        at_home.organizations.remove_account_from_organization(AccountId=account)

    moved_run, departed_run = runs
    assert (departed_run.states, departed_run.end) == (REPORTED, SUCCEEDED)
    assert (moved_run.states, moved_run.end) == ([*COMPARED_TWICE, *TOLD], SUCCEEDED)
    assert next(iter(findings_of(moved_run, account=account))) == (
        "Coverage lost: account account lost 3 guardrails: it is no longer in the organization"
    )

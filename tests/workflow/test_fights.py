"""Fights over an attachment: who is told how often, and to whom Holdfast yields."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from localaws.gateway import ApiError
from tests.deployed import Holdfast, Run, deployed
from tests.workflow.paths import REPORTED, RESTORED
from tests.workflow.refusals import TERMINAL

GUARDRAIL = ("DenyLeaveOrganization", "Root")
ATTACKER, ACCOMPLICE, RIVAL = "attacker", "accomplice", "accelerator"


@pytest.fixture(scope="module")
def shared_holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast without alerts, with a rival whose role the baseline lists."""
    with deployed(tmp_path_factory.mktemp("holdfast"), AlertEnabled="false") as shared:
        shared.role(RIVAL)
        role = shared.aws.client("iam").get_role(RoleName=RIVAL)["Role"]["Arn"]
        with (shared.guardrails / "baseline.toml").open("a", encoding="utf-8") as baseline:
            baseline.write(f'[[rival_principal]]\nrole = "{role}"\n')
        yield shared


@pytest.fixture(autouse=True)
def _peace(holdfast: Holdfast) -> None:
    """Let an hour pass, so that no test goes on with the fight of the one before."""
    pause(holdfast, 3_601)


def pause(holdfast: Holdfast, seconds: float) -> None:
    with holdfast.aws.clock.working():
        holdfast.aws.clock.sleep(seconds)
    holdfast.aws.clock.settle()


def fight(holdfast: Holdfast, *roles: str) -> list[Run]:
    """Let each role in turn detach the guardrail, as soon as it is back."""
    return [holdfast.detach(*GUARDRAIL, by=holdfast.role(role)) for role in roles]


def rounds_told(run: Run) -> list[str]:
    return re.findall(r"^  - \S+Z (.*?), by role “(?:\w+)”", run.mail.body, re.MULTILINE)


def who_fought(run: Run) -> list[str]:
    return re.findall(r"^  - \S+Z .*?, by role “(\w+)”", run.mail.body, re.MULTILINE)


def severity(run: Run) -> str:
    return run.mail.attributes["severity"]


def test_two_detaches_are_no_fight(holdfast: Holdfast) -> None:
    runs = fight(holdfast, ATTACKER, ATTACKER)

    assert [severity(run) for run in runs] == ["notice", "notice"]


def test_the_third_detach_within_an_hour_pages_with_the_whole_fight(holdfast: Holdfast) -> None:
    *_, third = fight(holdfast, ATTACKER, ACCOMPLICE, ATTACKER)

    assert (third.states, third.outcome, severity(third)) == (RESTORED, "restored", "page")
    assert third.mail.subject.endswith("CONTESTED, Restored: DenyLeaveOrganization on the root")
    assert rounds_told(third) == ["restored"] * 3
    assert who_fought(third) == [ATTACKER, ACCOMPLICE, ATTACKER]


def test_a_fight_of_five_rounds_with_two_principals_is_told_once_in_ten_minutes_and_always_won(
    holdfast: Holdfast,
) -> None:
    runs = fight(holdfast, ATTACKER, ACCOMPLICE, ATTACKER, ACCOMPLICE, ATTACKER)

    assert [run.states for run in runs] == [RESTORED] * 5
    assert [len(run.mails) for run in runs] == [1, 1, 1, 0, 0]
    assert GUARDRAIL[0] in holdfast.attached(GUARDRAIL[1])


def test_after_ten_minutes_the_fight_is_told_again_with_the_rounds_that_were_muted(
    holdfast: Holdfast,
) -> None:
    fight(holdfast, *[ATTACKER] * 4)
    pause(holdfast, 600)

    (again,) = fight(holdfast, ATTACKER)

    assert (len(again.mails), len(rounds_told(again))) == (1, 5)


def test_somebody_new_in_the_fight_is_told_at_once(holdfast: Holdfast) -> None:
    fight(holdfast, *[ATTACKER] * 3)

    (new,) = fight(holdfast, ACCOMPLICE)

    assert (len(new.mails), severity(new)) == (1, "page")
    assert who_fought(new) == [*[ATTACKER] * 3, ACCOMPLICE]


def test_another_target_is_told_at_once(holdfast: Holdfast) -> None:
    fight(holdfast, *[ATTACKER] * 3)

    other = holdfast.detach("ProtectSecurityRoles", "Security", by=holdfast.role(ATTACKER))

    assert (len(other.mails), severity(other)) == (1, "notice")


def test_a_failure_in_a_fight_is_always_told(holdfast: Holdfast) -> None:
    fight(holdfast, *[ATTACKER] * 3)
    holdfast.aws.faults.fail_call("organizations", "AttachPolicy", TERMINAL["PermissionMissingError"])

    (failed,) = fight(holdfast, ATTACKER)

    assert (failed.outcome, severity(failed)) == ("failed", "page")
    assert failed.mail.subject.endswith("CONTESTED, FAILED: DenyLeaveOrganization on the root")


def test_what_people_are_spared_machines_are_told_and_the_ledger_keeps(holdfast: Holdfast) -> None:
    holdfast.aws.client("sns").subscribe(
        TopicArn=holdfast.output("OutcomeTopicArn"), Protocol="https", Endpoint="https://example.com/machines"
    )
    runs = fight(holdfast, *[ATTACKER] * 4)

    told = [webhook.message for webhook in holdfast.aws.inbox.webhooks]
    assert all(any(run.arn in message for message in told) for run in runs)
    assert runs[-1].mails == ()


def test_detaches_that_are_an_hour_apart_are_no_fight(holdfast: Holdfast) -> None:
    fight(holdfast, ATTACKER, ATTACKER)
    pause(holdfast, 3_600)

    (third,) = fight(holdfast, ATTACKER)

    assert severity(third) == "notice"


def test_holdfast_yields_to_a_rival_at_the_third_round_and_says_so(holdfast: Holdfast) -> None:
    runs = fight(holdfast, RIVAL, RIVAL, RIVAL)

    assert [run.outcome for run in runs] == ["restored", "restored", "yielded"]
    assert (runs[2].states, severity(runs[2])) == (REPORTED, "page")
    assert GUARDRAIL[0] not in holdfast.attached(GUARDRAIL[1])


def test_the_reconciliation_never_yields(holdfast: Holdfast) -> None:
    fight(holdfast, RIVAL, RIVAL, RIVAL)

    holdfast.reconcile()

    assert GUARDRAIL[0] in holdfast.attached(GUARDRAIL[1])


def test_after_an_hour_holdfast_yields_no_longer(holdfast: Holdfast) -> None:
    fight(holdfast, RIVAL, RIVAL, RIVAL)
    holdfast.reconcile()
    pause(holdfast, 3_600)

    (later,) = fight(holdfast, RIVAL)

    assert (later.states, later.outcome) == (RESTORED, "restored")


def test_an_attacker_in_a_fight_with_a_rival_gets_no_leave(holdfast: Holdfast) -> None:
    *_, third = fight(holdfast, RIVAL, RIVAL, ATTACKER)

    assert (third.states, third.outcome, severity(third)) == (RESTORED, "restored", "page")


def test_an_attacker_cannot_make_holdfast_yield_to_a_rival(holdfast: Holdfast) -> None:
    *_, third = fight(holdfast, ATTACKER, ATTACKER, RIVAL)

    assert (third.states, third.outcome, severity(third)) == (RESTORED, "restored", "page")


def test_without_the_ledger_holdfast_yields_to_nobody(holdfast: Holdfast) -> None:
    fight(holdfast, RIVAL, RIVAL)
    holdfast.aws.faults.fail_call("dynamodb", "Query", ApiError("AccessDeniedException", "No."), times=2)

    (third,) = fight(holdfast, RIVAL)

    assert (third.states, third.outcome) == (RESTORED, "restored")
    assert third.says("Ledger").startswith("NOT READ")

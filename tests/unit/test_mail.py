# ruff: noqa: RUF001 - characters that look like others are what quoting makes.
from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from holdfast.attachment import PolicySummary
from holdfast.failures import EXPLANATIONS
from holdfast.incident import Failure, Observation
from holdfast.mail import body, subject
from holdfast.outcome import TextCheck
from holdfast.principal import Principal
from holdfast.quoting import Medium
from holdfast.report import Holder, Report
from holdfast.surroundings import Surroundings
from holdfast.wording import commands, covered, duration, exposure, headline, remedy, target
from tests.unit import reports
from tests.unit.examples import CONFIRMED, DETACHMENT, DEVELOPER, NOW
from tests.unit.reports import EXAMPLES, RESTORED, failed

MAILS = Path(__file__).parent / "mails"
A_LINK = re.compile(r"https://us-east-1\.console\.aws\.amazon\.com/\S+")


def detached_by(principal: Principal) -> str:
    """Return what the mail says of the caller."""
    report = replace(RESTORED, detachment=replace(DETACHMENT, principal=principal))
    return next(line for line in body(report).splitlines() if line.startswith("Detached by:"))[14:]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_mail_is_as_it_was_approved(name: str) -> None:
    """Read the files in `mails/` as their readers do: at three in the morning."""
    report = EXAMPLES[name]
    assert f"Subject: {subject(report)}\n\n{body(report)}" == (MAILS / f"{name}.txt").read_text()


def test_every_approved_mail_is_compared() -> None:
    assert {path.stem for path in MAILS.glob("*.txt")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_first_screen_says_what_matters(name: str) -> None:
    """Whether it is covered, for how long it was not, by whom, and what to do, in ten lines."""
    first = body(EXAMPLES[name]).splitlines()[:10]
    labels = {line.partition(":")[0] for line in first}
    assert {"Covered now", "Exposed", "To do"} <= labels
    assert ("Detached by" in labels) is (EXAMPLES[name].detachment is not None)


@pytest.mark.parametrize("error", sorted(EXPLANATIONS))
def test_a_command_is_given_where_the_mail_speaks_of_it(error: str) -> None:
    text = body(failed(error))
    assert ("(command below)" in text) is ("aws organizations attach-policy " in text)


@given(reports.REPORTS)
def test_the_remedy_speaks_of_the_command_that_is_given_and_fits_a_chat(report: Report) -> None:
    """A next step has at most 350 characters. Source: Amazon Q Developer in chat applications."""
    words = remedy(report)
    assert ("(command below)" in words) is ("To attach it" in commands(report))
    assert words.endswith(".")
    assert len(words) <= 350


@given(reports.REPORTS)
def test_nothing_that_was_not_declared_or_could_widen_permissions_is_to_be_attached(report: Report) -> None:
    if report.widened or (not report.judged and report.protected is False):
        assert "To attach it" not in commands(report)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "but no read shows it"),
        ({"attached_now": None}, "but no read shows it"),
        ({"attached_now": Observation(attached=True, at=CONFIRMED)}, "but that was not confirmed"),
        ({"failure": Failure("PermissionMissingError", "no")}, "but that was not confirmed"),
    ],
)
def test_no_read_shows_it_only_where_reads_were_made(changes: dict[str, Any], words: str) -> None:
    assert words in headline(replace(EXAMPLES["failed_to_confirm"], **changes), Medium.MAIL)


def test_what_was_read_before_attaching_says_nothing_about_it() -> None:
    report = EXAMPLES["failed_after_attaching"]
    assert report.observed is not None
    assert covered(report).startswith("NOT KNOWN: AttachPolicy answered 'attached' at ")
    assert ", perhaps over; " in exposure(report)


@pytest.mark.parametrize("name", ["alert_only", "sanctioned", "failed_at_the_quota"])
def test_what_was_seen_attached_is_not_called_still_open(name: str) -> None:
    seen = Observation(attached=True, at=NOW)
    report = replace(EXAMPLES[name], observed=seen, attached_now=None)
    assert covered(report).startswith("perhaps: ")
    assert exposure(report).startswith("since 2026-11-22T09:00:00Z, perhaps over; ")
    assert covered(replace(report, text=TextCheck.CHANGED)).startswith("NOT KNOWN: ")


def test_what_is_open_after_a_stale_event_began_at_the_earliest_then() -> None:
    assert "at the earliest, as the event is stale" in exposure(replace(EXAMPLES["alert_only"], stale=True))


def test_a_judged_incident_needs_no_first_read() -> None:
    judged = replace(failed("OrganizationsBusyError"), observed=None)
    assert headline(judged, Medium.MAIL).endswith(" could not be attached to OU “Workloads” again.")


def test_a_name_with_a_slash_is_no_path() -> None:
    path = replace(RESTORED, surroundings=Surroundings(path=("Workloads", "Prod")))
    name = replace(RESTORED, surroundings=Surroundings(path=("Workloads/Prod",)))
    assert target(path, Medium.MAIL) == "OU “Workloads”/“Prod”"
    assert target(name, Medium.MAIL) == "OU “Workloads/Prod”"
    assert subject(path).endswith(" on OU Workloads/Prod")


def test_no_command_is_given_for_what_nobody_could_read() -> None:
    text = body(replace(EXAMPLES["failed_to_read_the_event"], failure=failed("Lambda.Unknown").failure))
    assert "command" not in text


OURS = Holder(PolicySummary("p-7xfb7xkf", "DenyDisablingCloudTrail", aws_managed=False), in_baseline=True)
MANAGED = Holder(PolicySummary("p-FullAWSAccess", "FullAWSAccess", aws_managed=True), in_baseline=False)
TOWER = Holder(PolicySummary("p-ctower0001", "aws-guardrails-abcDEF", aws_managed=False), in_baseline=False)
STUFFING = Holder(PolicySummary("p-allowlist01", "Stuffing", aws_managed=False), in_baseline=False)


def test_a_guardrail_never_gives_way_to_another() -> None:
    full = replace(failed("AttachmentQuotaExceededError"), holders=(OURS, MANAGED))
    assert "detach-policy" not in body(full)


def test_a_stranger_gives_way_before_what_control_tower_may_have_made() -> None:
    full = replace(EXAMPLES["failed_at_the_quota"], holders=(STUFFING, TOWER))
    assert (
        "To free a slot, for example: "
        "aws organizations detach-policy --policy-id p-allowlist01 --target-id ou-exme-ycaqk99w\n"
    ) in body(full)


def test_a_target_that_is_full_of_control_towers_names_has_a_command_too_and_a_warning() -> None:
    """Anybody can choose such a name."""
    full = replace(EXAMPLES["failed_at_the_quota"], holders=(OURS, MANAGED, TOWER))
    assert (
        "To free a slot, unless it is Control Tower's: "
        "aws organizations detach-policy --policy-id p-ctower0001 --target-id ou-exme-ycaqk99w\n"
    ) in body(full)


def test_no_slot_is_freed_where_nobody_knows_whose_it_is() -> None:
    assert "detach-policy" in body(EXAMPLES["failed_at_the_quota"])
    assert "detach-policy" not in body(replace(EXAMPLES["failed_at_the_quota"], protected=None))


@pytest.mark.parametrize(
    ("principal", "words"),
    [
        (
            DEVELOPER,
            (
                "role “developer” of account “111122223333”, session “mallory” (chosen by the caller), "
                "source identity “mallory@example․com”, without MFA"
            ),
        ),
        (
            Principal(kind="Root", account_id="111122223333", mfa=True),
            "the root user of account “111122223333”, with MFA",
        ),
        (Principal(kind="IAMUser", name="alice"), "user “alice”"),
        (
            Principal(kind="IAMUser", arn="arn:aws:iam::111122223333:role/developer", name="developer"),
            "role “developer”",
        ),
        (
            Principal(
                kind="FederatedUser",
                arn="arn:aws:iam::111122223333:user/alice",
                name="alice",
                session_name="mary",
            ),
            "user “alice”, federated session “mary” (chosen by the caller)",
        ),
        (
            Principal(kind="IAMUser", arn="arn:aws:iam::111122223333:user/:role/alice", name="alice"),
            "user “alice”",
        ),
        (Principal(kind="IdentityCenterUser", name="544894e8"), "Identity Center user “544894e8”"),
        (
            Principal(
                kind="Unknown", name="controltower.amazonaws.com", invoked_by="controltower.amazonaws.com"
            ),
            "AWS service “controltower․amazonaws․com”",
        ),
        (
            Principal(kind="IAMUser", name="alice", invoked_by="cloudformation.amazonaws.com"),
            "user “alice”, invoked by “cloudformation․amazonaws․com”",
        ),
        (
            Principal(kind="AWSAccount", account_id="338583429068"),
            "identity of another account without a name of account “338583429068”",
        ),
        (Principal(kind="Unknown"), "identity without a name"),
    ],
)
def test_the_caller_is_named_as_what_he_is(principal: Principal, words: str) -> None:
    assert detached_by(principal) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(), "0 s"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(seconds=60), "1 min 0 s"),
        (timedelta(hours=26, minutes=3, seconds=59), "26 h 3 min"),
        (timedelta(days=100), "2,400 h 0 min"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(span: timedelta, words: str) -> None:
    assert duration(span) == words


@pytest.mark.parametrize(
    ("accounts", "words"),
    [
        (None, "accounts at or below the target: not counted"),
        (0, "0 accounts at or below the target"),
        (1, "1 account at or below the target"),
        (5_000, "5,000 accounts at or below the target"),
    ],
)
def test_the_accounts_are_counted_or_said_not_to_be(accounts: int | None, words: str) -> None:
    report = replace(RESTORED, surroundings=Surroundings(accounts=accounts))
    assert f"Exposed:      42 s from the detach to the confirmation; {words}\n" in body(report)


def test_a_text_that_could_not_be_compared_is_not_called_as_declared() -> None:
    text = body(replace(RESTORED, text=TextCheck.NOT_COMPARED))
    assert "Policy text:  NOT COMPARED: " in text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Prüfung", "[Holdfast o-far1coz49w] Restored: Prufung on OU Workloads"),
        ("監査", "[Holdfast o-far1coz49w] Restored: ?? on OU Workloads"),
        ("a.example\n", "[Holdfast o-far1coz49w] Restored: a.example on OU Workloads"),
        ("x" * 128, "[Holdfast o-far1coz49w] Restored: " + "x" * 62 + "..."),
    ],
)
def test_a_subject_is_ascii_and_short(name: str, expected: str) -> None:
    assert subject(replace(RESTORED, policy_name=name)) == expected


@given(reports.REPORTS)
def test_any_subject_is_valid(report: Report) -> None:
    """Fewer than 100 characters, no line break, no control character.

    Source: botocore's SNS model, Publish, `Subject`.
    """
    line = subject(report)
    assert line.startswith("[Holdfast o-far1coz49w] ")
    assert len(line) < 100
    assert line.isascii()
    assert line.isprintable()


@given(reports.REPORTS)
def test_no_line_of_a_mail_can_be_forged_from_outside(report: Report) -> None:
    """Whatever the words are, what stands outside of the quotation marks is the same."""
    forged, honest = body(report), body(reports.tamed(report))
    assert reports.outside_of_quotes(forged) == reports.outside_of_quotes(honest)
    assert forged.splitlines() == forged.removesuffix("\n").split("\n")


@given(reports.REPORTS)
def test_nothing_in_a_mail_becomes_a_link_but_our_own(report: Report) -> None:
    text = A_LINK.sub("", body(report))
    assert "//" not in text
    assert not re.search(r"[^\s”]((?<![0-9])[.。．｡]|[.。．｡](?![0-9]))[^\s”]", text)


@given(reports.REPORTS)
def test_any_mail_can_be_sent(report: Report) -> None:
    assert body(report).encode()

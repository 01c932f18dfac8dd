from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast import mail
from holdfast.exemption import Parameter
from holdfast.mailing.letter import TEXT_LIMIT, Letter, Mail, Mailbox, sendable
from holdfast.mailing.sorting import letter_of
from holdfast.outcome import Severity
from tests.unit.examples import EVENT_ID, EXECUTION, NOW, ORGANIZATION
from tests.unit.letters import (
    DESK,
    UNGUARDED,
    alert,
    envelope,
    event_id,
    exemption_change,
    letter,
    look_again,
    message,
    outcome,
    record,
    told,
    untold_end,
)
from tests.unit.outside import JSON, WORDS
from tests.unit.reports import EXAMPLES, RESTORED

NAME = "/holdfast/exemptions/p-7dj3cien/ou-exme-ycaqk99w"


def written(of: Letter) -> Mail:
    assert of.compose is not None
    return of.compose(NOW)


def says(of: Letter, label: str) -> str:
    """Return what the mail says after a label."""
    (line,) = (line for line in written(of).text.splitlines() if line.startswith(f"{label}:"))
    return line.removeprefix(f"{label}:").strip()


# ---- Outcomes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_outcome_is_mailed_as_it_was_described(name: str) -> None:
    report = EXAMPLES[name]
    sent = written(letter(told(report)))
    assert (sent.subject, sent.text) == (mail.subject(report), mail.body(report))


def test_an_outcome_s_mail_has_the_attributes_of_its_message() -> None:
    assert written(letter(told(RESTORED))).attributes == {
        "outcome": "restored",
        "severity": "notice",
        "organization": ORGANIZATION,
        "policy_type": "SERVICE_CONTROL_POLICY",
        "policy_id": "p-7dj3cien",
        "target_id": "ou-exme-ycaqk99w",
    }


def test_a_digest_says_of_an_outcome_which_attachment_it_was_and_whose_doing() -> None:
    found = letter(told(RESTORED))
    assert (found.outcome, found.severity, found.incident) == ("restored", Severity.NOTICE, EVENT_ID)
    assert found.caller == "role “developer” of account “111122223333”"
    assert found.line == "“DenyUnapprovedRegions” p-7dj3cien on ou-exme-ycaqk99w, 2026-11-22T09:00:00Z"
    assert found.brief == "p-7dj3cien on ou-exme-ycaqk99w, 2026-11-22T09:00:00Z"


def test_a_digest_says_of_a_failure_why_and_which_execution() -> None:
    found = letter(told(EXAMPLES["failed_because_the_policy_is_gone"]))
    assert found.cause == "“PolicyGoneError”"
    assert found.line.endswith(f", execution {EXECUTION.rpartition(':')[2]}")


def test_what_people_are_not_to_be_mailed_is_only_counted() -> None:
    found = letter(outcome(mail=None))
    assert (found.compose, found.outcome, found.incident) == (None, "failed", event_id(0))


def test_a_record_from_before_mails_travelled_in_it_is_mailed_itself() -> None:
    text = json.dumps({"outcome": "restored", "severity": "notice"})
    sent = written(letter(envelope(text, "Restored", outcome="restored")))
    assert (sent.subject, sent.text) == ("Restored", text)


def test_a_message_in_plain_words_is_mailed_as_it_is() -> None:
    plain = envelope(
        "A policy was detached, and Holdfast could not say how it ended.", "FAILED", outcome="failed"
    )
    sent = written(letter(plain))
    assert (sent.subject, sent.text) == (
        "FAILED",
        "A policy was detached, and Holdfast could not say how it ended.",
    )
    assert (letter(plain).outcome, letter(plain).severity) == ("failed", Severity.PAGE)


# ---- Alerts ------------------------------------------------------------------------------------------------


def test_an_alert_says_who_detached_what_and_what_follows() -> None:
    sent = written(letter(alert()))
    assert (
        sent.subject
        == "[Holdfast o-far1coz49w] ALERT: DenyUnapprovedRegions was detached from ou-exme-ycaqk99w"
    )
    assert sent.text == (
        "ALERT: “DenyUnapprovedRegions” was detached from ou-exme-ycaqk99w.\n"
        "\n"
        "Who:          user “mallory” of account “111122223333”\n"
        "When:         2026-11-22T09:00:00Z\n"
        "From address: “203.0.113.7”\n"
        f"Event id:     {event_id(0)}\n"
        "Policy:       p-7dj3cien\n"
        "In baseline:  yes, as “DenyUnapprovedRegions”\n"
        "What next:    Holdfast is checking it; a second mail says how it ended\n"
        "Organization: o-far1coz49w\n"
        "\n"
        "To permit it for two hours:  holdfast exempt grant p-7dj3cien ou-exme-ycaqk99w --until 2h "
        '--region us-east-1 --reason "break-glass, the reason follows"\n'
        "The same without holdfast:   aws ssm put-parameter --region us-east-1 --name "
        "/holdfast/exemptions/p-7dj3cien/ou-exme-ycaqk99w --type String --overwrite "
        '--value \'{"until": "2026-11-22T11:00:30Z", "reason": "break-glass, the reason follows", '
        '"ticket": ""}\'\n'
    )
    assert sent.attributes["outcome"] == "alert"


def test_an_alert_of_what_is_no_guardrail_waits_for_no_outcome() -> None:
    found = letter(alert(requestParameters=UNGUARDED))
    assert not found.awaits
    assert says(found, "In baseline") == "no, by this policy's id"
    assert says(found, "What next").startswith("nothing, unless the policy was made again")


def test_an_alert_without_a_baseline_says_that_nobody_knows() -> None:
    found = letter(alert(), replace(DESK, baseline=None))
    assert found.awaits
    assert says(found, "In baseline") == "not known: the baseline cannot be read"


def test_an_alert_in_alert_only_mode_promises_nothing() -> None:
    found = letter(alert(), replace(DESK, remediates=False))
    assert "changes nothing" in says(found, "What next")


def test_an_alert_that_cannot_be_read_is_mailed_all_the_same() -> None:
    found = letter(alert(eventTime="yesterday"))
    assert says(found, "Problem").startswith("“detail\N{ONE DOT LEADER}eventTime: got 'yesterday'")
    assert "yesterday" in says(found, "The event, cut")


# ---- Changes of exemptions ---------------------------------------------------------------------------------


def test_a_change_of_an_exemption_says_who_made_it_and_what_it_says_now() -> None:
    value = '{"until": "2026-11-22T11:00:00Z", "reason": "moving house", "ticket": "OPS-1"}'
    desk = replace(DESK, read_exemptions=lambda _: (Parameter(NAME, "String", value, NOW),))
    found = letter(exemption_change("PutParameter", name=NAME), desk)
    assert written(found).text == (
        f"EXEMPTION: “{NAME}” was written.\n"
        "\n"
        "Who:          user “mallory” of account “111122223333”\n"
        "When:         2026-11-22T09:00:00Z\n"
        "From address: “203.0.113.7”\n"
        f"Event id:     {event_id(0)}\n"
        "Now:          in force until 2026-11-22T11:00:00Z, because “moving house”, ticket “OPS-1”\n"
        "To end it:    holdfast exempt revoke p-7dj3cien ou-exme-ycaqk99w\n"
        "To do:        Ask the author if you do not know of it.\n"
        "Organization: o-far1coz49w\n"
    )
    assert written(found).attributes["outcome"] == "exemption changed"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('{"until": "2026-11-22T09:00:10Z", "reason": "x"}', "ended, at 2026-11-22T09:00:10Z"),
        (
            '{"until": "2026-12-22T09:00:00Z", "reason": "x"}',
            (
                "BROKEN, so it is ignored: “until: got '2026-12-22T09:00:00Z', expected 2026-11-29T09:00:00Z "
                "at the latest, 7 days after its change”"
            ),
        ),
    ],
    ids=["ended", "too long"],
)
def test_a_change_says_whether_the_exemption_counts(value: str, said: str) -> None:
    changed_at = NOW - timedelta(seconds=30)
    desk = replace(DESK, read_exemptions=lambda _: (Parameter(NAME, "String", value, changed_at),))
    assert says(letter(exemption_change("PutParameter", name=NAME), desk), "Now") == said


def test_a_deleted_exemption_is_gone() -> None:
    found = letter(exemption_change("DeleteParameter", name=NAME))
    assert written(found).text.startswith(f"EXEMPTION: “{NAME}” was deleted.\n")
    assert says(found, "Now") == "gone: it exempts nothing"


def test_several_deleted_exemptions_are_told_together() -> None:
    found = letter(exemption_change("DeleteParameters", names=[NAME, "/other", "/holdfast/exemptions/all"]))
    assert written(found).text.startswith(f"EXEMPTION: “{NAME}” and 1 more was deleted.\n")
    assert "/other" not in written(found).text
    assert written(found).text.count("is gone: it exempts nothing") == 2


def test_an_exemption_that_cannot_be_read_is_told_all_the_same() -> None:
    desk = replace(DESK, read_exemptions=lambda _: None)
    found = letter(exemption_change("PutParameter", name=NAME), desk)
    assert says(found, "Now") == "not known: it could not be read"


# ---- Ends that were not told -------------------------------------------------------------------------------


def test_an_untold_end_goes_to_those_who_get_alarms() -> None:
    found = letter(untold_end())
    assert found.mailbox is Mailbox.ALARMS
    assert written(found).text == (
        "ALARM: an execution of Holdfast ended without telling anybody how: “TIMED_OUT”.\n"
        "Treat the guardrail as detached until you have looked.\n"
        "Execution: arn:aws:states:us-east-1:111122223333:execution:holdfast-remediate:b2c3d4e5\n"
        "Look here: https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/"
        "arn:aws:states:us-east-1:111122223333:execution:holdfast-remediate:b2c3d4e5\n"
    )


# ---- Whatever else lies in the queue -----------------------------------------------------------------------


def test_the_sign_to_look_again_is_no_letter() -> None:
    assert letter_of(look_again(), DESK) is None


@pytest.mark.parametrize("body", ["", "no JSON", "[]", "{}", '{"source": "aws.s3"}', "[" * 100_000])
def test_what_nobody_can_read_is_mailed_as_such(body: str) -> None:
    found = letter(message(body))
    assert (found.outcome, found.severity) == ("unreadable", Severity.PAGE)
    assert written(found).subject == (
        "[Holdfast o-far1coz49w] UNREADABLE: something was to be told, and nobody can say what"
    )


@given(
    JSON
    | st.dictionaries(st.sampled_from(["source", "detail", "TopicArn", "Message", "MessageAttributes"]), JSON)
    | st.builds(record, requestParameters=JSON, userIdentity=JSON, eventTime=WORDS)
    | st.fixed_dictionaries({"source": st.sampled_from(["aws.ssm", "aws.states"]), "detail": JSON})
)
def test_whatever_lies_in_the_queue_becomes_a_mail(said: object) -> None:
    sent = written(letter(message(said)))
    assert sent.subject.isascii()
    assert sent.subject.isprintable()
    assert 0 < len(sent.subject) < 100
    assert 0 < len(sent.text.encode()) <= TEXT_LIMIT
    assert all(isinstance(value, str) and value for value in sent.attributes.values())


@given(
    st.dictionaries(st.sampled_from(["outcome", "severity", "policy", "target", "principal", "mail"]), JSON)
)
def test_whatever_a_record_says_becomes_a_line(said: dict[str, object]) -> None:
    found = letter(envelope(json.dumps(said)))
    assert len(found.line.splitlines()) == len(found.brief.splitlines()) == 1
    assert found.compose is None or written(found).text


@given(WORDS, WORDS, st.dictionaries(WORDS, JSON))
def test_whatever_is_to_be_sent_is_sent_as_sns_accepts_it(
    subject: str, text: str, attributes: dict[str, object]
) -> None:
    sent = sendable(subject, text, attributes)
    assert sent.subject.isprintable()
    assert 0 < len(sent.subject) < 100
    assert sent.text.encode()
    assert all(sent.attributes.values())


def test_the_longest_text_is_cut_at_a_whole_character() -> None:
    sent = sendable("subject", "監" * TEXT_LIMIT, {})
    assert sent.text == "監" * (TEXT_LIMIT // 3)

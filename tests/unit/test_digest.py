from __future__ import annotations

import json
from datetime import timedelta

from holdfast.mailing.digest import Digest, write_closing, write_digests
from holdfast.mailing.letter import TEXT_LIMIT, Letter
from holdfast.mailing.storm import CALLERS, INCIDENTS, OTHERS, Storm
from holdfast.reconciliation.notification import compose
from tests.unit.examples import NOW, ORGANIZATION
from tests.unit.letters import alert, envelope, event_id, exemption_change, letter, outcome, untold_end
from tests.unit.runs import REPORTS as RUNS_REPORTED


def digests(*letters: Letter, storm: Storm | None = None) -> list[Digest]:
    return list(write_digests(letters, storm, ORGANIZATION, NOW))


def test_a_digest_tells_failures_first_and_names_every_incident() -> None:
    (digest,) = digests(
        letter(outcome(3, "restored")),
        letter(alert(4)),
        letter(outcome(1)),
        letter(alert(1)),
        letter(outcome(2, policy={"id": "p-7dj3cien", "name": None})),
    )
    assert digest.mail.subject == "[Holdfast o-far1coz49w] DIGEST: 4 detached, 1 restored, 2 failed, 1 open"
    assert digest.mail.text == (
        "DIGEST: 4 detached, 1 restored, 2 failed, 1 open.\n"
        "\n"
        "Why a digest: more came at once than is mailed singly, since 2026-11-22T09:00:30Z\n"
        "What next:    a digest a minute while there is news, and a last one\n"
        "Ended:        2 failed\n"
        "Ended:        1 restored\n"
        "Caused by:    4 user “mallory” of account “111122223333”\n"
        "Organization: o-far1coz49w\n"
        "To do:        look at the failures first; to restore what can be restored: holdfast reconcile\n"
        "\n"
        "FAILED with “PermissionMissingError”, by user “mallory” of account “111122223333”, 2:\n"
        "  - “DenyUnapprovedRegions” p-7dj3cien on 000000000001, 2026-11-22T09:00:00Z, "
        "execution execution-1\n"
        "  - p-7dj3cien on 000000000002, 2026-11-22T09:00:00Z, execution execution-2\n"
        "\n"
        "OPEN, an alert without its outcome yet, by user “mallory” of account “111122223333”, 1:\n"
        "  - “DenyUnapprovedRegions” p-7dj3cien on ou-exme-ycaqk99w, 2026-11-22T09:00:00Z, "
        f"event {event_id(4)}\n"
        "\n"
        "RESTORED, by user “mallory” of account “111122223333”, 1:\n"
        "  - “DenyUnapprovedRegions” p-7dj3cien on 000000000003, 2026-11-22T09:00:00Z\n"
    )
    assert digest.mail.attributes["severity"] == "page"


def test_a_digest_of_what_went_well_does_not_page() -> None:
    (digest,) = digests(*(letter(outcome(number, "restored")) for number in range(5)))
    assert (digest.mail.attributes["outcome"], digest.mail.attributes["severity"]) == ("digest", "notice")


def test_a_reconciliation_stands_in_a_digest_with_its_subject() -> None:
    notification = compose(RUNS_REPORTED["failed_in_part"], tell=True)
    text = json.loads(notification["message"])["default"]
    (digest,) = digests(letter(envelope(text, notification["subject"], **notification["attributes"])))
    assert "FAILED, by the reconciliation, 1:\n  - “[Holdfast o-far1coz49w] " in digest.mail.text


def test_a_digest_names_changed_exemptions_and_untold_ends() -> None:
    name = "/holdfast/exemptions/all"
    (digest,) = digests(letter(exemption_change("DeleteParameter", name=name)), letter(untold_end()))
    assert f"  - “{name}” deleted, 2026-11-22T09:00:00Z, event {event_id(0)}\n" in digest.mail.text
    assert "ENDED UNTOLD with “TIMED_OUT”, by Holdfast itself, 1:\n" in digest.mail.text


def test_a_digest_that_is_too_long_does_without_names() -> None:
    policy = {"id": "p-7dj3cien", "name": "監" * 128}
    (digest,) = digests(*(letter(outcome(number, policy=policy)) for number in range(1_000)))
    assert len(digest.mail.text.encode()) <= TEXT_LIMIT
    assert "監" not in digest.mail.text
    assert all(f"{number:012}" in digest.mail.text for number in range(1_000))


def test_what_does_not_fit_into_one_digest_goes_in_several() -> None:
    policy = {"id": "p-" + "x" * 128, "name": "監" * 128}
    target = {"id": "ou-" + "x" * 32 + "-"}
    several = digests(
        *(
            letter(outcome(number, policy=policy, target={"id": target["id"] + f"{number:032}"}))
            for number in range(1_000)
        )
    )
    assert len(several) > 1
    assert all(len(digest.mail.text.encode()) <= TEXT_LIMIT for digest in several)
    text = "".join(digest.mail.text for digest in several)
    assert all(f"{number:032}" in text for number in range(1_000))
    assert several[-1].storm.detached == sum(len(digest.letters) for digest in several) == 1_000


def test_the_last_digest_has_the_totals_and_what_is_open() -> None:
    later = NOW + timedelta(minutes=9)
    storm = Storm(NOW, NOW, 3, {"failed": 1, "restored": 1}, {"user “mallory”": 3}, (event_id(3),))
    mail = write_closing(storm, ORGANIZATION, later)
    assert mail.text == (
        "DIGEST, the last of this storm: 3 detached, 1 restored, 1 failed, 1 open.\n"
        "\n"
        "Since:        2026-11-22T09:00:30Z\n"
        "Until:        2026-11-22T09:09:30Z\n"
        "Ended:        1 failed\n"
        "Ended:        1 restored\n"
        "Caused by:    3 user “mallory”\n"
        "Organization: o-far1coz49w\n"
        "\n"
        "Still open, with the event of each detach; treat the guardrail as detached:\n"
        f"  - event {event_id(3)}\n"
    )


# ---- What a storm remembers --------------------------------------------------------------------------------

EMPTY = Storm(NOW, NOW)


def test_an_incident_is_counted_once_whichever_letter_comes_first() -> None:
    alert_first = EMPTY.after_telling([letter(alert(1))], NOW).after_telling([letter(outcome(1))], NOW)
    outcome_first = EMPTY.after_telling([letter(outcome(1))], NOW).after_telling([letter(alert(1))], NOW)
    together = EMPTY.after_telling([letter(outcome(1)), letter(alert(1))], NOW)
    assert alert_first == outcome_first == together
    assert (together.detached, together.outcomes, together.open) == (1, {"failed": 1}, ())


def test_an_incident_that_ends_twice_is_counted_once() -> None:
    storm = EMPTY.after_telling([letter(outcome(1, "exempt")), letter(outcome(1, "restored"))], NOW)
    assert (storm.detached, storm.outcomes) == (1, {"exempt": 1, "restored": 1})


def test_a_storm_follows_a_bounded_number_of_incidents() -> None:
    letters = [letter(alert(number)) for number in range(INCIDENTS + 5)]
    storm = EMPTY.after_telling(letters, NOW)
    assert (len(storm.open), storm.open[-1]) == (INCIDENTS, event_id(INCIDENTS + 4))
    assert storm.detached == INCIDENTS + 5


def test_a_storm_counts_a_bounded_number_of_callers_apart() -> None:
    letters = [
        letter(outcome(number, principal={"kind": "IAMUser", "name": f"u{number}"}))
        for number in range(CALLERS + 5)
    ]
    storm = EMPTY.after_telling(letters, NOW).after_telling([letter(outcome(999))], NOW)
    assert len(storm.callers) == CALLERS + 1
    assert storm.callers[OTHERS] == 6

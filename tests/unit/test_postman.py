from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import ServiceBusyError, ServiceRefusedError
from holdfast.mailing.letter import Mailbox
from holdfast.mailing.pace import ITEM, LEASE, parse_paces
from holdfast.mailing.sorting import Message
from tests.unit.letters import (
    UNGUARDED,
    alert,
    event_id,
    exemption_change,
    look_again,
    message,
    outcome,
    untold_end,
)
from tests.unit.mail_office import World

BUSY = ServiceBusyError("sns", "Publish", "InternalError", "try later")
ALL_TOLD = 3_600.0


class CrashError(Exception):
    """The function is gone."""


def most_in_a_minute(times: list[datetime]) -> int:
    """Return the most mails that came within any sixty seconds."""
    return max(
        (sum(start <= each <= start + timedelta(seconds=60) for each in times) for start in times), default=0
    )


def sent_at(world: World, mailbox: Mailbox = Mailbox.PEOPLE) -> list[datetime]:
    return [at for at, to, _ in world.sent if to is mailbox]


def everything(world: World) -> str:
    return "".join(mail.text for mail in world.mails())


# ---- Few letters -------------------------------------------------------------------------------------------


def test_one_incident_is_two_mails_at_once() -> None:
    world = World()
    world.put(alert())
    world.run()
    world.put(outcome(end="restored"))
    world.run()
    assert world.subjects() == [
        "ALERT: DenyUnapprovedRegions was detached from ou-exme-ycaqk99w",
        "restored 0",
    ]
    assert sent_at(world)[-1] - sent_at(world)[0] < timedelta(seconds=1)
    assert world.queue.messages == {}


def test_an_outcome_says_all_that_its_alert_does() -> None:
    world = World()
    world.put(alert(), outcome(end="restored"))
    world.run()
    assert world.subjects() == ["restored 0"]
    assert world.queue.messages == {}


SHARED = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"


@pytest.mark.parametrize("at_once", [True, False], ids=["in one round", "in two rounds"])
def test_a_call_whose_event_comes_by_two_buses_is_announced_once(*, at_once: bool) -> None:
    world = World()
    world.put(alert())
    if not at_once:
        world.run()
    world.put(alert())
    world.run()
    assert world.subjects() == ["ALERT: DenyUnapprovedRegions was detached from ou-exme-ycaqk99w"]
    assert world.queue.messages == {}


@pytest.mark.parametrize("at_once", [True, False], ids=["in one round", "in two rounds"])
def test_a_call_of_which_two_accounts_have_a_record_is_announced_once(*, at_once: bool) -> None:
    world = World()
    world.put(alert(1, sharedEventID=SHARED))
    if not at_once:
        world.run()
    world.put(alert(2, sharedEventID=SHARED, recipientAccountId="444455556666"))
    world.run()
    assert len(world.mails()) == 1
    assert world.queue.messages == {}


def test_an_outcome_answers_the_alerts_of_all_records_of_its_call() -> None:
    world = World()
    world.put(alert(1, sharedEventID=SHARED), alert(2, sharedEventID=SHARED))
    world.put(outcome(end="restored", event_id=event_id(2), call_id=SHARED))
    world.run()
    assert world.subjects() == ["restored 0"]


def test_an_alert_that_comes_after_its_outcome_says_nothing_new() -> None:
    world = World()
    world.put(outcome(end="restored"))
    world.run()
    world.put(alert())
    world.run()
    assert world.subjects() == ["restored 0"]
    assert world.queue.messages == {}


def test_two_calls_are_two_alerts_however_alike() -> None:
    world = World()
    world.put(alert(1), alert(2))
    world.run()
    assert len(world.mails()) == 2


def test_four_letters_are_four_mails() -> None:
    world = World()
    world.put(*(outcome(number) for number in range(4)))
    world.run(ALL_TOLD)
    assert world.subjects() == [f"failed {number}" for number in range(4)]


def test_what_is_only_to_be_counted_is_not_mailed() -> None:
    world = World()
    world.put(outcome(mail=None))
    world.run()
    assert (world.mails(), world.queue.messages) == ([], {})


def test_an_untold_end_has_a_mailbox_and_a_budget_of_its_own() -> None:
    world = World()
    world.put(*(outcome(number) for number in range(4)), *(untold_end(execution=str(n)) for n in range(4)))
    world.run()
    assert (len(world.mails()), len(world.mails(Mailbox.ALARMS))) == (4, 4)


# ---- A storm -----------------------------------------------------------------------------------------------


def test_the_fifth_letter_of_a_minute_begins_a_storm_and_a_last_digest_ends_it() -> None:
    world = World()
    world.put(*(outcome(number) for number in range(5)))
    world.run(ALL_TOLD)
    assert world.subjects() == [
        "DIGEST: 5 detached, 0 restored, 5 failed, 0 open",
        "DIGEST: 5 detached, 0 restored, 5 failed, 0 open",
    ]
    assert world.mails()[1].text.startswith("DIGEST, the last of this storm: ")
    assert world.queue.messages == {}


def test_a_storm_is_not_over_while_letters_are_held() -> None:
    """They are hidden for a minute: at the first look after the digest nothing may be there."""
    world = World()
    world.put(*(outcome(number) for number in range(5)))
    world.run()
    world.run(50)
    world.put(*(outcome(number) for number in range(5, 9)))
    world.run(ALL_TOLD)
    assert world.subjects() == [
        "DIGEST: 5 detached, 0 restored, 5 failed, 0 open",
        "DIGEST: 4 detached, 0 restored, 4 failed, 0 open",
        "DIGEST: 9 detached, 0 restored, 9 failed, 0 open",
    ]


def test_after_a_storm_letters_are_mailed_singly_again() -> None:
    world = World()
    world.put(*(outcome(number) for number in range(5)))
    world.run(ALL_TOLD)
    world.put(outcome(7, "restored"))
    world.run()
    assert world.subjects()[-1] == "restored 7"


def test_a_thousand_failures_in_one_second_are_told_whole_and_never_above_six_mails_a_minute() -> None:
    world = World()
    world.put(*(outcome(number) for number in range(1_000)))
    world.run(ALL_TOLD)
    told = Counter(number for number in range(1_000) if f"{number:012}" in everything(world))
    assert len(told) == 1_000
    assert all(f"execution-{number}" in everything(world) for number in range(1_000))
    assert most_in_a_minute(sent_at(world)) <= 6
    assert world.mails()[-1].subject.endswith("DIGEST: 1,000 detached, 0 restored, 1,000 failed, 0 open")
    assert world.queue.messages == {}


def test_a_thousand_alerts_and_their_outcomes_are_a_thousand_detaches() -> None:
    world = World()
    for number in range(1_000):
        world.put(alert(number))
    world.run(10)
    for number in range(1_000):
        world.put(outcome(number, "restored"))
    world.run(ALL_TOLD)
    assert world.mails()[-1].subject.endswith("DIGEST: 1,000 detached, 1,000 restored, 0 failed, 0 open")
    assert most_in_a_minute(sent_at(world)) <= 6


def test_a_storm_stays_open_while_outcomes_are_missing_and_then_names_them() -> None:
    world = World()
    world.put(*(alert(number) for number in range(6)))
    world.run(40 * 60)
    assert world.subjects() == ["DIGEST: 6 detached, 0 restored, 0 failed, 6 open"]
    world.run(10 * 60)
    *_, last = world.mails()
    assert last.text.startswith("DIGEST, the last of this storm: 6 detached, 0 restored, 0 failed, 6 open.")
    assert all(event_id(number) in last.text for number in range(6))
    assert last.attributes["severity"] == "page"


def test_no_outcome_is_awaited_of_what_is_no_guardrail() -> None:
    world = World()
    world.put(*(alert(number, requestParameters=UNGUARDED) for number in range(6)))
    world.run(240)
    assert world.subjects() == ["DIGEST: 6 detached, 0 restored, 0 failed, 0 open"] * 2


def test_what_is_only_to_be_counted_closes_its_incident_in_a_storm() -> None:
    world = World()
    world.put(*(alert(number) for number in range(6)))
    world.run()
    world.put(*(outcome(number, "restored", mail=None) for number in range(6)))
    world.run(ALL_TOLD)
    assert world.subjects()[-1] == "DIGEST: 6 detached, 6 restored, 0 failed, 0 open"


def test_changes_of_exemptions_take_part_in_a_storm() -> None:
    world = World()
    name = "/holdfast/exemptions/all"
    world.put(*(exemption_change("PutParameter", name=name) for _ in range(9)))
    world.run(180)
    assert everything(world).count(f"“{name}” written") == 9


def test_a_sign_to_look_again_without_a_storm_is_dropped() -> None:
    world = World()
    world.put(look_again())
    world.run()
    assert (world.sent, world.queue.messages) == ([], {})


# ---- What goes wrong ---------------------------------------------------------------------------------------


def test_of_two_functions_at_once_one_mails_and_the_other_holds_its_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.put(*(outcome(number) for number in range(20)))
    first, second = world.take(), world.take()
    receive = world.queue.receive

    def call_the_other() -> tuple[Message, ...]:
        monkeypatch.setattr(world.queue, "receive", receive)
        assert world.call(second) == {each.message_id for each in second}
        return receive()

    monkeypatch.setattr(world.queue, "receive", call_the_other)
    assert world.call(first) == set()
    world.run(ALL_TOLD)
    assert all(f"{number:012}" in everything(world) for number in range(20))


def test_two_functions_that_claim_in_the_same_moment_do_not_both_mail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.put(outcome())
    batch = world.take()
    monkeypatch.setattr(world.memory, "remember", lambda *_, **__: False)
    assert world.call(batch) == {each.message_id for each in batch}
    assert world.sent == []


def test_a_function_that_is_lost_after_its_claim_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.put(outcome())
    with monkeypatch.context() as patch:
        patch.setattr(world.queue, "receive", _crash)
        with pytest.raises(CrashError):
            world.call(_taken(world))
    world.run(180)
    assert world.subjects() == ["failed 0"]


def test_a_function_that_is_lost_after_its_mails_repeats_them_and_stays_within_the_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.put(*(outcome(number) for number in range(4)))
    batch = world.take()
    with monkeypatch.context() as patch:
        remember, claimed = world.memory.remember, list[bool]()

        def crash_at_the_second(*arguments: object, **named: object) -> bool:
            if claimed:
                raise CrashError
            claimed.append(True)
            return remember(*arguments, **named)  # type: ignore[arg-type]

        patch.setattr(world.memory, "remember", crash_at_the_second)
        with pytest.raises(CrashError):
            world.call(batch)
    world.run(ALL_TOLD)
    assert Counter(world.subjects()) == {f"failed {number}": 2 for number in range(4)}
    assert most_in_a_minute(sent_at(world)) <= 6


def test_a_lease_that_was_not_given_back_counts_as_all_that_it_allowed() -> None:
    world = World()
    world.put(outcome())
    world.memory.kept[ITEM] = _leased(world)
    world.run((2 * LEASE).total_seconds())
    assert world.sent == []
    world.run(60)
    assert world.subjects() == ["failed 0"]


def test_what_nobody_can_read_holds_nothing_up() -> None:
    world = World()
    world.put(message("poison"), outcome())
    world.run()
    assert world.subjects() == [
        "UNREADABLE: something was to be told, and nobody can say what",
        "failed 0",
    ]
    assert world.queue.messages == {}


def test_while_sns_takes_nothing_everything_is_held_and_then_told() -> None:
    world = World()
    world.post.refusal = BUSY
    world.put(*(outcome(number) for number in range(30)))
    world.run(600)
    assert (world.sent, len(world.queue.messages)) == ([], 30)
    assert most_in_a_minute(world.post.attempts) <= 6
    world.post.refusal = None
    world.run(ALL_TOLD)
    assert all(f"{number:012}" in everything(world) for number in range(30))
    assert world.queue.messages == {}


def test_a_mail_that_sns_refuses_does_not_keep_the_others_back() -> None:
    world = World()
    world.post.refusal = ServiceRefusedError("sns", "Publish", "InvalidParameter", "no")
    world.put(outcome(0))
    world.run()
    world.post.refusal = None
    world.put(outcome(1))
    world.run(180)
    assert sorted(world.subjects()) == ["failed 0", "failed 1"]


def test_without_the_memory_nothing_is_mailed_and_nothing_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.put(outcome())
    with monkeypatch.context() as patch:
        patch.setattr(world.memory, "recall", _crash)
        with pytest.raises(CrashError):
            world.call(_taken(world))
    world.run(60)
    assert world.subjects() == ["failed 0"]


def test_what_other_code_remembered_does_not_stop_the_mail() -> None:
    world = World()
    world.memory.kept[ITEM] = {"schema": "of tomorrow"}
    world.put(outcome())
    world.run()
    assert world.subjects() == ["failed 0"]


ARRIVALS = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.integers(0, 9),
        st.sampled_from(["alert", "failed", "restored", "unreadable", "untold", "crash"]),
    ),
    max_size=40,
)


@given(ARRIVALS)
def test_whatever_comes_is_told_and_never_too_fast(arrivals: list[tuple[int, int, str]]) -> None:
    world = World()
    began = world.now
    for second, number, kind in sorted(arrivals):
        world.run((began + timedelta(seconds=second) - world.now).total_seconds())
        if kind == "crash":
            world.memory.kept[ITEM] = _leased(world)
            continue
        world.put(_arriving(kind, number))
    world.run(2 * ALL_TOLD)
    kinds = {(kind, number) for _, number, kind in arrivals}
    told = everything(world) + "".join(world.subjects())
    assert all(f"{kind} {number}" in told or f"{number:012}" in told for kind, number in _outcomes(kinds))
    for mailbox in Mailbox:
        assert most_in_a_minute(sent_at(world, mailbox)) <= 6
    assert world.queue.messages == {}


def _outcomes(kinds: set[tuple[str, int]]) -> set[tuple[str, int]]:
    return {(kind, number) for kind, number in kinds if kind in {"failed", "restored"}}


def _arriving(kind: str, number: int) -> Message:
    match kind:
        case "alert":
            return alert(number)
        case "unreadable":
            return message(f"nonsense {number}")
        case "untold":
            return untold_end(execution=str(number))
    return outcome(number, kind)


def _leased(world: World) -> dict[str, object]:

    return parse_paces(world.memory.kept.get(ITEM)).leased(world.now).to_document()


def _taken(world: World) -> tuple[Message, ...]:
    return tuple(world.queue.messages.values())


def _crash(*_: object, **__: object) -> None:
    raise CrashError

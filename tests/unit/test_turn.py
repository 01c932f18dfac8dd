from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.reconciliation.turn import Claim, Turn, decide_turn, parse_claim
from tests.unit.outside import JSON


@pytest.mark.parametrize(
    ("claim", "under_way", "turn", "after"),
    [
        (Claim(), "", Turn.GO, Claim("me")),
        (Claim("other"), "", Turn.GO, Claim("me")),
        (Claim("other"), "other", Turn.WAIT, Claim("other", "me")),
        (Claim("other", "me"), "other", Turn.WAIT, Claim("other", "me")),
        (Claim("other", "me"), "", Turn.GO, Claim("me")),
        (Claim("other", "third"), "other third", Turn.LEAVE, Claim("other", "third")),
        (Claim("other", "third"), "third", Turn.LEAVE, Claim("other", "third")),
        (Claim("other", "third"), "other", Turn.WAIT, Claim("other", "me")),
        (Claim("other", "third"), "", Turn.GO, Claim("me")),
        (Claim(None, "third"), "third", Turn.LEAVE, Claim(None, "third")),
        (Claim("me"), "me", Turn.GO, Claim("me")),
        (Claim("me", "third"), "me third", Turn.GO, Claim("me", "third")),
    ],
)
def test_a_run_goes_waits_or_leaves_by_who_else_is_under_way(
    claim: Claim, under_way: str, turn: Turn, after: Claim
) -> None:
    assert decide_turn(claim, "me", under_way.split().__contains__) == (turn, after)


CLAIMS = st.builds(Claim, st.none() | st.text(min_size=1), st.none() | st.text(min_size=1))


@given(CLAIMS)
def test_a_claim_survives_being_remembered(claim: Claim) -> None:
    assert parse_claim(json.loads(json.dumps(claim.to_document()))) == claim


def test_of_what_nobody_remembers_nothing_is_claimed() -> None:
    assert parse_claim(None) == Claim()


@given(st.dictionaries(st.sampled_from(["running", "waiting", "more"]), JSON))
def test_whatever_is_remembered_is_a_claim(content: dict[str, Any]) -> None:
    """A claim that cannot be read must not keep every run from its turn."""
    assert isinstance(parse_claim(content), Claim)


class Runs:
    """Runs of one scope, whose steps fall between each other's: read, decide, write if nobody else has.

    Each run comes for a change that was made before it began. A run that goes looks when its claim is
    written, and sees all changes that were made until then.
    """

    def __init__(self) -> None:
        self.memory: Mapping[str, Any] | None = None
        self.changes = 0
        self.seen = 0
        self.came_for: dict[str, int] = {}
        self.under_way: list[str] = []
        self.going: list[str] = []
        self.read: dict[str, Mapping[str, Any] | None] = {}
        self.decided: dict[str, tuple[Turn, Claim]] = {}
        self.relied_on: dict[int, str] = {}
        """The run that each run that left relied on, by the change that it came for."""

    @property
    def asking(self) -> list[str]:
        """The runs that have not had their turn."""
        return [run for run in self.under_way if run not in self.going]

    def start(self, _: int) -> None:
        """Make a change, and begin the run that its event causes."""
        self.changes += 1
        run = f"run-{self.changes}"
        self.came_for[run] = self.changes
        self.under_way.append(run)

    def step(self, which: int) -> None:
        """Let one of the runs that ask do its next step."""
        if self.asking:
            self._advance(self.asking[which % len(self.asking)])

    def _advance(self, run: str) -> None:
        if run in self.decided:
            self._write(run)
        elif run in self.read:
            self._decide(run)
        else:
            self.read[run] = self.memory

    def _decide(self, run: str) -> None:
        claim = parse_claim(self.read[run])
        turn, after = decide_turn(claim, run, self.under_way.__contains__)
        if turn is Turn.LEAVE:
            self.relied_on[self.came_for[run]] = str(claim.waiting)
            self._end(run)
        else:
            self.decided[run] = turn, after

    def _write(self, run: str) -> None:
        turn, claim = self.decided.pop(run)
        if self.read.pop(run) != self.memory:
            return
        self.memory = claim.to_document()
        if turn is Turn.GO:
            self.going.append(run)
            self.seen = self.changes

    def finish(self, _: int) -> None:
        """End the run that goes, well or badly."""
        for run in self.going[:1]:
            self._end(run)

    def die(self, which: int) -> None:
        """End a run before its turn; what others left to it, only the schedule finds."""
        if not self.asking:
            return
        run = self.asking[which % len(self.asking)]
        self.relied_on = {change: other for change, other in self.relied_on.items() if other != run}
        self._end(run)

    def _end(self, run: str) -> None:
        for place in (self.under_way, self.going, self.read, self.decided):
            if run in place:
                place.remove(run) if isinstance(place, list) else place.pop(run)

    def check(self) -> None:
        """Nobody goes beside another, and what was left is seen, or will be by somebody who waits."""
        assert len(self.going) <= 1
        for change, waiter in self.relied_on.items():
            assert change <= self.seen or waiter in self.asking

    def settle(self) -> None:
        """Let all runs come to their end: at most one is left that waits, and then it goes."""
        while self.under_way:
            for run in self.asking:
                self._ask_until_answered(run)
            assert len(self.going) == 1
            assert len(self.asking) <= 1
            self.finish(0)

    def _ask_until_answered(self, run: str) -> None:
        """Let a run finish what it has begun, and ask once from the beginning."""
        for _ in range(5):
            if run in self.asking:
                self._advance(run)
                self.check()


MOVES = st.sampled_from(["start", "start", "step", "step", "step", "step", "step", "step", "finish", "die"])


@settings(max_examples=200)
@given(st.lists(st.tuples(MOVES, st.integers(0, 3)), min_size=20, max_size=60))
def test_however_runs_fall_between_each_other_one_goes_and_one_waits_and_nothing_is_missed(
    moves: list[tuple[str, int]],
) -> None:
    runs = Runs()
    for move, which in moves:
        getattr(runs, move)(which)
        runs.check()
    runs.settle()
    assert max(runs.relied_on, default=0) <= runs.seen

"""Ways of asking again for a contested bucket, compared without the rest of Holdfast.

Each incident is a unit of work that asks until it is admitted; the bucket and the rival are the embedded
AWS's own. Only the asking is played: no reads, no functions.
"""

from __future__ import annotations

import io
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from localaws.clock import Clock, SkippingClock
from localaws.gateway import ApiCall, ApiError, ApiResponse
from localaws.rates import Rates

_ATTACH = ApiCall(
    "organizations", "AttachPolicy", "us-east-1", "AKIAEXAMPLE", {}, {"wsgi.input": io.BytesIO()}, b""
)


_HEAD_START = 10.0
"""Seconds that the rival is there before the incidents: the bucket is no longer full."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a strategy achieved: the seconds until all were admitted, and the attempts for each incident."""

    seconds: float
    attempts: float


class _Bucket:
    """The shared bucket of the attachment calls, which counts who asks."""

    def __init__(self, clock: Clock, seed: int, rival: float) -> None:
        self.clock = clock
        self.attempts = 0
        self.random = random.Random(seed)  # noqa: S311 - jitter, not secrets
        self._rates = Rates(clock, published=True, seed=seed)
        if rival:
            self._rates.rival(rival)

    def admits(self) -> bool:
        """Ask once."""
        self.attempts += 1
        try:
            self._rates(_ATTACH, lambda _: ApiResponse(200, (), b""))
        except ApiError:
            return False
        return True

    def back_off(self, longest: float) -> None:
        """Wait with full jitter."""
        self.clock.sleep(self.random.uniform(0, longest))


class Strategy(Protocol):
    """A way of asking; each incident's unit calls it once."""

    def __call__(self, bucket: _Bucket) -> None:
        """Ask until admitted."""


def state_machine(interval: float, growth: float, longest: float) -> Strategy:
    """Let each execution retry by itself, as Step Functions does: with full jitter."""

    def ask(bucket: _Bucket) -> None:
        attempt = 0
        while not bucket.admits():
            bucket.back_off(min(longest, interval * growth**attempt))
            attempt += 1

    return ask


def capped_functions(cap: int, pace: float, patience: float) -> Strategy:
    """Let at most `cap` functions ask every `pace` seconds for `patience` seconds; all others back off."""
    places = threading.BoundedSemaphore(cap)

    def ask(bucket: _Bucket) -> None:
        attempt = 0
        while True:
            if places.acquire(blocking=False):
                try:
                    if _ask_fast(bucket, pace, patience):
                        return
                finally:
                    places.release()
            bucket.back_off(min(15.0, 2.0 * 2.0**attempt))
            attempt += 1

    return ask


def queue(pace: float) -> Strategy:
    """Let one consumer serve the incidents in turn, asking every `pace` seconds."""
    turn = threading.Lock()

    def ask(bucket: _Bucket) -> None:
        while not turn.acquire(blocking=False):
            bucket.clock.sleep(pace)
        try:
            _ask_fast(bucket, pace, patience=float("inf"))
        finally:
            turn.release()

    return ask


def _ask_fast(bucket: _Bucket, pace: float, patience: float) -> bool:
    """Ask about every `pace` seconds; varied a little, as a network would."""
    gives_up = bucket.clock.timestamp() + patience
    while not bucket.admits():
        if bucket.clock.timestamp() > gives_up:
            return False
        bucket.clock.sleep(bucket.random.uniform(0.9, 1.1) * pace)
    return True


STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "state machine, 2 s x 2": lambda: state_machine(2, 2, 15),
    "state machine, 1 s x 1.05": lambda: state_machine(1, 1.05, 15),
    "2 functions, 5/s for 10 s": lambda: capped_functions(2, 0.2, 10),
    "5 functions, 5/s for 8 s": lambda: capped_functions(5, 0.2, 8),
    "10 functions, 5/s for 10 s": lambda: capped_functions(10, 0.2, 10),
    "10 functions, 2/s for 10 s": lambda: capped_functions(10, 0.5, 10),
    "queue, 5/s": lambda: queue(0.2),
}


def play(strategy: Strategy, incidents: int, rival: float, seed: int) -> Asked:
    """Play a strategy to its end.

    Parameters
    ----------
    strategy : Strategy
        The way of asking; made anew for each play.
    incidents : int
        How many begin in the same moment.
    rival : float
        Failing calls a second of somebody else.
    seed : int
        Of jitter and phase.
    """
    clock = SkippingClock()
    bucket, began = _Bucket(clock, seed, rival), clock.timestamp() + _HEAD_START
    with clock.working():
        for _ in range(incidents):
            clock.spawn(strategy, bucket, after=_HEAD_START)
    clock.settle(timeout=600)
    return Asked(clock.timestamp() - began, bucket.attempts / incidents)

"""The time of the embedded AWS: the wall clock, or a clock that skips every wait.

All work that the embedded AWS does by itself (an execution, the delivery of an event) is a *unit of
work*, and each unit is at every moment either busy or waiting on the clock. The wall clock only counts
the units, so that a test can wait until everything has settled. The skipping clock stands still
while a unit is busy, and jumps to the next moment at which one wants to go on as soon as all of them
wait: half an hour of back-off takes no time, and the time that this machine needs is never
mistaken for time that passed.

What should happen at a moment although nobody waits for it (a schedule) is an *alarm*: it is no unit of work
until it rings, so that the skipping clock never skips on account of alarms alone, and rings them in order
at their own moments when it skips for a unit that waits.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Clock(ABC):
    """Tell the time and let units of work wait."""

    def __init__(self) -> None:
        self.lock = threading.Condition(threading.RLock())
        self._busy = 0
        self._waiting = 0

    @abstractmethod
    def now(self) -> datetime:
        """Return the current time, in UTC."""

    @abstractmethod
    def signal(self) -> Signal:
        """Return something for units of work to wait for."""

    @abstractmethod
    def alarm(self, at: datetime, work: Callable[[], object]) -> Alarm:
        """Begin a unit of work at a moment, without letting anybody wait for it.

        Parameters
        ----------
        at : datetime
            The moment, with its zone; one that has passed rings at once.
        work : callable
            What to do; what it returns is dropped.
        """

    @abstractmethod
    def advance(self, seconds: float) -> None:
        """Go on to a later time at once; for a moment in which nothing happens."""

    def sleep(self, seconds: float) -> None:
        """Let the calling unit of work wait.

        Parameters
        ----------
        seconds : float
            How long, in seconds of this clock; zero and less return at once.
        """
        if seconds > 0:
            self.signal().wait(seconds)

    def timestamp(self) -> float:
        """Return the current time, in seconds since 1970-01-01 UTC."""
        return self.now().timestamp()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count the calling thread as a unit of work for as long as the block runs."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    def begin(self) -> None:
        """Count one unit of work more, busy from now on."""
        with self.lock:
            self._busy += 1

    def end(self) -> None:
        """Count one busy unit of work less."""
        with self.lock:
            self._busy -= 1
            self._moved()

    def pause(self) -> None:
        """Count the calling unit of work as waiting."""
        with self.lock:
            self._busy -= 1
            self._waiting += 1
            self._moved()

    def resume(self) -> None:
        """Count a waiting unit of work as busy again."""
        with self.lock:
            self._waiting -= 1
            self._busy += 1

    def spawn(self, work: Callable[..., object], *arguments: Any, after: float = 0.0) -> None:
        """Start a unit of work in a thread of its own.

        Parameters
        ----------
        work : callable
            What to do; what it returns is dropped.
        *arguments
            What to do it with.
        after : float
            Seconds of this clock to wait before.
        """

        def run() -> None:
            try:
                self.sleep(after)
                work(*arguments)
            finally:
                self.end()

        self.begin()
        threading.Thread(target=run, name=getattr(work, "__qualname__", "work"), daemon=True).start()

    def settle(self, timeout: float = 60.0) -> None:
        """Return when no unit of work is left, busy or waiting.

        Parameters
        ----------
        timeout : float
            Seconds of real time after which to give up.

        Raises
        ------
        TimeoutError
            If units of work are still there after `timeout`.
        """
        with self.lock:
            if not self.lock.wait_for(lambda: not self._busy and not self._waiting, timeout):
                message = f"after {timeout:g} s {self._busy} units are busy and {self._waiting} wait"
                raise TimeoutError(message)

    def _moved(self) -> None:
        """Tell those who watch that a unit has ended or gone to wait (lock held)."""
        self.lock.notify_all()


class Alarm(ABC):
    """Something that will be done at a moment, unless it is cancelled before."""

    @abstractmethod
    def cancel(self) -> None:
        """Let it not happen; no effect once it has rung."""


class Signal(ABC):
    """What units of work wait for until another one sets it: `threading.Event`, on a clock.

    A unit that waits is not busy, and whoever sets the signal makes it busy before going on: the
    skipping clock never mistakes the moment between the two for idleness.
    """

    @abstractmethod
    def wait(self, timeout: float | None = None) -> bool:
        """Let the calling unit wait until the signal is set, at most `timeout` seconds of the clock.

        Returns
        -------
        bool
            Whether the signal came in time.
        """

    @abstractmethod
    def set(self) -> None:
        """Wake every unit that waits, and let no other wait from now on."""

    @abstractmethod
    def clear(self) -> None:
        """Let units wait again."""

    @abstractmethod
    def is_set(self) -> bool:
        """Return whether the signal is set."""


class WallClock(Clock):
    """The machine's own time, or later by what it was advanced."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the current time, in UTC."""
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        """Go on to a later time at once; who waits already waits as long as it would have."""
        self._ahead += timedelta(seconds=seconds)

    def signal(self) -> Signal:
        """Return something for units of work to wait for."""
        return _WallSignal(self)

    def alarm(self, at: datetime, work: Callable[[], object]) -> Alarm:
        """Begin a unit of work at a moment, without letting anybody wait for it."""
        return _WallAlarm(max(0.0, (at - self.now()).total_seconds()), partial(self.spawn, work))


class _WallAlarm(Alarm):
    def __init__(self, seconds: float, ring: Callable[[], None]) -> None:
        self._timer = threading.Timer(seconds, ring)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()


class _WallSignal(Signal):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._event = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.pause()
        try:
            return self._event.wait(timeout)
        finally:
            self._clock.resume()

    def set(self) -> None:
        self._event.set()

    def clear(self) -> None:
        self._event.clear()

    def is_set(self) -> bool:
        return self._event.is_set()


class SkippingClock(Clock):
    """A clock that stands still while any unit is busy and skips the time in which all wait.

    Parameters
    ----------
    start : datetime
        The time, with its zone, at which the clock begins; by default the real one, in whole seconds.
    """

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__()
        self._start = start or datetime.now(UTC).replace(microsecond=0)
        self._elapsed = 0.0
        self._timers: list[tuple[float, int, _Waiter]] = []
        self._alarms: list[tuple[float, int, _SkippingAlarm]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        """Return the current time, in UTC."""
        return (self._start + timedelta(seconds=self._elapsed)).astimezone(UTC)

    def advance(self, seconds: float) -> None:
        """Go on to a later time; what happens until then happens."""
        with self.working():
            self.sleep(seconds)

    def signal(self) -> Signal:
        """Return something for units of work to wait for."""
        return _SkippingSignal(self)

    def alarm(self, at: datetime, work: Callable[[], object]) -> Alarm:
        """Begin a unit of work at a moment, without letting anybody wait for it."""
        alarm = _SkippingAlarm(work)
        with self.lock:
            due = (at - self._start).total_seconds()
            if due <= self._elapsed:
                self.spawn(work)
            else:
                heapq.heappush(self._alarms, (due, next(self._order), alarm))
        return alarm

    def waiter(self, timeout: float | None) -> _Waiter:
        """Make the calling unit a waiting one (lock held); after `timeout` seconds it is woken."""
        if self._busy < 1:
            raise RuntimeError("only a unit of work can wait on the skipping clock")
        waiter = _Waiter(self)
        if timeout is not None:
            due = self._elapsed + max(timeout, 0.0)
            heapq.heappush(self._timers, (due, next(self._order), waiter))
        self.pause()
        return waiter

    def _moved(self) -> None:
        while not self._busy and self._timers:
            due, _, waiter = self._timers[0]
            if waiter.awake.is_set():
                heapq.heappop(self._timers)
            elif not self._ring(due):
                heapq.heappop(self._timers)
                self._elapsed = due
                waiter.wake()
        super()._moved()

    def _ring(self, until: float) -> bool:
        """Ring the next alarm that comes not after `until`, if there is one (lock held)."""
        while self._alarms and self._alarms[0][0] <= until:
            due, _, alarm = heapq.heappop(self._alarms)
            if not alarm.cancelled:
                self._elapsed = due
                self.spawn(alarm.work)
                return True
        return False


class _SkippingAlarm(Alarm):
    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class _Waiter:
    """One wait of one unit on the skipping clock; the clock's lock guards it."""

    __slots__ = ("_clock", "awake", "signalled")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.awake = threading.Event()
        self.signalled = False

    def wake(self) -> None:
        self._clock.resume()
        self.awake.set()


class _SkippingSignal(Signal):
    def __init__(self, clock: SkippingClock) -> None:
        self._clock = clock
        self._set = False
        self._waiters: list[_Waiter] = []

    def wait(self, timeout: float | None = None) -> bool:
        with self._clock.lock:
            if self._set:
                return True
            waiter = self._clock.waiter(timeout)
            self._waiters.append(waiter)
        waiter.awake.wait()
        return waiter.signalled

    def set(self) -> None:
        with self._clock.lock:
            self._set = True
            for waiter in self._waiters:
                if not waiter.awake.is_set():
                    waiter.signalled = True
                    waiter.wake()
            self._waiters.clear()

    def clear(self) -> None:
        with self._clock.lock:
            self._set = False

    def is_set(self) -> bool:
        return self._set

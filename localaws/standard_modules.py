"""Stand-ins for `threading`, `time` and `datetime` that keep a clock's time and count its units of work.

moto's Step Functions interpreter is written against these three modules. Where it finds the stand-ins
instead, its threads are units of work, its events are the clock's signals, and its own code stays.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timezone
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from localaws.clock import Clock


class UnitThread(threading.Thread):
    """A thread that is a unit of work of a clock, and is joined on that clock.

    Parameters
    ----------
    clock : Clock
        The clock.
    target : callable
        What the thread does.
    args : iterable
        What it does it with.
    name : str
        The thread's name.
    daemon : bool
        Accepted for the sake of the standard class; the thread never keeps the program alive.
    """

    def __init__(
        self,
        clock: Clock,
        target: Callable[..., None],
        args: Iterable[Any] = (),
        name: str | None = None,
        *,
        daemon: bool = True,
    ) -> None:
        super().__init__(target=target, args=args, name=name, daemon=daemon or True)
        self._clock = clock
        self._over = clock.signal()

    def start(self) -> None:
        """Start the thread; the unit of work begins before this returns."""
        self._clock.begin()
        super().start()

    def run(self) -> None:
        """Do the work and end the unit, however it ends."""
        try:
            super().run()
        finally:
            self._over.set()
            self._clock.end()

    def join(self, timeout: float | None = None) -> None:
        """Let the calling unit wait for the end, at most `timeout` seconds of the clock."""
        self._over.wait(timeout)

    def is_alive(self) -> bool:
        """Return whether the work goes on."""
        return not self._over.is_set()


class UtcTime(datetime):
    """A time that writes itself as AWS does: UTC, milliseconds, `Z`."""

    def isoformat(self, sep: str = "T", timespec: str = "milliseconds") -> str:
        """Return such as `2026-11-22T09:00:00.000Z`."""
        return super().isoformat(sep, timespec).replace("+00:00", "Z")


def threading_on(clock: Clock) -> SimpleNamespace:
    """Return `threading` with threads and events of `clock`."""
    return SimpleNamespace(
        Thread=partial(UnitThread, clock), Event=clock.signal, Lock=threading.Lock, RLock=threading.RLock
    )


def time_on(clock: Clock) -> SimpleNamespace:
    """Return `time` with the time of `clock`."""
    return SimpleNamespace(sleep=clock.sleep, time=clock.timestamp)


def datetime_on(clock: Clock) -> SimpleNamespace:
    """Return `datetime` with the time of `clock`."""

    def now(tz: timezone | None = None) -> UtcTime:
        moment = clock.now()
        return UtcTime.combine(moment.date(), moment.timetz() if tz else moment.time())

    kind = SimpleNamespace(now=now, strptime=datetime.strptime)
    return SimpleNamespace(datetime=kind, timezone=SimpleNamespace(utc=UTC))

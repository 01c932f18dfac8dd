"""Asking again while Organizations has had too many requests."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from holdfast.errors import OrganizationsThrottledError

ATTEMPTS = 40
PACE = 0.2
"""Seconds between two attempts, varied by a tenth: about eight seconds in all.

A rate goes to whoever asks often. Why this pace, and why only a few functions may keep it at a time:
docs/architecture.md, "Speed".
"""

PATIENCE = 15.0
"""Seconds after which no further attempt begins, however slow the answers are; the functions have 30."""

T = TypeVar("T")


def ask_again(ask: Callable[[], T]) -> T:
    """Return what `ask` returns, asking again as long as the only answer is that there are too many requests.

    Raises
    ------
    OrganizationsThrottledError
        If no attempt got through: the state machine goes on.
    """
    gives_up = time.monotonic() + PATIENCE
    for _ in range(ATTEMPTS - 1):
        try:
            return ask()
        except OrganizationsThrottledError:
            if time.monotonic() > gives_up:
                raise
            _wait_a_moment()
    return ask()


def ask_until(ask: Callable[[], T], moment: float) -> T:
    """Return what `ask` returns, asking again at the same pace until a moment.

    Parameters
    ----------
    ask : callable
        What to ask.
    moment : float
        The time, by `time.monotonic`, from which on no further attempt begins.

    Raises
    ------
    OrganizationsThrottledError
        If no attempt got through.
    """
    while True:
        try:
            return ask()
        except OrganizationsThrottledError:
            if time.monotonic() >= moment:
                raise
            _wait_a_moment()


def _wait_a_moment() -> None:
    time.sleep(PACE * random.uniform(0.9, 1.1))  # noqa: S311 - jitter, not a secret

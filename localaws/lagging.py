"""What readers see of a thing while its last changes have not reached them yet.

Source: "Changes that I make aren't always immediately visible" in the AWS Organizations user guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from localaws.clock import Clock

Value = TypeVar("Value")


class Lagging(Generic[Value]):
    """Remember what things were, for as long as readers still see that.

    Parameters
    ----------
    clock : Clock
        Tells when a change becomes visible.

    Attributes
    ----------
    lag : float
        Seconds until a change that is made from now on becomes visible.
    """

    def __init__(self, clock: Clock) -> None:
        self.lag = 0.0
        self._clock = clock
        self._before: dict[str, list[tuple[float, Value]]] = {}

    def change(self, name: str, before: Value) -> None:
        """Note what a thing was just before it changed."""
        if self.lag > 0:
            self._before.setdefault(name, []).append((self._clock.timestamp() + self.lag, before))

    def seen(self, name: str, now: Value) -> Value:
        """Return what a reader sees of a thing: what it is now, or what it was before unseen changes."""
        unseen = [(at, value) for at, value in self._before.get(name, []) if at > self._clock.timestamp()]
        if not unseen:
            self._before.pop(name, None)
            return now
        self._before[name] = unseen
        return unseen[0][1]

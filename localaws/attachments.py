"""Which policy is attached to what, and how late readers see it.

Organizations is eventually consistent and caches, without a stated bound. Source: "Changes that I make
aren't always immediately visible" in the AWS Organizations user guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localaws.clock import Clock


@dataclass(frozen=True, slots=True)
class _Change:
    policy: Any
    target: Any
    attached: bool
    visible_at: float


class Attachments:
    """Change the attachments in moto's state, and read them as late as asked.

    Parameters
    ----------
    clock : Clock
        Tells when a change becomes visible.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lags = {True: 0.0, False: 0.0}
        self._unseen: dict[tuple[str, str], list[_Change]] = {}

    def lag(self, attach: float, detach: float) -> None:
        """Let readers see the changes made from now on only that many seconds after they were made."""
        self._lags = {True: attach, False: detach}

    def attach(self, policy: Any, target: Any) -> None:
        """Attach a policy; the caller has made sure that it may."""
        target.attached_policies.append(policy)
        policy.attachments.append(target)
        self._note(policy, target, attached=True)

    def detach(self, policy: Any, target: Any) -> None:
        """Detach an attached policy."""
        target.attached_policies.remove(policy)
        policy.attachments.remove(target)
        self._note(policy, target, attached=False)

    def policies_of(self, target: Any) -> list[Any]:
        """Return the policies that a reader sees attached to `target`."""
        seen = [(change.policy, shown) for change, shown in self._as_read() if change.target is target]
        return _overlaid(target.attached_policies, seen)

    def targets_of(self, policy: Any) -> list[Any]:
        """Return the targets to which a reader sees `policy` attached."""
        seen = [(change.target, shown) for change, shown in self._as_read() if change.policy is policy]
        return _overlaid(policy.attachments, seen)

    def _note(self, policy: Any, target: Any, *, attached: bool) -> None:
        pair = (policy.id, target.id)
        lag = self._lags[attached]
        if lag > 0 or pair in self._unseen:
            change = _Change(policy, target, attached, self._clock.timestamp() + lag)
            self._unseen.setdefault(pair, []).append(change)

    def _as_read(self) -> list[tuple[_Change, bool]]:
        """Return, for every pair with an unseen change, that change and whether readers see it attached."""
        now = self._clock.timestamp()
        self._unseen = {
            pair: changes for pair, changes in self._unseen.items() if changes[-1].visible_at > now
        }
        return [(changes[-1], _shown(changes, now)) for changes in self._unseen.values()]


def _shown(changes: list[_Change], now: float) -> bool:
    visible = [change for change in changes if change.visible_at <= now]
    return visible[-1].attached if visible else not changes[0].attached


def _overlaid(real: list[Any], seen: list[tuple[Any, bool]]) -> list[Any]:
    hidden = {thing.id for thing, shown in seen if not shown}
    lingering = [thing for thing, shown in seen if shown and thing not in real]
    return [thing for thing in real if thing.id not in hidden] + lingering

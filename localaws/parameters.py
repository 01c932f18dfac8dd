"""Systems Manager's parameters on the clock: when they were modified is the clock's time.

Parameters live in moto, which takes the machine's time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.moto_names import ReplacedNames, by_value

if TYPE_CHECKING:
    from localaws.clock import Clock
    from localaws.moto_names import Table


class Parameters:
    """moto's parameters on a clock.

    Parameters
    ----------
    clock : Clock
        Tells when a parameter is modified.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._names = ReplacedNames()

    def install(self) -> None:
        """Replace moto's names.

        Raises
        ------
        LookupError
            If moto lacks a name: it is not the version that this module was written for.
        """
        self._names.replace(self.replacements())

    def uninstall(self) -> None:
        """Put moto's names back."""
        self._names.put_back()

    def replacements(self) -> Table:
        """Return what takes the place of which name."""
        return {("ssm.models", "utcnow"): by_value(lambda: self._clock.now().replace(tzinfo=None))}

"""What letters are written with: what the function that writes them knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from holdfast.baseline import Baseline
from holdfast.exemption import Parameter


@dataclass(frozen=True, slots=True)
class Desk:
    """What letters are written with.

    Parameters
    ----------
    organization : str
        The organization's id.
    region : str or None
        Where Holdfast runs.
    remediates : bool
        Whether Holdfast puts back what is detached.
    baseline : Baseline or None
        The baseline; None if it cannot be used.
    read_exemptions : callable
        Reads parameters of exemptions by name; None if they cannot be read now.
    """

    organization: str
    region: str | None
    remediates: bool
    baseline: Baseline | None
    read_exemptions: Callable[[Sequence[str]], tuple[Parameter, ...] | None]

"""Names inside moto that are replaced, and put back.

moto is pinned, and a name that is gone fails loudly.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Table = Mapping[tuple[str, str], Callable[[Any], Any]]
    """From a module below `moto` and a name in it, to a function that makes the replacement from the
    original."""


class ReplacedNames:
    """What has been replaced, until it is put back."""

    def __init__(self) -> None:
        self._originals: list[tuple[Any, str, Any]] = []

    def replace(self, table: Table) -> None:
        """Replace all names of a table, or none.

        Raises
        ------
        LookupError
            If moto lacks a name: it is not the version that the table was written for.
        """
        found = {place: find(*place) for place in table}
        for place, make in table.items():
            owner, name, original = found[place]
            self._originals.append(found[place])
            setattr(owner, name, make(original))

    def put_back(self) -> None:
        """Give every name its original value."""
        for owner, name, original in reversed(self._originals):
            setattr(owner, name, original)
        self._originals.clear()


def find(module: str, name: str) -> tuple[Any, str, Any]:
    """Return where moto holds a name: its owner, its last part and its value.

    Parameters
    ----------
    module : str
        The module, below `moto`.
    name : str
        The name, such as `Program.eval`.

    Raises
    ------
    LookupError
        If it is not there.
    """
    try:
        owner: Any = importlib.import_module(f"moto.{module}")
        *path, last = name.split(".")
        for part in path:
            owner = vars(owner)[part]
        return owner, last, vars(owner)[last]
    except (ImportError, KeyError) as error:
        message = f"this moto has no {name} in moto.{module}: another version is needed"
        raise LookupError(message) from error


def by_value(replacement: Any) -> Callable[[Any], Any]:
    """Let a value stand in, whatever the original was."""
    return lambda _: replacement


def by_method(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """Let a function stand in for a method: it gets the object first."""

    # Python binds a plain function to the object that it is looked up on, but not a bound method.
    def method(itself: Any, *values: Any, **named: Any) -> Any:
        return function(itself, *values, **named)

    return by_value(method)


def around(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """Let a function stand in for a method: it gets the original method first, and then the object."""
    return lambda original: lambda itself, *values, **named: function(original, itself, *values, **named)

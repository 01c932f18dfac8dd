"""HTML, built from elements: a text is escaped wherever it stands, for there is no other way in."""

from __future__ import annotations

from html import escape

from holdfast_cli.screen import safe

_VOID = {"br", "meta", "wbr"}


class Markup(str):
    """HTML of our own making."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: str | float) -> Markup:
    """Return an element.

    Parameters
    ----------
    name : str
        Its name.
    *children : str
        What is in it: markup as it is, any other text escaped.
    **attributes
        Its attributes; `_` in a name stands for `-`, and at its end for nothing (`class_`).
    """
    given = "".join(f' {_name(key)}="{_text(str(value))}"' for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    """Return markup and texts, one behind the other."""
    return Markup("".join(child if isinstance(child, Markup) else _text(child) for child in children))


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _text(text: str) -> str:
    """Return a text in which nothing is markup, and nothing is invisible or turns the reading direction."""
    return escape(safe(text), quote=True)

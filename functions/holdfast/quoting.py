"""Words from outside, made harmless: the one way for them into a text that people read."""

from __future__ import annotations

import re
import unicodedata
from enum import Enum

LIMIT = 160
"""Characters that a quoted word may have."""


class Medium(Enum):
    """Where a text is read."""

    MAIL = "mail"
    CHAT = "chat"


# Chat clients act on these: mentions, links, emphasis, code, quotes, lists, headings, channels, emoji.
_CHAT_MARKUP = str.maketrans(
    {character: chr(ord(character) + 0xFEE0) for character in "@<>*_~`[](){}|#&!\\:"}
)
# Letters and marks without a shape, which no category tells. Source: Unicode's Default_Ignorable_Code_Point,
# and the blank Braille pattern.
_SHAPELESS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Mail clients make links of what looks like a host, with any of the dots that host names know (IDNA), or
# like a path on one. A dot between two digits is an address's or a version's.
_LINKABLE_DOT = re.compile(r"(?!(?<=[0-9]).[0-9])[.\u3002\uff0e\uff61](?=\S)")
_DOUBLE_SLASH = re.compile(r"(?<=[/\\])(?=[/\\])")


def quoted(word: object, medium: Medium = Medium.MAIL, limit: int = LIMIT) -> str:
    """Return an outside word as one quoted line that no reader and no program can mistake for ours.

    Parameters
    ----------
    word : object
        Anything; `str` of it is quoted.
    medium : Medium
        Where it will be read.
    limit : int
        Characters that are kept; more are replaced by an ellipsis.

    Returns
    -------
    str
        One line in quotation marks, without control, bidirectional, invisible or private characters,
        without quotation marks of its own, without anything that becomes a link or, in chat, markup.
    """
    text = str(word)
    visible = "".join(_visible(character) for character in _SHAPELESS.sub("", text[: 4 * limit]))
    line = " ".join(visible.split())
    if len(line) > limit or len(text) > 4 * limit:
        line = line[:limit] + "…"
    return f"“{_defused(line, medium)}”"


def _visible(character: str) -> str:
    """Keep a character if it has a shape of its own; white space of any kind becomes a space."""
    if character.isspace():
        return " "
    if unicodedata.category(character)[0] == "C":
        return ""
    return "'" if "QUOTATION MARK" in unicodedata.name(character, "") else character


def _defused(line: str, medium: Medium) -> str:
    unlinked = _LINKABLE_DOT.sub("\N{ONE DOT LEADER}", _DOUBLE_SLASH.sub(" ", line))
    return unlinked.translate(_CHAT_MARKUP) if medium is Medium.CHAT else unlinked

"""Sentences of ours with words from outside in them, which are quoted where it is known who reads them."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.quoting import LIMIT, Medium, quoted


@dataclass(frozen=True, slots=True)
class Outside:
    """A word from outside.

    Parameters
    ----------
    word : str
        The word as it came.
    limit : int
        Characters of it that are worth reading.
    """

    word: str
    limit: int = LIMIT


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text in one line, for any reader.

    Parameters
    ----------
    parts : tuple of str or Outside
        Our own words and ids as they are, words from outside as such.
    """

    parts: tuple[str | Outside, ...] = ()

    def spelled(self, medium: Medium) -> str:
        """Return the text for a medium, every word from outside quoted."""
        return "".join(
            quoted(part.word, medium, part.limit) if isinstance(part, Outside) else part
            for part in self.parts
        )

    def __bool__(self) -> bool:
        return bool(self.parts)


def say(*parts: str | Outside | Sentence) -> Sentence:
    """Return the sentence that the parts make; parts that say nothing may be among them."""
    flat: list[str | Outside] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Sentence) else (part,))
    return Sentence(tuple(part for part in flat if part != ""))


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 policy`, `6,000 attachments`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"

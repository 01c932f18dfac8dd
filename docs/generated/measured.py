"""The measured figures, read where they stand: in the tables of docs/architecture.md."""

from __future__ import annotations

from docs.generated.sources import ROOT

ARCHITECTURE = ROOT / "docs" / "architecture.md"

TIMES = "\N{MULTIPLICATION SIGN}"
SIZES = f"guardrails {TIMES} targets"
"""The first column of the table of clean runs."""


def rows(first_column: str) -> list[dict[str, str]]:
    """Return the rows of the table whose first column has that heading, by column.

    Parameters
    ----------
    first_column : str
        The heading.

    Raises
    ------
    LookupError
        If no table, or more than one, begins with that column.
    """
    paragraphs = ARCHITECTURE.read_text(encoding="utf-8").split("\n\n")
    tables = [text.splitlines() for text in paragraphs if text.startswith(f"| {first_column} |")]
    if len(tables) != 1:
        raise LookupError(f"{ARCHITECTURE.name} has {len(tables)} tables that begin with {first_column!r}")
    header, _, *lines = tables[0]
    return [dict(zip(_cells(header), _cells(line), strict=True)) for line in lines]


def number(cell: str) -> float:
    """Return a cell's number: `1,000 (1 seed)` is 1000."""
    return float(cell.partition(" ")[0].replace(",", ""))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split("|")]

"""The text of `baseline.toml`: written once, and from then on edited in place, for people own it."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tomlkit

from holdfast.attachment import PolicyType
from holdfast.baseline import FILE_NAME
from holdfast.errors import BaselineError

_PREAMBLE = """\
# What must be attached where. Written by `make snapshot`; review it, commit it, deploy it. The next snapshot
# keeps your comments and your order.
#
# targets = "any" protects a policy wherever it is attached. A sanctioned principal's detaches are reported
# and not reverted:
#
#   [[sanctioned_principal]]
#   role = "arn:aws:iam::111122223333:role/guardrail-pipeline"
#   id   = "AROA…"    # optional: a role made again under the same name is another role
#
# A [[rival_principal]] has the same keys. In a fight with it, and only with it, the fast path yields for an
# hour; list one for the time of a move only (docs/coexistence.md).
"""
_HEADER = re.compile(r"\s*\[\[?\s*([\w-]+)\s*\]\]?\s*(#.*)?")
_TABLE = re.compile(r"^\s*\[\[\s*guardrail\s*\]\]", re.MULTILINE)
_LINES = re.compile(r".*\n|.+")


@dataclass(frozen=True, slots=True)
class Entry:
    """A guardrail as the file says it.

    Parameters
    ----------
    policy_id : str
        The policy's id.
    name : str
        Its name.
    policy_type : PolicyType
        Its type.
    targets : tuple of str, or None
        The targets' ids; None for `"any"`.
    document : str
        The path of its text below the baseline's folder.
    description : str or None
        Its description; None where the file shall not say.
    """

    policy_id: str
    name: str
    policy_type: PolicyType
    targets: tuple[str, ...] | None
    document: str
    description: str | None = None


def new_text(organization: str, entries: Sequence[Entry]) -> str:
    """Return the file of an organization that has none yet."""
    tables = [f"organization = {_toml(organization)}\n", *map(_table, entries)]
    return "\n".join([_PREAMBLE, *tables])


def documents_in(text: str) -> dict[str, str]:
    """Return the path of each guardrail's document by the policy's id; the text has been checked."""
    return {entry["policy"]: entry["document"] for entry in tomllib.loads(text).get("guardrail", [])}


def edited_text(text: str, kept: Mapping[str, Entry], added: Sequence[Entry]) -> str:
    """Return the file with other guardrails; all that need not change stays as people wrote it.

    Parameters
    ----------
    text : str
        The file as it is.
    kept : mapping
        What each guardrail becomes, by the policy id that the file names; a guardrail that is not in it is
        taken out, with the comment right above it.
    added : sequence of Entry
        Guardrails that follow the last one.

    Raises
    ------
    BaselineError
        If the file is written in a way that cannot be edited part by part.
    """
    parts = _parts(text)
    texts = [_rewritten(part, kept) for part in parts]
    if not added and texts == [part.text for part in parts]:
        return text
    last = max(index for index, part in enumerate(parts) if part.policy_id)
    texts[last + 1 : last + 1] = map(_table, added)
    return _joined(texts)


@dataclass(frozen=True, slots=True)
class _Part:
    """The file from one table's comment to the next one's."""

    text: str
    policy_id: str | None


def _parts(text: str) -> list[_Part]:
    """Cut the file before the comment that stands right above each table."""
    lines = _LINES.findall(text)
    cuts = [0]
    for index, line in enumerate(lines):
        if _HEADER.fullmatch(line.rstrip()):
            while index > cuts[-1] and lines[index - 1].lstrip().startswith("#"):
                index -= 1  # noqa: PLW2901 - the cut is above the comment
            cuts.append(index)
    pieces = ["".join(lines[begin:end]) for begin, end in zip(cuts, [*cuts[1:], None], strict=True)]
    parts = [_Part(piece, _policy_in(piece)) for piece in pieces]
    if any(part.policy_id and not _TABLE.search(part.text) for part in parts):
        raise _not_editable()
    if [part.policy_id for part in parts if part.policy_id] != list(documents_in(text)):
        raise _not_editable()
    return parts


def _policy_in(piece: str) -> str | None:
    try:
        guardrails = tomllib.loads(piece).get("guardrail", [])
        return str(guardrails[0]["policy"]) if guardrails else None
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise _not_editable() from error


def _not_editable() -> BaselineError:
    return BaselineError(
        f"{FILE_NAME} cannot be edited in place: write each guardrail as a [[guardrail]] table"
    )


def _rewritten(part: _Part, kept: Mapping[str, Entry]) -> str:
    if part.policy_id is None:
        return part.text
    if part.policy_id in kept:
        return _edited(part.text, kept[part.policy_id])
    return _comments_behind(part.text)


def _edited(part: str, entry: Entry) -> str:
    document: Any = tomlkit.parse(part)
    (table,) = document["guardrail"]
    for key, value in _words(entry).items():
        if table.get(key) != value:
            table[key] = tomlkit.value(_toml(value))
    if entry.targets is not None:
        _edit_targets(table["targets"], entry.targets)
    return tomlkit.dumps(document)


def _edit_targets(listed: Any, targets: tuple[str, ...]) -> None:
    """Take out what is lost, and put what is new behind what stays."""
    before = list(listed)
    for target in targets:
        if target not in before:
            listed.append(target)
    for target in before:
        if target not in targets:
            listed.remove(target)


def _comments_behind(part: str) -> str:
    """Return what stands behind a table's last key, if people have written something there."""
    lines = _LINES.findall(part)
    begin = len(lines)
    while begin and (lines[begin - 1].isspace() or lines[begin - 1].lstrip().startswith("#")):
        begin -= 1
    # Up to the first empty line it is about the table itself.
    while begin < len(lines) and not lines[begin].isspace():
        begin += 1
    behind = "".join(lines[begin:]).lstrip("\r\n")
    return behind if behind.strip() else ""


def _joined(texts: list[str]) -> str:
    """Put the parts together, with an empty line between two of them, as the file has it anyway."""
    parts = [text for text in texts if text]
    apart = [part if part.endswith(("\n\n", "\r\n\r\n")) else part.rstrip("\r\n") + "\n\n" for part in parts]
    return "".join(apart).rstrip("\r\n") + "\n"


def _table(entry: Entry) -> str:
    targets = '"any"' if entry.targets is None else f"[{', '.join(map(_toml, entry.targets))}]"
    words = _words(entry)
    values = {
        "policy": _toml(words.pop("policy")),
        "name": _toml(words.pop("name")),
        "type": _toml(entry.policy_type.value),
        "targets": targets,
        **{key: _toml(value) for key, value in words.items()},
    }
    width = max(map(len, values))
    return "\n".join(["[[guardrail]]", *(f"{key:{width}} = {value}" for key, value in values.items()), ""])


def _words(entry: Entry) -> dict[str, str]:
    """Return the keys whose values are one string each, and may change."""
    words = {"policy": entry.policy_id, "name": entry.name, "document": entry.document}
    return words if entry.description is None else {**words, "description": entry.description}


def _toml(text: str) -> str:
    """Spell a TOML basic string in which every character shows: a reviewer reads what is compared."""
    return f'"{"".join(map(_character, text))}"'


def _character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    # "Other" in Unicode's categories: control, bidirectional and invisible characters among them.
    if unicodedata.category(character)[0] == "C" or character in "\u2028\u2029":
        return f"\\U{ord(character):08X}"
    return character

"""Input transformers: what a target gets instead of the event.

Sources: the EventBridge user guide, "Amazon EventBridge input transformation" (eb-transform-target-input),
`InputTransformer` of the EventBridge API reference, and the answers of the real service that LocalStack
keeps in `tests/aws/services/events/test_events_inputs.snapshot.json`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MAX_PATHS = 100
MAX_TEMPLATE_LENGTH = 8192

_STEP = re.compile(r"\.(?P<name>[^.\[\]*]+)|\.(?P<all>\*)|\[(?P<index>\d+|\*)\]")
_TOKEN = re.compile(r'\\.|"|<(?P<name>[A-Za-z0-9_.\-]+)>', re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9_\-]+")
_RESERVED = frozenset(
    {
        "aws.events.rule-arn",
        "aws.events.rule-name",
        "aws.events.event",
        "aws.events.event.json",
        "aws.events.event.ingestion-time",
    }
)
_EVERY = "*"
_MISSING = object()


class TransformError(ValueError):
    """A transformer that EventBridge would refuse, or a result that no target can read."""


@dataclass(frozen=True, slots=True)
class Path:
    """A JSON path in the subset that EventBridge reads: `$`, names after dots, indices and wildcards.

    Parameters
    ----------
    steps : tuple
        Names, indices and `*`, from the root down.
    """

    steps: tuple[str | int, ...]

    @classmethod
    def parse(cls, text: str) -> Path:
        """Read a path such as `$.detail.resources[0].id`.

        Raises
        ------
        TransformError
            If it does not begin with `$` or leaves the subset.
        """
        if not text.startswith("$"):
            message = f"a path begins with $, not {text!r}"
            raise TransformError(message)
        steps: list[str | int] = []
        place = 1
        while place < len(text):
            found = _STEP.match(text, place)
            if found is None:
                message = f"unsupported path {text!r}"
                raise TransformError(message)
            index = found["index"]
            steps.append(int(index) if index and index != _EVERY else found["name"] or _EVERY)
            place = found.end()
        return cls(tuple(steps))

    def select(self, document: Any) -> Any:
        """Return the value at the path.

        Parameters
        ----------
        document : JSON value
            Where to look.

        Returns
        -------
        JSON value
            The value, or for a path with a wildcard the list of all values.

        Raises
        ------
        KeyError
            If there is none.
        """
        found = [document]
        for step in self.steps:
            found = [below for value in found for below in _below(value, step)]
        if _EVERY in self.steps:
            return found
        if not found:
            raise KeyError(self)
        return found[0]


def _below(value: Any, step: str | int) -> list[Any]:
    if step == _EVERY:
        if isinstance(value, dict):
            return list(value.values())
        return value if isinstance(value, list) else []
    if isinstance(step, int):
        return value[step : step + 1] if isinstance(value, list) else []
    return [value[step]] if isinstance(value, dict) and step in value else []


@dataclass(frozen=True, slots=True)
class InputTransformer:
    """A transformer, read and checked.

    Parameters
    ----------
    paths : mapping
        Where the value of each placeholder lies in the event.
    template : str
        The text with its placeholders.
    """

    paths: Mapping[str, Path]
    template: str

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> InputTransformer:
        """Read the `InputTransformer` of a target.

        Parameters
        ----------
        document : mapping
            `InputPathsMap` (at most 100 paths) and `InputTemplate` (1 to 8,192 characters).

        Returns
        -------
        InputTransformer
            The transformer.

        Raises
        ------
        TransformError
            If a limit is passed, a path is not readable, or nobody defines a placeholder of the template.
        """
        named = document.get("InputPathsMap") or {}
        template = document.get("InputTemplate") or ""
        if len(named) > MAX_PATHS:
            message = f"InputPathsMap has {len(named)} paths, and {MAX_PATHS} are the most"
            raise TransformError(message)
        if not 1 <= len(template) <= MAX_TEMPLATE_LENGTH:
            message = f"InputTemplate has {len(template)} characters, not 1 to {MAX_TEMPLATE_LENGTH}"
            raise TransformError(message)
        for name in named:
            # A reserved name holds dots, so the pattern refuses it too.
            if not _NAME.fullmatch(name):
                message = f"InputPathsMap contains invalid name {name!r}"
                raise TransformError(message)
        for found in _TOKEN.finditer(template):
            if found["name"] and found["name"] not in named and found["name"] not in _RESERVED:
                message = f"InputTemplate contains invalid placeholder {found['name']}"
                raise TransformError(message)
        return cls({name: Path.parse(path) for name, path in named.items()}, template)

    def apply(self, event: Mapping[str, Any], *, rule_arn: str, rule_name: str, ingested_at: datetime) -> str:
        """Return what the target gets.

        Between quotes a value goes in as it is, and outside of them a string gets quotes; nothing is
        escaped, so a value with a quote in it breaks the result. An object between quotes loses its own
        quotes. A value that the event lacks is empty. The quotes around the text of a template that is no
        JSON object stay, one pair a line: the real service delivers them, to mailboxes too (aws-cdk#38121).

        Parameters
        ----------
        event : mapping
            The whole event.
        rule_arn, rule_name : str
            The rule that matched it.
        ingested_at : datetime
            When the event came, in UTC.

        Returns
        -------
        str
            A JSON document, or lines that are each a JSON string.

        Raises
        ------
        TransformError
            If the result is neither. For the lines no page says so: it is the worst that can happen to a
            notification, and therefore what should show here.
        """
        values = {name: _value_at(path, event) for name, path in self.paths.items()}
        # The real service spells this one key in camel case, as recorded by LocalStack.
        envelope = {"detailType" if key == "detail-type" else key: value for key, value in event.items()}
        envelope.pop("detail", None)
        values |= {
            "aws.events.rule-arn": rule_arn,
            "aws.events.rule-name": rule_name,
            "aws.events.event": envelope,
            "aws.events.event.json": dict(event),
            "aws.events.event.ingestion-time": ingested_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return _checked(_filled(self.template, values))


def _value_at(path: Path, event: Mapping[str, Any]) -> Any:
    try:
        return path.select(event)
    except KeyError:
        return _MISSING


def _filled(template: str, values: Mapping[str, Any]) -> str:
    pieces = []
    quoted = False
    end = 0
    for found in _TOKEN.finditer(template):
        pieces.append(template[end : found.start()])
        end = found.end()
        if found["name"]:
            text = _inside(values[found["name"]])
            bare = isinstance(values[found["name"]], str) or values[found["name"]] is _MISSING
            pieces.append(text if quoted else f'"{text}"' if bare else _compact(values[found["name"]]))
        else:
            pieces.append(found[0])
            quoted ^= found[0] == '"'
    return "".join([*pieces, template[end:]])


def _inside(value: Any) -> str:
    if value is _MISSING:
        return ""
    if isinstance(value, str):
        return value
    return _compact(value).replace('"', "")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _checked(result: str) -> str:
    if not _is_json(result):
        lines = [line for line in result.split("\n") if line.strip()]
        if not lines or not all(_is_json(line) and line.strip().startswith('"') for line in lines):
            message = f"the transformed input is neither JSON nor lines of quoted text: {result[:200]}"
            raise TransformError(message)
    return result


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True

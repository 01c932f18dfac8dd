"""The text of a policy, compared by meaning of its JSON and not by its spelling."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy's JSON in one canonical spelling: sorted keys, no white space.

    Parameters
    ----------
    canonical : str
        The spelling; equal for equal JSON.
    """

    canonical: str

    @classmethod
    def parse(cls, text: str) -> PolicyDocument:
        """Return the document that `text` spells.

        Raises
        ------
        ValueError
            If the text is not JSON, names a key twice, or is nested too deeply to be read.
        """
        try:
            return cls(_spell(json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)))
        except RecursionError as error:
            raise ValueError("the policy's text is nested too deeply") from error

    def allow_statements(self) -> frozenset[str]:
        """Return the canonical spelling of every statement that is not plainly a Deny."""
        document = json.loads(self.canonical)
        statements = document.get("Statement", []) if isinstance(document, dict) else []
        listed = statements if isinstance(statements, list) else [statements]
        return frozenset(
            _spell(statement)
            for statement in listed
            if not isinstance(statement, dict) or statement.get("Effect") != "Deny"
        )

    def allows_more_than(self, declared: PolicyDocument) -> bool:
        """Return whether this text has an Allow statement that `declared` lacks."""
        return not self.allow_statements() <= declared.allow_statements()


def _spell(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse what two readers could read differently: the same key twice."""
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        repeated = sorted({key for key in keys if keys.count(key) > 1})
        message = f"the policy's text names {', '.join(repeated)} twice"
        raise ValueError(message)
    return dict(pairs)


def _no_constant(name: str) -> None:
    message = f"{name} is not JSON"
    raise ValueError(message)

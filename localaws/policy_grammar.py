"""The grammar of authorization policies, as far as AWS Organizations refuses what breaks it.

Source: "SCP syntax" and "RCP syntax" in the AWS Organizations user guide, with the full IAM
language that SCPs have taken since September 2025. The other policy types only need to be JSON objects here.
"""

from __future__ import annotations

import json
from typing import Any, Final

_AUTHORIZATION: Final = {"SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"}
_DOCUMENT: Final = {"Version", "Id", "Statement"}
_STATEMENT: Final = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
_PRINCIPALS: Final = {"SERVICE_CONTROL_POLICY": set[str](), "RESOURCE_CONTROL_POLICY": {"Principal"}}
_VERSIONS: Final = {"2012-10-17", "2008-10-17"}


def is_well_formed(kind: str, content: str) -> bool:
    """Return whether a document keeps to the grammar of its policy type.

    Parameters
    ----------
    kind : str
        The policy type.
    content : str
        The document.
    """
    try:
        document = json.loads(content)
    except ValueError:
        return False
    if not isinstance(document, dict) or kind not in _AUTHORIZATION:
        return isinstance(document, dict)
    statements = document.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    return (
        document.keys() <= _DOCUMENT
        and document.get("Version", "2012-10-17") in _VERSIONS
        and all(_is_statement(kind, one) for one in listed)
    )


def _is_statement(kind: str, statement: Any) -> bool:
    return (
        isinstance(statement, dict)
        and statement.keys() <= _STATEMENT | _PRINCIPALS[kind]
        and statement.keys() >= _PRINCIPALS[kind]
        and statement.get("Effect") in {"Allow", "Deny"}
        and _has_one_of(statement, "Action", "NotAction")
        and _has_one_of(statement, "Resource", "NotResource")
        and isinstance(statement.get("Condition", {}), dict)
    )


def _has_one_of(statement: dict[str, Any], element: str, inverse: str) -> bool:
    """Return whether one of two elements is there, as a text or a list of texts."""
    given = [statement[name] for name in (element, inverse) if name in statement]
    texts = given[0] if given and isinstance(given[0], list) else given
    return len(given) == 1 and bool(texts) and all(isinstance(text, str) and text for text in texts)

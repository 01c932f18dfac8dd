"""Pages of a list, as AWS Organizations hands them out, empty ones included."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from localaws.organization_state import invalid_input

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST_PAGE = 20
"""The greatest MaxResults, and the length of a page if none is given (source: botocore's model)."""


def page_of(
    items: Sequence[Any], key: str, parameters: Mapping[str, Any], empty_pages: int = 0
) -> dict[str, Any]:
    """Return the page of a list that a call asks for.

    Parameters
    ----------
    items : sequence
        The whole list.
    key : str
        The member of the response that holds the items.
    parameters : mapping
        The call's parameters, with MaxResults and NextToken.
    empty_pages : int
        How many empty pages with a NextToken come before each page that has items.

    Raises
    ------
    ApiError
        InvalidInputException if MaxResults or NextToken cannot be right.
    """
    size = _size(parameters.get("MaxResults"))
    token = parameters.get("NextToken")
    start, empties = _read_token(token) if token else (0, 0)
    if empties < empty_pages:
        return {key: [], "NextToken": _token(start, empties + 1)}
    end = start + size
    page: dict[str, Any] = {key: list(items[start:end])}
    if end < len(items):
        page["NextToken"] = _token(end, 0)
    return page


def _size(given: int | None) -> int:
    if given is None:
        return LONGEST_PAGE
    if given < 1:
        raise invalid_input("MIN_VALUE_EXCEEDED", "You provided a numeric parameter that is too small.")
    if given > LONGEST_PAGE:
        raise invalid_input("MAX_VALUE_EXCEEDED", "You provided a numeric parameter that is too large.")
    return given


def _token(start: int, empties: int) -> str:
    return base64.urlsafe_b64encode(f"{start}/{empties}".encode()).decode()


def _read_token(token: str) -> tuple[int, int]:
    try:
        start, _, empties = base64.urlsafe_b64decode(token).decode().partition("/")
        return int(start), int(empties)
    except (ValueError, binascii.Error) as error:
        message = "You provided a NextToken that no previous call returned."
        raise invalid_input("INVALID_NEXT_TOKEN", message) from error

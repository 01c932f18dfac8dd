"""Which operation a request of a REST protocol asks for, and with what, as botocore's model says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from botocore.session import get_session

SERVICES: Final = frozenset({"lambda", "scheduler"})
"""The services that this module reads; others of a REST protocol, such as S3, share paths."""


def rest_operation(service: str, method: str, path: str) -> str:
    """Return the name of an operation, such as `GetFunctionConfiguration`; empty if there is none.

    Parameters
    ----------
    service : str
        The signing name, one of `SERVICES`.
    method : str
        The HTTP method.
    path : str
        The path, without the query.
    """
    found = (name for verb, form, name in _forms(service) if verb == method and form.fullmatch(path))
    return next(found, "")


def rest_parameters(
    service: str, operation: str, path: str, query: Mapping[str, str], body: bytes
) -> dict[str, Any]:
    """Return what a request asks for: the members in its path, its query and its body.

    Parameters
    ----------
    service, operation : str
        The signing name, one of `SERVICES`, and what `rest_operation` found.
    path : str
        The path, without the query.
    query : mapping
        The query's parameters.
    body : bytes
        The body, JSON or nothing.
    """
    model = get_session().get_service_model(service).operation_model(operation)
    members = model.input_shape.members if model.input_shape else {}
    places = {name: shape.serialization for name, shape in members.items()}
    template = str(model.http["requestUri"]).partition("?")[0].rstrip("/").split("/")
    found = {
        f"{{{place.get('name', name)}}}": name
        for name, place in places.items()
        if place.get("location") == "uri"
    }
    in_path = {
        found[part]: unquote(value)
        for part, value in zip(template, path.rstrip("/").split("/"), strict=False)
        if part in found
    }
    in_query = {
        name: query[place["name"]]
        for name, place in places.items()
        if place.get("location") == "querystring" and place.get("name") in query
    }
    return {**in_path, **in_query, **json.loads(body or b"{}")}


@lru_cache(maxsize=len(SERVICES))
def _forms(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    model = get_session().get_service_model(service)
    forms = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        template = http["requestUri"].partition("?")[0].rstrip("/")
        parts = [
            "[^/]+" if part.startswith("{") else re.escape(part)
            for part in re.split(r"(\{[^}]+\})", template)
        ]
        forms.append((http["method"], re.compile("".join(parts) + "/?"), name))
    return forms

"""Which operation a request of a REST protocol asks for: botocore's model knows it by method and path."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

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

"""Ids that are the same at every start, so that files and commands can name them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from moto.moto_api._internal import mock_random

if TYPE_CHECKING:
    from localaws.gateway import ApiCall, ApiResponse, Proceed


class StableIds:
    """A layer that lets the id of a part of an organization follow from its name.

    moto draws all ids from one source of chance. It is set anew before each part is made, so that no call
    before, of whatever service, changes what the part is called.

    Parameters
    ----------
    seed : int
        Other seeds give other ids.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made: Counter[tuple[str, str]] = Counter()

    def __call__(self, call: ApiCall, proceed: Proceed) -> ApiResponse:
        """Set the source of chance before an organization's part is made."""
        if call.service == "organizations" and call.operation.startswith("Create"):
            named = call.operation, str(call.parameters.get("Name") or call.parameters.get("Email", ""))
            self._made[named] += 1
            mock_random.seed(f"{self._seed} {named} {self._made[named]}")
        return proceed(call)

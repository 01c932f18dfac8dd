from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from holdfast import asking
from tests.unit.scripted_api import ScriptedApi

# The same examples in every run: a red build is about the change and not about the day. To look further:
# HYPOTHESIS_PROFILE=exploring.
settings.register_profile("repeatable", derandomize=True, database=None, max_examples=100, deadline=None)
settings.register_profile("exploring", max_examples=5_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(autouse=True)
def _no_network(socket_disabled: None) -> None:
    """Keep the unit tests a matter of this process: nothing here asks a server."""


@pytest.fixture(autouse=True)
def _asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask once: how often it is asked again is a matter of test_asking.py."""
    monkeypatch.setattr(asking, "ATTEMPTS", 1)


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with ScriptedApi() as scripted:
        yield scripted

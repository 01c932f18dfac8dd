"""The deployment that is attacked: both paths, and everything that may be restored is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deployed import Holdfast, deployed
from tests.system.attacks.stories import EVERYTHING_ON, wait

_A_DAY = 86_400.0


@pytest.fixture(scope="package")
def shared_holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast once for all stories; each leaves the organization as it found it."""
    with deployed(tmp_path_factory.mktemp("holdfast"), **EVERYTHING_ON) as shared:
        # A schedule begins at once; its first run passes here.
        wait(shared, 300)
        yield shared


@pytest.fixture
def holdfast(shared_holdfast: Holdfast) -> Iterator[Holdfast]:
    """Lend the deployment to one story; then let the baseline adopt what was made anew, and a day pass."""
    yield shared_holdfast
    shared_holdfast.aws.faults.clear()
    shared_holdfast.aws.rates.published = False
    shared_holdfast.aws.rates.rival(0)
    shared_holdfast.declare()
    wait(shared_holdfast, _A_DAY)


@pytest.fixture
def intruder(holdfast: Holdfast) -> Any:
    """Whoever has taken over a role that may do everything in the organization."""
    return holdfast.role("Intruder")

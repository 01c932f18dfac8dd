from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.deployed import Holdfast


@pytest.fixture(scope="module")
def shared_holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast once for the tests of a file."""
    from tests.deployed import deployed  # noqa: PLC0415 - the embedded AWS takes a second to import

    with deployed(tmp_path_factory.mktemp("holdfast")) as shared:
        yield shared


@pytest.fixture
def holdfast(shared_holdfast: Holdfast) -> Iterator[Holdfast]:
    """Lend the deployment to one test, and mend afterwards what the test broke."""
    yield shared_holdfast
    shared_holdfast.mend()

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deployed import Holdfast, deployed
from tests.workflow.reconcile.mending import FAR_APART, mend, pass_the_first_run


@pytest.fixture(scope="package")
def shared_holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast once for the tests of this folder, with all switches and its rule on."""
    switches = {"RestorePolicyTypes": "true", "RestorePolicies": "true"}
    with deployed(tmp_path_factory.mktemp("holdfast"), **switches, **FAR_APART) as shared:
        pass_the_first_run(shared)
        yield shared


@pytest.fixture
def holdfast(shared_holdfast: Holdfast) -> Iterator[Holdfast]:
    """Lend the deployment to one test, and mend afterwards whatever the test broke."""
    yield shared_holdfast
    mend(shared_holdfast)

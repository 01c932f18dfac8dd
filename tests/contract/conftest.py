from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_network(socket_disabled: None) -> None:
    """Keep the contracts a matter of the files: nothing here asks a server."""

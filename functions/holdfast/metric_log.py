"""The log as the way by which metrics get to CloudWatch."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from holdfast.metrics import line_of
from holdfast.notification import NOT_KNOWN

_LOG = logging.getLogger(__name__)


def emit(count: Callable[[], Mapping[str, int]]) -> None:
    """Write what is counted to the log. Whatever goes wrong, what is told does not suffer from it.

    Lambda leaves a line as it is that is JSON already. Source: its developer guide, "Configuring JSON and
    plain text log formats", "Default log format".

    Parameters
    ----------
    count : callable
        Returns the metrics' values by name.
    """
    try:
        stack = os.environ.get("STACK_NAME") or NOT_KNOWN
        print(line_of(count(), stack, datetime.now(UTC)))  # noqa: T201 - a logger would wrap it
    except Exception:  # noqa: BLE001 - no metric is worth a notification
        _LOG.warning("nothing was counted", exc_info=True)

"""Restore Attachments: one chunk of lost attachments, as far as it comes within its time."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from holdfast.baseline import GUARDRAILS, load_baseline
from holdfast.organizations import Organizations, connect_paced
from holdfast.reconciliation.attaching import restore_chunk
from holdfast.reconciliation.chunk import parse_chunk
from holdfast.reconciliation.judged_texts import JudgedTexts
from holdfast.reconciliation.run import same_baseline
from holdfast.successors import connect_successors

_LOG = logging.getLogger(__name__)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Attach what remains of a chunk, confirm it, and return the chunk brought forward.

    Parameters
    ----------
    event : dict
        The chunk: as the state machine began it, or as this task returned it.
    context : object
        Lambda's context, not used.

    Returns
    -------
    dict
        The chunk; the state machine calls again until it is `finished`. What Organizations throttles or
        refuses stands in it and is not raised.

    Raises
    ------
    ServiceBusyError
        If the successors cannot be read now: retried by the state machine.
    BaselineError, BaselineChangedError, ServiceRefusedError, UnknownSchemaError
        Terminal: what remains of the chunk is told as a failure.
    """
    chunk = parse_chunk(event)
    baseline = same_baseline(load_baseline(GUARDRAILS), chunk.baseline_version)
    adopted = baseline.adopting(connect_successors().read())
    organizations = connect_paced()
    after = restore_chunk(chunk, adopted, organizations, _texts(organizations))
    _LOG.info("restored", extra={"restored": len(after.restored), "remaining": len(after.remaining)})
    return after.to_document()


@cache
def _texts(organizations: Organizations) -> JudgedTexts:
    """Return what is known of texts, kept while the function is warm: from chunk to chunk."""
    return JudgedTexts(organizations)

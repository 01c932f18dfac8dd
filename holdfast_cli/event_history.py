"""CloudTrail's event history, as the commands ask for it: where Organizations' calls are recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from holdfast.pacing import Pace
from holdfast.reconciliation.history import HALF, History
from holdfast_cli.session import REGION_OF_EVENTS

if TYPE_CHECKING:
    from holdfast_cli.session import Session


def event_history(session: Session, partition: str) -> History:
    """Return the event history of a partition, asked at half of the published rate.

    Parameters
    ----------
    session : Session
        Which AWS, as whom.
    partition : str
        Such as `aws`.
    """
    region = REGION_OF_EVENTS.get(partition)
    client = (replace(session, region=region) if region else session).client("cloudtrail")
    return History(client, _at_once if session.endpoint_url else Pace(HALF))


def _at_once(operation: str) -> None:
    """Let a call go ahead: nobody shares the rates of an embedded AWS."""

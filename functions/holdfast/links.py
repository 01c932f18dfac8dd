"""Links into the console, built from checked ids only."""

from __future__ import annotations

import re
from dataclasses import dataclass

_EXECUTION_ARN = re.compile(
    r"arn:(aws[a-z-]*):states:([a-z0-9-]+):[0-9]{12}:execution:[\w.=+@-]{1,80}:[\w.=+@-]{1,128}", re.ASCII
)
_ACCESS_KEY_ID = re.compile(r"[A-Z0-9]{16,128}")

# Source: partitions.json of botocore and the partitions' own user guides.
_CONSOLE = {
    "aws": "console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-eusc": "console.amazonaws-eusc.eu",
}
_DEFAULT_CONSOLE = _CONSOLE["aws"]


@dataclass(frozen=True, slots=True)
class Console:
    """The console of the partition and region that an execution runs in.

    Parameters
    ----------
    host : str
        The console's host name.
    region : str
        The region's code.
    """

    host: str
    region: str

    @classmethod
    def of_execution(cls, execution_arn: str) -> Console | None:
        """Return the console in which an execution can be seen; None if the text is no execution's ARN."""
        match = _EXECUTION_ARN.fullmatch(execution_arn)
        if match is None:
            return None
        partition, region = match.groups()
        return cls(_CONSOLE.get(partition, _DEFAULT_CONSOLE), region)

    def execution(self, execution_arn: str) -> str:
        """Return the link to an execution's history."""
        return self._page("states", f"/v2/executions/details/{execution_arn}")

    def event(self, event_id: str) -> str:
        """Return the link to one CloudTrail event; there 90 days."""
        return self._page("cloudtrailv2", f"/events?EventId={event_id}")

    def events_of_key(self, access_key_id: str | None) -> str | None:
        """Return the link to all that an access key did; None where there is no such id."""
        if access_key_id is None or not _ACCESS_KEY_ID.fullmatch(access_key_id):
            return None
        return self._page("cloudtrailv2", f"/events?AccessKeyId={access_key_id}")

    def _page(self, service: str, fragment: str) -> str:
        return f"https://{self.region}.{self.host}/{service}/home?region={self.region}#{fragment}"

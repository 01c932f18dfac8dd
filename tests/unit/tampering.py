"""Events of every change that can take a guardrail away without a DetachPolicy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_DETACH = (Path(__file__).parents[2] / "events" / "detach_from_ou.json").read_text()

EVENT_ID = json.loads(_DETACH)["detail"]["eventID"]
PROD = "ou-exme-8tio7fay"
WORKLOADS = "ou-exme-ycaqk99w"
SANDBOX = "ou-exme-ofz030k9"
ROOT = "r-exme"
MOVED = "690106306691"

REQUESTS: dict[str, dict[str, Any]] = {
    "DisablePolicyType": {"rootId": ROOT, "policyType": "SERVICE_CONTROL_POLICY"},
    "UpdatePolicy": {"policyId": "p-7dj3cien", "content": "{}"},
    "DeletePolicy": {"policyId": "p-7dj3cien"},
    "AttachPolicy": {"policyId": "p-stranger1", "targetId": WORKLOADS},
    "MoveAccount": {"accountId": MOVED, "sourceParentId": PROD, "destinationParentId": SANDBOX},
    "RegisterDelegatedAdministrator": {"accountId": MOVED, "servicePrincipal": "config.amazonaws.com"},
    "PutResourcePolicy": {"content": "HIDDEN_DUE_TO_SECURITY_REASONS"},
}
"""What each call asked for. Source: the calls' CloudTrail records."""

DETAILS: dict[str, dict[str, Any]] = {
    "AccountJoinedOrganization": {"accountId": MOVED, "joinedMethod": "CREATED"},
    "AccountDepartedOrganization": {"accountId": MOVED, "departureMethod": "LEFT"},
}
"""What each service event tells. Source: Organizations user guide, "Logging with CloudTrail"."""


def change_event(name: str, **members: object) -> dict[str, Any]:
    """Return the event of a change; `members` replace those of its request, or of its details."""
    event: dict[str, Any] = json.loads(_DETACH)
    detail = event["detail"]
    detail["eventName"] = name
    if name in REQUESTS:
        detail["requestParameters"] = REQUESTS[name] | members
        return event
    event["detail-type"] = "AWS Service Event via CloudTrail"
    detail |= {
        "eventType": "AwsServiceEvent",
        "requestParameters": None,
        "serviceEventDetails": DETAILS[name] | members,
        "userIdentity": {"accountId": "111122223333", "invokedBy": "AWS Internal"},
    }
    return event

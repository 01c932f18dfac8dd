"""A real boto3 client whose answers are written down beforehand, in order; nothing leaves the process."""

from __future__ import annotations

from functools import cache
from typing import Any, Self

import boto3
from botocore.stub import Stubber

from holdfast.calling import ONE_ATTEMPT
from holdfast.organizations import Organizations

SCP = "SERVICE_CONTROL_POLICY"
DATE = "Sun, 22 Nov 2026 09:00:30 GMT"
"""The `Date` of every answer: `NOW` in the examples."""


@cache
def organizations_client() -> Any:
    """Return the client of this process: making one reads a megabyte of JSON."""
    return boto3.client(
        "organizations",
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
        config=ONE_ATTEMPT,
    )


class ScriptedApi:
    """Answers that must be asked for, each with its own request, until none is left."""

    def __init__(self) -> None:
        self._stubber = Stubber(organizations_client())
        self.organizations = Organizations(organizations_client())

    def __enter__(self) -> Self:
        self._stubber.activate()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stubber.deactivate()
        if kind is None:
            self._stubber.assert_no_pending_responses()

    def answers(self, method: str, response: dict[str, Any], **request: str) -> None:
        """Answer the next call, which must be `method` with exactly `request`."""
        self._stubber.add_response(
            method, {**response, "ResponseMetadata": {"HTTPHeaders": {"date": DATE}}}, request
        )

    def refuses(
        self, method: str, code: str, message: str = "as it said", status: int = 400, **fields: str
    ) -> None:
        """Answer the next call, which must be `method`, with an error; `fields` are those of its shape."""
        self._stubber.add_client_error(
            method,
            code,
            message,
            status,
            response_meta={"HTTPHeaders": {"date": DATE}},
            modeled_fields=fields or None,
        )

    def lists_for(self, target_id: str, policy_type: str, *policy_ids: str) -> None:
        """Answer ListPoliciesForTarget in one page."""
        self.answers(
            "list_policies_for_target",
            {"Policies": [listed(policy_id) for policy_id in policy_ids]},
            TargetId=target_id,
            Filter=policy_type,
        )

    def describes(self, policy_id: str, name: str, content: str) -> None:
        """Answer DescribePolicy."""
        self.answers(
            "describe_policy",
            {"Policy": {"PolicySummary": {"Id": policy_id, "Name": name, "Type": SCP}, "Content": content}},
            PolicyId=policy_id,
        )


def listed(policy_id: str, name: str = "Some", *, aws_managed: bool = False) -> dict[str, Any]:
    """Return a policy as lists show it."""
    return {"Id": policy_id, "Name": name, "AwsManaged": aws_managed}

"""Successors: the policies that Holdfast made again, under the ids of those that were deleted.

A recreated policy has a new id, and the baseline still names the old one until somebody takes a new snapshot.
Each successor is an SSM parameter: `/holdfast/successors/OLD-ID`, whose value is the new id.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import boto3

from holdfast.attachment import POLICY_ID
from holdfast.calling import ONE_ATTEMPT, call, pages

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

PATH = "/holdfast/successors"


class Successors:
    """Read and write the successors.

    Every method raises `ServiceBusyError` or `ServiceRefusedError`.

    Parameters
    ----------
    client : SSMClient
        A boto3 client that makes one attempt.
    """

    def __init__(self, client: SSMClient) -> None:
        self._client = client

    def read(self) -> Mapping[str, str]:
        """Return the new policy id of each deleted one; what is no pair of ids counts as absent."""
        listed = (
            (parameter["Name"].removeprefix(f"{PATH}/"), parameter["Value"])
            for page in pages("ssm", "GetParametersByPath", self._client.get_parameters_by_path, Path=PATH)
            for parameter in page["Parameters"]
        )
        return {old: new for old, new in listed if POLICY_ID.fullmatch(old) and POLICY_ID.fullmatch(new)}

    def write(self, declared_id: str, policy_id: str) -> None:
        """Say that the policy `policy_id` stands in the place of `declared_id`."""
        call(
            "ssm",
            "PutParameter",
            self._client.put_parameter,
            Name=f"{PATH}/{declared_id}",
            Value=policy_id,
            Type="String",
            Overwrite=True,
            Description="Holdfast made this policy again. Adopt it: holdfast snapshot.",
        )


@cache
def connect_successors() -> Successors:
    """Return the connection of this process, made at the first call and kept while the function is warm."""
    return Successors(boto3.client("ssm", config=ONE_ATTEMPT))

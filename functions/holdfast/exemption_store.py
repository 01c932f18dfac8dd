"""The exemptions' parameters in Systems Manager: read only, for no role of ours may write an exemption."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from holdfast.calling import ONE_ATTEMPT, call, pages
from holdfast.exemption import PATH, Parameter

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class ExemptionStore:
    """Read exemptions.

    Every method raises `ServiceBusyError` or `ServiceRefusedError`.

    Parameters
    ----------
    client : SSMClient
        A boto3 client that makes one attempt.
    """

    def __init__(self, client: SSMClient) -> None:
        self._client = client

    def read_named(self, names: Sequence[str]) -> tuple[Parameter, ...]:
        """Return those of some parameters that are there, in one call.

        Parameters
        ----------
        names : sequence of str
            Ten at most. Source: Systems Manager API reference, GetParameters.
        """
        answer = call("ssm", "GetParameters", self._client.get_parameters, Names=list(names))
        return tuple(parameters_in(answer["Parameters"]))

    def read_all(self) -> tuple[Parameter, ...]:
        """Return all parameters below the path."""
        listing = pages(
            "ssm",
            "GetParametersByPath",
            self._client.get_parameters_by_path,
            Path=PATH,
            Recursive=True,
        )
        return tuple(parameter for page in listing for parameter in parameters_in(page["Parameters"]))


def parameters_in(listed: Iterable[Mapping[str, Any]]) -> Iterable[Parameter]:
    """Yield the parameters that an answer of Systems Manager lists."""
    for one in listed:
        yield Parameter(one["Name"], one["Type"], one["Value"], one["LastModifiedDate"])


@cache
def connect_exemptions() -> ExemptionStore:
    """Return the connection of this process, made at the first call and kept while the function is warm."""
    return ExemptionStore(boto3.client("ssm", config=ONE_ATTEMPT))

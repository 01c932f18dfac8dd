"""The stack that Holdfast was deployed as, as the commands find it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


class NoStackError(HoldfastError):
    """There is no such stack, or it is not Holdfast's. Raised before anything is done."""


def outputs_of(client: CloudFormationClient, stack: str) -> Mapping[str, str]:
    """Return a stack's outputs by their names.

    Raises
    ------
    NoStackError
        If there is no such stack.
    """
    try:
        (described,) = client.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        # A stack that is not there. Source: CloudFormation API reference, DescribeStacks.
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        message = (
            f"there is no stack {stack!r} in {client.meta.region_name}. Next: name yours (--stack) and its "
            "region (--region)"
        )
        raise NoStackError(message) from error
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def output_of(client: CloudFormationClient, stack: str, name: str, part: str) -> str:
    """Return one output of a stack.

    Parameters
    ----------
    client : CloudFormationClient
        A boto3 client.
    stack : str
        The stack's name.
    name : str
        The output's name.
    part : str
        What the output stands for, with its article, for the error's words.

    Raises
    ------
    NoStackError
        If there is no such stack, or it has no such output.
    """
    outputs = outputs_of(client, stack)
    if name not in outputs:
        message = (
            f"the stack {stack!r} in {client.meta.region_name} has no output {name}: it is not Holdfast's, "
            f"or older than {part}. Next: name Holdfast's stack (--stack), or deploy this version"
        )
        raise NoStackError(message)
    return outputs[name]

"""The stack that Holdfast was deployed as, as the commands find it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


class NoStackError(HoldfastError):
    """There is no such stack, or it is not Holdfast's. Raised before anything is done."""


def no_such_stack(name: str, region: str) -> NoStackError:
    """Return the error that there is no stack of a name in a region, with what to do next."""
    return NoStackError(
        f"there is no stack {name!r} in {region}. Next: name yours (--stack) and its region (--region)"
    )


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """What a command needs to know of a stack.

    Parameters
    ----------
    name, region : str
        Which stack, and where.
    outputs, parameters : mapping of str to str
        The values by their names.
    """

    name: str
    region: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]

    def output(self, name: str, part: str) -> str:
        """Return one output.

        Parameters
        ----------
        name : str
            The output's name.
        part : str
            What it stands for, with its article, for the error's words.

        Raises
        ------
        NoStackError
            If the stack has no such output.
        """
        if name not in self.outputs:
            message = (
                f"the stack {self.name!r} in {self.region} has no output {name}: it is not Holdfast's, or "
                f"older than {part}. Next: name Holdfast's stack (--stack), or deploy this version"
            )
            raise NoStackError(message)
        return self.outputs[name]


def find_stack(client: CloudFormationClient, name: str) -> DeployedStack:
    """Return a stack.

    Raises
    ------
    NoStackError
        If there is no such stack.
    """
    region = client.meta.region_name
    try:
        (described,) = client.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        # A stack that is not there. Source: CloudFormation API reference, DescribeStacks.
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise no_such_stack(name, region) from error
    return DeployedStack(
        name,
        region,
        outputs={each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])},
        parameters={each["ParameterKey"]: each["ParameterValue"] for each in described.get("Parameters", [])},
    )

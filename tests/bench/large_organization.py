"""An organization of any size with a baseline of any size, made in moto's own state.

The API would take minutes to make ten thousand accounts. What the functions see of them, they see through the
API all the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.organizations.models import FakeAccount, organizations_backends

from localaws.server import EmbeddedAws

SCP = "SERVICE_CONTROL_POLICY"


@dataclass(frozen=True, slots=True)
class Shape:
    """How large an organization is, and how its guardrails are spread.

    Parameters
    ----------
    guardrails : int
        How many there are.
    targets_each : int
        How many targets each of them has.
    accounts : int
        The size of the organization.
    per_target : int
        How many guardrails a target has; besides the AWS-managed default, nine service control policies fit.
    """

    guardrails: int
    targets_each: int
    accounts: int
    per_target: int = 8

    @property
    def placements(self) -> int:
        """How many attachments are declared."""
        return self.guardrails * self.targets_each

    @property
    def targets(self) -> int:
        """How many accounts have guardrails."""
        return self.placements // self.per_target


def build(aws: EmbeddedAws, shape: Shape) -> None:
    """Make the organization as large as asked, with the guardrails of the shape and no others.

    Parameters
    ----------
    aws : EmbeddedAws
        Where the sample organization is; its policies go.
    shape : Shape
        What to make.
    """
    backend: Any = organizations_backends[aws.account]["aws"]
    lose_unseen(aws)
    for policy in _own_policies(backend):
        backend.policies.remove(policy)
    defaults = [policy for policy in backend.policies if policy.id == "p-FullAWSAccess"]
    while len(backend.accounts) < shape.accounts:
        number = len(backend.accounts)
        account = FakeAccount(backend.org, AccountName=f"account-{number}", Email=f"{number}@example.com")
        backend.accounts.append(account)
        for policy in defaults:
            _attach(policy, account)
    targets = backend.accounts[-shape.targets :]
    for number in range(shape.guardrails):
        policy = _create_policy(aws, backend, number)
        first = number * shape.targets_each
        for place in range(first, first + shape.targets_each):
            _attach(policy, targets[place % len(targets)])


def lose_unseen(aws: EmbeddedAws) -> datetime:
    """Drop all attachments of all guardrails without any event, and return when."""
    backend: Any = organizations_backends[aws.account]["aws"]
    for policy in _own_policies(backend):
        for entity in policy.attachments:
            entity.attached_policies.remove(policy)
        policy.attachments.clear()
    return aws.clock.now()


def _own_policies(backend: Any) -> list[Any]:
    return [policy for policy in backend.policies if not policy.aws_managed]


def _create_policy(aws: EmbeddedAws, backend: Any, number: int) -> Any:
    """Create a policy through the API, which gives it its id and its ARN."""
    statement = {"Sid": f"Guardrail{number}", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    created = aws.client("organizations").create_policy(
        Name=f"Guardrail{number:03d}",
        Description="",
        Type=SCP,
        Content=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    policy_id = created["Policy"]["PolicySummary"]["Id"]
    return next(policy for policy in backend.policies if policy.id == policy_id)


def _attach(policy: Any, entity: Any) -> None:
    entity.attached_policies.append(policy)
    policy.attachments.append(entity)

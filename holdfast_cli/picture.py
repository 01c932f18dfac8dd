"""A picture of an organization as a baseline sees it: types, attachments and texts, by names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

SCP: Final = "SERVICE_CONTROL_POLICY"


@dataclass(frozen=True, slots=True)
class Picture:
    """What an organization has; two pictures are equal if nothing differs but policies' ids.

    Parameters
    ----------
    types : mapping
        The status of each policy type that is not off.
    attached : mapping
        The names of the service control policies on each target, by its path.
    texts : mapping
        Their texts, spelled in one way, by their names.
    """

    types: Mapping[str, str]
    attached: Mapping[str, frozenset[str]]
    texts: Mapping[str, str]

    @property
    def attachments(self) -> int:
        """How many attachments there are."""
        return sum(map(len, self.attached.values()))


def take_picture(client: OrganizationsClient, targets: Mapping[str, str]) -> Picture:
    """Return what the organization has now.

    Parameters
    ----------
    client : OrganizationsClient
        A boto3 client.
    targets : mapping
        The targets' ids by their paths.
    """
    (root,) = client.list_roots()["Roots"]
    ids: dict[str, str] = {}
    attached = {}
    for path, target_id in targets.items():
        pages = client.get_paginator("list_policies_for_target").paginate(TargetId=target_id, Filter=SCP)
        found = {policy["Name"]: policy["Id"] for page in pages for policy in page["Policies"]}
        attached[path] = frozenset(found)
        ids |= found
    return Picture(
        types={kind["Type"]: kind["Status"] for kind in root["PolicyTypes"]},
        attached=attached,
        texts={name: _text(client, policy_id) for name, policy_id in ids.items()},
    )


def _text(client: OrganizationsClient, policy_id: str) -> str:
    return json.dumps(
        json.loads(client.describe_policy(PolicyId=policy_id)["Policy"]["Content"]), sort_keys=True
    )

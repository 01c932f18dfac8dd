"""The organization of these tests.

Root: the management account
├── Workloads
│   ├── Prod: shop
│   └── Dev: trial
└── Sandbox: playground
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from holdfast.attachment import PolicyType
from holdfast.policy_document import PolicyDocument
from holdfast_cli.impact import AttachedPolicy, Effect, exposed
from holdfast_cli.organization_tree import Node

MANAGEMENT = "111122223333"
SHOP, TRIAL, PLAYGROUND = "444455556666", "555566667777", "666677778888"
ROOT, WORKLOADS, PROD, DEV, SANDBOX = (
    "r-exme",
    "ou-exme-workload1",
    "ou-exme-prod00001",
    "ou-exme-dev000001",
    "ou-exme-sandbox01",
)
ORGANIZATION = Node(
    ROOT,
    "Root",
    (
        Node(MANAGEMENT, "management"),
        Node(
            WORKLOADS,
            "Workloads",
            (Node(PROD, "Prod", (Node(SHOP, "shop"),)), Node(DEV, "Dev", (Node(TRIAL, "trial"),))),
        ),
        Node(SANDBOX, "Sandbox", (Node(PLAYGROUND, "playground"),)),
    ),
)
DENY = {"Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}
ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def policy(
    *targets: str,
    says: tuple[Mapping[str, str], ...] = (DENY,),
    kind: PolicyType = PolicyType.SERVICE_CONTROL_POLICY,
    other_allows: Mapping[str, tuple[str, ...]] | None = None,
) -> AttachedPolicy:
    """Return a policy on some targets."""
    document = PolicyDocument.parse(json.dumps({"Version": "2012-10-17", "Statement": list(says)}))
    return AttachedPolicy(
        "p-examplescp1", "Example", kind, document, dict.fromkeys(targets, "a target"), other_allows or {}
    )


def effects(attached: AttachedPolicy, *detached: str) -> dict[str, tuple[Effect, str | None]]:
    """Return what happens to each account, by its name."""
    return {
        consequence.account.name: (consequence.effect, consequence.because)
        for consequence in exposed(ORGANIZATION, attached, set(detached), MANAGEMENT)
    }


EXPOSED = (Effect.EXPOSED, None)
UNRESTRICTED = (Effect.UNRESTRICTED, None)


def test_all_member_accounts_below_the_target_are_exposed() -> None:
    assert effects(policy(ROOT), ROOT) == {
        "management": UNRESTRICTED,
        "shop": EXPOSED,
        "trial": EXPOSED,
        "playground": EXPOSED,
    }


def test_accounts_beside_the_target_do_not_matter() -> None:
    assert effects(policy(ROOT, WORKLOADS), WORKLOADS) == {
        "shop": (Effect.COVERED, "Root"),
        "trial": (Effect.COVERED, "Root"),
    }


@pytest.mark.parametrize(
    ("second", "name"),
    [(WORKLOADS, "Workloads"), (PROD, "Prod"), (SHOP, "shop")],
    ids=["above", "OU", "account"],
)
def test_a_second_attachment_anywhere_on_the_way_still_covers(second: str, name: str) -> None:
    assert effects(policy(ROOT, second), ROOT)["shop"] == (Effect.COVERED, name)


def test_an_attachment_on_another_branch_covers_nobody_here() -> None:
    assert effects(policy(PROD, DEV), PROD) == {"shop": EXPOSED}


def test_detached_from_all_targets_at_once_nothing_covers() -> None:
    assert effects(policy(PROD, WORKLOADS), PROD, WORKLOADS) == {"shop": EXPOSED, "trial": EXPOSED}


def test_a_detach_from_an_account_exposes_this_account() -> None:
    assert effects(policy(SHOP), SHOP) == {"shop": EXPOSED}


@pytest.mark.parametrize(
    ("kind", "effect"),
    [
        (PolicyType.SERVICE_CONTROL_POLICY, Effect.UNRESTRICTED),
        (PolicyType.RESOURCE_CONTROL_POLICY, Effect.UNRESTRICTED),
        (PolicyType.AISERVICES_OPT_OUT_POLICY, Effect.EXPOSED),
    ],
)
def test_the_management_account_is_restricted_by_management_policies_only(
    kind: PolicyType, effect: Effect
) -> None:
    assert effects(policy(MANAGEMENT, kind=kind), MANAGEMENT) == {"management": (effect, None)}


def test_without_the_last_allow_of_a_level_nothing_is_allowed_below_whatever_else_is_attached() -> None:
    attached = policy(ROOT, WORKLOADS, PROD, says=(ALLOW,))

    assert effects(attached, WORKLOADS) == {
        "shop": (Effect.BLOCKED, "Workloads"),
        "trial": (Effect.BLOCKED, "Workloads"),
    }


def test_with_another_allow_at_the_level_less_is_allowed_and_nothing_is_exposed() -> None:
    attached = policy(WORKLOADS, says=(ALLOW,), other_allows={WORKLOADS: ("FullAWSAccess", "Basics")})

    assert effects(attached, WORKLOADS) == {
        "shop": (Effect.NARROWED, "Basics, FullAWSAccess"),
        "trial": (Effect.NARROWED, "Basics, FullAWSAccess"),
    }


def test_a_policy_that_also_denies_exposes_where_another_one_allows() -> None:
    attached = policy(PROD, says=(ALLOW, DENY), other_allows={PROD: ("FullAWSAccess",)})

    assert effects(attached, PROD) == {"shop": EXPOSED}


def test_each_account_knows_its_path() -> None:
    (consequence,) = exposed(ORGANIZATION, policy(SHOP), {SHOP}, MANAGEMENT)

    assert consequence.path == ("Root", "Workloads", "Prod", "shop")

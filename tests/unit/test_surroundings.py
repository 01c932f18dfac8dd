from __future__ import annotations

import pytest

from holdfast.errors import OrganizationsBusyError, OrganizationsRefusedError, TargetGoneError
from holdfast.surroundings import LOOKUPS, Surroundings, survey
from tests.unit.small_organization import SmallOrganization

BUSY = OrganizationsBusyError("ListParents", "TooManyRequestsException", "slow down")
GONE = TargetGoneError("DescribeAccount", "AccountNotFoundException", "no such account")
REFUSED = OrganizationsRefusedError("ListAccountsForParent", "AccessDeniedException", "no")


@pytest.mark.parametrize(
    ("target_id", "expected"),
    [
        ("r-exme", Surroundings("Root", ("Root",), 6)),
        ("ou-exme-cbm7ma1f", Surroundings("Security", ("Security",), 2)),
        ("ou-exme-ycaqk99w", Surroundings("Workloads", ("Workloads",), 2)),
        ("ou-exme-8tio7fay", Surroundings("Prod", ("Workloads", "Prod"), 1)),
        ("338583429068", Surroundings("payments-prod", ("Workloads", "Prod", "payments-prod"), 1)),
    ],
)
def test_a_target_is_known_by_name_path_and_accounts(target_id: str, expected: Surroundings) -> None:
    assert survey(SmallOrganization(), target_id, lookups=100) == expected


@pytest.mark.parametrize("target_id", ["r-exme", "ou-exme-ycaqk99w", "ou-exme-8tio7fay", "338583429068"])
@pytest.mark.parametrize("lookups", range(LOOKUPS + 1))
def test_no_survey_costs_more_than_its_budget(target_id: str, lookups: int) -> None:
    organization = SmallOrganization(page_size=1)
    survey(organization, target_id, lookups)
    assert len(organization.calls) <= lookups


def test_the_path_of_an_ou_takes_two_lookups_a_level() -> None:
    organization = SmallOrganization()
    assert survey(organization, "ou-exme-8tio7fay", lookups=4) == Surroundings(
        "Prod", ("Workloads", "Prod"), None
    )
    assert organization.calls == [
        "unit_name ou-exme-8tio7fay",
        "parent ou-exme-8tio7fay",
        "unit_name ou-exme-ycaqk99w",
        "parent ou-exme-ycaqk99w",
    ]


def test_without_a_lookup_only_what_the_id_says_is_known() -> None:
    assert survey(SmallOrganization(), "r-exme", lookups=0) == Surroundings("Root", ("Root",), None)
    assert survey(SmallOrganization(), "338583429068", lookups=0) == Surroundings(None, None, 1)
    assert survey(SmallOrganization(), "ou-exme-ycaqk99w", lookups=0) == Surroundings()


def test_every_page_is_counted_and_paid() -> None:
    organization = SmallOrganization(page_size=1)
    assert survey(organization, "ou-exme-cbm7ma1f", lookups=6).accounts == 2
    assert organization.calls == [
        "unit_name ou-exme-cbm7ma1f",
        "parent ou-exme-cbm7ma1f",
        "child_accounts ou-exme-cbm7ma1f",
        "child_accounts ou-exme-cbm7ma1f",
        "child_units ou-exme-cbm7ma1f",
    ]


def test_a_count_that_is_cut_short_is_no_count() -> None:
    """Nobody knows before the last lookup whether another page follows."""
    assert survey(SmallOrganization(page_size=1), "ou-exme-cbm7ma1f", lookups=5).accounts is None


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        ({"unit_name": BUSY}, Surroundings(None, None, 2)),
        ({"parent": BUSY}, Surroundings(None, None, 2)),
        ({"child_accounts": REFUSED}, Surroundings("Workloads", ("Workloads",), None)),
        ({"child_units": BUSY}, Surroundings("Workloads", ("Workloads",), None)),
        ({"unit_name": GONE, "child_accounts": GONE}, Surroundings()),
    ],
)
def test_what_is_refused_is_not_known_and_never_raised(
    refused: dict[str, OrganizationsBusyError], expected: Surroundings
) -> None:
    assert survey(SmallOrganization(refused=refused), "ou-exme-ycaqk99w") == expected


def test_an_account_that_is_gone_is_still_one_account() -> None:
    assert survey(SmallOrganization(refused={"account_name": GONE}), "338583429068") == Surroundings(
        None, None, 1
    )

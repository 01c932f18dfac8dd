from __future__ import annotations

import re

import pytest
from botocore.session import Session

from holdfast.attachment import (
    ACCOUNT_ID,
    ORGANIZATION_ID,
    ORGANIZATIONAL_UNIT_ID,
    POLICY_ID,
    ROOT_ID,
    Attachment,
    PolicyType,
    TargetKind,
    target_kind,
)

MODEL = Session().get_service_model("organizations")


@pytest.mark.parametrize(
    ("ours", "shape"),
    [
        (POLICY_ID, "PolicyId"),
        (ROOT_ID, "RootId"),
        (ORGANIZATIONAL_UNIT_ID, "OrganizationalUnitId"),
        (ORGANIZATION_ID, "OrganizationId"),
    ],
)
def test_the_id_patterns_are_those_of_the_api(ours: re.Pattern[str], shape: str) -> None:
    """Source: botocore's Organizations model."""
    assert f"^{ours.pattern}$" == MODEL.shape_for(shape).metadata["pattern"]


def test_the_policy_types_are_those_of_the_api() -> None:
    """Source: botocore's Organizations model, PolicyType."""
    assert set(PolicyType) >= set(MODEL.shape_for("PolicyType").metadata["enum"])


@pytest.mark.parametrize(
    ("target_id", "kind"),
    [
        ("r-exme", TargetKind.ROOT),
        ("ou-exme-ycaqk99w", TargetKind.ORGANIZATIONAL_UNIT),
        ("338583429068", TargetKind.ACCOUNT),
    ],
)
def test_a_target_is_what_its_id_says(target_id: str, kind: TargetKind) -> None:
    assert Attachment("p-7dj3cien", target_id).kind is kind


@pytest.mark.parametrize(
    "target_id",
    [
        "r-exme; rm -rf /",
        "x338583429068",
        "3385834290687",
        "not ou-exme-ycaqk99w",
        "r-exme\n",
        "338583429068\n",
        "٤٤٤٤٥٥٥٥٦٦٦٦",
        "",
        "o-far1coz49w",
        "p-7dj3cien",
    ],
)
def test_a_target_id_is_matched_whole(target_id: str) -> None:
    r"""The API's own PolicyTargetId anchors only its first and last alternative.

    Source: botocore's Organizations model: `^(r-…)|(\d{12})|(ou-…)$`.
    """
    with pytest.raises(ValueError, match="is not the id of a root"):
        target_kind(target_id)


def test_the_anchors_of_the_api_would_let_junk_through() -> None:
    """Why the patterns are not taken from the API as they are."""
    broken = re.compile(MODEL.shape_for("PolicyTargetId").metadata["pattern"])
    assert broken.match("r-exme; rm -rf /")
    assert broken.search("x338583429068y")


@pytest.mark.parametrize(
    "policy_id", ["p-short", "p-7dj3cien ", "xp-7dj3cien", "p-regions-0001", "p-régions0001", ""]
)
def test_a_policy_id_is_matched_whole(policy_id: str) -> None:
    with pytest.raises(ValueError, match="is not the id of a policy"):
        Attachment(policy_id, "r-exme")


def test_an_aws_managed_policy_has_a_valid_id() -> None:
    assert Attachment("p-FullAWSAccess", "r-exme").policy_id == "p-FullAWSAccess"


def test_an_account_id_has_ascii_digits_only() -> None:
    assert ACCOUNT_ID.fullmatch("338583429068")
    assert not ACCOUNT_ID.fullmatch("٤٤٤٤٥٥٥٥٦٦٦٦")

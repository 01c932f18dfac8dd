from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.principal import Principal, parse_principal
from tests.unit.outside import JSON, WORDS

EVENTS = Path(__file__).parents[2] / "events"


def identity_of(event: str) -> dict[str, Any]:
    identity: dict[str, Any] = json.loads((EVENTS / event).read_text())["detail"]["userIdentity"]
    return identity


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            "by_iam_user.json",
            Principal(
                kind="IAMUser",
                arn="arn:aws:iam::111122223333:user/platform/alice",
                unique_id="AIDAEXAMPLEALICE00001",
                name="alice",
                account_id="111122223333",
                access_key_id="AKIAIOSFODNN7EXAMPLE",
            ),
        ),
        (
            "by_assumed_role.json",
            Principal(
                kind="AssumedRole",
                arn="arn:aws:iam::111122223333:role/platform-admin",
                unique_id="AROAEXAMPLEPLATFORM01",
                name="platform-admin",
                account_id="111122223333",
                session_name="i-0abcd1234example00",
                source_identity="alice@example.com",
                mfa=True,
                access_key_id="ASIAIOSFODNN7EXAMPLE",
            ),
        ),
        (
            "by_identity_center.json",
            Principal(
                kind="AssumedRole",
                arn=(
                    "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-central-1/"
                    "AWSReservedSSO_AdministratorAccess_0123456789abcdef"
                ),
                unique_id="AROAEXAMPLEIDCENTER01",
                name="AWSReservedSSO_AdministratorAccess_0123456789abcdef",
                account_id="111122223333",
                session_name="alice@example.com",
                mfa=False,
                access_key_id="ASIAIOSFODNN7EXAMPLE",
            ),
        ),
        (
            "by_identity_center_user_without_arn.json",
            Principal(
                kind="IdentityCenterUser",
                name="544894e8-80c1-707f-60e3-3ba6510dfac1",
                account_id="111122223333",
            ),
        ),
        (
            "by_root_user.json",
            Principal(
                kind="Root",
                arn="arn:aws:iam::111122223333:root",
                unique_id="111122223333",
                account_id="111122223333",
                mfa=True,
                access_key_id="ASIAIOSFODNN7EXAMPLE",
            ),
        ),
        (
            "by_aws_service.json",
            Principal(
                kind="Unknown",
                name="controltower.amazonaws.com",
                account_id="111122223333",
                invoked_by="controltower.amazonaws.com",
            ),
        ),
        (
            "by_delegated_administrator.json",
            Principal(
                kind="AssumedRole",
                arn="arn:aws:iam::164621202689:role/org-policy-admin",
                unique_id="AROAEXAMPLEDELEGATED1",
                name="org-policy-admin",
                account_id="164621202689",
                session_name="bob",
                mfa=False,
                access_key_id="ASIAIOSFODNN7EXAMPLE",
            ),
        ),
        (
            "by_federated_user.json",
            Principal(
                kind="FederatedUser",
                arn="arn:aws:iam::111122223333:user/alice",
                unique_id="AIDAEXAMPLEALICE00001",
                name="alice",
                account_id="111122223333",
                session_name="mary",
                mfa=False,
                access_key_id="ASIAIOSFODNN7EXAMPLE",
            ),
        ),
    ],
)
def test_each_kind_of_identity_is_read(event: str, expected: Principal) -> None:
    """Source of the shapes: CloudTrail user guide, "userIdentity element"."""
    assert parse_principal(identity_of(event)) == expected


def test_the_role_is_the_session_issuer_and_never_the_session() -> None:
    spoofed = parse_principal(identity_of("spoofed_session_name.json"))
    assert (spoofed.arn, spoofed.session_name) == (
        "arn:aws:iam::111122223333:role/developer",
        "guardrail-pipeline",
    )


def test_an_empty_identity_is_unknown() -> None:
    assert parse_principal({}) == Principal(kind="Unknown")


def test_what_is_not_of_the_documented_type_counts_as_absent() -> None:
    assert parse_principal(
        {"type": 7, "arn": ["arn:aws:iam::111122223333:root"], "sessionContext": "none", "userName": ""}
    ) == Principal(kind="Unknown")


def test_half_a_character_is_replaced() -> None:
    """A lone surrogate is valid in JSON's escapes, and no function can return it."""
    assert parse_principal({"type": "IAMUser", "userName": "al\ud800ice"}).name == "al?ice"


def test_no_text_is_longer_than_cloudtrail_would_write_it() -> None:
    assert parse_principal({"type": "IAMUser", "userName": "a" * 5_000}).name == "a" * 1_024


@given(st.dictionaries(WORDS, JSON))
def test_any_mapping_is_some_principal(identity: dict[str, Any]) -> None:
    assert isinstance(parse_principal(identity), Principal)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "type": WORDS,
            "principalId": WORDS | JSON,
            "arn": WORDS | JSON,
            "userName": WORDS,
            "invokedBy": WORDS | JSON,
            "onBehalfOf": JSON,
            "sessionContext": st.dictionaries(
                st.sampled_from(["sessionIssuer", "attributes", "sourceIdentity"]),
                JSON | st.dictionaries(st.sampled_from(["arn", "principalId", "userName"]), WORDS | JSON),
            ),
        },
    )
)
def test_any_identity_becomes_texts_that_can_be_sent(identity: dict[str, Any]) -> None:
    principal = parse_principal(identity)
    for field in Principal.__dataclass_fields__:
        value = getattr(principal, field)
        assert value is None or isinstance(value, bool) or value.encode()

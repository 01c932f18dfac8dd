from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.attachment import PolicyType
from holdfast_cli.baseline_grammar import ReadGuardrail, ReadPrincipal
from holdfast_cli.baseline_hazards import check_allows, check_host, check_rivals, check_slots
from holdfast_cli.finding import Place, Severity

SCP = PolicyType.SERVICE_CONTROL_POLICY
RCP = PolicyType.RESOURCE_CONTROL_POLICY
TAGS = PolicyType.TAG_POLICY
HOST = "222233334444"

DENY: dict[str, Any] = {"Effect": "Deny", "Action": "organizations:AttachPolicy", "Resource": "*"}
ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def read(
    *statements: object,
    policy_id: str = "p-7dj3cien",
    policy_type: PolicyType = SCP,
    targets: tuple[str, ...] = ("r-exme",),
) -> ReadGuardrail:
    return ReadGuardrail(
        place=Place("baseline.toml").at("guardrail").at(0),
        policy_id=policy_id,
        name="Example",
        policy_type=policy_type,
        targets=targets,
        anywhere=not targets,
        file="policies/Example.json",
        content=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}).encode(),
    )


def slots(count: int, policy_type: PolicyType, *ids: str) -> list[tuple[Severity, str, str]]:
    """Return what is told of that many guardrails on the root, and those with `ids` besides."""
    numbered = [f"p-example{index:02}" for index in range(count)]
    guardrails = [read(policy_id=policy_id, policy_type=policy_type) for policy_id in (*numbered, *ids)]
    return [(finding.severity, finding.where, finding.message) for finding in check_slots(guardrails)]


QUOTA = "the published quota is {} of the type {} on one target"


@pytest.mark.parametrize(
    ("count", "policy_type", "ids", "expected"),
    [
        (8, SCP, (), []),
        (9, SCP, (), [(Severity.WARNING, "10 policies with p-FullAWSAccess, and no slot is left: ")]),
        (9, SCP, ("p-FullAWSAccess",), [(Severity.WARNING, "10 policies, and no slot is left: ")]),
        (
            10,
            SCP,
            (),
            [(Severity.WARNING, "11 policies with p-FullAWSAccess, fitting only where that is detached: ")],
        ),
        (10, SCP, ("p-FullAWSAccess",), [(Severity.ERROR, "11 policies: ")]),
        (11, SCP, (), [(Severity.ERROR, "11 policies: ")]),
        (3, RCP, (), []),
        (4, RCP, (), [(Severity.WARNING, "5 policies with p-RCPFullAWSAccess, and no slot is left: ")]),
        (5, RCP, (), [(Severity.ERROR, "6 policies with p-RCPFullAWSAccess: ")]),
        (9, TAGS, (), []),
        (10, TAGS, (), [(Severity.WARNING, "10 policies, and no slot is left: ")]),
        (11, TAGS, (), [(Severity.ERROR, "11 policies: ")]),
    ],
)
def test_a_full_target_is_told_with_the_quota(
    count: int, policy_type: PolicyType, ids: tuple[str, ...], expected: list[tuple[Severity, str]]
) -> None:
    quota = QUOTA.format(5 if policy_type is RCP else 10, policy_type)
    assert slots(count, policy_type, *ids) == [
        (severity, "targets r-exme", message + quota) for severity, message in expected
    ]


def test_each_type_has_slots_of_its_own() -> None:
    guardrails = [
        *(read(policy_id=f"p-example{index:02}") for index in range(8)),
        *(read(policy_id=f"p-tagging{index:02}", policy_type=TAGS) for index in range(9)),
    ]
    assert list(check_slots(guardrails)) == []


def test_a_policy_that_allows_is_told_with_what_hangs_on_it() -> None:
    guardrail = read(ALLOW, targets=("ou-exme-ycaqk99w", HOST))
    assert [(found.severity, found.where, found.message) for found in check_allows([guardrail])] == [
        (
            Severity.WARNING,
            "guardrail[0].document",
            (
                "Example (p-7dj3cien) allows: where it is the last policy that does (ou-exme-ycaqk99w, "
                "222233334444), detaching it blocks all accounts below. Holdfast puts it back only with the "
                "Allow statements of this document"
            ),
        )
    ]


def test_the_default_policy_is_told_with_what_it_needs() -> None:
    findings = list(check_allows([read(ALLOW, policy_id="p-FullAWSAccess")]))
    assert [finding.where for finding in findings] == ["guardrail[0].document", "guardrail[0].policy"]
    assert "AllowAwsManagedPolicies" in findings[1].message


@pytest.mark.parametrize(
    "guardrail", [read(DENY), read(ALLOW, policy_type=RCP), read(ALLOW, policy_type=TAGS)]
)
def test_what_allows_nothing_is_no_hazard(guardrail: ReadGuardrail) -> None:
    assert list(check_allows([guardrail])) == []


def test_a_rival_is_told_for_it_is_meant_for_a_while() -> None:
    place = Place("baseline.toml").at("rival_principal")
    role = "arn:aws:iam::111122223333:role/AWSAccelerator-AttachPolicy"
    findings = check_rivals([ReadPrincipal(place.at(0), role), ReadPrincipal(place.at(1), None)])
    assert [(finding.severity, finding.where, finding.message) for finding in findings] == [
        (
            Severity.WARNING,
            "rival_principal[0].role",
            (
                f"Holdfast yields to {role}: what it detaches again and again may be off for up to an hour. "
                "List a rival for the time of a move only"
            ),
        )
    ]


def denial(
    statement: dict[str, Any], *targets: str, policy_type: PolicyType = SCP
) -> list[tuple[Severity, str]]:
    guardrail = read(statement, targets=targets, policy_type=policy_type)
    return [(finding.severity, finding.message) for finding in check_host([guardrail], HOST)]


def severities(statement: dict[str, Any], *targets: str) -> list[Severity]:
    return [severity for severity, _ in denial(statement, *targets)]


REGIONS = {"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}


def outside_of(operator: str, *regions: str) -> dict[str, Any]:
    return REGIONS | {"Condition": {operator: {"aws:RequestedRegion": list(regions)}}}


@pytest.mark.parametrize(
    "statement",
    [
        DENY,
        DENY | {"Action": "*"},
        DENY | {"Action": ["s3:*", "Organizations:Attach*"]},
        DENY | {"Action": "organizations:?ttachPolicy", "Condition": {}},
        DENY | {"Action": "organizations:DescribePolicy"},
        {"Effect": "Deny", "NotAction": ["iam:*", "organizations:List*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "organizations:*", "NotResource": "arn:aws:s3:::x"},
        outside_of("StringNotEquals", "eu-central-1", "eu-west-1"),
        outside_of("StringNotLikeIfExists", "eu-*"),
        REGIONS | {"Condition": {"StringEquals": {"aws:requestedregion": "us-east-1"}}},
    ],
)
def test_a_statement_that_locks_holdfast_out_is_an_error(statement: dict[str, Any]) -> None:
    assert severities(statement, "r-exme") == [Severity.ERROR]
    assert severities(statement, HOST) == [Severity.ERROR]


@pytest.mark.parametrize(
    "statement",
    [
        ALLOW,
        DENY | {"Action": "organizations:DetachPolicy"},
        DENY | {"Action": "organizations:LeaveOrganization"},
        {"Effect": "Deny", "NotAction": ["organizations:*"], "Resource": "*"},
        {"Effect": "Deny", "NotAction": "*", "Resource": "*"},
        DENY | {"Action": "*", "Resource": "arn:aws:iam::*:role/security/*"},
        {"Effect": "Deny", "Action": "*", "NotResource": "*"},
        outside_of("StringNotEquals", "eu-central-1", "us-east-1"),
        outside_of("StringNotLike", "us-gov-*"),
        REGIONS | {"Condition": {"StringEquals": {"aws:RequestedRegion": "ap-south-1"}}},
        {"Effect": "Deny"},
    ],
)
def test_a_statement_about_something_else_is_no_hazard(statement: dict[str, Any]) -> None:
    assert severities(statement, "r-exme") == []


@pytest.mark.parametrize(
    ("statement", "doubt"),
    [
        (
            DENY | {"Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/holdfast-*"}}},
            "its Condition decides; let it spare Holdfast's roles",
        ),
        (
            DENY
            | {
                "Condition": {
                    "StringNotEquals": {"aws:RequestedRegion": "eu-west-1", "aws:PrincipalTag/x": "y"}
                }
            },
            "its Condition decides; let it spare Holdfast's roles",
        ),
        (DENY | {"Condition": "x"}, "its Condition decides; let it spare Holdfast's roles"),
        (DENY | {"Resource": "arn:aws:organizations::*:policy/o-far1coz49w/*"}, "its resources decide"),
        (DENY | {"Resource": ["arn:aws:s3:::x", "arn:aws:*:*:*:x"]}, "its resources decide"),
        (
            {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:organizations::*:policy/*/p-7dj3cien"},
            "its resources decide",
        ),
    ],
)
def test_a_statement_that_may_lock_holdfast_out_is_a_warning(statement: dict[str, Any], doubt: str) -> None:
    [(severity, message)] = denial(statement, "r-exme")
    assert (severity, message.rpartition(": ")[2]) == (Severity.WARNING, doubt)


@pytest.mark.parametrize("targets", [("ou-exme-ycaqk99w",), (), ("111122223333", "ou-exme-ycaqk99w")])
def test_what_lies_below_an_ou_is_not_known_offline(targets: tuple[str, ...]) -> None:
    assert denial(DENY, *targets) == [
        (
            Severity.WARNING,
            (
                "Example (p-7dj3cien) may deny Holdfast in account 222233334444 organizations:AttachPolicy: "
                "it does if the account is below one of the targets"
            ),
        )
    ]


def test_another_accounts_policies_and_resource_control_policies_do_not_restrict_the_host() -> None:
    assert denial(DENY, "111122223333") == []
    assert denial(DENY | {"Principal": "*"}, "r-exme", policy_type=RCP) == []


def test_an_error_names_the_statement_and_every_action_that_is_denied() -> None:
    guardrail = read(
        {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}, DENY | {"Action": "organizations:*Polic*"}
    )
    [finding] = check_host([guardrail], HOST)
    assert (finding.severity, finding.file, finding.where, finding.message) == (
        Severity.ERROR,
        "policies/Example.json",
        "Statement[1]",
        (
            "Example (p-7dj3cien) denies Holdfast in account 222233334444 organizations:AttachPolicy, "
            "organizations:DescribePolicy, organizations:ListPoliciesForTarget, "
            "organizations:ListTargetsForPolicy, organizations:CreatePolicy, organizations:EnablePolicyType, "
            "organizations:UpdatePolicy: it could not put anything back"
        ),
    )


@pytest.mark.parametrize(("targets", "verb"), [(("r-exme",), "denies"), (("ou-exme-ycaqk99w",), "may deny")])
def test_what_only_restoring_types_and_texts_needs_is_a_warning(targets: tuple[str, ...], verb: str) -> None:
    actions = ["organizations:UpdatePolicy", "organizations:EnablePolicyType", "organizations:CreatePolicy"]
    assert denial(DENY | {"Action": actions}, *targets) == [
        (
            Severity.WARNING,
            (
                f"Example (p-7dj3cien) {verb} Holdfast in account 222233334444 organizations:CreatePolicy, "
                "organizations:EnablePolicyType, organizations:UpdatePolicy: needed where restoring policy "
                "types or texts is switched on"
            ),
        )
    ]


def test_a_host_that_is_no_account_is_an_error() -> None:
    [finding] = check_host([read(DENY)], "prod")
    assert (finding.severity, finding.where, finding.message) == (
        Severity.ERROR,
        "--host-account",
        "got 'prod', expected an account's id (12 digits)",
    )


ANYTHING = st.recursive(
    st.none()
    | st.integers()
    | st.text("*?[]!:as", max_size=30)
    | st.sampled_from(["Deny", "organizations:*"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["StringNotEquals", "aws:RequestedRegion", "x"]), inner)
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"]), ANYTHING
    )
)
def test_no_statement_is_too_strange_to_be_judged(statement: dict[str, Any]) -> None:
    stranger = statement | {"Effect": "Deny"}
    for finding in (*check_host([read(stranger)], HOST), *check_allows([read(statement)])):
        assert finding.message

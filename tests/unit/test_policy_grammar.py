from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.attachment import PolicyType
from holdfast.policy_document import PolicyDocument
from holdfast.quotas import QUOTAS
from holdfast_cli.finding import Finding, Severity
from holdfast_cli.policy_grammar import TOP_LEVEL_KEYS, check_document

SCP = PolicyType.SERVICE_CONTROL_POLICY
RCP = PolicyType.RESOURCE_CONTROL_POLICY

DENY: dict[str, Any] = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
DENY_ANYONE: dict[str, Any] = DENY | {"Principal": "*"}
STATEMENT_KEYS = "Action, Condition, Effect, NotAction, NotResource, Resource, Sid"


def found(
    text: str | bytes, policy_type: PolicyType | None = SCP, *, aws_managed: bool = False
) -> list[Finding]:
    content = text.encode() if isinstance(text, str) else text
    return list(check_document("a.json", content, policy_type, aws_managed=aws_managed))


def policy(*statements: object, **others: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)} | others)


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.where, finding.message) for finding in findings]


def told_of(statement: dict[str, Any], policy_type: PolicyType = SCP) -> list[tuple[str, str]]:
    return told(found(policy(statement), policy_type))


def conditioned(operator: str, key: str, value: object) -> dict[str, Any]:
    return DENY | {"Condition": {operator: {key: value}}}


def without(statement: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in statement.items() if name != key}


@pytest.mark.parametrize(
    "statement",
    [
        DENY,
        DENY | {"Sid": "DenyReading1"},
        DENY | {"Sid": ""},
        DENY | {"Action": ["s3:*", "ec2:Describe*", "iam:*User", "iam:?etUser", "*"]},
        {"Effect": "Deny", "NotAction": ["iam:*", "execute-api:Invoke"], "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": "bedrock:InvokeModel",
            "NotResource": ["arn:aws:bedrock:*::foundation-model/x"],
        },
        DENY | {"Resource": ["arn:aws:s3:::*", "arn:aws-cn:iam::*:role/a:b", "arn:*:ec2:*:*:instance/*"]},
        # The full IAM language, since 19 September 2025.
        {
            "Effect": "Allow",
            "NotAction": "iam:*",
            "Resource": "arn:aws:s3:::x/*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/team": ["red", "blue"]}},
        },
        {"Effect": "Allow", "Action": "ec2:*Instances", "NotResource": "arn:aws:ec2:*:*:volume/*"},
    ],
)
def test_a_service_control_policy_has_the_full_language(statement: dict[str, Any]) -> None:
    assert found(policy(statement)) == []


def test_a_statement_may_stand_without_a_list() -> None:
    assert found(json.dumps({"Version": "2012-10-17", "Statement": DENY})) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            DENY | {"Principal": "*"},
            (
                "Statement[0].Principal",
                f"no element of a statement in a service control policy, expected one of {STATEMENT_KEYS}",
            ),
        ),
        (
            DENY | {"NotPrincipal": {"AWS": "*"}},
            (
                "Statement[0].NotPrincipal",
                f"no element of a statement in a service control policy, expected one of {STATEMENT_KEYS}",
            ),
        ),
        (
            DENY | {"action": "s3:*"},
            (
                "Statement[0].action",
                f"no element of a statement in a service control policy, expected one of {STATEMENT_KEYS}",
            ),
        ),
        (
            DENY | {"Sid": "Deny reading"},
            ("Statement[0].Sid", "got 'Deny reading', expected letters A-Z and a-z and digits only"),
        ),
        (DENY | {"Sid": 7}, ("Statement[0].Sid", "got 7, expected letters A-Z and a-z and digits only")),
        (DENY | {"Effect": "deny"}, ("Statement[0].Effect", """got 'deny', expected "Allow" or "Deny\"""")),
        (without(DENY, "Effect"), ("Statement[0].Effect", """got nothing, expected "Allow" or "Deny\"""")),
        (without(DENY, "Action"), ("Statement[0].Action", "got nothing, expected Action or NotAction")),
        (
            without(DENY, "Resource"),
            ("Statement[0].Resource", "got nothing, expected Resource or NotResource"),
        ),
        (
            DENY | {"NotAction": "iam:*"},
            ("Statement[0].NotAction", "expected either Action or NotAction, not both"),
        ),
        (
            DENY | {"NotResource": "*"},
            ("Statement[0].NotResource", "expected either Resource or NotResource, not both"),
        ),
        (
            DENY | {"Action": ["s3:Get*", "s3"]},
            (
                "Statement[0].Action[1]",
                """got 's3', expected "*" or service:action, with * and ? in the action only""",
            ),
        ),
        (
            DENY | {"Action": "s*:GetObject"},
            (
                "Statement[0].Action",
                """got 's*:GetObject', expected "*" or service:action, with * and ? in the action only""",
            ),
        ),
        (
            DENY | {"Action": []},
            (
                "Statement[0].Action",
                """got [], expected "*" or service:action, with * and ? in the action only""",
            ),
        ),
        (
            DENY | {"Action": {"s3": "*"}},
            (
                "Statement[0].Action",
                """got {'s3': '*'}, expected "*" or service:action, with * and ? in the action only""",
            ),
        ),
        (
            DENY | {"Resource": "my-bucket"},
            ("Statement[0].Resource", """got 'my-bucket', expected "*" or an ARN with all six fields"""),
        ),
        (
            DENY | {"Resource": ["arn:aws:s3:::x", "arn:aws:s3"]},
            ("Statement[0].Resource[1]", """got 'arn:aws:s3', expected "*" or an ARN with all six fields"""),
        ),
        (DENY | {"Condition": []}, ("Statement[0].Condition", "got [], expected a JSON object of operators")),
        (
            DENY | {"Condition": {"StringEquals": "x"}},
            ("Statement[0].Condition.StringEquals", "got 'x', expected a JSON object of condition keys"),
        ),
        (
            conditioned("StringIs", "aws:PrincipalArn", "x"),
            (
                "Statement[0].Condition.StringIs",
                "got 'StringIs', expected a condition operator, such as StringEquals",
            ),
        ),
        (
            conditioned("NullIfExists", "aws:PrincipalArn", "true"),
            (
                "Statement[0].Condition.NullIfExists",
                "got 'NullIfExists', expected a condition operator, such as StringEquals",
            ),
        ),
        (
            conditioned("ForSomeValues:StringEquals", "aws:TagKeys", "x"),
            (
                "Statement[0].Condition['ForSomeValues:StringEquals']",
                "got 'ForSomeValues:StringEquals', expected a condition operator, such as StringEquals",
            ),
        ),
        (
            conditioned("StringEquals", "PrincipalArn", "x"),
            (
                "Statement[0].Condition.StringEquals.PrincipalArn",
                "got 'PrincipalArn', expected a condition key service:name, such as aws:PrincipalArn",
            ),
        ),
        (
            conditioned("StringEquals", "aws:PrincipalArn", ["x", {}]),
            (
                "Statement[0].Condition.StringEquals['aws:PrincipalArn'][1]",
                "got {}, expected a string, a number or a Boolean, or a list of them",
            ),
        ),
        (
            conditioned("BoolIfExists", "aws:SecureTransport", "no"),
            (
                "Statement[0].Condition.BoolIfExists['aws:SecureTransport']",
                """got 'no', expected "true" or "false\"""",
            ),
        ),
        (
            conditioned("NumericLessThan", "s3:max-keys", "ten"),
            ("Statement[0].Condition.NumericLessThan['s3:max-keys']", "got 'ten', expected a number"),
        ),
        (
            conditioned("NotIpAddress", "aws:SourceIp", ["10.0.0.0/8", "10.0.0.0/33"]),
            (
                "Statement[0].Condition.NotIpAddress['aws:SourceIp'][1]",
                "got '10.0.0.0/33', expected an IP address or a network in CIDR notation",
            ),
        ),
        (
            conditioned("DateLessThan", "aws:CurrentTime", "tomorrow"),
            (
                "Statement[0].Condition.DateLessThan['aws:CurrentTime']",
                "got 'tomorrow', expected a date in ISO 8601, or seconds since 1970",
            ),
        ),
    ],
)
def test_a_mistake_in_a_statement_is_named(statement: dict[str, Any], expected: tuple[str, str]) -> None:
    findings = found(policy(statement))
    assert (told(findings), {finding.severity for finding in findings}) == ([expected], {Severity.ERROR})


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringNotEqualsIgnoreCase", "aws:PrincipalTag/team role", "red"),
        ("ForAllValues:StringLikeIfExists", "aws:TagKeys", ["cost*", "team"]),
        ("ForAnyValue:ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/x"),
        ("NumericGreaterThanEquals", "s3:max-keys", 10),
        ("NumericEquals", "s3:max-keys", "-1.5"),
        ("DateGreaterThan", "aws:CurrentTime", "2026-11-22T09:00:00Z"),
        ("DateEquals", "aws:EpochTime", 1_795_338_000),
        ("Bool", "aws:SecureTransport", False),
        ("Null", "aws:PrincipalArn", "True"),
        ("IpAddressIfExists", "aws:SourceIp", ["2001:db8::/32", "203.0.113.7"]),
        ("IpAddress", "aws:SourceIp", "${aws:VpcSourceIp}"),
        ("BinaryEquals", "kms:Digest", "QmluYXJ5"),
        ("StringEquals", "token.actions.githubusercontent.com:sub", "repo:x/y"),
    ],
)
def test_every_family_of_condition_operators_is_known(operator: str, key: str, value: object) -> None:
    assert told_of(conditioned(operator, key, value)) == []


def test_an_operator_in_other_letters_is_a_warning() -> None:
    assert found(policy(conditioned("foranyvalue:stringequals", "aws:TagKeys", "x"))) == [
        Finding(
            Severity.WARNING,
            "a.json",
            "Statement[0].Condition['foranyvalue:stringequals']",
            "the documentation spells this operator otherwise",
            "'foranyvalue:stringequals'",
            "ForAnyValue:StringEquals",
        )
    ]


def test_no_value_is_a_warning() -> None:
    findings = found(policy(conditioned("StringEquals", "aws:TagKeys", [])))
    assert [(finding.severity, finding.message) for finding in findings] == [
        (Severity.WARNING, "an empty list, which no request matches")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("line 1, column 1", "not JSON: Expecting value")),
        (
            '{\n  "Version" "2012-10-17"\n}',
            ("line 2, column 13", "not JSON: Expecting ':' delimiter"),
        ),
        (
            '{"Effect": 1, "Effect": 2}',
            ("", "not a policy's text: the policy's text names Effect twice"),
        ),
        ("NaN", ("", "not a policy's text: NaN is not JSON")),
        ("[]", ("", "got [], expected a JSON object")),
        ('"Deny"', ("", "got 'Deny', expected a JSON object")),
        (policy(DENY, Version="2008-10-17"), ("Version", """got '2008-10-17', expected "2012-10-17\"""")),
        (json.dumps({"Statement": DENY}), ("Version", """got nothing, expected "2012-10-17\"""")),
        (
            '{"Version": "2012-10-17"}',
            ("Statement", "got nothing, expected a statement, or a list of at least one"),
        ),
        (policy(), ("Statement", "got [], expected a statement, or a list of at least one")),
        (policy("Deny"), ("Statement[0]", "got 'Deny', expected a statement: a JSON object")),
        (
            policy(DENY, Statements=[]),
            ("Statements", "got 'Statements', expected the keys Version and Statement only"),
        ),
        (
            policy(DENY | {"Sid": "A"}, DENY | {"Sid": "A"}),
            ("Statement[1].Sid", "got 'A', expected each Sid once in a policy"),
        ),
    ],
)
def test_a_mistake_around_the_statements_is_named(text: str, expected: tuple[str, str]) -> None:
    findings = found(text)
    assert (told(findings), {finding.severity for finding in findings}) == ([expected], {Severity.ERROR})


def test_bytes_that_are_no_text_are_named() -> None:
    assert told(found(b"\xff")) == [
        ("", "not a policy's text: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte")
    ]


def test_all_mistakes_are_listed_at_once() -> None:
    broken = {"Effect": "deny", "Action": "s3", "Resource": "x", "Sid": "?", "Principal": "*"}
    assert [where for where, _ in told(found(policy(broken, broken, Version="1")))] == [
        "Version",
        *(
            f"Statement[{index}].{element}"
            for index in range(2)
            for element in ("Principal", "Effect", "Action", "Resource", "Sid")
        ),
    ]


def test_an_id_is_a_warning() -> None:
    assert [finding.severity for finding in found(policy(DENY, Id="x"))] == [Severity.WARNING]


def test_a_resource_control_policy_denies_everyone_some_service() -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:*", "sts:AssumeRole*"],
        "NotResource": "arn:aws:s3:::public/*",
        "Condition": {"BoolIfExists": {"aws:SecureTransport": "false"}},
    }
    assert told_of(statement, RCP) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (DENY_ANYONE | {"Effect": "Allow"}, ("Statement[0].Effect", """got 'Allow', expected "Deny\"""")),
        (
            DENY,
            (
                "Statement[0].Principal",
                """got nothing, expected "*"; a Condition restricts it to some principals""",
            ),
        ),
        (
            DENY | {"Principal": {"AWS": "*"}},
            (
                "Statement[0].Principal",
                """got {'AWS': '*'}, expected "*"; a Condition restricts it to some principals""",
            ),
        ),
        (
            DENY_ANYONE | {"Action": "*"},
            ("Statement[0].Action", "got '*', expected service:action, with * and ? in the action only"),
        ),
        (
            DENY_ANYONE | {"NotAction": "iam:*"},
            (
                "Statement[0].NotAction",
                (
                    "no element of a statement in a resource control policy, expected one of "
                    "Action, Condition, Effect, NotResource, Principal, Resource, Sid"
                ),
            ),
        ),
    ],
)
def test_a_resource_control_policy_has_rules_of_its_own(
    statement: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert told_of(statement, RCP) == [expected]


def test_only_the_policy_that_aws_manages_may_allow_everything() -> None:
    text = policy({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"})
    assert found(text, RCP, aws_managed=True) == []
    assert [where for where, _ in told(found(text, RCP))] == ["Statement[0].Effect", "Statement[0].Action"]


GOOD_DOCUMENTS: dict[PolicyType, dict[str, Any]] = {
    PolicyType.TAG_POLICY: {"tags": {"CostCenter": {"tag_key": {"@@assign": "CostCenter"}}}},
    PolicyType.BACKUP_POLICY: {"plans": {"daily": {"regions": {"@@assign": ["eu-central-1"]}}}},
    PolicyType.AISERVICES_OPT_OUT_POLICY: {
        "services": {"default": {"opt_out_policy": {"@@assign": "optOut"}}}
    },
    PolicyType.CHATBOT_POLICY: {"chatbot": {"default": {"client": {"@@assign": "disabled"}}}},
    PolicyType.DECLARATIVE_POLICY_EC2: {
        "ec2_attributes": {"serial_console_access": {"status": {"@@assign": "disabled"}}}
    },
    PolicyType.SECURITYHUB_POLICY: {"securityhub": {"enable_in_regions": {"@@append": ["ALL_SUPPORTED"]}}},
    PolicyType.INSPECTOR_POLICY: {"inspector": {"enablement": {}}},
    PolicyType.UPGRADE_ROLLOUT_POLICY: {
        "upgrade_rollout": {"default": {"patch_order": {"@@assign": "last"}}}
    },
    PolicyType.BEDROCK_POLICY: {"bedrock": {"guardrail_inference": {}}},
    PolicyType.S3_POLICY: {"s3_attributes": {"public_access_block_configuration": {"@@assign": "all"}}},
    PolicyType.NETWORK_SECURITY_DIRECTOR_POLICY: {"network_security_director": {"enablement": {}}},
    PolicyType.GUARDDUTY_POLICY: {"guardduty": {"enablement": {}}},
    PolicyType.SECURITYHUB_CSPM_POLICY: {"anything": 1},
}


@pytest.mark.parametrize("policy_type", sorted(set(PolicyType) - {SCP, RCP}))
def test_a_policy_of_every_other_type_starts_with_its_key(policy_type: PolicyType) -> None:
    assert found(json.dumps(GOOD_DOCUMENTS[policy_type]), policy_type) == []


@pytest.mark.parametrize("policy_type", sorted(TOP_LEVEL_KEYS))
def test_another_key_is_a_mistake(policy_type: PolicyType) -> None:
    key = TOP_LEVEL_KEYS[policy_type]
    severities = [(finding.where, finding.severity) for finding in found('{"Statement": []}', policy_type)]
    assert severities == [(key, Severity.ERROR), ("Statement", Severity.WARNING)]
    assert told(found(json.dumps({key: []}), policy_type)) == [(key, "got [], expected a JSON object")]


def test_a_document_of_an_unknown_type_must_be_an_object() -> None:
    assert found("{}", None) == []
    assert told(found("[]", None)) == [("", "got [], expected a JSON object")]


def padded(characters: int, spaces: int = 0) -> str:
    """Return a service control policy of so many characters, and spaces behind it."""
    empty = PolicyDocument.parse(policy(DENY | {"Resource": "arn:aws:s3:::"})).canonical
    return empty.replace(":::", ":::" + "x" * (characters - len(empty))) + " " * spaces


@pytest.mark.parametrize(
    ("characters", "spaces", "severities"),
    [
        (10_240, 0, []),
        (10_240, 1, [Severity.WARNING]),
        (10_241, 0, [Severity.ERROR]),
        (10_241, 9, [Severity.ERROR]),
    ],
)
def test_the_size_is_compared_with_the_quota_as_written_and_minified(
    characters: int, spaces: int, severities: list[Severity]
) -> None:
    assert [finding.severity for finding in found(padded(characters, spaces))] == severities


def test_a_size_is_told_with_both_numbers_and_the_quota() -> None:
    expected = "expected at most 10,240 characters, the published quota of SERVICE_CONTROL_POLICY"
    assert told(found(padded(10_241, 9))) == [
        ("", f"10,241 characters without white space (10,250 as written), {expected}")
    ]
    assert told(found(padded(10_000, 300))) == [
        (
            "",
            (
                "10,300 characters as written, 10,000 without white space: sent as written, as an SDK or the "
                f"CLI does, it is refused; {expected}"
            ),
        )
    ]


@pytest.mark.parametrize("policy_type", PolicyType)
def test_every_type_has_its_own_size(policy_type: PolicyType) -> None:
    size = QUOTAS[policy_type].characters
    text = json.dumps({TOP_LEVEL_KEYS.get(policy_type, "x"): {"x": "x" * size}}, separators=(",", ":"))
    sizes = [message for where, message in told(found(text, policy_type)) if not where]
    assert len(sizes) == 1
    assert f"at most {size:,} characters" in sizes[0]


def test_a_character_counts_once_however_many_bytes_it_takes() -> None:
    assert found(padded(10_240).replace("x", "ü")) == []


WORDS = st.sampled_from(
    [
        *("Version", "2012-10-17", "Statement", "Id", "Sid", "Effect", "Allow", "Deny", "Principal", "*"),
        *("Action", "NotAction", "s3:Get*", "Resource", "NotResource", "arn:aws:s3:::x", "Condition"),
        *("StringEquals", "ForAllValues:StringLikeIfExists", "Bool", "NumericEquals", "IpAddress", "Date"),
        *("aws:PrincipalArn", "true", "tags", "@@assign", "${aws:x}", "\ud800", "\x1b[2J"),
    ]
)
ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS
ANY_JSON = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
ANY_STATEMENT = st.dictionaries(
    st.sampled_from(
        ["Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"]
    ),
    ANY_JSON,
)
ANY_POLICY = st.fixed_dictionaries(
    {"Version": ATOMS, "Statement": st.lists(ANY_STATEMENT, max_size=2) | ANY_JSON}, optional={"Id": ATOMS}
)


@given(
    st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode(errors="ignore")),
    st.sampled_from([None, *PolicyType]),
)
def test_no_bytes_are_too_strange_to_be_checked(content: bytes, policy_type: PolicyType | None) -> None:
    for finding in found(content, policy_type):
        assert finding.file == "a.json"


@given(ANY_JSON | ANY_POLICY, st.sampled_from([None, *PolicyType]))
def test_no_json_is_too_strange_to_be_checked(value: object, policy_type: PolicyType | None) -> None:
    for finding in found(json.dumps(value), policy_type):
        assert finding.message
        assert (finding.value or "").isprintable()


@pytest.mark.parametrize("text", ["[" * 100_000, '{"Version":' * 100_000, "1" * 5_000])
def test_what_a_parser_could_choke_on_is_a_finding(text: str) -> None:
    assert [finding.severity for finding in found(text)] == [Severity.ERROR]


NAMES = st.text("abcXYZ019", min_size=1, max_size=8)
GOOD_STATEMENTS = st.builds(
    lambda effect, action, actions, resource, resources, condition: {
        "Effect": effect,
        action: actions,
        resource: resources,
        "Condition": condition,
    },
    st.sampled_from(["Allow", "Deny"]),
    st.sampled_from(["Action", "NotAction"]),
    st.just("*") | st.lists(st.builds("{}:{}*{}".format, NAMES, NAMES, NAMES), min_size=1, max_size=3),
    st.sampled_from(["Resource", "NotResource"]),
    st.just("*") | st.lists(st.builds("arn:aws:{}:::{}/*".format, NAMES, NAMES), min_size=1, max_size=3),
    st.dictionaries(
        st.builds(
            "{}{}{}".format,
            st.sampled_from(["", "ForAllValues:", "ForAnyValue:"]),
            st.sampled_from(["StringLike", "ArnEquals", "BinaryEquals", "StringNotEquals"]),
            st.sampled_from(["", "IfExists"]),
        ),
        st.dictionaries(
            st.builds("aws:{}".format, NAMES),
            NAMES | st.lists(NAMES, min_size=1, max_size=2),
            min_size=1,
            max_size=2,
        ),
        max_size=2,
    ),
)


@given(st.lists(GOOD_STATEMENTS, min_size=1, max_size=3))
def test_what_the_grammar_produces_is_accepted(statements: list[dict[str, Any]]) -> None:
    assert found(policy(*statements)) == []

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.policy_document import PolicyDocument
from tests.unit.outside import JSON, WORDS

DENY = {"Effect": "Deny", "Action": "*", "Resource": "*"}
ALLOW = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
ALLOW_MORE = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def saying(*statements: object) -> PolicyDocument:
    return PolicyDocument.parse(json.dumps({"Version": "2012-10-17", "Statement": statements}))


def test_spelling_does_not_matter() -> None:
    spaced = '{ "Statement": [ {"Action" : "*", "Effect":"Deny"} ],\n"Version":"2012-10-17" }'
    dense = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*"}]}'
    assert PolicyDocument.parse(spaced) == PolicyDocument.parse(dense)


def test_escapes_do_not_matter() -> None:
    assert PolicyDocument.parse(r'{"Sid": "\u0041"}') == PolicyDocument.parse('{"Sid": "A"}')


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"Action": ["a", "b"]}', '{"Action": ["b", "a"]}'),
        ('{"Action": "*"}', '{"Action": ["*"]}'),
        ('{"Effect": "Deny"}', '{"effect": "Deny"}'),
        ("[1]", "[1.0]"),
        ("[true]", "[1]"),
    ],
)
def test_everything_else_matters(one: str, other: str) -> None:
    assert PolicyDocument.parse(one) != PolicyDocument.parse(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "{",
        "{} {}",
        '{"Effect": "Deny", "Effect": "Allow"}',
        '{"Statement": [{"Action": "a", "Action": "b"}]}',
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": 1e999}',
        "[" * 200_000 + "]" * 200_000,
    ],
    ids=[
        "empty",
        "words",
        "open",
        "two",
        "key twice",
        "key twice inside",
        "NaN",
        "Infinity",
        "beyond",
        "deep",
    ],
)
def test_what_two_readers_could_read_differently_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        PolicyDocument.parse(text)


@pytest.mark.parametrize(
    ("live", "declared", "widened"),
    [
        (saying(DENY), saying(DENY), False),
        (saying(ALLOW), saying(ALLOW), False),
        (saying(ALLOW, DENY), saying(DENY, ALLOW), False),
        (saying(ALLOW_MORE), saying(ALLOW), True),
        (saying(ALLOW, ALLOW_MORE), saying(ALLOW), True),
        (saying(DENY), saying(ALLOW), False),
        (saying(ALLOW), saying(DENY), True),
    ],
    ids=["deny", "same", "order", "other", "another", "none", "first"],
)
def test_a_text_allows_more_if_it_has_an_allow_that_the_other_lacks(
    live: PolicyDocument, declared: PolicyDocument, *, widened: bool
) -> None:
    assert live.allows_more_than(declared) is widened


def test_a_lone_statement_counts_like_a_list_of_one() -> None:
    """Source: IAM user guide, "IAM JSON policy elements: Statement"."""
    lone = PolicyDocument.parse(json.dumps({"Statement": ALLOW}))
    assert lone.allow_statements() == saying(ALLOW).allow_statements()


@pytest.mark.parametrize("text", ["[]", '"Allow"', "7", "null", "{}", '{"Statement": []}'])
def test_what_is_no_policy_allows_nothing(text: str) -> None:
    assert PolicyDocument.parse(text).allow_statements() == frozenset()


@pytest.mark.parametrize("statement", ["Allow", 7, {"Effect": "allow"}, {"effect": "Deny"}, {}])
def test_a_statement_that_is_not_plainly_a_deny_counts_as_an_allow(statement: object) -> None:
    live = PolicyDocument.parse(json.dumps({"Statement": [statement]}))
    assert live.allows_more_than(saying(DENY))


@given(JSON.map(json.dumps).map(json.loads))
def test_a_document_equals_itself_however_it_is_spelled(value: object) -> None:
    spaced = PolicyDocument.parse(json.dumps(value, indent=4, ensure_ascii=True))
    dense = PolicyDocument.parse(json.dumps(value, separators=(",", ":"), ensure_ascii=False))
    assert spaced == dense


@given(WORDS | st.from_regex(r"[\[\]{}\",:0-9eE\\u -]{0,60}"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        document = PolicyDocument.parse(text)
    except ValueError:
        return
    assert not document.allows_more_than(document)

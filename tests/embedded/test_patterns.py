from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localaws.patterns import EventPattern, PatternError

EVENT: dict[str, Any] = {
    "source": "aws.organizations",
    "resources": [],
    "detail": {
        "eventName": "DetachPolicy",
        "sourceIPAddress": "10.0.0.33",
        "count": 5,
        "ratio": 301.8,
        "dryRun": True,
        "responseElements": None,
        "requestParameters": {"policyId": "p-one", "names": ["alpha", "beta"]},
        "steps": [{"kind": "read", "ok": True}, {"kind": "write", "ok": False}],
        "grid": [["a"], ["b", "c"]],
        "empty": [],
        "text": "line one\nline two",
        "file": "reports/2026/a*b.png",
    },
}


def matches(detail: Any) -> bool:
    return EventPattern.parse(json.dumps({"detail": detail})).matches(EVENT)


@pytest.mark.parametrize(
    "detail",
    [
        {"eventName": ["AttachPolicy", "DetachPolicy"]},
        {"eventName": [{"prefix": "Detach"}]},
        {"eventName": [{"prefix": {"equals-ignore-case": "detach"}}]},
        {"eventName": [{"suffix": "Policy"}]},
        {"eventName": [{"suffix": {"equals-ignore-case": "POLICY"}}]},
        {"eventName": [{"equals-ignore-case": "detachpolicy"}]},
        {"eventName": [{"wildcard": "D*Pol*y"}]},
        {"text": [{"wildcard": "line*two"}]},
        {"file": [{"wildcard": "*/a\\*b.png"}]},
        {"eventName": [{"anything-but": "AttachPolicy"}]},
        {"eventName": [{"anything-but": ["AttachPolicy", "MoveAccount"]}]},
        {"eventName": [{"anything-but": {"prefix": "Attach"}}]},
        {"eventName": [{"anything-but": {"prefix": ["Attach", "Move"]}}]},
        {"eventName": [{"anything-but": {"suffix": "Account"}}]},
        {"eventName": [{"anything-but": {"equals-ignore-case": ["ATTACHPOLICY"]}}]},
        {"eventName": [{"anything-but": {"wildcard": "Attach*"}}]},
        {"count": [5]},
        {"count": [5.0]},
        {"count": [{"anything-but": [1, 2]}]},
        {"count": [{"numeric": ["=", 5]}]},
        {"ratio": [{"numeric": [">", 300, "<=", 301.8]}]},
        {"sourceIPAddress": [{"cidr": "10.0.0.0/24"}]},
        {"sourceIPAddress": [{"cidr": "10.0.0.7/24"}]},
        {"responseElements": [None]},
        {"responseElements": [{"exists": True}]},
        {"dryRun": [True]},
        {"errorCode": [{"exists": False}]},
        {"errorCode": {"below": [{"exists": False}]}},
        {"empty": [{"exists": False}]},
        {"requestParameters": [{"exists": False}]},
        {"requestParameters": {"names": ["beta"]}},
        {"grid": ["c"]},
        {"steps": {"kind": ["write"], "ok": [False]}},
        {"$or": [{"eventName": ["AttachPolicy"]}, {"count": [5]}]},
        {"eventName": ["DetachPolicy"], "$or": [{"count": [6]}, {"count": [5]}]},
    ],
)
def test_an_event_fits(detail: Any) -> None:
    assert matches(detail)


@pytest.mark.parametrize(
    "detail",
    [
        {"eventName": ["detachpolicy"]},
        {"eventName": ["DetachPolicy"], "count": [6]},
        {"eventName": [{"anything-but": ["DetachPolicy"]}]},
        {"eventName": [{"anything-but": {"prefix": ["Attach", "Detach"]}}]},
        {"eventName": [{"prefix": "detach"}]},
        {"errorCode": [{"anything-but": "AccessDenied"}]},
        {"errorCode": [{"exists": True}]},
        {"eventName": [{"exists": False}]},
        {"empty": [{"exists": True}]},
        {"requestParameters": [{"exists": True}]},
        {"requestParameters": ["p-one"]},
        {"dryRun": [1]},
        {"count": ["5"]},
        {"count": [True]},
        {"count": [{"prefix": "5"}]},
        {"dryRun": [{"numeric": ["=", 1]}]},
        {"count": [{"numeric": [">", 5]}]},
        {"eventName": [{"cidr": "10.0.0.0/24"}]},
        {"sourceIPAddress": [{"cidr": "10.0.1.0/24"}]},
        {"steps": {"kind": ["read"], "ok": [False]}},
        {"$or": [{"eventName": ["AttachPolicy"]}, {"count": [6]}]},
        {"file": [{"wildcard": "*/a\\*c.png"}]},
    ],
)
def test_an_event_does_not_fit(detail: Any) -> None:
    assert not matches(detail)


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ({"a": [{"contains": "x"}]}, "Unrecognized match type: contains, at a"),
        ({"a": [{"prefix": 1}]}, "The match pattern must be a string: prefix, at a"),
        ({"a": [{"prefix": {"wildcard": "x"}}]}, "Unrecognized match type: wildcard in prefix, at a"),
        ({"a": [{"prefix": "x", "suffix": "y"}]}, "Only one operator is allowed in a match expression: a"),
        ({"a": [{"exists": "true"}]}, "exists must be true or false: a"),
        ({"a": [{"wildcard": "x**"}]}, "Consecutive wildcard characters: a"),
        ({"a": [{"wildcard": "x\\y"}]}, "Invalid escape character in wildcard: a"),
        ({"a": [{"numeric": ["~", 1]}]}, "Unrecognized numeric range operator: ~, at a"),
        ({"a": [{"numeric": [">", "1"]}]}, "The value of a numeric range must be a number: >, at a"),
        ({"a": [{"numeric": [">"]}]}, "numeric needs one or two comparisons: a"),
        ({"a": [{"anything-but": {"numeric": [">", 1]}}]}, "Unsupported anything-but pattern: numeric, at a"),
        ({"a": [{"anything-but": [None]}]}, "anything-but takes strings and numbers: a"),
        ({"a": [{"anything-but": []}]}, "Empty arrays are not allowed: a"),
        ({"a": []}, "Empty arrays are not allowed: a"),
        ({"a": [["x"]]}, "Match value must be a string, a number, true, false, null or an object: a"),
        ({"a": "x"}, "A field must be an object or an array: a"),
        ({"a": {}}, "Empty objects are not allowed: a"),
        ({"$or": [{"a": ["x"]}]}, "'$or' must be an array of two or more objects: detail"),
    ],
)
def test_a_pattern_that_is_not_understood_is_an_error(detail: Any, reason: str) -> None:
    with pytest.raises(PatternError) as refused:
        EventPattern.parse(json.dumps({"detail": detail}))
    assert str(refused.value) == reason


@pytest.mark.parametrize("text", ["", "[]", "{", "{}"])
def test_a_text_that_is_no_pattern_is_an_error(text: str) -> None:
    with pytest.raises(PatternError):
        EventPattern.parse(text)


def test_a_malformed_network_is_an_error() -> None:
    with pytest.raises(PatternError, match="Malformed CIDR"):
        EventPattern.parse('{"a": [{"cidr": "10.0.0.0/99"}]}')


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
operators = st.sampled_from(
    ["prefix", "suffix", "exists", "numeric", "cidr", "wildcard", "anything-but", "equals-ignore-case", "odd"]
)
documents = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "$or"]) | operators, inner, max_size=4)
    ),
    max_leaves=15,
)
objects = st.dictionaries(st.sampled_from(["a", "b", "$or"]), documents, max_size=3)


@given(objects, objects)
def test_any_document_is_a_pattern_or_a_pattern_error(pattern: dict[str, Any], event: dict[str, Any]) -> None:
    try:
        parsed = EventPattern.parse(json.dumps(pattern))
    except PatternError:
        return
    assert parsed.matches(event) in {True, False}


@given(st.dictionaries(st.text(), leaves, min_size=1))
def test_an_event_fits_the_pattern_that_lists_its_own_values(fields: dict[str, Any]) -> None:
    pattern = {name: [value] for name, value in fields.items() if name != "$or"}
    if pattern:
        assert EventPattern.parse(json.dumps(pattern)).matches(fields)

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localaws.transformer import InputTransformer, Path, TransformError

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "AWS API Call via CloudTrail",
    "source": "aws.organizations",
    "detail": {
        "policy-id": "p-one",
        "agent": 'a "quoted" agent',
        "count": 3,
        "readOnly": False,
        "error": None,
        "targets": [{"id": "r-exmp"}, {"id": "ou-exmp-one"}],
        "request": {"policyId": "p-one"},
    },
}
RULE = "arn:aws:events:us-east-1:111122223333:rule/watch"


def transform(template: str, event: dict[str, Any] = EVENT, **paths: str) -> str:
    named = {name.replace("_", "-"): path for name, path in paths.items()}
    transformer = InputTransformer.parse({"InputPathsMap": named, "InputTemplate": template})
    now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    return transformer.apply(event, rule_arn=RULE, rule_name="watch", ingested_at=now)


def test_a_string_outside_of_quotes_gets_quotes_and_inside_it_does_not() -> None:
    result = transform('{"id": <id>, "said": "the policy <id>"}', id="$.detail.policy-id")
    assert json.loads(result) == {"id": "p-one", "said": "the policy p-one"}


def test_numbers_booleans_null_arrays_and_objects_keep_their_type() -> None:
    result = transform(
        '{"count": <count>, "flag": <flag>, "error": <error>, "request": <request>, "targets": <targets>}',
        count="$.detail.count",
        flag="$.detail.readOnly",
        error="$.detail.error",
        request="$.detail.request",
        targets="$.detail.targets",
    )
    assert json.loads(result) == {
        "count": 3,
        "flag": False,
        "error": None,
        "request": {"policyId": "p-one"},
        "targets": [{"id": "r-exmp"}, {"id": "ou-exmp-one"}],
    }


def test_an_object_inside_quotes_loses_its_own_quotes() -> None:
    assert transform('"request <request>"', request="$.detail.request") == '"request {policyId:p-one}"'


def test_a_value_that_the_event_lacks_is_empty() -> None:
    assert json.loads(transform('{"code": <code>}', code="$.detail.errorCode")) == {"code": ""}
    assert transform('"code <code>"', code="$.detail.errorCode") == '"code "'


def test_a_text_keeps_its_lines_and_their_quotes() -> None:
    result = transform('"policy <id>"\n"by <source>"\n', id="$.detail.policy-id", source="$.source")
    assert result == '"policy p-one"\n"by aws.organizations"\n'


def test_a_value_is_not_escaped_and_may_break_the_result() -> None:
    with pytest.raises(TransformError, match="neither JSON nor lines of quoted text"):
        transform('{"agent": "<agent>"}', agent="$.detail.agent")
    with pytest.raises(TransformError, match="neither JSON nor lines of quoted text"):
        transform('"agent <agent>"', agent="$.detail.agent")


def test_an_escaped_quote_does_not_end_a_string() -> None:
    result = transform('{"said": "policy \\"<id>\\""}', id="$.detail.policy-id")
    assert json.loads(result) == {"said": 'policy "p-one"'}


def test_the_reserved_names_tell_of_the_rule_and_the_event() -> None:
    result = transform(
        '{"arn": <aws.events.rule-arn>, "name": "<aws.events.rule-name>", "all": <aws.events.event.json>,'
        ' "at": <aws.events.event.ingestion-time>, "envelope": <aws.events.event>}'
    )
    envelope = {key: value for key, value in EVENT.items() if key not in {"detail", "detail-type"}}
    assert json.loads(result) == {
        "arn": RULE,
        "name": "watch",
        "all": EVENT,
        "at": "2026-11-22T09:00:00Z",
        "envelope": {**envelope, "detailType": EVENT["detail-type"]},
    }


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"InputTemplate": '"<nobody>"'}, "InputTemplate contains invalid placeholder nobody"),
        ({"InputTemplate": ""}, "InputTemplate has 0 characters, not 1 to 8192"),
        ({"InputTemplate": "x" * 8193}, "InputTemplate has 8193 characters, not 1 to 8192"),
        (
            {"InputTemplate": '""', "InputPathsMap": {f"n{number}": "$.id" for number in range(101)}},
            "InputPathsMap has 101 paths, and 100 are the most",
        ),
        ({"InputTemplate": '""', "InputPathsMap": {"a": "detail"}}, "a path begins with $, not 'detail'"),
        ({"InputTemplate": '""', "InputPathsMap": {"a": "$.a[?(@.b)]"}}, "unsupported path '$.a[?(@.b)]'"),
        (
            {"InputTemplate": '""', "InputPathsMap": {"aws.events.event": "$"}},
            "InputPathsMap contains invalid name 'aws.events.event'",
        ),
    ],
)
def test_a_transformer_that_eventbridge_refuses_is_an_error(document: Any, reason: str) -> None:
    with pytest.raises(TransformError) as refused:
        InputTransformer.parse(document)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", EVENT),
        ("$.detail.targets[1].id", "ou-exmp-one"),
        ("$.detail.targets[*].id", ["r-exmp", "ou-exmp-one"]),
        ("$.detail.request.*", ["p-one"]),
        ("$.detail-type", "AWS API Call via CloudTrail"),
    ],
)
def test_a_path_selects(path: str, value: Any) -> None:
    assert Path.parse(path).select(EVENT) == value


@pytest.mark.parametrize("path", ["$.nothing", "$.detail.targets[2]", "$.detail[0]", "$.id.below"])
def test_a_path_to_nothing_is_a_key_error(path: str) -> None:
    with pytest.raises(KeyError):
        Path.parse(path).select(EVENT)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(max_size=60), values)
def test_any_template_gives_a_readable_input_or_its_own_error(template: str, value: Any) -> None:
    try:
        result = transform(template + "<v>", {"detail": value}, v="$.detail")
    except TransformError:
        return
    try:
        json.loads(result)
    except ValueError:
        assert all(isinstance(json.loads(line), str) for line in result.split("\n") if line.strip())


@given(values)
def test_a_whole_value_arrives_unharmed_if_it_is_no_string(value: Any) -> None:
    if not isinstance(value, str):
        assert json.loads(transform('{"v": <v>}', {"detail": value}, v="$.detail")) == {"v": value}


@given(st.text())
def test_any_path_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(TransformError, KeyError):
        Path.parse(text).select(EVENT)

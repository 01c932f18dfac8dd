from __future__ import annotations

from typing import Any

import pytest

from holdfast.reconciliation.trail_selection import TrailState, shortcoming_of

NO_WRITES = "does not log management write events of Organizations"


def basic(**changed: Any) -> TrailState:
    usual = {"ReadWriteType": "All", "IncludeManagementEvents": True, "ExcludeManagementEventSources": []}
    return TrailState(logging=True, selectors=[{**usual, **changed}])


def advanced(*fields: dict[str, Any]) -> TrailState:
    return TrailState(logging=True, advanced_selectors=[{"Name": "", "FieldSelectors": list(fields)}])


MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}
KMS_LEFT_OUT = {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com", "rdsdata.amazonaws.com"]}


@pytest.mark.parametrize(
    ("trail", "shortcoming"),
    [
        (basic(), None),
        (basic(ReadWriteType="WriteOnly"), None),
        (basic(ReadWriteType="ReadOnly"), NO_WRITES),
        (basic(IncludeManagementEvents=False), NO_WRITES),
        (basic(ExcludeManagementEventSources=["kms.amazonaws.com"]), None),
        (basic(ExcludeManagementEventSources=["organizations.amazonaws.com"]), NO_WRITES),
        (advanced(MANAGEMENT), None),
        (advanced(MANAGEMENT, KMS_LEFT_OUT), None),
        (advanced(MANAGEMENT, {"Field": "readOnly", "Equals": ["false"]}), None),
        (advanced(MANAGEMENT, {"Field": "readOnly", "Equals": ["true"]}), NO_WRITES),
        (
            advanced(MANAGEMENT, {"Field": "eventSource", "NotEquals": ["organizations.amazonaws.com"]}),
            NO_WRITES,
        ),
        (advanced(MANAGEMENT, {"Field": "eventSource", "NotStartsWith": ["organizations."]}), NO_WRITES),
        (advanced(MANAGEMENT, {"Field": "eventSource", "EndsWith": [".amazonaws.com"]}), None),
        (advanced(MANAGEMENT, {"Field": "eventSource", "NotEndsWith": [".amazonaws.com"]}), NO_WRITES),
        (advanced(MANAGEMENT, {"Field": "eventSource", "StartsWith": ["iam.", "sts."]}), NO_WRITES),
        (advanced(MANAGEMENT, {"Field": "userIdentity.arn", "NotEquals": ["arn:x"]}), NO_WRITES),
        (advanced({"Field": "eventCategory", "Equals": ["Data"]}), NO_WRITES),
        (advanced({"Field": "readOnly", "Equals": ["false"]}), NO_WRITES),
        (TrailState(logging=True), NO_WRITES),
        (TrailState(logging=False, selectors=basic().selectors), "is stopped"),
    ],
)
def test_a_trail_logs_the_organizations_changes_or_says_why_not(
    trail: TrailState, shortcoming: str | None
) -> None:
    assert shortcoming_of(trail) == shortcoming


def test_one_selector_that_takes_them_is_enough() -> None:
    both = [*basic(ReadWriteType="ReadOnly").selectors, *basic().selectors]
    assert shortcoming_of(TrailState(logging=True, selectors=both)) is None

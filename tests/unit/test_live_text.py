from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.baseline import Guardrail
from holdfast.errors import ChangedSuccessorError, HoldfastError, WidenedPolicyError
from holdfast.live_text import check_text, text_matters
from tests.unit.examples import ALLOW_ONLY_EU_TEXT, DENY_ALL, example_baseline

_BY_NAME = {guardrail.name: guardrail for guardrail in example_baseline().guardrails}
DENYING = _BY_NAME["DenyUnapprovedRegions"]
ALLOWING = _BY_NAME["AllowOnlyEu"]


def made_again(guardrail: Guardrail) -> Guardrail:
    return replace(guardrail, policy_id="p-madeagain1", declared_id=guardrail.policy_id)


def test_the_text_matters_where_something_is_allowed_or_was_made_again() -> None:
    assert [text_matters(guardrail) for guardrail in (DENYING, ALLOWING, made_again(DENYING))] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("guardrail", "content"),
    [
        (ALLOWING, ALLOW_ONLY_EU_TEXT.replace(" ", "")),
        (ALLOWING, DENY_ALL),
        (DENYING, DENY_ALL.replace("*", "s3:*")),
        (made_again(DENYING), DENY_ALL.replace(" ", "")),
        (made_again(ALLOWING), ALLOW_ONLY_EU_TEXT),
    ],
)
def test_a_text_that_allows_no_more_may_be_attached(guardrail: Guardrail, content: str) -> None:
    """What is weaker is attached and told; a policy made again must be the declared one."""
    check_text(guardrail, content)


@pytest.mark.parametrize(
    ("guardrail", "content", "kind", "complaint"),
    [
        (
            ALLOWING,
            ALLOW_ONLY_EU_TEXT.replace("eu-central-1", "*"),
            WidenedPolicyError,
            "p-allowlist01 has an Allow statement that its document lacks",
        ),
        (
            ALLOWING,
            "not json",
            WidenedPolicyError,
            "p-allowlist01: its text cannot be read: Expecting value: line 1 column 1 (char 0)",
        ),
        (
            made_again(DENYING),
            DENY_ALL.replace("*", "s3:*"),
            ChangedSuccessorError,
            f"p-madeagain1, in the place of p-7dj3cien ({DENYING.name}), has another text than declared",
        ),
        (
            made_again(DENYING),
            "not json",
            ChangedSuccessorError,
            "p-madeagain1: its text cannot be read: Expecting value: line 1 column 1 (char 0)",
        ),
    ],
)
def test_any_other_text_is_refused(
    guardrail: Guardrail, content: str, kind: type[HoldfastError], complaint: str
) -> None:
    with pytest.raises(kind) as raised:
        check_text(guardrail, content)
    assert str(raised.value) == complaint

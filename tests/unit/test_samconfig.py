from __future__ import annotations

import pytest

from holdfast_cli.samconfig import SamconfigError, with_alert_policy_ids

IDS = ("p-one0000001", "p-two0000002")

TEXT = """\
# Ours.
version = 0.1

[default.deploy.parameters]
capabilities = "CAPABILITY_IAM"
parameter_overrides = "Mode=remediate"   # it acts

[alert-only.deploy.parameters]
parameter_overrides = "Mode=alert-only"
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"Mode=remediate"', '"Mode=remediate AlertPolicyIds=p-one0000001,p-two0000002"'),
        (
            '"AlertPolicyIds=p-old0000001 Mode=remediate"',
            '"AlertPolicyIds=p-one0000001,p-two0000002 Mode=remediate"',
        ),
        (
            r'"AlertPolicyIds=\"p-old0000001, p-old0000002\" Mode=\"remediate\""',
            r'"AlertPolicyIds=p-one0000001,p-two0000002 Mode=\"remediate\""',
        ),
        ('["Mode=remediate"]', '["Mode=remediate", "AlertPolicyIds=p-one0000001,p-two0000002"]'),
        (
            '["AlertPolicyIds=", "Mode=remediate"]',
            '["AlertPolicyIds=p-one0000001,p-two0000002", "Mode=remediate"]',
        ),
    ],
    ids=["none yet", "others", "as guided deploys write it", "a list", "others in a list"],
)
def test_the_ids_stand_in_the_environment_and_all_else_stays(before: str, after: str) -> None:
    text = TEXT.replace('"Mode=remediate"', before)

    assert with_alert_policy_ids(text, "default", IDS) == text.replace(before, after)


def test_an_environment_without_overrides_gets_some() -> None:
    text = '[default.deploy.parameters]\ncapabilities = "CAPABILITY_IAM"\n'

    assert with_alert_policy_ids(text, "default", IDS[:1]) == (
        f'{text}parameter_overrides = "AlertPolicyIds=p-one0000001"\n'
    )


def test_an_unknown_environment_is_refused() -> None:
    with pytest.raises(SamconfigError, match=r"^\[staging\.deploy\.parameters\] cannot be read: "):
        with_alert_policy_ids(TEXT, "staging", IDS)


def test_more_ids_than_one_pattern_holds_are_refused() -> None:
    with pytest.raises(SamconfigError, match=r"^200 policies do not fit into the alert rule's pattern\."):
        with_alert_policy_ids(TEXT, "default", [f"p-{number:010}" for number in range(200)])

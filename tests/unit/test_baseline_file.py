from __future__ import annotations

import tomllib

import pytest

from holdfast.attachment import PolicyType
from holdfast.errors import BaselineError
from holdfast_cli.baseline_file import Entry, edited_text, new_text

SCP = PolicyType.SERVICE_CONTROL_POLICY

TEXT = """\
# Ours.

organization = "o-exampleorgid"   # the only one

[[sanctioned_principal]]
role = "arn:aws:iam::111122223333:role/guardrail-pipeline"

[[rival_principal]]   # until the move is over
role = "arn:aws:iam::111122223333:role/AWSAccelerator-AttachPolicy"

# ---- Everybody

# Asked for by the auditors.
[[guardrail]]
document = "policies/Leave.json"   # order is ours, too
policy   = "p-leave00001"
name     = "Leave"   # as of May
type     = "SERVICE_CONTROL_POLICY"
targets  = [
    "r-exmp",              # everybody
    "ou-exmp-workload1",   # Workloads
    # the payments:
    "444455556666",
]

# ---- Production

[[guardrail]]
policy   = "p-region0001"
name     = "Regions"
type     = "SERVICE_CONTROL_POLICY"
targets  = "any"
document = "policies/Regions.json"
# Not for Sandbox.

# The end.
"""

LEAVE = Entry(
    "p-leave00001", "Leave", SCP, ("r-exmp", "ou-exmp-workload1", "444455556666"), "policies/Leave.json"
)
REGIONS = Entry("p-region0001", "Regions", SCP, None, "policies/Regions.json")
TRAIL = Entry("p-trail00001", "Trail", SCP, ("r-exmp",), "policies/Trail.json", "Nobody switches it off.")
TRAIL_TABLE = """\
[[guardrail]]
policy      = "p-trail00001"
name        = "Trail"
type        = "SERVICE_CONTROL_POLICY"
targets     = ["r-exmp"]
document    = "policies/Trail.json"
description = "Nobody switches it off."
"""


def edited(*kept: Entry, added: tuple[Entry, ...] = ()) -> str:
    """Return `TEXT` with these guardrails of its own, and with others added."""
    return edited_text(TEXT, {entry.policy_id: entry for entry in kept}, added)


def test_what_need_not_change_stays_byte_for_byte() -> None:
    assert edited(LEAVE, REGIONS) == TEXT


def test_line_ends_stay_what_they_are() -> None:
    text = TEXT.replace("\n", "\r\n")

    assert edited_text(text, {"p-leave00001": LEAVE, "p-region0001": REGIONS}, ()) == text


def test_a_target_is_taken_out_with_its_own_comment_and_another_is_added() -> None:
    entry = Entry(LEAVE.policy_id, "Leave", SCP, ("777788889999", "r-exmp", "444455556666"), LEAVE.document)

    expected = TEXT.replace('    "ou-exmp-workload1",   # Workloads\n', "")
    expected = expected.replace('    "444455556666",\n', '    "444455556666",\n    "777788889999",\n')
    assert edited(entry, REGIONS) == expected


def test_a_new_name_keeps_the_comment_beside_it() -> None:
    entry = Entry(LEAVE.policy_id, "NobodyLeaves", SCP, LEAVE.targets, LEAVE.document)

    assert edited(entry, REGIONS) == TEXT.replace('"Leave"   # as of May', '"NobodyLeaves"   # as of May')


def test_a_guardrail_under_a_new_id_stays_where_it_is() -> None:
    entry = Entry("p-leave00002", "Leave", SCP, LEAVE.targets, LEAVE.document)

    text = edited_text(TEXT, {"p-leave00001": entry, "p-region0001": REGIONS}, ())

    assert text == TEXT.replace("p-leave00001", "p-leave00002")


def test_a_guardrail_is_taken_out_with_its_comments_and_without_those_of_its_neighbours() -> None:
    begin, end = TEXT.index("# Asked for"), TEXT.index("# ---- Production")

    assert edited(REGIONS) == TEXT[:begin] + TEXT[end:]


def test_what_stands_behind_the_last_guardrail_stays_behind_it() -> None:
    begin, end = TEXT.index('[[guardrail]]\npolicy   = "p-region0001"'), TEXT.index("# The end.")

    assert edited(LEAVE) == TEXT[:begin] + TEXT[end:]


def test_a_new_guardrail_follows_the_last_one() -> None:
    assert edited(LEAVE, REGIONS, added=(TRAIL,)) == f"{TEXT}\n{TRAIL_TABLE}"


def test_a_new_guardrail_stands_before_what_follows_the_guardrails() -> None:
    begin = TEXT.index("[[sanctioned_principal]]")
    end = TEXT.index("# ---- Everybody")
    principal, text = TEXT[begin:end].rstrip() + "\n", TEXT[:begin] + TEXT[end:] + "\n"

    changed = edited_text(text + principal, {"p-leave00001": LEAVE, "p-region0001": REGIONS}, (TRAIL,))

    assert changed == f"{text}{TRAIL_TABLE}\n{principal}"


def test_a_description_is_changed_where_the_file_declares_it() -> None:
    text = new_text("o-exampleorgid", [TRAIL])
    entry = Entry(TRAIL.policy_id, "Trail", SCP, TRAIL.targets, TRAIL.document, "As it was.")

    assert edited_text(text, {TRAIL.policy_id: entry}, ()) == text.replace(
        "Nobody switches it off.", "As it was."
    )


def test_a_reviewer_sees_every_character_of_a_name() -> None:
    name = 'a "quoted" \\ name\t\u202e\U000e0041'
    text = new_text("o-exampleorgid", [Entry("p-leave00001", name, SCP, None, "policies/a.json")])

    assert r'"a \"quoted\" \\ name\U00000009\U0000202E\U000E0041"' in text
    assert tomllib.loads(text)["guardrail"][0]["name"] == name


@pytest.mark.parametrize(
    "text",
    [
        'guardrail = [{policy = "p-leave00001", document = "policies/Leave.json"}]\n',
        "[[guardrail]]\npolicy = 'p-leave00001'\ndocument = '''\n[[guardrail]]\n'''\n",
    ],
    ids=["inline tables", "a header in a text"],
)
def test_a_file_that_cannot_be_edited_in_parts_is_refused(text: str) -> None:
    with pytest.raises(BaselineError) as refused:
        edited_text(text, {"p-leave00001": LEAVE}, (TRAIL,))

    assert str(refused.value) == (
        "baseline.toml cannot be edited in place: write each guardrail as a [[guardrail]] table"
    )

# ruff: noqa: RUF001 - characters that look like others are what quoting makes.
from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given

from holdfast.chat import custom_notification
from holdfast.report import Report
from tests.unit import reports
from tests.unit.examples import EVENT_ID, EXECUTION
from tests.unit.outside import JSON
from tests.unit.reports import EXAMPLES, RESTORED, failed

RECORD = '{"schema":1}'
HEADLINE = "Restored: “DenyUnapprovedRegions” is attached to OU “Workloads” again, confirmed."
MARKUP = set("@<>*_~`[](){}|#&!\\:")


def told(report: Report) -> dict[str, Any]:
    return custom_notification(report, RECORD, EVENT_ID)


def texts(report: Report) -> list[str]:
    """Return every text of the form that people read, but the title and the summary, which may be cut."""
    content = told(report)["content"]
    return [content["description"], *content["nextSteps"], *content["keywords"]]


def test_a_whole_form_is_as_amazon_q_wants_it() -> None:
    """Source: Amazon Q Developer in chat applications, "Custom notifications", event schema."""
    assert told(RESTORED) == {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": f":shield: {HEADLINE}",
            "description": (
                "*Covered now:* yes, Organizations showed it at 2026-11-22T09:00:42Z\n"
                "*Exposed:* 42 s from the detach to the confirmation; 7 accounts at or below the target\n"
                "*Detached by:* role “developer” of account “111122223333”, session “mallory” (chosen by the "
                "caller), source identity “mallory＠example․com”, without MFA\n"
                "*Policy text:* as the baseline declares it\n"
                "*Execution:* https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1"
                f"#/v2/executions/details/{EXECUTION}"
            ),
            "nextSteps": [
                (
                    "Ask the caller. If nobody planned it, treat the caller's credentials as stolen; "
                    "if somebody did, change the baseline first and detach then."
                )
            ],
            "keywords": ["Holdfast", "o-far1coz49w", "restored", "p-7dj3cien", "ou-exme-ycaqk99w"],
        },
        "metadata": {
            "threadId": EVENT_ID,
            "summary": HEADLINE,
            "additionalContext": {"record": RECORD},
        },
    }


def test_a_failure_rings_and_gives_the_command_as_code() -> None:
    content = told(failed("OrganizationsBusyError"))["content"]
    assert content["title"].startswith(":rotating_light: FAILED: ")
    assert content["nextSteps"][1:] == [
        "To attach it: `aws organizations attach-policy --policy-id p-7dj3cien --target-id ou-exme-ycaqk99w`"
    ]


@given(reports.REPORTS)
def test_any_form_is_within_the_limits(report: Report) -> None:
    """Source: Amazon Q Developer in chat applications, "Custom notifications", parameter details."""
    form = told(report)
    content, metadata = form["content"], form["metadata"]
    assert 0 < len(content["title"]) <= 250
    assert 0 < len(content["description"]) <= 8_000
    assert all(len(step) <= 350 for step in content["nextSteps"])
    assert all(len(keyword) <= 75 for keyword in content["keywords"])
    assert 0 < len(metadata["summary"]) <= 250
    assert all(isinstance(value, str) for value in metadata["additionalContext"].values())


@given(reports.REPORTS)
def test_no_mention_link_or_markup_from_outside_survives(report: Report) -> None:
    """Whatever the words are, what stands outside of the quotation marks is the same."""
    for forged, honest in zip(texts(report), texts(reports.tamed(report)), strict=True):
        assert reports.outside_of_quotes(forged) == reports.outside_of_quotes(honest)
        assert not [word for word in reports.inside_of_quotes(forged) if set(word) & MARKUP]


@given(JSON)
def test_the_record_stays_the_same_and_holds_nothing_that_a_chat_acts_on(record: object) -> None:
    spelled = json.dumps(record, ensure_ascii=False).encode(errors="replace").decode()
    inert = custom_notification(RESTORED, spelled, EVENT_ID)["metadata"]["additionalContext"]["record"]
    assert json.loads(inert) == json.loads(spelled)
    assert not set(inert) & set("<>@*_~`|#&!()/")
    assert inert.isascii()


@given(reports.REPORTS)
def test_no_markup_from_outside_survives_in_title_and_summary(report: Report) -> None:
    form = told(report)
    title, summary = form["content"]["title"], form["metadata"]["summary"]
    for words in (re.sub("^:[a-z_]+: ", "", title), summary):
        assert not set(re.sub("^[A-Za-z ,-]+: ", "", words)) & MARKUP
        assert len(words.splitlines()) == 1


@given(reports.REPORTS)
def test_every_line_of_a_form_begins_with_words_of_ours(report: Report) -> None:
    lines = told(report)["content"]["description"].splitlines()
    assert all(re.match(r"\*[A-Z][a-z ]+:\* ", line) for line in lines)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_form_tells_of_cover_exposure_and_remedy(name: str) -> None:
    content = told(EXAMPLES[name])["content"]
    assert content["description"].startswith("*Covered now:* ")
    assert "\n*Exposed:* " in content["description"]
    assert content["nextSteps"][0]

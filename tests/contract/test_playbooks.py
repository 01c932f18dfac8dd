from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from docs.generated.sources import ROOT, TEMPLATE
from holdfast.failures import EXPLANATIONS
from localaws.template import read_template

MAILS = ROOT / "tests" / "unit" / "mails"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
PLAYBOOKS = OPERATIONS.partition("\n## Playbooks\n")[2]

TOLD_BY_MAILERS = {"ALERT", "DIGEST", "EXEMPTION", "ALARM"}
"""What the mail function writes itself. Each of its modules has the word in its subject; see below."""


def named(section: str) -> list[str]:
    """Return the names that have a playbook in a section."""
    text = PLAYBOOKS.partition(f"\n### {section}\n")[2].partition("\n### ")[0]
    return re.findall(r"^#### `(.+)`$", text, re.MULTILINE)


def beginnings() -> Iterator[str]:
    """Yield the words that the subjects of all mails begin with."""
    for mail in (*MAILS.glob("*.txt"), *MAILS.glob("runs/*.txt")):
        subject = mail.read_text(encoding="utf-8").splitlines()[0]
        words, _, _ = subject.removeprefix("Subject: [Holdfast o-far1coz49w] ").partition(":")
        yield from words.removesuffix(" (not in the baseline)").split(", ")


def test_every_mail_has_a_playbook_under_the_words_that_its_subject_begins_with() -> None:
    assert sorted(named("Mails")) == sorted({*beginnings(), *TOLD_BY_MAILERS})


@pytest.mark.parametrize("word", sorted(TOLD_BY_MAILERS))
def test_the_words_of_the_mail_functions_own_mails_are_those_of_its_modules(word: str) -> None:
    mailing = Path(ROOT / "functions" / "holdfast" / "mailing").glob("*.py")

    assert any(f'"{word}: ' in module.read_text(encoding="utf-8") for module in mailing)


def test_every_failure_that_a_mail_names_has_a_playbook() -> None:
    assert sorted(named("What failed")) == sorted(EXPLANATIONS)
    assert "\n#### Any other error\n" in PLAYBOOKS


def alarms_of(resources: Mapping[str, Any], topic: str) -> list[str]:
    """Return the alarms of a template, and the rules that tell people through its topic themselves."""
    alarms = [name for name, each in resources.items() if each["Type"] == "AWS::CloudWatch::Alarm"]
    rules = [
        name
        for name, each in resources.items()
        if each["Type"] == "AWS::Events::Rule"
        and any(target["Arn"] == {"Ref": topic} for target in each["Properties"]["Targets"])
    ]
    return [*alarms, *rules]


def test_every_alarm_and_every_rule_that_tells_the_alarm_topic_has_a_playbook() -> None:
    """That of the untold ends tells it by way of the mail queue."""
    alarms = alarms_of(TEMPLATE["Resources"], "AlarmTopic")

    assert sorted(named("Alarms")) == sorted([*alarms, "UntoldEndRule"])


@pytest.mark.parametrize(
    ("template", "section"), [("witness.yaml", "The witness"), ("forwarder.yaml", "The forwarder")]
)
def test_every_alarm_of_another_account_has_a_playbook(template: str, section: str) -> None:
    resources = read_template(ROOT / template)["Resources"]
    alarms = [name for name, each in resources.items() if each["Type"] == "AWS::CloudWatch::Alarm"]

    assert sorted(named(section)) == sorted(alarms)


def test_no_playbook_is_empty() -> None:
    """Headings that follow each other share the text below the last of them."""
    assert re.findall(r"^(#### .+)\s+(?:### |\Z)", PLAYBOOKS, re.MULTILINE) == []

"""What each failure mail and each alarm means, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from docs.generated.sources import TEMPLATE
from docs.generated.tables import table
from holdfast import errors
from holdfast.failures import EXPLANATIONS, UNFORESEEN, Explanation
from holdfast.mailing.untold_end import REMEDY


def render() -> str:
    """Return the table: the errors that a failure mail names, the rules' alarm mails, the alarms."""
    return table(("Mail or alarm", "What it means", "What to do"), [*_mails(), *_told_by_rules(), *_alarms()])


def _mails() -> Iterator[tuple[str, str, str]]:
    for explanation, names in groupby(EXPLANATIONS, EXPLANATIONS.__getitem__):
        yield _mail(", ".join(_error(name) for name in names), explanation)
    yield _mail("any other error", UNFORESEEN)


def _error(name: str) -> str:
    """Return an error's name; one that is neither ours nor has a dot stands for a family."""
    return f"`{name}`" if "." in name or hasattr(errors, name) else f"`{name}.…`"


def _mail(names: str, explanation: Explanation) -> tuple[str, str, str]:
    return f"Mail: {names}", _apart(explanation.meaning), _apart(explanation.remedy)


def _apart(words: str) -> str:
    """Return words that refer to the rest of the mail so that they can stand alone."""
    return words.replace(" below", " in the mail")


def _told_by_rules() -> Iterator[tuple[str, str, str]]:
    for name, remedy in {"UntoldEndRule": REMEDY}.items():
        _, _, meaning = TEMPLATE["Resources"][name]["Properties"]["Description"].partition(" - ")
        yield f"Alarm: `{name}`", meaning[0].upper() + meaning[1:], remedy


def _alarms() -> Iterator[tuple[str, str, str]]:
    for name, resource in TEMPLATE["Resources"].items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            meaning, _, remedy = resource["Properties"]["AlarmDescription"].partition(". ")
            yield f"Alarm: `{name}`", f"{meaning}.", remedy

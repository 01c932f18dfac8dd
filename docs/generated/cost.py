"""What a month costs: a quiet one, and the worst that the change board is told of."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from math import ceil
from types import ModuleType
from typing import Any

import holdfast
from docs.generated import prices
from docs.generated.measured import SIZES, number, rows
from docs.generated.sources import ROOT, TEMPLATE, definition
from docs.generated.tables import table
from localaws.template import read_template

DAYS = 30.4
DETACHES_A_DAY = 1_000
"""In the worst month: all in the same moment, with the largest baseline that is measured."""

POLLS_A_MINUTE = 15
"""Five pollers, each of which waits 20 s. Source: Lambda developer guide, "Using Lambda with Amazon SQS"."""

MAILS_A_MINUTE = 6
"""Never more, to either mailbox."""

LOGGED_BY_INCIDENT, LOGGED_BY_RUN = 0.0005, 0.0003
"""GB of logs: of an incident, which a test holds, and of a clean run (0.0002 measured); functions' too."""

LEDGER_KILOBYTES = 10
"""Of one incident's items. An assumption: they have a few."""

MONTHS_KEPT = 12
"""What is stored is counted as after a year."""

THE_REST = (0.10, 2.00)
"""What is not worth a line: requests to the key, publishing, held messages, parameters, the schedule."""

_SECONDS = 1.0
"""Billed for a function call, as in the benchmark: an assumption, four times what a warm one takes."""

Resources = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Line:
    """Something that is paid for.

    Parameters
    ----------
    what : str
        In words.
    quiet, worst : float
        What it costs in a quiet month and in the worst, in US dollars.
    """

    what: str
    quiet: float
    worst: float


def render() -> str:
    """Return the table, with the sums."""
    lines = list(lines_of(everything_deployed()))
    quiet, worst = sum(line.quiet for line in lines), sum(line.worst for line in lines)
    body = [(line.what, f"{line.quiet:.2f}", f"{line.worst:.2f}") for line in lines]
    total = ("**together, rounded up**", f"**{ceil(quiet)}**", f"**{ceil(worst)}**")
    return table(("US dollars a month", "quiet", "worst"), [*body, total])


def everything_deployed() -> dict[str, Mapping[str, Any]]:
    """Return the resources of all templates, with whatever a parameter may add."""
    files = (file for file in sorted(ROOT.glob("*.yaml")) if "AWSTemplateFormatVersion" in file.read_text())
    return {
        f"{file.stem}/{name}": resource
        for file in files
        for name, resource in read_template(file)["Resources"].items()
    }


def lines_of(resources: Resources) -> Iterator[Line]:
    """Yield what is paid for."""
    yield from standing(resources, custom_metrics())
    yield from _running(resources)
    yield Line("all that is smaller: an allowance", *THE_REST)


def standing(resources: Resources, metrics: int) -> Iterator[Line]:
    """Yield what is paid for as long as it is there.

    Parameters
    ----------
    resources : mapping
        Of the templates.
    metrics : int
        How many metrics of its own a deployment has.
    """
    keys = _of_type(resources, "AWS::KMS::Key")
    rotations = sum(prices.PAID_ROTATIONS for key in keys if key.get("EnableKeyRotation"))
    yield Line(
        f"KMS keys: {len(keys)}; after two yearly rotations three times as much",
        len(keys) * prices.KEY,
        (len(keys) + rotations) * prices.KEY,
    )
    alarms = _of_type(resources, "AWS::CloudWatch::Alarm")
    watched = sum(map(_watched, alarms))
    price = watched * prices.ALARM_METRIC
    yield Line(f"alarms: {len(alarms)}, on {watched} metrics", price, price)
    others = {
        "composite alarms": len(_of_type(resources, "AWS::CloudWatch::CompositeAlarm"))
        * prices.COMPOSITE_ALARM,
        "dashboards": len(_of_type(resources, "AWS::CloudWatch::Dashboard")) * prices.DASHBOARD,
        "metrics of its own": metrics * prices.CUSTOM_METRIC,
    }
    yield from (Line(what, price, price) for what, price in others.items() if price)


def custom_metrics() -> int:
    """Count the metrics that the functions' modules named `metrics` declare."""
    found = pkgutil.walk_packages(holdfast.__path__, f"{holdfast.__name__}.")
    modules: list[ModuleType] = [
        import_module(module.name) for module in found if module.name.endswith(".metrics")
    ]
    return sum(len(module.METRICS) for module in modules)


def _running(resources: Resources) -> Iterator[Line]:
    minutes = 60 * 24 * DAYS
    pollers = len(_of_type(resources, "AWS::Lambda::EventSourceMapping"))
    polling = pollers * POLLS_A_MINUTE * minutes * prices.QUEUE_REQUEST
    yield Line("asking the mail queue", polling, polling)
    every = schedule_minutes()
    clean = [number(row["US dollars a month"]) * 10 / every for row in rows(SIZES)]
    yield Line(
        f"the comparison every {every} minutes: the smallest and the largest measured size",
        min(clean),
        max(clean),
    )
    detaches = DETACHES_A_DAY * DAYS
    yield Line(f"detaches: none, or {DETACHES_A_DAY:,} every day", 0, detaches * price_of_a_detach())
    yield Line(
        "… all in the same moment, and so throttled: asking again, at most", 0, DAYS * price_of_retries()
    )
    mailboxes = sum(each["Protocol"] == "email" for each in _of_type(resources, "AWS::SNS::Subscription"))
    mails = MAILS_A_MINUTE * minutes * mailboxes
    yield Line(
        f"mail: none, or {MAILS_A_MINUTE} a minute all month to {mailboxes} mailboxes", 0, mails * prices.MAIL
    )
    yield Line("the ledger, after a year of it", 0, _ledger(detaches))
    runs = minutes / every
    yield Line(
        "logs, after a year of it",
        _logs(runs * LOGGED_BY_RUN),
        _logs(runs * LOGGED_BY_RUN + detaches * LOGGED_BY_INCIDENT),
    )


def price_of_a_detach() -> float:
    """Return what a detach costs that nothing throttles: measured transitions and calls."""
    dearest = max(rows("accounts"), key=lambda row: number(row["state transitions"]))
    calls = number(dearest["function calls"]) * (prices.REQUEST_PRICE + _SECONDS * prices.SECOND_PRICE)
    return number(dearest["state transitions"]) * prices.TRANSITION_PRICE + calls


def price_of_retries() -> float:
    """Return what a day's detaches, all at once, cost beyond that, at most.

    As if each waited until the last was confirmed, and all functions that may ask did so all the time.
    """
    (row,) = (row for row in rows("detached at once") if number(row["detached at once"]) == DETACHES_A_DAY)
    seconds = number(row["all confirmed, s (median)"])
    asking = int(TEMPLATE["Parameters"]["ReattachConcurrency"]["Default"])
    retries = DETACHES_A_DAY * retries_within(seconds)
    return retries * (prices.TRANSITION_PRICE + prices.REQUEST_PRICE) + asking * seconds * prices.SECOND_PRICE


def retries_within(seconds: float) -> int:
    """Return how often an execution asks again in so many seconds, by the most patient of its retriers.

    Each wait is on average half of what it may be. Source: Step Functions developer guide, `JitterStrategy`.
    """
    retriers = definition("remediate")["States"]["Reattach Policy"]["Retry"]
    retrier = max(retriers, key=lambda each: int(each["MaxAttempts"]))
    count, waited, longest = 0, 0.0, float(retrier["IntervalSeconds"])
    while waited < seconds:
        waited += longest / 2
        longest = min(longest * retrier["BackoffRate"], retrier["MaxDelaySeconds"])
        count += 1
    return count


def schedule_minutes() -> int:
    """Return how many minutes are between two comparisons.

    Raises
    ------
    ValueError
        If the parameter's default is no rate in minutes.
    """
    default = TEMPLATE["Parameters"]["ReconciliationSchedule"]["Default"]
    match = re.fullmatch(r"rate\((\d+) minutes\)", default)
    if match is None:
        raise ValueError(f"ReconciliationSchedule is {default!r}, not a rate in minutes")
    return int(match[1])


def _ledger(incidents: float) -> float:
    written = incidents * LEDGER_KILOBYTES
    stored = written / 1_000_000 * MONTHS_KEPT
    return written * 2 * prices.WRITE_UNIT + stored * prices.TABLE_STORAGE


def _logs(gigabytes: float) -> float:
    return gigabytes * (prices.LOGGED_GIGABYTE + MONTHS_KEPT * prices.LOG_STORAGE)


def _watched(alarm: Mapping[str, Any]) -> int:
    """Return how many metrics an alarm looks at; an expression is none."""
    return sum("MetricStat" in query for query in alarm["Metrics"]) if "Metrics" in alarm else 1


def _of_type(resources: Resources, kind: str) -> list[Mapping[str, Any]]:
    return [resource.get("Properties", {}) for resource in resources.values() if resource["Type"] == kind]

from __future__ import annotations

import re
from typing import Any

import pytest

from docs.generated import cost, measured
from docs.generated.change_board import CHANGE_BOARD, PARTS
from docs.generated.cost import Line
from docs.generated.readme import parts_of, refresh
from tests.contract.shipped import FUNCTIONS, ROOT

PAGE = CHANGE_BOARD.read_text(encoding="utf-8")
ONE_PAGE = 800
"""Words that people wrote; the generated rows grow with the template."""


def test_the_page_has_a_place_for_every_generated_part() -> None:
    assert sorted(parts_of(PAGE)) == sorted(PARTS)


def test_the_generated_parts_of_the_page_are_fresh() -> None:
    """`make docs` writes them anew."""
    assert refresh(PAGE, PARTS) == PAGE


def test_the_page_is_one() -> None:
    written = refresh(PAGE, dict.fromkeys(PARTS, str))

    assert len(written.split()) <= ONE_PAGE


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", PAGE))))
def test_every_link_of_the_page_leads_to_a_heading(link: str) -> None:
    path, _, anchor = link.partition("#")
    text = (CHANGE_BOARD.parent / path).resolve().read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]

    assert anchor in ["", *anchors]


def test_the_page_names_the_months_that_are_counted() -> None:
    words = " ".join(PAGE.split())
    clean = sorted(measured.rows(measured.SIZES), key=lambda row: float(row["US dollars a month"]))
    smallest, largest = (clean[index][measured.SIZES].split(f" {measured.TIMES} ") for index in (0, -1))

    assert "without an incident, for {} guardrails on {} targets each.".format(*smallest) in words
    assert f"{cost.DETACHES_A_DAY:,} detaches every day, all in the same moment" in words
    assert "for {} guardrails on {} targets each.".format(*largest) in words.partition("*Worst* is")[2]


def of_type(kind: str, **properties: Any) -> dict[str, Any]:
    """Return the resources of a template that has one of a type."""
    return {"template/Planted": {"Type": kind, "Properties": properties}}


@pytest.mark.parametrize(
    ("resources", "metrics", "expected"),
    [
        (of_type("AWS::KMS::Key"), 0, (1.00, 1.00)),
        (of_type("AWS::KMS::Key", EnableKeyRotation=True), 0, (1.00, 3.00)),
        (of_type("AWS::CloudWatch::Alarm", MetricName="Throttles"), 0, (0.10, 0.10)),
        (
            of_type(
                "AWS::CloudWatch::Alarm",
                Metrics=[{"Expression": "SUM(METRICS())"}, *[{"MetricStat": {}}] * 4],
            ),
            0,
            (0.40, 0.40),
        ),
        (of_type("AWS::CloudWatch::CompositeAlarm"), 0, (0.50, 0.50)),
        (of_type("AWS::CloudWatch::Dashboard"), 0, (3.00, 3.00)),
        ({}, 14, (4.20, 4.20)),
    ],
    ids=["key", "rotated key", "alarm", "alarm on four", "composite alarm", "dashboard", "own metrics"],
)
def test_what_a_template_adds_is_counted_at_its_price(
    resources: dict[str, Any], metrics: int, expected: tuple[float, float]
) -> None:
    lines = list(cost.standing(resources, metrics))

    assert (sum(line.quiet for line in lines), sum(line.worst for line in lines)) == pytest.approx(expected)


def test_metrics_that_the_functions_write_are_counted() -> None:
    """They are declared in modules named `metrics`."""
    sources = [file.read_text(encoding="utf-8") for file in FUNCTIONS.rglob("*.py")]
    writing = any("CloudWatchMetrics" in source for source in sources)

    assert (cost.custom_metrics() > 0) == writing


def test_the_last_row_is_the_sum_rounded_up() -> None:
    *lines, total = (row.strip("| ").split(" | ") for row in cost.render().splitlines()[2:])
    sums = [sum(float(line[column]) for line in lines) for column in (1, 2)]
    rounded = [int(cell.strip("* ")) for cell in total[1:]]

    assert [0 <= up - exact < 1 + 0.005 * len(lines) for up, exact in zip(rounded, sums, strict=True)] == [
        True
    ] * 2


def test_a_quiet_month_costs_less_than_the_worst_in_every_line() -> None:
    lines: list[Line] = list(cost.lines_of(cost.everything_deployed()))

    assert [line for line in lines if line.quiet > line.worst] == []


def test_a_detach_costs_what_the_readme_says() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert f"detaches {measured.TIMES} {cost.price_of_a_detach():.4f} + " in readme


def test_who_waits_asks_again_at_growing_intervals_half_of_what_they_may_be() -> None:
    """2, 4 and 8 seconds at most, then 15: on average 1, 2, 4, then 7.5."""
    assert [cost.retries_within(seconds) for seconds in (0.5, 1.5, 7, 7.5, 22)] == [1, 2, 3, 4, 5]


def test_a_table_that_is_not_there_is_named() -> None:
    with pytest.raises(LookupError, match=r"architecture\.md has 0 tables that begin with 'nobody'"):
        measured.rows("nobody")

"""Run the benchmark, print its tables, write `build/bench.json`.

`python -m tests.bench` runs all of it, which takes a while; `python -m tests.bench calls cold` some of it.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from holdfast_cli.staging import PROJECT
from tests.bench.all_lost import AllLost, all_lost
from tests.bench.beside import Beside, beside
from tests.bench.clean_run import CleanRun, clean_run
from tests.bench.cold_start import FUNCTIONS, cold_starts, zip_bytes
from tests.bench.large_organization import Shape
from tests.bench.mass_detach import MassDetach, mass_detach
from tests.bench.one_incident import OneIncident, one_incident
from tests.bench.stage import Stage, stage
from tests.bench.strategies import STRATEGIES, play

ORGANIZATIONS = (10, 200, 5_000)
SEEDS = (1, 2, 3, 4, 5)
MASSES = ((50, SEEDS), (200, SEEDS), (1_000, SEEDS[:1]))
RIVALS = ((20.0, 1), (20.0, 50), (100.0, 1), (100.0, 50))
BURNT = ("DetachPolicy", "ListPoliciesForTarget")
"""The buckets of the critical path: that of attachment changes, and that of reads."""
CLEAN = (Shape(20, 10, 100), Shape(20, 10, 1_000), Shape(20, 10, 10_000), Shape(200, 25, 1_000))
LOST = (Shape(20, 50, 1_500), Shape(20, 50, 1_500, 2), Shape(20, 50, 1_500, 1))
LARGE = Shape(200, 25, 1_000)
LOSSES = {
    "type disabled": {},
    "no event": {"unseen": True},
    "no event, all refused": {"unseen": True, "refused": True},
}
INCIDENTS = 20
SIZE_GOAL = 64 * 1024

console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)


def calls() -> list[dict[str, Any]]:
    """Show the calls, transitions and price of one incident by the size of the organization."""
    table = Table("accounts", "critical path", "later", "throttled", "transitions", "functions", "US dollars")
    found = []
    for accounts in ORGANIZATIONS:
        console.print(f"one incident, {accounts:,} accounts …", style="dim")
        incident: OneIncident = one_incident(accounts)
        table.add_row(
            f"{accounts:,}",
            f"{incident.critical}",
            f"{incident.later}",
            f"{incident.throttled}",
            f"{incident.transitions}",
            f"{incident.invocations}",
            f"{incident.dollars:.6f}",
        )
        found.append({**asdict(incident), "dollars": incident.dollars})
    console.print(table)
    return found


def mass() -> list[dict[str, Any]]:
    """Show mass detaches at the published rates, the median of several seeds."""
    table = _mass_table("incidents")
    found = []
    for incidents, seeds in MASSES:
        runs = [_run(incidents, seed) for seed in seeds]
        table.add_row(f"{incidents:,}", *_mass_row(runs))
        found += [{**asdict(run), "seed": seed} for run, seed in zip(runs, seeds, strict=True)]
    console.print(table)
    return found


def rival() -> list[dict[str, Any]]:
    """Show one incident and fifty while somebody burns a bucket that they need."""
    table = _mass_table("rival's calls/s", "rival calls", "incidents")
    found = []
    for operation in BURNT:
        for rate, incidents in RIVALS:
            runs = [_run(incidents, seed, rate, operation) for seed in SEEDS]
            table.add_row(f"{rate:g}", operation, f"{incidents}", *_mass_row(runs))
            found += [
                {**asdict(run), "seed": seed, "rival": rate, "operation": operation}
                for run, seed in zip(runs, SEEDS, strict=True)
            ]
    console.print(table)
    return found


def strategies() -> list[dict[str, Any]]:
    """Show other ways of asking again for the contested bucket."""
    table = Table("way of asking", "rival's calls/s", "incidents", "admitted, s", "attempts")
    found = []
    for name, make in STRATEGIES.items():
        for rate, incidents in ((0.0, 200), *RIVALS):
            plays = [play(make(), incidents, rate, seed) for seed in SEEDS]
            seconds = statistics.median(asked.seconds for asked in plays)
            attempts = statistics.median(asked.attempts for asked in plays)
            table.add_row(name, f"{rate:g}", f"{incidents}", f"{seconds:,.0f}", f"{attempts:.1f}")
            found.append(
                {"way": name, "rival": rate, "incidents": incidents, "seconds": seconds, "attempts": attempts}
            )
    console.print(table)
    return found


def cold() -> dict[str, Any]:
    """Show each function's start, and the size of the zip."""
    table = Table("function", "cold, ms", "in bare clients", "warm, ms", "peak, MiB")
    with stage(accounts=1) as scene:
        found = cold_starts(scene.aws.endpoint_url, _payloads(scene), _environments(scene))
    for start in found:
        table.add_row(
            start.name, f"{start.cold:.0f}", f"{start.ratio:.2f}", f"{start.warm:.1f}", f"{start.peak:.0f}"
        )
    console.print(table)
    size = zip_bytes()
    console.print(f"zip of functions/: {size:,} bytes, the goal is under {SIZE_GOAL:,}")
    return {"functions": [{**asdict(start), "ratio": start.ratio} for start in found], "zip_bytes": size}


def reconcile() -> list[dict[str, Any]]:
    """Show what a reconciliation costs that finds nothing, by the size of baseline and organization."""
    table = Table(
        *("guardrails", "accounts", "reads", "calls", "seconds", "transitions", "functions", "billed, s"),
        "dollars a month",
    )
    found = []
    for shape in CLEAN:
        console.print(f"a clean run, {_spread(shape)}, {shape.accounts:,} accounts …", style="dim")
        run: CleanRun = clean_run(shape)
        table.add_row(
            *(_spread(shape), f"{run.accounts:,}", f"{run.reads}", f"{run.calls}"),
            *(f"{run.seconds:,.0f}", f"{run.transitions}", f"{run.invocations}", f"{run.billed:,.0f}"),
            f"{run.dollars_a_month:.2f}",
        )
        found.append({**asdict(run), "dollars": run.dollars, "dollars_a_month": run.dollars_a_month})
    console.print(table)
    return found


def restore() -> list[dict[str, Any]]:
    """Show how fast an organization comes back whose policy type was disabled."""
    table = Table(
        *("guardrails", "on a target", "limit, s", "restored, s", "ratio", "lost", "found after, s"),
        *("attempts", "reads", "wall, s"),
    )
    found = []
    for shape in LOST:
        console.print(f"the type is disabled, {_spread(shape)} …", style="dim")
        loss: AllLost = all_lost(shape)
        table.add_row(
            *(_spread(shape), f"{loss.per_target}", f"{loss.limit:,.0f}", f"{loss.restoring:,.0f}"),
            *(f"{loss.restoring / loss.limit:.2f}", f"{loss.lost}", f"{loss.found:,.0f}"),
            *(f"{loss.attempts:.1f}", f"{loss.reads:.2f}", f"{loss.wall:.0f}"),
        )
        found.append(asdict(loss))
    console.print(table)
    return found


def sizes() -> list[dict[str, Any]]:
    """Show time, history, payloads and memory where 5,000 attachments are lost at once."""
    table = Table(
        *("how lost", "found after, s", "then back, s", "lost", "events", "payload", "peak, MiB", "end"),
    )
    found = []
    for how, options in LOSSES.items():
        console.print(f"{LARGE.placements:,} lost, {how} …", style="dim")
        loss = all_lost(LARGE, **options)
        peak = max(loss.finding_peak, loss.restoring_peak, loss.describing_peak)
        table.add_row(
            *(how, f"{loss.found:,.0f}", f"{loss.restoring:,.0f}", f"{loss.lost:,}", f"{loss.events:,}"),
            *(f"{loss.payload:,}", f"{peak:.0f}", loss.end),
        )
        found.append({**asdict(loss), "how": how})
    console.print(table)
    return found


def pace() -> list[dict[str, Any]]:
    """Show the fast path alone, and in the middle of a reconciliation."""
    table = Table(
        "a reconciliation", "incidents", "limit, s", "confirmed, s", "from", "to", "lost", "throttled"
    )
    found = []
    for reads in (False, True):
        console.print(
            f"{INCIDENTS} incidents, {'beside a reconciliation' if reads else 'alone'} …", style="dim"
        )
        runs: list[Beside] = [beside(LARGE, INCIDENTS, seed, with_reconciliation=reads) for seed in SEEDS]
        seconds = [run.seconds for run in runs]
        table.add_row(
            *("reads" if reads else "none", f"{INCIDENTS}", f"{runs[0].limit:.0f}"),
            *(f"{value:.0f}" for value in (statistics.median(seconds), min(seconds), max(seconds))),
            *(f"{max(run.lost for run in runs)}", f"{statistics.median(run.throttled for run in runs):.1f}"),
        )
        found += [{**asdict(run), "seed": seed} for run, seed in zip(runs, SEEDS, strict=True)]
    console.print(table)
    return found


SECTIONS: dict[str, Callable[[], Any]] = {
    "calls": calls,
    "mass": mass,
    "rival": rival,
    "strategies": strategies,
    "cold": cold,
    "reconcile": reconcile,
    "restore": restore,
    "sizes": sizes,
    "pace": pace,
}


def _payloads(scene: Stage) -> dict[str, object]:
    """Return what each function got in a real execution."""
    scene.detach_all(scene.accounts)
    scene.aws.clock.settle()
    inputs = [
        json.loads(event["lambdaFunctionScheduledEventDetails"]["input"])
        for event in scene.execution_history()
        if event["type"] == "LambdaFunctionScheduled"
    ]
    return dict(zip(FUNCTIONS, inputs, strict=True))


def _environments(scene: Stage) -> dict[str, dict[str, str]]:
    """Return the environment that each function is deployed with, and credentials."""
    functions = scene.aws.client("lambda")
    surroundings = {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "PYTHONPATH": str(scene.deployment.template.parent / "functions"),
    }
    deployed = {
        name: functions.get_function_configuration(FunctionName=scene.deployment.stack.resources[logical_id])
        for name in FUNCTIONS
        for logical_id in [f"{name.title().replace('_', '')}Function"]
    }
    return {name: {**found["Environment"]["Variables"], **surroundings} for name, found in deployed.items()}


def _spread(shape: Shape) -> str:
    return f"{shape.guardrails} x {shape.targets_each}"


def _mass_table(*columns: str) -> Table:
    return Table(*columns, "limit, s", "confirmed, s", "ratio", "lost", "attempts", "throttled", "wall, s")


def _run(incidents: int, seed: int, rate: float = 0.0, operation: str = "DetachPolicy") -> MassDetach:
    against = f", a rival at {rate:g}/s of {operation}" if rate else ""
    console.print(f"mass detach of {incidents:,}, seed {seed}{against} …", style="dim")
    return mass_detach(incidents, seed, rate, operation)


def _mass_row(runs: list[MassDetach]) -> list[str]:
    limit, seconds = runs[0].limit, statistics.median(run.seconds for run in runs)
    return [
        f"{limit:,.1f}",
        f"{seconds:,.0f}",
        f"{seconds / limit:.2f}",
        f"{max(run.lost for run in runs)}",
        f"{statistics.median(run.attempts for run in runs):.1f}",
        f"{statistics.median(run.throttled for run in runs):.1f}",
        f"{statistics.median(run.wall for run in runs):.0f}",
    ]


def main(names: list[str]) -> int:
    """Run the named sections, or all; return 2 if a name is not known."""
    if unknown := [name for name in names if name not in SECTIONS]:
        console.print(f"bench: no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
        return 2
    path = PROJECT / "build" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    found = json.loads(path.read_text()) if path.exists() else {}
    console.print(
        "The clock skips all waiting and stands still meanwhile: this machine's own time is 0 % of it."
    )
    for name in names or SECTIONS:
        console.rule(name, align="left")
        found[name] = SECTIONS[name]()
        path.write_text(json.dumps(found, indent=2) + "\n")
    console.print(f"Wrote {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

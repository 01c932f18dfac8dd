"""`holdfast history` and `holdfast report`, as they are typed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from holdfast_cli.command_line import (
    GUARDRAILS,
    AsJson,
    BaselineFolder,
    EndpointUrl,
    Profile,
    Region,
    Stack,
    explained,
    read_successors,
    well_put,
)
from holdfast_cli.screen import Screen
from holdfast_cli.session import Session


def history(  # noqa: PLR0913 - each is an option of the command
    *,
    policy: Annotated[str | None, typer.Option(help="A policy's id, or a guardrail's name.")] = None,
    target: Annotated[
        str | None, typer.Option(help="An id, or names such as Root or Workloads/Prod.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="12h, 7d, a day in UTC such as 2026-10-01, or a time with its zone.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="The same; what began before it is shown.")] = None,
    stack: Stack = "holdfast",
    folder: BaselineFolder = GUARDRAILS,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for a spreadsheet.")] = False,
    endpoint_url: EndpointUrl = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show the incidents in the ledger: what was off, who detached it, how it ended; the newest first.

    An incident that ended in steps has a line for each. Who it was is known for as long as the ledger keeps
    names. What in the ledger is not as Holdfast writes it is passed over, and counted.

    Example: holdfast history --policy DenyUnapprovedRegions --since 7d
    """
    from holdfast_cli.exempt_command import read_known  # noqa: PLC0415 - others do not need it
    from holdfast_cli.history_command import moment_of, question_of, run_history  # noqa: PLC0415 - the same

    if as_json and as_csv:
        raise typer.BadParameter("not together with --json", param_hint="--csv")
    session, now = Session(endpoint_url, profile, region), datetime.now(UTC)
    with explained(), well_put():
        times = (
            moment_of(since, now, "since") if since else None,
            moment_of(until, now, "until") if until else None,
        )
        baseline = read_known(folder, lambda: read_successors(session)).baseline
        question = question_of(session, baseline, policy, target, times)
        form = "json" if as_json else "csv" if as_csv else "table"
        code = run_history(Screen(), session, stack, question, baseline, form=form)
    raise typer.Exit(code)


def report(  # noqa: PLR0913 - each is an option of the command
    *,
    month: Annotated[str, typer.Option(help="The month in UTC, such as 2026-10.")],
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page to this file, to be read, printed and filed.", dir_okay=False),
    ] = None,
    stack: Stack = "holdfast",
    folder: BaselineFolder = GUARDRAILS,
    endpoint_url: EndpointUrl = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Gather a month's evidence: every lapse of a guardrail, and whether any detach is missing in the ledger.

    CloudTrail's event history of 90 days is compared with the ledger. What is older cannot be compared, and
    the report says so. Exit codes: 0 no gap was found, 1 failed, or CloudTrail shows a detach of a guardrail
    that the ledger lacks.

    Example: holdfast report --month 2026-10 --html evidence.html
    """
    from holdfast.baseline import load_baseline  # noqa: PLC0415 - others do not need it
    from holdfast_cli.evidence import month_of  # noqa: PLC0415 - the same
    from holdfast_cli.report_command import run_report  # noqa: PLC0415 - the same

    session = Session(endpoint_url, profile, region)
    with explained(), well_put():
        wanted = month_of(month)
        baseline = load_baseline(folder).adopting(read_successors(session))
        code = run_report(Screen(), session, stack, wanted, baseline, html)
    raise typer.Exit(code)

"""What the commands print: rich on a terminal, plain lines in a pipe."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

if TYPE_CHECKING:
    from holdfast_cli.following import Step
    from localaws.mail import Mail


class Screen:
    """The terminal, or the pipe that stands in for it."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)

    def act(self, title: str) -> None:
        """Print the heading of a part."""
        if self._console.is_terminal:
            self._console.rule(f"[bold]{escape(title)}", align="left")
        else:
            self._console.print(f"\n== {title}", markup=False)

    def line(self, text: str, style: str = "") -> None:
        """Print one line."""
        self._console.print(Text(text, style=style))

    def step(self, step: Step, since: datetime, execution: str = "") -> None:
        """Print one step of an execution with the seconds that have passed."""
        seconds = (step.at - since).total_seconds()
        mark, style = ("●", "cyan") if step.is_state else ("│", "dim")
        self.line(f"  {execution}{seconds:6.1f} s  {mark} {step.text}", style)

    def mail(self, mail: Mail) -> None:
        """Print a mail as its reader gets it."""
        body = mail.body.rstrip()
        if self._console.is_terminal:
            style = "red" if "FAILED" in mail.subject else "green"
            text = Text(f"From: {mail.sender}\nTo:   {mail.to}\n\n{body}", overflow="fold")
            self._console.print(Panel(text, title=Text(mail.subject), border_style=style), soft_wrap=False)
            return
        lines = f"From: {mail.sender}\nTo: {mail.to}\nSubject: {mail.subject}\n\n{body}".splitlines()
        # In one piece: other threads print as well.
        self.line("\n".join(f"  > {line}" for line in lines))

    def verdict(self, text: str, *, good: bool) -> None:
        """Print how it went."""
        self.line(text, "bold green" if good else "bold red")

"""What the commands print: rich on a terminal, plain lines in a pipe."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from holdfast_cli.story import Step
    from localaws.mail import Mail

T = TypeVar("T")

# Control characters move the cursor and more, bidirectional and invisible ones let a name read as another.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")

_WIDE = 1_000
_BAD_NEWS = ("ALERT", "BLIND", "DRIFT", "FAILED")


def safe(text: str) -> str:
    """Return a text in which a replacement stands for every character that could steer the terminal."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


class Counter:
    """Something that is read page by page, and counted while nobody knows how much it will be."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=None)

    def add(self, count: int) -> None:
        """Count some more."""
        self._progress.advance(self._task, count)


class _Bar:
    """The bar of what an execution restores; it is there while there is something to show."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._tenth = 0

    def show(self, done: int, total: int) -> None:
        if self._task is None:
            self._task = self._progress.add_task("", total=total)
            self._progress.start()
        self._progress.update(self._task, completed=done)

    def end(self) -> None:
        if self._task is not None:
            self._progress.stop()
            self._progress.remove_task(self._task)
        self._task, self._tenth = None, 0

    def is_another_tenth(self, done: int, total: int) -> bool:
        before, self._tenth = self._tenth, 10 * done // total
        return before < self._tenth < 10  # noqa: PLR2004 - the whole is told by the step that follows


class Screen:
    """The terminal, or the pipe that stands in for it."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)

    @classmethod
    def beside(cls) -> Screen:
        """Return a screen for people, beside what a program reads."""
        return cls(Console(stderr=True, highlight=False, soft_wrap=True))

    def act(self, title: str) -> None:
        """Print the heading of a part."""
        if self._console.is_terminal:
            self._console.rule(f"[bold]{escape(safe(title))}", align="left")
        else:
            self._console.print(f"\n== {safe(title)}", markup=False)

    def line(self, text: str, style: str = "") -> None:
        """Print one line."""
        self._console.print(Text(safe(text), style=style))

    def show(self, renderable: RenderableType) -> None:
        """Print a tree, a table or another thing that rich can render; its words have to be `safe`."""
        if self._console.is_terminal:
            self._console.print(renderable)
        else:
            # In a pipe no line is too long; rich would cut it at 80 characters.
            Console(file=self._console.file, width=_WIDE, highlight=False).print(renderable)

    def document(self, value: Any) -> None:
        """Print JSON for a program, as it is."""
        self._console.out(json.dumps(value, indent=2), highlight=False)

    def sheet(self, text: str) -> None:
        """Print a table for a program, line by line as it is."""
        self._console.out(text, highlight=False, end="")

    def track(self, items: Sequence[T], title: str) -> Iterable[T]:
        """Pass on the items, with a bar beside them where somebody watches."""
        with self._progress(BarColumn(), MofNCompleteColumn()) as progress:
            yield from progress.track(items, description=title)

    @contextmanager
    def counter(self, title: str) -> Iterator[Counter]:
        """Show a count that grows during a long read, where somebody watches."""
        with self._progress(SpinnerColumn(), TextColumn("{task.completed:,.0f}")) as progress:
            yield Counter(progress, title)

    def _progress(self, *columns: BarColumn | MofNCompleteColumn | SpinnerColumn | TextColumn) -> Progress:
        # Beside what is printed: that may be read by a program.
        console = Console(stderr=True)
        return Progress(
            TextColumn("{task.description}"),
            *columns,
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def step(self, step: Step, since: datetime, execution: str = "") -> None:
        """Print one step of an execution with the seconds that have passed."""
        seconds = (step.at - since).total_seconds()
        mark, style = ("●", "cyan") if step.is_state else ("│", "dim")
        self.line(f"  {execution}{seconds:6.1f} s  {mark} {step.text}", style)

    @contextmanager
    def story(self, since: datetime) -> Iterator[Callable[[Step], None]]:
        """Show the steps of one execution; its progress as a bar, in a pipe as a line for each tenth."""
        words = TextColumn("  attachments restored: {task.completed:,.0f} of {task.total:,.0f}")
        bar = _Bar(Progress(words, BarColumn(), TimeElapsedColumn(), console=self._console, transient=True))

        def show(step: Step) -> None:
            if step.progress is None:
                bar.end()
                self.step(step, since)
            elif self._console.is_terminal:
                bar.show(*step.progress)
            elif bar.is_another_tenth(*step.progress):
                self.step(step, since)

        try:
            yield show
        finally:
            bar.end()

    def mail(self, mail: Mail) -> None:
        """Print a mail as its reader gets it."""
        body = mail.body.rstrip()
        if self._console.is_terminal:
            style = "red" if any(word in mail.subject for word in _BAD_NEWS) else "green"
            text = Text(f"From: {mail.sender}\nTo:   {mail.to}\n\n{body}", overflow="fold")
            self._console.print(Panel(text, title=Text(mail.subject), border_style=style), soft_wrap=False)
            return
        lines = f"From: {mail.sender}\nTo: {mail.to}\nSubject: {mail.subject}\n\n{body}".splitlines()
        # In one piece: other threads print as well.
        self.line("\n".join(f"  > {line}" for line in lines))

    def verdict(self, text: str, *, good: bool) -> None:
        """Print how it went."""
        self.line(text, "bold green" if good else "bold red")

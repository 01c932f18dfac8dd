"""What happens in the embedded AWS, one line each, for the person at the terminal."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.mail import Mail

_STYLES: Final = {
    "warning": "yellow",
    "mail": "cyan",
    "execution": "magenta",
    "log": "dim",
    "ready": "bold green",
}
_WIDTH: Final = max(len(kind) for kind in _STYLES)


class Journal:
    """Print what happens: in colours on a terminal that can have them, else as plain text."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._print = _coloured() if sys.stdout.isatty() else _plain

    def line(self, kind: str, text: str) -> None:
        """Print one line of a kind."""
        with self._lock:
            self._print(kind, " ".join(text.splitlines()))

    def log(self, function: str, line: str) -> None:
        """Print a line that a function logged."""
        self.line("log", f"{function} {line}")

    def mail(self, mail: Mail) -> None:
        """Print a mail's address and subject, and its text below."""
        self.line("mail", f"to {mail.to}: {mail.subject}")
        for line in mail.body.splitlines():
            self.line("", line)

    def execution(self, detail: dict[str, Any]) -> None:
        """Print how an execution stands, from the `detail` of its status-change event."""
        reason = f" ({detail['error']}: {detail['cause']})" if detail.get("error") else ""
        machine = detail["stateMachineArn"].rpartition(":")[2]
        self.line("execution", f"{machine} {detail['name']} {detail['status']}{reason}")


def _plain(kind: str, text: str) -> None:
    sys.stdout.write(f"{kind:<{_WIDTH}}  {text}\n")
    sys.stdout.flush()


def _coloured() -> Callable[[str, str], None]:
    try:
        from rich.console import Console  # noqa: PLC0415 - an ornament that need not be installed
        from rich.text import Text  # noqa: PLC0415
    except ImportError:
        return _plain
    console = Console(highlight=False)

    def show(kind: str, text: str) -> None:
        console.print(Text.assemble((f"{kind:<{_WIDTH}}  ", _STYLES.get(kind, "")), text), soft_wrap=True)

    return show

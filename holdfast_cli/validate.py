"""`holdfast validate`: check the baseline and its documents before they are deployed."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.baseline import FILE_NAME, Baseline, load_baseline
from holdfast.errors import BaselineError
from holdfast_cli.access_analyzer import ask_access_analyzer
from holdfast_cli.baseline_grammar import ReadBaseline, ReadGuardrail, read_baseline
from holdfast_cli.baseline_hazards import check_allows, check_host, check_rivals, check_slots
from holdfast_cli.finding import Finding, Place, Severity
from holdfast_cli.screen import Screen

if TYPE_CHECKING:
    from mypy_boto3_accessanalyzer import AccessAnalyzerClient

_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


@dataclass(frozen=True, slots=True)
class Validation:
    """What was checked, and everything that was found.

    Parameters
    ----------
    findings : tuple of Finding
        By file: the baseline first, then the documents.
    documents : int
        How many documents were read.
    baseline : Baseline or None
        The baseline as it will be deployed; None if there are errors.
    """

    findings: tuple[Finding, ...]
    documents: int
    baseline: Baseline | None

    def count(self, severity: Severity) -> int:
        """Return how many findings are that bad."""
        return sum(finding.severity is severity for finding in self.findings)


def run_validate(
    screen: Screen,
    folder: Path,
    *,
    host_account: str | None,
    access_analyzer: AccessAnalyzerClient | None,
    as_json: bool,
) -> int:
    """Check a baseline and print what was found.

    Parameters
    ----------
    screen : Screen
        Where it is printed.
    folder : Path
        The folder with `baseline.toml`.
    host_account : str or None
        The member account that hosts Holdfast; None for the management account.
    access_analyzer : client or None
        A client of IAM Access Analyzer, if it is to be asked too. Nothing else here needs credentials.
    as_json : bool
        Whether to print the findings as one JSON list, for programs.

    Returns
    -------
    int
        The exit code: 0 if there is no error, whatever the warnings, else 1.
    """
    validation = validate(folder, host_account=host_account, access_analyzer=access_analyzer)
    if as_json:
        screen.line(json.dumps([dataclasses.asdict(finding) for finding in validation.findings], indent=2))
    else:
        _print(screen, folder, validation)
    return 1 if validation.count(Severity.ERROR) else 0


def validate(
    folder: Path, *, host_account: str | None = None, access_analyzer: AccessAnalyzerClient | None = None
) -> Validation:
    """Return everything that is wrong with the baseline in `folder`; see `run_validate`."""
    try:
        read = read_baseline(_read_below(folder, FILE_NAME), lambda name: _read_below(folder, name))
    except BaselineError as error:
        return Validation((Place(FILE_NAME).error(str(error)),), 0, None)
    findings = [*read.findings, *_check_hazards(read, host_account), *_check_strays(folder, read)]
    if access_analyzer is not None:
        findings += ask_access_analyzer(access_analyzer, read.guardrails)
    baseline = None
    if not any(finding.severity is Severity.ERROR for finding in findings):
        try:
            baseline = load_baseline(folder)
        except BaselineError as error:
            findings.append(Place(FILE_NAME).error(str(error)))
    documents = _documents(read.guardrails)
    order = [FILE_NAME, *documents]
    findings.sort(key=lambda found: order.index(found.file) if found.file in order else len(order))
    return Validation(tuple(findings), len(documents), baseline)


def _check_hazards(read: ReadBaseline, host_account: str | None) -> Iterator[Finding]:
    yield from check_slots(read.guardrails)
    yield from check_allows(read.guardrails)
    yield from check_rivals(read.rivals)
    if host_account is not None:
        yield from check_host(read.guardrails, host_account)


def _documents(guardrails: Sequence[ReadGuardrail]) -> list[str]:
    """Return the documents that could be read, each once, in the baseline's order."""
    return list(
        dict.fromkeys(each.file for each in guardrails if each.file is not None and each.content is not None)
    )


def _check_strays(folder: Path, read: ReadBaseline) -> Iterator[Finding]:
    """Yield each document that no guardrail names: what lies there is shipped, and protects nothing."""
    named = {normpath(each.file) for each in read.guardrails if each.file is not None}
    for path in sorted(folder.rglob("*.json")):
        if str(path.relative_to(folder)) not in named:
            yield Place(path.relative_to(folder).as_posix()).warning("no guardrail names this document")


def _read_below(folder: Path, name: str) -> bytes:
    """Return a file's bytes.

    Raises
    ------
    BaselineError
        If it cannot be read, or lies outside of the folder.
    """
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise BaselineError(f"{name!r} lies outside of {folder.resolve().name}/")
        return path.read_bytes()
    except OSError as error:
        raise BaselineError(f"{folder.resolve().name}/{name} cannot be read: {error.strerror}") from error
    except RuntimeError as error:  # a loop of symbolic links, before Python 3.13
        raise BaselineError(f"{folder.resolve().name}/{name} cannot be read: {error}") from error


def _print(screen: Screen, folder: Path, validation: Validation) -> None:
    for file in dict.fromkeys(finding.file for finding in validation.findings):
        screen.act(_visible(str(folder / file)))
        for finding in validation.findings:
            if finding.file == file:
                where = f"{finding.where}: " if finding.where else ""
                text = f"{finding.severity:7}  {where}{finding.message}"
                screen.line(_visible(text), _STYLES[finding.severity])
    screen.verdict(_conclusion(folder, validation), good=validation.baseline is not None)


def _visible(text: str) -> str:
    """Spell out what has no shape: a policy's names and keys must not steer a terminal."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _conclusion(folder: Path, validation: Validation) -> str:
    """Return the last line: what was checked, how it is, and what to do next."""
    counts = Counter(finding.severity for finding in validation.findings)
    checked = f"{folder / FILE_NAME} and {_number(validation.documents, 'document')}"
    found = f"{_number(counts[Severity.ERROR], 'error')}, {_number(counts[Severity.WARNING], 'warning')}"
    if validation.baseline is None:
        return f"{checked}: {found}. Next: correct the errors and validate again; do not deploy before."
    guardrails = _number(len(validation.baseline.guardrails), "guardrail")
    advice = "read the warnings, then commit and deploy" if counts[Severity.WARNING] else "commit and deploy"
    return f"{checked}: {found}. Baseline {validation.baseline.version}, {guardrails}. Next: {advice}."


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"

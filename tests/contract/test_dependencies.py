from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.call_graph import services, sources
from tests.contract.shipped import FUNCTIONS, REMEDIATE, ROOT, module_of

SDK = {"boto3", "botocore"}
CORE = "holdfast"
REMEDIATING = {module_of(state) for state in REMEDIATE.function_of_task}
HANDLERS = {module for module in sources() if not module.startswith(CORE)}


def imported_packages(tree: ast.Module) -> set[str]:
    """Return the top-level packages that a module imports when it runs; type-checking blocks do not."""
    return {name.partition(".")[0] for name in _imported_names(tree)}


def _imported_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        yield node.module or ""
    for child in ast.iter_child_nodes(node):
        yield from _imported_names(child)


def test_only_the_adapters_and_what_judges_their_errors_import_the_sdk() -> None:
    importing = {module for module, tree in sources().items() if imported_packages(tree) & SDK}

    assert importing == {*services(), "holdfast.calling"}


@pytest.mark.parametrize("module", sorted(HANDLERS))
def test_a_handler_depends_on_the_core_and_on_no_other_handler(module: str) -> None:
    others = imported_packages(sources()[module]) - sys.stdlib_module_names

    assert others == {CORE}


def test_the_fast_path_does_not_need_the_slow_one() -> None:
    slow = f"{CORE}.reconciliation"
    fast = [
        module
        for module in sources()
        if module in REMEDIATING or (module.startswith(CORE) and not module.startswith(slow))
    ]
    leaning = [
        module for module in fast if any(name.startswith(slow) for name in _imported_names(sources()[module]))
    ]

    assert leaning == []


def test_the_core_depends_on_nothing_but_itself_the_sdk_and_the_standard_library() -> None:
    imported = {
        package
        for module, tree in sources().items()
        if module.startswith(CORE)
        for package in imported_packages(tree)
    }

    assert imported - sys.stdlib_module_names == {CORE} | SDK


@pytest.mark.parametrize("path", sorted((ROOT / "localaws").rglob("*.py")), ids=lambda path: path.name)
def test_the_embedded_aws_knows_nothing_of_holdfast(path: Path) -> None:
    imported = imported_packages(ast.parse(path.read_text(encoding="utf-8")))

    assert imported & ({CORE, "holdfast_cli"} | HANDLERS) == set()


def test_what_decides_runs_without_the_sdk() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from holdfast import baseline, detachment, failures, incident, outcome, quoting, verdict\n"
        "from holdfast.reconciliation import drift, trigger, turn, run\n"
        f"print(*{SDK!r} & sys.modules.keys())"
    )

    run = subprocess.run(  # noqa: S603 - our own interpreter and our own text
        [sys.executable, "-I", "-B", "-c", program, str(FUNCTIONS)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.split() == []

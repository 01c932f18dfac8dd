"""A copy of what is deployed, with the baseline of another organization in it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast_cli.snapshot import take_snapshot

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

PROJECT = Path(__file__).resolve().parent.parent


def stage(client: OrganizationsClient, folder: Path) -> Path:
    """Copy template, definitions and functions to `folder` with a baseline taken from the organization.

    Parameters
    ----------
    client : OrganizationsClient
        A client of the organization whose baseline it shall be.
    folder : Path
        Where to; what is there is replaced.

    Returns
    -------
    Path
        The copied template.
    """
    shutil.rmtree(folder, ignore_errors=True)
    no_caches = shutil.ignore_patterns("__pycache__", "guardrails")
    shutil.copytree(PROJECT / "functions", folder / "functions", ignore=no_caches)
    shutil.copytree(PROJECT / "statemachine", folder / "statemachine")
    shutil.copy2(PROJECT / "template.yaml", folder)
    take_snapshot(client, folder / "functions" / "guardrails")
    return folder / "template.yaml"

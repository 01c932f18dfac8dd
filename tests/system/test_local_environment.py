"""`events/local-environment.json`: `sam local invoke` finds what `make local` deployed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from holdfast_cli.staging import PROJECT

if TYPE_CHECKING:
    from tests.deployed import Holdfast


def test_the_environment_file_names_what_is_deployed(holdfast: Holdfast) -> None:
    variables = json.loads((PROJECT / "events" / "local-environment.json").read_text())["Parameters"]

    assert variables["REMEDIATE_STATE_MACHINE_ARN"] == holdfast.output("StateMachineArn")
    tables = holdfast.aws.client("dynamodb").list_tables()["TableNames"]
    assert sorted(variables[name] for name in ("LEDGER_TABLE", "MEMORY_TABLE")) == sorted(tables)

"""The ready-made exemption, and its end: what somebody copies at three in the morning."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from holdfast.attachment import Attachment
from holdfast.exemption import ALL, PATH, name_of
from holdfast.timestamps import format_timestamp

SPAN = timedelta(hours=2)
"""How long the ready-made exemption lasts."""

REASON = "break-glass, the reason follows"
"""A reason that counts as one, so that the command works as it is copied."""

PERMIT = "To permit it for two hours"
"""What the ready-made command is for."""


def exempt_value(now: datetime) -> str:
    """Return the value of a parameter that exempts for two hours."""
    return json.dumps({"until": format_timestamp(now + SPAN), "reason": REASON, "ticket": ""})


def grant_command(attachment: Attachment, region: str | None = None) -> str:
    """Return the operator's command that exempts an attachment for two hours; parameters as below."""
    pair, where = f"{attachment.policy_id} {attachment.target_id}", f" --region {region}" if region else ""
    return f'holdfast exempt grant {pair} --until 2h{where} --reason "{REASON}"'


def revoke_command(name: str) -> str:
    """Return the operator's command that ends an exemption, by the parameter's name."""
    policy_id, _, target_id = name.removeprefix(f"{PATH}/").partition("/")
    what = "all" if name == ALL else f"{policy_id} {target_id or 'all'}"
    return f"holdfast exempt revoke {what}"


def exempt_commands(attachment: Attachment, now: datetime, region: str | None = None) -> dict[str, str]:
    """Return the commands that exempt an attachment for two hours, by what they are for.

    Parameters
    ----------
    attachment : Attachment
        What may be off.
    now : datetime
        The time.
    region : str or None
        Where Holdfast runs: in any other region the parameter would be written, and exempt nothing.
    """
    name = name_of(attachment.policy_id, attachment.target_id)
    where = f" --region {region}" if region else ""
    return {
        PERMIT: grant_command(attachment, region),
        # An exemption that has ended is still there, and a name that is taken is refused.
        "The same without holdfast": (
            f"aws ssm put-parameter{where} --name {name} --type String --overwrite "
            f"--value '{exempt_value(now)}'"
        ),
    }

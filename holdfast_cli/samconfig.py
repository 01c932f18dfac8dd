"""The ids of the guardrails' policies in `samconfig.toml`, so that the alert rule announces these only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from holdfast.errors import HoldfastError

PARAMETER = "AlertPolicyIds"

# An event pattern may have 2,048 characters. Source: Amazon EventBridge user guide, "Quotas". The rest of the
# alert rule's pattern has 217, and each id takes two quotation marks and a comma more.
_PATTERN_LIMIT = 2_048
_PATTERN_AROUND = 250

_GIVEN = re.compile(rf'(?<!\S){PARAMETER}=("(?:[^"\\]|\\.)*"|\S*)')


class SamconfigError(HoldfastError):
    """`samconfig.toml` cannot take the policies' ids. Raised before anything is written."""


def with_alert_policy_ids(text: str, environment: str, policy_ids: Sequence[str]) -> str:
    """Return a samconfig whose environment is deployed with an alert rule for these policies only.

    Parameters
    ----------
    text : str
        The samconfig, TOML; all else in it stays as it is.
    environment : str
        The name of a deploy environment, such as `default`.
    policy_ids : sequence of str
        The policies whose detaches are announced.

    Raises
    ------
    SamconfigError
        If the file has no such environment, or if the ids do not fit into one event pattern.
    """
    size = _PATTERN_AROUND + sum(len(policy_id) + 3 for policy_id in policy_ids)
    if size > _PATTERN_LIMIT:
        raise SamconfigError(
            f"{len(policy_ids)} policies do not fit into the alert rule's pattern. Next: leave {PARAMETER} "
            "empty, so that every detach is announced."
        )
    given = f"{PARAMETER}={','.join(policy_ids)}"
    try:
        document: Any = tomlkit.parse(text)
        parameters = document[environment]["deploy"]["parameters"]
    except TOMLKitError as error:
        raise SamconfigError(f"[{environment}.deploy.parameters] cannot be read: {error}") from error
    overrides = parameters.get("parameter_overrides", "")
    if isinstance(overrides, str):
        parameters["parameter_overrides"] = _in_words(overrides, given)
    else:
        _in_list(overrides, given)
    return tomlkit.dumps(document)


def _in_words(overrides: str, given: str) -> str:
    """Put the parameter into `Key=Value Key="Value"`. Source: AWS SAM CLI's `--parameter-overrides`."""
    if _GIVEN.search(overrides):
        return _GIVEN.sub(given, overrides)
    return f"{overrides} {given}".strip()


def _in_list(overrides: Any, given: str) -> None:
    """Put the parameter into `["Key=Value"]`, which samconfig may have as well."""
    for index, override in enumerate(overrides):
        if str(override).startswith(f"{PARAMETER}="):
            overrides[index] = given
            return
    overrides.append(given)

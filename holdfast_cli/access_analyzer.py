"""Ask IAM Access Analyzer about policies' documents: it knows what services, actions and keys there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import BotoCoreError, ClientError

from holdfast.attachment import PolicyType
from holdfast.baseline import FILE_NAME
from holdfast_cli.baseline_grammar import ReadGuardrail
from holdfast_cli.finding import Finding, Place, Severity

if TYPE_CHECKING:
    from mypy_boto3_accessanalyzer import AccessAnalyzerClient
    from mypy_boto3_accessanalyzer.type_defs import (
        LocationTypeDef,
        PathElementTypeDef,
        ValidatePolicyFindingTypeDef,
    )

_Asked = Literal["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
_ASKED: Mapping[PolicyType | None, _Asked] = MappingProxyType(
    {
        PolicyType.SERVICE_CONTROL_POLICY: "SERVICE_CONTROL_POLICY",
        PolicyType.RESOURCE_CONTROL_POLICY: "RESOURCE_CONTROL_POLICY",
    }
)


def ask_access_analyzer(
    client: AccessAnalyzerClient, guardrails: Iterable[ReadGuardrail]
) -> Iterator[Finding]:
    """Yield what `ValidatePolicy` finds in the documents of service and resource control policies.

    Its errors are errors here too; its warnings, security warnings and suggestions are warnings. If it
    does not answer, that is an error, and it is not asked again.
    """
    # What AWS wrote itself breaks the rules for customers' policies.
    documents = {
        (guardrail.file, _ASKED[guardrail.policy_type]): guardrail.content.decode()
        for guardrail in guardrails
        if guardrail.policy_type in _ASKED
        and not guardrail.is_default
        and guardrail.file is not None
        and guardrail.content is not None
        and guardrail.document is not None
    }
    for (file, policy_type), text in documents.items():
        pages = client.get_paginator("validate_policy").paginate(policyDocument=text, policyType=policy_type)
        try:
            yield from (_translated(file, finding) for page in pages for finding in page["findings"])
        except (BotoCoreError, ClientError) as error:
            yield Place(FILE_NAME, "--access-analyzer").error(f"IAM Access Analyzer did not answer: {error}")
            return


def _translated(file: str, finding: ValidatePolicyFindingTypeDef) -> Finding:
    where = _where(finding["locations"][0]) if finding["locations"] else ""
    text = f"{finding['issueCode']}: {finding['findingDetails']} ({finding['learnMoreLink']})"
    severity = Severity.ERROR if finding["findingType"] == "ERROR" else Severity.WARNING
    return Finding(severity, file, where, f"IAM Access Analyzer, {text}")


def _where(location: LocationTypeDef) -> str:
    """Return a location as the other findings write theirs, and its line."""
    place = Place("")
    for element in location["path"]:
        step = _step(element)
        place = place if step is None else place.at(step)
    line = f"line {location['span']['start']['line']}"
    return f"{place.path}, {line}" if place.path else line


def _step(element: PathElementTypeDef) -> str | int | None:
    """Return the key or index that a path's element goes down to; a value or substring is no step."""
    return element["key"] if "key" in element else element.get("index")

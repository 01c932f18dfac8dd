from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from holdfast.attachment import PolicyType
from holdfast_cli.access_analyzer import ask_access_analyzer
from holdfast_cli.baseline_grammar import ReadGuardrail
from holdfast_cli.finding import Finding, Place, Severity

SCP = PolicyType.SERVICE_CONTROL_POLICY
RCP = PolicyType.RESOURCE_CONTROL_POLICY
TEXT = json.dumps({"Version": "2012-10-17", "Statement": []})


@cache
def client() -> Any:
    return boto3.client(
        "accessanalyzer",
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture
def analyzer() -> Iterator[Stubber]:
    with Stubber(client()) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def guardrail(
    policy_type: PolicyType, file: str, policy_id: str = "p-7dj3cien", text: str = TEXT
) -> ReadGuardrail:
    place = Place("baseline.toml").at("guardrail").at(0)
    return ReadGuardrail(place, policy_id, "Example", policy_type, ("r-exme",), False, file, text.encode())  # noqa: FBT003 - as the class orders them


def answer(kind: str, *path: dict[str, Any], line: int = 7) -> dict[str, object]:
    start = {"line": line, "column": 0, "offset": 0}
    return {
        "findingType": kind,
        "issueCode": "INVALID_ACTION",
        "findingDetails": "The action s3:Gt does not exist.",
        "learnMoreLink": "https://docs.aws.amazon.com/x",
        "locations": [{"path": list(path), "span": {"start": start, "end": start}}],
    }


def asked(text: str = TEXT, kind: str = "SERVICE_CONTROL_POLICY", **more: str) -> dict[str, str]:
    return {"policyDocument": text, "policyType": kind} | more


MESSAGE = (
    "IAM Access Analyzer, INVALID_ACTION: The action s3:Gt does not exist. (https://docs.aws.amazon.com/x)"
)


def test_its_findings_become_ours_page_by_page(analyzer: Stubber) -> None:
    path: tuple[dict[str, Any], ...] = (
        {"key": "Statement"},
        {"index": 1},
        {"key": "Action"},
        {"value": "s3:Gt"},
    )
    analyzer.add_response(
        "validate_policy", {"findings": [answer("ERROR", *path)], "nextToken": "2"}, asked()
    )
    later = [answer("WARNING", line=3), answer("SECURITY_WARNING"), answer("SUGGESTION")]
    analyzer.add_response("validate_policy", {"findings": later}, asked(nextToken="2"))
    assert list(ask_access_analyzer(client(), [guardrail(SCP, "a.json")])) == [
        Finding(Severity.ERROR, "a.json", "Statement[1].Action, line 7", MESSAGE),
        Finding(Severity.WARNING, "a.json", "line 3", MESSAGE),
        Finding(Severity.WARNING, "a.json", "line 7", MESSAGE),
        Finding(Severity.WARNING, "a.json", "line 7", MESSAGE),
    ]


def test_it_is_asked_once_for_each_document_with_its_type(analyzer: Stubber) -> None:
    analyzer.add_response("validate_policy", {"findings": []}, asked())
    analyzer.add_response("validate_policy", {"findings": []}, asked(TEXT + " ", "RESOURCE_CONTROL_POLICY"))
    guardrails = [
        guardrail(SCP, "a.json"),
        guardrail(SCP, "a.json", "p-8dj3cien"),
        guardrail(RCP, "b.json", text=TEXT + " "),
    ]
    assert list(ask_access_analyzer(client(), guardrails)) == []


@pytest.mark.parametrize(
    "other",
    [
        guardrail(PolicyType.TAG_POLICY, "a.json"),
        guardrail(SCP, "a.json", "p-FullAWSAccess"),
        guardrail(SCP, "a.json", text="not JSON"),
    ],
)
@pytest.mark.usefixtures("analyzer")
def test_it_is_not_asked_about_what_it_cannot_judge(other: ReadGuardrail) -> None:
    assert list(ask_access_analyzer(client(), [other])) == []


def test_if_it_does_not_answer_that_is_an_error_and_it_is_asked_no_more(analyzer: Stubber) -> None:
    analyzer.add_client_error("validate_policy", "AccessDeniedException", "not you", http_status_code=403)
    assert list(ask_access_analyzer(client(), [guardrail(SCP, "a.json"), guardrail(RCP, "b.json")])) == [
        Finding(
            Severity.ERROR,
            "baseline.toml",
            "--access-analyzer",
            (
                "IAM Access Analyzer did not answer: An error occurred (AccessDeniedException) when calling "
                "the ValidatePolicy operation: not you"
            ),
        )
    ]

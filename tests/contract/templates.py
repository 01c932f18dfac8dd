"""All templates that are shipped, as plain CloudFormation and as a deployment would have them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localaws.intrinsics import Created, Scope
from localaws.template import read_parameters, read_template, translate
from tests.contract.roles import EVERYTHING
from tests.contract.shipped import ACCOUNT, ORGANIZATION, PSEUDO_PARAMETERS, ROOT

TEMPLATES = [file for file in sorted(ROOT.glob("*.yaml")) if "AWSTemplateFormatVersion" in file.read_text()]

_REGION = PSEUDO_PARAMETERS["AWS::Region"]
_REQUIRED = {
    "OrganizationId": ORGANIZATION,
    "ManagementAccountId": ACCOUNT,
    "HoldfastBusArn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/holdfast-forwarded",
}
"""What a template may demand; one that has a default keeps it."""

_ARN_OF_TYPE = {
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{_REGION}:{ACCOUNT}:table/",
    "AWS::Events::EventBus": f"arn:aws:events:{_REGION}:{ACCOUNT}:event-bus/",
    "AWS::Events::Rule": f"arn:aws:events:{_REGION}:{ACCOUNT}:rule/",
    "AWS::IAM::ManagedPolicy": f"arn:aws:iam::{ACCOUNT}:policy/",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/",
    "AWS::KMS::Key": f"arn:aws:kms:{_REGION}:{ACCOUNT}:key/",
    "AWS::Lambda::Function": f"arn:aws:lambda:{_REGION}:{ACCOUNT}:function:",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{_REGION}:{ACCOUNT}:log-group:",
    "AWS::SNS::Topic": f"arn:aws:sns:{_REGION}:{ACCOUNT}:",
    "AWS::SQS::Queue": f"arn:aws:sqs:{_REGION}:{ACCOUNT}:",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{_REGION}:{ACCOUNT}:stateMachine:",
}
_REFERRED_TO_BY_ARN = {"AWS::IAM::ManagedPolicy", "AWS::SNS::Topic", "AWS::StepFunctions::StateMachine"}


def plain(file: Path) -> dict[str, Any]:
    """Return a template with what SAM makes of it, with the parameters with which roles may do most."""
    template = read_template(file)
    return translate(template, _parameters(template), ROOT, _REGION)


def with_arns(file: Path) -> dict[str, Any]:
    """Return the resources of a template with ARNs in the places of its functions."""
    translated = plain(file)
    resources = translated["Resources"]
    created = {name: _created(name, resource["Type"]) for name, resource in resources.items()}
    values = {**PSEUDO_PARAMETERS, **_parameters(read_template(file))}
    scope = Scope(values, translated.get("Mappings", {}), translated.get("Conditions", {}), created)
    return {
        name: scope.resolve(resource)
        for name, resource in resources.items()
        if "Condition" not in resource or scope.is_true(resource["Condition"])
    }


def _parameters(template: Mapping[str, Any]) -> dict[str, Any]:
    parameters = template["Parameters"]
    required = {name: _REQUIRED[name] for name, parameter in parameters.items() if "Default" not in parameter}
    given = required | {name: value for name, value in EVERYTHING.items() if name in parameters}
    return read_parameters(template, given)


def _created(name: str, kind: str) -> Created:
    arn = _ARN_OF_TYPE.get(kind, "") + name
    # A log group's ARN covers its streams. Source: CloudFormation, AWS::Logs::LogGroup, return values.
    arn += ":*" if kind == "AWS::Logs::LogGroup" else ""
    attributes = dict.fromkeys(("Name", "QueueName", "TopicName", "RoleName"), name)
    return Created(arn if kind in _REFERRED_TO_BY_ARN else name, {**attributes, "Arn": arn})


def role_that_may(**statement: Any) -> dict[str, Any]:
    """Return a template with one role, and one statement of its policy."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
    properties = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "Policies": [{"PolicyName": "Planted", "PolicyDocument": policy}],
    }
    return {"Resources": {"Planted": {"Type": "AWS::IAM::Role", "Properties": properties}}}

"""Create the resources of a template, one small function per type.

Each calls the ordinary API of its service, as anybody could, and answers with what `Ref` and `Fn::GetAtt`
give. Source for those: the "Return values" of each type in the CloudFormation template reference.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import yaml

from localaws.functions import FunctionSpec
from localaws.intrinsics import Created, StackError, text_of
from localaws.properties import arguments_of, text_attributes
from localaws.template import LOCAL_FOLDER


class FunctionRegistry(Protocol):
    """Where the functions of a template become invocable."""

    def register(self, spec: FunctionSpec) -> None:
        """Let a function be invoked; a function of the same name is replaced."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A resource as the template wants it.

    Parameters
    ----------
    logical_id : str
        Its name in the template.
    type : str
        Its type, such as `AWS::SQS::Queue`.
    properties : mapping
        Its properties, all functions resolved.
    stack_name : str
        The stack that it belongs to.
    before : mapping
        Its properties in the deployment before this one, if there was one.
    """

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    stack_name: str
    before: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def name(self, key: str, limit: int = 64) -> str:
        """Return the name that property `key` gives, or `stack-LogicalId` cut to `limit` characters.

        AWS adds random characters; here a name is the same at every start.
        """
        if key in self.properties:
            return str(self.properties[key])
        name = f"{self.stack_name}-{self.logical_id}"
        if len(name) <= limit:
            return name
        return f"{name[: limit - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"

    def only(self, *keys: str) -> dict[str, Any]:
        """Return these properties, as far as the template sets them."""
        return {key: self.properties[key] for key in keys if key in self.properties}

    def without(self, *keys: str) -> dict[str, Any]:
        """Return all other properties."""
        return {key: value for key, value in self.properties.items() if key not in keys}


@dataclass(frozen=True, slots=True)
class Site:
    """Where resources are created, and by what means.

    Parameters
    ----------
    connect : callable
        Returns a client for a service of the embedded AWS, by boto3's name of the service.
    functions : FunctionRegistry
        Where functions are registered.
    account, region : str
        Where the resources live.
    scratch : Path
        A folder for code that stands in the template itself.
    warnings : list of str
        Takes what could not be done.
    """

    connect: Callable[[str], Any]
    functions: FunctionRegistry
    account: str
    region: str
    scratch: Path
    warnings: list[str] = field(default_factory=list)

    def call(self, declared: Declared, service: str, method: str, properties: Mapping[str, Any]) -> Any:
        """Call an API with a template's properties; warn of those that it does not know."""
        client = self.connect(service)
        arguments, unknown = arguments_of(client, method, properties)
        for path in unknown:
            self.warnings.append(f"{declared.logical_id} ({declared.type}): property {path} is ignored")
        return getattr(client, method)(**arguments)

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


Creator = Callable[[Site, Declared], Created]


def _role(site: Site, declared: Declared) -> Created:
    name = declared.name("RoleName")
    plain = declared.without("RoleName", "Policies", "ManagedPolicyArns")
    role = site.call(declared, "iam", "create_role", {**plain, "RoleName": name})["Role"]
    _grant(site, declared, name)
    return Created(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _update_role(site: Site, declared: Declared) -> Created:
    name = declared.name("RoleName")
    trust = {"RoleName": name, "PolicyDocument": declared.properties["AssumeRolePolicyDocument"]}
    site.call(declared, "iam", "update_assume_role_policy", trust)
    _revoke(site, declared, name)
    _grant(site, declared, name)
    role = site.connect("iam").get_role(RoleName=name)["Role"]
    return Created(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _revoke(site: Site, declared: Declared, role: str) -> None:
    """Take from a role what the deployment before gave it and this one does not."""
    iam = site.connect("iam")
    kept = {policy["PolicyName"] for policy in declared.properties.get("Policies", [])}
    for policy in declared.before.get("Policies", []):
        if policy["PolicyName"] not in kept:
            iam.delete_role_policy(RoleName=role, PolicyName=policy["PolicyName"])
    for arn in declared.before.get("ManagedPolicyArns", []):
        if arn not in declared.properties.get("ManagedPolicyArns", []):
            iam.detach_role_policy(RoleName=role, PolicyArn=arn)


def _grant(site: Site, declared: Declared, role: str) -> None:
    for policy in declared.properties.get("Policies", []):
        # moto refuses a document without a version; IAM, and SAM's policy templates, do without.
        document = {"Version": "2012-10-17", **policy["PolicyDocument"]}
        inline = {**policy, "PolicyDocument": document, "RoleName": role}
        site.call(declared, "iam", "put_role_policy", inline)
    for arn in declared.properties.get("ManagedPolicyArns", []):
        site.connect("iam").attach_role_policy(RoleName=role, PolicyArn=arn)


def _inline_policy(site: Site, declared: Declared) -> Created:
    for role in declared.properties.get("Roles", []):
        site.call(declared, "iam", "put_role_policy", {**declared.without("Roles"), "RoleName": role})
    return Created(declared.properties["PolicyName"])


def _managed_policy(site: Site, declared: Declared) -> Created:
    plain = {
        **declared.without("ManagedPolicyName", "Roles"),
        "PolicyName": declared.name("ManagedPolicyName", 128),
    }
    arn = site.call(declared, "iam", "create_policy", plain)["Policy"]["Arn"]
    for role in declared.properties.get("Roles", []):
        site.connect("iam").attach_role_policy(RoleName=role, PolicyArn=arn)
    return Created(arn, {"PolicyArn": arn})


def _update_managed_policy(site: Site, declared: Declared) -> Created:
    name = declared.name("ManagedPolicyName", 128)
    arn = f"arn:aws:iam::{site.account}:policy/{name}"
    iam, document = site.connect("iam"), json.dumps(declared.properties["PolicyDocument"])
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    for earlier in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        # IAM keeps five versions at most.
        if earlier["VersionId"] != version["PolicyVersion"]["VersionId"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=earlier["VersionId"])
    for role in declared.properties.get("Roles", []):
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    return Created(arn, {"PolicyArn": arn})


def _remove_managed_policy(site: Site, created: Created) -> None:
    iam, arn = site.connect("iam"), created.physical_id
    for role in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]:
        iam.detach_role_policy(RoleName=role["RoleName"], PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)


def _function(site: Site, declared: Declared) -> Created:
    spec = _function_spec(site, declared)
    plain = declared.without("Code", "FunctionName", _RESERVED)
    arguments, unknown = arguments_of(site.connect("lambda"), "create_function", plain)
    for path in unknown:
        site.warnings.append(f"{declared.logical_id} ({declared.type}): property {path} is ignored")
    answer = site.connect("lambda").create_function(
        **arguments, FunctionName=spec.name, Code={"ZipFile": _code_archive(spec)}
    )
    _reserve_concurrency(site, declared, spec)
    site.functions.register(spec)
    return Created(spec.name, {"Arn": answer["FunctionArn"]})


def _update_function(site: Site, declared: Declared) -> Created:
    spec = _function_spec(site, declared)
    plain = declared.without("Code", "Tags", "PackageType", "Architectures", _RESERVED)
    site.call(declared, "lambda", "update_function_configuration", {**plain, "FunctionName": spec.name})
    _reserve_concurrency(site, declared, spec)
    return _refresh_function(site, declared)


def _refresh_function(site: Site, declared: Declared) -> Created:
    """Let a function run the code that its folder has now."""
    spec = _function_spec(site, declared)
    client, archive = site.connect("lambda"), _code_archive(spec)
    digest = base64.b64encode(hashlib.sha256(archive).digest()).decode()
    known = client.get_function_configuration(FunctionName=spec.name)
    if known["CodeSha256"] != digest:
        client.update_function_code(FunctionName=spec.name, ZipFile=archive)
    site.functions.register(spec)
    return Created(spec.name, {"Arn": known["FunctionArn"]})


def _reserve_concurrency(site: Site, declared: Declared, spec: FunctionSpec) -> None:
    reserved = declared.only(_RESERVED)
    if reserved:
        site.call(declared, "lambda", "put_function_concurrency", {**reserved, "FunctionName": spec.name})


def _function_spec(site: Site, declared: Declared) -> FunctionSpec:
    properties = declared.properties
    name = declared.name("FunctionName")
    variables = properties.get("Environment", {}).get("Variables", {})
    logging = properties.get("LoggingConfig", {})
    reserved = properties.get(_RESERVED)
    return FunctionSpec(
        logical_id=declared.logical_id,
        name=name,
        arn=site.arn("lambda", f"function:{name}"),
        handler=properties.get("Handler", ""),
        code=_code_folder(site, declared),
        environment={name: text_of(value) for name, value in variables.items()},
        timeout_seconds=float(properties.get("Timeout", 3)),
        memory_mb=int(properties.get("MemorySize", 128)),
        role_arn=properties["Role"],
        runtime=properties.get("Runtime", ""),
        log_format=logging.get("LogFormat", "Text"),
        log_level=logging.get("ApplicationLogLevel", "INFO"),
        reserved_concurrency=None if reserved is None else int(reserved),
    )


def _code_folder(site: Site, declared: Declared) -> Path:
    code = declared.properties.get("Code", {})
    if "ZipFile" in code:
        folder = site.scratch / declared.logical_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.py").write_text(code["ZipFile"], encoding="utf-8")
        return folder
    if code.get("S3Bucket") != LOCAL_FOLDER:
        raise StackError("only code in a local folder or in the template itself can run here")
    folder = Path(code["S3Key"])
    if not folder.is_dir():
        raise StackError(f"its code folder {folder} does not exist")
    return folder


def _code_archive(spec: FunctionSpec) -> bytes:
    """Return an archive with a hash of its own for each state of the code, which runs from its folder."""
    files = sorted(path for path in spec.code.rglob("*") if path.is_file() and path.suffix != ".pyc")
    digests = ((hashlib.sha256(path.read_bytes()).hexdigest(), path.relative_to(spec.code)) for path in files)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        # Without a date of its own an archive has today's, and another hash every time.
        file.writestr(zipfile.ZipInfo("SHA256SUMS"), "".join(f"{hash_}  {path}\n" for hash_, path in digests))
    return archive.getvalue()


def _permission(site: Site, declared: Declared) -> Created:
    statement = {**declared.properties, "StatementId": declared.logical_id}
    site.call(declared, "lambda", "add_permission", statement)
    return Created(declared.logical_id, {"Id": declared.logical_id})


def _event_invoke_config(site: Site, declared: Declared) -> Created:
    site.call(declared, "lambda", "put_function_event_invoke_config", declared.properties)
    return Created(declared.properties["FunctionName"])


def _event_source_mapping(site: Site, declared: Declared) -> Created:
    return _mapping(site.call(declared, "lambda", "create_event_source_mapping", declared.properties))


def _update_event_source_mapping(site: Site, declared: Declared) -> Created:
    pair = declared.only("EventSourceArn", "FunctionName")
    known = site.connect("lambda").list_event_source_mappings(**pair)["EventSourceMappings"]
    if not known:
        raise StackError("its queue or function cannot be changed in a running server: start it again")
    change = {**declared.without("EventSourceArn", "Tags"), "UUID": known[0]["UUID"]}
    return _mapping(site.call(declared, "lambda", "update_event_source_mapping", change))


def _remove_event_source_mapping(site: Site, created: Created) -> None:
    site.connect("lambda").delete_event_source_mapping(UUID=created.physical_id)


def _mapping(answer: Mapping[str, Any]) -> Created:
    arn = answer["EventSourceMappingArn"]
    return Created(answer["UUID"], {"Id": answer["UUID"], "EventSourceMappingArn": arn})


def _log_group(site: Site, declared: Declared) -> Created:
    name = declared.name("LogGroupName", 512)
    plain = declared.without("LogGroupName", "RetentionInDays")
    site.call(declared, "logs", "create_log_group", {**plain, "LogGroupName": name})
    return _retain(site, declared)


def _retain(site: Site, declared: Declared) -> Created:
    name = declared.name("LogGroupName", 512)
    if retention := declared.only("RetentionInDays"):
        site.call(declared, "logs", "put_retention_policy", {**retention, "LogGroupName": name})
    return Created(name, {"Arn": site.arn("logs", f"log-group:{name}:*")})


def _log_resource_policy(site: Site, declared: Declared) -> Created:
    site.call(declared, "logs", "put_resource_policy", declared.properties)
    return Created(declared.properties["PolicyName"])


def _metric_filter(site: Site, declared: Declared) -> Created:
    name = declared.name("FilterName", 512)
    site.call(declared, "logs", "put_metric_filter", {**declared.properties, "FilterName": name})
    return Created(name)


_RESERVED: Final = "ReservedConcurrentExecutions"
_DEFINITION_KEYS: Final = (
    "Definition",
    "DefinitionString",
    "DefinitionS3Location",
    "DefinitionSubstitutions",
    "StateMachineName",
    "StateMachineType",
)


def _state_machine(site: Site, declared: Declared) -> Created:
    name = declared.name("StateMachineName", 80)
    plain = declared.without(*_DEFINITION_KEYS)
    kind = declared.properties.get("StateMachineType", "STANDARD")
    definition = _definition(declared)
    arn = site.call(
        declared,
        "stepfunctions",
        "create_state_machine",
        {**plain, "name": name, "type": kind, "definition": definition},
    )["stateMachineArn"]
    return Created(arn, {"Arn": arn, "Name": name, "StateMachineRevisionId": "INITIAL"})


def _update_state_machine(site: Site, declared: Declared) -> Created:
    name = declared.name("StateMachineName", 80)
    arn = site.arn("states", f"stateMachine:{name}")
    plain = declared.without(*_DEFINITION_KEYS, "Tags")
    change = {**plain, "stateMachineArn": arn, "definition": _definition(declared)}
    revision = site.call(declared, "stepfunctions", "update_state_machine", change).get("revisionId", "")
    return Created(arn, {"Arn": arn, "Name": name, "StateMachineRevisionId": revision})


def _definition(declared: Declared) -> str:
    """Return a state machine's definition as JSON, its `${Name}` placeholders filled in.

    The substitution works on the text, before it is parsed, so that a number needs no quotes.
    """
    properties = declared.properties
    if "DefinitionS3Location" in properties:
        text = _definition_file(properties["DefinitionS3Location"])
    elif "DefinitionString" in properties:
        text = properties["DefinitionString"]
    else:
        text = json.dumps(properties.get("Definition"))
    values = properties.get("DefinitionSubstitutions", {})

    def fill(match: re.Match[str]) -> str:
        return text_of(values[match[1]]) if match[1] in values else match[0]

    filled = re.sub(r"\$\{([^${}]+)\}", fill, text)
    try:
        definition = yaml.safe_load(filled)
    except yaml.YAMLError as error:
        raise StackError(f"its definition cannot be parsed: {' '.join(str(error).split())}") from error
    if not isinstance(definition, dict):
        raise StackError("its definition is not an object")
    return json.dumps(definition, indent=2)


def _definition_file(location: Mapping[str, str]) -> str:
    if location["Bucket"] != LOCAL_FOLDER:
        raise StackError("only a definition in a local file can run here")
    try:
        return Path(location["Key"]).read_text(encoding="utf-8")
    except OSError as error:
        raise StackError(f"cannot read its definition {location['Key']}: {error.strerror}") from error


def _rule(site: Site, declared: Declared) -> Created:
    name = declared.name("Name")
    plain = declared.without("Targets", "Name")
    answer = site.call(declared, "events", "put_rule", {**plain, "Name": name})
    bus = declared.only("EventBusName")
    if targets := declared.properties.get("Targets"):
        placed = site.call(declared, "events", "put_targets", {**bus, "Rule": name, "Targets": targets})
        for entry in placed.get("FailedEntries", []):
            raise StackError(f"its target {entry['TargetId']} is refused: {entry['ErrorMessage']}")
    own_bus = bus.get("EventBusName", "default").rpartition("/")[2]
    return Created(name if own_bus == "default" else f"{own_bus}|{name}", {"Arn": answer["RuleArn"]})


def _event_bus(site: Site, declared: Declared) -> Created:
    name = declared.properties["Name"]
    arn = site.call(declared, "events", "create_event_bus", declared.without("Policy"))["EventBusArn"]
    if policy := declared.properties.get("Policy"):
        site.call(declared, "events", "put_permission", {"EventBusName": name, "Policy": policy})
    return Created(name, {"Arn": arn, "Name": name})


def _event_bus_policy(site: Site, declared: Declared) -> Created:
    plain = declared.without("Statement")
    if statement := declared.properties.get("Statement"):
        whole = {"Sid": declared.properties["StatementId"], **statement}
        policy = {"Version": "2012-10-17", "Statement": [whole]}
        plain = {**declared.only("EventBusName"), "Policy": policy}
    site.call(declared, "events", "put_permission", plain)
    return Created(declared.properties["StatementId"])


def _topic(site: Site, declared: Declared) -> Created:
    name = declared.name("TopicName", 256)
    attributes = text_attributes(declared.without("TopicName", "Subscription", "Tags"))
    arn = site.call(
        declared, "sns", "create_topic", {**declared.only("Tags"), "Name": name, "Attributes": attributes}
    )["TopicArn"]
    for subscription in declared.properties.get("Subscription", []):
        site.call(declared, "sns", "subscribe", {**subscription, "TopicArn": arn})
    return Created(arn, {"TopicArn": arn, "TopicName": name})


def _topic_policy(site: Site, declared: Declared) -> Created:
    document = declared.properties["PolicyDocument"]
    ids = [statement.get("Sid") for statement in document["Statement"]]
    # moto takes such a policy. Source: Amazon SNS developer guide, "API permissions", and its own answer.
    if len(ids) > 1 and (None in ids or len(set(ids)) < len(ids)):
        raise StackError("Invalid parameter: Every policy statement must have a unique ID")
    policy = json.dumps(document)
    for topic in declared.properties["Topics"]:
        site.connect("sns").set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=policy
        )
    return Created(declared.name("Id"))


def _subscription(site: Site, declared: Declared) -> Created:
    direct = ("TopicArn", "Protocol", "Endpoint")
    attributes = text_attributes(declared.without(*direct, "Region"))
    wanted = {**declared.only(*direct), "Attributes": attributes, "ReturnSubscriptionArn": True}
    arn = site.call(declared, "sns", "subscribe", wanted)["SubscriptionArn"]
    return Created(arn, {"Arn": arn})


def _queue(site: Site, declared: Declared) -> Created:
    name = declared.name("QueueName", 80)
    attributes = text_attributes(declared.without("QueueName", "Tags"))
    wanted = {**declared.only("Tags"), "QueueName": name, "Attributes": attributes}
    url = site.call(declared, "sqs", "create_queue", wanted)["QueueUrl"]
    return Created(url, {"Arn": site.arn("sqs", name), "QueueName": name, "QueueUrl": url})


def _queue_policy(site: Site, declared: Declared) -> Created:
    policy = {"Policy": json.dumps(declared.properties["PolicyDocument"])}
    for url in declared.properties["Queues"]:
        site.connect("sqs").set_queue_attributes(QueueUrl=url, Attributes=policy)
    return Created(declared.name("Id"))


def _key(site: Site, declared: Declared) -> Created:
    tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in declared.properties.get("Tags", [])]
    plain = declared.without("KeyPolicy", "EnableKeyRotation", "PendingWindowInDays", "Enabled", "Tags")
    if "KeyPolicy" in declared.properties:
        plain["Policy"] = declared.properties["KeyPolicy"]
    key = site.call(declared, "kms", "create_key", {**plain, "Tags": tags})["KeyMetadata"]
    if declared.properties.get("EnableKeyRotation"):
        site.connect("kms").enable_key_rotation(KeyId=key["KeyId"])
    return Created(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})


def _key_alias(site: Site, declared: Declared) -> Created:
    site.call(declared, "kms", "create_alias", declared.properties)
    return Created(declared.properties["AliasName"])


def _alarm(site: Site, declared: Declared) -> Created:
    name = declared.name("AlarmName", 255)
    site.call(declared, "cloudwatch", "put_metric_alarm", {**declared.properties, "AlarmName": name})
    return Created(name, {"Arn": site.arn("cloudwatch", f"alarm:{name}")})


def _dashboard(site: Site, declared: Declared) -> Created:
    name = declared.name("DashboardName", 255)
    site.call(declared, "cloudwatch", "put_dashboard", {**declared.properties, "DashboardName": name})
    return Created(name)


def _table(site: Site, declared: Declared) -> Created:
    name = declared.name("TableName", 255)
    after = ("TimeToLiveSpecification", "PointInTimeRecoverySpecification")
    plain = {**declared.without(*after), "TableName": name}
    if "StreamSpecification" in plain:
        plain["StreamSpecification"] = {"StreamEnabled": True, **plain["StreamSpecification"]}
    if "SSESpecification" in plain:
        encryption = dict(plain["SSESpecification"])
        plain["SSESpecification"] = {"Enabled": encryption.pop("SSEEnabled", True), **encryption}
    table = site.call(declared, "dynamodb", "create_table", plain)["TableDescription"]
    for key, method in zip(after, ("update_time_to_live", "update_continuous_backups"), strict=True):
        if chosen := declared.only(key):
            site.call(declared, "dynamodb", method, {**chosen, "TableName": name})
    return Created(name, {"Arn": table["TableArn"], "StreamArn": table.get("LatestStreamArn", "")})


def _ssm_parameter(site: Site, declared: Declared) -> Created:
    name = declared.name("Name", 1011)
    site.call(declared, "ssm", "put_parameter", {**declared.properties, "Name": name})
    return Created(name, declared.only("Type", "Value"))


def _update_ssm_parameter(site: Site, declared: Declared) -> Created:
    name = declared.name("Name", 1011)
    site.call(declared, "ssm", "put_parameter", {**declared.without("Tags"), "Name": name, "Overwrite": True})
    return Created(name, declared.only("Type", "Value"))


def _schedule_group(site: Site, declared: Declared) -> Created:
    name = declared.name("Name")
    wanted = {**declared.properties, "Name": name}
    arn = site.call(declared, "scheduler", "create_schedule_group", wanted)["ScheduleGroupArn"]
    return Created(name, {"Arn": arn})


def _schedule(site: Site, declared: Declared) -> Created:
    return _write_schedule(site, declared, "create_schedule")


def _update_schedule(site: Site, declared: Declared) -> Created:
    return _write_schedule(site, declared, "update_schedule")


def _write_schedule(site: Site, declared: Declared, method: str) -> Created:
    name = declared.name("Name")
    arn = site.call(declared, "scheduler", method, {**declared.properties, "Name": name})["ScheduleArn"]
    return Created(name, {"Arn": arn})


CREATORS: Final[Mapping[str, Creator]] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::DynamoDB::Table": _table,
    "AWS::Events::EventBus": _event_bus,
    "AWS::Events::EventBusPolicy": _event_bus_policy,
    "AWS::Events::Rule": _rule,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Policy": _inline_policy,
    "AWS::IAM::Role": _role,
    "AWS::KMS::Alias": _key_alias,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::EventInvokeConfig": _event_invoke_config,
    "AWS::Lambda::EventSourceMapping": _event_source_mapping,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::Permission": _permission,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::Logs::MetricFilter": _metric_filter,
    "AWS::Logs::ResourcePolicy": _log_resource_policy,
    "AWS::SNS::Subscription": _subscription,
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::SSM::Parameter": _ssm_parameter,
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::Scheduler::ScheduleGroup": _schedule_group,
    "AWS::StepFunctions::StateMachine": _state_machine,
}
"""How each type is created."""

UPDATERS: Final[Mapping[str, Creator]] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::Events::EventBusPolicy": _event_bus_policy,
    "AWS::Events::Rule": _rule,
    "AWS::IAM::ManagedPolicy": _update_managed_policy,
    "AWS::IAM::Policy": _inline_policy,
    "AWS::IAM::Role": _update_role,
    "AWS::Lambda::EventInvokeConfig": _event_invoke_config,
    "AWS::Lambda::EventSourceMapping": _update_event_source_mapping,
    "AWS::Lambda::Function": _update_function,
    "AWS::Logs::LogGroup": _retain,
    "AWS::Logs::MetricFilter": _metric_filter,
    "AWS::Logs::ResourcePolicy": _log_resource_policy,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::SSM::Parameter": _update_ssm_parameter,
    "AWS::Scheduler::Schedule": _update_schedule,
    "AWS::StepFunctions::StateMachine": _update_state_machine,
}
"""How a changed resource is written over in a running server; the other types cannot change there."""

REMOVERS: Final[Mapping[str, Callable[[Site, Created], None]]] = {
    "AWS::IAM::ManagedPolicy": _remove_managed_policy,
    "AWS::Lambda::EventSourceMapping": _remove_event_source_mapping,
}
"""How a resource is removed that a later deployment leaves out; other types stay until the server stops."""

REFRESHERS: Final[Mapping[str, Creator]] = {
    "AWS::Lambda::Function": _refresh_function,
    "AWS::StepFunctions::StateMachine": _update_state_machine,
}
"""How a resource is written over whose files may have changed though its properties are the same."""

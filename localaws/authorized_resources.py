"""The resources that a call needs permission for, service by service.

Source: "Actions, resources, and condition keys" of each service in the Service Authorization Reference, where
an operation without a resource type needs `*`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from moto.kms.models import kms_backends

from localaws.cloudformation import stack_arn
from localaws.gateway import ApiCall
from localaws.identities import account_of
from localaws.organization_state import OrganizationState

if TYPE_CHECKING:
    Resources = list[str | None]
    """ARNs; None is a resource that does not exist and so has none."""

_ANYTHING: Final = "*"
_ORGANIZATIONS_PARAMETERS = (
    "AccountId",
    "ChildId",
    "DestinationParentId",
    "OrganizationalUnitId",
    "ParentId",
    "PolicyId",
    "ResourceId",
    "RootId",
    "SourceParentId",
    "TargetId",
)


def action_of(call: ApiCall) -> str:
    """Return the IAM action of a call, such as `lambda:InvokeFunction`."""
    return f"{call.service}:{_ACTION_NAMES.get((call.service, call.operation), call.operation)}"


def resources_of(call: ApiCall) -> Resources | None:
    """Return what a call needs permission for; None if this program does not check the service."""
    find = _RESOURCES.get(call.service)
    return None if find is None else find(call)


def _organizations(call: ApiCall) -> Resources:
    """Return the ARNs of what a call names.

    An id that names nothing has no ARN: such a call needs the action on anything at all, and the
    service then says what is missing.
    """
    ids = [call.parameters[name] for name in _ORGANIZATIONS_PARAMETERS if name in call.parameters]
    state = OrganizationState(call)
    things = [*state.entities(), *state.backend.policies]
    named: Resources = [thing.arn for thing in things if thing.id in ids]
    return (named or [None]) if ids else [_ANYTHING]


def _sns(call: ApiCall) -> Resources:
    parameters = call.parameters
    return [parameters.get("TopicArn") or parameters.get("TargetArn") or _ANYTHING]


def _sqs(call: ApiCall) -> Resources:
    name = call.parameters.get("QueueName") or str(call.parameters.get("QueueUrl", "")).rpartition("/")[2]
    return [_arn(call, name)] if name else [_ANYTHING]


def _ssm(call: ApiCall) -> Resources:
    """Return the parameters, or the path, whose ARN has no slash more than the name has."""
    parameters = call.parameters
    names = parameters.get("Names") or [parameters.get("Name") or parameters.get("Path")]
    return [_named(call, name and f"parameter/{name.removeprefix('/')}", name) for name in names]


def _dynamodb(call: ApiCall) -> Resources:
    name, index = call.parameters.get("TableName"), call.parameters.get("IndexName")
    table = _named(call, name and f"table/{name}", name)
    return [f"{table}/index/{index}" if index else table]


def _cloudtrail(call: ApiCall) -> Resources:
    name = call.parameters.get("TrailName") or call.parameters.get("Name")
    return [_named(call, name and f"trail/{name}", name)]


def _states(call: ApiCall) -> Resources:
    members = ("stateMachineArn", "executionArn", "mapRunArn", "resourceArn")
    named = [str(call.parameters[name]) for name in members if name in call.parameters]
    return [named[0] if named else _ANYTHING]


def _events(call: ApiCall) -> Resources:
    bus = str(call.parameters.get("EventBusName", "default")).rpartition("/")[2]
    if call.operation == "PutEvents":
        names = {entry.get("EventBusName") or "default" for entry in call.parameters.get("Entries", [])}
        return [_named(call, f"event-bus/{name}", name) for name in sorted(names)]
    rule = call.parameters.get("Rule") or call.parameters.get("Name")
    if not rule:
        return [_ANYTHING]
    return [_arn(call, f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}")]


def _kms(call: ApiCall) -> Resources:
    given = call.parameters.get("KeyId")
    if not given:
        return [_ANYTHING]
    backend = kms_backends[account_of(call)][call.region]
    key_id = backend.get_key_id_from_alias(given) if "alias/" in given else backend.get_key_id(given)
    key = backend.keys.get(key_id)
    return [None if key is None else key.arn]


def _lambda(call: ApiCall) -> Resources:
    """Return the event source mapping or the function in the path.

    A function has a name or an ARN, each with or without a qualifier.
    """
    parts = call.environ["PATH_INFO"].split("/")
    kind, named = (parts[2], unquote(parts[3])) if len(parts) > 3 else ("", "")  # noqa: PLR2004 - /date/kind/name
    if kind == "event-source-mappings":
        return [_arn(call, f"event-source-mapping:{named}")]
    if kind != "functions" or not named:
        return [_ANYTHING]
    name = named.split(":function:")[-1].split(":")[0]
    return [_arn(call, f"function:{name}")]


def _cloudformation(call: ApiCall) -> Resources:
    name = call.parameters.get("StackName")
    if not name or name.startswith("arn:"):
        return [name or _ANYTHING]
    return [stack_arn(account_of(call), call.region, name)]


def _scheduler(call: ApiCall) -> Resources:
    """Return the schedule, or a pattern's worth of them for a list."""
    parts = call.environ["PATH_INFO"].split("/")
    if len(parts) < 3 or parts[1] != "schedules":  # noqa: PLR2004 - /schedules/name
        return [_ANYTHING]
    group = call.environ.get("QUERY_STRING", "").partition("groupName=")[2].partition("&")[0]
    return [_arn(call, f"schedule/{group or 'default'}/{parts[2]}")]


def _arn(call: ApiCall, resource: str) -> str:
    return f"arn:aws:{call.service}:{call.region}:{account_of(call)}:{resource}"


def _named(call: ApiCall, resource: Any, given: Any) -> str:
    """Return the ARN of something that a call names, perhaps by its ARN, perhaps not at all."""
    if not given:
        return _ANYTHING
    return str(given) if str(given).startswith("arn:") else _arn(call, resource)


_ACTION_NAMES: Final[Mapping[tuple[str, str], str]] = {
    ("lambda", "Invoke"): "InvokeFunction",
    ("sns", "PublishBatch"): "Publish",
    ("sqs", "ChangeMessageVisibilityBatch"): "ChangeMessageVisibility",
    ("sqs", "DeleteMessageBatch"): "DeleteMessage",
    ("sqs", "SendMessageBatch"): "SendMessage",
}
"""Where IAM has another name for an operation."""

_RESOURCES: Final[Mapping[str, Callable[[ApiCall], Resources]]] = {
    "cloudformation": _cloudformation,
    "cloudtrail": _cloudtrail,
    "dynamodb": _dynamodb,
    "events": _events,
    "kms": _kms,
    "lambda": _lambda,
    "organizations": _organizations,
    "scheduler": _scheduler,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
    "states": _states,
}

"""Which calls CloudTrail tells of, under which names, and what it writes of their parameters.

Source, unless a line names another one: the page "Logging ... API calls with AWS CloudTrail" of each
service's guide. Of a service whose operations are listed only those are told: most of its others are data
events, which no rule gets by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from localaws.rest_operations import SERVICES as REST_SERVICES
from localaws.rest_operations import rest_parameters

if TYPE_CHECKING:
    from localaws.gateway import ApiCall

_MASKED: Final = "****"
_HIDDEN: Final = "HIDDEN_DUE_TO_SECURITY_REASONS"
OMITTED: Final = ""
"""In place of a value that CloudTrail leaves out."""

_READS = ("Describe", "Get", "List")
_QUERY_NOISE = {"Action", "Version"}


@dataclass(frozen=True, slots=True)
class TrailedService:
    """A service whose calls the trail records.

    Parameters
    ----------
    source : str
        EventBridge's name of it, such as `aws.organizations`.
    region : str
        Where its events appear; empty for the region of the call.
    event_names : mapping of str to str
        CloudTrail's name of each operation that it tells; empty for all that write, under their own names.
    concealed : mapping of str to str
        What CloudTrail writes instead of a value, by `Operation.member`.
    """

    source: str
    region: str = ""
    event_names: Mapping[str, str] = field(default_factory=dict)
    concealed: Mapping[str, str] = field(default_factory=dict)

    @property
    def event_source(self) -> str:
        """CloudTrail's name of it, such as `organizations.amazonaws.com`."""
        return f"{self.source.removeprefix('aws.')}.amazonaws.com"

    def event_name(self, operation: str) -> str | None:
        """Return CloudTrail's name of an operation; None if nobody is told of it."""
        if self.event_names:
            return self.event_names.get(operation)
        return None if operation.startswith(_READS) else operation


def _own_names(*operations: str) -> dict[str, str]:
    return {operation: operation for operation in operations}


TRAILED: Final[Mapping[str, TrailedService]] = {
    "organizations": TrailedService(
        source="aws.organizations",
        # All of it is in us-east-1, wherever the caller is (source: the Organizations user guide).
        region="us-east-1",
        concealed={
            "CreateAccount.accountName": _MASKED,
            "CreateAccount.email": _MASKED,
            "PutResourcePolicy.content": _HIDDEN,
        },
    ),
    "ssm": TrailedService(source="aws.ssm", concealed={"PutParameter.value": _HIDDEN}),
    "events": TrailedService(
        source="aws.events",
        event_names=_own_names(
            *(
                "DeleteRule",
                "DisableRule",
                "EnableRule",
                "PutRule",
                "PutTargets",
                "RemoveTargets",
                "StartReplay",
            )
        ),
    ),
    "states": TrailedService(
        source="aws.states",
        event_names=_own_names(
            *(
                "CreateStateMachine",
                "DeleteStateMachine",
                "StartExecution",
                "StopExecution",
                "UpdateStateMachine",
            )
        ),
    ),
    "lambda": TrailedService(
        source="aws.lambda",
        # Source of the names, and of what is left out: Lambda developer guide, "Lambda management events in
        # CloudTrail".
        event_names={
            "AddPermission": "AddPermission20150331v2",
            "CreateFunction": "CreateFunction20150331",
            "DeleteEventSourceMapping": "DeleteEventSourceMapping20150331",
            "DeleteFunction": "DeleteFunction20150331",
            "DeleteFunctionConcurrency": "DeleteFunctionConcurrency20171031",
            "PutFunctionConcurrency": "PutFunctionConcurrency20171031",
            "RemovePermission": "RemovePermission20150331v2",
            "UpdateEventSourceMapping": "UpdateEventSourceMapping20150331",
            "UpdateFunctionCode": "UpdateFunctionCode20150331v2",
            "UpdateFunctionConfiguration": "UpdateFunctionConfiguration20150331v2",
        },
        concealed={
            "CreateFunction.environment": OMITTED,
            "CreateFunction.zipFile": OMITTED,
            "UpdateFunctionCode.environment": OMITTED,
            "UpdateFunctionCode.zipFile": OMITTED,
            "UpdateFunctionConfiguration.environment": OMITTED,
        },
    ),
    "sns": TrailedService(
        source="aws.sns",
        event_names=_own_names(
            *("AddPermission", "CreateTopic", "DeleteTopic", "RemovePermission", "SetSubscriptionAttributes"),
            *("SetTopicAttributes", "Subscribe", "Unsubscribe"),
        ),
    ),
    "sqs": TrailedService(
        source="aws.sqs",
        event_names=_own_names("CreateQueue", "DeleteQueue", "PurgeQueue", "SetQueueAttributes"),
    ),
    "kms": TrailedService(
        source="aws.kms",
        event_names=_own_names("CreateKey", "DisableKey", "EnableKey", "PutKeyPolicy", "ScheduleKeyDeletion"),
    ),
    "monitoring": TrailedService(
        source="aws.monitoring",
        event_names=_own_names("DeleteAlarms", "DisableAlarmActions", "EnableAlarmActions", "PutMetricAlarm"),
    ),
    "scheduler": TrailedService(
        source="aws.scheduler",
        event_names=_own_names("CreateSchedule", "DeleteSchedule", "UpdateSchedule"),
    ),
    "cloudtrail": TrailedService(
        source="aws.cloudtrail",
        event_names=_own_names(
            "CreateTrail", "DeleteTrail", "PutEventSelectors", "StartLogging", "StopLogging", "UpdateTrail"
        ),
    ),
    "dynamodb": TrailedService(
        source="aws.dynamodb", event_names=_own_names("CreateTable", "DeleteTable", "UpdateTable")
    ),
    "cloudformation": TrailedService(
        source="aws.cloudformation",
        event_names=_own_names("CreateStack", "DeleteStack", "ExecuteChangeSet", "UpdateStack"),
    ),
    "iam": TrailedService(
        source="aws.iam",
        # Source: CloudTrail user guide, "Global service events".
        region="us-east-1",
        event_names=_own_names(
            *("AttachRolePolicy", "CreatePolicyVersion", "CreateRole", "DeletePolicy", "DeleteRole"),
            *("DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DetachRolePolicy"),
            *(
                "PutRolePermissionsBoundary",
                "PutRolePolicy",
                "SetDefaultPolicyVersion",
                "UpdateAssumeRolePolicy",
            ),
        ),
    ),
}
"""By the signing name of each service."""


def parameters_of(call: ApiCall) -> dict[str, Any]:
    """Return what a call asked for, as its API names it, whatever the protocol."""
    if call.service in REST_SERVICES:
        path, query = call.environ.get("PATH_INFO", ""), call.environ.get("QUERY_STRING", "")
        return rest_parameters(call.service, call.operation, path, dict(parse_qsl(query)), call.body)
    if "Action" in call.parameters:
        return _nested({name: text for name, text in call.parameters.items() if name not in _QUERY_NOISE})
    return dict(call.parameters)


def _nested(form: Mapping[str, str]) -> dict[str, Any]:
    """Return the flat form of the query protocol as what it stands for: `Names.member.1` is in a list."""
    tree: dict[str, Any] = {}
    for name, text in form.items():
        *path, last = name.split(".")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        place[last] = text
    return {name: _lists(value) for name, value in tree.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value.keys() == {"member"}:
        return [_lists(one) for _, one in sorted(value["member"].items(), key=lambda item: int(item[0]))]
    if value.keys() == {"entry"}:
        return {pair["key"]: _lists(pair["value"]) for pair in value["entry"].values()}
    return {name: _lists(below) for name, below in value.items()}

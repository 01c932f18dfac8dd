"""The deployed stack, read from CloudFormation, and its parts, each read from its own service."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from holdfast.calling import ONE_ATTEMPT, call, pages
from holdfast.reconciliation.wiring import (
    FUNCTION,
    KEY,
    MAPPING,
    RULE,
    SCHEDULE,
    STATE_MACHINE,
    TOPIC,
    FunctionState,
    KeyState,
    MappingState,
    Part,
    RuleState,
    ScheduleState,
    Stack,
    State,
    StateMachineState,
    Subscription,
    TopicState,
)
from holdfast.timestamps import parse_http_date

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import SubscriptionTypeDef
    from mypy_boto3_stepfunctions import SFNClient


@dataclass(frozen=True, slots=True)
class Clients:
    """A boto3 client of each service, which makes one attempt."""

    cloudformation: CloudFormationClient
    events: EventBridgeClient
    functions: LambdaClient
    keys: KMSClient
    schedules: EventBridgeSchedulerClient
    state_machines: SFNClient
    topics: SNSClient


class Deployment:
    """Read the stack and its parts.

    Every method raises `ServiceBusyError` or `ServiceRefusedError`.

    Parameters
    ----------
    clients : Clients
        The clients to ask.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def stack(self, name: str) -> Stack:
        """Return the stack with all its parts, but those that a deployment has removed."""
        client = self._clients.cloudformation
        described = call("cloudformation", "DescribeStacks", client.describe_stacks, StackName=name)
        stack = described["Stacks"][0]
        listing = pages("cloudformation", "ListStackResources", client.list_stack_resources, StackName=name)
        return Stack(
            status=stack["StackStatus"],
            deployed_at=stack.get("LastUpdatedTime", stack["CreationTime"]),
            read_at=parse_http_date(described["ResponseMetadata"]["HTTPHeaders"]["date"]),
            parts=tuple(
                Part(
                    listed["LogicalResourceId"],
                    listed["ResourceType"],
                    listed["PhysicalResourceId"],
                    listed["LastUpdatedTimestamp"],
                )
                for page in listing
                for listed in page["StackResourceSummaries"]
                if listed.get("PhysicalResourceId") and listed["ResourceStatus"] != "DELETE_COMPLETE"
            ),
            parameters={
                parameter["ParameterKey"]: parameter["ParameterValue"]
                for parameter in stack.get("Parameters", [])
            },
        )

    def look_at(self, part: Part) -> State:
        """Return the state of a part of one of the kinds that are looked at."""
        return {
            RULE: self._rule,
            SCHEDULE: self._schedule,
            FUNCTION: self._function,
            STATE_MACHINE: self._state_machine,
            KEY: self._key,
            TOPIC: self._topic,
            MAPPING: self._mapping,
        }[part.kind](part.physical_id)

    def _rule(self, name: str) -> State:
        client = self._clients.events
        # Of a rule that is not on the default bus, the name has the bus's before it. Source: CloudFormation
        # template reference, AWS::Events::Rule, "Return values".
        bus, _, own = name.rpartition("|")
        on = {"EventBusName": bus} if bus else {}
        rule = call("events", "DescribeRule", client.describe_rule, Name=own, **on)
        listing = pages("events", "ListTargetsByRule", client.list_targets_by_rule, Rule=own, **on)
        targets = tuple(target for page in listing for target in page["Targets"])
        return RuleState(rule["State"], rule.get("EventPattern", ""), targets)

    def _schedule(self, name: str) -> State:
        schedule = call("scheduler", "GetSchedule", self._clients.schedules.get_schedule, Name=name)
        return ScheduleState(schedule["State"], schedule["ScheduleExpression"], schedule["Target"])

    def _function(self, name: str) -> State:
        client = self._clients.functions
        found: Any = call(
            "lambda", "GetFunctionConfiguration", client.get_function_configuration, FunctionName=name
        )
        reserved = call(
            "lambda", "GetFunctionConcurrency", client.get_function_concurrency, FunctionName=name
        )
        return FunctionState(
            state=found["State"],
            last_update=found.get("LastUpdateStatus", ""),
            reserved_concurrency=reserved.get("ReservedConcurrentExecutions"),
            code=found["CodeSha256"],
            configuration={
                "handler": found.get("Handler"),
                "runtime": found.get("Runtime"),
                "role": found["Role"],
                "timeout": found.get("Timeout"),
                "memory": found.get("MemorySize"),
                "layers": [layer["Arn"] for layer in found.get("Layers", [])],
                "environment": found.get("Environment", {}).get("Variables", {}),
            },
        )

    def _state_machine(self, arn: str) -> State:
        client = self._clients.state_machines
        found = call("states", "DescribeStateMachine", client.describe_state_machine, stateMachineArn=arn)
        return StateMachineState(found["status"], found["definition"], found["roleArn"])

    def _mapping(self, mapping_id: str) -> State:
        client = self._clients.functions
        found = call("lambda", "GetEventSourceMapping", client.get_event_source_mapping, UUID=mapping_id)
        settings = {
            "source": found["EventSourceArn"],
            "function": found["FunctionArn"],
            "batch": found.get("BatchSize"),
            "filter": found.get("FilterCriteria", {}),
            "answers": found.get("FunctionResponseTypes", []),
        }
        return MappingState(found["State"], settings)

    def _key(self, key_id: str) -> State:
        found = call("kms", "DescribeKey", self._clients.keys.describe_key, KeyId=key_id)
        return KeyState(found["KeyMetadata"]["KeyState"])

    def _topic(self, arn: str) -> State:
        """Return a topic's subscriptions, the first hundred; one that was deleted lingers and is left out.

        Source: SNS API reference, ListSubscriptionsByTopic; developer guide, "Deleting a subscription".
        """
        listed = call(
            "sns",
            "ListSubscriptionsByTopic",
            self._clients.topics.list_subscriptions_by_topic,
            TopicArn=arn,
        )
        present = (entry for entry in listed["Subscriptions"] if entry["SubscriptionArn"] != "Deleted")
        return TopicState(tuple(self._subscription(entry) for entry in present))

    def _subscription(self, listed: SubscriptionTypeDef) -> Subscription:
        # What is not confirmed has a word in its ARN's place.
        arn, confirmed = listed["SubscriptionArn"], listed["SubscriptionArn"].startswith("arn:")
        subscription = Subscription(listed["Protocol"], listed["Endpoint"], confirmed)
        if not (confirmed and (subscription.by_mail or subscription.by_queue)):
            return subscription
        found = call(
            "sns",
            "GetSubscriptionAttributes",
            self._clients.topics.get_subscription_attributes,
            SubscriptionArn=arn,
        )
        # An empty filter is how one is removed. Source: SNS developer guide, "Removing a filter policy".
        filtered = found["Attributes"].get("FilterPolicy", "{}") != "{}"
        authenticated = found["Attributes"].get("ConfirmationWasAuthenticated") == "true"
        return Subscription(listed["Protocol"], listed["Endpoint"], confirmed, filtered, authenticated)


@cache
def connect_deployment() -> Deployment:
    """Return the connection of this process, made at the first call and kept while the function is warm."""
    return Deployment(
        Clients(
            cloudformation=boto3.client("cloudformation", config=ONE_ATTEMPT),
            events=boto3.client("events", config=ONE_ATTEMPT),
            functions=boto3.client("lambda", config=ONE_ATTEMPT),
            keys=boto3.client("kms", config=ONE_ATTEMPT),
            schedules=boto3.client("scheduler", config=ONE_ATTEMPT),
            state_machines=boto3.client("stepfunctions", config=ONE_ATTEMPT),
            topics=boto3.client("sns", config=ONE_ATTEMPT),
        )
    )

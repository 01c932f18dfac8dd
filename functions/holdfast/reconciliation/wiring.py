"""What Holdfast is made of, and what of it is not as it should be: decisions over what was read.

Nothing here fails with a noise of its own: a disabled rule, an unconfirmed subscription or a stopped trail is
noticed when a guardrail is lost and nobody hears of it. So every run over the whole baseline looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from holdfast.errors import ServiceError
from holdfast.quoting import quoted
from holdfast.reconciliation.run import Fault

RULE = "AWS::Events::Rule"
SCHEDULE = "AWS::Scheduler::Schedule"
FUNCTION = "AWS::Lambda::Function"
STATE_MACHINE = "AWS::StepFunctions::StateMachine"
KEY = "AWS::KMS::Key"
TOPIC = "AWS::SNS::Topic"
MAPPING = "AWS::Lambda::EventSourceMapping"

OUTCOMES, MAIL_QUEUE = "OutcomeTopic", "MailQueue"
"""By logical id, the topic that tells how it ended, and the queue by which people hear of it."""

_FOR_MACHINES = frozenset({"AlertTopic", OUTCOMES})
"""The topics that no person has to be subscribed to, by logical id: people hear of the same by mail."""

_SWITCHES = {"ReconciliationEnabled": ("ReconcileSchedule", "TamperRule", "ForwardedTamperRule")}
"""The template's parameters that put parts out of use, and which."""


@dataclass(frozen=True, slots=True)
class Part:
    """A resource of the deployed stack.

    Parameters
    ----------
    logical_id : str
        Its name in the template.
    kind : str
        Its CloudFormation type.
    physical_id : str
        What its service calls it: a name, an id or an ARN.
    changed_at : datetime
        When a deployment touched it last.
    """

    logical_id: str
    kind: str
    physical_id: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Stack:
    """The deployed stack.

    Parameters
    ----------
    status : str
        CloudFormation's `StackStatus`.
    deployed_at : datetime
        When its last deployment began: another time is another deployment.
    read_at : datetime
        When CloudFormation said all this, by its own clock.
    parts : tuple of Part
        All its resources.
    parameters : mapping of str to str
        The values that it was deployed with.
    """

    status: str
    deployed_at: datetime
    read_at: datetime
    parts: tuple[Part, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_progress(self) -> bool:
        """Whether a deployment is under way, so that nothing is as it was nor yet as it will be."""
        return self.status.endswith("_IN_PROGRESS")

    @property
    def complete_since(self) -> datetime:
        """When the last deployment touched the last part."""
        return max((part.changed_at for part in self.parts), default=self.deployed_at)

    @property
    def switched_off(self) -> frozenset[str]:
        """The parts that a parameter has put out of use, by logical id: as they are, they should be."""
        return frozenset(
            logical_id
            for parameter, logical_ids in _SWITCHES.items()
            if self.parameters.get(parameter) == "false"
            for logical_id in logical_ids
        )

    def physical_id(self, logical_id: str) -> str | None:
        """Return what its service calls a part, None if there is no such part."""
        return next((part.physical_id for part in self.parts if part.logical_id == logical_id), None)


@dataclass(frozen=True, slots=True)
class RuleState:
    """An EventBridge rule: `ENABLED` or not, its pattern as JSON, its targets as the API lists them."""

    state: str
    pattern: str
    targets: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """A schedule: `ENABLED` or not, when it fires, and its target as the API describes it."""

    state: str
    expression: str
    target: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KeyState:
    """A KMS key's `KeyState`."""

    state: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription to a topic.

    Whether it has a filter is asked of confirmed mailboxes and queues only, and so is whether it was
    confirmed by somebody with credentials, so that a mail's link cannot end it.
    """

    protocol: str
    endpoint: str
    confirmed: bool
    filtered: bool = False
    authenticated: bool = False

    @property
    def by_mail(self) -> bool:
        """Whether people get it by e-mail. Source: SNS API reference, Subscribe, `Protocol`."""
        return self.protocol in {"email", "email-json"}

    @property
    def by_queue(self) -> bool:
        """Whether a queue gets it."""
        return self.protocol == "sqs"


@dataclass(frozen=True, slots=True)
class TopicState:
    """Who listens to a topic."""

    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class FunctionState:
    """A Lambda function.

    Parameters
    ----------
    state : str
        `Pending`, `Active`, `Inactive` or `Failed`. Source: Lambda API reference, FunctionConfiguration.
    last_update : str
        `Successful`, `Failed` or `InProgress`.
    reserved_concurrency : int or None
        How many invocations may run at a time, None if none are reserved.
    code : str
        The SHA-256 of its deployment package, in Base64.
    configuration : mapping
        What else decides what it does: handler, runtime, role, time-out, memory, layers, environment.
    """

    state: str
    last_update: str
    reserved_concurrency: int | None
    code: str
    configuration: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StateMachineState:
    """A state machine: `ACTIVE` or not, its definition and its role."""

    status: str
    definition: str
    role: str


@dataclass(frozen=True, slots=True)
class MappingState:
    """An event source mapping: `Enabled` or not, and its settings: queue, function, filter and so on."""

    state: str
    settings: Mapping[str, Any]


State = RuleState | ScheduleState | KeyState | TopicState | FunctionState | StateMachineState | MappingState

_REDEPLOY = "Find out in CloudTrail who changed it, and deploy the template again."


def faults_of(part: Part, state: State) -> tuple[Fault, ...]:
    """Return what is wrong with a part by its own state."""
    match state:
        case RuleState():
            found = _rule_faults(state)
        case ScheduleState():
            found = _schedule_faults(state)
        case KeyState():
            found = _key_faults(state)
        case TopicState():
            found = _topic_faults(state, may_be_silent=part.logical_id in _FOR_MACHINES)
        case FunctionState():
            found = _function_faults(state)
        case StateMachineState():
            found = _state_machine_faults(state)
        case MappingState():
            found = _mapping_faults(state)
    return tuple(Fault(part.logical_id, finding, remedy) for finding, remedy in found.items())


def _rule_faults(rule: RuleState) -> dict[str, str]:
    """Return the remedy of each finding."""
    found = {}
    if rule.state != "ENABLED":
        found[f"The rule is {rule.state}: its events start nothing."] = (
            "Enable it (aws events enable-rule), unless it was disabled to stop Holdfast."
        )
    if not rule.targets:
        found["The rule has no target: its events start nothing."] = _REDEPLOY
    return found


def _schedule_faults(schedule: ScheduleState) -> dict[str, str]:
    if schedule.state == "ENABLED":
        return {}
    remedy = "Enable it in EventBridge Scheduler, unless it was disabled to stop Holdfast."
    return {f"The schedule is {schedule.state}: nothing compares the baseline by itself.": remedy}


def _key_faults(key: KeyState) -> dict[str, str]:
    if key.state == "Enabled":
        return {}
    remedy = "Enable it (aws kms enable-key); if its deletion is scheduled, cancel that first."
    return {f"The key is {key.state}: what is encrypted with it cannot be sent.": remedy}


def _topic_faults(topic: TopicState, *, may_be_silent: bool) -> dict[str, str]:
    if not topic.subscriptions and not may_be_silent:
        return {
            "Nobody is subscribed to the topic.": "Subscribe somebody, or name an address in the template."
        }
    found = {}
    for subscription in topic.subscriptions:
        address = quoted(subscription.endpoint)
        if subscription.by_mail and not subscription.confirmed:
            found[f"The subscription of {address} is not confirmed: no mail is sent to it."] = (
                "Follow the link in the confirmation mail; if there is none, subscribe the address again."
            )
        elif subscription.by_mail and subscription.filtered:
            found[f"The subscription of {address} has a filter: not every mail is sent to it."] = (
                "Remove its filter policy; filters are for machines."
            )
    return found


def _function_faults(function: FunctionState) -> dict[str, str]:
    found = {}
    # A function is Pending for the moment after it was made or changed, and then tells how that went.
    if function.state not in {"Active", "Pending"}:
        found[f"The function is {function.state}: it may not run."] = (
            "Read its StateReason, and deploy again."
        )
    if function.last_update == "Failed":
        found["The function's last update failed: it runs as it was before."] = (
            "Read its LastUpdateStatusReason, and deploy again."
        )
    if function.reserved_concurrency == 0:
        found["The function's reserved concurrency is 0: it never runs."] = (
            "Remove it (aws lambda delete-function-concurrency), and deploy the template again."
        )
    return found


def _state_machine_faults(machine: StateMachineState) -> dict[str, str]:
    if machine.status == "ACTIVE":
        return {}
    return {f"The state machine is {machine.status}: it starts nothing new.": _REDEPLOY}


# Source: Lambda API reference, EventSourceMappingConfiguration, `State`.
_CONSUMING = {"Creating", "Enabling", "Enabled", "Updating"}


def _mapping_faults(mapping: MappingState) -> dict[str, str]:
    if mapping.state in _CONSUMING:
        return {}
    remedy = "Enable it (aws lambda update-event-source-mapping --enabled)."
    return {f"The event source mapping is {mapping.state}: nobody takes what is in the queue.": remedy}


def mail_faults(stack: Stack, states: Mapping[Part, State]) -> tuple[Fault, ...]:
    """Return what keeps the outcomes from the queue by which people hear of them."""
    queue = stack.physical_id(MAIL_QUEUE)
    topic = next((state for part, state in states.items() if part.logical_id == OUTCOMES), None)
    if queue is None or not isinstance(topic, TopicState):
        return ()
    # A queue is known to CloudFormation by its URL, and to SNS by its ARN; both end with its name.
    name = queue.rpartition("/")[2]
    reaching = [one for one in topic.subscriptions if one.by_queue and one.endpoint.endswith(f":{name}")]
    if not reaching:
        finding = "The mail queue is not subscribed to the topic: people hear of no outcome."
        return (Fault(OUTCOMES, finding, _REDEPLOY),)
    if all(one.filtered for one in reaching):
        finding = "The mail queue's subscription has a filter: people do not hear of every outcome."
        return (Fault(OUTCOMES, finding, "Remove its filter policy."),)
    return ()


def code_faults(functions: Mapping[str, FunctionState]) -> tuple[Fault, ...]:
    """Return which functions run other code than most: all are deployed from one package.

    Parameters
    ----------
    functions : mapping of str to FunctionState
        The functions by logical id.
    """
    if not functions:
        return ()
    ((most, _), *_others) = Counter(function.code for function in functions.values()).most_common()
    return tuple(
        Fault(name, "The function runs other code than the others, and all come from one package.", _REDEPLOY)
        for name, function in functions.items()
        if function.code != most
    )


_GONE = {"ResourceNotFoundException", "NotFoundException", "NotFound", "StateMachineDoesNotExist"}
"""What the services answer about what is not there. Source: the errors of each call in botocore's models."""


def is_gone(error: ServiceError) -> bool:
    """Return whether a service answered that what was asked for is not there."""
    return error.code in _GONE


def unread_faults(unread: Mapping[Part, ServiceError]) -> tuple[Fault, ...]:
    """Return which parts are gone, and which could not be looked at: one fault for each answer."""
    gone = tuple(
        Fault(part.logical_id, f"It is gone: {error.service} does not know {part.physical_id}.", _REDEPLOY)
        for part, error in unread.items()
        if is_gone(error)
    )
    refused: dict[tuple[str, str], list[str]] = {}
    errors: dict[tuple[str, str], ServiceError] = {}
    for part, error in unread.items():
        if not is_gone(error):
            answer = (error.operation, error.code)
            refused.setdefault(answer, []).append(part.logical_id)
            errors.setdefault(answer, error)
    return (*gone, *(not_checked(", ".join(names), errors[answer]) for answer, names in refused.items()))


def not_checked(part: str, error: ServiceError) -> Fault:
    """Return the fault that says that a check could not be made."""
    said = quoted(error, limit=300)
    finding = f"It could not be checked: {said}"
    return Fault(
        part, finding, "Let the role of CheckWiringFunction make this call, or wait for the service."
    )


_KINDS = {
    RULE: ("the state and the targets of {}", "rule", "rules"),
    SCHEDULE: ("the state of {}", "schedule", "schedules"),
    FUNCTION: ("the state, the code and the concurrency of {}", "function", "functions"),
    STATE_MACHINE: ("the status of {}", "state machine", "state machines"),
    KEY: ("the state of {}", "key", "keys"),
    TOPIC: ("the subscriptions of {}", "topic", "topics"),
    MAPPING: ("the state of {}", "event source mapping", "event source mappings"),
}
CHECKED_KINDS = frozenset(_KINDS)
"""The CloudFormation types of the parts that are looked at."""


def checked_sentences(parts: Mapping[Part, State]) -> tuple[str, ...]:
    """Return what was looked at, in words."""
    counts = Counter(part.kind for part in parts)
    return tuple(
        sentence.format(f"{counts[kind]} {one if counts[kind] == 1 else many}")
        for kind, (sentence, one, many) in _KINDS.items()
        if counts[kind]
    )

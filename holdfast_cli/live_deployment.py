"""What `holdfast doctor` reads: the deployment and what is around it, by reads only, each thing once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from holdfast.attachment import PolicySummary, PolicyType
from holdfast.baseline import Baseline, RolePrincipal, load_baseline
from holdfast.calling import call, pages
from holdfast.errors import ServiceError, ServiceRefusedError, TargetGoneError
from holdfast.exemption import Exemptions, sort_out
from holdfast.exemption_store import ExemptionStore
from holdfast.organizations import Organizations, Root
from holdfast.reconciliation.deployment import Clients, Deployment
from holdfast.reconciliation.scanning import Scanner
from holdfast.reconciliation.trail_selection import Trail, TrailState
from holdfast.reconciliation.trails import Trails
from holdfast.reconciliation.wiring import Part, Stack, State, TopicState
from holdfast.successors import Successors
from holdfast_cli.headroom import Slots
from holdfast_cli.operation import Alarm
from holdfast_cli.placement import LiveOrganization
from holdfast_cli.rivals import OtherStack, Rule, wants_detaches
from holdfast_cli.session import Session
from holdfast_cli.working_parts import Looked

ALARM = "AWS::CloudWatch::Alarm"

Track = Callable[[tuple[str, ...]], Iterable[str]]
"""Passes on the targets that are read, and may show how far that is."""

_ALARMS_A_CALL = 100
"""Source: CloudWatch API reference, DescribeAlarms, `AlarmNames`."""


class LiveDeployment:
    """Read the deployment with the operator's own credentials.

    Everything raises `ServiceError` or `OrganizationsError`; the baseline raises `BaselineError`.

    Parameters
    ----------
    session : Session
        Which AWS, as whom.
    stack_name : str
        The stack's name or ARN.
    folder : Path
        The baseline's folder.
    """

    def __init__(self, session: Session, stack_name: str, folder: Path) -> None:
        self.stack_name = stack_name
        self._session = session
        self._folder = folder

    @cached_property
    def stack(self) -> Stack:
        """The deployed stack."""
        return self._deployment.stack(self.stack_name)

    @cached_property
    def baseline(self) -> Baseline:
        """The baseline in the folder, as it is declared."""
        return load_baseline(self._folder)

    @cached_property
    def account(self) -> str:
        """The account whose credentials these are: the stack's, for CloudFormation shows no other's."""
        answer = call("sts", "GetCallerIdentity", self._client("sts").get_caller_identity)
        return str(answer["Account"])

    @property
    def region(self) -> str:
        """The region that is asked."""
        return str(self._client("cloudformation").meta.region_name)

    @property
    def partition(self) -> str:
        """The partition of that region."""
        return str(self._client("cloudformation").meta.partition)

    @cached_property
    def organization(self) -> LiveOrganization:
        """The organization of the account."""
        client = self._client("organizations")
        found = call("organizations", "DescribeOrganization", client.describe_organization)["Organization"]
        return LiveOrganization(found["Id"], found["MasterAccountId"], found["FeatureSet"])

    @cached_property
    def root(self) -> Root:
        """The organization's root, with its policy types."""
        return self._organizations.root()

    def delegation(self) -> str | None:
        """Return the organization's delegation policy, None if it has none."""
        client = self._client("organizations")
        try:
            answer = call("organizations", "DescribeResourcePolicy", client.describe_resource_policy)
        except ServiceRefusedError as error:
            if error.code == "ResourcePolicyNotFoundException":
                return None
            raise
        return str(answer["ResourcePolicy"]["Content"])

    def look_at(self, *kinds: str) -> Looked:
        """Return the states of all parts of the stack that are of these CloudFormation types."""
        states: dict[Part, State] = {}
        unread: dict[Part, ServiceError] = {}
        for part in self.stack.parts:
            if part.kind in kinds:
                try:
                    states[part] = self._deployment.look_at(part)
                except ServiceError as error:
                    unread[part] = error
        return Looked(states, unread)

    def topic(self, logical_id: str) -> tuple[Part, TopicState]:
        """Return a topic of the stack, and who listens to it."""
        part = self._part(logical_id)
        state = self._deployment.look_at(part)
        assert isinstance(state, TopicState)  # noqa: S101 - the part is a topic
        return part, state

    def trails(self) -> Mapping[Trail, TrailState | ServiceError | None]:
        """Return what the trails do, or what was answered; None for those of other regions."""
        trails = Trails(self._client("cloudtrail"), self._cloudtrail_in)
        return {
            trail: self._trail(trails, trail) if trail.covers_region else None for trail in trails.visible()
        }

    def slots(self, track: Track) -> tuple[Slots, ...]:
        """Return what is attached to each target of the baseline, by type; no type that is off."""
        baseline = self.baseline.adopting(Successors(self._client("ssm")).read())
        scanner = Scanner(baseline, self._organizations)
        off = [kind for kind in PolicyType if self.root.statuses.get(kind) is None]
        return tuple(
            slots for target in track(scanner.targets) for slots in self._slots_on(scanner, target, off)
        )

    def concurrency(self) -> tuple[int, int]:
        """Return Lambda's concurrency of the account, and what of it no function reserves."""
        answer = call("lambda", "GetAccountSettings", self._client("lambda").get_account_settings)
        limit = answer["AccountLimit"]
        return limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]

    @cached_property
    def rules_of_others(self) -> tuple[Rule, ...]:
        """The rules of the account's default bus that want a detach, the stack's own left out."""
        client = self._client("events")
        own = {part.physical_id for part in self.stack.parts}
        return tuple(
            Rule(
                name=rule["Name"],
                description=rule.get("Description", ""),
                pattern=rule.get("EventPattern", ""),
                enabled=rule["State"] != "DISABLED",
                targets=self._targets_of(rule["Name"]),
            )
            for page in pages("events", "ListRules", client.list_rules)
            for rule in page["Rules"]
            if rule["Name"] not in own and wants_detaches(rule.get("EventPattern", ""))
        )

    @cached_property
    def stacks(self) -> tuple[OtherStack, ...]:
        """All stacks of the account in this region."""
        listing = pages("cloudformation", "ListStacks", self._client("cloudformation").list_stacks)
        return tuple(
            OtherStack(stack["StackId"], stack["StackName"], stack.get("TemplateDescription", ""))
            for page in listing
            for stack in page["StackSummaries"]
            if stack["StackStatus"] != "DELETE_COMPLETE"
        )

    def service_control_policies(self) -> tuple[PolicySummary, ...]:
        """Return all service control policies of the organization."""
        return tuple(self._organizations.policies_of_type(PolicyType.SERVICE_CONTROL_POLICY))

    def last_reconciliation(self) -> datetime | None:
        """Return when the last reconciliation that succeeded ended, None if none has."""
        listed = call(
            "states",
            "ListExecutions",
            self._client("stepfunctions").list_executions,
            stateMachineArn=self._part("ReconcileStateMachine").physical_id,
            statusFilter="SUCCEEDED",
            maxResults=1,
        )["executions"]
        return listed[0]["stopDate"] if listed else None

    @property
    def dead_letter_queue(self) -> str:
        """The URL of the dead-letter queue."""
        return self._part("UndeliveredQueue").physical_id

    def undelivered(self) -> int:
        """Return how many messages are in the dead-letter queue, those being read included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = call(
            "sqs",
            "GetQueueAttributes",
            self._client("sqs").get_queue_attributes,
            QueueUrl=self.dead_letter_queue,
            AttributeNames=names,
        )
        return sum(int(answer["Attributes"][name]) for name in names)

    def alarms(self) -> tuple[tuple[Alarm, ...], tuple[str, ...]]:
        """Return the stack's alarms, and the logical ids of those that are not there."""
        names = {part.physical_id: part.logical_id for part in self.stack.parts if part.kind == ALARM}
        client = self._client("cloudwatch")
        asked = list(names)
        alarms = tuple(
            Alarm(names[alarm["AlarmName"]], alarm["StateValue"], alarm["ActionsEnabled"])
            for first in range(0, len(asked), _ALARMS_A_CALL)
            for alarm in call(
                "cloudwatch",
                "DescribeAlarms",
                client.describe_alarms,
                AlarmNames=asked[first : first + _ALARMS_A_CALL],
                MaxRecords=_ALARMS_A_CALL,
            )["MetricAlarms"]
        )
        return alarms, tuple(set(names.values()).difference(alarm.name for alarm in alarms))

    def exemptions(self) -> Exemptions:
        """Return the exemptions, and what is none and stands among them."""
        return sort_out(ExemptionStore(self._client("ssm")).read_all())

    def role_ids(self, roles: Collection[RolePrincipal]) -> Mapping[str, str | None]:
        """Return the unique id of each role of this account, None for those that do not exist."""
        here = [one.role for one in roles if one.role.split(":")[4] == self.account]
        return {arn: self._role_id(arn) for arn in here}

    def _role_id(self, arn: str) -> str | None:
        client = self._client("iam")
        try:
            role = call("iam", "GetRole", client.get_role, RoleName=arn.rpartition("/")[2])["Role"]
        except ServiceRefusedError as error:
            if error.code == "NoSuchEntity":
                return None
            raise
        # The same name can stand below another path: that is another role.
        return str(role["RoleId"]) if role["Arn"] == arn else None

    def _slots_on(self, scanner: Scanner, target_id: str, off: list[PolicyType]) -> Iterable[Slots]:
        for kind in scanner.types_on(target_id, off):
            try:
                attached = self._organizations.policies_on(target_id, kind)
            except TargetGoneError:
                return
            guardrails = (scanner.baseline.guardrails[index] for index in scanner.guardrails_on(target_id))
            yield Slots(
                target_id,
                kind,
                frozenset(policy.policy_id for policy in attached),
                frozenset(one.policy_id for one in guardrails if one.policy_type is kind),
            )

    def _targets_of(self, rule: str) -> tuple[str, ...]:
        client = self._client("events")
        listing = pages("events", "ListTargetsByRule", client.list_targets_by_rule, Rule=rule)
        return tuple(target["Arn"] for page in listing for target in page["Targets"])

    def _trail(self, trails: Trails, trail: Trail) -> TrailState | ServiceError:
        try:
            return trails.look_at(trail)
        except ServiceRefusedError as error:
            return error

    def _part(self, logical_id: str) -> Part:
        for part in self.stack.parts:
            if part.logical_id == logical_id:
                return part
        raise ServiceRefusedError(
            "cloudformation", "ListStackResources", "NoSuchPart", f"the stack has no part {logical_id}"
        )

    @cached_property
    def _deployment(self) -> Deployment:
        return Deployment(
            Clients(
                cloudformation=self._client("cloudformation"),
                events=self._client("events"),
                functions=self._client("lambda"),
                keys=self._client("kms"),
                schedules=self._client("scheduler"),
                state_machines=self._client("stepfunctions"),
                topics=self._client("sns"),
            )
        )

    @cached_property
    def _organizations(self) -> Organizations:
        return Organizations(self._session.organizations())

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def _client(self, service: str) -> Any:
        """Return the client of a service: making one reads a megabyte of JSON."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service)
        return self._clients[service]

    def _cloudtrail_in(self, region: str) -> Any:
        return replace(self._session, region=region).client("cloudtrail")

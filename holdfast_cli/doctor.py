"""All checks of `holdfast doctor`, in the order in which they are told: what each reads, needs and judges."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.reconciliation.sentence import counted
from holdfast.reconciliation.wiring import (
    FUNCTION,
    KEY,
    MAPPING,
    OUTCOMES,
    RULE,
    SCHEDULE,
    STATE_MACHINE,
    FunctionState,
)
from holdfast_cli.check import Check, Verdict
from holdfast_cli.headroom import judge_concurrency, judge_slots
from holdfast_cli.live_deployment import LiveDeployment, Track
from holdfast_cli.operation import (
    judge_alarms,
    judge_exemptions,
    judge_heartbeat,
    judge_roles,
    judge_undelivered,
)
from holdfast_cli.placement import (
    judge_account,
    judge_baseline,
    judge_features,
    judge_mode,
    judge_policy_types,
    judge_region,
    judge_stack,
)
from holdfast_cli.rivals import (
    judge_accelerator,
    judge_control_tower,
    judge_other_rules,
    judge_other_stacks,
)
from holdfast_cli.subscribers import judge_subscriptions
from holdfast_cli.working_parts import Looked, judge_mail, judge_parts, judge_schedule, judge_trails

_STACK = ("cloudformation:DescribeStacks", "cloudformation:ListStackResources")
_ORGANIZATION = ("organizations:DescribeOrganization",)
_FUNCTIONS = ("lambda:GetFunctionConfiguration", "lambda:GetFunctionConcurrency")
_SUBSCRIPTIONS = ("sns:ListSubscriptionsByTopic", "sns:GetSubscriptionAttributes")
_RULES = ("events:ListRules", "events:ListTargetsByRule")
_STACKS = ("cloudformation:ListStacks",)


def checks_of(live: LiveDeployment, track: Track) -> tuple[Check, ...]:
    """Return all checks of a deployment, none of them made yet.

    Parameters
    ----------
    live : LiveDeployment
        What they read.
    track : callable
        Passes on the targets whose slots are counted: that takes long where there are many.
    """
    return (
        *_checks_of_the_place(live),
        *_checks_of_the_parts(live),
        *_checks_of_the_room(live, track),
        *_checks_of_rivals(live),
        *_checks_of_the_operation(live),
    )


def _checks_of_the_place(live: LiveDeployment) -> tuple[Check, ...]:
    def account() -> Verdict:
        named, organization = live.stack.parameters.get("ManagementAccountId", ""), live.organization
        delegated = bool(named) and live.account != organization.management_account
        return judge_account(live.account, organization, named, live.delegation() if delegated else None)

    def types() -> Verdict:
        named = [kind for kind in live.stack.parameters.get("PolicyTypes", "").split(",") if kind]
        used = {guardrail.policy_type for guardrail in live.baseline.guardrails}
        return judge_policy_types(named, live.root.statuses, used)

    def baseline() -> Verdict:
        deployed_for = live.stack.parameters.get("OrganizationId", "")
        return judge_baseline(live.baseline, live.organization.organization_id, deployed_for)

    return (
        Check("stack", _STACK, lambda: judge_stack(live.stack, live.stack_name)),
        Check("account", (*_STACK, *_ORGANIZATION, "organizations:DescribeResourcePolicy"), account),
        Check("region", (), lambda: judge_region(live.region, live.partition)),
        Check("all features", _ORGANIZATION, lambda: judge_features(live.organization)),
        Check("policy types", (*_STACK, "organizations:ListRoots"), types),
        Check("baseline", (*_STACK, *_ORGANIZATION), baseline),
        Check("mode", _STACK, lambda: judge_mode(live.stack.parameters)),
    )


def _checks_of_the_parts(live: LiveDeployment) -> tuple[Check, ...]:
    def parts(*kinds: str, fine: Callable[[Looked], str]) -> Callable[[], Verdict]:
        def judge() -> Verdict:
            looked = live.look_at(*kinds)
            return judge_parts(live.stack, looked, fine(looked))

        return judge

    def mail() -> Verdict:
        mapping = live.look_at(MAPPING)
        topic, state = live.topic(OUTCOMES)
        return judge_mail(live.stack, Looked({**mapping.states, topic: state}, mapping.unread))

    return (
        Check(
            "trail",
            ("cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors"),
            lambda: judge_trails(live.trails()),
        ),
        Check(
            "rules",
            (*_STACK, "events:DescribeRule", "events:ListTargetsByRule"),
            parts(RULE, fine=lambda found: f"{_number(found, 'rule')}, ENABLED and with targets"),
        ),
        Check(
            "state machines",
            (*_STACK, "states:DescribeStateMachine"),
            parts(STATE_MACHINE, fine=lambda found: f"{_number(found, 'state machine')}, ACTIVE"),
        ),
        Check(
            "functions",
            (*_STACK, *_FUNCTIONS),
            parts(
                FUNCTION, fine=lambda found: f"{_number(found, 'function')}, Active, all with the same code"
            ),
        ),
        Check(
            "schedule",
            (*_STACK, "scheduler:GetSchedule"),
            lambda: judge_schedule(live.stack, live.look_at(SCHEDULE)),
        ),
        Check(
            "key of the outcomes",
            (*_STACK, "kms:DescribeKey"),
            parts(KEY, fine=lambda found: f"{_number(found, 'key')}, Enabled"),
        ),
        Check("mail queue", (*_STACK, "lambda:GetEventSourceMapping", *_SUBSCRIPTIONS), mail),
        Check(
            "mail subscriptions",
            (*_STACK, *_SUBSCRIPTIONS),
            lambda: judge_subscriptions(*live.topic("MailTopic")),
        ),
        Check(
            "alarm subscriptions",
            (*_STACK, *_SUBSCRIPTIONS),
            lambda: judge_subscriptions(*live.topic("AlarmTopic")),
        ),
    )


def _number(looked: Looked, noun: str) -> str:
    return counted(len(looked.states), noun)


def _checks_of_the_room(live: LiveDeployment, track: Track) -> tuple[Check, ...]:
    def concurrency() -> Verdict:
        limit, unreserved = live.concurrency()
        functions = live.look_at(FUNCTION)
        for error in functions.unread.values():
            raise error
        reserved = sum(
            state.reserved_concurrency or 0
            for state in functions.states.values()
            if isinstance(state, FunctionState)
        )
        return judge_concurrency(limit, unreserved, reserved, live.stack.parameters)

    return (
        Check(
            "slots on targets",
            (
                "organizations:ListRoots",
                "organizations:ListPoliciesForTarget",
                "ssm:GetParametersByPath",
            ),
            lambda: judge_slots(live.slots(track)),
        ),
        Check("Lambda concurrency", (*_STACK, "lambda:GetAccountSettings", *_FUNCTIONS), concurrency),
    )


def _checks_of_rivals(live: LiveDeployment) -> tuple[Check, ...]:
    return (
        Check(
            "Landing Zone Accelerator",
            (*_STACK, *_RULES, *_STACKS),
            lambda: judge_accelerator(live.rules_of_others, live.stacks),
        ),
        Check(
            "Control Tower",
            ("organizations:ListPolicies", *_STACKS),
            lambda: judge_control_tower(live.service_control_policies(), live.stacks, live.baseline),
        ),
        Check("rules of others", (*_STACK, *_RULES), lambda: judge_other_rules(live.rules_of_others)),
        Check("another Holdfast", _STACKS, lambda: judge_other_stacks(live.stack_name, live.stacks)),
    )


def _checks_of_the_operation(live: LiveDeployment) -> tuple[Check, ...]:
    def heartbeat() -> Verdict:
        scheduled = live.stack.parameters.get("ReconciliationEnabled") != "false"
        last, stack = live.last_reconciliation(), live.stack
        return judge_heartbeat(last, stack.deployed_at, stack.read_at, scheduled=scheduled)

    def roles() -> Verdict:
        listed = (*live.baseline.sanctioned, *live.baseline.rivals)
        ids = live.role_ids(listed)
        return judge_roles(listed, ids, [one.role for one in listed if one.role not in ids])

    return (
        Check("last reconciliation", (*_STACK, "states:ListExecutions"), heartbeat),
        Check(
            "undelivered messages",
            (*_STACK, "sqs:GetQueueAttributes"),
            lambda: judge_undelivered(live.undelivered(), live.dead_letter_queue),
        ),
        Check("alarms", (*_STACK, "cloudwatch:DescribeAlarms"), lambda: judge_alarms(*live.alarms())),
        Check(
            "exemptions",
            (*_STACK, "ssm:GetParametersByPath"),
            lambda: judge_exemptions(live.exemptions(), live.stack.read_at),
        ),
        Check("listed roles", ("iam:GetRole",), roles),
    )

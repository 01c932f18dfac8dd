"""The checks of `holdfast doctor`, from what was read to what is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.attachment import PolicySummary, PolicyType
from holdfast.baseline import RolePrincipal
from holdfast.errors import (
    BaselineError,
    OrganizationsBusyError,
    PermissionMissingError,
    ServiceError,
    ServiceRefusedError,
)
from holdfast.exemption import BrokenExemption, Exemption, Exemptions
from holdfast.reconciliation.trail_selection import Trail, TrailState
from holdfast.reconciliation.wiring import (
    KEY,
    MAPPING,
    RULE,
    SCHEDULE,
    TOPIC,
    MappingState,
    Subscription,
    TopicState,
)
from holdfast_cli.check import Check, Status, Verdict, failed, ok, warning
from holdfast_cli.headroom import Slots, judge_concurrency, judge_slots
from holdfast_cli.operation import (
    Alarm,
    judge_alarms,
    judge_exemptions,
    judge_heartbeat,
    judge_roles,
    judge_undelivered,
)
from holdfast_cli.placement import (
    LiveOrganization,
    judge_account,
    judge_baseline,
    judge_features,
    judge_mode,
    judge_policy_types,
    judge_region,
    judge_stack,
)
from holdfast_cli.rivals import (
    OtherStack,
    Rule,
    judge_accelerator,
    judge_control_tower,
    judge_other_rules,
    judge_other_stacks,
    wants_detaches,
)
from holdfast_cli.subscribers import judge_subscriptions
from holdfast_cli.working_parts import Looked, judge_mail, judge_parts, judge_schedule, judge_trails
from tests.unit.examples import example_baseline
from tests.unit.inspected import (
    BUSY,
    DENIED,
    GONE,
    LOGS_ALL,
    MAPPING_STATE,
    QUEUE,
    RULE_STATE,
    SCHEDULE_STATE,
    STACK,
    TRAIL,
    part,
)

BASELINE = example_baseline()
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ORGANIZATION = LiveOrganization("o-far1coz49w", "111122223333", "ALL")
SCP, RCP = PolicyType.SERVICE_CONTROL_POLICY, PolicyType.RESOURCE_CONTROL_POLICY
HOUR = timedelta(hours=1)


def raising(error: Exception) -> Check:
    def judge() -> Verdict:
        raise error

    return Check("key", ("kms:DescribeKey",), judge)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            DENIED,
            warning(
                "could not be checked: kms DescribeKey: AccessDeniedException: not authorized; "
                "it needs kms:DescribeKey",
                "Run it as somebody who may call kms:DescribeKey.",
            ),
        ),
        (
            PermissionMissingError("ListRoots", "AccessDeniedException", "no"),
            warning(
                "could not be checked: ListRoots: AccessDeniedException: no; "
                "it needs organizations:ListRoots",
                "Run it as somebody who may call organizations:ListRoots.",
            ),
        ),
        (
            OrganizationsBusyError("ListRoots", "ServiceException", "later"),
            warning(
                "could not be checked: ListRoots: ServiceException: later",
                "Try again; if it stays so, look at the service by hand.",
            ),
        ),
        (
            BaselineError("guardrail: got nothing"),
            warning(
                "could not be checked: guardrail: got nothing",
                "Name the baseline's folder (--folder); `holdfast validate` checks it.",
            ),
        ),
    ],
)
def test_what_could_not_be_read_is_a_warning_that_says_why(error: Exception, said: Verdict) -> None:
    assert raising(error).verdict() == said


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("UPDATE_COMPLETE", Status.OK),
        ("UPDATE_IN_PROGRESS", Status.WARNING),
        ("UPDATE_ROLLBACK_COMPLETE", Status.WARNING),
        ("UPDATE_ROLLBACK_FAILED", Status.FAILED),
    ],
)
def test_the_stack_is_judged_by_how_its_last_deployment_ended(status: str, expected: Status) -> None:
    verdict = judge_stack(replace(STACK, status=status), "holdfast")

    assert (verdict.status, verdict.found) == (
        expected,
        f"holdfast is {status}, deployed at 2026-11-20T08:00:00Z",
    )


HOST, MANAGEMENT = "444455556666", "111122223333"
DELEGATION = f'{{"Principal": {{"AWS": "arn:aws:iam::{HOST}:root"}}}}'


@pytest.mark.parametrize(
    ("account", "named", "delegation", "said"),
    [
        (MANAGEMENT, "", None, ok(f"{MANAGEMENT} is the organization's management account")),
        (
            HOST,
            MANAGEMENT,
            DELEGATION,
            ok(f"{HOST} is a delegated administrator, the management account is {MANAGEMENT}"),
        ),
        (
            HOST,
            "",
            None,
            failed(
                f"the stack is in {HOST}, and the management account is {MANAGEMENT}",
                f"Deploy it there, or as a delegated administrator with ManagementAccountId={MANAGEMENT}.",
            ),
        ),
        (
            HOST,
            MANAGEMENT,
            None,
            failed(
                f"{HOST} is not the management account, and no delegation policy of the organization "
                "names it",
                "Let the management account delegate policies to it (aws organizations put-resource-policy).",
            ),
        ),
        (
            MANAGEMENT,
            HOST,
            None,
            failed(
                f"the stack names {HOST} as management account, and the organization's is {MANAGEMENT}",
                f"Deploy with ManagementAccountId={MANAGEMENT}.",
            ),
        ),
    ],
)
def test_the_account_has_to_see_the_detaches(
    account: str, named: str, delegation: str | None, said: Verdict
) -> None:
    assert judge_account(account, ORGANIZATION, named, delegation) == said


@pytest.mark.parametrize(
    ("region", "partition", "said"),
    [
        ("us-gov-west-1", "aws-us-gov", ok("us-gov-west-1, where Organizations events arrive")),
        (
            "eu-central-1",
            "aws",
            failed(
                "eu-central-1, and Organizations events arrive in us-east-1 only",
                "Deploy the stack in us-east-1.",
            ),
        ),
        (
            "us-iso-east-1",
            "aws-iso",
            warning(
                "us-iso-east-1; where Organizations events of the partition aws-iso arrive is not known here",
                "Look it up in the Organizations user guide, “Logging with CloudTrail”.",
            ),
        ),
    ],
)
def test_the_region_has_to_be_that_of_the_events(region: str, partition: str, said: Verdict) -> None:
    assert judge_region(region, partition) == said


def test_an_organization_for_billing_only_has_no_policies() -> None:
    billing = replace(ORGANIZATION, features="CONSOLIDATED_BILLING")

    assert (judge_features(ORGANIZATION), judge_features(billing)) == (
        ok("o-far1coz49w has all features enabled"),
        failed(
            "o-far1coz49w has the feature set CONSOLIDATED_BILLING: no policy works in it",
            "Enable all features (aws organizations enable-all-features).",
        ),
    )


@pytest.mark.parametrize(
    ("named", "statuses", "said"),
    [
        ([SCP], {SCP: "ENABLED"}, ok("ENABLED on the root: SERVICE_CONTROL_POLICY")),
        (
            [SCP, RCP],
            {SCP: "ENABLED"},
            warning(
                "not ENABLED on the root: RESOURCE_CONTROL_POLICY (DISABLED); no guardrail is of it",
                "Leave it out of PolicyTypes, or enable it before you guard policies of it.",
            ),
        ),
        (
            [SCP],
            {SCP: "PENDING_DISABLE"},
            failed(
                "not ENABLED on the root, and guardrails are of it: SERVICE_CONTROL_POLICY (PENDING_DISABLE)",
                "Enable it (aws organizations enable-policy-type); then run holdfast reconcile.",
            ),
        ),
        (
            [RCP],
            {SCP: "ENABLED", RCP: "ENABLED"},
            failed(
                "guardrails are of SERVICE_CONTROL_POLICY, which the stack may not attach",
                "Deploy with PolicyTypes=RESOURCE_CONTROL_POLICY,SERVICE_CONTROL_POLICY.",
            ),
        ),
    ],
)
def test_the_types_of_the_guardrails_have_to_be_on(
    named: list[str], statuses: dict[str, str], said: Verdict
) -> None:
    assert judge_policy_types(named, statuses, {SCP}) == said


def test_the_baseline_and_the_stack_have_to_be_of_the_organization() -> None:
    own, other = "o-far1coz49w", "o-somebodyelse"

    assert [
        judge_baseline(BASELINE, own, own).status,
        judge_baseline(BASELINE, own, other),
        judge_baseline(BASELINE, other, other),
    ] == [
        Status.OK,
        failed(
            f"the stack was deployed for {other}, and the organization is {own}",
            f"Deploy with OrganizationId={own}.",
        ),
        failed(
            f"it is of {own}, and the organization is {other}",
            "Write it anew (holdfast snapshot), or name the right one (--folder), and deploy.",
        ),
    ]


def test_alert_only_is_a_warning() -> None:
    assert (judge_mode({"Mode": "remediate"}), judge_mode({"Mode": "alert-only"})) == (
        ok("remediate: what is detached goes back"),
        warning(
            "alert-only: it tells what it would do, and restores nothing",
            "When its mails have been right for some days, deploy with Mode=remediate.",
        ),
    )


DETACH_RULE, TAMPER_RULE = part("DetachRule", RULE), part("TamperRule", RULE)


def test_a_disabled_rule_fails_and_names_itself() -> None:
    looked = Looked({DETACH_RULE: replace(RULE_STATE, state="DISABLED"), TAMPER_RULE: RULE_STATE}, {})

    assert judge_parts(STACK, looked, "2 rules") == failed(
        "DetachRule: The rule is DISABLED: its events start nothing.",
        "Enable it (aws events enable-rule), unless it was disabled to stop Holdfast.",
    )


def test_what_a_parameter_switches_off_is_a_warning() -> None:
    stack = replace(STACK, parameters={"ReconciliationEnabled": "false"})
    looked = Looked({DETACH_RULE: RULE_STATE, TAMPER_RULE: replace(RULE_STATE, state="DISABLED")}, {})

    assert judge_parts(stack, looked, "2 rules") == warning(
        "2 rules; switched off by the parameter ReconciliationEnabled: TamperRule",
        "Deploy with ReconciliationEnabled=true, unless it is off on purpose.",
    )


def test_a_part_that_is_gone_fails() -> None:
    key = part("OutcomeKey", KEY)

    assert judge_parts(STACK, Looked({}, {key: GONE}), "1 key").found == (
        "OutcomeKey: It is gone: kms does not know holdfast-OutcomeKey."
    )


def test_what_is_wrong_is_told_before_what_could_not_be_read() -> None:
    broken = Looked({DETACH_RULE: replace(RULE_STATE, targets=())}, {TAMPER_RULE: DENIED})
    unread = Looked({DETACH_RULE: RULE_STATE}, {TAMPER_RULE: DENIED})

    assert judge_parts(STACK, broken, "").found == (
        "DetachRule: The rule has no target: its events start nothing."
    )
    with pytest.raises(ServiceError, match="not authorized"):
        judge_parts(STACK, unread, "")


def test_the_schedule_says_when_it_fires() -> None:
    looked = Looked({part("ReconcileSchedule", SCHEDULE): SCHEDULE_STATE}, {})

    assert judge_schedule(STACK, looked) == ok("rate(10 minutes) compares the whole baseline")


@pytest.mark.parametrize(
    ("topic", "mapping", "found"),
    [
        (
            TopicState((QUEUE,)),
            MAPPING_STATE,
            "the mapping is Enabled, and the mail queue gets every outcome",
        ),
        (
            TopicState(()),
            MAPPING_STATE,
            "OutcomeTopic: The mail queue is not subscribed to the topic: people hear of no outcome.",
        ),
        (
            TopicState((QUEUE,)),
            replace(MAPPING_STATE, state="Disabled"),
            "MailMapping: The event source mapping is Disabled: nobody takes what is in the queue.",
        ),
    ],
)
def test_outcomes_have_to_reach_the_queue_and_leave_it(
    topic: TopicState, mapping: MappingState, found: str
) -> None:
    looked = Looked({part("OutcomeTopic", TOPIC): topic, part("MailMapping", MAPPING): mapping}, {})

    assert judge_mail(STACK, looked).found == found


ELSEWHERE = Trail("arn:aws:cloudtrail:eu-west-1:111122223333:trail/local", covers_region=False)
STOPPED = TrailState(logging=False)


def test_one_trail_that_logs_is_enough() -> None:
    found = {ELSEWHERE: None, TRAIL: LOGS_ALL}

    assert judge_trails(found) == ok(f"{TRAIL.arn} logs management write events")


def test_without_a_trail_there_are_no_events() -> None:
    assert judge_trails({ELSEWHERE: None, TRAIL: STOPPED}) == failed(
        "no trail logs management write events, so that there are no events to react to: "
        f"{ELSEWHERE.arn} is of another region; {TRAIL.arn} is stopped",
        "Start a trail that logs all management events of this region (aws cloudtrail start-logging).",
    )


def test_a_trail_that_could_not_be_read_may_be_the_one() -> None:
    with pytest.raises(ServiceError, match="Rate exceeded"):
        judge_trails({ELSEWHERE: None, TRAIL: BUSY})


MAIL_TOPIC = part("MailTopic", TOPIC)
ANNA = Subscription("email", "anna@example.com", confirmed=True, authenticated=True)


@pytest.mark.parametrize(
    ("subscriptions", "said"),
    [
        ((ANNA,), ok("1 subscription, confirmed and without a filter")),
        (
            (ANNA, replace(ANNA, endpoint="bob@example.com", authenticated=False)),
            warning(
                "2 subscriptions, confirmed and without a filter; "
                "a forwarded mail can unsubscribe bob@example.com",
                "Subscribe again; confirm with aws sns confirm-subscription --authenticate-on-unsubscribe "
                "true: docs/operations.md, “Confirm so that a forwarded mail cannot unsubscribe you”.",
            ),
        ),
        (
            (),
            failed(
                "MailTopic: Nobody is subscribed to the topic.",
                "Subscribe somebody, or name an address in the template.",
            ),
        ),
    ],
)
def test_people_have_to_be_subscribed_for_good(
    subscriptions: tuple[Subscription, ...], said: Verdict
) -> None:
    assert judge_subscriptions(MAIL_TOPIC, TopicState(subscriptions)) == said


def test_an_unconfirmed_or_filtered_subscription_fails() -> None:
    pending, filtered = replace(ANNA, confirmed=False), replace(ANNA, filtered=True)

    assert [judge_subscriptions(MAIL_TOPIC, TopicState((one,))).status for one in (pending, filtered)] == [
        Status.FAILED,
        Status.FAILED,
    ]


def slots(attached: int, *declared: str, target: str = "r-exme") -> Slots:
    """Return a target with so many policies, the declared ones first."""
    strangers = [f"p-stranger{number:02}" for number in range(attached)]
    return Slots(target, SCP, frozenset(strangers), frozenset(declared))


def test_the_fewest_free_slots_are_told() -> None:
    found = [slots(3), slots(8, target="ou-exme-ycaqk99w")]

    assert judge_slots(found) == ok(
        "2 targets looked at; the fewest are free on ou-exme-ycaqk99w: 2 SERVICE_CONTROL_POLICY"
    )


def test_a_full_target_is_a_warning_and_a_missing_guardrail_comes_first() -> None:
    found = [slots(10, "p-stranger01"), slots(10, "p-lp0dxjlp", target="ou-exme-ycaqk99w")]

    assert judge_slots(found) == warning(
        "no slot is free on 2 targets: "
        "ou-exme-ycaqk99w has 10 of 10 SERVICE_CONTROL_POLICY, and lacks p-lp0dxjlp; "
        "r-exme has 10 of 10 SERVICE_CONTROL_POLICY",
        "Detach what is not needed there: whoever detaches a guardrail can fill its place.",
    )


REMEDIATES = {"Mode": "remediate", "ReattachConcurrency": "5"}
ASKS = "Ask for more (Service Quotas, Lambda, “Concurrent executions”)"


@pytest.mark.parametrize(
    ("limit", "reserved", "parameters", "said"),
    [
        (1_000, 7, REMEDIATES, ok("993 of 1,000 are unreserved, 7 are reserved for Holdfast")),
        (
            10,
            0,
            REMEDIATES | {"ReattachConcurrency": "0"},
            warning(
                "10 of 10 are unreserved, 0 are reserved for Holdfast: a mass detach would be throttled",
                f"{ASKS}.",
            ),
        ),
        (
            104,
            2,
            REMEDIATES | {"Mode": "alert-only"},
            warning(
                "102 of 104 are unreserved, 2 are reserved for Holdfast; "
                "deploying with Mode=remediate reserves 5 more, and 100 must stay free",
                f"{ASKS}, or deploy with ReattachConcurrency=0.",
            ),
        ),
        (
            107,
            2,
            REMEDIATES | {"Mode": "alert-only"},
            ok("105 of 107 are unreserved, 2 are reserved for Holdfast"),
        ),
    ],
)
def test_lambda_has_to_leave_room(
    limit: int, reserved: int, parameters: dict[str, str], said: Verdict
) -> None:
    assert judge_concurrency(limit, limit - reserved, reserved, parameters) == said


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ('{"source": ["aws.organizations"]}', True),
        ('{"detail": {"eventName": [{"prefix": "Detach"}]}}', True),
        ('{"detail": {"eventName": ["AttachPolicy"]}}', False),
        ('{"source": ["aws.ec2"]}', False),
        ('{"detail": {"eventName": [{"sounds-like": "DetachPolicy"}]}}', True),
        ("", False),
    ],
)
def test_a_rule_wants_detaches_by_its_pattern(pattern: str, wanted: bool) -> None:  # noqa: FBT001 - the answer
    assert wants_detaches(pattern) is wanted


LAMBDA = "arn:aws:lambda:us-east-1:111122223333:function:"
REVERT = Rule(
    "AWSAccelerator-FinalizeSt-RevertScpChangesModifyScpR-1A2B",
    "",
    "{}",
    enabled=True,
    targets=(f"{LAMBDA}AWSAccelerator-FinalizeSt-RevertScpChanges-3C4D",),
)
FIXER = Rule("put-policies-back", "", "{}", enabled=True, targets=(f"{LAMBDA}fixer",))
TO_THE_LOG = Rule(
    "archive", "", "{}", enabled=True, targets=("arn:aws:logs:us-east-1:111122223333:log-group:x",)
)
ACCELERATOR = OtherStack("arn:1", "AWSAccelerator-FinalizeStack-111122223333-us-east-1", "(SO0199)")


def test_an_accelerator_that_reverts_has_to_be_chosen_or_switched_off() -> None:
    assert judge_accelerator([FIXER, REVERT], [ACCELERATOR]) == failed(
        "its revert of SCP changes is on, and detaches what Holdfast attaches: "
        f"{REVERT.name} starts {REVERT.targets[0]}",
        "Choose one owner: docs/coexistence.md, “Landing Zone Accelerator”.",
    )


def test_the_accelerators_rule_is_known_by_its_description_too() -> None:
    renamed = replace(FIXER, description="Rule to notify when an LZA-managed SCP is modified or detached.")

    assert judge_accelerator([renamed], []).status is Status.FAILED


def test_a_disabled_revert_is_a_warning() -> None:
    assert judge_accelerator([replace(REVERT, enabled=False)], [ACCELERATOR]) == warning(
        "its revert of SCP changes is there, with the rule DISABLED: "
        f"{REVERT.name} starts {REVERT.targets[0]}",
        "Its pipeline can enable it again; set scpRevertChangesConfig to false: docs/coexistence.md.",
    )


def test_an_accelerator_without_revert_is_fine() -> None:
    assert (judge_accelerator([], [ACCELERATOR]), judge_accelerator([FIXER], [])) == (
        ok("1 stack of it, and no revert of SCP changes"),
        ok("not in this account"),
    )


def test_only_rules_that_can_change_something_are_rivals() -> None:
    assert judge_other_rules([FIXER, TO_THE_LOG, REVERT]) == warning(
        f"1 rule of others for a detach: put-policies-back starts {LAMBDA}fixer",
        "Look whether it attaches or detaches policies; if so, choose one owner: docs/coexistence.md.",
    )
    assert judge_other_rules([TO_THE_LOG, replace(FIXER, enabled=False)]) == ok(
        "no other rule acts on a detach"
    )


GUARDED = BASELINE.guardrails[0]


def test_what_control_tower_manages_has_to_be_left_to_it() -> None:
    towers = PolicySummary("p-towers0001", "aws-guardrails-AbCdEf", aws_managed=False)
    guarded = replace(towers, policy_id=GUARDED.policy_id)
    setup = OtherStack("arn:2", "AWSControlTowerBP-BASELINE-CLOUDTRAIL-MASTER", "")

    assert [
        judge_control_tower([guarded], [], BASELINE),
        judge_control_tower([towers], [setup], BASELINE),
        judge_control_tower([], [], BASELINE),
    ] == [
        warning(
            "the baseline guards policies that Control Tower manages itself: aws-guardrails-AbCdEf",
            "Leave them out, or exempt them before each change in it: docs/coexistence.md, "
            "“AWS Control Tower”.",
        ),
        ok("it manages 1 policy, none of them in the baseline"),
        ok("not in this organization"),
    ]


def test_a_second_holdfast_is_a_warning() -> None:
    own = OtherStack("arn:own", "holdfast", "Holdfast keeps AWS Organizations guardrails attached: …")
    second = replace(own, stack_id="arn:second", name="holdfast-two")

    assert judge_other_stacks("holdfast", [own]) == ok("the only one of this account and region")
    assert judge_other_stacks("arn:own", [own, second]) == warning(
        "another Holdfast is deployed here: holdfast-two",
        "Keep one: each restores what its own baseline says, and both tell it.",
    )


@pytest.mark.parametrize(
    ("last", "deployed_at", "scheduled", "status", "found"),
    [
        (
            NOW - timedelta(minutes=4),
            NOW - 24 * HOUR,
            True,
            Status.OK,
            "the last that succeeded ended 4 minutes ago, at 2026-11-22T09:26:00Z",
        ),
        (
            NOW - 2 * HOUR,
            NOW - 24 * HOUR,
            True,
            Status.FAILED,
            "the last that succeeded ended 120 minutes ago, at 2026-11-22T07:30:00Z",
        ),
        (
            NOW - 2 * HOUR,
            NOW - 24 * HOUR,
            False,
            Status.WARNING,
            "the last that succeeded ended 120 minutes ago, at 2026-11-22T07:30:00Z",
        ),
        (
            None,
            NOW - timedelta(minutes=1),
            True,
            Status.WARNING,
            "none has succeeded yet, deployed 1 minute ago",
        ),
        (None, NOW - 2 * HOUR, True, Status.FAILED, "none has succeeded yet, deployed 120 minutes ago"),
    ],
)
def test_the_heart_has_to_beat_every_hour(
    last: datetime | None,
    deployed_at: datetime,
    scheduled: bool,  # noqa: FBT001 - the same
    status: Status,
    found: str,
) -> None:
    verdict = judge_heartbeat(last, deployed_at, NOW, scheduled=scheduled)

    assert (verdict.status, verdict.found) == (status, found)


def test_what_was_not_delivered_fails() -> None:
    assert (judge_undelivered(0, "https://queue"), judge_undelivered(2, "https://queue")) == (
        ok("the dead-letter queue is empty"),
        failed(
            "2 messages in the dead-letter queue",
            "Read why (ERROR_CODE): aws sqs receive-message --message-attribute-names All "
            "--queue-url https://queue",
        ),
    )


def test_alarms_have_to_be_quiet_there_and_heard() -> None:
    quiet, ringing = Alarm("UndeliveredAlarm", "OK", tells=True), Alarm("MailStuckAlarm", "ALARM", tells=True)

    assert [
        judge_alarms([quiet], []),
        judge_alarms([quiet, ringing], []),
        judge_alarms([quiet], ["MailStuckAlarm"]),
        judge_alarms([replace(quiet, tells=False)], []),
    ] == [
        ok("1 alarm, none in ALARM"),
        failed(
            "in ALARM: MailStuckAlarm",
            "Read the alarm's description in CloudWatch, which says what to look at; docs/operations.md.",
        ),
        failed("gone: MailStuckAlarm", "Deploy the template again."),
        warning(
            "with their actions switched off: UndeliveredAlarm",
            "Switch them on again: aws cloudwatch enable-alarm-actions --alarm-names …",
        ),
    ]


EXEMPT = Exemption("/holdfast/exemptions/all", NOW + HOUR, "a move", None, NOW - HOUR)


def test_exemptions_in_force_and_broken_ones_are_told() -> None:
    found = Exemptions(
        (EXEMPT, replace(EXEMPT, until=NOW)), (BrokenExemption("/holdfast/exemptions/x", "name"),)
    )

    assert judge_exemptions(found, NOW) == warning(
        "1 in force, 1 broken: /holdfast/exemptions/all until 2026-11-22T10:30:00Z, because 'a move'; "
        "/holdfast/exemptions/x is broken and ignored",
        "See them with holdfast exempt list; end one with holdfast exempt revoke. "
        "Grant again what is broken, or delete it.",
    )


def test_exemptions_that_have_ended_are_fine() -> None:
    ended = Exemptions((replace(EXEMPT, until=NOW),))

    assert (judge_exemptions(Exemptions(), NOW), judge_exemptions(ended, NOW)) == (
        ok("none in force"),
        ok("none in force, 1 ended"),
    )


PIPELINE = RolePrincipal("arn:aws:iam::111122223333:role/pipeline", "AROAEXAMPLEPIPELINE01")
OUTSIDE = RolePrincipal("arn:aws:iam::444455556666:role/pipeline")
CORRECT = "Correct baseline.toml: whoever makes a role of that name is sanctioned, unless an id is listed."


def test_listed_roles_have_to_be_the_ones_that_were_meant() -> None:
    assert [
        judge_roles([], {}, []),
        judge_roles([PIPELINE, OUTSIDE], {PIPELINE.role: PIPELINE.role_id}, [OUTSIDE.role]),
        judge_roles([PIPELINE], {PIPELINE.role: None}, []),
        judge_roles([PIPELINE], {PIPELINE.role: "AROASOMEBODYELSE00001"}, []),
    ] == [
        ok("the baseline lists no role"),
        ok(f"1 role as listed; not looked at, in other accounts: {OUTSIDE.role}"),
        warning(f"not there: {PIPELINE.role}", CORRECT),
        warning(f"not the one with the id that is listed: {PIPELINE.role}", CORRECT),
    ]


def test_what_is_gone_fails() -> None:
    queue = ServiceRefusedError("sqs", "GetQueueAttributes", "QueueDoesNotExist", "no such queue")

    assert [raising(GONE).verdict(), raising(queue).verdict()] == [
        failed("it is gone: kms DescribeKey: NotFoundException: no such key", "Deploy the template again."),
        failed(
            "it is gone: sqs GetQueueAttributes: QueueDoesNotExist: no such queue",
            "Deploy the template again.",
        ),
    ]


def test_a_stack_without_such_parts_is_not_holdfasts() -> None:
    assert judge_parts(STACK, Looked({}, {}), "0 rules") == failed(
        "the stack has none: it is not Holdfast's, or older than this command",
        "Name Holdfast's stack (--stack), or deploy this version.",
    )


def test_an_answer_in_many_lines_is_told_in_one() -> None:
    refused = ServiceRefusedError("sns", "GetTopicAttributes", "AuthorizationError", "not\n  you")

    assert raising(refused).verdict().found == (
        "could not be checked: sns GetTopicAttributes: AuthorizationError: not you; "
        "it needs sns:GetTopicAttributes"
    )

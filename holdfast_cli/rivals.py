"""Who else acts on detached policies: rules, accelerators, Control Tower, and another Holdfast.

Only what is in the account that hosts the stack can be seen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from holdfast.attachment import CONTROL_TOWER_PREFIX, PolicySummary
from holdfast.baseline import Baseline
from holdfast.reconciliation.sentence import counted
from holdfast_cli.check import Verdict, failed, ok, warning
from localaws.patterns import EventPattern, PatternError

COEXISTENCE = "docs/coexistence.md"

# Source: awslabs/landing-zone-accelerator-on-aws, constructs/lib/aws-events/revert-scp-changes.ts: the
# construct `RevertScpChanges` and the rule's description. CloudFormation makes names of it, and cuts them.
_REVERT = "revertscp"
_DESCRIPTION = "LZA-managed SCP"
_ACCELERATOR = "AWSAccelerator-"

# Source: Control Tower user guide, "How Control Tower works with stack sets": what their names begin with.
_CONTROL_TOWER = "AWSControlTowerBP-"

_HOLDFAST = "Holdfast keeps AWS Organizations guardrails attached"
"""How the template's description begins."""

# They pass on what happened, and change nothing themselves.
_PASSIVE = frozenset({"events", "firehose", "kinesis", "logs", "sns", "sqs"})

_DETACH = {
    "version": "0",
    "source": "aws.organizations",
    "detail-type": "AWS API Call via CloudTrail",
    "detail": {
        "eventSource": "organizations.amazonaws.com",
        "eventName": "DetachPolicy",
        "eventType": "AwsApiCall",
        "readOnly": False,
        "requestParameters": {"policyId": "p-examplescp1", "targetId": "ou-exmp-workload1"},
    },
}


@dataclass(frozen=True, slots=True)
class Rule:
    """An EventBridge rule of the account.

    Parameters
    ----------
    name, description, pattern : str
        As EventBridge lists them.
    enabled : bool
        Whether it is on.
    targets : tuple of str
        The ARNs of its targets; asked only of rules that want a detach.
    """

    name: str
    description: str
    pattern: str
    enabled: bool
    targets: tuple[str, ...] = ()

    @property
    def is_accelerators(self) -> bool:
        """Whether it starts Landing Zone Accelerator's revert."""
        words = (self.name, *self.targets)
        return _DESCRIPTION in self.description or any(_REVERT in word.lower() for word in words)

    @property
    def acts(self) -> bool:
        """Whether one of its targets can change something."""
        return any(target.split(":")[2] not in _PASSIVE for target in self.targets)

    @property
    def in_words(self) -> str:
        """Its name, and what it starts."""
        return f"{self.name} starts {', '.join(self.targets)}"


def wants_detaches(pattern: str) -> bool:
    """Return whether a rule with this pattern is started by a detach; one that cannot be read may be."""
    if not pattern:
        return False
    try:
        return EventPattern.parse(pattern).matches(_DETACH)
    except PatternError:
        return "DetachPolicy" in pattern


@dataclass(frozen=True, slots=True)
class OtherStack:
    """A CloudFormation stack of the account, deleted ones left out."""

    stack_id: str
    name: str
    description: str


def judge_accelerator(rules: Sequence[Rule], stacks: Sequence[OtherStack]) -> Verdict:
    """Judge whether Landing Zone Accelerator detaches what Holdfast attaches.

    Parameters
    ----------
    rules : sequence of Rule
        The rules that want a detach, Holdfast's own left out.
    stacks : sequence of OtherStack
        The account's stacks.
    """
    reverting = [rule for rule in rules if rule.is_accelerators]
    if on := [rule for rule in reverting if rule.enabled]:
        return failed(
            f"its revert of SCP changes is on, and detaches what Holdfast attaches: {_named(on)}",
            f"Choose one owner: {COEXISTENCE}, “Landing Zone Accelerator”.",
        )
    if reverting:
        return warning(
            f"its revert of SCP changes is there, with the rule DISABLED: {_named(reverting)}",
            f"Its pipeline can enable it again; set scpRevertChangesConfig to false: {COEXISTENCE}.",
        )
    if found := [stack for stack in stacks if stack.name.startswith(_ACCELERATOR)]:
        return ok(f"{counted(len(found), 'stack')} of it, and no revert of SCP changes")
    return ok("not in this account")


def judge_control_tower(
    policies: Sequence[PolicySummary], stacks: Sequence[OtherStack], baseline: Baseline
) -> Verdict:
    """Judge whether the baseline guards what Control Tower attaches and detaches itself."""
    managed = {
        policy.policy_id: policy.name for policy in policies if policy.name.startswith(CONTROL_TOWER_PREFIX)
    }
    guarded = [guardrail for guardrail in baseline.guardrails if guardrail.policy_id in managed]
    if guarded:
        names = ", ".join(managed[guardrail.policy_id] for guardrail in guarded)
        return warning(
            f"the baseline guards policies that Control Tower manages itself: {names}",
            f"Leave them out, or exempt them before each change in it: {COEXISTENCE}, “AWS Control Tower”.",
        )
    if managed or any(stack.name.startswith(_CONTROL_TOWER) for stack in stacks):
        return ok(f"it manages {counted(len(managed), 'policy', 'policies')}, none of them in the baseline")
    return ok("not in this organization")


def judge_other_rules(rules: Sequence[Rule]) -> Verdict:
    """Judge whether another rule that a detach starts may act on it."""
    acting = [rule for rule in rules if rule.enabled and rule.acts and not rule.is_accelerators]
    if acting:
        return warning(
            f"{counted(len(acting), 'rule')} of others for a detach: {_named(acting)}",
            f"Look whether it attaches or detaches policies; if so, choose one owner: {COEXISTENCE}.",
        )
    return ok("no other rule acts on a detach")


def judge_other_stacks(own: str, stacks: Collection[OtherStack]) -> Verdict:
    """Judge whether this is the only Holdfast of the account.

    Parameters
    ----------
    own : str
        The stack's name or id.
    stacks : collection of OtherStack
        The account's stacks.
    """
    others = [
        stack.name
        for stack in stacks
        if stack.description.startswith(_HOLDFAST) and own not in {stack.name, stack.stack_id}
    ]
    if others:
        return warning(
            f"another Holdfast is deployed here: {', '.join(sorted(others))}",
            "Keep one: each restores what its own baseline says, and both tell it.",
        )
    return ok("the only one of this account and region")


def _named(rules: Sequence[Rule]) -> str:
    return "; ".join(rule.in_words for rule in rules)

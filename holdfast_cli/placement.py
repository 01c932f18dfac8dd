"""Whether Holdfast runs where it can work, and for the right organization: decisions over what was read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from holdfast.attachment import PolicyType
from holdfast.baseline import Baseline
from holdfast.reconciliation.scanning import ENABLED
from holdfast.reconciliation.sentence import counted
from holdfast.reconciliation.wiring import Stack
from holdfast.settings import Mode
from holdfast.timestamps import format_timestamp
from holdfast_cli.check import Verdict, failed, ok, warning
from holdfast_cli.session import REGION_OF_EVENTS

ALL_FEATURES = "ALL"
"""The feature set in which policies work. Source: Organizations API reference, Organization, `FeatureSet`."""


@dataclass(frozen=True, slots=True)
class LiveOrganization:
    """The organization whose credentials these are.

    Parameters
    ----------
    organization_id : str
        Its id.
    management_account : str
        Its management account's id.
    features : str
        Its feature set.
    """

    organization_id: str
    management_account: str
    features: str


def judge_stack(stack: Stack, name: str) -> Verdict:
    """Judge whether the last deployment ended well."""
    at = format_timestamp(stack.deployed_at)
    found = f"{name} is {stack.status}, deployed at {at}"
    if stack.in_progress:
        return warning(found, "Wait until the deployment has ended, and run this again.")
    if "FAILED" in stack.status:
        return failed(
            found, "Read the stack's events (aws cloudformation describe-stack-events); deploy again."
        )
    if "ROLLBACK" in stack.status:
        return warning(
            found,
            "The last deployment was undone: read the stack's events, and deploy again.",
        )
    return ok(found)


def judge_account(
    account: str, organization: LiveOrganization, named: str, delegation: str | None
) -> Verdict:
    """Judge whether the stack's account is one that sees the detaches, and may undo them.

    Parameters
    ----------
    account : str
        The account that hosts the stack.
    organization : LiveOrganization
        The organization.
    named : str
        The stack's parameter ManagementAccountId; empty says that the host is the management account.
    delegation : str or None
        The organization's delegation policy, where the host is another account and there is one.
    """
    management = organization.management_account
    if named and named != management:
        return failed(
            f"the stack names {named} as management account, and the organization's is {management}",
            f"Deploy with ManagementAccountId={management}.",
        )
    if account == management:
        return ok(f"{account} is the organization's management account")
    if not named:
        return failed(
            f"the stack is in {account}, and the management account is {management}",
            f"Deploy it there, or as a delegated administrator with ManagementAccountId={management}.",
        )
    if delegation is None or account not in delegation:
        return failed(
            f"{account} is not the management account, and no delegation policy of the organization names it",
            "Let the management account delegate policies to it (aws organizations put-resource-policy).",
        )
    return ok(f"{account} is a delegated administrator, the management account is {management}")


def judge_region(region: str, partition: str) -> Verdict:
    """Judge whether Organizations events arrive in the stack's region."""
    expected = REGION_OF_EVENTS.get(partition)
    if expected is None:
        return warning(
            f"{region}; where Organizations events of the partition {partition} arrive is not known here",
            "Look it up in the Organizations user guide, “Logging with CloudTrail”.",
        )
    if region != expected:
        return failed(
            f"{region}, and Organizations events arrive in {expected} only",
            f"Deploy the stack in {expected}.",
        )
    return ok(f"{region}, where Organizations events arrive")


def judge_features(organization: LiveOrganization) -> Verdict:
    """Judge whether the organization has policies at all."""
    if organization.features == ALL_FEATURES:
        return ok(f"{organization.organization_id} has all features enabled")
    return failed(
        f"{organization.organization_id} has the feature set {organization.features}: no policy works in it",
        "Enable all features (aws organizations enable-all-features).",
    )


def judge_policy_types(
    named: Collection[str], statuses: Mapping[str, str], used: Collection[PolicyType]
) -> Verdict:
    """Judge whether the baseline's policy types are on, and whether the stack may attach them.

    Parameters
    ----------
    named : collection of str
        The stack's parameter PolicyTypes.
    statuses : mapping of str to str
        The root's policy types.
    used : collection of PolicyType
        The types of the baseline's guardrails.
    """
    off = sorted(kind for kind in used if statuses.get(kind) != ENABLED)
    if off:
        return failed(
            f"not ENABLED on the root, and guardrails are of it: {_with_status(off, statuses)}",
            "Enable it (aws organizations enable-policy-type); then run holdfast reconcile.",
        )
    if unnamed := sorted(set(used).difference(named)):
        return failed(
            f"guardrails are of {', '.join(unnamed)}, which the stack may not attach",
            f"Deploy with PolicyTypes={','.join(sorted({*named, *used}))}.",
        )
    if idle := sorted(kind for kind in named if statuses.get(kind) != ENABLED):
        return warning(
            f"not ENABLED on the root: {_with_status(idle, statuses)}; no guardrail is of it",
            "Leave it out of PolicyTypes, or enable it before you guard policies of it.",
        )
    return ok(f"ENABLED on the root: {', '.join(sorted(named))}")


def _with_status(kinds: Sequence[str], statuses: Mapping[str, str]) -> str:
    return ", ".join(f"{kind} ({statuses.get(kind, 'DISABLED')})" for kind in kinds)


def judge_baseline(baseline: Baseline, organization_id: str, deployed_for: str) -> Verdict:
    """Judge whether the baseline, the stack and the credentials are of one organization.

    Parameters
    ----------
    baseline : Baseline
        The baseline in the folder.
    organization_id : str
        The organization whose credentials these are.
    deployed_for : str
        The stack's parameter OrganizationId.
    """
    if baseline.organization != organization_id:
        return failed(
            f"it is of {baseline.organization}, and the organization is {organization_id}",
            "Write it anew (holdfast snapshot), or name the right one (--folder), and deploy.",
        )
    if deployed_for != organization_id:
        return failed(
            f"the stack was deployed for {deployed_for}, and the organization is {organization_id}",
            f"Deploy with OrganizationId={organization_id}.",
        )
    attachments = counted(len(baseline.placements), "attachment")
    guardrails = counted(len(baseline.guardrails), "guardrail")
    return ok(f"{baseline.version} of {organization_id}: {guardrails} with {attachments}")


def judge_mode(parameters: Mapping[str, str]) -> Verdict:
    """Judge whether Holdfast may restore anything."""
    mode = parameters.get("Mode", "")
    if mode == Mode.REMEDIATE:
        return ok(f"{mode}: what is detached goes back")
    return warning(
        f"{mode or 'unknown'}: it tells what it would do, and restores nothing",
        "When its mails have been right for some days, deploy with Mode=remediate.",
    )

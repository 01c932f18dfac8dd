"""What a well-formed baseline can still do: fill the slots, block accounts, yield, lock Holdfast out."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from holdfast.attachment import ACCOUNT_ID, PolicyType, TargetKind, target_kind
from holdfast.baseline import FILE_NAME
from holdfast.quotas import QUOTAS
from holdfast_cli.baseline_grammar import ReadGuardrail, ReadPrincipal
from holdfast_cli.finding import Finding, Place
from holdfast_cli.policy_grammar import statements, strings

# Source: Organizations user guide, "RCP syntax": it cannot be detached, so that its slot is never free.
_NEVER_DETACHED = "p-RCPFullAWSAccess"


def check_slots(guardrails: Iterable[ReadGuardrail]) -> Iterator[Finding]:
    """Yield each target that the baseline gives as many policies of a type as fit, or more.

    The policy that AWS attaches by default is counted whether or not the baseline names it.
    """
    held: dict[tuple[str, PolicyType], set[str]] = defaultdict(set)
    for guardrail in guardrails:
        if guardrail.policy_id is not None and guardrail.policy_type is not None:
            for target in guardrail.targets:
                held[target, guardrail.policy_type].add(guardrail.policy_id)
    for (target, policy_type), policies in sorted(held.items()):
        yield from _check_target(target, policy_type, policies)


def _check_target(target: str, policy_type: PolicyType, policies: set[str]) -> Iterator[Finding]:
    quota = QUOTAS[policy_type]
    default = quota.default_policy
    place = Place(FILE_NAME, f"targets {target}")
    declared = len(policies)
    certain = declared + (default == _NEVER_DETACHED and default not in policies)
    in_use = declared + (default is not None and default not in policies)
    with_default = f" with {default}" if in_use > declared else ""
    fits = f"the published quota is {quota.attached} of the type {policy_type} on one target"
    if certain > quota.attached:
        yield place.error(f"{certain} policies{with_default if certain > declared else ''}: {fits}")
    elif in_use > quota.attached:
        yield place.warning(f"{in_use} policies{with_default}, fitting only where that is detached: {fits}")
    elif in_use == quota.attached:
        yield place.warning(f"{in_use} policies{with_default}, and no slot is left: {fits}")


def check_allows(guardrails: Iterable[ReadGuardrail]) -> Iterator[Finding]:
    """Yield each service control policy with Allow statements, and what hangs on it.

    Source: Organizations user guide, "SCP evaluation": an action needs an Allow on every level.
    """
    for guardrail in guardrails:
        document = guardrail.document
        if guardrail.policy_type is not PolicyType.SERVICE_CONTROL_POLICY or document is None:
            continue
        if not document.allow_statements():
            continue
        where = ", ".join(guardrail.targets) or "wherever it is attached"
        yield guardrail.place.at("document").warning(
            f"{guardrail} allows: where it is the last policy that does ({where}), detaching it blocks all "
            "accounts below. Holdfast puts it back only with the Allow statements of this document"
        )
        if guardrail.is_default:
            yield guardrail.place.at("policy").warning(
                f"{guardrail} is AWS-managed: putting it back can widen permissions where you detached it on "
                "purpose, and needs the template's parameter AllowAwsManagedPolicies"
            )


def check_rivals(rivals: Iterable[ReadPrincipal]) -> Iterator[Finding]:
    """Yield each role to which Holdfast yields: that is meant for the time of a move."""
    for rival in rivals:
        if rival.role is not None:
            yield rival.place.at("role").warning(
                f"Holdfast yields to {rival.role}: what it detaches again and again may be off for up to "
                "an hour. List a rival for the time of a move only"
            )


class _Certainty(IntEnum):
    """Whether a statement denies; the least certain of its elements decides."""

    NO = 0
    MAY = 1
    YES = 2


# What Holdfast cannot do without, and what it does only where restoring is switched on.
_NEEDED = ("AttachPolicy", "DescribePolicy", "ListPoliciesForTarget", "ListTargetsForPolicy")
_OPTIONAL = ("CreatePolicy", "EnablePolicyType", "UpdatePolicy")

# Source: Organizations user guide, "Endpoints and quotas": one endpoint in each partition.
_REGIONS_OF_ORGANIZATIONS = ("us-east-1", "us-gov-west-1", "cn-northwest-1")


def check_host(guardrails: Iterable[ReadGuardrail], host_account: str) -> Iterator[Finding]:
    """Yield each statement with which the baseline denies Holdfast its own work.

    Parameters
    ----------
    guardrails : iterable of ReadGuardrail
        The baseline's guardrails.
    host_account : str
        The member account that hosts Holdfast. The management account is never restricted by a service
        control policy.
    """
    if not ACCOUNT_ID.fullmatch(host_account):
        yield Place(FILE_NAME, "--host-account").wrong(host_account, "an account's id (12 digits)")
        return
    for guardrail in guardrails:
        reaches = _reaches(guardrail, host_account)
        document = guardrail.document
        if guardrail.file is None or document is None or reaches is _Certainty.NO:
            continue
        for place, statement in statements(guardrail.file, document):
            yield from _check_denial(guardrail, place, statement, reaches, host_account)


def _reaches(guardrail: ReadGuardrail, host_account: str) -> _Certainty:
    """Return whether a guardrail restricts the account; what lies below an OU is not known offline."""
    if guardrail.policy_type is not PolicyType.SERVICE_CONTROL_POLICY:
        return _Certainty.NO
    kinds = {target_kind(target) for target in guardrail.targets}
    if TargetKind.ROOT in kinds or host_account in guardrail.targets:
        return _Certainty.YES
    if guardrail.anywhere or TargetKind.ORGANIZATIONAL_UNIT in kinds:
        return _Certainty.MAY
    return _Certainty.NO


def _check_denial(
    guardrail: ReadGuardrail, place: Place, statement: dict[str, Any], reaches: _Certainty, host_account: str
) -> Iterator[Finding]:
    certainty = min(reaches, _condition(statement.get("Condition")), _resource(statement))
    if statement.get("Effect") != "Deny" or certainty is _Certainty.NO:
        return
    needed = [name for name in _NEEDED if _names_action(statement, name)]
    optional = [name for name in _OPTIONAL if _names_action(statement, name)]
    if not needed and not optional:
        return
    denied = ", ".join(f"organizations:{name}" for name in (*needed, *optional))
    who = f"Holdfast in account {host_account}"
    if needed and certainty is _Certainty.YES:
        yield place.error(f"{guardrail} denies {who} {denied}: it could not put anything back")
    elif needed:
        yield place.warning(f"{guardrail} may deny {who} {denied}: {_doubt(statement, reaches)}")
    else:
        restoring = "needed where restoring policy types or texts is switched on"
        verb = "denies" if certainty is _Certainty.YES else "may deny"
        yield place.warning(f"{guardrail} {verb} {who} {denied}: {restoring}")


def _doubt(statement: dict[str, Any], reaches: _Certainty) -> str:
    """Return what decides whether a statement that may deny does."""
    if reaches is _Certainty.MAY:
        return "it does if the account is below one of the targets"
    if _condition(statement.get("Condition")) is _Certainty.MAY:
        return "its Condition decides; let it spare Holdfast's roles"
    return "its resources decide"


def _names_action(statement: dict[str, Any], name: str) -> bool:
    """Return whether a statement is about an action of Organizations."""
    action = f"organizations:{name}"
    if "NotAction" in statement:
        return not any(_matches(pattern, action) for pattern in strings(statement["NotAction"]))
    return any(_matches(pattern, action) for pattern in strings(statement.get("Action", [])))


def _resource(statement: dict[str, Any]) -> _Certainty:
    """Return whether a statement is about policies, roots, OUs and accounts."""
    if "NotResource" in statement:
        spared = strings(statement["NotResource"])
        if "*" in spared:
            return _Certainty.NO
        return _Certainty.MAY if any(map(_could_be_organizations, spared)) else _Certainty.YES
    named = strings(statement.get("Resource", []))
    if "*" in named:
        return _Certainty.YES
    return _Certainty.MAY if any(map(_could_be_organizations, named)) else _Certainty.NO


def _could_be_organizations(resource: str) -> bool:
    # arn:partition:service:region:account:resource
    fields = resource.split(":", 5)
    return len(fields) > 2 and _matches(fields[2], "organizations")  # noqa: PLR2004 - the service is the third


def _condition(condition: object) -> _Certainty:
    """Return whether a condition holds for a call to Organizations; only that on its region can be known."""
    if not condition:
        return _Certainty.YES
    if not isinstance(condition, dict):
        return _Certainty.MAY
    keys = [
        (operator, key, strings(values))
        for operator, tested in condition.items()
        if isinstance(tested, dict)
        for key, values in tested.items()
    ]
    known = [_region_condition(*key) for key in keys]
    if _Certainty.NO in known:
        return _Certainty.NO
    return min(known, default=_Certainty.MAY)


_REGION_OPERATORS: Mapping[str, bool] = MappingProxyType(
    {"StringEquals": True, "StringLike": True, "StringNotEquals": False, "StringNotLike": False}
)


def _region_condition(operator: str, key: str, values: tuple[str, ...]) -> _Certainty:
    """Return whether a condition on the requested region holds where Organizations has its endpoint.

    Source: IAM user guide, "AWS global condition context keys": a global service's region is that of its
    endpoint.
    """
    holds_if_matched = _REGION_OPERATORS.get(operator.removesuffix("IfExists"))
    if holds_if_matched is None or key.lower() != "aws:requestedregion":
        return _Certainty.MAY
    matched = any(_matches(value, region) for value in values for region in _REGIONS_OF_ORGANIZATIONS)
    return _Certainty.YES if matched is holds_if_matched else _Certainty.NO


def _matches(pattern: str, text: str) -> bool:
    """Return whether IAM's wildcards match, in any case; brackets are no wildcards to IAM."""
    return fnmatch.fnmatchcase(text.lower(), pattern.lower().replace("[", "[[]"))

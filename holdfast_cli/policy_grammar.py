"""The grammar of policies' documents: what the API takes, as far as a text alone shows it.

Sources, unless a line names another: Organizations user guide, "SCP syntax" and "RCP syntax"; IAM user
guide, "Grammar of the IAM JSON policy language", "IAM JSON policy elements: Condition operators" and "Access
Analyzer policy check reference", whose errors are errors here.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from holdfast.attachment import PolicyType
from holdfast.policy_document import PolicyDocument
from holdfast.quotas import QUOTAS
from holdfast_cli.finding import NOTHING, Finding, Place

VERSION = "2012-10-17"

_SID = re.compile(r"[A-Za-z0-9]*")
_ACTION_NAME = r"[A-Za-z0-9-]+:[A-Za-z0-9*?_-]+"
# Source for the wildcards: AWS security blog, 19 September 2025: service control policies have the full IAM
# language, so that a wildcard may stand anywhere in an action's name, and Allow takes all elements.
_SCP_ACTION = re.compile(rf"\*|{_ACTION_NAME}")
_RCP_ACTION = re.compile(_ACTION_NAME)
_RESOURCE = re.compile(r"\*|arn(?::[^:]*){4}:.*", re.DOTALL)
_CONDITION_KEY = re.compile(r"[^:\s]+:\S.*", re.DOTALL)
_OPERATOR = re.compile(r"((?:forallvalues|foranyvalue):)?([a-z]+?)(ifexists)?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class _Language:
    """What the statements of one policy type may say."""

    short_name: str
    elements: frozenset[str]
    effects: tuple[str, ...]
    action: re.Pattern[str]
    action_expected: str
    names_principal: bool


_SCP = _Language(
    short_name="a service control policy",
    elements=frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}),
    effects=("Allow", "Deny"),
    action=_SCP_ACTION,
    action_expected='"*" or service:action, with * and ? in the action only',
    names_principal=False,
)
_RCP = _Language(
    short_name="a resource control policy",
    elements=frozenset({"Sid", "Effect", "Principal", "Action", "Resource", "NotResource", "Condition"}),
    effects=("Deny",),
    action=_RCP_ACTION,
    action_expected="service:action, with * and ? in the action only",
    names_principal=True,
)
# RCPFullAWSAccess is the only resource control policy with Allow and with the action "*".
_AWS_MANAGED_RCP = _Language(
    short_name=_RCP.short_name,
    elements=_RCP.elements,
    effects=("Allow",),
    action=_SCP_ACTION,
    action_expected=_SCP.action_expected,
    names_principal=True,
)

TOP_LEVEL_KEYS: Mapping[PolicyType, str] = MappingProxyType(
    {
        PolicyType.TAG_POLICY: "tags",
        PolicyType.BACKUP_POLICY: "plans",
        PolicyType.AISERVICES_OPT_OUT_POLICY: "services",
        PolicyType.CHATBOT_POLICY: "chatbot",
        PolicyType.DECLARATIVE_POLICY_EC2: "ec2_attributes",
        PolicyType.SECURITYHUB_POLICY: "securityhub",
        PolicyType.INSPECTOR_POLICY: "inspector",
        PolicyType.UPGRADE_ROLLOUT_POLICY: "upgrade_rollout",
        PolicyType.BEDROCK_POLICY: "bedrock",
        PolicyType.S3_POLICY: "s3_attributes",
        PolicyType.NETWORK_SECURITY_DIRECTOR_POLICY: "network_security_director",
        PolicyType.GUARDDUTY_POLICY: "guardduty",
    }
)
"""The fixed key that a document of the type starts with.

Source: the "policy syntax and examples" page of each type in the Organizations user guide. The Security Hub
CSPM type has none yet: of its documents only the shape is checked.
"""


def check_document(
    file: str, content: bytes, policy_type: PolicyType | None, *, aws_managed: bool = False
) -> Iterator[Finding]:
    """Yield what is wrong with a policy's document.

    Parameters
    ----------
    file : str
        Its name, for the findings.
    content : bytes
        Anything; it need not be a policy, nor text.
    policy_type : PolicyType or None
        Whose grammar and quota it must keep; None if that is not known, and then only JSON is checked.
    aws_managed : bool
        Whether it is the policy that AWS attaches by default, for which some rules differ.
    """
    place = Place(file)
    try:
        text = content.decode()
        document = PolicyDocument.parse(text)
    except json.JSONDecodeError as error:
        yield Place(file, f"line {error.lineno}, column {error.colno}").error(f"not JSON: {error.msg}")
        return
    except ValueError as error:
        yield place.error(f"not a policy's text: {error}")
        return
    value = json.loads(document.canonical)
    if not isinstance(value, dict):
        yield place.wrong(value, "a JSON object")
        return
    if policy_type is None:
        return
    yield from _check_size(place, policy_type, len(text), len(document.canonical))
    if policy_type is PolicyType.SERVICE_CONTROL_POLICY:
        yield from _check_statements(place, value, _SCP)
    elif policy_type is PolicyType.RESOURCE_CONTROL_POLICY:
        yield from _check_statements(place, value, _AWS_MANAGED_RCP if aws_managed else _RCP)
    elif policy_type in TOP_LEVEL_KEYS:
        yield from _check_top_level_key(place, value, TOP_LEVEL_KEYS[policy_type])


def statements(file: str, document: PolicyDocument) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield each statement of a document with its place; what is none is left out."""
    value = json.loads(document.canonical)
    if isinstance(value, dict):
        for place, statement in _each(Place(file).at("Statement"), value.get("Statement", [])):
            if isinstance(statement, dict):
                yield place, statement


def strings(value: object) -> tuple[str, ...]:
    """Return the strings of an element that may be one string or a list; what is none is left out."""
    return tuple(item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str))


def _each(place: Place, value: Any) -> Iterator[tuple[Place, Any]]:
    """Yield the items of a list, or the one value that stands without a list."""
    if isinstance(value, list):
        yield from ((place.at(index), item) for index, item in enumerate(value))
    else:
        yield place, value


def _check_size(place: Place, policy_type: PolicyType, written: int, minified: int) -> Iterator[Finding]:
    quota = QUOTAS[policy_type].characters
    expected = f"at most {quota:,} characters, the published quota of {policy_type}"
    if minified > quota:
        yield place.error(
            f"{minified:,} characters without white space ({written:,} as written), expected {expected}"
        )
    elif written > quota:
        yield place.warning(
            f"{written:,} characters as written, {minified:,} without white space: sent as "
            f"written, as an SDK or the CLI does, it is refused; expected {expected}"
        )


def _check_top_level_key(place: Place, value: dict[str, Any], key: str) -> Iterator[Finding]:
    if key not in value:
        yield place.at(key).wrong(NOTHING, f"the key {key!r}, with which a policy of this type starts")
    elif not isinstance(value[key], dict):
        yield place.at(key).wrong(value[key], "a JSON object")
    for other in sorted(set(value) - {key}):
        yield place.at(other).warning(f"not documented here: a policy of this type has the key {key!r} only")


def _check_statements(place: Place, value: dict[str, Any], language: _Language) -> Iterator[Finding]:
    if value.get("Version", NOTHING) != VERSION:
        yield place.at("Version").wrong(value.get("Version", NOTHING), f'"{VERSION}"')
    for key in sorted(set(value) - {"Version", "Statement"}):
        if key == "Id":
            yield place.at(key).warning(f"not documented as an element of {language.short_name}")
        else:
            yield place.at(key).wrong(key, "the keys Version and Statement only")
    listed = value.get("Statement", NOTHING)
    if listed in (NOTHING, []):
        yield place.at("Statement").wrong(listed, "a statement, or a list of at least one")
        return
    seen: set[str] = set()
    for at, statement in _each(place.at("Statement"), listed):
        if isinstance(statement, dict):
            yield from _check_statement(at, statement, language)
            yield from _check_sid(at.at("Sid"), statement.get("Sid", ""), seen)
        else:
            yield at.wrong(statement, "a statement: a JSON object")


def _check_sid(place: Place, sid: object, seen: set[str]) -> Iterator[Finding]:
    if not isinstance(sid, str) or not _SID.fullmatch(sid):
        yield place.wrong(sid, "letters A-Z and a-z and digits only")
    elif sid and sid in seen:
        yield place.wrong(sid, "each Sid once in a policy")
    else:
        seen.add(sid)


def _check_statement(place: Place, statement: dict[str, Any], language: _Language) -> Iterator[Finding]:
    for key in sorted(set(statement) - language.elements):
        known = ", ".join(sorted(language.elements))
        yield place.at(key).error(
            f"no element of a statement in {language.short_name}, expected one of {known}"
        )
    effect = statement.get("Effect", NOTHING)
    if effect not in language.effects:
        yield place.at("Effect").wrong(effect, " or ".join(f'"{name}"' for name in language.effects))
    if language.names_principal and statement.get("Principal", NOTHING) != "*":
        expected = '"*"; a Condition restricts it to some principals'
        yield place.at("Principal").wrong(statement.get("Principal", NOTHING), expected)
    actions = ("Action", "NotAction") if "NotAction" in language.elements else ("Action",)
    yield from _check_one_of(place, statement, actions, language.action, language.action_expected)
    expected = '"*" or an ARN with all six fields'
    yield from _check_one_of(place, statement, ("Resource", "NotResource"), _RESOURCE, expected)
    if "Condition" in statement:
        yield from _check_condition(place.at("Condition"), statement["Condition"])


def _check_one_of(
    place: Place, statement: dict[str, Any], names: tuple[str, ...], pattern: re.Pattern[str], expected: str
) -> Iterator[Finding]:
    """Check the element that a statement has exactly one of, such as Action or NotAction."""
    given = [name for name in names if name in statement]
    if not given:
        yield place.at(names[0]).wrong(NOTHING, " or ".join(names))
    elif len(given) > 1:
        yield place.at(given[1]).error(f"expected either {given[0]} or {given[1]}, not both")
    for name in given:
        if statement[name] == []:
            yield place.at(name).wrong([], expected)
        for at, item in _each(place.at(name), statement[name]):
            if not isinstance(item, str) or not pattern.fullmatch(item):
                yield at.wrong(item, expected)


def _check_condition(place: Place, condition: object) -> Iterator[Finding]:
    if not isinstance(condition, dict):
        yield place.wrong(condition, "a JSON object of operators")
        return
    for operator, keys in condition.items():
        at = place.at(operator)
        known = _known_operator(operator)
        if known is None:
            yield at.wrong(operator, "a condition operator, such as StringEquals")
        elif known != operator:
            yield at.warning("the documentation spells this operator otherwise", operator, known)
        if not isinstance(keys, dict) or not keys:
            yield at.wrong(keys, "a JSON object of condition keys")
            continue
        for key, values in keys.items():
            if not _CONDITION_KEY.fullmatch(key):
                yield at.at(key).wrong(key, "a condition key service:name, such as aws:PrincipalArn")
            yield from _check_values(at.at(key), values, _value_kind(known))


def _check_values(place: Place, values: Any, kind: _ValueKind) -> Iterator[Finding]:
    if values == []:
        yield place.warning("an empty list, which no request matches", [], "at least one value")
    for at, value in _each(place, values):
        if not isinstance(value, str | bool | int | float):
            yield at.wrong(value, "a string, a number or a Boolean, or a list of them")
        # A policy variable is known at run time only.
        elif "${" not in str(value) and not kind.accepts(str(value)):
            yield at.wrong(value, kind.expected)


@dataclass(frozen=True, slots=True)
class _ValueKind:
    """What the values of a condition operator must look like."""

    expected: str
    accepts: Callable[[str], bool]


def _is_network(value: str) -> bool:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


def _is_date(value: str) -> bool:
    if re.fullmatch(r"-?[0-9]+|[0-9]{4}-[0-9]{2}", value):
        return True
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


_ANYTHING = _ValueKind("a value", lambda _: True)
_BOOLEAN = _ValueKind('"true" or "false"', lambda value: value.lower() in ("true", "false"))
_NUMBER = _ValueKind("a number", lambda value: bool(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value)))
_DATE = _ValueKind("a date in ISO 8601, or seconds since 1970", _is_date)
_NETWORK = _ValueKind("an IP address or a network in CIDR notation", _is_network)

_COMPARISONS = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
_STRING_COMPARISONS = (
    *("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase"),
    *("Like", "NotLike"),
)
_OPERATORS: Mapping[str, _ValueKind] = MappingProxyType(
    {
        **{f"String{name}": _ANYTHING for name in _STRING_COMPARISONS},
        **{f"Arn{name}": _ANYTHING for name in ("Equals", "NotEquals", "Like", "NotLike")},
        **{f"Numeric{name}": _NUMBER for name in _COMPARISONS},
        **{f"Date{name}": _DATE for name in _COMPARISONS},
        "Bool": _BOOLEAN,
        "Null": _BOOLEAN,
        "BinaryEquals": _ANYTHING,
        "IpAddress": _NETWORK,
        "NotIpAddress": _NETWORK,
    }
)


_SPELLINGS = {name.lower(): name for name in _OPERATORS}
_AFFIXES = {affix.lower(): affix for affix in ("ForAllValues:", "ForAnyValue:", "IfExists", "")}


def _known_operator(operator: str) -> str | None:
    """Return an operator as the documentation spells it, or None if there is none of that name."""
    match = _OPERATOR.fullmatch(operator)
    if match is None:
        return None
    prefix, name, suffix = (part.lower() for part in match.groups(default=""))
    if name not in _SPELLINGS or (name == "null" and suffix):
        return None
    return _AFFIXES[prefix] + _SPELLINGS[name] + _AFFIXES[suffix]


def _value_kind(operator: str | None) -> _ValueKind:
    if operator is None:
        return _ANYTHING
    return _OPERATORS[operator.rpartition(":")[2].removesuffix("IfExists")]

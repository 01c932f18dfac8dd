"""The documented behaviour of AWS Organizations, shown by the embedded one.

MODEL is botocore's Organizations model, QUOTAS is "Quotas and service limits for AWS Organizations" and
SCPS is "Service control policies" in the AWS Organizations user guide.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.moto_api._internal.models import moto_api_backend

from localaws.clock import SkippingClock
from localaws.gateway import Gateway
from localaws.organizations import Organizations
from localaws.policy_limits import PUBLISHED_LIMITS
from tests.embedded.wire import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": []})
FULL_ACCESS = "p-FullAWSAccess"


class Organization:
    """A small organization with a client: a root, one OU, one account and one SCP."""

    def __init__(self, layer: Organizations, clock: SkippingClock) -> None:
        self.layer = layer
        self.clock = clock
        self.client = connect(Gateway([layer], clock), "organizations")
        self.client.create_organization(FeatureSet="ALL")
        self.root = self.client.list_roots()["Roots"][0]["Id"]
        self.unit = self.add_unit("Workloads", self.root)
        created = self.client.create_account(AccountName="Shop", Email="shop@example.com")
        self.account = created["CreateAccountStatus"]["AccountId"]
        self.policy = self.add_policy("DenyLeaving")

    def add_unit(self, name: str, parent: str) -> str:
        """Make an OU and return its id."""
        unit = self.client.create_organizational_unit(ParentId=parent, Name=name)
        return str(unit["OrganizationalUnit"]["Id"])

    def add_policy(self, name: str, kind: str = SCP, content: str = DOCUMENT) -> str:
        """Make a policy and return its id."""
        policy = self.client.create_policy(Name=name, Description="", Type=kind, Content=content)
        return str(policy["Policy"]["PolicySummary"]["Id"])

    def attach(self, policy: str, target: str) -> None:
        """Attach a policy."""
        self.client.attach_policy(PolicyId=policy, TargetId=target)

    def detach(self, policy: str, target: str) -> None:
        """Detach a policy."""
        self.client.detach_policy(PolicyId=policy, TargetId=target)

    def attached(self, target: str, kind: str = SCP) -> list[str]:
        """Return what a reader sees attached to a target."""
        page = self.client.list_policies_for_target(TargetId=target, Filter=kind)
        return [policy["Id"] for policy in page["Policies"]]

    def targets(self, policy: str) -> set[str]:
        """Return where a reader sees a policy attached."""
        return {row["TargetId"] for row in self.client.list_targets_for_policy(PolicyId=policy)["Targets"]}

    def type_status(self) -> dict[str, str]:
        """Return the status of the policy types in the root."""
        types = self.client.list_roots()["Roots"][0]["PolicyTypes"]
        return {row["Type"]: row["Status"] for row in types}

    def disable(self, kind: str = SCP) -> Any:
        """Disable a policy type in the root."""
        return self.client.disable_policy_type(RootId=self.root, PolicyType=kind)

    def enable(self, kind: str) -> Any:
        """Enable a policy type in the root."""
        return self.client.enable_policy_type(RootId=self.root, PolicyType=kind)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[SkippingClock]:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "111122223333")
    moto_api_backend.reset()
    clock = SkippingClock()
    yield clock
    clock.settle(5)


@pytest.fixture
def org(clock: SkippingClock) -> Organization:
    return Organization(Organizations(clock), clock)


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str | None]:
    """Return the error's code and reason."""
    response: Any = error.value.response
    return response["Error"]["Code"], response.get("Reason")


def test_a_new_organization_has_scps_enabled_and_full_access_everywhere(org: Organization) -> None:
    """MODEL, CreateOrganization: all features, with SCPs enabled in the root, is the default."""
    assert org.type_status() == {SCP: "ENABLED"}
    assert org.targets(FULL_ACCESS) == {org.root, "111122223333", org.unit, org.account}
    assert org.targets("p-RCPFullAWSAccess") == set()


def test_an_organization_for_billing_only_has_no_policy_types(clock: SkippingClock) -> None:
    """MODEL, CreateOrganization: with consolidated billing alone, no policy type can be used."""
    client = connect(Gateway([Organizations(clock)], clock), "organizations")
    client.create_organization(FeatureSet="CONSOLIDATED_BILLING")
    root = client.list_roots()["Roots"][0]
    assert root["PolicyTypes"] == []
    with pytest.raises(ClientError) as error:
        client.enable_policy_type(RootId=root["Id"], PolicyType=SCP)
    assert refusal(error)[0] == "PolicyTypeNotAvailableForOrganizationException"


def test_no_account_owns_an_aws_managed_policy(org: Organization) -> None:
    """Service Authorization Reference: the ARN of an AWS-managed policy has `aws` for an account."""
    described = org.client.describe_policy(PolicyId=FULL_ACCESS)["Policy"]["PolicySummary"]
    assert described["Arn"] == "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"
    assert described["AwsManaged"] is True


def test_attaching_shows_in_both_directions(org: Organization) -> None:
    """MODEL: ListPoliciesForTarget and ListTargetsForPolicy list direct attachments."""
    org.attach(org.policy, org.unit)
    assert org.attached(org.unit) == [FULL_ACCESS, org.policy]
    assert org.client.list_targets_for_policy(PolicyId=org.policy)["Targets"] == [
        {
            "TargetId": org.unit,
            "Arn": org.client.describe_organizational_unit(OrganizationalUnitId=org.unit)[
                "OrganizationalUnit"
            ]["Arn"],
            "Name": "Workloads",
            "Type": "ORGANIZATIONAL_UNIT",
        }
    ]


def test_attaching_twice_is_refused(org: Organization) -> None:
    """MODEL, AttachPolicy: DuplicatePolicyAttachmentException."""
    org.attach(org.policy, org.unit)
    with pytest.raises(ClientError) as error:
        org.attach(org.policy, org.unit)
    assert refusal(error) == ("DuplicatePolicyAttachmentException", None)


def test_a_type_must_be_enabled_before_its_policies_can_be_attached(org: Organization) -> None:
    """MODEL, AttachPolicy: PolicyTypeNotEnabledException."""
    policy = org.add_policy("Tags", "TAG_POLICY", "{}")
    with pytest.raises(ClientError) as error:
        org.attach(policy, org.unit)
    assert refusal(error) == ("PolicyTypeNotEnabledException", None)


@pytest.mark.parametrize(
    ("kind", "most"), [(SCP, 10), (RCP, 5), ("BACKUP_POLICY", 10), ("CHATBOT_POLICY", 5)]
)
def test_an_entity_takes_so_many_policies_of_a_type_and_no_more(
    org: Organization, kind: str, most: int
) -> None:
    """QUOTAS: attached per root, OU and account; the AWS-managed default counts."""
    if kind != SCP:
        org.enable(kind)
        org.clock.settle()
    for number in range(most - len(org.attached(org.unit, kind))):
        org.attach(org.add_policy(f"P{number}", kind), org.unit)
    with pytest.raises(ClientError) as error:
        org.attach(org.add_policy("OneTooMany", kind), org.unit)
    assert refusal(error) == ("ConstraintViolationException", "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
    assert error.value.response["Error"]["Message"] == (
        "You have attached the maximum number of policies to the specified target."
    )
    assert len(org.attached(org.unit, kind)) == most


def test_the_limits_can_be_changed_while_it_runs(org: Organization) -> None:
    """QUOTAS: AWS has raised them more than once."""
    org.layer.limits[SCP] = replace(PUBLISHED_LIMITS[SCP], attached=1)
    with pytest.raises(ClientError) as error:
        org.attach(org.policy, org.unit)
    assert refusal(error)[1] == "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"


@pytest.mark.parametrize("operation", ["attach_policy", "detach_policy"])
@pytest.mark.parametrize("target", ["r-none", "ou-none-12345678", "999999999999"])
def test_every_unknown_target_is_not_found_under_one_name(
    org: Organization, operation: str, target: str
) -> None:
    """MODEL: TargetNotFoundException, whether a root, an OU or an account is missing."""
    with pytest.raises(ClientError) as error:
        getattr(org.client, operation)(PolicyId=org.policy, TargetId=target)
    assert refusal(error) == ("TargetNotFoundException", None)


@pytest.mark.parametrize("operation", ["attach_policy", "detach_policy"])
def test_an_unknown_policy_is_not_found(org: Organization, operation: str) -> None:
    """MODEL: PolicyNotFoundException; upper-case letters and underscores are legal in an id."""
    with pytest.raises(ClientError) as error:
        getattr(org.client, operation)(PolicyId="p-No_Such_Policy", TargetId=org.unit)
    assert refusal(error) == ("PolicyNotFoundException", None)


@pytest.mark.parametrize(
    ("policy", "target", "reason"),
    [
        ("bogus", "r-abcd", "INVALID_SYNTAX_POLICY_ID"),
        ("p-short", "r-abcd", "INVALID_SYNTAX_POLICY_ID"),
        ("p-12345678", "r-abcd; drop", "INVALID_PATTERN_TARGET_ID"),
        ("p-12345678", "1234567890123", "INVALID_PATTERN_TARGET_ID"),
    ],
)
@pytest.mark.parametrize("operation", ["attach_policy", "detach_policy"])
def test_an_id_of_the_wrong_form_is_invalid_input(
    org: Organization, operation: str, policy: str, target: str, reason: str
) -> None:
    """MODEL: InvalidInputException with its Reason beside the error, and the patterns of the ids."""
    policy = org.policy if policy == "p-12345678" else policy
    with pytest.raises(ClientError) as error:
        getattr(org.client, operation)(PolicyId=policy, TargetId=target)
    assert refusal(error) == ("InvalidInputException", reason)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("attach_policy", {"PolicyId": "p-12345678", "TargetId": "r-abcd"}),
        ("detach_policy", {"PolicyId": "p-12345678", "TargetId": "r-abcd"}),
        ("list_policies", {"Filter": SCP}),
        ("list_targets_for_policy", {"PolicyId": "p-12345678"}),
    ],
)
def test_without_an_organization_nothing_works(
    clock: SkippingClock, operation: str, parameters: dict[str, str]
) -> None:
    """MODEL: AWSOrganizationsNotInUseException."""
    client = connect(Gateway([Organizations(clock)], clock), "organizations")
    with pytest.raises(ClientError) as error:
        getattr(client, operation)(**parameters)
    assert refusal(error) == ("AWSOrganizationsNotInUseException", None)


def test_detaching_what_is_not_attached_is_refused(org: Organization) -> None:
    """MODEL, DetachPolicy: PolicyNotAttachedException."""
    with pytest.raises(ClientError) as error:
        org.detach(org.policy, org.unit)
    assert refusal(error) == ("PolicyNotAttachedException", None)


def test_the_last_scp_cannot_be_detached(org: Organization) -> None:
    """QUOTAS: every root, OU and account keeps at least one SCP."""
    with pytest.raises(ClientError) as error:
        org.detach(FULL_ACCESS, org.account)
    assert refusal(error) == ("ConstraintViolationException", "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
    org.attach(org.policy, org.account)
    org.detach(FULL_ACCESS, org.account)
    assert org.attached(org.account) == [org.policy]


def test_the_default_rcp_cannot_be_detached_at_all(org: Organization) -> None:
    """QUOTAS: RCPFullAWSAccess stays; MODEL: InvalidInputException, NON_DETACHABLE_POLICY."""
    org.enable(RCP)
    org.clock.settle()
    org.attach(org.add_policy("Perimeter", RCP), org.unit)
    with pytest.raises(ClientError) as error:
        org.detach("p-RCPFullAWSAccess", org.unit)
    assert refusal(error) == ("InvalidInputException", "NON_DETACHABLE_POLICY")


def test_a_policy_in_use_cannot_be_deleted(org: Organization) -> None:
    """MODEL, DeletePolicy: PolicyInUseException until it is detached from everything."""
    org.attach(org.policy, org.unit)
    with pytest.raises(ClientError) as error:
        org.client.delete_policy(PolicyId=org.policy)
    assert refusal(error) == ("PolicyInUseException", None)
    org.detach(org.policy, org.unit)
    org.client.delete_policy(PolicyId=org.policy)
    with pytest.raises(ClientError) as error:
        org.client.describe_policy(PolicyId=org.policy)
    assert refusal(error) == ("PolicyNotFoundException", None)


@pytest.mark.parametrize("content", ["not json", "[]", '"text"'])
def test_a_document_that_is_no_json_object_is_malformed(org: Organization, content: str) -> None:
    """MODEL, CreatePolicy and UpdatePolicy: MalformedPolicyDocumentException."""
    with pytest.raises(ClientError) as error:
        org.add_policy("Broken", content=content)
    assert refusal(error) == ("MalformedPolicyDocumentException", None)
    with pytest.raises(ClientError) as error:
        org.client.update_policy(PolicyId=org.policy, Content=content)
    assert refusal(error) == ("MalformedPolicyDocumentException", None)


DENIAL = {"Effect": "Deny", "Action": "*", "Resource": "*"}


@pytest.mark.parametrize(
    "statement",
    [
        DENIAL,
        {**DENIAL, "Sid": "Stay", "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}},
        {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "NotResource": "arn:aws:s3:::logs/*"},
        [DENIAL, {**DENIAL, "Effect": "Allow"}],
    ],
)
def test_an_scp_may_use_the_full_language(org: Organization, statement: Any) -> None:
    """User guide, "SCP syntax": a statement is an object or a list of them."""
    content = json.dumps({"Version": "2012-10-17", "Statement": statement})
    org.client.update_policy(PolicyId=org.policy, Content=content)
    assert org.client.describe_policy(PolicyId=org.policy)["Policy"]["Content"] == content


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"Statement": DENIAL, "Comment": "no such element"},
        {"Statement": DENIAL, "Version": "2021-01-01"},
        {"Statement": "deny"},
        {"Statement": {**DENIAL, "Effect": "deny"}},
        {"Statement": {**DENIAL, "Principal": "*"}},
        {"Statement": {**DENIAL, "NotAction": "iam:*"}},
        {"Statement": {"Effect": "Deny", "Action": "*"}},
        {"Statement": {**DENIAL, "Action": []}},
        {"Statement": {**DENIAL, "Action": [1]}},
        {"Statement": {**DENIAL, "Condition": "never"}},
    ],
)
def test_an_scp_that_breaks_the_grammar_is_malformed(org: Organization, document: Any) -> None:
    """User guide, "SCP syntax"; principals are not supported."""
    with pytest.raises(ClientError) as error:
        org.client.update_policy(PolicyId=org.policy, Content=json.dumps(document))
    assert refusal(error) == ("MalformedPolicyDocumentException", None)


def test_an_rcp_names_principals(org: Organization) -> None:
    """User guide, "RCP syntax": Principal is required."""
    with pytest.raises(ClientError) as error:
        org.add_policy("Nobody", RCP, json.dumps({"Statement": DENIAL}))
    assert refusal(error) == ("MalformedPolicyDocumentException", None)
    assert org.add_policy("Everybody", RCP, json.dumps({"Statement": {**DENIAL, "Principal": "*"}}))


def test_a_document_may_be_as_long_as_its_type_allows(org: Organization) -> None:
    """QUOTAS: an SCP has at most 10,240 characters, counted as an SDK sends them."""
    longest = DOCUMENT + " " * (10_240 - len(DOCUMENT))
    org.client.update_policy(PolicyId=org.policy, Content=longest)
    with pytest.raises(ClientError) as error:
        org.client.update_policy(PolicyId=org.policy, Content=longest + " ")
    assert refusal(error) == ("ConstraintViolationException", "POLICY_CONTENT_LIMIT_EXCEEDED")


@pytest.mark.parametrize("operation", ["update_policy", "delete_policy"])
def test_an_aws_managed_policy_cannot_be_changed(org: Organization, operation: str) -> None:
    """MODEL: InvalidInputException, IMMUTABLE_POLICY."""
    with pytest.raises(ClientError) as error:
        getattr(org.client, operation)(PolicyId=FULL_ACCESS)
    assert refusal(error) == ("InvalidInputException", "IMMUTABLE_POLICY")


def test_an_update_changes_what_it_names_and_nothing_else(org: Organization) -> None:
    """MODEL, UpdatePolicy: a parameter that is not given leaves its value alone."""
    org.client.update_policy(PolicyId=org.policy, Description="why")
    policy = org.client.describe_policy(PolicyId=org.policy)["Policy"]
    assert (policy["PolicySummary"]["Name"], policy["PolicySummary"]["Description"]) == ("DenyLeaving", "why")
    assert policy["Content"] == DOCUMENT


def test_a_name_is_taken_once_in_each_type(org: Organization) -> None:
    """MODEL: DuplicatePolicyException; its live text says "the specified name and type"."""
    org.add_policy("DenyLeaving", "TAG_POLICY", "{}")
    other = org.add_policy("Other")
    with pytest.raises(ClientError) as error:
        org.add_policy("DenyLeaving")
    assert refusal(error) == ("DuplicatePolicyException", None)
    with pytest.raises(ClientError) as error:
        org.client.update_policy(PolicyId=other, Name="DenyLeaving")
    assert refusal(error) == ("DuplicatePolicyException", None)


def test_the_number_of_policies_of_a_type_is_limited(org: Organization) -> None:
    """QUOTAS: policies of each type in an organization; MODEL: POLICY_NUMBER_LIMIT_EXCEEDED."""
    org.layer.limits[SCP] = replace(PUBLISHED_LIMITS[SCP], in_organization=2)
    with pytest.raises(ClientError) as error:
        org.add_policy("Third")
    assert refusal(error) == ("ConstraintViolationException", "POLICY_NUMBER_LIMIT_EXCEEDED")


def test_the_limits_cover_the_types_of_the_model() -> None:
    """MODEL: the enum PolicyType."""
    model = boto3.client("organizations", region_name="us-east-1").meta.service_model
    known: Any = model.shape_for("PolicyType")
    assert set(PUBLISHED_LIMITS) == set(known.enum)


@pytest.mark.parametrize("kind", sorted(PUBLISHED_LIMITS))
def test_every_policy_type_can_be_enabled_created_attached_and_listed(org: Organization, kind: str) -> None:
    """MODEL: the enum PolicyType; the ARN names the type in lower case."""
    if kind != SCP:
        org.enable(kind)
        org.clock.settle()
    policy = org.add_policy("Mine", kind)
    org.attach(policy, org.account)
    assert policy in org.attached(org.account, kind)
    listed = {row["Id"]: row for row in org.client.list_policies(Filter=kind)["Policies"]}
    assert listed[policy]["Type"] == kind
    assert listed[policy]["Arn"].endswith(f"/{kind.lower()}/{policy}")


def test_a_policy_type_that_does_not_exist_is_invalid_input(org: Organization) -> None:
    """MODEL: InvalidInputException, INVALID_ENUM_POLICY_TYPE."""
    with pytest.raises(ClientError) as error:
        org.client.list_policies(Filter="NO_SUCH_POLICY")
    assert refusal(error) == ("InvalidInputException", "INVALID_ENUM_POLICY_TYPE")


def test_disabling_a_type_detaches_all_its_policies_a_moment_later(org: Organization) -> None:
    """SCPS: all SCPs are detached from all entities; MODEL: in the background.

    The answer still says ENABLED, as a published CloudTrail record of the call shows.
    """
    org.attach(org.policy, org.unit)
    with org.clock.working():
        answer = org.disable()
        assert answer["Root"]["PolicyTypes"] == [{"Type": SCP, "Status": "ENABLED"}]
        assert org.type_status() == {SCP: "PENDING_DISABLE"}
        assert org.attached(org.unit) == [FULL_ACCESS, org.policy]
        with pytest.raises(ClientError) as error:
            org.attach(org.policy, org.account)
        assert refusal(error) == ("PolicyTypeNotEnabledException", None)
        org.clock.sleep(2.1)
    assert org.type_status() == {}
    assert org.attached(org.unit) == []
    assert org.targets(org.policy) == org.targets(FULL_ACCESS) == set()


def test_enabling_a_type_again_brings_back_only_full_access(org: Organization) -> None:
    """SCPS: earlier attachments are lost and not recoverable."""
    org.attach(org.policy, org.unit)
    org.disable()
    org.clock.settle()
    with org.clock.working():
        assert org.enable(SCP)["Root"]["PolicyTypes"] == [{"Type": SCP, "Status": "PENDING_ENABLE"}]
        with pytest.raises(ClientError) as error:
            org.attach(org.policy, org.unit)
        assert refusal(error) == ("PolicyTypeNotEnabledException", None)
        org.clock.sleep(2.1)
    assert org.type_status() == {SCP: "ENABLED"}
    assert org.targets(FULL_ACCESS) == {org.root, "111122223333", org.unit, org.account}
    assert org.targets(org.policy) == set()


def test_a_type_cannot_be_switched_twice(org: Organization) -> None:
    """MODEL: PolicyTypeAlreadyEnabledException and PolicyTypeNotEnabledException."""
    with pytest.raises(ClientError) as error:
        org.enable(SCP)
    assert refusal(error) == ("PolicyTypeAlreadyEnabledException", None)
    with pytest.raises(ClientError) as error:
        org.disable(RCP)
    assert refusal(error) == ("PolicyTypeNotEnabledException", None)


def test_a_type_on_its_way_cannot_be_turned_around(org: Organization) -> None:
    """MODEL: PolicyChangesInProgressException; that it is the answer here is inferred."""
    with org.clock.working():
        org.disable()
        for switch in (org.disable, org.enable):
            with pytest.raises(ClientError) as error:
                switch(SCP)
            assert refusal(error) == ("PolicyChangesInProgressException", None)


@pytest.mark.parametrize(
    ("root", "code"), [("r-none", "RootNotFoundException"), ("ou-1", "InvalidInputException")]
)
def test_a_type_is_switched_in_an_existing_root(org: Organization, root: str, code: str) -> None:
    """MODEL, DisablePolicyType: RootNotFoundException."""
    with pytest.raises(ClientError) as error:
        org.client.disable_policy_type(RootId=root, PolicyType=SCP)
    assert refusal(error)[0] == code


def test_a_new_entity_gets_no_full_access_while_scps_are_off(org: Organization) -> None:
    """SCPS: FullAWSAccess comes with the enabled type."""
    org.disable()
    org.clock.settle()
    assert org.attached(org.add_unit("Late", org.root)) == []


def test_lists_come_in_pages_of_at_most_twenty(org: Organization) -> None:
    """MODEL: MaxResults is 1 to 20, and NextToken leads on."""
    units = [org.add_unit(f"Unit {number}", org.root) for number in range(22)]
    for unit in units:
        org.attach(org.policy, unit)
    first = org.client.list_targets_for_policy(PolicyId=org.policy)
    assert [row["TargetId"] for row in first["Targets"]] == units[:20]
    second = org.client.list_targets_for_policy(PolicyId=org.policy, NextToken=first["NextToken"])
    assert [row["TargetId"] for row in second["Targets"]] == units[20:]
    assert "NextToken" not in second


@pytest.mark.parametrize(
    ("operation", "key"),
    [
        ("list_accounts", "Accounts"),
        ("list_policies", "Policies"),
        ("list_policies_for_target", "Policies"),
        ("list_targets_for_policy", "Targets"),
        ("list_accounts_for_parent", "Accounts"),
        ("list_organizational_units_for_parent", "OrganizationalUnits"),
        ("list_children", "Children"),
        ("list_parents", "Parents"),
    ],
)
def test_every_list_honours_max_results_and_may_hold_empty_pages(
    org: Organization, operation: str, key: str
) -> None:
    """MODEL, every List operation: an empty page with a NextToken is not the end."""
    org.add_unit("Second", org.root)
    org.attach(org.policy, org.unit)
    known: dict[str, str] = {
        "list_policies": "Filter",
        "list_policies_for_target": "TargetId Filter",
        "list_targets_for_policy": "PolicyId",
        "list_accounts_for_parent": "ParentId",
        "list_organizational_units_for_parent": "ParentId",
        "list_children": "ParentId ChildType",
        "list_parents": "ChildId",
    }
    values = {
        "Filter": SCP,
        "TargetId": org.unit,
        "PolicyId": FULL_ACCESS,
        "ParentId": org.root,
        "ChildType": "ACCOUNT",
        "ChildId": org.unit,
    }
    parameters = {name: values[name] for name in known.get(operation, "").split()}
    whole = getattr(org.client, operation)(**parameters)[key]
    org.layer.empty_pages = 1
    pages = list(org.client.get_paginator(operation).paginate(**parameters, PaginationConfig={"PageSize": 1}))
    assert [len(page[key]) for page in pages] == [0, 1] * len(whole)
    assert [item for page in pages for item in page[key]] == whole


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [({"MaxResults": 21}, "MAX_VALUE_EXCEEDED"), ({"NextToken": "made up"}, "INVALID_NEXT_TOKEN")],
)
def test_page_parameters_that_cannot_be_right_are_invalid_input(
    org: Organization, parameters: dict[str, Any], reason: str
) -> None:
    """MODEL: the bounds of MaxResults, and InvalidInputExceptionReason."""
    with pytest.raises(ClientError) as error:
        org.client.list_policies(Filter=SCP, **parameters)
    assert refusal(error) == ("InvalidInputException", reason)


def test_a_read_lags_behind_a_detach_and_the_write_does_not(org: Organization) -> None:
    """User guide, "Changes that I make aren't always immediately visible": caches, with no bound."""
    org.attach(org.policy, org.unit)
    org.layer.stale_reads(600)
    with org.clock.working():
        org.detach(org.policy, org.unit)
        assert org.policy in org.attached(org.unit)
        assert org.targets(org.policy) == {org.unit}
        with pytest.raises(ClientError) as error:
            org.detach(org.policy, org.unit)
        assert refusal(error) == ("PolicyNotAttachedException", None)
        org.clock.sleep(599)
        assert org.policy in org.attached(org.unit)
        org.clock.sleep(1)
        assert org.policy not in org.attached(org.unit)
        assert org.targets(org.policy) == set()


def test_a_read_lags_behind_an_attach_and_the_write_does_not(org: Organization) -> None:
    """User guide, the same: the confirming read is as stale as the verifying one."""
    org.layer.stale_reads(600)
    with org.clock.working():
        org.attach(org.policy, org.unit)
        assert org.policy not in org.attached(org.unit)
        assert org.targets(org.policy) == set()
        with pytest.raises(ClientError) as error:
            org.attach(org.policy, org.unit)
        assert refusal(error) == ("DuplicatePolicyAttachmentException", None)
        org.clock.sleep(600)
        assert org.policy in org.attached(org.unit)


def test_one_run_can_meet_both_stale_reads(org: Organization) -> None:
    """User guide, the same: each change travels to its readers by itself."""
    org.attach(org.policy, org.unit)
    org.layer.stale_reads(600, detach_lag=5)
    seen = []
    with org.clock.working():
        org.detach(org.policy, org.unit)
        seen.append(org.policy in org.attached(org.unit))
        org.clock.sleep(1)
        org.attach(org.policy, org.unit)
        for seconds in (1, 3, 595, 1):
            org.clock.sleep(seconds)
            seen.append(org.policy in org.attached(org.unit))
    assert seen == [True, True, False, False, True]


def test_reads_are_fresh_again_when_the_lag_is_taken_away(org: Organization) -> None:
    org.layer.stale_reads(600)
    org.layer.stale_reads(0)
    org.attach(org.policy, org.unit)
    assert org.attached(org.unit) == [FULL_ACCESS, org.policy]


def test_the_description_of_a_policy_can_lag_behind_its_changes(org: Organization) -> None:
    org.layer.stale_reads(0, policy_lag=60)

    def described(policy: str) -> str:
        try:
            summary = org.client.describe_policy(PolicyId=policy)["Policy"]["PolicySummary"]
        except org.client.exceptions.PolicyNotFoundException:
            return "not found"
        return str(summary["Description"])

    seen = []
    with org.clock.working():
        made = org.add_policy("Made")
        org.client.update_policy(PolicyId=org.policy, Description="first")
        org.clock.sleep(30)
        org.client.update_policy(PolicyId=org.policy, Description="second")
        org.client.delete_policy(PolicyId=made)
        for seconds in (0, 30, 30):
            org.clock.sleep(seconds)
            seen.append((described(org.policy), described(made)))
    assert seen == [("", "not found"), ("first", ""), ("second", "not found")]


def test_the_types_of_a_root_can_lag_behind_their_changes(org: Organization) -> None:
    org.layer.stale_reads(0, root_lag=60)
    seen = []
    with org.clock.working():
        org.disable()
        for seconds in (0, 59, 1, 2):
            org.clock.sleep(seconds)
            seen.append(org.type_status())
    assert seen == [{SCP: "ENABLED"}, {SCP: "ENABLED"}, {SCP: "PENDING_DISABLE"}, {}]


def test_switching_a_type_takes_as_long_as_it_is_set_to(org: Organization) -> None:
    seen = []
    with org.clock.working():
        for settling, change in ((300, org.disable), (60, org.enable)):
            org.layer.settling = settling
            change(SCP)
            for seconds in (0, settling - 1, 2):
                org.clock.sleep(seconds)
                seen.append(org.type_status().get(SCP))
    pending = ["PENDING_DISABLE", "PENDING_DISABLE", None, "PENDING_ENABLE", "PENDING_ENABLE", "ENABLED"]
    assert seen == pending


def test_a_resource_policy_is_put_described_and_deleted(org: Organization) -> None:
    """MODEL, PutResourcePolicy, DescribeResourcePolicy and DeleteResourcePolicy."""
    with pytest.raises(org.client.exceptions.ResourcePolicyNotFoundException):
        org.client.describe_resource_policy()
    for sid in ("First", "Second"):
        content = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": sid}]})
        put = org.client.put_resource_policy(Content=content)["ResourcePolicy"]
        assert put["Content"] == content
        assert org.client.describe_resource_policy()["ResourcePolicy"] == put
    organization = org.client.describe_organization()["Organization"]["Id"]
    summary = put["ResourcePolicySummary"]
    assert (
        summary["Arn"] == f"arn:aws:organizations::111122223333:resourcepolicy/{organization}/{summary['Id']}"
    )
    org.client.delete_resource_policy()
    with pytest.raises(org.client.exceptions.ResourcePolicyNotFoundException):
        org.client.delete_resource_policy()


@pytest.mark.parametrize("content", ["not json", "[]", '{"Version": "2012-10-17"}'])
def test_a_resource_policy_that_cannot_be_one_is_refused(org: Organization, content: str) -> None:
    """MODEL, InvalidInputExceptionReason."""
    with pytest.raises(ClientError) as error:
        org.client.put_resource_policy(Content=content)
    assert refusal(error) == ("InvalidInputException", "INVALID_RESOURCE_POLICY_JSON")


def test_an_unit_goes_five_levels_deep(org: Organization) -> None:
    """QUOTAS: five levels of OUs under a root; MODEL: OU_DEPTH_LIMIT_EXCEEDED."""
    chain = [org.unit]
    for level in range(2, 6):
        chain.append(org.add_unit(f"Level {level}", chain[-1]))
    parents = [org.client.list_parents(ChildId=child)["Parents"][0]["Id"] for child in chain]
    assert parents == [org.root, *[above for above, _ in pairwise(chain)]]
    with pytest.raises(ClientError) as error:
        org.add_unit("Level 6", chain[-1])
    assert refusal(error) == ("ConstraintViolationException", "OU_DEPTH_LIMIT_EXCEEDED")


def test_a_unit_needs_a_parent_and_a_name_of_its_own(org: Organization) -> None:
    """MODEL, CreateOrganizationalUnit: ParentNotFoundException, DuplicateOrganizationalUnitException."""
    with pytest.raises(ClientError) as error:
        org.add_unit("Orphan", "ou-none-12345678")
    assert refusal(error)[0] == "ParentNotFoundException"
    with pytest.raises(ClientError) as error:
        org.add_unit("Workloads", org.root)
    assert refusal(error)[0] == "DuplicateOrganizationalUnitException"


def test_a_unit_that_goes_is_no_target_any_more(org: Organization) -> None:
    """MODEL, DeleteOrganizationalUnit: only an empty OU can go."""
    org.attach(org.policy, org.unit)
    inner = org.add_unit("Inner", org.unit)
    with pytest.raises(ClientError) as error:
        org.client.delete_organizational_unit(OrganizationalUnitId=org.unit)
    assert refusal(error)[0] == "OrganizationalUnitNotEmptyException"
    org.client.delete_organizational_unit(OrganizationalUnitId=inner)
    org.client.delete_organizational_unit(OrganizationalUnitId=org.unit)
    assert org.targets(org.policy) == set()
    with pytest.raises(ClientError) as error:
        org.attached(org.unit)
    assert refusal(error)[0] == "TargetNotFoundException"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"AccountId": "999999999999"}, "AccountNotFoundException"),
        ({"SourceParentId": "ou-none-12345678"}, "SourceParentNotFoundException"),
        ({"DestinationParentId": "ou-none-12345678"}, "DestinationParentNotFoundException"),
        ({}, None),
    ],
)
def test_an_account_moves_between_existing_parents(
    org: Organization, changed: dict[str, str], code: str | None
) -> None:
    """MODEL, MoveAccount: one error for each of the three that can be missing."""
    move = {"AccountId": org.account, "SourceParentId": org.root, "DestinationParentId": org.unit}
    if code is None:
        org.client.move_account(**move)
        changed, code = {}, "DuplicateAccountException"
    with pytest.raises(ClientError) as error:
        org.client.move_account(**{**move, **changed})
    assert refusal(error)[0] == code


def test_the_parents_of_nobody_are_not_found(org: Organization) -> None:
    """MODEL, ListParents: ChildNotFoundException."""
    with pytest.raises(ClientError) as error:
        org.client.list_parents(ChildId="999999999999")
    assert refusal(error)[0] == "ChildNotFoundException"

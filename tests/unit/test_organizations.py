from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from botocore.session import Session

from holdfast import organizations
from holdfast.attachment import LivePolicy, PolicySummary, PolicyType
from holdfast.calling import unless_refused
from holdfast.errors import (
    AttachmentQuotaExceededError,
    OrganizationsBusyError,
    OrganizationsError,
    OrganizationsRefusedError,
    OrganizationsThrottledError,
    PermissionMissingError,
    PolicyGoneError,
    PolicyNameTakenError,
    PolicyTypeDisabledError,
    TargetGoneError,
)
from holdfast.incident import AttachResult, Observation
from holdfast.organizations import Organizations, Root, judge
from holdfast.pacing import Pace
from tests.unit.examples import (
    DENY_ALL,
    DENY_REGIONS,
    NOW,
    PAYMENTS_PROD,
    REGIONS_ON_WORKLOADS,
    ROOT,
    WORKLOADS,
    live_policy,
)
from tests.unit.scripted_api import ScriptedApi, listed, organizations_client

SCP = PolicyType.SERVICE_CONTROL_POLICY
MODEL = Session().get_service_model("organizations")

CALLS: dict[str, tuple[str, Callable[[Organizations], object]]] = {
    "AttachPolicy": ("attach_policy", lambda ask: ask.attach(REGIONS_ON_WORKLOADS)),
    "ListPoliciesForTarget": (
        "list_policies_for_target",
        lambda ask: ask.observe(REGIONS_ON_WORKLOADS, SCP),
    ),
    "DescribePolicy": ("describe_policy", lambda ask: ask.policy(DENY_REGIONS)),
    "DescribeAccount": ("describe_account", lambda ask: ask.account_name(PAYMENTS_PROD)),
    "DescribeOrganizationalUnit": ("describe_organizational_unit", lambda ask: ask.unit_name(WORKLOADS)),
    "ListParents": ("list_parents", lambda ask: ask.parent(WORKLOADS)),
    "ListOrganizationalUnitsForParent": (
        "list_organizational_units_for_parent",
        lambda ask: list(ask.child_units(ROOT)),
    ),
    "ListAccountsForParent": ("list_accounts_for_parent", lambda ask: list(ask.child_accounts(ROOT))),
    "ListRoots": ("list_roots", lambda ask: ask.root()),
    "ListTargetsForPolicy": ("list_targets_for_policy", lambda ask: ask.targets_of(DENY_REGIONS)),
    "ListPolicies": ("list_policies", lambda ask: list(ask.policies_of_type(SCP))),
    "EnablePolicyType": ("enable_policy_type", lambda ask: ask.enable_type(ROOT, SCP)),
    "CreatePolicy": ("create_policy", lambda ask: ask.create_policy("Some", "", SCP, DENY_ALL)),
    "UpdatePolicy": ("update_policy", lambda ask: ask.update_text(DENY_REGIONS, DENY_ALL, "")),
}

JUDGED = {
    "AccessDeniedException": PermissionMissingError,
    "AWSOrganizationsNotInUseException": OrganizationsRefusedError,
    "AccountNotFoundException": OrganizationsRefusedError,
    "ChildNotFoundException": OrganizationsRefusedError,
    "ConcurrentModificationException": OrganizationsBusyError,
    "ConstraintViolationException": OrganizationsRefusedError,
    "DuplicatePolicyException": PolicyNameTakenError,
    "InvalidInputException": OrganizationsRefusedError,
    "MalformedPolicyDocumentException": OrganizationsRefusedError,
    "OrganizationalUnitNotFoundException": OrganizationsRefusedError,
    "ParentNotFoundException": OrganizationsRefusedError,
    "PolicyChangesInProgressException": OrganizationsBusyError,
    "PolicyNotFoundException": PolicyGoneError,
    "PolicyTypeNotAvailableForOrganizationException": OrganizationsRefusedError,
    "PolicyTypeNotEnabledException": PolicyTypeDisabledError,
    "RootNotFoundException": OrganizationsRefusedError,
    "ServiceException": OrganizationsBusyError,
    "TargetNotFoundException": TargetGoneError,
    "TooManyRequestsException": OrganizationsThrottledError,
    "UnsupportedAPIEndpointException": OrganizationsRefusedError,
}
"""What each modelled error means; those that are answers have tests of their own."""

ANSWERS = {"DuplicatePolicyAttachmentException", "PolicyTypeAlreadyEnabledException"}

MODELLED = [
    (operation, shape.name)
    for operation in CALLS
    for shape in MODEL.operation_model(operation).error_shapes
    if shape.name not in ANSWERS
]


def raised_by(ask: Callable[[Organizations], object], api: ScriptedApi) -> OrganizationsError:
    with pytest.raises(OrganizationsError) as raised:
        ask(api.organizations)
    return raised.value


@pytest.mark.parametrize(("operation", "code"), MODELLED)
def test_every_modelled_error_is_judged(operation: str, code: str, api: ScriptedApi) -> None:
    """Source of the errors: botocore's Organizations model; a new one there fails here until it is judged."""
    method, ask = CALLS[operation]
    api.refuses(method, code)
    error = raised_by(ask, api)
    assert (type(error), str(error)) == (JUDGED[code], f"{operation}: {code}: as it said")


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", AttachmentQuotaExceededError),
        ("ORGANIZATION_NOT_IN_ALL_FEATURES_MODE", OrganizationsRefusedError),
        ("TAG_POLICY_VIOLATION", OrganizationsRefusedError),
    ],
)
def test_a_constraint_is_judged_by_its_reason(
    reason: str, kind: type[OrganizationsError], api: ScriptedApi
) -> None:
    """boto3 puts the Reason beside `Error`, not into it. Source: ConstraintViolationException's shape."""
    api.refuses("attach_policy", "ConstraintViolationException", "too many", Reason=reason)
    error = raised_by(CALLS["AttachPolicy"][1], api)
    assert (type(error), error.reason, str(error)) == (
        kind,
        reason,
        f"AttachPolicy: ConstraintViolationException ({reason}): too many",
    )


def test_every_reason_that_is_judged_is_one_of_the_api() -> None:
    reasons = MODEL.shape_for("ConstraintViolationExceptionReason").metadata["enum"]
    assert set(organizations._ERROR_OF_REASON) <= set(reasons)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ThrottlingException", 400, OrganizationsThrottledError),
        ("Throttling", 400, OrganizationsThrottledError),
        ("RequestLimitExceeded", 503, OrganizationsThrottledError),
        ("InternalFailure", 500, OrganizationsBusyError),
        ("ServiceUnavailable", 503, OrganizationsBusyError),
        ("500", 500, OrganizationsBusyError),
        ("Unknown", 502, OrganizationsBusyError),
        ("NobodyKnows", 599, OrganizationsBusyError),
        ("AccessDenied", 403, PermissionMissingError),
        ("ExpiredTokenException", 400, OrganizationsBusyError),
        ("NobodyKnows", 429, OrganizationsThrottledError),
        ("SlowDown", 503, OrganizationsThrottledError),
        ("UnrecognizedClientException", 400, OrganizationsRefusedError),
        ("NobodyKnows", 400, OrganizationsRefusedError),
        ("404", 404, OrganizationsRefusedError),
    ],
)
def test_an_error_that_the_model_lacks_is_judged_by_code_and_status(
    code: str, status: int, kind: type[OrganizationsError], api: ScriptedApi
) -> None:
    """Source of the codes: Organizations API reference, "Common errors"."""
    api.refuses("attach_policy", code, status=status)
    assert type(raised_by(CALLS["AttachPolicy"][1], api)) is kind


ENDPOINT = {"endpoint_url": "https://organizations.us-east-1.amazonaws.com"}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (EndpointConnectionError(**ENDPOINT), OrganizationsBusyError),
        (ConnectTimeoutError(**ENDPOINT), OrganizationsBusyError),
        (ReadTimeoutError(**ENDPOINT), OrganizationsBusyError),
        (ConnectionClosedError(**ENDPOINT), OrganizationsBusyError),
        (SSLError(**ENDPOINT, error=OSError("handshake")), OrganizationsBusyError),
        (NoCredentialsError(), OrganizationsRefusedError),
    ],
)
def test_a_failed_connection_is_worth_another_try(
    error: BotoCoreError, kind: type[OrganizationsError]
) -> None:
    judged = judge("AttachPolicy", error)
    assert (type(judged), judged.code) == (kind, type(error).__name__)


def test_an_answer_without_code_and_message_is_judged() -> None:
    error = ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 418}}, "AttachPolicy")  # type: ignore[typeddict-item]
    assert str(judge("AttachPolicy", error)) == "AttachPolicy: Unknown: "


def test_attaching_tells_the_time_of_the_answer(api: ScriptedApi) -> None:
    api.answers("attach_policy", {}, PolicyId=DENY_REGIONS, TargetId=WORKLOADS)
    assert api.organizations.attach(REGIONS_ON_WORKLOADS) == (AttachResult.ATTACHED, NOW)


def test_already_attached_is_an_answer_and_no_error(api: ScriptedApi) -> None:
    api.refuses("attach_policy", "DuplicatePolicyAttachmentException")
    assert api.organizations.attach(REGIONS_ON_WORKLOADS) == (AttachResult.ALREADY_ATTACHED, NOW)


def page(api: ScriptedApi, policies: list[dict[str, Any]], token: str = "", after: str = "") -> None:
    """Answer one page of ListPoliciesForTarget, asked for with the token `after`."""
    api.answers(
        "list_policies_for_target",
        {"Policies": policies, **({"NextToken": token} if token else {})},
        TargetId=WORKLOADS,
        Filter="SERVICE_CONTROL_POLICY",
        **({"NextToken": after} if after else {}),
    )


def test_an_empty_page_with_a_token_is_not_the_end(api: ScriptedApi) -> None:
    """The API says so: "always check NextToken even if you receive an empty result set".

    Source: botocore's model of ListPoliciesForTarget.
    """
    page(api, [], token="one")
    page(api, [], token="two", after="one")
    page(api, [listed(DENY_REGIONS)], after="two")
    assert api.organizations.observe(REGIONS_ON_WORKLOADS, SCP) == Observation(attached=True, at=NOW)


def test_reading_stops_at_the_page_that_shows_the_policy(api: ScriptedApi) -> None:
    page(api, [listed("p-FullAWSAccess", aws_managed=True), listed(DENY_REGIONS)], token="one")
    assert api.organizations.observe(REGIONS_ON_WORKLOADS, SCP).attached


def test_a_policy_that_no_page_shows_is_not_attached(api: ScriptedApi) -> None:
    page(api, [listed("p-FullAWSAccess", aws_managed=True)], token="one")
    page(api, [], after="one")
    assert api.organizations.observe(REGIONS_ON_WORKLOADS, SCP) == Observation(attached=False, at=NOW)


def test_the_policies_on_a_target_are_those_of_all_pages(api: ScriptedApi) -> None:
    page(api, [listed("p-FullAWSAccess", "FullAWSAccess", aws_managed=True)], token="one")
    page(api, [listed(DENY_REGIONS, "DenyUnapprovedRegions")], after="one")
    assert api.organizations.policies_on(WORKLOADS, SCP) == (
        PolicySummary("p-FullAWSAccess", "FullAWSAccess", aws_managed=True),
        PolicySummary(DENY_REGIONS, "DenyUnapprovedRegions", aws_managed=False),
    )


def test_a_policy_is_its_name_and_text(api: ScriptedApi) -> None:
    api.describes(DENY_REGIONS, "DenyUnapprovedRegions", DENY_ALL)
    assert api.organizations.policy(DENY_REGIONS) == live_policy("DenyUnapprovedRegions", DENY_ALL)


def test_an_account_has_a_name(api: ScriptedApi) -> None:
    api.answers("describe_account", {"Account": {"Name": "payments-prod"}}, AccountId=PAYMENTS_PROD)
    assert api.organizations.account_name(PAYMENTS_PROD) == "payments-prod"


def test_an_ou_has_a_name(api: ScriptedApi) -> None:
    api.answers(
        "describe_organizational_unit",
        {"OrganizationalUnit": {"Name": "Workloads"}},
        OrganizationalUnitId=WORKLOADS,
    )
    assert api.organizations.unit_name(WORKLOADS) == "Workloads"


def test_a_child_has_one_parent(api: ScriptedApi) -> None:
    """The API says so: "a child can have only a single parent". Source: botocore's model of ListParents."""
    api.answers("list_parents", {"Parents": [{"Id": ROOT, "Type": "ROOT"}]}, ChildId=WORKLOADS)
    assert api.organizations.parent(WORKLOADS) == ROOT


def test_children_come_in_pages(api: ScriptedApi) -> None:
    api.answers(
        "list_accounts_for_parent", {"Accounts": [{"Id": PAYMENTS_PROD}], "NextToken": "one"}, ParentId=ROOT
    )
    api.answers("list_accounts_for_parent", {"Accounts": []}, ParentId=ROOT, NextToken="one")
    api.answers(
        "list_organizational_units_for_parent", {"OrganizationalUnits": [{"Id": WORKLOADS}]}, ParentId=ROOT
    )
    assert list(api.organizations.child_accounts(ROOT)) == [(PAYMENTS_PROD,), ()]
    assert list(api.organizations.child_units(ROOT)) == [(WORKLOADS,)]


def test_what_is_refused_may_be_passed_over(api: ScriptedApi) -> None:
    api.refuses("describe_policy", "AccessDeniedException")
    assert unless_refused(lambda: api.organizations.policy(DENY_REGIONS)) is None


class _NoBody:
    """What botocore reads a body from, empty."""

    def stream(self) -> list[bytes]:
        return [b""]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_the_sdk_makes_one_attempt(status: int) -> None:
    """Retries belong to Step Functions: standard mode would make three of these."""
    client = organizations_client()
    attempts: list[str] = []

    def answer(request: Any, **_: object) -> AWSResponse:
        attempts.append(request.url)
        headers: Any = {"date": "Sun, 22 Nov 2026 09:00:30 GMT"}
        body: Any = _NoBody()
        return AWSResponse(request.url, status, headers, body)

    client.meta.events.register("before-send", answer, unique_id="answer")
    try:
        with pytest.raises(OrganizationsError):
            Organizations(client).attach(REGIONS_ON_WORKLOADS)
    finally:
        client.meta.events.unregister("before-send", unique_id="answer")
    assert len(attempts) == 1


def test_the_connection_is_made_once_and_for_one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    organizations.connect.cache_clear()
    try:
        connection = organizations.connect()
        assert organizations.connect() is connection
        config: Any = connection._client.meta.config
        assert config.retries == {"mode": "standard", "total_max_attempts": 1}
    finally:
        organizations.connect.cache_clear()


def test_the_time_is_that_of_the_answer(api: ScriptedApi) -> None:
    """Not this machine's: the event's time is by AWS's clock too."""
    api.lists_for(WORKLOADS, "SERVICE_CONTROL_POLICY")
    assert api.organizations.observe(REGIONS_ON_WORKLOADS, SCP).at == datetime(
        2026, 11, 22, 9, 0, 30, tzinfo=UTC
    )


def test_a_parent_behind_an_empty_page_is_found(api: ScriptedApi) -> None:
    """Source: botocore's model of ListParents: a page may be empty although more follow."""
    api.answers("list_parents", {"Parents": [], "NextToken": "more"}, ChildId=PAYMENTS_PROD)
    api.answers(
        "list_parents",
        {"Parents": [{"Id": "r-exme", "Type": "ROOT"}]},
        ChildId=PAYMENTS_PROD,
        NextToken="more",
    )
    assert api.organizations.parent(PAYMENTS_PROD) == "r-exme"


def test_a_parent_that_no_page_shows_is_no_answer(api: ScriptedApi) -> None:
    api.answers("list_parents", {"Parents": []}, ChildId=PAYMENTS_PROD)
    with pytest.raises(OrganizationsRefusedError):
        api.organizations.parent(PAYMENTS_PROD)


def test_a_session_token_in_an_error_is_not_passed_on(api: ScriptedApi) -> None:
    """A refused signature is answered with the request that was signed."""
    api.refuses("list_parents", "SignatureDoesNotMatch", "x-amz-security-token:IQoJb3JpZ2lu\nhost:x")
    with pytest.raises(OrganizationsRefusedError) as raised:
        api.organizations.parent(PAYMENTS_PROD)
    assert "IQoJb3JpZ2lu" not in str(raised.value)


def test_the_root_shows_the_types_that_are_on_or_being_switched(api: ScriptedApi) -> None:
    types = [
        {"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"},
        {"Type": "TAG_POLICY", "Status": "PENDING_DISABLE"},
    ]
    api.answers("list_roots", {"Roots": [], "NextToken": "more"})
    api.answers("list_roots", {"Roots": [{"Id": ROOT, "PolicyTypes": types}]}, NextToken="more")
    assert api.organizations.root() == Root(
        ROOT, {"SERVICE_CONTROL_POLICY": "ENABLED", "TAG_POLICY": "PENDING_DISABLE"}
    )


def test_a_root_that_no_page_shows_is_no_answer(api: ScriptedApi) -> None:
    api.answers("list_roots", {"Roots": []})
    with pytest.raises(OrganizationsRefusedError):
        api.organizations.root()


def test_the_targets_of_a_policy_are_those_of_all_pages(api: ScriptedApi) -> None:
    first, second = {"TargetId": ROOT, "Type": "ROOT"}, {"TargetId": PAYMENTS_PROD, "Type": "ACCOUNT"}
    api.answers("list_targets_for_policy", {"Targets": [first], "NextToken": "one"}, PolicyId=DENY_REGIONS)
    api.answers("list_targets_for_policy", {"Targets": []}, PolicyId=DENY_REGIONS, NextToken="one")
    assert api.organizations.targets_of(DENY_REGIONS) == {ROOT}
    api.answers("list_targets_for_policy", {"Targets": [], "NextToken": "two"}, PolicyId=DENY_REGIONS)
    api.answers(
        "list_targets_for_policy", {"Targets": [first, second]}, PolicyId=DENY_REGIONS, NextToken="two"
    )
    assert api.organizations.targets_of(DENY_REGIONS) == {ROOT, PAYMENTS_PROD}


def test_the_policies_of_a_type_are_those_of_all_pages(api: ScriptedApi) -> None:
    api.answers(
        "list_policies",
        {"Policies": [listed("p-FullAWSAccess", "FullAWSAccess", aws_managed=True)], "NextToken": "one"},
        Filter="SERVICE_CONTROL_POLICY",
    )
    api.answers(
        "list_policies",
        {"Policies": [listed(DENY_REGIONS, "DenyUnapprovedRegions")]},
        Filter="SERVICE_CONTROL_POLICY",
        NextToken="one",
    )
    assert list(api.organizations.policies_of_type(SCP)) == [
        PolicySummary("p-FullAWSAccess", "FullAWSAccess", aws_managed=True),
        PolicySummary(DENY_REGIONS, "DenyUnapprovedRegions", aws_managed=False),
    ]


def test_a_type_is_switched_on_in_the_root(api: ScriptedApi) -> None:
    api.answers("enable_policy_type", {}, RootId=ROOT, PolicyType="SERVICE_CONTROL_POLICY")
    api.organizations.enable_type(ROOT, SCP)


def test_already_enabled_is_an_answer_and_no_error(api: ScriptedApi) -> None:
    api.refuses("enable_policy_type", "PolicyTypeAlreadyEnabledException")
    api.organizations.enable_type(ROOT, SCP)


def test_a_created_policy_is_returned_as_the_organization_has_it(api: ScriptedApi) -> None:
    summary = {"Id": "p-new00001", "Name": "Some", "Description": "Words.", "Type": "TAG_POLICY"}
    api.answers(
        "create_policy",
        {"Policy": {"PolicySummary": summary, "Content": "{}"}},
        Name="Some",
        Description="Words.",
        Type="TAG_POLICY",
        Content="{}",
    )
    assert api.organizations.create_policy("Some", "Words.", PolicyType.TAG_POLICY, "{}") == LivePolicy(
        "p-new00001", "Some", "Words.", PolicyType.TAG_POLICY, "{}"
    )


def test_a_text_is_replaced_with_its_description_and_the_name_stays(api: ScriptedApi) -> None:
    api.answers("update_policy", {}, PolicyId=DENY_REGIONS, Content="{}", Description="Words.")
    api.organizations.update_text(DENY_REGIONS, "{}", "Words.")


def test_before_each_call_its_name_is_told(api: ScriptedApi) -> None:
    """A page is a call of its own; so is an attach."""
    told: list[str] = []
    organizations_told = Organizations(organizations_client(), told.append)
    page(api, [], token="one")
    page(api, [], after="one")
    api.refuses("attach_policy", "DuplicatePolicyAttachmentException")
    organizations_told.policies_on(WORKLOADS, SCP)
    organizations_told.attach(REGIONS_ON_WORKLOADS)
    assert told == ["ListPoliciesForTarget", "ListPoliciesForTarget", "AttachPolicy"]


def test_the_paced_connection_reads_at_a_quarter_of_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(organizations, "_client", organizations_client)
    organizations.connect_paced.cache_clear()
    try:
        connection = organizations.connect_paced()
        assert organizations.connect_paced() is connection
        assert isinstance(connection._before, Pace)
        assert connection._before._share == 0.25
    finally:
        organizations.connect_paced.cache_clear()

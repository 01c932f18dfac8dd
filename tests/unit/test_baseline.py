from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.attachment import Attachment, PolicyType
from holdfast.baseline import Baseline, Guardrail, RolePrincipal, load_baseline, parse_baseline
from holdfast.errors import BaselineError
from holdfast.policy_document import PolicyDocument
from holdfast.principal import Principal
from tests.unit.examples import (
    DENY_ALL,
    DEVELOPER,
    DOCUMENTS,
    SANCTIONED_ROLE,
    SANCTIONED_ROLE_ID,
    example_baseline,
)

ORGANIZATION = 'organization = "o-far1coz49w"\n'
GUARDRAIL = """
[[guardrail]]
policy = "p-7dj3cien"
name = "DenyUnapprovedRegions"
type = "SERVICE_CONTROL_POLICY"
targets = ["ou-exme-ycaqk99w", "338583429068"]
document = "policies/DenyAll.json"
"""
SANCTIONED = """
[[sanctioned_principal]]
role = "arn:aws:iam::111122223333:role/guardrail-pipeline"
"""
RIVAL = """
[[rival_principal]]
role = "arn:aws:iam::111122223333:role/AWSAccelerator-AttachPolicy"
"""
SMALL = ORGANIZATION + SANCTIONED + GUARDRAIL
PIPELINE = Principal(kind="AssumedRole", arn=SANCTIONED_ROLE, unique_id=SANCTIONED_ROLE_ID)


def parsed(toml: str) -> Baseline:
    return parse_baseline(toml.encode(), DOCUMENTS.__getitem__)


def complaint_about(toml: str) -> str:
    with pytest.raises(BaselineError) as raised:
        parsed(toml)
    return str(raised.value)


def test_a_whole_baseline_is_read() -> None:
    assert replace(parsed(SMALL), version="") == Baseline(
        organization="o-far1coz49w",
        guardrails=(
            Guardrail(
                policy_id="p-7dj3cien",
                name="DenyUnapprovedRegions",
                policy_type=PolicyType.SERVICE_CONTROL_POLICY,
                targets=frozenset({"ou-exme-ycaqk99w", "338583429068"}),
                document=PolicyDocument.parse(DENY_ALL),
            ),
        ),
        sanctioned=(RolePrincipal("arn:aws:iam::111122223333:role/guardrail-pipeline"),),
        version="",
    )


def test_a_guardrail_for_any_target_protects_every_target() -> None:
    anywhere = parsed(SMALL.replace('["ou-exme-ycaqk99w", "338583429068"]', '"any"'))
    assert anywhere.guardrail_for(Attachment("p-7dj3cien", "r-exme")) == anywhere.guardrails[0]


@pytest.mark.parametrize(
    ("attachment", "name"),
    [
        (Attachment("p-lp0dxjlp", "r-exme"), "DenyLeaveOrganization"),
        (Attachment("p-7xfb7xkf", "ou-exme-8tio7fay"), "DenyDisablingCloudTrail"),
        (Attachment("p-cg404d5t", "338583429068"), "ProtectSecurityRoles"),
        (Attachment("p-cg404d5t", "r-exme"), None),
        (Attachment("p-FullAWSAccess", "r-exme"), None),
    ],
)
def test_an_attachment_is_protected_by_policy_and_target(attachment: Attachment, name: str | None) -> None:
    guardrail = example_baseline().guardrail_for(attachment)
    assert (guardrail.name if guardrail else None) == name


@pytest.mark.parametrize(
    ("principal", "sanctioned"),
    [
        (PIPELINE, True),
        (replace(PIPELINE, session_name="anything"), True),
        (replace(PIPELINE, unique_id="AROAEXAMPLEIMPOSTOR01"), False),
        (replace(PIPELINE, unique_id=None), False),
        (replace(PIPELINE, arn=SANCTIONED_ROLE.upper()), False),
        (replace(PIPELINE, arn=SANCTIONED_ROLE + "-2"), False),
        (replace(PIPELINE, arn=SANCTIONED_ROLE.replace("role/", "role/path/")), False),
        (replace(PIPELINE, arn=SANCTIONED_ROLE.replace("111122223333", "338583429068")), False),
        (replace(PIPELINE, arn=None), False),
        (replace(PIPELINE, kind="IAMUser"), False),
        (replace(PIPELINE, kind="FederatedUser"), False),
        (replace(DEVELOPER, session_name="guardrail-pipeline"), False),
        (replace(DEVELOPER, name="guardrail-pipeline"), False),
    ],
)
def test_a_principal_is_sanctioned_by_the_whole_arn_and_id_of_its_role(
    principal: Principal, *, sanctioned: bool
) -> None:
    assert example_baseline().sanctions(principal) is sanctioned


def test_without_an_id_a_role_made_again_under_the_same_name_is_sanctioned() -> None:
    assert parsed(SMALL).sanctions(replace(PIPELINE, unique_id="AROAEXAMPLEIMPOSTOR01"))


def test_a_rival_is_who_has_the_role_and_nobody_is_one_unless_the_baseline_says_so() -> None:
    role = "arn:aws:iam::111122223333:role/AWSAccelerator-AttachPolicy"
    accelerator = replace(PIPELINE, arn=role, unique_id="AROAEXAMPLEACCELERAT1")
    contested = parsed(SMALL + RIVAL)
    assert contested.rivals == (RolePrincipal(role),)
    assert [contested.is_rival(principal) for principal in (accelerator, PIPELINE)] == [True, False]
    assert [contested.sanctions(principal) for principal in (accelerator, PIPELINE)] == [False, True]
    assert not parsed(SMALL).is_rival(accelerator)


@pytest.mark.parametrize(
    ("role_id", "rival"), [("AROAEXAMPLEACCELERAT1", True), ("AROAEXAMPLEIMPOSTOR01", False)]
)
def test_a_rival_whose_id_is_given_is_that_role_alone(role_id: str, *, rival: bool) -> None:
    role = "arn:aws:iam::111122223333:role/AWSAccelerator-AttachPolicy"
    baseline = parsed(SMALL + RIVAL + 'id = "AROAEXAMPLEACCELERAT1"')
    assert baseline.is_rival(replace(PIPELINE, arn=role, unique_id=role_id)) is rival


def test_placements_are_the_roots_first_then_those_of_ous_then_those_of_accounts() -> None:
    baseline = example_baseline()
    placed = [(placement.guardrail, placement.target_id) for placement in baseline.placements]
    assert placed == [
        (0, "r-exme"),
        (1, "r-exme"),
        (4, "r-exme"),
        (5, "r-exme"),
        (1, "ou-exme-8tio7fay"),
        (3, "ou-exme-cbm7ma1f"),
        (6, "ou-exme-ofz030k9"),
        (2, "ou-exme-ycaqk99w"),
        (3, "338583429068"),
    ]
    assert baseline.attachment_at(baseline.placements[-1]) == Attachment("p-cg404d5t", "338583429068")


def test_a_guardrail_for_any_target_has_no_placement() -> None:
    assert parsed(SMALL.replace('["ou-exme-ycaqk99w", "338583429068"]', '"any"')).placements == ()


@given(st.permutations(["r-exme", "ou-exme-ycaqk99w", "ou-exme-8tio7fay", "338583429068"]))
def test_placements_do_not_depend_on_the_order_in_the_file(targets: list[str]) -> None:
    """A document names a placement by its number, and every task reads the file anew."""
    toml = SMALL.replace('["ou-exme-ycaqk99w", "338583429068"]', str(targets).replace("'", '"'))
    assert [placement.target_id for placement in parsed(toml).placements] == [
        "r-exme",
        "ou-exme-8tio7fay",
        "ou-exme-ycaqk99w",
        "338583429068",
    ]


def test_a_policy_made_again_takes_its_guardrails_place() -> None:
    declared = example_baseline()
    adopted = declared.adopting({"p-7dj3cien": "p-madeagain1", "p-nobodys01": "p-madeagain2"})
    regions = replace(declared.guardrails[2], policy_id="p-madeagain1", declared_id="p-7dj3cien")
    assert adopted == replace(
        declared, guardrails=(*declared.guardrails[:2], regions, *declared.guardrails[3:])
    )
    assert adopted.placements == declared.placements
    assert adopted.guardrail_for(Attachment("p-madeagain1", "ou-exme-ycaqk99w")) == regions
    assert adopted.guardrail_for(Attachment("p-7dj3cien", "ou-exme-ycaqk99w")) is None


def test_without_successors_the_baseline_stays_as_declared() -> None:
    assert example_baseline().adopting({}) == example_baseline()


def test_a_baseline_names_the_policies_of_its_guardrails() -> None:
    adopted = example_baseline().adopting({"p-7dj3cien": "p-madeagain1"})
    named = [adopted.names(policy_id) for policy_id in ("p-lp0dxjlp", "p-madeagain1", "p-7dj3cien")]
    assert named == [True, True, False]


@pytest.mark.parametrize("description", ["", "Keeps to the regions.\nSee the handbook.", "x" * 512])
def test_a_description_may_be_declared(description: str) -> None:
    """The API takes 512 characters, line breaks among them. Source: botocore's PolicyDescription."""
    (guardrail,) = parsed(SMALL + f"description = {json.dumps(description)}\n").guardrails
    assert guardrail.description == description


def test_a_description_that_is_not_declared_may_be_anything() -> None:
    assert parsed(SMALL).guardrails[0].description is None


def test_a_description_that_the_api_would_refuse_is_refused() -> None:
    assert complaint_about(SMALL + f'description = "{"x" * 513}"\n') == (
        f"guardrail[0].description: got {repr('x' * 513)[:200]}, expected the policy's description"
    )


def test_the_version_is_of_the_file_and_of_its_documents() -> None:
    weaker = {name: content.replace(b"Deny", b"Deni") for name, content in DOCUMENTS.items()}
    versions = {
        parsed(SMALL).version,
        parsed(SMALL + "# a comment\n").version,
        parse_baseline(SMALL.encode(), weaker.__getitem__).version,
    }
    assert len(versions) == 3
    assert all(len(version) == 12 for version in versions)


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        ("", "organization: got nothing, expected an organization's id (o-…)"),
        ("organization = 7", "organization: got 7, expected an organization's id (o-…)"),
        ('organization = "o-short"', "organization: got 'o-short', expected an organization's id (o-…)"),
        (ORGANIZATION + "guardrail = 0", "guardrail: got 0, expected [[guardrail]] tables"),
        (ORGANIZATION + 'guardrail = ["x"]', "guardrail: got ['x'], expected [[guardrail]] tables"),
        (
            ORGANIZATION + 'sanctioned_principal = "me"',
            "sanctioned_principal: got 'me', expected [[sanctioned_principal]] tables",
        ),
        (ORGANIZATION + "[guardrails]", "guardrails: no such key here"),
        (
            SMALL.replace('"p-7dj3cien"', '"p-short"'),
            "guardrail[0].policy: got 'p-short', expected a policy's id (p-…)",
        ),
        (
            SMALL.replace('"DenyUnapprovedRegions"', '""'),
            "guardrail[0].name: got '', expected the policy's name",
        ),
        (
            SMALL.replace("SERVICE_CONTROL_POLICY", "SCP"),
            f"guardrail[0].type: got 'SCP', expected one of {', '.join(PolicyType)}",
        ),
        (
            SMALL.replace('["ou-exme-ycaqk99w", "338583429068"]', "[]"),
            'guardrail[0].targets: got [], expected "any" or a list of the ids of roots, OUs and accounts',
        ),
        (
            SMALL.replace('"ou-exme-ycaqk99w"', '"Workloads"'),
            (
                "guardrail[0].targets: got 'Workloads', "
                'expected "any" or a list of the ids of roots, OUs and accounts'
            ),
        ),
        (
            SMALL.replace('"338583429068"', "338583429068"),
            (
                "guardrail[0].targets: got 338583429068, "
                'expected "any" or a list of the ids of roots, OUs and accounts'
            ),
        ),
        (
            SMALL.replace('"338583429068"', '"ou-exme-ycaqk99w"'),
            "guardrail[0].targets: got ['ou-exme-ycaqk99w', 'ou-exme-ycaqk99w'], expected each target once",
        ),
        (
            SMALL.replace("policies/DenyAll.json", "policies/DenyAll.txt"),
            (
                "guardrail[0].document: got 'policies/DenyAll.txt', "
                "expected the path of a JSON file beside the baseline"
            ),
        ),
        (SMALL + 'owner = "me"\nwhy = "?"', "guardrail[0].owner, why: no such key here"),
        (
            SMALL + GUARDRAIL.replace("name =", "label ="),
            "guardrail[1].name: got nothing, expected the policy's name",
        ),
        (SMALL + GUARDRAIL, "guardrail: p-7dj3cien is declared twice: once is enough"),
        (
            SMALL.replace("arn:aws:iam::111122223333:role/guardrail-pipeline", "guardrail-pipeline"),
            "sanctioned_principal[0].role: got 'guardrail-pipeline', expected the whole ARN of an IAM role",
        ),
        (
            SMALL.replace(":role/", ":user/"),
            (
                "sanctioned_principal[0].role: got 'arn:aws:iam::111122223333:user/guardrail-pipeline', "
                "expected the whole ARN of an IAM role"
            ),
        ),
        (
            ORGANIZATION + SANCTIONED + 'id = "AIDAEXAMPLEALICE00001"' + GUARDRAIL,
            "sanctioned_principal[0].id: got 'AIDAEXAMPLEALICE00001', expected a role's unique id (AROA…)",
        ),
        (
            ORGANIZATION + SANCTIONED + 'session = "x"' + GUARDRAIL,
            "sanctioned_principal[0].session: no such key here",
        ),
        (
            ORGANIZATION + 'rival_principal = "me"',
            "rival_principal: got 'me', expected [[rival_principal]] tables",
        ),
        (
            SMALL + RIVAL.replace("arn:aws:iam::111122223333:role/", ""),
            (
                "rival_principal[0].role: got 'AWSAccelerator-AttachPolicy', "
                "expected the whole ARN of an IAM role"
            ),
        ),
        (SMALL + RIVAL + "hours = 1", "rival_principal[0].hours: no such key here"),
    ],
)
def test_a_mistake_is_named_by_entry_value_and_expectation(toml: str, complaint: str) -> None:
    assert complaint_about(toml) == complaint


def test_a_text_that_is_no_toml_is_refused() -> None:
    assert complaint_about("organization =").startswith("baseline.toml is not TOML: Invalid value")


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(BaselineError, match=r"^baseline\.toml is not TOML: 'utf-8' codec"):
        parse_baseline(b"\xff", DOCUMENTS.__getitem__)


@pytest.mark.parametrize("content", [b"", b"not json", b"\xff", b'{"a": 1, "a": 2}'])
def test_a_document_that_is_no_policy_is_refused(content: bytes) -> None:
    with pytest.raises(
        BaselineError, match=r"^guardrail\[0\]\.document: policies/DenyAll\.json is not a policy's text: "
    ):
        parse_baseline(SMALL.encode(), lambda _: content)


def test_every_partition_has_roles() -> None:
    """Source: botocore's partitions.json."""
    role = "arn:aws-us-gov:iam::111122223333:role/aws-reserved/pipeline"
    toml = SMALL.replace("arn:aws:iam::111122223333:role/guardrail-pipeline", role)
    assert parsed(toml).sanctioned == (RolePrincipal(role),)


def test_a_baseline_is_loaded_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "DenyAll.json").write_text(DENY_ALL)
    (tmp_path / "baseline.toml").write_text(SMALL)
    assert load_baseline(tmp_path) == parsed(SMALL)


@pytest.mark.parametrize("missing", ["baseline.toml", "policies/DenyAll.json"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "DenyAll.json").write_text(DENY_ALL)
    (tmp_path / "baseline.toml").write_text(SMALL)
    (tmp_path / missing).unlink()
    with pytest.raises(BaselineError) as raised:
        load_baseline(tmp_path)
    assert str(raised.value) == f"{tmp_path.name}/{missing} cannot be read: No such file or directory"


def test_a_missing_file_is_named_from_within_the_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BaselineError, match=f"^{tmp_path.name}/baseline.toml cannot be read: "):
        load_baseline(Path())


@pytest.mark.parametrize("path", ["../secret.json", "policies/../../secret.json", "link.json"])
def test_a_document_outside_of_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "guardrails"
    (folder / "policies").mkdir(parents=True)
    (tmp_path / "secret.json").write_text("{}")
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    (folder / "baseline.toml").write_text(SMALL.replace("policies/DenyAll.json", path))
    with pytest.raises(BaselineError) as raised:
        load_baseline(folder)
    assert str(raised.value) == f"'{path}' lies outside of guardrails/"


def test_an_absolute_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / "baseline.toml").write_text(SMALL.replace("policies/DenyAll.json", "/etc/secret.json"))
    with pytest.raises(BaselineError, match=r"^'/etc/secret\.json' lies outside of "):
        load_baseline(tmp_path)


@given(st.text(max_size=60) | st.from_regex(r"[a-z_]{1,8} = [\"\[\]{}a-z0-9,. -]{0,20}\n"))
def test_any_addition_is_read_or_refused(text: str) -> None:
    with suppress(BaselineError):
        assert parsed(SMALL + text).guardrails == parsed(SMALL).guardrails

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from holdfast.attachment import PolicyType
from holdfast.baseline import load_baseline, parse_baseline
from holdfast.errors import BaselineError
from holdfast_cli.baseline_grammar import read_baseline
from holdfast_cli.finding import Finding, Severity
from holdfast_cli.screen import Screen
from holdfast_cli.validate import run_validate, validate

SHIPPED = Path("functions/guardrails")
HOST = "222233334444"

DENY: dict[str, Any] = {"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


DOCUMENTS = {
    "policies/Deny.json": policy(DENY),
    "policies/Rcp.json": policy(DENY | {"Principal": "*"}),
    "policies/Tags.json": '{"tags": {}}',
    "policies/Full.json": policy({"Effect": "Allow", "Action": "*", "Resource": "*"}),
    "policies/Broken.json": '{"Version": ',
    "policies/Deny.txt": policy(DENY),
}


def guardrail(**changes: object) -> dict[str, Any]:
    """Return a good [[guardrail]] with some keys changed; None takes a key out."""
    good: dict[str, Any] = {
        "policy": "p-7dj3cien",
        "name": "DenyDeletingBuckets",
        "type": "SERVICE_CONTROL_POLICY",
        "targets": ["ou-exme-ycaqk99w"],
        "document": "policies/Deny.json",
    }
    return {key: value for key, value in (good | changes).items() if value is not None}


def toml(
    *guardrails: dict[str, Any], organization: object = "o-far1coz49w", roles: Any = (), rivals: Any = ()
) -> str:
    """Spell a baseline; JSON's strings, numbers and lists are TOML's too."""
    lines = [f"organization = {json.dumps(organization)}"]
    tables_of = {"sanctioned_principal": roles, "rival_principal": rivals, "guardrail": guardrails}
    for name, tables in tables_of.items():
        for table in tables:
            lines += [
                f"[[{name}]]",
                *(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in table.items()),
            ]
    return "\n".join(lines) + "\n"


def document(name: str) -> bytes:
    """Return a document as the folder's reader does."""
    if name not in DOCUMENTS:
        raise BaselineError(f"guardrails/{name} cannot be read: No such file or directory")
    return DOCUMENTS[name].encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a good baseline."""
    declared(tmp_path, guardrail())
    return tmp_path


def declared(folder: Path, *guardrails: dict[str, Any], documents: dict[str, str] | None = None) -> Path:
    """Write a baseline and the documents that it names."""
    texts = DOCUMENTS | (documents or {})
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "baseline.toml").write_text(toml(*guardrails))
    for each in guardrails:
        (folder / each["document"]).write_text(texts[each["document"]])
    return folder


def told(findings: tuple[Finding, ...]) -> list[tuple[str, str, str, str]]:
    return [(finding.severity.value, finding.file, finding.where, finding.message) for finding in findings]


def told_of(text: str) -> list[tuple[str, str]]:
    return [(finding.where, finding.message) for finding in read_baseline(text.encode(), document).findings]


def printed(folder: Path, *, as_json: bool = False, host_account: str | None = None) -> tuple[int, str]:
    out = io.StringIO()
    screen = Screen(Console(file=out, highlight=False, soft_wrap=True))
    code = run_validate(screen, folder, host_account=host_account, access_analyzer=None, as_json=as_json)
    return code, out.getvalue()


def test_the_shipped_baseline_is_fine() -> None:
    validation = validate(SHIPPED, host_account=HOST)
    assert (validation.findings, validation.baseline) == ((), load_baseline(SHIPPED))


def test_a_good_baseline_says_what_to_do_next(folder: Path) -> None:
    version = load_baseline(folder).version
    counted = f"{folder}/baseline.toml and 1 document: 0 errors, 0 warnings."
    assert printed(folder) == (0, f"{counted} Baseline {version}, 1 guardrail. Next: commit and deploy.\n")


def test_every_finding_is_printed_under_its_file(folder: Path) -> None:
    broken = guardrail(policy="p-8dj3cien", name="Other", document="policies/Broken.json")
    declared(folder, guardrail(name=""), broken)
    (folder / "policies" / "Old.json").write_text("{}")
    code, out = printed(folder)
    assert (code, out.splitlines()) == (
        1,
        [
            "",
            f"== {folder}/baseline.toml",
            "error    guardrail[0].name: got '', expected the policy's name",
            "",
            f"== {folder}/policies/Broken.json",
            "error    line 1, column 13: not JSON: Expecting value",
            "",
            f"== {folder}/policies/Old.json",
            "warning  no guardrail names this document",
            (
                f"{folder}/baseline.toml and 2 documents: 2 errors, 1 warning. "
                "Next: correct the errors and validate again; do not deploy before."
            ),
        ],
    )


def test_warnings_alone_do_not_fail(folder: Path) -> None:
    (folder / "policies" / "Old.json").write_text("{}")
    code, out = printed(folder)
    assert (code, out.splitlines()[-1].partition("Next: ")[2]) == (
        0,
        "read the warnings, then commit and deploy.",
    )


def test_a_program_reads_a_list_of_findings(folder: Path) -> None:
    declared(folder, guardrail(targets=["Workloads"]))
    code, out = printed(folder, as_json=True)
    expected = '"any" or a list of the ids of roots, OUs and accounts'
    assert (code, json.loads(out)) == (
        1,
        [
            {
                "severity": "error",
                "file": "baseline.toml",
                "where": "guardrail[0].targets[0]",
                "message": f"got 'Workloads', expected {expected}",
                "value": "'Workloads'",
                "expected": expected,
            }
        ],
    )


def test_a_program_reads_an_empty_list_where_all_is_fine(folder: Path) -> None:
    assert printed(folder, as_json=True) == (0, "[]\n")


def test_a_name_cannot_steer_the_terminal(folder: Path) -> None:
    full = guardrail(name="\x1b[2J\u202e", document="policies/Full.json")
    _, out = printed(declared(folder, full))
    assert all(character.isprintable() for character in out.replace("\n", ""))
    assert "\\x1b[2J\\u202e (p-7dj3cien) allows" in out


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("organization =", "line 1, column 15", "not TOML: Invalid value"),
        ("a = 1\na = 2", "line 2, column 6", "not TOML: Cannot overwrite a value"),
    ],
)
def test_a_text_that_is_no_toml_is_named_by_its_line(text: str, where: str, message: str) -> None:
    # Python words the place of a text's end in its own way.
    [(told_where, told_message)] = told_of(text)
    assert told_message == message
    assert told_where in (where, "end of document")


def test_a_baseline_that_is_missing_is_named(tmp_path: Path) -> None:
    assert told(validate(tmp_path).findings) == [
        (
            "error",
            "baseline.toml",
            "",
            f"{tmp_path.name}/baseline.toml cannot be read: No such file or directory",
        )
    ]


def test_a_missing_document_is_named(folder: Path) -> None:
    (folder / "policies" / "Deny.json").unlink()
    message = f"{folder.name}/policies/Deny.json cannot be read: No such file or directory"
    assert told(validate(folder).findings) == [("error", "baseline.toml", "guardrail[0].document", message)]


def test_a_missing_document_is_named_from_within_the_folder_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "policies" / "Deny.json").unlink()
    monkeypatch.chdir(folder)
    message = f"{folder.name}/policies/Deny.json cannot be read: No such file or directory"
    assert told(validate(Path()).findings) == [("error", "baseline.toml", "guardrail[0].document", message)]


def test_a_document_outside_of_the_folder_is_not_read(folder: Path) -> None:
    (folder / "baseline.toml").write_text(toml(guardrail(document="../Deny.json")))
    (folder.parent / "Deny.json").write_text(policy(DENY))
    assert (
        "error",
        "baseline.toml",
        "guardrail[0].document",
        f"'../Deny.json' lies outside of {folder.name}/",
    ) in told(validate(folder).findings)


def test_a_loop_of_links_is_a_finding(folder: Path) -> None:
    (folder / "policies" / "Loop.json").symlink_to("Loop.json")
    (folder / "baseline.toml").write_text(toml(guardrail(document="policies/Loop.json")))
    assert [finding.where for finding in validate(folder).findings if finding.severity is Severity.ERROR] == [
        "guardrail[0].document"
    ]


TARGETS_EXPECTED = '"any" or a list of the ids of roots, OUs and accounts'
ROLE = "arn:aws:iam::111122223333:role/guardrail-pipeline"


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        (
            toml(guardrail(), organization="o-x"),
            "organization",
            "got 'o-x', expected an organization's id (o-…)",
        ),
        (toml(), "guardrail", "got nothing, expected at least one [[guardrail]]"),
        (toml(guardrail()) + "[owner]", "owner", "no such key here"),
        (toml(guardrail(policy="p-x")), "guardrail[0].policy", "got 'p-x', expected a policy's id (p-…)"),
        (toml(guardrail(policy=None)), "guardrail[0].policy", "got nothing, expected a policy's id (p-…)"),
        (toml(guardrail(name="a\nb")), "guardrail[0].name", "got 'a\\nb', expected the policy's name"),
        (
            toml(guardrail(type="SCP")),
            "guardrail[0].type",
            f"got 'SCP', expected one of {', '.join(PolicyType)}",
        ),
        (toml(guardrail(targets=[])), "guardrail[0].targets", f"got [], expected {TARGETS_EXPECTED}"),
        (toml(guardrail(targets="all")), "guardrail[0].targets", f"got 'all', expected {TARGETS_EXPECTED}"),
        (
            toml(guardrail(targets=["r-exme", 338583429068])),
            "guardrail[0].targets[1]",
            f"got 338583429068, expected {TARGETS_EXPECTED}",
        ),
        (
            toml(guardrail(targets=["r-exme", "r-exme"])),
            "guardrail[0].targets[1]",
            "got 'r-exme', expected each target once",
        ),
        (
            toml(guardrail(document="policies/Deny.txt")),
            "guardrail[0].document",
            "got 'policies/Deny.txt', expected the path of a JSON file beside the baseline",
        ),
        (
            toml(guardrail(document="policies/Lost.json")),
            "guardrail[0].document",
            "guardrails/policies/Lost.json cannot be read: No such file or directory",
        ),
        (toml(guardrail(owner="me")), "guardrail[0].owner", "no such key here"),
        (
            toml(guardrail(description="x" * 513)),
            "guardrail[0].description",
            f"got '{'x' * 199}…, expected the policy's description",
        ),
        (
            toml(guardrail(), guardrail(name="Other")),
            "guardrail[1].policy",
            "got 'p-7dj3cien', expected each policy once",
        ),
        (
            toml(guardrail(), guardrail(policy="p-8dj3cien")),
            "guardrail[1].name",
            (
                "got 'DenyDeletingBuckets', expected another name: two policies of the type "
                "SERVICE_CONTROL_POLICY never have the same"
            ),
        ),
        (
            toml(guardrail(), roles=[{"role": "pipeline"}]),
            "sanctioned_principal[0].role",
            "got 'pipeline', expected the whole ARN of an IAM role",
        ),
        (
            toml(guardrail(), roles=[{"role": ROLE, "id": "AIDAEXAMPLEALICE00001"}]),
            "sanctioned_principal[0].id",
            "got 'AIDAEXAMPLEALICE00001', expected a role's unique id (AROA…)",
        ),
        (
            toml(guardrail(), roles=[{"role": ROLE, "session": "x"}]),
            "sanctioned_principal[0].session",
            "no such key here",
        ),
        (
            toml(guardrail(), rivals=[{"role": "accelerator"}]),
            "rival_principal[0].role",
            "got 'accelerator', expected the whole ARN of an IAM role",
        ),
        (
            toml(guardrail(), rivals=[{"role": ROLE, "id": "AIDAEXAMPLEALICE00001"}]),
            "rival_principal[0].id",
            "got 'AIDAEXAMPLEALICE00001', expected a role's unique id (AROA…)",
        ),
        (
            toml(guardrail(), rivals=[{"role": ROLE, "hours": 1}]),
            "rival_principal[0].hours",
            "no such key here",
        ),
    ],
)
def test_a_mistake_in_the_baseline_is_named(text: str, where: str, message: str) -> None:
    assert told_of(text) == [(where, message)]


def test_a_role_that_is_sanctioned_twice_is_a_warning() -> None:
    findings = read_baseline(
        toml(guardrail(), roles=[{"role": ROLE}, {"role": ROLE}]).encode(), document
    ).findings
    assert [(finding.severity, finding.where) for finding in findings] == [
        (Severity.WARNING, "sanctioned_principal[0].role"),
        (Severity.WARNING, "sanctioned_principal[1].role"),
    ]


def test_a_role_that_is_a_rival_twice_is_a_warning() -> None:
    findings = read_baseline(
        toml(guardrail(), rivals=[{"role": ROLE}, {"role": ROLE}]).encode(), document
    ).findings
    assert [(finding.severity, finding.where, finding.message) for finding in findings] == [
        (Severity.WARNING, f"rival_principal[{index}].role", "this role is a rival more than once")
        for index in (0, 1)
    ]


def test_two_types_may_have_policies_of_one_name() -> None:
    tags = guardrail(policy="p-8dj3cien", type="TAG_POLICY", document="policies/Tags.json")
    assert told_of(toml(guardrail(), tags)) == []


def test_all_mistakes_are_listed_at_once() -> None:
    broken = guardrail(policy="p-x", name="", type="SCP", targets=["x"], document="x", owner="me")
    text = toml(broken, organization="o-x", roles=[{"role": "x", "id": "x"}])
    assert [where for where, _ in told_of(text)] == [
        "organization",
        "sanctioned_principal[0].role",
        "sanctioned_principal[0].id",
        *(f"guardrail[0].{key}" for key in ("policy", "name", "type", "targets[0]", "document", "owner")),
    ]


def test_a_document_is_checked_once_for_each_type_that_it_is_used_for() -> None:
    text = toml(
        guardrail(document="policies/Rcp.json"),
        guardrail(policy="p-8dj3cien", name="Other", document="policies/Rcp.json"),
        guardrail(policy="p-9dj3cien", type="RESOURCE_CONTROL_POLICY", document="policies/Rcp.json"),
    )
    assert [where for where, _ in told_of(text)] == ["Statement[0].Principal"]


GOOD_VALUES: dict[str, list[Any]] = {
    "policy": ["p-7dj3cien", "p-8dj3cien", "p-FullAWSAccess"],
    "name": ["A", "B", "x" * 128],
    "type": ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "TAG_POLICY"],
    "targets": ["any", ["r-exme"], ["ou-exme-ycaqk99w", "338583429068"]],
    "document": ["policies/Deny.json", "policies/Rcp.json", "policies/Tags.json"],
    "description": [None, "", "two\nlines"],
}
ODD_VALUES: list[Any] = [
    *(None, "", "x", "any", "a\nb", 7, 1.5, True, [], ["r-exme", "r-exme"], [7], ["r-exme", "x"], {}),
    *("x" * 600, "p-7dj3cien\n", "p-" + "x" * 129, "SCP", "../Deny.json"),
    *("policies/Broken.json", "policies/Lost.json", "policies/Rcp.json", "policies/Deny.txt"),
]
GOOD_GUARDRAILS = [
    guardrail(),
    guardrail(policy="p-8dj3cien", type="RESOURCE_CONTROL_POLICY", document="policies/Rcp.json"),
    guardrail(policy="p-9dj3cien", type="TAG_POLICY", targets="any", document="policies/Tags.json"),
]
ALL_VALUES = [*ODD_VALUES, *(value for values in GOOD_VALUES.values() for value in values)]
KEYS = [*GOOD_VALUES, "owner"]
CHANGES = st.tuples(st.integers(0, 2), st.sampled_from(KEYS), st.sampled_from(ALL_VALUES))
ODD_ROLES: list[dict[str, Any]] = [
    *({"role": role} for role in (ROLE, ROLE + "\n", "x", 7)),
    *(
        {"role": ROLE, "id": role_id}
        for role_id in ("AROAEXAMPLEPIPELINE01", "AROAEXAMPLEPIPELINE01\n", "AIDA", 7)
    ),
    {"id": "AROAEXAMPLEPIPELINE01"},
    {"role": ROLE, "session": "x"},
]


def changed(
    changes: list[tuple[int, str, Any]],
    organization: object,
    roles: list[dict[str, Any]],
    rivals: list[dict[str, Any]],
) -> str:
    """Spell a good baseline with some values changed."""
    tables = [dict(table) for table in GOOD_GUARDRAILS]
    for index, key, value in changes:
        tables[index][key] = value
    spelled = (guardrail(**table) for table in tables)
    return toml(*spelled, organization=organization, roles=roles, rivals=rivals)


ANY_BASELINE = st.builds(
    changed,
    st.lists(CHANGES, max_size=2),
    st.sampled_from(["o-far1coz49w"] * 9 + ["o-x", 7]),
    st.lists(st.sampled_from(ODD_ROLES), max_size=1),
    st.lists(st.sampled_from(ODD_ROLES), max_size=1),
)


def is_loaded(text: bytes) -> bool:
    """Return whether the deployed code takes a baseline."""
    try:
        parse_baseline(text, document)
    except (BaselineError, ValueError, RecursionError):
        return False
    return True


def is_accepted(text: bytes) -> bool:
    """Return whether validation has no error."""
    return not any(finding.severity is Severity.ERROR for finding in read_baseline(text, document).findings)


def test_whatever_one_value_becomes_what_is_accepted_is_loaded() -> None:
    texts = [
        *(
            changed([(index, key, value)], "o-far1coz49w", [], [])
            for index in (0, 2)
            for key in KEYS
            for value in ALL_VALUES
        ),
        *(changed([], "o-far1coz49w", [role], []) for role in ODD_ROLES),
        *(changed([], "o-far1coz49w", [], [role]) for role in ODD_ROLES),
        *(changed([], organization, [], []) for organization in ("o-x", "o-far1coz49w\n", 7)),
    ]
    accepted = [text for text in texts if is_accepted(text.encode())]
    assert [text for text in accepted if not is_loaded(text.encode())] == []
    assert 0 < len(accepted) < len(texts)


@given(ANY_BASELINE)
def test_what_is_accepted_is_loaded(text: str) -> None:
    assert is_loaded(text.encode()) or not is_accepted(text.encode())


@given(st.binary(max_size=60) | st.text("[]{}\"'=.,#\\guardil \n0x1-:TZ", max_size=60).map(str.encode))
@example(b"a = " + b"[" * 100_000)
@example(b"a = " + b"9" * 5_000)
@example(b"guardrail = 0x" + b"f" * 5_000)
def test_no_bytes_are_too_strange_for_a_baseline(text: bytes) -> None:
    assert is_loaded(text) or not is_accepted(text)


@given(
    st.lists(
        st.fixed_dictionaries({name: st.sampled_from(values) for name, values in GOOD_VALUES.items()}),
        min_size=1,
        max_size=2,
        unique_by=(lambda table: table["policy"], lambda table: table["name"]),
    )
)
def test_what_is_loaded_has_no_finding_about_its_keys(tables: list[dict[str, Any]]) -> None:
    roles = [{"role": ROLE, "id": "AROAEXAMPLEPIPELINE01"}, {"role": ROLE + "-2"}]
    text = toml(*(guardrail(**table) for table in tables), roles=roles)
    findings = read_baseline(text.encode(), document).findings
    assert is_loaded(text.encode())
    assert [finding for finding in findings if finding.file == "baseline.toml"] == []


def test_what_the_loader_alone_refuses_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise BaselineError("as it said")

    monkeypatch.setattr("holdfast_cli.validate.load_baseline", refuse)
    assert told(validate(folder).findings) == [("error", "baseline.toml", "", "as it said")]

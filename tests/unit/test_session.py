from __future__ import annotations

import pytest
from botocore.stub import Stubber

from holdfast_cli.session import Session, before_each_call


@pytest.fixture(autouse=True)
def _signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    for variable in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(variable, raising=False)


def test_something_happens_before_each_page_that_a_paginator_reads() -> None:
    client = Session("http://127.0.0.1:1").client("organizations")
    calls: list[str] = []
    before_each_call(client, calls.append)

    with Stubber(client) as stubber:
        stubber.add_response("list_roots", {"Roots": [], "NextToken": "more"})
        stubber.add_response("list_roots", {"Roots": []})
        list(client.get_paginator("list_roots").paginate())

    assert calls == ["ListRoots", "ListRoots"]


@pytest.mark.parametrize(
    ("endpoint_url", "seconds"),
    [(None, [0.8, 0.8]), ("http://127.0.0.1:4566", []), ("http://localhost:4566", [])],
    ids=["AWS", "this machine", "this machine by its name"],
)
def test_organizations_is_read_at_a_quarter_of_its_rate_and_an_embedded_aws_at_once(
    endpoint_url: str | None, seconds: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ListParents may be called five times a second."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    monkeypatch.setattr("time.monotonic", lambda: sum(waits))
    client = Session(endpoint_url).organizations()

    with Stubber(client) as stubber:
        for _ in range(3):
            stubber.add_response("list_parents", {"Parents": []})
            client.list_parents(ChildId="111122223333")

    assert waits == pytest.approx(seconds)


def test_without_a_region_it_is_the_commercial_partition() -> None:
    assert Session().client("organizations").meta.endpoint_url == (
        "https://organizations.us-east-1.amazonaws.com"
    )

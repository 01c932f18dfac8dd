from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from holdfast.attachment import PolicyType
from holdfast.baseline import Baseline
from holdfast.errors import ServiceBusyError, ServiceRefusedError
from holdfast.exemption import ALL, PATH, Exemptions, Parameter, sort_out
from holdfast.exemption_store import ExemptionStore
from holdfast.reconciliation.drift import (
    Drift,
    Exempt,
    Plan,
    Search,
    Stage,
    Unheeded,
    lost_placements,
    parse_search,
    plan_restoration,
)
from holdfast.reconciliation.exempting import (
    BROKEN,
    NAMED,
    are_wanted,
    leave_what_is_exempt,
    read_exemptions,
)
from holdfast.reconciliation.trigger import Scope, ScopeKind
from holdfast.settings import Restoring
from tests.unit.examples import ALLOW_ONLY_EU, DENY_REGIONS, NOW, ROOT, SANDBOX, WORKLOADS, example_baseline
from tests.unit.test_drift import large_baseline

SCP = PolicyType.SERVICE_CONTROL_POLICY
BASELINE = example_baseline()
EVERYTHING = Restoring(attachments=True, policy_types=True, policies=True)
ON_WORKLOADS = f"{PATH}/{DENY_REGIONS}/{WORKLOADS}"
MISSING = Drift(missing=(7,))
"""DenyUnapprovedRegions is not on Workloads."""


class WrittenExemptions(ExemptionStore):
    """The parameters that a test writes, or the error that they are refused with."""

    def __init__(self, *written: Parameter) -> None:
        self.written: tuple[Parameter, ...] | Exception = written
        self.reads = 0

    def read_all(self) -> tuple[Parameter, ...]:
        """Return what is written."""
        self.reads += 1
        if isinstance(self.written, Exception):
            raise self.written
        return self.written


def written(
    name: str, changed_at: datetime = NOW, hours: float = 2, reason: str = "the region moves"
) -> Parameter:
    """Return a parameter that ends some hours after its change."""
    until = (changed_at + timedelta(hours=hours)).isoformat()
    value = json.dumps({"until": until, "reason": reason, "ticket": "CHG-7"})
    return Parameter(name, "String", value, changed_at)


def exemptions(*names: str) -> Exemptions:
    return sort_out(written(name) for name in names)


def exempt(name: str, *placements: int) -> Exempt:
    return Exempt(name, NOW + timedelta(hours=2), "the region moves", "CHG-7", placements)


def left(drift: Drift, *names: str, baseline: Baseline = BASELINE, later: timedelta = timedelta()) -> Drift:
    return leave_what_is_exempt(drift, baseline, exemptions(*names), NOW + later)


def test_what_is_off_under_an_exemption_is_not_missing() -> None:
    assert left(MISSING, ON_WORKLOADS) == Drift(exempt=(exempt(ON_WORKLOADS, 7),))


@pytest.mark.parametrize("name", [f"{PATH}/{DENY_REGIONS}", ALL])
def test_an_exemption_of_a_policy_and_one_of_everything_count_too(name: str) -> None:
    assert left(MISSING, name) == Drift(exempt=(exempt(name, 7),))


@pytest.mark.parametrize("name", [f"{PATH}/{DENY_REGIONS}/{ROOT}", f"{PATH}/p-another001"])
def test_an_exemption_of_something_else_does_not_count(name: str) -> None:
    assert left(MISSING, name) == MISSING


def test_at_its_end_what_is_off_is_missing() -> None:
    before, end = timedelta(hours=2, seconds=-1), timedelta(hours=2)
    assert left(MISSING, ON_WORKLOADS, later=before).missing == ()
    assert left(MISSING, ON_WORKLOADS, later=end) == MISSING


def test_what_is_lost_with_its_type_or_its_policy_may_be_off_as_well() -> None:
    lost = Drift(disabled=(SCP,), gone=(2,))
    assert left(lost, ON_WORKLOADS) == replace(lost, exempt=(exempt(ON_WORKLOADS, 7),))


def test_what_the_fast_path_waits_with_and_what_is_sanctioned_is_told_as_exempt() -> None:
    drift = Drift(in_progress=(7,), sanctioned=(1, 8))
    assert left(drift, ALL) == Drift(exempt=(exempt(ALL, 1, 7, 8),))


def test_an_attachment_to_a_target_that_is_gone_is_not_exempt_but_gone() -> None:
    drift = Drift(gone=(2,), gone_targets=(7,))
    assert left(drift, ALL).exempt_placements == frozenset()


def test_a_policy_made_again_is_exempt_by_the_declared_id_and_by_its_own() -> None:
    adopted = BASELINE.adopting({DENY_REGIONS: "p-new00001"})
    for policy_id in (DENY_REGIONS, "p-new00001"):
        name = f"{PATH}/{policy_id}/{WORKLOADS}"
        assert left(MISSING, name, baseline=adopted) == Drift(exempt=(exempt(name, 7),))


def test_each_exemption_is_told_with_what_is_off_under_it() -> None:
    drift = Drift(missing=(0, 1, 7))
    assert left(drift, ON_WORKLOADS, f"{PATH}/p-7xfb7xkf") == Drift(
        missing=(0,), exempt=(exempt(ON_WORKLOADS, 7), exempt(f"{PATH}/p-7xfb7xkf", 1))
    )


def test_what_is_exempt_is_neither_lost_nor_planned() -> None:
    lost = left(Drift(disabled=(SCP,), gone=(2,)), ON_WORKLOADS, f"{PATH}/p-lp0dxjlp")
    whole = Drift(disabled=(SCP,), gone=(2,))
    apart = set(lost_placements(whole, BASELINE)) - set(lost_placements(lost, BASELINE))
    assert apart == lost.exempt_placements == {0, 7}
    plan = plan_restoration(lost, BASELINE, EVERYTHING)
    assert (plan.types, plan.policies) == ((SCP,), (2,))
    assert not {number for chunk in plan.chunks for number in chunk} & {0, 7}
    assert plan_restoration(left(MISSING, ON_WORKLOADS), BASELINE, EVERYTHING) == Plan()


def test_what_is_sanctioned_or_exempt_is_tolerated_and_not_clean() -> None:
    tolerated = Drift(sanctioned=(1,), exempt=(exempt(ALL, 7),), in_progress=(2,))
    assert (tolerated.is_clean, tolerated.is_tolerated) == (False, True)
    assert not replace(tolerated, missing=(3,)).is_tolerated
    assert (Drift().is_clean, Drift().is_tolerated) == (True, True)


@pytest.mark.parametrize(
    ("drift", "scope", "wanted"),
    [
        (Drift(), Scope(ScopeKind.ALL), True),
        (Drift(), Scope(ScopeKind.POLICY, DENY_REGIONS), False),
        (Drift(changed=(2,)), Scope(ScopeKind.POLICY, DENY_REGIONS), False),
        *(
            (drift, Scope(ScopeKind.POLICY, DENY_REGIONS), True)
            for drift in (MISSING, Drift(gone=(2,)), Drift(in_progress=(7,)), Drift(sanctioned=(7,)))
        ),
    ],
)
def test_they_are_read_where_something_is_off_and_in_a_look_at_everything(
    drift: Drift, scope: Scope, *, wanted: bool
) -> None:
    assert are_wanted(drift, BASELINE, scope) is wanted


def test_what_is_no_exemption_is_kept_to_be_told() -> None:
    good, bad = written(ON_WORKLOADS), written(ALL, hours=169)
    read, unheeded = read_exemptions(lambda: (good, bad))
    assert read == sort_out((good, bad))
    assert unheeded == Unheeded(broken=read.broken)
    assert [broken.name for broken in unheeded.broken] == [ALL]


def test_a_refused_read_exempts_nothing_and_is_kept_to_be_told() -> None:
    store = WrittenExemptions()
    store.written = ServiceRefusedError("ssm", "GetParametersByPath", "AccessDeniedException", "no")
    assert read_exemptions(store.read_all) == (
        Exemptions(),
        Unheeded(refused="ssm GetParametersByPath: AccessDeniedException: no"),
    )


def test_a_read_that_may_succeed_later_is_made_again() -> None:
    store = WrittenExemptions()
    store.written = ServiceBusyError("ssm", "GetParametersByPath", "ThrottlingException", "slow down")
    with pytest.raises(ServiceBusyError):
        read_exemptions(store.read_all)


LARGE = large_baseline(guardrails=200, targets=25)


def test_a_thousand_exemptions_of_five_thousand_attachments_fit_into_the_document() -> None:
    """And those that are not told by name are told by number."""
    words = "x" + "\N{PARTY POPPER}" * 499
    targets = [f"{PATH}/{LARGE.attachment_at(placement).pair}" for placement in LARGE.placements]
    policies = [f"{PATH}/{guardrail.policy_id}" for guardrail in LARGE.guardrails]
    good = [
        *(written(name, reason=words) for name in policies),
        *(written(name, hours=1) for name in targets[:400]),
    ]
    bad = [written(f"/holdfast/exemptions/{'x' * 900}/{number}", reason=words) for number in range(400)]
    read, unheeded = read_exemptions(lambda: (*good, *bad))
    drift = leave_what_is_exempt(Drift(missing=tuple(range(5_000))), LARGE, read, NOW)
    search = Search(Stage.DRIFTED, NOW, drift=drift, unheeded=unheeded)

    document = json.dumps(search.to_document())

    assert len(drift.exempt_placements) == 5_000
    assert (len(drift.exempt), drift.exempt[-1].exemptions) == (NAMED + 1, 200 - NAMED)
    assert (len(unheeded.broken), unheeded.more) == (BROKEN, 400 - BROKEN)
    assert len(document) < 75_000
    assert parse_search(json.loads(document)) == search


def test_a_document_from_before_there_were_exemptions_is_understood() -> None:
    search = Search(Stage.DRIFTED, NOW, drift=MISSING)
    document = search.to_document()
    del document["drift"]["exempt"], document["unheeded"]
    assert parse_search(document) == search


def test_an_exempt_attachment_of_an_allow_list_stays_off() -> None:
    """Index 6 is AllowOnlyEu on Sandbox."""
    number = next(
        index
        for index, placement in enumerate(BASELINE.placements)
        if BASELINE.attachment_at(placement).policy_id == ALLOW_ONLY_EU
    )
    name = f"{PATH}/{ALLOW_ONLY_EU}/{SANDBOX}"
    assert left(Drift(missing=(number,)), name) == Drift(exempt=(exempt(name, number),))

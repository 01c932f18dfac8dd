"""Reports whose every outside word comes from Hypothesis, and their tame twins."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from holdfast.attachment import Attachment, PolicySummary, PolicyType
from holdfast.detachment import Detachment
from holdfast.exemption import BrokenExemption, Exemption, names_for
from holdfast.failures import EXPLANATIONS
from holdfast.fight import Fight, Round
from holdfast.incident import AttachResult, Failure, Leave, Observation, Reattachment
from holdfast.outcome import Conclusion, Outcome, TextCheck
from holdfast.principal import Principal
from holdfast.report import Holder, Report
from holdfast.surroundings import Surroundings
from holdfast.verdict import Reason
from tests.unit import examples
from tests.unit.examples import CONFIRMED, DETACHED, EVENT_ID, EXECUTION, NOW, ORGANIZATION, TOLD
from tests.unit.outside import WORDS

ACCESS_KEY = "ASIAIOSFODNN7EXAMPLE"
MAYBE_WORDS = st.none() | WORDS
KINDS = st.sampled_from(["AssumedRole", "IAMUser", "Root", "FederatedUser", "AWSService", "Unknown"])

PRINCIPALS = st.builds(
    Principal,
    kind=KINDS,
    arn=st.sampled_from(
        [
            None,
            "arn:aws:iam::111122223333:role/developer",
            "arn:aws:iam::111122223333:user/:role/alice",
        ]
    ),
    name=MAYBE_WORDS,
    account_id=MAYBE_WORDS,
    session_name=MAYBE_WORDS,
    source_identity=MAYBE_WORDS,
    mfa=st.none() | st.booleans(),
    access_key_id=st.sampled_from([None, ACCESS_KEY]) | WORDS,
    invoked_by=MAYBE_WORDS,
)
DETACHMENTS = st.builds(
    Detachment,
    attachment=st.sampled_from(
        [
            Attachment("p-7dj3cien", "ou-exme-ycaqk99w"),
            Attachment("p-lp0dxjlp", "r-exme"),
            Attachment("p-cg404d5t", "338583429068"),
        ]
    ),
    event_id=st.just(EVENT_ID),
    event_time=st.just(DETACHED),
    account_id=st.just("111122223333"),
    principal=PRINCIPALS,
    source_ip=MAYBE_WORDS,
    user_agent=MAYBE_WORDS,
    replayed=st.booleans(),
)
OBSERVATIONS = st.builds(Observation, attached=st.booleans(), at=st.just(NOW))
HOLDERS = st.builds(
    Holder,
    policy=st.builds(PolicySummary, st.just("p-allowlist01"), WORDS, st.booleans()),
    in_baseline=st.booleans(),
)
EXEMPTIONS = st.builds(
    Exemption,
    name=st.sampled_from(names_for(Attachment("p-7dj3cien", "ou-exme-ycaqk99w"))),
    until=st.just(TOLD + timedelta(hours=2)),
    reason=WORDS,
    ticket=MAYBE_WORDS,
    changed_at=st.just(DETACHED),
)
LEAVES = st.builds(
    Leave,
    exemption=st.none() | EXEMPTIONS,
    ended=st.none() | EXEMPTIONS,
    ignored=st.lists(st.builds(BrokenExemption, st.just(examples.BROKEN.name), WORDS), max_size=2).map(tuple),
    unread=MAYBE_WORDS,
)
ROUNDS = st.builds(
    Round,
    at=st.just(DETACHED),
    call_id=st.just(EVENT_ID),
    principal_key=WORDS,
    principal=st.none() | PRINCIPALS,
    outcome=st.sampled_from(Outcome).map(str),
    verified=st.booleans(),
)
FIGHTS = st.builds(Fight, rounds=st.lists(ROUNDS, min_size=3, max_size=60).map(tuple), muted=st.booleans())
REPORTS = st.builds(
    Report,
    conclusion=st.builds(
        Conclusion,
        st.sampled_from(Outcome),
        st.none() | st.timedeltas(min_value=timedelta(), max_value=timedelta(days=40)),
    ),
    execution_arn=st.just(EXECUTION),
    organization=st.just(ORGANIZATION),
    baseline_version=st.sampled_from([None, "0123456789ab"]),
    detachment=st.none() | DETACHMENTS,
    raw_event=MAYBE_WORDS,
    policy_name=MAYBE_WORDS,
    live_name=MAYBE_WORDS,
    policy_type=st.none() | st.sampled_from(PolicyType),
    declared_id=st.sampled_from([None, "p-lp0dxjlp"]),
    judged=st.booleans(),
    protected=st.none() | st.booleans(),
    sanctioned=st.booleans(),
    stale=st.booleans(),
    widened=st.booleans(),
    text=st.sampled_from(TextCheck),
    observed=st.none() | OBSERVATIONS,
    reattachment=st.none() | st.builds(Reattachment, st.sampled_from(AttachResult), st.just(NOW), st.just(0)),
    confirmed_at=st.sampled_from([None, CONFIRMED]),
    failure=st.none() | st.builds(Failure, st.sampled_from(sorted(EXPLANATIONS)) | WORDS, WORDS),
    attached_now=st.none() | OBSERVATIONS,
    holders=st.lists(HOLDERS, max_size=3).map(tuple),
    surroundings=st.builds(
        Surroundings,
        name=MAYBE_WORDS,
        path=st.none() | st.lists(WORDS, min_size=1, max_size=5).map(tuple),
        accounts=st.none() | st.integers(0, 50_000),
    ),
    told_at=st.just(TOLD),
    reason=st.none() | st.sampled_from(Reason),
    leave=LEAVES,
    fight=st.none() | FIGHTS,
    ledger_unread=MAYBE_WORDS,
)
"""What Describe Outcome could ever have to tell, and more."""

_NOT_YET_JUDGED = ("failed_to_judge", "failed_to_read_the_event")
_JUDGED = {
    name: report if name in _NOT_YET_JUDGED else replace(report, judged=True, protected=True)
    for name, report in examples.REPORTS.items()
}
RESTORED = _JUDGED["restored"]
EXAMPLES = {
    **_JUDGED,
    "already_attached": replace(_JUDGED["already_attached"], stale=True),
    "sanctioned": replace(_JUDGED["sanctioned"], sanctioned=True),
    "restored_under_a_new_id": replace(RESTORED, declared_id="p-wasdeleted1"),
    "restored_without_text_check": replace(
        RESTORED,
        conclusion=Conclusion(Outcome.RESTORED_WITHOUT_TEXT_CHECK, timedelta(seconds=42)),
        text=TextCheck.NOT_COMPARED,
        live_name=None,
    ),
    "alert_only_with_changed_text": replace(_JUDGED["alert_only"], text=TextCheck.CHANGED),
    "alert_only_with_widened_text": replace(_JUDGED["alert_only"], text=TextCheck.CHANGED, widened=True),
    "failed_to_judge_what_is_not_in_the_baseline": replace(
        _JUDGED["failed_to_judge"],
        baseline_version="0123456789ab",
        protected=False,
        failure=Failure("Lambda.TooManyRequestsException", "Rate Exceeded."),
    ),
    "failed_to_judge_what_is_sanctioned": replace(
        _JUDGED["failed_to_judge"],
        baseline_version="0123456789ab",
        protected=True,
        sanctioned=True,
        policy_name="DenyLeaveOrganization",
        policy_type=PolicyType.SERVICE_CONTROL_POLICY,
        attached_now=Observation(attached=False, at=NOW),
        failure=Failure("Lambda.TooManyRequestsException", "Rate Exceeded."),
    ),
    "failed_after_attaching": replace(
        _JUDGED["failed_to_confirm"],
        attached_now=None,
        failure=Failure(
            "PermissionMissingError", "ListPoliciesForTarget: AccessDeniedException: not allowed"
        ),
    ),
}
"""A report of each kind, by the name of the mail that tells it."""


def failed(error: str, message: str = "as the API said") -> Report:
    """Return the report of a judged incident that ended with `error` before anything was attached."""
    return replace(examples.failed(error, message), judged=True, protected=True)


class _Tamer:
    """Gives every outside word a harmless one, equal words the same."""

    def __init__(self) -> None:
        self._harmless: dict[str, str] = {}

    def word(self, word: str) -> str:
        return self._harmless.setdefault(word, f"word {len(self._harmless)}") if word else word

    def maybe(self, word: str | None) -> str | None:
        return word and self.word(word)

    def detachment(self, detachment: Detachment) -> Detachment:
        principal = detachment.principal
        key = principal.access_key_id
        return replace(
            detachment,
            principal=replace(
                principal,
                name=self.maybe(principal.name),
                account_id=self.maybe(principal.account_id),
                session_name=self.maybe(principal.session_name),
                source_identity=self.maybe(principal.source_identity),
                invoked_by=self.maybe(principal.invoked_by),
                access_key_id=key if key == ACCESS_KEY else self.maybe(key),
            ),
            source_ip=self.maybe(detachment.source_ip),
            user_agent=self.maybe(detachment.user_agent),
        )

    def failure(self, failure: Failure) -> Failure:
        error = failure.error if failure.error in EXPLANATIONS else self.word(failure.error)
        return Failure(error, self.word(failure.message))

    def holder(self, holder: Holder) -> Holder:
        return replace(holder, policy=replace(holder.policy, name=self.word(holder.policy.name)))


def tamed(report: Report) -> Report:
    """Return the report with a harmless word in the place of every outside word, and all else as it was.

    A text about it may differ from a text about the report inside of quotation marks, and nowhere else.
    """
    tamer, place = _Tamer(), report.surroundings
    return replace(
        report,
        detachment=report.detachment and tamer.detachment(report.detachment),
        raw_event=tamer.maybe(report.raw_event),
        policy_name=tamer.maybe(report.policy_name),
        live_name=tamer.maybe(report.live_name),
        failure=report.failure and tamer.failure(report.failure),
        holders=tuple(map(tamer.holder, report.holders)),
        surroundings=replace(
            place, name=tamer.maybe(place.name), path=place.path and tuple(map(tamer.word, place.path))
        ),
    )


def outside_of_quotes(text: str) -> str:
    """Return a text without the words that it quotes."""
    return re.sub("“[^“”]*”", "“”", text)


def inside_of_quotes(text: str) -> list[str]:
    """Return the words that a text quotes."""
    return re.findall("“([^“”]*)”", text)

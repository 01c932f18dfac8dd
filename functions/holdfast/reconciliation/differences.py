"""The findings about guardrails: how the live organization differs from the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from holdfast.attachment import Attachment, PolicyType, TargetKind, target_kind
from holdfast.baseline import Baseline, Guardrail
from holdfast.exempting import PERMIT, grant_command
from holdfast.failures import EXPLANATIONS, explain
from holdfast.outcome import Severity
from holdfast.quotas import QUOTAS
from holdfast.reconciliation.drift import (
    Author,
    Drift,
    Impostor,
    Moved,
    Namesake,
    Renamed,
    Stranger,
    lost_placements,
)
from holdfast.reconciliation.exemption_findings import exempt_finding
from holdfast.reconciliation.fates import (
    ATTACHMENTS_SWITCH,
    MENDED,
    POLICIES_SWITCH,
    TYPES_SWITCH,
    Done,
    Fate,
    Fates,
    Switches,
)
from holdfast.reconciliation.finding import (
    RECONCILE,
    SNAPSHOT,
    Finding,
    Kind,
    Names,
    author_of,
    authors_of,
    digest,
    guardrail_words,
    target_words,
    why,
)
from holdfast.reconciliation.run import Coverage, Reconciliation
from holdfast.reconciliation.sentence import Outside, Sentence, counted, say

SUCCESSORS = "/holdfast/successors"
"""Where `holdfast.successors` writes; named here because that module needs boto3."""

COMMANDS = 5
"""Commands of one kind that a finding gives; for more there is `holdfast reconcile`."""


class Comparison:
    """Tell what differs, given what became of it.

    Parameters
    ----------
    run : Reconciliation
        The run at any stage.
    baseline : Baseline
        The baseline that its indices are for, successors adopted.
    switches : Switches or None
        What may be restored; None if the settings could not be read.
    names : Names
        What targets and policies are called.
    """

    def __init__(
        self, run: Reconciliation, baseline: Baseline, switches: Switches | None, names: Names
    ) -> None:
        self._run, self._baseline, self._names = run, baseline, names
        self._drift = run.search.drift if run.search else Drift()
        self._fates = Fates(run, baseline, switches)
        self._placements = baseline.placements
        self._authors = authors_of(run)

    def findings(self) -> Iterator[Finding]:
        """Yield one finding for each difference, or for each group of them that share guardrail and fate."""
        drift = self._drift
        yield from map(self._disabled, drift.disabled)
        yield from map(self._deleted, drift.gone)
        yield from map(self._namesake, drift.namesakes)
        yield from map(self._impostor, drift.impostors)
        yield from map(self._changed, drift.changed)
        yield from self._missing()
        yield from self._lost_anywhere()
        yield from self._sanctioned()
        for exempt in drift.exempt:
            yield exempt_finding(exempt, self._baseline, self._names, self._authors_of_detaches)
        yield from self._gone_targets()
        yield from map(self._strangers, drift.strangers)
        yield from map(self._moved, self._all_moved())
        yield from map(self._renamed, drift.renamed)
        yield from self._undeclared()
        if self._run.coverage and self._run.coverage.lost:
            yield self._coverage(self._run.coverage)

    def _disabled(self, policy_type: PolicyType) -> Finding:
        fate = self._fates.of_type(policy_type)
        lost = sum(
            self._guardrail(index).policy_type is policy_type
            for index in (self._placements[number].guardrail for number in self._lost())
        )
        return Finding(
            kind=Kind.TYPE_DISABLED,
            done=fate.done,
            severity=Severity.PAGE,
            subject=policy_type.value,
            title=say(
                f"policy type {policy_type} ",
                _by_fate(
                    fate,
                    restored="was disabled",
                    failed="is disabled and could not be switched on",
                    standing="is disabled",
                ),
            ),
            meaning=self._meaning_of_disabling(policy_type),
            action=_action(
                fate,
                "Switched on again, confirmed.",
                f"switched the type on and attached {counted(lost, 'declared attachment')} of it again",
            ),
            remedy=_unless_mended(
                fate,
                "Switch the type on (command below), wait until it is ENABLED, and run holdfast reconcile, "
                f"which attaches its guardrails; it does both with {TYPES_SWITCH}=true and Mode=remediate.",
            ),
            commands=() if fate.done in MENDED else (self._enable(policy_type), RECONCILE),
            authors=self._authors_on([policy_type.value]),
            policy_types=(policy_type,),
            count=lost,
            failure=fate.failure,
        )

    def _meaning_of_disabling(self, policy_type: PolicyType) -> str:
        """Return what it means, also that switching a type on may allow more than before.

        Source: Organizations user guide, "Disabling a policy type": after that "the root reverts to only the
        default FullAWSAccess attached to all entities".
        """
        meaning = "Every attachment of the type in the whole organization was lost with it."
        default = QUOTAS[policy_type].default_policy
        allowing = [
            guardrail
            for guardrail in self._baseline.guardrails
            if guardrail.policy_type is policy_type and guardrail.document.allow_statements()
        ]
        if default is None or not allowing:
            return meaning
        return (
            f"{meaning} Switching it on attaches {default} everywhere: beside a guardrail that allows only "
            "some things it allows everything, and has to be detached by hand."
        )

    def _enable(self, policy_type: PolicyType) -> tuple[str, str]:
        root = self._root() or '"$(aws organizations list-roots --query "Roots[0].Id" --output text)"'
        command = f"aws organizations enable-policy-type --root-id {root} --policy-type {policy_type}"
        return "To switch it on", command

    def _root(self) -> str | None:
        """Return the root's id as the targets tell it: `ou-exmp-…` is below `r-exmp`.

        Source: Organizations API reference, OrganizationalUnit, the pattern of `Id`.
        """
        for placement in self._placements:
            kind = target_kind(placement.target_id)
            if kind is not TargetKind.ACCOUNT:
                return f"r-{placement.target_id.split('-')[1]}"
        return None

    def _deleted(self, index: int) -> Finding:
        fate, guardrail = self._fates.of_policy(index), self._guardrail(index)
        authors = self._authors_on(_ids(guardrail), ["DeletePolicy"])
        if not authors and len(self._drift.gone) == 1:
            # Of a policy that was made again before, neither the first id is deleted now nor the newest.
            authors = tuple(author for author in self._authors if author.event == "DeletePolicy")
        declared = guardrail.declared_id or guardrail.policy_id
        old = declared if fate.done in MENDED else guardrail.policy_id
        return Finding(
            kind=Kind.POLICY_DELETED,
            done=fate.done,
            severity=Severity.PAGE,
            subject=old,
            title=say(
                Outside(guardrail.name),
                f" ({old}) was deleted",
                _by_fate(fate, failed=" and could not be made again"),
            ),
            action=_action(fate, self._how_made_again(index), "made the policy again from its document"),
            remedy=say(_ADOPT)
            if fate.done in MENDED
            else say(
                f"Run holdfast reconcile with {POLICIES_SWITCH}=true and Mode=remediate; or create the "
                "policy from its document, attach it to its targets, and write its new id into the baseline."
            ),
            commands=(SNAPSHOT,) if fate.done in MENDED else (RECONCILE,),
            authors=authors,
            policy_ids=(guardrail.policy_id,),
            policy_types=(guardrail.policy_type,),
            failure=fate.failure,
        )

    def _how_made_again(self, index: int) -> str:
        policies = self._run.policies
        if policies is None or index not in {**policies.recreated, **policies.found}:
            return ""
        if index in policies.found:
            return (
                f"Found again as {policies.found[index]} with the declared text; it stands in its place now."
            )
        renamed = ", under another name, as its own is taken" if index in policies.renamed else ""
        return f"Made again as {policies.recreated[index]} with the declared text{renamed}."

    def _namesake(self, namesake: Namesake) -> Finding:
        guardrail, policies = self._guardrail(namesake.guardrail), self._run.policies
        renamed = policies is not None and namesake.guardrail in policies.renamed
        ours = "The guardrail was made again under another name. " if renamed else ""
        return Finding(
            kind=Kind.NAME_TAKEN,
            done=Done.REPORTED,
            severity=Severity.PAGE,
            subject=f"{guardrail.declared_id or guardrail.policy_id}/{namesake.policy_id}",
            title=say(
                f"{namesake.policy_id} has taken the name of the deleted guardrail ",
                Outside(guardrail.name),
                ", with another text",
            ),
            meaning="Whoever reads names only takes it for the guardrail.",
            action=say(f"{ours}Nothing was done to {namesake.policy_id}: Holdfast touches guardrails only."),
            remedy=say("Find out who made it and what it allows; rename or remove it by hand."),
            commands=(("To read it", f"aws organizations describe-policy --policy-id {namesake.policy_id}"),),
            authors=self._authors_on([namesake.policy_id]),
            policy_ids=(namesake.policy_id,),
            policy_types=(guardrail.policy_type,),
        )

    def _impostor(self, impostor: Impostor) -> Finding:
        guardrail, fate = self._guardrail(impostor.guardrail), self._fates.of_policy(impostor.guardrail)
        if fate.done is Done.BY_OTHERS:
            # The guardrail itself was right, but its place was not until Holdfast came to it.
            fate = Fate(Done.RESTORED)
        declared = guardrail.declared_id or guardrail.policy_id
        history = f"aws ssm get-parameter-history --name {SUCCESSORS}/{declared}"
        return Finding(
            kind=Kind.PLACE_TAKEN,
            done=fate.done,
            severity=Severity.PAGE,
            subject=f"{declared}/{impostor.policy_id}",
            title=say(
                f"{impostor.policy_id} was put in the place of the guardrail ",
                Outside(guardrail.name),
                f" ({declared}), and is not the policy that Holdfast made",
            ),
            meaning="Somebody wanted Holdfast to attach and to guard a policy of their choice.",
            action=_action(
                fate,
                f"The place was taken back. Nothing was done to {impostor.policy_id}.",
                "taken the place back",
            ),
            remedy=say(
                f"Find out who wrote the parameter {SUCCESSORS}/{declared} (PutParameter in CloudTrail), "
                "and who else may."
            ),
            commands=(("To see who wrote it", history),),
            policy_ids=(impostor.policy_id,),
            policy_types=(guardrail.policy_type,),
            failure=fate.failure,
        )

    def _changed(self, index: int) -> Finding:
        fate, guardrail = self._fates.of_policy(index), self._guardrail(index)
        authors = self._authors_on(_ids(guardrail), ["UpdatePolicy"])
        return Finding(
            kind=Kind.TEXT_CHANGED,
            done=fate.done,
            severity=Severity.PAGE,
            # A text that is changed once more is told at once.
            subject="/".join([guardrail.policy_id, *(author.event_id for author in authors[:1])]),
            title=say(
                "the text of ",
                guardrail_words(guardrail),
                _by_fate(
                    fate,
                    restored=" was not the declared one",
                    failed=" is not the declared one and could not be put back",
                    standing=" is not the declared one",
                ),
            ),
            action=_action(fate, "The declared text was put back, confirmed.", "put the declared text back"),
            remedy=_unless_mended(
                fate,
                "Compare the live text with the baseline's document and put it right (UpdatePolicy); "
                f"holdfast reconcile does it with {POLICIES_SWITCH}=true and Mode=remediate. If the change "
                "was planned, take a new snapshot.",
            ),
            commands=()
            if fate.done in MENDED
            else (
                ("To read it", f"aws organizations describe-policy --policy-id {guardrail.policy_id}"),
                SNAPSHOT,
            ),
            authors=authors,
            policy_ids=(guardrail.policy_id,),
            policy_types=(guardrail.policy_type,),
            failure=fate.failure,
        )

    def _lost(self) -> tuple[int, ...]:
        """Return the placements that are lost, without those that are told by themselves."""
        drift = self._drift
        apart = {*drift.in_progress, *drift.sanctioned, *drift.gone_targets}
        return tuple(number for number in lost_placements(drift, self._baseline) if number not in apart)

    def _missing(self) -> Iterator[Finding]:
        groups: dict[tuple[int, str, Fate], list[int]] = {}
        for number in self._lost():
            fate = self._fates.of_placement(number)
            if fate.done is not Done.TARGET_GONE:
                index = self._placements[number].guardrail
                groups.setdefault((index, self._fates.why_lost(number), fate), []).append(number)
        for (index, lost_with, fate), numbers in groups.items():
            yield self._missing_of(index, lost_with, fate, numbers)

    def _missing_of(self, index: int, lost_with: str, fate: Fate, numbers: Sequence[int]) -> Finding:
        guardrail = self._guardrail(index)
        targets = tuple(self._placements[number].target_id for number in numbers)
        mended = fate.done in MENDED
        where = target_words(targets[0], self._names) if len(targets) == 1 else f"{len(targets):,} targets"
        begin = _by_fate(
            fate,
            restored=" was missing on ",
            failed=" could not be attached to ",
            standing=" is missing on ",
        )
        return Finding(
            kind=Kind.MISSING,
            done=fate.done,
            severity=Severity.NOTICE if mended else Severity.PAGE,
            subject=f"{guardrail.policy_id}/{digest(targets)}",
            title=say(guardrail_words(guardrail), begin, where, f", lost {lost_with}" if lost_with else ""),
            action=_action(fate, self._attached_again(index), "attached it again"),
            remedy=self._remedy_of_missing(index, fate),
            commands=self._permit_command(index, targets)
            if mended and not lost_with
            else self._attach_commands(index, fate, targets),
            items=tuple(target_words(target, self._names) for target in targets) if len(targets) > 1 else (),
            # Whoever took the type or the policy away is named there.
            authors=() if lost_with else self._authors_on(_pairs(guardrail, targets)),
            policy_ids=(guardrail.policy_id,),
            target_ids=targets,
            policy_types=(guardrail.policy_type,),
            count=len(targets),
            failure=fate.failure,
        )

    def _lost_anywhere(self) -> Iterator[Finding]:
        """Yield the guardrails of "any" target that were lost with their type or their policy."""
        for index, guardrail in enumerate(self._baseline.guardrails):
            disabled = guardrail.policy_type in self._drift.disabled
            if guardrail.targets is not None or not (disabled or index in self._drift.gone):
                continue
            yield Finding(
                kind=Kind.MISSING,
                done=Done.REPORTED,
                severity=Severity.PAGE,
                subject=f"{guardrail.policy_id}/any",
                title=say(
                    guardrail_words(guardrail),
                    f" is attached nowhere, lost with its policy{' type' if disabled else ''}",
                ),
                action=say("Not attached: the baseline says “any” target, so nobody knows where it was."),
                remedy=say(
                    "Attach it where it belongs, and name its targets in the baseline, so that Holdfast can."
                ),
                policy_ids=(guardrail.policy_id,),
                policy_types=(guardrail.policy_type,),
            )

    def _attached_again(self, index: int) -> str:
        if not self._has_other_text(index):
            return "Attached again, confirmed."
        return "Attached again, confirmed, but with a text that is not the declared one."

    def _has_other_text(self, index: int) -> bool:
        return index in self._drift.changed and self._fates.of_policy(index).done not in MENDED

    def _remedy_of_missing(self, index: int, fate: Fate) -> Sentence:
        if fate.done in MENDED:
            return say()
        if self._has_other_text(index):
            return say("First put the policy's text right (UpdatePolicy); attach it only then.")
        if fate.failure:
            return say(explain(fate.failure.error).remedy)
        if fate.blocked:
            return say("It comes back with a reconciliation once that is put right.")
        return say(
            f"Run holdfast reconcile, which attaches it with {ATTACHMENTS_SWITCH}=true and Mode=remediate; "
            "or attach it by hand (command below)."
        )

    def _attach_commands(self, index: int, fate: Fate, targets: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Return how to attach it by hand, where that helps and cannot widen permissions."""
        refused = fate.failure is not None and not explain(fate.failure.error).attaching
        if fate.done in MENDED or refused or self._has_other_text(index):
            return ()
        if fate.blocked:
            return ()
        policy_id = self._guardrail(index).policy_id
        given = [("To attach it", attach_command(policy_id, target)) for target in targets[:COMMANDS]]
        return (*given, RECONCILE) if len(targets) > COMMANDS else tuple(given)

    def _permit_command(self, index: int, targets: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Return how to permit it: what came back may have been detached for a reason."""
        if len(targets) > 1:
            return ()
        return ((PERMIT, grant_command(Attachment(self._guardrail(index).policy_id, targets[0]))),)

    def _sanctioned(self) -> Iterator[Finding]:
        groups: dict[int, list[str]] = {}
        for number in self._drift.sanctioned:
            placement = self._placements[number]
            groups.setdefault(placement.guardrail, []).append(placement.target_id)
        for index, targets in groups.items():
            guardrail = self._guardrail(index)
            yield Finding(
                kind=Kind.SANCTIONED,
                done=Done.REPORTED,
                severity=Severity.NOTICE,
                subject=f"{guardrail.policy_id}/{digest(targets)}",
                title=say(
                    guardrail_words(guardrail),
                    f" was detached from {counted(len(targets), 'target')} by a sanctioned principal",
                ),
                action=say("Not attached: the baseline sanctions what this principal detaches."),
                remedy=say(
                    "If it is to stay detached, take the attachment out of the baseline before SanctionedFor "
                    "is over (hours after the detach, 24 by default): then it is drift, and is restored."
                ),
                items=tuple(target_words(target, self._names) for target in targets),
                authors=self._authors_on(_pairs(guardrail, targets)),
                policy_ids=(guardrail.policy_id,),
                target_ids=tuple(targets),
                policy_types=(guardrail.policy_type,),
                count=len(targets),
            )

    def _gone_targets(self) -> Iterator[Finding]:
        attachments = self._run.attachments
        numbers = {*self._drift.gone_targets, *(attachments.gone_targets if attachments else ())}
        groups: dict[str, list[int]] = {}
        for number in sorted(numbers):
            placement = self._placements[number]
            groups.setdefault(placement.target_id, []).append(placement.guardrail)
        for target, guardrails in groups.items():
            yield Finding(
                kind=Kind.TARGET_GONE,
                done=Done.REPORTED,
                severity=Severity.NOTICE,
                subject=target,
                title=say(target_words(target, self._names), " is no longer in the organization"),
                action=say("Nothing: there is nothing to attach a policy to."),
                remedy=say(EXPLANATIONS["TargetGoneError"].cure),
                items=tuple(guardrail_words(self._guardrail(index)) for index in guardrails),
                policy_ids=tuple(self._guardrail(index).policy_id for index in guardrails),
                target_ids=(target,),
                count=len(guardrails),
            )

    def _strangers(self, stranger: Stranger) -> Finding:
        full, ids = stranger.free == 0, stranger.policies
        read = ("To read one", f"aws organizations describe-policy --policy-id {ids[-1]}")
        free = f"aws organizations detach-policy --policy-id {ids[-1]} --target-id {stranger.target_id}"
        known = f"{counted(len(ids), 'policy', 'policies')} that the baseline does not know"
        target = target_words(stranger.target_id, self._names)
        slots = f"{stranger.policy_type}, {counted(stranger.free, 'free slot')}"
        return Finding(
            kind=Kind.STRANGERS,
            done=Done.REPORTED,
            severity=Severity.PAGE if full else Severity.NOTICE,
            subject=f"{stranger.target_id}/{stranger.policy_type}/{digest(ids)}",
            title=say("no slot is free on ", target, f", which has {known} ({stranger.policy_type})")
            if full
            else say(target, f" has {known} ({slots})"),
            meaning="A guardrail that is detached from a full target cannot be attached again."
            if full
            else "",
            action=say("Nothing: Holdfast detaches nothing."),
            remedy=say(
                "Ask whoever attached them, and free a slot that nobody needs."
                if full
                else "Ask whoever attached them; if they belong there, take a new snapshot."
            ),
            commands=(read, ("To free a slot, for example", free)) if full else (read, SNAPSHOT),
            items=tuple(self._policy_words(policy_id) for policy_id in ids),
            authors=self._authors_on([f"{policy_id}/{stranger.target_id}" for policy_id in ids]),
            policy_ids=ids,
            target_ids=(stranger.target_id,),
            policy_types=(stranger.policy_type,),
            count=len(ids),
        )

    def _policy_words(self, policy_id: str) -> Sentence:
        name = self._names.policies.get(policy_id)
        return say(policy_id) if name is None else say(f"{policy_id} ", Outside(name))

    def _all_moved(self) -> Iterator[Moved]:
        """Yield what lives under a new id: what was found so, and what this run has made again."""
        policies = self._run.policies
        made = {**policies.recreated, **policies.found} if policies else {}
        yield from (moved for moved in self._drift.moved if moved.guardrail not in made)
        yield from (Moved(index, policy_id) for index, policy_id in sorted(made.items()))

    def _moved(self, moved: Moved) -> Finding:
        guardrail = self._guardrail(moved.guardrail)
        declared = guardrail.declared_id or guardrail.policy_id
        return Finding(
            kind=Kind.MOVED,
            done=Done.REPORTED,
            severity=Severity.NOTICE,
            subject=f"{declared}/{moved.policy_id}",
            title=say(
                Outside(guardrail.name),
                f" lives under the new id {moved.policy_id}, and the baseline still names {declared}",
            ),
            action=say("Holdfast keeps the new policy in place of the old one until the baseline says so."),
            remedy=say(_ADOPT),
            commands=(SNAPSHOT,),
            policy_ids=(moved.policy_id,),
            policy_types=(guardrail.policy_type,),
        )

    def _renamed(self, renamed: Renamed) -> Finding:
        guardrail = self._guardrail(renamed.guardrail)
        name = say("the name ", Outside(renamed.name)) if renamed.name is not None else say()
        described = (
            say("the description ", Outside(renamed.description))
            if renamed.description is not None
            else say()
        )
        both = " and " if name and described else ""
        return Finding(
            kind=Kind.RENAMED,
            done=Done.REPORTED,
            severity=Severity.NOTICE,
            subject=f"{guardrail.policy_id}/{digest([renamed.name or '', renamed.description or ''])}",
            title=say(guardrail_words(guardrail), " now has ", name, both, described),
            action=say("Nothing: names and descriptions are only told."),
            remedy=say("If it was planned, take a new snapshot; if not, change it back and ask who did it."),
            commands=(SNAPSHOT,),
            authors=self._authors_on(_ids(guardrail), ["UpdatePolicy"]),
            policy_ids=(guardrail.policy_id,),
            policy_types=(guardrail.policy_type,),
        )

    def _undeclared(self) -> Iterator[Finding]:
        """Yield that the attachment that the run is for is none that the baseline declares."""
        asked, guardrails = self._run.trigger.scope.attachment, self._baseline.guardrails
        if asked is None or any(guardrail.declares(asked) for guardrail in guardrails):
            return
        known = next((guardrail for guardrail in guardrails if asked.policy_id in _ids(guardrail)), None)
        anywhere = known is not None and known.targets is None
        policy = say(asked.policy_id) if known is None else guardrail_words(known)
        yield Finding(
            kind=Kind.UNDECLARED,
            done=Done.REPORTED,
            severity=Severity.NOTICE,
            subject=asked.pair,
            title=say(
                "the baseline does not declare ", policy, " on ", target_words(asked.target_id, self._names)
            ),
            meaning=_MEANING_OF_ANY if anywhere else "",
            action=say("Nothing: a reconciliation restores what the baseline declares."),
            remedy=say(
                "Attach it by hand if it is missing (command below)."
                if anywhere
                else "Look whether both ids are right; if they are, the baseline has to declare it first."
            ),
            commands=(("To attach it", attach_command(asked.policy_id, asked.target_id)),)
            if anywhere
            else (),
            policy_ids=(asked.policy_id,),
            target_ids=(asked.target_id,),
        )

    def _coverage(self, coverage: Coverage) -> Finding:
        change, account = self._run.trigger.change, target_words(coverage.account_id, self._names)
        lost = counted(len(coverage.lost), "guardrail")
        if coverage.old_path and coverage.new_path:
            words = f" lost {lost}: it was moved from {coverage.old_path[0]} to {coverage.new_path[0]}"
        elif coverage.new_path:
            words = f" lacks {lost} of the baseline after joining the organization"
        else:
            words = f" lost {lost}: it is no longer in the organization"
        guardrails = [self._guardrail(index) for index in coverage.lost]
        return Finding(
            kind=Kind.COVERAGE_LOST,
            done=Done.REPORTED,
            severity=Severity.PAGE,
            subject=f"{coverage.account_id}/{change.event_id if change else ''}",
            title=say(account, words),
            meaning=f"It was looked at {counted(coverage.looks, 'time')}, the last time just now.",
            action=say("Nothing: Holdfast moves no account."),
            remedy=say("Ask whoever did it; if nobody planned it, move the account to where they reach it."),
            commands=_move_back(coverage),
            items=tuple(guardrail_words(guardrail) for guardrail in guardrails),
            authors=(author_of(change),) if change else (),
            policy_ids=tuple(guardrail.policy_id for guardrail in guardrails),
            target_ids=(coverage.account_id,),
            policy_types=tuple(dict.fromkeys(guardrail.policy_type for guardrail in guardrails)),
            count=len(guardrails),
        )

    def _authors_of_detaches(self, off: Iterable[tuple[Guardrail, str]]) -> tuple[Author, ...]:
        return self._authors_on([pair for guardrail, target in off for pair in _pairs(guardrail, [target])])

    def _guardrail(self, index: int) -> Guardrail:
        return self._baseline.guardrails[index]

    def _authors_on(self, subjects: Iterable[str], events: Sequence[str] = ()) -> tuple[Author, ...]:
        """Return who changed one of the subjects, each principal once, by its newest change."""
        wanted = set(subjects)
        newest: dict[object, Author] = {}
        for author in self._authors:
            if author.subject in wanted and (not events or author.event in events):
                newest.setdefault(author.principal, author)
        return tuple(newest.values())


_MEANING_OF_ANY = "It says “any” target, so only the fast path, which sees the detach, knows where it was."
_ADOPT = "Take a new snapshot, review it, and deploy it, so that the baseline names the new policy."


def _unless_mended(fate: Fate, words: str) -> Sentence:
    return say("" if fate.done in MENDED else words)


def _by_fate(fate: Fate, *, restored: str = "", failed: str = "", standing: str = "") -> str:
    if fate.done in MENDED:
        return restored
    return failed if fate.done is Done.FAILED else standing


def _action(fate: Fate, restored: str, would_have: str) -> Sentence:
    """Return what was done about a difference: nothing is called restored that was not confirmed."""
    if fate.done is Done.RESTORED:
        return say(restored)
    if fate.done is Done.BY_OTHERS:
        return say("It was right again when Holdfast came to it: by the fast path, or by somebody else.")
    if fate.failure:
        return say("Not restored. ", why(fate.failure))
    if fate.blocked:
        return say(f"Not restored: {fate.because}.")
    return say(f"Not restored: {fate.because}. Otherwise Holdfast would have {would_have}.")


def attach_command(policy_id: str, target_id: str) -> str:
    """Return the command that attaches a policy."""
    return f"aws organizations attach-policy --policy-id {policy_id} --target-id {target_id}"


def _move_back(coverage: Coverage) -> tuple[tuple[str, str], ...]:
    if not coverage.old_path or not coverage.new_path:
        return ()
    command = (
        f"aws organizations move-account --account-id {coverage.account_id} "
        f"--source-parent-id {coverage.new_path[0]} --destination-parent-id {coverage.old_path[0]}"
    )
    return (("To move it back", command),)


def _ids(guardrail: Guardrail) -> list[str]:
    return [guardrail.policy_id, *([guardrail.declared_id] if guardrail.declared_id else [])]


def _pairs(guardrail: Guardrail, targets: Iterable[str]) -> list[str]:
    return [f"{policy_id}/{target}" for target in targets for policy_id in _ids(guardrail)]

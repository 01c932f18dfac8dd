"""The adapter's methods over one small organization, without AWS.

Root: the management account
├── Security: log-archive, audit
├── Workloads
│   ├── Prod: payments-prod
│   └── Dev: shop-dev
└── Sandbox: playground
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from holdfast.attachment import Attachment, LivePolicy, PolicySummary, PolicyType
from holdfast.errors import OrganizationsError
from holdfast.incident import Observation
from holdfast.organizations import Organizations
from tests.unit.examples import DENY_ALL, NOW, live_policy

UNITS = {
    "r-exme": ("ou-exme-cbm7ma1f", "ou-exme-ycaqk99w", "ou-exme-ofz030k9"),
    "ou-exme-ycaqk99w": ("ou-exme-8tio7fay", "ou-exme-3pieu203"),
}
ACCOUNTS = {
    "r-exme": ("111122223333",),
    "ou-exme-cbm7ma1f": ("278830726610", "164621202689"),
    "ou-exme-8tio7fay": ("338583429068",),
    "ou-exme-3pieu203": ("690106306691",),
    "ou-exme-ofz030k9": ("351880565513",),
}
NAMES = {
    "ou-exme-cbm7ma1f": "Security",
    "ou-exme-ycaqk99w": "Workloads",
    "ou-exme-8tio7fay": "Prod",
    "ou-exme-3pieu203": "Dev",
    "ou-exme-ofz030k9": "Sandbox",
    "338583429068": "payments-prod",
}
AS_DECLARED = live_policy("DenyUnapprovedRegions", DENY_ALL)


class SmallOrganization(Organizations):
    """The organization above.

    Parameters
    ----------
    listed : mapping
        The policies that a list shows, by target and type.
    policy : Policy
        What every policy is called and says.
    refused : mapping
        The error that a method raises, by the method's name.
    now : datetime
        When it answers.
    page_size : int
        Children on a page.
    """

    def __init__(
        self,
        listed: Mapping[tuple[str, PolicyType], tuple[PolicySummary, ...]] | None = None,
        *,
        policy: LivePolicy = AS_DECLARED,
        refused: Mapping[str, OrganizationsError] | None = None,
        now: datetime = NOW,
        page_size: int = 20,
    ) -> None:
        self._listed = listed or {}
        self._policy = policy
        self._refused = refused or {}
        self._now = now
        self._page_size = page_size
        self.calls: list[str] = []

    def observe(self, attachment: Attachment, policy_type: PolicyType) -> Observation:
        """Show what is listed there."""
        shown = {summary.policy_id for summary in self._on(attachment.target_id, policy_type, "observe")}
        return Observation(attachment.policy_id in shown, self._now)

    def policies_on(self, target_id: str, policy_type: PolicyType) -> tuple[PolicySummary, ...]:
        """List what is listed there."""
        return self._on(target_id, policy_type, "policies_on")

    def policy(self, policy_id: str) -> LivePolicy:
        """Describe the one policy, whatever its id."""
        self._note("policy", policy_id)
        return self._policy

    def account_name(self, account_id: str) -> str:
        """Name an account."""
        self._note("account_name", account_id)
        return NAMES[account_id]

    def unit_name(self, unit_id: str) -> str:
        """Name an OU."""
        self._note("unit_name", unit_id)
        return NAMES[unit_id]

    def parent(self, child_id: str) -> str:
        """Find who has the child."""
        self._note("parent", child_id)
        return next(
            parent for tree in (UNITS, ACCOUNTS) for parent, children in tree.items() if child_id in children
        )

    def child_units(self, parent_id: str) -> Iterator[tuple[str, ...]]:
        """List OUs in pages."""
        return self._chunks("child_units", parent_id, UNITS.get(parent_id, ()))

    def child_accounts(self, parent_id: str) -> Iterator[tuple[str, ...]]:
        """List accounts in pages."""
        return self._chunks("child_accounts", parent_id, ACCOUNTS.get(parent_id, ()))

    def _on(self, target_id: str, policy_type: PolicyType, method: str) -> tuple[PolicySummary, ...]:
        self._note(method, target_id)
        return self._listed.get((target_id, policy_type), ())

    def _chunks(self, method: str, parent_id: str, children: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for start in range(0, max(len(children), 1), self._page_size):
            self._note(method, parent_id)
            yield children[start : start + self._page_size]

    def _note(self, method: str, subject: str) -> None:
        self.calls.append(f"{method} {subject}")
        if method in self._refused:
            raise self._refused[method]

"""Holdfast deployed for a benchmark, on the clock that skips, one guardrail on many accounts."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from holdfast_cli.embedded import Deployment, deploy_holdfast
from localaws.clock import SkippingClock
from localaws.server import EmbeddedAws
from tests.bench.outcomes import Outcomes, subscribe

GUARDRAIL = "DenyUnapprovedRegions"


@dataclass(frozen=True, slots=True)
class Stage:
    """A deployment, the accounts that its guardrail is on, and the records of its outcomes."""

    deployment: Deployment
    accounts: tuple[str, ...]
    outcomes: Outcomes

    @property
    def aws(self) -> EmbeddedAws:
        """The embedded AWS."""
        return self.deployment.aws

    @property
    def policy_id(self) -> str:
        """The guardrail's id."""
        return self.deployment.organization.policies[GUARDRAIL]

    def detach_all(self, accounts: tuple[str, ...]) -> datetime:
        """Detach the guardrail from the accounts, all in the same moment, and return when.

        The published rates bind everybody, so nobody could do that; it is the hardest case for Holdfast.
        """
        organizations, rates = self.aws.client("organizations"), self.aws.rates
        with self.aws.clock.working():
            published, rates.published = rates.published, False
            for account in accounts:
                organizations.detach_policy(PolicyId=self.policy_id, TargetId=account)
            rates.published = published
            return self.aws.clock.now()

    def execution_history(self) -> list[dict[str, Any]]:
        """Return the events of the newest execution."""
        client, arn = self.aws.client("stepfunctions"), self.deployment.state_machine_arn
        newest = client.list_executions(stateMachineArn=arn)["executions"][0]["executionArn"]
        events: list[dict[str, Any]] = client.get_execution_history(executionArn=newest)["events"]
        return events


@contextmanager
def stage(accounts: int, seed: int = 1) -> Iterator[Stage]:
    """Deploy Holdfast in an organization with that many accounts, the guardrail attached to each.

    The fast path is alone: nothing starts a reconciliation.

    Parameters
    ----------
    accounts : int
        How many accounts are made.
    seed : int
        Of the jitter and of the rival's phase.
    """
    clock = SkippingClock()
    with tempfile.TemporaryDirectory() as folder, _embedded_aws(seed, clock) as aws:
        random.seed(seed)
        deployment = deploy_holdfast(aws, Path(folder), ReconciliationEnabled="false")
        policy_id = deployment.organization.policies[GUARDRAIL]
        _protect_everywhere(deployment, policy_id)
        made = tuple(_make_account(aws, number, policy_id) for number in range(accounts))
        clock.settle()
        yield Stage(deployment, made, subscribe(deployment))


def _embedded_aws(seed: int, clock: SkippingClock) -> EmbeddedAws:
    """Deliver events after a second, so that none arrives while the clock is held for the detaches."""
    return EmbeddedAws(seed=seed, clock=clock, delivery_delay=1.0)


def _protect_everywhere(deployment: Deployment, policy_id: str) -> None:
    """Write `targets = "any"` for the guardrail, as an organization with so many accounts would."""
    path = deployment.template.parent / "functions" / "guardrails" / "baseline.toml"
    pattern = rf'(policy +?= "{policy_id}"\n(?:.+\n)*?targets +?= ).*'
    text, places = re.subn(pattern, r'\1"any"', path.read_text(encoding="utf-8"))
    if places != 1:
        raise RuntimeError(f"{path.name} has {places} entries for {policy_id} with targets")
    path.write_text(text, encoding="utf-8")


def _make_account(aws: EmbeddedAws, number: int, policy_id: str) -> str:
    organizations = aws.client("organizations")
    created = organizations.create_account(AccountName=f"account-{number}", Email=f"{number}@example.com")
    account_id: str = created["CreateAccountStatus"]["AccountId"]
    organizations.attach_policy(PolicyId=policy_id, TargetId=account_id)
    return account_id

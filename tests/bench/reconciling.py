"""Holdfast deployed for the slow path: a large organization, its baseline, the published rates."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from holdfast.baseline import load_baseline
from holdfast_cli.embedded import Deployment, deploy_holdfast
from holdfast_cli.snapshot import take_snapshot
from localaws.clock import SkippingClock
from localaws.server import EmbeddedAws
from tests.bench.executed import Executed, executions_of
from tests.bench.large_organization import SCP, Shape, build
from tests.bench.outcomes import Outcomes, subscribe

_PATIENCE = 1_800.0

_ONCE = "rate(9999 days)"
"""A schedule that begins with a run, and then never again while a benchmark lasts."""

_A_WHILE = 1_800.0
"""Seconds after which that run has ended, and one more would have begun on the usual schedule."""


@dataclass(frozen=True, slots=True)
class Reconciling:
    """A deployment whose schedule has had its one run: the next begins by hand or by an event."""

    deployment: Deployment
    outcomes: Outcomes

    @property
    def aws(self) -> EmbeddedAws:
        """The embedded AWS."""
        return self.deployment.aws

    @contextmanager
    def at_published_rates(self) -> Iterator[None]:
        """Let a block happen in one moment, then let all that it causes happen at the published rates."""
        self.aws.calls.clear()
        with self.aws.clock.working():
            yield
            self.aws.rates.published = True
        self.aws.clock.settle(_PATIENCE)
        self.aws.rates.published = False

    def start(self) -> None:
        """Start a reconciliation of the whole baseline."""
        self.aws.client("stepfunctions").start_execution(
            stateMachineArn=self.deployment.reconciliation_arn, input="{}"
        )

    def disable_type(self) -> datetime:
        """Disable the type of all guardrails, and return when."""
        organizations = self.aws.client("organizations")
        root_id = organizations.list_roots()["Roots"][0]["Id"]
        organizations.disable_policy_type(RootId=root_id, PolicyType=SCP)
        return self.aws.clock.now()

    def detach(self, incidents: int) -> datetime:
        """Detach so many declared attachments, drawn by lot, and return when."""
        organizations, baseline = self.aws.client("organizations"), load_baseline(self.guardrails)
        for placement in random.sample(baseline.placements, incidents):
            attachment = baseline.attachment_at(placement)
            organizations.detach_policy(PolicyId=attachment.policy_id, TargetId=attachment.target_id)
        return self.aws.clock.now()

    def the_only_run(self) -> Executed:
        """Return the reconciliation that the last block at the published rates has caused.

        Raises
        ------
        ValueError
            If there were none or several.
        """
        began = self.aws.calls.recorded()[0].at
        runs = executions_of(self.aws.client("stepfunctions"), self.deployment.reconciliation_arn)
        (run,) = (run for run in runs if run.events[0]["timestamp"] >= began)
        return run

    def function_name(self, logical_id: str) -> str:
        """Return a function's name in Lambda."""
        return self.deployment.stack.resources[logical_id]

    def memory_of(self, function: str) -> int:
        """Return a function's memory setting in MB, by its name or ARN."""
        answer = self.aws.client("lambda").get_function_configuration(FunctionName=function)
        return int(answer["MemorySize"])

    def state(self) -> set[tuple[str, ...]]:
        """Return the whole organization, by asking it: every policy's text, and every attachment."""
        organizations = self.aws.client("organizations")
        policies = organizations.get_paginator("list_policies").paginate(Filter=SCP)
        found: set[tuple[str, ...]] = set()
        for policy_id in [policy["Id"] for page in policies for policy in page["Policies"]]:
            content = organizations.describe_policy(PolicyId=policy_id)["Policy"]["Content"]
            found.add(("text", policy_id, json.dumps(json.loads(content), sort_keys=True)))
            pages: Any = organizations.get_paginator("list_targets_for_policy").paginate(PolicyId=policy_id)
            found |= {
                ("attachment", policy_id, target["TargetId"]) for page in pages for target in page["Targets"]
            }
        return found

    @property
    def guardrails(self) -> Path:
        """The deployed baseline's folder."""
        return self.deployment.template.parent / "functions" / "guardrails"


@contextmanager
def reconciling(shape: Shape, seed: int = 1, **parameters: str) -> Iterator[Reconciling]:
    """Deploy Holdfast in an organization of that shape, all of it in the baseline.

    Parameters
    ----------
    shape : Shape
        The organization and its guardrails.
    seed : int
        Of ids, jitter and lots.
    **parameters
        The template's parameters that differ from a usual deployment's.
    """
    clock = SkippingClock()
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedAws(seed=seed, clock=clock, delivery_delay=1.0) as aws,
    ):
        random.seed(seed)
        deployment = deploy_holdfast(aws, Path(folder), ReconciliationSchedule=_ONCE, **parameters)
        build(aws, shape)
        scene = Reconciling(deployment, subscribe(deployment))
        take_snapshot(aws.client("organizations"), scene.guardrails)
        with clock.working():
            clock.sleep(_A_WHILE)
        clock.settle()
        scene.outcomes.take()
        yield scene

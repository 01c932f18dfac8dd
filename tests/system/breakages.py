"""What somebody may switch off in a deployment, and on again: each part for the length of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.deployed import Holdfast


@contextmanager
def rule_disabled(holdfast: Holdfast) -> Iterator[None]:
    events, name = holdfast.aws.client("events"), holdfast.resource("DetachRule")
    events.disable_rule(Name=name)
    yield
    events.enable_rule(Name=name)


@contextmanager
def key_disabled(holdfast: Holdfast) -> Iterator[None]:
    kms, key = holdfast.aws.client("kms"), holdfast.resource("OutcomeKey")
    kms.disable_key(KeyId=key)
    yield
    kms.enable_key(KeyId=key)


@contextmanager
def function_stopped(holdfast: Holdfast) -> Iterator[None]:
    functions, name = holdfast.aws.client("lambda"), holdfast.resource("VerifyDetachFunction")
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    yield
    functions.delete_function_concurrency(FunctionName=name)


@contextmanager
def mapping_disabled(holdfast: Holdfast) -> Iterator[None]:
    functions, mapping = holdfast.aws.client("lambda"), holdfast.resource("MailMapping")
    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    yield
    functions.update_event_source_mapping(UUID=mapping, Enabled=True)

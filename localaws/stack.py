"""Deploy a SAM template into the embedded AWS.

The template is translated by AWS's own translator; its resources are then created through the ordinary
service APIs, in the order in which they need each other. A type that is not supported is left out with
a warning; what refers to it gets a made-up value, so that the rest of the template still works.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.cloudformation import stack_arn
from localaws.intrinsics import Created, Scope, StackError, references
from localaws.resources import CREATORS, REFRESHERS, REMOVERS, UPDATERS, Declared, FunctionRegistry, Site
from localaws.template import check_rules, read_parameters, read_template, translate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from localaws.clock import Clock

__all__ = ["Stack", "StackError", "Stacks"]


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed template.

    Parameters
    ----------
    name : str
        The stack's name.
    arn : str
        What `AWS::StackId` gives.
    description : str
        The template's description.
    created : datetime
        When it was deployed for the first time, in UTC.
    updated : datetime or None
        When it was last deployed again, in UTC.
    parameters : mapping
        The value of every parameter, defaults included; hidden ones as `****`.
    outputs : mapping
        The value of every output.
    resources : mapping
        The physical id of every resource, by logical id.
    types : mapping
        The type of every resource, by logical id.
    warnings : tuple of str
        What was left out, one line each.
    """

    name: str
    arn: str
    description: str
    created: datetime
    updated: datetime | None
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    types: Mapping[str, str]
    warnings: tuple[str, ...]


class Stacks:
    """The stacks of one embedded AWS.

    Parameters
    ----------
    connect : callable
        Returns a client for a service, by boto3's name of the service.
    functions : FunctionRegistry
        Where the templates' functions are registered.
    clock : Clock
        What tells when a stack was deployed.
    account, region : str
        Where the resources live.
    """

    def __init__(
        self,
        connect: Callable[[str], Any],
        functions: FunctionRegistry,
        clock: Clock,
        account: str,
        region: str,
    ) -> None:
        self._connect = connect
        self._functions = functions
        self._clock = clock
        self._account = account
        self._region = region
        self._scratch = tempfile.TemporaryDirectory(prefix="localaws-")
        self._placed: dict[str, dict[str, tuple[Declared, Created]]] = {}
        self.deployed: dict[str, Stack] = {}

    def deploy(
        self, template: Path, parameters: Mapping[str, str] | None = None, stack_name: str = "local"
    ) -> Stack:
        """Create the resources of a template, or change those of an earlier deployment.

        Under the name of a stack that exists, unchanged resources are kept, changed ones are written over,
        and those that the template has no more are removed, where their type allows it.

        Parameters
        ----------
        template : Path
            The template; local paths in it are relative to its folder.
        parameters : mapping
            The values of its parameters that have no default or shall differ from it.
        stack_name : str
            The stack's name, with which generated names begin.

        Returns
        -------
        Stack
            What was deployed.

        Raises
        ------
        StackError
            If the template, its parameters or one of its resources are refused. What was created until
            then stays, and the next deployment goes on from there.
        """
        source = read_template(template)
        values = read_parameters(source, parameters or {})
        known = {**self._pseudo_parameters(stack_name), **values}
        check_rules(source, Scope(known, source.get("Mappings"), source.get("Conditions")))
        plain = translate(source, values, template.resolve().parent, self._region)
        warnings: list[str] = []
        placed = self._place_all(plain, known, stack_name, self._site(warnings))
        created = {logical_id: resource for logical_id, (_, resource) in placed.items()}
        scope = Scope(known, plain.get("Mappings"), plain.get("Conditions"), created)
        earlier = self.deployed.get(stack_name)
        stack = Stack(
            name=stack_name,
            arn=known["AWS::StackId"],
            description=str(source.get("Description", "")),
            created=earlier.created if earlier else self._clock.now(),
            updated=self._clock.now() if earlier else None,
            parameters=_shown(source, values),
            outputs=_outputs(plain, scope),
            resources={logical_id: resource.physical_id for logical_id, resource in created.items()},
            types={logical_id: declared.type for logical_id, (declared, _) in placed.items()},
            warnings=tuple(warnings),
        )
        self.deployed[stack_name] = stack
        return stack

    def close(self) -> None:
        """Remove what was written for code that stands in templates."""
        self._scratch.cleanup()

    def _site(self, warnings: list[str]) -> Site:
        scratch = Path(self._scratch.name)
        return Site(self._connect, self._functions, self._account, self._region, scratch, warnings)

    def _pseudo_parameters(self, stack_name: str) -> dict[str, Any]:
        return {
            "AWS::AccountId": self._account,
            "AWS::NotificationARNs": [],
            "AWS::Partition": "aws",
            "AWS::Region": self._region,
            "AWS::StackId": stack_arn(self._account, self._region, stack_name),
            "AWS::StackName": stack_name,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def _place_all(
        self, plain: Mapping[str, Any], known: Mapping[str, Any], stack_name: str, site: Site
    ) -> dict[str, tuple[Declared, Created]]:
        """Create or change every resource whose condition holds, each after what it refers to."""
        created: dict[str, Created] = {}
        scope = Scope(known, plain.get("Mappings"), plain.get("Conditions"), created)
        wanted = {
            logical_id: resource
            for logical_id, resource in plain["Resources"].items()
            if "Condition" not in resource or scope.is_true(resource["Condition"])
        }
        placed = self._placed.setdefault(stack_name, {})
        gone = [logical_id for logical_id in placed if logical_id not in wanted]
        if lasting := sorted(name for name in gone if placed[name][0].type not in REMOVERS):
            raise StackError(f"cannot remove {', '.join(lasting)} from a running server: start it again")
        for logical_id in _in_order(wanted):
            resource = wanted[logical_id]
            try:
                properties = scope.resolve(resource.get("Properties", {}))
                declared = Declared(logical_id, resource["Type"], properties, stack_name)
                created[logical_id] = _place(site, declared, placed.get(logical_id))
            except (StackError, ClientError, BotoCoreError) as error:
                raise StackError(f"{logical_id} ({resource.get('Type')}): {error}") from error
            except KeyError as error:
                raise StackError(
                    f"{logical_id} ({resource.get('Type')}): property {error.args[0]} is missing"
                ) from error
            placed[logical_id] = declared, created[logical_id]
        for logical_id in gone:
            declared, leftover = placed.pop(logical_id)
            REMOVERS[declared.type](site, leftover)
        return {logical_id: placed[logical_id] for logical_id in wanted}


def _place(site: Site, declared: Declared, earlier: tuple[Declared, Created] | None) -> Created:
    if declared.type not in CREATORS:
        site.warnings.append(f"{declared.logical_id} ({declared.type}): the type is not supported, left out")
        return Created(f"unsupported-{declared.logical_id}", stand_in=True)
    if earlier is None:
        return CREATORS[declared.type](site, declared)
    if earlier[0] == declared:
        refresh = REFRESHERS.get(declared.type)
        return refresh(site, declared) if refresh else earlier[1]
    if earlier[0].type != declared.type or declared.type not in UPDATERS:
        raise StackError("cannot be changed in a running server: start it again")
    return UPDATERS[declared.type](site, replace(declared, before=earlier[0].properties))


def _in_order(resources: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    """Return the logical ids, each after those that it refers to or depends on."""
    needs = {}
    for logical_id, resource in resources.items():
        explicit = resource.get("DependsOn", [])
        named = {explicit} if isinstance(explicit, str) else set(explicit)
        named.update(references(resource.get("Properties", {})))
        needs[logical_id] = sorted(named & set(resources))
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise StackError(f"resources depend on each other: {' -> '.join(error.args[1])}") from error


def _outputs(plain: Mapping[str, Any], scope: Scope) -> dict[str, str]:
    outputs = {}
    for name, output in plain.get("Outputs", {}).items():
        if "Condition" not in output or scope.is_true(output["Condition"]):
            try:
                outputs[name] = str(scope.resolve(output["Value"]))
            except StackError as error:
                raise StackError(f"output {name}: {error}") from error
    return outputs


def _shown(template: Mapping[str, Any], values: Mapping[str, str | list[str]]) -> dict[str, str]:
    declared = template.get("Parameters", {})
    return {
        name: "****"
        if declared[name].get("NoEcho")
        else ",".join([value] if isinstance(value, str) else value)
        for name, value in values.items()
    }

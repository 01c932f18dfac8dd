"""A SAM template on its way to plain CloudFormation: read, check the parameters, translate.

The translation is AWS's own (`aws-sam-translator`). Code and definitions stay where they are: the
translator is told that they lie in a bucket, `LOCAL_FOLDER`, whose keys are paths on this machine.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import boto3
import yaml
from samtranslator.metrics.metrics import DummyMetricsPublisher, Metrics
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from localaws.intrinsics import Scope, StackError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LOCAL_FOLDER: Final = "local-folder"
"""The bucket that stands for this machine's file system in a translated template."""

_LOCAL_PATHS: Final = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}


class _TemplateLoader(yaml.SafeLoader):
    """YAML as CloudFormation reads it: short forms of the functions, and dates that stay text."""


def _short_form(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in {"Ref", "Condition"} else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: text.split(".", 1) if tag == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {name: loader.construct_mapping(node, deep=True)}
    raise StackError(f"!{tag} has no value")


_TemplateLoader.add_multi_constructor("!", _short_form)
_TemplateLoader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: str(node.value))


def read_template(path: Path) -> dict[str, Any]:
    """Read a template, YAML or JSON.

    Raises
    ------
    StackError
        If the file is missing, is not YAML, has no resources, or holds a null.
    """
    try:
        template = yaml.load(path.read_text(encoding="utf-8"), _TemplateLoader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise StackError(f"cannot read the template {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise StackError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise StackError(f"{path} has no Resources section")
    for where in _nulls(template):
        raise StackError(f"[/{where}] 'null' values are not allowed in templates")
    return template


def _nulls(value: Any, where: str = "") -> Iterator[str]:
    """Yield the paths of nulls, which AWS CloudFormation refuses wherever they stand.

    Source: the answer of its ValidateTemplate.
    """
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, child in children:
        path = f"{where}/{name}" if where else str(name)
        if child is None:
            yield path
        yield from _nulls(child, path)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One entry of a template's `Parameters` section.

    Parameters
    ----------
    name : str
        The parameter's name.
    declaration : mapping
        What the template says about it.
    """

    name: str
    declaration: Mapping[str, Any]

    @property
    def is_list(self) -> bool:
        """Whether its value is a list, given as text with commas."""
        kind = self.declaration.get("Type", "String")
        return bool(kind == "CommaDelimitedList" or kind.startswith("List<"))

    def read(self, given: Mapping[str, str]) -> str | list[str]:
        """Return the parameter's value: the given one or the default.

        Raises
        ------
        StackError
            If there is none, or the declaration does not allow it; names what it expects.
        """
        value = given.get(self.name, self.declaration.get("Default"))
        if value is None:
            raise StackError(f"parameter {self.name} is missing: it has no default")
        if "AWS::SSM::Parameter" in self.declaration.get("Type", "String"):
            raise StackError(f"parameter {self.name}: values from Parameter Store are not supported")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        for expected in self._broken_rules(text):
            shown = "****" if self.declaration.get("NoEcho") else repr(text)
            hint = self.declaration.get("ConstraintDescription", "")
            reason = f" ({hint})" if hint else ""
            raise StackError(f"parameter {self.name} is {shown}, expected {expected}{reason}")
        return self._parts(text) if self.is_list else text

    def _parts(self, text: str) -> list[str]:
        if not self.is_list:
            return [text]
        return [part.strip() for part in text.split(",")] if text else []

    def _broken_rules(self, text: str) -> Iterator[str]:
        """Yield what the declaration expects and `text` is not.

        Source: "Parameters section" of the CloudFormation user guide; a pattern matches the whole value.
        """
        says = self.declaration
        allowed = [str(item) for item in says.get("AllowedValues", [])]
        for part in self._parts(text):
            if allowed and part not in allowed:
                yield f"one of {', '.join(allowed)}"
            if "AllowedPattern" in says and not re.fullmatch(says["AllowedPattern"], part):
                yield f"text that matches {says['AllowedPattern']}"
            if "Number" in says.get("Type", "String"):
                yield from self._broken_number_rules(part)
        if len(text) < int(says.get("MinLength", 0)):
            yield f"at least {says['MinLength']} characters"
        if "MaxLength" in says and len(text) > int(says["MaxLength"]):
            yield f"at most {says['MaxLength']} characters"

    def _broken_number_rules(self, text: str) -> Iterator[str]:
        try:
            number = float(text)
        except ValueError:
            yield "a number"
            return
        if "MinValue" in self.declaration and number < float(self.declaration["MinValue"]):
            yield f"at least {self.declaration['MinValue']}"
        if "MaxValue" in self.declaration and number > float(self.declaration["MaxValue"]):
            yield f"at most {self.declaration['MaxValue']}"


def read_parameters(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str | list[str]]:
    """Return the value of every parameter of the template.

    Parameters
    ----------
    template : mapping
        The template.
    given : mapping
        The values that the caller gives, by parameter name.

    Raises
    ------
    StackError
        If a value is missing, not allowed, or given for no parameter; names all of them.
    """
    declared = {
        name: Parameter(name, declaration) for name, declaration in template.get("Parameters", {}).items()
    }
    problems = [f"parameter {name} is not in the template" for name in given if name not in declared]
    values = {}
    for name, parameter in declared.items():
        try:
            values[name] = parameter.read(given)
        except StackError as error:
            problems.append(str(error))
    if problems:
        raise StackError("; ".join(problems))
    return values


def check_rules(template: Mapping[str, Any], scope: Scope) -> None:
    """Evaluate the template's `Rules` section.

    Source: "Rules section syntax" of the CloudFormation user guide.

    Raises
    ------
    StackError
        If an assertion does not hold; says so in the words of its `AssertDescription`.
    """
    broken = [
        f"rule {name}: {assertion.get('AssertDescription', 'an assertion does not hold')}"
        for name, rule in template.get("Rules", {}).items()
        if "RuleCondition" not in rule or scope.is_true(rule["RuleCondition"])
        for assertion in rule["Assertions"]
        if not scope.is_true(assertion["Assert"])
    ]
    if broken:
        raise StackError("; ".join(broken))


def translate(
    template: Mapping[str, Any], parameters: Mapping[str, Any], folder: Path, region: str
) -> dict[str, Any]:
    """Return the template as plain CloudFormation.

    Parameters
    ----------
    template : mapping
        The SAM template; it is not changed.
    parameters : mapping
        The value of every parameter.
    folder : Path
        What local paths in the template are relative to.
    region : str
        The region to translate for.

    Raises
    ------
    StackError
        If the translator refuses the template; has all its reasons.
    """
    local = copy.deepcopy(dict(template))
    for kind, properties in _sections_with_paths(local):
        key = _LOCAL_PATHS[kind]
        if isinstance(properties.get(key), str) and not properties[key].startswith("s3://"):
            properties[key] = {"Bucket": LOCAL_FOLDER, "Key": str((folder / properties[key]).resolve())}
    texts = {name: ",".join(item) if isinstance(item, list) else item for name, item in parameters.items()}
    # The translator complains on stderr about metrics that nobody published.
    metrics = Metrics("LocalTransform", DummyMetricsPublisher())
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region), metrics=metrics)
    try:
        translated = translator.translate(local, texts)
    except InvalidDocumentException as error:
        raise StackError("; ".join(cause.message for cause in error.causes)) from error
    finally:
        metrics.publish()
    return dict(translated)


def _sections_with_paths(template: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    shared = (template.get("Globals") or {}).get("Function")
    if isinstance(shared, dict):
        yield "AWS::Serverless::Function", shared
    for resource in template["Resources"].values():
        if isinstance(resource, dict) and resource.get("Type") in _LOCAL_PATHS:
            yield resource["Type"], resource.get("Properties") or {}

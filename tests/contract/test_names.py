from __future__ import annotations

import ast

import pytest

from tests.contract.shipped import (
    EVERY_FUNCTION,
    FUNCTION_OF_QUEUE,
    FUNCTION_OF_TASK,
    FUNCTIONS,
    MACHINES,
    ROOT,
    TASK_OF_FUNCTION,
    TEMPLATE,
    module_of,
    of_type,
)

MODULES = sorted(path.stem for path in FUNCTIONS.glob("*.py"))


@pytest.mark.parametrize("state", FUNCTION_OF_TASK)
def test_a_task_has_one_name_in_five_places(state: str) -> None:
    module, function = module_of(state), f"{state.replace(' ', '')}Function"

    (machine,) = (each for each in MACHINES if state in each.function_of_task)

    assert TASK_OF_FUNCTION[state]["Resource"] == f"${{{function}Arn}}"
    assert machine.substitutions[f"{function}Arn"] == {"Fn::GetAtt": [function, "Arn"]}
    assert TEMPLATE["Resources"][function]["Properties"]["Handler"] == f"{module}.handler"
    assert (FUNCTIONS / f"{module}.py").is_file()
    assert (ROOT / "tests" / "unit" / f"test_{module}.py").is_file()


def test_what_a_queue_calls_has_one_name_in_three_places() -> None:
    for name, function in FUNCTION_OF_QUEUE.items():
        module = module_of(name)
        assert TEMPLATE["Resources"][function]["Properties"]["Handler"] == f"{module}.handler"
        assert (FUNCTIONS / f"{module}.py").is_file()
        assert (ROOT / "tests" / "unit" / f"test_{module}.py").is_file()


def test_every_function_is_a_task_of_a_state_machine_or_called_by_a_queue() -> None:
    functions = of_type(TEMPLATE["Resources"], "AWS::Serverless::Function")

    assert sorted(functions) == sorted(EVERY_FUNCTION.values())


def test_every_module_beside_the_core_is_a_function() -> None:
    assert sorted(module_of(name) for name in EVERY_FUNCTION) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_the_handler_is_the_one_public_function_of_a_task_module(module: str) -> None:
    tree = ast.parse((FUNCTIONS / f"{module}.py").read_text(encoding="utf-8"))
    named = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]

    assert [name for name in named if not name.startswith("_")] == ["handler"]

from __future__ import annotations

from typing import Any

from tests.contract.document_flow import always_set, reads

ALL_CAUGHT = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "End"}]


def machine(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "Begin", "States": {**states, "End": {"Type": "Succeed"}}}


def test_a_result_replaces_the_document_or_is_placed_in_it() -> None:
    flow = always_set(
        machine(
            Begin={"Type": "Task", "Next": "Add"},
            Add={"Type": "Task", "ResultPath": "$.extra", "Next": "Tell"},
            Tell={"Type": "Task", "ResultPath": None, "Next": "End"},
        ),
        {"Begin": {"verdict": {"action": "reattach"}}, "Add": {"at": "now"}},
    )

    assert flow == {
        "Begin": {"$"},
        "Add": {"$", "$.verdict", "$.verdict.action"},
        "Tell": {"$", "$.verdict", "$.verdict.action", "$.extra", "$.extra.at"},
        "End": {"$", "$.verdict", "$.verdict.action", "$.extra", "$.extra.at"},
    }


def test_only_what_is_set_on_every_way_is_always_set() -> None:
    flow = always_set(
        machine(Begin={"Type": "Task", "ResultPath": "$.result", "Next": "End", "Catch": ALL_CAUGHT}),
        {"Begin": {"at": "now"}},
    )

    assert flow["End"] == {"$"}


def test_a_caught_error_has_a_name_for_certain_and_nothing_else() -> None:
    flow = always_set(machine(Begin={"Type": "Task", "Catch": ALL_CAUGHT}), {})

    assert flow["End"] == {"$", "$.error", "$.error.Error"}


def test_a_choice_may_make_something_certain() -> None:
    definition = machine(Begin={"Type": "Choice", "Default": "End"})

    assert always_set(definition, {}, {("Begin", "End"): frozenset({"$.error"})})["End"] == {"$", "$.error"}


def test_a_selector_may_give_the_whole_result_a_name() -> None:
    flow = always_set(
        machine(Begin={"Type": "Task", "ResultSelector": {"told.$": "$", "one.$": "$.at"}, "Next": "End"}),
        {"Begin": {"at": "now"}},
    )

    assert flow["End"] == {"$", "$.told", "$.told.at", "$.one"}


def test_a_result_that_is_written_over_is_gone() -> None:
    flow = always_set(
        machine(
            Begin={"Type": "Task", "ResultPath": "$.a", "Next": "Again"},
            Again={"Type": "Task", "ResultPath": "$.a", "Next": "End"},
        ),
        {"Begin": {"old": 1}, "Again": {"new": 2}},
    )

    assert flow["End"] == {"$", "$.a", "$.a.new"}


def test_every_way_of_reading_is_seen() -> None:
    state = {
        "Parameters": {"deep": {"whole.$": "$", "text.$": "States.Format('{} {}', $$.Execution.Id, $.a.b)"}},
        "ResultSelector": {"own.$": "$.result", "retries.$": "$$.State.RetryCount"},
        "ResultPath": "$.written",
        "CausePath": "States.JsonToString($.error)",
        "Choices": [{"Not": {"Variable": "$.c", "StringEqualsPath": "$.d"}, "Next": "End"}],
    }

    assert reads(state) == {
        *("$", "$$.Execution.Id", "$.a.b", "$$.State.RetryCount", "$.error", "$.c", "$.d"),
    }


def test_a_variable_that_is_asked_for_first_may_be_missing() -> None:
    present = {"Variable": "$.a", "IsPresent": True}
    equal = {"Variable": "$.a", "StringEquals": "b"}

    assert reads({"Choices": [{"And": [present, equal]}]}) == set()
    assert reads({"Choices": [present]}) == set()
    assert reads({"Choices": [{"And": [equal]}]}) == {"$.a"}

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast import memory as memory_module
from holdfast.errors import ServiceRefusedError, SettingsError
from holdfast.memory import Memory, connect_memory
from tests.unit.mocked_services import mocked_memory


@pytest.fixture(name="memory")
def _memory() -> Iterator[Memory]:
    with mocked_memory() as memory:
        yield memory


def test_what_nobody_remembered_is_nothing(memory: Memory) -> None:
    assert memory.recall("told") is None


def test_what_is_remembered_is_recalled(memory: Memory) -> None:
    assert memory.remember("told", {"drift": "2026-11-22T09:00:00Z"}, instead_of=None)
    assert memory.recall("told") == {"drift": "2026-11-22T09:00:00Z"}


def test_each_name_has_its_own_word(memory: Memory) -> None:
    memory.remember("turn/all", {"running": "a"}, instead_of=None)
    assert memory.remember("turn/policy/p-7dj3cien", {"running": "b"}, instead_of=None)
    assert memory.recall("turn/all") == {"running": "a"}


def test_what_was_read_is_replaced(memory: Memory) -> None:
    memory.remember("told", {"drift": 1}, instead_of=None)
    assert memory.remember("told", {"drift": 2}, instead_of=memory.recall("told"))
    assert memory.recall("told") == {"drift": 2}


@pytest.mark.parametrize("read", [None, {"drift": 0}, {}])
def test_the_word_of_another_run_is_not_overwritten(memory: Memory, read: dict[str, int] | None) -> None:
    memory.remember("told", {"drift": 1}, instead_of=None)
    assert not memory.remember("told", {"drift": 2}, instead_of=read)
    assert memory.recall("told") == {"drift": 1}


def test_nobody_replaces_what_is_not_there(memory: Memory) -> None:
    assert not memory.remember("told", {"drift": 2}, instead_of={"drift": 1})
    assert memory.recall("told") is None


OBJECTS = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5), max_size=3)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(OBJECTS, min_size=1, max_size=3))
def test_whoever_read_last_may_write_whatever_the_words_are(
    memory: Memory, words: list[dict[str, int | str | None]]
) -> None:
    """The condition compares spellings: what was read must be spelled as it was written."""
    for word in words:
        assert memory.remember("told", word, instead_of=memory.recall("told"))
        assert memory.recall("told") == word


def test_without_its_table_the_memory_says_so(memory: Memory) -> None:
    lost = Memory(memory._client, "gone")
    with pytest.raises(ServiceRefusedError, match=r"^dynamodb GetItem: ResourceNotFoundException: "):
        lost.recall("told")
    with pytest.raises(ServiceRefusedError, match=r"^dynamodb PutItem: ResourceNotFoundException: "):
        lost.remember("told", {}, instead_of=None)


def test_an_environment_that_names_no_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEMORY_TABLE", raising=False)
    memory_module.connect_memory.cache_clear()
    with pytest.raises(SettingsError) as raised:
        connect_memory()
    assert str(raised.value) == "environment variable MEMORY_TABLE: got '', expected a table's name"


@pytest.mark.parametrize("content", ["no JSON", "[]", '{"running": "a"}', '{"running":"b","running":"a"}'])
def test_what_somebody_else_wrote_is_not_taken_for_remembered(memory: Memory, content: str) -> None:
    """Nothing that is written under the condition could ever replace it."""
    item = {"name": {"S": "turn/all"}, "content": {"S": content}}
    memory._client.put_item(TableName=memory._table, Item=item)
    with pytest.raises(ServiceRefusedError) as raised:
        memory.recall("turn/all")
    assert str(raised.value) == (
        "dynamodb GetItem: NotOurs: the item “turn/all” is not as Holdfast writes it: delete it"
    )


def test_an_item_without_content_is_not_taken_for_remembered(memory: Memory) -> None:
    memory._client.put_item(TableName=memory._table, Item={"name": {"S": "told"}})
    with pytest.raises(ServiceRefusedError):
        memory.recall("told")

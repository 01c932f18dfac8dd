# ruff: noqa: RUF001 - characters that look like others are what quoting makes.
from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.quoting import Medium, quoted
from tests.unit.outside import WORDS

MEDIA = st.sampled_from(Medium)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("DenyLeaveOrganization", "“DenyLeaveOrganization”"),
        ("Prüfung 監査", "“Prüfung 監査”"),
        ("203.0.113.7", "“203.0.113.7”"),
        ("Boto3/1.43.108", "“Boto3/1.43.108”"),
        ("alice@example.com", "“alice@example․com”"),
        ("https://evil.example/login", "“https:/ /evil․example/login”"),
        (r"\\evil\share", "“\\ \\evil\\share”"),
        ("evil。example", "“evil․example”"),
        ("www.1password.com", "“www․1password․com”"),
        ("No. 1: not found.", "“No. 1: not found.”"),
        ("1.com", "“1․com”"),
        ("cafe\u0301.example", "“cafe\u0301․example”"),
        ("a\r\n\tb\u2028c", "“a b c”"),
        ("a\u202eb\u200bc\u2066d\ufeffe\u00adf\u3164g\u2800h\x00i\ue000j\ud800k", "“abcdefghijk”"),
        ('say "yes" ”now“ ❞ ＂', "“say 'yes' 'now' ' '”"),
        ("", "“”"),
        (None, "“None”"),
        (42, "“42”"),
        ("a" * 160, f"“{'a' * 160}”"),
        ("a" * 161, f"“{'a' * 160}…”"),
    ],
)
def test_a_word_is_quoted_for_mail(word: object, expected: str) -> None:
    assert quoted(word) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("<!channel> @here", "“＜！channel＞ ＠here”"),
        ("[open](https://evil.example)", "“［open］（https：/ /evil․example）”"),
        ("*b* _i_ ~s~ `c` # | {} \\ & :ok:", "“＊b＊ ＿i＿ ～s～ ｀c｀ ＃ ｜ ｛｝ ＼ ＆ ：ok：”"),
    ],
)
def test_a_word_is_quoted_for_chat(word: object, expected: str) -> None:
    assert quoted(word, Medium.CHAT) == expected


def test_a_limit_may_be_given() -> None:
    assert quoted("abcdef", limit=3) == "“abc…”"


@given(WORDS, MEDIA)
def test_a_quoted_word_is_one_line_of_visible_characters(word: str, medium: Medium) -> None:
    line = quoted(word, medium)
    assert line.splitlines() == [line]
    assert not {unicodedata.category(character)[0] for character in line} & {"C"}
    assert {character for character in line if character.isspace()} <= {" "}


@given(WORDS, MEDIA)
def test_no_word_breaks_out_of_its_quotes(word: str, medium: Medium) -> None:
    line = quoted(word, medium)
    inside = line[1:-1]
    assert (line[0], line[-1]) == ("“", "”")
    assert not [character for character in inside if "QUOTATION MARK" in unicodedata.name(character, "")]


@given(WORDS, MEDIA)
def test_nothing_in_a_quoted_word_becomes_a_link(word: str, medium: Medium) -> None:
    inside = quoted(word, medium)[1:-1]
    assert "//" not in inside
    assert "\\\\" not in inside
    assert not re.search(r"((?<![0-9])[.。．｡]|[.。．｡](?![0-9]))\S", inside)


@given(WORDS)
def test_no_markup_and_no_mention_survives_in_chat(word: str) -> None:
    assert not set(quoted(word, Medium.CHAT)) & set("@<>*_~`[](){}|#&!\\:")


@given(WORDS, MEDIA, st.integers(1, 200))
def test_a_quoted_word_is_not_longer_than_it_may_be(word: str, medium: Medium, limit: int) -> None:
    """Twice the limit: a pair of slashes gains a space."""
    assert len(quoted(word, medium, limit)) <= 2 * limit + len("“…”")


@given(WORDS)
def test_a_quoted_word_can_be_sent(word: str) -> None:
    assert quoted(word).encode()

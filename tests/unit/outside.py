# ruff: noqa: RUF001 - characters that look like others are what the worst words are made of.
"""Anything that may come from outside, for Hypothesis: words and JSON, the worst of them often."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

WORST_WORDS = (
    "Restored\n\nCovered now:  yes",
    "a\r\nTo do:        nothing",
    "a\u2028To do: nothing\u2029\x85\x0b\x0c",
    "”, confirmed.\nFAILED: “",
    '"; nothing to do; "',
    "❞ 〞 ＂ « »",
    "\u202egnihton\u2066\u200b\u00ad\ufeff\u115f\u3164\u2800",
    "https://evil.example/login",
    "www.evil.example",
    "evil。example",
    "evil．example｡org",
    "cafe\u0301.example",
    r"\\evil\share",
    "//evil.example",
    "alice@example.com",
    "<https://evil.example|open the ticket>",
    "[open](https://evil.example)",
    "<!channel> @here #general :white_check_mark:",
    "*bold* _it_ ~no~ `code` ```block``` > quote",
    "\udfff\ud800 half",
    "\x00\x1b[31mred\x07",
    "{policy} {0} %s ${x}",
    "",
    " ",
    "a" * 5_000,
    "\N{FAMILY}" * 2_000,
)

WORDS = st.sampled_from(WORST_WORDS) | st.text(st.characters(exclude_categories=()), max_size=40)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)

"""Rows of a message: never too wide, never too many, torn only where nothing else is possible, behind our prefix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from passerby.node.text import clean
from passerby.node.wrapping import CUT, MAX_ROWS, NARROWEST_PAPER, paragraphs, rows_behind, wrap

FAMILY = "👨‍👩‍👧‍👦"
STRANGER = "Stranger: "
joined = st.text(
    st.sampled_from(
        "ab \u00a0日本\u3000\u0301\u0903\u200d\ufe0f☎👩👧\U0001f1e6\U0001f1fa🏽\u1100\u1161\u11a8क्ष\U000e0100"
    ),
    max_size=120,
)


def widest(rows: list[str]) -> int:
    """By both readings: joined emoji drawn as one, and drawn one by one."""
    return max(max(wcswidth(row), sum(wcswidth(char) for char in row)) for row in rows)


def test_rows_end_at_spaces() -> None:
    assert wrap("the quick brown fox jumps", 21, 10) == ["the quick", "brown fox", "jumps"]


def test_the_last_column_stays_free() -> None:
    assert wrap("abcde fghij", 16, 10) == ["abcde", "fghij"]
    assert wrap("abcde fghij", 15, 10) == ["abcd", "e", "fghi", "j"]


def test_spaces_inside_a_row_stay_and_at_its_end_go() -> None:
    assert wrap("a  b   c", 8, 2) == ["a  b", "c"]
    assert wrap("  ab   ", 6, 1) == ["  ab"]


@pytest.mark.parametrize("text", ["", " ", "   ", "\u200b", "\n\n"])
def test_there_is_always_a_row(text: str) -> None:
    assert [row.strip() for row in wrap(text, 20, 10)] == [""]


def test_chinese_breaks_anywhere() -> None:
    assert wrap("ok 你好世界", 10, 2) == ["ok 你好", "世界"]


def test_a_word_too_long_for_a_row_is_torn_between_letters() -> None:
    assert wrap("see e\u0301" + "e\u0301" * 7, 8, 2) == ["see", "e\u0301" * 5, "e\u0301" * 3]


def test_joined_emoji_hold_together_while_a_row_has_room() -> None:
    assert wrap(f"a {FAMILY} {FAMILY}", 11, 1) == ["a", FAMILY, FAMILY]


def test_joined_emoji_are_torn_where_no_row_has_room() -> None:
    rows = wrap(FAMILY, 6, 1)
    assert "".join(rows) == FAMILY
    assert widest(rows) <= 4


def test_flags_and_skin_tones_hold_together() -> None:
    assert wrap("🇫🇷🇯🇵🇧🇷", 8, 1) == ["🇫🇷", "🇯🇵", "🇧🇷"]
    assert wrap("👍🏽👍🏿", 8, 1) == ["👍🏽", "👍🏿"]
    assert wrap("a 🏽", 6, 1) == ["a 🏽"]


def test_a_picture_selector_counts_as_a_cell() -> None:
    assert wrap("☎\ufe0f☎\ufe0f☎\ufe0f", 6, 1) == ["☎\ufe0f☎\ufe0f", "☎\ufe0f"]


def test_at_most_forty_rows_and_a_mark_where_it_was_cut() -> None:
    assert MAX_ROWS == 40
    assert wrap("a " * 40, 4, 1) == ["a"] * 40
    assert wrap("ab " * 41, 12, 9) == ["ab"] * 39 + ["…"]
    cut = wrap("日" * 2_000, 20, 10)
    assert cut == ["日日日日"] * 39 + [CUT]


def test_rows_are_cleaned_once_more() -> None:
    assert wrap("a\x1b[2J\nb\u202e", 80, 10) == ["a[2J b\ufffd"]


def test_rows_behind_a_prefix_are_indented() -> None:
    assert rows_behind(STRANGER, "the quick brown fox * Stranger left.", 26) == [
        "Stranger: the quick brown",
        "          fox * Stranger",
        "          left.",
    ]


def test_on_a_narrow_screen_the_prefix_has_its_own_row() -> None:
    assert rows_behind(STRANGER, "the quick fox", 10) == ["Stranger:", " the", " quick", " fox"]
    assert rows_behind(STRANGER, "日本", 4) == ["Stranger:", " 日", " 本"]


@given(joined, st.integers(10, 60), st.sampled_from([0, 5, 10]))
def test_no_row_is_too_wide_and_no_word_is_lost(text: str, columns: int, prefix: int) -> None:
    rows = wrap(text, columns, prefix, max_rows=1_000)
    assert widest(rows) <= max(2, columns - prefix - 1)
    assert "".join("".join(rows).split()) == "".join(clean(text).split())


@given(joined, st.integers(4, 60), st.integers(1, 5))
def test_rows_are_bounded_and_the_strangers_text_never_starts_one(text: str, columns: int, limit: int) -> None:
    first, *others = rows_behind(STRANGER, text, columns, limit)
    assert first.startswith("Stranger:")
    assert len(others) <= limit
    assert all(row.startswith(" ") for row in others)
    assert widest(others or [""]) < columns


def test_a_no_break_space_keeps_a_number_with_its_unit() -> None:
    assert wrap("for 19\N{NO-BREAK SPACE}s", 8, 0) == ["for", "19\N{NO-BREAK SPACE}s"]


def test_no_break_spaces_in_a_row_are_no_blank_rows() -> None:
    assert wrap("a" + "\N{NO-BREAK SPACE}" * 100 + "b", 8, 0) == ["a", "b"]


def test_outside_the_chat_each_line_is_broken_at_spaces_behind_its_own_margin() -> None:
    text = "Passerby connects you.\n\n- You must be 18 or older.\n    one two three four five"
    assert paragraphs(text, 22).split("\n") == [
        "Passerby connects you.".removesuffix(" you."),
        "you.",
        "",
        "- You must be 18 or",
        "  older.",
        "    one two three",
        "    four five",
    ]


def test_a_path_that_no_row_has_room_for_is_left_whole_to_be_copied() -> None:
    path = "/a/path/longer/than/any/row"
    assert paragraphs(f"see {path} now", NARROWEST_PAPER) == f"see\n{path}\nnow"


def test_on_the_narrowest_screens_the_terminal_breaks_the_rows() -> None:
    assert paragraphs("one two three", 1) == "one two three"

"""Levels: a crowd's is followed and remembered, and whatever seeds say, who waits comes to level 0."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.discovery.hints import Hint
from passerby.discovery.rooms import ANYBODY
from passerby.discovery.searching.levels import LevelMemory, TagLevels


def test_a_search_begins_at_its_own_memory_for_ten_minutes() -> None:
    memory = LevelMemory()
    assert memory.start(b"tag:go", 0.0) == 0
    memory.note(b"tag:go", 5, 100.0)
    assert memory.start(b"tag:go", 700.0) == 5
    assert memory.start(b"tag:go", 700.1) == 0
    assert memory.start(ANYBODY, 100.0) == 0


def test_else_at_the_median_hint_if_anybody_is_wanted() -> None:
    memory = LevelMemory()
    for block, level in (("a", 20), ("b", 4), ("c", 3)):
        memory.hear(block, Hint(level, 10), 0.0)
    assert memory.start(ANYBODY, 0.0) == 4
    assert memory.start(b"tag:go", 0.0) == 0, "the hints are of the empty tag"
    memory.note(ANYBODY, 1, 0.0)
    assert memory.start(ANYBODY, 0.0) == 1
    assert memory.start(ANYBODY, 601.0) == 0


def test_the_memory_is_bounded() -> None:
    memory = LevelMemory()
    for number in range(100):
        memory.note(b"tag:%d" % number, 3, 0.0)
    assert memory.start(b"tag:35", 0.0) == 0
    assert memory.start(b"tag:36", 0.0) == 3


def test_a_level_lower_by_two_is_entered_too_and_by_one_is_not() -> None:
    levels = TagLevels(6)
    assert not levels.hear(b"a", 5, found=True)
    assert list(levels.levels) == [6]
    assert levels.hear(b"a", 4, found=True)
    assert list(levels.levels) == [6, 4]


def test_a_level_higher_by_two_is_entered_only_where_nobody_was_found() -> None:
    levels = TagLevels(0)
    assert not levels.hear(b"a", 1, found=False)
    assert levels.hear(b"a", 3, found=False)
    assert levels.levels == (0, 3)
    found = TagLevels(0)
    found.hear(b"a", None, found=True)
    assert not found.hear(b"a", 9, found=False)


def test_every_resample_in_vain_goes_half_the_way_to_level_0() -> None:
    levels, seen = TagLevels(11), list[tuple[int, ...]]()
    while levels.unmatched():
        seen.append(levels.levels)
    assert seen == [(11, 5), (11, 2), (11, 1), (11, 0)]
    assert not TagLevels(0).unmatched()


def test_one_who_lies_among_three_changes_nothing() -> None:
    levels = TagLevels(4)
    levels.hear(b"a", 4, found=False)
    levels.hear(b"b", 5, found=False)
    assert not levels.hear(b"liar", 20, found=False)
    assert levels.told == 5
    assert TagLevels(4).told is None


@pytest.mark.parametrize(("words", "median"), [([3, 9], 3), ([1, 2, 9], 2), ([7], 7)])
def test_what_was_told_is_taken_by_its_median_of_two_the_lower(words: list[int], median: int) -> None:
    levels = TagLevels(0)
    for number, word in enumerate(words):
        levels.hear(bytes([number]), word, found=True)
    assert levels.told == median


def test_only_the_last_words_of_twelve_seeds_count() -> None:
    levels = TagLevels(0)
    for number in range(40):
        levels.hear(bytes([number]), 0 if number < 28 else 7, found=True)
    assert levels.told == 7


@given(st.integers(0, 20), st.lists(st.none() | st.integers(0, 20), max_size=30), st.booleans())
def test_whatever_is_said_three_levels_at_most_and_the_last_is_0(
    base: int, words: list[int | None], found: bool
) -> None:
    levels = TagLevels(base)
    for number, word in enumerate(words):
        before = levels.levels
        assert levels.hear(bytes([number % 5]), word, found=found) == (levels.levels != before)
        assert levels.levels[0] == base
        assert 1 <= len(levels.levels) <= 3
        if number % 3 == 0:
            levels.unmatched()
    for _ in range(5):
        levels.unmatched()
    assert 0 in levels.levels

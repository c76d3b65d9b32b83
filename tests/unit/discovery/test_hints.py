"""Levels follow the rate of Enters; hints age, do not circulate for ever, and need two liars of three."""

import random
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.discovery.hints import EnterRate, Hint, Hints


def steady(per_second: float, seconds: float) -> EnterRate:
    """A room that strangers of as many blocks enter at a steady rate from 0 on."""
    rate = EnterRate(0.0)
    for number in range(int(per_second * seconds)):
        rate.enter(f"block {number}", (number + 0.5) / per_second)
    return rate


# ---- the rate of one room


@pytest.mark.parametrize(
    ("per_second", "level"), [(0.1, 0), (1, 0), (7.5, 0), (9, 1), (15, 1), (17, 2), (31, 2), (60, 3), (130, 5)]
)
@pytest.mark.parametrize("seconds", [6, 20, 100])
def test_the_level_is_that_of_the_rate_however_old_the_room(per_second: float, level: int, seconds: float) -> None:
    assert steady(per_second, seconds).level_of(0, seconds) == level


def test_a_shard_speaks_for_its_whole_tag() -> None:
    assert [steady(7, 60).level_of(level, 60) for level in (0, 1, 2, 3, 19, 20)] == [0, 1, 2, 3, 19, 20]
    assert [steady(3, 60).level_of(level, 60) for level in (0, 1, 2, 3)] == [0, 0, 1, 2]
    assert [steady(30, 60).level_of(level, 60) for level in (3, 18, 19, 20)] == [5, 20, 20, 20]


def test_a_young_room_has_no_opinion_unless_it_is_overrun() -> None:
    assert EnterRate(0.0).level_of(3, 0.0) is None
    assert steady(7, 4.9).level_of(0, 4.9) is None
    assert steady(7, 5.0).level_of(0, 5.0) == 0
    assert steady(100, 0.39).level_of(0, 0.39) is None
    assert steady(100, 1).level_of(0, 1) == 4


def test_forty_at_once_are_no_endless_rate() -> None:
    rate = EnterRate(7.0)
    for number in range(39):
        rate.enter(str(number), 7.0)
    assert rate.level_of(0, 7.0) is None
    rate.enter("39", 7.0)
    assert rate.level_of(0, 7.0) == 3  # as if they had come within a second


def test_the_count_decays() -> None:
    rate = EnterRate(0.0)
    rate.enter("a", 0.0)
    rate.enter("b", 20.0)
    assert rate.count(20.0) == pytest.approx(1 + exp(-1))
    assert rate.count(40.0) == pytest.approx(exp(-1) + exp(-2))
    assert steady(100, 60).level_of(0, 60 + 200) == 0


def test_a_block_counts_four_times_in_ten_seconds() -> None:
    rate = EnterRate(0.0)
    for _ in range(100):
        rate.enter("flooder", 1.0)
    assert rate.count(1.0) == 4
    for number in range(3):
        rate.enter(f"other {number}", 1.0)
    assert rate.count(1.0) == 7
    rate.enter("flooder", 9.99)
    assert rate.count(9.99) == pytest.approx(7 * exp(-8.99 / 20))
    for _ in range(100):
        rate.enter("flooder", 10.0)
    assert rate.count(10.0) == pytest.approx(4 + 7 * exp(-9 / 20))


def test_one_block_alone_never_splits_a_room() -> None:
    rate = EnterRate(0.0)
    for number in range(20_000):
        rate.enter("flooder", number / 100)
    assert rate.level_of(0, 200.0) == 0


def test_the_blocks_of_a_flood_are_bounded() -> None:
    rate = EnterRate(0.0)
    for number in range(10_000):
        rate.enter(str(number), 1.0)
    assert rate.count(1.0) == 4_096
    rate.enter("17", 1.0)  # a block that is known still counts
    assert rate.count(1.0) == 4_097
    rate.enter("9999", 2.0)  # one that is not, only in the next ten seconds
    assert rate.count(2.0) < 4_097
    rate.enter("9999", 11.0)
    assert rate.count(11.0) == pytest.approx(1 + 4_097 * exp(-10 / 20))


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 9)), max_size=60), st.integers(0, 20))
def test_whatever_comes_the_level_is_one_that_exists(entries: list[tuple[float, int]], own_level: int) -> None:
    rate, now = EnterRate(5.0), 5.0
    for wait, block in entries:
        now += wait
        rate.enter(str(block), now)
        assert 0 < rate.count(now) <= len(entries)
        assert rate.level_of(own_level, now) in (None, *range(21))


# ---- what others said


def test_the_middle_of_the_three_freshest_blocks_counts() -> None:
    hints = Hints()
    assert hints.median(0.0) is None
    hints.hear("a", Hint(2, 10), 0.0)
    assert hints.median(0.0) == Hint(2, 10)
    hints.hear("b", Hint(7, 5), 0.0)
    assert hints.median(0.0) == Hint(2, 10)  # of two the lower: nobody splits a room by one word
    hints.hear("c", Hint(4, 1), 0.0)
    assert hints.median(0.0) == Hint(4, 1)
    hints.hear("d", Hint(20, 0), 0.0)
    assert hints.median(0.0) == Hint(7, 5)  # a, the oldest, is no longer one of three


def test_one_block_is_one_voice() -> None:
    hints = Hints()
    hints.hear("honest", Hint(3, 20), 0.0)
    hints.hear("also honest", Hint(4, 30), 0.0)
    for moment in range(10):
        hints.hear("liar", Hint(20, 0), moment)
    assert hints.median(9.0) == Hint(4, 39)


def test_of_one_block_the_later_measurement_counts() -> None:
    hints = Hints()
    hints.hear("a", Hint(5, 3), 10.0)
    hints.hear("a", Hint(9, 20), 20.0)  # heard later, measured earlier
    assert hints.median(20.0) == Hint(5, 13)
    hints.hear("a", Hint(9, 12), 20.0)
    assert hints.median(20.0) == Hint(9, 12)


def test_a_hint_ages_and_is_not_passed_on_for_ever() -> None:
    hints = Hints()
    hints.hear("too old", Hint(1, 61), 0.0)
    assert hints.median(0.0) is None
    hints.hear("a", Hint(3, 30), 0.0)
    assert hints.median(0.5) == Hint(3, 31)
    assert hints.median(30.0) == Hint(3, 60)
    assert hints.median(30.1) is None
    hints.hear("b", Hint(0, 60), 40.0)
    assert hints.median(40.0) == Hint(0, 60)
    assert Hints(600.0).median(0.0) is None


def test_a_longer_memory_is_kept_where_it_is_asked_for() -> None:
    hints = Hints(max_age=600.0)
    hints.hear("a", Hint(3, 100), 0.0)
    assert hints.median(500.0) == Hint(3, 600)
    assert hints.median(501.0) is None


def test_stale_hints_die_out_among_seeds_that_only_repeat_each_other() -> None:
    rng = random.Random(7)
    seeds = [Hints() for _ in range(10)]
    seeds[0].hear("a seed that is gone", Hint(6, 0), 0.0)
    for now in range(15, 120, 15):
        for own, hints in enumerate(seeds):
            for other in rng.sample(range(10), 4):
                said = seeds[other].median(now)
                if said is not None and other != own:
                    hints.hear(f"seed {other}", said, now)
    assert all(hints.median(105) is None for hints in seeds)


@given(
    st.lists(
        st.tuples(st.floats(0, 40), st.sampled_from("abcdef"), st.integers(0, 20), st.integers(0, 70)), max_size=40
    )
)
def test_three_kept_say_what_all_would(heard: list[tuple[float, str, int, int]]) -> None:
    hints, now = Hints(), 0.0
    freshest: dict[str, tuple[float, int]] = {}
    for wait, block, level, age in heard:
        now += wait
        hints.hear(block, Hint(level, age), now)
        if age <= 60 and (block not in freshest or now - age > freshest[block][0]):
            freshest[block] = now - age, level
        ordered = sorted((measured, block, level) for block, (measured, level) in freshest.items())[-3:]
        levels = sorted(level for measured, _, level in ordered if now - measured <= 60)
        median = hints.median(now)
        assert (None if median is None else median.level) == (levels[(len(levels) - 1) // 2] if levels else None)
        assert median is None or 0 <= median.age <= 60

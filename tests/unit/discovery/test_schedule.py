"""When a searching peer samples, and what it announces: always often enough for its ticket to be handed out."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.discovery.searching.schedule import Schedule


def rounds(rng: random.Random, until: float, start: float = 100.0) -> list[float]:
    schedule = Schedule(rng)
    schedule.start(start)
    moments: list[float] = []
    while (due := schedule.due(at_once=False)) - start < until:
        moments.append(due)
        schedule.advance(due)
    return [moment - start for moment in moments]


@given(st.randoms(use_true_random=False))
def test_the_beat_is_the_documented_one(rng: random.Random) -> None:
    moments = rounds(rng, 300)
    assert moments[:2] == [1.0, 2.0]
    for before, after in itertools.pairwise(moments[1:]):
        base = 5 if before < 60 else 15
        assert 0.75 * base - 1e-6 <= after - before <= 1.25 * base + 1e-6


def test_two_peers_do_not_beat_in_step() -> None:
    first, second = rounds(random.Random(1), 60), rounds(random.Random(2), 60)
    assert not set(first[2:]) & set(second[2:])


def test_a_sample_used_up_brings_the_next_forward_but_never_into_a_flood() -> None:
    schedule = Schedule(random.Random(1))
    schedule.start(0.0)
    schedule.advance(1.0)
    schedule.advance(2.0)
    assert schedule.due(at_once=True) == 2.25
    assert schedule.due(at_once=False) >= 5.75


def test_samples_that_are_spent_at_once_do_not_put_off_the_beat() -> None:
    schedule = Schedule(random.Random(1))
    schedule.start(0.0)
    while (due := schedule.due(at_once=True)) < 20.0:
        schedule.advance(due)
    assert schedule.beats >= 4


def test_a_late_first_round_is_not_followed_by_one_in_the_past() -> None:
    schedule = Schedule(random.Random(1))
    schedule.start(0.0)
    schedule.advance(30.0)
    assert schedule.due(at_once=False) == 30.0


@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_between_two_visits_a_seed_never_takes_our_ticket_for_a_silent_ones(rng: random.Random, seeds: int) -> None:
    schedule = Schedule(rng)
    schedule.start(0.0)
    line = list(range(seeds))
    window = dict.fromkeys(line, 12.0)
    heard = dict.fromkeys(line, 0.0)
    for _ in range(60):
        now = schedule.due(at_once=False)
        schedule.advance(now)
        for seed in line[:2]:
            assert (seeds > 6 and heard[seed] == 0.0) or now - heard[seed] <= window[seed]
            heard[seed], window[seed] = now, 2.4 * schedule.announced(now, seeds)
        line = line[2:] + line[:2]


@pytest.mark.parametrize(("seeds", "early", "late"), [(1, 5, 15), (2, 5, 15), (4, 7, 19), (6, 10, 29), (12, 19, 50)])
def test_announced_intervals(seeds: int, early: int, late: int) -> None:
    schedule = Schedule(random.Random(1))
    schedule.start(0.0)
    assert schedule.announced(0.0, seeds) == early
    assert schedule.announced(60.0, seeds) == late
    assert schedule.announced(59.0, seeds) == late

"""The lab's pure parts: what is drawn from a random seed, what a run needs, and how its result is told."""

import json
import math
import random
import resource
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.discovery.limits import LONGEST_RETRY
from passerby.node.lab.chaos import SPAN, Fate, Nature, calm, chaos
from passerby.node.lab.patience import LATE, LONGEST, LOOK, Patience, stretched
from passerby.node.lab.plan import Plan, allow_files
from passerby.node.lab.summary import Left, MatchTime, Part, Spread, Summary, apart, counted, mismatched
from passerby.node.limits import DIAL_TIMEOUT


def plan(seeds: int = 40, pairs: int = 20) -> Plan:
    return Plan(seeds, pairs, chaos=True, random_seed=7)


@given(st.integers(1, 200), st.integers(1, 50), st.integers(0, 1_000_000))
def test_of_five_seeds_two_are_left_alone(seeds: int, pairs: int, number: int) -> None:
    script = chaos(plan(seeds, pairs), random.Random(number))
    touched = {act.seed for act in script.acts} | set(script.natures) | set(script.seed_clocks)
    assert len(script.sound) >= max(1, 2 * seeds / 5)
    assert not touched & set(script.sound)
    assert (touched | set(script.sound)) >= set(range(seeds))
    assert len(touched & set(range(seeds))) == len(script.natures) + len(script.seed_clocks) + sum(
        act.fate in (Fate.KILLED, Fate.CUT_OFF) for act in script.acts
    )
    assert set(script.person_clocks) <= set(range(2 * pairs))


@given(st.integers(0, 1_000_000))
def test_what_is_cut_off_is_reached_again_and_all_is_over_in_time(number: int) -> None:
    script = chaos(plan(), random.Random(number))
    assert list(script.acts) == sorted(script.acts)
    assert script.end <= SPAN
    for act in script.acts:
        if act.fate is Fate.CUT_OFF:
            later = [other for other in script.acts if other.seed == act.seed and other.at > act.at]
            assert [other.fate for other in later] == [Fate.REACHED]
    kinds = [act.fate for act in script.acts]
    assert kinds.count(Fate.KILLED) == kinds.count(Fate.STARTED) == 10


def test_the_same_random_seed_gives_the_same_script() -> None:
    assert chaos(plan(), random.Random(7)) == chaos(plan(), random.Random(7))
    assert chaos(plan(), random.Random(7)) != chaos(plan(), random.Random(8))
    assert set(chaos(plan(), random.Random(7)).natures.values()) == set(Nature) - {Nature.HONEST}


def test_without_chaos_nothing_goes_wrong() -> None:
    script = calm(plan())
    assert (script.acts, script.end, script.sound) == ((), 0.0, tuple(range(40)))
    quiet = Plan(40, 20, chaos=False, random_seed=7)
    assert quiet.rounds < plan().rounds
    assert quiet.patience < plan().patience


@pytest.fixture
def _files_kept() -> object:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.usefixtures("_files_kept")
def test_the_open_files_are_asked_for_or_it_is_said_how_many_there_may_be() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    allow_files(Plan(1, 1, chaos=False, random_seed=0))
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (256, hard)
    allow_files(plan())
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == plan().files > 2_000
    with pytest.raises(ValueError, match=r"1000000 seeds and 20 pairs need about .* take fewer"):
        allow_files(plan(1_000_000))


GOOD = Summary(
    seeds=4,
    people=4,
    rounds=1,
    matches=2,
    mismatched=0,
    apart=0,
    match_ms=MatchTime.of([100, 200, 400]),
    rooms=1,
    neighbours=Spread.of([3]),
    connections=Spread.of([6, 9, 8]),
    killed=0,
    cut_off=0,
    started=0,
    liars=0,
    wrong_clocks=0,
    left=(),
    seconds=1.5,
    random_seed=7,
    chaos=False,
)


def test_a_good_result() -> None:
    assert GOOD.is_good
    assert GOOD.lines() == [
        "seeds        4; neighbours 3 (3 to 3), connections at most 8 (6 to 9)",
        "rooms        1",
        "matches      2 of 2, in 1 round",
        "match time   median 200 ms, 95 of 100 within 400 ms",
        "left         nobody",
    ]
    told = json.loads(GOOD.as_json())
    assert told["match_ms"] == {"median": 200, "p95": 400}
    assert (told["v"], told["ok"], told["left"]) == (1, True, [])


def test_somebody_left() -> None:
    bad = replace(GOOD, left=(Left(1, 3), Left(2, 0)), rounds=2, match_ms=MatchTime.of([]), chaos=True)
    assert not bad.is_good
    assert bad.lines()[2:4] == [
        "matches      2 of 4, in 2 rounds",
        "match time   median unknown, 95 of 100 within unknown",
    ]
    assert bad.lines()[4].endswith("again with --random-seed 7")
    assert bad.lines()[-1] == "left         number 3 in round 1, number 0 in round 2"
    assert json.loads(bad.as_json())["left"] == [{"round": 1, "person": 3}, {"round": 2, "person": 0}]


def test_one_of_each_is_one() -> None:
    words = replace(GOOD, chaos=True, killed=1, liars=1, wrong_clocks=1, mismatched=1, apart=1).lines()
    assert words[4] == (
        "chaos        1 seed killed, 0 cut off, 0 started, 1 liar, 1 wrong clock; again with --random-seed 7"
    )
    assert words[5].startswith("mismatched   1 person, in")
    assert words[6].startswith("apart        1 person heard")
    assert (counted(0, "seed"), counted(1, "seed"), counted(2, "seed")) == ("0 seeds", "1 seed", "2 seeds")


@given(st.lists(st.integers(0, 60_000), min_size=1))
def test_nineteen_of_twenty_were_matched_within_that_time_and_half_were_before(times: list[int]) -> None:
    told = MatchTime.of(times)
    assert told.median is not None
    assert told.p95 is not None
    assert told.median <= told.p95
    assert sum(time <= told.p95 for time in times) >= 0.95 * len(times)


OURS, THEIRS, ALONE = ("a", "b"), ("c", "d"), ("e", "f")


def heard(words: tuple[str, ...], *before: tuple[str, ...]) -> Part:
    return Part((*before, words), words)


def test_a_chat_has_two_sides_and_no_third() -> None:
    assert mismatched([heard(OURS), heard(THEIRS), heard(OURS), heard(THEIRS)]) == 0
    assert mismatched([heard(OURS), heard(OURS), heard(OURS), heard(ALONE)]) == 4
    assert mismatched([heard(OURS), heard(OURS), Part((OURS,))]) == 3, "a third who had the words, and heard nobody"
    four = replace(GOOD, mismatched=4)
    assert not four.is_good
    assert any(line.startswith("mismatched   4 people") for line in four.lines())


def test_two_chats_at_once_are_seen_although_each_has_two_sides() -> None:
    two = Part().matched_with(OURS, at_once=False).matched_with(THEIRS, at_once=True).matched_with(ALONE, at_once=False)
    assert two == Part((OURS, THEIRS, ALONE), None, is_double=True)
    parts = [replace(two, heard=OURS), heard(OURS), heard(THEIRS), heard(ALONE)]
    assert mismatched(parts) == 1


def test_who_lost_a_stranger_and_found_the_next_is_no_mismatch() -> None:
    again = heard(THEIRS, OURS)
    parts = [heard(OURS), again, heard(THEIRS)]
    assert (mismatched(parts), apart(parts)) == (0, 1)


def test_whose_stranger_was_lost_before_hearing_them_is_told_apart() -> None:
    parts = [heard(OURS), Part((OURS,)), heard(THEIRS), heard(THEIRS), Part((ALONE,)), Part()]
    assert (mismatched(parts), apart(parts)) == (0, 1)
    told = replace(GOOD, apart=1)
    assert told.is_good, "all were matched: who is left is told by number"
    assert any(line.startswith("apart        1 person heard") for line in told.lines())


def test_people_are_waited_for_as_long_as_some_are_matched_and_not_for_ever() -> None:
    looks = round(60 / LOOK)
    patience = Patience(60, now=100)
    assert [patience.is_over(100, 0) for _ in range(looks)].index(True) == looks - 1
    patience = Patience(60, now=100)
    assert not any(patience.is_over(100, matches // 10) for matches in range(10 * looks))
    assert not patience.is_over(100 + LONGEST - LOOK, looks)
    assert patience.is_over(100 + LONGEST, looks + 1)


def test_a_machine_that_was_late_once_has_until_seeds_are_tried_again() -> None:
    assert stretched(30.0, LATE) == 30.0
    assert 30.0 + LONGEST_RETRY == stretched(30.0, math.nextafter(LATE, math.inf)) < LONGEST


def test_late_is_who_in_the_steps_of_one_dial_would_use_up_all_that_it_is_given() -> None:
    steps = 3  # round trips of a dial (ADR 11)
    assert steps * LATE == DIAL_TIMEOUT


def test_the_spread_of_nothing() -> None:
    assert Spread.of([]) == Spread(0, 0, 0)

"""A lookup ends within its budgets whatever it is told, and liars on one path cost it neither the match nor 15 s."""

import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.crypto.errors import LocalProtocolError
from passerby.crypto.keys import SigningKey
from passerby.discovery.addresses import Scope, parse
from passerby.discovery.limits import LOOKUP_ALPHA, LOOKUP_NEW, LOOKUP_QUERIES, LOOKUP_TIME, QUERY_PATIENCE
from passerby.discovery.lookup import Candidate, Lookup, block_at
from passerby.discovery.seeding.table import place_of
from passerby.discovery.seedrecord import SeedRecord, sign_record
from support.seednet import UNIX, address_of, candidate_of, key_of, record_of

TARGET = bytes(range(32))
Answerer = Callable[[Candidate], list[Candidate] | None]


def seed(number: int, scope: Scope = Scope.MACHINE) -> Candidate:
    return candidate_of(record_of(number, scope))


def distance(candidate: Candidate) -> int:
    assert candidate.record is not None
    return place_of(candidate.record.position) ^ place_of(TARGET)


def by_distance(count: int, scope: Scope = Scope.MACHINE) -> list[Candidate]:
    return sorted((seed(number, scope) for number in range(count)), key=distance)


def run(lookup: Lookup, answer: Answerer, now: float = 0.0, delay: float = 0.1) -> tuple[float, int]:
    """Play the network: None is no answer, and fails after QUERY_PATIENCE; return when it ended, after how many."""
    flying: list[tuple[float, Candidate]] = []
    queries = 0
    while not lookup.is_over(now):
        asked = lookup.ask(now)
        queries += len(asked)
        flying += [(now + (delay if answer(one) is not None else QUERY_PATIENCE), one) for one in asked]
        assert len(flying) <= LOOKUP_ALPHA
        due = min(flying, key=lambda item: item[0], default=(lookup.deadline(now) or now, None))
        now = due[0]
        if due[1] is not None:
            flying.remove((due[0], due[1]))
            told = answer(due[1])
            if told is None:
                lookup.failed(due[1].pid)
            else:
                lookup.answered(due[1].pid, told)
    return now, queries


def honest(world: list[Candidate], known: int = 24) -> Callable[[Candidate], list[Candidate]]:
    """Everybody knows some at random, and the eight nearest to itself, as a table does."""

    def answer(asked: Candidate) -> list[Candidate]:
        assert asked.record is not None
        place = place_of(asked.record.position)
        rng = random.Random(asked.pid)
        near = sorted(world, key=lambda one: place ^ place_of(one.record.position if one.record else b""))[:8]
        return sorted({*near, *rng.sample(world, min(known, len(world)))}, key=distance)[:16]

    return answer


def test_it_finds_the_nearest_of_two_hundred() -> None:
    world = by_distance(200)
    for number in range(20):
        lookup = Lookup(TARGET, random.Random(number).sample(world, 3), 0.0)
        ended, queries = run(lookup, honest(world))
        assert lookup.result() == world[:4]
        assert ended <= 2.0
        assert queries <= 40
        assert lookup.deadline(ended) is None


def test_nobody_to_ask_is_over_at_once() -> None:
    lookup = Lookup(TARGET, [], 0.0)
    assert lookup.is_over(0.0)
    assert lookup.ask(0.0) == []
    assert lookup.result() == []


def test_an_address_alone_can_be_asked_and_its_own_record_tells_its_place() -> None:
    lookup = Lookup(TARGET, [Candidate(seed(1).pid, (address_of(1),), "typed")], 5.0)
    assert lookup.deadline(5.0) == 5.0 + LOOKUP_TIME
    assert [one.pid for one in lookup.ask(5.0)] == [seed(1).pid]
    assert lookup.ask(5.0) == []
    lookup.answered(seed(1).pid, [seed(1)])
    assert lookup.is_over(5.0)
    assert lookup.result() == [seed(1)]


def test_who_has_no_known_place_is_no_result() -> None:
    lookup = Lookup(TARGET, [Candidate(seed(1).pid, (), "typed")], 0.0)
    lookup.ask(0.0)
    lookup.answered(seed(1).pid, [])
    assert lookup.result() == []


def test_a_report_about_nobody_is_our_bug() -> None:
    lookup = Lookup(TARGET, [seed(1)], 0.0)
    with pytest.raises(LocalProtocolError):
        lookup.answered(seed(1).pid, [])
    with pytest.raises(LocalProtocolError):
        lookup.failed(seed(2).pid)


def test_it_is_over_in_time_though_answers_are_missing() -> None:
    lookup = Lookup(TARGET, [seed(1)], 0.0)
    lookup.ask(0.0)
    assert not lookup.is_over(LOOKUP_TIME - 0.1)
    assert lookup.is_over(LOOKUP_TIME)
    assert lookup.ask(LOOKUP_TIME) == []


def test_an_empty_answer_is_one_answer() -> None:
    world = by_distance(30)
    liar = world[-1]
    lookup = Lookup(TARGET, [liar, world[-2]], 0.0)
    run(lookup, lambda asked: [] if asked == liar else honest(world)(asked))
    assert lookup.result() == world[:4]


def test_paths_begin_in_different_blocks() -> None:
    first = [Candidate(seed(number).pid, (), block) for number, block in enumerate(["a", "a", "b"])]
    lookup = Lookup(TARGET, first, 0.0)
    assert len(lookup.ask(0.0)) == 3
    lookup.failed(first[0].pid)
    lookup.answered(first[2].pid, [])
    lookup.answered(first[1].pid, [seed(8)])
    assert lookup.ask(0.0) == [seed(8)]


def test_nobody_is_asked_twice_on_however_many_paths() -> None:
    world = by_distance(100)
    asked: Counter[bytes] = Counter()
    lookup = Lookup(TARGET, world[50:53], 0.0)
    while batch := lookup.ask(0.0):
        asked.update(one.pid for one in batch)
        for one in batch:
            lookup.answered(one.pid, honest(world)(one))
    assert set(asked.values()) == {1}


def test_of_one_answer_the_eight_nearest_new_ones_are_taken() -> None:
    world = by_distance(40)
    lookup = Lookup(TARGET, [world[-1]], 0.0, count=40)
    lookup.ask(0.0)
    lookup.answered(world[-1].pid, world[:16])
    asked: list[Candidate] = []
    while batch := lookup.ask(0.0):
        asked += batch
        for one in batch:
            lookup.answered(one.pid, [])
    assert asked == world[:LOOKUP_NEW]


def test_one_who_told_of_three_that_failed_is_believed_no_further() -> None:
    world = by_distance(40)
    lookup = Lookup(TARGET, [world[-1]], 0.0)
    lookup.ask(0.0)
    lookup.answered(world[-1].pid, world[:8])
    failed = 0
    while batch := lookup.ask(0.0):
        for one in batch:
            lookup.failed(one.pid)
            lookup.failed(one.pid)  # twice is once
            failed += 1
    assert failed == 4  # alpha were under way


def test_what_others_told_too_is_believed() -> None:
    world = by_distance(40)
    liar, friend = world[-1], world[-2]
    lookup = Lookup(TARGET, [liar], 0.0)
    lookup.ask(0.0)
    lookup.answered(liar.pid, [friend, *world[:6]])
    for one in lookup.ask(0.0):
        lookup.failed(one.pid)
    assert lookup.ask(0.0) == []
    first = Lookup(TARGET, [liar, friend], 0.0)
    first.ask(0.0)
    first.answered(liar.pid, world[:6])
    first.answered(friend.pid, [world[3], *world[8:10]])
    for one in [one for one in first.ask(0.0) if one in world[:3]]:
        first.failed(one.pid)
    assert not first.is_over(0.0)


def test_a_late_answer_counts_and_a_second_one_changes_nothing() -> None:
    lookup = Lookup(TARGET, [seed(1)], 0.0)
    lookup.ask(0.0)
    lookup.failed(seed(1).pid)
    assert lookup.result() == []
    lookup.answered(seed(1).pid, [])
    lookup.answered(seed(1).pid, [])
    assert lookup.result() == [seed(1)]


def test_who_turns_out_to_have_done_no_work_makes_room_for_the_next() -> None:
    world = by_distance(60)
    lookup = Lookup(TARGET, world[-3:], 0.0)
    run(lookup, honest(world))
    assert lookup.result() == world[:4]
    lookup.failed(world[0].pid)
    run(lookup, honest(world))
    assert lookup.result() == world[1:5]


def test_one_block_gets_half_unless_there_are_no_others() -> None:
    sybils = by_distance(200, Scope.PUBLIC)[:8]
    blocks = [Candidate(one.pid, one.addresses, "one" if n < 5 else f"{n}", one.record) for n, one in enumerate(sybils)]
    lookup = Lookup(TARGET, blocks, 0.0)
    run(lookup, lambda _: [])
    assert [one.block for one in lookup.result()] == ["one", "one", "5", "6"]
    alone = Lookup(TARGET, blocks[:5], 0.0)
    run(alone, lambda _: [])
    assert alone.result() == blocks[:4]


def test_the_block_that_counts_is_where_somebody_was_reached() -> None:
    world = by_distance(8)
    lookup = Lookup(TARGET, world, 0.0)
    while batch := lookup.ask(0.0):
        for one in batch:
            lookup.answered(one.pid, [], block="one" if one in world[:3] else None)
    assert world[2] not in lookup.result()


def test_an_old_record_spoils_nobody() -> None:
    key = key_of(7)
    old = sign_record(key, SeedRecord(key.public, (address_of(999),), int(UNIX) - 3600))
    helper = seed(1)
    lookup = Lookup(TARGET, [helper, candidate_of(old)], 0.0)
    lookup.ask(0.0)
    lookup.failed(seed(7).pid)
    lookup.answered(helper.pid, [seed(7)])
    assert lookup.ask(0.0) == [seed(7)]
    lookup.answered(seed(7).pid, [candidate_of(old)])
    assert seed(7) in lookup.result()


def test_the_blocks_of_addresses() -> None:
    pid = seed(1).pid
    assert block_at(parse("/ip4/192.0.2.7/tcp/4001"), pid) == "network 192.0.2.0/24"
    assert block_at(parse("/ip4/10.0.0.7/tcp/4001"), pid) == "address 10.0.0.7"
    assert block_at(parse("/ip4/127.0.0.1/tcp/4001"), pid) == f"peer {pid.hex()}"
    assert block_at(parse("/dns4/seed.example.org/tcp/4001"), pid) == f"peer {pid.hex()}"


# ---- adversaries


def invented(rng: random.Random, nearer_than: int) -> Candidate:
    """Return a seed that is nowhere, at a place nearer than that if a hundred tries find one."""
    records = (
        SeedRecord(SigningKey(rng.randbytes(32)).public, (address_of(rng.randrange(40_000)),), int(UNIX))
        for _ in range(100)
    )
    found = [Candidate.of(record, b"") for record in records]
    return next((one for one in found if distance(one) < nearer_than), min(found, key=distance))


def test_a_liar_with_endless_invented_seeds_costs_seconds_and_nobody() -> None:
    """Security 1, a malicious seed: three first contacts, one of them makes up nearer and nearer seeds, all dead."""
    world = by_distance(200)
    for number in range(10):
        rng = random.Random(number)
        liar, *others = rng.sample(world[20:], 3)

        def answer(asked: Candidate, liar: Candidate = liar, rng: random.Random = rng) -> list[Candidate] | None:
            if asked == liar:
                return [invented(rng, distance(world[30])) for _ in range(16)]
            return honest(world)(asked) if asked in world else None

        lookup = Lookup(TARGET, [liar, *others], 0.0)
        ended, queries = run(lookup, answer)
        assert lookup.result() == world[:4]
        assert ended <= 5.0
        assert queries <= LOOKUP_QUERIES


def test_a_liar_whose_crew_answers_from_everywhere_owns_one_path() -> None:
    """Endless seeds, nearer and nearer, that answer but did no work: two honest paths find the four all the same."""
    world = by_distance(200)
    for number in range(5):
        rng = random.Random(number)
        liar, *others = rng.sample(world[20:], 3)

        def answer(asked: Candidate, liar: Candidate = liar, rng: random.Random = rng) -> list[Candidate]:
            if asked == liar or asked not in world:
                return [invented(rng, min(distance(asked), distance(world[8]))) for _ in range(2)]
            return honest(world)(asked)

        lookup = Lookup(TARGET, [liar, *others], 0.0)
        ended, queries = run(lookup, answer)
        while crew := [one for one in lookup.result() if one not in world]:
            for one in crew:
                lookup.failed(one.pid)
            ended, more = run(lookup, answer, ended)
            queries += more
        assert lookup.result() == world[:4]
        assert queries <= LOOKUP_QUERIES
        assert ended <= LOOKUP_TIME


@given(st.randoms(use_true_random=False), st.integers(1, 5), st.integers(1, 8))
def test_it_ends_within_its_budgets_whatever_the_world_says(rng: random.Random, first: int, count: int) -> None:
    world = [seed(number) for number in range(60)]
    contacts = rng.sample(world, first)
    answered: set[bytes] = set()

    def answer(asked: Candidate) -> list[Candidate] | None:
        if asked.pid in answered or rng.random() < 0.6:
            answered.add(asked.pid)
            return rng.choices(world, k=rng.randrange(17))
        return None

    asked: Counter[bytes] = Counter()
    lookup, now = Lookup(TARGET, contacts, 0.0, count), 0.0
    flying: list[Candidate] = []
    while not lookup.is_over(now):
        batch = lookup.ask(now)
        asked.update(one.pid for one in batch)
        flying += batch
        assert len(flying) <= LOOKUP_ALPHA
        now += rng.random()
        if flying:
            one = flying.pop(rng.randrange(len(flying)))
            told = answer(one)
            lookup.failed(one.pid) if told is None else lookup.answered(one.pid, told)
    assert asked.total() <= LOOKUP_QUERIES
    assert now <= LOOKUP_TIME + 1
    result = lookup.result()
    assert len(result) == min(count, len(answered & asked.keys()))
    assert all(one.pid in answered for one in result)
    assert result == sorted(result, key=distance)


def test_nobody_is_asked_any_more_when_the_time_is_over() -> None:
    world = by_distance(40)
    lookup = Lookup(TARGET, world[20:], 0.0)
    for asked in lookup.ask(0.0):
        lookup.answered(asked.pid, world[:20])
    assert lookup.ask(LOOKUP_TIME) == []
    assert len(lookup.ask(LOOKUP_TIME - 0.001)) == LOOKUP_ALPHA

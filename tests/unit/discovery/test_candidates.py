"""Whom to try: each seed's word weighs the same, nobody is pestered, people met wait until there is nobody else."""

import math
import random
from collections import Counter
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.crypto.keys import peer_id_of
from passerby.discovery.addresses import parse
from passerby.discovery.rooms import room_of
from passerby.discovery.searching.candidates import Candidates, Outcome, Seen
from passerby.discovery.searching.peerbook import PeerBook
from passerby.discovery.tickets import Ticket

ROOM, NEXT_ROOM = room_of("main", 1000), room_of("main", 1001)
HERE = parse("/ip4/127.0.0.1/tcp/4001")
OWN = peer_id_of(bytes(32))
ONE, TWO = b"first seed", b"second seed"


def pid(number: int) -> bytes:
    return peer_id_of(number.to_bytes(32, "big"))


def tickets(*numbers: int) -> tuple[Ticket, ...]:
    return tuple(Ticket(pid(number), ROOM, addresses=(HERE,)) for number in numbers)


def candidates(seed: int = 1) -> Candidates:
    pool = Candidates(OWN, PeerBook(bytes(32), 1800.0), PeerBook(bytes(32), math.inf), random.Random(seed))
    pool.start(0.0)
    return pool


def choose(pool: Candidates, now: float) -> bytes | None:
    ticket = pool.choose(now)
    return None if ticket is None else ticket.pid


def test_a_seed_is_drawn_first_then_one_of_its_tickets() -> None:
    pool = candidates()
    drawn: Counter[bytes | None] = Counter()
    for _ in range(1500):
        pool.hear(ONE, ROOM, tickets(1), 0.0)
        pool.hear(TWO, ROOM, tickets(2, 3, 4, 5, 6, 7, 8, 9), 0.0)
        drawn[choose(pool, 0.0)] += 1
    assert 670 < drawn[pid(1)] < 830
    assert all(60 < drawn[pid(number)] < 130 for number in range(2, 10))


def test_who_is_being_dialled_is_not_drawn_and_costs_no_try() -> None:
    pool = candidates()
    pool.hear(ONE, ROOM, tickets(1, 2), 0.0)
    pool.hear(TWO, ROOM, tickets(2), 0.0)
    for _ in range(20):
        assert pool.choose(0.0, {pid(1), pid(2)}) is None
    assert choose(pool, 0.0) is not None
    ticket = pool.choose(0.0, {pid(1)})
    assert ticket is not None
    assert ticket.pid == pid(2)


def test_nobody_is_drawn_of_nothing() -> None:
    pool = candidates()
    assert choose(pool, 0.0) is None
    pool.hear(ONE, ROOM, (), 0.0)
    assert choose(pool, 0.0) is None
    assert pool.next_chance(0.0) is None


def test_oneself_and_the_blocked_are_nobody() -> None:
    blocked = PeerBook(bytes(32), math.inf)
    pool = Candidates(OWN, PeerBook(bytes(32), 1800.0), blocked, random.Random(1))
    pool.start(0.0)
    blocked.add(pid(2), 0.0)
    pool.hear(ONE, ROOM, (Ticket(OWN, ROOM, addresses=(HERE,)), *tickets(2)), 0.0)
    assert choose(pool, 1e9) is None
    assert pool.seen(0.0) == Seen()
    assert pool.next_chance(0.0) is None


def test_there_is_anybody_while_somebody_new_may_be_dialled() -> None:
    pool = candidates()
    assert not pool.has_anybody(0.0)
    pool.hear(ONE, ROOM, (Ticket(OWN, ROOM, addresses=(HERE,)), *tickets(1, 2)), 0.0)
    assert pool.has_anybody(0.0)
    pool.ended(pid(1), Outcome.BUSY, 0.0)
    assert pool.has_anybody(0.0)
    pool.met(pid(2), 0.0)
    assert not pool.has_anybody(0.0)
    assert pool.has_anybody(2.0), "who was busy may be free again"


def test_the_busy_are_left_alone_for_two_seconds_and_everybody_for_a_moment() -> None:
    pool = candidates()
    pool.hear(ONE, ROOM, tickets(1, 2), 0.0)
    first = choose(pool, 0.0)
    assert first is not None
    pool.ended(first, Outcome.BUSY, 0.0)
    assert choose(pool, 0.019) is None
    chance = pool.next_chance(0.0)
    assert chance is not None
    assert 0.02 <= chance <= 0.08
    other = choose(pool, chance)
    assert other not in (None, first)
    assert other is not None
    pool.ended(other, Outcome.BUSY, 0.1)
    assert choose(pool, 1.99) is None
    assert choose(pool, 2.0) == first


def test_after_three_tries_the_sample_is_spent_until_the_next_answer() -> None:
    pool = candidates()
    pool.hear(ONE, ROOM, tickets(1, 2, 3, 4, 5), 0.0)
    assert all(choose(pool, 0.0) for _ in range(3))
    assert pool.is_spent
    assert choose(pool, 0.0) is None
    assert pool.next_chance(0.0) is None
    pool.hear(ONE, ROOM, None, 0.0)
    assert not pool.is_spent
    assert choose(pool, 0.0) is not None


def test_the_unreachable_are_left_alone_longer_each_time() -> None:
    for outcome, first in ((Outcome.UNREACHABLE, 5.0), (Outcome.FAILED, 2.0)):
        pool, now, pauses = candidates(), 0.0, list[float]()
        for _ in range(8):
            pool.hear(ONE, ROOM, tickets(1), now)
            assert choose(pool, now) == pid(1)
            pool.ended(pid(1), outcome, now)
            chance = pool.next_chance(now + 15)  # past the wait for people met, which is another reason to look
            back = now
            while pool.choose(back) is None:
                back += 0.5
            pauses.append(back - now)
            assert chance is None or chance >= now + 15
            now = back
        assert pauses[:3] == [first, 2 * first, 4 * first]
        assert pauses[-1] == 60.0


def test_people_met_are_put_aside_for_fifteen_seconds_without_anybody_new() -> None:
    pool = candidates()
    pool.met(pid(1), 0.0)
    pool.hear(ONE, ROOM, tickets(1), 1.0)
    assert choose(pool, 14.9) is None
    assert pool.next_chance(1.0) == 15.0
    assert choose(pool, 15.0) == pid(1)


def test_somebody_new_keeps_people_met_aside() -> None:
    pool = candidates()
    pool.met(pid(1), 0.0)
    pool.hear(ONE, ROOM, tickets(1, 2), 20.0)
    assert {choose(pool, 20.0) for _ in range(3)} == {pid(2)}
    pool.ended(pid(2), Outcome.BUSY, 20.0)
    pool.hear(ONE, ROOM, None, 21.0)
    assert choose(pool, 21.0) is None
    assert choose(pool, 34.9) == pid(2)
    pool.ended(pid(2), Outcome.UNREACHABLE, 34.9)
    assert choose(pool, 35.0) == pid(1)


def test_one_who_never_answers_does_not_hide_people_met_for_good() -> None:
    pool = candidates()
    pool.met(pid(1), 0.0)
    for now in range(0, 40, 5):
        pool.hear(ONE, ROOM, tickets(1, 2), float(now))
        chosen = choose(pool, float(now))
        if chosen == pid(2):
            pool.ended(pid(2), Outcome.UNREACHABLE, float(now))
        elif chosen == pid(1):
            return
    raise AssertionError("never tried")


def test_after_half_an_hour_people_met_are_new() -> None:
    pool = candidates()
    pool.met(pid(1), 0.0)
    pool.start(1800.0)
    pool.hear(ONE, ROOM, tickets(1), 1800.0)
    assert choose(pool, 1800.0) == pid(1)


def test_what_a_lost_seed_said_is_forgotten_and_what_it_said_of_a_room() -> None:
    pool = candidates()
    pool.hear(ONE, ROOM, tickets(1), 0.0)
    pool.hear(ONE, NEXT_ROOM, tickets(2), 0.0)
    pool.hear(TWO, ROOM, tickets(3), 0.0)
    pool.forget(ONE, ROOM)
    assert pool.seen(0.0).seen == 2
    pool.forget(ONE)
    assert choose(pool, 0.0) == pid(3)
    pool.forget(TWO)
    assert choose(pool, 0.0) is None


def test_unchanged_of_a_room_never_told_of_is_nothing() -> None:
    pool = candidates()
    pool.hear(ONE, ROOM, None, 0.0)
    assert choose(pool, 0.0) is None


def test_people_are_counted_once_and_by_what_came_of_them() -> None:
    pool = candidates()
    pool.hear(ONE, ROOM, tickets(1, 2, 3, 4), 0.0)
    pool.hear(TWO, ROOM, tickets(4, 5), 0.0)
    assert pool.seen(0.0) == Seen(seen=5, new=5)
    pool.ended(pid(1), Outcome.BUSY, 0.0)
    pool.ended(pid(2), Outcome.UNREACHABLE, 0.0)
    pool.ended(pid(3), Outcome.FAILED, 0.0)
    pool.met(pid(4), 0.0)
    assert pool.seen(0.0) == Seen(seen=5, busy=1, unreachable=2, met=1, new=1)
    pool.hear(ONE, ROOM, (), 1.0)
    assert pool.seen(1.0) == Seen(seen=5, busy=1, unreachable=2, met=1, new=1)
    assert pool.seen(61.0) == Seen(seen=2, met=1, new=1)


def test_outcomes_are_remembered_for_a_time_and_up_to_a_number() -> None:
    pool = candidates()
    for number in range(600):
        pool.ended(pid(number), Outcome.BUSY, 1.0)
    assert pool.seen(1.0).busy == 512
    pool.ended(pid(999), Outcome.BUSY, 200.0)
    assert len(vars(pool)["_attempts"]) == 1


def test_a_seed_that_alone_names_people_who_are_not_there_comes_last_for_a_minute() -> None:
    pool = candidates()
    for number in range(3):
        pool.hear(ONE, ROOM, tickets(number), 0.0)
        pool.ended(pid(number), Outcome.UNREACHABLE, 0.0)
    pool.hear(ONE, ROOM, tickets(10, 11, 12), 1.0)
    assert choose(pool, 1.0) is not None, "with no other seed it is as good as any"
    pool.hear(TWO, ROOM, tickets(20), 2.0)
    assert {choose(pool, 2.0) for _ in range(3)} == {pid(20)}
    pool.hear(TWO, ROOM, (), 61.0)
    pool.hear(ONE, ROOM, tickets(10), 61.0)
    assert choose(pool, 61.0) == pid(10)


def test_a_ghost_that_all_seeds_name_is_held_against_none() -> None:
    pool = candidates()
    for number in range(9):
        for seed in (ONE, TWO):
            pool.hear(seed, ROOM, tickets(number), 0.0)
        pool.ended(pid(number), Outcome.UNREACHABLE, 0.0)
    pool.hear(ONE, ROOM, tickets(10), 1.0)
    pool.hear(TWO, ROOM, tickets(20), 1.0)
    drawn = set[bytes | None]()
    for _ in range(30):
        pool.hear(TWO, ROOM, None, 1.0)
        drawn.add(choose(pool, 1.0))
    assert drawn == {pid(10), pid(20)}


def test_invented_people_do_not_hide_those_met_for_good() -> None:
    pool = candidates()
    pool.met(pid(1), 0.0)
    drawn = set[bytes | None]()
    for second in range(40):
        now = float(second)
        pool.hear(TWO, ROOM, tickets(1), now)
        pool.hear(ONE, ROOM, tickets(100 + second), now)
        chosen = choose(pool, now)
        drawn.add(chosen)
        if chosen not in (None, pid(1)):
            assert chosen is not None
            pool.ended(chosen, Outcome.UNREACHABLE, now)
    assert pid(1) in drawn


@dataclass(frozen=True)
class Hear:
    seed: bytes
    people: tuple[int, ...]


@dataclass(frozen=True)
class Forget:
    seed: bytes


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Meet:
    person: int


SEEDS = st.sampled_from([ONE, TWO])
Move = Hear | Forget | Wait | Meet | Outcome
MOVES: st.SearchStrategy[Move] = st.one_of(
    st.builds(Hear, SEEDS, st.lists(st.integers(0, 5), max_size=4).map(tuple)),
    st.sampled_from(Outcome),
    st.builds(Wait, st.floats(0.01, 20)),
    st.builds(Meet, st.integers(0, 5)),
    st.builds(Forget, SEEDS),
)


@settings(deadline=None)
@given(st.lists(MOVES, max_size=40), st.randoms(use_true_random=False))
def test_whatever_happens_nobody_barred_or_just_busy_is_chosen(moves: list[Move], rng: random.Random) -> None:
    met, blocked = PeerBook(bytes(32), 1800.0), PeerBook(bytes(32), math.inf)
    pool = Candidates(pid(0), met, blocked, rng)
    pool.start(0.0)
    blocked.add(pid(1), 0.0)
    now, told, busy = 0.0, dict[bytes, set[bytes]](), dict[bytes, float]()
    for move in moves:
        match move:
            case Hear():
                pool.hear(move.seed, ROOM, tickets(*move.people), now)
                told[move.seed] = {pid(person) for person in move.people}
            case Outcome():
                chosen = choose(pool, now)
                if chosen is None:
                    chance = pool.next_chance(now)
                    assert chance is None or chance > now
                    continue
                assert chosen in set().union(*told.values())
                assert chosen not in (pid(0), pid(1))
                assert now - busy.get(chosen, -9.0) >= 2.0
                pool.ended(chosen, move, now)
                if move is Outcome.BUSY:
                    busy[chosen] = now
            case Wait():
                now += move.seconds
            case Meet():
                pool.met(pid(move.person), now)
                busy.pop(pid(move.person), None)
            case Forget():
                pool.forget(move.seed)
                told.pop(move.seed, None)
        people = pool.seen(now)
        assert people.seen == people.busy + people.unreachable + people.met + people.new


@settings(deadline=None)
@given(st.lists(st.integers(2, 6), min_size=1, max_size=4), st.floats(0, 30), st.randoms(use_true_random=False))
def test_where_nothing_is_heard_any_more_the_next_chance_is_told(
    numbers: list[int], wait: float, rng: random.Random
) -> None:
    pool = candidates()
    pool.met(pid(2), 0.0)
    pool.hear(ONE, ROOM, tickets(*numbers), 0.0)
    now = wait
    for _ in range(3):
        chosen = choose(pool, now)
        if chosen is None:
            break
        pool.ended(chosen, rng.choice(list(Outcome)), now)
    if not pool.is_spent and choose(pool, now) is None:
        chance = pool.next_chance(now)
        assert chance is not None
        while choose(pool, chance) is None:
            following = pool.next_chance(chance)
            assert following is not None
            chance = following

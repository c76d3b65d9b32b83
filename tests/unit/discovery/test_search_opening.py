"""A search is begun at one seed: a crowd is shared out, and a dead or silent seed costs a second."""

import random
from collections import Counter
from dataclasses import replace
from math import inf

import pytest

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery import dhtwire, wire
from passerby.discovery.addresses import Scope
from passerby.discovery.limits import IDLE_SEEDS
from passerby.discovery.rooms import ANYBODY, RoomId, room_of
from passerby.discovery.searching.candidates import Outcome
from passerby.discovery.searching.homes import Breadth, Homes
from passerby.discovery.searching.levels import LevelMemory
from passerby.discovery.searching.opening import Opening
from passerby.discovery.searching.peerbook import PeerBook
from passerby.discovery.searching.searcher import Searcher
from passerby.discovery.searching.searchevents import (
    Answered,
    AskSeed,
    AttemptEnded,
    ConnectSeed,
    DisconnectSeed,
    Effect,
    EnterRoom,
    Event,
    Freed,
    Interests,
    Introduced,
    Locked,
    Origin,
    SeedUp,
    Started,
    Stopped,
    Tick,
)
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.tickets import Ticket, sign_ticket
from support.searchworld import HERE, TRIP, UNIX, Liar, Person, SimulatedSeed, World

ROOM = room_of("main", int(UNIX // 600))
KEYS = [SigningKey.from_seed(bytes([number]) * 32) for number in range(30)]
PIDS = [peer_id_of(key.public) for key in KEYS]


class Search:
    """A searcher that knows seeds of its machine; `connected` are those that it is, or tries to be, a guest of."""

    def __init__(self, seeds: int = 20, tags: tuple[bytes, ...] = (ANYBODY,), number: int = 5) -> None:
        book = SeedBook()
        self.one = Searcher(
            key=SigningKey.from_seed(b"one" * 10 + b"12"),
            network="main",
            unix_minus_now=UNIX,
            met=PeerBook(bytes(32), 1800.0),
            blocked=PeerBook(bytes(32), inf),
            book=book,
            levels=LevelMemory(),
            rng=random.Random(number),
        )
        self.now = 0.0
        self.connected: list[bytes] = []
        self.asked: list[dhtwire.Request] = []
        self.book = book
        for pid in PIDS[:seeds]:
            book.introduce(Introduced(pid, Scope.MACHINE, (replace(HERE, peer=pid),), Origin.NAMED))
        self.tell(Interests(tags), Started())

    def tell(self, *events: Event) -> list[Effect]:
        effects = [effect for event in events for effect in self.one.handle(event, self.now)]
        for effect in effects:
            if isinstance(effect, ConnectSeed):
                self.connected.append(effect.seed)
            elif isinstance(effect, DisconnectSeed):
                self.connected.remove(effect.seed)
        self.asked += [effect.request for effect in effects if isinstance(effect, AskSeed)]
        return effects

    def at(self, now: float) -> list[Effect]:
        self.now = now
        return self.tell(Tick())

    def nearest(self, room: RoomId) -> list[bytes]:
        """Return all seeds, nearest to a room first."""
        return [known.pid for known in self.book.ranking(Scope.MACHINE, int.from_bytes(room.key, "big"), self.now)]

    def let_in(self, pid: bytes, *people: int, room: RoomId = ROOM) -> list[Effect]:
        """Be told by a seed who is there."""
        tickets = tuple(sign_ticket(KEYS[who], Ticket(PIDS[who], room, addresses=(HERE,))) for who in people)
        return self.tell(Answered(pid, room, wire.Room(1, len(people), tickets=tickets)))


def enter(search: Search, *people: int) -> bytes:
    """Let the first seed be up and answer; return it."""
    first = search.connected[-1]
    search.tell(SeedUp(first, Scope.MACHINE))
    search.let_in(first, *people)
    return first


def newest(search: Search, since: int) -> set[bytes]:
    return set(search.connected[since:])


def test_who_finds_nobody_at_the_first_seed_goes_to_all_four() -> None:
    search = Search()
    before = len(search.connected)
    first = enter(search)
    assert newest(search, before) | {first} == set(search.nearest(ROOM)[:4])


def test_who_finds_somebody_goes_to_no_other_before_the_second_is_over() -> None:
    search = Search()
    before = len(search.connected)
    enter(search, 21, 22)
    assert newest(search, before) == set()
    search.at(0.9)
    assert newest(search, before) == set()
    search.at(1.0)
    assert len(newest(search, before)) == 1
    search.at(3.0)
    assert len(newest(search, before)) >= 3


def test_one_refusal_leaves_the_others_to_dial_and_the_last_opens_the_room() -> None:
    search = Search()
    before = len(search.connected)
    enter(search, 21, 22)
    for moment, count in ((0.2, 0), (0.5, 3)):
        search.now = moment
        chosen = search.one.choose(moment)
        assert chosen is not None
        search.tell(AttemptEnded(chosen.pid, Outcome.BUSY))
        assert len(newest(search, before)) == count


def test_a_ghost_opens_the_room_at_once() -> None:
    search = Search()
    before = len(search.connected)
    enter(search, 21, 22, 23)
    chosen = search.one.choose(0.0)
    assert chosen is not None
    search.tell(AttemptEnded(chosen.pid, Outcome.UNREACHABLE))
    assert len(newest(search, before)) == 3


def test_who_falls_back_from_a_lock_is_past_the_opening() -> None:
    search = Search()
    before = len(search.connected)
    enter(search, 21)
    search.tell(Locked(), Freed())
    assert len(newest(search, before)) == 3


def test_the_next_search_opens_anew_with_the_streams_that_stand() -> None:
    search = Search()
    enter(search)
    for pid in list(search.connected[-3:]):
        search.tell(SeedUp(pid, Scope.MACHINE))
        search.let_in(pid)
    search.tell(Stopped())
    before = len(search.connected)
    entered = [effect.seed for effect in search.tell(Started()) if isinstance(effect, EnterRoom)]
    assert len(entered) == 2
    assert newest(search, before) == set()
    search.let_in(entered[0], 21)
    assert newest(search, before) == set()
    search.let_in(entered[1])
    search.let_in(entered[0])
    assert len(newest(search, before)) == 2


def test_each_tag_has_a_seed_of_its_own_and_is_opened_for_itself() -> None:
    search = Search(tags=(b"tag:a", b"tag:b"))
    first, second = search.connected
    near = {room: search.nearest(room)[:count] for room, count in zip(search.one.rooms(0.0), (4, 3), strict=True)}
    one, other = near if first in next(iter(near.values())) else reversed(near)
    assert second not in near[one]
    assert first not in near[other]
    search.tell(SeedUp(first, Scope.MACHINE))
    search.let_in(first, room=one)
    search.let_in(first, room=other)
    assert set(search.connected) == {second, *near[one]}
    search.tell(SeedUp(second, Scope.MACHINE))
    search.let_in(second, room=other)
    assert set(search.connected) == {*near[other], *near[one]}


def test_one_seed_alone_is_not_asked_for_the_time_while_others_are_held_back() -> None:
    search = Search()
    enter(search, 21)
    search.at(1.0)
    assert search.asked == []
    search.at(2.0)
    for pid in search.connected[1:]:
        search.tell(SeedUp(pid, Scope.MACHINE))
        search.let_in(pid, 21)
    search.at(9.0)
    assert sum(isinstance(request, dhtwire.Ping) for request in search.asked) == 3


def test_a_refused_epoch_lets_all_be_connected_before_three_are_asked_for_the_time() -> None:
    search = Search()
    before = len(search.connected)
    first = search.connected[-1]
    search.tell(SeedUp(first, Scope.MACHINE), Answered(first, ROOM, wire.Refused(1, wire.Reason.EPOCH)))
    others = newest(search, before)
    assert len(others) >= 3
    assert search.asked == []
    for pid in others:
        search.tell(SeedUp(pid, Scope.MACHINE), Answered(pid, ROOM, wire.Refused(1, wire.Reason.EPOCH)))
    assert sum(isinstance(request, dhtwire.Ping) for request in search.asked) == 3


# ---- in a world


def settled(seeds: int, liar: type[SimulatedSeed] | None = None) -> World:
    """Return a world in which somebody has waited for long at the right seeds."""
    world = World(seeds)
    if liar is not None:
        world.add(liar(world, 1_000))
    world.arrive(1)
    world.run(20.0)
    return world


@pytest.mark.parametrize("seeds", [3, 6, 20])
def test_a_newcomer_is_matched_through_one_connection(seeds: int) -> None:
    world = settled(seeds)
    second = world.arrive(2)
    assert world.run(21.0, second.has_partner)
    assert second.most_seeds == IDLE_SEEDS, "one, and once it is matched another for the next search"


@pytest.mark.parametrize(("seeds", "share"), [(2, 2), (4, 4), (6, 6), (20, 4)])
def test_a_crowd_is_shared_out_among_the_four_or_all_of_a_few(seeds: int, share: int) -> None:
    first = Counter[bytes]()
    for number in range(400):
        (only,) = Search(seeds, number=number).connected
        first[only] += 1
    assert len(first) == share
    assert min(first.values()) > 400 / share / 2


def test_each_search_has_lots_of_its_own() -> None:
    search = Search()
    lots = set[tuple[int, ...]]()
    for _ in range(20):
        (wanted,) = search.one._update_rooms(search.now)  # pyright: ignore[reportPrivateUsage]  # the lot shows nowhere
        lots.add(wanted.lot)
        search.tell(Stopped(), Started())
    assert len(lots) > 10


def test_an_outpost_takes_no_place_of_one_of_the_nearest() -> None:
    """Of one block one seed is chosen: an outpost of the nearest's block would be chosen instead of it."""
    for number in range(20):
        search = Search(number=number)
        near = search.nearest(ROOM)
        for rank, block in ((0, "one"), (5, "one"), (3, "two"), (7, "two")):
            known = search.book.get(near[rank])
            assert known is not None
            known.block = block
        opening = Opening()
        opening.start(-10.0)
        wanted = search.one._update_rooms(0.0)  # pyright: ignore[reportPrivateUsage]
        plan = Homes(search.book).plan(wanted, {}, 0.0, Breadth.LASTING, opening)
        chosen = set(plan.seeds)
        assert chosen > set(near[:4])
        assert chosen - set(near[:4]) < {near[4], near[6]}


class Mute(Liar):
    """Takes whoever comes and never answers."""

    def answer(self, number: int, request: wire.Request) -> wire.Answer | None:
        return None


@pytest.mark.parametrize("number", range(2, 14))
@pytest.mark.parametrize("kind", ["dead", "mute"])
def test_a_seed_that_is_dead_or_says_nothing_costs_a_second_at_most(kind: str, number: int) -> None:
    world = settled(5, Mute if kind == "mute" else None)
    knows = list(world.seeds.values())
    if kind == "dead":
        knows.append(SimulatedSeed(world, 1_000))
    second: Person = world.arrive(number, knows=knows)
    assert world.run(20.0 + 1.0 + 12 * TRIP, second.has_partner)

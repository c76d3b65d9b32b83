"""Both machines joined in memory, under a virtual clock: whoever waits is found, and an epoch's edge loses nobody."""

import heapq
import itertools
import math
import random
from collections.abc import Callable
from functools import partial

import pytest

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery import wire
from passerby.discovery.addresses import Scope, parse
from passerby.discovery.candidates import Outcome
from passerby.discovery.peerbook import PeerBook
from passerby.discovery.searcher import Searcher
from passerby.discovery.searchevents import (
    Answered,
    AttemptEnded,
    Effect,
    EnterRoom,
    Event,
    LeaveRoom,
    Met,
    Reachable,
    SampleRoom,
    SeedDown,
    SeedUp,
    Started,
    Stopped,
    Tick,
    state_of,
)
from passerby.discovery.tickets import Ticket
from passerby.discovery.waitingroom import Asked, Closed, Connected, WaitingRoom

HERE = parse("/ip4/127.0.0.1/tcp/4001")
TRIP = 0.02  # seconds, one way


class World:
    """Seeds, people and the wires between them; a dial takes three trips and finds whoever still searches free."""

    def __init__(self, seeds: int, unix: float = 600_200.0) -> None:
        self.now = 0.0
        self.unix = unix
        self.queue: list[tuple[float, int, Callable[[], None]]] = []
        self.order = itertools.count()
        self.rng = random.Random(7)
        self.seeds = {
            peer_id_of(bytes([200 + number]) * 32): WaitingRoom(random.Random(number), unix) for number in range(seeds)
        }
        self.people: dict[bytes, Person] = {}

    def later(self, delay: float, what: Callable[[], None]) -> None:
        heapq.heappush(self.queue, (self.now + delay, next(self.order), what))

    def run(self, until: float, done: Callable[[], bool] = lambda: False) -> bool:
        while self.queue and self.queue[0][0] <= until and not done():
            self.now, _, what = heapq.heappop(self.queue)
            what()
        return done()

    def arrive(self, number: int, skew: float = 0.0) -> "Person":
        person = Person(self, number, skew)
        self.people[person.pid] = person
        person.start()
        return person


class Person:
    """A shell as thin as it can be: it moves events and decides nothing."""

    def __init__(self, world: World, number: int, skew: float) -> None:
        self.world = world
        self.number = number
        key = SigningKey.from_seed(number.to_bytes(32, "big"))
        self.pid = peer_id_of(key.public)
        self.machine = Searcher(
            key=key,
            network="main",
            unix_minus_now=world.unix + skew,
            met=PeerBook(bytes(32), 1800.0),
            blocked=PeerBook(bytes(32), math.inf),
            rng=random.Random(number),
        )
        self.alarm = 0
        self.dialling = False
        self.partner: bytes | None = None
        self.requests = 0

    def start(self) -> None:
        self.tell(Reachable(Scope.MACHINE, addresses=(HERE,)))
        self.tell(Started())
        for seed, room in self.world.seeds.items():
            room.handle(Connected(self.number, self.pid, Scope.MACHINE, f"connection {self.number}"), self.world.now)
            self.tell(SeedUp(seed, Scope.MACHINE))

    def tell(self, event: Event) -> None:
        for effect in self.machine.handle(event, self.world.now):
            self.send(effect)
        self.dial()
        self.alarm += 1
        deadline = self.machine.deadline(self.world.now)
        if deadline is not None:
            self.world.later(max(deadline - self.world.now, 0.0), partial(self.ring, self.alarm))

    def ring(self, alarm: int) -> None:
        if alarm == self.alarm:
            self.tell(Tick())

    def send(self, effect: Effect) -> None:
        self.requests += 1
        match effect:
            case EnterRoom(seed, room, ticket):
                request: wire.Request = wire.Enter(1, room, ticket)
            case SampleRoom(seed, room, maximum, interval):
                request = wire.Sample(1, room, maximum, interval)
            case LeaveRoom(seed, room):
                request = wire.Leave(1, room)
        self.world.later(TRIP, partial(self.arrived, seed, request))

    def arrived(self, seed: bytes, request: wire.Request) -> None:
        if seed in self.world.seeds:
            decoded = wire.decode_request(wire.encode(request)[2:])
            assert not isinstance(decoded, wire.Unknown)
            answer = self.world.seeds[seed].handle(Asked(self.number, decoded), self.world.now)
            assert answer is not None
            if request.room is not None:
                self.world.later(TRIP, partial(self.tell, Answered(seed, request.room, answer)))

    def dial(self) -> None:
        if self.dialling or self.partner is not None:
            return
        ticket = self.machine.choose(self.world.now)
        if ticket is not None:
            self.dialling = True
            self.world.later(3 * TRIP, partial(self.dialled, ticket))

    def dialled(self, ticket: Ticket) -> None:
        self.dialling = False
        other = self.world.people.get(ticket.pid)
        if self.partner is not None:
            return
        if other is None or other.partner is not None:
            self.tell(AttemptEnded(ticket.pid, Outcome.UNREACHABLE if other is None else Outcome.BUSY))
            return
        for one, two in ((self, other), (other, self)):
            one.partner = two.pid
            one.tell(Met(two.pid))
            one.tell(Stopped())

    def has_partner(self) -> bool:
        return self.partner is not None

    def again(self) -> None:
        self.partner = None
        self.tell(Started())

    def vanish(self) -> None:
        del self.world.people[self.pid]
        self.alarm += 1
        for room in self.world.seeds.values():
            room.handle(Closed(self.number), self.world.now)


@pytest.mark.parametrize("seeds", [1, 3, 6, 9])
def test_of_two_the_later_finds_the_earlier_at_once(seeds: int) -> None:
    world = World(seeds)
    first = world.arrive(1)
    world.run(30.0)
    assert state_of(first.machine.view(world.now)) == "empty"
    begun = world.now = 30.0
    second = world.arrive(2)
    assert world.run(60.0, lambda: second.partner == first.pid)
    assert world.now - begun <= 5 * TRIP + 1e-6


def test_two_who_come_at_once_meet() -> None:
    for pair in range(1, 40, 2):
        world = World(2)
        one, two = world.arrive(pair), world.arrive(pair + 1)
        assert world.run(10.0, one.has_partner)
        assert (one.partner, two.partner) == (two.pid, one.pid)


def test_a_crowd_that_comes_within_a_second_is_paired_in_seconds() -> None:
    world = World(4)
    for number in range(60):
        world.run(number / 60)
        world.now = number / 60
        world.arrive(number + 1)
    people = list(world.people.values())
    assert world.run(20.0, lambda: all(person.partner for person in people))
    assert all(world.people[person.partner].partner == person.pid for person in people if person.partner)
    assert world.now < 10.0


def test_the_odd_one_out_is_found_when_somebody_is_free_again() -> None:
    world = World(1)
    people = [world.arrive(number) for number in (1, 2, 3)]
    world.run(20.0)
    odd = next(person for person in people if person.partner is None)
    world.run(90.0)
    assert state_of(odd.machine.view(world.now)) in ("empty", "busy")
    world.now = 90.0
    free = next(person for person in people if person.partner is not None)
    free.again()
    assert world.run(95.0, lambda: odd.partner == free.pid)


def test_two_alone_meet_again_after_fifteen_seconds() -> None:
    world = World(1)
    one, two = world.arrive(1), world.arrive(2)
    assert world.run(5.0, lambda: one.partner is not None)
    one.again()
    two.again()
    begun = world.now
    assert world.run(60.0, lambda: one.partner is not None)
    assert 15.0 <= world.now - begun < 17.0


def test_nobody_dials_one_who_left() -> None:
    world = World(2)
    ghost = world.arrive(1)
    world.run(20.0)
    ghost.vanish()
    world.now = 20.0
    late = world.arrive(2)
    world.run(40.0)
    people = late.machine.view(world.now).people
    assert (people.seen, people.unreachable) == (0, 0)
    assert state_of(late.machine.view(world.now)) == "empty"


def test_a_seed_that_is_lost_costs_nothing_while_another_is_there() -> None:
    world = World(2)
    first = world.arrive(1)
    world.run(20.0)
    lost = next(iter(world.seeds))
    del world.seeds[lost]
    first.tell(SeedDown(lost))
    world.now = 20.0
    second = world.arrive(2)
    assert world.run(21.0, lambda: second.partner == first.pid)


@pytest.mark.parametrize("skew", [0.0, 55.0, -55.0])
@pytest.mark.parametrize("moment", [-59.0, -30.0, -1.0, 0.0, 1.0, 30.0, 59.0, 61.0])
def test_whoever_comes_near_the_edge_of_an_epoch_meets_one_whose_clock_differs(moment: float, skew: float) -> None:
    world = World(3)
    first = world.arrive(1, skew)
    world.run(400.0 + moment)
    world.now = 400.0 + moment
    second = world.arrive(2)
    assert world.run(world.now + 1.0, lambda: second.partner == first.pid)


def test_at_every_moment_around_the_edge_one_who_waits_is_handed_out() -> None:
    world = World(4)
    world.arrive(1)
    for tenth in range(5000, 7000, 7):
        now = tenth / 10 - 200
        world.run(now)
        world.now = max(world.now, now)
        for room in world.seeds.values():
            handed = sum(len(kept.sample(b"nobody", 8, world.now)[1]) for kept in vars(room)["_rooms"].values())
            assert handed >= 1 or tenth < 5010


def test_waiting_costs_a_seed_few_requests() -> None:
    world = World(4)
    person = world.arrive(1)
    world.run(130.0)
    assert person.requests <= 4 + 2 * (2 + 60 // 3.75 + 70 // 11.25 + 2)

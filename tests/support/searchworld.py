"""Searchers and seeds joined in memory under a virtual clock: real machines, slow wires, seeds that may lie."""

import heapq
import itertools
import math
import random
from collections.abc import Callable
from functools import partial

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery import dhtwire, wire
from passerby.discovery.addresses import Address, Scope, parse
from passerby.discovery.rooms import RoomId
from passerby.discovery.searching.candidates import Outcome
from passerby.discovery.searching.levels import LevelMemory
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
    Introduced,
    LeaveRoom,
    Locked,
    Met,
    Origin,
    Reachable,
    SampleRoom,
    SeedDown,
    SeedFailed,
    SeedUp,
    Started,
    Stopped,
    Tick,
    Told,
    Warn,
)
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.seeding.seedevents import Asked, Closed, Connected
from passerby.discovery.seeding.waitingroom import WaitingRoom
from passerby.discovery.seedrecord import SeedRecord, sign_record
from passerby.discovery.tickets import Ticket, sign_ticket

HERE = parse("/ip4/127.0.0.1/tcp/4001")
TRIP = 0.02  # seconds, one way
DEAD_DIAL = 1.5  # seconds; at a peer that is not there, through a relay (protocol.md 4.1)
SEED_DIAL = 3.0
UNIX = 600_200.0


class SimulatedSeed:
    """An honest seed: a real waiting room, and every other seed known."""

    def __init__(self, world: "World", number: int) -> None:
        self.world = world
        self.key = SigningKey.from_seed(b"seed" + number.to_bytes(28, "big"))
        self.pid = peer_id_of(self.key.public)
        self.address = Address(HERE.family, f"127.0.{number >> 8}.{number & 255}", 4001)
        self.record = SeedRecord(self.key.public, (self.address,), int(world.unix))
        self.blob = sign_record(self.key, self.record)
        self.position = int.from_bytes(self.record.position, "big")
        self.room = WaitingRoom(random.Random(number), world.unix, public=self.key.public, nearer=self.nearest)
        self.guests: dict[int, Person] = {}
        self.requests = 0
        self.clock_error = 0.0

    def nearest(self, _scope: Scope, key: bytes) -> tuple[bytes, ...]:
        target = int.from_bytes(key, "big")
        return tuple(seed.blob for seed in sorted(self.world.seeds.values(), key=lambda s: s.position ^ target)[:16])

    def connect(self, person: "Person", number: int) -> None:
        self.guests[number] = person
        block = f"connection {number}"
        self.room.handle(Connected(number, person.pid, Scope.MACHINE, block), self.world.now)

    def close(self, number: int) -> None:
        if self.guests.pop(number, None) is not None:
            self.room.handle(Closed(number), self.world.now)

    def answer(self, number: int, request: wire.Request) -> wire.Answer | None:
        self.requests += 1
        answer = self.room.handle(Asked(number, request), self.world.now)
        assert isinstance(answer, wire.Answer)
        return answer

    def ask(self, request: dhtwire.Request) -> dhtwire.Answer | None:
        match request:
            case dhtwire.Find(target=target):
                return dhtwire.Nodes(0, self.nearest(Scope.MACHINE, target))
            case dhtwire.Ping(nonce=nonce):
                return dhtwire.Pong(0, nonce, int(self.world.unix + self.clock_error + self.world.now))
            case _:
                return None


class Liar(SimulatedSeed):
    """A seed that keeps what it is told to itself; `says` is what it answers of a room instead."""

    def says(self, _room: RoomId) -> wire.Room:
        return wire.Room(0, 0)

    def answer(self, number: int, request: wire.Request) -> wire.Answer | None:
        return wire.Left(0) if isinstance(request, wire.Leave) else self.says(request.room)


class World:
    """Seeds, people and the wires between them; a dial takes three trips and finds whoever still searches free."""

    def __init__(self, seeds: int, unix: float = UNIX) -> None:
        self.now = 0.0
        self.unix = unix
        self.queue: list[tuple[float, int, Callable[[], None]]] = []
        self.order = itertools.count()
        self.numbers = itertools.count(1)
        self.seeds: dict[bytes, SimulatedSeed] = {}
        self.people: dict[bytes, Person] = {}
        for number in range(seeds):
            self.add(SimulatedSeed(self, number))

    def add(self, seed: SimulatedSeed) -> SimulatedSeed:
        self.seeds[seed.pid] = seed
        return seed

    def later(self, delay: float, what: Callable[[], None]) -> None:
        heapq.heappush(self.queue, (self.now + delay, next(self.order), what))

    def run(self, until: float, done: Callable[[], bool] = lambda: False) -> bool:
        while self.queue and self.queue[0][0] <= until and not done():
            self.now, _, what = heapq.heappop(self.queue)
            what()
        if not done():
            self.now = max(self.now, until)
        return done()

    def arrive(
        self,
        number: int,
        skew: float = 0.0,
        *,
        knows: list[SimulatedSeed] | None = None,
        book: SeedBook | None = None,
        levels: LevelMemory | None = None,
    ) -> "Person":
        person = Person(self, number, skew, knows=knows, book=book, levels=levels)
        self.people[person.pid] = person
        person.start()
        return person

    def kill(self, seed: SimulatedSeed) -> None:
        """End a seed as kill -9 does: its streams end, its tickets are gone."""
        del self.seeds[seed.pid]
        for number, person in seed.guests.items():
            self.later(TRIP, partial(person.lost, seed.pid, number))
        seed.guests = {}


class Person:
    """A shell as thin as it can be: it moves events and decides nothing."""

    def __init__(
        self,
        world: World,
        number: int,
        skew: float = 0.0,
        *,
        knows: list[SimulatedSeed] | None = None,
        book: SeedBook | None = None,
        levels: LevelMemory | None = None,
    ) -> None:
        self.world = world
        key = SigningKey.from_seed(number.to_bytes(32, "big"))
        self.pid = peer_id_of(key.public)
        self.book = SeedBook() if book is None else book
        self.knows = list(world.seeds.values()) if knows is None else knows
        self.machine = Searcher(
            key=key,
            network="main",
            unix_minus_now=world.unix + skew,
            met=PeerBook(bytes(32), 1800.0),
            blocked=PeerBook(bytes(32), math.inf),
            book=self.book,
            levels=levels or LevelMemory(),
            rng=random.Random(number),
        )
        self.links: dict[bytes, int] = {}
        self.alarm = 0
        self.dialling = False
        self.partner: bytes | None = None
        self.requests = 0
        self.finds = 0
        self.most_seeds = 0
        self.dials: list[bytes] = []
        self.warnings: list[Warn] = []
        self.matched_at = math.inf

    def start(self) -> None:
        for seed in self.knows:
            self.book.introduce(Introduced(seed.pid, Scope.MACHINE, (seed.address,), Origin.NAMED))
        self.tell(Reachable(Scope.MACHINE, addresses=(HERE,)))
        self.tell(Started())

    def tell(self, event: Event) -> None:
        for effect in self.machine.handle(event, self.world.now):
            self.perform(effect)
        self.most_seeds = max(self.most_seeds, len(self.links))
        self.dial()
        self.alarm += 1
        deadline = self.machine.deadline(self.world.now)
        if deadline is not None:
            self.world.later(max(deadline - self.world.now, 0.0), partial(self.ring, self.alarm))

    def ring(self, alarm: int) -> None:
        if alarm == self.alarm:
            self.tell(Tick())

    def perform(self, effect: Effect) -> None:
        match effect:
            case ConnectSeed(pid):
                number = self.links[pid] = next(self.world.numbers)
                self.world.later(2 * TRIP if pid in self.world.seeds else SEED_DIAL, partial(self.reached, pid, number))
            case DisconnectSeed(pid):
                number = self.links.pop(pid)
                self.world.later(TRIP, partial(self.closed, pid, number))
            case EnterRoom(pid, room, ticket, stamp):
                self.send(pid, wire.Enter(1, room, ticket, stamp))
            case SampleRoom(pid, room, maximum, interval):
                self.send(pid, wire.Sample(1, room, maximum, interval))
            case LeaveRoom(pid, room):
                self.send(pid, wire.Leave(1, room))
            case AskSeed(pid, _, request):
                self.finds += isinstance(request, dhtwire.Find)
                self.world.later(2 * TRIP, partial(self.asked, pid, request))
            case Warn():
                self.warnings.append(effect)
            case _:
                raise AssertionError(effect)

    def reached(self, pid: bytes, number: int) -> None:
        if self.links.get(pid) != number:
            return
        if pid in self.world.seeds:
            self.world.seeds[pid].connect(self, number)
            self.tell(SeedUp(pid, Scope.MACHINE))
        else:
            del self.links[pid]
            self.tell(SeedFailed(pid))

    def lost(self, pid: bytes, number: int) -> None:
        if self.links.get(pid) == number:
            del self.links[pid]
            self.tell(SeedDown(pid))

    def closed(self, pid: bytes, number: int) -> None:
        if pid in self.world.seeds:
            self.world.seeds[pid].close(number)

    def asked(self, pid: bytes, request: dhtwire.Request) -> None:
        seed = self.world.seeds.get(pid)
        self.tell(Told(pid, request, None if seed is None else seed.ask(request)))

    def send(self, pid: bytes, request: wire.Request) -> None:
        self.requests += 1
        self.world.later(TRIP, partial(self.arrived, pid, self.links[pid], request))

    def arrived(self, pid: bytes, number: int, request: wire.Request) -> None:
        seed = self.world.seeds.get(pid)
        if seed is None or number not in seed.guests:
            return
        decoded = wire.decode_request(wire.encode(request)[2:])
        assert not isinstance(decoded, wire.Unknown)
        answer = seed.answer(number, decoded)
        if answer is not None and request.room is not None:
            self.world.later(TRIP, partial(self.answered, pid, number, request.room, answer))

    def answered(self, pid: bytes, number: int, room: RoomId, answer: wire.Answer) -> None:
        if self.links.get(pid) == number:
            self.tell(Answered(pid, room, answer))

    def dial(self) -> None:
        if self.dialling or self.partner is not None:
            return
        ticket = self.machine.choose(self.world.now)
        if ticket is not None:
            self.dialling = True
            self.dials.append(ticket.pid)
            there = ticket.pid in self.world.people
            self.world.later(3 * TRIP if there else DEAD_DIAL, partial(self.dialled, ticket))

    def dialled(self, ticket: Ticket) -> None:
        self.dialling = False
        other = self.world.people.get(ticket.pid)
        if self.partner is not None:
            return
        if other is None or other.partner is not None:
            self.tell(AttemptEnded(ticket.pid, Outcome.UNREACHABLE if other is None else Outcome.BUSY))
            return
        for one, two in ((self, other), (other, self)):
            one.partner, one.matched_at = two.pid, self.world.now
            one.tell(Locked())
            one.tell(Met(two.pid))
            one.tell(Stopped())

    def has_partner(self) -> bool:
        return self.partner is not None

    def again(self) -> None:
        self.partner = None
        self.tell(Started())

    def vanish(self) -> None:
        """Go as kill -9 does: every stream ends."""
        del self.world.people[self.pid]
        self.alarm += 1
        for pid, number in self.links.items():
            self.closed(pid, number)
        self.links = {}


def forged_ticket(number: int, room: RoomId) -> bytes:
    """Return a ticket, rightly signed, of somebody who is not there."""
    key = SigningKey.from_seed(b"gone" + number.to_bytes(28, "big"))
    return sign_ticket(key, Ticket(peer_id_of(key.public), room, addresses=(HERE,)))

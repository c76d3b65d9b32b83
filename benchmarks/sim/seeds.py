"""A simulated seed: the shipped waiting room behind one core that does one thing after the other.

Whatever arrives waits for that core, new connections most of all. A seed that is late says so to its waiting room each
second, as the shipped shell does.
"""

import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from benchmarks.sim.model import BROKEN_OFF_WORK, CONNECTION_WORK, REQUEST_WORK, STAMP_WORK

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.keys import KEY_BYTES
from passerby.crypto.stamp import Parties, Personal
from passerby.discovery import dhtwire, wire
from passerby.discovery.addresses import Scope, block_of
from passerby.discovery.hints import Hint
from passerby.discovery.limits import SWEEP
from passerby.discovery.rooms import RoomId
from passerby.discovery.seeding.seedevents import Asked, CheckStamp, ClockSet, Closed, Connected, Measured, StampChecked
from passerby.discovery.seeding.waitingroom import WaitingRoom
from passerby.discovery.seedrecord import SeedRecord

if TYPE_CHECKING:
    from benchmarks.sim.links import Link
    from benchmarks.sim.world import World

NO_BINDING: Final = bytes(32)
NOTICEABLE: Final = 0.05  # seconds of work ahead that are worth a Measured


class Sky(Protocol):
    """What a seed knows of other seeds."""

    def nearest(self, target: bytes, count: int) -> tuple[bytes, ...]:
        """Return the records of the nearest seeds, itself among them."""
        ...

    def hint(self, now: float) -> Hint | None:
        """Return what others say of the level."""
        ...


class Seed:
    """An honest seed. `requests` and `connections` count; `streams` are those open now, by number."""

    is_honest: bool = True

    def __init__(self, world: "World", record: SeedRecord) -> None:
        """Be there from now on, with nobody known."""
        self.world = world
        self.record = record
        self.pid = record.pid
        self.blob = world.records.add(record)
        self.block = block_of(record.addresses[0].host, pid=record.pid, connection=0)
        self.place = int.from_bytes(record.position, "big")
        self.room = WaitingRoom(
            world.rng, world.unix, network=world.network, public=record.public, nearer=self.nearer,
            read=world.tickets.read, gate=_every_stamp_passes, whose=_key_in,
        )  # fmt: skip
        self.sky: Sky | None = None
        self.is_alive = True
        self.refuses = True  # once dead: its machine answers, so dialling it fails at once
        self.streams: dict[int, Link] = {}
        self.requests = 0
        self.connections = 0
        self.most_streams = 0
        self.swept = 0.0
        self._jobs: deque[tuple[float, Link, Callable[[], None]]] = deque()
        self._is_working = False
        self._backlog = 0.0

    # ---- one core

    @property
    def lag(self) -> float:
        """How many seconds of work wait."""
        return self._backlog

    def do(self, work: float, link: "Link", what: Callable[[], None]) -> None:
        """Do `what` after so many seconds of work, when its turn comes; less of it if the link is closed by then."""
        self._jobs.append((work, link, what))
        self._backlog += work
        if not self._is_working:
            self._next()

    def _next(self) -> None:
        if not self._jobs:
            self._is_working = False
            return
        self._is_working = True
        work, link, what = self._jobs.popleft()
        if self._backlog > NOTICEABLE:
            self.world.busy.add(self)
        self.world.clock.after(min(work, BROKEN_OFF_WORK) if link.is_closed else work, self._done, work, link, what)

    def _done(self, work: float, link: "Link", what: Callable[[], None]) -> None:
        self._backlog = max(0.0, self._backlog - work)
        if self.is_alive and not link.is_closed:
            what()
        self._next()

    def measure(self) -> None:
        """Tell the waiting room how late we are; due every second while we are."""
        now = self.world.clock.now
        self.room.handle(Measured(len(self.streams), self._backlog), now)
        if now - self.swept >= SWEEP:
            self.swept = now
            self.room.handle(ClockSet(self.world.unix), now)

    # ---- the lobby

    def nearer(self, _scope: Scope, target: bytes) -> tuple[bytes, ...]:
        """Return the records of the seeds nearest to a room, as the waiting room tells them."""
        return () if self.sky is None else self.sky.nearest(target, 4)

    def connect(self, link: "Link", then: Callable[[], None]) -> None:
        """Take a new connection."""
        self.connections += 1
        self.world.costs.counts["connections"] += 1
        if self._backlog > self.world.model.shed:
            self.do(BROKEN_OFF_WORK, link, lambda: link.to_person(link.turned_away))
        else:
            self.do(CONNECTION_WORK, link, then)

    def open(self, link: "Link", number: int) -> None:
        """Open a lobby stream on a connection."""
        self.streams[number] = link
        self.most_streams = max(self.most_streams, len(self.streams))
        person = link.person
        parties = Parties(Personal.ENTER, NO_BINDING, asker=self.pid, payer=person.pid)
        self.room.handle(Connected(number, person.pid, Scope.PUBLIC, person.block, parties), self.world.clock.now)

    def close(self, number: int) -> None:
        """Take that a lobby stream ended."""
        if self.streams.pop(number, None) is not None:
            self.room.handle(Closed(number), self.world.clock.now)

    def ask(self, link: "Link", number: int, request: wire.Request) -> None:
        """Take a request from the wire."""
        self.requests += 1
        self.do(REQUEST_WORK, link, lambda: self._answer(link, number, request))

    def _answer(self, link: "Link", number: int, request: wire.Request) -> None:
        if number not in self.streams:
            return
        try:
            answer = self.room.handle(Asked(number, request), self.world.clock.now)
        except RemoteProtocolError:
            self.reset(link, number)
            return
        self._tell(link, number, request.room, answer)

    def _tell(self, link: "Link", number: int, room: RoomId | None, answer: wire.Answer | CheckStamp | None) -> None:
        if isinstance(answer, CheckStamp):
            self.world.costs.counts["argon2 by seeds"] += 1
            self.world.clock.after(STAMP_WORK, self._checked, link, number, room, answer)
        elif answer is not None and room is not None:
            link.to_person(link.person.answered, link, number, room, answer)
        for evicted in self.room.evicted:
            if evicted in self.streams:
                self.reset(self.streams[evicted], evicted)
        self.room.evicted.clear()

    def _checked(self, link: "Link", number: int, room: RoomId | None, check: CheckStamp) -> None:
        answer = self.room.handle(StampChecked(number, check.enter, good=True), self.world.clock.now)
        self._tell(link, number, room, answer)

    def reset(self, link: "Link", number: int) -> None:
        """End a lobby stream."""
        self.close(number)
        link.to_person(link.person.lost_stream, link, number)

    def die(self, *, refuses: bool = True) -> None:
        """End, as kill -9 does; without `refuses` as a cut cable does."""
        self.is_alive = False
        self.refuses = refuses
        for number, link in list(self.streams.items()):
            if refuses:
                link.to_person(link.person.lost_stream, link, number)
        self.streams.clear()
        self._jobs.clear()

    # ---- the DHT

    def inquire(self, link: "Link", request: dhtwire.Request) -> None:
        """Take a question from the wire."""
        self.requests += 1
        self.do(REQUEST_WORK, link, lambda: link.to_person(link.person.told, link, request, self.tell(request)))

    def hint(self) -> Hint | None:
        """Return what it says of the level: its own measurement, else what others told it."""
        now = self.world.clock.now
        return self.room.hint(Scope.PUBLIC, now) or (None if self.sky is None else self.sky.hint(now))

    def tell(self, request: dhtwire.Request) -> dhtwire.Answer | None:
        """Answer a question of the DHT protocol."""
        now, hint = self.world.clock.now, self.hint()
        match request:
            case dhtwire.Find(target=target):
                return dhtwire.Nodes(0, () if self.sky is None else self.sky.nearest(target, 16), hint)
            case dhtwire.Ping(nonce=nonce):
                return dhtwire.Pong(0, nonce, int(self.world.unix + now), None, hint, self.room.load(now))
            case _:
                return None


def _key_in(blob: bytes) -> bytes:
    return blob[:KEY_BYTES]


def _every_stamp_passes(_challenge: bytes, _stamp: bytes) -> bool:
    return True


def draw_seeds(rng: random.Random, seeds: list[Seed], count: int) -> list[Seed]:
    """Return at most `count` different seeds."""
    return rng.sample(seeds, min(count, len(seeds)))

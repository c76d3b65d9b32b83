"""A network of seeds in memory, under a virtual clock: real machines, records and answers, no sockets.

Every call arrives after `delay`, and its answer after another; a call to a seed that was killed fails after `delay`
(its port is closed) or, if it vanished, when the caller's patience ends. While it is `jammed`, so does every other one.
All is drawn from one random seed.
"""

import functools
import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable

from passerby.crypto.keys import SigningKey
from passerby.discovery import dhtwire
from passerby.discovery.addresses import Address, Family, Scope
from passerby.discovery.lookup import Candidate, Lookup, block_at
from passerby.discovery.seeding.neighbourevents import (
    Call,
    CheckedWork,
    CheckWork,
    Effect,
    Event,
    Gone,
    HangUp,
    Introduced,
    Knocked,
    Silent,
    Tick,
    Told,
)
from passerby.discovery.seeding.neighbours import Neighbours
from passerby.discovery.seeding.table import place_of
from passerby.discovery.seedrecord import SeedRecord, read_record, sign_record

UNIX = 1_800_000_000.0  # at virtual time 0

read = functools.lru_cache(maxsize=None)(read_record)  # the same few records are read by all


def key_of(number: int) -> SigningKey:
    return SigningKey(number.to_bytes(32, "big"))


def address_of(number: int, scope: Scope = Scope.MACHINE) -> Address:
    """Return where seed `number` listens: ports of this machine, hosts of a LAN, blocks of the Internet."""
    match scope:
        case Scope.MACHINE:
            return Address(Family.IP4, "127.0.0.1", 10_000 + number)
        case Scope.LAN:
            return Address(Family.IP4, f"10.0.{number // 250}.{number % 250 + 1}", 4001)
        case _:
            return Address(Family.IP4, f"20.{number // 250}.{number % 250}.7", 4001)


@functools.cache
def record_of(number: int, scope: Scope = Scope.MACHINE, issued: int = int(UNIX), work: bytes = bytes(32)) -> bytes:
    key = key_of(number)
    return sign_record(key, SeedRecord(key.public, (address_of(number, scope),), issued, work=work))


def candidate_of(blob: bytes) -> Candidate:
    return Candidate.of(read(blob), blob)


class SeedNet:
    """All seeds, by number; those in `dead` answer nobody. `calls` and `dials` count by caller."""

    def __init__(self, seed: int = 1, delay: float = 0.05, scope: Scope = Scope.MACHINE) -> None:
        self.rng = random.Random(seed)
        self.delay = delay
        self.scope = scope
        self.jammed = 0.0  # until then
        self.now = 0.0
        self.seeds: dict[bytes, Neighbours] = {}
        self.positions: dict[bytes, bytes] = {}
        self.dead: set[bytes] = set()
        self.vanished: set[bytes] = set()
        self.connections: dict[bytes, set[bytes]] = {}
        self.calls: Counter[bytes] = Counter()
        self.dials: Counter[bytes] = Counter()
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._ticks: dict[bytes, float] = {}

    def add(self, number: int, first: tuple[int, ...]) -> bytes:
        """Start a seed that was told of others."""
        machine = Neighbours(
            scope=self.scope,
            sign=lambda issued: record_of(number, self.scope, issued),
            unix_minus_now=UNIX,
            rng=random.Random(self.rng.random()),
            now=self.now,
            read=read,
        )
        pid = self.pid(number)
        self.seeds[pid] = machine
        self.positions[pid] = read(record_of(number, self.scope)).position
        self.connections[pid] = set()
        self.dead.discard(pid)
        self._arm(pid)
        for other in first:
            self.introduce(number, other)
        return pid

    def introduce(self, number: int, other: int) -> None:
        """Tell a seed of another, as a first contact."""
        self.tell(self.pid(number), Introduced(self.pid(other), (address_of(other, self.scope),)))

    def pid(self, number: int) -> bytes:
        return read(record_of(number, self.scope)).pid

    def run(self, until: float) -> None:
        while self._queue and self._queue[0][0] <= until:
            self.now, _, action = heapq.heappop(self._queue)
            action()
        self.now = until

    def kill(self, pid: bytes, *, silently: bool = False) -> None:
        """End a seed; those connected to it see the end, unless it vanished silently."""
        self.dead.add(pid)
        del self.seeds[pid], self.connections[pid], self._ticks[pid]
        if silently:
            self.vanished.add(pid)
            return
        for other, peers in self.connections.items():
            if pid in peers:
                peers.discard(pid)
                self.after(self.delay, functools.partial(self.tell, other, Gone(pid)))

    def after(self, pause: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + pause, next(self._numbers), action))

    def tell(self, pid: bytes, event: Event) -> None:
        """Report an event to a seed, if it lives, and carry out what it wants."""
        machine = self.seeds.get(pid)
        if machine is None:
            return
        for effect in machine.handle(event, self.now):
            self._do(pid, effect)
        self._arm(pid)

    def _arm(self, pid: bytes) -> None:
        due = self.seeds[pid].deadline(self.now)
        if self._ticks.get(pid, float("inf")) > due or self._ticks[pid] <= self.now:
            self._ticks[pid] = due
            self.after(due - self.now, functools.partial(self._tick, pid, due))

    def _tick(self, pid: bytes, due: float) -> None:
        if pid in self.seeds and self._ticks[pid] == due:
            self.tell(pid, Tick())

    def _do(self, pid: bytes, effect: Effect) -> None:
        match effect:
            case Call():
                self.calls[pid] += 1
                self.dials[pid] += effect.pid not in self.connections[pid]
                self.after(self.delay, functools.partial(self._arrive, pid, effect))
            case HangUp(other):
                self.connections[pid].discard(other)
            case CheckWork(record):
                self.after(0.02, functools.partial(self.tell, pid, CheckedWork(record, True)))

    def _arrive(self, caller: bytes, call: Call) -> None:
        callee = self.seeds.get(call.pid)
        if callee is not None and self.now < self.jammed and self.rng.random() < 0.5:
            self.after(call.patience, functools.partial(self.tell, caller, Silent(call.pid, late=True)))
            return
        if callee is None:
            pause = call.patience if call.pid in self.vanished else self.delay
            self.after(pause, functools.partial(self.tell, caller, Silent(call.pid)))
            return
        if caller not in self.seeds:
            return
        self.connections[caller].add(call.pid)
        answer = callee.answer(call.request, self.now)
        if isinstance(call.request, dhtwire.Find) and call.request.record is not None:
            host = read(call.request.record).addresses[0].host
            self.tell(call.pid, Knocked(caller, host, call.request.record))
        address = call.addresses[0].bare
        told = Told(call.pid, block_at(address, call.pid), address, answer)
        self.after(self.delay, functools.partial(self._return, caller, told))

    def _return(self, caller: bytes, told: Told) -> None:
        if caller in self.seeds and told.pid in self.connections[caller]:
            self.tell(caller, told)

    def truth(self, target: bytes, count: int) -> list[bytes]:
        """Return the peer ids of the seeds that are really nearest."""
        place = place_of(target)
        return sorted(self.seeds, key=lambda pid: place_of(self.positions[pid]) ^ place)[:count]

    def find(self, start: bytes, target: bytes, count: int = 4) -> tuple[list[bytes], int]:
        """Look a target up as a client does that knows one seed; return whom it finds, and after how many queries."""
        lookup = Lookup(target, [Candidate(start, (), "start")], self.now, count)
        queries = 0
        while asked := lookup.ask(self.now):
            queries += len(asked)
            for candidate in asked:
                seed = self.seeds.get(candidate.pid)
                if seed is None:
                    lookup.failed(candidate.pid)
                else:
                    answer = seed.answer(dhtwire.Find(0, target), self.now)
                    assert isinstance(answer, dhtwire.Nodes)
                    lookup.answered(candidate.pid, map(candidate_of, answer.records))
        return [candidate.pid for candidate in lookup.result()], queries

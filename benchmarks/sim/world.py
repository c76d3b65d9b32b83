"""The simulated world: its seeds, its people, its clock, and what is to be told of them afterwards."""

import random
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Final

from benchmarks.sim.clock import Clock
from benchmarks.sim.model import Costs, Model
from benchmarks.sim.people import Person
from benchmarks.sim.seeds import Seed
from benchmarks.sim.sky import Map, join_at_once
from benchmarks.sim.tokens import Records, Tickets, make_record

from passerby.discovery.limits import MET_MEMORY
from passerby.discovery.searching.searchevents import Stopped
from passerby.node import slot

if TYPE_CHECKING:
    from benchmarks.sim.calls import Chatting

UNIX: Final = 1_800_000_000.0 + 200.0  # an epoch begins at a multiple of 600: 400 s are left of this one


class World:
    """One run. `matches` are pairs by the number of their stream; `doubles` counts those promised to two."""

    def __init__(self, seed: int, model: Model | None = None, unix: float = UNIX) -> None:
        """Start empty; whatever is drawn comes from the random seed."""
        self.rng = random.Random(seed)
        self.model = model or Model()
        self.clock = Clock()
        self.unix = unix
        self.network = "main"
        self.costs = Costs()
        self.tickets = Tickets(self.costs)
        self.records = Records(self.costs)
        self.seeds: dict[bytes, Seed] = {}
        self._nowhere: dict[bytes, Seed] = {}
        self.people: dict[bytes, Person] = {}
        self.everybody: dict[bytes, Chatting] = {}
        self.busy: set[Seed] = set()
        self.relay_patience = inf
        self.matched: list[Person] = []
        self.series: dict[str, list[list[float]]] = {}
        self.decoys: set[bytes] = set()
        self.dials = 0
        self.caught = 0
        self.halves: dict[int, Chatting] = {}
        self.doubles = 0
        self.keeps_searchers = False
        self.on_pair: Callable[[Person, Person], None] = _nothing
        self._numbers = 0
        self.clock.after(1.0, self._measure)

    def new_number(self) -> int:
        """Return a number that nothing has yet."""
        self._numbers += 1
        return self._numbers

    # ---- seeds

    def add_seeds(self, count: int, kind: type[Seed] = Seed) -> list[Seed]:
        """Add seeds, each in a block of its own."""
        return [self.add_seed(kind(self, make_record(self.rng, self.new_number(), 1, self.unix))) for _ in range(count)]

    def add_seed(self, seed: Seed) -> Seed:
        """Add one seed."""
        self.seeds[seed.pid] = seed
        return seed

    def find_seed(self, pid: bytes) -> Seed:
        """Return the seed of that peer id; an invented one is where nothing answers."""
        seed = self.seeds.get(pid) or self._nowhere.get(pid)
        if seed is None:
            seed = self._nowhere[pid] = Seed(self, self.records.by_pid[pid])
            seed.is_alive = seed.refuses = False
        return seed

    def join_seeds(self) -> Map:
        """Let all seeds know each other."""
        return join_at_once(list(self.seeds.values()), self.rng)

    def _measure(self) -> None:
        for seed in list(self.busy):
            seed.measure()
            if not seed.lag:
                self.busy.discard(seed)
        self.clock.after(1.0, self._measure)

    # ---- people

    def add_person(self, block: str = "", memory: float = MET_MEMORY) -> Person:
        """Add somebody who does nothing yet, in a block of his own unless it is given."""
        number = self.new_number()
        person = Person(self, number, block or f"network {number}", memory)
        self.people[person.pid] = self.everybody[person.pid] = person
        return person

    def add_decoy(self) -> bytes:
        """Add somebody who is there and refuses everybody; return the peer id."""
        person = self.add_person()
        person.retire()
        self.decoys.add(person.pid)
        return person.pid

    def arrive(self, seeds: list[Seed]) -> Person:
        """Let somebody arrive now who knows these seeds."""
        person = self.add_person()
        person.search(seeds)
        return person

    # ---- what happens to people

    def note_match(self, one: "Chatting", peer: bytes, number: int, transcript: bytes) -> None:
        """Take that somebody's slot is confirmed."""
        assert isinstance(one, Person)
        assert transcript == number.to_bytes(32, "big")
        self.doubles += one.partner is not None
        one.partner, one.matched_at = peer, self.clock.now
        self.matched.append(one)
        first = self.halves.setdefault(number, one)
        if first is not one:
            self.doubles += first.pid != peer or first.partner != one.pid
            assert isinstance(first, Person)
            self.on_pair(first, one)
        if not self.keeps_searchers:
            self.clock.after(0.0, self._settle, one)

    def _settle(self, one: Person) -> None:
        """Let go of the searcher of somebody who is in a chat for good."""
        one.tell(Stopped())
        one.retire()

    def note_dial(self, peer: bytes) -> None:
        """Count a dial, and whether it goes to somebody whom an attacker made up."""
        self.dials += 1
        self.caught += peer in self.decoys or peer not in self.everybody

    def note_attempt(self, one: "Chatting", ended: slot.AttemptEnded) -> None:
        """Take that a dial came to nothing."""
        self.costs.counts[f"attempts {ended.outcome}"] += 1


def _nothing(_one: Person, _other: Person) -> None:
    """Take no note of a pair."""

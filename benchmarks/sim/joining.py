"""Seeds that join by themselves: the shipped `Neighbours` over simulated connections, and people who rely on them."""

from collections.abc import Callable
from math import inf
from statistics import fmean
from typing import TYPE_CHECKING

from benchmarks.sim.crowds import KNOWN
from benchmarks.sim.figures import doubles, match_figures
from benchmarks.sim.model import CONNECTION_TRIPS
from benchmarks.sim.people import Person
from benchmarks.sim.seeds import draw_seeds
from benchmarks.sim.sky import Map
from benchmarks.sim.world import World

from passerby.discovery import dhtwire
from passerby.discovery.addresses import Scope
from passerby.discovery.hints import Hint
from passerby.discovery.seeding.neighbourevents import (
    Call,
    CheckedWork,
    CheckWork,
    Event,
    Gone,
    Introduced,
    Knocked,
    Silent,
    Tick,
    Told,
)
from passerby.discovery.seeding.neighbours import Neighbours

if TYPE_CHECKING:
    from benchmarks.sim.seeds import Seed

START = 30.0  # seconds within which the seeds start
JOINED = 240.0  # until what they know is looked at
CONTACTS = 2  # first contacts of each seed
ROOMS = 200  # random places at which it is looked whether seeds agree
NONCE = bytes(8)


class LiveSky:
    """A seed's view of others, kept by the shipped machine."""

    def __init__(self, own: "Seed") -> None:
        """Know nobody yet."""
        self.own = own
        self.dialled: dict[bytes, LiveSky] = {}
        self.watchers: set[LiveSky] = set()
        world = own.world
        self.machine = Neighbours(
            scope=Scope.PUBLIC, sign=self._sign, unix_minus_now=world.unix, rng=world.rng,
            now=world.clock.now, read=world.records.read,
        )  # fmt: skip
        self._alarm = inf
        self.handle(Tick())

    def _sign(self, _unix: int) -> bytes:
        return self.own.blob

    def nearest(self, target: bytes, count: int) -> tuple[bytes, ...]:
        """Return the records of the nearest seeds, itself among them."""
        return self.machine.nearest(target, count)

    def hint(self, now: float) -> Hint | None:
        """Return what others say of the level."""
        return self.machine.answer(dhtwire.Ping(0, NONCE), now).hint

    def handle(self, event: Event) -> None:
        """Tell the machine what happened, and do what follows."""
        world = self.own.world
        if not self.own.is_alive:
            return
        for effect in self.machine.handle(event, world.clock.now):
            match effect:
                case Call():
                    self._call(effect)
                case CheckWork(record):
                    world.costs.counts["argon2 by seeds"] += 1
                    world.clock.after(0.02, self.handle, CheckedWork(record, passed=True))
                case _:
                    other = self.dialled.pop(effect.pid, None)
                    if other is not None:
                        other.watchers.discard(self)
        due = self.machine.deadline(world.clock.now)
        if due < self._alarm:
            self._alarm = due
            world.clock.at(due, self._ring, due)

    def _ring(self, alarm: float) -> None:
        if alarm == self._alarm:
            self._alarm = inf
            self.handle(Tick())

    def _call(self, call: Call) -> None:
        world = self.own.world
        other = world.seeds.get(call.pid)
        sky = None if other is None else other.sky
        if other is None or not isinstance(sky, LiveSky) or not other.is_alive:
            world.clock.after(world.model.trip, self.handle, Silent(call.pid))
            return
        trips = 1.0
        if call.pid not in self.dialled:
            self.dialled[call.pid] = sky
            sky.watchers.add(self)
            world.costs.counts["connections of seeds"] += 1
            trips += CONNECTION_TRIPS
        world.clock.after((trips - 0.5) * world.model.trip, self._reach, sky, call)

    def _reach(self, sky: "LiveSky", call: Call) -> None:
        if not sky.own.is_alive:
            self.handle(Silent(call.pid))
            return
        clock, request = self.own.world.clock, call.request
        answer = sky.machine.answer(request, clock.now, measured=sky.own.room.hint(Scope.PUBLIC, clock.now))
        if isinstance(request, dhtwire.Find) and request.record is not None:
            host = self.own.record.addresses[0].host
            sky.handle(Knocked(self.own.pid, host, request.record))
        told = Told(call.pid, sky.own.block, sky.own.record.addresses[0], answer)
        clock.after(self.own.world.model.trip / 2, self.handle, told)

    def end(self) -> None:
        """Tell those who dialled us that we are gone."""
        clock = self.own.world.clock
        for watcher in self.watchers:
            watcher.dialled.pop(self.own.pid, None)
            clock.after(self.own.world.model.trip / 2, watcher.handle, Gone(self.own.pid))


def joining(seed: int, *, people: int, seeds: int) -> tuple[World, dict[str, float]]:
    """Let seeds join, look whether they agree; let people wait, kill half of the seeds, and let others come."""
    world = World(seed)
    every = world.add_seeds(seeds)
    skies: list[LiveSky] = []

    def start(one: "Seed") -> None:
        one.sky = sky = LiveSky(one)
        skies.append(sky)
        for first in draw_seeds(world.rng, every, CONTACTS):
            sky.handle(Introduced(first.pid, first.record.addresses))

    for one in every:
        world.clock.at(world.rng.uniform(0, START), start, one)
    joined = _until_agreed(world, every, skies)
    world.clock.run(JOINED)
    figures = {
        "agreement": agreement(world, every),
        "contacts mean": fmean(len(sky.machine) for sky in skies),
        "seconds to join": joined,
    }
    for _ in range(people):
        person = world.add_person()
        person.dials = False
        world.clock.after(world.rng.uniform(0, 10), person.search, draw_seeds(world.rng, every, KNOWN))
    world.clock.run(JOINED + 25)
    for one in world.rng.sample(every, seeds // 2):
        one.die()
        assert isinstance(one.sky, LiveSky)
        one.sky.end()
    crowd: list[Person] = []
    come = _newcomer(world, [one for one in every if one.is_alive], crowd)
    for _ in range(max(2, people // 4)):
        world.clock.after(world.rng.uniform(0, 15), come)
    world.clock.run(world.clock.now + 45)
    figures["agreement of the rest"] = agreement(world, every)
    return world, figures | match_figures(crowd) | {"doubles": doubles(world)}


def _newcomer(world: World, living: "list[Seed]", crowd: list[Person]) -> Callable[[], None]:
    return lambda: crowd.append(world.arrive(draw_seeds(world.rng, living, KNOWN)))


def _until_agreed(world: World, every: "list[Seed]", skies: list[LiveSky]) -> float:
    """Let time pass until the seeds agree about nearly every room; return how long the last needed for that."""
    while world.clock.now < JOINED:
        world.clock.run(world.clock.now + 5)
        if len(skies) == len(every) and agreement(world, every) >= 0.99:
            return max(0.0, world.clock.now - START)
    return inf


def agreement(world: World, every: "list[Seed]") -> float:
    """Return for how many random rooms each of the four seeds that hold it knows the other three."""
    everybody = Map([seed for seed in every if seed.is_alive])
    good = 0
    for _ in range(ROOMS):
        target = world.rng.randbytes(32)
        four = everybody.nearest(int.from_bytes(target, "big"), 4)
        want = tuple(seed.blob for seed in four)
        good += all(seed.sky is not None and seed.sky.nearest(target, 4) == want for seed in four)
    return good / ROOMS

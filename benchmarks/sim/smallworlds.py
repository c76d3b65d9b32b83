"""Scenarios of few people: ghosts, worlds of a handful, interests that only two share, and who meets whom."""

from collections import Counter
from itertools import combinations
from math import comb, inf
from statistics import fmean

from benchmarks.sim.crowds import KNOWN
from benchmarks.sim.figures import PATIENCE, chi_square_p, doubles, match_figures, share
from benchmarks.sim.liars import add_liars
from benchmarks.sim.people import Person
from benchmarks.sim.seeds import draw_seeds
from benchmarks.sim.world import World

SETTLED = 15.0  # seconds after which those who wait have found their seeds
RELAY_PATIENCE = 2.0  # until a relay gives a callee up who does not answer its STOP (protocol.md 3)


def ghosts(
    seed: int, *, waiting: int, seeds: int, newcomers: int, spread: float, relayed: bool = False
) -> tuple[World, dict[str, float]]:
    """Let half of those who wait vanish silently while others come; how much time do those lose to ghosts?

    Those who wait do not dial: they are people who have met each other.
    """
    world = World(seed)
    world.relay_patience = RELAY_PATIENCE if relayed else inf
    every = world.add_seeds(seeds)
    world.join_seeds()
    waiters = [world.add_person() for _ in range(waiting)]
    for person in waiters:
        person.dials = False
        world.clock.at(world.rng.uniform(0, 10), person.search, draw_seeds(world.rng, every, KNOWN))
    world.clock.run(10 + SETTLED)
    for person in world.rng.sample(waiters, waiting // 2):
        person.vanish()
    crowd: list[Person] = []
    for _ in range(newcomers):
        world.clock.after(
            world.rng.uniform(0, spread), lambda: crowd.append(world.arrive(draw_seeds(world.rng, every, KNOWN)))
        )
    world.clock.run(world.clock.now + spread + 30)
    lost = [person.ghost_time for person in crowd]
    return world, match_figures(crowd) | {
        "lost most": max(lost),
        "lost p95": share(lost, 0.95),
        "lost mean": fmean(lost),
        "lost over 3 s": sum(time > 3 for time in lost) / len(lost),
    }


class Circle:
    """People who talk, part and search again, for ever. `met` counts the chats of each pair."""

    def __init__(self, world: World, people: list[Person], talk: tuple[float, float]) -> None:
        """Let a chat last between so many seconds."""
        self.world = world
        self.people = people
        self.talk = talk
        self.met: Counter[tuple[int, int]] = Counter()
        self.waits: list[float] = []
        world.keeps_searchers = True
        world.on_pair = self._paired

    def _paired(self, one: Person, other: Person) -> None:
        self.met[min(one.number, other.number), max(one.number, other.number)] += 1
        self.waits.append(self.world.clock.now - max(one.arrived, other.arrived))
        self.world.clock.after(self.world.rng.uniform(*self.talk), self._part, one, other)

    def _part(self, one: Person, other: Person) -> None:
        for person in (one, other):
            person.end_chat()
        for person in (one, other):
            person.search_again()


def circle(seed: int, *, people: int, seeds: int, seconds: float) -> tuple[World, dict[str, float]]:
    """Let a handful of people meet again and again; how long do the last two wait for each other?"""
    world = World(seed)
    every = world.add_seeds(seeds)
    world.join_seeds()
    crowd = [world.add_person() for _ in range(people)]
    ring = Circle(world, crowd, (3.0, 8.0))
    for person in crowd:
        world.clock.at(world.rng.uniform(0, 5), person.search, draw_seeds(world.rng, every, KNOWN))
    world.clock.run(seconds)
    pairs = sum((one.number, other.number) in ring.met for one, other in combinations(crowd, 2))
    return world, {
        "wait median": share(ring.waits, 0.5),
        "wait longest": max(ring.waits, default=inf),
        "pairs met": pairs / comb(people, 2),
        "matches": float(len(ring.waits)),
        "doubles": doubles(world),
    }


def interests(seed: int, *, tags: int, seeds: int, view: float, liars: float) -> tuple[World, dict[str, float]]:
    """Let two people search for each interest, each knowing a part of the seeds, some of which lie."""
    world = World(seed)
    every = world.add_seeds(seeds - round(liars * seeds)) + add_liars(world, round(liars * seeds))
    world.join_seeds()
    waits: list[float] = []
    world.on_pair = lambda one, other: waits.append(world.clock.now - max(one.arrived, other.arrived))

    def arrive(tag: bytes) -> None:
        world.add_person().search(draw_seeds(world.rng, every, round(view * len(every))), (tag,))

    for number in range(tags):
        for _ in range(2):
            world.clock.at(world.rng.uniform(0, 20), arrive, b"tag:%d" % number)
    world.clock.run(55.0, lambda: len(waits) >= tags)
    return world, {
        "wait median": share(waits, 0.5),
        "wait p95": share(waits, 0.95),
        "pairs met": sum(wait <= PATIENCE for wait in waits) / tags,
        "doubles": doubles(world),
    }


def uniformity(seed: int, *, people: int, seeds: int, classes: int, matches: int) -> tuple[World, dict[str, float]]:
    """Let people meet again and again, whoever they met before; do all classes meet as often as chance has it?"""
    world = World(seed)
    every = world.add_seeds(seeds)
    world.join_seeds()
    crowd = [world.add_person(memory=0.0) for _ in range(people)]
    ring = Circle(world, crowd, (5.0, 15.0))
    for person in crowd:
        world.clock.at(world.rng.uniform(0, 10), person.search, draw_seeds(world.rng, every, KNOWN))
    world.clock.run(1e9, lambda: len(ring.waits) >= matches)
    of = {person.number: world.rng.randrange(classes) for person in crowd}
    sizes = Counter(of.values())
    counts: Counter[tuple[int, int]] = Counter()
    for (one, other), times in ring.met.items():
        counts[min(of[one], of[other]), max(of[one], of[other])] += times
    pairs = [(i, j) for i in range(classes) for j in range(i, classes)]
    weights = [sizes[i] * sizes[j] if i != j else comb(sizes[i], 2) for i, j in pairs]
    total, all_weights = sum(counts.values()), sum(weights)
    p = chi_square_p([counts[pair] for pair in pairs], [total * weight / all_weights for weight in weights])
    return world, {
        "p": p,
        "matches": float(total),
        "wait median": share(ring.waits, 0.5),
        "met more than once": sum(times > 1 for times in ring.met.values()) / len(ring.met),
        "doubles": doubles(world),
    }

"""Scenarios of attackers: Sybil seeds near rooms, and seeds that lie."""

from math import inf

from benchmarks.sim.crowds import KNOWN
from benchmarks.sim.figures import doubles, match_figures, share
from benchmarks.sim.liars import KINDS, add_liars, anybody_rooms, sybil_record
from benchmarks.sim.people import Person
from benchmarks.sim.seeds import draw_seeds
from benchmarks.sim.world import World

NEAR_BITS = 200  # of 256: a Sybil seed is nearer than any honest one


def sybils(
    seed: int, *, people: int, seeds: int, within: float, each: int, blocks: int, levels: int, liars: float
) -> tuple[World, dict[str, float]]:
    """Compare a crowd that meets Sybil and lying seeds with the same crowd without them.

    `each` Sybil seeds are nearest to each room of anybody down to a level, from so many address blocks.
    """
    before = _crowd(World(seed), people, seeds, within)
    world = World(seed)
    for turn, room in enumerate(place for place in anybody_rooms(world, levels) for _ in range(each)):
        record = sybil_record(world, room ^ world.rng.getrandbits(NEAR_BITS), turn % blocks, 1 + turn // blocks)
        world.add_seed(KINDS[turn % len(KINDS)](world, record))
    add_liars(world, round(liars * seeds))
    after = _crowd(world, people, seeds, within)
    slow = share(before, 0.99)
    figures = {
        "affected": max(0.0, sum(time > slow for time in after) / len(after) - 0.01),
        "success": sum(time <= 30 for time in after) / len(after),
        "added median": share(after, 0.5) - share(before, 0.5),
        "added p95": share(after, 0.95) - share(before, 0.95),
        "attacker's share": world.caught / max(1, world.dials),
        "doubles": doubles(world),
    }
    return world, figures


def _crowd(world: World, people: int, seeds: int, within: float) -> list[float]:
    honest = world.add_seeds(seeds)
    world.join_seeds()
    every = list(world.seeds.values())
    assert honest
    crowd: list[Person] = []
    for _ in range(people):
        moment = world.rng.uniform(0, within)
        world.clock.at(moment, lambda: crowd.append(world.arrive(draw_seeds(world.rng, every, KNOWN))))
    world.clock.run(within + 30, lambda: len(world.matched) >= people // 2 * 2)
    times = sorted(person.matched_at - person.arrived for person in crowd)
    return times[: len(times) // 2 * 2]


def deaths(seed: int, *, people: int, seeds: int) -> tuple[World, dict[str, float]]:
    """Kill half of the seeds while people wait who do not dial; how long is each of them found by no newcomer?

    Measured by those who come afterwards: all of them look for somebody, and enough wait.
    """
    world = World(seed)
    every = world.add_seeds(seeds)
    world.join_seeds()
    for _ in range(people):
        person = world.add_person()
        person.dials = False
        world.clock.at(world.rng.uniform(0, 10), person.search, draw_seeds(world.rng, every, KNOWN))
    world.clock.run(25.0)
    for one in world.rng.sample(every, seeds // 2):
        one.die()
    living = [one for one in every if one.is_alive]
    crowd: list[Person] = []
    count = max(2, people // 4)
    for _ in range(count):
        moment = world.clock.now + world.rng.uniform(0, 15)
        world.clock.at(moment, lambda: crowd.append(world.arrive(draw_seeds(world.rng, living, KNOWN))))
    world.clock.run(world.clock.now + 45, lambda: len(crowd) == count and all(one.matched_at < inf for one in crowd))
    return world, match_figures(crowd) | {"doubles": doubles(world)}

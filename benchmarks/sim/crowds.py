"""Scenarios of crowds: many arrive within seconds; nobody waits for them, or a steady stream went before."""

from math import inf

from benchmarks.sim.figures import counted, doubles, load_figures, match_figures
from benchmarks.sim.liars import anybody_rooms
from benchmarks.sim.model import Model
from benchmarks.sim.people import Person
from benchmarks.sim.seeds import Seed, draw_seeds
from benchmarks.sim.sky import Map
from benchmarks.sim.world import World

KNOWN = 20  # seeds that somebody remembers: those that answered in the last run


def crowd(
    seed: int, *, people: int, seeds: int, within: float, known: int = KNOWN, shed: float = inf
) -> tuple[World, dict[str, float]]:
    """Let so many arrive within so many seconds, nobody waiting for them and no seed warm."""
    world = World(seed, Model(shed=shed))
    every = world.add_seeds(seeds)
    world.join_seeds()
    crowd: list[Person] = []
    for _ in range(people):
        moment = world.rng.uniform(0, within)
        world.clock.at(moment, lambda: crowd.append(world.arrive(draw_seeds(world.rng, every, known))))
    world.clock.run(within + 30, lambda: len(world.matched) >= people // 2 * 2)
    late = crowd_after(crowd, 15.0)
    load = load_figures(every, {}, world.clock.now)
    return world, match_figures(crowd) | load | {"doubles": doubles(world), "after 15 s": late}


def crowd_after(people: list[Person], seconds: float) -> float:
    """Return how many beside an odd one were not matched within so many seconds."""
    late = sum(person.matched_at - person.arrived > seconds for person in people)
    return float(max(0, late - len(people) % 2))


def steady(
    seed: int, *, rate: float, seeds: int, warm_up: float, measured: float, known: int = KNOWN, hinted: bool = False
) -> tuple[World, dict[str, float]]:
    """Let people arrive at an even rate; measure those who arrive after a warm-up, and what it costs seeds."""
    world = World(seed)
    every = world.add_seeds(seeds)
    world.join_seeds()
    crowd: list[Person] = []

    def arrive() -> None:
        person = world.add_person()
        knows = draw_seeds(world.rng, every, known)
        if hinted:
            give_hints(person, knows[:3])
        person.search(knows)
        if world.clock.now >= warm_up:
            crowd.append(person)
        world.clock.after(world.rng.expovariate(rate), arrive)

    world.clock.after(0.0, arrive)
    world.clock.run(warm_up)
    before = counted(every)
    world.clock.run(warm_up + measured)
    load = load_figures(every, before, measured)
    counted_people = list(crowd)
    rooms = anybody_rooms(world)
    roots = Map(every).nearest(rooms[0], 4)
    root_load = load_figures(roots, before, measured)
    world.clock.run(warm_up + measured + 10.0)
    return world, match_figures(counted_people) | load | {
        "root requests": root_load["requests busiest"],
        "root connections": root_load["connections busiest"],
        "doubles": doubles(world),
    }


def give_hints(person: Person, seeds: list[Seed]) -> None:
    """Let somebody have heard the hints of some seeds a moment ago."""
    now = person.world.clock.now
    for seed in seeds:
        hint = seed.hint()
        if hint is not None:
            person.levels.hear(seed.block, hint, now)

"""A million people who each wait alone: what that costs each seed, the edge of an epoch included.

Who waits in a tag of his own meets nobody, and seeds at a tenth of their strength are never late. So people do not
touch one another, and a million are simulated by turns, some ten thousand at a time, and what seeds had to do added up.
"""

from benchmarks.sim.crowds import KNOWN
from benchmarks.sim.people import Person
from benchmarks.sim.seeds import Seed, draw_seeds
from benchmarks.sim.world import World

from passerby.discovery.limits import EDGE_ENTER

SEEDS = 1  # the random seed of the seeds' places
EPOCH_LEFT = 300.0  # seconds until the edge when the first arrive
ARRIVE = 60.0  # within so many seconds
WINDOW = 10.0  # over which requests a second are counted
STEADY_AT = 130.0  # all have been here for more than a minute; the first enter the next epoch's rooms at 180
END = 430.0  # the last left the old epoch's rooms at 420


def sparse(seed: int, *, people: int, seeds: int, weight: int) -> tuple[World, dict[str, float]]:
    """Let people wait, each in a tag of his own, from five minutes before an edge of the epoch until they left the old.

    The seeds are the same in every run; each person stands for `weight` people, which makes the busiest seed look
    busier than it is.
    """
    world = World(SEEDS, unix=1_800_000_000.0 + 600.0 - EPOCH_LEFT)
    every = world.add_seeds(seeds)
    world.join_seeds()
    world.rng.seed(seed)
    for number in range(people):
        world.clock.at(world.rng.uniform(0, ARRIVE), _wait, world, every, b"tag:%d/%d" % (seed, number))
    counts: list[list[int]] = []
    streams: list[list[int]] = []
    moment = 0.0
    while moment < END:
        moment += WINDOW
        world.clock.run(moment)
        counts.append([one.requests for one in every])
        streams.append([len(one.streams) for one in every])
    world.series = {
        "requests": [[weight * rate for rate in row] for row in _rates(counts)],
        "streams": [[float(weight * number) for number in row] for row in streams],
    }
    return world, {}


def _wait(world: World, seeds: list[Seed], tag: bytes) -> None:
    person: Person = world.add_person()
    person.search(draw_seeds(world.rng, seeds, KNOWN), (tag,))


def _rates(counts: list[list[int]]) -> list[list[float]]:
    """Return the requests a second of each seed in each window."""
    before = [0] * len(counts[0])
    rates: list[list[float]] = []
    for row in counts:
        rates.append([(now - then) / WINDOW for now, then in zip(row, before, strict=True)])
        before = row
    return rates


def load(requests: list[list[float]], streams: list[list[float]]) -> dict[str, float]:
    """Return the goals' figures from the series of all batches added up: rows are windows, columns seeds."""
    steady = int(STEADY_AT / WINDOW)
    edge = int((EPOCH_LEFT - EDGE_ENTER) / WINDOW)
    calm = requests[steady:edge] or requests[steady : steady + 1]
    means = [sum(row) / len(row) for row in requests]
    return {
        "requests mean": sum(sum(row) / len(row) for row in calm) / len(calm),
        "requests busiest": max(max(row) for row in calm),
        "edge requests mean": max(means[edge:]),
        "edge requests busiest": max(max(row) for row in requests[edge:]),
        "streams mean": max(sum(row) / len(row) for row in streams[steady:]),
        "streams most": max(max(row) for row in streams[steady:]),
    }

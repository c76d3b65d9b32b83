"""What a run comes to: plain figures, judged by the goals of the design."""

from collections.abc import Iterable
from math import erfc, inf, sqrt
from typing import Final

from benchmarks.sim.people import Person
from benchmarks.sim.seeds import Seed
from benchmarks.sim.world import World
from msgspec import Struct

PATIENCE: Final = 30.0  # seconds within which nearly all are to be matched


class Part(Struct, frozen=True):
    """One finished run: its figures by name, what crypto it would have cost, and what it took to simulate.

    `series` is for what is simulated by parts: tables of windows and seeds, to be added up.
    """

    scenario: str
    label: str
    seed: int
    figures: dict[str, float | None]
    costs: dict[str, int]
    events: int
    cpu: float
    series: dict[str, list[list[float]]]


def share(values: list[float], part: float) -> float:
    """Return the value below which a part of all lies; infinity of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else inf


def match_figures(people: Iterable[Person]) -> dict[str, float]:
    """Return how long people searched; the odd one, whom nobody is left for, does not count."""
    times = sorted(person.matched_at - person.arrived for person in people)
    times = times[: len(times) // 2 * 2] or [inf]
    return {
        "median": share(times, 0.5),
        "p95": share(times, 0.95),
        "p99": share(times, 0.99),
        "longest": times[-1],
        "matched": sum(time < inf for time in times) / len(times),
        "within 30 s": sum(time <= PATIENCE for time in times) / len(times),
    }


def load_figures(seeds: Iterable[Seed], before: dict[bytes, tuple[int, int]], seconds: float) -> dict[str, float]:
    """Return what seeds had to do per second since `before`."""
    requests = [(seed.requests - before.get(seed.pid, (0, 0))[0]) / seconds for seed in seeds]
    connections = [(seed.connections - before.get(seed.pid, (0, 0))[1]) / seconds for seed in seeds]
    return {
        "requests mean": sum(requests) / len(requests),
        "requests busiest": max(requests),
        "connections mean": sum(connections) / len(connections),
        "connections busiest": max(connections),
    }


def counted(seeds: Iterable[Seed]) -> dict[bytes, tuple[int, int]]:
    """Return what seeds have done so far, for `load_figures`."""
    return {seed.pid: (seed.requests, seed.connections) for seed in seeds}


def doubles(world: World) -> float:
    """Return how many were promised to two, or to somebody who was promised elsewhere."""
    return float(world.doubles)


def chi_square_p(counts: list[int], expected: list[float]) -> float:
    """Return the probability of so uneven a draw by chance: Wilson and Hilferty's approximation of chi-square.

    Good to three digits for the hundreds of classes that it is used for.
    """
    freedom = len(counts) - 1
    statistic = sum((count - want) ** 2 / want for count, want in zip(counts, expected, strict=True))
    spread = 2 / (9 * freedom)
    z = ((statistic / freedom) ** (1 / 3) - (1 - spread)) / sqrt(spread)
    return erfc(z / sqrt(2)) / 2

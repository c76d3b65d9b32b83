"""The scenarios: the rows of the scale goals, each with its goal and its runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.sim.attacks import deaths, sybils
from benchmarks.sim.crowds import crowd, steady
from benchmarks.sim.joining import joining
from benchmarks.sim.smallworlds import circle, ghosts, interests, uniformity
from benchmarks.sim.sparse import load, sparse
from benchmarks.sim.world import World

Figures = Mapping[str, float]
Outcome = tuple[World, dict[str, float]]
Series = dict[str, list[list[float]]]
_BEST_IS_HIGH: Final = frozenset(
    {"within 30 s", "success", "pairs met", "p", "matched", "agreement", "agreement of the rest"}
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: what it is called in the table, and its arguments. `is_long`: not of `make sim`."""

    label: str
    arguments: Mapping[str, float]
    seeds: int = 1
    is_long: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """One goal. `shown` are the figures of the table; several random seeds are joined by the worst of each.

    `fold` makes figures of the series of all runs, added up, where a world is simulated by parts.
    """

    name: str
    title: str
    goal: str
    run: Callable[..., Outcome]
    runs: tuple[Run, ...]
    shown: tuple[str, ...]
    is_reached: Callable[[Figures], bool]
    fold: Callable[[list[list[float]], list[list[float]]], dict[str, float]] | None = None
    best_is_high: frozenset[str] = _BEST_IS_HIGH


def _arrivals(people: int, seeds: int, within: float, **more: float) -> dict[str, float]:
    return {"people": people, "seeds": seeds, "within": within, **more}


_MATCH: Final = ("median", "p99", "within 30 s", "doubles")

SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario(
        "crowd",
        "people arriving within 10 s, nobody waiting",
        "median <= 2 s, p99 <= 10 s, >= 99.5 % within 30 s",
        crowd,
        (
            Run("10³ people, 50 seeds", _arrivals(1_000, 50, 10)),
            Run("10³ people, 50 seeds that all know", _arrivals(1_000, 50, 10, known=50)),
            Run("10⁴ people, 500 seeds", _arrivals(10_000, 500, 10)),
            Run("10⁵ people, 5 000 seeds", _arrivals(100_000, 5_000, 10), is_long=True),
        ),
        _MATCH,
        lambda f: f["median"] <= 2 and f["p99"] <= 10 and f["within 30 s"] >= 0.995 and not f["doubles"],
    ),
    Scenario(
        "steady",
        "a steady stream of people in one tag",
        "busiest seed <= max(5 x mean, 60 requests/s), root seeds no more; median <= 1.5 s, p99 <= 4 s",
        steady,
        (
            Run(
                "200/s, 100 seeds",
                {"rate": 200, "seeds": 100, "warm_up": 20, "measured": 5},
            ),
            Run(
                "200/s, 100 seeds, hints at the start",
                {"rate": 200, "seeds": 100, "warm_up": 20, "measured": 5, "hinted": 1},
            ),
            Run(
                "10⁴/s, 5 000 seeds",
                {"rate": 10_000, "seeds": 5_000, "warm_up": 16, "measured": 4},
                is_long=True,
            ),
        ),
        ("median", "p99", "requests mean", "requests busiest", "root requests", "connections busiest"),
        lambda f: (
            max(f["requests busiest"], f["root requests"]) <= max(5 * f["requests mean"], 60)
            and f["median"] <= 1.5
            and f["p99"] <= 4
        ),
    ),
    Scenario(
        "sparse",
        "people who wait in sparse tags, over an epoch's edge",
        "<= 1 000 streams and <= 40 requests/s per seed, edge included",
        sparse,
        (
            Run("10⁴ people, 50 seeds", {"people": 250, "seeds": 50, "weight": 40}),
            Run("10⁶ people, 5 000 seeds", {"people": 2_000, "seeds": 5_000, "weight": 50}, seeds=10, is_long=True),
        ),
        ("requests mean", "edge requests mean", "edge requests busiest", "streams mean", "streams most"),
        lambda f: f["streams most"] <= 1_000 and max(f["requests busiest"], f["edge requests busiest"]) <= 40,
        fold=load,
    ),
    Scenario(
        "same-second",
        "users in the same second, nobody waiting, cold seeds",
        "no double pairing; all but an odd one within 15 s in every run",
        crowd,
        (
            Run("10³ users, 50 seeds, 2 random seeds", _arrivals(1_000, 50, 1), seeds=2),
            Run("10³ users, 50 seeds that all know", _arrivals(1_000, 50, 1, known=50)),
            Run("10³ users, 50 seeds, 30 random seeds", _arrivals(1_000, 50, 1), seeds=30, is_long=True),
            Run(
                "10³ users, 50 seeds that all know, 30 random seeds",
                _arrivals(1_000, 50, 1, known=50),
                seeds=30,
                is_long=True,
            ),
        ),
        ("median", "p99", "longest", "after 15 s", "doubles"),
        lambda f: not f["doubles"] and not f["after 15 s"],
    ),
    Scenario(
        "cold",
        "people in a second, cold seeds",
        "median <= 5 s",
        crowd,
        (
            Run("10³ people, 50 seeds", _arrivals(1_000, 50, 1)),
            Run("10⁴ people, 500 seeds", _arrivals(10_000, 500, 1), is_long=True),
        ),
        ("median", "p99", "within 30 s", "doubles"),
        lambda f: f["median"] <= 5,
    ),
    Scenario(
        "ghosts",
        "half of the waiting vanish silently at once",
        "nobody loses more than 3 s per match to ghosts",
        ghosts,
        (
            Run("200 waiting, 60 come", {"waiting": 200, "seeds": 50, "newcomers": 60, "spread": 15}, seeds=3),
            Run(
                "the same through relays",
                {"waiting": 200, "seeds": 50, "newcomers": 60, "spread": 15, "relayed": 1},
                seeds=3,
            ),
        ),
        ("lost mean", "lost p95", "lost most", "lost over 3 s", "median"),
        lambda f: f["lost most"] <= 3,
    ),
    Scenario(
        "circle",
        "a handful of people who meet again and again",
        "2 people re-meet within 20 s; >= 97 % of pairs met",
        circle,
        tuple(
            Run(f"{people} people", {"people": people, "seeds": 10, "seconds": 900}, seeds=3)
            for people in (2, 3, 5, 10)
        ),
        ("wait median", "wait longest", "pairs met", "doubles"),
        lambda f: f["pairs met"] >= 0.97 and f["wait longest"] <= 20,
    ),
    Scenario(
        "interests",
        "2 people for each interest, 80 % of the views, 20 % lying seeds",
        ">= 97 % of pairs met within 30 s",
        interests,
        (
            Run("200 interests, 50 seeds", {"tags": 200, "seeds": 50, "view": 0.8, "liars": 0.2}),
            Run("1 000 interests, 50 seeds", {"tags": 1_000, "seeds": 50, "view": 0.8, "liars": 0.2}, is_long=True),
        ),
        ("wait median", "wait p95", "pairs met", "doubles"),
        lambda f: f["pairs met"] >= 0.97,
    ),
    Scenario(
        "sybils-one-room",
        "20 Sybil seeds nearest one room, one /24",
        "<= 1 % of searches affected",
        sybils,
        (
            Run(
                "1 000 people, 500 seeds",
                _arrivals(1_000, 500, 20, each=20, blocks=1, levels=0, liars=0),
            ),
        ),
        ("affected", "success", "added p95", "attacker's share"),
        lambda f: f["affected"] <= 0.01,
    ),
    Scenario(
        "sybils-every-room",
        "4 Sybil seeds nearest every room from 50 /24s; 20 % lying seeds",
        ">= 95 % success, <= 5 s added",
        sybils,
        (Run("500 people, 500 seeds", _arrivals(500, 500, 20, each=4, blocks=50, levels=4, liars=0.2)),),
        ("success", "added median", "added p95", "attacker's share"),
        lambda f: f["success"] >= 0.95 and f["added median"] <= 5,
    ),
    Scenario(
        "joining",
        "seeds join by the shipped machine, then half of them die",
        "every room's seeds agree; nobody waits longer than 15 s",
        joining,
        (
            *(
                Run(f"{seeds} seeds, 20 people", {"people": 20, "seeds": seeds}, seeds=3)
                for seeds in (12, 20, 40, 60, 100)
            ),
            Run("50 seeds, 60 people", {"people": 60, "seeds": 50}),
            Run("500 seeds, 200 people", {"people": 200, "seeds": 500}, is_long=True),
        ),
        ("agreement", "agreement of the rest", "contacts mean", "seconds to join", "p99", "longest"),
        lambda f: f["agreement"] == f["agreement of the rest"] == 1 and f["longest"] <= 15,
    ),
    Scenario(
        "deaths",
        "half of the seeds die, people come at once",
        "nobody waits longer than 15 s",
        deaths,
        (Run("100 wait, 50 seeds", {"people": 100, "seeds": 50}, seeds=3),),
        ("median", "p99", "longest"),
        lambda f: f["longest"] <= 15,
    ),
    Scenario(
        "uniformity",
        "strangers in 24 classes, 300 pairs, nobody put aside",
        "chi-square p > 0.01",
        uniformity,
        (
            Run("300 people, 3 000 matches", {"people": 300, "seeds": 50, "classes": 24, "matches": 3_000}),
            Run(
                "1 000 people, 10⁵ matches",
                {"people": 1_000, "seeds": 50, "classes": 24, "matches": 100_000},
                is_long=True,
            ),
        ),
        ("p", "matches", "met more than once"),
        lambda f: f["p"] > 0.01,
    ),
)

"""What goes wrong in the lab, and when: drawn beforehand from one random seed, so that it can be had again. Pure.

Seeds are numbered from 0 in the order in which they start, people likewise. A seed that is killed or cut off is told
the truth by the rest: nobody is. At least two seeds in five stay honest, alive, reachable and on time throughout; a
first contact is drawn from those, for whoever starts with a liar's address alone meets whom the liar chooses.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from passerby.node.lab.plan import Plan

SPAN: Final = 20.0  # seconds from the first search on in which things befall seeds
OUTAGE: Final = (4.0, 12.0)  # seconds that a seed is cut off for: some are given up meanwhile, some are not
LIARS: Final = 8  # one seed in so many lies
KILLED: Final = 4  # one in so many is killed, and as many start
CUT_OFF: Final = 10
LATE: Final = 10  # one seed, and one person, in so many has a clock that is wrong
SEED_CLOCKS: Final = (-900.0, 900.0)  # seconds: such a seed refuses everybody's epoch
PERSON_CLOCKS: Final = (-900.0, -420.0, 420.0, 900.0)  # such a person is in nobody's room until told the time


class Nature(StrEnum):
    """How a seed behaves; all but the first lie."""

    HONEST = "honest"
    EMPTY = "says that nobody is there"
    INVENTOR = "invents seeds"
    UNDERTAKER = "names those who left"


class Fate(StrEnum):
    """What befalls a seed."""

    KILLED = "killed"
    CUT_OFF = "cut off"
    REACHED = "reached again"
    STARTED = "started"


@dataclass(frozen=True, slots=True, order=True)
class Act:
    """What befalls which seed, `at` seconds after the first search."""

    at: float
    fate: Fate
    seed: int


@dataclass(frozen=True, slots=True)
class Script:
    """All that goes wrong. `sound` seeds are never touched; clocks are seconds ahead of the truth."""

    natures: Mapping[int, Nature]
    seed_clocks: Mapping[int, float]
    person_clocks: Mapping[int, float]
    acts: tuple[Act, ...]
    sound: tuple[int, ...]

    @property
    def end(self) -> float:
        """When the last act is over."""
        return self.acts[-1].at if self.acts else 0.0


def calm(plan: Plan) -> Script:
    """Return a script in which nothing goes wrong."""
    return Script({}, {}, {}, (), tuple(range(plan.seeds)))


def chaos(plan: Plan, rng: random.Random) -> Script:
    """Draw a script."""
    numbers = list(range(plan.seeds))
    rng.shuffle(numbers)
    liars = _take(numbers, plan.seeds // LIARS)
    late = _take(numbers, plan.seeds // LATE)
    killed = _take(numbers, plan.seeds // KILLED)
    cut_off = _take(numbers, plan.seeds // CUT_OFF)
    lies = [nature for nature in Nature if nature is not Nature.HONEST]
    acts = [Act(rng.uniform(0, SPAN), Fate.KILLED, seed) for seed in killed]
    acts += [Act(rng.uniform(0, SPAN), Fate.STARTED, plan.seeds + number) for number in range(len(killed))]
    for seed in cut_off:
        begin, length = rng.uniform(0, SPAN), rng.uniform(*OUTAGE)
        acts += [Act(begin, Fate.CUT_OFF, seed), Act(min(begin + length, SPAN), Fate.REACHED, seed)]
    wrong = rng.sample(range(plan.people), plan.people // LATE)
    return Script(
        natures={seed: lies[place % len(lies)] for place, seed in enumerate(liars)},
        seed_clocks={seed: rng.choice(SEED_CLOCKS) for seed in late},
        person_clocks={person: rng.choice(PERSON_CLOCKS) for person in wrong},
        acts=tuple(sorted(acts)),
        sound=tuple(sorted(numbers)),
    )


def _take(numbers: list[int], count: int) -> list[int]:
    taken = numbers[:count]
    del numbers[:count]
    return taken

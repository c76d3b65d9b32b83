"""What was asked of the lab, and whether one process may have the open files for it.

Both ends of every connection are here, so each costs two files.
"""

import resource
from dataclasses import dataclass
from math import ceil, log2
from typing import Final

from passerby.discovery.limits import BUCKET_SEEDS, LOBBY_SEEDS

BASE_FILES: Final = 100  # of the interpreter, its libraries and the terminal
HOST_FILES: Final = 2  # a listening socket, and one to spare
CHAT_CONNECTIONS: Final = 2  # of one person at a time: a dial, and somebody who dials

ROUNDS: Final = 1
PATIENCE: Final = 30.0  # seconds for one chat of everybody; two who look for each other take half a second
CHAOS_ROUNDS: Final = 3  # at least: until the last that befalls anybody is past
CHAOS_PATIENCE: Final = 60.0  # with people who met before, seeds that are silent for 10 s, and retries on top of that


@dataclass(frozen=True, slots=True)
class Plan:
    """How many seeds and pairs of people; with `chaos`, drawn from `random_seed`, nothing is as it should be."""

    seeds: int
    pairs: int
    chaos: bool
    random_seed: int

    @property
    def people(self) -> int:
        """How many people there are."""
        return 2 * self.pairs

    @property
    def rounds(self) -> int:
        """How many chats each of them has, at least."""
        return CHAOS_ROUNDS if self.chaos else ROUNDS

    @property
    def patience(self) -> float:
        """After how many seconds without a match who is without a stranger counts as left."""
        return CHAOS_PATIENCE if self.chaos else PATIENCE

    @property
    def files(self) -> int:
        """How many files this needs to have open at once, at most."""
        neighbours = min(self.seeds - 1, ceil(BUCKET_SEEDS * log2(self.seeds + 1)))
        per_person = min(self.seeds, LOBBY_SEEDS) + CHAT_CONNECTIONS
        hosts = self.seeds * (HOST_FILES + 2 * neighbours) + self.people * (HOST_FILES + 2 * per_person)
        return BASE_FILES + hosts


def allow_files(plan: Plan) -> None:
    """Let this process have as many open files as it needs; ValueError, a sentence for the user, if it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or plan.files <= soft:
        return
    if hard != resource.RLIM_INFINITY and plan.files > hard:
        raise ValueError(
            f"{plan.seeds} seeds and {plan.pairs} pairs need about {plan.files} open files, and this process may have "
            f"{hard} (ulimit -Hn): take fewer"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (plan.files, hard))

"""What the simulated network is like: every figure of the model, and where it comes from."""

import random
from collections import Counter
from dataclasses import dataclass, field
from math import inf

CONNECTION_TRIPS = 3  # round trips until a connection and the first stream on it are open: TCP, Noise, yamux with Enter
CONNECTION_WORK = 0.015  # seconds of one core, on both sides (peers.md)
BROKEN_OFF_WORK = 0.001  # a connection that its dialler gave up before its turn: accept, read, EOF
REQUEST_WORK = 0.0003  # of a seed, for a request on an open stream: frame, machine, answer (benchmarks/seedload.py)
STAMP_WORK = 0.012  # of one core, for one argon2 of 16 MiB
SILENT_SEED = 3.0  # seedlinks.SEED_DIAL: how long one dials a seed that does not even refuse
RETRANSMISSION = 0.3  # what a lost segment costs: TCP's shortest RTO of 200 ms and its way
LOST_SYN = 1.0  # what a lost first segment costs (RFC 6298)


@dataclass(frozen=True, slots=True)
class Model:
    """The network: `trip` seconds there and back, +- `spread` of it drawn for each pair; `loss` of all messages.

    `shed`: a seed with more seconds of work ahead turns new connections away unseen; what ships does not.
    """

    trip: float = 0.1
    spread: float = 0.2
    loss: float = 0.0
    shed: float = inf

    def draw_trip(self, rng: random.Random) -> float:
        """Return the round trip of a pair."""
        return self.trip * (1 + self.spread * (2 * rng.random() - 1))

    def delay(self, one_way: float, rng: random.Random) -> float:
        """Return how long a message is on its way."""
        while self.loss and rng.random() < self.loss:
            one_way += RETRANSMISSION
        return one_way


@dataclass(slots=True)
class Costs:
    """What was done and not simulated, since crypto is free here."""

    counts: Counter[str] = field(default_factory=Counter[str])

    def note(self, what: str, number: int = 1) -> None:
        """Count `number` of `what`."""
        self.counts[what] += number

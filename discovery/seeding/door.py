"""Who may come in: a seed's streams, shared out among blocks, and stamps when too many come (protocol.md 3.4, 7).

A stream is admitted once, at its first Enter, and stays admitted until it ends or has to make room. What an arrival
costs is the connection, about 15 ms of one core (benchmarks/seedload.py measures what the lobby adds: a hundredth of
that). So in calm nobody pays; when more come than half a core takes, the blocks that bring several do.
"""

import random
from collections import Counter
from dataclasses import dataclass
from math import inf

from passerby.crypto.stamp import Parties, passes_gate
from passerby.discovery.addresses import Scope
from passerby.discovery.limits import (
    ARRIVAL_BLOCKS,
    BUSY_SHARE,
    ENTER_FREE,
    ENTER_STAMP_RATE,
    LAG_MEMORY,
    LATE,
    TOLL_CONNECTIONS,
    TOLL_WINDOW,
)
from passerby.discovery.seeding.blocks import Blocks
from passerby.discovery.seeding.seedroom import Stream
from passerby.discovery.toll import Abort, Admit, Gate, Toll
from passerby.discovery.toll import Verdict as TollVerdict


@dataclass(frozen=True, slots=True)
class Full:
    """No place for it: the seed is full, or the stream's block has what a block may have."""


Verdict = TollVerdict | Full


class Door:
    """The streams that are in. `streams` in all, of which BUSY_SHARE are given away; `block_streams` of one block."""

    def __init__(self, streams: int, block_streams: int, rng: random.Random, gate: Gate = passes_gate) -> None:
        """Let nobody in yet; `gate` is that of stamps (toll.Toll)."""
        self._places = BUSY_SHARE * streams
        self._block_streams = block_streams
        self._in: Blocks[Stream] = Blocks(rng)
        self._toll = Toll(ENTER_STAMP_RATE, gate=gate)
        self._arrivals: Counter[str] = Counter()  # by block, in the present window
        self._counted: set[Parties | int] = set()  # the connections that are among them
        self._window = -inf
        self._connections = 0
        self._lag = 0.0
        self._measured = -inf

    def __len__(self) -> int:
        return len(self._in)

    def measured(self, connections: int, lag: float, now: float) -> None:
        """Take the shell's figures: how many connections there are, and how many seconds late answers are."""
        self._connections, self._lag, self._measured = connections, lag, now

    def load(self, now: float) -> int:
        """Return 0 (idle) to 100 (refuses newcomers)."""
        share = max(max(len(self._in), self._connections) / self._places, self._late(now) / LATE)
        return min(100, round(100 * share))

    def is_late(self, now: float) -> bool:
        """Tell whether an answer would come too late to be of use."""
        return self._late(now) > LATE

    def _late(self, now: float) -> float:
        return self._lag if now - self._measured <= LAG_MEMORY else 0.0

    def turned_away(self, stream: Stream, now: float) -> None:
        """Count somebody who is refused for another reason: a crowd at a closed door is load, too."""
        self._arrive(stream, now)

    def asked(self, stream: Stream, stamp: bytes | None, now: float) -> Verdict:
        """Say what becomes of a stream that is not in and asks to enter, with a stamp or without."""
        if not self._has_place(stream.block):
            self._arrive(stream, now)
            return Full()
        if stream.paid or stream.parties is None or stream.scope is Scope.MACHINE:
            return Admit()
        if stamp is not None:
            return self._toll.asked(stream.parties, stream.parties, stamp, now)
        self._arrive(stream, now)
        if self._is_free(stream.block, now):
            return Admit()
        return self._toll.demand(stream.parties, now)

    def checked(self, good: bool, now: float) -> Admit | Abort:
        """Take what became of a stamp; of each exactly once."""
        return self._toll.checked(good, now)

    def let_in(self, stream: Stream) -> Stream | None:
        """Admit a stream; return another that has to go for it, if any."""
        displaced = self._in.take_of_fullest() if self._is_full else None
        stream.admitted = self._in.add(stream.block, stream)
        if displaced is not None:
            displaced.admitted = None
        return displaced

    def left(self, stream: Stream) -> None:
        """A stream is gone."""
        if stream.admitted is not None:
            self._in.remove(stream.admitted)
            stream.admitted = None

    def disconnected(self, parties: Parties) -> None:
        """A connection is gone: not when its streams are, or the next one could pay with the same stamp."""
        self._toll.closed(parties)

    @property
    def _is_full(self) -> bool:
        return max(len(self._in), self._connections) >= self._places

    def _has_place(self, block: str) -> bool:
        """Tell whether a block may have one more: of a full seed, if another has two more than it."""
        own = self._in.count(block)
        return own < self._block_streams and not (self._is_full and self._in.most - own < 2)

    def _arrive(self, stream: Stream, now: float) -> None:
        """Count a connection, once in a window: asking again, on however many streams, is no load."""
        if now - self._window >= TOLL_WINDOW:
            self._window = now
            self._arrivals.clear()
            self._counted.clear()
        connection = stream.parties or stream.number
        if connection in self._counted:
            return
        if len(self._counted) < TOLL_CONNECTIONS:
            self._counted.add(connection)
        self._toll.arrived(now)
        if len(self._arrivals) < ARRIVAL_BLOCKS or stream.block in self._arrivals:
            self._arrivals[stream.block] += 1

    def _is_free(self, block: str, now: float) -> bool:
        """Tell whether this arrival is one of the few that a block has free, or calm makes all of them free."""
        return not self._toll.difficulty(now) or 0 < self._arrivals[block] <= ENTER_FREE

"""Whom to try next: the tickets that seeds answered with, and what came of each attempt (protocol.md 4.1).

A seed is drawn uniformly first, then a ticket of what it last said: so one that lies steers no more than its share. And
one that alone named people who were not there comes last: a real ghost is named by all seeds of its room.
"""

import random
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto

from passerby.discovery.limits import (
    BUSY_AVOID,
    BUSY_PAUSE,
    FAILED_AVOID,
    LIES_BORNE,
    LONGEST_AVOID,
    MET_WAIT,
    OUTCOME_MEMORY,
    OUTCOMES,
    RECENT,
    TRIES,
    UNREACHABLE_AVOID,
)
from passerby.discovery.rooms import RoomId
from passerby.discovery.searching.peerbook import PeerBook
from passerby.discovery.tickets import Ticket


class Outcome(Enum):
    """How an attempt ended that did not end in a chat."""

    BUSY = auto()
    """They refused, as somebody does who was found by another."""
    UNREACHABLE = auto()
    """The dial failed: nobody answered at the addresses."""
    FAILED = auto()
    """Connected, but the handshake broke off or timed out."""


_AVOID = {Outcome.UNREACHABLE: UNREACHABLE_AVOID, Outcome.FAILED: FAILED_AVOID}


@dataclass(frozen=True, slots=True)
class _Attempt:
    outcome: Outcome
    ended: float
    avoid_until: float
    failures: int


@dataclass(frozen=True, slots=True)
class Seen:
    """Numbers of people: `seen` are here or were tried in the last 60 s; the others are some of those.

    `busy` and `unreachable` were found so in the last 60 s, `met` were talked to in the last 30 min, `new` is whom
    there is reason to hope for.
    """

    seen: int = 0
    busy: int = 0
    unreachable: int = 0
    met: int = 0
    new: int = 0


class Candidates:
    """The pool of a searching peer. `met` and `blocked` outlive it; `own` is the peer's own id."""

    def __init__(self, own: bytes, met: PeerBook, blocked: PeerBook, rng: random.Random) -> None:
        self._own = own
        self._met = met
        self._blocked = blocked
        self._rng = rng
        self._pools: dict[tuple[bytes, RoomId], tuple[Ticket, ...]] = {}
        self._attempts: dict[bytes, _Attempt] = {}
        self._lies: dict[bytes, deque[float]] = {}
        self._tries = 0
        self._ready = 0.0
        self._last_new = 0.0

    @property
    def is_spent(self) -> bool:
        """Whether the last sample had its three tries, so that the next is wanted at once."""
        return self._tries >= TRIES

    def start(self, now: float) -> None:
        """Begin a search: people met are put aside for MET_WAIT from now."""
        self._tries = 0
        self._ready = now
        self._last_new = now

    def hear(self, seed: bytes, room: RoomId, tickets: tuple[Ticket, ...] | None, now: float) -> None:
        """Take what a seed answered of a room: tickets verified and of that room, or None where nothing changed."""
        if tickets is not None:
            self._pools[seed, room] = tickets
        self._tries = 0
        named = self._pools.get((seed, room), ())
        if any(self._is_new(ticket.pid, now) for ticket in named) and not self._is_doubted(seed, now):
            self._last_new = now

    def forget(self, seed: bytes, room: RoomId | None = None) -> None:
        """Drop what a seed said of a room, or all it said."""
        for key in [key for key in self._pools if key[0] == seed and room in (None, key[1])]:
            del self._pools[key]

    def ended(self, pid: bytes, outcome: Outcome, now: float) -> None:
        """Remember how an attempt ended; the same peer is not tried again at once."""
        old = self._attempts.pop(pid, None)
        if outcome is Outcome.BUSY:
            attempt = _Attempt(outcome, now, now + BUSY_AVOID, 0)
            self._ready = now + self._rng.uniform(*BUSY_PAUSE)
        else:
            failures = 1 if old is None else old.failures + 1
            avoid = min(LONGEST_AVOID, _AVOID[outcome] * 2 ** min(failures - 1, 8))
            attempt = _Attempt(outcome, now, now + avoid, failures)
            self._blame(pid, now)
        self._attempts[pid] = attempt
        stale = [other for other, past in self._attempts.items() if now - past.ended > OUTCOME_MEMORY]
        for other in stale or list(self._attempts)[:-OUTCOMES]:
            del self._attempts[other]

    def met(self, pid: bytes, now: float) -> None:
        """Remember that we talked to a peer."""
        self._attempts.pop(pid, None)
        self._met.add(pid, now)

    def choose(self, now: float, dialled: Collection[bytes] = ()) -> Ticket | None:
        """Draw whom to dial beside those `dialled` already; None if there is nobody, or not yet.

        Counts as one of the three tries.
        """
        if self.is_spent or now < self._ready:
            return None
        pools = self._dialable(now, dialled)
        if not pools:
            return None
        self._tries += 1
        return self._rng.choice(self._rng.choice(pools))

    def has_anybody(self, now: float) -> bool:
        """Whether seeds name anybody new whom there is reason to dial, now or after a pause."""
        named = (ticket.pid for pool in self._pools.values() for ticket in pool)
        return any(
            not (self._is_barred(pid, now) or self._is_avoided(pid, now) or self._met.has(pid, now)) for pid in named
        )

    def next_chance(self, now: float) -> float | None:
        """Return the next moment after `now` at which `choose` may find somebody whom it does not find now."""
        if self.is_spent:
            return None
        here = self._here(now)
        moments = [attempt.avoid_until for pid, attempt in self._attempts.items() if pid in here]
        if here:
            moments += [self._ready, self._last_new + MET_WAIT]
        return min((moment for moment in moments if moment > now), default=None)

    def seen(self, now: float) -> Seen:
        """Count people, each once however many seeds named them."""
        recent = {pid: past.outcome for pid, past in self._attempts.items() if now - past.ended <= RECENT}
        here = self._here(now)
        busy = sum(outcome is Outcome.BUSY for outcome in recent.values())
        met = sum(self._met.has(pid, now) for pid in here - recent.keys())
        return Seen(
            seen=len(here | recent.keys()),
            busy=busy,
            unreachable=len(recent) - busy,
            met=met,
            new=len(here - recent.keys()) - met,
        )

    def _here(self, now: float) -> set[bytes]:
        """Return the peers that seeds name at the moment, barred ones left out."""
        named = {ticket.pid for pool in self._pools.values() for ticket in pool}
        return {pid for pid in named if not self._is_barred(pid, now)}

    def _dialable(self, now: float, dialled: Collection[bytes]) -> list[list[Ticket]]:
        """Return what may be dialled, one list a seed; people met only where there was nobody else for long."""
        new: dict[bytes, list[Ticket]] = {}
        met: dict[bytes, list[Ticket]] = {}
        for (seed, _), pool in self._pools.items():
            for ticket in pool:
                if not (ticket.pid in dialled or self._is_barred(ticket.pid, now) or self._is_avoided(ticket.pid, now)):
                    kind = met if self._met.has(ticket.pid, now) else new
                    kind.setdefault(seed, []).append(ticket)
        trusted = [pool for seed, pool in new.items() if not self._is_doubted(seed, now)]
        if not trusted and now >= self._last_new + MET_WAIT:
            return [*met.values(), *new.values()]
        return trusted or list(new.values())

    def _blame(self, pid: bytes, now: float) -> None:
        """Hold it against the one seed that names a peer, if it is only one, that the peer could not be had."""
        namers = {seed for (seed, _), pool in self._pools.items() if any(ticket.pid == pid for ticket in pool)}
        if len(namers) == 1:
            self._lies = {seed: lies for seed, lies in self._lies.items() if now - lies[-1] <= RECENT}
            self._lies.setdefault(namers.pop(), deque(maxlen=LIES_BORNE)).append(now)

    def _is_doubted(self, seed: bytes, now: float) -> bool:
        lies = self._lies.get(seed)
        return lies is not None and len(lies) == LIES_BORNE and now - lies[0] <= RECENT

    def _is_barred(self, pid: bytes, now: float) -> bool:
        return pid == self._own or self._blocked.has(pid, now)

    def _is_avoided(self, pid: bytes, now: float) -> bool:
        attempt = self._attempts.get(pid)
        return attempt is not None and now < attempt.avoid_until

    def _is_new(self, pid: bytes, now: float) -> bool:
        """Tell whether a peer was neither met nor lately tried in vain: a ghost must not hide those we met for good."""
        attempt = self._attempts.get(pid)
        tried = attempt is not None and now - attempt.ended <= RECENT
        return not (tried or self._is_barred(pid, now) or self._met.has(pid, now))

"""What a searching peer does at its seeds: which rooms to be in, when to sample, whom to try next (protocol.md 2-4.1).

A machine. Told of seeds, answers and attempts, it returns what to send; `choose` names whom to dial, `deadline` when a
Tick is due, `view` what the status line counts. The shell asks all three after every event.

The rooms to be in follow from the state and the clock; after each event the seeds are brought into line with them. So
a start, a fall back from a lock, a new seed, a refusal and the edge of an epoch are one case, not five: a room wanted
and not entered is entered, a room entered and no longer wanted is left.
"""

import random
from dataclasses import dataclass, field
from enum import Enum, auto

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.keys import SigningKey, peer_id_of, public_key_of
from passerby.discovery import wire
from passerby.discovery.addresses import Scope
from passerby.discovery.candidates import Candidates
from passerby.discovery.limits import (
    CLOCK_MARGIN,
    EDGE_ENTER,
    ENTER_ALL_SEEDS,
    LOBBY_SEEDS,
    PBY_VERSION,
    RECENT,
    ROOM_SEEDS,
    SAMPLE_TICKETS,
    SEED_RETRY,
    SEEDS_PER_ROUND,
)
from passerby.discovery.peerbook import PeerBook
from passerby.discovery.rooms import ANYBODY, RoomId, epoch_of, epochs_at, nearest, next_edge, room_of
from passerby.discovery.schedule import Schedule
from passerby.discovery.searchevents import (
    Answered,
    AttemptEnded,
    ClockSet,
    Effect,
    EnterRoom,
    Event,
    Freed,
    LeaveRoom,
    Locked,
    Met,
    Reachable,
    SampleRoom,
    SeedDown,
    SeedUp,
    Started,
    Stopped,
    View,
)
from passerby.discovery.tickets import Ticket, read_ticket, sign_ticket


class _State(Enum):
    """Where the search stands."""

    IDLE = auto()
    SEEKING = auto()
    LOCKED = auto()


class _Standing(Enum):
    """Where we stand with one room of one seed."""

    ENTERING = auto()
    INSIDE = auto()
    SAMPLING = auto()
    OUTSIDE = auto()  # refused, or our ticket changed: entered (again) at `retry_at`


@dataclass(slots=True)
class _Place:
    standing: _Standing = _Standing.OUTSIDE
    retry_at: float = 0.0
    waiting: int | None = None  # as last answered


@dataclass(slots=True)
class _Seed:
    scope: Scope
    places: dict[RoomId, _Place] = field(default_factory=dict[RoomId, _Place])
    answered: float | None = None


class Searcher:
    """The machine of one peer id. `now` is any clock that only goes forward, in seconds.

    `met` and `blocked` belong to the person and outlive it; `rng` must be secret (random.SystemRandom), or whoever
    guesses it knows whom we dial.
    """

    def __init__(
        self,
        *,
        key: SigningKey,
        network: str,
        unix_minus_now: float,
        met: PeerBook,
        blocked: PeerBook,
        rng: random.Random,
        tag: bytes = ANYBODY,
    ) -> None:
        self._key = key
        self._pid = peer_id_of(key.public)
        self._network = network
        self._tag = tag
        self._unix_minus_now = unix_minus_now
        self._rng = rng
        self._candidates = Candidates(self._pid, met, blocked, rng)
        self._seeds: dict[bytes, _Seed] = {}  # in the order of their turns
        self._reachable: dict[Scope, Reachable] = {}
        self._epoch = -1
        self._lead = 0.0
        self._schedule = Schedule(rng)
        self._state = _State.IDLE

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take what happened; return what to send, in this order. What a seed says amiss is left out.

        LocalProtocolError: more seeds than a client may have.
        """
        match self._state, event:
            case _, Started():
                self._state = _State.SEEKING
                self._candidates.start(now)
                self._schedule.start(now)
            case _, Stopped():
                self._state = _State.IDLE
            case _State.SEEKING, Locked():
                self._state = _State.LOCKED
            case _State.LOCKED, Freed():
                self._state = _State.SEEKING
            case _, SeedUp(seed, scope):
                self._add(seed, scope)
            case _, SeedDown(seed):
                self._seeds.pop(seed, None)
                self._candidates.forget(seed)
            case _, Answered(seed, room, answer):
                self._take(seed, room, answer, now)
            case _, Reachable():
                self._reach(event, now)
            case _, AttemptEnded(pid, outcome):
                self._candidates.ended(pid, outcome, now)
            case _, Met(pid):
                self._candidates.met(pid, now)
            case _, ClockSet(unix_minus_now):
                self._unix_minus_now = unix_minus_now
            case _:
                pass  # a Tick; or Locked, Freed where they change nothing: a search stopped in between
        return self._align(now) + self._sample(now)

    def choose(self, now: float) -> Ticket | None:
        """Draw whom to dial now; None if nobody is to be dialled. Each call is an attempt: report how it ended."""
        return self._candidates.choose(now) if self._state is _State.SEEKING else None

    def deadline(self, now: float) -> float | None:
        """Return when to Tick and ask `choose` again; None unless searching."""
        if self._state is not _State.SEEKING:
            return None
        edge = next_edge(now + self._unix_minus_now, self._lead) - self._unix_minus_now + CLOCK_MARGIN
        moments = [self._schedule.due(at_once=self._candidates.is_spent), edge]
        moments += [place.retry_at for _, place in self._places() if place.standing is _Standing.OUTSIDE]
        chance = self._candidates.next_chance(now)
        return min(moments if chance is None else [*moments, chance])

    def rooms(self, now: float) -> tuple[RoomId, ...]:
        """Return the rooms to be in: none unless searching, two near the edge of an epoch."""
        if self._state is not _State.SEEKING:
            return ()
        unix = now + self._unix_minus_now
        if epoch_of(unix) != self._epoch:
            self._epoch = epoch_of(unix)
            self._lead = self._rng.uniform(0, EDGE_ENTER)
        return tuple(room_of(self._network, epoch, self._tag) for epoch in epochs_at(unix, self._lead))

    def view(self, now: float) -> View:
        """Return what is known, for the status line."""
        lately = [seed for seed in self._seeds.values() if seed.answered is not None and now - seed.answered <= RECENT]
        told = [[p.waiting for p in seed.places.values() if p.waiting is not None] for seed in lately]
        return View(
            up=len(self._seeds),
            seeds=len(lately),
            informed=sum(bool(numbers) for numbers in told),
            waiting=max((number for numbers in told for number in numbers), default=0),
            people=self._candidates.seen(now),
        )

    # ---- events in detail

    def _add(self, seed: bytes, scope: Scope) -> None:
        self._candidates.forget(seed)
        self._seeds.pop(seed, None)
        if len(self._seeds) >= LOBBY_SEEDS:
            raise LocalProtocolError("more seeds than a client may have")
        self._seeds[seed] = _Seed(scope)

    def _reach(self, event: Reachable, now: float) -> None:
        self._reachable[event.scope] = event
        for seed, place in self._places():
            if seed.scope is event.scope:
                place.standing, place.retry_at = _Standing.OUTSIDE, now

    def _take(self, pid: bytes, room: RoomId, answer: wire.Answer, now: float) -> None:
        seed = self._seeds.get(pid)
        if seed is None:
            return
        seed.answered = now
        place = seed.places.get(room)
        if place is None:
            return  # it crossed our leaving
        match answer:
            case wire.Room():
                place.standing, place.waiting = _Standing.INSIDE, answer.waiting
                self._candidates.hear(pid, room, self._verified(answer.tickets, room, seed.scope), now)
            case wire.Unchanged():
                place.standing = _Standing.INSIDE
                self._candidates.hear(pid, room, None, now)
            case wire.Left():
                pass
            case _:
                forgotten = place.standing is _Standing.SAMPLING and isinstance(answer, wire.Refused)
                place.standing = _Standing.OUTSIDE
                place.retry_at = now if forgotten else now + SEED_RETRY

    def _verified(self, blobs: tuple[bytes, ...], room: RoomId, scope: Scope) -> tuple[Ticket, ...]:
        """Return the tickets that are what they should be: a seed that lies about one gains nothing by it."""
        tickets: list[Ticket] = []
        for blob in blobs:
            try:
                ticket = read_ticket(blob)
            except RemoteProtocolError:
                continue
            if ticket.room == room and ticket.fits(scope) and PBY_VERSION in ticket.versions:
                tickets.append(ticket)
        return tuple(tickets)

    # ---- keeping seeds in line with what is wanted

    def _align(self, now: float) -> list[Effect]:
        """Enter rooms wanted, leave those that are not."""
        wanted = self.rooms(now)
        homes = {room: self._homes(room) for room in wanted}
        effects: list[Effect] = []
        for pid, seed in self._seeds.items():
            effects += self._leave(pid, seed, wanted)
            for room in wanted:
                if pid in homes[room]:
                    seed.places.setdefault(room, _Place())
                place = seed.places.get(room)
                if place is not None and place.standing is _Standing.OUTSIDE and now >= place.retry_at:
                    place.standing = _Standing.ENTERING
                    effects.append(EnterRoom(pid, room, self._ticket(room, seed.scope)))
        return effects

    def _leave(self, pid: bytes, seed: _Seed, wanted: tuple[RoomId, ...]) -> list[Effect]:
        gone = [room for room in seed.places if room not in wanted]
        for room in gone:
            del seed.places[room]
            self._candidates.forget(pid, room)
        if gone and not seed.places:
            return [LeaveRoom(pid, None)]
        return [LeaveRoom(pid, room) for room in gone]

    def _homes(self, room: RoomId) -> set[bytes]:
        """Return the seeds to wait at: all of a few, of many the nearest to the room, so that strangers agree."""
        if len(self._seeds) <= ENTER_ALL_SEEDS:
            return set(self._seeds)
        return {peer_id_of(key) for key in nearest(room.key, map(public_key_of, self._seeds), ROOM_SEEDS)}

    def _ticket(self, room: RoomId, scope: Scope) -> bytes | None:
        means = self._reachable.get(scope)
        if means is None or (means.relay is None and not means.addresses):
            return None
        return sign_ticket(self._key, Ticket(self._pid, room, means.relay, means.addresses))

    # ---- sampling

    def _sample(self, now: float) -> list[Effect]:
        """Ask two seeds, whose turn it is, about every room that no request of ours is out for."""
        if self._state is not _State.SEEKING or now < self._schedule.due(at_once=self._candidates.is_spent):
            return []
        self._schedule.advance(now)
        entered = [pid for pid, seed in self._seeds.items() if seed.places]
        beat = self._schedule.announced(now, len(entered))
        effects: list[Effect] = []
        for pid in entered[:SEEDS_PER_ROUND]:
            seed = self._seeds[pid] = self._seeds.pop(pid)  # to the end of the line
            for room, place in seed.places.items():
                if place.standing is _Standing.INSIDE:
                    place.standing = _Standing.SAMPLING
                    effects.append(SampleRoom(pid, room, SAMPLE_TICKETS, beat))
        return effects

    def _places(self) -> list[tuple[_Seed, _Place]]:
        return [(seed, place) for seed in self._seeds.values() for place in seed.places.values()]

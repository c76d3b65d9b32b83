"""What a searching peer does at its seeds: which seeds and rooms, when to sample, whom to try next (protocol.md 2-4.1).

A machine. Told of seeds, answers and attempts, it returns what to send; `choose` names whom to dial, `deadline` when a
Tick is due, `view` what the status line counts. The shell asks all three after every event, and does with the effects
what searchevents.py says.

    tags, levels, clock -> wantedrooms.py -> the rooms to be in -.
    seeds known         -> seedbook.py    -> nearest to a room  -+-> homes.py: the plan -> attendance.py: what to send
    seeds' answers -> candidates.py: whom to dial; levels.py; seedbook.py, inquiries.py: more seeds

A new plan is made only after an event that may change it, or when one is due: planning.py.
"""

import random
from collections.abc import Collection, Mapping
from enum import Enum, auto
from functools import partial
from math import inf

from passerby.crypto.errors import LocalProtocolError
from passerby.crypto.keys import SigningKey
from passerby.discovery import tickets, wire
from passerby.discovery.limits import ASK_GAP, SEEDS_PER_ROUND
from passerby.discovery.rooms import ANYBODY, RoomId
from passerby.discovery.searching import searchevents as events
from passerby.discovery.searching.attendance import Attendance
from passerby.discovery.searching.candidates import Candidates, Outcome
from passerby.discovery.searching.guests import Guest
from passerby.discovery.searching.homes import Plan
from passerby.discovery.searching.inquiries import Inquiries
from passerby.discovery.searching.levels import LevelMemory
from passerby.discovery.searching.peerbook import PeerBook
from passerby.discovery.searching.planning import Planning
from passerby.discovery.searching.schedule import Schedule
from passerby.discovery.searching.searchview import view_of
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.searching.ticketing import ReadTicket, SignTicket, Ticketing
from passerby.discovery.searching.wantedrooms import Wanted, WantedRooms
from passerby.discovery.tags import TAGS
from passerby.discovery.tickets import Ticket

_NOWHERE = Plan((), {}, 0)


class _State(Enum):
    """Where the search stands."""

    IDLE = auto()
    SEEKING = auto()
    LOCKED = auto()
    RETIRED = auto()


class Searcher:
    """The machine of one peer id. `now` is any clock that only goes forward, in seconds.

    `met`, `blocked`, `book` and `levels` belong to the person and outlive it; `rng` must be secret
    (random.SystemRandom), or whoever guesses it knows whom we dial. `sign` and `read` are of tickets.
    """

    def __init__(
        self,
        *,
        key: SigningKey,
        network: str,
        unix_minus_now: float,
        met: PeerBook,
        blocked: PeerBook,
        book: SeedBook,
        levels: LevelMemory,
        rng: random.Random,
        sign: SignTicket = tickets.sign_ticket,
        read: ReadTicket = tickets.read_ticket,
    ) -> None:
        self._unix_minus_now = unix_minus_now
        self._book = book
        self._tickets = Ticketing(key, sign, read)
        self._candidates = Candidates(self._tickets.pid, met, blocked, rng)
        self._rooms = WantedRooms(network, levels, rng)
        self._attendance = Attendance(book, self._tickets.own)
        self._guests = self._attendance.guests
        self._planning = Planning(book, self._rooms, self._guests)
        self._inquiries = Inquiries(book, levels, rng, self._planning.opening)
        self._schedule = Schedule(rng)
        self._state, self._started = _State.IDLE, 0.0

    def handle(self, event: events.Event, now: float) -> list[events.Effect]:
        """Take what happened; return what to do, in this order. What a seed says amiss is left out.

        LocalProtocolError: too many tags, or a seed that is up was not to be connected.
        """
        effects: list[events.Effect] = []
        if self._state is _State.RETIRED:
            return []
        match event:
            case events.Started() | events.Stopped() | events.Locked() | events.Freed():
                self._turn(event, now)
            case events.Retired():
                self._state = _State.RETIRED
                return self._attendance.retire(now)
            case events.Answered(seed, room, answer):
                effects = self._take(seed, room, answer, now)
            case events.AttemptEnded(pid, outcome):
                self._candidates.ended(pid, outcome, now)
                if outcome is not Outcome.BUSY:
                    self._planning.hold_nothing_back(now)
            case events.Met(pid):
                self._candidates.met(pid, now)
            case events.Tick():
                pass
            case _:
                effects = self._adapt(event, now)
                self._planning.change()
        return effects + self._sample(now) + self._follow(now)

    def choose(self, now: float, dialled: Collection[bytes] = ()) -> Ticket | None:
        """Draw whom to dial now beside those `dialled` already; None if nobody is to be dialled.

        Each ticket is an attempt: report how it ended.
        """
        return self._candidates.choose(now, dialled) if self._state is _State.SEEKING else None

    def deadline(self, now: float) -> float | None:
        """Return when a Tick is due, and `choose` worth asking again; None where time changes nothing."""
        match self._state:
            case _State.LOCKED | _State.RETIRED:
                moment = inf
            case _State.IDLE:
                moment = self._book.refresh(now)
            case _:
                due = self._schedule.due(at_once=self._candidates.is_spent)
                chance = self._candidates.next_chance(now)
                moment = min(
                    due, self._planning.due(now), self._inquiries.deadline(now), inf if chance is None else chance
                )
        return None if moment == inf else moment

    def rooms(self, now: float) -> Mapping[RoomId, bytes]:
        """Return the rooms to be in, each with its tag: none unless searching; the same mapping until they change."""
        if self._state is not _State.SEEKING:
            return {}
        self._update_rooms(now)
        return self._rooms.tags

    def wants_stamp(self, seed: bytes, now: float) -> bool:
        """Tell whether the stamp that SolveStamp asked for is still worth solving: the seed would take it."""
        guest = self._guests.get(seed)
        if guest is None or self._state is not _State.SEEKING:
            return False
        return guest.toll.solving > 0 and now < guest.toll.until

    def view(self, now: float) -> events.View:
        """Return what is known, for the status line."""
        return view_of(self._guests.values(), self._candidates.seen(now), now)

    # ---- events in detail

    def _turn(self, event: events.Started | events.Stopped | events.Locked | events.Freed, now: float) -> None:
        match self._state, event:
            case _, events.Started():
                self._state, self._started = _State.SEEKING, now
                self._candidates.start(now)
                self._schedule.start(now)
                self._rooms.start()
                self._planning.start(now)
            case _, events.Stopped():
                self._state = _State.IDLE
                self._inquiries.stop()
                self._planning.opening.rest()
            case _State.SEEKING, events.Locked():
                self._state = _State.LOCKED
            case _State.LOCKED, events.Freed():
                self._state = _State.SEEKING
                self._planning.opening.end()
            case _:
                return  # a search stopped in between
        self._planning.change()

    def _adapt(self, event: events.Event, now: float) -> list[events.Effect]:
        match event:
            case events.Interests(tags, fallback):
                if len(set(tags) - {ANYBODY}) > TAGS:
                    raise LocalProtocolError("more tags than a search may have")
                self._rooms.interests(tags, fallback)
            case events.Introduced():
                self._book.introduce(event)
            case events.Withdrawn(seed):
                self._candidates.forget(seed)
                return self._attendance.withdrawn(seed, now)
            case events.SeedUp(seed, scope, block):
                self._attendance.up(seed, scope, block, now)
            case events.SeedDown(seed) | events.SeedFailed(seed):
                self._candidates.forget(seed)
                self._attendance.lost(seed, now)
            case events.WorkChecked(seed, record, good):
                self._inquiries.checked(record, good=good)
                self._attendance.checked(seed, record, good=good)
            case events.Told():
                self._rooms.clock_set()
                return self._inquiries.told(event, now, now + self._unix_minus_now)
            case events.StampSolved(seed, stamp):
                self._attendance.stamped(seed, stamp, now)
            case events.Reachable(scope):
                self._tickets.reach(event)
                self._attendance.reach(scope, now)
            case events.ClockSet(unix_minus_now):
                self._unix_minus_now = unix_minus_now
                self._inquiries.clock_set()
                self._rooms.clock_set()
            case _:
                assert isinstance(event, events.NetworkChanged), "the last of all events"
                self._book.retry_now()
        return []

    def _take(self, seed: bytes, room: RoomId, answer: wire.Answer, now: float) -> list[events.Effect]:
        guest = self._guests.get(seed)
        if guest is None:
            return []
        guest.answered = now
        self._book.proven(seed, now)
        if isinstance(answer, wire.Refused) and answer.reason == wire.Reason.STAMP:
            guest.toll.refused()
        place = guest.places.get(room)
        if place is None:
            return []  # it crossed our leaving
        was_inside = place.is_inside
        self._attendance.take(guest, place, answer, now)
        if not (was_inside and place.is_inside):
            self._planning.change()
        self._learn(guest, room, answer, now)
        if not isinstance(answer, wire.Refused) or answer.reason != wire.Reason.EPOCH:
            return []
        was_held = self._planning.hold_nothing_back(now)  # those let go now are to be asked too
        return [] if was_held else self._inquiries.ask(self._guests, room.key, now)

    def _learn(self, guest: Guest, room: RoomId, answer: wire.Answer, now: float) -> None:
        """Take what a seed says of people, of levels, and of other seeds."""
        match answer:
            case wire.Room():
                people = self._tickets.others(answer.tickets, room, guest.scope)
                self._candidates.hear(guest.pid, room, people, now)
                self._rooms.hear(guest.pid, room, answer.level, now, found=bool(people))
                seeds = answer.nearer
            case wire.Unchanged():
                self._candidates.hear(guest.pid, room, None, now)
                return
            case wire.Busy():
                self._candidates.forget(guest.pid, room)
                self._rooms.hear(guest.pid, room, answer.level, now, found=False)
                seeds = answer.seeds
            case _:
                if not guest.places[room].entered:
                    self._candidates.forget(guest.pid, room)
                return
        for blob in seeds:
            self._book.hear(blob, guest.scope, guest.pid, self._unix(now))

    # ---- what follows

    def _follow(self, now: float) -> list[events.Effect]:
        """Bring seeds into line with what is wanted, if that may have changed."""
        effects = self._inquiries.proceed(now)
        rooms = self._update_rooms(now)
        if self._planning.opening.holds_back(now):
            self._planning.found(anybody=self._candidates.has_anybody(now))
        if now < self._planning.due(now):
            return effects
        self._tickets.keep(self._rooms.tags)
        if self._state is _State.LOCKED:
            sent = self._attendance.leave(_NOWHERE, now)
        else:
            is_idle = self._state is _State.IDLE
            plan = self._planning.make(rooms, now)
            sent = self._attendance.align(self._planning.idle(plan, now) if is_idle else plan, now)
            if not is_idle:
                self._inquiries.look_up(self._rooms.tags, plan.known, now)
                sent += self._inquiries.proceed(now)
        for effect in sent:
            if isinstance(effect, events.LeaveRoom | events.DisconnectSeed):
                self._candidates.forget(effect.seed, effect.room if isinstance(effect, events.LeaveRoom) else None)
        self._planning.done(now)
        return effects + sent

    def _widen(self, now: float) -> list[events.Effect]:
        """Look further once a search has gone on for some time, and less far once it goes on for long."""
        if not self._planning.widen(self._schedule.beats, now - self._started):
            return []
        return self._inquiries.explore(self._guests, [room for room in self._rooms.tags if not room.level], now)

    def _update_rooms(self, now: float) -> Collection[Wanted]:
        searched = 0.0 if self._state is _State.IDLE else now - self._started
        return self._rooms.update(now, self._unix(now), searched).values()

    def _unix(self, now: float) -> float:
        """Return wall time, as the seeds have it if ours is wrong."""
        return now + self._unix_minus_now + self._book.clock_error

    def _sample(self, now: float) -> list[events.Effect]:
        """Ask two seeds, whose turn it is, about every room that no request of ours is out for."""
        if self._state is not _State.SEEKING or now < self._schedule.due(at_once=self._candidates.is_spent):
            return []
        effects: list[events.Effect] = []
        if self._schedule.advance(now):
            self._rooms.unmatched()
            room = next(iter(self._rooms.tags))
            once = max(ASK_GAP, now - self._started)  # in a search: a clock that goes wrong later is refused at an edge
            effects = self._inquiries.ask(self._guests, room.key, now, once) + self._widen(now)
        beat = partial(self._schedule.announced, now)
        return effects + self._attendance.sample(SEEDS_PER_ROUND, beat)

"""Being a guest of a plan's seeds, and in its rooms with them: what to send for things to become as they should be.

After each event that may matter, `align` compares the plan (homes.py) with where we stand (guests.py). So a start, a
fall back from a lock, a new seed, a lost one, a refusal and the edge of an epoch are one case, not six: a seed wanted
and not there is connected, a room wanted and not entered is entered, and what is no longer wanted is left, though never
before what replaces it has answered.
"""

from collections.abc import Callable

from passerby.crypto.errors import LocalProtocolError
from passerby.discovery import wire
from passerby.discovery.addresses import Scope
from passerby.discovery.limits import (
    IDLE_SEEDS,
    LOBBY_SEEDS,
    ROOMS_PER_STREAM,
    SAMPLE_TICKETS,
    SEED_RETRY,
    STAMP_MOST_BITS,
)
from passerby.discovery.rooms import RoomId
from passerby.discovery.searching.guests import Guest, Place, Standing
from passerby.discovery.searching.homes import Plan
from passerby.discovery.searching.searchevents import (
    CheckWork,
    ConnectSeed,
    DisconnectSeed,
    Effect,
    EnterRoom,
    LeaveRoom,
    SampleRoom,
    SolveStamp,
)
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.seedrecord import SeedRecord

TicketFor = Callable[[RoomId, Scope], bytes | None]


class Attendance:
    """The guests' list of one peer id: `guests` by the seed's peer id, in the order of their turns to be sampled."""

    def __init__(self, book: SeedBook, ticket_for: TicketFor) -> None:
        """Know nobody yet; `ticket_for` makes our ticket of a room in a scope, if strangers can reach us there."""
        self._book = book
        self._ticket_for = ticket_for
        self._checking: set[bytes] = set()
        self.guests: dict[bytes, Guest] = {}

    # ---- what happened

    def up(self, pid: bytes, scope: Scope, block: str, now: float) -> None:
        """Take that a stream is open; LocalProtocolError if we were not connecting to that seed."""
        guest = self.guests.get(pid)
        if guest is None or guest.up:
            raise LocalProtocolError("a seed that was not to be connected")
        guest.scope, guest.up = scope, True
        self._book.up(pid, block, now)

    def lost(self, pid: bytes, now: float) -> None:
        """Take that a seed's stream ended, or that it could not be reached."""
        guest = self.guests.pop(pid, None)
        if guest is None:
            return
        if guest.up:
            self._book.gone(pid, now, lost=True)
        else:
            self._book.failed(pid, now)

    def withdrawn(self, pid: bytes, now: float) -> list[Effect]:
        """Forget a seed."""
        effects = self._disconnect(self.guests[pid], now) if pid in self.guests else []
        self._book.withdraw(pid)
        return effects

    def retire(self, now: float) -> list[Effect]:
        """Be a guest of nobody."""
        return [effect for guest in list(self.guests.values()) for effect in self._disconnect(guest, now)]

    def checked(self, pid: bytes, record: SeedRecord, *, good: bool) -> None:
        """Take whether a seed's work is what that record claims."""
        self._checking.discard(pid)
        self._book.checked(record, good=good)

    def reach(self, scope: Scope, now: float) -> None:
        """Bring new tickets to the seeds of a scope."""
        for guest in self.guests.values():
            if guest.scope is scope:
                for place in guest.places.values():
                    place.standing, place.retry_at = Standing.OUTSIDE, now

    def take(self, guest: Guest, place: Place, answer: wire.Answer, now: float) -> None:
        """Take what a seed answered, as far as it tells where we stand in a room."""
        match answer:
            case wire.Room() | wire.Unchanged():
                place.standing = Standing.INSIDE
                place.waiting = answer.waiting if isinstance(answer, wire.Room) else place.waiting
            case wire.Left():
                pass
            case wire.Refused(reason=wire.Reason.STAMP) if 0 < answer.argument <= STAMP_MOST_BITS:
                place.refuse(now)
                known = self._book.get(guest.pid)
                if known is not None and known.is_paid_in_vain(now):
                    self._pay_no_more(guest, now)
                else:
                    guest.toll.demand(answer.argument, now)
            case wire.Refused() if place.standing is Standing.SAMPLING:
                place.refuse(now)  # it forgot us
            case wire.Busy():
                place.refuse(now + SEED_RETRY)
                self._book.rest(guest.pid, now + SEED_RETRY)
            case _:
                place.refuse(now + SEED_RETRY)

    def stamped(self, pid: bytes, stamp: bytes | None, now: float) -> None:
        """Take the stamp that was asked for; None: the seed is not worth it for now."""
        guest = self.guests.get(pid)
        if guest is None or not guest.toll.solving:
            return
        toll = guest.toll
        is_last, toll.solving = toll.solving == toll.refusals, 0
        if stamp is None:
            self._pay_no_more(guest, now)
        elif is_last:
            toll.stamp = stamp

    # ---- what follows

    def align(self, plan: Plan, now: float) -> list[Effect]:
        """Connect to the plan's seeds and be in its rooms; leave all others."""
        effects = self.leave(plan, now)
        for guest in [guest for guest in self.guests.values() if guest.pid not in plan.seeds]:
            if not guest.up or (not guest.is_inside and self._can_spare(guest)):
                effects += self._disconnect(guest, now)
        effects = _without_goodbyes(effects + self._connect(plan, now))
        for room, pids in plan.inside.items():
            for pid in pids:
                if pid in self.guests:
                    effects += self._enter(self.guests[pid], room, now)
        for guest in self.guests.values():
            effects += self._pay(guest, now)
        return effects

    def sample(self, count: int, beat: Callable[[int], int]) -> list[Effect]:
        """Ask `count` seeds, whose turn it is, about every room that no request of ours is out for.

        `beat` tells the interval to announce, from how many seeds take turns.
        """
        entered = [pid for pid, guest in self.guests.items() if guest.is_inside]
        effects: list[Effect] = []
        for pid in entered[:count]:
            guest = self.guests[pid] = self.guests.pop(pid)  # to the end of the line
            for room, place in guest.places.items():
                if place.standing is Standing.INSIDE:
                    place.standing = Standing.SAMPLING
                    effects.append(SampleRoom(pid, room, SAMPLE_TICKETS, beat(len(entered))))
        return effects

    def leave(self, plan: Plan, now: float) -> list[Effect]:
        """Leave the rooms that are not in a plan, and seeds that it has others for once those have answered."""
        settled = {room for room, pids in plan.inside.items() if self._is_settled(room, pids, now)}
        effects: list[Effect] = []
        for guest in self.guests.values():
            gone = [room for room in guest.places if self._is_over(guest, room, plan, now, settled)]
            told = [room for room in gone if guest.places.pop(room).entered]
            if told and not guest.is_inside:
                effects.append(LeaveRoom(guest.pid, None))
            else:
                effects += [LeaveRoom(guest.pid, room) for room in told]
        return effects

    def _is_settled(self, room: RoomId, pids: tuple[bytes, ...], now: float) -> bool:
        """Whether all seeds to be in the room with have let us in, refusing and tardy ones apart."""
        places = [self.guests[pid].places.get(room) for pid in pids if pid in self.guests]
        inside = [place is not None and place.is_inside for place in places if place is None or place.counts(now)]
        return bool(inside) and all(inside)

    def _is_over(self, guest: Guest, room: RoomId, plan: Plan, now: float, settled: set[RoomId]) -> bool:
        if room not in plan.inside:
            return True
        if guest.pid in plan.inside[room]:
            return False
        place = guest.places[room]
        return room in settled and (place.entered or place.counts(now))  # a refusal is remembered while it lasts

    def _connect(self, plan: Plan, now: float) -> list[Effect]:
        effects: list[Effect] = []
        for pid in plan.seeds:
            known = self._book.get(pid)
            if pid in self.guests or known is None or not known.is_usable(now):
                continue
            if known.record is not None and not known.checked:
                if pid not in self._checking:
                    self._checking.add(pid)
                    effects.append(CheckWork(pid, known.record))
                continue
            if len(self.guests) >= LOBBY_SEEDS:
                effects += self._make_room(plan, now)
            if len(self.guests) < LOBBY_SEEDS:
                self.guests[pid] = Guest(pid, known.scope, now)
                effects.append(ConnectSeed(pid, known.addresses))
        return effects

    def _make_room(self, plan: Plan, now: float) -> list[Effect]:
        """Disconnect one seed that is not of the plan, though we may be in a room with it."""
        for guest in self.guests.values():
            if guest.pid not in plan.seeds and self._can_spare(guest):
                return self._disconnect(guest, now)
        return []

    def _can_spare(self, guest: Guest) -> bool:
        """Whether enough others have answered: who did is not given up for who may not."""
        return sum(other.answered is not None and other is not guest for other in self.guests.values()) >= IDLE_SEEDS

    def _disconnect(self, guest: Guest, now: float) -> list[Effect]:
        del self.guests[guest.pid]
        if guest.up:
            self._book.gone(guest.pid, now, lost=False)
        return [DisconnectSeed(guest.pid)]

    def _enter(self, guest: Guest, room: RoomId, now: float) -> list[Effect]:
        """Enter a room unless we are there, or it is too early; while a stamp is owed nothing is entered without it."""
        place = guest.places.get(room)
        if place is None:
            if len(guest.places) >= ROOMS_PER_STREAM:
                return []
            place = guest.places[room] = Place()
        toll = guest.toll
        owes = toll.stamp is None and toll.difficulty and now < toll.until
        if place.standing is not Standing.OUTSIDE or now < place.retry_at or owes:
            return []
        place.standing, place.entered, place.since = Standing.ENTERING, True, now
        stamp = toll.settle() if now < toll.until else None
        known = self._book.get(guest.pid)
        if stamp is not None and known is not None:
            known.pay(now)
        return [EnterRoom(guest.pid, room, self._ticket_for(room, guest.scope), stamp)]

    def _pay(self, guest: Guest, now: float) -> list[Effect]:
        """Have a stamp solved if one is owed and the count of refusals, which is in the challenge, is final."""
        toll = guest.toll
        if not toll.difficulty or toll.solving or toll.stamp is not None or guest.is_entering or now >= toll.until:
            return []
        toll.solving = toll.refusals
        return [SolveStamp(guest.pid, toll.difficulty, toll.refusals)]

    def _pay_no_more(self, guest: Guest, now: float) -> None:
        """Leave a seed alone for a while, in all rooms that it has not let us in."""
        known = self._book.get(guest.pid)
        pause = SEED_RETRY if known is None else known.pay_no_more()
        guest.toll.give_up()
        for place in guest.places.values():
            if place.standing is Standing.OUTSIDE:
                place.retry_at = now + pause


def _without_goodbyes(effects: list[Effect]) -> list[Effect]:
    """Leave out what is said to seeds whose stream ends at once: its end says as much (protocol.md 3.4)."""
    ending = {effect.seed for effect in effects if isinstance(effect, DisconnectSeed)}
    return [effect for effect in effects if not (isinstance(effect, LeaveRoom) and effect.seed in ending)]

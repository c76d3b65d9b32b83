"""What a searching peer asks seeds over the DHT protocol: the time, how hot it is, where a room lives (protocol.md 3).

Nothing of it is asked for a match that comes at once: the time when a seed refuses our epoch, the rest a second into a
search; a lookup only where so many seeds are known that the nearest known are not the nearest, and once for each room.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final

from passerby.discovery import dhtwire
from passerby.discovery.addresses import Scope
from passerby.discovery.limits import (
    ASK_GAP,
    CLOCK_ERROR,
    CLOCK_SEEDS,
    EXPLORED,
    LOOKUP_ABOVE,
    LOOKUP_NEW,
    PING_BYTES,
    QUERY_PATIENCE,
    WIDE_ROOM_SEEDS,
)
from passerby.discovery.lookup import Candidate, Lookup
from passerby.discovery.rooms import RoomId
from passerby.discovery.searching.guests import Guest
from passerby.discovery.searching.knownseed import Known
from passerby.discovery.searching.levels import LevelMemory
from passerby.discovery.searching.opening import Opening
from passerby.discovery.searching.searchevents import AskSeed, CheckWork, Effect, Told, Warn
from passerby.discovery.searching.seedbook import SeedBook
from passerby.discovery.seeding.table import place_of
from passerby.discovery.seedrecord import SeedRecord

_FIRST: Final = 3 * WIDE_ROOM_SEEDS  # contacts to begin a lookup with: the paths choose among them


@dataclass(slots=True)
class _Ping:
    nonce: bytes
    asked: float


@dataclass(slots=True)
class _LookedUp:
    room: RoomId
    scope: Scope
    lookup: Lookup
    pending: dict[bytes, float] = field(default_factory=dict[bytes, float])  # until when an answer counts
    checking: set[SeedRecord] = field(default_factory=set[SeedRecord])
    worked: set[bytes] = field(default_factory=set[bytes])  # positions whose work is as claimed


class Inquiries:
    """The questions of one peer id. What is learnt goes into the person's `book` and `levels`."""

    def __init__(self, book: SeedBook, levels: LevelMemory, rng: random.Random, opening: Opening) -> None:
        """Ask nothing yet."""
        self._opening = opening
        self._book = book
        self._levels = levels
        self._rng = rng
        self._asked = -inf
        self._pings: dict[bytes, _Ping] = {}
        self._errors: list[float] = []
        self._running: _LookedUp | None = None

    # ---- time and hints

    def ask(self, guests: Mapping[bytes, Guest], target: bytes, now: float, gap: float = ASK_GAP) -> list[Effect]:
        """Ask three seeds for time and hint, and those of unknown place who they are; not again within `gap`.

        Fewer only if no others will soon be there: of three one may lie.
        """
        up = [guest.pid for guest in guests.values() if guest.up]
        is_early = self._opening.holds_back(now) or any(not guest.up and guest.counts(now) for guest in guests.values())
        if now - self._asked < gap or not up or (is_early and len(up) < CLOCK_SEEDS):
            return []
        self._asked = now
        self._errors = []
        self._pings = {}
        effects: list[Effect] = []
        for pid in self._rng.sample(up, min(CLOCK_SEEDS, len(up))):
            ping = self._pings[pid] = _Ping(self._rng.randbytes(PING_BYTES), now)
            effects += self._to(pid, dhtwire.Ping(0, ping.nonce))
            known = self._book.get(pid)
            if known is not None and known.position is None:
                effects += self._to(pid, dhtwire.Find(0, target))
        return effects

    def explore(self, guests: Mapping[bytes, Guest], rooms: Iterable[RoomId], now: float) -> list[Effect]:
        """Ask who is near the rooms, of seeds that we wait with for none: if the nearest all lie, these may not."""
        effects: list[Effect] = []
        for room in rooms:
            for scope in self._book.scopes():
                ranking = self._book.ranking(scope, int.from_bytes(room.key, "big"), now)
                others = [known.pid for known in ranking if known.is_proven and known.pid not in guests]
                for pid in others[:EXPLORED]:
                    effects += self._to(pid, dhtwire.Find(0, room.key))
        return effects

    def told(self, event: Told, now: float, unix: float) -> list[Effect]:
        """Take an answer, `unix` by our own clock; return a warning if that is wrong."""
        if event.answer is not None:
            self._book.proven(event.seed, now)
        match event.request, event.answer:
            case dhtwire.Find(target=target), _ if self._is_of_lookup(event.seed, target):
                self._take_nodes(event, now, unix)
            case dhtwire.Find(), dhtwire.Nodes(records=records):
                self._take_records(event.seed, records[:LOOKUP_NEW], unix)
            case dhtwire.Ping(nonce=nonce), answer:
                return self._take_pong(event, nonce, answer, now, unix)
            case _:
                pass
        return []

    def _to(self, pid: bytes, request: dhtwire.Find | dhtwire.Ping) -> list[Effect]:
        known = self._book.get(pid)
        return [] if known is None else [AskSeed(pid, known.addresses, request)]

    def _take_records(self, teller: bytes, records: tuple[bytes, ...], unix: float) -> None:
        known = self._book.get(teller)
        if known is not None:
            for blob in records:
                self._book.hear(blob, known.scope, teller, unix + self._book.clock_error)

    def _take_pong(
        self, event: Told, nonce: bytes, answer: dhtwire.Answer | None, now: float, unix: float
    ) -> list[Effect]:
        ping = self._pings.get(event.seed)
        if ping is None or ping.nonce != nonce:
            return []
        del self._pings[event.seed]
        if isinstance(answer, dhtwire.Pong) and answer.nonce == nonce:
            there = answer.time + 0.5  # whole seconds, rounded down
            self._errors.append(there - (unix - (now - ping.asked) / 2))
            if answer.hint is not None:
                self._levels.hear(self._block_of(event), answer.hint, now)
        return [] if self._pings else self._judge_clock()

    def _judge_clock(self) -> list[Effect]:
        """Take the median of what three seeds say; of two the word nearer to our own clock; of one its word."""
        if not self._errors:
            self._asked = -inf
            return []
        errors = sorted(self._errors)
        error = errors[1] if len(errors) == CLOCK_SEEDS else min(errors, key=abs)
        before, self._book.clock_error = self._book.clock_error, error if abs(error) > CLOCK_ERROR else 0.0
        if not self._book.clock_error or abs(error - before) <= CLOCK_ERROR:
            return []
        return [Warn("clock", -error)]

    def clock_set(self) -> None:
        """Take that our clock was set: what seeds said of it is void."""
        self._book.clock_error = 0.0
        self._asked = -inf
        self._pings = {}

    # ---- lookups

    def look_up(self, rooms: Iterable[RoomId], known: int, now: float) -> None:
        """Begin the next lookup that is due: of the first room not looked up, where so many seeds are known."""
        if self._running is not None or known <= LOOKUP_ABOVE:
            return
        for room in rooms:
            if not self._book.lookups.has(room):
                ranked = {s: self._book.ranking(s, int.from_bytes(room.key, "big"), now) for s in self._book.scopes()}
                scope, ranking = max(ranked.items(), key=lambda item: len(item[1]))
                first = [seed.candidate for seed in _trusted(ranking)]
                self._running = _LookedUp(room, scope, Lookup(room.key, first, now, WIDE_ROOM_SEEDS))
                return

    def proceed(self, now: float) -> list[Effect]:
        """Return the next questions of the lookup; conclude it once it is over."""
        running = self._running
        if running is None:
            return []
        for pid in [pid for pid, until in running.pending.items() if now >= until]:
            del running.pending[pid]
            running.lookup.failed(pid)
        if running.lookup.is_over(now):
            return self._conclude(running, now)
        asked = running.lookup.ask(now)
        running.pending |= {candidate.pid: now + QUERY_PATIENCE for candidate in asked}
        find = dhtwire.Find(0, running.room.key)
        return [AskSeed(candidate.pid, candidate.addresses, find) for candidate in asked]

    def _conclude(self, running: _LookedUp, now: float) -> list[Effect]:
        """Take the result, once the work of all in it is checked: a place is easily invented."""
        result = running.lookup.result()
        claims = [each.record for each in result if each.record and not self._has_worked(running, each.record)]
        if claims:
            fresh = [record for record in claims if record not in running.checking]
            running.checking.update(fresh)
            return [CheckWork(record.pid, record) for record in fresh]
        self._running = None
        self._book.lookups.note(running.room, tuple(candidate.pid for candidate in result))
        for candidate in result:
            self._book.found(candidate, running.scope, now)
        return []

    def _has_worked(self, running: _LookedUp, record: SeedRecord) -> bool:
        if record.scope is not Scope.PUBLIC or record.position in running.worked:
            return True
        known = self._book.get(record.pid)
        return known is not None and known.checked and known.position == place_of(record.position)

    def checked(self, record: SeedRecord, *, good: bool) -> None:
        """Take what came of CheckWork, of whoever asked for it: the lookup goes on without a seed that did none."""
        running = self._running
        if running is None or record not in running.checking:
            return
        running.checking.remove(record)
        if good:
            running.worked.add(record.position)
        else:
            running.lookup.failed(record.pid)

    def stop(self) -> None:
        """Break off: the search is over, and what was begun for it is not remembered."""
        self._running = None

    def deadline(self, now: float) -> float:
        """Return when `proceed` is due; infinity if it is not."""
        if self._running is None:
            return inf
        if self._running.checking:
            return inf
        end = self._running.lookup.deadline(now)
        return min((now if end is None else end, *self._running.pending.values()))

    def _is_of_lookup(self, pid: bytes, target: bytes) -> bool:
        running = self._running
        return running is not None and running.room.key == target and pid in running.pending

    def _take_nodes(self, event: Told, now: float, unix: float) -> None:
        assert self._running is not None, "the answer is of the lookup"
        lookup, scope = self._running.lookup, self._running.scope
        del self._running.pending[event.seed]
        if not isinstance(event.answer, dhtwire.Nodes):
            lookup.failed(event.seed)
            return
        if event.answer.hint is not None:
            self._levels.hear(self._block_of(event), event.answer.hint, now)
        told: list[Candidate] = []
        for blob in event.answer.records:
            record = self._book.read(blob, scope, unix + self._book.clock_error)
            if record is not None:
                told.append(Candidate.of(record, blob))
        lookup.answered(event.seed, told, event.block or None)

    def _block_of(self, event: Told) -> str:
        known = self._book.get(event.seed)
        return event.block or (known.block if known else "") or event.seed.hex()


def _trusted(ranking: list[Known]) -> list[Known]:
    """Return the nearest of those that are more than hearsay; where there are too few, of all."""
    proven = [known for known in ranking if known.is_proven]
    return (proven if len(proven) >= WIDE_ROOM_SEEDS else ranking)[:_FIRST]

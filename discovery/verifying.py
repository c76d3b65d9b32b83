"""How a seed that somebody told of becomes a contact: verify before add (protocol.md 3.10).

Cheap checks come first, then whether the table wants it at all, then its work, then a call on a connection that we
dial to the addresses of its record: its answer is the proof. Whatever is told, four at a time is all that is tried.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf

from passerby.crypto.errors import RemoteProtocolError
from passerby.discovery import dhtwire
from passerby.discovery.addresses import Address, Scope
from passerby.discovery.firstcontacts import FirstContacts
from passerby.discovery.limits import LONELY, RECORDS_READ, VERIFY_AT_ONCE, VERIFY_PATIENCE, WORK_MEMORY
from passerby.discovery.neighbourevents import Call, CheckedWork, CheckWork, Effect, HangUp, Knocked, Told
from passerby.discovery.seedrecord import SeedRecord
from passerby.discovery.spares import NEVER, Spare, Spares, spare_of
from passerby.discovery.table import Contact, Table, place_of


@dataclass(frozen=True, slots=True)
class _Trial:
    """A seed being verified, by a dial to `addresses`; without any its work is being checked.

    `spare` is None if all that we know of it is where to dial.
    """

    spare: Spare | None
    addresses: frozenset[Address]


class Verifier:
    """What stands between hearsay and one table, that of the seed whose record is `own` in `scope`."""

    def __init__(
        self,
        table: Table,
        own: SeedRecord,
        scope: Scope,
        introduction: Callable[[], dhtwire.Find],
        read: Callable[[bytes], SeedRecord],
    ) -> None:
        """Start with nobody known; `introduction` returns the request whose answer proves a seed."""
        self._table = table
        self._own = own
        self._scope = scope
        self._introduction = introduction
        self._read = lru_cache(maxsize=RECORDS_READ)(read)
        self._spares = Spares(table, place_of(own.position))
        self._first = FirstContacts()
        self._trials: dict[bytes, _Trial] = {}
        self._worked: dict[bytes, bytes] = {}
        self._lost_at = NEVER
        self._is_news = False

    def __contains__(self, pid: bytes) -> bool:
        return pid in self._trials

    @property
    def is_idle(self) -> bool:
        """Whether nobody is being verified."""
        return not self._trials

    # ---- what is told

    def introduce(self, pid: bytes, addresses: tuple[Address, ...], now: float) -> None:
        """Take a first contact."""
        self._first.add(pid, addresses, now)

    def hear(self, blob: bytes, unix: float, heard: float, knock: Knocked | None = None) -> SeedRecord | None:
        """Take a record that somebody told of, if all that is cheap to check is right; return it if it is a contact's.

        `knock` is how it came, if its seed itself brought it.
        """
        try:
            record = self._read(blob)
        except RemoteProtocolError:
            return None
        is_usable = record.fits(self._scope) and record.is_current(unix) and record.pid != self._own.pid
        if not is_usable or (knock is not None and record.pid != knock.pid):
            return None
        if record.pid in self._table:
            return record
        at_home = knock is not None and any(address.host == knock.host for address in record.addresses)
        if not self._spares.refresh(record, heard, is_at_home=at_home):
            self._is_news |= self._spares.hear(spare_of(record, blob, heard, is_at_home=at_home))
        return None

    def lose(self, contact: Contact, now: float) -> None:
        """Take who is no contact any more, and may come back."""
        self._spares.dials.answered(contact.record, now)
        self._spares.hear(Spare(contact.record, contact.blob, contact.block, NEVER, has_answered=True))
        self._spares.reconsider()
        self._lost_at = now
        self._is_news = True

    def wake(self) -> None:
        """Look once more whether somebody may be verified: time has passed."""
        self._spares.reconsider()
        self._is_news = True

    # ---- what came of it

    def answered(self, event: Told, now: float) -> list[Effect]:
        """Go on with a seed, being verified, that answered."""
        trial = self._trials.pop(event.pid)
        spare = self._spares.get(event.pid) or trial.spare
        self._is_news = True
        if spare is None:  # a first contact that told nothing usable of itself
            return [HangUp(event.pid)]
        if not trial.addresses <= set(spare.record.addresses):
            return [HangUp(event.pid)]  # it is there, but whether where its record says is still to be seen
        if self._needs_check(spare.record):
            return self._try(spare, now)
        return self._admit(spare, event.block, now)

    def failed(self, pid: bytes) -> None:
        """Take that a seed being verified did not answer, or that its connection ended."""
        trial = self._trials.pop(pid)
        self._is_news = True
        if trial.spare is not None and not self._spares.dials.failed(trial.spare.record):
            self._spares.drop(pid)

    def checked(self, event: CheckedWork) -> list[Effect]:
        """Go on with a seed whose work was checked."""
        trial = self._trials.get(event.pid)
        if trial is None or trial.spare is None or trial.addresses:
            return []  # a first contact's, whose connection ended meanwhile
        if not event.passed:
            del self._trials[event.pid]
            self._spares.drop(event.pid)
            self._is_news = True
            return [HangUp(event.pid)]
        self._worked[event.pid] = trial.spare.record.work
        if len(self._worked) > WORK_MEMORY:
            del self._worked[next(iter(self._worked))]
        return self._call(event.pid, trial.spare.record.addresses, trial.spare)

    # ---- whom to try

    def due(self) -> float:
        """Return when `fill` has to be asked although nothing happened; infinity for never."""
        if self._free <= 0 or len(self._table) + len(self._trials) >= LONELY:
            return inf
        return self._first.due(self._is_known)

    def fill(self, now: float) -> list[Effect]:
        """Try those whom the table wants, and while it is lonely the first contacts, as many as may be at once."""
        effects: list[Effect] = []
        while self._is_news and self._free > 0:
            expected = {pid: trial.spare.place if trial.spare else None for pid, trial in self._trials.items()}
            spare = self._spares.choose(expected, self._lost_at, now)
            if spare is None:
                self._is_news = False
            else:
                effects += self._try(spare, now)
        while self.due() <= now:
            effects += self._call(*self._first.next(self._is_known, now), None)
        return effects

    def probe(self, rng: random.Random) -> list[Effect]:
        """Try any one first contact that is none of ours, however many we know."""
        drawn = self._first.draw(self._is_known, rng)
        return [] if drawn is None or self._free <= 0 else self._call(*drawn, None)

    @property
    def _free(self) -> int:
        return VERIFY_AT_ONCE - len(self._trials)

    def _is_known(self, pid: bytes) -> bool:
        return pid in self._table or pid in self._trials

    def _needs_check(self, record: SeedRecord) -> bool:
        return record.scope is Scope.PUBLIC and self._worked.get(record.pid) != record.work

    def _try(self, spare: Spare, now: float) -> list[Effect]:
        self._spares.dials.made(spare, now)
        if self._needs_check(spare.record):
            self._trials[spare.record.pid] = _Trial(spare, frozenset())
            return [CheckWork(spare.record)]
        return self._call(spare.record.pid, spare.record.addresses, spare)

    def _call(self, pid: bytes, addresses: tuple[Address, ...], spare: Spare | None) -> list[Effect]:
        bare = frozenset(replace(address, peer=None) for address in addresses)
        self._trials[pid] = _Trial(spare, bare)
        return [Call(pid, addresses, self._introduction(), VERIFY_PATIENCE)]

    def _admit(self, spare: Spare, block: str, now: float) -> list[Effect]:
        self._spares.drop(spare.record.pid)
        self._spares.dials.answered(spare.record, now)
        surplus = self._table.add(Contact(spare.record, spare.blob, block, now))
        self._first.found(spare.record.pid)
        if surplus is None:
            return []
        # it stays a spare, and a good one: it answered, and counts under the block in which it was seen
        self._spares.hear(Spare(surplus.record, surplus.blob, surplus.block, now, has_answered=True))
        return [HangUp(surplus.pid)]

"""How a seed that somebody told of becomes a contact: verify before add (protocol.md 3.10).

Cheap checks come first, then whether the table wants it at all, then its work, then calls on connections that we dial
to the addresses of its record: its answers are the proof. Our contacts' records are told on, and everybody who hears
them dials what they name; so in the public scope a seed has to answer at every host that its record names. Whatever is
told, four at a time is all that is tried.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf

from passerby.crypto.errors import RemoteProtocolError
from passerby.discovery import dhtwire
from passerby.discovery.addresses import Address, Scope, block_of, scope_of
from passerby.discovery.limits import LONELY, RECORDS_READ, VERIFY_AT_ONCE, VERIFY_PATIENCE, WORK_MEMORY
from passerby.discovery.lookup import block_at
from passerby.discovery.searching.seednames import needs_lookup
from passerby.discovery.seeding.firstcontacts import FirstContacts
from passerby.discovery.seeding.neighbourevents import Call, CheckedWork, CheckWork, Effect, HangUp, Knocked, Told
from passerby.discovery.seeding.spares import NEVER, Spare, Spares
from passerby.discovery.seeding.table import Contact, Table, place_of
from passerby.discovery.seeding.verifylimits import Checks, Dials
from passerby.discovery.seedrecord import SeedRecord


@dataclass(frozen=True, slots=True)
class _Trial:
    """A seed being verified, by a dial to `asked`; without any its work is being checked.

    `spare` is None while all that we know of a first contact is where to dial. `reached`: where it answered since the
    trial began, the last time from `block`.
    """

    spare: Spare | None
    asked: tuple[Address, ...] = ()
    reached: frozenset[Address] = frozenset()
    block: str = ""


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
        self._dials = Dials()
        self._checks = Checks()
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
        # who answers for a name could let it lead to a victim once all others have the record
        is_usable = is_usable and not any(map(needs_lookup, record.addresses))
        if not is_usable or (knock is not None and not (record.pid == knock.pid and knock.host)):
            return None
        if record.pid in self._table:
            return record
        home = "" if knock is None else self._dials.home_of(record, knock.host, heard)
        if not self._spares.refresh(record, heard, has_knocked=knock is not None, home=home):
            block = block_at(record.addresses[0], record.pid) if knock is None else _block_of(knock)
            spare = Spare(record, blob, block, heard, has_knocked=knock is not None, home=home)
            self._is_news |= self._spares.hear(spare)
        return None

    def lose(self, contact: Contact, now: float) -> None:
        """Take who is no contact any more, and may come back."""
        self._dials.answered(contact.record, contact.reached, now)
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
        """Go on with a seed, being verified, that answered: there, and nowhere else, it is."""
        trial = self._trials.pop(event.pid)
        spare = self._spares.get(event.pid) or trial.spare
        self._is_news = True
        if spare is None:  # a first contact that told nothing usable of itself
            return [HangUp(event.pid)]
        return self._go_on(replace(trial, reached=trial.reached | {event.address}, block=event.block), spare, now)

    def failed(self, pid: bytes, now: float, *, late: bool) -> None:
        """Take that a seed being verified did not answer, perhaps too `late`, or that its connection ended.

        One that is of no more use is forgotten, until somebody tells of it again.
        """
        trial = self._trials.pop(pid)
        self._is_news = True
        if trial.spare is None:
            return
        if late:
            self._dials.late(trial.spare.record, trial.asked, now)
        if not self._dials.failed(trial.spare.record, trial.asked):
            self._spares.drop(pid)

    def checked(self, event: CheckedWork, now: float) -> list[Effect]:
        """Go on with a seed whose work was checked."""
        pid = event.record.pid
        trial = self._trials.get(pid)
        if trial is None or trial.spare is None or trial.asked or trial.spare.record != event.record:
            return []  # of a record that counts no more, or whose connection ended meanwhile
        del self._trials[pid]
        self._is_news = True
        if not event.passed:
            self._spares.drop(pid)
            return [HangUp(pid)]
        self._worked[pid] = event.record.work
        if len(self._worked) > WORK_MEMORY:
            del self._worked[next(iter(self._worked))]
        return self._go_on(trial, trial.spare, now)

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
            spare = self._spares.choose(expected, self._lost_at, lambda spare: self._may_try(spare, now))
            if spare is None:
                self._is_news = False
            else:
                effects += self._go_on(_Trial(spare), spare, now)
        while self.due() <= now:
            effects += self._ask_first(*self._first.next(self._is_known, now))
        return effects

    def probe(self, rng: random.Random) -> list[Effect]:
        """Try any one first contact that is none of ours, however many we know."""
        drawn = self._first.draw(self._is_known, rng)
        return [] if drawn is None or self._free <= 0 else self._ask_first(*drawn)

    @property
    def _free(self) -> int:
        return VERIFY_AT_ONCE - len(self._trials)

    def _is_known(self, pid: bytes) -> bool:
        return pid in self._table or pid in self._trials

    def _needs_check(self, record: SeedRecord) -> bool:
        return record.scope is Scope.PUBLIC and self._worked.get(record.pid) != record.work

    def _may_try(self, spare: Spare, now: float) -> bool:
        if self._needs_check(spare.record) and not self._checks.permits(spare, now):
            return False
        return all(self._dials.permitted(spare, addresses, now) for addresses in _proofs(spare.record))

    def _ask_first(self, pid: bytes, addresses: tuple[Address, ...]) -> list[Effect]:
        self._trials[pid] = _Trial(None)
        return [Call(pid, addresses, self._introduction(), VERIFY_PATIENCE)]

    def _go_on(self, trial: _Trial, spare: Spare, now: float) -> list[Effect]:
        """Take the next step with a seed that is in no trial now: check, dial where it has not answered, or admit."""
        if self._needs_check(spare.record):
            if not self._checks.permits(spare, now):
                return _hang_up(trial, spare)
            self._checks.made(spare, now)
            self._trials[spare.record.pid] = replace(trial, spare=spare, asked=())
            return [CheckWork(spare.record)]
        for addresses in _proofs(spare.record):
            if trial.reached.isdisjoint(addresses):
                return [*_hang_up(trial, spare), *self._dial(trial, spare, addresses, now)]
        return self._admit(trial, spare, now)

    def _dial(self, trial: _Trial, spare: Spare, addresses: Iterable[Address], now: float) -> list[Effect]:
        permitted = self._dials.permitted(spare, addresses, now)
        if not permitted:  # somebody else named that host meanwhile
            return []
        self._dials.made(spare, permitted, now)
        self._trials[spare.record.pid] = replace(trial, spare=spare, asked=permitted)
        return [Call(spare.record.pid, permitted, self._introduction(), VERIFY_PATIENCE)]

    def _admit(self, trial: _Trial, spare: Spare, now: float) -> list[Effect]:
        record = spare.record
        reached = tuple(address for address in record.addresses if address in trial.reached)
        self._spares.drop(record.pid)
        self._dials.answered(record, reached, now)
        surplus = self._table.add(Contact(record, spare.blob, trial.block, now, reached))
        self._first.found(record.pid)
        if surplus is None:
            return []
        # it stays a spare, and a good one: it answered, and counts under the block in which it was seen
        self._spares.hear(Spare(surplus.record, surplus.blob, surplus.block, now, has_answered=True))
        return [HangUp(surplus.pid)]


def _proofs(record: SeedRecord) -> list[tuple[Address, ...]]:
    """Return the addresses by what has to answer, of each one: in the public scope every host, else any.

    A machine in a LAN often names addresses that none but itself reaches; nobody is led beyond that LAN by them.
    """
    if record.scope is not Scope.PUBLIC:
        return [record.addresses]
    hosts: dict[str, tuple[Address, ...]] = {}
    for address in record.addresses:
        hosts[address.host] = (*hosts.get(address.host, ()), address)
    return list(hosts.values())


def _hang_up(trial: _Trial, spare: Spare) -> list[Effect]:
    return [HangUp(spare.record.pid)] if trial.reached else []


def _block_of(knock: Knocked) -> str:
    """Return the block that a seed counts under which brought its record itself: that of where we saw it."""
    host = knock.host if scope_of(knock.host) is not Scope.MACHINE else None
    return block_of(host, pid=knock.pid, connection=0)

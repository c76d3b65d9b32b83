"""What a person knows of seeds: where they are, whether they answer, when to try again (protocol.md 3, First contacts).

The book belongs to the person and outlives identities. It is no machine of its own: searchers tell it what they see,
and rank by it. A seed has one entry and one scope, that of the addresses it was first introduced or heard with; what is
said of it in another scope is not used.

Most entries were told by other seeds; how far those are believed is in tellers.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from passerby.crypto.errors import RemoteProtocolError
from passerby.discovery import seedrecord
from passerby.discovery.addresses import Scope
from passerby.discovery.limits import COME_BACK, EPOCH, KNOWN_SEEDS, SETTLED
from passerby.discovery.lookup import Candidate, block_at
from passerby.discovery.searching.knownseed import Known, Origin, position_of
from passerby.discovery.searching.lookupmemory import LookupMemory
from passerby.discovery.searching.searchevents import Introduced
from passerby.discovery.searching.tellers import Tellers
from passerby.discovery.seeding.table import place_of
from passerby.discovery.seedrecord import SeedRecord

ReadRecord = Callable[[bytes], SeedRecord]


@dataclass(slots=True)
class SeedBook:
    """All seeds that a person knows. `now` is the searchers' clock; `read_record` checks all but age and work.

    `version` grows with whatever may change a ranking: equal versions, equal rankings. `clock_error` is what to add to
    this machine's wall time to have that of the seeds; what `lookups` found is kept in the book.
    """

    read_record: ReadRecord = seedrecord.read_record
    most: int = KNOWN_SEEDS
    version: int = 0
    clock_error: float = 0.0
    lookups: LookupMemory = field(default_factory=LookupMemory)
    _known: dict[bytes, Known] = field(default_factory=dict[bytes, Known])
    _tellers: Tellers = field(default_factory=Tellers)
    _read: dict[bytes, None] = field(default_factory=dict[bytes, None])
    _epoch: float = -1.0
    _soonest: float = inf
    _soonest_of: int = -1

    def __len__(self) -> int:
        return len(self._known)

    def get(self, pid: bytes) -> Known | None:
        """Return what is known of a seed."""
        return self._known.get(pid)

    def seeds(self) -> tuple[Known, ...]:
        """Return all seeds, in the order in which they became known."""
        return tuple(self._known.values())

    # ---- becoming known

    def introduce(self, event: Introduced) -> None:
        """Take a first contact, or further addresses of one."""
        known = self._known.get(event.seed)
        if known is None:
            self._add(
                Known(event.seed, event.scope, event.origin, event.addresses, position_of(event.seed, event.scope))
            )
        elif known.scope is event.scope or event.origin < known.origin:
            known.moved(event.scope)
            known.is_also_at(event.addresses, event.origin)
            known.origin = min(known.origin, event.origin)
            self.version += 1
        if event.record is not None:
            self._adopt(event.record, event.scope)

    def withdraw(self, pid: bytes) -> None:
        """Forget a seed."""
        known = self._known.pop(pid, None)
        if known is not None:
            self._tellers.judge(pid, good=None)
            self.lookups.lose(pid)
            self.version += 1

    def hear(self, blob: bytes, scope: Scope, teller: bytes, unix: float) -> None:
        """Take a record that a seed told in `scope`, at a moment of wall time; what is amiss with it is left out."""
        if unix // EPOCH != self._epoch:
            self._epoch = unix // EPOCH
            self._tellers.forgive()  # whoever told of seeds that then died is believed again
            self._read.clear()
        if blob in self._read or not self._tellers.believes(teller):
            return
        self._note_read(blob)
        record = self.read(blob, scope, unix)
        if record is None:
            return
        known = self._known.get(record.pid)
        if known is None:
            self._hear_first(record, blob, scope, teller)
        elif known.scope is scope:
            self._renew(known, record, blob)

    def read(self, blob: bytes, scope: Scope, unix: float) -> SeedRecord | None:
        """Return the record in `blob`, or None if anything about it is wrong, in `scope` and at this wall time."""
        try:
            record = self.read_record(blob)
        except RemoteProtocolError:
            return None
        return record if record.fits(scope) and record.is_current(unix) else None

    def found(self, candidate: Candidate, scope: Scope, now: float) -> None:
        """Take a seed that answered in a lookup and whose work was checked: nobody's word is needed for it."""
        if candidate.record is not None:
            if candidate.pid not in self._known:
                self._add(Known(candidate.pid, scope, Origin.HEARD, candidate.addresses))
            self._renew(self._known[candidate.pid], candidate.record, candidate.blob)
            self.checked(candidate.record, good=True)
        self.proven(candidate.pid, now)

    def proven(self, pid: bytes, now: float) -> None:
        """Note that a seed answered a request of the lobby or the DHT."""
        known = self._known.get(pid)
        if known is not None:
            if known.answered is None:
                self._tellers.judge(pid, good=True)
                self.version += 1
            known.answered = now

    def checked(self, record: SeedRecord, *, good: bool) -> None:
        """Note what came of checking a seed's work: with bad work it has no place, and hearsay of it was none.

        It says nothing of other work that the seed claims by now.
        """
        pid = record.pid
        known = self._known.get(pid)
        if known is None or known.position != place_of(record.position):
            return
        known.checked = True
        self.version += 1
        if not good:
            known.position = None
            if known.origin is Origin.HEARD:
                self._tellers.judge(pid, good=False)
                self.withdraw(pid)

    # ---- coming and going

    def up(self, pid: bytes, block: str, now: float) -> None:
        """Note that a stream to the seed is open, at an address of `block`; empty: a block of its own."""
        known = self._known.get(pid)
        if known is not None:
            known.guests += 1
            known.since = now
            known.block = block
            self.version += 1

    def gone(self, pid: bytes, now: float, *, lost: bool) -> None:
        """Note that a stream to the seed is open no more; `lost`: not by our will."""
        known = self._known.get(pid)
        if known is None:
            return
        known.guests = max(0, known.guests - 1)
        settled = known.answered is not None and now - known.since >= SETTLED
        if settled:
            known.failures = 0
        if lost and known.answered is not None and not known.failures:
            known.retry_at = now + COME_BACK
            known.failures = 0 if settled else 1
        elif lost:
            known.back_off(now)
        self.version += 1

    def failed(self, pid: bytes, now: float) -> None:
        """Note that a seed could not be reached."""
        known = self._known.get(pid)
        if known is None:
            return
        known.miss(now)
        self._tellers.judge(pid, good=False)
        self.version += 1

    def rest(self, pid: bytes, until: float) -> None:
        """Note that a seed takes nobody until then."""
        known = self._known.get(pid)
        if known is not None:
            known.retry_at = until
            self.version += 1

    def retry_now(self) -> None:
        """Forget all failures: they say nothing of another network."""
        for known in self._known.values():
            known.failures = 0
            known.retry_at = -inf
        self.version += 1

    # ---- what follows

    def refresh(self, now: float) -> float:
        """Let time pass; return when a seed that is left alone may next be tried, infinity if there is none."""
        if now >= self._soonest:
            self.version += 1
        if self._soonest_of != self.version:
            resting = (known.retry_at for known in self._known.values() if not known.is_usable(now))
            self._soonest = min(resting, default=inf)
            self._soonest_of = self.version
        return self._soonest

    def ranking(self, scope: Scope, target: int, now: float) -> list[Known]:
        """Return the usable seeds of a scope, nearest to `target` first; those of unknown place come last.

        The local seed is none of them: it is not ranked.
        """
        usable = [
            known
            for known in self._known.values()
            if known.scope is scope and known.origin is not Origin.LOCAL and known.is_usable(now)
        ]
        usable.sort(key=lambda known: inf if known.position is None else known.position ^ target)
        return usable

    def scopes(self) -> list[Scope]:
        """Return the scopes in which a seed is known that is ranked."""
        return list(dict.fromkeys(k.scope for k in self._known.values() if k.origin is not Origin.LOCAL))

    def local(self, now: float) -> list[bytes]:
        """Return the usable local seeds: at most a few, since each is withdrawn when it is gone."""
        return [k.pid for k in self._known.values() if k.origin is Origin.LOCAL and k.is_usable(now)]

    @property
    def named(self) -> int:
        """How many seeds the person named."""
        return sum(known.origin is Origin.NAMED for known in self._known.values())

    def named_are_silent(self) -> bool:
        """Whether seeds were named and there is a stream to none of them."""
        named = [known for known in self._known.values() if known.origin is Origin.NAMED]
        return bool(named) and not any(known.guests for known in named)

    def named_retry(self, now: float) -> float | None:
        """Return when a silent one of the named seeds is next tried; None if none waits for that."""
        named = (k.retry_at for k in self._known.values() if k.origin is Origin.NAMED and not k.is_usable(now))
        return min(named, default=None)

    # ---- entries

    def _add(self, known: Known) -> Known:
        while len(self._known) >= self.most and self._forget_one():
            pass
        self._known[known.pid] = known
        known.block = block_at(known.addresses[0], known.pid) if known.addresses else ""
        self.version += 1
        return known

    def _forget_one(self) -> bool:
        """Make room: of those that nobody named and no stream goes to, the oldest that failed, else the oldest."""
        kept = self.lookups.seeds()
        loose = [
            known
            for known in self._known.values()
            if known.origin >= Origin.FOUND and not known.guests and known.pid not in kept
        ]
        if not loose:
            return False
        self.withdraw(min(loose, key=lambda known: (known.answered is not None, not known.failures)).pid)
        return True

    def _hear_first(self, record: SeedRecord, blob: bytes, scope: Scope, teller: bytes) -> None:
        self._renew(self._add(Known(record.pid, scope, Origin.HEARD, record.addresses)), record, blob)
        self._tellers.note(teller, record.pid)

    def _renew(self, known: Known, record: SeedRecord, blob: bytes) -> None:
        """Take a seed's record, unless we have a later one."""
        if known.record is not None and known.record.issued >= record.issued:
            return
        position = place_of(record.position)
        if position != known.position:
            known.checked = known.scope not in (Scope.PUBLIC, Scope.TOR)
        known.is_at(record.addresses, Origin.HEARD)
        known.record, known.blob, known.position = record, blob, position
        self.version += 1

    def _adopt(self, blob: bytes, scope: Scope) -> None:
        """Take the record that was remembered of a seed: its work was checked then, and its age matters no more."""
        try:
            record = self.read_record(blob)
        except RemoteProtocolError:
            return
        known = self._known.get(record.pid)
        if known is not None and known.scope is scope and record.fits(scope):
            self._renew(known, record, blob)
            known.checked = True

    def _note_read(self, blob: bytes) -> None:
        if len(self._read) >= self.most:
            self._read.clear()
        self._read[blob] = None

"""How often hosts are dialled and work is checked for seeds that others told of (protocol.md 3.10).

A host is nobody's to spend but its own. What others name is dialled once in ten minutes, and one peer id aims us at a
few hosts in that time; a seed that spoke to us from a host is dialled there whatever others named, and who answered
there may be dialled again before long.

A dial whose answer was late is worth one more, of the same seed, if it is told of again: in a crowd that starts at once
all are slow for seconds, and would know one another ten minutes later. That gives who aims us at a victim a second dial
there at most, and only at one that lets the first hang: who refuses, or answers as somebody else, is not late.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Final

from passerby.discovery.addresses import Address, Scope
from passerby.discovery.limits import (
    RECORD_ADDRESSES,
    TABLE_BLOCK_SEEDS,
    VERIFY_AGAIN,
    VERIFY_GAP,
    VERIFY_LATER,
    VERIFY_MEMORY,
    VERIFY_TRIES,
)
from passerby.discovery.seeding.spares import Spare
from passerby.discovery.seedrecord import SeedRecord

HOSTS_PER_PEER: Final = RECORD_ADDRESSES  # dialled for one peer id in VERIFY_GAP: all that one record can name
CHECKS_PER_BLOCK: Final = TABLE_BLOCK_SEEDS  # in VERIFY_GAP, of who knocked from it: a table takes no more of them
CHECKS_PER_SECOND: Final = 20  # of 16 MiB and some ten ms each: half of a core


@dataclass(slots=True)
class _Note:
    """When something was done and for whom; `again`: when it may be done once more, None if nobody granted that yet."""

    at: float
    whom: str | bytes
    again: float | None = None

    def permits(self, whom: str | bytes, now: float) -> bool:
        return self.whom == whom and self.again is not None and now >= self.again

    def grant(self, whom: str | bytes, now: float) -> None:
        if self.whom == whom and self.again is None:
            self.again = now + VERIFY_LATER


class _Lately:
    """What was noted within VERIFY_GAP, by its name, and for whom."""

    def __init__(self) -> None:
        self._noted: dict[str | bytes, _Note] = {}  # the last one last
        self._counts: Counter[str | bytes] = Counter()

    def __len__(self) -> int:
        return len(self._noted)

    def __contains__(self, name: str | bytes) -> bool:
        return name in self._noted

    def get(self, name: str | bytes) -> _Note | None:
        return self._noted.get(name)

    def count(self, whom: str | bytes) -> int:
        return self._counts[whom]

    def note(self, name: str | bytes, whom: str | bytes, now: float) -> None:
        before = self.drop(name)
        self._noted[name] = _Note(now, whom, None if before is None else inf)
        self._counts[whom] += 1

    def drop(self, name: str | bytes) -> _Note | None:
        note = self._noted.pop(name, None)
        if note is not None:
            self._counts[note.whom] -= 1
            if not self._counts[note.whom]:
                del self._counts[note.whom]
        return note

    def forget(self, now: float) -> None:
        while self._noted and now - next(iter(self._noted.values())).at >= VERIFY_GAP:
            self.drop(next(iter(self._noted)))


@dataclass(slots=True)
class _Dial(_Note):
    """The last dial of a host that spoke for itself, or answered, and how new the record was that named it then."""

    issued: int = 0
    has_answered: bool = False
    failures: int = 0

    def permits_spare(self, spare: Spare, now: float) -> bool:
        if not self.is_answer_of(spare.record):
            return not self.has_answered and self.permits(spare.record.pid, now)
        has_restarted = bool(spare.home) and spare.record.issued > self.issued
        doublings = 0 if has_restarted else self.failures
        return self.failures <= VERIFY_TRIES and now - self.at >= VERIFY_AGAIN * 2**doublings

    def is_answer_of(self, record: SeedRecord) -> bool:
        return self.has_answered and self.whom == record.pid


class Dials:
    """Which hosts were dialled within VERIFY_GAP to verify a seed there, at most VERIFY_MEMORY of each kind.

    In the machine scope, where all are one host, each port counts as one.
    """

    def __init__(self) -> None:
        """Start with none dialled."""
        self._told = _Lately()  # hosts that others named, for a peer id
        self._own: dict[str, _Dial] = {}  # hosts that spoke for themselves or answered; the last one last

    def home_of(self, record: SeedRecord, host: str, now: float) -> str:
        """Return the host from which a seed brought its record if it is dialled there on its own word, else ""."""
        self._forget(now)
        for address in record.addresses:
            if address.host == host:
                dial = self._own.get(_place(address, record))
                if dial is None or dial.is_answer_of(record):
                    return host
        return ""

    def permitted(self, spare: Spare, addresses: Iterable[Address], now: float) -> tuple[Address, ...]:
        """Return those of a spare's addresses at which it may be dialled now."""
        self._forget(now)
        return tuple(address for address in addresses if self._permits(spare, address, now))

    def made(self, spare: Spare, addresses: Iterable[Address], now: float) -> None:
        """Take note that a spare is dialled, where that is permitted."""
        for address in addresses:
            place = _place(address, spare.record)
            dial = self._own.pop(place, None)
            if dial is not None:
                dial.at, dial.issued, dial.again = now, spare.record.issued, inf
                self._own[place] = dial
            elif address.host == spare.home:
                self._keep(place, _Dial(now, spare.record.pid, issued=spare.record.issued))
            else:
                self._told.note(place, spare.record.pid, now)

    def answered(self, record: SeedRecord, addresses: Iterable[Address], now: float) -> None:
        """Take note that a seed answered there, or was lost after it had: it may be dialled again before long."""
        for address in addresses:
            place = _place(address, record)
            self._told.drop(place)
            self._own.pop(place, None)
            self._keep(place, _Dial(now, record.pid, issued=record.issued, has_answered=True))

    def late(self, record: SeedRecord, addresses: Iterable[Address], now: float) -> None:
        """Take note that a seed did not answer there in time: each may be dialled for it once more, after a while."""
        for address in addresses:
            place = _place(address, record)
            for note in (self._told.get(place), self._own.get(place)):
                if note is not None:
                    note.grant(record.pid, now)

    def failed(self, record: SeedRecord, addresses: Iterable[Address]) -> bool:
        """Take note that a seed did not answer there; tell whether there is any use in trying it again."""
        found = [self._own.get(_place(address, record)) for address in addresses]
        own = [dial for dial in found if dial is not None and dial.is_answer_of(record)]
        for dial in own:
            dial.failures += 1
        return any(dial.failures <= VERIFY_TRIES for dial in own)

    def _permits(self, spare: Spare, address: Address, now: float) -> bool:
        place = _place(address, spare.record)
        dial = self._own.get(place)
        if dial is not None:
            return dial.permits_spare(spare, now)
        if address.host == spare.home:
            return True
        note = self._told.get(place)
        if note is not None:
            return note.permits(spare.record.pid, now)
        return self._told.count(spare.record.pid) < HOSTS_PER_PEER and len(self._told) < VERIFY_MEMORY

    def _keep(self, place: str, dial: _Dial) -> None:
        self._own[place] = dial
        if len(self._own) > VERIFY_MEMORY:  # the oldest may be dialled on its own word once more
            del self._own[next(iter(self._own))]

    def _forget(self, now: float) -> None:
        self._told.forget(now)
        while self._own and now - next(iter(self._own.values())).at >= VERIFY_GAP:
            del self._own[next(iter(self._own))]


class Checks:
    """How often work is checked: a peer id's once in VERIFY_GAP, so that inventing one is no cheaper than a new key."""

    def __init__(self) -> None:
        """Start with none made."""
        self._made = _Lately()  # peer ids, for the block that they knocked from
        self._latest: deque[float] = deque(maxlen=CHECKS_PER_SECOND)

    def permits(self, spare: Spare, now: float) -> bool:
        """Tell whether a spare's work may be checked now."""
        self._made.forget(now)
        if spare.record.pid in self._made or (len(self._latest) == CHECKS_PER_SECOND and now - self._latest[0] < 1.0):
            return False
        return not spare.has_knocked or self._made.count(spare.block) < CHECKS_PER_BLOCK

    def made(self, spare: Spare, now: float) -> None:
        """Take note that a spare's work is being checked."""
        self._made.note(spare.record.pid, spare.block if spare.has_knocked else b"", now)
        self._latest.append(now)


def _place(address: Address, record: SeedRecord) -> str:
    return str(address) if record.scope is Scope.MACHINE else address.host

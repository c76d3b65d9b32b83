"""How often hosts are dialled and work is checked for seeds that others told of (protocol.md 3.10).

A host is nobody's to spend but its own. What others name is dialled once in ten minutes, and one peer id aims us at a
few hosts in that time; a seed that spoke to us from a host is dialled there whatever others named, and who answered
there may be dialled again before long.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from passerby.discovery.addresses import Address, Scope
from passerby.discovery.limits import (
    RECORD_ADDRESSES,
    TABLE_BLOCK_SEEDS,
    VERIFY_AGAIN,
    VERIFY_GAP,
    VERIFY_MEMORY,
    VERIFY_TRIES,
)
from passerby.discovery.seeding.spares import Spare
from passerby.discovery.seedrecord import SeedRecord

HOSTS_PER_PEER: Final = RECORD_ADDRESSES  # dialled for one peer id in VERIFY_GAP: all that one record can name
CHECKS_PER_BLOCK: Final = TABLE_BLOCK_SEEDS  # in VERIFY_GAP, of who knocked from it: a table takes no more of them
CHECKS_PER_SECOND: Final = 20  # of 16 MiB and some ten ms each: half of a core


class _Lately:
    """What was noted within VERIFY_GAP, by its name, and for whom."""

    def __init__(self) -> None:
        self._noted: dict[str | bytes, tuple[float, str | bytes]] = {}  # the last one last
        self._counts: Counter[str | bytes] = Counter()

    def __len__(self) -> int:
        return len(self._noted)

    def __contains__(self, name: str | bytes) -> bool:
        return name in self._noted

    def count(self, whom: str | bytes) -> int:
        return self._counts[whom]

    def note(self, name: str | bytes, whom: str | bytes, now: float) -> None:
        self.drop(name)
        self._noted[name] = now, whom
        self._counts[whom] += 1

    def drop(self, name: str | bytes) -> None:
        _, whom = self._noted.pop(name, (0.0, b""))
        self._counts[whom] -= 1
        if self._counts[whom] <= 0:
            del self._counts[whom]

    def forget(self, now: float) -> None:
        while self._noted and now - self._noted[next(iter(self._noted))][0] >= VERIFY_GAP:
            self.drop(next(iter(self._noted)))


@dataclass(slots=True)
class _Dial:
    """The last dial of a host that spoke for itself, or answered."""

    pid: bytes
    issued: int  # its record
    at: float
    has_answered: bool
    failures: int = 0

    def permits(self, spare: Spare, now: float) -> bool:
        if not self.is_answer_of(spare.record):
            return False
        has_restarted = bool(spare.home) and spare.record.issued > self.issued
        doublings = 0 if has_restarted else self.failures
        return self.failures <= VERIFY_TRIES and now - self.at >= VERIFY_AGAIN * 2**doublings

    def is_answer_of(self, record: SeedRecord) -> bool:
        return self.has_answered and self.pid == record.pid


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
                dial.at, dial.issued = now, spare.record.issued
                self._own[place] = dial
            elif address.host == spare.home:
                self._keep(place, _Dial(spare.record.pid, spare.record.issued, now, has_answered=False))
            else:
                self._told.note(place, spare.record.pid, now)

    def answered(self, record: SeedRecord, addresses: Iterable[Address], now: float) -> None:
        """Take note that a seed answered there, or was lost after it had: it may be dialled again before long."""
        for address in addresses:
            place = _place(address, record)
            self._told.drop(place)
            self._own.pop(place, None)
            self._keep(place, _Dial(record.pid, record.issued, now, has_answered=True))

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
            return dial.permits(spare, now)
        if address.host == spare.home:
            return True
        is_new = place not in self._told and self._told.count(spare.record.pid) < HOSTS_PER_PEER
        return is_new and len(self._told) < VERIFY_MEMORY

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

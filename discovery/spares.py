"""Seeds that a seed heard of and has not verified, and which of them it may dial when (protocol.md 3.10).

Whatever others say costs little here: of each bucket a few spares are kept, of one block two, and a host that others
named is dialled once in ten minutes. Only who answered there before may be dialled again sooner.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

from passerby.discovery.addresses import Scope
from passerby.discovery.limits import BUCKET_SPARES, SPARE_BLOCK, VERIFY_AGAIN, VERIFY_GAP, VERIFY_MEMORY, VERIFY_TRIES
from passerby.discovery.lookup import block_at
from passerby.discovery.seedrecord import SeedRecord
from passerby.discovery.table import Table, place_of

NEVER: Final = -inf


@dataclass(slots=True, eq=False)
class Spare:
    """A seed to be verified, and when it was last heard of.

    `is_at_home`: it told of itself from the host it names; `has_answered`: it was a contact of ours before.
    """

    record: SeedRecord
    blob: bytes
    block: str
    heard: float
    is_at_home: bool = False
    has_answered: bool = False
    place: int = field(init=False)
    declined: int = field(init=False, default=-1)  # the generation in which the table did not want it

    def __post_init__(self) -> None:
        self.place = place_of(self.record.position)


class Spares:
    """The spares of one table."""

    def __init__(self, table: Table, place: int) -> None:
        """Start empty; `place` is that of the table's seed."""
        self._table = table
        self._own = place
        self._spares: dict[bytes, Spare] = {}
        self._buckets: dict[int, list[Spare]] = {}
        self._generation = 0
        self.dials = Dials()

    def __len__(self) -> int:
        return len(self._spares)

    def get(self, pid: bytes) -> Spare | None:
        """Return the spare with that peer id, if it is one."""
        return self._spares.get(pid)

    def refresh(self, record: SeedRecord, heard: float, *, is_at_home: bool) -> bool:
        """Take that a seed was told of again; False if that, or so new a record of it, is news."""
        old = self._spares.get(record.pid)
        if old is None or record.issued > old.record.issued:
            return False
        old.heard = max(old.heard, heard)
        old.is_at_home = old.is_at_home or is_at_home
        return True

    def hear(self, spare: Spare) -> bool:
        """Keep a spare, in place of one of the same seed, if it is worth more than another; tell whether it is kept."""
        old = self._spares.get(spare.record.pid)
        if old is not None:
            spare.has_answered |= old.has_answered
            self.drop(old.record.pid)
        bucket = self._buckets.get(self._table.bucket_of(spare.place), [])
        rivals = [other for other in bucket if other.block == spare.block]
        if len(rivals) < SPARE_BLOCK:
            rivals = bucket if len(bucket) >= BUCKET_SPARES else []
        worst = min(rivals, key=_worth, default=None)
        if worst is not None:
            if _worth(worst) > _worth(spare):
                return False
            self.drop(worst.record.pid)
        self._buckets.setdefault(self._table.bucket_of(spare.place), []).append(spare)
        self._spares[spare.record.pid] = spare
        return True

    def drop(self, pid: bytes) -> None:
        """Forget a spare, if it is one."""
        spare = self._spares.pop(pid, None)
        if spare is not None:
            number = self._table.bucket_of(spare.place)
            self._buckets[number].remove(spare)
            if not self._buckets[number]:
                del self._buckets[number]

    def choose(self, expected: Mapping[bytes, int | None], lost_at: float, now: float) -> Spare | None:
        """Return whom to verify next, while others, `expected` by peer id and place if known, are being verified.

        The nearest to ourselves of those that the table wants; but who was last heard of before `lost_at`, when
        contacts were lost, may be lost with them and comes after the others.
        """
        undecided = [
            spare
            for spare in self._spares.values()
            if spare.declined != self._generation and spare.record.pid not in expected
        ]
        places = [place for place in expected.values() if place is not None]
        for spare in sorted(undecided, key=lambda spare: (spare.heard < lost_at, spare.place ^ self._own)):
            if self._is_wanted(spare, places) and self.dials.permit(spare, now):
                return spare
        return None

    def reconsider(self) -> None:
        """Take note that the table may want again whom it did not: a contact was lost, or time has passed."""
        self._generation += 1

    def _is_wanted(self, spare: Spare, places: Sequence[int]) -> bool:
        if not self._table.wants(spare.place, spare.block):
            spare.declined = self._generation  # a table that only grows wants it no sooner
            return False
        return self._table.wants(spare.place, spare.block, places)


def _worth(spare: Spare) -> tuple[bool, bool, float]:
    return spare.has_answered, spare.is_at_home, spare.heard


@dataclass(slots=True)
class _Dial:
    pid: bytes
    issued: int  # its record
    at: float
    was_at_home: bool
    has_answered: bool = False
    failures: int = 0


class Dials:
    """Which hosts were dialled lately, to verify a seed there: at most VERIFY_MEMORY within VERIFY_GAP.

    In the machine scope, where all are one host, each port counts as one.
    """

    def __init__(self) -> None:
        self._dials: dict[str, _Dial] = {}  # the last one last

    def permit(self, spare: Spare, now: float) -> bool:
        """Tell whether a spare may be dialled now.

        A host is nobody's to spend but its own: a seed that spoke to us from there is dialled although somebody else
        has just named it, once.
        """
        while self._dials and now - next(iter(self._dials.values())).at >= VERIFY_GAP:
            del self._dials[next(iter(self._dials))]
        dials = [self._dials.get(host) for host in _hosts(spare.record)]
        if None in dials and len(self._dials) >= VERIFY_MEMORY:
            return False
        return all(dial is None or _permits(dial, spare, now) for dial in dials)

    def made(self, spare: Spare, now: float) -> None:
        """Take note that a spare is dialled, or about to be."""
        for host in _hosts(spare.record):
            old = self._dials.pop(host, None)
            self._dials[host] = _Dial(spare.record.pid, spare.record.issued, now, spare.is_at_home)
            if old is not None and old.pid == spare.record.pid:
                self._dials[host].has_answered, self._dials[host].failures = old.has_answered, old.failures

    def answered(self, record: SeedRecord, now: float) -> None:
        """Take note that a seed answered, or was lost after it had: it may be dialled again before long."""
        for host in _hosts(record):
            self._dials.pop(host, None)
            self._dials[host] = _Dial(record.pid, record.issued, now, was_at_home=True, has_answered=True)

    def failed(self, record: SeedRecord) -> bool:
        """Take note that a seed did not answer; tell whether there is any use in trying it again."""
        dials = [self._dials.get(host) for host in _hosts(record)]
        own = [dial for dial in dials if dial is not None and dial.pid == record.pid]
        for dial in own:
            dial.failures += 1
        return any(dial.has_answered and dial.failures <= VERIFY_TRIES for dial in own)


def _permits(dial: _Dial, spare: Spare, now: float) -> bool:
    if not (dial.has_answered and dial.pid == spare.record.pid):
        return spare.is_at_home and not dial.was_at_home
    has_restarted = spare.is_at_home and spare.record.issued > dial.issued
    doublings = 0 if has_restarted else dial.failures
    return dial.failures <= VERIFY_TRIES and now - dial.at >= VERIFY_AGAIN * 2**doublings


def _hosts(record: SeedRecord) -> list[str]:
    return [str(address) if record.scope is Scope.MACHINE else address.host for address in record.addresses]


def spare_of(record: SeedRecord, blob: bytes, heard: float, *, is_at_home: bool = False) -> Spare:
    """Make a spare of a record, counted under the block of its first address."""
    return Spare(record, blob, block_at(record.addresses[0], record.pid), heard, is_at_home)

"""Seeds that a seed heard of and has not verified, and which of them it may try when (protocol.md 3.10).

Whatever others say costs little here: of each bucket a few spares are kept, of one block two, and how often hosts are
dialled and work is checked is limited by what nobody invents for free (verifylimits.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

from passerby.discovery.limits import BUCKET_SPARES, SPARE_BLOCK
from passerby.discovery.seeding.table import Table, place_of
from passerby.discovery.seedrecord import SeedRecord

NEVER: Final = -inf


@dataclass(slots=True, eq=False)
class Spare:
    """A seed to be verified, and when it was last heard of.

    `has_knocked`: it brought its record itself, and `block` is the one we saw it in. `home`: the host from which it
    did, if its record names it and it may be dialled there on its own word. `has_answered`: it was a contact of ours.
    """

    record: SeedRecord
    blob: bytes
    block: str
    heard: float
    has_knocked: bool = False
    home: str = ""
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

    def __len__(self) -> int:
        return len(self._spares)

    def get(self, pid: bytes) -> Spare | None:
        """Return the spare with that peer id, if it is one."""
        return self._spares.get(pid)

    def refresh(self, record: SeedRecord, heard: float, *, has_knocked: bool, home: str) -> bool:
        """Take that a seed was told of again; False if that, so new a record of it, or that it came itself, is news."""
        old = self._spares.get(record.pid)
        if old is None or (record.issued, has_knocked) > (old.record.issued, old.has_knocked):
            return False
        old.heard = max(old.heard, heard)
        old.home = home or old.home
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

    def choose(
        self, expected: Mapping[bytes, int | None], lost_at: float, may_try: Callable[[Spare], bool]
    ) -> Spare | None:
        """Return whom to verify next, while others, `expected` by peer id and place if known, are being verified.

        The nearest to ourselves of those that the table wants; but who was last heard of before `lost_at`, when
        contacts were lost, may be lost with them and comes after the others. Who may not be tried now is worth no more
        than hearsay from now on: else whoever has one host fills all places with seeds that are never dialled there.
        """
        undecided = [
            spare
            for spare in self._spares.values()
            if spare.declined != self._generation and spare.record.pid not in expected
        ]
        places = [place for place in expected.values() if place is not None]
        for spare in sorted(undecided, key=lambda spare: (spare.heard < lost_at, spare.place ^ self._own)):
            if self._is_wanted(spare, places):
                if may_try(spare):
                    return spare
                if not spare.has_answered:
                    spare.home = ""
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
    return spare.has_answered, bool(spare.home), spare.heard

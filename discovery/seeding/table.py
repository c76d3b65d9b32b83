"""A seed's routing table: the verified seeds it knows, many near itself and few far away (protocol.md 3.10).

Kademlia's (Maymounkov and Mazieres 2002): a *bucket* is all seeds whose place shares the same number of leading bits
with ours. Two kinds of contact have a place in the table:

- the *neighbourhood*, the 8 nearest to ourselves whatever their bucket, because rooms live on the nearest;
- of every bucket 4, counting those of the neighbourhood in it: enough to halve the distance to any target.

Who is here and alive is preferred over a newcomer, so a newcomer that floods displaces nobody; only the neighbourhood
always takes a nearer one. Two ceilings for a block of addresses hold from the first contact on: 2 in a bucket, 10 in
all. That is protocol.md 0 bucket by bucket: 2 is half of a bucket, and below half everybody is admitted. In a full
bucket a newcomer of a block that has nobody in it takes the place of the younger of two that share a block; four of
four blocks stay.
"""

import random
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from passerby.discovery.addresses import Address
from passerby.discovery.limits import (
    BUCKET_BLOCK_SEEDS,
    BUCKET_SEEDS,
    NEIGHBOURHOOD,
    TABLE_BLOCK_SEEDS,
)
from passerby.discovery.seedrecord import SeedRecord

PLACE_BITS: Final = 256


def place_of(position: bytes) -> int:
    """Return a position or a room key, 32 bytes, as the number that distances are made of: `place XOR place`."""
    return int.from_bytes(position, "big")


@dataclass(slots=True, eq=False)
class Contact:
    """A verified seed: its record, read and as received, the block we observed it in, when it last answered.

    `reached`: at which of the record's addresses it was.
    """

    record: SeedRecord
    blob: bytes
    block: str
    answered: float
    reached: tuple[Address, ...]
    place: int = field(init=False)

    def __post_init__(self) -> None:
        self.place = place_of(self.record.position)

    @property
    def pid(self) -> bytes:
        """Its binary peer id."""
        return self.record.pid


class Table:
    """The contacts of the seed at `position` (32 bytes)."""

    def __init__(self, position: bytes) -> None:
        """Start empty."""
        self._own = place_of(position)
        self._contacts: dict[bytes, Contact] = {}  # by peer id, the one that answered longest ago first
        self._buckets: dict[int, list[Contact]] = {}  # each in the order in which they came
        self._distances: list[int] = []  # to ourselves, ascending
        self._blocks: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._contacts)

    def __contains__(self, pid: bytes) -> bool:
        return pid in self._contacts

    def get(self, pid: bytes) -> Contact | None:
        """Return the contact with that peer id, if it is one."""
        return self._contacts.get(pid)

    def oldest(self, count: int) -> list[Contact]:
        """Return the `count` that answered longest ago."""
        return list(islice(self._contacts.values(), count))

    def nearest(self, target: bytes, count: int) -> list[Contact]:
        """Return the `count` contacts nearest to a room key or a position, nearest first."""
        place = place_of(target)
        return sorted(self._contacts.values(), key=lambda contact: contact.place ^ place)[:count]

    def wants(self, place: int, block: str, expected: Sequence[int] = ()) -> bool:
        """Tell whether a seed at that place would be taken, were those at the places `expected` taken before it."""
        bucket = self.bucket_of(place)
        distance = place ^ self._own
        nearer = bisect_left(self._distances, distance) + sum(other ^ self._own < distance for other in expected)
        if nearer >= NEIGHBOURHOOD:
            coming = sum(self.bucket_of(other) == bucket for other in expected)
            is_full = len(self._buckets.get(bucket, ())) + coming >= BUCKET_SEEDS
            if is_full and (coming or self._doubled(bucket, block) is None):
                return False
        return self._is_allowed(bucket, block)

    def add(self, contact: Contact) -> Contact | None:
        """Take a contact, or its newer record; return who has no place then: an older one, this one, or nobody."""
        self.drop(contact.pid)
        bucket = self.bucket_of(contact.place)
        if not self._is_allowed(bucket, contact.block):
            return contact
        doubled = self._doubled(bucket, contact.block)
        self._insert(bucket, contact)
        surplus = self._surplus(bucket, contact, doubled)
        if surplus is not None:
            self.drop(surplus.pid)
        return surplus

    def drop(self, pid: bytes) -> Contact | None:
        """Forget a contact; return it if it was one."""
        contact = self._contacts.pop(pid, None)
        if contact is None:
            return None
        bucket = self.bucket_of(contact.place)
        self._buckets[bucket].remove(contact)
        if not self._buckets[bucket]:
            del self._buckets[bucket]
        del self._distances[bisect_left(self._distances, contact.place ^ self._own)]
        self._blocks[contact.block] -= 1
        if not self._blocks[contact.block]:
            del self._blocks[contact.block]
        return contact

    def touch(self, pid: bytes, now: float) -> None:
        """Take note that a contact, which must be one, answered."""
        contact = self._contacts[pid] = self._contacts.pop(pid)
        contact.answered = now

    def sparse_buckets(self) -> list[int]:
        """Return the buckets with room for more, by their shared bits, down to those that the neighbourhood covers.

        Of the deeper ones it knows all seeds there are. An empty table has none: there is nobody to be asked.
        """
        if not self._distances:
            return []
        deepest = PLACE_BITS - self._distances[:NEIGHBOURHOOD][-1].bit_length()
        return [bucket for bucket in range(deepest + 1) if len(self._buckets.get(bucket, ())) < BUCKET_SEEDS]

    def bucket_of(self, place: int) -> int:
        """Return how many leading bits a place, not our own, shares with ours: 0 to 255."""
        return PLACE_BITS - (place ^ self._own).bit_length()

    def place_in(self, bucket: int, rng: random.Random) -> bytes:
        """Return a random position, 32 bytes, in one of our buckets."""
        deeper = PLACE_BITS - 1 - bucket
        return (self._own ^ 1 << deeper ^ rng.getrandbits(deeper)).to_bytes(PLACE_BITS // 8, "big")

    def _is_allowed(self, bucket: int, block: str) -> bool:
        """Tell whether the ceilings of the block leave a place in a bucket."""
        here = sum(contact.block == block for contact in self._buckets.get(bucket, ()))
        return here < BUCKET_BLOCK_SEEDS and self._blocks[block] < TABLE_BLOCK_SEEDS

    def _insert(self, bucket: int, contact: Contact) -> None:
        self._contacts[contact.pid] = contact
        self._buckets.setdefault(bucket, []).append(contact)
        insort(self._distances, contact.place ^ self._own)
        self._blocks[contact.block] += 1

    def _surplus(self, bucket: int, newcomer: Contact, doubled: Contact | None) -> Contact | None:
        """Return who has to go after a newcomer was inserted.

        A newcomer outside the neighbourhood overfills its own bucket, if any. One inside pushes the ninth out: that
        one lies in the same bucket, or in one farther from us that may have held more than 4 for the neighbourhood.
        """
        if not self._is_near(newcomer):
            if len(self._buckets[bucket]) <= BUCKET_SEEDS:
                return None
            return doubled or newcomer
        if len(self._distances) <= NEIGHBOURHOOD:
            return None
        pushed = self._buckets.get(PLACE_BITS - self._distances[NEIGHBOURHOOD].bit_length(), [])
        far = [contact for contact in pushed if not self._is_near(contact)]
        return far[-1] if len(pushed) > BUCKET_SEEDS else None

    def _doubled(self, bucket: int, block: str) -> Contact | None:
        """Return whom a newcomer of `block` may displace for diversity: the younger of two of one block, not near."""
        held = self._buckets.get(bucket, [])
        blocks = [contact.block for contact in held]
        if block in blocks or len(set(blocks)) == len(blocks):
            return None
        crowd = [contact for contact in held if blocks.count(contact.block) > 1 and not self._is_near(contact)]
        return crowd[-1] if crowd else None

    def _is_near(self, contact: Contact) -> bool:
        distance = contact.place ^ self._own
        return len(self._distances) <= NEIGHBOURHOOD or distance < self._distances[NEIGHBOURHOOD]

"""A seed's routing table: the verified seeds it knows, many near itself and few far away (protocol.md 3.10).

Kademlia's (Maymounkov and Mazieres 2002): a *bucket* is all seeds whose place shares the same number of leading bits
with ours. Two kinds of contact have a place in the table:

- the *neighbourhood*: the 8 nearest to ourselves whatever their bucket, because rooms live on the nearest, and of the
  third nearest's bucket all, up to 16 in all;
- of every bucket 4, counting those of the neighbourhood in it: enough to halve the distance to any target.

Why a whole bucket: let a room be ours, so that we are one of its 4 nearest. Of a bucket farther than the third
nearest's either all, at most 3, are nearer to the room than we, and 4 of a bucket are known; or none is of the room's
4. Deeper ones hold 2 at most. But of the third nearest's own any may be of the room's 4; where some of it are not
known, the seeds of a room disagree: for 1 room in 20 among 40 seeds with unlucky places, for 1 in 4 among 12 or 100.

Who is here and alive is preferred over a newcomer, so a newcomer that floods displaces nobody; only the neighbourhood
always takes a nearer one, and for it one goes whose bucket holds more than its 4. Two ceilings for a block of addresses
hold from the first contact on: 2 in a bucket, 10 in all. That is protocol.md 0 bucket by bucket: 2 is half of a bucket,
and below half everybody is admitted. In a full bucket a newcomer of a block that has nobody in it takes the place of
the younger of two that share a block; four of four blocks stay.
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
    NEIGHBOURHOOD_MOST,
    ROOM_SEEDS,
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
        known = sorted((*self._distances, *(other ^ self._own for other in expected))) if expected else self._distances
        if not _is_near(place ^ self._own, known):
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

        One outside the neighbourhood overfills its own bucket, if any. For one inside another goes that is near no
        more, if a bucket holds it beyond its 4: one for one, so that who comes and goes near us empties no bucket.
        """
        if not self._is_near(newcomer):
            if len(self._buckets[bucket]) <= BUCKET_SEEDS:
                return None
            return doubled or newcomer
        for _, held in sorted(self._buckets.items()):
            far = [contact for contact in held if not self._is_near(contact)] if len(held) > BUCKET_SEEDS else []
            if far:
                return far[-1]
        return None

    def _doubled(self, bucket: int, block: str) -> Contact | None:
        """Return whom a newcomer of `block` may displace for diversity: the younger of two of one block, not near."""
        held = self._buckets.get(bucket, [])
        blocks = [contact.block for contact in held]
        if block in blocks or len(set(blocks)) == len(blocks):
            return None
        crowd = [contact for contact in held if blocks.count(contact.block) > 1 and not self._is_near(contact)]
        return crowd[-1] if crowd else None

    def _is_near(self, contact: Contact) -> bool:
        return _is_near(contact.place ^ self._own, self._distances)


def _is_near(distance: int, known: Sequence[int]) -> bool:
    """Tell whether a seed at that distance is of the neighbourhood; `known` are those of all others, ascending."""
    nearer = bisect_left(known, distance)
    if nearer < NEIGHBOURHOOD:
        return True
    # as many leading bits in common with us as the third nearest: we and the three are a room's four
    return nearer < NEIGHBOURHOOD_MOST and distance.bit_length() == known[ROOM_SEEDS - 2].bit_length()

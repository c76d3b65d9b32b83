"""One seed as a person knows it: where it is, and whether it answers. A value; seedbook.py keeps them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from math import inf
from typing import Final

from passerby.crypto.keys import public_key_of
from passerby.discovery.addresses import Address, Scope
from passerby.discovery.limits import FIRST_RETRY, LONGEST_RETRY, RECORD_ADDRESSES, SEED_RETRY
from passerby.discovery.lookup import Candidate
from passerby.discovery.rooms import seed_position
from passerby.discovery.seedrecord import SeedRecord

RESTART: Final = 60.0  # seconds since a seed's last answer in which it may be starting again
RESTART_RETRY: Final = 4.0  # seconds between two tries at it meanwhile: with the dial, who waits is back within 5 s
STAMPS_IN_VAIN: Final = 2  # asked once more after so many the seed is left alone: an honest one asks once of a stream
PAID_MEMORY: Final = 2 * LONGEST_RETRY  # since the last stamp; then all is forgotten
SECOND_CHANCE: Final = 30.0  # seconds until one only heard of is tried once more: in a crowd all are late for less


class Origin(IntEnum):
    """Where we have a seed from; what is lower counts for more, and is never replaced by what is higher."""

    LOCAL = 0
    """This machine's own (protocol.md 3, Local seed): always entered, never ranked, gone when withdrawn."""
    NAMED = 1
    """The person named it: missed when it is silent, and never forgotten."""
    REMEMBERED = 2
    """It answered in an earlier run."""
    FOUND = 3
    """By mDNS, DNS, the list of the release, or the directory."""
    HEARD = 4
    """Another seed told of it: nothing is certain before it answers. Its addresses are those of its own record."""


_DIALLED_IN_ORDER: Final = (Origin.LOCAL, Origin.NAMED, Origin.HEARD, Origin.REMEMBERED, Origin.FOUND)
"""Whose addresses come first: what the person typed, then what the seed signed, then what may be old or anybody's."""


@dataclass(eq=False, slots=True)
class Known:
    """One seed. `position` is its place as a number, None until its record is known (public scope).

    `addresses` are all that are known, in the order in which to dial them: at most RECORD_ADDRESSES of each origin.
    """

    pid: bytes
    scope: Scope
    origin: Origin
    addresses: tuple[Address, ...]
    position: int | None = None
    record: SeedRecord | None = None
    blob: bytes | None = None
    checked: bool = True
    """Whether its work is verified, or needs not be."""
    block: str = ""
    guests: int = 0
    """How many of the person's identities have a stream to it."""
    since: float = 0.0
    """When the last of these was opened."""
    answered: float | None = None
    """When it last answered a request in this run."""
    failures: int = 0
    """Tries in a row without an answer."""
    retry_at: float = -inf
    paid: int = 0
    """Stamps that it got since we last left it alone; whoever lets nobody in would have us make others for ever."""
    paid_at: float = -inf
    """When it got the last one."""
    pauses: int = 0
    """How often we left it alone for that."""
    _said: dict[Origin, tuple[Address, ...]] = field(default_factory=dict[Origin, tuple[Address, ...]])

    def __post_init__(self) -> None:
        """Keep apart whose addresses they are."""
        self.is_at(self.addresses, self.origin)

    def is_at(self, addresses: Iterable[Address], said_by: Origin) -> None:
        """Take addresses in place of those of the same origin."""
        self._said[said_by] = tuple(dict.fromkeys(addresses))[:RECORD_ADDRESSES]
        self.addresses = tuple(dict.fromkeys(each for by in _DIALLED_IN_ORDER for each in self._said.get(by, ())))

    def is_also_at(self, addresses: Iterable[Address], said_by: Origin) -> None:
        """Take further addresses, before older ones of the same origin."""
        self.is_at((*addresses, *self._said.get(said_by, ())), said_by)

    def moved(self, scope: Scope) -> None:
        """Take that it is in another scope: where it was in the former says nothing."""
        if scope is not self.scope:
            self.scope, self._said = scope, {}

    @property
    def is_proven(self) -> bool:
        """Whether there is more than another seed's word for it."""
        return self.origin is not Origin.HEARD or self.answered is not None

    @property
    def candidate(self) -> Candidate:
        """The seed as one to be asked in a lookup."""
        return Candidate(self.pid, self.addresses, self.block, self.record, self.blob or b"")

    def is_usable(self, now: float) -> bool:
        """Whether it may be tried, or is there."""
        return self.guests > 0 or now >= self.retry_at

    def is_resting(self, now: float) -> bool:
        """Whether it said that it takes nobody for now, though it may still be connected."""
        return now < self.retry_at

    def back_off(self, now: float) -> None:
        """Take that it did not answer: try it after 5, 10, 20 ... 300 s, and what may be an invention last of all."""
        self.failures += 1
        wait = FIRST_RETRY * 2.0 ** min(self.failures - 1, 16)
        if not self.is_proven:
            wait = SECOND_CHANCE if self.failures == 1 else LONGEST_RETRY
        self.retry_at = now + min(LONGEST_RETRY, wait)

    def miss(self, now: float) -> None:
        """Take that it could not be reached: if it answered a minute ago it may be starting again, else back off.

        Many may wait for a seed that starts again, so they come at once; the count begins when it stays away.
        """
        if self.answered is None or now - self.answered >= RESTART:
            self.back_off(now)
        else:
            self.failures = max(1, self.failures)
            self.retry_at = now + RESTART_RETRY

    def pay(self, now: float) -> None:
        """Take that it got a stamp."""
        if now >= self.paid_at + PAID_MEMORY:
            self.paid = self.pauses = 0
        self.paid, self.paid_at = self.paid + 1, now

    def is_paid_in_vain(self, now: float) -> bool:
        """Whether another stamp would not help."""
        return self.paid >= STAMPS_IN_VAIN and now < self.paid_at + PAID_MEMORY

    def pay_no_more(self) -> float:
        """Return how long to leave it alone since stamps did not help: each time twice as long as the last."""
        self.paid, self.pauses = 0, self.pauses + 1
        return min(LONGEST_RETRY, SEED_RETRY * 2.0 ** (min(self.pauses, 16) - 1))


def position_of(pid: bytes, scope: Scope) -> int | None:
    """Return a seed's place where its key alone tells it: there is no puzzle outside the public scope."""
    if scope in (Scope.PUBLIC, Scope.TOR):
        return None
    return int.from_bytes(seed_position(public_key_of(pid)), "big")

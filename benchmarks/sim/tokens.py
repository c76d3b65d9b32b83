"""Keys, tickets and records without their crypto: counted, not computed.

A ticket on the simulated wire is its number, a record too; what they say is in a table. Nothing else changes: the
machines get the same values as from the shipped readers.
"""

import random
from typing import Final

from benchmarks.sim.model import Costs

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.keys import KEY_BYTES, SigningKey
from passerby.discovery.addresses import Address, Family, Scope
from passerby.discovery.rooms import NO_WORK
from passerby.discovery.searching.peerbook import PeerBook
from passerby.discovery.seedrecord import SeedRecord
from passerby.discovery.tickets import Ticket

PORT: Final = 4001


class FreeKey(SigningKey):
    """A key that is only its public half, made of a number."""

    def __init__(self, number: int) -> None:
        """Be the key of that number."""
        self.public = number.to_bytes(KEY_BYTES, "big")


class Tickets:
    """All tickets of a simulation: `sign` and `read` stand for tickets.sign_ticket and read_ticket."""

    __slots__ = ("_costs", "_tickets")

    def __init__(self, costs: Costs) -> None:
        """Start with none."""
        self._costs = costs
        self._tickets: list[Ticket] = []

    def sign(self, _key: SigningKey, ticket: Ticket) -> bytes:
        """Return what stands for the ticket on the wire."""
        self._costs.counts["signatures"] += 1
        self._tickets.append(ticket)
        return len(self._tickets).to_bytes(8, "big")

    def read(self, blob: bytes) -> Ticket:
        """Return the ticket; RemoteProtocolError if there is none."""
        self._costs.counts["verifications"] += 1
        number = int.from_bytes(blob, "big")
        if not 0 < number <= len(self._tickets):
            raise RemoteProtocolError("a ticket whose signature is wrong")
        return self._tickets[number - 1]


class Records:
    """All seed records of a simulation: `read` stands for seedrecord.read_record."""

    __slots__ = ("_costs", "_records", "by_pid")

    def __init__(self, costs: Costs) -> None:
        """Start with none."""
        self._costs = costs
        self._records: dict[bytes, SeedRecord] = {}
        self.by_pid: dict[bytes, SeedRecord] = {}

    def add(self, record: SeedRecord) -> bytes:
        """Return what stands for a record on the wire."""
        self._costs.counts["signatures"] += 1
        blob = record.public + record.issued.to_bytes(4, "big")
        self._records[blob] = self.by_pid[record.pid] = record
        return blob

    def read(self, blob: bytes) -> SeedRecord:
        """Return the record; RemoteProtocolError if there is none."""
        self._costs.counts["verifications"] += 1
        try:
            return self._records[blob]
        except KeyError as error:
            raise RemoteProtocolError("a seed record whose signature is wrong") from error


class Met(PeerBook):
    """A peer book that keeps peer ids as they are: nobody looks into the memory of a simulation."""

    def _mark(self, pid: bytes) -> bytes:
        return pid


def make_record(rng: random.Random, block: int, host: int, unix: float) -> SeedRecord:
    """Return the record of a new seed with the random key, at address `host` of the /24 that is `block`."""
    address = Address(Family.IP4, f"{20 + (block >> 16)}.{block >> 8 & 255}.{block & 255}.{host}", PORT)
    return SeedRecord(rng.randbytes(KEY_BYTES), (address,), int(unix), work=NO_WORK)


def block_name(record: SeedRecord) -> str:
    """Return the /24 of a seed, as whoever connects to it observes it."""
    assert record.scope is Scope.PUBLIC
    return record.addresses[0].host.rpartition(".")[0]

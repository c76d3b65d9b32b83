"""A seed: a public place where searching peers find each other; a shell (protocol.md 3).

It has a long-lived key, serves the lobby protocol and never chats (seedrun.py). The same seed, with a key that it
forgets, is the local seed of a machine (localseed.py).
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import trio

from passerby.crypto.keys import SigningKey
from passerby.crypto.stamp import Parties, Personal
from passerby.discovery import dhtwire, wire
from passerby.discovery.addresses import Address, Scope, block_of, parse, scope_of
from passerby.discovery.peerids import peer_id_text
from passerby.discovery.rooms import NO_WORK
from passerby.discovery.seeding.neighbourevents import Remembered
from passerby.discovery.seeding.seedroom import SeedRoom
from passerby.discovery.seeding.service import Clock, LobbyServer, unix_minus_now
from passerby.discovery.seeding.table import Contact
from passerby.node.connection import Stream
from passerby.node.host import Host, admit_all
from passerby.node.libp2p_081.inbound import Admit
from passerby.node.limits import SEED_CONNECTIONS
from passerby.node.seeding.neighbourhood import Neighbourhood, Puzzle


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the world a seed stands: its network, the id puzzle there, and seeds that it knows from the beginning.

    `solve` returns the solution of the seed's own puzzle; it may take seconds and runs in a thread.
    """

    network: str
    puzzle_bits: int = 0
    contacts: tuple[Address, ...] = ()
    solve: Callable[[], Puzzle] = lambda: (0, NO_WORK)
    clock: Clock = unix_minus_now
    admit: Admit = admit_all


class Seed:
    """A running seed; made by `Seed.open` and good until that block ends."""

    def __init__(self, host: Host, key: bytes, place: Place) -> None:
        self._host = host
        self.clock: Final = place.clock
        self._neighbourhood = Neighbourhood(
            host, SigningKey.from_seed(key), place.network, place.puzzle_bits, place.solve, place.clock
        )
        self._lobby = LobbyServer(
            place.network, host.peer_id, self._neighbourhood.nearest, lambda: len(host.connections()), place.clock
        )

    @classmethod
    @asynccontextmanager
    async def open(cls, key: bytes, listen: Sequence[str], place: Place) -> AsyncGenerator["Seed"]:
        """Serve with the identity of the 32-byte `key` on the multiaddrs `listen`. Raises host.ListenError."""
        async with Host.open(key, listen=listen, max_connections=SEED_CONNECTIONS, admit=place.admit) as host:
            seed = cls(host, key, place)
            host.set_stream_handler(wire.PROTOCOL, seed._serve_lobby)
            host.set_stream_handler(dhtwire.PROTOCOL, seed._serve_dht)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(seed._lobby.run)
                nursery.start_soon(seed._neighbourhood.run, lambda: seed.addresses, place.contacts)
                yield seed
                nursery.cancel_scope.cancel()

    @property
    def peer_id(self) -> bytes:
        """The binary peer id."""
        return self._host.peer_id

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where the seed can be dialled, its peer id included; loopback last, since it helps fewest."""
        found = [parse(f"{address}/p2p/{peer_id_text(self.peer_id)}") for address in self._host.addresses]
        return tuple(sorted(found, key=lambda address: address.scope is Scope.MACHINE))

    def introduce(self, addresses: Sequence[Address]) -> None:
        """Take that other seeds may be found there, each address with its peer id."""
        self._neighbourhood.introduce(addresses)

    def moved(self) -> None:
        """Take that the machine's addresses changed: others are told where to find the seed now."""
        self._neighbourhood.moved()

    def remind(self, scope: Scope, record: bytes) -> None:
        """Take the record of a seed that was known in an earlier run."""
        self._neighbourhood.tell(scope, Remembered(record))

    def contacts(self) -> Iterator[tuple[Scope, Contact]]:
        """Return the other seeds that it has verified, by scope."""
        return self._neighbourhood.contacts()

    def counts(self) -> tuple[int, int, int]:
        """Return how many connections, lobby streams and rooms there are."""
        return len(self._host.connections()), *self._lobby.counts()

    def rooms(self) -> Iterator[SeedRoom]:
        """Return the rooms that people wait in here; for who looks on."""
        return self._lobby.rooms()

    def neighbours(self) -> dict[Scope, int]:
        """Return how many other seeds it has verified, by scope."""
        return self._neighbourhood.counts()

    async def _serve_lobby(self, stream: Stream) -> None:
        binding = stream.connection.channel_binding()
        parties = Parties(Personal.ENTER, binding, asker=self._host.peer_id, payer=stream.peer_id)
        await self._lobby.serve(stream, *_observed(stream), parties)

    async def _serve_dht(self, stream: Stream) -> None:
        await self._neighbourhood.serve(stream, *_observed(stream), self._lobby)


def _observed(stream: Stream) -> tuple[Scope, str]:
    """Return the scope and the block of whoever opened a stream to us; what has no address counts by its peer id."""
    remote = stream.connection.remote_address
    host = None if remote is None else remote[0]
    block = block_of(host, pid=stream.peer_id, connection=stream.connection.number)
    return Scope.PUBLIC if host is None else scope_of(host), block

"""Connections to seeds, each shared by all who need it and closed a while after the last did; a shell.

A guest of a seed and whoever asks it over the DHT protocol use the same connection, and a seed that verifies another
uses the one that it has: a connection costs both sides CPU, a stream on it much less.
"""

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final

import trio

from passerby.discovery import dhtwire
from passerby.discovery.addresses import Address, Scope, block_of, scope_of
from passerby.discovery.asking import DHT, Asker
from passerby.discovery.limits import ANSWER_TIMEOUT
from passerby.discovery.searching.seednames import is_believed, needs_lookup
from passerby.node.connection import Connection, Stream
from passerby.node.dialling import dial_first
from passerby.node.firstcontacts.names import Names
from passerby.node.host import Host, StreamError

SEED_DIAL: Final = 3.0  # seconds; a seed further than that is no help to a search
SEED_STREAM: Final = 5.0
LINGER: Final = 5.0  # a lookup ends by now, and its nearest are entered next


class Link:
    """A connection that we dialled, reached at `address`, and the DHT stream on it, opened for the first question."""

    def __init__(self, host: Host, nursery: trio.Nursery, connection: Connection, address: Address) -> None:
        self._host = host
        self._nursery = nursery
        self._opening = trio.Lock()
        self._asker: Asker[dhtwire.Request, dhtwire.Answer] | None = None
        self.connection: Final = connection
        self.address: Final = address
        remote = connection.remote_address
        self.scope: Final = Scope.PUBLIC if remote is None else scope_of(remote[0])
        self.block: Final = block_of(
            None if remote is None else remote[0], pid=connection.peer_id, connection=connection.number
        )

    async def open_stream(self, protocol: str) -> Stream:
        """Open a stream of any protocol. Raises StreamError."""
        return await self._host.open_stream(self.connection, protocol, timeout=SEED_STREAM)

    async def ask(self, request: dhtwire.Request) -> dhtwire.Answer | None:
        """Return what the seed answers over the DHT protocol, or None if it does not, in time or at all."""
        with trio.move_on_after(ANSWER_TIMEOUT):
            try:
                asker = await self._dht()
            except StreamError:
                return None
            return await asker.ask(request)
        return None

    async def _dht(self) -> Asker[dhtwire.Request, dhtwire.Answer]:
        async with self._opening:
            if self._asker is None:
                self._asker = Asker(await self.open_stream(dhtwire.PROTOCOL), DHT)
                self._nursery.start_soon(self._run, self._asker)
            return self._asker

    async def _run(self, asker: Asker[dhtwire.Request, dhtwire.Answer]) -> None:
        await asker.run()
        self._asker = None


class _Place:
    """One seed's link, or the dial on its way to one, and how many need it; cancelling `scope` ends either."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.users = 0
        self.ready = trio.Event()
        self.link: Link | None = None
        self.idle_since = trio.current_time()


class SeedLinks:
    """The links of one host, at most one for each seed. Made and used inside `nursery`."""

    def __init__(self, host: Host, nursery: trio.Nursery, names: Names, linger: float = LINGER) -> None:
        """Keep a link that nobody needs any more for `linger` seconds; `names` looks up hosts that have one."""
        self._names = names
        self._host = host
        self._nursery = nursery
        self._linger = linger
        self._places: dict[bytes, _Place] = {}

    @asynccontextmanager
    async def lease(self, seed: bytes, addresses: Sequence[Address]) -> AsyncGenerator[Link | None]:
        """Give the link to a seed, made by the first of `addresses` that answers unless there is one; None if none did.

        It stays for the block's length at least, unless the seed or `close` ends it. A dial that nobody waits for any
        more is given up.
        """
        place = self._places.get(seed)
        if place is None:
            place = self._places[seed] = _Place()
            self._nursery.start_soon(self._tend, seed, tuple(addresses), place)
        place.users += 1
        try:
            await place.ready.wait()
            yield place.link
        finally:
            place.users -= 1
            place.idle_since = trio.current_time()
            is_ours = self._places.get(seed) is place  # else it was left, and this was the last who needed it
            if not place.users and not (place.ready.is_set() and is_ours):
                self._end(seed, place)

    def get(self, seed: bytes) -> Link | None:
        """Return the link to a seed, if there is one."""
        place = self._places.get(seed)
        return None if place is None else place.link

    def drop_stranded(self, hosts: Collection[str]) -> None:
        """End the links that began at an address which is none of the machine's `hosts` any more: nothing comes there.

        Loopback stays where it is.
        """
        for seed, place in list(self._places.items()):
            host = None if place.link is None else place.link.connection.local_host
            if host is not None and host not in hosts and scope_of(host) is not Scope.MACHINE:
                self._end(seed, place)

    def close(self, seed: bytes) -> None:
        """End the link to a seed, or the dial on the way to one, whoever needs it; who comes next has another."""
        place = self._places.get(seed)
        if place is not None:
            self._end(seed, place)

    def leave(self, seed: bytes, link: Link) -> None:
        """End this link to a seed once nobody else needs it; who comes next has another in any case."""
        place = self._places.get(seed)
        if place is not None and place.link is link:
            del self._places[seed]
            if not place.users:
                place.scope.cancel()

    def _end(self, seed: bytes, place: _Place) -> None:
        if self._places.get(seed) is place:
            del self._places[seed]
        place.scope.cancel()

    async def _tend(self, seed: bytes, addresses: Sequence[Address], place: _Place) -> None:
        """Dial, tell who waits, and keep the link until nobody has needed it for a while."""
        connection: Connection | None = None
        try:
            with place.scope:
                reached = await self._dial(seed, addresses)
                if reached is not None:
                    address, connection = reached
                    place.link = Link(self._host, self._nursery, connection, address)
                    place.ready.set()
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self._wait_idle, place, nursery.cancel_scope)
                        await connection.wait_closed()
                        nursery.cancel_scope.cancel()
        finally:
            if connection is not None:
                connection.close()
            if self._places.get(seed) is place:
                del self._places[seed]
            place.link = None
            place.ready.set()

    async def _dial(self, seed: bytes, addresses: Sequence[Address]) -> tuple[Address, Connection] | None:
        numbers = [address for address in addresses if not needs_lookup(address)]
        connection = await dial_first(self._host, seed, numbers, SEED_DIAL)
        if connection is not None:
            return _reached(connection, numbers), connection
        for name in filter(needs_lookup, addresses):
            # names come from records, of which anybody may write one: an answer must not lead into our own network
            found = [address for address in await self._names.find(name) if is_believed(address.bare)]
            connection = await dial_first(self._host, seed, found, SEED_DIAL)
            if connection is not None:
                return name, connection
        return None

    async def _wait_idle(self, place: _Place, scope: trio.CancelScope) -> None:
        """Cancel `scope` as soon as nobody has needed the link for long enough."""
        while True:
            left = self._linger if place.users else place.idle_since + self._linger - trio.current_time()
            if left <= 0:
                scope.cancel()
                return
            await trio.sleep(left)


def _reached(connection: Connection, addresses: Sequence[Address]) -> Address:
    """Return which of the addresses a connection goes to."""
    return next(
        (address for address in addresses if (address.host, address.port) == connection.remote_address), addresses[0]
    )

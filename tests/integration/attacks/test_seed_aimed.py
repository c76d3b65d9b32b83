"""Nobody aims a seed at others: it dials back only to whoever asks, and a seed that is only told of once, if at all.

What it dials is seen by listeners that count. On one machine each port counts as a host of its own.
"""

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
import trio

from passerby.crypto.keys import SigningKey
from passerby.discovery import dhtwire
from passerby.discovery.addresses import Address, Family
from passerby.discovery.asking import DHT, serve
from passerby.discovery.limits import VERIFY_AT_ONCE, VERIFY_PATIENCE
from passerby.node.connection import Stream
from passerby.node.host import Host
from passerby.node.seeding import dialback
from passerby.node.seeding import seed as seeds
from support.lobbyattackers import ask, attacker, invented_record
from support.seeds import seed

VICTIM = "127.0.0.99"  # a third host: it has to do with nobody here
ASKER = "127.0.0.66"
SLACK = 0.5  # seconds that a dial takes to arrive
QUIET = 1.5  # seconds without a dial, after which no more is expected


class Trap:
    """Listens, takes whoever comes, says nothing and counts."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.visits: list[int] = []
        self.times: list[float] = []
        self.visited = trio.Event()

    async def listen(self, count: int, host: str = VICTIM, port: int = 0) -> list[Address]:
        """Listen on so many ports."""
        addresses: list[Address] = []
        for _ in range(count):
            [listener] = await trio.open_tcp_listeners(port, host=host)
            here = int(listener.socket.getsockname()[1])
            addresses.append(Address(Family.IP4, host, here))
            self._nursery.start_soon(trio.serve_listeners, self._taker(here), [listener])
        return addresses

    def _taker(self, port: int) -> Callable[[trio.SocketStream], Awaitable[None]]:
        async def take(stream: trio.SocketStream) -> None:
            self.visits.append(port)
            self.times.append(trio.current_time())
            self.visited.set()
            self.visited = trio.Event()
            with suppress(trio.BrokenResourceError):
                while await stream.receive_some():
                    pass

        return take

    async def visited_by(self, count: int) -> None:
        """Return when so many have come."""
        while len(self.visits) < count:
            await self.visited.wait()

    def most_within(self, seconds: float) -> int:
        """Return how many came within so short a time."""
        return max(sum(0 <= other - time < seconds for other in self.times) for time in self.times)

    async def quiet(self, seconds: float = QUIET) -> None:
        """Return when nobody came for so long."""
        while True:
            with trio.move_on_after(seconds) as scope:
                await self.visited.wait()
            if scope.cancelled_caught:
                return


@asynccontextmanager
async def trap() -> AsyncGenerator[Trap]:
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            yield Trap(nursery)
            nursery.cancel_scope.cancel()


async def knock(server: Address, record: bytes) -> None:
    """Ask for seeds and name one."""
    async with attacker(server) as (peer, _):
        await ask(peer, 1, dhtwire.PROTOCOL, dhtwire.encode(dhtwire.Find(1, os.urandom(32), record)))


# ---- Dialback --------------------------------------------------------------------------------------------------------


async def test_only_the_address_of_who_asks_is_dialled_back() -> None:
    async with trap() as here, trap() as third, seed() as server:
        [address] = await here.listen(1, ASKER)
        await third.listen(1, VICTIM, address.port)
        async with attacker(server.addresses[0], ASKER) as (peer, _):
            request = dhtwire.encode(dhtwire.Dialback(1, bytes(8), address.port))
            await ask(peer, 1, dhtwire.PROTOCOL, request)
        assert here.visits == [address.port]
        assert not third.visits


async def test_a_block_is_dialled_back_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    def block_of(host: str | None, **_: object) -> str:
        return str(host)

    monkeypatch.setattr(seeds, "block_of", block_of)
    async with trap() as here, seed() as server:
        [address] = await here.listen(1, ASKER)
        request = dhtwire.encode(dhtwire.Dialback(1, bytes(8), address.port))
        async with trio.open_nursery() as nursery:

            async def one() -> None:
                async with attacker(server.addresses[0], ASKER) as (peer, _):
                    await ask(peer, 1, dhtwire.PROTOCOL, request)

            for _ in range(20):
                nursery.start_soon(one)
        assert len(here.visits) == 1


async def test_four_are_dialled_back_at_once() -> None:
    async with trap() as here, seed() as server, AsyncExitStack() as stack:
        addresses = await here.listen(12, ASKER)
        async with trio.open_nursery() as nursery:
            for address in addresses:
                peer, _ = await stack.enter_async_context(attacker(server.addresses[0], ASKER))
                request = dhtwire.encode(dhtwire.Dialback(1, bytes(8), address.port))
                nursery.start_soon(ask, peer, 1, dhtwire.PROTOCOL, request)
        assert len(here.visits) == dialback.AT_ONCE  # the others were refused at once


# ---- invented seeds --------------------------------------------------------------------------------------------------


async def test_a_host_that_many_name_is_dialled_once() -> None:
    async with trap() as victim, seed() as server:
        [address] = await victim.listen(1)
        for _ in range(20):
            await knock(server.addresses[0], invented_record(address))
        await victim.quiet(VERIFY_PATIENCE + QUIET)
        assert len(victim.visits) <= 1


async def test_who_knocks_names_nobody_but_himself() -> None:
    async with trap() as victim, seed() as server:
        for address in await victim.listen(20):
            await knock(server.addresses[0], invented_record(address))
        await victim.quiet()
        assert not victim.visits


async def test_four_seeds_that_knock_are_verified_at_once() -> None:
    async with trap() as victim, seed() as server, AsyncExitStack() as stack:
        for address in await victim.listen(VERIFY_AT_ONCE + 3):
            peer, key = await stack.enter_async_context(attacker(server.addresses[0]))
            find = dhtwire.Find(1, os.urandom(32), invented_record(address, key))
            await ask(peer, 1, dhtwire.PROTOCOL, dhtwire.encode(find))
        await victim.visited_by(VERIFY_AT_ONCE + 3)
        assert victim.most_within(VERIFY_PATIENCE - SLACK) == VERIFY_AT_ONCE
        assert max(map(victim.visits.count, victim.visits)) == 1


@asynccontextmanager
async def lying_seed(invented: list[Address]) -> AsyncGenerator[Address]:
    """Run a seed that tells of seeds that there are not, of other ids each time it is asked."""
    secret = os.urandom(32)
    async with Host.open(secret, listen=["/ip4/127.0.0.1/tcp/0"]) as host:
        here = Address(Family.IP4, "127.0.0.1", int(host.addresses[0].rpartition("/")[2]), host.peer_id)
        own = invented_record(here, SigningKey.from_seed(secret))

        async def answer(request: dhtwire.Request) -> dhtwire.Answer:
            if isinstance(request, dhtwire.Find):
                return dhtwire.Nodes(request.request, (*map(invented_record, invented[:15]), own), None)
            return dhtwire.Pong(request.request, bytes(8), 0, None, None, 0)

        async def lie(stream: Stream) -> None:
            await serve(stream, DHT, answer, lambda: None)

        host.set_stream_handler(dhtwire.PROTOCOL, lie)
        yield here


async def test_a_seed_that_invents_others_has_each_place_dialled_once_and_four_at_a_time() -> None:
    async with trap() as victim:
        invented = await victim.listen(VERIFY_AT_ONCE)
        async with lying_seed(invented) as liar, seed(liar):
            await victim.visited_by(VERIFY_AT_ONCE)
            await victim.quiet(VERIFY_PATIENCE + QUIET)
        assert victim.most_within(VERIFY_PATIENCE - SLACK) <= VERIFY_AT_ONCE
        assert max(map(victim.visits.count, victim.visits)) == 1

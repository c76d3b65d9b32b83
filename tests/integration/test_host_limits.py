"""Each limit of a host, seen from outside: up to it nothing happens, and what is beyond costs what it should."""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trio
from libp2p.crypto.keys import KeyPair
from libp2p.host.basic_host import BasicHost

from passerby.crypto.stamp import Parties
from passerby.discovery.addresses import Scope
from passerby.discovery.seeding.service import LobbyServer
from passerby.discovery.wire import PROTOCOL
from passerby.node import limits, presence
from passerby.node.connection import Connection, Stream
from passerby.node.host import DialError, Host
from passerby.node.libp2p_081 import cures
from passerby.node.libp2p_081.inbound import HALF_OPEN, OUTBOUND_SHARE, Admit
from passerby.node.limits import CONNECTION_BUFFER, FRAME_BYTES, STREAM_BUFFER
from passerby.node.matching import Match
from passerby.node.seeding import seed
from support.attackers import DATA, GONE, MULTISTREAM, PATIENCE, RST, SYN, connect, read_until_closed, session
from support.people import settings
from support.rawpeer import somebody

LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)
MUTE = ("/test/mute/1", "/test/mute/2")
CHUNK = STREAM_BUFFER // 8
PLACES = 8  # of connections, in tests that fill them all
INBOUND = PLACES - PLACES // OUTBOUND_SHARE


async def mute(stream: Stream) -> None:
    """Read nothing."""
    await stream.connection.wait_closed()


@asynccontextmanager
async def listening(max_connections: int = limits.CONNECTIONS) -> AsyncGenerator[Host, None]:
    async with Host.open(os.urandom(32), listen=LOOPBACK, max_connections=max_connections) as host:
        for protocol in MUTE:
            host.set_stream_handler(protocol, mute)
        with trio.fail_after(30):
            yield host


def test_the_limits_are_those_that_are_promised() -> None:
    assert (CONNECTION_BUFFER, FRAME_BYTES, STREAM_BUFFER) == (2**20, 2**20, 2**18)
    assert limits.NEGOTIATION_TIMEOUT == 10
    assert (limits.CONNECTIONS, limits.SEED_CONNECTIONS) == (64, 4096)
    assert (HALF_OPEN, OUTBOUND_SHARE) == (128, 4)


# ---- bytes ----------------------------------------------------------------------------------------------------------


async def leave_unread(host: Host, chunks: Sequence[int]) -> bool:
    """Send so many chunks into a stream each, which nobody reads; return whether the connection survived."""
    async with session(host.addresses[0], host.peer_id) as peer:
        try:
            for number, count in enumerate(chunks):
                stream = 2 * number + 1
                await peer.open(stream, MUTE[number % len(MUTE)])
                for _ in range(count):
                    await peer.send(DATA, 0, stream, CHUNK, bytes(CHUNK))
        except GONE:
            return False
        return await peer.is_alive()


async def test_a_connection_holds_a_mebibyte_unread_over_all_its_streams() -> None:
    most = CONNECTION_BUFFER // CHUNK
    streams = [6] * (most // 6)  # each well within its own window
    async with listening() as host:
        assert await leave_unread(host, [*streams, most - sum(streams) - 1])  # with room for what is not negotiated yet
        assert not await leave_unread(host, [*streams, most - sum(streams) + 1])


@pytest.mark.parametrize(("size", "survives"), [(FRAME_BYTES, True), (FRAME_BYTES + 1, False)])
async def test_a_frame_of_more_than_a_mebibyte_ends_the_connection(size: int, survives: bool) -> None:
    async with listening() as host, session(host.addresses[0], host.peer_id) as peer:
        try:
            await peer.send(DATA, 0, 4711, size, bytes(size))  # of no stream: no window bounds it
            assert await peer.is_alive() is survives
        except GONE:
            assert not survives


# ---- time -----------------------------------------------------------------------------------------------------------


async def test_a_stream_whose_negotiation_stops_is_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cures, "NEGOTIATION_TIMEOUT", 1.0)  # whole seconds: the library drops the rest
    async with listening() as host, session(host.addresses[0], host.peer_id) as peer:
        await peer.send(DATA, SYN, 1, 5, MULTISTREAM[:5])
        with trio.fail_after(PATIENCE):
            flags, stream = 0, 1
            while not flags & RST:
                _, flags, stream, _, _ = await peer.receive()
        assert stream == 1
        assert await peer.is_alive()


# ---- connections ----------------------------------------------------------------------------------------------------


async def carrying(stack: AsyncExitStack, host: Host) -> Connection | None:
    """Make a connection that carries a stream, under a fresh identity; None if the host did not have it."""
    client = await stack.enter_async_context(Host.open(os.urandom(32)))
    try:
        connection = await client.dial(host.addresses[0], host.peer_id)
        await (await client.open_stream(connection, MUTE[0])).agree()
    except OSError:
        return None
    return connection


async def test_strangers_fill_three_quarters_of_the_places_and_the_rest_is_ours_to_dial_with() -> None:
    async with listening(PLACES) as host, listening() as other, AsyncExitStack() as stack:
        inbound = [await carrying(stack, host) for _ in range(INBOUND + 1)]
        assert None not in inbound[:INBOUND]
        assert inbound[-1] is None
        for _ in range(PLACES - INBOUND):
            await host.dial(other.addresses[0], other.peer_id)
        with pytest.raises(DialError):
            await host.dial(other.addresses[0], other.peer_id)
        assert [connection.inbound for connection in host.connections()].count(True) == INBOUND
        assert not any(connection is None or connection.is_closed for connection in inbound[:INBOUND])


async def talk(_: Match) -> None:
    """Say nothing."""


async def test_a_peer_and_a_seed_have_the_places_that_are_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []

    def note(key: KeyPair, *, max_connections: int, admit: Admit) -> BasicHost:
        given.append(max_connections)
        return cures.mended_host(key, max_connections=max_connections, admit=admit)

    monkeypatch.setattr("passerby.node.host.mended_host", note)
    monkeypatch.setattr(presence, "CONNECTIONS", 17)
    monkeypatch.setattr(seed, "SEED_CONNECTIONS", 4711)
    async with seed.Seed.open(os.urandom(32), LOOPBACK, seed.Place("test")):
        assert given == [4711]
    async with presence.Presence.open(somebody(settings()), talk, lambda: None):
        assert given == [4711, 17]


async def test_a_peer_lets_nobody_in_from_beyond_the_local_network(monkeypatch: pytest.MonkeyPatch) -> None:
    doors: list[Admit] = []

    def note(key: KeyPair, *, max_connections: int, admit: Admit) -> BasicHost:
        doors.append(admit)
        return cures.mended_host(key, max_connections=max_connections, admit=admit)

    monkeypatch.setattr("passerby.node.host.mended_host", note)
    async with presence.Presence.open(somebody(settings()), talk, lambda: None):
        (admit,) = doors
    near, far = ["127.0.0.1", "::1", "10.0.0.5", "fd00::5", "fe80::5"], ["8.8.8.8", "2600::1", "::ffff:8.8.8.8"]
    assert [host for host in near + far if admit(host, 4001)] == near


async def test_a_seed_counts_the_streams_of_one_connection_together(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks: list[str] = []
    three = trio.Event()

    async def note(_: LobbyServer, stream: Stream, scope: Scope, block: str, parties: Parties) -> None:
        blocks.append(block)
        if len(blocks) == 3:
            three.set()

    monkeypatch.setattr(LobbyServer, "serve", note)
    async with (
        seed.Seed.open(os.urandom(32), LOOPBACK, seed.Place("test")) as server,
        Host.open(os.urandom(32)) as client,
    ):
        address = str(server.addresses[0]).partition("/p2p/")[0]
        one, other = [await client.dial(address, server.peer_id) for _ in range(2)]
        for connection in (one, one, other):
            await client.open_stream(connection, PROTOCOL)
        with trio.fail_after(PATIENCE):
            await three.wait()
    assert sorted(map(blocks.count, blocks)) == [1, 2, 2]


async def test_the_oldest_of_too_many_handshakes_gives_way() -> None:
    async with listening() as host, Host.open(os.urandom(32)) as client, AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(await connect(host.addresses[0])) for _ in range(HALF_OPEN)]
        assert await read_until_closed(silent[0], patience=0.2) is None
        await client.dial(host.addresses[0], host.peer_id)
        assert await read_until_closed(silent[0]) is not None
        assert await read_until_closed(silent[1], patience=0.2) is None

"""A host seen from above: identities, channel binding, streams and their ends, deadlines, limits."""
# pyright: reportMissingTypeStubs=false, reportPrivateUsage=false, reportUnknownMemberType=false

import errno
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from libp2p.crypto.rsa import create_new_key_pair as create_rsa_key_pair
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from multiaddr import Multiaddr  # type: ignore[import-untyped]  # it has no types

from passerby.crypto.errors import LocalProtocolError
from passerby.discovery.limits import STREAMS_PER_PEER
from passerby.node.connection import Connection, Stream
from passerby.node.host import DialError, Host, WrongPeerError
from passerby.node.libp2p_081 import inbound
from passerby.node.libp2p_081.cures import bare_host, swarm_of
from passerby.node.limits import STREAM_BUFFER
from passerby.node.listening import ListenError
from support.attackers import read_until_closed, session

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]
TEST = "/test/1"
Handler = Callable[[Stream], Awaitable[None]]


@asynccontextmanager
async def pair(handler: Handler) -> AsyncGenerator[tuple[Host, Host, Connection], None]:
    """A listening host that serves TEST with `handler`, a second host, and its connection to the first."""
    async with Host.open(os.urandom(32), listen=LOOPBACK) as server, Host.open(os.urandom(32)) as client:
        server.set_stream_handler(TEST, handler)
        with trio.fail_after(10):
            connection = await client.dial(server.addresses[0], server.peer_id)
        with trio.fail_after(20):
            yield server, client, connection


async def ignore(_: Stream) -> None:
    """Return at once."""


async def wait(stream: Stream) -> None:
    """Hold the stream until its connection ends."""
    await stream.connection.wait_closed()


async def test_both_ends_see_the_same_channel_binding_and_each_other() -> None:
    seen: list[Stream] = []
    arrived = trio.Event()

    async def look(stream: Stream) -> None:
        seen.append(stream)
        arrived.set()

    async with pair(look) as (server, client, connection):
        await client.open_stream(connection, TEST)
        await arrived.wait()
        [inbound] = seen
        assert inbound.connection.channel_binding() == connection.channel_binding()
        assert len(connection.channel_binding()) == 32
        assert (inbound.peer_id, connection.peer_id) == (client.peer_id, server.peer_id)
        assert (inbound.connection.inbound, connection.inbound) == (True, False)
        assert connection.remote_address is not None
        assert server.addresses == (f"/ip4/127.0.0.1/tcp/{connection.remote_address[1]}",)
        another = await client.dial(server.addresses[0], server.peer_id)
        assert another.channel_binding() != connection.channel_binding()
        assert client.connections() == [connection, another]


async def test_the_peer_id_is_the_seeds() -> None:
    seed = os.urandom(32)
    async with Host.open(seed) as one:
        first = one.peer_id
    async with Host.open(seed) as two:
        assert first == two.peer_id
        assert len(first) == 38
        assert two.addresses == ()


async def test_ipv6_has_addresses_too() -> None:
    async with Host.open(os.urandom(32), listen=["/ip6/::1/tcp/0"]) as server, Host.open(os.urandom(32)) as client:
        connection = await client.dial(server.addresses[0], server.peer_id)
        assert connection.remote_address is not None
        assert connection.remote_address[0] == "::1"


async def test_the_unspecified_address_is_told_as_concrete_ones() -> None:
    async with Host.open(os.urandom(32), listen=["/ip4/0.0.0.0/tcp/0"]) as host:
        assert any(address.startswith("/ip4/127.0.0.1/tcp/") for address in host.addresses)
        assert not any("0.0.0.0" in address for address in host.addresses)


async def test_one_port_on_all_addresses_of_both_families() -> None:
    """What `seed run` does by default: /ip6/:: must not take the port of IPv4 too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with Host.open(os.urandom(32), listen=[f"/ip4/0.0.0.0/tcp/{port}", f"/ip6/::/tcp/{port}"]) as host:
        assert {address.split("/")[1] for address in host.addresses} == {"ip4", "ip6"}


async def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(ListenError) as raised:
        async with Host.open(os.urandom(32), listen=["/ip4/192.0.2.77/tcp/0"]):
            pytest.fail("listens on a foreign address")
    assert raised.value.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize("address", ["nonsense", "/ip4/1.2.3.4/udp/1"])
async def test_what_is_no_address_is_our_mistake(address: str) -> None:
    with pytest.raises(LocalProtocolError):
        async with Host.open(os.urandom(32), listen=[address]):
            pytest.fail("listens on nonsense")


async def test_an_error_inside_the_block_leaves_it_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with Host.open(os.urandom(32)):
            raise ZeroDivisionError


async def test_somebody_else_at_the_address() -> None:
    async with pair(ignore) as (server, client, _):
        with pytest.raises(WrongPeerError):
            await client.dial(server.addresses[0], client.peer_id)
        with pytest.raises(LocalProtocolError):
            await client.dial(server.addresses[0], b"not a peer id")


async def test_nobody_at_the_address() -> None:
    async with pair(ignore) as (server, client, _):
        with pytest.raises(DialError) as raised:
            await client.dial("/ip4/127.0.0.1/tcp/1", server.peer_id)
        assert raised.value.errno == errno.ECONNREFUSED
        assert "127.0.0.1" not in str(raised.value)


async def test_a_listener_that_says_nothing_costs_the_timeout_and_no_more() -> None:
    async with pair(ignore) as (server, client, _), trio.open_nursery() as nursery:
        [tarpit] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with tarpit:
            address = f"/ip4/127.0.0.1/tcp/{tarpit.socket.getsockname()[1]}"
            with pytest.raises(DialError, match="in time"):
                await client.dial(address, server.peer_id, timeout=0.3)
            with trio.fail_after(1), trio.move_on_after(0.1) as dropped:
                await client.dial(address, server.peer_id)
            assert dropped.cancelled_caught
        await client.dial(server.addresses[0], server.peer_id)
        nursery.cancel_scope.cancel()


async def test_a_peer_with_an_rsa_identity_is_refused() -> None:
    async with pair(ignore) as (server, client, _):
        rsa = bare_host(create_rsa_key_pair(2048), 64)
        async with rsa.run(listen_addrs=[]):
            with pytest.raises(SwarmException):
                await swarm_of(rsa).dial_addr(Multiaddr(server.addresses[0]), ID(server.peer_id))
        assert [connection.peer_id for connection in server.connections()] == [client.peer_id]


async def test_a_silent_socket_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "HANDSHAKE_TIMEOUT", 0.2)
    async with pair(ignore) as (_, _, connection):
        assert connection.remote_address is not None
        stream = await trio.open_tcp_stream(*connection.remote_address)
        async with stream:
            assert await read_until_closed(stream) is not None


async def test_who_is_not_admitted_is_not_answered() -> None:
    asked: list[tuple[str, int]] = []

    def admit(address: str, port: int) -> bool:
        asked.append((address, port))
        return False

    async with Host.open(os.urandom(32), listen=LOOPBACK, admit=admit) as server, Host.open(os.urandom(32)) as client:
        with trio.fail_after(10), pytest.raises(DialError):
            await client.dial(server.addresses[0], server.peer_id)
    assert [address for address, _ in asked] == ["127.0.0.1"]


async def test_what_was_sent_arrives_whole_and_then_the_end() -> None:
    sent = os.urandom(3 * STREAM_BUFFER)

    async def send(stream: Stream) -> None:
        await stream.write(sent)
        await stream.close_write()

    async with pair(send) as (_, client, connection):
        stream = await client.open_stream(connection, TEST)
        assert await stream.read_exactly(len(sent)) == sent
        with pytest.raises(EOFError):
            await stream.read_exactly(1)
        assert await stream.read_some(1) == b""
        await stream.close_write()
        assert stream.is_finished


async def test_a_goodbye_is_read_after_the_connection_is_gone() -> None:
    async def leave(stream: Stream) -> None:
        await stream.write(b"goodbye")
        await stream.close_write()
        stream.connection.close()

    async with pair(leave) as (_, client, connection):
        stream = await client.open_stream(connection, TEST)
        await connection.wait_closed()
        assert await stream.read_exactly(7) == b"goodbye"
        assert await stream.read_some(1) == b""


async def test_a_reset_breaks_the_other_end_and_closes_ours() -> None:
    ended = trio.Event()

    async def read(stream: Stream) -> None:
        with pytest.raises(trio.BrokenResourceError):
            await stream.read_exactly(1)
        ended.set()

    async with pair(read) as (_, client, connection):
        stream = await client.open_stream(connection, TEST)
        await stream.agree()
        stream.reset()
        with pytest.raises(trio.ClosedResourceError):
            await stream.read_exactly(1)
        with pytest.raises(trio.ClosedResourceError):
            await stream.write(b"x")
        await ended.wait()


async def test_a_connection_that_vanishes_is_no_end_of_stream() -> None:
    async def vanish(stream: Stream) -> None:
        stream.connection.close()
        await wait(stream)

    async with pair(vanish) as (_, client, connection):
        stream = await client.open_stream(connection, TEST)
        with pytest.raises(trio.BrokenResourceError):
            await stream.read_exactly(1)
        with pytest.raises(trio.BrokenResourceError):
            await stream.write(b"x")


async def test_a_write_that_is_cancelled_leaves_the_connection_whole() -> None:
    async def read_two_windows(stream: Stream) -> None:
        if stream.connection.inbound and not held.is_set():
            held.set()
            await wait(stream)
        await stream.write(await stream.read_exactly(3))

    held = trio.Event()
    async with pair(read_two_windows) as (_, client, connection):
        blocked = await client.open_stream(connection, TEST)
        await blocked.write(b"x")
        await held.wait()
        with trio.move_on_after(0.2) as scope:
            await blocked.write(bytes(2 * STREAM_BUFFER))
        assert scope.cancelled_caught
        other = await client.open_stream(connection, TEST)
        await other.write(b"yes")
        assert await other.read_exactly(3) == b"yes"


async def test_the_fifth_stream_of_a_peer_and_protocol_is_reset() -> None:
    async with pair(wait) as (_, client, connection):
        streams = [await client.open_stream(connection, TEST) for _ in range(STREAMS_PER_PEER + 1)]
        with pytest.raises(trio.BrokenResourceError):
            await streams[-1].read_exactly(1)
        with trio.move_on_after(0.1) as open_still:
            await streams[0].read_exactly(1)
        assert open_still.cancelled_caught


async def test_nothing_is_kept_of_connections_that_ended() -> None:
    async with pair(ignore) as (server, client, _):
        for _ in range(30):
            async with session(server.addresses[0], server.peer_id) as peer:
                await peer.open(1, TEST)
                assert await peer.is_alive()
        with trio.fail_after(5):
            for connection in server.connections():
                if connection.peer_id != client.peer_id:
                    await connection.wait_closed()
            await trio.testing.wait_all_tasks_blocked(0.05)
        assert len(server.connections()) == 1
        assert server._serving == {}
        assert len(server._connections) == 1

"""Each cure of node/libp2p_081/cures.py has a test here that fails without it, named after it (tests/cures_off.py)."""
# pyright: reportMissingTypeStubs=false, reportPrivateUsage=false, reportUnknownMemberType=false

import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio
from libp2p.crypto.ed25519 import Ed25519PrivateKey
from libp2p.crypto.keys import PrivateKey
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.exceptions import IncompleteReadError
from libp2p.peer.id import ID
from libp2p.security.noise.io import NoisePacketReadWriter
from libp2p.tools.anyio_service.trio_manager import TrioManager
from multiaddr import Multiaddr  # type: ignore[import-untyped]  # it has no types

from passerby.node.connection import Stream
from passerby.node.host import DialError, Host
from passerby.node.libp2p_081.cures import CURES, mended_host, swarm_of
from passerby.node.limits import STREAM_BUFFER, STREAMS_PER_CONNECTION
from passerby.node.listening import PortBusyError
from support.attackers import attack_negotiation, attack_plaintext, attack_streams, attack_window, session
from support.distance import Place, distance

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]
ECHO = "/test/echo/1"
MUTE = "/test/mute/1"


async def echo(stream: Stream) -> None:
    while data := await stream.read_some(4096):
        await stream.write(data)
    await stream.close_write()


async def mute(stream: Stream) -> None:
    """Read nothing."""
    await stream.connection.wait_closed()


@asynccontextmanager
async def listening(max_connections: int = 64) -> AsyncGenerator[Host, None]:
    async with Host.open(os.urandom(32), listen=LOOPBACK, max_connections=max_connections) as host:
        host.set_stream_handler(ECHO, echo)
        host.set_stream_handler(MUTE, mute)
        yield host


@dataclass
class Visits:
    """Who connects to `address` is counted and sent away."""

    address: str
    count: int = 0

    async def take(self, stream: trio.SocketStream) -> None:
        self.count += 1
        await stream.aclose()


@asynccontextmanager
async def trap() -> AsyncGenerator[Visits, None]:
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        visits = Visits(f"/ip4/127.0.0.1/tcp/{listener.socket.getsockname()[1]}")
        nursery.start_soon(trio.serve_listeners, visits.take, [listener])
        yield visits
        nursery.cancel_scope.cancel()


async def served(client: Host, server: Host) -> bool:
    """Whether `server` takes a new connection and echoes over it."""
    with trio.fail_after(5):
        connection = await client.dial(server.addresses[0], server.peer_id)
        stream = await client.open_stream(connection, ECHO)
        await stream.write(b"ping")
        answer = await stream.read_exactly(4)
        connection.close()
        await connection.wait_closed()
    return answer == b"ping"


async def test_only_noise() -> None:
    async with listening() as host:
        offers = ["/plaintext/2.0.0", "/tls/1.0.0", "/secio/1.0.0", "/noise"]
        assert await attack_plaintext(host.addresses[0], offers) == {"/noise"}


async def test_guard_handlers() -> None:
    async def fail(_: Stream) -> None:
        raise ZeroDivisionError("a bug in a handler")

    async with listening() as host, Host.open(os.urandom(32)) as client:
        host.set_stream_handler("/test/fail/1", fail)
        connection = await client.dial(host.addresses[0], host.peer_id)
        stream = await client.open_stream(connection, "/test/fail/1")
        with trio.fail_after(5):
            with pytest.raises(trio.BrokenResourceError):
                await stream.read_exactly(1)
            other = await client.open_stream(connection, ECHO)  # also the connection is none the worse for it
            await other.write(b"ping")
            assert await other.read_exactly(4) == b"ping"
        assert await served(client, host)


async def test_free_slots() -> None:
    async with listening(max_connections=8) as host, Host.open(os.urandom(32)) as client:
        for _ in range(20):
            assert await served(client, host)


async def test_dial_once() -> None:
    async with listening() as host, Host.open(os.urandom(32)) as client, trap() as visits:
        with pytest.raises(DialError):
            await client.dial(visits.address, host.peer_id)
        assert visits.count == 1


async def test_bounded_yamux() -> None:
    async with listening() as host:
        for size, survives in ((STREAM_BUFFER // 2, True), (STREAM_BUFFER * 2, False)):
            assert await attack_window(host.addresses[0], host.peer_id, MUTE, size) is survives
        for count, survives in ((STREAMS_PER_CONNECTION // 2, True), (STREAMS_PER_CONNECTION + 1, False)):
            assert await attack_streams(host.addresses[0], host.peer_id, "/test/none/1", count) is survives


async def test_close_at_exit() -> None:
    async with Host.open(os.urandom(32)) as client:
        async with listening() as host:
            connections = [await client.dial(host.addresses[0], host.peer_id) for _ in range(3)]
        with trio.fail_after(1):
            for connection in connections:
                await connection.wait_closed()


async def test_quiet_logs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    library, root = logging.getLogger("libp2p"), logging.getLogger()
    monkeypatch.setattr(library, "handlers", [])
    monkeypatch.setattr(library, "propagate", True)
    monkeypatch.setattr(library, "level", logging.NOTSET)
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setenv("LIBP2P_DEBUG", "DEBUG")
    async with listening():
        logging.getLogger("libp2p.network.swarm").warning("from the library")
        root.warning("from the root")
    assert capsys.readouterr().err == ""
    assert "LIBP2P_DEBUG" not in os.environ


async def test_no_auto_connect() -> None:
    async with listening() as host, Host.open(os.urandom(32)) as known, trap() as visits:
        swarm = swarm_of(host._inner)
        swarm.peerstore.add_addrs(ID(known.peer_id), [Multiaddr(visits.address)], 120)
        with trio.move_on_after(5):
            await swarm.auto_connector.maybe_connect()
        assert visits.count == 0


async def test_own_port() -> None:
    async with listening() as host:
        with pytest.raises(PortBusyError):
            async with Host.open(os.urandom(32), listen=host.addresses):
                pytest.fail("two hosts listen on one port")


async def test_short_negotiation() -> None:
    a_gibibyte = b"\x80\x80\x80\x80\x04"
    async with listening() as host:
        assert await attack_negotiation(host.addresses[0], a_gibibyte) is not None


async def test_prompt_end() -> None:
    class Ended(ReadWriteCloser):
        reads = 0

        async def read(self, n: int | None = None) -> bytes:
            self.reads += 1
            return b""

        async def write(self, data: bytes) -> None: ...

        async def close(self) -> None: ...

        def get_remote_address(self) -> None: ...

    socket = Ended()
    async with listening():
        with pytest.raises(IncompleteReadError):
            await NoisePacketReadWriter(socket).read_msg()
    assert socket.reads == 1


async def test_buffered_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = 0
    receive = trio.SocketStream.receive_some

    async def counted(stream: trio.SocketStream, max_bytes: int | None = None) -> bytes:
        nonlocal reads
        reads += 1
        return await receive(stream, max_bytes)

    async with listening() as host, Host.open(os.urandom(32)) as client:
        stream = await client.open_stream(await client.dial(host.addresses[0], host.peer_id), ECHO)
        await stream.agree()
        monkeypatch.setattr(trio.SocketStream, "receive_some", counted)
        for _ in range(20):
            await stream.write(b"ping")
            await stream.read_exactly(4)
    assert reads < 3 * 20


async def test_one_flight() -> None:
    async with listening() as host, Host.open(os.urandom(32)) as client, distance() as lines:
        here, there = Place(), Place()
        connection = await client.dial(await lines.between(here, there, host.addresses[0]), host.peer_id)
        assert here.round_trips == 2  # TCP's own, then Noise's first two messages
        stream = await client.open_stream(connection, ECHO)
        await stream.write(b"ping")
        assert await stream.read_exactly(4) == b"ping"
        assert here.round_trips == 3


async def test_plain_tasks() -> None:
    async def fail() -> None:
        raise ZeroDivisionError("a bug in the network")

    async with listening() as host, Host.open(os.urandom(32)) as client:
        manager = swarm_of(host._inner).manager
        assert isinstance(manager, TrioManager)
        before = len(manager._root_tasks)
        for _ in range(5):
            await client.dial(host.addresses[0], host.peer_id)
        assert len(manager._root_tasks) == before  # through which the next task would look for its parent
        manager.run_task(fail)
        assert await served(client, host)


async def test_quiet_muxer() -> None:
    async with listening() as host, session(host.addresses[0], host.peer_id) as peer:
        with trio.move_on_after(1.5):
            await peer.receive()
            pytest.fail("nobody asked for anything")


async def test_signed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    signed: list[PrivateKey] = []
    sign = Ed25519PrivateKey.sign

    def note(key: Ed25519PrivateKey, data: bytes) -> bytes:
        signed.append(key)
        return sign(key, data)

    async with listening() as host, Host.open(os.urandom(32)) as client:
        monkeypatch.setattr(Ed25519PrivateKey, "sign", note)
        for _ in range(3):
            assert await served(client, host)
    assert not signed


async def test_no_listeners() -> None:
    async with listening() as host, Host.open(os.urandom(32)) as client:
        await client.dial(host.addresses[0], host.peer_id)
        with trio.fail_after(5):
            while not host.connections():
                await trio.lowlevel.checkpoint()
        assert not swarm_of(host._inner).tag_store.get_all_peers()


async def test_discreet_identify() -> None:
    async with listening() as host, Host.open(os.urandom(32)) as client:
        connection = await client.dial(host.addresses[0], host.peer_id)
        stream = await client.open_stream(connection, "/ipfs/id/1.0.0")
        with trio.fail_after(5):
            size = int.from_bytes(await stream.read_exactly(2), "little")  # a varint of two bytes
            identify = Identify.FromString(await stream.read_exactly((size & 0x7F) | (size >> 8 << 7)))
        assert identify.agent_version == "passerby/1"
        for protocol in ("/ipfs/ping/1.0.0", "/ipfs/id/push/1.0.0"):
            with pytest.raises(OSError, match="did not open"):
                await (await client.open_stream(connection, protocol)).agree()


def test_every_cure_has_its_test() -> None:
    assert {f"test_{name.replace('-', '_')}" for name in CURES} <= set(globals())
    assert callable(mended_host)

"""Many people at one seed from one process: real connections, each under an identity of its own.

A `Visitor` has no host around it: what it costs to make thousands would hide what they cost the seed. It speaks the
same layers as everybody, those of node/libp2p_081/.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import passerby.node.libp2p_081.importing  # noqa: F401 - for its effect  # pyright: ignore[reportUnusedImport]

# isort: split

import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.peer.id import ID
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.security_multistream import SecurityMultistream
from libp2p.stream_muxer.exceptions import MuxedStreamEOF, MuxedStreamError

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery import wire
from passerby.discovery.addresses import Address, Family
from passerby.discovery.asking import LOBBY, Asker
from passerby.discovery.rooms import RoomId, room_of
from passerby.discovery.tickets import Ticket, sign_ticket
from passerby.node.libp2p_081.buffers import BufferedTCP
from passerby.node.libp2p_081.negotiation import OneFlightSelector
from passerby.node.libp2p_081.noise import Ed25519Noise
from passerby.node.libp2p_081.reading import Proposal
from passerby.node.libp2p_081.stream import BoundedStream
from passerby.node.libp2p_081.yamux import BoundedYamux, OnlyBoundedYamux

NETWORK: Final = "bench"
HOME: Final = Address(Family.IP4, "127.0.0.1", 4001)  # what their tickets name; nobody dials it


def present_room() -> RoomId:
    """The room of anybody in this epoch."""
    return room_of(NETWORK, int(time.time()) // 600)


class LobbyStream:
    """A lobby stream as discovery/asking.py wants it."""

    def __init__(self, inner: BoundedStream, peer_id: bytes) -> None:
        self._inner = inner
        self._proposal = Proposal(wire.PROTOCOL)
        self._is_agreed = False
        self.peer_id: Final = peer_id

    async def open(self) -> None:
        """Propose the lobby protocol; what is asked goes out at once."""
        await self._inner.write(self._proposal.opening)

    async def read_exactly(self, count: int) -> bytes:
        """Return `count` bytes; EOFError or BrokenResourceError at the end."""
        try:
            if not self._is_agreed:
                await self._proposal.settle(self._inner.read)
                self._is_agreed = True
            data = b""
            while len(data) < count:
                data += await self._inner.read(count - len(data))
        except MuxedStreamEOF as error:
            raise EOFError from error
        except MuxedStreamError as error:
            raise trio.BrokenResourceError from error
        return data

    async def write(self, data: bytes) -> None:
        """Send all of it."""
        try:
            await self._inner.write(data)
        except MuxedStreamError as error:
            raise trio.BrokenResourceError from error

    def reset(self) -> None:
        """Let the end of the connection end it."""


class CountedTCP(BufferedTCP):
    """A socket that counts what passes it, both ways."""

    passed = 0

    async def write(self, data: bytes) -> None:
        """Send all of it."""
        self.passed += len(data)
        await super().write(data)

    async def _receive(self) -> bytes:
        data = await super()._receive()
        self.passed += len(data)
        return data


class Visitor:
    """One who is connected to a seed, with a lobby stream. Made by `visit`."""

    def __init__(self, key: SigningKey, asker: Asker[wire.Request, wire.Answer], socket: CountedTCP) -> None:
        self._key = key
        self._asker = asker
        self._socket = socket

    @property
    def passed(self) -> int:
        """Bytes that went to the seed and came from it, as TCP carries them."""
        return self._socket.passed

    async def enter(self) -> wire.Answer | None:
        """Enter the room of anybody, with a ticket."""
        room = present_room()
        ticket = sign_ticket(self._key, Ticket(peer_id_of(self._key.public), room, addresses=(HOME,)))
        return await self._asker.ask(wire.Enter(0, room, ticket))

    async def sample(self, interval: int) -> wire.Answer | None:
        """Look around once."""
        return await self._asker.ask(wire.Sample(0, present_room(), 2, interval))


@asynccontextmanager
async def visit(seed: Address) -> AsyncGenerator[Visitor]:
    """Connect to a seed under a fresh identity; leaving closes the socket. Raises what the layers raise."""
    assert seed.peer is not None
    secret = secrets.token_bytes(32)
    noise = Ed25519Noise(create_new_key_pair(secret), noise_privkey=create_noise_key_pair().private_key)
    security, muxers = SecurityMultistream({NOISE: noise}), OnlyBoundedYamux(10)
    security._selector = OneFlightSelector(security._selector)  # pyright: ignore[reportPrivateUsage]
    muxers._selector = OneFlightSelector(muxers._selector)  # pyright: ignore[reportPrivateUsage]
    stream = await trio.open_tcp_stream(seed.host, seed.port)
    socket = CountedTCP(stream)
    try:
        secured = await security.secure_outbound(RawConnection(socket, True), ID(seed.peer))
        muxed = await muxers.new_conn(secured, ID(seed.peer))
        assert isinstance(muxed, BoundedYamux)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(muxed.handle_incoming)
            lobby = LobbyStream(await muxed.open_stream(), seed.peer)
            await lobby.open()
            asker = Asker(lobby, LOBBY)
            nursery.start_soon(asker.run)
            yield Visitor(SigningKey.from_seed(secret), asker, socket)
            nursery.cancel_scope.cancel()
    finally:
        await trio.aclose_forcefully(stream)

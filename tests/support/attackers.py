"""Raw attackers against any listening libp2p host: they know its address and peer id, and obey no rule.

Each `attack_…` does one thing and returns what came of it, so that a test says what it expects. They stand on the
library's handshake and write every byte above it themselves.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import os
import struct
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Final

import trio
from libp2p.abc import ISecureConn
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.exceptions import BaseLibp2pError
from libp2p.io.trio import TrioTCPStream
from libp2p.io.utils import read_exactly
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.peer.id import ID
from libp2p.protocol_muxer.multiselect_client import MultiselectClient
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.security.security_multistream import SecurityMultistream

DATA, WINDOW_UPDATE, PING, GO_AWAY = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8
MULTISTREAM: Final = b"\x13/multistream/1.0.0\n"
GONE: Final = (BaseLibp2pError, OSError, trio.BrokenResourceError, trio.ClosedResourceError)
PATIENCE: Final = 5.0  # how long an attacker waits for an answer that it does not need


def line(text: str) -> bytes:
    """Encode one short line of multistream-select."""
    return bytes([len(text) + 1]) + text.encode() + b"\n"


async def connect(address: str, source: str | None = None) -> trio.SocketStream:
    """Open a TCP connection to `/ip4/…/tcp/…`, from the address `source` of this machine."""
    _, _, host, _, port = address.split("/")[:5]
    return await trio.open_tcp_stream(host, int(port), local_address=source)


class Session:
    """A connection past Noise and the choice of Yamux; from here on the attacker writes frames."""

    def __init__(self, secured: ISecureConn) -> None:
        self._secured = secured

    async def send(self, kind: int, flags: int, stream: int, length: int, body: bytes = b"") -> None:
        """Write one frame, whatever it says."""
        await self._secured.write(struct.pack("!BBHII", 0, kind, flags, stream, length) + body)

    async def receive(self) -> tuple[int, int, int, int, bytes]:
        """Read one frame: type, flags, stream, length, body."""
        header = await read_exactly(self._secured, 12, retry_count=1)
        _, kind, flags, stream, length = struct.unpack("!BBHII", header)
        body = await read_exactly(self._secured, length) if kind == DATA and length else b""
        return kind, flags, stream, length, body

    async def is_alive(self) -> bool:
        """Whether the other side still answers a ping, or ends the connection instead."""
        try:
            with trio.fail_after(PATIENCE):
                await self.send(PING, SYN, 0, 4711)
                while True:
                    kind, flags, _, length, _ = await self.receive()
                    if kind == PING and flags & ACK and length == 4711:
                        return True
                    if kind == GO_AWAY:
                        return False
        except (*GONE, trio.TooSlowError):
            return False

    async def open(self, stream: int, protocol: str) -> None:
        """Open a stream and propose a protocol, without waiting for any answer."""
        proposal = MULTISTREAM + line(protocol)
        await self.send(DATA, SYN, stream, len(proposal), proposal)


@asynccontextmanager
async def session(
    address: str, peer_id: bytes, secret: bytes = b"", source: str | None = None
) -> AsyncGenerator[Session, None]:
    """Connect, under a fresh identity or that of the 32-byte `secret`, and agree on Noise and Yamux."""
    key = create_new_key_pair(secret or os.urandom(32))
    noise = NoiseTransport(key, noise_privkey=create_noise_key_pair().private_key)
    stream = await connect(address, source)
    try:
        raw = RawConnection(TrioTCPStream(stream), True)
        secured = await SecurityMultistream({NOISE: noise}).secure_outbound(raw, ID(peer_id))
        await MultiselectClient().select_one_of([TProtocol("/yamux/1.0.0")], MultiselectCommunicator(secured))
        yield Session(secured)
    finally:
        await trio.aclose_forcefully(stream)


async def read_until_closed(stream: trio.SocketStream, patience: float = PATIENCE) -> bytes | None:
    """Return all that comes until the other side closes; None if it does not close in time."""
    received = b""
    with trio.move_on_after(patience):
        try:
            async for data in stream:
                received += data
        except trio.BrokenResourceError:
            pass
        return received
    return None


async def attack_negotiation(address: str, proposal: bytes) -> bytes | None:
    """Speak multistream-select before any handshake; return the answers, None if the connection stays open."""
    async with await connect(address) as stream:
        await stream.send_all(MULTISTREAM + proposal)
        return await read_until_closed(stream)


async def attack_plaintext(address: str, protocols: Iterable[str]) -> set[str]:
    """Propose protocols without encryption; return those that were agreed to."""
    agreed = set[str]()
    for protocol in protocols:
        async with await connect(address) as stream:
            await stream.send_all(MULTISTREAM + line(protocol))
            answer = b""
            with trio.move_on_after(PATIENCE):
                while answer.count(b"\n") < 2 and (data := await stream.receive_some()):
                    answer += data
            if line(protocol) in answer:
                agreed.add(protocol)
    return agreed


async def attack_garbage(address: str, peer_id: bytes, protocols: Iterable[str], rounds: int = 8) -> int:
    """Send nonsense on every protocol and in its negotiation; return how many streams were opened."""
    opened = 0
    for number in range(rounds):
        async with session(address, peer_id) as attacker:
            for stream, protocol in enumerate(protocols):
                junk = os.urandom(1 + 97 * number)
                await attacker.open(2 * stream + 1, protocol)
                await attacker.send(DATA, 0, 2 * stream + 1, len(junk), junk)
                await attacker.send(DATA, SYN | FIN, 2 * stream + 101, len(junk), junk)
                opened += 2
            await attacker.is_alive()
    return opened


async def attack_in_turn(address: str, peer_id: bytes, count: int = 300) -> int:
    """Connect and leave, `count` times; return how many connections came to be."""
    made = 0
    for _ in range(count):
        try:
            with trio.fail_after(PATIENCE):
                async with session(address, peer_id):
                    made += 1
        except (*GONE, trio.TooSlowError):
            pass
    return made


async def attack_silence(address: str, opening: bytes, count: int, pause: float) -> None:
    """Open sockets, say `opening` and nothing more, `pause` after one is closed open another; until cancelled."""

    async def one() -> None:
        while True:
            try:
                async with await connect(address) as stream:
                    await stream.send_all(opening)
                    async for _ in stream:
                        pass
            except (OSError, trio.BrokenResourceError):
                pass
            await trio.sleep(pause)

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(one)


async def attack_hoard(address: str, peer_id: bytes, count: int, pause: float) -> None:
    """Hold `count` connections of as many identities that carry nothing, coming again when closed; until cancelled."""

    async def one() -> None:
        while True:
            try:
                async with session(address, peer_id) as attacker:
                    while True:
                        await attacker.receive()
            except GONE:
                pass
            await trio.sleep(pause)

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(one)
            await trio.sleep(0.02)


async def attack_window(address: str, peer_id: bytes, protocol: str, size: int) -> bool:
    """Send `size` bytes into one stream without regard for its window; return whether the connection survived."""
    chunk = bytes(64 * 1024)
    async with session(address, peer_id) as attacker:
        await attacker.open(1, protocol)
        try:
            for _ in range(size // len(chunk)):
                await attacker.send(DATA, 0, 1, len(chunk), chunk)
        except GONE:
            return False
        return await attacker.is_alive()


async def attack_frame(address: str, peer_id: bytes, protocol: str, size: int) -> bool:
    """Announce one frame of `size` bytes and send them; return whether the connection survived."""
    async with session(address, peer_id) as attacker:
        await attacker.open(1, protocol)
        try:
            await attacker.send(DATA, 0, 1, size, bytes(size))
        except GONE:
            return False
        return await attacker.is_alive()


async def attack_streams(address: str, peer_id: bytes, protocol: str, count: int) -> bool:
    """Open `count` streams on one connection; return whether it survived."""
    async with session(address, peer_id) as attacker:
        try:
            for number in range(count):
                await attacker.open(2 * number + 1, protocol)
        except GONE:
            return False
        return await attacker.is_alive()

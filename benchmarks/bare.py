"""A child of the benchmarks: a py-libp2p node as shipped, nothing of ours.

It listens on loopback, echoes on one protocol and swallows on another. Told `dial MULTIADDR` it connects and opens an
echo stream; `ping COUNT` sends 100 bytes and waits for them, so many times; `flow COUNT` writes COUNT messages of 100
bytes, one write each, and waits until the other side has them all.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import sys
import time
from typing import Final

import trio
from benchmarks.telling import MESSAGE_BYTES, numbered, tell
from libp2p import new_host
from libp2p.abc import IHost, INetStream
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.peerinfo import info_from_p2p_addr
from multiaddr import Multiaddr  # type: ignore[import-untyped]  # it has no types

ECHO: Final = TProtocol("/bench/echo/1")
SINK: Final = TProtocol("/bench/sink/1")
CHUNK: Final = 64 * 1024


async def read_exactly(stream: INetStream, count: int) -> bytes:
    """Return `count` bytes."""
    data = b""
    while len(data) < count:
        data += await stream.read(count - len(data))
    return data


async def echo(stream: INetStream) -> None:
    """Send back what comes."""
    try:
        while True:
            await stream.write(await read_exactly(stream, MESSAGE_BYTES))
    except StreamError:
        await stream.reset()


async def sink(stream: INetStream) -> None:
    """Take as many messages as the first four bytes say, and answer whether each was there, in order."""
    count = int.from_bytes(await read_exactly(stream, 4), "big")
    data = bytearray()
    while len(data) < count * MESSAGE_BYTES:
        data += await stream.read(CHUNK)
    whole = bytes(data) == b"".join(numbered(number) for number in range(count))
    await stream.write(b"+" if whole else b"-")


async def flow(stream: INetStream, count: int) -> None:
    """Write `count` messages and tell how long it took until all had arrived."""
    messages = [numbered(number) for number in range(count)]
    began = time.perf_counter()
    await stream.write(count.to_bytes(4, "big"))
    for message in messages:
        await stream.write(message)
    whole = await stream.read(1) == b"+"
    tell("flowed" if whole else "garbled", value=time.perf_counter() - began)


async def ping(stream: INetStream) -> None:
    """Tell how long 100 bytes take to come back."""
    message = b"x" * MESSAGE_BYTES
    began = time.perf_counter()
    await stream.write(message)
    same = await read_exactly(stream, MESSAGE_BYTES) == message
    tell("pong" if same else "garbled", value=time.perf_counter() - began)


async def dial(host: IHost, address: str) -> INetStream:
    """Connect as an application would, and open an echo stream."""
    target = info_from_p2p_addr(Multiaddr(address))
    await host.connect(target)
    stream = await host.new_stream(target.peer_id, [ECHO])
    tell("connected")
    return stream


async def main() -> None:
    """Run until stdin is closed."""
    listen = [Multiaddr("/ip4/127.0.0.1/tcp/0")]
    host = new_host(key_pair=create_new_key_pair(), listen_addrs=listen)
    host.set_stream_handler(ECHO, echo)
    host.set_stream_handler(SINK, sink)
    opened: INetStream | None = None
    async with host.run(listen_addrs=listen):
        tell("listening", address=str(host.get_addrs()[0]))
        while words := (await trio.to_thread.run_sync(sys.stdin.readline)).split():
            match words:
                case ["dial", address]:
                    opened = await dial(host, address)
                case ["flow", count] if opened is not None:
                    peer = opened.muxed_conn.peer_id
                    await flow(await host.new_stream(peer, [SINK]), int(count))
                case ["ping", count] if opened is not None:
                    for _ in range(int(count)):
                        await ping(opened)
                case _:
                    raise ValueError(words)


if __name__ == "__main__":
    trio.run(main)

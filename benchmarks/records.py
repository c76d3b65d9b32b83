"""A child of the benchmarks: records of 100-byte messages over a stream of node/host.py, no flood control above it.

Told `dial ADDRESS PEER` it connects; `flow COUNT` seals and writes COUNT messages, one record each, and waits until the
other side has opened them all and found each in its place.
"""

import secrets
import sys
import time
from typing import Final

import trio
from benchmarks.telling import numbered, tell

from passerby.crypto.keys import KEY_BYTES
from passerby.crypto.records import HEADER_BYTES, Opener, Sealer, check_record_length
from passerby.node.connection import Connection, Stream
from passerby.node.host import Host
from passerby.node.line import Line
from passerby.node.messages import Text, decode, encode

PROTOCOL: Final = "/bench/records/1"
KEY: Final = b"a key for the benchmark's record".ljust(KEY_BYTES)


async def sink(stream: Stream) -> None:
    """Open as many records as the first four bytes say, and answer whether each message was there, in order."""
    count = int.from_bytes(await stream.read_exactly(4), "big")
    opener = Opener(KEY, await stream.read_exactly(HEADER_BYTES))
    line = Line(stream)
    whole = True
    for number in range(count):
        body = await line.read(check_record_length)
        inner, _ = opener.open(len(body), body)
        whole &= decode(inner) == Text(number + 1, numbered(number).decode())
    await stream.write(b"+" if whole else b"-")
    await stream.close_write()


async def flow(host: Host, connection: Connection, count: int) -> None:
    """Send `count` messages and tell how long it took until all had arrived."""
    stream = await host.open_stream(connection, PROTOCOL)
    sealer = Sealer(KEY)
    messages = [Text(number + 1, numbered(number).decode()) for number in range(count)]
    began = time.perf_counter()
    await stream.write(count.to_bytes(4, "big") + sealer.header)
    for message in messages:
        await stream.write(sealer.seal(encode(message)))
    whole = await stream.read_exactly(1) == b"+"
    tell("flowed" if whole else "garbled", value=time.perf_counter() - began)
    await stream.close_write()


async def main() -> None:
    """Run until stdin is closed."""
    connection: Connection | None = None
    async with Host.open(secrets.token_bytes(KEY_BYTES), listen=("/ip4/127.0.0.1/tcp/0",)) as host:
        host.set_stream_handler(PROTOCOL, sink)
        tell("listening", address=f"{host.addresses[0]} {host.peer_id.hex()}")
        while words := (await trio.to_thread.run_sync(sys.stdin.readline)).split():
            match words:
                case ["dial", address, peer]:
                    connection = await host.dial(address, bytes.fromhex(peer))
                    tell("connected")
                case ["flow", count] if connection is not None:
                    await flow(host, connection, int(count))
                case _:
                    raise ValueError(words)


if __name__ == "__main__":
    trio.run(main)

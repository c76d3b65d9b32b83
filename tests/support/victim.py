"""A host that waits for connections and echoes, as a process of its own, so that its memory can be read from outside.

Prints one line, `address peer-id-in-hex`, and ends when its standard input does.
"""
# pyright: reportUnknownMemberType=false

import os
import sys

import trio

from passerby.node.connection import Stream
from passerby.node.host import Host

ECHO = "/test/echo/1"


async def echo(stream: Stream) -> None:
    while data := await stream.read_some(4096):
        await stream.write(data)
    await stream.close_write()


async def main() -> None:
    async with Host.open(os.urandom(32), listen=["/ip4/127.0.0.1/tcp/0"]) as host:
        host.set_stream_handler(ECHO, echo)
        print(host.addresses[0], host.peer_id.hex(), flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    trio.run(main)

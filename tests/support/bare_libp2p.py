"""An unmodified py-libp2p for tests/integration/test_libp2p_interop.py: run as a program, nothing of ours in it.

`listen` tells its address and echoes until stdin closes. `dial ADDRESS` sends BYTES bytes, tells whether they came
back, and then whether a protocol that nobody speaks was refused.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import json
import sys
from typing import Final

import trio
from libp2p import new_host
from libp2p.abc import IHost, INetStream
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.host.exceptions import StreamFailure
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as NoiseTransport
from multiaddr import Multiaddr  # type: ignore[import-untyped]  # it has no types

ECHO: Final = TProtocol("/test/echo/1")
BYTES: Final = 600_000  # more than a window each way
CHUNK: Final = 50_000


def tell(**fact: object) -> None:
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


async def echo(stream: INetStream) -> None:
    try:
        while data := await stream.read(CHUNK):
            await stream.write(data)
    except StreamEOF:
        pass
    await stream.close()


async def listen(host: IHost) -> None:
    host.set_stream_handler(ECHO, echo)
    tell(address=str(host.get_addrs()[0]))
    await trio.to_thread.run_sync(sys.stdin.read)


async def dial(host: IHost, address: str) -> None:
    target = info_from_p2p_addr(Multiaddr(address))
    await host.connect(target)
    stream = await host.new_stream(target.peer_id, [ECHO])
    sent = bytes(index % 251 for index in range(BYTES))
    received = bytearray()

    async def read() -> None:
        while len(received) < BYTES:
            received.extend(await stream.read(CHUNK))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        for start in range(0, BYTES, CHUNK):
            await stream.write(sent[start : start + CHUNK])
    tell(echoed=bytes(received) == sent)
    try:
        await host.new_stream(target.peer_id, [TProtocol("/nobody/1")])
    except StreamFailure:
        tell(refused=True)
    else:
        tell(refused=False)


async def main(*words: str) -> None:
    word, *addresses = words
    key = create_new_key_pair()
    noise = NoiseTransport(key, noise_privkey=create_noise_key_pair().private_key)
    where = [Multiaddr("/ip4/127.0.0.1/tcp/0")] if word == "listen" else []
    host = new_host(key_pair=key, sec_opt={NOISE: noise})
    async with host.run(listen_addrs=where):
        await (listen(host) if word == "listen" else dial(host, addresses[0]))


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])

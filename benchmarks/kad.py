"""A child of the benchmarks: how strangers would meet with what py-libp2p ships, its Kademlia DHT and nothing of ours.

`network COUNT` runs so many DHT servers in one process. `person BOOTSTRAP` is told `wait KEY`, starts a node and
provides the key; or `join KEY`, starts a node, finds who provides it, connects and gets an echo.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import trio
from benchmarks.bare import ECHO, echo, read_exactly
from benchmarks.telling import MESSAGE_BYTES, tell
from libp2p import new_host
from libp2p.abc import IHost, INetStream
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr  # type: ignore[import-untyped]  # it has no types


@asynccontextmanager
async def dht_node(mode: DHTMode, bootstrap: str = "") -> AsyncGenerator[tuple[IHost, KadDHT], None]:
    """Run a host with a DHT that knows the node at `bootstrap`."""
    listen = [Multiaddr("/ip4/127.0.0.1/tcp/0")]
    host = new_host(key_pair=create_new_key_pair(), listen_addrs=listen)
    async with host.run(listen_addrs=listen):
        dht = KadDHT(host, mode)
        async with background_trio_service(dht):
            if bootstrap:
                known = info_from_p2p_addr(Multiaddr(bootstrap))
                await host.connect(known)
                await dht.add_peer(known.peer_id)
            yield host, dht


async def network(count: int) -> None:
    """Serve until stdin is closed."""
    async with AsyncExitStack() as stack:
        first, _ = await stack.enter_async_context(dht_node(DHTMode.SERVER))
        address = str(first.get_addrs()[0])
        for _ in range(count - 1):
            _, dht = await stack.enter_async_context(dht_node(DHTMode.SERVER, address))
            await dht.refresh_routing_table()
        tell("listening", address=address)
        await trio.to_thread.run_sync(sys.stdin.readline)


async def greet(stream: INetStream) -> None:
    """Echo to who came."""
    tell("matched")
    await echo(stream)


async def person(bootstrap: str) -> None:
    """Wait for somebody or join somebody."""
    tell("ready")
    role, key = (await trio.to_thread.run_sync(sys.stdin.readline)).split()
    tell("opened")
    async with dht_node(DHTMode.CLIENT, bootstrap) as (host, dht):
        tell("searched")
        if role == "wait":
            host.set_stream_handler(ECHO, greet)
            await dht.provide(key)
            tell("waiting")
        else:
            found = await dht.find_providers(key, 1)
            await host.connect(found[0])
            stream = await host.new_stream(found[0].peer_id, [ECHO])
            await stream.write(b"x" * MESSAGE_BYTES)
            await read_exactly(stream, MESSAGE_BYTES)
            tell("matched")
        await trio.to_thread.run_sync(sys.stdin.readline)


if __name__ == "__main__":
    if sys.argv[1] == "network":
        trio.run(network, int(sys.argv[2]))
    else:
        trio.run(person, sys.argv[2])

"""Multicast on loopback, with the real library: seeds are found at once, whatever else is announced there."""

import secrets
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio
from zeroconf import ServiceInfo, Zeroconf

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery.addresses import Address, parse
from passerby.discovery.seeding.beacon import SERVICE, beacon
from passerby.node.firstcontacts.mdns import Mdns

PATIENCE = 30.0
LOOPBACK = ["127.0.0.1"]
MULTICAST = ("224.0.0.251", 5353)
RESPONSE, POINTER, INTERNET = 0x8400, 12, 1  # RFC 1035, 4.1.1 and 3.2; RFC 6762, 18
HERE = replace(parse("/ip4/10.0.0.5/tcp/4001"), peer=peer_id_of(SigningKey.from_seed(bytes(32)).public))


class Listener:
    """Somebody who looks for the seeds of one network."""

    def __init__(self) -> None:
        self.network = f"test-{secrets.token_hex(4)}"
        self.there: set[Address] = set()
        self.news = trio.Event()

    def found(self, addresses: tuple[Address, ...]) -> None:
        self.there |= set(addresses)
        self._tell()

    def lost(self, addresses: tuple[Address, ...]) -> None:
        self.there -= set(addresses)
        self._tell()

    def _tell(self) -> None:
        self.news.set()
        self.news = trio.Event()

    async def until(self, *there: Address) -> float:
        """Wait until just these are there; return how long that took."""
        began = trio.current_time()
        while self.there != set(there):
            await self.news.wait()
        return trio.current_time() - began


@pytest.fixture
async def listener() -> AsyncGenerator[Listener]:
    one = Listener()
    with trio.fail_after(PATIENCE):
        async with Mdns.open(one.network, LOOPBACK, one.found, one.lost):
            yield one


@asynccontextmanager
async def other() -> AsyncGenerator[Zeroconf]:
    """Be another machine, by the library alone."""
    zeroconf = await trio.to_thread.run_sync(lambda: Zeroconf(interfaces=LOOPBACK))
    try:
        yield zeroconf
    finally:
        await trio.to_thread.run_sync(zeroconf.close)


def mention(*names: str) -> None:
    """Say that there are seeds of these names, and nothing more of them (RFC 1035, 4.1)."""
    packet = struct.pack("!6H", 0, RESPONSE, 0, len(names), 0, 0)
    for name in names:
        alias = domain(f"{name}.{SERVICE}")
        packet += domain(SERVICE) + struct.pack("!HHIH", POINTER, INTERNET, 4500, len(alias)) + alias
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(LOOPBACK[0]))
        sender.sendto(packet, MULTICAST)


def domain(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))


async def test_a_seed_is_found_and_gone(listener: Listener) -> None:
    async with Mdns.open(listener.network, LOOPBACK, lambda _: None, lambda _: None) as announcer:
        async with announcer.announced([HERE]):
            await listener.until(HERE)
        await listener.until()


async def test_names_behind_which_nobody_is_delay_nothing(listener: Listener) -> None:
    async with Mdns.open(listener.network, LOOPBACK, lambda _: None, lambda _: None) as announcer:
        for first in range(0, 200, 20):
            mention(*(f"fake{number}" for number in range(first, first + 20)))
        async with announcer.announced([HERE]):
            assert await listener.until(HERE) < 3.0, "each was waited for 3 s, one after the other"


async def test_a_name_that_is_none_ends_nothing(listener: Listener) -> None:
    async with Mdns.open(listener.network, LOOPBACK, lambda _: None, lambda _: None) as announcer:
        mention("a\x00b")
        async with announcer.announced([HERE]):
            await listener.until(HERE)


async def test_who_was_only_mentioned_is_asked_for(listener: Listener) -> None:
    async with other() as zeroconf:
        name, network = secrets.token_hex(8), listener.network
        info = ServiceInfo(
            SERVICE,
            f"{name}.{SERVICE}",
            port=HERE.port,
            properties=beacon(network, [HERE]),
            server=f"{name}.local.",
            parsed_addresses=[HERE.host],
        )
        info.type = "_elsewhere._udp.local."  # so it answers for its own name, and to nobody who looks for all
        zeroconf.registry.async_add(info)
        mention(name)
        await listener.until(HERE)

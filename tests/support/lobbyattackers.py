"""Raw attackers against a seed: they speak its protocols as badly as they can, over real connections.

Each `attack_…` goes on until it is cancelled, and comes again whenever the seed throws it out. They need what anybody
has, the seed's address; the identities are their own, a fresh one for each connection.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count, cycle
from typing import Final

import trio

from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery import dhtwire, wire
from passerby.discovery.addresses import Address, Family
from passerby.discovery.rooms import RoomId, room_of
from passerby.discovery.seedrecord import SeedRecord, sign_record
from passerby.discovery.tickets import Ticket, sign_ticket
from support.attackers import DATA, GO_AWAY, GONE, MULTISTREAM, PING, RST, SYN, WINDOW_UPDATE, Session, line, session

Attack = Callable[[Address, str], Awaitable[None]]
PROTOCOLS: Final = (wire.PROTOCOL, dhtwire.PROTOCOL)
STREAMS: Final = 4  # of each protocol, which is what one peer may have


def a_room(network: str, number: int = 0) -> RoomId:
    """One of as many rooms as anybody likes, in this epoch."""
    return room_of(network, int(time.time()) // 600, f"tag:{number}".encode() if number else b"")


def ticket_of(key: SigningKey, room: RoomId) -> bytes:
    return sign_ticket(key, Ticket(peer_id_of(key.public), room, addresses=(Address(Family.IP4, "127.0.0.1", 4001),)))


def invented_record(address: Address, key: SigningKey | None = None) -> bytes:
    """A record of a seed that there is not, of an id that nobody has, which names an address that somebody has."""
    key = key or SigningKey.from_seed(os.urandom(32))
    return sign_record(key, SeedRecord(key.public, (address.bare,), int(time.time())))


@asynccontextmanager
async def attacker(seed: Address, source: str | None = None) -> AsyncGenerator[tuple[Session, SigningKey]]:
    """Connect to a seed under a fresh identity, from the address `source` of this machine."""
    assert seed.peer is not None
    secret = os.urandom(32)
    async with session(str(seed.bare), seed.peer, secret, source) as peer:
        yield peer, SigningKey.from_seed(secret)


async def say(peer: Session, stream: int, data: bytes) -> None:
    await peer.send(DATA, 0, stream, len(data), data)


async def ask(peer: Session, stream: int, protocol: str, frame: bytes) -> bytes:
    """Open a stream, send one request and return the body of its answer."""
    await peer.open(stream, protocol)
    await say(peer, stream, frame)
    heard, agreed = b"", len(MULTISTREAM + line(protocol))
    while len(heard) < agreed + 2 or len(heard) < agreed + 2 + int.from_bytes(heard[agreed : agreed + 2], "big"):
        kind, flags, number, _, body = await peer.receive()
        if flags & RST or kind == GO_AWAY:
            raise trio.BrokenResourceError("no answer")
        heard += body if number == stream else b""
    return heard[agreed + 2 :]


async def deaf(peer: Session) -> None:
    """Take what comes and forget it, until the seed ends the connection."""
    while True:
        await peer.receive()


async def in_parallel(how_many: int, pause: float, one: Callable[[int], Awaitable[None]]) -> None:
    """Do the same so many times at once, each again and again with a pause between; until cancelled."""

    async def again(number: int) -> None:
        while True:
            try:
                await one(number)
            except* (*GONE, trio.TooSlowError):  # thrown out, as it should be: come again
                pass
            await trio.sleep(pause)

    async with trio.open_nursery() as nursery:
        for number in range(how_many):
            nursery.start_soon(again, number)
            await trio.sleep(0.005)


def idle_connections(how_many: int) -> Attack:
    async def attack(seed: Address, network: str) -> None:
        async def one(_: int) -> None:
            async with attacker(seed) as (peer, _key):
                await deaf(peer)

        await in_parallel(how_many, 5.0, one)

    return attack


def idle_streams(how_many: int) -> Attack:
    async def attack(seed: Address, network: str) -> None:
        async def one(_: int) -> None:
            async with attacker(seed) as (peer, _key):
                for number in range(2 * STREAMS):
                    await peer.open(2 * number + 1, PROTOCOLS[number % 2])
                await deaf(peer)

        await in_parallel(how_many, 5.0, one)

    return attack


async def attack_by_streams(seed: Address, network: str) -> None:
    """Open streams and end them before they are answered, as fast as it goes."""

    async def one(_: int) -> None:
        async with attacker(seed) as (peer, _key):
            for number in count(1, 2):
                await peer.open(number, PROTOCOLS[0])
                await peer.send(WINDOW_UPDATE, RST, number, 0)

    await in_parallel(8, 0.05, one)


async def attack_by_ids(seed: Address, network: str) -> None:
    """Enter under one fresh identity after the other, with a ticket each, and stay a while."""

    async def one(number: int) -> None:
        async with attacker(seed) as (peer, key):
            room = a_room(network)
            await peer.open(1, wire.PROTOCOL)
            await say(peer, 1, wire.encode(wire.Enter(1, room, ticket_of(key, room))))
            with trio.move_on_after(2):
                await deaf(peer)

    await in_parallel(60, 0.0, one)


async def attack_by_rooms(seed: Address, network: str) -> None:
    """Enter room after room that nobody else wants."""
    rooms = count(1)

    async def one(_: int) -> None:
        async with attacker(seed) as (peer, key):
            await peer.open(1, wire.PROTOCOL)
            while True:
                for number in range(32):
                    room = a_room(network, next(rooms))
                    await say(peer, 1, wire.encode(wire.Enter(number, room, ticket_of(key, room))))
                await say(peer, 1, wire.encode(wire.Leave(99, None)))
                with trio.move_on_after(0.1):
                    await deaf(peer)

    await in_parallel(10, 0.05, one)


def _junk() -> Iterator[bytes]:
    """Frames that are none: noise, noise with a right length, types and fields that there are not, nests of arrays."""
    for size in cycle((1, 7, 60, 900, 4096)):
        noise = os.urandom(size)
        yield noise
        yield size.to_bytes(2, "big") + noise
        yield size.to_bytes(2, "big") + b"\x91" * size
        yield b"\x00\x04\x93\x7e\x01\xc0" + b"\x00\x04\x93\x01\x01\xc0"


async def attack_by_junk(seed: Address, network: str) -> None:
    frames = _junk()

    async def one(_: int) -> None:
        async with attacker(seed) as (peer, _key):
            for number in range(30):
                await peer.open(2 * number + 1, PROTOCOLS[number % 2])
                await say(peer, 2 * number + 1, next(frames))
            with trio.move_on_after(0.2):
                await deaf(peer)

    await in_parallel(10, 0.05, one)


async def attack_by_size(seed: Address, network: str) -> None:
    """Announce frames of 64 KiB, and send them."""

    async def one(_: int) -> None:
        async with attacker(seed) as (peer, _key):
            for number in range(2 * STREAMS):
                await peer.open(2 * number + 1, PROTOCOLS[number % 2])
                await say(peer, 2 * number + 1, b"\xff\xff" + bytes(0xFFFF))
            await deaf(peer)

    await in_parallel(10, 0.2, one)


async def attack_by_not_reading(seed: Address, network: str) -> None:
    """Ask and ask, and never read an answer: neither from the stream nor from the socket."""

    async def one(_: int) -> None:
        async with attacker(seed) as (peer, key):
            room = a_room(network)
            await peer.open(1, wire.PROTOCOL)
            await peer.open(3, dhtwire.PROTOCOL)
            while True:
                await say(peer, 1, wire.encode(wire.Enter(1, room, ticket_of(key, room))))
                await say(peer, 3, dhtwire.encode(dhtwire.Find(1, os.urandom(32))))
                await trio.sleep(0.02)

    await in_parallel(20, 0.05, one)


async def attack_by_slowness(seed: Address, network: str) -> None:
    """Send a request byte by byte, one every two seconds."""

    async def one(_: int) -> None:
        async with attacker(seed) as (peer, _key):
            for number in range(2 * STREAMS):
                await peer.open(2 * number + 1, PROTOCOLS[number % 2])
            while True:
                for number in range(2 * STREAMS):
                    await say(peer, 2 * number + 1, b"\x00")
                with trio.move_on_after(2):
                    await deaf(peer)

    await in_parallel(40, 0.2, one)


async def attack_by_finds(seed: Address, network: str) -> None:
    """Ask for seeds as fast as it goes, on as many streams as there may be, and name an invented seed each time."""

    async def one(_: int) -> None:
        async with attacker(seed) as (peer, key):
            record = invented_record(Address(Family.IP4, "127.0.0.1", 4001), key)
            find = dhtwire.encode(dhtwire.Find(1, os.urandom(32), record))
            for number in range(STREAMS):
                await peer.open(2 * number + 1, dhtwire.PROTOCOL)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(deaf, peer)
                while True:
                    for number in range(STREAMS):
                        await say(peer, 2 * number + 1, find)

    await in_parallel(4, 0.05, one)


async def attack_by_empty_frames(seed: Address, network: str) -> None:
    """Send frames that carry nothing: pings, windows and data of streams that there are not."""

    async def one(_: int) -> None:
        async with attacker(seed) as (peer, _key):
            await peer.open(1, wire.PROTOCOL)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(deaf, peer)
                while True:
                    await peer.send(PING, SYN, 0, 1)
                    for _ in range(50):
                        await peer.send(WINDOW_UPDATE, 0, 4711, 1)
                        await peer.send(DATA, 0, 4711, 0)

    await in_parallel(4, 0.05, one)


ATTACKS: Final[dict[str, Attack]] = {
    "12 idle connections": idle_connections(12),
    "400 idle connections": idle_connections(400),
    "12 idle streams of each of two": idle_streams(2),
    "800 idle streams": idle_streams(100),
    "streams opened and ended": attack_by_streams,
    "fresh ids that enter": attack_by_ids,
    "rooms that nobody wants": attack_by_rooms,
    "junk": attack_by_junk,
    "frames of 64 KiB": attack_by_size,
    "who never reads": attack_by_not_reading,
    "who writes a byte in two seconds": attack_by_slowness,
    "a flood of Find": attack_by_finds,
    "frames without content": attack_by_empty_frames,
}

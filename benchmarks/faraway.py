"""Hosts and people at a distance: how many round trips a connection, a stream and a match take.

Every dial of this process goes through a line of tests/support/distance.py; the seed is a process of its own. Told is
the longest chain of flights until a step was done, TCP's own round trip included. What others say meanwhile can only
lengthen that chain, and this machine's work only the time, so the less of both is told.
"""

import os
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final
from unittest.mock import patch

import trio
from benchmarks.harness import seed, surroundings

from passerby.node.config import Settings
from passerby.node.connection import Connection, Stream
from passerby.node.events import Command, Event, Matched, Quit, Search, State, StateChanged
from passerby.node.home import load_settings
from passerby.node.host import Host
from passerby.node.limits import DIAL_TIMEOUT
from passerby.node.peer import run
from support.distance import Distance, Place, distance

ECHO: Final = "/benchmark/echo/1"
LISTEN: Final = ("/ip4/127.0.0.1/tcp/0",)
SETTLE: Final = 1.0  # seconds: what nobody waits for has been said
PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Step:
    """What it took until `what` was done."""

    what: str
    round_trips: float
    seconds: float


class World:
    """Places by peer id; every dial goes through a line of its own."""

    def __init__(self, lines: Distance) -> None:
        self._lines = lines
        self.places: defaultdict[bytes, Place] = defaultdict(Place)

    def begin(self) -> None:
        """Count from here."""
        for place in self.places.values():
            place.flights = 0

    def longest(self) -> Place:
        """Return the place that the longest chain has reached."""
        return max(self.places.values(), key=lambda place: place.flights)

    def step(self, what: str, place: Place, began: float) -> Step:
        """Say what it took, now that `place` has seen it done."""
        seconds = time.perf_counter() - began
        return Step(what, min(place.flights, int(seconds / self._lines.delay)) / 2, seconds)

    def between_all(self) -> AbstractContextManager[object]:
        """Let every host of this process dial through this world until the block ends."""
        dial = Host.dial

        async def far(host: Host, address: str, peer_id: bytes, *, timeout: float = DIAL_TIMEOUT) -> Connection:  # noqa: ASYNC109 - as Host.dial
            line = await self._lines.between(self.places[host.peer_id], self.places[peer_id], address)
            return await dial(host, line, peer_id, timeout=timeout)

        return patch.object(Host, "dial", far)


async def _echo(stream: Stream) -> None:
    while data := await stream.read_some(4096):
        await stream.write(data)


async def connection_and_stream(world: World) -> list[Step]:
    """Dial a host, get the first bytes back over a stream, and then over another."""
    steps: list[Step] = []
    async with Host.open(os.urandom(32), listen=LISTEN) as server, Host.open(os.urandom(32)) as client:
        server.set_stream_handler(ECHO, _echo)
        place = world.places[client.peer_id]
        connection: Connection | None = None
        for what in ("connection", "first answer on its first stream", "first answer on another stream"):
            await trio.sleep(SETTLE)
            world.begin()
            began = time.perf_counter()
            if connection is None:
                connection = await client.dial(server.addresses[0], server.peer_id)
            else:
                stream = await client.open_stream(connection, ECHO)
                await stream.write(b"?")
                await stream.read_exactly(1)
            steps.append(world.step(what, place, began))
    return steps


class Person:
    """Somebody at node/peer.py who tells what happened."""

    def __init__(self, commands: trio.MemorySendChannel[Command]) -> None:
        self._commands = commands
        self.empty = trio.Event()
        self.matched = trio.Event()

    async def search(self) -> None:
        """Look for a stranger; leaves the present one."""
        self.empty, self.matched = trio.Event(), trio.Event()
        await self._commands.send(Search())

    async def wait(self) -> None:
        """Search, and have a ticket at the seed."""
        await self.search()
        await self.empty.wait()
        await trio.sleep(SETTLE)

    async def leave(self) -> None:
        await self._commands.send(Quit())

    def hear(self, event: Event) -> None:
        match event:
            case StateChanged(State.EMPTY):
                self.empty.set()
            case Matched():
                self.matched.set()
            case _:
                pass


@asynccontextmanager
async def person(settings: Settings) -> AsyncGenerator[Person, None]:
    """Be there until the block ends."""
    to_peer, commands = trio.open_memory_channel[Command](2)
    events, from_peer = trio.open_memory_channel[Event](0)
    someone = Person(to_peer)

    async def listen() -> None:
        async for event in from_peer:
            someone.hear(event)

    async def live() -> None:
        async with commands, events:
            await run(settings, commands, events)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        nursery.start_soon(live)
        yield someone
        await someone.leave()


async def matches(world: World, address: str) -> list[Step]:
    """Let a newcomer meet who waits; then a third comes to wait, and the newcomer goes on to the next."""
    steps: list[Step] = []
    async with AsyncExitStack() as stack:
        settings = load_settings(stack.enter_context(surroundings(address)), {}, None)
        first = await stack.enter_async_context(person(settings))
        await first.wait()
        newcomer = await stack.enter_async_context(person(settings))
        steps += await _meet(world, newcomer, first, "cold match")
        third = await stack.enter_async_context(person(settings))
        await third.wait()
        steps += await _meet(world, newcomer, third, "warm match (/next)")
    return steps


async def _meet(world: World, seeker: Person, waiting: Person, what: str) -> list[Step]:
    """Return what it took until the one who searched was matched, and until both were."""
    world.begin()
    began = time.perf_counter()
    await seeker.search()
    await seeker.matched.wait()
    ours = world.step(f"{what}: who searched", world.longest(), began)
    await waiting.matched.wait()
    return [ours, world.step(f"{what}: both", world.longest(), began)]


async def measure(delay: float) -> list[Step]:
    """Return every step, in order."""
    async with distance(delay) as lines, seed() as address:
        world = World(lines)
        with world.between_all(), trio.fail_after(PATIENCE):
            return await connection_and_stream(world) + await matches(world, address)

"""People for tests: real peers in this process, driven by commands and known by their events."""

import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

from passerby.discovery.seeding.service import Clock, unix_minus_now
from passerby.node.config import Settings
from passerby.node.events import Command, Ended, Event, Finished, Matched, MessageReceived, Quit, Say, Search
from passerby.node.home import load_settings
from passerby.node.peer import run

E = TypeVar("E")


class Person:
    """One chatting peer. Every event it told stands in `events`, in order."""

    def __init__(self, commands: trio.MemorySendChannel[Command]) -> None:
        self._commands = commands
        self._news = trio.Event()
        self._read = 0
        self.events: list[Event] = []

    async def do(self, *commands: Command) -> None:
        for command in commands:
            await self._commands.send(command)

    async def expect(self, kind: type[E], condition: Callable[[E], bool] = lambda _: True) -> E:
        """Return the next event of that kind, after those that were expected before."""
        while True:
            while self._read < len(self.events):
                event = self.events[self._read]
                self._read += 1
                if isinstance(event, kind) and condition(event):
                    return event
            await self._news.wait()

    async def seen(self, event: Event) -> None:
        """Return once this event came, before or after those expected: what two sides do has no common order."""
        while event not in self.events:
            await self._news.wait()

    async def match(self) -> Matched:
        await self.do(Search())
        return await self.expect(Matched)

    async def say(self, *texts: str) -> None:
        await self.do(*(Say(text) for text in texts))

    async def hear(self, count: int) -> list[str]:
        return [(await self.expect(MessageReceived)).text for _ in range(count)]

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def take(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()
        self._news = trio.Event()


@asynccontextmanager
async def person(settings: Settings, clock: Clock = unix_minus_now) -> AsyncGenerator[Person]:
    """Run a peer; leaving says Quit and waits for its end."""
    to_peer, commands = trio.open_memory_channel[Command](0)
    events, from_peer = trio.open_memory_channel[Event](0)
    someone = Person(to_peer)

    async def listen() -> None:
        async for event in from_peer:
            someone.take(event)

    async def live() -> None:
        async with commands, events:
            await run(settings, commands, events, clock)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        nursery.start_soon(live)
        yield someone
        if not someone.all(Finished):
            await someone.do(Quit())
            await someone.expect(Finished)


def settings(**flags: object) -> Settings:
    """Return the settings of the test's own home, with flags by their key in files, such as network_seeds."""
    given: Mapping[str, tuple[str, object]] = {
        name.replace("_", ".", 1): (f"--{name}", value) for name, value in flags.items()
    }
    return load_settings(os.environ, given, None)


async def matched(*people: Person) -> None:
    """Let everybody search and return when each is in a chat."""
    async with trio.open_nursery() as nursery:
        for someone in people:
            nursery.start_soon(someone.match)


async def ended(someone: Person) -> Ended:
    return await someone.expect(Ended)

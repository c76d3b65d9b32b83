"""Many pairs in one process, one after the other, each in a network of its own: fresh processes would take too long.

Two strangers share one event loop here, so a match costs both their times; what counts is that nobody is missed.
"""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import trio
from benchmarks.harness import surroundings

from passerby.node.config import Settings
from passerby.node.events import Command, Event, Finished, Matched, Quit, Search, State, StateChanged
from passerby.node.home import load_settings
from passerby.node.peer import run

SETTLE: Final = 0.2  # seconds: the ticket of who waits is at the seed
PATIENCE: Final = 15.0  # a pair that did not meet by then is a miss


class _Someone:
    """A person who searches at once."""

    def __init__(self) -> None:
        self.waits = trio.Event()
        self.matched = trio.Event()
        self.searched_at = 0.0
        self.matched_at = 0.0
        self.finished = trio.Event()

    def heard(self, event: Event) -> None:
        match event:
            case StateChanged(State.EMPTY):
                self.waits.set()
            case Matched(milliseconds=elapsed):
                self.matched_at = time.monotonic()
                self.searched_at = self.matched_at - elapsed / 1000
                self.matched.set()
            case Finished():
                self.finished.set()
            case _:
                pass


@asynccontextmanager
async def _someone(settings: Settings) -> AsyncGenerator[_Someone, None]:
    """Search until the block ends."""
    to_peer, commands = trio.open_memory_channel[Command](2)
    events, from_peer = trio.open_memory_channel[Event](0)
    someone = _Someone()

    async def listen() -> None:
        async for event in from_peer:
            someone.heard(event)

    async def live() -> None:
        async with commands, events:
            await run(settings, commands, events)

    to_peer.send_nowait(Search())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        nursery.start_soon(live)
        yield someone
        await to_peer.send(Quit())
        await someone.finished.wait()


async def _meet(address: str, *, one_waits: bool) -> float | None:
    """Return the seconds from the second search to the later of both matches, None if they missed each other."""
    with surroundings(address) as env:
        settings = load_settings(env, {}, None)
        async with _someone(settings) as one:
            if one_waits:
                await one.waits.wait()
                await trio.sleep(SETTLE)
            async with _someone(settings) as other:
                with trio.move_on_after(PATIENCE):
                    await one.matched.wait()
                    await other.matched.wait()
                    both = (one, other)
                    return max(each.matched_at for each in both) - max(each.searched_at for each in both)
    return None


async def arrivals(address: str, count: int) -> list[float | None]:
    """Let a newcomer join who waits, `count` times."""
    return [await _meet(address, one_waits=True) for _ in range(count)]


async def collisions(address: str, count: int) -> list[float | None]:
    """Let two join at the same moment, `count` times."""
    return [await _meet(address, one_waits=False) for _ in range(count)]

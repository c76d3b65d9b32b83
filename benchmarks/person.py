"""A child of the benchmarks: one person at node/peer.py, or behind the console's bridge (`--bridge`).

Told `go` it starts a peer and searches; then `search`, `quit` and `ping COUNT`: so many messages of 100 bytes,
each said when the last was said back by a person with `--echo`. Everything is loaded before it says `ready`.
"""

import asyncio  # noqa: TID251 - the bridge is measured where it lives
import os
import sys
import time
from typing import Final

import trio
from benchmarks.telling import MESSAGE_BYTES, tell

from passerby.node.config import Settings
from passerby.node.console.bridge import Bridge
from passerby.node.events import (
    Command,
    Event,
    Failed,
    Matched,
    MessageReceived,
    Quit,
    Say,
    Search,
    StateChanged,
)
from passerby.node.home import load_settings
from passerby.node.peer import run

MESSAGE: Final = "x" * MESSAGE_BYTES


class Manner:
    """What the person does, whatever loop it runs in: each method returns what to tell the peer, or None."""

    def __init__(self, *, echoes: bool) -> None:
        self._echoes = echoes
        self._pings = 0
        self._pinged = 0.0

    def told(self, word: str) -> Command | None:
        """Obey the parent; a closed stdin is `quit`."""
        match word.split():
            case ["go" | "search"]:
                tell("searched")
                return Search()
            case ["ping", count]:
                self._pings = int(count)
                return self._ping()
            case _:
                return Quit()

    def _ping(self) -> Command | None:
        if not self._pings:
            return None
        self._pings -= 1
        self._pinged = time.perf_counter()
        return Say(MESSAGE)

    def heard(self, event: Event) -> Command | None:
        """Tell the parent what it wants to know of."""
        match event:
            case MessageReceived(_, text) if self._echoes:
                return Say(text)
            case MessageReceived(_, text):
                elapsed = time.perf_counter() - self._pinged
                tell("pong" if text == MESSAGE else "garbled", value=elapsed)
                return self._ping()
            case Matched(milliseconds=elapsed):
                tell("matched", value=elapsed / 1000)
            case StateChanged(state):
                tell("state", state=state.value)
            case Failed(code):
                tell("failed", state=code)
            case _:
                pass
        return None


async def at_peer(settings: Settings, manner: Manner) -> None:
    """Be a person at node/peer.py."""
    to_peer, commands = trio.open_memory_channel[Command](0)
    events, from_peer = trio.open_memory_channel[Event](0)

    async def listen() -> None:
        async for event in from_peer:
            if (answer := manner.heard(event)) is not None:
                await to_peer.send(answer)

    async def obey(first: Command | None) -> None:
        command = first
        while True:
            if command is not None:
                await to_peer.send(command)
            if isinstance(command, Quit):
                return
            command = manner.told((await trio.to_thread.run_sync(sys.stdin.readline)).strip())

    word = (await trio.to_thread.run_sync(sys.stdin.readline)).strip()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        nursery.start_soon(obey, manner.told(word))
        async with commands, events:
            await run(settings, commands, events)


async def behind_bridge(settings: Settings, manner: Manner) -> None:
    """Be a person on the console's side of the bridge."""
    loop = asyncio.get_running_loop()
    bridge = Bridge(lambda: run, settings)

    async def listen() -> None:
        while (event := await bridge.receive()) is not None:
            if (answer := manner.heard(event)) is not None:
                bridge.send(answer)

    async def obey(first: Command | None) -> None:
        command = first
        while True:
            if command is not None:
                bridge.send(command)
            if isinstance(command, Quit):
                return
            command = manner.told((await loop.run_in_executor(None, sys.stdin.readline)).strip())

    first = manner.told((await loop.run_in_executor(None, sys.stdin.readline)).strip())
    await bridge.start()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listen())
        tasks.create_task(obey(first))
    await bridge.close(5.0)


def main() -> None:
    """Run until told to quit."""
    manner = Manner(echoes="--echo" in sys.argv)
    settings = load_settings(os.environ, {}, None)
    tell("ready")
    if "--bridge" in sys.argv:
        asyncio.run(behind_bridge(settings, manner))
    else:
        trio.run(at_peer, settings, manner)


if __name__ == "__main__":
    main()

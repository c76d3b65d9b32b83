"""Where two event loops meet: asyncio is the host, trio its guest, in one thread (architecture.md 2).

libp2p is trio's; aioconsole and prompt_toolkit are asyncio's. Commands go in and events come out through two bounded
queues, and nothing else crosses. Both loops run their steps on the same thread, one after the other, so a step of
either may touch what belongs to asyncio; what belongs to trio is touched only from a step of trio's (`run_sync_soon`).
"""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from typing import Final

import outcome
import trio

from passerby.node.config import Settings
from passerby.node.events import Command, Event, Quit
from passerby.node.limits import BRIDGE_QUEUE

CLOSING: Final = 2.0  # seconds; the peer is cancelled by then and has nothing to wait for

Peer = Callable[[Settings, trio.MemoryReceiveChannel[Command], trio.MemorySendChannel[Event]], Awaitable[None]]


class PeerError(Exception):
    """The peer's side ended by an exception of its own: a bug. The exception is its `__cause__`."""


class Bridge:
    """Runs a peer under trio and speaks with it; made and used inside asyncio.

    `load` returns the peer's main function. It runs in a worker thread, for importing libp2p takes a second or two.
    """

    def __init__(self, load: Callable[[], Peer], settings: Settings) -> None:
        self._load = load
        self._settings = settings
        self._is_loaded = False
        self._is_unwanted = False
        self._token: trio.lowlevel.TrioToken | None = None
        self._started = asyncio.Event()
        self._ended = asyncio.Event()
        self._error: BaseException | None = None
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()  # bounded by _hand_out
        self._waiting = 0  # commands that the peer has not taken
        self._taken = asyncio.Event()
        self._scope = trio.CancelScope()
        self._is_full = False  # of events: then the peer waits for room, and only then trio must be woken
        self._room = trio.Event()
        self._into_trio, self._in_trio = trio.open_memory_channel[Command](math.inf)  # bounded by ready()

    # ---- asyncio's side -------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to load and run the peer, unless Quit came first; returns as soon as commands may be sent."""
        if self._is_unwanted:
            self._ended.set()
            self._events.put_nowait(None)
            return
        loop = asyncio.get_running_loop()
        trio.lowlevel.start_guest_run(
            self._run,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            run_sync_soon_not_threadsafe=loop.call_soon,
            done_callback=self._done,
            host_uses_signal_set_wakeup_fd=True,
        )
        await self._started.wait()

    async def ready(self) -> None:
        """Wait until fewer than BRIDGE_QUEUE commands wait for the peer: whoever types must not outrun it."""
        while self._waiting >= BRIDGE_QUEUE:
            self._taken.clear()
            await self._taken.wait()

    def send(self, command: Command) -> None:
        """Hand `command` to the peer, in order. Never waits: what the person typed waits in `ready` before."""
        self._waiting += 1
        self._is_unwanted |= isinstance(command, Quit)
        self._soon(self._into_trio.send_nowait, command)
        if isinstance(command, Quit) and not self._is_loaded:
            self.cancel()  # nobody to say goodbye to, and nothing to wait for

    async def receive(self) -> Event | None:
        """The next event; None when the peer has ended and all was received. Raises PeerError."""
        event = await self._events.get()
        if event is None:
            self._events.put_nowait(None)
            if self._error is not None:
                raise PeerError from self._error
            return None
        if self._is_full and self._events.qsize() < BRIDGE_QUEUE:
            self._is_full = False
            self._soon(self._room.set)
        return event

    def insert(self, event: Event) -> None:
        """Put an event of the console's own among the peer's. Never waits: for the few that lifecycle.py makes."""
        self._events.put_nowait(event)

    def cancel(self) -> None:
        """End the peer without its consent."""
        self._soon(self._scope.cancel)

    def _soon(self, function: Callable[..., object], *arguments: object) -> None:
        """Run `function` in a step of trio's; where trio does not run, before or after, there is nothing to do."""
        if self._token is not None:
            with contextlib.suppress(trio.RunFinishedError):
                self._token.run_sync_soon(function, *arguments)

    async def close(self, grace: float) -> bool:
        """Wait `grace` seconds for the peer's end, then cancel it. False: a thread of it is left hanging."""
        for patience in (grace, CLOSING):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._ended.wait()
                return self._is_loaded
            self.cancel()
        return False

    # ---- trio's side ----------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._started.set()
        with self._scope:
            peer = await trio.to_thread.run_sync(self._load, abandon_on_cancel=True)
            self._is_loaded = True
            to_peer, commands = trio.open_memory_channel[Command](0)
            events, from_peer = trio.open_memory_channel[Event](0)
            async with trio.open_nursery() as until_all_is_told:
                until_all_is_told.start_soon(self._hand_out, from_peer)
                async with trio.open_nursery() as while_it_runs:
                    while_it_runs.start_soon(self._hand_in, to_peer)
                    async with commands, events:
                        await peer(self._settings, commands, events)
                    while_it_runs.cancel_scope.cancel()

    async def _hand_in(self, to_peer: trio.MemorySendChannel[Command]) -> None:
        with contextlib.suppress(trio.BrokenResourceError):  # a peer that is about to end listens no more
            async for command in self._in_trio:
                await to_peer.send(command)
                self._waiting -= 1
                self._taken.set()

    async def _hand_out(self, from_peer: trio.MemoryReceiveChannel[Event]) -> None:
        async for event in from_peer:
            if self._events.qsize() >= BRIDGE_QUEUE:
                self._room = trio.Event()
                self._is_full = True
                await self._room.wait()
            self._events.put_nowait(event)

    def _done(self, result: outcome.Outcome[None]) -> None:
        if isinstance(result, outcome.Error):
            self._error = result.error
        self._ended.set()
        self._events.put_nowait(None)

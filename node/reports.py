"""Events on their way to the person: in order, never in the way of a machine.

What strangers can cause is bounded where it begins: with no room here, no record is read (conversation.py) and nobody
is matched (matching.py). Of states that nobody saw yet only the last is kept.
"""

from collections import deque
from typing import Final

import trio

from passerby.node.events import Event, StateChanged

LOW: Final = 16  # with more than this waiting, no more is read from the stranger


class Reports:
    """A queue between machines, which may not wait, and a channel, which makes wait."""

    def __init__(self, channel: trio.MemorySendChannel[Event]) -> None:
        self._channel = channel
        self._waiting: deque[Event] = deque()
        self._more = trio.Event()
        self._fewer = trio.Event()
        self._gone = False

    def put(self, event: Event) -> None:
        """Hand an event on, in order."""
        if self._gone:
            return
        if not self._waiting:  # the usual case: somebody waits for it, and nothing else need run
            try:
                self._channel.send_nowait(event)
            except trio.WouldBlock:
                pass
            except trio.BrokenResourceError:
                self._gone = True
                return
            else:
                return
        elif isinstance(event, StateChanged) and isinstance(self._waiting[-1], StateChanged) and len(self._waiting) > 1:
            self._waiting.pop()  # a state that nobody saw and that is no more
        self._waiting.append(event)
        self._more.set()

    @property
    def has_room(self) -> bool:
        """Whether the person's side keeps up."""
        return len(self._waiting) <= LOW

    async def wait_for_room(self) -> None:
        """Return when the person's side keeps up again."""
        while not self.has_room:
            await self._next_fewer()

    async def run(self) -> None:
        """Hand events on until cancelled; a person's side that is gone takes the rest of them with it."""
        while True:
            while self._waiting:
                try:
                    await self._channel.send(self._waiting[0])
                except trio.BrokenResourceError:
                    self._gone = True
                    self._waiting.clear()
                    self._fewer.set()
                    return
                self._waiting.popleft()
                self._fewer.set()
            self._more = trio.Event()
            await self._more.wait()

    async def flush(self) -> None:
        """Return when all that was put is handed on; `run` must be running."""
        while self._waiting:
            await self._next_fewer()

    async def _next_fewer(self) -> None:
        if self._fewer.is_set():
            self._fewer = trio.Event()
        await self._fewer.wait()

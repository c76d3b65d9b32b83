"""A peer's present identity and, when it is due, the next (protocol.md 1); a shell.

An identity is good for CHATS chats, or for IDLE seconds without one. Its successor is built beside it, so that no
search waits for a host, and takes over at the first moment in which nothing is promised to anybody.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

import trio

from passerby.node.limits import CLOSE_TIMEOUT
from passerby.node.presence import Presence

CHATS: Final = 10
IDLE: Final = 3600.0

Open = Callable[[], AbstractAsyncContextManager[Presence]]


@dataclass(slots=True)
class _Tenure:
    """A presence, and the event that ends it."""

    presence: Presence
    retired: trio.Event = field(default_factory=trio.Event)


class Identities:
    """One identity after the other; `open` makes the presence of a new one. Made by `begin`."""

    def __init__(self, tenure: _Tenure, open_: Open, nursery: trio.Nursery, changed: Callable[[], None]) -> None:
        self._tenure = tenure
        self._open = open_
        self._nursery = nursery
        self._changed = changed
        self._successor: _Tenure | None = None
        self._renewing = False
        self._is_worn = False
        self._chats = 0
        self._last_chat = trio.current_time()

    @classmethod
    async def begin(cls, open_: Open, nursery: trio.Nursery, changed: Callable[[], None]) -> "Identities":
        """Take the first identity; it and its successors live in `nursery`. `changed`: another look is worth it."""
        return cls(await _take(open_, nursery), open_, nursery, changed)

    @property
    def current(self) -> Presence:
        """The presence to search and to chat with."""
        return self._tenure.presence

    def note_chat(self) -> None:
        """Count a chat that ended."""
        self._chats += 1
        self._last_chat = trio.current_time()

    def renew(self) -> None:
        """Take another identity as soon as may be: the machine listens elsewhere now."""
        self._is_worn = True

    def advance(self) -> None:
        """Let time pass in the present identity; prepare the next if it is due, and change over if nobody minds."""
        self.current.advance()
        worn = self._is_worn or self._chats >= CHATS or trio.current_time() - self._last_chat >= IDLE
        if worn and not self._renewing:
            self._renewing, self._is_worn = True, False
            self._nursery.start_soon(self._prepare)
        if self._successor is not None and (self.current.matching.is_idle or self.current.matching.is_free):
            self._change_over(self._successor)

    async def _prepare(self) -> None:
        try:
            self._successor = await _take(self._open, self._nursery)
        except OSError:  # no descriptor or port left: the old identity serves until there is
            self._renewing = False
        else:
            self._changed()

    def _change_over(self, successor: _Tenure) -> None:
        old = self._tenure
        searching = old.presence.matching.is_free
        old.presence.matching.stop()
        old.presence.lobby.close()
        self._tenure, self._successor, self._renewing = successor, None, False
        self._chats = 0
        self._last_chat = trio.current_time()
        if searching:
            successor.presence.search(old.presence.wishes)
        old.retired.set()


async def _take(open_: Open, nursery: trio.Nursery) -> _Tenure:
    """Begin a tenure in `nursery`. Raises OSError if no host can be had."""
    ready, answers = trio.open_memory_channel[_Tenure | OSError](1)
    nursery.start_soon(_be_present, open_, ready)
    answer = await answers.receive()
    if isinstance(answer, OSError):
        raise answer
    return answer


async def _be_present(open_: Open, ready: trio.MemorySendChannel[_Tenure | OSError]) -> None:
    """Be present until retired, and until the last stream is closed."""
    async with AsyncExitStack() as stack:
        try:
            presence = await stack.enter_async_context(open_())
        except OSError as error:
            await ready.send(error)
            return
        tenure = _Tenure(presence)
        await ready.send(tenure)
        await tenure.retired.wait()
        with trio.move_on_after(CLOSE_TIMEOUT):
            await presence.matching.wait_quiet()

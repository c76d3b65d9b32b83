"""A seed's side of the lobby protocol: every stream is a guest in one waiting room (protocol.md 3). A shell.

What travels is in wire.py, how it travels in asking.py, what it means in waitingroom.py.
"""

import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, Protocol

import trio

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.keys import public_key_of
from passerby.crypto.stamp import Parties
from passerby.discovery import wire
from passerby.discovery.addresses import Scope
from passerby.discovery.asking import IDLE, LOBBY, ByteStream, serve
from passerby.discovery.hints import Hint
from passerby.discovery.limits import SWEEP
from passerby.discovery.seeding.seedevents import (
    Asked,
    CheckStamp,
    ClockSet,
    Closed,
    Connected,
    Disconnected,
    Heard,
    Measured,
    Nearer,
    StampChecked,
)
from passerby.discovery.seeding.seedroom import SeedRoom
from passerby.discovery.seeding.waitingroom import WaitingRoom

Clock = Callable[[], float]  # what `unix_minus_now` returns, or what somebody whose clock is wrong takes for it

OUTSIDE: Final = 30.0  # seconds for who is not let in to ask again: as long as a stamp is good; he keeps a connection
MEASURE: Final = 1.0  # seconds between two looks at how late this process is


class Connection(Protocol):
    """What a stream goes over."""

    @property
    def is_closed(self) -> bool:
        """Whether it is gone."""
        ...


class LobbyStream(ByteStream, Protocol):
    """A stream that knows its connection."""

    @property
    def connection(self) -> Connection:
        """The connection."""
        ...


class LobbyServer:
    """The waiting room of one seed and the streams to it."""

    def __init__(
        self, network: str, peer_id: bytes, nearer: Nearer, connections: Callable[[], int], clock: Clock
    ) -> None:
        """Open an empty waiting room; `connections` tells how many the host has."""
        self._room = WaitingRoom(
            random.SystemRandom(), clock(), network=network, public=public_key_of(peer_id), nearer=nearer
        )
        self._clock = clock
        self._connections = connections
        self._numbers = itertools.count()
        self._streams: dict[int, LobbyStream] = {}
        self._demanded: dict[Parties, Connection] = {}  # those on which a stamp was asked for
        self._worker = trio.CapacityLimiter(1)

    def counts(self) -> tuple[int, int]:
        """Return how many guests there are, and in how many rooms."""
        return self._room.counts()

    def rooms(self) -> Iterator[SeedRoom]:
        """Return the rooms that are kept; for who looks on."""
        return self._room.rooms()

    def load(self) -> int:
        """Return how busy the seed is: 0 to 100."""
        return self._room.load(trio.current_time())

    def hint(self, scope: Scope) -> Hint | None:
        """Return the level of the empty tag as measured here, if it can be told."""
        return self._room.hint(scope, trio.current_time())

    async def run(self) -> None:
        """Let time pass in the waiting room for ever: how late we are, who is silent, a wall clock that is set."""
        sweep = trio.current_time() + SWEEP
        while True:
            due = trio.current_time() + MEASURE
            await trio.sleep_until(due)
            now = trio.current_time()
            self._room.handle(Measured(self._connections(), now - due), now)
            if now >= sweep:
                sweep = now + SWEEP
                self._room.handle(ClockSet(self._clock()), now)
            for parties in [parties for parties, connection in self._demanded.items() if connection.is_closed]:
                del self._demanded[parties]
                self._room.handle(Disconnected(parties), now)

    async def serve(self, stream: LobbyStream, scope: Scope, block: str, parties: Parties) -> None:
        """Answer the requests of one stream until it ends; its tickets end with it, however that happens."""
        number = next(self._numbers)
        self._streams[number] = stream
        self._room.handle(Connected(number, stream.peer_id, scope, block, parties), trio.current_time())

        async def answer(request: wire.Request) -> wire.Answer:
            said = await self._answer(number, request)
            if isinstance(said, wire.Refused) and said.reason == wire.Reason.STAMP:
                self._demanded[parties] = stream.connection
            return said

        def heard() -> None:
            self._room.handle(Heard(number), trio.current_time())

        def patience() -> float:
            return IDLE if self._room.is_in(number) else OUTSIDE

        try:
            await serve(stream, LOBBY, answer, heard, patience)
        finally:
            del self._streams[number]
            self._room.handle(Closed(number), trio.current_time())

    async def _answer(self, number: int, request: wire.Request) -> wire.Answer:
        answer = self._room.handle(Asked(number, request), trio.current_time())
        while isinstance(answer, CheckStamp):
            answer = await self._check(number, answer)
        self._evict()
        if answer is None:
            raise RemoteProtocolError("a request of a stream that is gone")
        return answer

    async def _check(self, number: int, asked: CheckStamp) -> wire.Answer | CheckStamp | None:
        """Do the work of a stamp; what became of it is told even if the work fails, or nobody waits for it any more."""
        try:
            good = await trio.to_thread.run_sync(asked.check.is_good, limiter=self._worker)
        except BaseException:
            with suppress(RemoteProtocolError):  # the stream is over as it is
                self._room.handle(StampChecked(number, asked.enter, False), trio.current_time())
            raise
        return self._room.handle(StampChecked(number, asked.enter, good), trio.current_time())

    def _evict(self) -> None:
        """End the streams that had to make room."""
        for number in self._room.evicted:
            if number in self._streams:
                self._streams[number].reset()
        self._room.evicted.clear()


def unix_minus_now() -> float:
    """Return what to add to trio's clock to have seconds since 1970."""
    return time.time() - trio.current_time()

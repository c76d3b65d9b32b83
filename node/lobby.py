"""A searching peer's dealings with its seeds: connections, lobby streams, and the searcher in their middle; a shell.

`visit` is a guest of one seed until that seed is gone; the searcher (discovery/searcher.py) says what to send to which.
"""

import random
from collections.abc import Callable
from typing import Final

import trio

from passerby.crypto.keys import SigningKey
from passerby.discovery import wire
from passerby.discovery.addresses import Address, Scope
from passerby.discovery.peerbook import PeerBook
from passerby.discovery.recentrooms import RecentRooms
from passerby.discovery.searcher import Searcher
from passerby.discovery.searchevents import (
    Answered,
    ClockSet,
    Effect,
    EnterRoom,
    Event,
    LeaveRoom,
    Reachable,
    SampleRoom,
    SeedDown,
    SeedUp,
    Tick,
    View,
)
from passerby.discovery.service import LobbyClient, unix_minus_now
from passerby.discovery.tickets import Ticket
from passerby.node.connection import Stream
from passerby.node.host import DialError, Host, StreamError

SEED_DIAL: Final = 3.0  # seconds; a seed further than that is no help to a search
SEED_STREAM: Final = 5.0
CLOCK_JUMP: Final = 1.0  # seconds between wall and monotonic clock; less moves nobody across an edge


class Lobby:
    """One peer's searcher and its seeds. `changed` is called after everything that may change whom to dial."""

    def __init__(
        self, host: Host, key: SigningKey, network: str, met: PeerBook, blocked: PeerBook, changed: Callable[[], None]
    ) -> None:
        self._host = host
        self._changed = changed
        self._visiting: set[bytes] = set()
        self._clients: dict[bytes, LobbyClient] = {}
        self._offset = unix_minus_now()
        self._searcher = Searcher(
            key=key,
            network=network,
            unix_minus_now=self._offset,
            met=met,
            blocked=blocked,
            rng=random.SystemRandom(),
        )
        self._recent = RecentRooms()

    def reachable_at(self, addresses: tuple[Address, ...]) -> None:
        """Name these addresses in tickets for seeds of the machine scope."""
        self.handle(Reachable(Scope.MACHINE, addresses=addresses))

    def handle(self, event: Event) -> None:
        """Tell the searcher what happened, and its seeds what follows."""
        now = trio.current_time()
        for effect in self._searcher.handle(event, now):
            self._send(effect)
        self._recent.note(self._searcher.rooms(now), now)
        self._changed()

    def choose(self) -> Ticket | None:
        """Draw whom to dial now, or None."""
        return self._searcher.choose(trio.current_time())

    def tag_of(self, room: bytes) -> bytes | None:
        """Return the tag of a room key if we wait in that room or did a minute ago."""
        return self._recent.tag_of(room, trio.current_time())

    def deadline(self) -> float | None:
        """Return when `Tick` is due."""
        return self._searcher.deadline(trio.current_time())

    def view(self) -> View:
        """Return what is known, for the status line."""
        return self._searcher.view(trio.current_time())

    def advance(self) -> None:
        """Let time pass; notice a wall clock that was set, or a machine that slept: rooms follow wall time."""
        offset = unix_minus_now()
        if abs(offset - self._offset) > CLOCK_JUMP:
            self._offset = offset
            self.handle(ClockSet(offset))
        due = self.deadline()
        if due is not None and trio.current_time() >= due:
            self.handle(Tick())

    async def visit(self, address: Address, heard: Callable[[], None]) -> None:
        """Be a guest of the seed at `address` until it is gone; `heard` is called as soon as it speaks our protocol."""
        seed = address.peer
        assert seed is not None, "a seed's address names its peer"
        if seed in self._visiting:
            return
        self._visiting.add(seed)
        try:
            stream = await self._reach(address, seed)
            if stream is not None:
                heard()
                await self._stay(stream, seed, address.scope or Scope.PUBLIC)
                stream.connection.close()
        finally:
            self._visiting.discard(seed)

    async def _reach(self, address: Address, seed: bytes) -> Stream | None:
        try:
            connection = await self._host.dial(_without_peer(address), seed, timeout=SEED_DIAL)
        except DialError:
            return None
        try:
            return await self._host.open_stream(connection, wire.PROTOCOL, timeout=SEED_STREAM)
        except StreamError:
            connection.close()
            return None

    async def _stay(self, stream: Stream, seed: bytes, scope: Scope) -> None:
        def hear(request: wire.Request, answer: wire.Answer) -> None:
            if isinstance(request, wire.Enter | wire.Sample):
                self.handle(Answered(seed, request.room, answer))

        client = self._clients[seed] = LobbyClient(stream, hear)
        self.handle(SeedUp(seed, scope))
        try:
            await client.run()
        finally:
            del self._clients[seed]
            self.handle(SeedDown(seed))

    def close(self) -> None:
        """Leave every seed, for good."""
        for client in self._clients.values():
            client.close()

    def _send(self, effect: Effect) -> None:
        client = self._clients.get(effect.seed)
        if client is not None:
            client.post(_request(effect))


def _request(effect: Effect) -> wire.Request:
    match effect:
        case EnterRoom(_, room, ticket):
            return wire.Enter(0, room, ticket)
        case SampleRoom(_, room, maximum, interval):
            return wire.Sample(0, room, maximum, interval)
        case LeaveRoom(_, room):
            return wire.Leave(0, room)


def _without_peer(address: Address) -> str:
    return str(Address(address.family, address.host, address.port))

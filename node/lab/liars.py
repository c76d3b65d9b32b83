"""Seeds that do not play by the rules (security.md, a seed that lies); all are good members of the DHT otherwise."""

import random
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final

from passerby.crypto.keys import KEY_BYTES, SigningKey
from passerby.discovery import dhtwire, wire
from passerby.discovery.addresses import Scope, parse
from passerby.discovery.asking import DHT, LOBBY, serve
from passerby.discovery.limits import NEARER_PER_ANSWER, NODES_PER_ANSWER, TICKETS_PER_ANSWER
from passerby.discovery.rooms import RoomId
from passerby.discovery.seedrecord import SeedRecord, sign_record
from passerby.node.connection import Stream
from passerby.node.host import Host
from passerby.node.lab.chaos import Nature
from passerby.node.seeding.seed import Place, Seed

INVENTIONS: Final = 64
NOWHERE: Final = parse("/ip4/127.0.0.1/tcp/1024")  # the lowest port that anybody may name; ours are far above it


class Liar(Seed, ABC):
    """A seed with a waiting room in which what people are told is not so."""

    async def _serve_lobby(self, stream: Stream) -> None:
        async def answer(request: wire.Request) -> wire.Answer:
            if isinstance(request, wire.Leave):
                return wire.Left(request.request)
            return self.lie(request)

        await serve(stream, LOBBY, answer, lambda: None)

    @abstractmethod
    def lie(self, request: wire.Enter | wire.Sample) -> wire.Room:
        """Return what is told of a room."""


class Empty(Liar):
    """Says that nobody is there."""

    def lie(self, request: wire.Enter | wire.Sample) -> wire.Room:
        """Return an empty room."""
        return wire.Room(request.request, 0)


class Inventor(Liar):
    """Names seeds that there are not, with good signatures, to searchers and to seeds."""

    def __init__(self, host: Host, key: bytes, place: Place) -> None:
        """Invent them."""
        super().__init__(host, key, place)
        self._inventions = [_invention() for _ in range(INVENTIONS)]

    def lie(self, request: wire.Enter | wire.Sample) -> wire.Room:
        """Return a room that others are said to be nearer to."""
        return wire.Room(request.request, 0, nearer=tuple(random.sample(self._inventions, NEARER_PER_ANSWER)))

    async def _serve_dht(self, stream: Stream) -> None:
        async def answer(request: dhtwire.Request) -> dhtwire.Answer:
            match request:
                case dhtwire.Find(number, target):
                    true = self._neighbourhood.nearest(Scope.MACHINE, target)
                    false = random.sample(self._inventions, NODES_PER_ANSWER - len(true))
                    return dhtwire.Nodes(number, (*true, *false))
                case dhtwire.Ping(number, nonce):
                    return dhtwire.Pong(number, nonce, int(time.time()))
                case _:
                    return dhtwire.Dialled(request.request, dhtwire.Result.REFUSED)

        await serve(stream, DHT, answer, lambda: None)


class Undertaker(Liar):
    """Hands out the tickets of everybody who ever entered, the first ones first: those have left by now."""

    def __init__(self, host: Host, key: bytes, place: Place) -> None:
        """Begin an empty graveyard."""
        super().__init__(host, key, place)
        self._tickets: dict[RoomId, dict[bytes, None]] = {}

    def lie(self, request: wire.Enter | wire.Sample) -> wire.Room:
        """Return a room full of who was there once."""
        tickets = self._tickets.setdefault(request.room, {})
        told = tuple(tickets)[:TICKETS_PER_ANSWER]
        if isinstance(request, wire.Enter) and request.ticket is not None:
            tickets[request.ticket] = None
        return wire.Room(request.request, len(told), tickets=told)


def _invention() -> bytes:
    key = SigningKey.from_seed(secrets.token_bytes(KEY_BYTES))
    return sign_record(key, SeedRecord(key.public, (NOWHERE,), int(time.time())))


KINDS: Final[Mapping[Nature, type[Seed]]] = {
    Nature.HONEST: Seed,
    Nature.EMPTY: Empty,
    Nature.INVENTOR: Inventor,
    Nature.UNDERTAKER: Undertaker,
}

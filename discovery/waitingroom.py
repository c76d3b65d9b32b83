"""What a seed keeps of those who wait: a machine that answers the lobby's requests (protocol.md 3).

It is told of streams and of what came over them, and returns the answer to a request. Its one promise: a ticket lives
exactly as long as the stream that brought it and the membership it was brought for. So there are no ghosts: withdrawal
is closing, a silent owner's ticket is not handed out, and nothing here is ever passed on or written down.
"""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Final

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.discovery import wire
from passerby.discovery.addresses import Scope
from passerby.discovery.limits import (
    BLOCK_STREAMS,
    BUSY_SHARE,
    ROOM_TICKETS,
    ROOMS_PER_STREAM,
    SEED_ROOMS,
    SEED_STREAMS,
    SILENCE,
    TICKETS_PER_ANSWER,
)
from passerby.discovery.rooms import RoomId, accepts
from passerby.discovery.seedroom import SeedRoom, Stream
from passerby.discovery.tickets import read_ticket


@dataclass(frozen=True, slots=True)
class Connected:
    """A lobby stream was opened by the peer `pid`; `stream` is any number that no open stream has."""

    stream: int
    pid: bytes
    scope: Scope
    block: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A request was read from a stream."""

    stream: int
    request: wire.Request


@dataclass(frozen=True, slots=True)
class Heard:
    """A stream showed life otherwise, by a request of an unknown type."""

    stream: int


@dataclass(frozen=True, slots=True)
class Closed:
    """A stream ended, whoever ended it: its tickets end with it."""

    stream: int


@dataclass(frozen=True, slots=True)
class ClockSet:
    """What to add to `now` to have seconds since 1970; only epochs depend on it.

    Due every `limits.SWEEP` seconds, set or not: what has grown too old is dropped then.
    """

    unix_minus_now: float


Event = Connected | Asked | Heard | Closed | ClockSet


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a seed keeps; the defaults are those of limits.py."""

    streams: int = SEED_STREAMS
    block_streams: int = BLOCK_STREAMS
    rooms: int = SEED_ROOMS
    rooms_per_stream: int = ROOMS_PER_STREAM
    room_tickets: int = ROOM_TICKETS


_DEFAULTS: Final = Limits()


class WaitingRoom:
    """The machine. `now` is any clock that only goes forward, in seconds; `rng` decides who is drawn."""

    def __init__(self, rng: random.Random, unix_minus_now: float, limits: Limits = _DEFAULTS) -> None:
        """Start empty; a secret `rng` (random.SystemRandom) keeps samples out of anybody's hands."""
        self._rng = rng
        self._unix_minus_now = unix_minus_now
        self._limits = limits
        self._streams: dict[int, Stream] = {}
        self._rooms: dict[RoomId, SeedRoom] = {}
        self._admitted: Counter[str] = Counter()

    def handle(self, event: Event, now: float) -> wire.Answer | None:
        """Take what happened; return the answer if it was a request.

        RemoteProtocolError means the peer broke the protocol: reset the stream, then report it Closed.
        LocalProtocolError: a stream number was used twice.
        """
        match event:
            case Connected():
                self._connect(event, now)
            case Asked(stream, request):
                return self._answer(stream, request, now)
            case Heard(stream):
                self._hear(stream, now)
            case Closed(stream):
                self._close(stream)
            case _:
                self._unix_minus_now = event.unix_minus_now
                self._sweep(now)
        return None

    def counts(self) -> tuple[int, int]:
        """Return how many streams are admitted and how many rooms are kept."""
        return self._admitted.total(), len(self._rooms)

    def _connect(self, event: Connected, now: float) -> None:
        if event.stream in self._streams:
            raise LocalProtocolError("a stream number used twice")
        if len(self._streams) < self._limits.streams:  # further ones stay unknown, and are told Busy
            self._streams[event.stream] = Stream(event.pid, event.scope, event.block, now)

    def _hear(self, number: int, now: float) -> None:
        if number in self._streams:
            self._streams[number].heard = now

    def _close(self, number: int) -> None:
        stream = self._streams.pop(number, None)
        if stream is None:
            return
        self._leave_all(stream)
        if stream.admitted:
            self._admitted[stream.block] -= 1
            if not self._admitted[stream.block]:
                del self._admitted[stream.block]

    def _answer(self, number: int, request: wire.Request, now: float) -> wire.Answer:
        stream = self._streams.get(number)
        if stream is None or not self._admits(stream):
            return wire.Busy(request.request)
        stream.heard = now
        match request:
            case wire.Enter():
                return self._enter(stream, request, now)
            case wire.Sample():
                return self._sample(stream, request, now)
            case _:
                for room in list(stream.rooms) if request.room is None else [request.room]:
                    self._leave(stream, room)
                return wire.Left(request.request)

    def _admits(self, stream: Stream) -> bool:
        """Admit a stream at its first request, unless the seed or the stream's block has its fill."""
        if not stream.admitted:
            full = self._admitted.total() >= BUSY_SHARE * self._limits.streams
            if full or self._admitted[stream.block] >= self._limits.block_streams:
                return False
            stream.admitted = True
            self._admitted[stream.block] += 1
        return True

    def _enter(self, stream: Stream, request: wire.Enter, now: float) -> wire.Answer:
        if not accepts(request.room.epoch, now + self._unix_minus_now):
            return wire.Refused(request.request, wire.Reason.EPOCH)
        if request.ticket is not None:
            _check_ticket(request.ticket, request.room, stream)
        if request.room not in stream.rooms and not self._has_place(stream, request.room):
            return wire.Refused(request.request, wire.Reason.NO_PLACE)
        room = self._rooms.get(request.room)
        if room is None:
            room = self._rooms[request.room] = SeedRoom(self._limits.room_tickets, self._rng)
        displaced = room.enter(stream, request.ticket)
        if displaced is not None:
            del displaced.rooms[request.room]
        return self._tell(stream, request, TICKETS_PER_ANSWER, now)

    def _has_place(self, stream: Stream, room: RoomId) -> bool:
        if len(stream.rooms) >= self._limits.rooms_per_stream:
            return False
        return room in self._rooms or len(self._rooms) < self._limits.rooms

    def _sample(self, stream: Stream, request: wire.Sample, now: float) -> wire.Answer:
        stream.interval = request.interval
        if request.room not in stream.rooms or self._rooms[request.room].wants_ticket(stream.pid):
            return wire.Refused(request.request, wire.Reason.NOT_ENTERED)
        told = stream.rooms[request.room]
        answer = self._tell(stream, request, request.maximum, now)
        return wire.Unchanged(request.request) if stream.rooms[request.room] == told else answer

    def _tell(self, stream: Stream, request: wire.Enter | wire.Sample, count: int, now: float) -> wire.Room:
        waiting, tickets = self._rooms[request.room].sample(stream.pid, count, now)
        stream.rooms[request.room] = waiting, frozenset(tickets)
        return wire.Room(request.request, waiting, tickets=tickets)

    def _leave(self, stream: Stream, room: RoomId) -> None:
        if room in stream.rooms:
            del stream.rooms[room]
            self._rooms[room].leave(stream.pid)
            if not self._rooms[room]:
                del self._rooms[room]

    def _leave_all(self, stream: Stream) -> None:
        for room in list(stream.rooms):
            self._leave(stream, room)

    def _sweep(self, now: float) -> None:
        """Drop the tickets of streams long silent, and rooms of epochs past (or never come, after a clock was set)."""
        for stream in self._streams.values():
            if now - stream.heard > SILENCE:
                self._leave_all(stream)
        for room in [room for room in self._rooms if not accepts(room.epoch, now + self._unix_minus_now)]:
            for stream in self._streams.values():
                self._leave(stream, room)


def _check_ticket(blob: bytes, room: RoomId, stream: Stream) -> None:
    """RemoteProtocolError unless the ticket is of this room, scope, and the peer whose id Noise proved."""
    ticket = read_ticket(blob)
    if ticket.pid != stream.pid or ticket.room != room or not ticket.fits(stream.scope):
        raise RemoteProtocolError("a ticket of another peer, room or scope")

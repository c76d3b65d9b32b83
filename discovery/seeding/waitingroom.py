"""What a seed keeps of those who wait: a machine that answers the lobby's requests (protocol.md 3).

It is told of streams and of what came over them, and returns the answer to a request. Its one promise: a ticket lives
exactly as long as the stream that brought it and the membership it was brought for. So there are no ghosts: withdrawal
is closing, a silent owner's ticket is not handed out, and nothing here is ever passed on or written down.

What an event costs does not grow with those who wait. Who may come in is decided in door.py, which rooms there are in
roomtable.py, what is told of one room in seedroom.py, who has fallen silent in beats.py.
"""

import random
from collections.abc import Callable, Iterator
from typing import Final

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.stamp import passes_gate
from passerby.discovery import toll, wire
from passerby.discovery.addresses import Scope
from passerby.discovery.hints import Hint
from passerby.discovery.limits import BUSY_SEEDS, ROOMS_IN_PRESSURE, STREAMS_PER_PEER, TICKETS_PER_ANSWER
from passerby.discovery.rooms import RoomId, accepts
from passerby.discovery.seeding.beats import Beats
from passerby.discovery.seeding.door import Door
from passerby.discovery.seeding.roomtable import RoomTable
from passerby.discovery.seeding.seedevents import (
    Asked,
    CheckStamp,
    Closed,
    Connected,
    Disconnected,
    Event,
    Heard,
    Limits,
    Measured,
    Nearer,
    StampChecked,
    knows_none,
)
from passerby.discovery.seeding.seedroom import Place, SeedRoom, Stream
from passerby.discovery.seedrecord import public_in
from passerby.discovery.tickets import Ticket, read_ticket

_DEFAULTS: Final = Limits()


class WaitingRoom:
    """The machine. `now` is any clock that only goes forward, in seconds; `rng` decides who is drawn.

    `evicted` fills with the numbers of streams that had to make room for others: reset them, and empty it.
    """

    def __init__(
        self,
        rng: random.Random,
        unix_minus_now: float,
        limits: Limits = _DEFAULTS,
        *,
        network: str = "main",
        public: bytes = b"",
        nearer: Nearer = knows_none,
        read: Callable[[bytes], Ticket] = read_ticket,
        gate: toll.Gate = passes_gate,
        whose: Callable[[bytes], bytes] = public_in,
    ) -> None:
        """Start empty; a secret `rng` (random.SystemRandom) keeps samples out of anybody's hands.

        `public` is the seed's own key, so that it never names itself as one that may have a place: `whose` returns the
        key in a record. A simulation reads tickets, records and gates without their crypto.
        """
        self.evicted: list[int] = []
        self._unix_minus_now = unix_minus_now
        self._limits = limits
        self._public = public
        self._nearer = nearer
        self._read = read
        self._whose = whose
        self._streams: dict[int, Stream] = {}
        self._door = Door(limits.streams, limits.block_streams, rng, gate)
        self._rooms = RoomTable(network, limits.rooms, limits.room_tickets, rng)
        self._beats = Beats()

    def handle(self, event: Event, now: float) -> wire.Answer | CheckStamp | None:
        """Take what happened; return the answer if it was a request, or what to do before there is one.

        RemoteProtocolError means the peer broke the protocol: reset the stream, then report it Closed.
        LocalProtocolError: a stream number was used twice, or a stamp nobody was told to check was.
        """
        for stream in self._beats.silent(now):
            self._silence(stream, now)
        match event:
            case Asked(number, request):
                return self._answer(number, request, now)
            case Connected():
                self._connect(event, now)
            case Closed(number):
                self._close(number)
            case StampChecked():
                return self._stamped(event, now)
            case Heard(number):
                if number in self._streams:
                    self._hear(self._streams[number], now)
            case Disconnected(parties):
                self._door.disconnected(parties)
            case Measured(connections, lag):
                self._door.measured(connections, lag, now)
            case _:
                self._unix_minus_now = event.unix_minus_now
                self._sweep(now)
        return None

    def counts(self) -> tuple[int, int]:
        """Return how many streams are admitted and how many rooms are kept."""
        return len(self._door), len(self._rooms)

    def is_in(self, number: int) -> bool:
        """Tell whether a stream was let in, and did not have to make room."""
        return number in self._streams and self._streams[number].admitted is not None

    def rooms(self) -> Iterator[SeedRoom]:
        """Return the rooms that are kept; for who looks on."""
        return iter(self._rooms)

    def load(self, now: float) -> int:
        """Return what Pong says of the seed's load: 0 (idle) to 100 (newcomers are refused)."""
        return self._door.load(now)

    def hint(self, scope: Scope, now: float) -> Hint | None:
        """Return the level of the empty tag as measured here (protocol.md 2), if enough have entered a room of it."""
        return self._rooms.hint(scope, now)

    # ---- streams ---------------------------------------------------------------------------------------------------

    def _connect(self, event: Connected, now: float) -> None:
        if event.stream in self._streams:
            raise LocalProtocolError("a stream number used twice")
        if len(self._streams) < STREAMS_PER_PEER * self._limits.streams:  # further ones stay unknown, and are told Busy
            stream = Stream(event.stream, event.pid, event.scope, event.block, now, event.parties)
            self._streams[event.stream] = stream

    def _hear(self, stream: Stream, now: float) -> None:
        stream.heard = now
        if stream.asleep:
            stream.asleep = False
            for place in stream.places.values():
                place.room.wake(place)
        self._beats.expect(stream)

    def _silence(self, stream: Stream, now: float) -> None:
        """Its tickets are worth no dial; later it is in no room any more."""
        if stream.asleep:
            self._leave_all(stream)
            return
        stream.asleep = True
        for place in stream.places.values():
            place.room.hush(place)
        self._beats.expect(stream)

    def _close(self, number: int) -> None:
        stream = self._streams.pop(number, None)
        if stream is not None:
            self._beats.forget(stream)
            self._leave_all(stream)
            self._door.left(stream)

    # ---- requests --------------------------------------------------------------------------------------------------

    def _answer(self, number: int, request: wire.Request, now: float) -> wire.Answer | CheckStamp:
        stream = self._streams.get(number)
        if stream is None:
            return wire.Busy(request.request)
        self._hear(stream, now)
        match request:
            case wire.Enter():
                return self._enter(stream, request, now)
            case wire.Sample():
                return self._sample(stream, request, now)
            case _:
                for room in list(stream.places) if request.room is None else [request.room]:
                    if room in stream.places:
                        self._rooms.leave(stream.places[room])
                return wire.Left(request.request)

    def _enter(self, stream: Stream, request: wire.Enter, now: float) -> wire.Answer | CheckStamp:
        if not accepts(request.room.epoch, now + self._unix_minus_now):
            return wire.Refused(request.request, wire.Reason.EPOCH)
        if request.room not in stream.places and self._door.is_late(now):
            self._door.turned_away(stream, now)
            return self._busy(stream, request, now)
        if stream.admitted is None:
            match self._door.asked(stream, request.stamp, now):
                case toll.Admit():
                    self._admit(stream)
                case toll.Demand(difficulty):
                    return wire.Refused(request.request, wire.Reason.STAMP, difficulty)
                case toll.Check() as check:
                    return CheckStamp(request, check)
                case toll.Abort():
                    raise RemoteProtocolError("a stamp unasked for, late or false")
                case _:
                    return self._busy(stream, request, now)
        return self._take(stream, request, now)

    def _stamped(self, event: StampChecked, now: float) -> wire.Answer | CheckStamp | None:
        verdict = self._door.checked(event.good, now)
        stream = self._streams.get(event.stream)
        if stream is None:
            return None
        if isinstance(verdict, toll.Abort):
            raise RemoteProtocolError("a false stamp")
        stream.paid = True
        self._hear(stream, now)  # the check may have taken so long that it was hushed
        return self._enter(stream, event.enter, now)

    def _admit(self, stream: Stream) -> None:
        displaced = self._door.let_in(stream)
        if displaced is not None:
            self._leave_all(displaced)
            displaced.paid = False
            self.evicted.append(displaced.number)

    def _take(self, stream: Stream, request: wire.Enter, now: float) -> wire.Answer:
        """Give a stream that is in a place in a room, with its ticket if that is good."""
        place = stream.places.get(request.room)
        ticket = request.ticket
        if ticket is not None and (place is None or place.entry is None or place.ticket != ticket):
            self._check_ticket(ticket, request.room, stream)
        room = self._open(stream, request.room, now) if place is None else place.room
        if room is None:
            return wire.Refused(request.request, wire.Reason.NO_PLACE)
        return self._tell(self._rooms.enter(room, stream, ticket), request.request, TICKETS_PER_ANSWER, now)

    def _open(self, stream: Stream, name: RoomId, now: float) -> SeedRoom | None:
        most = self._limits.rooms_per_stream
        if self._rooms.places >= self._limits.places_at_ease:
            most = min(most, ROOMS_IN_PRESSURE)
        room = self._rooms.open(stream, name, now) if len(stream.places) < most else None
        if room is not None:
            room.rate.enter(stream.block, now)
        return room

    def _check_ticket(self, blob: bytes, room: RoomId, stream: Stream) -> None:
        """RemoteProtocolError unless it is of this room, of this scope, and of the peer whose id Noise proved."""
        ticket = self._read(blob)
        if ticket.pid != stream.pid or ticket.room != room or not ticket.fits(stream.scope):
            raise RemoteProtocolError("a ticket of another peer, room or scope")

    def _sample(self, stream: Stream, request: wire.Sample, now: float) -> wire.Answer:
        if stream.admitted is None:
            return wire.Busy(request.request)
        stream.interval = request.interval
        self._beats.expect(stream)
        place = stream.places.get(request.room)
        if place is None or place.room.wants_ticket(place):
            return wire.Refused(request.request, wire.Reason.NOT_ENTERED)
        told, nearer = place.told, place.nearer
        answer = self._tell(place, request.request, request.maximum, now)
        return wire.Unchanged(request.request) if (place.told, place.nearer) == (told, nearer) else answer

    def _tell(self, place: Place, request: int, count: int, now: float) -> wire.Room:
        """Say what there is to say of a room; its nearer seeds only if they are not what was said before."""
        room = place.room
        level = room.rate.level_of(room.id.level, now)
        waiting, tickets = room.sample(place, count)
        place.told = hash((waiting, level, frozenset(tickets)))
        near = room.seeds_near(self._nearer, now)
        nearer, place.nearer = () if place.nearer == room.seeds_mark else near, room.seeds_mark
        return wire.Room(request, waiting, level, tickets, nearer=nearer)

    def _busy(self, stream: Stream, request: wire.Enter, now: float) -> wire.Busy:
        """Refuse at once; say who else there is, and how hot the room is if it is one of ours."""
        room = self._rooms.get(stream.scope, request.room)
        if room is None:
            near, level = self._nearer(stream.scope, request.room.key), None
        else:
            room.rate.enter(stream.block, now)
            near, level = room.seeds_near(self._nearer, now), room.rate.level_of(room.id.level, now)
        others = [record for record in near if self._whose(record) != self._public]
        return wire.Busy(request.request, tuple(others[:BUSY_SEEDS]), level)

    # ---- leaving ---------------------------------------------------------------------------------------------------

    def _leave_all(self, stream: Stream) -> None:
        for place in list(stream.places.values()):
            self._rooms.leave(place)

    def _sweep(self, now: float) -> None:
        """Drop rooms of epochs past (or never come, after a clock was set)."""
        for room in self._rooms:
            if not accepts(room.id.epoch, now + self._unix_minus_now):
                self._rooms.close(room)

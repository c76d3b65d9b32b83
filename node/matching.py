"""Chat streams from a dial or a call to a match: the slot machine's shell (protocol.md 4.2).

Facts come from three sides: the lobby's tickets, our dials, and the bytes of each stream by way of its `Attempt`. Each
goes to the slot machine (matchmaking.py), whose effects are carried out here at once and in order.
"""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from weakref import WeakSet

import trio

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.handshake import CHAT_PROTOCOL, Binding, RefusalCode
from passerby.discovery import searchevents as search
from passerby.discovery.candidates import Outcome as Tried
from passerby.discovery.rooms import ANYBODY
from passerby.discovery.service import OVER
from passerby.discovery.tickets import Ticket
from passerby.node import slot
from passerby.node.attempt import BUSY, NO_COMMON_VERSION, Attempt, Inbound, Meeting, Outbound
from passerby.node.connection import Connection, Stream
from passerby.node.host import DialError, Host, StreamError
from passerby.node.limits import CLOSE_TIMEOUT, DIAL_TIMEOUT
from passerby.node.line import Line
from passerby.node.lobby import Lobby
from passerby.node.matchmaking import Matchmaker
from passerby.node.messages import Hello

_TRIED: Final = {
    slot.Outcome.UNREACHABLE: Tried.UNREACHABLE,
    slot.Outcome.FAILED: Tried.FAILED,
    slot.Outcome.TIMEOUT: Tried.FAILED,
}


@dataclass(frozen=True, slots=True)
class Match:
    """A confirmed chat: its number in the slot, its line, its keys and the stranger's HELLO."""

    number: int
    peer: bytes
    line: Line
    meeting: Meeting


Talk = Callable[[Match], Awaitable[None]]


@dataclass(slots=True, eq=False)
class _Call:
    """A stream before its match. `over`: nothing more is read from it."""

    line: Line
    attempt: Attempt
    over: bool = False
    matched: bool = False


class Matching:
    """The slot of one peer id, and its chat streams.

    `talk` runs the chat of each match until its stream is closed. While `is_welcome` says no, nobody is dialled and who
    calls is reset: the person's side does not keep up.
    """

    def __init__(
        self,
        host: Host,
        lobby: Lobby,
        network: str,
        nursery: trio.Nursery,
        talk: Talk,
        is_welcome: Callable[[], bool],
    ) -> None:
        self._host = host
        self._lobby = lobby
        self._network = network
        self._nursery = nursery
        self._talk = talk
        self._is_welcome = is_welcome
        self._machine = Matchmaker()
        self._numbers = itertools.count(1)
        self._tickets: dict[int, Ticket] = {}
        self._dials: dict[int, trio.CancelScope] = {}
        self._calls: dict[int, _Call] = {}
        self._barred: WeakSet[Connection] = WeakSet()
        self._closed = trio.Event()
        host.set_stream_handler(CHAT_PROTOCOL, self._serve)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is searched, promised or talked about."""
        return isinstance(self._machine.state, slot.Idle)

    @property
    def is_free(self) -> bool:
        """Whether a search is on and nothing is promised."""
        return self._machine.free

    def start(self) -> None:
        """Search. LocalProtocolError unless idle."""
        self._lobby.handle(search.Started())
        self._handle(slot.Start())

    def stop(self) -> None:
        """Search no more, whatever was under way."""
        self._handle(slot.Stop())
        self._lobby.handle(search.Stopped())

    def chat_ended(self, match: Match, *, lost: bool, refused: bool, any_text: bool) -> bool:
        """Take note that a chat is over; tell whether it counts. One that does not: the search goes on by itself.

        `lost`: without a goodbye; `refused`: because the stranger broke the protocol.
        """
        if refused:
            self._barred.add(match.line.stream.connection)
        self._handle(slot.ChatEnded(match.number, lost, any_text))
        counts = self.is_idle
        if counts:
            self._lobby.handle(search.Met(match.peer))
            self._lobby.handle(search.Stopped())
        else:
            self._barred.add(match.line.stream.connection)
            self._lobby.handle(search.AttemptEnded(match.peer, Tried.FAILED))
        return counts

    async def wait_quiet(self) -> None:
        """Return when no chat stream is open."""
        while self._calls:
            await self._closed.wait()

    def deadline(self) -> float | None:
        """Return when `advance` is due."""
        return self._machine.deadline()

    def advance(self) -> None:
        """Let time pass, and dial the next stranger if there is one to dial."""
        now = trio.current_time()
        due = self._machine.deadline()
        if due is not None and now >= due:
            self._handle(slot.Tick())
        if self._machine.free and self._is_welcome() and (ticket := self._lobby.choose()) is not None:
            number = next(self._numbers)
            self._tickets[number] = ticket
            self._handle(slot.Choose(number, ticket.pid))

    # ---- effects of the slot machine

    def _handle(self, event: slot.Event) -> None:
        for effect in self._machine.handle(event, trio.current_time()):
            self._perform(effect)

    def _perform(self, effect: slot.Effect) -> None:
        match effect:
            case slot.Dial(number):
                self._dials[number] = trio.CancelScope()
                self._nursery.start_soon(self._dial, number, self._tickets.pop(number))
            case slot.DropDial(number):
                self._drop_dial(number)
            case slot.EnterRooms():
                self._lobby.handle(search.Freed())
            case slot.LeaveRooms():
                self._lobby.handle(search.Locked())
            case slot.AttemptEnded():
                self._report(effect)
            case _:
                self._perform_on(self._calls.get(effect.stream), effect)

    def _perform_on(self, call: _Call | None, effect: slot.Effect) -> None:
        """Carry out an effect on a stream that may be gone already."""
        match effect, call:
            case _, None:
                pass
            case slot.Matched(), _Call():
                call.matched = True
            case slot.SendFirst(), _Call(line, Outbound() as attempt):
                line.write(attempt.first())
            case slot.SendReply(), _Call(line, Inbound() as attempt):
                line.write(attempt.reply())
            case slot.SendProof(), _Call(line, Outbound() as attempt):
                line.write(attempt.proof())
            case slot.SendConfirmationAndHello(), _Call(line, Inbound() as attempt):
                line.write(attempt.confirmation_and_hello())
            case slot.SendHello(), _Call(line, Outbound() as attempt):
                line.write(attempt.hello())
            case slot.Refuse(), _Call(line):
                _refuse(call, BUSY)
            case _, _Call(line):
                call.over = True
                line.cut()

    def _drop_dial(self, number: int) -> None:
        if number in self._dials:
            self._dials[number].cancel()

    def _report(self, ended: slot.AttemptEnded) -> None:
        busy = ended.outcome is slot.Outcome.REFUSED and ended.code == RefusalCode.BUSY
        refused = Tried.BUSY if busy else Tried.FAILED
        tried = refused if ended.outcome is slot.Outcome.REFUSED else _TRIED.get(ended.outcome)
        if tried is not None:
            self._lobby.handle(search.AttemptEnded(ended.peer, tried))

    # ---- streams

    async def _dial(self, number: int, ticket: Ticket) -> None:
        """Reach who waits, ask, and see it through; the connection is ours to close."""
        stream: Stream | None = None
        started = trio.current_time()
        with self._dials[number]:
            stream = await self._reach(ticket)
        rtt = trio.current_time() - started  # several round trips: an estimate on the safe side
        del self._dials[number]
        if stream is None:
            self._handle(slot.DialFailed(number))
            return
        try:
            binding = self._binding(stream, initiator=self._host.peer_id, responder=stream.peer_id)
            attempt = Outbound(number, binding, Hello(), room=ticket.room.key, tag=ANYBODY)
            call = self._calls[number] = _Call(Line(stream), attempt)
            self._handle(slot.Connected(number, attempt.order, rtt))
            await self._see_through(number, call)
        finally:
            stream.connection.close()

    async def _reach(self, ticket: Ticket) -> Stream | None:
        for address in ticket.addresses:
            try:
                connection = await self._host.dial(str(address), ticket.pid, timeout=DIAL_TIMEOUT)
            except DialError:
                continue
            try:
                return await self._host.open_stream(connection, CHAT_PROTOCOL, timeout=DIAL_TIMEOUT)
            except BaseException as error:
                connection.close()
                if not isinstance(error, StreamError):
                    raise
        return None

    async def _serve(self, stream: Stream) -> None:
        if stream.connection in self._barred or not self._is_welcome():
            return
        number = next(self._numbers)
        binding = self._binding(stream, initiator=stream.peer_id, responder=self._host.peer_id)
        attempt = Inbound(number, binding, Hello(), tag_of=self._lobby.tag_of)
        call = self._calls[number] = _Call(Line(stream), attempt)
        self._handle(slot.Opened(number, stream.peer_id))
        await self._see_through(number, call)

    async def _see_through(self, number: int, call: _Call) -> None:
        """Shake hands; then talk, if it comes to that. Leaves when all that was to be written is."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(call.line.run_writer)
                await self._shake_hands(number, call)
                if call.matched:
                    await self._talk(Match(number, call.line.stream.peer_id, call.line, call.attempt.meeting))
                nursery.cancel_scope.deadline = trio.current_time() + CLOSE_TIMEOUT
        finally:
            del self._calls[number]
            self._closed.set()
            self._closed = trio.Event()

    async def _shake_hands(self, number: int, call: _Call) -> None:
        try:
            while not (call.over or call.matched):
                fact = call.attempt.receive(await call.line.read(call.attempt.check))
                if isinstance(fact, slot.Answered):
                    _refuse(call, NO_COMMON_VERSION)
                self._handle(fact)
        except (*OVER, RemoteProtocolError) as error:
            if isinstance(error, RemoteProtocolError):
                self._barred.add(call.line.stream.connection)
            if not call.over:
                self._handle(slot.Broken(number))

    def _binding(self, stream: Stream, *, initiator: bytes, responder: bytes) -> Binding:
        return Binding(self._network, initiator, responder, stream.connection.channel_binding())


def _refuse(call: _Call, frame: bytes) -> None:
    call.over = True
    call.line.write(frame)
    call.line.finish()

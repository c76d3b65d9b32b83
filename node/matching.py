"""Chat streams from a dial or a call to a match: the slot machine's shell (protocol.md 4.2).

Facts come from three sides: the lobby's tickets, our dials, and the bytes of each stream by way of its `Attempt`. Each
goes to the slot machine (matchmaking.py), whose effects are carried out here at once and in order.

Under load a caller is asked for a stamp before the slot hears of him (stamps.py). Where we are asked for one, it is
made beside the slot, which is free meanwhile; made, it is chosen like a ticket, as soon as another may be dialled.
"""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from weakref import WeakSet

import trio

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.handshake import CHAT_PROTOCOL, Binding, RefusalCode
from passerby.discovery.asking import OVER
from passerby.discovery.rooms import ANYBODY
from passerby.discovery.searching import searchevents as search
from passerby.discovery.searching.candidates import Outcome as Tried
from passerby.discovery.tickets import Ticket
from passerby.node import slot
from passerby.node.attempt import NO_COMMON_VERSION, Fact, Inbound, Meeting, Outbound
from passerby.node.calls import Call, reach, reopen
from passerby.node.connection import Connection, Stream
from passerby.node.host import Host
from passerby.node.limits import CLOSE_TIMEOUT
from passerby.node.line import Line
from passerby.node.lobby import Lobby
from passerby.node.matchmaking import Matchmaker
from passerby.node.messages import Hello
from passerby.node.stamps import Purse, TollBooth

_TRIED: Final = {
    slot.Outcome.UNREACHABLE: Tried.UNREACHABLE,
    slot.Outcome.REFUSED: Tried.FAILED,
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


class Matching:
    """The slot of one peer id, and its chat streams.

    `talk` runs the chat of each match until its stream is closed. While `is_welcome` says no, nobody is dialled and who
    calls is reset: the person's side does not keep up. `changed` is called when `deadline` has become earlier.
    """

    def __init__(
        self,
        host: Host,
        lobby: Lobby,
        network: str,
        nursery: trio.Nursery,
        talk: Talk,
        is_welcome: Callable[[], bool],
        changed: Callable[[], None],
    ) -> None:
        self._host = host
        self._lobby = lobby
        self._network = network
        self._nursery = nursery
        self._talk = talk
        self._is_welcome = is_welcome
        self._changed = changed
        self._machine = Matchmaker()
        self._numbers = itertools.count(1)
        self._tickets: dict[int, Ticket] = {}
        self._dials: dict[int, trio.CancelScope] = {}
        self._calls: dict[int, Call] = {}
        self._barred: WeakSet[Connection] = WeakSet()
        self._closed = trio.Event()
        self._hello = Hello()
        self._turn = trio.Event()
        self._advanced = trio.current_time()
        self._told: float | None = None
        self._booth = TollBooth(nursery)
        self._purse = Purse()
        host.set_stream_handler(CHAT_PROTOCOL, self._serve)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is searched, promised or talked about."""
        return isinstance(self._machine.state, slot.Idle)

    @property
    def is_free(self) -> bool:
        """Whether a search is on and nothing is promised."""
        return isinstance(self._machine.state, slot.Free)

    def start(self, hello: Hello) -> None:
        """Search, and say `hello` to whoever is found. LocalProtocolError unless idle."""
        self._hello = hello
        self._lobby.handle(search.Started())
        self._handle(slot.Start())

    def stop(self) -> None:
        """Search no more, whatever was under way."""
        self._purse.give_up()
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
        """Return when `advance` is due; what came since the last one is due at once."""
        self._told = self._machine.deadline(self._advanced)
        return self._told

    def advance(self) -> None:
        """Let time pass, and dial the next stranger if there is one to dial."""
        self._handle(slot.Tick())
        self._advanced = trio.current_time()
        may_choose = self._machine.may_choose(self._advanced)
        may_dial = may_choose and self._is_welcome() and not self._purse.is_paid  # who was paid comes next
        if may_dial and (ticket := self._lobby.choose(self._engaged())) is not None:
            self._choose(ticket.pid, ticket)

    def _engaged(self) -> frozenset[bytes]:
        """Who is not to be dialled now, since we are on the way to them already."""
        payee = self._purse.payee
        return self._machine.dialled if payee is None else self._machine.dialled | {payee}

    def _choose(self, peer: bytes, ticket: Ticket | None = None) -> int:
        """Take the slot for a dial; without a ticket the caller has the connection, and goes on by himself."""
        number = next(self._numbers)
        if ticket is not None:
            self._tickets[number] = ticket
        self._handle(slot.Choose(number, peer))
        return number

    # ---- effects of the slot machine

    def _handle(self, event: slot.Event) -> None:
        now = trio.current_time()
        for effect in self._machine.handle(event, now):
            self._perform(effect)
        if self._machine.may_choose(now):
            self._turn.set()
            self._turn = trio.Event()
        due = self._machine.deadline(self._advanced)
        if due is not None and (self._told is None or due < self._told):
            self._changed()

    def _perform(self, effect: slot.Effect) -> None:
        match effect:
            case slot.Dial(number):
                self._dials[number] = trio.CancelScope()
                if (ticket := self._tickets.pop(number, None)) is not None:
                    self._nursery.start_soon(self._dial, number, ticket)
            case slot.DropDial(number):
                if (dial := self._dials.get(number)) is not None:
                    dial.cancel()
            case slot.EnterRooms():
                self._lobby.handle(search.Freed())
            case slot.LeaveRooms():
                self._lobby.handle(search.Locked())
            case slot.AttemptEnded():
                self._report(effect)
            case _:
                if isinstance(effect, slot.Matched):
                    self._purse.give_up()
                if (call := self._calls.get(effect.stream)) is not None:  # the stream may be gone already
                    call.perform(effect)

    def _report(self, ended: slot.AttemptEnded) -> None:
        is_busy = ended.code in (RefusalCode.BUSY, RefusalCode.STAMP)  # 0 where nobody refused
        if (tried := Tried.BUSY if is_busy else _TRIED.get(ended.outcome)) is not None:
            self._lobby.handle(search.AttemptEnded(ended.peer, tried))

    # ---- streams

    async def _dial(self, number: int, ticket: Ticket) -> None:
        """Reach who waits, ask, and see it through; the connection is ours to close."""
        started = trio.current_time()
        stream = await self._connect(number, reach(self._host, ticket))
        rtt = trio.current_time() - started  # several round trips: an estimate on the safe side
        if stream is None:
            return
        try:
            refused = await self._ask(number, stream, ticket, rtt)
            if (stamp := await self._purse.pay(refused, self._wait_turn)) is not None:
                number = self._choose(ticket.pid)
                again = await self._connect(number, reopen(self._host, stream.connection))
                if again is not None:
                    await self._ask(number, again, ticket, rtt, stamp)
        finally:
            stream.connection.close()

    async def _connect(self, number: int, opening: Awaitable[Stream | None]) -> Stream | None:
        stream: Stream | None = None
        with self._dials[number]:
            stream = await opening
        del self._dials[number]
        if stream is None:
            self._handle(slot.DialFailed(number))
        return stream

    async def _ask(
        self, number: int, stream: Stream, ticket: Ticket, rtt: float, stamp: bytes | None = None
    ) -> Outbound:
        """Send M1 and see it through."""
        binding = self._binding(stream, initiator=self._host.peer_id, responder=stream.peer_id)
        tag = self._lobby.tag_of(ticket.room.key) or ANYBODY  # wrong only if we left that room a minute ago
        attempt = Outbound(number, binding, self._hello, room=ticket.room.key, tag=tag, stamp=stamp)
        call = self._calls[number] = Call(Line(stream), attempt)
        self._handle(slot.Connected(number, attempt.order, rtt))
        await self._see_through(number, call)
        return attempt

    async def _wait_turn(self) -> None:
        while not self._machine.may_choose(trio.current_time()):
            await self._turn.wait()

    async def _serve(self, stream: Stream) -> None:
        if stream.connection in self._barred or not self._is_welcome():
            return
        number = next(self._numbers)
        binding = self._binding(stream, initiator=stream.peer_id, responder=self._host.peer_id)
        attempt = Inbound(number, binding, self._hello, tag_of=self._lobby.tag_of)
        call = self._calls[number] = Call(Line(stream), attempt)
        self._handle(slot.Opened(number, stream.peer_id))
        await self._see_through(number, call)

    async def _see_through(self, number: int, call: Call) -> None:
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

    async def _shake_hands(self, number: int, call: Call) -> None:
        try:
            while not (call.over or call.matched):
                fact = call.attempt.receive(await call.line.read(call.attempt.check))
                if isinstance(fact, slot.Answered):
                    call.refuse(NO_COMMON_VERSION)
                self._handle(await self._past_the_booth(call, fact))
        except (*OVER, RemoteProtocolError) as error:
            if isinstance(error, RemoteProtocolError):
                self._barred.add(call.line.stream.connection)
            if not call.over:
                self._handle(slot.Broken(number))

    async def _past_the_booth(self, call: Call, fact: Fact) -> Fact:
        """Return what the slot is to hear: M1 only if nothing is owed for it. RemoteProtocolError for a bad stamp."""
        if not (isinstance(fact, slot.FirstMessage) and isinstance(call.attempt, Inbound)):
            return fact
        if call.attempt.stamp is None and not self._machine.would_take(fact, trio.current_time()):
            self._booth.turned_away()
            return fact
        refusal = await self._booth.judge(call.line.stream.connection, call.attempt)
        if refusal is None:
            return fact
        call.refuse(refusal)
        return slot.Answered(fact.stream)

    def _binding(self, stream: Stream, *, initiator: bytes, responder: bytes) -> Binding:
        return Binding(self._network, initiator, responder, stream.connection.channel_binding())

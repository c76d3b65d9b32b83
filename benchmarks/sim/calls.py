"""Chat streams between simulated people: the slot machine's facts, passed on without bytes.

PBY1 itself is not run: M2, M3 and M4 arrive as the facts they are when they verify, with the stream's number as th3.
"""

from math import inf
from typing import TYPE_CHECKING, Final

from benchmarks.sim.model import CONNECTION_TRIPS

from passerby.discovery.searching import searchevents as search
from passerby.discovery.searching.candidates import Outcome as Tried
from passerby.node import slot
from passerby.node.matchmaking import Matchmaker

if TYPE_CHECKING:
    from benchmarks.sim.world import World

BUSY: Final = 1
_TRIED: Final = {
    slot.Outcome.UNREACHABLE: Tried.UNREACHABLE,
    slot.Outcome.FAILED: Tried.FAILED,
    slot.Outcome.TIMEOUT: Tried.FAILED,
}


class Call:
    """One chat stream, or the dial on the way to it. `ends` are those who have not closed their end."""

    __slots__ = ("_until", "dialled", "ends", "is_dropped", "number", "one_way", "order", "who", "whom")

    def __init__(self, who: "Chatting", whom: bytes, number: int) -> None:
        """Begin to dial."""
        world = who.world
        self.who = who
        self.whom = whom
        self.number = number
        self.one_way = world.model.draw_trip(world.rng) / 2
        self.order = world.rng.getrandbits(256)
        self.ends: list[Chatting] = [who]
        self.dialled = world.clock.now
        self.is_dropped = False
        self._until = {who.pid: 0.0, whom: 0.0}
        begun = who.work(world.clock.now)
        world.clock.at(begun + (2 * CONNECTION_TRIPS - 1) * self.one_way, self._reach)

    def other(self, one: "Chatting") -> "Chatting | None":
        """Return who is at the other end."""
        return self.who.world.everybody.get(self.whom) if one is self.who else self.who

    def _reach(self) -> None:
        if self.is_dropped:
            return
        world = self.who.world
        whom = world.everybody.get(self.whom)
        if whom is None:
            self.tell(self.who, slot.DialFailed(self.number))
        elif whom.is_there:
            world.costs.counts["connections to people"] += 1
            world.clock.at(whom.work(world.clock.now), self._accepted)
        elif world.relay_patience < inf:
            world.clock.after(world.relay_patience, self.tell, self.who, slot.DialFailed(self.number))

    def _accepted(self) -> None:
        if not self.is_dropped:
            rtt = self.who.world.clock.now + self.one_way - self.dialled
            self.tell(self.who, slot.Connected(self.number, self.order, rtt))

    def tell(self, one: "Chatting", event: slot.Event) -> None:
        """Let somebody hear a fact when it gets there."""
        world = one.world
        moment = max(self._until[one.pid], world.clock.now + world.model.delay(self.one_way, world.rng))
        self._until[one.pid] = moment
        world.clock.at(moment, self._arrive, one, event)

    def _arrive(self, one: "Chatting", event: slot.Event) -> None:
        if not one.is_there:
            return
        if isinstance(event, slot.FirstMessage):
            self.ends.append(one)
            one.calls[self.number] = self
            one.feed(slot.Opened(self.number, self.who.pid))
        if one in self.ends:
            one.feed(event)


class Chatting:
    """The slot of one person and its chat streams. `partner` is whom a confirmed chat is with."""

    is_there: bool = True

    def __init__(self, world: "World", pid: bytes) -> None:
        """Be in no chat."""
        self.world = world
        self.pid = pid
        self.slot = Matchmaker()
        self.calls: dict[int, Call] = {}
        self.partner: bytes | None = None
        self.arrived = 0.0
        self.matched_at = inf
        self._ghosts: list[tuple[float, float]] = []
        self._slot_alarm = inf

    @property
    def ghost_time(self) -> float:
        """Seconds in which somebody was dialled who is not there; what overlaps counts once."""
        lost, until = 0.0, 0.0
        for begun, ended in sorted(self._ghosts):
            lost += max(0.0, ended - max(begun, until))
            until = max(until, ended)
        return lost

    def work(self, now: float) -> float:
        """Do what a connection costs; return when it is done."""
        raise NotImplementedError

    def tell(self, event: search.Event) -> None:
        """Tell the searcher."""
        raise NotImplementedError

    def advance(self) -> None:
        """Dial the next stranger if there is one to dial."""
        raise NotImplementedError

    def choose(self, pid: bytes) -> None:
        """Take the slot for a dial."""
        self.feed(slot.Choose(self.world.new_number(), pid))

    def feed(self, event: slot.Event) -> None:
        """Tell the slot machine what happened, and do what follows."""
        now = self.world.clock.now
        for effect in self.slot.handle(event, now):
            self._do(effect)
        due = self.slot.deadline(now)
        if due is not None and due < self._slot_alarm:
            self._slot_alarm = due
            self.world.clock.at(due, self._ring_slot, due)
        self.advance()

    def _ring_slot(self, alarm: float) -> None:
        if alarm != self._slot_alarm or not self.is_there:
            return
        self._slot_alarm = inf
        self.feed(slot.Tick())

    def _do(self, effect: slot.Effect) -> None:
        match effect:
            case slot.Dial(number, peer):
                self.world.note_dial(peer)
                self.calls[number] = Call(self, peer, number)
            case slot.EnterRooms():
                self.tell(search.Freed())
            case slot.LeaveRooms():
                self.tell(search.Locked())
            case slot.AttemptEnded():
                self._report(effect)
            case slot.DropDial(number):
                self._drop(self.calls.pop(number))
            case slot.Matched(number, peer, transcript):
                self.world.note_match(self, peer, number, transcript)
            case _:
                self._say(effect)

    def _say(self, effect: slot.Effect) -> None:
        assert isinstance(effect, slot.OnStream)
        number = effect.stream
        call = self.calls.get(number)
        other = None if call is None else call.other(self)
        if call is None or other is None:
            return
        transcript = number.to_bytes(32, "big")
        match effect:
            case slot.SendFirst():
                call.tell(other, slot.FirstMessage(number, call.order))
            case slot.SendReply():
                call.tell(other, slot.GoodReply(number))
            case slot.SendProof():
                call.tell(other, slot.GoodProof(number, transcript))
            case slot.SendConfirmationAndHello():
                call.tell(other, slot.GoodConfirmation(number, transcript))
                call.tell(other, slot.GoodHello(number))
            case slot.SendHello():
                call.tell(other, slot.GoodHello(number))
            case slot.Refuse():
                self._close(call)
                call.tell(other, slot.Refused(number, BUSY))
            case _:
                self._close(call)
                call.tell(other, slot.Broken(number))

    def _drop(self, call: Call) -> None:
        call.is_dropped = True
        whom = call.other(self)
        if whom is None or not whom.is_there:
            self._ghosts.append((call.dialled, self.world.clock.now))

    def _close(self, call: Call) -> None:
        call.ends.remove(self)
        del self.calls[call.number]

    def _report(self, ended: slot.AttemptEnded) -> None:
        busy = ended.outcome is slot.Outcome.REFUSED
        tried = Tried.BUSY if busy else _TRIED.get(ended.outcome)
        if tried is not None:
            self.world.note_attempt(self, ended)
            self.tell(search.AttemptEnded(ended.peer, tried))

    def close_chats(self) -> None:
        """Break off every stream."""
        for call in list(self.calls.values()):
            other = call.other(self)
            self._close(call)
            if other is not None:
                call.tell(other, slot.Broken(call.number))

    def end_chat(self, *, lost: bool = False, any_text: bool = True) -> None:
        """Take that the chat is over; for both sides at once, since a goodbye takes no part in a match."""
        for number in list(self.calls):
            call = self.calls[number]
            self._close(call)
            self.feed(slot.ChatEnded(number, lost, any_text))
        if self.partner is not None:
            self.tell(search.Met(self.partner))
        self.tell(search.Stopped())
        self.partner = None

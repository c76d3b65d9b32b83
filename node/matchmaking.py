"""The slot machine of a chatting peer: to whom it is promised, if to anybody (docs/protocol.md 4.2).

One machine per peer and one slot, however many rooms. Whatever is in the slot is all that the peer has promised:

    IDLE --Start--> SEEK/free --Choose--> connecting --Connected--> asked --GoodReply--> LOCK_I --GoodConfirmation--.
                        |                     |                       |                                             |
                        '-----FirstMessage----+-----------------------'---> LOCK_R ----------GoodProof---------> PAIRED
                                                                                                                    |
    whatever fails before CONFIRMED falls back to SEEK/free                            CONFIRMED <------GoodHello---'

Several dials may be out in `connecting` (dials.py); one of them at most gets M1.

Nobody is paired twice: M2 is sent only from SEEK and leads into LOCK_R, M3 only from asked and leads into LOCK_I; so at
most one stream is past M1, and CONFIRMED needs that very stream. Nobody waits for ever: two who dial each other, or ten
in a ring, yield to the higher `order`, which nobody chooses alone, and a lock never waits for a third.

The shell owns the streams and the handshakes and feeds facts that it has verified; the machine says what to do. The
shell numbers every stream, those it is about to open too, and never uses a number twice: so a late event can be known
as late. `Reset` and `DropDial` may name a stream that is gone already. Every way back into SEEK/free is told by
`EnterRooms` or `AttemptEnded`. Times are seconds of one monotonic clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from passerby.crypto.errors import LocalProtocolError
from passerby.node.dials import Connecting, Dialled
from passerby.node.failedlocks import FailedLocks
from passerby.node.limits import (
    ASKED_TIMEOUT,
    DIAL_TIMEOUT,
    EARLY_LOSS,
    LOCK_TIMEOUT,
    M1_TIMEOUT,
    PAIRED_TIMEOUT,
    PENDING_CHAT_STREAMS,
)
from passerby.node.slot import (
    Answered,
    Asked,
    AttemptEnded,
    ChatEnded,
    Choose,
    Confirmed,
    Connected,
    Dial,
    DropDial,
    Effect,
    EnterRooms,
    Event,
    FirstMessage,
    Free,
    GoodConfirmation,
    GoodHello,
    GoodProof,
    GoodReply,
    Idle,
    LeaveRooms,
    LockI,
    LockR,
    Matched,
    Opened,
    Outcome,
    Paired,
    Refuse,
    Refused,
    Reset,
    SendConfirmationAndHello,
    SendFirst,
    SendHello,
    SendProof,
    SendReply,
    Start,
    State,
    Stop,
    StreamFact,
    Tick,
    Waiting,
)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A stream that `peer` opened to us: M1 is awaited `until` then."""

    peer: bytes
    until: float


class Matchmaker:
    """The machine; `state` is for reading."""

    __slots__ = ("_failed_locks", "_pending", "state")

    def __init__(self) -> None:
        self.state: State = Idle()
        self._pending: Mapping[int, _Pending] = {}
        self._failed_locks = FailedLocks()

    @property
    def dialled(self) -> frozenset[bytes]:
        """Who is being dialled: nobody is twice at once."""
        return frozenset(dial.peer for dial in self.state.dials) if isinstance(self.state, Connecting) else frozenset()

    def may_choose(self, now: float) -> bool:
        """Tell whether `Choose` may come now, of somebody who is not `dialled`."""
        state = self.state
        return isinstance(state, Free) or (isinstance(state, Connecting) and state.may_add(now))

    def deadline(self, now: float) -> float | None:
        """Return when the next `Tick` is due or `may_choose` will change its mind; None if nothing is awaited."""
        waits = [pending.until for pending in self._pending.values()]
        if isinstance(self.state, Waiting):
            waits.append(self.state.until)
        elif isinstance(self.state, Connecting):
            waits.append(self.state.deadline(now))
        return min(waits, default=None)

    def would_take(self, event: FirstMessage, now: float) -> bool:
        """Tell whether that M1 would be answered with M2 now: only then is it worth asking for a stamp."""
        pending = self._pending.get(event.stream)
        return pending is not None and self._takes(pending.peer, event, now)

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take one fact at `now` (monotonic seconds) and say what to do, in order.

        Whatever is due by `now` happens first, so a late message never revives what had to end.

        Raises LocalProtocolError for a `Start` outside IDLE, and a `Choose` that may not come now.
        """
        effects = self._expire(now)
        match self.state, event:
            case _, Tick():
                pass
            case _, Start() | Stop() | Choose():
                effects += self._wish(event, now)
            case _, Opened(stream, peer):
                effects += self._opened(stream, peer, now)
            case _, FirstMessage(stream) if stream in self._pending:
                effects += self._first_message(event, now)
            case _, Answered(stream) if stream in self._pending:
                self._take_pending(stream)
            case (Waiting(stream) | Confirmed(stream), _) if stream == event.stream:
                effects += self._in_slot(event, now)
            case Connecting() as connecting, _ if dial := connecting.find(event.stream):
                effects += self._of_dial(connecting, dial, event, now)
            case _:
                effects += self._stray(event.stream)
        return effects

    # ---- what the person and the searcher want

    def _wish(self, event: Start | Stop | Choose, now: float) -> list[Effect]:
        match self.state, event:
            case Idle(), Start():
                self.state = Free()
                return [EnterRooms()]
            case Free(), Choose(stream, peer):
                self.state = Connecting.first(stream, peer, now)
                return [Dial(stream, peer)]
            case Connecting() as dials, Choose(stream, peer) if dials.may_add(now) and not dials.goes_to(peer):
                self.state = dials.add(stream, peer, now)
                return [Dial(stream, peer)]
            case _, Stop():
                leaving: list[Effect] = [LeaveRooms()] if isinstance(self.state, Free | Connecting | Asked) else []
                effects = self._let_go(Outcome.STOPPED)
                self.state = Idle()
                return effects + leaving
            case _:
                raise LocalProtocolError(f"{type(event).__name__} in {type(self.state).__name__}")

    # ---- streams opened to us

    def _opened(self, stream: int, peer: bytes, now: float) -> list[Effect]:
        if len(self._pending) >= PENDING_CHAT_STREAMS or any(p.peer == peer for p in self._pending.values()):
            return [Reset(stream)]
        self._pending = {**self._pending, stream: _Pending(peer, now + M1_TIMEOUT)}
        return []

    def _take_pending(self, stream: int) -> bytes:
        peer = self._pending[stream].peer
        self._pending = {number: pending for number, pending in self._pending.items() if number != stream}
        return peer

    def _first_message(self, event: FirstMessage, now: float) -> list[Effect]:
        peer = self._take_pending(event.stream)
        if not self._takes(peer, event, now):
            return [Refuse(event.stream)]
        effects = self._let_go(Outcome.YIELDED)
        self.state = LockR(event.stream, peer, now + LOCK_TIMEOUT)
        return [*effects, SendReply(event.stream), LeaveRooms()]

    def _takes(self, peer: bytes, event: FirstMessage, now: float) -> bool:
        is_refused = event.blocked or self._failed_locks.bar(peer, now)
        return not is_refused and self._yields(event.order, now)

    def _yields(self, order: int, now: float) -> bool:
        match self.state:
            case Free():
                return True
            case Connecting():
                return not self._failed_locks.are_pattern(now)
            case Asked():
                return order > self.state.order and not self._failed_locks.are_pattern(now)
            case _:
                return False

    def _stray(self, stream: int) -> list[Effect]:
        """Protocol.md 4.2: an event of a stream that is not in the slot has no effect but its reset."""
        if stream in self._pending:
            self._take_pending(stream)
        return [Reset(stream)]

    # ---- dials

    def _of_dial(self, connecting: Connecting, dial: Dialled, event: StreamFact, now: float) -> list[Effect]:
        if not isinstance(event, Connected):
            return self._drop(connecting, (dial,), Outcome.UNREACHABLE)
        dropped = self._drop(connecting, connecting.others((dial,)), Outcome.YIELDED)
        # a round trip longer than the whole dial was allowed to take is no estimate
        until = now + ASKED_TIMEOUT + min(DIAL_TIMEOUT, event.rtt)
        self.state = Asked(dial.stream, dial.peer, until, event.order)
        return [*dropped, SendFirst(dial.stream)]

    def _drop(self, connecting: Connecting, dials: tuple[Dialled, ...], outcome: Outcome) -> list[Effect]:
        left = connecting.others(dials)
        self.state = Connecting(left, connecting.patient_until) if left else Free()
        return [effect for dial in dials for effect in (DropDial(dial.stream), AttemptEnded(dial.peer, outcome))]

    # ---- the stream in the slot

    def _in_slot(self, event: StreamFact, now: float) -> list[Effect]:
        match self.state, event:
            case Asked(stream, peer), GoodReply():
                self.state = LockI(stream, peer, now + LOCK_TIMEOUT)
                return [SendProof(stream), LeaveRooms()]
            case Asked(), Refused(code=code):
                return self._fall(Outcome.REFUSED, now, code)
            case LockR(stream, peer), GoodProof(transcript=transcript):
                self.state = Paired(stream, peer, now + PAIRED_TIMEOUT, transcript, ours=False)
                return [SendConfirmationAndHello(stream)]
            case LockI(stream, peer), GoodConfirmation(transcript=transcript):
                self.state = Paired(stream, peer, now + PAIRED_TIMEOUT, transcript, ours=True)
                return [SendHello(stream)]
            case Paired(stream, peer, transcript=transcript), GoodHello():
                self.state = Confirmed(stream, peer, transcript, now)
                return [Matched(stream, peer, transcript)]
            case Confirmed(), _:
                return self._end_chat(self.state, event, now)
            case _:
                return self._fall(Outcome.FAILED, now)

    def _end_chat(self, chat: Confirmed, event: StreamFact, now: float) -> list[Effect]:
        match event:
            case ChatEnded(lost=True, any_text=False) if now - chat.since <= EARLY_LOSS:
                # who sends last cannot know that it arrived: the other side may never have been CONFIRMED.
                # But who does it again and again holds us as surely as one whose locks fail.
                self._failed_locks.note(chat.peer, now)
                self.state = Free()
                return [EnterRooms()]
            case ChatEnded():
                self.state = Idle()
                return []
            case _:
                self.state = Idle()
                return [Reset(chat.stream)]

    # ---- ways back

    def _expire(self, now: float) -> list[Effect]:
        late = [stream for stream, pending in self._pending.items() if now >= pending.until]
        effects: list[Effect] = [effect for stream in late for effect in self._stray(stream)]
        if isinstance(self.state, Connecting):
            effects += self._drop(self.state, self.state.late(now), Outcome.UNREACHABLE)
        elif isinstance(self.state, Waiting) and now >= self.state.until:
            effects += self._fall(Outcome.TIMEOUT, now)
        return effects

    def _fall(self, outcome: Outcome, now: float, code: int = 0) -> list[Effect]:
        effects = self._let_go(outcome, code)
        if not isinstance(self.state, Asked):
            effects.append(EnterRooms())
        if isinstance(self.state, LockR):
            self._failed_locks.note(self.state.peer, now)
        self.state = Free()
        return effects

    def _let_go(self, outcome: Outcome, code: int = 0) -> list[Effect]:
        """Undo what the slot holds; the caller says what it holds next."""
        match self.state:
            case Idle() | Free():
                return []
            case Connecting(dials) as connecting:
                return self._drop(connecting, dials, outcome)
            case Asked(stream, peer) | LockI(stream, peer) | Paired(stream, peer, ours=True):
                return [Reset(stream), AttemptEnded(peer, outcome, code)]
            case promised:
                return [Reset(promised.stream)]

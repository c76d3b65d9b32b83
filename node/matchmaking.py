"""The slot machine of a chatting peer: to whom it is promised, if to anybody (docs/protocol.md 4.2).

One machine per peer and one slot, however many rooms. Whatever is in the slot is all that the peer has promised:

    IDLE --Start--> SEEK/free --Choose--> connecting --Connected--> asked --GoodReply--> LOCK_I --GoodConfirmation--.
                        |                     |                       |                                             |
                        '-----FirstMessage----+-----------------------'---> LOCK_R ----------GoodProof---------> PAIRED
                                                                                                                    |
    whatever fails before CONFIRMED falls back to SEEK/free                            CONFIRMED <------GoodHello---'

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
from typing import Final

from passerby.crypto.errors import LocalProtocolError
from passerby.node.limits import (
    ASKED_TIMEOUT,
    DIAL_TIMEOUT,
    EARLY_LOSS,
    LOCK_TIMEOUT,
    M1_TIMEOUT,
    PAIRED_TIMEOUT,
    PENDING_CHAT_STREAMS,
    YIELD_PAUSE,
)
from passerby.node.slot import (
    Answered,
    Asked,
    AttemptEnded,
    ChatEnded,
    Choose,
    Confirmed,
    Connected,
    Connecting,
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
    StreamEvent,
    Tick,
    Waiting,
)

REFUSED_PEERS: Final = 256  # fresh peer ids cost an attacker nothing, so the list of who failed must end somewhere


@dataclass(frozen=True, slots=True)
class _Noted:
    """A peer and a moment: until when an opened stream may be silent, or when a lock failed."""

    peer: bytes
    at: float


class Matchmaker:
    """The machine; `state` is for reading."""

    __slots__ = ("_failed", "_firm_until", "_pending", "_refused", "state")

    def __init__(self) -> None:
        self.state: State = Idle()
        self._pending: Mapping[int, _Noted] = {}  # opened to us, M1 awaited
        self._failed: _Noted | None = None  # the last inbound lock that failed at M3
        self._firm_until = float("-inf")  # connecting and asked yield to nobody before this
        self._refused: Mapping[bytes, float] = {}  # who failed, until when

    @property
    def free(self) -> bool:
        """Whether `Choose` may come now."""
        return isinstance(self.state, Free)

    def deadline(self) -> float | None:
        """When the next `Tick` is due, on the clock of `now`; None if nothing is awaited."""
        waits = [noted.at for noted in self._pending.values()]
        if isinstance(self.state, Waiting):
            waits.append(self.state.until)
        return min(waits, default=None)

    def would_take(self, event: FirstMessage, now: float) -> bool:
        """Tell whether that M1 would be answered with M2 now: only then is it worth asking for a stamp."""
        noted = self._pending.get(event.stream)
        return noted is not None and self._takes(noted.peer, event, now)

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take one fact at `now` (monotonic seconds) and say what to do, in order.

        Whatever is due by `now` happens first, so a late message never revives what had to end.

        Raises LocalProtocolError for a `Start` outside IDLE or a `Choose` outside SEEK/free.
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
                self.state = Connecting(stream, peer, now + DIAL_TIMEOUT)
                return [Dial(stream, peer)]
            case _, Stop():
                effects = self._let_go(Outcome.STOPPED)
                if isinstance(self.state, Free | Connecting | Asked):
                    effects.append(LeaveRooms())
                self.state = Idle()
                return effects
            case _:
                raise LocalProtocolError(f"{type(event).__name__} in {type(self.state).__name__}")

    # ---- streams opened to us

    def _opened(self, stream: int, peer: bytes, now: float) -> list[Effect]:
        if len(self._pending) >= PENDING_CHAT_STREAMS or any(n.peer == peer for n in self._pending.values()):
            return [Reset(stream)]
        self._pending = {**self._pending, stream: _Noted(peer, now + M1_TIMEOUT)}
        return []

    def _take_pending(self, stream: int) -> bytes:
        peer = self._pending[stream].peer
        self._pending = {number: noted for number, noted in self._pending.items() if number != stream}
        return peer

    def _first_message(self, event: FirstMessage, now: float) -> list[Effect]:
        peer = self._take_pending(event.stream)
        if not self._takes(peer, event, now):
            return [Refuse(event.stream)]
        effects = self._let_go(Outcome.YIELDED)
        self.state = LockR(event.stream, peer, now + LOCK_TIMEOUT)
        return [*effects, SendReply(event.stream), LeaveRooms()]

    def _takes(self, peer: bytes, event: FirstMessage, now: float) -> bool:
        is_refused = event.blocked or now < self._refused.get(peer, now)
        return not is_refused and self._yields(event.order, now)

    def _yields(self, order: int, now: float) -> bool:
        match self.state:
            case Free():
                return True
            case Connecting():
                return now >= self._firm_until
            case Asked():
                return order > self.state.order and now >= self._firm_until
            case _:
                return False

    def _stray(self, stream: int) -> list[Effect]:
        """Protocol.md 4.2: an event of a stream that is not in the slot has no effect but its reset."""
        if stream in self._pending:
            self._take_pending(stream)
        return [Reset(stream)]

    # ---- the stream in the slot

    def _in_slot(self, event: StreamEvent | FirstMessage | Answered, now: float) -> list[Effect]:
        match self.state, event:
            case Connecting(stream, peer), Connected(order=order, rtt=rtt):
                # a round trip longer than the whole dial was allowed to take is no estimate
                self.state = Asked(stream, peer, now + ASKED_TIMEOUT + min(DIAL_TIMEOUT, rtt), order)
                return [SendFirst(stream)]
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
            case Connecting(), _:
                return self._fall(Outcome.UNREACHABLE, now)
            case _:
                return self._fall(Outcome.FAILED, now)

    def _end_chat(self, chat: Confirmed, event: StreamEvent | FirstMessage | Answered, now: float) -> list[Effect]:
        match event:
            case ChatEnded(lost=True, any_text=False) if now - chat.since <= EARLY_LOSS:
                # who sends last cannot know that it arrived: the other side may never have been CONFIRMED.
                # But who does it again and again holds us as surely as one whose locks fail.
                self._note_failed_lock(chat.peer, now)
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
        late = [stream for stream, noted in self._pending.items() if now >= noted.at]
        effects: list[Effect] = [effect for stream in late for effect in self._stray(stream)]
        if isinstance(self.state, Waiting) and now >= self.state.until:
            outcome = Outcome.UNREACHABLE if isinstance(self.state, Connecting) else Outcome.TIMEOUT
            effects += self._fall(outcome, now)
        return effects

    def _fall(self, outcome: Outcome, now: float, code: int = 0) -> list[Effect]:
        effects = self._let_go(outcome, code)
        if not isinstance(self.state, Connecting | Asked):
            effects.append(EnterRooms())
        if isinstance(self.state, LockR):
            self._note_failed_lock(self.state.peer, now)
        self.state = Free()
        return effects

    def _let_go(self, outcome: Outcome, code: int = 0) -> list[Effect]:
        """Undo what the slot holds; the caller says what it holds next."""
        match self.state:
            case Idle() | Free():
                return []
            case Connecting(stream, peer):
                return [DropDial(stream), AttemptEnded(peer, outcome, code)]
            case Asked(stream, peer) | LockI(stream, peer) | Paired(stream, peer, ours=True):
                return [Reset(stream), AttemptEnded(peer, outcome, code)]
            case promised:
                return [Reset(promised.stream)]

    def _note_failed_lock(self, peer: bytes, now: float) -> None:
        """Two in a row are a pattern: somebody makes us yield and lets us wait, so for a while we do not yield."""
        before, self._failed = self._failed, _Noted(peer, now)
        if before is None or now - before.at > YIELD_PAUSE:
            return
        self._firm_until = now + YIELD_PAUSE
        still = [(p, until) for p, until in self._refused.items() if until > now and p not in (before.peer, peer)]
        newest = still[-(REFUSED_PEERS - 2) :]
        self._refused = {**dict(newest), before.peer: self._firm_until, peer: self._firm_until}

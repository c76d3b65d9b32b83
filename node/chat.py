"""An open chat as a machine: from the stranger's HELLO to the end (protocol.md 5, Records).

======== ============================================================= =====================================
state    what holds                                                    left by
======== ============================================================= =====================================
OPEN     both sides confirmed; records go both ways                    our CLOSE or theirs -> CLOSING;
                                                                       a broken rule, EOF, silence -> ENDED
CLOSING  the person knows the end; we read, drop and decrypt nothing   EOF or CLOSE_TIMEOUT -> ENDED
ENDED    nothing is done any more                                      -
======== ============================================================= =====================================

How a chat ends for the person, told once, at the moment we know:

- we leave: YOU, at once, even if the stranger's goodbye is on its way too (to the person it was their own doing;
  the other side sees its own);
- an authenticated goodbye: FLOOD if it says so, else LEFT (LIMIT and SAFETY have no words of their own here);
- EOF, a reset or silence: LOST;
- the stranger broke the protocol: REFUSED, and its stream is reset without a word. That is not called LOST: the line
  is well and coming back would not help (product.md 6 counts it among "protocol refused");
- the stranger flooded us: FLOOD.

The shell feeds facts and carries out effects in their order, then calls `handle` again at `deadline`. It owns the
framing: a record that cannot be framed, opened or decoded is `Malformed`.
"""

import random
from collections import deque
from collections.abc import Iterable
from enum import Enum, auto

from passerby.crypto.errors import LocalProtocolError
from passerby.node.chat_events import (
    CloseWrite,
    Effect,
    Event,
    Leave,
    Malformed,
    NoMoreInput,
    PauseReading,
    QueueFull,
    QueueHasRoom,
    Reading,
    RecordReceived,
    ResetStream,
    ResumeReading,
    Said,
    Send,
    Show,
    StreamEnded,
    Typed,
)
from passerby.node.events import Delivered, Ended, EndReason, MessageSent, StrangerTyping
from passerby.node.limits import (
    BYTES_WINDOW,
    CLOSE_TIMEOUT,
    EOF_GRACE,
    OUTGOING_LINES,
    RECEIVE_BURST,
    RECEIVE_BYTES,
    RECEIVE_RATE,
    SILENCE,
    STRIKE_PAUSE,
    STRIKE_WINDOW,
    STRIKES,
)
from passerby.node.messages import Ack, Close, CloseReason, Hello, Ignored, Message, Ping, Pong, Text, Typing
from passerby.node.outbox import Outbox
from passerby.node.pace import Pace, Window


class ChatState(Enum):
    """Where the chat stands; the table is above."""

    OPEN = auto()
    CLOSING = auto()
    ENDED = auto()


class Chat:
    """One chat with one stranger. `now` is in seconds of a monotonic clock, the same in every call."""

    def __init__(self, now: float, rng: random.Random) -> None:
        """Begin OPEN; `rng` is a cryptographic one but in tests (nonces, PING distances)."""
        self.state = ChatState.OPEN
        self._outbox = Outbox(now, rng)
        self._queue_full = False
        self._received_id = 0
        self._stranger_types = False
        self._text_pace = Pace(RECEIVE_RATE, RECEIVE_BURST)
        self._bytes = Window(RECEIVE_BYTES, BYTES_WINDOW)
        self._strikes: deque[float] = deque(maxlen=STRIKES)
        self._paused_until: float | None = None
        self._held_since: float | None = None
        self._silent_at = now + SILENCE
        self._leave_at: float | None = None
        self._closed_at = now

    @property
    def unacknowledged(self) -> tuple[Text, ...]:
        """Texts sent that the stranger has not acknowledged, oldest first; it stays true after the end."""
        return self._outbox.unacknowledged

    @property
    def queued(self) -> tuple[str, ...]:
        """Texts said and not sent, oldest first; it stays true after the end."""
        return self._outbox.queued

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take a fact, return what is to be done, in order.

        What the person does after the end has no effect. LocalProtocolError for `Said` while the
        queue is full or with a text past the limits.
        """
        match self.state, event:
            case ChatState.OPEN, _:
                effects = self._happened(event, now)
                return effects + self._catch_up(now) if self.state is ChatState.OPEN else effects
            case ChatState.CLOSING, StreamEnded():
                return self._dispose()
            case ChatState.CLOSING, _ if now >= self._closed_at:
                return self._dispose()
            case _:
                return []

    def deadline(self) -> float | None:
        """Return when `Tick` is due at the latest; None once ENDED."""
        match self.state:
            case ChatState.OPEN:
                moments = (self._outbox.ready_at(), self._paused_until, self._silence_at(), self._leave_at)
                return min(moment for moment in moments if moment is not None)
            case ChatState.CLOSING:
                return self._closed_at
            case _:
                return None

    # ---- what happened

    def _happened(self, event: Event, now: float) -> list[Effect]:
        match event:
            case Said(text):
                if self._queue_full:
                    raise LocalProtocolError("said while the queue is full")
                self._outbox.say(text)
            case Typed(on):
                self._outbox.typed(on)
            case NoMoreInput():
                self._leave_at = now + EOF_GRACE
            case Leave():
                return self._close(CloseReason.LEFT, EndReason.YOU, now)
            case RecordReceived():
                return self._received(event, now)
            case Malformed():
                return self._abort(EndReason.REFUSED)
            case StreamEnded():
                return self._abort(EndReason.LOST)
            case Reading(on):
                self._hold(on, now)
            case _:  # Tick: time is looked at after every event
                pass
        return []

    def _hold(self, on: bool, now: float) -> None:
        if self._held_since is not None:
            self._silent_at += now - self._held_since
        self._held_since = None if on else now
        self._outbox.reading = on

    def _received(self, record: RecordReceived, now: float) -> list[Effect]:
        self._silent_at = now + SILENCE
        message = record.message
        if record.final != isinstance(message, Close):
            return self._abort(EndReason.REFUSED)
        if isinstance(message, Close):
            return self._stranger_closed(message.reason, now)
        if self._within_limits(message, record.size, now):
            return self._understood(message, now)
        self._strikes.append(now)
        if len(self._strikes) == STRIKES and now - self._strikes[0] < STRIKE_WINDOW:
            return self._close(CloseReason.FLOOD, EndReason.FLOOD, now)
        self._paused_until = now + STRIKE_PAUSE
        return [PauseReading(self._paused_until), *self._understood(message, now)]

    def _within_limits(self, message: Message, size: int, now: float) -> bool:
        kept = now >= self._bytes.ready_at(size)
        if not kept:
            self._bytes.clear()  # these bytes were struck for: the next strike is for others
        self._bytes.add(size, now)
        if isinstance(message, Text):
            kept = kept and now >= self._text_pace.ready_at()
            self._text_pace.take(now)
        return kept

    def _understood(self, message: Text | Typing | Ping | Pong | Ack | Hello | Ignored, now: float) -> list[Effect]:
        match message:
            case Text(number, text) if number == self._received_id + 1:
                self._received_id = number
                self._outbox.shown(number, now)
                return [*self._stranger_typing(False), Show(number, text)]
            case Ack(number) if number <= self._outbox.last_id:
                return self._acknowledged(number, now)
            case Text() | Ack() | Hello():  # a gap or a repetition, more than was sent, a second HELLO
                return self._abort(EndReason.REFUSED)
            case Typing(on):
                return self._stranger_typing(on)
            case Ping(nonce):
                self._outbox.pinged(nonce)
            case Pong(nonce):
                self._outbox.ponged(nonce)
            case _:  # Ignored
                pass
        return []

    def _stranger_typing(self, on: bool) -> list[Effect]:
        changed = on != self._stranger_types
        self._stranger_types = on
        return [StrangerTyping(on)] if changed else []

    def _acknowledged(self, number: int, now: float) -> list[Effect]:
        ids = self._outbox.acknowledged(number)
        if ids and self._leave_at is not None:
            self._leave_at = now + EOF_GRACE
        return [Delivered(delivered) for delivered in ids]

    # ---- what time brings

    def _catch_up(self, now: float) -> list[Effect]:
        effects = self._resume(now)
        if now >= self._silence_at():
            return effects + self._abort(EndReason.LOST)
        for message in self._outbox.due(now):
            if isinstance(message, Text):
                effects.append(MessageSent(message.id, message.text))
            effects.append(Send(message))
        effects += self._queue_changes()
        if self._leave_at is not None and (now >= self._leave_at or not (self.queued or self.unacknowledged)):
            effects += self._close(CloseReason.LEFT, EndReason.YOU, now)
        return effects

    def _resume(self, now: float) -> list[Effect]:
        if self._paused_until is None or now < self._paused_until:
            return []
        self._paused_until = None
        self._silent_at = now + SILENCE  # the pause began with a record
        return [ResumeReading()]

    def _silence_at(self) -> float:
        return self._silent_at if self._held_since is None else float("inf")

    def _queue_changes(self) -> list[Effect]:
        full = self._outbox.waiting >= OUTGOING_LINES
        changed = full != self._queue_full
        self._queue_full = full
        return [QueueFull() if full else QueueHasRoom()] if changed else []

    # ---- how it ends

    def _close(self, reason: CloseReason, end: EndReason, now: float) -> list[Effect]:
        last_words = [*self._outbox.last_words(), Close(reason)]
        sent = [Send(message, final=isinstance(message, Close)) for message in last_words]
        return self._closing(sent, end, now)

    def _stranger_closed(self, reason: CloseReason, now: float) -> list[Effect]:
        return self._closing([], EndReason.FLOOD if reason is CloseReason.FLOOD else EndReason.LEFT, now)

    def _closing(self, last_words: Iterable[Effect], end: EndReason, now: float) -> list[Effect]:
        self.state = ChatState.CLOSING
        self._closed_at = now + CLOSE_TIMEOUT
        resume: list[Effect] = [] if self._paused_until is None else [ResumeReading()]
        return [*resume, *last_words, CloseWrite(), self._ended(end)]

    def _dispose(self) -> list[Effect]:
        self.state = ChatState.ENDED
        return [ResetStream()]

    def _abort(self, end: EndReason) -> list[Effect]:
        return [*self._dispose(), self._ended(end)]

    def _ended(self, end: EndReason) -> Ended:
        return Ended(end, before_any_text=not (self._outbox.last_id or self._received_id))

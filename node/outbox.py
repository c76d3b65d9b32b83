"""What we send in a chat, and when: the pace of an honest sender (protocol.md 5, Records).

The promise is to the stranger's limits (chat.py): whatever the path does with our records, stall and then deliver all
it held included, they never pass 128 KiB in 10 s. So everything that can be on its way at once is bounded:

====================================  ===================================  ======================
TEXT unacknowledged                   SEND_BYTES, at most 16               49 152
TYPING since the last PING answered   30 s / 2 s, and the one before       16 x 275 =  4 400
ACK of texts that wait for one        16                                   16 x 275 =  4 400
PING and PONG                         PINGS_UNANSWERED each                 8 x 275 =  2 200
====================================  ===================================  ======================

and so is what follows in 10 s: SEND_BYTES of TEXT and TYPING, with what else was sent counted in; and after these, 70
ACK, 6 PONG and 1 PING, 21 175 bytes. The sum is 130 479; 128 KiB are 131 072. tests/unit/node/test_chat_pair.py tries.
"""

import random
from collections import deque
from collections.abc import Iterator
from typing import Final

from passerby.node.limits import (
    ACK_LINGER,
    BYTES_WINDOW,
    CONTROL_INTERVAL,
    PING_INTERVAL,
    SEND_BURST,
    SEND_BYTES,
    SEND_RATE,
    SILENCE,
    STREAM_BUFFER,
    TEXT_UNACKNOWLEDGED,
)
from passerby.node.messages import NONCE_BYTES, Ack, Message, Ping, Pong, Text, Typing, encode, record_bytes
from passerby.node.pace import Pace, Window

CONTROL_BYTES: Final = 275  # a record of TYPING, PING, PONG or ACK
PINGS_UNANSWERED: Final = int(SILENCE // PING_INTERVAL[0])
"""While we read, more say nothing new: silence ends the chat before a fifth. While we do not, answers wait unread and
the stranger still has to hear from us."""
UNREAD: Final = STREAM_BUFFER // (2 * CONTROL_BYTES)
"""ACK, PONG and PING sent since the stranger last proved to read. Beyond, they are withheld: else one who makes us
speak and never reads fills our memory. Twice this fits the stream's buffer, since what was sent while a proof was on
its way is forgotten with it. A reader needs 200 at most: PINGs are 30 s apart and ACKs keep the pace of TEXT."""


class Outbox:
    """Takes what we have to say, gives it out in order and in time; one for each chat."""

    def __init__(self, now: float, rng: random.Random) -> None:
        """Begin with nothing to say; `rng` draws nonces and the distance of PINGs."""
        self._rng = rng
        self.last_id = 0
        self.reading = True
        self._queue: deque[tuple[str, int]] = deque()  # with the size of its record, as below
        self._on_their_way: deque[tuple[Text, int]] = deque()
        self._text_pace = Pace(SEND_RATE, SEND_BURST)
        self._bytes = Window(SEND_BYTES, BYTES_WINDOW)
        self._shown = 0
        self._acknowledged = 0
        self._ack_pace = Pace(SEND_RATE, SEND_BURST)
        self._ack_at = now
        self._unread = 0
        self._pong: Pong | None = None
        self._pong_at = now
        self._pings: deque[bytes] = deque()
        self._ping_at = now + rng.uniform(*PING_INTERVAL)
        self._typing = False
        self._typing_told = False
        self._typing_at = now

    @property
    def waiting(self) -> int:
        """How many texts wait to be sent."""
        return len(self._queue)

    @property
    def queued(self) -> tuple[str, ...]:
        """The texts themselves, oldest first."""
        return tuple(text for text, _ in self._queue)

    @property
    def unacknowledged(self) -> tuple[Text, ...]:
        """Texts that were sent and, for all we know, not shown."""
        return tuple(text for text, _ in self._on_their_way)

    def say(self, text: str) -> None:
        """Put a text into the queue; the line that was being typed is done with it.

        LocalProtocolError if it is longer than a TEXT may be.
        """
        self._queue.append((text, record_bytes(encode(Text(1, text)))))
        self._typing = False

    def typed(self, on: bool) -> None:
        """Remember what TYPING should say; of several changes only the last is ever sent."""
        self._typing = on

    def shown(self, number: int, now: float) -> None:
        """Owe an ACK up to the stranger's text `number`: with the next TEXT, or alone after ACK_LINGER."""
        if self._shown == self._acknowledged:
            self._ack_at = now + ACK_LINGER
        self._shown = number

    def pinged(self, nonce: bytes) -> None:
        """Owe a PONG; it answers all PINGs before, as streams keep the order."""
        self._pong = Pong(nonce)

    def ponged(self, nonce: bytes) -> None:
        """Take a PONG; one that we are not waiting for tells nothing."""
        if nonce in self._pings:
            while self._pings.popleft() != nonce:
                pass
            self._unread = 0

    def acknowledged(self, number: int) -> list[int]:
        """Take an ACK up to `number`, return the ids that it is the first to tell of."""
        ids: list[int] = []
        while self._on_their_way and self._on_their_way[0][0].id <= number:
            ids.append(self._on_their_way.popleft()[0].id)
        if ids:
            self._unread = 0
        return ids

    def due(self, now: float) -> list[Message]:
        """Return what is to be sent now, in this order; it counts as sent."""
        texts = list(self._texts(now))
        return [*self._answers(now, along=bool(texts)), *self._ping(now), *texts, *self._typing_changes(now)]

    def last_words(self) -> list[Message]:
        """Return what a goodbye should not overtake: the ACK of what was shown."""
        return [Ack(self._shown)] if self._shown > self._acknowledged else []

    def ready_at(self) -> float:
        """Return when `due` will have something; never later than the next PING."""
        moments = [self._ping_at]
        if self._unread < UNREAD:
            if self._shown > self._acknowledged:
                moments.append(max(self._ack_at, self._ack_pace.ready_at()))
            if self._pong:
                moments.append(self._pong_at)
        if self._queue:
            moments.append(self._text_ready_at())
        if self._typing != self._typing_told:
            moments.append(self._typing_ready_at())
        return min(moments)

    def _answers(self, now: float, *, along: bool) -> Iterator[Message]:
        if self._unread >= UNREAD:
            return
        due = self._ack_pace.ready_at() if along else max(self._ack_at, self._ack_pace.ready_at())
        if self._shown > self._acknowledged and now >= due:
            self._ack_pace.take(now)
            self._acknowledged = self._shown
            yield self._counted(Ack(self._shown), now)
        if self._pong and now >= self._pong_at:
            yield self._counted(self._pong, now)
            self._pong = None
            self._pong_at = now + CONTROL_INTERVAL

    def _counted(self, message: Ack | Pong | Ping, now: float) -> Message:
        self._unread += 1
        self._bytes.add(CONTROL_BYTES, now)
        return message

    def _ping(self, now: float) -> Iterator[Message]:
        if now < self._ping_at:
            return
        self._ping_at = now + self._rng.uniform(*PING_INTERVAL)
        if self._unread < UNREAD and (len(self._pings) < PINGS_UNANSWERED or not self.reading):
            nonce = self._rng.randbytes(NONCE_BYTES)
            self._pings.append(nonce)
            yield self._counted(Ping(nonce), now)

    def _texts(self, now: float) -> Iterator[Message]:
        while self._queue and now >= self._text_ready_at():
            text, size = self._queue.popleft()
            self.last_id += 1
            message = Text(self.last_id, text)
            self._on_their_way.append((message, size))
            self._text_pace.take(now)
            self._bytes.add(size, now)
            self._typing_told = False  # a TEXT ends what TYPING began (chat.py does so on receipt)
            yield message

    def _text_ready_at(self) -> float:
        size = self._queue[0][1]
        on_their_way = sum(size for _, size in self._on_their_way)
        if len(self._on_their_way) >= TEXT_UNACKNOWLEDGED or on_their_way + size > SEND_BYTES:
            return float("inf")
        return max(self._text_pace.ready_at(), self._bytes.ready_at(size))

    def _typing_changes(self, now: float) -> Iterator[Message]:
        if self._typing != self._typing_told and now >= self._typing_ready_at():
            self._typing_told = self._typing
            self._typing_at = now + CONTROL_INTERVAL
            self._bytes.add(CONTROL_BYTES, now)
            yield Typing(self._typing)

    def _typing_ready_at(self) -> float:
        if self._pings:  # a path that stalls gets no more of it
            return float("inf")
        return max(self._typing_at, self._bytes.ready_at(CONTROL_BYTES))

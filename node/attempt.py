"""One chat stream on its way to a chat: handshake bytes in, facts for the slot machine out (protocol.md 4.2, 5).

An attempt joins the two machines that a chat stream needs: PBY1 (crypto/handshake.py), which knows nothing of other
streams, and the slot (matchmaking.py), which knows nothing of bytes. It is pure: the shell reads frames of the length
that `check` allows, hands their bodies to `receive`, passes the fact on to the slot, and writes what the slot's effects
ask for: `first`, `reply`, `proof`, `confirmation_and_hello`, `hello`.

What the other side says is always one of two things: the next message in order, or the end of the attempt.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.handshake import (
    Binding,
    Initiator,
    Message,
    Refusal,
    RefusalCode,
    Responder,
    Session,
    check_length,
    frame,
    order,
    refusal,
)
from passerby.crypto.records import OVERHEAD, check_record_length
from passerby.crypto.stamp import Parties, Personal
from passerby.discovery.limits import STAMP_MOST_BITS
from passerby.node.messages import Hello, decode, encode
from passerby.node.slot import (
    Answered,
    FirstMessage,
    GoodConfirmation,
    GoodHello,
    GoodProof,
    GoodReply,
    Refused,
)

HELLO_BUCKET: Final = 1024  # whatever it says, HELLO has one length on the wire (protocol.md 5)
BUSY: Final = frame(refusal(RefusalCode.BUSY))
NO_COMMON_VERSION: Final = frame(refusal(RefusalCode.VERSION))

Fact = FirstMessage | Answered | GoodReply | Refused | GoodProof | GoodConfirmation | GoodHello


def stamp_wanted(difficulty: int) -> bytes:
    """Return the refusal of an M1 that lacks a stamp of `difficulty` bits, framed."""
    return frame(refusal(RefusalCode.STAMP, difficulty))


class Record(Enum):
    """What is read once the handshake is through."""

    HELLO = auto()


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a finished attempt hands to the chat."""

    session: Session
    theirs: Hello


class _Attempt:
    """What both roles share: the session, once there is one, and both sides' HELLO."""

    expects: Message | Record

    def __init__(self, number: int, binding: Binding, hello: Hello) -> None:
        self.number = number
        self.binding = binding
        self._hello = hello
        self._session: Session | None = None
        self._theirs: Hello | None = None

    @property
    def order(self) -> int:
        """The rank of this attempt where two peers dial each other."""
        return order(self.binding.channel_binding, self.binding.initiator)

    @property
    def parties(self) -> Parties:
        """Between whom a stamp on this attempt's M1 is good."""
        binding = self.binding
        return Parties(Personal.CHAT, binding.channel_binding, asker=binding.responder, payer=binding.initiator)

    @property
    def meeting(self) -> Meeting:
        """The session and the stranger's HELLO; LocalProtocolError before it came."""
        if self._session is None or self._theirs is None:
            raise LocalProtocolError("no meeting before HELLO")
        return Meeting(self._session, self._theirs)

    def check(self, length: int) -> None:
        """Raise RemoteProtocolError unless what comes next may have `length` bytes: asked before it is read."""
        if isinstance(self.expects, Record):
            check_record_length(length)
        else:
            check_length(self.expects, length)

    def _seal_hello(self) -> bytes:
        if self._session is None:
            raise LocalProtocolError("no HELLO without a session")
        return self._session.sealer.seal(encode(self._hello), minimum_bucket=HELLO_BUCKET)

    def _receive_hello(self, ciphertext: bytes) -> GoodHello:
        if self._session is None or self._theirs is not None:
            raise LocalProtocolError("HELLO is read once, with a session")
        inner, final = self._session.opener.open(len(ciphertext), ciphertext)
        message = decode(inner)
        if final or not isinstance(message, Hello) or len(ciphertext) != HELLO_BUCKET + OVERHEAD:
            raise RemoteProtocolError("the first record is no HELLO")
        self._theirs = message
        return GoodHello(self.number)


class Outbound(_Attempt):
    """We opened the stream: M1, M3 and HELLO are ours."""

    price: int | None = None
    """The difficulty of the stamp that they want and that we are willing to make, once M1 was refused for one."""

    def __init__(
        self, number: int, binding: Binding, hello: Hello, *, room: bytes, tag: bytes, stamp: bytes | None = None
    ) -> None:
        """Prepare to meet in `room` (32 bytes), the room of the ticket that was chosen, whose tag is `tag`.

        `stamp` (16 bytes) is what an attempt before this one, on the same connection, was asked for.
        """
        super().__init__(number, binding, hello)
        self._machine = Initiator(binding, room, tag)
        self._stamp = stamp
        self._proof = b""
        self.expects = Message.REPLY

    def first(self) -> bytes:
        """Return M1, framed."""
        return frame(self._machine.first_message(self._stamp))

    def receive(self, body: bytes) -> Fact:
        """Read what was expected; RemoteProtocolError if it is anything else."""
        match self.expects:
            case Message.REPLY:
                answer = self._machine.receive_reply(body)
                if isinstance(answer, Refusal):
                    self.price = self._acceptable(answer)
                    return Refused(self.number, answer.code)
                self._proof = frame(answer)
                self.expects = Message.CONFIRMATION
                return GoodReply(self.number)
            case Message.CONFIRMATION:
                self._session = self._machine.receive_confirmation(body)
                self.expects = Record.HELLO
                return GoodConfirmation(self.number, self._session.transcript)
            case _:
                return self._receive_hello(body)

    def _acceptable(self, answer: Refusal) -> int | None:
        """Return the difficulty we are asked for: once, and no more than an honest peer asks."""
        is_asked = answer.code is RefusalCode.STAMP and self._stamp is None
        return answer.argument if is_asked and answer.argument <= STAMP_MOST_BITS else None

    def proof(self) -> bytes:
        """Return M3, framed; once the slot is promised to this attempt."""
        return self._proof

    def hello(self) -> bytes:
        """Return our HELLO, sealed and framed."""
        return self._seal_hello()


class Inbound(_Attempt):
    """The stranger opened the stream: M2, and M4 together with HELLO, are ours."""

    stamp: bytes | None = None
    """What M1 carried, for the toll to judge before the slot hears of it: 16 bytes or nothing."""

    def __init__(self, number: int, binding: Binding, hello: Hello, *, tag_of: Callable[[bytes], bytes | None]) -> None:
        """Prepare to be asked; `tag_of` maps a room key to its tag if we wait, or waited just now, in that room."""
        super().__init__(number, binding, hello)
        self._machine = Responder(binding)
        self._tag_of = tag_of
        self._tag: bytes | None = None
        self._confirmation = b""
        self.expects = Message.FIRST

    def receive(self, body: bytes) -> Fact:
        """Read what was expected; RemoteProtocolError if it is anything else. `Answered`: send NO_COMMON_VERSION."""
        match self.expects:
            case Message.FIRST:
                return self._receive_first(body)
            case Message.PROOF:
                self._confirmation = frame(self._machine.receive_proof(body))
                self._session = self._machine.session
                self.expects = Record.HELLO
                return GoodProof(self.number, self._session.transcript)
            case _:
                return self._receive_hello(body)

    def _receive_first(self, body: bytes) -> Fact:
        first = self._machine.receive_first(body, stamp_asked=True)  # whether one was asked for, the toll knows
        self.stamp = first.stamp
        self._tag = self._tag_of(first.room)
        if self._tag is None:
            raise RemoteProtocolError("M1 names a room in which we have no ticket")
        if self._machine.version is None:
            return Answered(self.number)
        return FirstMessage(self.number, self.order)

    def reply(self) -> bytes:
        """Return M2, framed: from here on the slot is promised to this attempt. LocalProtocolError before M1."""
        if self._tag is None:
            raise LocalProtocolError("M2 answers M1")
        self.expects = Message.PROOF
        return frame(self._machine.accept(self._tag))

    def confirmation_and_hello(self) -> bytes:
        """Return M4 and our HELLO behind it, framed."""
        return self._confirmation + self._seal_hello()


Attempt = Outbound | Inbound

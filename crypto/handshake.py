"""The PBY1 handshake: two machines, bytes in, bytes out (protocol.md 5).

Four messages give two strangers who share a Noise connection, a room and its tag one fresh key per direction:

    Initiator                                     Responder
    first_message()   -- M1: room, commitment -->  receive_first()
                                                   accept(tag)  [or the caller sends a refusal instead]
    receive_reply()   <-- M2: key, nonce --------
                      -- M3: key, nonce, proof ->  receive_proof()
    receive_confirmation() <-- M4: proof --------  session

The lineage is Noise NN, bound to the channel and both identities as SIGMA and TLS 1.3 bind their transcripts, with
ZRTP's commitment: the initiator promises its key before it sees the responder's, so neither can search for a session
whose short verification words equal those of another.

Everything secret lies in a machine's state, and goes with it (machine.py). A failure has one text, its cause chained,
and is the end; a method called out of order, or after the end, raises LocalProtocolError.
"""

from dataclasses import dataclass
from typing import Final, Self

from nacl.utils import random

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.keys import EphemeralKey, equal, require_length
from passerby.crypto.machine import Machine, one_face
from passerby.crypto.messages import (
    LEGAL_LENGTHS,
    NONCE_BYTES,
    ROOM_BYTES,
    Confirmation,
    FirstMessage,
    Message,
    Proof,
    Refusal,
    RefusalCode,
    Reply,
    check_length,
    encode_head,
    frame,
    highest_common,
    parse_reply,
    refusal,
    versions_are_legal,
)
from passerby.crypto.records import Opener, Sealer
from passerby.crypto.session import Session
from passerby.crypto.stamp import STAMP_BYTES
from passerby.crypto.transcript import CHAT_PROTOCOL, Binding, Secrets, after_first, after_reply, commitment, order

__all__ = [
    "CHAT_PROTOCOL",
    "LEGAL_LENGTHS",
    "VERSIONS",
    "Binding",
    "FirstMessage",
    "Initiator",
    "Message",
    "Refusal",
    "RefusalCode",
    "Responder",
    "Session",
    "check_length",
    "frame",
    "order",
    "refusal",
]

VERSIONS: Final = (1,)
"""The versions of PBY1 that we speak."""

_FEATURES: Final = 0  # the first release has none; those of others are read past
_I2R: Final = b"i2r"
_R2I: Final = b"r2i"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class _Own:
    """Our half, drawn anew for every stream."""

    ephemeral: EphemeralKey
    nonce: bytes
    versions: tuple[int, ...]

    @classmethod
    def draw(cls, versions: tuple[int, ...], ephemeral: EphemeralKey | None, nonce: bytes | None) -> Self:
        if not versions_are_legal(versions):
            raise LocalProtocolError(f"versions {versions}")
        nonce = random(NONCE_BYTES) if nonce is None else nonce
        require_length("nonce", nonce, NONCE_BYTES)
        return cls(ephemeral or EphemeralKey.generate(), nonce, versions)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class _Fresh:
    own: _Own


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class _Asked:
    """The initiator has sent M1."""

    own: _Own
    th1: bytes


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class _Proved:
    """The initiator has sent M3; its ephemeral key is gone."""

    secrets: Secrets
    mac: bytes
    sealer: Sealer
    version: int


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class _Heard:
    """The responder has a good M1."""

    own: _Own
    first: FirstMessage
    body: bytes


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class _Promised:
    """The responder has sent M2."""

    ephemeral: EphemeralKey
    first: FirstMessage
    th0: bytes
    th2: bytes
    version: int


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class _Paired:
    session: Session


def _exchange(ephemeral: EphemeralKey, public: bytes) -> bytes:
    if public == ephemeral.public:
        raise RemoteProtocolError("our own key came back")
    return ephemeral.exchange(public)


class Initiator(Machine):
    """Who opened the stream. One machine a stream: a second attempt, stamped or not, takes a new one."""

    def __init__(
        self,
        binding: Binding,
        room: bytes,
        tag: bytes,
        *,
        versions: tuple[int, ...] = VERSIONS,
        ephemeral: EphemeralKey | None = None,
        nonce: bytes | None = None,
    ) -> None:
        """Prepare to meet in ``room`` (32 bytes), whose tag in normal form is ``tag`` (empty: anybody).

        ``ephemeral`` and ``nonce`` (32 bytes) are drawn unless a test vector gives them. LocalProtocolError if a length
        is wrong or ``versions`` are not 1 to 8 of 1..255, ascending.
        """
        super().__init__(_Fresh(_Own.draw(versions, ephemeral, nonce)))
        require_length("room", room, ROOM_BYTES)
        self._room = room
        self._th0 = binding.transcript(room, tag)

    def first_message(self, stamp: bytes | None = None) -> bytes:
        """Return the body of M1, with the 16-byte stamp that a refusal asked for, if one did."""
        if stamp is not None:
            require_length("stamp", stamp, STAMP_BYTES)
        own = self._take(_Fresh).own
        head = encode_head(own.versions, _FEATURES, self._room)
        promise = commitment(self._th0, head, own.ephemeral.public, own.nonce)
        body = head + promise + (stamp or b"")
        self._state = _Asked(own, after_first(self._th0, body))
        return body

    @one_face()
    def receive_reply(self, body: bytes) -> bytes | Refusal:
        """Read the body of M2: return that of M3, or the refusal, which ends this machine without being a failure.

        RemoteProtocolError if anything about M2 is wrong.
        """
        asked = self._take(_Asked)
        own = asked.own
        reply = parse_reply(body)
        if isinstance(reply, Refusal):
            return reply
        if reply.version != highest_common(own.versions, reply.versions):
            raise RemoteProtocolError(f"version {reply.version} chosen of {own.versions} and {reply.versions}")
        shared = _exchange(own.ephemeral, reply.public)
        secrets = Secrets.agree(shared, after_reply(asked.th1, body), own.ephemeral.public, own.nonce)
        sealer = Sealer(secrets.key(_I2R))
        mac = secrets.initiator_mac(sealer.header)
        self._state = _Proved(secrets, mac, sealer, reply.version)
        return Proof(public=own.ephemeral.public, nonce=own.nonce, header=sealer.header, mac=mac).encode()

    @one_face()
    def receive_confirmation(self, body: bytes) -> Session:
        """Read the body of M4 and return the session; RemoteProtocolError if anything about M4 is wrong."""
        proved = self._take(_Proved)
        confirmation = Confirmation.parse(body)
        if not equal(confirmation.mac, proved.secrets.responder_mac(proved.mac, confirmation.header)):
            raise RemoteProtocolError("the proof of M4 is wrong")
        opener = Opener(proved.secrets.key(_R2I), confirmation.header)
        return Session.derive(proved.secrets, proved.sealer, opener, proved.version)


class Responder(Machine):
    """Who was called. It is silent before M1; when it will not go on, ``refusal`` makes the answer, not ``accept``."""

    version: int | None = None
    """The highest version that both speak, once M1 was read; None asks for the refusal VERSION."""

    def __init__(
        self,
        binding: Binding,
        *,
        versions: tuple[int, ...] = VERSIONS,
        ephemeral: EphemeralKey | None = None,
        nonce: bytes | None = None,
    ) -> None:
        """Prepare to be called; arguments and errors as an Initiator's."""
        super().__init__(_Fresh(_Own.draw(versions, ephemeral, nonce)))
        self._binding = binding

    @one_face()
    def receive_first(self, body: bytes, *, stamp_asked: bool = False) -> FirstMessage:
        """Read the body of M1 and return what it says; whether its room and stamp will do is for the caller to judge.

        RemoteProtocolError if it is malformed, or carries a stamp although none was asked for on this connection. If
        one was asked for, the message may still come without: its ``stamp`` is None then.
        """
        own = self._take(_Fresh).own
        first = FirstMessage.parse(body)
        if first.stamp is not None and not stamp_asked:
            raise RemoteProtocolError("a stamp that nobody asked for")
        self.version = highest_common(own.versions, first.versions)
        self._state = _Heard(own, first, body)
        return first

    def accept(self, tag: bytes) -> bytes:
        """Return the body of M2; ``tag`` is that of our own ticket in the room that M1 named.

        From here on this stream is promised. LocalProtocolError if there is no common version.
        """
        version = self.version
        heard = self._take(_Heard)
        if version is None:
            raise LocalProtocolError("no common version: M1 is to be refused")
        own, first = heard.own, heard.first
        body = Reply(
            version=version, versions=own.versions, features=_FEATURES, nonce=own.nonce, public=own.ephemeral.public
        ).encode()
        th0 = self._binding.transcript(first.room, tag)
        self._state = _Promised(own.ephemeral, first, th0, after_reply(after_first(th0, heard.body), body), version)
        return body

    @one_face()
    def receive_proof(self, body: bytes) -> bytes:
        """Read the body of M3 and return that of M4; ``session`` stands ready then.

        RemoteProtocolError if anything about M3 is wrong, among it another tag or channel than ours.
        """
        promised = self._take(_Promised)
        proof = Proof.parse(body)
        opened = commitment(promised.th0, promised.first.head, proof.public, proof.nonce)
        if not equal(opened, promised.first.commitment):
            raise RemoteProtocolError("M3 is not what M1 promised")
        shared = _exchange(promised.ephemeral, proof.public)
        secrets = Secrets.agree(shared, promised.th2, proof.public, proof.nonce)
        if not equal(proof.mac, secrets.initiator_mac(proof.header)):
            raise RemoteProtocolError("the proof of M3 is wrong")
        opener = Opener(secrets.key(_I2R), proof.header)
        sealer = Sealer(secrets.key(_R2I))
        self._state = _Paired(Session.derive(secrets, sealer, opener, promised.version))
        return Confirmation(header=sealer.header, mac=secrets.responder_mac(proof.mac, sealer.header)).encode()

    @property
    def session(self) -> Session:
        """The session; LocalProtocolError before M3 was accepted."""
        if not isinstance(self._state, _Paired):
            raise LocalProtocolError("no session without a good M3")
        return self._state.session

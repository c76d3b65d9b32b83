"""What both sides of a handshake hash, and the keys that come out of it (protocol.md 5).

Four transcript hashes, each over the one before and the next message as it was sent: th0 to th3. The keys depend on the
last, so two sides that saw one byte differently, or stand on different connections, in different rooms or under
different tags, end with different keys and neither accepts the other's proof.
"""

from dataclasses import dataclass
from typing import Final, Self

from passerby.crypto.errors import LocalProtocolError
from passerby.crypto.keys import blake2b, length_prefixed, public_key_of, require_length

CHAT_PROTOCOL: Final = "/passerby/chat/1.0.0"
CHANNEL_BINDING_BYTES: Final = 32

# Personal strings: one per purpose, never shared with another (protocol.md, Notation).
_ORDER: Final = b"pby1 order"
_T0: Final = b"pby1 t0"
_T1: Final = b"pby1 t1"
_T2: Final = b"pby1 t2"
_T3: Final = b"pby1 t3"
_HEAD: Final = b"pby1 head"
_COMMIT: Final = b"pby1 commit"
_EXTRACT: Final = b"pby1 extract"
_EXPAND: Final = b"pby1 expand"
_CONFIRM: Final = b"pby1 confirm"


@dataclass(frozen=True, slots=True)
class Binding:
    """What a handshake is tied to, all of it taken from the authenticated connection and none from a message.

    ``network`` is the name of the network; ``initiator`` and ``responder`` are binary Ed25519 peer ids (38 bytes), the
    initiator being who opened the stream; ``channel_binding`` is the 32-byte Noise handshake hash of the connection.

    LocalProtocolError if the network has no name, the channel binding another length, or both ids are one;
    RemoteProtocolError if an id is no Ed25519 peer id.
    """

    network: str
    initiator: bytes
    responder: bytes
    channel_binding: bytes

    def __post_init__(self) -> None:
        if not self.network:
            raise LocalProtocolError("a network without a name")
        for peer_id in (self.initiator, self.responder):
            public_key_of(peer_id)
        if self.initiator == self.responder:
            raise LocalProtocolError("a peer does not chat with itself")
        require_length("channel binding", self.channel_binding, CHANNEL_BINDING_BYTES)

    def transcript(self, room: bytes, tag: bytes) -> bytes:
        """Return th0: the connection, the 32-byte room and its tag, before any message."""
        fields = (CHAT_PROTOCOL.encode(), self.network.encode(), self.initiator, self.responder, self.channel_binding)
        return blake2b(_T0, b"".join(map(length_prefixed, fields)) + room + length_prefixed(tag))


def order(channel_binding: bytes, initiator: bytes) -> int:
    """Return the rank of an attempt when two peers dial each other: the higher one lives (protocol.md 4.2).

    A 256-bit number from the 32-byte channel binding of the attempt's connection and the binary peer id of who opened
    its stream: both ends know it and neither chooses it alone.
    """
    return int.from_bytes(blake2b(_ORDER, channel_binding + initiator), "big")


def commitment(transcript: bytes, head: bytes, public: bytes, nonce: bytes) -> bytes:
    """Return what M1 carries instead of the initiator's key: a hash over it, its nonce, th0 and the head of M1."""
    return blake2b(_COMMIT, public + nonce + blake2b(_HEAD, transcript + head))


def after_first(transcript: bytes, body: bytes) -> bytes:
    """Return th1, of th0 and the body of M1 as it travelled, its stamp included."""
    return blake2b(_T1, transcript + body)


def after_reply(transcript: bytes, body: bytes) -> bytes:
    """Return th2, of th1 and the body of M2."""
    return blake2b(_T2, transcript + body)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Secrets:
    """What both sides share once the initiator's key is known to both: the last transcript hash and the key of keys."""

    transcript: bytes
    """th3, 32 bytes; not secret."""

    prk: bytes

    @classmethod
    def agree(cls, shared: bytes, transcript: bytes, public: bytes, nonce: bytes) -> Self:
        """Derive from the X25519 secret, th2 and what the commitment hid: the initiator's public key and nonce."""
        last = blake2b(_T3, transcript + public + nonce)
        return cls(last, blake2b(_EXTRACT, shared + last))

    def key(self, label: bytes) -> bytes:
        """Return K(label), 32 bytes."""
        return blake2b(_EXPAND, label, key=self.prk)

    def initiator_mac(self, header: bytes) -> bytes:
        """Return mac_I, over th3 and the header of the initiator's record stream."""
        return blake2b(_CONFIRM, self.transcript + header, key=self.key(b"kc i"))

    def responder_mac(self, initiator_mac: bytes, header: bytes) -> bytes:
        """Return the proof of M4, over th3, the proof of M3 and the header of the responder's record stream."""
        return blake2b(_CONFIRM, self.transcript + initiator_mac + header, key=self.key(b"kc r"))

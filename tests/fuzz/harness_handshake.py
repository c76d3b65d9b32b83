"""One message of an honest handshake replaced or changed: the machines refuse it, or the session never comes to be.

Input: control byte, number of the vector, bytes. Bits 0-1 of the control byte say which message; bit 7: the bytes
replace it (else they are XORed onto it, and what is longer is appended); bit 6: the length check before reading is left
out; bit 5: the responder had asked for a stamp.
"""

from typing import Final

from fuzz.vectors import Handshake, handshakes, refusals

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.handshake import Initiator, Message, Responder, check_length
from passerby.crypto.keys import EphemeralKey
from passerby.crypto.messages import FAILURE

MAX_BYTES: Final = 256
_ORDER: Final = tuple(Message)
_REPLACED: Final = 0x80
_UNCHECKED: Final = 0x40
_STAMP_ASKED: Final = 0x20


def seeds() -> list[bytes]:
    found: list[bytes] = []
    for number, case in enumerate(handshakes()):
        for which, message in enumerate(case.messages):
            found.append(bytes((which | _REPLACED, number)) + message)
            found.append(bytes((which | _STAMP_ASKED, number)) + bytes(len(message) - 1) + b"\x01")
    found += [bytes((1 | _REPLACED, 0)) + refusal for refusal in refusals()]
    found += [bytes((1 | _REPLACED | _UNCHECKED, 0)) + other for other in (b"", b"\x01", b"\xff\x00", b"\x01\x07")]
    return found


def execute(data: bytes) -> None:
    if len(data) < 2:
        return
    cases = handshakes()
    case = cases[data[1] % len(cases)]
    path = _Path(data[0], data[2:])
    try:
        complete = _play(case, path, stamp_asked=case.stamp is not None or bool(data[0] & _STAMP_ASKED))
    except RemoteProtocolError as error:
        if str(error) != FAILURE:
            raise AssertionError("a failure with a face of its own") from error
    else:
        assert not (complete and path.changed), "a changed message was accepted"


class _Path:
    """Where one message of four is tampered with."""

    def __init__(self, control: int, payload: bytes) -> None:
        self.changed = False
        self._control = control
        self._payload = payload

    def carry(self, message: Message, body: bytes) -> bytes:
        arrives = body
        if message is _ORDER[self._control & 3]:
            arrives = self._payload if self._control & _REPLACED else self._patched(body)
            self.changed = arrives != body
        if not self._control & _UNCHECKED:
            check_length(message, len(arrives))
        return arrives

    def _patched(self, body: bytes) -> bytes:
        pattern = self._payload.ljust(len(body), b"\0")
        return bytes(a ^ b for a, b in zip(body, pattern, strict=False)) + pattern[len(body) :]


def _play(case: Handshake, path: _Path, *, stamp_asked: bool) -> bool:
    """Whether both sides hold a session; False if one refused in due form."""
    keys = [EphemeralKey(secret) for secret in case.ephemerals]
    ours, theirs = case.versions
    initiator = Initiator(case.binding, case.room, case.tag, versions=ours, ephemeral=keys[0], nonce=case.nonces[0])
    responder = Responder(case.binding, versions=theirs, ephemeral=keys[1], nonce=case.nonces[1])
    first = path.carry(Message.FIRST, initiator.first_message(case.stamp))
    responder.receive_first(first, stamp_asked=stamp_asked)
    if responder.version is None:
        return False
    answer = initiator.receive_reply(path.carry(Message.REPLY, responder.accept(case.tag)))
    if not isinstance(answer, bytes):
        return False
    confirmation = responder.receive_proof(path.carry(Message.PROOF, answer))
    session = initiator.receive_confirmation(path.carry(Message.CONFIRMATION, confirmation))
    assert session.transcript == responder.session.transcript
    return True

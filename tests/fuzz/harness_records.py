"""A record changed on its way, and records sealed by a stranger who has the keys and breaks every other rule.

Input: control byte, number of the vector, number of the record, bytes. Bit 0 of the control byte is the direction; the
bits above say what the bytes are.
"""

from typing import Final

import pytest
from fuzz.vectors import Direction, handshakes
from nacl import bindings

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.records import BUCKETS, INNER_BYTES, OVERHEAD, Opener
from passerby.node.messages import decode

MAX_BYTES: Final = 4_200
_REPLACED, _SEALED, _PADDED = range(1, 4)
_REKEY: Final = bindings.crypto_secretstream_xchacha20poly1305_TAG_REKEY


def seeds() -> list[bytes]:
    found: list[bytes] = []
    for number, case in enumerate(handshakes()[:4]):
        for which, direction in enumerate(case.directions):
            for index, (inner, record) in enumerate(direction.records):
                head = bytes((which, number, index))
                found.append(head + bytes(5) + b"\x01")
                found.append(bytes((which | _REPLACED << 1, number, index)) + record)
                found.append(bytes((which | _SEALED << 1, number, index, _REKEY)) + inner)
                found.append(bytes((which | _PADDED << 1, number, index, _REKEY)) + inner + b"\x80")
    return found


def execute(data: bytes) -> None:
    if len(data) < 4:
        return
    control, number, index, payload = data[0], data[1], data[2], data[3:]
    cases = handshakes()
    direction = cases[number % len(cases)].directions[control & 1]
    index %= len(direction.records)
    opener = Opener(direction.key, direction.header)
    for inner, record in direction.records[:index]:
        assert opener.open(int.from_bytes(record[:2], "big"), record[2:])[0] == inner
    match control >> 1 & 3:
        case 0:
            _tampered(opener, direction, index, _patched(direction.records[index][1], payload))
        case 1:
            _tampered(opener, direction, index, payload)
        case 2:
            _hostile(
                direction, payload[0], bindings.sodium_pad(payload[1 : INNER_BYTES + 1], _bucket(len(payload) - 1))
            )
        case _:
            _hostile(direction, payload[0], payload[1:].ljust(_bucket(len(payload) - 2), b"\0")[: BUCKETS[-1]])


def _bucket(length: int) -> int:
    return next((bucket for bucket in BUCKETS if length < bucket), BUCKETS[-1])


def _patched(record: bytes, payload: bytes) -> bytes:
    pattern = payload.ljust(len(record), b"\0")
    return bytes(a ^ b for a, b in zip(record, pattern, strict=False)) + pattern[len(record) :]


def _tampered(opener: Opener, direction: Direction, index: int, arrives: bytes) -> None:
    inner, record = direction.records[index]
    if arrives == record:
        assert opener.open(int.from_bytes(record[:2], "big"), record[2:])[0] == inner
        return
    with pytest.raises(RemoteProtocolError):
        opener.open(int.from_bytes(arrives[:2], "big"), arrives[2:])
    with pytest.raises(LocalProtocolError):
        opener.open(int.from_bytes(record[:2], "big"), record[2:])


def _hostile(direction: Direction, tag: int, padded: bytes) -> None:
    """What a peer that finished the handshake may send: any tag, any padding, any content."""
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, direction.header, direction.key)
    length = len(padded) + OVERHEAD
    sealed = bindings.crypto_secretstream_xchacha20poly1305_push(state, padded, length.to_bytes(2, "big"), tag)
    try:
        inner, _ = Opener(direction.key, direction.header).open(length, sealed)
        assert 0 < len(inner) <= INNER_BYTES
        decode(inner)
    except RemoteProtocolError:
        return

"""What the harnesses of signed and framed bytes have in common: their first byte says how the rest is to be taken."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from passerby.crypto.keys import SigningKey
from passerby.discovery.frames import HEADER_BYTES, answer_length, request_length

M = TypeVar("M")
_NESTED: Final = b"\x91" * 4_000
_WIDE: Final = b"\xdd\xff\xff\xff\xff\x01\x01"


def frame_seeds(encode: Callable[[M], bytes], requests: Iterable[M], answers: Iterable[M]) -> list[bytes]:
    """Return frames to begin with: an even byte before a request's, an odd one before an answer's."""
    found = [b"\0" + encode(request) for request in requests] + [b"\1" + encode(answer) for answer in answers]
    bodies = [(kind, body) for kind in (0, 1) for body in (_NESTED, _WIDE)]
    return found + [bytes((kind,)) + len(body).to_bytes(2, "big") + body for kind, body in bodies]


def execute_frame(data: bytes, request: Callable[[bytes], None], answer: Callable[[bytes], None]) -> None:
    """Give the body, of the length that its header says, to whoever reads that kind."""
    if len(data) < 1 + HEADER_BYTES:
        return
    header, rest = data[1 : 1 + HEADER_BYTES], data[1 + HEADER_BYTES :]
    if data[0] & 1:
        answer(rest[: answer_length(header)])
    else:
        request(rest[: request_length(header)])


def signed_seeds(blobs: Iterable[bytes], payloads: Iterable[bytes]) -> list[bytes]:
    """Return what to begin with: an even byte before what is signed, an odd one before what is to be."""
    return [b"\0" + blob for blob in blobs] + [b"\1" + payload for payload in payloads]


def signed(data: bytes, key: SigningKey, prefix: bytes) -> bytes:
    """Return what the first byte stands before, signed if that byte is odd; `data` is not empty."""
    blob = data[1:]
    return blob + key.sign(prefix, blob) if data[0] & 1 else blob

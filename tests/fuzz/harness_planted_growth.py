"""No part of the product: a leak that fuzzing must find (`run.py --gates`)."""

from typing import Final

MAX_BYTES: Final = 100
_kept: list[bytes] = []


def seeds() -> list[bytes]:
    return [b"Passerby"]


def execute(data: bytes) -> None:
    _kept.append(data + bytes(30_000))

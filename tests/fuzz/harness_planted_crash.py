"""No part of the product: a crash that fuzzing must find, so that its silence means something (`run.py --gates`)."""

from typing import Final

MAX_BYTES: Final = 100


def seeds() -> list[bytes]:
    return [b"Passerby"]


def execute(data: bytes) -> None:
    if data[:4] == b"Pass" and len(data) > 40:
        raise ValueError("planted")

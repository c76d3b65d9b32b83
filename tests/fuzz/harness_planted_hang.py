"""No part of the product: an endless loop that fuzzing must find (`run.py --gates`)."""

from typing import Final

MAX_BYTES: Final = 100


def seeds() -> list[bytes]:
    return [b"Passerby"]


def execute(data: bytes) -> None:
    while len(data) > 40:
        pass

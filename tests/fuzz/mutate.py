"""Random mutation of known inputs: what is left of fuzzing where no coverage can be measured."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final

_TELLING: Final = (0x00, 0x01, 0x7F, 0x80, 0xC0, 0xFF)  # where lengths, signs and encodings turn over
_POOL: Final = 1_024


def _flip_bit(random: Random, data: bytearray) -> None:
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _set_byte(random: Random, data: bytearray) -> None:
    data[random.randrange(len(data))] = random.choice(_TELLING) if random.random() < 0.5 else random.randrange(256)


def _insert(random: Random, data: bytearray) -> None:
    at = random.randrange(len(data) + 1)
    data[at:at] = random.randbytes(random.randint(1, 8))


def _remove(random: Random, data: bytearray) -> None:
    at = random.randrange(len(data))
    del data[at : at + random.randint(1, 8)]


def _repeat(random: Random, data: bytearray) -> None:
    at = random.randrange(len(data))
    data[at:at] = data[at : at + random.randint(1, 32)] * random.randint(1, 16)


def _truncate(random: Random, data: bytearray) -> None:
    del data[random.randrange(len(data)) :]


_CHANGES: Final[tuple[Callable[[Random, bytearray], None], ...]] = (
    _flip_bit,
    _set_byte,
    _insert,
    _remove,
    _repeat,
    _truncate,
)


def mutants(random: Random, seeds: Sequence[bytes], max_bytes: int) -> Iterator[bytes]:
    """Endlessly many inputs: each a known one with up to eight changes, or two of them spliced.

    Some become known inputs themselves, so that changes add up over time.
    """
    pool = list(seeds) or [b"\x00"]
    while True:
        data = bytearray(random.choice(pool))
        if random.random() < 0.1:
            other = random.choice(pool)
            data[random.randrange(len(data) + 1) :] = other[random.randrange(len(other) + 1) :]
        for _ in range(random.randint(1, 8)):
            change = random.choice(_CHANGES) if data else _insert
            change(random, data)
        mutant = bytes(data[:max_bytes])
        if random.random() < 0.02:
            if len(pool) < _POOL:
                pool.append(mutant)
            else:
                pool[random.randrange(len(seeds), _POOL)] = mutant
        yield mutant

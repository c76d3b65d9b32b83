"""A seed's id puzzle: which network asks for how much, and the solution, kept once found (protocol.md 1); a shell."""

from typing import Final

import msgspec

from passerby.crypto.stamp import puzzle_work, solve_puzzle
from passerby.discovery.limits import PUZZLE_BITS
from passerby.node import home
from passerby.node.config import Folders

MAIN: Final = "main"
FILE: Final = "puzzle"


class Solution(msgspec.Struct, frozen=True):
    """What the file says: for which key and network, and the nonce; the work is done again at each start."""

    network: str
    public: bytes
    bits: int
    nonce: int


def bits_of(network: str) -> int:
    """Return how many zero bits the work of a seed must begin with, where it is reached from the public Internet."""
    return PUZZLE_BITS if network == MAIN else 0


def solution(folders: Folders, network: str, public: bytes) -> tuple[int, bytes]:
    """Return nonce and work for a 32-byte public key, solved if it was not before. Raises HomeError. Takes seconds."""
    path, bits = folders.seed / FILE, bits_of(network)
    known = _decode(home.read(path, folders))
    if known is not None and (known.network, known.public, known.bits) == (network, public, bits):
        return known.nonce, puzzle_work(public, known.nonce, network)
    found = solve_puzzle(public, network, bits, lambda: True)
    assert found is not None, "it is wanted to the end"
    content = msgspec.json.encode(Solution(network, public, bits, found[0]))
    home.update(path, folders, lambda _: content)
    return found


def _decode(content: bytes | None) -> Solution | None:
    try:
        return msgspec.json.decode(content or b"", type=Solution)
    except msgspec.DecodeError:
        return None

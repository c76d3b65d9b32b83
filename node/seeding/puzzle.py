"""A seed's id puzzle: which network asks for how much, and the solution, kept once found (protocol.md 1); a shell."""

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Annotated, Final

import msgspec
import trio

from passerby.crypto.stamp import puzzle_work, solve_puzzle, solves
from passerby.discovery.limits import PUZZLE_BITS
from passerby.node import home
from passerby.node.config import Folders

MAIN: Final = "main"
FILE: Final = "puzzle"
SILENT: Final = 1.0  # seconds of work that nobody needs to be told of


class Solution(msgspec.Struct, frozen=True):
    """What the file says: for which key and network, and the nonce; the work is done again at each start."""

    network: str
    public: bytes
    bits: int
    nonce: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


def bits_of(network: str) -> int:
    """Return how many zero bits the work of a seed must begin with, where it is reached from the public Internet."""
    return PUZZLE_BITS if network == MAIN else 0


def solution(folders: Folders, network: str, public: bytes, say: Callable[[str], None]) -> tuple[int, bytes]:
    """Return nonce and work for a 32-byte public key, solved if it was not before. Raises HomeError.

    It may take seconds, which `say` is told, and runs in a thread of trio's: cancelling that wait ends the work, after
    one argon2 at the latest.
    """
    path, bits = folders.seed / FILE, bits_of(network)
    known = _decode(home.read(path, folders))
    if known is not None and (known.network, known.public, known.bits) == (network, public, bits):
        work = puzzle_work(public, known.nonce, network)
        if solves(work, bits):
            return known.nonce, work
    found = solve_puzzle(public, network, bits, _watched(say))
    assert found is not None, "it is wanted to the end"
    content = msgspec.json.encode(Solution(network, public, bits, found[0]))
    home.update(path, folders, lambda _: content)
    return found


def _watched(say: Callable[[str], None]) -> Callable[[], bool]:
    """Return what is asked before each work whether it is wanted: it raises trio.Cancelled where it is not."""
    told_at = monotonic() + SILENT

    def is_wanted() -> bool:
        nonlocal told_at
        trio.from_thread.check_cancelled()
        if monotonic() >= told_at:
            told_at = inf
            say("Working for a place among the seeds, once; this takes some seconds…")
        return True

    return is_wanted


def _decode(content: bytes | None) -> Solution | None:
    try:
        return msgspec.json.decode(content or b"", type=Solution)
    except (msgspec.DecodeError, RecursionError):
        return None

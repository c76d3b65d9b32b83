"""Seeds that answered in earlier runs: `state/seeds.json` (protocol.md 3, First contacts).

Only seeds that a person named are remembered, and nothing of a chat. A local seed never is: it dies with its process.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from passerby.discovery.addresses import AddressError, parse_seed
from passerby.node import home
from passerby.node.config import Folders

SEEDS: Final = 64  # of all networks; the one that failed longest goes first
FAILURES: Final = 5  # runs in a row without an answer: then it is forgotten
FILE: Final = "seeds.json"


class Seed(msgspec.Struct, frozen=True, order=True):
    """A seed of a network: in how many runs in a row it has not answered, and its multiaddr with its peer id."""

    failures: int
    address: str
    network: str


def decode(content: bytes | None) -> list[Seed]:
    """Return what a file holds, best first; what is no longer readable counts as forgotten."""
    try:
        seeds = msgspec.json.decode(content or b"[]", type=list[Seed])
    except msgspec.DecodeError:
        return []
    return sorted(seed for seed in seeds if _is_address(seed.address))[:SEEDS]


def updated(seeds: Iterable[Seed], network: str, results: dict[str, bool]) -> list[Seed]:
    """Take in what a run found: address to whether it answered."""
    known = {(seed.network, seed.address): seed.failures for seed in seeds}
    for address, answered in results.items():
        before = known.get((network, address))
        if answered:
            known[network, address] = 0
        elif before is not None:
            known[network, address] = before + 1
    kept = (Seed(failures, address, name) for (name, address), failures in known.items() if failures < FAILURES)
    return sorted(kept)[:SEEDS]


def load(folders: Folders, network: str) -> tuple[str, ...]:
    """Return the remembered addresses of a network, best first. HomeError if the file cannot be read."""
    return tuple(s.address for s in decode(home.read(folders.state / FILE, folders)) if s.network == network)


def save(folders: Folders, network: str, results: dict[str, bool]) -> None:
    """Write what a run found, if it changes anything. HomeError if that fails."""
    path = folders.state / FILE
    before = decode(home.read(path, folders))
    if updated(before, network, results) != before:
        home.update(path, folders, lambda there: msgspec.json.encode(updated(decode(there), network, results)))


def _is_address(text: str) -> bool:
    try:
        parse_seed(text)
    except AddressError:
        return False
    return True

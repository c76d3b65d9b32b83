"""Seeds that answered in earlier runs: `state/seeds.json` (protocol.md 3, First contacts).

Nothing of a chat is remembered. A local seed never is, this machine's or another's of the local network: it dies with
its process.

Among many seeds those that a person comes to know lie near the rooms of what the person likes. So which are remembered,
and in which order, is left to chance, and those of earlier runs count as much as those of the last.
"""

import dataclasses
import hashlib
import secrets
from collections.abc import Iterable
from itertools import islice
from typing import Final

import msgspec

from passerby.discovery.addresses import AddressError, Scope, parse_seed
from passerby.discovery.limits import RECORD_ADDRESSES, REMEMBERED_SEEDS
from passerby.discovery.searching.knownseed import Known
from passerby.discovery.searching.searchevents import Introduced, Origin
from passerby.node import home
from passerby.node.config import Folders

FAILURES: Final = 5  # runs in a row without an answer: then it is forgotten
FILE: Final = "seeds.json"
_LUCK: Final = secrets.token_bytes(16)
"""Another in every run, and one for all of it: else each time of writing would be another drawing."""


class Seed(msgspec.Struct, frozen=True):
    """A seed of a network, at multiaddrs of one scope that end with its peer id.

    `failures` counts the runs in a row in which it did not answer; `record` is its signed record, where we had one.
    """

    network: str
    scope: Scope
    addresses: tuple[str, ...]
    failures: int = 0
    record: bytes | None = None

    @property
    def key(self) -> tuple[str, Scope, bytes | None]:
        """What two entries of one seed have in common."""
        return self.network, self.scope, parse_seed(self.addresses[0]).peer


def decode(content: bytes | None) -> list[Seed]:
    """Return what a file holds, best first; what is no longer readable counts as forgotten."""
    try:
        seeds = msgspec.json.decode(content or b"[]", type=list[Seed])
    except (msgspec.DecodeError, RecursionError):
        return []
    return list(islice(filter(_is_sound, seeds), REMEMBERED_SEEDS))


def updated(seeds: Iterable[Seed], network: str, run: Iterable[Known], *, over: bool = True) -> list[Seed]:
    """Take in what a run knew of seeds: of all that answered in it or earlier as many as there is room for, by chance.

    One that did not answer is remembered only if it was before; that counts against it, once the run is `over`, and who
    failed more often comes later.
    """
    before = {seed.key: seed for seed in seeds}
    for known in run:
        now = _seed_of(network, known)
        old = before.get(now.key)
        if known.answered is not None:
            before[now.key] = now
        elif old is not None and known.failures and over:
            before[now.key] = msgspec.structs.replace(old, failures=old.failures + 1)
    kept = (seed for seed in before.values() if seed.failures < FAILURES)
    return sorted(kept, key=lambda seed: (seed.failures, _lot(seed)))[:REMEMBERED_SEEDS]


def load(folders: Folders, network: str) -> list[Introduced]:
    """Return the remembered seeds of a network, best first. HomeError if the file cannot be read."""
    return [_introduced(seed) for seed in decode(home.read(folders.state / FILE, folders)) if seed.network == network]


def save(folders: Folders, network: str, run: Iterable[Known], *, over: bool = True) -> None:
    """Write what a run knew of seeds, if it changes more than their order. HomeError if that fails."""
    path, worth = folders.state / FILE, [known for known in run if _is_lasting(known)]
    before = decode(home.read(path, folders))
    if set(updated(before, network, worth, over=over)) != set(before):
        home.update(path, folders, lambda there: msgspec.json.encode(updated(decode(there), network, worth, over=over)))


def _lot(seed: Seed) -> bytes:
    return hashlib.blake2b(repr(seed.key).encode(), key=_LUCK).digest()


def _is_lasting(known: Known) -> bool:
    """Tell whether a seed may be there in a later run: of local ones only who was named, or answered before."""
    if known.scope is Scope.LAN:
        return known.origin in (Origin.NAMED, Origin.REMEMBERED)
    return known.origin is not Origin.LOCAL


def _seed_of(network: str, known: Known) -> Seed:
    addresses = (str(dataclasses.replace(address, peer=known.pid)) for address in known.addresses[:RECORD_ADDRESSES])
    return Seed(network, known.scope, tuple(addresses), record=known.blob)


def _introduced(seed: Seed) -> Introduced:
    addresses = tuple(parse_seed(text) for text in seed.addresses)
    assert addresses[0].peer is not None, "decode() saw to it"
    bare = tuple(address.bare for address in addresses)
    return Introduced(addresses[0].peer, seed.scope, bare, Origin.REMEMBERED, seed.record)


def _is_sound(seed: Seed) -> bool:
    """Tell whether all addresses are of one peer, and of the scope that they would be dialled in; a name is public."""
    if len(seed.addresses) > RECORD_ADDRESSES:
        return False
    try:
        told = [parse_seed(text) for text in seed.addresses]
    except AddressError:
        return False
    scopes = {address.scope or Scope.PUBLIC for address in told}
    return len({address.peer for address in told}) == 1 and scopes == {seed.scope}

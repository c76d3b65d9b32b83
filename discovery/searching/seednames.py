"""Names that lead to seeds, and what is taken of a name server's answer (protocol.md 3.6). Pure.

Two shapes beside an IP address: `/dns4|dns6/NAME/tcp/PORT/p2p/ID` is one seed whose host has a name. `/dnsaddr/NAME`,
with or without `/p2p/ID`, are all seeds that the TXT records of `_dnsaddr.NAME` list, of the form `dnsaddr=MULTIADDR`
(libp2p's addressing specification); one may be a `/dnsaddr/` again.

Whoever answers for a name is neither the person nor the seed. So an answer is believed to name a public address and a
peer id, no more: see `is_believed`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from passerby.discovery.addresses import Address, AddressError, Family, Scope, may_dial, parse, parse_seed
from passerby.discovery.limits import TYPED_ADDRESS_BYTES
from passerby.discovery.peerids import parse_peer_id, peer_id_text

ANSWERS: Final = 16  # taken of one name, all that it leads to included: more than anybody needs for a start
DEPTH: Final = 2  # names behind one another, the first included: one to keep, one to move
PREFIX: Final = "_dnsaddr."
_KEY: Final = "dnsaddr="


@dataclass(frozen=True, slots=True)
class SeedName:
    """A name whose TXT records list seeds; with `peer`, a binary peer id, only that one is meant."""

    name: str
    peer: bytes | None = None

    def __str__(self) -> str:
        return f"/dnsaddr/{self.name}{'' if self.peer is None else f'/p2p/{peer_id_text(self.peer)}'}"


def parse_named(text: str) -> Address | SeedName:
    """Read what a person, or the list of the release, names as a seed. AddressError, in words, for everything else."""
    if not text.startswith("/dnsaddr/"):
        return parse_seed(text)
    if len(text) > TYPED_ADDRESS_BYTES:
        raise AddressError(f"longer than {TYPED_ADDRESS_BYTES} characters")
    match text.split("/")[2:]:
        case [name]:
            return SeedName(_checked(name))
        case [name, "p2p", peer]:
            try:
                return SeedName(_checked(name), parse_peer_id(peer))
            except ValueError as error:
                raise AddressError(str(error)) from error
        case _:
            raise AddressError("only /p2p/PEER-ID may follow the name")


def needs_lookup(seed: Address | SeedName) -> bool:
    """Tell whether a name server has to be asked before anybody can be dialled."""
    return isinstance(seed, SeedName) or seed.family in (Family.DNS4, Family.DNS6)


def by_seed(addresses: Iterable[Address]) -> list[tuple[bytes, Scope, tuple[Address, ...]]]:
    """Return peer id, scope and bare addresses of each seed and scope; what has no peer id is left out.

    Names count as public: in another scope a seed's host has none (protocol.md 3.8).
    """
    seeds: dict[tuple[bytes, Scope], dict[Address, None]] = {}
    for address in addresses:
        if address.peer is not None:
            seeds.setdefault((address.peer, address.scope or Scope.PUBLIC), {})[address.bare] = None
    return [(*whom, tuple(where)) for whom, where in seeds.items()]


def read_answer(texts: Iterable[str], asked: SeedName) -> tuple[list[Address], list[SeedName]]:
    """Return the seeds, and the further names, that the TXT records of `_dnsaddr.NAME` tell of.

    What is amiss, or of a shape that we do not dial, is left out: such lists serve other programs too.
    """
    seeds: list[Address] = []
    names: list[SeedName] = []
    for text in list(texts)[:ANSWERS]:
        try:
            told = parse_named(text.removeprefix(_KEY)) if text.startswith(_KEY) else None
        except AddressError:
            continue
        if told is None or (asked.peer is not None and told.peer not in (None, asked.peer)):
            continue
        if isinstance(told, SeedName):
            names.append(SeedName(told.name, told.peer or asked.peer))
        elif is_believed(told):
            seeds.append(told)
    return seeds, names


def is_believed(address: Address) -> bool:
    """Tell whether an address that a name server told may be dialled: a public one, within the rules for hearsay."""
    return may_dial(address, Scope.PUBLIC)


def _checked(name: str) -> str:
    try:
        return parse(f"/dns4/{name}/tcp/443").host
    except AddressError as error:
        raise AddressError(f"not a name: {name}") from error

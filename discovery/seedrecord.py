"""Seed records: a signed "I am a seed, and here I am reached" (protocol.md 3.8).

On the wire a record is one `bin` of at most 1 024 bytes: `payload || signature`, the last 64 bytes being the Ed25519
signature over `"pby1 seed" 00 || payload` by the key in it. The payload is checked and kept as received, never encoded
again. It is one MessagePack array:

| # | element   | type                    | meaning                                                               |
|---|-----------|-------------------------|-----------------------------------------------------------------------|
| 0 | public    | bin 32                  | the seed's public key; the peer id is made from it                    |
| 1 | addresses | array of 1 to 4 str     | `/ip4|ip6|dns4|dns6/HOST/tcp/PORT`, each <= 128 bytes of ASCII        |
| 2 | nonce     | u64                     | what the id puzzle was solved with; 0 outside the public scope        |
| 3 | work      | bin 32                  | the puzzle's w, as claimed; zeros outside the public scope            |
| 4 | issued    | u32                     | when it was signed, in seconds since 1970                             |
| 5 | versions  | array of 1 to 4 u8      | versions of the chat protocol that may be relayed, ascending, no 0    |
| 6 | relay     | bool                    | whether the seed relays                                               |
| 7 | contact   | str, <= 100 bytes       | of whoever runs it, without control characters                        |
| 8 | family    | str, <= 32 bytes        | a name that all seeds of one holder share, as contact                 |

Further elements are ignored. The addresses are all of one scope, and none is one that its hearer may not dial; names
are of the public scope. So the record has a scope, and in no other it is used.

The record carries the claimed work so that a seed's place is known by arithmetic. `check_work`, which costs 16 MiB and
some ten milliseconds, is run only for a seed that is about to be made use of, and then once.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from passerby.crypto import keys
from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.keys import HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES, peer_id_of
from passerby.crypto.stamp import Work, argon2id, puzzle_work, solves
from passerby.discovery.addresses import Address, AddressError, Family, Scope, may_dial, parse
from passerby.discovery.limits import (
    ADDRESS_BYTES,
    CONTACT_BYTES,
    FAMILY_BYTES,
    LOWEST_PORT,
    PBY_VERSION,
    RECORD_ADDRESSES,
    RECORD_AHEAD,
    RECORD_BEHIND,
    RECORD_BYTES,
    RECORD_VERSIONS,
    WEB_PORTS,
)
from passerby.discovery.rooms import NO_WORK, seed_position

_PREFIX: Final = b"pby1 seed\0"
_NAMES: Final = frozenset({Family.DNS4, Family.DNS6})
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")

Verify = Callable[[bytes, bytes, bytes, bytes], bool]
"""As keys.verify: public key, prefix, payload, signature."""


class Signer(Protocol):
    """As keys.SigningKey."""

    public: bytes

    def sign(self, prefix: bytes, payload: bytes) -> bytes:
        """Return the signature over `prefix || payload`."""
        ...


class _Payload(Struct, frozen=True, array_like=True):
    public: bytes
    addresses: tuple[str, ...]
    nonce: int
    work: bytes
    issued: int
    versions: tuple[int, ...]
    relay: bool
    contact: str
    family: str


_decoder: Final = msgspec.msgpack.Decoder(_Payload)


@dataclass(frozen=True, slots=True)
class SeedRecord:
    """A seed and what it says of itself; ValueError if that breaks a limit of the table above.

    `pid` is its binary peer id, `position` its place among the room keys (32 bytes): claimed, until `check_work`.
    """

    public: bytes
    addresses: tuple[Address, ...]
    issued: int
    nonce: int = 0
    work: bytes = NO_WORK
    versions: tuple[int, ...] = (PBY_VERSION,)
    relay: bool = False
    contact: str = ""
    family: str = ""
    scope: Scope = field(init=False, repr=False, compare=False)
    pid: bytes = field(init=False, repr=False, compare=False)
    position: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.public) != KEY_BYTES or len(self.work) != HASH_BYTES:
            raise ValueError("a public key and its work have 32 bytes")
        if not (0 <= self.issued < 1 << 32 and 0 <= self.nonce < 1 << 64):
            raise ValueError("a number out of range")
        _check_versions(self.versions)
        _check_text(self.contact, CONTACT_BYTES)
        _check_text(self.family, FAMILY_BYTES)
        scope = _scope_of(self.addresses)
        if scope is not Scope.PUBLIC and (self.nonce, self.work) != (0, NO_WORK):
            raise ValueError("work where none is asked for: its place could be chosen")
        # What is derived is asked for at every comparison, so it is kept; the dataclass is frozen for all others.
        object.__setattr__(self, "scope", scope)
        object.__setattr__(self, "pid", peer_id_of(self.public))
        object.__setattr__(self, "position", seed_position(self.public, self.work))

    def fits(self, scope: Scope) -> bool:
        """Tell whether the record is one of `scope`; through Tor the public seeds are reached."""
        return self.scope is (Scope.PUBLIC if scope is Scope.TOR else scope)

    def is_current(self, unix: float) -> bool:
        """Tell whether the record counts at a moment of wall time, in seconds since 1970."""
        return -RECORD_AHEAD <= unix - self.issued <= RECORD_BEHIND


def sign_record(key: Signer, record: SeedRecord) -> bytes:
    """Return the record as it goes on the wire; LocalProtocolError if it is not the key's own."""
    if record.public != key.public:
        raise LocalProtocolError("a record is signed by its seed")
    payload = msgspec.msgpack.encode(
        _Payload(
            record.public,
            tuple(map(str, record.addresses)),
            record.nonce,
            record.work,
            record.issued,
            record.versions,
            record.relay,
            record.contact,
            record.family,
        )
    )
    return payload + key.sign(_PREFIX, payload)


def read_record(blob: bytes, verify: Verify = keys.verify) -> SeedRecord:
    """Return the record in `blob`, every limit checked and then its signature, but not its age nor its work.

    RemoteProtocolError if anything about it is wrong.
    """
    if not SIGNATURE_BYTES < len(blob) <= RECORD_BYTES:
        raise RemoteProtocolError(f"a seed record of {len(blob)} bytes")
    payload, signature = blob[:-SIGNATURE_BYTES], blob[-SIGNATURE_BYTES:]
    try:
        fields = _decoder.decode(payload)
        record = SeedRecord(
            fields.public,
            tuple(map(_parse, fields.addresses)),
            fields.issued,
            fields.nonce,
            fields.work,
            fields.versions,
            fields.relay,
            fields.contact,
            fields.family,
        )
    except (ValueError, RecursionError) as error:  # arrays nested by the hundred end in the latter
        raise RemoteProtocolError("malformed seed record") from error
    if not verify(record.public, _PREFIX, payload, signature):
        raise RemoteProtocolError("a seed record whose signature is wrong")
    return record


def public_in(blob: bytes) -> bytes:
    """Return the public key in a record that was read before: nothing is checked any more."""
    return _decoder.decode(blob[:-SIGNATURE_BYTES]).public


def check_work(record: SeedRecord, network: str, bits: int, work: Work = argon2id) -> bool:
    """Tell whether the record's work is that of its key and nonce on this network, and hard enough: `bits` zero bits.

    What is cheap is checked first; the rest is for a worker thread. Outside the public scope there is no puzzle.
    """
    if record.scope is not Scope.PUBLIC:
        return True
    return solves(record.work, bits) and puzzle_work(record.public, record.nonce, network, work) == record.work


def _parse(text: str) -> Address:
    if not text.isascii():  # some letters outside of ASCII have a lower case inside
        raise AddressError("an address is ASCII")
    return parse(text)


def _scope_of(addresses: tuple[Address, ...]) -> Scope:
    """Return the one scope of the addresses; ValueError if there is none, or too many or too few of them."""
    if not 0 < len(addresses) <= RECORD_ADDRESSES:
        raise ValueError("a seed record has one to four addresses")
    scope = addresses[0].scope or Scope.PUBLIC
    if scope is Scope.TOR or not all(_may_name(address, scope) for address in addresses):
        raise ValueError("an address that nobody may dial, or addresses of several scopes")
    return scope


def _may_name(address: Address, scope: Scope) -> bool:
    if address.peer is not None:
        return False
    if address.family not in _NAMES:
        return may_dial(address, scope)
    is_open = address.port >= LOWEST_PORT or address.port in WEB_PORTS
    return scope is Scope.PUBLIC and is_open and len(str(address)) <= ADDRESS_BYTES


def _check_versions(versions: tuple[int, ...]) -> None:
    is_ascending = all(low < high for low, high in pairwise((0, *versions, 256)))
    if not (0 < len(versions) <= RECORD_VERSIONS and is_ascending):
        raise ValueError("one to four versions from 1 to 255, ascending")


def _check_text(text: str, most: int) -> None:
    if len(text.encode()) > most or _CONTROL.search(text):
        raise ValueError("a text that is too long, or has control characters")

"""Tickets: a signed "I am waiting here, and this is how to reach me" (protocol.md 3).

On the wire a ticket is one `bin` of at most 256 bytes: `payload || signature`, the last 64 bytes being the Ed25519
signature over `"pby1 ticket" 00 || payload` by the key in it. The payload is checked and kept as received, never
encoded again. It is one MessagePack array:

| # | element   | type                                | meaning                                               |
|---|-----------|-------------------------------------|-------------------------------------------------------|
| 0 | key       | bin 32                              | the owner's public key; the peer id is made from it   |
| 1 | room      | [u32 epoch, bin 32 tid, u8, u32]    | rooms.RoomId: epoch, tid, level, shard                |
| 2 | relay     | bin 32 or nil                       | public key of the seed that relays to the owner       |
| 3 | addresses | array of <= 2 bin, 8 or 20 bytes    | binary multiaddrs `/ip4|ip6/…/tcp/…`, if no relay     |
| 4 | versions  | array of 1 to 4 u8                  | versions of the chat protocol that the owner speaks   |

Further elements are ignored. There is a relay or there are addresses, never both or neither. Addresses are all of the
machine scope or all of the LAN scope: no ticket names a public address, so none can aim a crowd at a victim.
"""

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.keys import SIGNATURE_BYTES, SigningKey, peer_id_of, public_key_of, verify
from passerby.discovery.addresses import Address, Scope, may_dial
from passerby.discovery.limits import PBY_VERSION, TICKET_ADDRESSES, TICKET_BYTES, TICKET_VERSIONS
from passerby.discovery.rooms import RoomId

_PREFIX: Final = b"pby1 ticket\0"

_Key = Annotated[bytes, Meta(min_length=32, max_length=32)]
_Packed = Annotated[bytes, Meta(max_length=20)]
_Version = Annotated[int, Meta(ge=0, le=255)]


class _Payload(Struct, frozen=True, array_like=True):
    key: _Key
    room: RoomId
    relay: _Key | None
    addresses: Annotated[tuple[_Packed, ...], Meta(max_length=TICKET_ADDRESSES)]
    versions: Annotated[tuple[_Version, ...], Meta(min_length=1, max_length=TICKET_VERSIONS)]


_decoder = msgspec.msgpack.Decoder(_Payload)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who waits (`pid`, a binary peer id), in which room, and how to reach them: `relay` (a seed's) or `addresses`.

    ValueError if there are both or neither, or an address that a ticket may not name.
    """

    pid: bytes
    room: RoomId
    relay: bytes | None = None
    addresses: tuple[Address, ...] = ()
    versions: tuple[int, ...] = (PBY_VERSION,)

    def __post_init__(self) -> None:
        if (self.relay is None) == (not self.addresses):
            raise ValueError("a ticket has a relay or addresses")
        if self.addresses and not any(
            all(may_dial(address, scope) for address in self.addresses) for scope in (Scope.MACHINE, Scope.LAN)
        ):
            raise ValueError("a ticket's addresses are all of this machine or all of a LAN")

    def fits(self, scope: Scope) -> bool:
        """Tell whether the ticket is one of `scope`: only there may it be kept, handed out and dialled."""
        if self.relay is not None:
            return scope in (Scope.PUBLIC, Scope.TOR)
        return self.addresses[0].scope is scope


def sign_ticket(key: SigningKey, ticket: Ticket) -> bytes:
    """Return the ticket as it goes on the wire; LocalProtocolError if it is not the key's own, or breaks a limit."""
    if ticket.pid != peer_id_of(key.public):
        raise LocalProtocolError("a ticket is signed by its owner")
    if not 0 < len(ticket.versions) <= TICKET_VERSIONS or len(ticket.addresses) > TICKET_ADDRESSES:
        raise LocalProtocolError("a ticket of too many addresses or versions")
    relay = None if ticket.relay is None else public_key_of(ticket.relay)
    packed = tuple(address.pack() for address in ticket.addresses)
    payload = msgspec.msgpack.encode(_Payload(key.public, ticket.room, relay, packed, ticket.versions))
    return payload + key.sign(_PREFIX, payload)


def read_ticket(blob: bytes) -> Ticket:
    """Return the ticket in `blob`, its signature verified; RemoteProtocolError if anything about it is wrong."""
    if not SIGNATURE_BYTES < len(blob) <= TICKET_BYTES:
        raise RemoteProtocolError(f"a ticket of {len(blob)} bytes")
    payload, signature = blob[:-SIGNATURE_BYTES], blob[-SIGNATURE_BYTES:]
    try:
        fields = _decoder.decode(payload)
        ticket = Ticket(
            peer_id_of(fields.key),
            fields.room,
            None if fields.relay is None else peer_id_of(fields.relay),
            tuple(Address.unpack(packed) for packed in fields.addresses),
            fields.versions,
        )
    except ValueError as error:
        raise RemoteProtocolError("malformed ticket") from error
    if not verify(fields.key, _PREFIX, payload, signature):
        raise RemoteProtocolError("a ticket whose signature is wrong")
    return ticket

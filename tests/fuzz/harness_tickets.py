"""Tickets as anybody may write them, signed by their writer or not (discovery/tickets.py).

Input: one byte, odd if the payload that follows is to be signed, even if the signature is part of the input.
"""

from typing import Final

from fuzz.framing import signed, signed_seeds

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.keys import SIGNATURE_BYTES, SigningKey, peer_id_of
from passerby.discovery.addresses import Address, Family, Scope, may_dial
from passerby.discovery.limits import TICKET_BYTES
from passerby.discovery.rooms import room_of
from passerby.discovery.tickets import Ticket, read_ticket, sign_ticket

MAX_BYTES: Final = 300
_KEY: Final = SigningKey(bytes(range(32)))
_ROOM: Final = room_of("main", 3_000_000)
_PREFIX: Final = b"pby1 ticket\0"


def seeds() -> list[bytes]:
    pid = peer_id_of(_KEY.public)
    loopback = (Address(Family.IP4, "127.0.0.1", 7_171), Address(Family.IP6, "::1", 7_171))
    lan = (Address(Family.IP4, "192.168.1.7", 40_000),)
    tickets = (
        Ticket(pid, _ROOM, relay=pid),
        Ticket(pid, _ROOM, addresses=loopback, versions=(1, 2, 3, 4)),
        Ticket(pid, _ROOM, addresses=lan),
    )
    blobs = [sign_ticket(_KEY, ticket) for ticket in tickets]
    unsigned = [blob[:-SIGNATURE_BYTES] for blob in blobs]
    aimed = [payload.replace(bytes((127, 0, 0, 1)), bytes((8, 8, 8, 8))) for payload in unsigned]
    return signed_seeds(blobs, (*unsigned, *aimed, b"\x91" * 190))


def execute(data: bytes) -> None:
    if not data:
        return
    blob = signed(data, _KEY, _PREFIX)
    try:
        ticket = read_ticket(blob)
    except RemoteProtocolError:
        return
    assert len(blob) <= TICKET_BYTES
    scopes = [scope for scope in Scope if ticket.fits(scope)]
    assert scopes in ([Scope.MACHINE], [Scope.LAN], [Scope.PUBLIC, Scope.TOR])
    assert all(may_dial(address, scopes[0]) for address in ticket.addresses)
    if ticket.pid == peer_id_of(_KEY.public):
        assert read_ticket(sign_ticket(_KEY, ticket)) == ticket

"""Tickets on their way out and in: ours, signed once for each room however many seeds get it, and those of others."""

from collections.abc import Callable, Container

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.keys import SigningKey, peer_id_of
from passerby.discovery import tickets
from passerby.discovery.addresses import Scope
from passerby.discovery.limits import PBY_VERSION
from passerby.discovery.rooms import RoomId
from passerby.discovery.searching.searchevents import Reachable
from passerby.discovery.tickets import Ticket

SignTicket = Callable[[SigningKey, Ticket], bytes]
ReadTicket = Callable[[bytes], Ticket]


class Ticketing:
    """Signs for one peer id, and reads what seeds hand out."""

    def __init__(
        self, key: SigningKey, sign: SignTicket = tickets.sign_ticket, read: ReadTicket = tickets.read_ticket
    ) -> None:
        """Be reachable nowhere yet."""
        self._key = key
        self._sign = sign
        self._read = read
        self._reachable: dict[Scope, Reachable] = {}
        self._signed: dict[tuple[RoomId, Scope], bytes] = {}
        self.pid = peer_id_of(key.public)

    def reach(self, event: Reachable) -> None:
        """Take how strangers reach us from now on."""
        self._reachable[event.scope] = event
        self._signed.clear()

    def own(self, room: RoomId, scope: Scope) -> bytes | None:
        """Return our ticket of a room, or None if nobody could reach us in that scope."""
        means = self._reachable.get(scope)
        if means is None or (means.relay is None and not means.addresses):
            return None
        blob = self._signed.get((room, scope))
        if blob is None:
            blob = self._sign(self._key, Ticket(self.pid, room, means.relay, means.addresses))
            self._signed[room, scope] = blob
        return blob

    def keep(self, rooms: Container[RoomId]) -> None:
        """Forget what was signed for other rooms."""
        self._signed = {key: blob for key, blob in self._signed.items() if key[0] in rooms}

    def others(self, blobs: tuple[bytes, ...], room: RoomId, scope: Scope) -> tuple[Ticket, ...]:
        """Return the tickets that are what they should be: a seed that lies about one gains nothing by it."""
        good: list[Ticket] = []
        for blob in blobs:
            try:
                ticket = self._read(blob)
            except RemoteProtocolError:
                continue
            if ticket.room == room and ticket.fits(scope) and PBY_VERSION in ticket.versions:
                good.append(ticket)
        return tuple(good)

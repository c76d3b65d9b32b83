"""How a connection comes in: row 3 of cures.py, in a file of its own for its length.

py-libp2p 0.8.1 keeps a slot and a task for every inbound connection until the swarm stops, so after 250 of them *in
total* a node refuses everybody for ever. Here a connection holds what it needs while it lives, and four kinds of flood
cost an honest newcomer nothing: who opens sockets and says nothing (the oldest handshake is dropped), who connects and
carries nothing (it ends after IDLE, the oldest beyond IDLE_MOST at once), who takes more places than others (crowd.py
shares them out among address blocks), and all together (a quarter of the connections stays ours to dial with).
"""

# pyright: reportPrivateUsage=false, reportMissingTypeStubs=false, reportUnknownMemberType=false

import logging
from collections import OrderedDict
from collections.abc import Callable
from itertools import count
from random import SystemRandom
from typing import Final

import trio
from libp2p.abc import INetConn
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.trio import TrioTCPStream
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.connection_gate import ConnectionGate
from libp2p.network.swarm import Swarm
from multiaddr import Multiaddr  # type: ignore[import-untyped]  # it has no types

from passerby.discovery.addresses import block_of
from passerby.node.limits import HANDSHAKE_TIMEOUT
from passerby.node.seeding.crowd import Crowd

Admit = Callable[[str, int], bool]  # remote address and port of an inbound connection -> may it come in?

HALF_OPEN: Final = 128  # handshakes at once; one takes 10 ms, so honest ones survive 1 000 newcomers a second
OUTBOUND_SHARE: Final = 4  # one connection in four is kept for those we dial
IDLE: Final = 10.0  # seconds that an inbound connection may carry nothing: a stamp is solved in 5, a link lingers for 5
IDLE_LOOK: Final = 2.5
IDLE_MOST: Final = 256  # such connections at once, 50 KiB each; an honest one carries a stream from its first flight on
CLOSE_SOCKET: Final = 1.0  # the farewell of a connection that closes; the socket is closed whether or not it was said
_INFRASTRUCTURE: Final = frozenset({None, "/ipfs/id/1.0.0"})  # a stream of these is no reason to keep a connection

logger = logging.getLogger("passerby.libp2p")


def socket_address(stream: object) -> tuple[str, int] | None:
    """Return address and port of the other end; the library's own answers None for every IPv6 socket."""
    if not isinstance(stream, TrioTCPStream):
        return None
    try:
        address, port, *_ = stream.stream.socket.getpeername()
    except OSError:
        return None
    return str(address), int(port)


def own_host(stream: object) -> str | None:
    """Return the address of our end."""
    try:
        return str(stream.stream.socket.getsockname()[0]) if isinstance(stream, TrioTCPStream) else None
    except OSError:
        return None


class AddressGate(ConnectionGate):
    """Our own gate: a pure function of address and port (the library's misses whole ranges and resolves names)."""

    def __init__(self, admit: Admit) -> None:
        super().__init__()
        self.admit = admit


class _Inside:
    """One inbound socket: its task's scope, and its connection once there is one."""

    def __init__(self, scope: trio.CancelScope) -> None:
        self.scope: Final = scope
        self.connection: SwarmConn | None = None
        self.idle_since: float | None = None


class InboundDoor:
    """Lets inbound connections in, one task each, which ends with its connection."""

    def __init__(self, swarm: Swarm) -> None:
        limit = swarm.connection_config.max_connections
        self._swarm = swarm
        self._places: Final = limit - limit // OUTBOUND_SHARE
        self._handshakes: OrderedDict[trio.CancelScope, None] = OrderedDict()
        self._numbers = count()
        self._crowd: Crowd[_Inside] = Crowd(self._places, SystemRandom())
        self._inside: dict[_Inside, None] = {}  # those with a connection
        self._idle: OrderedDict[_Inside, None] = OrderedDict()  # of these who carried nothing when last looked at
        self._is_looking = False

    async def take(self, stream: ReadWriteCloser, listener: Multiaddr) -> None:
        """Serve one accepted socket until its connection ends; takes the place of `_handle_inbound_connection`."""
        try:
            block = self._block_of(stream)
            if block is not None and self._crowd.admits(block):
                with trio.CancelScope() as scope:
                    await self._serve(_Inside(scope), block, stream, listener)
        finally:
            with trio.move_on_after(CLOSE_SOCKET) as scope:
                scope.shield = True
                await stream.close()

    def _block_of(self, stream: ReadWriteCloser) -> str | None:
        """Return the address block of who connects; None if he may not."""
        gate = self._swarm.connection_gate
        address = socket_address(stream)
        if address is None or (isinstance(gate, AddressGate) and not gate.admit(*address)):
            return None
        return block_of(address[0], pid=b"", connection=next(self._numbers))

    async def _serve(self, one: _Inside, block: str, stream: ReadWriteCloser, listener: Multiaddr) -> None:
        entry = self._crowd.enter(block, one)
        try:
            if (displaced := self._crowd.displaced(block)) is not None:
                self._drop(displaced)
            one.connection = await self._shake_hands(stream, listener)
            if one.connection is not None:
                self._enter(one)
                await one.connection.event_closed.wait()
                with trio.move_on_after(CLOSE_SOCKET):
                    await _muxer_closed(one.connection)
        finally:
            self._crowd.leave(entry)
            self._inside.pop(one, None)
            self._idle.pop(one, None)

    def _enter(self, one: _Inside) -> None:
        self._inside[one] = None
        self._note_idle(one)
        self._make_room()
        if not self._is_looking:
            self._is_looking = True
            self._swarm.manager.run_task(self._look)

    def _note_idle(self, one: _Inside) -> None:
        one.idle_since = trio.current_time()
        self._idle[one] = None

    def _note_busy(self, one: _Inside) -> None:
        one.idle_since = None
        self._idle.pop(one, None)

    async def _look(self) -> None:
        """Look again and again who carries nothing, as long as anybody is inside; end those who did for too long."""
        try:
            while self._inside:
                await trio.sleep(IDLE_LOOK)
                for one in list(self._inside):
                    self._judge(one, trio.current_time())
        finally:
            self._is_looking = False

    def _judge(self, one: _Inside, now: float) -> None:
        if _carries(one.connection):
            self._note_busy(one)
        elif one.idle_since is None:
            self._note_idle(one)
        elif now - one.idle_since >= IDLE:
            self._drop(one)

    def _make_room(self) -> None:
        """Drop the oldest connections that carry nothing: those beyond IDLE_MOST, and those beyond our share.

        Those with a stream whose protocol is being agreed on go last: an honest newcomer is among them.
        """
        excess = max(len(self._idle) - IDLE_MOST, len(self._inside) - self._places)
        if excess <= 0:
            return
        for one in [one for one in self._idle if _carries(one.connection)]:
            self._note_busy(one)
        excess = max(len(self._idle) - IDLE_MOST, len(self._inside) - self._places)
        oldest = sorted(self._idle, key=lambda one: one.connection is not None and bool(one.connection.streams))
        for one in oldest[: max(excess, 0)]:
            self._drop(one)

    def _drop(self, one: _Inside) -> None:
        """End a connection, or the handshake on its way to one."""
        self._inside.pop(one, None)
        self._idle.pop(one, None)
        if one.connection is None:
            one.scope.cancel()
        else:
            self._swarm.manager.run_task(one.connection.close)

    async def _shake_hands(self, stream: ReadWriteCloser, listener: Multiaddr) -> SwarmConn | None:
        """Return the connection once Noise and Yamux are agreed on; None if the other side did not manage in time."""
        with trio.move_on_after(HANDSHAKE_TIMEOUT) as scope:
            self._handshakes[scope] = None
            if len(self._handshakes) > HALF_OPEN:
                oldest, _ = self._handshakes.popitem(last=False)
                oldest.cancel()
            try:
                muxed = await self._swarm.upgrade_inbound_raw_conn(RawConnection(stream, False), listener)
                return _find(self._swarm.connections.get(muxed.peer_id, []), muxed)
            except Exception:  # whatever a stranger's bytes provoke ends this socket and nothing else
                logger.debug("inbound handshake failed", exc_info=True)
            finally:
                self._handshakes.pop(scope, None)
        return None


def _find(connections: list[INetConn], muxed: object) -> SwarmConn | None:
    for connection in connections:
        if isinstance(connection, SwarmConn) and connection.muxed_conn is muxed:
            return connection
    return None


def _carries(connection: SwarmConn | None) -> bool:
    return connection is not None and any(stream.get_protocol() not in _INFRASTRUCTURE for stream in connection.streams)


async def _muxer_closed(connection: SwarmConn) -> None:
    closed = getattr(connection.muxed_conn, "event_closed", None)
    if isinstance(closed, trio.Event):
        await closed.wait()

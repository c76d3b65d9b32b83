"""How a connection comes in: row 3 of libp2p_081.py, in a file of its own for its length.

py-libp2p 0.8.1 keeps a slot and a task for every inbound connection until the swarm stops, so after 250 of them *in
total* a node refuses everybody for ever. Here a connection holds what it needs while it lives, and three kinds of flood
cost an honest newcomer nothing: who opens sockets and says nothing (the oldest handshake is dropped), who connects and
carries nothing (the oldest idle connection is dropped), and who asks for more than the node has (a quarter of the
connections stays ours to dial with).
"""
# ruff: noqa: SLF001 - the library's private parts are what is mended
# pyright: reportPrivateUsage=false, reportMissingTypeStubs=false, reportUnknownMemberType=false

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

import trio
from libp2p.abc import INetConn
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.trio import TrioTCPStream
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.connection_gate import ConnectionGate
from libp2p.network.swarm import Swarm
from libp2p.rcmgr import Direction
from multiaddr import Multiaddr  # type: ignore[import-untyped]  # it has no types

from passerby.node.limits import HANDSHAKE_TIMEOUT

Admit = Callable[[str, int], bool]  # remote address and port of an inbound connection -> may it come in?

HALF_OPEN: Final = 128  # handshakes at once; one takes 10 ms, so honest ones survive 1 000 newcomers a second
OUTBOUND_SHARE: Final = 4  # one connection in four is kept for those we dial
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


class AddressGate(ConnectionGate):
    """Our own gate: a pure function of address and port (the library's misses whole ranges and resolves names)."""

    def __init__(self, admit: Admit) -> None:
        super().__init__()
        self.admit = admit


class InboundDoor:
    """Lets inbound connections in, one task each, which ends with its connection."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self._handshakes: OrderedDict[trio.CancelScope, None] = OrderedDict()

    async def take(self, stream: ReadWriteCloser, listener: Multiaddr) -> None:
        """Serve one accepted socket until its connection ends; takes the place of `_handle_inbound_connection`."""
        try:
            if not self._admitted(stream):
                return
            connection = await self._shake_hands(stream, listener)
            if connection is not None:
                self._make_room()
                await connection.event_closed.wait()
                with trio.move_on_after(CLOSE_SOCKET):
                    await _muxer_closed(connection)
        finally:
            with trio.move_on_after(CLOSE_SOCKET) as scope:
                scope.shield = True
                await stream.close()

    def _admitted(self, stream: ReadWriteCloser) -> bool:
        gate = self._swarm.connection_gate
        address = socket_address(stream)
        return address is not None and (not isinstance(gate, AddressGate) or gate.admit(*address))

    def _make_room(self) -> None:
        """Drop the oldest connections that carry nothing, as many as inbound ones are beyond their share.

        Those with a stream whose protocol is being agreed on go last: an honest newcomer is among them.
        """
        inbound = [connection for connection in self._inbound() if not connection.is_closed]
        limit = self._swarm.connection_config.max_connections
        excess = len(inbound) - (limit - limit // OUTBOUND_SHARE)
        idle = [connection for connection in inbound if not _carries(connection)]
        idle.sort(key=lambda connection: (bool(connection.streams), connection._created_at))
        for connection in idle[: max(excess, 0)]:
            self._swarm.manager.run_task(connection.close)

    def _inbound(self) -> Iterator[SwarmConn]:
        for connections in self._swarm.connections.values():
            for connection in connections:
                if isinstance(connection, SwarmConn) and connection.direction is Direction.INBOUND:
                    yield connection

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


def _carries(connection: SwarmConn) -> bool:
    return any(stream.get_protocol() not in _INFRASTRUCTURE for stream in connection.streams)


async def _muxer_closed(connection: SwarmConn) -> None:
    closed = getattr(connection.muxed_conn, "event_closed", None)
    if isinstance(closed, trio.Event):
        await closed.wait()

"""What the network does by itself and for each connection: a part of cures.py, apart for its length.

py-libp2p 0.8.1 keeps two managed tasks, two nurseries and two loops for each connection that nobody here needs, and
starting a task looks through all others for its parent: at 1 700 connections an arrival took a seed 14 ms, at none 4.
"""
# ruff: noqa: SLF001 - the library's private parts are what is mended
# pyright: reportPrivateUsage=false, reportMissingTypeStubs=false, reportUnknownMemberType=false

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import trio
from libp2p.abc import INetConn
from libp2p.network.auto_connector import AutoConnector
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.security.noise.messages import NoiseExtensions, NoiseHandshakePayload
from libp2p.security.noise.patterns import PatternXX
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.stream_muxer.yamux.yamux import Yamux
from libp2p.tools.anyio_service.trio_manager import TrioManager
from noise.backends.default.keypairs import KeyPair25519
from noise.connection import NoiseConnection

from passerby.node.libp2p_081.importing import WrongLibp2pError

Task = Callable[..., Awaitable[Any]]

logger = logging.getLogger("passerby.libp2p")


# ---- tasks ----------------------------------------------------------------------------------------------------------

_managed: Final = TrioManager.run_task


def run_task(
    self: TrioManager,
    async_fn: Task,
    *args: Any,
    daemon: bool = False,
    name: str | None = None,
    _internal: bool = False,
) -> None:
    """Start a task that is nobody's child; the library's own run as they did. What it raises ends nothing else."""
    nursery = self._task_nursery
    if daemon or _internal or nursery is None or not self.is_running:
        _managed(self, async_fn, *args, daemon=daemon, name=name, _internal=_internal)
    else:
        nursery.start_soon(_alone, async_fn, args, name=name)


async def _alone(async_fn: Task, arguments: tuple[Any, ...]) -> None:
    try:
        await async_fn(*arguments)
    except Exception:  # the library would end the whole network for it
        logger.debug("a task of the network failed", exc_info=True)


async def start_muxer(self: Yamux) -> None:
    """Take frames until the connection ends, and do nothing besides: no pings of our own, no sweeping.

    Who is alive is for the protocols above to find out, and a stream is forgotten when it ends.
    """
    if self.event_started.is_set():
        return
    self._established = True
    self.event_started.set()
    try:
        await self.handle_incoming()
    finally:
        self.new_stream_send_channel.close()


_notify: Final = Swarm._notify


async def notify(self: Swarm, method: str, *args: Any) -> None:
    """Tell those who listen, if anybody does."""
    if self.notifees:
        await _notify(self, method, *args)


async def close_connections(swarm: Swarm) -> None:
    """Close all at once: the library closes one after the other, 0.2 s each."""
    async with trio.open_nursery() as nursery:
        for connections in list(swarm.connections.values()):
            for connection in list(connections):
                nursery.start_soon(_close_quietly, connection)


async def _close_quietly(connection: INetConn) -> None:
    with suppress(Exception):  # we are leaving, and the others must be closed too
        await connection.close()


class NoAutoConnector(AutoConnector):
    """Dials nobody and remembers nobody: the library's keeps every peer id that ever disconnected."""

    async def run_background_task(self, nursery: trio.Nursery) -> None:
        """Start nothing."""

    async def maybe_connect(self) -> None:
        """Dial nobody."""

    def record_disconnect(self, peer_id: ID) -> None:
        """Remember nobody."""


# ---- Noise ----------------------------------------------------------------------------------------------------------


class PreparedXX(PatternXX):
    """The handshakes of one host: what is the same in each is made once, our signature and our static public key."""

    def __init__(self, noise: NoiseTransport) -> None:
        super().__init__(noise.local_peer, noise.libp2p_privkey, noise.noise_privkey, noise.early_data)
        self._payload = super().make_handshake_payload()
        self._static = KeyPair25519.from_private_bytes(self.noise_static_key.to_bytes())

    def make_handshake_payload(self, extensions: NoiseExtensions | None = None) -> NoiseHandshakePayload:
        """Return who we are, signed for our static key."""
        return self._payload if extensions is None else super().make_handshake_payload(extensions)

    def create_noise_state(self, prologue: bytes | None = None) -> NoiseConnection:
        """Return the state before the first message."""
        state = NoiseConnection.from_name(self.protocol_name)
        if state.noise_protocol is None or prologue is not None:
            raise WrongLibp2pError("This is not the py-libp2p 0.8.1 that Passerby mends: its handshake is another.")
        state.noise_protocol.keypairs["s"] = self._static
        return state

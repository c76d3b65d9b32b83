"""Connections and streams as the rest of the program sees them: typed, with errors of Python and trio.

A `Stream` has one reader and any number of writers. Its deadlines are the caller's cancel scopes: a read or write that
is cancelled leaves the connection whole. Errors on a stream: EOFError when the other side finished,
trio.BrokenResourceError when it reset the stream or vanished, trio.ClosedResourceError when we closed it. A stream that
we opened is written to before the other side has agreed on its protocol; if it does not, the first read raises
StreamError, which is a BrokenResourceError too.
"""
# pyright: reportMissingTypeStubs=false

# before anything of libp2p:
import passerby.node.libp2p_081.importing  # noqa: F401 - for its effect  # pyright: ignore[reportUnusedImport]

# isort: split

from collections.abc import Callable
from math import inf
from typing import Final, TypeVar

import trio
from libp2p.exceptions import BaseLibp2pError
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.stream.net_stream import NetStream
from libp2p.rcmgr import Direction
from libp2p.security.noise.io import NoiseTransportReadWriter
from libp2p.security.secure_session import SecureSession
from libp2p.stream_muxer.exceptions import MuxedStreamEOF
from libp2p.stream_muxer.yamux.yamux import Yamux
from noise.connection import NoiseConnection

from passerby.crypto.errors import LocalProtocolError
from passerby.node.libp2p_081.inbound import own_host, socket_address
from passerby.node.libp2p_081.reading import Proposal

BINDING_BYTES: Final = 32  # the handshake hash of Noise_XX_25519_ChaChaPoly_SHA256
RESET_TIMEOUT: Final = 6.0  # a reset waits behind the frame being written, which is given up after 5 s

T = TypeVar("T")

Background = Callable[..., None]  # starts an async function with its arguments and does not wait for it


class StreamError(OSError, trio.BrokenResourceError):
    """No stream: the peer does not speak the protocol, did not answer in time, or is gone."""


class Connection:
    """A secured, multiplexed connection to one peer."""

    def __init__(self, inner: SwarmConn, number: int, background: Background) -> None:
        self.inner: Final = inner  # the library's: for host.py only
        self.number: Final = number  # which no other connection of the host has, also after this one ended
        self._background = background
        self.peer_id: Final[bytes] = inner.muxed_conn.peer_id.to_bytes()
        self.inbound: Final = inner.direction is Direction.INBOUND
        self.remote_address: Final = _from_socket(inner, socket_address)
        self.local_host: Final = _from_socket(inner, own_host)

    def __repr__(self) -> str:
        return f"<Connection {'from' if self.inbound else 'to'} {self.peer_id[-3:].hex()}>"

    @property
    def is_closed(self) -> bool:
        """Whether the connection is closed or closing."""
        return self.inner.is_closed

    async def wait_closed(self) -> None:
        """Return as soon as the connection begins to close, whoever closes it."""
        await self.inner.event_closed.wait()

    def close(self) -> None:
        """Close the connection and its streams, in the background: streams fail at once, the farewell takes 0.2 s."""
        self._background(self.inner.close)

    def channel_binding(self) -> bytes:
        """Return the 32-byte Noise handshake hash: equal at both ends and nowhere else (protocol.md 5, `cb`).

        Raises LocalProtocolError if the connection is not Noise: nothing may go on without a binding.
        """
        noise = _noise_layer(self.inner)
        state = noise.noise_state if noise is not None else None
        if isinstance(state, NoiseConnection):
            binding = state.get_handshake_hash()
            if len(binding) == BINDING_BYTES:
                return bytes(binding)
        raise LocalProtocolError("this connection has no channel binding")


def _noise_layer(inner: SwarmConn) -> NoiseTransportReadWriter | None:
    """Walk from a connection down to Noise, making sure of every step."""
    muxed = inner.muxed_conn
    session = muxed.secured_conn if isinstance(muxed, Yamux) else None
    noise = session.conn if isinstance(session, SecureSession) else None
    return noise if isinstance(noise, NoiseTransportReadWriter) else None


def _from_socket(inner: SwarmConn, read: Callable[[object], T]) -> T:
    noise = _noise_layer(inner)
    raw = noise.read_writer.read_write_closer if noise is not None else None
    return read(getattr(raw, "stream", None))


class Stream:
    """One stream of a connection; its protocol is agreed on, or proposed."""

    def __init__(
        self,
        inner: NetStream,
        connection: Connection,
        protocol: str,
        background: Background,
        proposal: Proposal | None = None,
        answer_due: float = inf,
    ) -> None:
        self._inner = inner
        self._muxed = inner.muxed_stream
        self._background = background
        self._write_lock = trio.Lock()
        self._reset = self._write_closed = self._read_closed = False
        self._proposal = proposal  # until the other side has answered it
        self._answer_due = answer_due
        self.connection: Final = connection
        self.protocol: Final = protocol

    def __repr__(self) -> str:
        return f"<Stream {self.protocol} of {self.connection!r}>"

    @property
    def peer_id(self) -> bytes:
        """The authenticated peer id of the other end: 38 bytes."""
        return self.connection.peer_id

    @property
    def is_finished(self) -> bool:
        """Whether nothing more goes either way, as far as we have read."""
        return self._reset or (self._write_closed and self._read_closed)

    @property
    def is_write_closed(self) -> bool:
        """Whether we told the other side that nothing more comes, and did not reset."""
        return self._write_closed and not self._reset

    async def agree(self) -> None:
        """Wait until the other side has agreed on the protocol. Reading does so by itself.

        Raises StreamError, trio.ClosedResourceError.
        """
        if self._proposal is None:
            return
        try:
            with trio.fail_at(self._answer_due):
                await self._proposal.settle(self._muxed.read)
        except (BaseLibp2pError, trio.TooSlowError) as error:
            if self._reset:
                raise self._failure() from error
            self.reset()
            raise StreamError("the peer did not open the stream") from error
        self._proposal = None

    async def read_some(self, limit: int) -> bytes:
        """Return 1 to `limit` bytes, or b"" if the other side has finished.

        Raises StreamError before the first byte, trio.BrokenResourceError, trio.ClosedResourceError.
        """
        if self._reset:
            raise trio.ClosedResourceError("the stream was reset by us")
        await self.agree()
        try:
            data = await self._muxed.read(limit)
        except MuxedStreamEOF:
            data = b""
        except BaseLibp2pError as error:
            raise self._failure() from error
        if not data:
            self._read_closed = True
            await self._settle()
        return data

    async def read_exactly(self, count: int) -> bytes:
        """Return exactly `count` bytes; bytes read before a cancellation are lost.

        Raises EOFError if the other side finished before that, trio.BrokenResourceError, trio.ClosedResourceError.
        """
        data = bytearray()
        while len(data) < count:
            if not (chunk := await self.read_some(count - len(data))):
                raise EOFError("the other side finished" if not data else "the other side finished in the middle")
            data += chunk
        return bytes(data)

    async def write(self, data: bytes) -> None:
        """Send all of `data`; concurrent writes go out whole, one after the other.

        Raises trio.BrokenResourceError, trio.ClosedResourceError.
        """
        if self._reset or self._write_closed:
            raise trio.ClosedResourceError("the stream was closed by us")
        async with self._write_lock:
            try:
                await self._muxed.write(data)
            except BaseLibp2pError as error:
                raise self._failure() from error

    async def close_write(self) -> None:
        """Tell the other side that nothing more comes; reading goes on. Idempotent, never raises but Cancelled."""
        if self._reset or self._write_closed:
            return
        self._write_closed = True
        async with self._write_lock:
            try:
                await self._muxed.close()
            except BaseLibp2pError:
                self.reset()
                return
        await self._settle()

    def reset(self) -> None:
        """End the stream at once, both ways; what was not read or sent is lost. Idempotent, never raises."""
        if not self._reset:
            self._reset = True
            self._background(_reset_within_deadline, self._inner)

    def _failure(self) -> Exception:
        if self._reset:
            return trio.ClosedResourceError("the stream was reset by us")
        return trio.BrokenResourceError("the other side reset the stream or vanished")

    async def _settle(self) -> None:
        """Let the library forget a stream that is closed both ways."""
        if self._write_closed and self._read_closed and not self._reset:
            await self._inner.remove()


async def _reset_within_deadline(inner: NetStream) -> None:
    with trio.move_on_after(RESET_TIMEOUT):
        await inner.reset()

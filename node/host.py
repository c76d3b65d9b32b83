"""A libp2p host as the rest of the program sees it: no type of the library, and nothing that a peer does ends it.

Addresses are multiaddrs as text without `/p2p/…`, peer ids the 38 binary bytes of an Ed25519 id (protocol.md 5),
timeouts seconds. What the library gets wrong is mended in libp2p_081/. What cannot be set up raises a subclass of
OSError, so that a layer that must not import this module can catch it.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# ruff: noqa: ASYNC109 - every wait has a deadline, also where the caller sets none

# before anything of libp2p, because it brings the library in the right way:
from passerby.node.connection import Connection, Stream, StreamError  # isort: split

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from os import strerror
from typing import Any, Final

import trio
from libp2p.abc import INetConn, INetStream
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.exceptions import BaseLibp2pError
from libp2p.host.basic_host import BasicHost
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.stream.net_stream import NetStream
from libp2p.peer.id import ID
from libp2p.security.noise.exceptions import PeerIDMismatchesPubkey

from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.keys import public_key_of
from passerby.discovery.limits import STREAMS_PER_PEER
from passerby.node.libp2p_081.cures import mended_host, swarm_of
from passerby.node.libp2p_081.inbound import Admit
from passerby.node.libp2p_081.reading import Proposal
from passerby.node.limits import CLOSE_TIMEOUT, CONNECTIONS, DIAL_TIMEOUT, NEGOTIATION_TIMEOUT
from passerby.node.listening import concrete, parse_multiaddr, require_listening

__all__ = ["DialError", "Handler", "Host", "StreamError", "WrongPeerError", "admit_all"]

_DROP_BYTES: Final = 64 * 1024

Handler = Callable[[Stream], Awaitable[None]]


class DialError(OSError):
    """No connection; the text says why, without the address."""


class WrongPeerError(DialError):
    """Somebody answered, but not the peer that was asked for."""


def admit_all(_address: str, _port: int) -> bool:
    """Let every inbound connection in."""
    return True


class Host:
    """A running host; made by `Host.open` and good until that block ends."""

    def __init__(self, inner: BasicHost, nursery: trio.Nursery) -> None:
        self._inner = inner
        self._swarm = swarm_of(inner)
        self._nursery = nursery
        self._connections: dict[INetConn, Connection] = {}
        self._numbers = count()
        self._serving: Counter[tuple[bytes, str]] = Counter()
        self.peer_id: Final[bytes] = inner.get_id().to_bytes()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        seed: bytes,
        *,
        listen: Sequence[str] = (),
        max_connections: int = CONNECTIONS,
        admit: Admit = admit_all,
    ) -> AsyncGenerator["Host", None]:
        """Run a host whose identity is the Ed25519 key of `seed` (32 bytes) until the block ends.

        `listen` holds multiaddrs such as `/ip4/127.0.0.1/tcp/0`; `admit(address, port)` is asked for each inbound
        socket before a byte is read. Leaving closes every connection, within 3 s.

        Raises PortBusyError, ListenError; WrongLibp2pError if the library is not the one we mend.
        """
        inner = mended_host(create_new_key_pair(seed), max_connections=max_connections, admit=admit)
        wanted = [parse_multiaddr(address) for address in listen]
        failure: Exception | None = None
        async with inner.run(listen_addrs=wanted), trio.open_nursery() as nursery:
            try:
                await require_listening(inner, wanted)
                yield cls(inner, nursery)
            except Exception as error:  # noqa: BLE001 - raised again below, free of the nurseries' groups
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the host listens at this moment, the machine's addresses in place of 0.0.0.0 and ::."""
        return tuple(concrete(self._inner.get_transport_addrs()))

    def connections(self) -> list[Connection]:
        """Return the connections that are open, of either direction."""
        return [self._known(inner) for inner in self._swarm.get_connections() if not inner.is_closed]

    async def dial(self, address: str, peer_id: bytes, *, timeout: float = DIAL_TIMEOUT) -> Connection:
        """Make a new connection to `peer_id` at `address`, whether or not there is one; Noise has proven who it is.

        Raises WrongPeerError if somebody else answers, else DialError. Cancelling it closes what it began.
        """
        target, where = ID(_checked(peer_id)), parse_multiaddr(address)
        scope, done = trio.move_on_after(timeout), trio.Event()
        failures: list[Exception] = []
        made: list[Connection] = []
        abandoned = False

        async def attempt() -> None:
            try:
                with scope:
                    made.append(self._known(await self._swarm.dial_addr(where, target)))
            except Exception as error:  # noqa: BLE001 - told to the caller below, in our own words
                failures.append(error)
            done.set()
            if abandoned:  # the library had finished already: nobody else knows of this connection
                drop()

        def drop() -> None:
            while made:
                made.pop().close()

        self._background(attempt)  # the library's cleaning up takes 0.3 s: a dial that is dropped must not wait for it
        try:
            with trio.move_on_after(timeout):
                await done.wait()
            if failures:
                raise _dial_error(failures[0]) from failures[0]
            if not made:
                raise DialError("no answer in time")
            return made.pop()
        finally:
            abandoned = True
            scope.cancel()
            drop()

    async def open_stream(
        self, connection: Connection, protocol: str, *, timeout: float = NEGOTIATION_TIMEOUT
    ) -> Stream:
        """Open a stream on this connection and propose `protocol`, without waiting for the answer.

        Who writes first saves a round trip; the first read, or `Stream.agree`, raises StreamError if the peer does not
        speak the protocol or does not say so within `timeout`. Raises StreamError if the connection is gone or full.
        """
        inner: NetStream | None = None
        proposal, due = Proposal(protocol), trio.current_time() + timeout
        try:
            with trio.fail_at(due):
                inner = await connection.inner.new_stream()
                await inner.muxed_stream.write(proposal.opening)
        except BaseException as error:
            if inner is not None:
                self._background(inner.reset)
            if isinstance(error, BaseLibp2pError | trio.TooSlowError):
                raise StreamError("the peer did not open the stream") from error
            raise
        inner.set_protocol(TProtocol(protocol))
        return Stream(inner, connection, protocol, self._background, proposal, due)

    def set_stream_handler(self, protocol: str, handler: Handler) -> None:
        """Serve inbound streams of `protocol`, each in a task of its own.

        When the handler returns, what was not closed is reset; if it had closed its side, what still arrives is dropped
        for 2 s first. What it raises resets its stream and goes no further. A fifth stream of one peer and protocol is
        reset before it is read.
        """
        self._inner.set_stream_handler(TProtocol(protocol), partial(self._serve, protocol, handler))

    async def _serve(self, protocol: str, handler: Handler, inner: INetStream) -> None:
        if not isinstance(inner, NetStream) or not isinstance(inner.swarm_conn, SwarmConn):
            raise LocalProtocolError("a stream that is not of a swarm's connection")
        stream = Stream(inner, self._known(inner.swarm_conn), protocol, self._background)
        key = (stream.peer_id, protocol)
        if self._serving[key] >= STREAMS_PER_PEER:
            stream.reset()
            return
        self._serving[key] += 1
        try:
            await handler(stream)
            await _drain(stream)
        finally:
            self._serving[key] -= 1
            self._serving += Counter()  # forgets the keys that stand at zero
            if not stream.is_finished:
                stream.reset()

    def _known(self, inner: INetConn) -> Connection:
        if not isinstance(inner, SwarmConn):
            raise LocalProtocolError("a connection that is not a swarm's")
        if (known := self._connections.get(inner)) is not None:
            return known
        connection = self._connections[inner] = Connection(inner, next(self._numbers), self._background)
        self._background(self._forget_when_closed, connection)
        return connection

    async def _forget_when_closed(self, connection: Connection) -> None:
        await connection.wait_closed()
        del self._connections[connection.inner]

    def _background(self, work: Callable[..., Awaitable[Any]], *arguments: object) -> None:
        """Start `work`, whose failure harms nobody; after the block has ended there is nothing left to do."""
        if not self._nursery.cancel_scope.cancel_called:
            self._nursery.start_soon(_quietly, work, arguments)


async def _quietly(work: Callable[..., Awaitable[Any]], arguments: Sequence[object]) -> None:
    with suppress(Exception):  # closing what is gone already
        await work(*arguments)


async def _drain(stream: Stream) -> None:
    """Drop what still comes on a stream that we closed: resetting it could destroy what we sent last."""
    with trio.move_on_after(CLOSE_TIMEOUT):
        while stream.is_write_closed and await stream.read_some(_DROP_BYTES):
            pass


def _checked(peer_id: bytes) -> bytes:
    try:
        public_key_of(peer_id)
    except RemoteProtocolError as error:  # it was ours to check before it came here
        raise LocalProtocolError("not the id of an Ed25519 key") from error
    return peer_id


def _dial_error(error: Exception) -> DialError:
    """Say why a dial failed: the innermost reason in a chain of library errors, without the address."""
    reason: BaseException | None = error
    while reason is not None:
        if isinstance(reason, PeerIDMismatchesPubkey):
            return WrongPeerError("somebody else answers at that address")
        if isinstance(reason, OSError) and reason.errno is not None:
            return DialError(reason.errno, strerror(reason.errno))
        nested: Sequence[BaseException] = getattr(reason, "exceptions", ())
        reason = nested[0] if nested else reason.__cause__ or reason.__context__
    return DialError("the connection was refused or broken off")

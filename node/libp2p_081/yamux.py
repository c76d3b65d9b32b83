"""Yamux with its limits enforced: row 5 of cures.py, in a file of its own for its length.

py-libp2p 0.8.1 announces a receive window and then takes whatever comes: 64 MiB went into one 256 KiB stream, frames of
16 MiB are read whole, and a peer may open thousands of streams on one connection. Here a peer that goes beyond what it
was granted loses its connection, before the bytes are read.

The wire format is github.com/hashicorp/yamux/blob/master/spec.md. The tables of streams stay the library's, because its
closing works on them. Replaced is what decides how much is taken in, and the path of every byte in and out: the library
writes several log lines per frame, which cost more than the frame.
"""
# pyright: reportPrivateUsage=false, reportMissingTypeStubs=false

import struct
from contextlib import suppress
from math import inf
from typing import Final

import trio
from libp2p.abc import IMuxedConn, ISecureConn
from libp2p.custom_types import TProtocol
from libp2p.network.connection.exceptions import RawConnError
from libp2p.peer.id import ID
from libp2p.stream_muxer.exceptions import MuxedStreamError
from libp2p.stream_muxer.muxer_multistream import MuxerMultistream
from libp2p.stream_muxer.yamux import yamux as wire
from libp2p.stream_muxer.yamux.yamux import Yamux

from passerby.node.libp2p_081.reading import read_exactly
from passerby.node.libp2p_081.stream import GONE, BoundedStream, frame_header
from passerby.node.limits import CONNECTION_BUFFER, FRAME_BYTES, STREAMS_PER_CONNECTION

BODY_TIMEOUT: Final = 10.0  # a frame's body follows its header; 256 KiB in this time is the slowest line served
WRITE_STALL: Final = 5.0  # a peer whose socket takes nothing for this long is gone
OPENED_AT_ONCE: Final = 128  # streams that the peer opens in a row; further ones at OPENED_RATE: each costs us 1 ms
OPENED_RATE: Final = 4.0  # a second; an honest peer opens a few in all
FRAMES_AT_ONCE: Final = 32  # that have arrived; then it is another connection's turn
FAREWELL: Final = 1.0  # closing tells the other side first, if it takes the words within this


class ViolationError(Exception):
    """The peer broke Yamux's rules or our limits: its connection is closed. Never leaves this module."""


class BoundedYamux(Yamux):
    """A connection that closes on the first frame beyond a limit."""

    def __init__(self, secured_conn: ISecureConn, peer_id: ID) -> None:
        super().__init__(secured_conn, peer_id, is_initiator=secured_conn.is_initiator)
        self._stall = WRITE_STALL
        self._opened_until = -inf

    async def open_stream(self) -> BoundedStream:
        """Open a stream to the peer, who hears of it with the first frame that we send on it.

        Raises MuxedStreamError if the connection is closing or holds all the streams it may.
        """
        if self.event_shutting_down.is_set() or len(self.streams) >= STREAMS_PER_CONNECTION:
            raise MuxedStreamError("the connection is closing or full")
        stream = self._add(self.next_stream_id, is_initiator=True)
        self.next_stream_id += 2
        return stream

    def _add(self, stream_id: int, *, is_initiator: bool) -> BoundedStream:
        stream = BoundedStream(stream_id, self, is_initiator)
        self.streams[stream_id] = stream
        self.stream_buffers[stream_id] = stream.buffer
        self.stream_events[stream_id] = stream.readable
        return stream

    async def _write_frame(self, data: bytes) -> None:
        """Write one frame whole, whatever is cancelled meanwhile.

        Noise counts its messages: one encrypted and not sent, or sent in part, ends the connection. So the write is
        shielded, and bounded in time. Raises RawConnError if the connection is gone.
        """
        async with self._write_lock:
            if self.event_closed.is_set():
                raise RawConnError("the connection is closed")
            with trio.move_on_after(self._stall) as scope:
                scope.shield = True
                await self.secured_conn.write(data)
            if scope.cancelled_caught:
                await self._abandon()
                raise RawConnError("the peer's socket takes nothing")

    async def close(self, error_code: int = wire.GO_AWAY_NORMAL) -> None:
        """Say goodbye and close, also if we are cancelled meanwhile: a socket left open would never be closed again."""
        farewell = not self.event_shutting_down.is_set()
        self.event_shutting_down.set()
        self._stall = FAREWELL
        with trio.move_on_after(FAREWELL) as scope, suppress(*GONE):
            scope.shield = True
            if farewell:
                await self._write_frame(frame_header(wire.TYPE_GO_AWAY, 0, 0, error_code))
        await self._clean_up()

    async def _clean_up(self) -> None:
        streams = [stream for stream in self.streams.values() if isinstance(stream, BoundedStream)]
        if not self.event_closed.is_set():
            with trio.move_on_after(FAREWELL) as scope:
                scope.shield = True
                await self._cleanup_on_error()
        for stream in streams:
            stream.take_flags(0)

    async def _abandon(self) -> None:
        """Close the socket; the task that reads it then cleans up."""
        self.event_shutting_down.set()
        with trio.move_on_after(0) as scope:
            scope.shield = True
            await self.secured_conn.close()

    async def handle_incoming(self) -> None:
        """Take frames until the connection ends; never raises, whatever the peer sends."""
        with suppress(Exception):  # decryption fails with errors of three libraries: all end this connection only
            while not self.event_shutting_down.is_set():
                for _ in range(FRAMES_AT_ONCE):
                    await self._take_frame()
                await trio.lowlevel.checkpoint()
        await self._clean_up()

    async def _take_frame(self) -> None:
        version, kind, flags, stream_id, length = struct.unpack(
            wire.YAMUX_HEADER_FORMAT, await read_exactly(self.secured_conn, wire.HEADER_SIZE)
        )
        if version != 0 or kind > wire.TYPE_GO_AWAY:
            raise ViolationError("not a frame of Yamux version 0")
        if kind == wire.TYPE_PING:
            await self._take_ping(flags, length)
        elif kind == wire.TYPE_GO_AWAY:
            self.event_shutting_down.set()
        else:
            await self._take_stream_frame(kind, flags, stream_id, length)

    async def _take_ping(self, flags: int, value: int) -> None:
        if flags & wire.FLAG_SYN:
            await self._write_frame(frame_header(wire.TYPE_PING, wire.FLAG_ACK, 0, value))
        elif flags & wire.FLAG_ACK:
            elapsed = trio.current_time() - self._ping_sent_time
            self._rtt = elapsed if self._rtt == 0 else (self._rtt + elapsed) / 2
            self._ping_event.set()

    async def _take_stream_frame(self, kind: int, flags: int, stream_id: int, length: int) -> None:
        opened = self._accept(stream_id) if flags & wire.FLAG_SYN else None
        known = opened or self.streams.get(stream_id)
        stream = known if isinstance(known, BoundedStream) else None
        if kind == wire.TYPE_DATA:
            await self._take_data(stream, length)
        elif stream is not None:
            stream.send_window += length
            stream.window_opened.set()
        if opened is not None and not flags & wire.FLAG_RST:
            await self.new_stream_send_channel.send(opened)
        if stream is not None:
            stream.take_flags(flags)

    def _accept(self, stream_id: int) -> BoundedStream:
        ours = stream_id % 2 == self.next_stream_id % 2
        if stream_id == 0 or ours or stream_id in self.streams:
            raise ViolationError("a stream id that the peer may not open")
        if len(self.streams) >= STREAMS_PER_CONNECTION:
            raise ViolationError("too many streams")
        now = trio.current_time()
        self._opened_until = max(self._opened_until, now - OPENED_AT_ONCE / OPENED_RATE) + 1 / OPENED_RATE
        if self._opened_until > now:
            raise ViolationError("too many streams one after the other")
        return self._add(stream_id, is_initiator=False)

    async def _take_data(self, stream: BoundedStream | None, length: int) -> None:
        """Read a DATA body into its stream; what exceeds a limit is refused before it is read."""
        if length > FRAME_BYTES:
            raise ViolationError("a frame too long")
        if stream is not None:
            if length > stream.recv_window:
                raise ViolationError("more than the window")
            if length + sum(map(len, self.stream_buffers.values())) > CONNECTION_BUFFER:
                raise ViolationError("more unread than a connection may hold")
            stream.recv_window -= length
        if length == 0:
            return
        with trio.fail_after(BODY_TIMEOUT):
            body = await read_exactly(self.secured_conn, length)
        if stream is not None and not stream.recv_closed:  # else we reset it, and the peer could not know yet
            stream.buffer += body
            stream.readable.set()


class OnlyBoundedYamux(MuxerMultistream):
    """Agrees on Yamux and makes it ours; the library's version names its own class, whatever it was told."""

    def __init__(self, negotiate_timeout: int) -> None:
        super().__init__({TProtocol(wire.PROTOCOL_ID): BoundedYamux}, negotiate_timeout)

    async def new_conn(self, conn: ISecureConn, peer_id: ID) -> IMuxedConn:
        """Return the connection. Raises MultiselectError, MultiselectClientError."""
        protocol, _ = await self._selector.select(conn, conn.is_initiator, self.negotiate_timeout)
        return self._annotate_connection(BoundedYamux(conn, peer_id), conn, protocol)

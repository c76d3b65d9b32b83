"""Yamux with its limits enforced: row 5 of libp2p_081.py, in a file of its own for its length.

py-libp2p 0.8.1 announces a receive window and then takes whatever comes: 64 MiB went into one 256 KiB stream, frames of
16 MiB are read whole, and a peer may open thousands of streams on one connection. Here a peer that goes beyond what it
was granted loses its connection, before the bytes are read.

The wire format is github.com/hashicorp/yamux/blob/master/spec.md. The tables of streams stay the library's, because its
closing works on them. Replaced is what decides how much is taken in, and the path of every byte in and out: the library
writes several log lines per frame, which cost more than the frame.
"""
# ruff: noqa: SLF001 - a subclass that mends the library works on the library's private parts
# pyright: reportPrivateUsage=false, reportMissingTypeStubs=false

import struct
from contextlib import suppress
from typing import Final

import trio
from libp2p.abc import ISecureConn
from libp2p.io.exceptions import IOException
from libp2p.network.connection.exceptions import RawConnError
from libp2p.peer.id import ID
from libp2p.stream_muxer.exceptions import MuxedStreamEOF, MuxedStreamError, MuxedStreamReset
from libp2p.stream_muxer.yamux import yamux as wire
from libp2p.stream_muxer.yamux.yamux import Yamux, YamuxStream

from passerby.node.libp2p_081_reading import read_exactly
from passerby.node.limits import CONNECTION_BUFFER, FRAME_BYTES, STREAM_BUFFER, STREAMS_PER_CONNECTION

BODY_TIMEOUT: Final = 10.0  # a frame's body follows its header; 256 KiB in this time is the slowest line served
WRITE_STALL: Final = 5.0  # a peer whose socket takes nothing for this long is gone
FAREWELL: Final = 1.0  # closing tells the other side first, if it takes the words within this
WINDOW_STALL: Final = 30.0  # a peer that grants nothing for this long does not read any more
_GONE: Final = (IOException, RawConnError, OSError, trio.BrokenResourceError, trio.ClosedResourceError)


class ViolationError(Exception):
    """The peer broke Yamux's rules or our limits: its connection is closed. Never leaves this module."""


def frame_header(kind: int, flags: int, stream_id: int, length: int) -> bytes:
    """Return the 12 bytes that begin every Yamux frame."""
    return struct.pack(wire.YAMUX_HEADER_FORMAT, 0, kind, flags, stream_id, length)


class BoundedStream(YamuxStream):
    """A stream whose peer may send `STREAM_BUFFER` bytes more than we have read, and never a byte beyond."""

    def __init__(self, stream_id: int, conn: "BoundedYamux", is_initiator: bool) -> None:
        super().__init__(stream_id, conn, is_initiator)
        self.bounded = conn
        self.buffer = bytearray()  # outlives the connection: a goodbye may arrive in one segment with its end
        self.finished = False  # the peer's FIN arrived
        self.ungranted = 0  # read by us, not yet granted again
        self.readable = trio.Event()
        self.window_opened = trio.Event()
        self._backlog_slot_released = True  # our own count of streams takes the place of the library's semaphore

    async def read(self, n: int | None = -1) -> bytes:
        """Return 1 to `n` bytes, or all that is there if `n` is None or negative.

        What arrived is delivered first; then raises MuxedStreamEOF after the peer's FIN, MuxedStreamReset if the stream
        or its connection is gone.
        """
        while not self.buffer:
            if self.finished:
                raise MuxedStreamEOF("the peer sends no more")
            if self.recv_closed or self.bounded.event_shutting_down.is_set():
                raise MuxedStreamReset("the stream or its connection is gone")
            if self.readable.is_set():
                self.readable = self.bounded.stream_events[self.stream_id] = trio.Event()
            await self.readable.wait()
        size = len(self.buffer) if n is None or n < 0 else min(n, len(self.buffer))
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        if self.closed and not self.buffer:
            self.bounded.drop(self)
        await self._auto_tune_and_send_window_update(bytes_read=size)
        return data

    async def _auto_tune_and_send_window_update(self, *, bytes_read: int = 0) -> None:
        """Grant again what was read, in halves of the window; the library doubles the window up to 16 MiB."""
        self.ungranted += bytes_read
        if self.ungranted < STREAM_BUFFER // 2 or self.recv_closed:
            return
        increment, self.ungranted = self.ungranted, 0
        self.recv_window += increment
        with suppress(*_GONE):  # what was read is good; the next read tells that the connection is gone
            await self.bounded._write_frame(frame_header(wire.TYPE_WINDOW_UPDATE, 0, self.stream_id, increment))

    async def write(self, data: bytes) -> None:
        """Send all of `data`, waiting for the peer's window.

        Raises MuxedStreamReset if the stream or its connection is gone, MuxedStreamError if it is closed for sending or
        the peer grants nothing for `WINDOW_STALL` seconds.
        """
        sent = 0
        while sent < len(data):
            while self.send_window <= 0 and not self.send_closed:
                await self._wait_for_window()
            if self.closed or self.reset_received:
                raise MuxedStreamReset("the stream or its connection is gone")
            if self.send_closed:
                raise MuxedStreamError("the stream is closed for sending")
            chunk = data[sent : sent + min(self.send_window, wire.MAX_MESSAGE_SIZE - wire.HEADER_SIZE)]
            self.send_window -= len(chunk)
            try:
                await self.bounded._write_frame(frame_header(wire.TYPE_DATA, 0, self.stream_id, len(chunk)) + chunk)
            except _GONE as error:
                raise MuxedStreamReset("the connection is gone") from error
            except trio.Cancelled:  # before a byte of the frame was written
                self.send_window += len(chunk)
                raise
            sent += len(chunk)

    async def _wait_for_window(self) -> None:
        self.window_opened = trio.Event()
        with trio.move_on_after(WINDOW_STALL) as scope:
            await self.window_opened.wait()
        if scope.cancelled_caught:
            raise MuxedStreamError("the peer granted no window")

    async def reset(self) -> None:
        """End both directions at once and forget what was not read."""
        already, self.closed = self.closed, True
        self.send_closed = self.recv_closed = self.reset_received = True
        self.finished = False
        self.buffer.clear()
        self.window_opened.set()
        self.bounded.drop(self)
        if not already:
            with suppress(*_GONE):
                await self.bounded._write_frame(frame_header(wire.TYPE_WINDOW_UPDATE, wire.FLAG_RST, self.stream_id, 0))

    def take_flags(self, flags: int) -> None:
        """Note the peer's FIN or RST and wake who waits for it."""
        if flags & wire.FLAG_FIN:
            self.finished = self.recv_closed = True
        if flags & wire.FLAG_RST:
            self.recv_closed = self.send_closed = self.reset_received = True
        self.closed = self.recv_closed and self.send_closed
        if self.recv_closed:
            self.readable.set()
        if self.send_closed:
            self.window_opened.set()
        if self.closed and not self.buffer:
            self.bounded.drop(self)


class BoundedYamux(Yamux):
    """A connection that closes on the first frame beyond a limit."""

    def __init__(self, secured_conn: ISecureConn, peer_id: ID) -> None:
        super().__init__(secured_conn, peer_id, is_initiator=secured_conn.is_initiator)
        self._stall = WRITE_STALL

    async def open_stream(self) -> BoundedStream:
        """Open a stream to the peer.

        Raises MuxedStreamError if the connection is closing or holds all the streams it may.
        """
        if self.event_shutting_down.is_set() or len(self.streams) >= STREAMS_PER_CONNECTION:
            raise MuxedStreamError("the connection is closing or full")
        stream = self._add(self.next_stream_id, is_initiator=True)
        self.next_stream_id += 2
        try:
            await self._write_frame(frame_header(wire.TYPE_WINDOW_UPDATE, wire.FLAG_SYN, stream.stream_id, 0))
        except BaseException as error:
            self.drop(stream)
            if isinstance(error, _GONE):
                raise MuxedStreamError("the connection is gone") from error
            raise
        return stream

    def _add(self, stream_id: int, *, is_initiator: bool) -> BoundedStream:
        stream = BoundedStream(stream_id, self, is_initiator)
        self.streams[stream_id] = stream
        self.stream_buffers[stream_id] = stream.buffer
        self.stream_events[stream_id] = stream.readable
        return stream

    def drop(self, stream: BoundedStream) -> None:
        """Forget a stream that is closed in both directions and read to its end."""
        self.streams.pop(stream.stream_id, None)
        self.stream_buffers.pop(stream.stream_id, None)
        self.stream_events.pop(stream.stream_id, None)
        stream.readable.set()

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
        with trio.move_on_after(FAREWELL) as scope, suppress(*_GONE):
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
                await self._take_frame()
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
            await self._write_frame(frame_header(wire.TYPE_WINDOW_UPDATE, wire.FLAG_ACK, stream_id, 0))
            await self.new_stream_send_channel.send(opened)
        if stream is not None:
            stream.take_flags(flags)

    def _accept(self, stream_id: int) -> BoundedStream:
        ours = stream_id % 2 == self.next_stream_id % 2
        if stream_id == 0 or ours or stream_id in self.streams:
            raise ViolationError("a stream id that the peer may not open")
        if len(self.streams) >= STREAMS_PER_CONNECTION:
            raise ViolationError("too many streams")
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

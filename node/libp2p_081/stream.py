"""A stream of Yamux with its limits enforced: the other half of yamux.py, apart for its length."""
# ruff: noqa: SLF001 - a subclass that mends the library works on the library's private parts
# pyright: reportPrivateUsage=false, reportMissingTypeStubs=false

import struct
from contextlib import suppress
from typing import Final

import trio
from libp2p.io.exceptions import IOException
from libp2p.network.connection.exceptions import RawConnError
from libp2p.stream_muxer.exceptions import MuxedStreamEOF, MuxedStreamError, MuxedStreamReset
from libp2p.stream_muxer.yamux import yamux as wire
from libp2p.stream_muxer.yamux.yamux import Yamux, YamuxStream

from passerby.node.limits import STREAM_BUFFER

WINDOW_STALL: Final = 30.0  # a peer that grants nothing for this long does not read any more
GONE: Final = (IOException, RawConnError, OSError, trio.BrokenResourceError, trio.ClosedResourceError)


def frame_header(kind: int, flags: int, stream_id: int, length: int) -> bytes:
    """Return the 12 bytes that begin every Yamux frame."""
    return struct.pack(wire.YAMUX_HEADER_FORMAT, 0, kind, flags, stream_id, length)


class BoundedStream(YamuxStream):
    """A stream whose peer may send `STREAM_BUFFER` bytes more than we have read, and never a byte beyond."""

    def __init__(self, stream_id: int, conn: Yamux, is_initiator: bool) -> None:
        super().__init__(stream_id, conn, is_initiator)
        self.buffer = bytearray()  # outlives the connection: a goodbye may arrive in one segment with its end
        self.finished = False  # the peer's FIN arrived
        self.ungranted = 0  # read by us, not yet granted again
        self._opening = wire.FLAG_SYN if is_initiator else wire.FLAG_ACK  # rides with the first frame we send
        self.readable = trio.Event()
        self.window_opened = trio.Event()
        self._backlog_slot_released = True  # our own count of streams takes the place of the library's semaphore

    @property
    def has_input(self) -> bool:
        """Whether a read would not wait."""
        return bool(self.buffer)

    async def read(self, n: int | None = -1) -> bytes:
        """Return 1 to `n` bytes, or all that is there if `n` is None or negative.

        What arrived is delivered first; then raises MuxedStreamEOF after the peer's FIN, MuxedStreamReset if the stream
        or its connection is gone.
        """
        while not self.buffer:
            if self.finished:
                raise MuxedStreamEOF("the peer sends no more")
            if self.recv_closed or self.conn.event_shutting_down.is_set():
                raise MuxedStreamReset("the stream or its connection is gone")
            if self.readable.is_set():
                self.readable = self.conn.stream_events[self.stream_id] = trio.Event()
            await self.readable.wait()
        size = len(self.buffer) if n is None or n < 0 else min(n, len(self.buffer))
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        if self.closed and not self.buffer:
            self._drop()
        await self._auto_tune_and_send_window_update(bytes_read=size)
        return data

    async def _auto_tune_and_send_window_update(self, *, bytes_read: int = 0) -> None:
        """Grant again what was read, in halves of the window; the library doubles the window up to 16 MiB."""
        self.ungranted += bytes_read
        if self.ungranted < STREAM_BUFFER // 2 or self.recv_closed:
            return
        increment, self.ungranted = self.ungranted, 0
        self.recv_window += increment
        with suppress(*GONE):  # what was read is good; the next read tells that the connection is gone
            await self._update_window(0, increment)

    async def _update_window(self, flags: int, increment: int) -> None:
        flags |= self._take_opening()
        await self.conn._write_frame(frame_header(wire.TYPE_WINDOW_UPDATE, flags, self.stream_id, increment))

    def _take_opening(self) -> int:
        opening, self._opening = self._opening, 0
        return opening

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
            opening = self._take_opening()
            try:
                header = frame_header(wire.TYPE_DATA, opening, self.stream_id, len(chunk))
                await self.conn._write_frame(header + chunk)
            except GONE as error:
                raise MuxedStreamReset("the connection is gone") from error
            except trio.Cancelled:  # before a byte of the frame was written
                self.send_window += len(chunk)
                self._opening |= opening
                raise
            sent += len(chunk)

    async def _wait_for_window(self) -> None:
        self.window_opened = trio.Event()
        with trio.move_on_after(WINDOW_STALL) as scope:
            await self.window_opened.wait()
        if scope.cancelled_caught:
            raise MuxedStreamError("the peer granted no window")

    async def close(self) -> None:
        """Finish our direction; what was sent arrives, and reading goes on."""
        if self._opening and not self.send_closed:
            with suppress(*GONE):
                await self._update_window(0, 0)
        await super().close()

    async def reset(self) -> None:
        """End both directions at once and forget what was not read."""
        already, self.closed = self.closed, True
        self.send_closed = self.recv_closed = self.reset_received = True
        self.finished = False
        self.buffer.clear()
        self.window_opened.set()
        self._drop()
        if not already and self._opening != wire.FLAG_SYN:  # else the peer never heard of it
            self._opening = 0
            with suppress(*GONE):
                await self._update_window(wire.FLAG_RST, 0)

    def _drop(self) -> None:
        """Let the connection forget a stream that is closed in both directions and read to its end."""
        self.conn.streams.pop(self.stream_id, None)
        self.conn.stream_buffers.pop(self.stream_id, None)
        self.conn.stream_events.pop(self.stream_id, None)
        self.readable.set()

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
            self._drop()

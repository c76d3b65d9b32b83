"""One chat stream as a shell: frames in order out, frames in order in, nothing understood."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

import trio

from passerby.discovery.asking import OVER
from passerby.node.connection import Stream
from passerby.node.limits import RECORD_HEADER_TIMEOUT

LENGTH_BYTES: Final = 2
READ_BYTES: Final = 16 * 1024  # several records of the usual size at once
QUEUED_FRAMES: Final = 256  # answers to PINGs pile up here if the stranger does not read: then the line is cut


class Line:
    """A chat stream with one writer; what is queued goes out whole and in order.

    `run` ends when `cut` was called or the stream is over; the caller reads, under no deadline but the machines'.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream: Final = stream
        self._queue, self._to_write = trio.open_memory_channel[bytes](QUEUED_FRAMES)
        self._unread = bytearray()

    def write(self, frame: bytes) -> None:
        """Queue a frame; a line whose queue is full, or that is closed for writing, is cut."""
        try:
            self._queue.send_nowait(frame)
        except (trio.WouldBlock, trio.ClosedResourceError, trio.BrokenResourceError):
            self.cut()

    def finish(self) -> None:
        """Half-close behind what was queued."""
        self._queue.close()

    def cut(self) -> None:
        """Reset the stream at once; what was queued is lost."""
        self._queue.close()
        self.stream.reset()

    async def run_writer(self) -> None:
        """Write what is queued until `finish`; a stream that is over is noticed by its reader."""
        try:
            async for frame in self._to_write:
                await self.stream.write(frame + b"".join(self._others_queued()))
            await self.stream.close_write()
        except OVER:
            return
        finally:
            self._to_write.close()

    def _others_queued(self) -> Iterator[bytes]:
        """Take what else is queued: frames that go together cost one write."""
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while True:
                yield self._to_write.receive_nowait()

    async def read(self, check: Callable[[int], None]) -> bytes:
        """Return the body of the next frame; `check` judges its length before a byte of it is kept.

        Raises what `check` raises, and what service.OVER lists.
        """
        await self._fill(LENGTH_BYTES)
        length = int.from_bytes(self._unread[:LENGTH_BYTES], "big")
        check(length)
        end = LENGTH_BYTES + length
        if len(self._unread) < end:
            with trio.fail_after(RECORD_HEADER_TIMEOUT):
                await self._fill(end)
        body = bytes(self._unread[LENGTH_BYTES:end])
        del self._unread[:end]
        return body

    async def _fill(self, count: int) -> None:
        """Read until `count` bytes are there; never more than READ_BYTES beyond them."""
        while len(self._unread) < count:
            if not (more := await self.stream.read_some(READ_BYTES)):
                raise EOFError("the other side finished")
            self._unread += more

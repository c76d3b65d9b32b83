"""The standard streams for asyncio, by aioconsole: pipes and terminals by the event loop, files by a thread.

Reading and writing never hold up the loop, and so never the network. The streams' blocking mode is put back at the
end: they are shared with the shell that started us.
"""

import asyncio
import contextlib
import io
import os
from collections.abc import AsyncIterator
from typing import Final, Protocol, cast

from aioconsole.stream import (  # type: ignore[import-untyped]  # it has no type hints
    create_standard_streams,  # pyright: ignore[reportMissingTypeStubs,reportUnknownVariableType]  # the same
)

from passerby.node.console.lines import LineBuffer

CHUNK: Final = 64 * 1024
FLUSH: Final = 1.0  # seconds at the end for a reader that does not read
_STANDARD: Final = (0, 1, 2)


class _Reader(Protocol):
    async def read(self, n: int) -> bytes: ...


class _Writer(Protocol):
    def write(self, data: str) -> None: ...
    async def drain(self) -> None: ...


class Streams:
    """Stdin in lines, stdout in texts; made by `open`."""

    def __init__(self, reader: _Reader, writer: _Writer, errors: object, blocking: dict[int, bool]) -> None:
        self._reader = reader
        self._writer = writer
        self._errors = errors  # never used, but kept: the three share a protocol, and one collected ends the others
        self._blocking = blocking
        self._is_stuck = False

    @classmethod
    async def open(cls) -> "Streams":
        """Take over the standard streams of the process; whatever of them was closed is the null device."""
        for number in _STANDARD:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one
        blocking = {number: os.get_blocking(number) for number in _STANDARD}
        reader, writer, errors = await create_standard_streams(
            io.FileIO(0, closefd=False),
            io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), encoding="utf-8", newline="\n"),
            io.FileIO(2, "w", closefd=False),
        )
        return cls(cast("_Reader", reader), cast("_Writer", writer), errors, blocking)  # as aioconsole documents them

    async def lines(self) -> AsyncIterator[bytes | None]:
        """Lines of stdin as lines.py defines them, until it ends. Nothing is read ahead while one is dealt with."""
        buffer = LineBuffer()
        with contextlib.suppress(OSError):  # a terminal that hung up: no more will come
            while chunk := await self._reader.read(CHUNK):
                for line in buffer.feed(chunk):
                    yield line
        for line in buffer.end():
            yield line

    async def write(self, text: str) -> None:
        """Write and flush. Raises OSError when nobody reads any more."""
        self._is_stuck = True
        try:
            self._writer.write(text)
            await self._writer.drain()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)  # what is still buffered would be tried, and complained of, once more
            os.close(nowhere)
            self._is_stuck = False
            raise
        self._is_stuck = False

    async def close(self) -> bool:
        """Put the streams back as they were. False: output is stuck, and a thread with it."""
        if self._is_stuck:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(FLUSH):
                    await self._writer.drain()
                    self._is_stuck = False
        for number, blocking in self._blocking.items():
            with contextlib.suppress(OSError):
                os.set_blocking(number, blocking)
        return not self._is_stuck

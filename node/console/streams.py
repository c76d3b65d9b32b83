"""The standard streams for asyncio, by aioconsole: pipes and terminals by the event loop, files by a thread.

Reading and writing never hold up the loop, and so never the network. The streams' blocking mode is put back at the
end: they are shared with the shell that started us.
"""

import asyncio
import contextlib
import io
import os
import select
import sys
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
    def is_closing(self) -> bool: ...


def fill_closed() -> None:
    """Make the null device of each standard stream that was closed; before anything else takes its number."""
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one


def takes_log() -> bool:
    """Whether stderr is there and takes a short line at once; if not, it is dropped: no chat waits for log readers."""
    return sys.stderr is not None and bool(select.select((), (2,), (), 0)[1])


def discard(number: int) -> None:
    """Give a standard stream that nobody reads to the null device.

    What is still buffered for it would be tried once more at the end, complained of, and turned into exit code 120.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


class Streams:
    """Stdin in lines, stdout in texts; made by `open`."""

    def __init__(self, reader: _Reader, writer: _Writer, errors: object, blocking: dict[int, bool]) -> None:
        self._reader = reader
        self._writer = writer
        self._errors = errors  # never used, but kept: pipes share a protocol, and one collected ends the others
        self._blocking = blocking
        self._is_writing = False

    @classmethod
    async def open(cls) -> "Streams":
        """Take over the standard streams of the process."""
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
        self._is_writing = True
        try:
            self._writer.write(text)
            await self._writer.drain()
            if self._writer.is_closing():  # aioconsole keeps a pipe's end to itself
                raise BrokenPipeError
        except OSError:
            self._is_writing = False
            raise
        self._is_writing = False

    async def close(self) -> bool:
        """Put the streams back as they were. False: a thread is left that hangs in writing."""
        hangs = self._is_writing and not isinstance(self._writer, asyncio.StreamWriter)
        if self._is_writing and not hangs:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(FLUSH):
                    await self._writer.drain()
        for number, blocking in self._blocking.items():
            with contextlib.suppress(OSError):
                os.set_blocking(number, blocking)
        return not hangs

"""The lobby protocol over streams: a seed's side and a searching peer's (protocol.md 3). Shells: no decisions here.

Both keep one long-lived stream; what travels on it is in wire.py, what it means in waitingroom.py and searcher.py.
"""

import itertools
import random
import time
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
import trio

from passerby.crypto.errors import RemoteProtocolError
from passerby.discovery import wire
from passerby.discovery.addresses import Scope
from passerby.discovery.limits import ANSWER_TIMEOUT, BODY_TIMEOUT, EPOCH, OUTSTANDING, SWEEP
from passerby.discovery.waitingroom import Asked, ClockSet, Closed, Connected, Heard, WaitingRoom

IDLE: Final = EPOCH  # whoever chats keeps a stream for his next search while the epoch lasts (protocol.md 4.2)
QUEUED: Final = 64  # more than entering and leaving every room of a stream


class ByteStream(Protocol):
    """A stream of an authenticated connection: of node/connection.py, or of a test.

    Reads and writes raise EOFError, trio.BrokenResourceError or trio.ClosedResourceError when the stream is over.
    """

    @property
    def peer_id(self) -> bytes:
        """The binary peer id that the connection proved."""
        ...

    async def read_exactly(self, count: int) -> bytes:
        """Return `count` bytes."""
        ...

    async def write(self, data: bytes) -> None:
        """Send all of `data`."""
        ...

    def reset(self) -> None:
        """End the stream at once."""
        ...


OVER: Final = (EOFError, trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError)
"""What a read or write raises when a stream is over, deadlines included."""


async def read_frame(stream: ByteStream, length_of: Callable[[bytes], int], patience: float) -> bytes:
    """Return a frame's body: its length is waited for `patience` seconds and checked before a byte of it is kept.

    RemoteProtocolError if the length is illegal; otherwise what OVER lists.
    """
    with trio.fail_after(patience):
        header = await stream.read_exactly(wire.HEADER_BYTES)
    length = length_of(header)
    with trio.fail_after(BODY_TIMEOUT):
        return await stream.read_exactly(length)


class LobbyServer:
    """A seed's side: every stream is a guest in one waiting room."""

    def __init__(self) -> None:
        """Open an empty waiting room."""
        self._room = WaitingRoom(random.SystemRandom(), unix_minus_now())
        self._numbers = itertools.count()

    def counts(self) -> tuple[int, int]:
        """Return how many guests there are, and in how many rooms."""
        return self._room.counts()

    async def run(self) -> None:
        """Sweep the waiting room for ever, and follow a wall clock that is set."""
        while True:
            await trio.sleep(SWEEP)
            self._room.handle(ClockSet(unix_minus_now()), trio.current_time())

    async def serve(self, stream: ByteStream, scope: Scope, block: str) -> None:
        """Answer the requests of one stream until it ends; its tickets end with it, however that happens."""
        number = next(self._numbers)
        self._room.handle(Connected(number, stream.peer_id, scope, block), trio.current_time())
        try:
            while True:
                body = await read_frame(stream, wire.request_length, IDLE)
                with trio.fail_after(BODY_TIMEOUT):
                    await stream.write(wire.encode(self._answer(number, body)))
        except (*OVER, RemoteProtocolError):
            stream.reset()
        finally:
            self._room.handle(Closed(number), trio.current_time())

    def _answer(self, number: int, body: bytes) -> wire.Answer:
        request = wire.decode_request(body)
        if isinstance(request, wire.Unknown):
            self._room.handle(Heard(number), trio.current_time())
            return wire.Unsupported(request.request)
        answer = self._room.handle(Asked(number, request), trio.current_time())
        assert answer is not None, "a request has an answer"
        return answer


class LobbyClient:
    """A searching peer's side: puts requests to one seed and hears its answers. Good for one `run`."""

    def __init__(self, stream: ByteStream, heard: Callable[[wire.Request, wire.Answer], None]) -> None:
        """Take the stream; `heard` is called with each request and its answer, in the order of the answers."""
        self._stream = stream
        self._heard = heard
        self._numbers = itertools.cycle(range(0x10000))
        self._posted, self._to_write = trio.open_memory_channel[wire.Request](QUEUED)
        self._places = trio.Semaphore(OUTSTANDING)
        self._waiting: dict[int, tuple[wire.Request, float]] = {}
        self._patience = trio.CancelScope()

    def post(self, request: wire.Request) -> None:
        """Send a request after those posted before it; its number is ours to give.

        A seed that takes none of them for so long that they pile up counts as gone: the stream is reset.
        """
        try:
            self._posted.send_nowait(request)
        except trio.WouldBlock:
            self.close()

    def close(self) -> None:
        """End the stream, and with it `run`."""
        self._stream.reset()

    async def run(self) -> None:
        """Write and read until the stream ends or an answer is late, then reset it; raises nothing but Cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                await self._read()
                nursery.cancel_scope.cancel()
        finally:
            self._stream.reset()

    async def _write(self) -> None:
        async for request in self._to_write:
            await self._places.acquire()
            number = next(self._numbers)
            self._waiting[number] = request, trio.current_time() + ANSWER_TIMEOUT
            self._expect()
            try:
                await self._stream.write(wire.encode(msgspec.structs.replace(request, request=number)))
            except OVER:
                return  # the reader sees the end of the stream too

    async def _read(self) -> None:
        with self._patience:
            try:
                while True:
                    answer = wire.decode_answer(await read_frame(self._stream, wire.answer_length, float("inf")))
                    request, _ = self._waiting.pop(answer.request, (None, 0.0))
                    if request is None:
                        return
                    self._places.release()
                    self._expect()
                    self._heard(request, answer)
            except (*OVER, RemoteProtocolError):
                return

    def _expect(self) -> None:
        """Give the reader until the oldest answer is due."""
        self._patience.deadline = min((due for _, due in self._waiting.values()), default=float("inf"))


def unix_minus_now() -> float:
    """Return what to add to trio's clock to have seconds since 1970."""
    return time.time() - trio.current_time()

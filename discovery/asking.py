"""Requests and their answers over one long-lived stream, whatever the protocol (protocol.md 3). A shell.

The lobby and the DHT speak alike: frames of a length, a type and a request id, one answer to each request. What a
request means is for the machines; here bytes come and go, each wait with its deadline.
"""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import inf
from typing import Final, Generic, Protocol, TypeVar

import msgspec
import trio

from passerby.crypto.errors import RemoteProtocolError
from passerby.discovery import dhtwire, frames, wire
from passerby.discovery.limits import ANSWER_TIMEOUT, BODY_TIMEOUT, EPOCH, OUTSTANDING

IDLE: Final = EPOCH  # whoever chats keeps a stream for his next search while the epoch lasts (protocol.md 4.2)
FIRST_REQUEST: Final = 10.0  # whoever opens a stream has something to ask (security 3.9)
AT_ONCE: Final = 64  # requests of one stream, twice what entering every room takes; further ones wait, ...
PACE: Final = 10.0  # ... so many a second: each takes up to 1 ms, and nobody has more of the seed than that
QUEUED: Final = 64  # more than entering and leaving every room of a stream


class Numbered(Protocol):
    """An answer: it repeats the number of its request."""

    @property
    def request(self) -> int:
        """The request id."""
        ...


Q = TypeVar("Q", bound=msgspec.Struct)
A = TypeVar("A", bound=Numbered)


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


@dataclass(frozen=True, slots=True)
class Language(Generic[Q, A]):
    """How the messages of one protocol are read and written; reading raises RemoteProtocolError."""

    protocol: str
    encode: Callable[[Q | A], bytes]
    decode_request: Callable[[bytes], Q | frames.Unknown]
    decode_answer: Callable[[bytes], A]


LOBBY: Final[Language[wire.Request, wire.Answer]] = Language(
    wire.PROTOCOL, wire.encode, wire.decode_request, wire.decode_answer
)
DHT: Final[Language[dhtwire.Request, dhtwire.Answer]] = Language(
    dhtwire.PROTOCOL, dhtwire.encode, dhtwire.decode_request, dhtwire.decode_answer
)


async def read_frame(stream: ByteStream, length_of: Callable[[bytes], int], patience: float) -> bytes:
    """Return a frame's body: its length is waited for `patience` seconds and checked before a byte of it is kept.

    RemoteProtocolError if the length is illegal; otherwise what OVER lists.
    """
    with trio.fail_after(patience):
        header = await stream.read_exactly(frames.HEADER_BYTES)
    length = length_of(header)
    with trio.fail_after(BODY_TIMEOUT):
        return await stream.read_exactly(length)


async def serve(
    stream: ByteStream,
    language: Language[Q, A],
    answer: Callable[[Q], Awaitable[A]],
    unknown: Callable[[], None],
    patience: Callable[[], float] = lambda: IDLE,
) -> None:
    """Answer the requests of a stream, one after the other, until it ends; then reset it.

    RemoteProtocolError and what OVER lists end it, also when `answer` raises them; what else it raises goes on from
    here, as does LocalProtocolError for an answer that is too long.

    `unknown` is called for a request of a type that we do not know, which is answered by saying so. The first request
    has to come within FIRST_REQUEST, each further one within what `patience` returns.
    """
    wait, paced = FIRST_REQUEST, -inf
    try:
        while True:
            body = await read_frame(stream, frames.request_length, wait)
            paced = max(paced, trio.current_time() - AT_ONCE / PACE) + 1 / PACE
            await trio.sleep_until(paced)
            request = language.decode_request(body)
            if isinstance(request, frames.Unknown):
                unknown()
                said = frames.answer_frame(frames.Unsupported(request.request))
            else:
                said = language.encode(await answer(request))
            with trio.fail_after(BODY_TIMEOUT):
                await stream.write(said)
            wait = patience()
    except (*OVER, RemoteProtocolError):
        return
    finally:
        stream.reset()


class _Question(Generic[A]):
    """Somebody waits for an answer, or for the end of the stream."""

    def __init__(self) -> None:
        self.settled = trio.Event()
        self.answer: A | None = None

    def hear(self, answer: A) -> None:
        self.answer = answer
        self.settled.set()


class Asker(Generic[Q, A]):
    """Puts requests to one node and hears its answers. Good for one `run`."""

    def __init__(self, stream: ByteStream, language: Language[Q, A]) -> None:
        """Take a stream on which the protocol of `language` was agreed on."""
        self._stream = stream
        self._language = language
        self._numbers = itertools.cycle(range(0x10000))
        self._posted, self._to_write = trio.open_memory_channel[tuple[Q, Callable[[A], None]]](QUEUED)
        self._places = trio.Semaphore(OUTSTANDING)
        self._waiting: dict[int, tuple[Callable[[A], None], float]] = {}
        self._questions: set[_Question[A]] = set()
        self._patience = trio.CancelScope()
        self._over = False

    def post(self, request: Q, heard: Callable[[A], None]) -> None:
        """Send a request after those posted before it; its number is ours to give. `heard` is told the answer.

        A node that takes none of them for so long that they pile up counts as gone: the stream is reset.
        """
        try:
            self._posted.send_nowait((request, heard))
        except trio.WouldBlock:
            self.close()

    async def ask(self, request: Q) -> A | None:
        """Return the answer to a request, or None if the stream ends before it comes."""
        question = _Question[A]()
        self._questions.add(question)
        try:
            if not self._over:
                self.post(request, question.hear)
                await question.settled.wait()
            return question.answer
        finally:
            self._questions.discard(question)

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
            self._over = True
            self._stream.reset()
            for question in self._questions:
                question.settled.set()

    async def _write(self) -> None:
        async for request, heard in self._to_write:
            await self._places.acquire()
            number = next(self._numbers)
            self._waiting[number] = heard, trio.current_time() + ANSWER_TIMEOUT
            self._expect()
            try:
                await self._stream.write(self._language.encode(msgspec.structs.replace(request, request=number)))
            except OVER:
                return  # the reader sees the end of the stream too

    async def _read(self) -> None:
        with self._patience:
            try:
                while True:
                    body = await read_frame(self._stream, frames.answer_length, float("inf"))
                    answer = self._language.decode_answer(body)
                    if answer.request not in self._waiting:
                        return
                    heard, _ = self._waiting.pop(answer.request)
                    self._places.release()
                    self._expect()
                    heard(answer)
            except (*OVER, RemoteProtocolError):
                return

    def _expect(self) -> None:
        """Give the reader until the oldest answer is due."""
        self._patience.deadline = min((due for _, due in self._waiting.values()), default=float("inf"))

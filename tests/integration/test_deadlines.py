"""Deadlines and answers at the borders of streams, on a virtual clock: what is late or unasked for ends the stream."""

from typing import cast

import pytest
import trio
from trio.testing import (
    MemoryReceiveStream,
    MemorySendStream,
    MockClock,
    memory_stream_pair,
    wait_all_tasks_blocked,
)

from passerby.crypto.keys import peer_id_of
from passerby.crypto.stamp import Parties, Personal
from passerby.discovery import frames, wire
from passerby.discovery.addresses import Scope
from passerby.discovery.asking import AT_ONCE, FIRST_REQUEST, IDLE, LOBBY, PACE, Asker, read_frame
from passerby.discovery.limits import ANSWER_TIMEOUT, BODY_TIMEOUT, EPOCH, OUTSTANDING
from passerby.discovery.rooms import room_of
from passerby.discovery.seeding.service import OUTSIDE, LobbyServer, unix_minus_now
from passerby.node.connection import Stream
from passerby.node.limits import RECORD_HEADER_TIMEOUT
from passerby.node.line import Line

ROOM = room_of("test", 1)
SAMPLE = wire.Sample(0, ROOM, 2, 5)
PATIENCE = 10 * IDLE
Ends = trio.StapledStream[MemorySendStream, MemoryReceiveStream]


class MemoryStream:
    """A stream of an authenticated connection, in memory."""

    peer_id = peer_id_of(b"\x01" * 32)
    is_closed = False

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self.connection = self

    async def read_exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            if not (more := await self._ends.receive_some(count - len(data))):
                raise EOFError
            data += more
        return data

    async def read_some(self, limit: int) -> bytes:
        return bytes(await self._ends.receive_some(limit))

    async def write(self, data: bytes) -> None:
        await self._ends.send_all(data)

    def reset(self) -> None:
        self._ends.send_stream.close()
        self._ends.receive_stream.close()


def pair() -> tuple[MemoryStream, MemoryStream]:
    one, other = memory_stream_pair()
    return MemoryStream(one), MemoryStream(other)


async def serve(stream: MemoryStream) -> None:
    """Serve one stream of a lobby."""
    ours = MemoryStream.peer_id
    lobby = LobbyServer("test", ours, lambda scope, key: (), lambda: 1, unix_minus_now)
    await lobby.serve(stream, Scope.MACHINE, "block", Parties(Personal.ENTER, bytes(32), ours, ours))


async def ended_after(stream: MemoryStream) -> float:
    """Read until the stream is over and return when that was."""
    started = trio.current_time()
    try:
        while True:
            await stream.read_exactly(1)
    except (EOFError, trio.BrokenResourceError):
        return trio.current_time() - started


async def test_who_opens_a_stream_and_says_nothing_is_sent_away(autojump_clock: MockClock) -> None:
    ours, theirs = pair()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, ours)
            assert await ended_after(theirs) == pytest.approx(FIRST_REQUEST)


async def test_a_guest_who_says_nothing_more_is_sent_away_after_an_epoch(autojump_clock: MockClock) -> None:
    ours, theirs = pair()
    room = room_of("test", int(unix_minus_now() + trio.current_time()) // EPOCH)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, ours)
            await theirs.write(wire.encode(wire.Enter(1, room, None)))
            assert await ended_after(theirs) == pytest.approx(IDLE)


async def test_who_was_not_let_in_has_half_a_minute_to_ask_again(autojump_clock: MockClock) -> None:
    ours, theirs = pair()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, ours)
            await theirs.write(wire.encode(SAMPLE))
            assert await ended_after(theirs) == pytest.approx(OUTSIDE)


async def test_who_asks_faster_than_anybody_needs_to_waits_for_the_answer(autojump_clock: MockClock) -> None:
    ours, theirs = pair()
    busy = len(wire.encode(wire.Busy(0)))
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, ours)
            started = trio.current_time()
            for count, seconds in ((AT_ONCE, 0.0), (int(PACE), 1.0)):
                for _ in range(count):
                    await theirs.write(wire.encode(SAMPLE))
                    await theirs.read_exactly(busy)
                assert trio.current_time() - started == pytest.approx(seconds)
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("said", [b"\x00\x20", b"\x00\x20\x93\x02"], ids=["a length", "a length and a beginning"])
async def test_a_frame_of_the_lobby_follows_its_length_at_once(said: bytes, autojump_clock: MockClock) -> None:
    ours, theirs = pair()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, ours)
            await theirs.write(said)
            assert await ended_after(theirs) == pytest.approx(BODY_TIMEOUT)


@pytest.mark.parametrize("frame", [b"\xff\xff", b"\x00\x01\xc1", b"\x00\x05hello"], ids=["too long", "no type", "text"])
async def test_a_malformed_frame_ends_the_stream_at_once(frame: bytes, autojump_clock: MockClock) -> None:
    ours, theirs = pair()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, ours)
            await theirs.write(frame)
            assert await ended_after(theirs) == 0


async def client_runs(answer: bytes = b"") -> tuple[float, int]:
    """Post one request to a seed that answers with these bytes; return when `run` ended, and how much was heard."""
    ours, theirs = pair()
    heard: list[wire.Answer] = []
    client = Asker(ours, LOBBY)
    started = trio.current_time()
    client.post(SAMPLE, heard.append)
    await theirs.write(answer)
    await client.run()
    return trio.current_time() - started, len(heard)


async def test_an_answer_that_is_late_ends_the_lobby_stream(autojump_clock: MockClock) -> None:
    with trio.fail_after(PATIENCE):
        after, heard = await client_runs()
    assert after == pytest.approx(ANSWER_TIMEOUT)
    assert not heard


async def test_an_answer_to_nothing_ends_the_lobby_stream(autojump_clock: MockClock) -> None:
    with trio.fail_after(PATIENCE):
        after, heard = await client_runs(wire.encode(wire.Unchanged(7)))
    assert (after, heard) == (0, 0)


async def test_a_malformed_answer_ends_the_lobby_stream(autojump_clock: MockClock) -> None:
    with trio.fail_after(PATIENCE):
        after, heard = await client_runs(b"\x00\x01\xc1")
    assert (after, heard) == (0, 0)


async def test_a_seed_that_reads_nothing_is_given_up(autojump_clock: MockClock) -> None:
    ours, _ = pair()
    client = Asker(ours, LOBBY)
    with trio.fail_after(PATIENCE):
        for _ in range(1000):
            client.post(SAMPLE, lambda _: None)
        await client.run()


async def test_no_more_than_eight_requests_wait_for_an_answer(autojump_clock: MockClock) -> None:
    ours, theirs = pair()
    client = Asker(ours, LOBBY)
    numbers: list[int] = []

    async def read() -> None:
        while True:
            body = await read_frame(theirs, frames.request_length, PATIENCE)
            request = LOBBY.decode_request(body)
            assert not isinstance(request, frames.Unknown)
            numbers.append(request.request)

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            for task in (client.run, read):
                nursery.start_soon(task)
            for _ in range(2 * OUTSTANDING):
                client.post(SAMPLE, lambda _: None)
            await wait_all_tasks_blocked()
            assert len(numbers) == OUTSTANDING == 8
            await theirs.write(wire.encode(wire.Unchanged(numbers[0])))
            await wait_all_tasks_blocked()
            assert len(numbers) == OUTSTANDING + 1
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("said", [b"\x01\x11", b"\x01\x11half"], ids=["a length", "a length and a beginning"])
async def test_a_body_follows_its_header_at_once(said: bytes, autojump_clock: MockClock) -> None:
    ours, theirs = pair()
    line = Line(cast("Stream", ours))  # it needs of a stream what this one has
    await theirs.write(said)
    started = trio.current_time()
    with trio.fail_after(PATIENCE), pytest.raises(trio.TooSlowError):
        await line.read(lambda _: None)
    assert trio.current_time() - started == pytest.approx(RECORD_HEADER_TIMEOUT)


async def test_a_line_whose_reader_does_not_read_is_cut(autojump_clock: MockClock) -> None:
    ours, theirs = pair()
    line = Line(cast("Stream", ours))
    for _ in range(1000):
        line.write(b"frame")
    with trio.fail_after(PATIENCE):
        await ended_after(theirs)

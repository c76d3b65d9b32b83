"""Dials that end early and dials at once: each connection has one owner, or is closed."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio
import trio.testing

from passerby.node.connection import Connection, Stream
from passerby.node.host import Host

TEST = "/test/1"


async def wait(stream: Stream) -> None:
    """Hold the stream until its connection ends."""
    await stream.connection.wait_closed()


@asynccontextmanager
async def pair() -> AsyncGenerator[tuple[Host, Host, Connection], None]:
    """A listening host, a second host, and its connection to the first."""
    async with (
        Host.open(os.urandom(32), listen=["/ip4/127.0.0.1/tcp/0"]) as server,
        Host.open(os.urandom(32)) as client,
    ):
        server.set_stream_handler(TEST, wait)
        with trio.fail_after(30):
            yield server, client, await client.dial(server.addresses[0], server.peer_id)


async def test_a_dial_that_is_dropped_at_any_moment_leaves_no_connection() -> None:
    async with pair() as (server, client, connection):
        steps, finished = 0, False
        while not finished:
            steps += 1
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(cancel_after, steps, scope)
                    (await client.dial(server.addresses[0], server.peer_id)).close()
                    nursery.cancel_scope.cancel()
            finished = not scope.cancelled_caught
        await trio.testing.wait_all_tasks_blocked(0.2)
        assert steps > 10
        assert client.connections() == [connection]
        assert len(server.connections()) == 1


async def cancel_after(steps: int, scope: trio.CancelScope) -> None:
    """Cancel after so many turns of the event loop: these, unlike times, are the same on every machine."""
    for _ in range(steps):
        await trio.lowlevel.checkpoint()
    scope.cancel()


async def test_dials_to_one_peer_at_once_have_a_connection_each() -> None:
    async with pair() as (server, client, connection):
        made: list[Connection] = []

        async def dial() -> None:
            made.append(await client.dial(server.addresses[0], server.peer_id))

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(dial)
        assert len({*made, connection}) == 4
        made[0].close()
        await made[0].wait_closed()
        for other in made[1:]:
            await client.open_stream(other, TEST)
        assert {*client.connections()} == {connection, *made[1:]}

"""Two event loops, one program: order, bounded queues (security.md 3.23), ends and errors cross whole."""

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest
import trio

from passerby.node.config import Settings
from passerby.node.console.bridge import Bridge, Peer, PeerError
from passerby.node.console.bugs import report
from passerby.node.events import Command, Delivered, Event, Finished, Quit, Say, Search, Stop
from passerby.node.home import load_settings
from passerby.node.limits import BRIDGE_QUEUE

Receive = trio.MemoryReceiveChannel[Command]
Send = trio.MemorySendChannel[Event]
PATIENCE = 10.0


def play(peer: Peer, console: Callable[[Bridge], Awaitable[None]], grace: float = 5.0) -> bool:
    """Join `peer` and `console`; what Bridge.close said."""

    async def main() -> bool:
        bridge = Bridge(lambda: peer, load_settings(os.environ, {}, None))
        async with asyncio.timeout(PATIENCE):
            await bridge.start()
            try:
                await console(bridge)
            finally:
                is_clean = await bridge.close(grace)
        return is_clean

    return asyncio.run(main())


async def echo(settings: Settings, commands: Receive, events: Send) -> None:
    async for command in commands:
        if isinstance(command, Say):
            await events.send(Delivered(int(command.text)))
        if isinstance(command, Quit):
            await events.send(Finished(0))
            return


def test_what_goes_in_comes_out_in_order_and_then_nothing() -> None:
    async def console(bridge: Bridge) -> None:
        for number in range(1000):
            await bridge.ready()
            bridge.send(Say(str(number)))
            assert await bridge.receive() == Delivered(number)
        bridge.send(Quit())
        assert await bridge.receive() == Finished(0)
        for _ in range(3):
            assert await bridge.receive() is None
        bridge.send(Search())  # to nobody, harmless

    assert play(echo, console)


def test_a_console_that_does_not_look_stops_the_peer() -> None:
    sent = 0

    async def talkative(settings: Settings, commands: Receive, events: Send) -> None:
        nonlocal sent
        while True:
            await events.send(Delivered(sent))
            sent += 1

    async def console(bridge: Bridge) -> None:
        await reach(lambda: sent == BRIDGE_QUEUE + 1)  # one is in the hands of the bridge
        for number in range(50):
            assert await bridge.receive() == Delivered(number)
        await reach(lambda: sent == BRIDGE_QUEUE + 51)

    play(talkative, console, grace=0)


def test_a_peer_that_does_not_listen_stops_the_typing() -> None:
    release = trio.Event()

    async def busy(settings: Settings, commands: Receive, events: Send) -> None:
        await release.wait()
        await echo(settings, commands, events)

    async def console(bridge: Bridge) -> None:
        for number in range(BRIDGE_QUEUE):
            await asyncio.wait_for(bridge.ready(), PATIENCE)
            bridge.send(Say(str(number)))
        waiting = asyncio.ensure_future(bridge.ready())
        await settle()
        assert not waiting.done()
        release.set()
        await waiting
        for number in range(BRIDGE_QUEUE):
            assert await bridge.receive() == Delivered(number)
        bridge.send(Quit())

    assert play(busy, console)


def test_an_event_of_the_console_s_own_comes_in_its_turn() -> None:
    async def console(bridge: Bridge) -> None:
        bridge.insert(Delivered(7))
        assert await bridge.receive() == Delivered(7)
        bridge.send(Say("8"))
        assert await bridge.receive() == Delivered(8)
        bridge.send(Quit())

    assert play(echo, console)


def test_a_bug_of_the_peer_comes_after_what_it_told_and_is_its_cause() -> None:
    async def broken(settings: Settings, commands: Receive, events: Send) -> None:
        await events.send(Delivered(1))
        raise RuntimeError("boom")

    async def console(bridge: Bridge) -> None:
        assert await bridge.receive() == Delivered(1)
        with pytest.raises(PeerError):
            await bridge.receive()
        with pytest.raises(PeerError) as caught:
            await bridge.receive()
        assert "RuntimeError" in report(caught.value)

    assert play(broken, console)


def test_a_peer_that_does_not_end_is_cancelled() -> None:
    said: list[str] = []

    async def endless(settings: Settings, commands: Receive, events: Send) -> None:
        said.append("started")
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            said.append("cancelled")
            raise

    async def console(bridge: Bridge) -> None:
        bridge.send(Stop())
        await reach(lambda: said == ["started"])  # a thread loads it first

    assert play(endless, console, grace=0)
    assert said == ["started", "cancelled"]


def test_a_peer_that_closes_its_ends_early_does_no_harm() -> None:
    async def deaf(settings: Settings, commands: Receive, events: Send) -> None:
        commands.close()
        await events.send(Finished(0))

    async def console(bridge: Bridge) -> None:
        bridge.send(Search())
        assert await bridge.receive() == Finished(0)
        assert await bridge.receive() is None

    assert play(deaf, console)


async def reach(condition: Callable[[], bool]) -> None:
    """Wait for `condition`, then see that it stays."""
    while not condition():  # noqa: ASYNC110 (what changes is on the other side)
        await asyncio.sleep(0)
    await settle()
    assert condition()


async def settle() -> None:
    """Let both loops run until neither has anything to do: each turn of asyncio is at most one of trio."""
    for _ in range(20 * BRIDGE_QUEUE):
        await asyncio.sleep(0)

"""What somebody in the lab does when a stranger is lost: what a person would."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from passerby.node import peer
from passerby.node.config import Settings
from passerby.node.events import Command, Ended, EndReason, Event, Matched, MessageReceived, Say, Search, Stop
from passerby.node.lab.people import Person, Standing, settings_of
from passerby.node.lab.summary import Part

PATIENCE = 20.0
FIRST, SECOND = ("a", "b"), ("c", "d")


class Network:
    """What stands in for the peer: it notes what it is told, and tells what the test says."""

    def __init__(self) -> None:
        self.told, self.commands = trio.open_memory_channel[Command](10)
        self.events: trio.MemorySendChannel[Event]

    async def run(
        self,
        _settings: Settings,
        commands: trio.MemoryReceiveChannel[Command],
        events: trio.MemorySendChannel[Event],
        _clock: Callable[[], float],
    ) -> None:
        self.events = events
        async for command in commands:
            await self.told.send(command)


def matched(words: tuple[str, ...]) -> Matched:
    return Matched("machine", None, words, 10)


@asynccontextmanager
async def searching(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[tuple[Person, Network]]:
    network, person = Network(), Person(0)
    monkeypatch.setattr(peer, "run", network.run)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(person.live, settings_of("n", (), folder))
            nursery.start_soon(person.chat)
            assert isinstance(await network.commands.receive(), Search)
            yield person, network
            nursery.cancel_scope.cancel()


async def lose(network: Network, *, before_any_text: bool) -> None:
    await network.events.send(matched(FIRST))
    assert isinstance(await network.commands.receive(), Say)
    await network.events.send(Ended(EndReason.LOST, before_any_text=before_any_text))


async def meet(network: Network) -> None:
    await network.events.send(matched(SECOND))
    assert isinstance(await network.commands.receive(), Say)
    await network.events.send(MessageReceived(1, "hi"))
    assert isinstance(await network.commands.receive(), Stop)


async def test_who_loses_a_stranger_looks_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with searching(tmp_path, monkeypatch) as (person, network):
        await lose(network, before_any_text=False)
        assert isinstance(await network.commands.receive(), Search)
        await meet(network)
        assert person.standing is Standing.DONE
        assert person.part == Part((FIRST, SECOND), SECOND)
        assert [meeting.words for meeting in person.meetings] == [SECOND]


async def test_a_search_that_goes_on_by_itself_is_not_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with searching(tmp_path, monkeypatch) as (person, network):
        await lose(network, before_any_text=True)
        await meet(network)
        assert person.part == Part((FIRST, SECOND), SECOND)


async def test_two_chats_at_once_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with searching(tmp_path, monkeypatch) as (person, network):
        await network.events.send(matched(FIRST))
        await network.events.send(matched(SECOND))
        await network.events.send(MessageReceived(1, "hi"))
        assert isinstance(await network.commands.receive(), Say)
        assert isinstance(await network.commands.receive(), Stop)
        assert person.part == Part((FIRST, SECOND), FIRST, is_double=True)


async def test_who_gives_up_is_in_no_chat_that_came_too_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with searching(tmp_path, monkeypatch) as (person, network):
        await person.give_up()
        assert isinstance(await network.commands.receive(), Stop)
        await network.events.send(matched(FIRST))
        await network.events.send(Ended(EndReason.YOU))
        await trio.testing.wait_all_tasks_blocked()
        assert person.standing is Standing.AWAY
        assert network.commands.statistics().current_buffer_used == 0

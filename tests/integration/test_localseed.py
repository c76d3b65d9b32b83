"""The local seed when things go wrong: a frozen owner, a folder in trouble. Chats go on, people meet all the same."""

import signal
from pathlib import Path

import pytest
import trio
from filelock import FileLock

from passerby.node import home
from passerby.node.events import Ended, Failed, Matched, Quit, Search, State, StateChanged, Stop, Warned
from support.people import Person, matched, person, settings
from support.programs import chat

PATIENCE = 60.0


@pytest.mark.usefixtures("consented")
async def test_people_meet_although_the_owner_is_frozen() -> None:
    with trio.fail_after(PATIENCE):
        async with chat() as owner:
            await owner.state("empty")
            owner.send_signal(signal.SIGSTOP)
            async with person(settings()) as one, person(settings()) as other:
                await matched(one, other)
                await one.say("hello")
                assert await other.hear(1) == ["hello"]


async def test_a_folder_in_trouble_ends_no_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "LOCK_TIMEOUT", 0.2)  # instead of 10 s
    with trio.fail_after(PATIENCE):
        async with person(settings()) as owner:
            await owner.do(Search())
            await owner.expect(StateChanged, lambda event: event.state is State.EMPTY)
            await owner.do(Stop())
            async with person(settings()) as one, person(settings()) as other:
                await matched(one, other)
                with FileLock(settings().folders.run / "state.lock"):
                    await owner.do(Quit())
                    async with trio.open_nursery() as nursery:  # whichever of the two takes over
                        nursery.start_soon(warned_first, nursery.cancel_scope, one)
                        nursery.start_soon(warned_first, nursery.cancel_scope, other)
                    await one.say("still here?")
                    assert await other.hear(1) == ["still here?"]
                for someone in (one, other):
                    assert not someone.all(Ended)
                    assert not someone.all(Failed)


async def warned_first(scope: trio.CancelScope, someone: Person) -> None:
    await someone.expect(Warned, lambda event: event.code == "local-seed")
    scope.cancel()


async def test_a_notice_that_is_none_is_passed_over() -> None:
    with trio.fail_after(PATIENCE):
        folders = settings().folders
        home.ensure_folder(folders.run, folders)
        async with person(settings()) as one, person(settings()) as other:
            await matched(one, other)
            notice = next(Path(folders.run).glob("local-seed-*.json"))
            notice.write_bytes(b"{")
            async with person(settings()) as third:
                await third.do(Search())
                await one.do(Quit())
                await other.do(Quit())
                async with person(settings()) as fourth:
                    await matched(fourth)
                    await third.expect(Matched)

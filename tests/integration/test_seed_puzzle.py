"""The work for a seed's place: it is told of, done once, and nobody who leaves waits for it."""

import os
import secrets
import time
from functools import partial

import pytest
import trio

from passerby.crypto.keys import SigningKey
from passerby.node.home import locate
from passerby.node.seeding import puzzle

PATIENCE = 20.0
PUBLIC = SigningKey.from_seed(secrets.token_bytes(32)).public


async def test_who_leaves_waits_for_one_work_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(puzzle, "PUZZLE_BITS", 200)
    monkeypatch.setattr(puzzle, "SILENT", 0.0)
    working = trio.Event()

    def say(_sentence: str) -> None:
        trio.from_thread.run_sync(working.set)

    work = partial(puzzle.solution, locate(os.environ), puzzle.MAIN, PUBLIC, say)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, work)
        with trio.fail_after(PATIENCE):
            await working.wait()
        nursery.cancel_scope.cancel()
        left = time.monotonic()
    assert time.monotonic() - left < PATIENCE


async def test_it_is_told_of_once_and_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(puzzle, "PUZZLE_BITS", 3)
    monkeypatch.setattr(puzzle, "SILENT", 0.0)
    told: list[str] = []
    work = partial(puzzle.solution, locate(os.environ), puzzle.MAIN, PUBLIC, told.append)
    with trio.fail_after(PATIENCE):
        first = await trio.to_thread.run_sync(work)
        again = await trio.to_thread.run_sync(work)
    assert first == again
    assert told == ["Working for a place among the seeds, once; this takes some seconds…"]


async def test_work_that_is_short_is_not_spoken_of() -> None:
    told: list[str] = []
    work = partial(puzzle.solution, locate(os.environ), "a-network-without-a-puzzle", PUBLIC, told.append)
    with trio.fail_after(PATIENCE):
        await trio.to_thread.run_sync(work)
    assert told == []

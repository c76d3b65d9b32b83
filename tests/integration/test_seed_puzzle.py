"""The work for a seed's place: it is told of, done once, and nobody who leaves waits for it."""

import os
import secrets
import subprocess
import sys
import time
from functools import partial

import msgspec
import pytest
import trio

from passerby.crypto.keys import SigningKey
from passerby.node import home
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


@pytest.mark.parametrize(
    "nonce", [10**25, 1], ids=["no number of 64 bits", "work that is another's, or was never done"]
)
async def test_a_kept_solution_that_is_none_is_found_anew(monkeypatch: pytest.MonkeyPatch, nonce: int) -> None:
    monkeypatch.setattr(puzzle, "PUZZLE_BITS", 3)
    folders = locate(os.environ)
    one, other = (SigningKey.from_seed(bytes([number]) * 32).public for number in (1, 2))

    async def solution(public: bytes) -> tuple[int, bytes]:
        return await trio.to_thread.run_sync(puzzle.solution, folders, puzzle.MAIN, public, print)

    with trio.fail_after(PATIENCE):
        good = await solution(one)
        assert good[0] != nonce
        kept = msgspec.json.encode({"network": puzzle.MAIN, "public": one, "bits": 3, "nonce": nonce})
        home.update(folders.seed / puzzle.FILE, folders, lambda _: kept)
        assert await solution(one) == good
        assert await solution(other) != good


@pytest.mark.parametrize("content", [b"", b"{", b'{"nonce":' + b"[" * 5000])
async def test_a_file_that_is_none_counts_as_empty(content: bytes) -> None:
    folders = locate(os.environ)
    home.update(folders.seed / puzzle.FILE, folders, lambda _: content)
    work = partial(puzzle.solution, folders, "a-network-without-a-puzzle", PUBLIC, print)
    with trio.fail_after(PATIENCE):
        assert (await trio.to_thread.run_sync(work))[0] == 0


PUBLIC_SEED = """
import passerby.node.seeding.neighbourhood as neighbourhood
from passerby.cli import main
from passerby.discovery.addresses import Scope

neighbourhood.by_scope = lambda addresses: {Scope.PUBLIC: tuple(address.bare for address in addresses)}
main()
"""


def test_a_seed_that_cannot_keep_its_solution_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a public address has it solve: this one takes its loopback address for one."""
    folders = locate(os.environ)
    (home.ensure_folder(folders.seed, folders) / puzzle.FILE).mkdir(mode=0o700)
    command = [sys.executable, "-c", PUBLIC_SEED, "seed", "run", "--listen", "/ip4/127.0.0.1/tcp/0"]
    monkeypatch.setenv("PASSERBY_NETWORK", "mine")
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 78
    assert done.stderr.splitlines()[-1].startswith("passerby: ")
    assert "bug" not in done.stderr

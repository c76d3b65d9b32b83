"""Start: from the process to the first screen, and to a search. A bare node: from the process to listening."""

import os
import pty
import subprocess
import time
from typing import Final

import trio
from benchmarks.harness import (
    BARE,
    CHAT,
    CLI,
    PATIENCE,
    ROOT,
    BenchmarkError,
    Row,
    Size,
    child,
    consent,
    figure,
    seed,
    surroundings,
)

FIRST_WORDS: Final = b"Getting ready"


async def run(size: Size) -> list[Row]:
    """Measure by turns, so that both meet the same machine."""
    screens: list[float] = []
    lines: list[float] = []
    searches: list[float] = []
    seeds: list[float] = []
    bare: list[float] = []
    async with seed() as address:
        with surroundings(address) as env:
            consent(env)
            for _ in range(size.starts + 1):  # the first one writes what Python compiles
                screens.append(await _screen(env))
                for values, value in zip((lines, searches, seeds), await _search(env), strict=True):
                    values.append(value)
                bare.append(await _listen(env))
    floor = figure(bare[1:])
    return [
        Row(
            "first-screen",
            "process → first screen (terminal)",
            "s",
            figure(screens[1:]),
            floor,
            "≤ 0.3 s",
            "value",
            0.3,
        ),
        Row("first-line", "process → first line (--json)", "s", figure(lines[1:]), floor, "≤ 0.3 s", "value", 0.3),
        Row("searching", "process → searching", "s", figure(searches[1:]), floor, "≤ 1.0 × bare", "ratio", 1.0),
        Row("seed-answered", "process → a seed has answered", "s", figure(seeds[1:]), floor),
    ]


async def _search(env: dict[str, str]) -> tuple[float, float, float]:
    began = time.monotonic()
    async with child(CHAT, env) as chat:
        first = await chat.hear("state", state="starting")
        searching = await chat.hear("state", state="searching")
        answered = await chat.hear("state", state="empty")
        await chat.tell("/quit")
    return first.arrived - began, searching.arrived - began, answered.arrived - began


async def _listen(env: dict[str, str]) -> float:
    began = time.monotonic()
    async with child(BARE, env) as node:
        return (await node.hear("listening")).arrived - began


async def _screen(env: dict[str, str]) -> float:
    """The time until a terminal shows the first sentence."""
    ours, theirs = pty.openpty()
    began = time.monotonic()
    process = await trio.lowlevel.open_process(
        [*CLI, "chat"], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, cwd=ROOT, env=env | {"TERM": "xterm"}
    )
    os.close(theirs)
    try:
        async with trio.lowlevel.FdStream(ours) as terminal:
            seen = b""
            with trio.move_on_after(PATIENCE):
                while FIRST_WORDS not in seen:
                    seen += await terminal.receive_some()
            if FIRST_WORDS not in seen:
                raise BenchmarkError("no first screen")
            return time.monotonic() - began
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()

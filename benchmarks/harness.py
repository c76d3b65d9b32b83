"""What all benchmarks share: children that speak in JSON lines, a surrounding of their own, figures and rows.

A child is told words, one a line on its stdin, and tells what happened, one JSON object a line on its stdout. `at` and
`arrived` are `time.monotonic()`, which all processes of a machine share. A child is ended by its process object, never
by name. Times are seconds unless a name says otherwise.
"""

import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import trio

ROOT: Final = Path(__file__).resolve().parents[1]
PATIENCE: Final = 60.0  # for one thing that a child tells; a loaded machine imports libp2p in 5 s
FAREWELL: Final = 10.0  # for a child to leave after its stdin was closed; then it is killed
LINE_BYTES: Final = 64 * 1024
FAILURES: Final = ("garbled", "failed", "error")
OURS: Final = (sys.executable, "-m", "benchmarks.person")
BARE: Final = (sys.executable, "-m", "benchmarks.bare")
BARE_NODE: Final = "bare py-libp2p"
CLI: Final = (str(Path(sys.executable).with_name("passerby")),)
CHAT: Final = (*CLI, "chat", "--json", "--no-input")


class BenchmarkError(Exception):
    """A benchmark could not run, or what it counts went wrong: a message lost, a pair missed. The text says which."""


class Told(msgspec.Struct, frozen=True):
    """One line of a child; which fields mean something depends on `event`."""

    event: str
    at: float = 0.0
    state: str = ""
    address: str = ""
    value: float = 0.0
    arrived: float = 0.0


class Child:
    """A running process of the benchmark."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._rest = b""
        self.pid: Final = process.pid

    async def tell(self, word: str) -> None:
        """Send one word (or a line of chat)."""
        assert self._process.stdin is not None
        await self._process.stdin.send_all(word.encode() + b"\n")

    async def hear(self, *events: str, state: str = "", patience: float = PATIENCE) -> Told:
        """Return the next line about one of `events` (in `state`, if given); lines before it are dropped.

        BenchmarkError if it does not come within `patience` seconds, if the child ends or tells of a failure.
        """
        with trio.move_on_after(patience):
            while True:
                told = await self._next()
                if told.event in FAILURES:
                    raise BenchmarkError(f"a child tells: {told.event} {told.state}")
                if told.event in events and state in ("", told.state):
                    return told
        raise BenchmarkError(f"{'/'.join(events)} {state} did not come within {patience:g} s")

    async def _next(self) -> Told:
        assert self._process.stdout is not None
        while b"\n" not in self._rest:
            chunk = await self._process.stdout.receive_some(LINE_BYTES)
            if not chunk:
                raise BenchmarkError("a child ended early")
            self._rest += chunk
        now = time.monotonic()
        line, _, self._rest = self._rest.partition(b"\n")
        return msgspec.structs.replace(msgspec.json.decode(line, type=Told), arrived=now)


@asynccontextmanager
async def child(command: Sequence[str], env: dict[str, str]) -> AsyncGenerator[Child, None]:
    """Run a child until the block ends; then close its stdin, which it takes for a goodbye."""
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, env=env
    )
    try:
        yield Child(process)
    finally:
        with trio.CancelScope(shield=True):
            await _end(process)


async def _end(process: trio.Process) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdin.aclose()
    with trio.move_on_after(FAREWELL):
        await _read_out(process.stdout)
        await process.wait()
    if process.returncode is None:
        process.kill()
    await process.wait()
    await process.stdout.aclose()


async def _read_out(stream: trio.abc.ReceiveStream) -> None:
    """A child that cannot write cannot leave."""
    while await stream.receive_some(LINE_BYTES):
        pass


@contextmanager
def surroundings(*seeds: str, network: str = "") -> Generator[dict[str, str]]:
    """An environment with a home of its own, and a network name unless one is given.

    Nothing outside is read or written, or dialled.
    """
    with tempfile.TemporaryDirectory(prefix="passerby-bench-", ignore_cleanup_errors=True) as home:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PASSERBY_", "LIBP2P_"))}
        env |= {"HOME": home, "PASSERBY_HOME": f"{home}/passerby", "PASSERBY_DIRECTORY": "off"}
        env |= {"PASSERBY_NETWORK": network or f"bench-{secrets.token_hex(4)}", "PASSERBY_SEEDS": ",".join(seeds)}
        Path(home, "passerby").mkdir(mode=0o700)
        yield env


def consent(env: dict[str, str]) -> None:
    """Accept for the benchmark's own home, as a person would."""
    subprocess.run([*CLI, "consent", "--accept-18"], env=env, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE)


@asynccontextmanager
async def seed(*known: str, network: str = "", place: Sequence[str] = ()) -> AsyncGenerator[str, None]:
    """Run `passerby seed run` on loopback until the block ends; yields its multiaddr.

    It is told of the seeds `known`. What runs at `place` begins with these words: a way into a network namespace.
    """
    command = [*place, *CLI, "seed", "run", "--listen", "/ip4/127.0.0.1/tcp/0"]
    with surroundings(*known, network=network) as env:
        process = await trio.lowlevel.open_process(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, env=env
        )
        assert process.stdout is not None
        try:
            with trio.fail_after(PATIENCE):
                line = await process.stdout.receive_some(LINE_BYTES)
            yield line.decode().strip()
        finally:
            with trio.CancelScope(shield=True):
                process.terminate()
                with trio.move_on_after(FAREWELL):
                    await process.wait()
                if process.returncode is None:
                    process.kill()
                await process.wait()
                await process.stdout.aclose()


# ---- figures ------------------------------------------------------------------------------------------------------


class Figure(msgspec.Struct, frozen=True):
    """Median and 95th percentile of so many repetitions; `misses` had no result and are in neither."""

    median: float
    p95: float
    repetitions: int
    misses: int = 0


class Row(msgspec.Struct, frozen=True):
    """One line of the table: ours beside what a bare py-libp2p node needs for the same kind of work in the same run.

    `against` says so where it is something else than that. `limit` is what `judged` ("ratio" or "value") may reach: at
    least that if `more` is better, else at most.
    """

    key: str
    what: str
    unit: str
    ours: Figure
    beside: Figure | None = None
    goal: str = ""
    judged: str = ""
    limit: float = 0.0
    more: bool = False
    against: str = BARE_NODE

    @property
    def ratio(self) -> float | None:
        """Ours by the other, of the medians."""
        return self.ours.median / self.beside.median if self.beside is not None and self.beside.median else None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        measured = {"ratio": self.ratio, "value": self.ours.median}.get(self.judged)
        if measured is None:
            return None
        in_time = measured >= self.limit if self.more else measured <= self.limit
        return in_time and not self.ours.misses


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: the short form is for every change, the long one for docs/figures.json."""

    starts: int  # repetitions with fresh processes
    matches: int  # pairs that join at the same moment, in one process
    people: int  # that take turns with /next
    bursts: int  # of messages there and back
    flows: int  # times FLOW messages one way
    idle: float  # seconds


SHORT: Final = Size(starts=4, matches=25, people=4, bursts=4, flows=3, idle=15.0)
LONG: Final = Size(starts=10, matches=200, people=6, bursts=15, flows=10, idle=60.0)


def figure(values: Sequence[float | None], scale: float = 1.0) -> Figure:
    """Sum up measurements, of which None is a miss; BenchmarkError if there is nothing else."""
    ordered = sorted(scale * value for value in values if value is not None)
    if not ordered:
        raise BenchmarkError(f"{len(values)} repetitions and no result")
    p95 = ordered[round(0.95 * (len(ordered) - 1))]
    median = statistics.median(ordered)
    return Figure(_rounded(median), _rounded(p95), len(values), len(values) - len(ordered))


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")

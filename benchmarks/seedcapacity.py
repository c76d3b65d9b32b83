"""What one seed on one core takes, with real connections: `python -m benchmarks.seedcapacity [--short]`.

The long form writes its table into docs/operating.md.

The seed is a process of its own on the first core; those who come are made on the others. An *arrival* is a connection,
a lobby stream, Enter with a ticket, one Sample, and leaving. What of it is the lobby's own work, benchmarks/seedload.py
measures alone.
"""

import argparse
import logging
import os
import platform
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Final

import trio
from benchmarks import harness
from benchmarks.harness import LONG, SHORT, BenchmarkError, Figure, Row, Size, figure
from benchmarks.measuredseed import Measured, measured_seed
from benchmarks.visitors import visit
from libp2p.exceptions import BaseLibp2pError

from passerby.discovery import wire
from passerby.discovery.addresses import Address
from passerby.node.libp2p_081.inbound import OUTBOUND_SHARE
from passerby.node.limits import SEED_CONNECTIONS

PAGE: Final = harness.ROOT / "docs" / "operating.md"
BEGIN: Final = "<!-- made by python -m benchmarks.seedcapacity -->"
END: Final = "<!-- end of what it made -->"
PLACES: Final = SEED_CONNECTIONS - SEED_CONNECTIONS // OUTBOUND_SHARE  # for those who come
CHEAP: Final = ("plain-tasks", "quiet-muxer", "signed-once", "no-listeners")  # cures that save and mend nothing else
BATCH: Final = 25  # arrivals at one seed, then as many at the other
CROWD: Final = 400  # who wait meanwhile: what an arrival costs depended on them
BEAT: Final = 15  # seconds between two Samples of one who waits
LATE: Final = 2.0  # seconds until the answer to Enter is of no use
TOGETHER: Final = 64  # arrivals under way: a seed takes more half-open connections for a flood
STEP: Final = 25  # arrivals a second more at each step of the stairs


# ---- who comes -------------------------------------------------------------------------------------------------------


async def arrive(seed: Address) -> float:
    """Come, look around once and leave; return the seconds from the dial to the first answer."""
    began = time.monotonic()
    async with visit(seed) as visitor:
        if not isinstance(await visitor.enter(), wire.Room):
            raise BenchmarkError("not let in")
        answered = time.monotonic() - began
        await visitor.sample(BEAT)
    return answered


async def wait(seed: Address, rounds: int, entered: trio.MemorySendChannel[None]) -> None:
    """Enter, and look around every BEAT seconds, so many times."""
    async with visit(seed) as visitor:
        if not isinstance(await visitor.enter(), wire.Room):
            raise BenchmarkError("not let in")
        await entered.send(None)
        for _ in range(rounds):
            await trio.sleep(BEAT)
            if await visitor.sample(BEAT) is None:
                raise BenchmarkError("the seed was lost")
        await trio.sleep_forever()


@asynccontextmanager
async def crowd(seed: Measured, count: int, rounds: int) -> AsyncGenerator[None]:
    """Let so many wait at a seed, who came one after the other."""
    ready, entered = trio.open_memory_channel[None](0)
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(wait, seed.address, rounds, ready)
            with trio.fail_after(harness.PATIENCE):
                await entered.receive()
        yield
        nursery.cancel_scope.cancel()


# ---- what is measured ------------------------------------------------------------------------------------------------


async def cost(*seeds: Measured, batches: int) -> list[list[float]]:
    """Let people arrive at the seeds by turns; return the milliseconds of a core that one took, by seed and batch."""
    costs: list[list[float]] = [[] for _ in seeds]
    for _ in range(batches):
        for seed, mine in zip(seeds, costs, strict=True):
            before = seed.cpu()
            for _ in range(BATCH):
                await arrive(seed.address)
            await trio.sleep(0.3)  # what follows a goodbye is a part of it
            mine.append(1000 * (seed.cpu() - before) / BATCH)
    return costs


async def arrivals(batches: int) -> list[Row]:
    """Compare arrivals with and without what was saved, at a seed where nobody waits and where many do."""
    async with measured_seed() as ours, measured_seed(*CHEAP) as before:
        await cost(ours, before, batches=2)
        empty = await cost(ours, before, batches=batches)
        async with crowd(ours, CROWD, 0), crowd(before, CROWD, 0):
            full = await cost(ours, before, batches=batches)
    names = f"without {len(CHEAP)} cures"
    return [
        Row("arrival-cpu", "an arrival, nobody waiting", "ms", figure(empty[0]), figure(empty[1]), against=names),
        Row("arrival-cpu-crowd", f"an arrival, {CROWD} waiting", "ms", figure(full[0]), figure(full[1]), against=names),
    ]


async def waiting(count: int, rounds: int) -> list[Row]:
    """Let many wait; measure what one of them costs."""
    async with measured_seed() as seed:
        await cost(seed, batches=2)
        memory, files = seed.memory(), seed.files()
        once, beat = await _traffic(seed.address)
        async with crowd(seed, count, rounds + 1):
            each = (seed.memory() - memory) / count / 1024
            open_files = (seed.files() - files) / count
            began, before = time.monotonic(), seed.cpu()
            await trio.sleep(BEAT * rounds)
            share = 100 * (seed.cpu() - before) / (time.monotonic() - began) * 1000 / count
    return [
        Row("seed-memory", "memory of a seed where nobody waits", "MiB", figure([memory / 2**20])),
        Row("seed-full", f"the same with {PLACES} who wait", "MiB", figure([memory / 2**20 + PLACES * each / 1024])),
        Row("arrival-bytes", "an arrival, there and back", "bytes", figure([once])),
        Row("waiting-bytes", "each look around after it", "bytes", figure([beat])),
        Row("waiting-memory", f"memory for each who waits, of {count}", "KiB", figure([each])),
        Row("waiting-files", "file descriptors for each who waits", "", figure([open_files])),
        Row("waiting-cpu", f"of a core, for 1000 who look around every {BEAT} s", "%", figure([share])),
    ]


async def _traffic(seed: Address) -> tuple[float, float]:
    """Return the bytes of an arrival, and of one further Sample that had news, while ten wait."""
    async with AsyncExitStack() as stack:
        for _ in range(10):
            await (await stack.enter_async_context(visit(seed))).enter()
        visitor = await stack.enter_async_context(visit(seed))
        await visitor.enter()
        once = visitor.passed
        for _ in range(10):
            await visitor.sample(BEAT)
        return once, (visitor.passed - once) / 10


async def stairs(seconds: float) -> list[Row]:
    """Let more and more arrive each second, until one in 20 waits longer than LATE for his answer."""
    async with measured_seed() as seed:
        await cost(seed, batches=2)
        rate, reached, price, share = STEP, 0.0, 0.0, 0.0
        while True:
            before, began = seed.cpu(), time.monotonic()
            delays = await _step(seed.address, rate, seconds)
            used, took = seed.cpu() - before, time.monotonic() - began
            if not delays or sorted(delays)[int(0.95 * len(delays))] > LATE:
                break
            reached, price, share = len(delays) / took, 1000 * used / len(delays), 100 * used / took
            if reached < 0.8 * rate:  # those who come are no faster: what is left of the core says the rest
                break
            rate += STEP
        layers = await seed.layers()
    total = sum(layers.values())
    shares = [
        Row(f"layer-{name}", f"of an arrival: {name}", "%", figure([100 * count / total]))
        for name, count in sorted(layers.items(), key=lambda item: -item[1])
    ]
    return [
        Row("arrivals-rate", f"arrivals, 19 of 20 answered within {LATE:g} s", "1/s", figure([reached])),
        Row("arrivals-share", "of the seed's core then, the rest of the machine gave no more", "%", figure([share])),
        Row("arrivals-core", "arrivals that would fill the core", "1/s", figure([1000 / price])),
        *shares,
    ]


async def _step(seed: Address, rate: int, seconds: float) -> list[float]:
    """Let so many arrive a second; return how long after his time each was answered."""
    delays: list[float] = []
    together = trio.CapacityLimiter(TOGETHER)

    async def one(due: float) -> None:
        async with together:
            try:
                began = trio.current_time()
                delays.append(await arrive(seed) + began - due)
            except* (OSError, EOFError, BenchmarkError, BaseLibp2pError, trio.BrokenResourceError):
                delays.append(float("inf"))

    with trio.move_on_after(seconds + 5 * LATE):
        async with trio.open_nursery() as nursery:
            start = trio.current_time()
            for number in range(int(rate * seconds)):
                await trio.sleep_until(start + number / rate)
                nursery.start_soon(one, start + number / rate)
    return delays


async def run(size: Size) -> list[Row]:
    """Measure all of it; the first core is the seeds'."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores - {min(cores)} or cores)
    logging.getLogger("libp2p").setLevel(logging.CRITICAL)
    rows = await arrivals(size.bursts)
    rows += await waiting(500 if size is SHORT else 1500, 1 if size is SHORT else 2)
    return rows + await stairs(3.0 if size is SHORT else 6.0)


def write(rows: Sequence[Row]) -> None:
    """Put the table in its place in docs/operating.md."""
    text = PAGE.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise BenchmarkError(f"{PAGE.name} has no place for the table")
    about = f"Python {platform.python_version()}, libp2p {version('libp2p')}, one core of {platform.machine()}."
    PAGE.write_text(f"{before}{begin}\n\n{table(rows)}\nMedian (95th percentile). {about}\n\n{end}{after}")


def table(rows: Sequence[Row]) -> str:
    """The same figures as `markdown` makes them, without the columns of goals, which they have none of."""
    lines = ["| what | | of Passerby | before | ratio |\n", "|---|---|---|---|---|\n"]
    for row in rows:
        beside = "-" if row.beside is None else _number(row.beside)
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
        lines.append(f"| {row.what} | {row.unit} | {_number(row.ours)} | {beside} | {ratio} |\n")
    return "".join(lines)


def _number(of: Figure) -> str:
    values = (of.median, of.p95)[: min(2, of.repetitions)]
    median, *p95 = (f"{value:.0f}" if value >= 1000 else f"{value:.3g}" for value in values)
    return f"{median} ({p95[0]})" if p95 else median


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer repetitions")
    arguments = parser.parse_args()
    rows = trio.run(run, SHORT if arguments.short else LONG)
    sys.stdout.write(table(rows))
    if not arguments.short:
        write(rows)


if __name__ == "__main__":
    main()

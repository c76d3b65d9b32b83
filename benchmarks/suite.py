"""All benchmarks in order: a table on stdout, and in the long form docs/figures.json with docs/figures.md."""

import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Final

import trio
from benchmarks import idle, match, memory, roundtrip, startup, tables, throughput
from benchmarks.harness import LONG, SHORT, BenchmarkError, Row, Size

BENCHMARKS: Final[dict[str, Callable[[Size], Awaitable[list[Row]]]]] = {
    "startup": startup.run,
    "match": match.run,
    "roundtrip": roundtrip.run,
    "throughput": throughput.run,
    "memory": memory.run,
    "idle": idle.run,
}
TIME_LIMIT: Final = 600.0  # seconds for one benchmark


def run(*, short: bool, only: list[str]) -> int:
    """Run the benchmarks named in `only`, or all; return the exit code.

    1 if one could not run, or if a message was lost or reordered or a pair missed; a slow figure is no failure.
    """
    rows, failures = trio.run(_measure, SHORT if short else LONG, only or list(BENCHMARKS))
    sys.stdout.write(f"\n{tables.markdown(rows)}\nMedian (95th percentile). Ratios count; times are this machine's.\n")
    failures += [f"{row.what}: {row.ours.misses} missed" for row in rows if row.ours.misses]
    for failure in failures:
        sys.stdout.write(f"FAILED {failure}\n")
    if not (short or only or failures):
        tables.write_rows(_versions(), os.cpu_count() or 1, rows)
    return 1 if failures else 0


async def _measure(size: Size, names: list[str]) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    failures: list[str] = []
    for name in names:
        began = time.monotonic()
        try:
            with trio.fail_after(TIME_LIMIT):
                rows += await BENCHMARKS[name](size)
        except* (BenchmarkError, OSError, trio.TooSlowError) as errors:
            failures += [f"{name}: {reason}" for reason in reasons(errors)]
        sys.stdout.write(f"{name}: {time.monotonic() - began:.0f} s\n")
        sys.stdout.flush()
    return rows, failures


def reasons(error: BaseException) -> list[str]:
    """What lies at the bottom of an exception group."""
    nested: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return [reason for each in nested for reason in reasons(each)] or [f"{type(error).__name__} {error}"]


def _versions() -> dict[str, str]:
    libraries = {name: version(name) for name in ("libp2p", "trio", "pynacl")}
    return {"Passerby": version("passerby"), "Python": platform.python_version(), **libraries}

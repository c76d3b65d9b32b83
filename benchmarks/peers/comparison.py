"""All systems by turns: the same network sizes, the same manners of meeting, near and 50 ms away."""

import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from shutil import which
from typing import Final

import trio
from benchmarks import suite, tables
from benchmarks.harness import BenchmarkError, Child, Figure, child, figure, surroundings
from benchmarks.peers import nodejs
from benchmarks.peers.systems import PASSERBY, Manner, Meeting, Network, Passerby, System, others
from benchmarks.tables import Comparison

SIZES: Final = (20, 50)  # nodes
FAR_SIZE: Final = 20
FAR_MANNERS: Final = (Manner.NEWCOMER, Manner.TOGETHER)
DELAY: Final = 0.050  # seconds one way
REPETITIONS: Final = 10
SHORT_REPETITIONS: Final = 3
MEETING_LIMIT: Final = 120.0  # seconds for two processes to start, to meet and to leave
SETTING_UP_LIMIT: Final = 300.0  # seconds for one network
TURNS_COLD: Final = 8.0  # round trips of a direct match by who remembers his seeds (peers.md)
TOOLS: Final = ("unshare", "nsenter", "ip")

NEWCOMER: Final = "a newcomer joins who waits"
OPENED: Final = "from the first packet on"
GOAL: Final = "≤ 1.0 × Hyperswarm"

Meetings = dict[tuple[str, Manner], list[Meeting | None]]


def run(*, short: bool, sizes: Sequence[int]) -> int:
    """Measure what can be measured here; return the exit code.

    1 if Passerby could not be measured or missed somebody; nothing that is absent here or fails for others counts.
    docs/ is written by a whole run of all systems only.
    """
    notes: list[str] = []
    node = _node(notes)
    systems = [Passerby(), *others(node)]
    repetitions = SHORT_REPETITIONS if short else REPETITIONS
    rows = trio.run(_measure, systems, sizes or (SIZES[:1] if short else SIZES), repetitions, notes)
    sys.stdout.write(f"\n{tables.compared(rows)}\nMedian (95th percentile), and the ratio to Hyperswarm's median.\n")
    failures = [f"{row.what}: {row.figures[PASSERBY].misses} missed" for row in rows if row.figures[PASSERBY].misses]
    for sentence in [*notes, *(f"FAILED {failure}" for failure in failures)]:
        sys.stdout.write(f"{sentence}\n")
    if node is not None and not (short or sizes or failures or notes):
        tables.write_peers(tables.Peers(_versions(node), os.cpu_count() or 1, rows))
    return 1 if failures or not rows else 0


def _node(notes: list[str]) -> str | None:
    try:
        return nodejs.require_node()
    except nodejs.NoNodeError as error:
        notes.append(f"Hyperswarm and js-libp2p are left out: {error}")
        return None


def _versions(node: str) -> dict[str, str]:
    ours = {"Passerby": version("passerby"), "py-libp2p": version("libp2p"), "Python": platform.python_version()}
    return ours | nodejs.versions(node)


async def _measure(
    systems: Sequence[System], sizes: Sequence[int], repetitions: int, notes: list[str]
) -> list[Comparison]:
    rows: list[Comparison] = []
    for size in sizes:
        began = time.monotonic()
        async with _networks(systems, size, (), notes) as networks:
            rows += _rows(f"{size} nodes", await _by_turns(networks, tuple(Manner), repetitions))
        _took(f"{size} nodes", began)
    began = time.monotonic()
    try:
        async with _far() as (place, line), _networks(systems, FAR_SIZE, place, notes) as networks:
            rows += await _from_afar(networks, line, repetitions)
    except* (BenchmarkError, OSError) as errors:
        notes.append(f"{1000 * DELAY:.0f} ms one way is left out: {'; '.join(suite.reasons(errors))}")
    _took("far away", began)
    return [row for row in rows if PASSERBY in row.figures]


def _took(what: str, began: float) -> None:
    sys.stdout.write(f"{what}: {time.monotonic() - began:.0f} s\n")
    sys.stdout.flush()


@asynccontextmanager
async def _networks(
    systems: Sequence[System], size: int, place: Sequence[str], notes: list[str]
) -> AsyncGenerator[dict[str, Network], None]:
    """Let the networks of all systems run side by side; one that does not come up is left out, with a note."""
    networks: dict[str, Network] = {}
    async with AsyncExitStack() as stack:
        for system in (one for one in systems if size <= one.largest):
            try:
                with trio.fail_after(SETTING_UP_LIMIT):
                    networks[system.name] = await stack.enter_async_context(system.network(size, place))
            except (BenchmarkError, OSError, trio.TooSlowError) as error:
                notes.append(f"{system.name} with {size} nodes did not come up: {error}")
        yield networks


async def _by_turns(networks: Mapping[str, Network], manners: Sequence[Manner], repetitions: int) -> Meetings:
    """Let two people meet in one network after the other, again and again."""
    meetings: Meetings = defaultdict(list)
    for _ in range(repetitions):
        for manner in manners:
            for name, network in networks.items():
                if manner in network.manners:
                    meetings[name, manner].append(await _meet(network, manner))
    return meetings


async def _from_afar(networks: Mapping[str, Network], line: Child, repetitions: int) -> list[Comparison]:
    """Without and with the delay by turns, so that what the delay adds is not what the machine did meanwhile."""
    near: Meetings = defaultdict(list)
    far: Meetings = defaultdict(list)
    for _ in range(repetitions):
        for delay, manners, meetings in ((0, (Manner.NEWCOMER,), near), (DELAY, FAR_MANNERS, far)):
            await line.tell(f"delay {delay}")
            await line.hear("delayed")
            for key, them in (await _by_turns(networks, manners, 1)).items():
                meetings[key] += them
    await line.tell("delay 0")
    where = f"{FAR_SIZE} nodes, {1000 * DELAY:.0f} ms one way"
    return _rows(where, far) + _turns(where, near, far)


async def _meet(network: Network, manner: Manner) -> Meeting | None:
    """Who does not even come to searching, or is not gone in time, has missed the other as well."""
    with trio.move_on_after(MEETING_LIMIT):
        try:
            return await network.meet(manner)
        except BenchmarkError:
            return None
    return None


@asynccontextmanager
async def _far() -> AsyncGenerator[tuple[Sequence[str], Child], None]:
    """Yield a place behind a delay, and the line that delays. BenchmarkError says why there is none."""
    missing = [tool for tool in TOOLS if which(tool) is None]
    if os.geteuid() != 0 or missing:
        raise BenchmarkError(f"it needs {', '.join(missing) or 'root, for a network namespace of its own'}")
    command = ["unshare", "--net", "--", sys.executable, "-m", "benchmarks.peers.delayline"]
    with surroundings() as env:
        async with child(command, env) as line:
            pid = (await line.hear("listening")).address
            yield ["nsenter", f"--net=/proc/{pid}/ns/net", "--"], line


# ---- rows ----------------------------------------------------------------------------------------------------------


def _rows(where: str, meetings: Meetings) -> list[Comparison]:
    together, alone = _figures(meetings, Manner.TOGETHER), _figures(meetings, Manner.ALONE)
    rows = [
        Comparison(f"{where}: {NEWCOMER}", "ms", _figures(meetings, Manner.NEWCOMER), GOAL, 1.0),
        Comparison(f"… {OPENED}", "ms", _figures(meetings, Manner.NEWCOMER, opened=True)),
        Comparison("… both join at the same moment", "ms", together, f"0 misses; {GOAL}", 1.0),
    ]
    if alone and PASSERBY in together:
        both = {PASSERBY: together[PASSERBY], **alone}
        rows.append(Comparison("… the same, Hyperswarm's application only joins", "ms", both))
    return rows


def _turns(where: str, near: Meetings, far: Meetings) -> list[Comparison]:
    """How many round trips a match takes: what the delay added, by the delay of one."""
    searched, opened = (_added(near, far, opened=opened) for opened in (False, True))
    goal = f"≤ {TURNS_COLD:g}"
    return [
        Comparison(f"{where}: round trips, {NEWCOMER}", "1", searched, goal, TURNS_COLD, judged="value"),
        Comparison(f"… {OPENED}", "1", opened),
    ]


def _added(near: Meetings, far: Meetings, *, opened: bool) -> dict[str, Figure]:
    """Beside the quickest without the delay: what makes one of those slow is not a round trip."""
    before = {name: min(filter(None, times), default=None) for name, times in _times(near, opened=opened).items()}
    return {
        name: _figure([None if time is None else (time - base) / (2 * DELAY) for time in times])
        for name, times in _times(far, opened=opened).items()
        if (base := before.get(name)) is not None
    }


def _figures(meetings: Meetings, manner: Manner, *, opened: bool = False) -> dict[str, Figure]:
    return {name: _figure(times, 1000) for name, times in _times(meetings, manner, opened=opened).items()}


def _times(
    meetings: Meetings, manner: Manner = Manner.NEWCOMER, *, opened: bool = False
) -> dict[str, list[float | None]]:
    """Seconds per system, from the first packet on if `opened`, else from the search on; None is a miss."""
    return {
        name: [None if one is None else one.opened if opened else one.searched for one in them]
        for (name, how), them in meetings.items()
        if how is manner
    }


def _figure(values: Sequence[float | None], scale: float = 1.0) -> Figure:
    """As harness.figure, but that nobody met anybody is a result too."""
    if all(value is None for value in values):
        return Figure(0.0, 0.0, len(values), len(values))
    return figure(values, scale)

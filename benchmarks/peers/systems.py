"""The systems that are compared, each as a network on loopback in which two fresh processes meet.

A meeting is over when both applications have a connection. That is early for the others: ours has by then confirmed the
chat with a handshake of its own.
"""

import secrets
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import Final, Protocol

import trio
from benchmarks.harness import OURS, BenchmarkError, Child, child, seed, surroundings
from benchmarks.peers import nodejs

PASSERBY: Final = "Passerby"
HYPERSWARM: Final = "Hyperswarm"
JS_LIBP2P: Final = "js-libp2p"
PY_LIBP2P: Final = "py-libp2p"

SETTLE: Final = 0.5  # seconds: what who waits has announced is everywhere, also 50 ms away
KAD_NODES: Final = 20  # more need minutes to know each other
KNOWN_SEEDS: Final = 3  # of ours, that people and seeds are told of; whether there are more is theirs to find out


class Manner(Enum):
    """How two people meet."""

    NEWCOMER = auto()  # one joins where the other waits
    TOGETHER = auto()  # both join at the same moment, and the application looks again until it finds
    ALONE = auto()  # both at the same moment, and only the library looks


# Seconds after which they have missed each other. Hyperswarm alone looks again only after minutes.
PATIENCE: Final = {Manner.NEWCOMER: 30.0, Manner.TOGETHER: 30.0, Manner.ALONE: 5.0}


@dataclass(frozen=True, slots=True)
class Meeting:
    """Seconds until both were connected, since the later of the two ..."""

    searched: float  # knew the network and began to search; ours knows nobody at that moment
    opened: float  # sent its first packet


class Network(Protocol):
    """A running network of one system, and the manners in which people can meet there."""

    @property
    def manners(self) -> frozenset[Manner]: ...

    async def meet(self, manner: Manner) -> Meeting | None:
        """Let two fresh processes meet; None if they do not. BenchmarkError if they do not come to searching."""
        ...


class System(Protocol):
    """One of those compared."""

    @property
    def name(self) -> str: ...

    @property
    def largest(self) -> float: ...

    def network(self, nodes: int, place: Sequence[str]) -> AbstractAsyncContextManager[Network]:
        """Run a network until the block ends. What runs at `place` begins with these words: none, or a way there."""
        ...


# ---- the others: one program each, which is a network or a person --------------------------------------------------


@dataclass(frozen=True, slots=True)
class Other:
    """A system behind a program that takes `network COUNT` and `person ADDRESS`; `words` are for the two people.

    Above `largest` nodes it is left out.
    """

    name: str
    program: Sequence[str]
    words: Mapping[Manner, tuple[str, str]]
    largest: float = inf

    @asynccontextmanager
    async def network(self, nodes: int, place: Sequence[str]) -> AsyncGenerator[Network, None]:
        """Run all nodes in one process."""
        with surroundings() as env:
            async with child([*place, *self.program, "network", str(nodes)], env) as servers:
                address = (await servers.hear("listening")).address
                yield _OtherNetwork([*place, *self.program, "person", address], self.words)


@dataclass(frozen=True, slots=True)
class _OtherNetwork:
    command: Sequence[str]
    words: Mapping[Manner, tuple[str, str]]

    @property
    def manners(self) -> frozenset[Manner]:
        return frozenset(self.words)

    async def meet(self, manner: Manner) -> Meeting | None:
        topic = secrets.token_hex(32)
        words = [f"{word} {topic}" for word in self.words[manner]]
        with surroundings() as env:
            async with _two(self.command, env) as people:
                if manner is Manner.NEWCOMER:
                    await people[0].tell(words[0])
                    await people[0].hear("waiting")
                    await trio.sleep(SETTLE)
                    await people[1].tell(words[1])
                else:
                    for someone, word in zip(people, words, strict=True):
                        await someone.tell(word)
                joining = people[1:] if manner is Manner.NEWCOMER else people
                opened = max([(await someone.hear("opened")).at for someone in joining])
                searched = max([(await someone.hear("searched")).at for someone in joining])
                matched = await _matched(people, manner)
        return None if matched is None else Meeting(matched - searched, matched - opened)


def others(node: str | None) -> list[System]:
    """What Passerby is measured beside; without a Node.js only the floor."""
    newcomer = {Manner.NEWCOMER: ("wait", "join")}
    kad = Other(PY_LIBP2P, (sys.executable, "-m", "benchmarks.kad"), newcomer, KAD_NODES)
    if node is None:
        return [kad]
    swarm = {Manner.TOGETHER: ("refresh", "refresh"), Manner.ALONE: ("join", "join")}
    libp2p = {Manner.TOGETHER: ("meet", "meet")}
    return [
        Other(HYPERSWARM, (node, str(nodejs.FOLDER / "hyperswarm.mjs")), newcomer | swarm),
        Other(JS_LIBP2P, (node, str(nodejs.FOLDER / "libp2p.mjs")), newcomer | libp2p),
        kad,
    ]


# ---- ours ----------------------------------------------------------------------------------------------------------


class Passerby:
    """Seeds as processes, each told of the first ones; people as benchmarks/person.py."""

    @property
    def name(self) -> str:
        return PASSERBY

    @property
    def largest(self) -> float:
        return inf

    @asynccontextmanager
    async def network(self, nodes: int, place: Sequence[str]) -> AsyncGenerator[Network, None]:
        """Run one process per seed."""
        network = f"bench-{secrets.token_hex(4)}"
        known: list[str] = []
        async with AsyncExitStack() as stack:
            for _ in range(nodes):
                address = await stack.enter_async_context(seed(*known, network=network, place=place))
                if len(known) < KNOWN_SEEDS:
                    known.append(address)
            yield _OurNetwork(network, known, place)


@dataclass(frozen=True, slots=True)
class _OurNetwork:
    name: str
    seeds: Sequence[str]
    place: Sequence[str]

    @property
    def manners(self) -> frozenset[Manner]:
        return frozenset({Manner.NEWCOMER, Manner.TOGETHER})

    async def meet(self, manner: Manner) -> Meeting | None:
        with surroundings(*self.seeds, network=self.name) as env:
            async with _two([*self.place, *OURS], env) as people:
                await people[0].tell("go")
                if manner is Manner.NEWCOMER:
                    await people[0].hear("state", state="empty")
                    await trio.sleep(SETTLE)
                await people[1].tell("go")
                joining = people[1:] if manner is Manner.NEWCOMER else people
                searched = max([(await someone.hear("searched")).at for someone in joining])
                matched = await _matched(people, manner)
        return None if matched is None else Meeting(matched - searched, matched - searched)


# ---- both ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _two(command: Sequence[str], env: dict[str, str]) -> AsyncGenerator[list[Child], None]:
    """Two people who have loaded what they need, and opened nothing."""
    async with child(command, env) as one, child(command, env) as other:
        for someone in (one, other):
            await someone.hear("ready")
        yield [one, other]


async def _matched(people: Sequence[Child], manner: Manner) -> float | None:
    """When the later of the two was connected; None if one was not."""
    try:
        return max([(await someone.hear("matched", patience=PATIENCE[manner])).at for someone in people])
    except BenchmarkError:
        return None

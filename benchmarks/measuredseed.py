"""A seed that is a process of its own, on one core, and says where its time goes.

Run as `python -m benchmarks.measuredseed [CURE …]` it is that seed, without the cures of libp2p that are named.
"""

import os
import secrets
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from types import FrameType
from typing import Final

import msgspec
import psutil
import trio
from benchmarks import harness
from benchmarks.harness import Child
from benchmarks.visitors import NETWORK

from passerby.discovery.addresses import Address, parse_seed
from passerby.node.libp2p_081.cures import CURES
from passerby.node.seeding.seed import Place, Seed

LISTEN: Final = ("/ip4/127.0.0.1/tcp/0",)
LAYERS: Final = {  # by file, the innermost that matches counts
    "the lobby": ("passerby/discovery/", "crypto/keys", "nacl/"),
    "Noise": ("security/", "/noise/", "081_noise", "081_tasks.py:make_handshake", "081_tasks.py:create_noise"),
    "multistream": ("protocol_muxer/", "081_negotiation", "081_reading", "utils/varint"),
    "Yamux": ("yamux", "081_stream"),
    "the socket": ("081_buffers", "transport/tcp", "trio/_highlevel_", "trio/_socket", "libp2p/io/"),
    "swarm and host": ("libp2p/", "passerby/node/"),
}
LOOP: Final = "the event loop"


class Sampler:
    """Where this process spends its CPU time, asked at even intervals of it: unlike cProfile it distorts nothing."""

    def __init__(self) -> None:
        self.layers: Counter[str] = Counter()

    def start(self) -> None:
        """Begin; each millisecond of CPU time the kernel asks, or as often as it can."""
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)

    def _look(self, _: int, frame: FrameType | None) -> None:
        while frame is not None:
            where = f"{frame.f_code.co_filename}:{frame.f_code.co_name}"
            for layer, marks in LAYERS.items():
                if "trio/_core" not in where and any(mark in where for mark in marks):
                    self.layers[layer] += 1
                    return
            frame = frame.f_back
        self.layers[LOOP] += 1


async def serve(without: Sequence[str]) -> None:
    """Be a seed until stdin ends; then say where the time went."""
    os.sched_setaffinity(0, {0})
    for cure in without:
        del CURES[cure]
    sampler = Sampler()
    async with Seed.open(secrets.token_bytes(32), LISTEN, Place(NETWORK)) as seed:
        sys.stdout.write(f'{{"event": "ready", "address": "{seed.addresses[0]}"}}\n')
        sys.stdout.flush()
        sampler.start()
        while await trio.to_thread.run_sync(sys.stdin.readline):
            sys.stdout.write(f'{{"event": "layers", "state": "{dict(sampler.layers)}"}}\n')
            sys.stdout.flush()


class Measured:
    """A seed that is a process of its own."""

    def __init__(self, child: Child, address: Address) -> None:
        self._child = child
        self._process = psutil.Process(child.pid)
        self.address: Final = address

    def cpu(self) -> float:
        """Seconds of one core that it has used."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> int:
        """Bytes in memory."""
        return int(self._process.memory_info().rss)

    def files(self) -> int:
        """Open file descriptors."""
        return int(self._process.num_fds())

    async def layers(self) -> dict[str, int]:
        """Samples by layer, so far."""
        await self._child.tell("layers")
        told = await self._child.hear("layers")
        return msgspec.json.decode(told.state.replace("'", '"'), type=dict[str, int])


@asynccontextmanager
async def measured_seed(*without: str) -> AsyncGenerator[Measured]:
    """Run a seed; `without` some of the cures, it works as py-libp2p has it."""
    command = (sys.executable, "-m", "benchmarks.measuredseed", *without)
    with harness.surroundings() as env:
        async with harness.child(command, env) as child:
            told = await child.hear("ready")
            yield Measured(child, parse_seed(told.address))


if __name__ == "__main__":
    trio.run(serve, sys.argv[1:])

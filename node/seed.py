"""A seed: a public place where searching peers find each other; a shell (protocol.md 3).

It has a long-lived key, serves the lobby protocol and never chats. The same seed, with a key that it forgets, is the
local seed of a machine (localseed.py).
"""

import secrets
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import trio
from filelock import FileLock, Timeout

from passerby.discovery.addresses import Address, Scope, block_of, parse, scope_of
from passerby.discovery.peerids import peer_id_text
from passerby.discovery.service import LobbyServer
from passerby.discovery.wire import PROTOCOL
from passerby.node import home
from passerby.node.config import Folders, Settings
from passerby.node.connection import Stream
from passerby.node.exits import Exit
from passerby.node.home import HomeError
from passerby.node.host import Host, ListenError
from passerby.node.invocation import program
from passerby.node.limits import SEED_CONNECTIONS

KEY_BYTES: Final = 32
# A seed that was told to leave has done what it should: only Ctrl-C keeps the shell's usual answer.
_EXIT_CODES: Final = {signal.SIGINT: 130, signal.SIGTERM: 0, signal.SIGHUP: 0}


class Seed:
    """A running seed; made by `Seed.open` and good until that block ends."""

    def __init__(self, host: Host, lobby: LobbyServer) -> None:
        self._host = host
        self._lobby = lobby

    @classmethod
    @asynccontextmanager
    async def open(cls, key: bytes, listen: Sequence[str]) -> AsyncGenerator["Seed"]:
        """Serve with the identity of the 32-byte `key` on the multiaddrs `listen`. Raises host.ListenError."""
        lobby = LobbyServer()
        async with Host.open(key, listen=listen, max_connections=SEED_CONNECTIONS) as host:
            seed = cls(host, lobby)
            host.set_stream_handler(PROTOCOL, seed._serve)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lobby.run)
                yield seed
                nursery.cancel_scope.cancel()

    @property
    def peer_id(self) -> bytes:
        """The binary peer id."""
        return self._host.peer_id

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where the seed can be dialled, its peer id included; loopback last, since it helps fewest."""
        found = [parse(f"{address}/p2p/{peer_id_text(self.peer_id)}") for address in self._host.addresses]
        return tuple(sorted(found, key=lambda address: address.scope is Scope.MACHINE))

    def counts(self) -> tuple[int, int, int]:
        """Return how many connections, lobby streams and rooms there are."""
        return len(self._host.connections()), *self._lobby.counts()

    async def _serve(self, stream: Stream) -> None:
        observed = stream.connection.remote_address
        if observed is None:
            stream.reset()
            return
        host = observed[0]
        block = block_of(host, pid=stream.peer_id, connection=stream.connection.number)
        await self._lobby.serve(stream, scope_of(host), block)


def read_key(path: Path, folders: Folders) -> bytes:
    """Return the seed's 32-byte key, made and kept at its first start. HomeError if the file is not one of ours."""
    if home.read(path, folders) is None:
        home.update(path, folders, lambda there: there or secrets.token_bytes(KEY_BYTES))
    key = home.read(path, folders)
    if key is None or len(key) != KEY_BYTES:
        raise HomeError(f"{path} is no seed key ({KEY_BYTES} bytes). Move it away to get a new one, or name another.")
    return key


def main(settings: Settings) -> int:
    """Run a seed until a signal ends it; return the exit code (`passerby seed run`)."""
    lock = FileLock(home.ensure_folder(settings.folders.run, settings.folders) / "seed.lock", mode=0o600)
    try:
        with lock.acquire(blocking=False):
            return trio.run(_run, read_key(settings.key, settings.folders), settings.listen)
    except Timeout:
        _say("A seed of this home is running already. Stop it first, or set PASSERBY_HOME to run another.")
    except ListenError as error:
        _say(f"The seed {error.strerror or error}. Choose another port with --listen.")
    return Exit.CONFIG


async def _run(key: bytes, listen: Sequence[str]) -> int:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async with Seed.open(key, listen) as seed:
            for address in seed.addresses:
                sys.stdout.write(f"{address}\n")
            sys.stdout.flush()
            _say(f"Serving. Others on this machine use it with: {program()} chat --seed ADDRESS (one of those above)")
            async for number in signals:
                _say("Leaving.")
                return _EXIT_CODES[signal.Signals(number)]
    raise AssertionError("signals never end")


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")

"""The local seed: how two terminals on a bare machine meet, with no network and no configuration (protocol.md 3).

Of all chats of one home and network name exactly one is also a seed: who holds the lock. The lock dies with its
process. Beside it stands a file with the seed's address, written only once the seed answers. Whoever wants the seed
tries the lock first: got it, then the file is stale and he is the seed; not got, then he dials what the file says.

    try lock --got--> serve, be a guest of ourselves ... leaving: release the lock, then close
        ^ '-not got--> dial the file's address, be its guest until it ends
        '--------------- 0 to 150 ms later ----------------'

So when the owner leaves, the others race for the lock; one wins, the rest find it. A chat between them stands on a
connection of its own and notices nothing, whatever goes wrong here.

An owner that was suspended holds the lock and answers nobody. Whoever waits in vain for SILENT seconds therefore
attends a second place beside the first, by the same rules, where all who find the first silent meet.

With `--lan` a machine has a second such seed, for its local network (lan.py): the same, but for where it listens.
"""

import os
import random
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import trio
from filelock import FileLock, Timeout

from passerby.crypto.keys import KEY_BYTES
from passerby.discovery.addresses import Address, AddressError, Scope, parse_seed, scope_of
from passerby.discovery.seeding.beacon import mark_of
from passerby.node import home
from passerby.node.config import Folders
from passerby.node.home import HomeError
from passerby.node.seeding.seed import Place, Seed

LISTEN: Final = ("/ip4/127.0.0.1/tcp/0",)
RACE: Final = 0.15  # seconds: the racers for a free lock spread over this, and a seed needs about as long to answer
FILE_BYTES: Final = 1024
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")

SILENT: Final = 5.0  # seconds without an answer from whoever holds the lock
TROUBLE: Final = 10.0  # seconds until a folder that could not be used is tried again
PLACES: Final = ("", "-1")

Heard = Callable[[], None]
Visit = Callable[[Address, Heard], Awaitable[None]]


class Notice(msgspec.Struct, frozen=True):
    """What the address file says: process, multiaddr with the peer id, and which boot of the machine it belongs to."""

    pid: int
    address: str
    boot: str


@asynccontextmanager
async def unannounced(_seed: Seed) -> AsyncGenerator[None]:
    """Tell nobody: whoever wants the seed finds its file."""
    yield


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a local seed listens, the name of its files, and how others are told of it as long as it serves."""

    name: str
    scope: Scope
    listen: tuple[str, ...]
    announced: Callable[[Seed], AbstractAsyncContextManager[None]] = unannounced


MACHINE: Final = Reach("local-seed", Scope.MACHINE, LISTEN)


class LocalSeed:
    """Finds the local seed of one home and network, or is it. `trouble` is told, in words, what keeps it from that."""

    def __init__(self, network: str, folders: Folders, trouble: Callable[[str], None], reach: Reach = MACHINE) -> None:
        """Name the files; nothing is touched before `attend`."""
        name = f"{reach.name}-{mark_of(network)}"
        self._places = [_Meeting(network, folders, name + suffix, trouble, reach) for suffix in PLACES]

    async def attend(self, visit: Visit) -> None:
        """Be a guest of the local seed for ever, whoever it is.

        `visit` is a guest until it is sent away, and calls back as soon as it is one.
        """
        async with trio.open_nursery() as nursery:
            for place in self._places:
                nursery.start_soon(place.attend, visit)
                await place.silent.wait()


class _Meeting:
    """One lock and the address file beside it."""

    def __init__(self, network: str, folders: Folders, name: str, trouble: Callable[[str], None], reach: Reach) -> None:
        self._reach = reach
        self.silent: Final = trio.Event()
        self._network = network
        self._folders = folders
        self._trouble = trouble
        self._notice = folders.run / f"{name}.json"
        self._lock = FileLock(folders.run / f"{name}.lock", mode=0o600)
        self._answered_at = 0.0

    async def attend(self, visit: Visit) -> None:
        """Be the guest of whoever holds the lock, or hold it, for ever."""
        self._heard()
        while True:
            try:
                await self._attend_once(visit)
            except* (HomeError, OSError) as errors:  # OSError: no descriptor or no port left
                self._trouble(f"This terminal cannot be the meeting place: {_innermost(errors)}")
                await trio.sleep(TROUBLE)
            if trio.current_time() - self._answered_at > SILENT:
                self.silent.set()
            await trio.sleep(random.SystemRandom().uniform(0, RACE))

    async def _attend_once(self, visit: Visit) -> None:
        home.ensure_folder(self._folders.run, self._folders)
        if self._take_lock():
            await self._serve(visit)
        elif (address := self._read_notice()) is not None:
            await visit(address, self._heard)

    def _heard(self) -> None:
        self._answered_at = trio.current_time()

    def _take_lock(self) -> bool:
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        return True

    async def _serve(self, visit: Visit) -> None:
        try:
            place = Place(self._network, admit=self._admit)
            async with (
                Seed.open(secrets.token_bytes(KEY_BYTES), self._reach.listen, place) as seed,
                self._reach.announced(seed),
            ):
                address = seed.addresses[0]
                await trio.to_thread.run_sync(self._write_notice, Notice(os.getpid(), str(address), _boot()))
                try:
                    while True:
                        await visit(address, self._heard)
                        await trio.sleep(RACE)
                finally:
                    self._lock.release()  # before the seed closes: who sees it go finds the lock free
        finally:
            self._lock.release()

    def _admit(self, host: str, _port: int) -> bool:
        """Let in who is within reach: a router may hand on what comes from further away."""
        return scope_of(host) in (Scope.MACHINE, self._reach.scope)

    def _write_notice(self, notice: Notice) -> None:
        home.update(self._notice, self._folders, lambda _: msgspec.json.encode(notice))

    def _read_notice(self) -> Address | None:
        """Return the address in the file; None if there is none yet, or it is not of this machine and boot."""
        try:
            content = home.read(self._notice, self._folders)
            notice = msgspec.json.decode((content or b"")[:FILE_BYTES], type=Notice)
            address = parse_seed(notice.address)
        except (msgspec.DecodeError, AddressError, RecursionError):
            return None
        return address if address.scope is self._reach.scope and notice.boot == _boot() else None


def _innermost(error: ExceptionGroup[HomeError | OSError] | HomeError | OSError) -> HomeError | OSError:
    return _innermost(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error


def _boot() -> str:
    """Name this boot of the machine where the system does: a port of the last boot is somebody else's now."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""

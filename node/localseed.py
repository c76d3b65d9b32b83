"""The local seed: how two terminals on a bare machine meet, with no network and no configuration (protocol.md 3).

Of all chats of one home and network name exactly one is also a seed: who holds the lock. The lock dies with its
process. Beside it stands a file with the seed's address, written only once the seed answers. Whoever wants the seed
tries the lock first: got it, then the file is stale and he is the seed; not got, then he dials what the file says.

    try lock --got--> serve, be a guest of ourselves ... leaving: release the lock, then close
        ^ '-not got--> dial the file's address, be its guest until it ends
        '--------------- 0 to 150 ms later ----------------'

So when the owner leaves, the others race for the lock; one wins, the rest find it. A chat between them stands on a
connection of its own and notices nothing.
"""

import os
import random
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec
import trio
from filelock import FileLock, Timeout

from passerby.crypto.keys import blake2b, length_prefixed
from passerby.discovery.addresses import Address, AddressError, Scope, parse_seed
from passerby.node import home
from passerby.node.config import Folders
from passerby.node.home import HomeError
from passerby.node.seed import KEY_BYTES, Seed

LISTEN: Final = ("/ip4/127.0.0.1/tcp/0",)
RACE: Final = 0.15  # seconds: the racers for a free lock spread over this, and a seed needs about as long to answer
NAME_BYTES: Final = 4
FILE_BYTES: Final = 1024
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")

Visit = Callable[[Address], Awaitable[None]]


class Notice(msgspec.Struct, frozen=True):
    """What the address file says: process, multiaddr with the peer id, and which boot of the machine it belongs to."""

    pid: int
    address: str
    boot: str


class LocalSeed:
    """Finds the local seed of one home and network, or is it."""

    def __init__(self, network: str, folders: Folders) -> None:
        """Name the files; nothing is touched before `attend`."""
        name = blake2b(b"pby1 local", length_prefixed(network.encode()))[:NAME_BYTES].hex()
        self._folders = folders
        self._notice = folders.run / f"local-seed-{name}.json"
        self._lock = FileLock(folders.run / f"local-seed-{name}.lock", mode=0o600)

    async def attend(self, visit: Visit) -> None:
        """Be a guest of the local seed for ever, whoever it is; `visit` returns when the guest was sent away.

        Raises HomeError if our folder cannot be used.
        """
        home.ensure_folder(self._folders.run, self._folders)
        while True:
            if self._take_lock():
                await self._serve(visit)
            elif (address := self._read_notice()) is not None:
                await visit(address)
            await trio.sleep(random.SystemRandom().uniform(0, RACE))

    def _take_lock(self) -> bool:
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        except OSError as error:
            raise HomeError(f"{self._lock.lock_file}: {error.strerror}") from error
        return True

    async def _serve(self, visit: Visit) -> None:
        try:
            async with Seed.open(secrets.token_bytes(KEY_BYTES), LISTEN) as seed:
                (address,) = seed.addresses
                await trio.to_thread.run_sync(self._write_notice, Notice(os.getpid(), str(address), _boot()))
                try:
                    while True:
                        await visit(address)
                        await trio.sleep(RACE)
                finally:
                    self._lock.release()  # before the seed closes: who sees it go finds the lock free
        finally:
            self._lock.release()

    def _write_notice(self, notice: Notice) -> None:
        home.update(self._notice, self._folders, lambda _: msgspec.json.encode(notice))

    def _read_notice(self) -> Address | None:
        """Return the address in the file; None if there is none yet, or it is not of this machine and boot."""
        try:
            content = home.read(self._notice, self._folders)
            notice = msgspec.json.decode((content or b"")[:FILE_BYTES], type=Notice)
            address = parse_seed(notice.address)
        except (msgspec.DecodeError, AddressError):
            return None
        return address if address.scope is Scope.MACHINE and notice.boot == _boot() else None


def _boot() -> str:
    """Name this boot of the machine where the system does: a port of the last boot is somebody else's now."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""

"""A seed that somebody runs: its key, its signals, its exit codes (`passerby seed run`); a shell."""

import errno
import resource
import secrets
import signal
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import trio
from filelock import FileLock, Timeout

from passerby.crypto.keys import KEY_BYTES, SigningKey
from passerby.discovery.searching.searchevents import Introduced
from passerby.node import home
from passerby.node.config import Folders, Settings
from passerby.node.exits import Exit
from passerby.node.firstcontacts import remembered
from passerby.node.firstcontacts.names import Names
from passerby.node.home import HomeError
from passerby.node.invocation import program
from passerby.node.limits import SEED_CONNECTIONS
from passerby.node.listening import ListenError
from passerby.node.output import leaves
from passerby.node.printing import say
from passerby.node.seeding import puzzle
from passerby.node.seeding.joining import Joining
from passerby.node.seeding.ownaddresses import untold
from passerby.node.seeding.seed import Place, Seed

# A seed that was told to leave has done what it should: only Ctrl-C keeps the shell's usual answer.
_EXIT_CODES: Final = {signal.SIGINT: 130, signal.SIGTERM: 0, signal.SIGHUP: 0}

FILES_BESIDE: Final = 256  # open files that are no connection: the program's own, listeners, dials under way


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
    raise_file_limit()
    try:
        with _only_one(settings.folders):
            key = read_key(settings.key, settings.folders)
            public = SigningKey.from_seed(key).public
            place = Place(
                settings.network,
                puzzle.bits_of(settings.network),
                solve=partial(puzzle.solution, settings.folders, settings.network, public, say),
            )
            earlier = remembered.load(settings.folders, settings.network)
            return trio.run(_run, key, place, settings, earlier)
    except Timeout:
        say("A seed of this home is running already. Stop it first, or set PASSERBY_HOME to run another.")
    except ExceptionGroup as errors:  # of what it does beside serving
        if all(isinstance(error, HomeError) for error in leaves(errors)):
            raise leaves(errors)[0] from errors
        raise
    except ListenError as error:
        what = "address" if error.errno == errno.EADDRNOTAVAIL else "port"
        say(f"The seed {error.strerror or error}. Choose another {what} with --listen.")
    return Exit.CONFIG


@contextmanager
def _only_one(folders: Folders) -> Generator[None]:
    """Be the one seed of this home. Raises Timeout if there is one, HomeError if the home cannot be written."""
    folder = home.ensure_folder(folders.run, folders)
    lock = FileLock(folder / "seed.lock", mode=0o600)
    try:
        lock.acquire(blocking=False)
    except Timeout:  # an OSError, too
        raise
    except OSError as error:
        raise home.unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def raise_file_limit() -> None:
    """Let this process open as many files as the seed has places, each of which is one, or as many as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = SEED_CONNECTIONS + FILES_BESIDE
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        say(f"This system lets the seed open {most} files, not {wanted}: it can serve fewer people (see `ulimit -Hn`).")


async def _run(key: bytes, place: Place, settings: Settings, earlier: Sequence[Introduced]) -> int:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async with Seed.open(key, settings.listen, place) as seed, trio.open_nursery() as nursery:
            joining = Joining(seed, settings, Names(), say)
            nursery.start_soon(joining.run, earlier)
            for address in seed.addresses:
                sys.stdout.write(f"{address}\n")
            sys.stdout.flush()
            for sentence in untold(seed.addresses):
                say(sentence)
            say(f"Serving. Others on this machine use it with: {program()} chat --seed ADDRESS (one of those above)")
            async for number in signals:
                say("Leaving.")
                nursery.cancel_scope.cancel()
                with trio.CancelScope(shield=True):
                    await joining.remember()
                return _EXIT_CODES[signal.Signals(number)]
    raise AssertionError("signals never end")

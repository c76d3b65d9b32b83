"""Our folders and files: where they stand, who may touch them, and writes that lose nothing (product.md 7).

Folders are 0700 and files 0600. What stands in our own folder and can be written by others is refused, for whoever can
write it can choose our seeds. Every write goes to a temporary file that is synced and renamed, under `run/state.lock`.
"""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from passerby.node.config import (
    HOME_VARIABLE,
    Folders,
    Layer,
    Settings,
    from_environment,
    from_file,
    from_flags,
    settle,
)
from passerby.node.configfile import FILE_BYTES, ConfigError

LARGEST: Final = 1 << 20  # bytes that are read of a file of ours: the largest, 64 seeds with records, has 200 KB
LOCK_TIMEOUT: Final = 10.0  # each holder writes one small file: whoever waits longer waits for a frozen process


class HomeError(Exception):
    """Our own folder cannot be used: exit 78. Its text is for the user and says what to do."""


def locate(environment: Mapping[str, str]) -> Folders:
    """All folders under `PASSERBY_HOME` if it is set, else where this system wants them. Nothing is created."""
    if home := environment.get(HOME_VARIABLE):
        root = Path(home).absolute()
        return Folders(root / "config", root / "state", root / "data", root / "seed", root / "run")
    import platformdirs  # reads the environment by itself, and takes its time

    state = platformdirs.user_state_path("passerby", appauthor=False)
    data = platformdirs.user_data_path("passerby", appauthor=False)
    # `run` is not $XDG_RUNTIME_DIR: a terminal under cron or su has none, and must find the same local seed.
    return Folders(
        platformdirs.user_config_path("passerby", appauthor=False), state, data, data / "seed", state / "run"
    )


def user_config(folders: Folders) -> Path:
    """The user's configuration file, whether it exists or not."""
    return folders.config / "config.toml"


def system_config(environment: Mapping[str, str]) -> Path | None:
    """The system's configuration file; with `PASSERBY_HOME` nothing outside is read."""
    if environment.get(HOME_VARIABLE):
        return None
    import platformdirs

    return platformdirs.site_config_path("passerby", appauthor=False) / "config.toml"


def load_settings(
    environment: Mapping[str, str], flags: Mapping[str, tuple[str, object]], config: Path | None
) -> Settings:
    """The settings of this run. `config` is `--config FILE`; `flags` as config.from_flags takes them.

    Raises ValueError (the flags; exit 2), ConfigError and HomeError (exit 78).
    """
    folders = locate(environment)
    layers = [from_flags(flags), from_environment(environment)]
    if config is not None:
        layers.append(_read_layer(config))
    ours, systems = user_config(folders), system_config(environment)
    if ours.exists():
        for path in (folders.config, ours):
            refuse_writable_by_others(path)
        layers.append(_read_layer(ours))
    if systems is not None and systems.exists():
        layers.append(_read_layer(systems))
    return settle(layers, folders)


def _read_layer(file: Path) -> Layer:
    try:
        with file.open("rb") as stream:
            content = stream.read(FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    return from_file(file, content)


def refuse_writable_by_others(path: Path) -> None:
    """Raises HomeError if group or world may write `path`."""
    if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise HomeError(f"{path} can be written by others than you. Try: chmod go-w '{path}'")


def ensure_folder(folder: Path, folders: Folders) -> Path:
    """`folder`, one of `folders`, made if need be, and safe up to our topmost one. Raises HomeError."""
    try:
        for path in (*reversed(folder.parents), folder):  # `parents=True` would give those in between the usual mode
            path.mkdir(mode=0o700, exist_ok=True)
        for path in (folder, *folder.parents):
            if not _is_ours(path, folders):
                break
            refuse_writable_by_others(path)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder


def unwritable(folder: Path, error: OSError) -> HomeError:
    """What to raise where `error` says that nothing can be written in a folder of ours."""
    return HomeError(
        f"Cannot write in {folder} ({error.strerror}). Set {HOME_VARIABLE} to a folder that can be written."
    )


def _is_ours(path: Path, folders: Folders) -> bool:
    roots = (folders.config, folders.state, folders.data)
    common = folders.run.parent if folders.run.parent == folders.config.parent else None  # PASSERBY_HOME itself
    return path == common or any(path.is_relative_to(root) for root in (*roots, folders.seed, folders.run))


def read(path: Path, folders: Folders) -> bytes | None:
    """The content of a file of ours, LARGEST bytes at most, or None where there is none. Raises HomeError."""
    try:
        refuse_writable_by_others(path)
        with path.open("rb") as stream:
            return stream.read(LARGEST)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HomeError(f"{path}: {error.strerror}") from error


def update(path: Path, folders: Folders, change: Callable[[bytes | None], bytes]) -> None:
    """Replace a file of ours by `change(what it holds, or None)`; nobody else writes meanwhile. Raises HomeError.

    A reader sees the old file or the new one, whole, and so does the next start after a power cut.
    """
    from filelock import FileLock, Timeout

    ensure_folder(path.parent, folders)
    lock = FileLock(ensure_folder(folders.run, folders) / "state.lock", timeout=LOCK_TIMEOUT, mode=0o600)
    try:
        with lock:
            _replace(path, change(read(path, folders)))
    except Timeout as error:
        raise HomeError(f"{path}: another passerby holds {lock.lock_file} and does not let go") from error
    except OSError as error:
        raise unwritable(path.parent, error) from error


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)  # left by a process of our number that was killed here
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(handle)
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself is in the folder
    finally:
        os.close(folder)

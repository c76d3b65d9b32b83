"""Folders 0700, files 0600, nothing that others can write, and no write that loses anything."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from passerby.node import home
from passerby.node.config import Folders
from passerby.node.configfile import ConfigError
from passerby.node.home import HomeError


@pytest.fixture
def folders(surroundings: None) -> Folders:
    return home.locate(os.environ)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_with_a_home_everything_is_below_it_and_nothing_outside_is_read(tmp_path: Path) -> None:
    environment = {"PASSERBY_HOME": str(tmp_path)}
    found = home.locate(environment)
    assert [found.config, found.state, found.data, found.seed, found.run] == [
        tmp_path / name for name in ("config", "state", "data", "seed", "run")
    ]
    assert home.user_config(found) == tmp_path / "config" / "config.toml"
    assert home.system_config(environment) is None


def test_without_one_the_system_s_folders_are_used_and_run_is_not_the_login_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PASSERBY_HOME")
    found = home.locate(os.environ)
    assert {found.config.name, found.state.name, found.data.name} == {"passerby"}
    assert found.run == found.state / "run"
    system = home.system_config(os.environ)
    assert system is not None
    assert system.name == "config.toml"


def test_nothing_is_created_by_looking(tmp_path: Path) -> None:
    home.load_settings({"PASSERBY_HOME": str(tmp_path / "new")}, {}, None)
    assert not (tmp_path / "new").exists()


def test_what_is_made_is_ours_alone_whatever_the_umask(tmp_path: Path) -> None:
    found = home.locate({"PASSERBY_HOME": str(tmp_path / "outer" / "new")})
    before = os.umask(0)
    try:
        home.update(found.state / "x.json", found, lambda _: b"x")
    finally:
        os.umask(before)
    for folder in (tmp_path / "outer", found.state.parent, found.state, found.run):
        assert mode(folder) == 0o700
    assert mode(found.state / "x.json") == 0o600
    assert mode(found.run / "state.lock") == 0o600
    assert [path.name for path in found.state.iterdir()] == ["x.json"]


@pytest.mark.parametrize("bits", [0o720, 0o702])
@pytest.mark.parametrize("name", [".", "state"])
def test_a_folder_that_others_can_write_is_refused(folders: Folders, bits: int, name: str) -> None:
    home.ensure_folder(folders.state, folders)
    folder = folders.state.parent / name
    folder.chmod(bits)
    with pytest.raises(HomeError, match=f"Try: chmod go-w '{folder}'"):
        home.update(folders.state / "x", folders, lambda _: b"x")
    assert not (folders.state / "x").exists()


def test_a_file_that_others_can_write_is_refused(folders: Folders) -> None:
    home.update(folders.state / "x", folders, lambda _: b"x")
    (folders.state / "x").chmod(0o620)
    with pytest.raises(HomeError, match="chmod go-w"):
        home.read(folders.state / "x", folders)


def test_folders_above_ours_are_nobody_s_business(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    found = home.locate({"PASSERBY_HOME": str(tmp_path / "mine")})
    home.update(found.state / "x", found, lambda _: b"x")
    assert home.read(found.state / "x", found) == b"x"


def test_update_sees_what_is_there_and_readers_see_old_or_new(folders: Folders) -> None:
    path = folders.state / "x"
    assert home.read(path, folders) is None
    seen: list[bytes | None] = []

    def change(old: bytes | None) -> bytes:
        seen.append(old)
        assert home.read(path, folders) == old
        return (old or b"") + b"+"

    for _ in range(3):
        home.update(path, folders, change)
    assert seen == [None, b"+", b"++"]


def test_of_a_file_that_is_none_of_ours_no_more_than_a_mebibyte_is_read(folders: Folders) -> None:
    path = home.ensure_folder(folders.state, folders) / "x"
    path.write_bytes(bytes(2**20 + 1))
    path.chmod(0o600)
    assert home.read(path, folders) == bytes(2**20)


ADD = """
import json, os, sys
from passerby.node import home
folders = home.locate(os.environ)
def change(old):
    numbers = json.loads(old or b"[]")
    return json.dumps([*numbers, sys.argv[1]]).encode()
for _ in range(20):
    home.update(folders.state / "numbers.json", folders, change)
"""


def test_processes_that_write_at_once_lose_nothing(folders: Folders) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", ADD, str(number)]) for number in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    numbers = json.loads(home.read(folders.state / "numbers.json", folders) or b"")
    assert sorted(numbers) == sorted(str(number) for number in range(4) for _ in range(20))


def test_a_write_that_fails_leaves_the_old_file_and_no_other(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folders.state / "x"
    home.update(path, folders, lambda _: b"old")

    def no_space(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(HomeError, match="No space left on device"):
        home.update(path, folders, lambda _: b"new")
    assert home.read(path, folders) == b"old"
    assert [file.name for file in folders.state.iterdir()] == ["x"]


def test_what_a_killed_process_left_is_no_obstacle_and_no_link_is_followed(folders: Folders, tmp_path: Path) -> None:
    home.ensure_folder(folders.state, folders)
    target = tmp_path / "target"
    target.write_text("precious")
    (folders.state / f".x.{os.getpid()}").symlink_to(target)
    home.update(folders.state / "x", folders, lambda _: b"new")
    assert home.read(folders.state / "x", folders) == b"new"
    assert target.read_text() == "precious"


def test_whoever_holds_the_lock_too_long_is_named(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    from filelock import FileLock

    monkeypatch.setattr(home, "LOCK_TIMEOUT", 0.01)
    lock = home.ensure_folder(folders.run, folders) / "state.lock"
    with FileLock(lock), pytest.raises(HomeError, match="another passerby holds"):
        home.update(folders.state / "x", folders, lambda _: b"x")


def test_a_home_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = home.locate({"PASSERBY_HOME": str(tmp_path / "file")})
    with pytest.raises(HomeError, match=f"Cannot write in {found.state} .* Set PASSERBY_HOME to"):
        home.update(found.state / "x", found, lambda _: b"x")
    with pytest.raises(HomeError, match="Not a directory"):
        home.read(found.state / "x", found)


def test_files_are_read_in_their_order(folders: Folders, tmp_path: Path) -> None:
    home.ensure_folder(folders.config, folders)
    home.user_config(folders).write_text('[network]\nname = "users"\nlocal = false\n')
    extra = tmp_path / "extra.toml"
    extra.write_text('[network]\nname = "extra"\n')
    environment = {"PASSERBY_HOME": str(folders.config.parent)}
    settings = home.load_settings(environment, {}, extra)
    assert (settings.network, settings.local) == ("extra", False)
    assert settings.origins["network.name"] == f"{extra}, line 2"
    assert home.load_settings(environment, {}, None).network == "users"


def test_the_system_s_file_comes_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    system = tmp_path / "system.toml"
    system.write_text('[network]\nname = "system"\nlocal = false\n')
    monkeypatch.delenv("PASSERBY_HOME")

    def instead(environment: Mapping[str, str]) -> Path:
        return system

    monkeypatch.setattr(home, "system_config", instead)
    found = home.locate(os.environ)
    home.ensure_folder(found.config, found)
    home.user_config(found).write_text('[network]\nname = "users"\n')
    settings = home.load_settings({}, {}, None)
    assert (settings.network, settings.local) == ("users", False)


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_configuration_that_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=str(tmp_path)):
        home.load_settings({"PASSERBY_HOME": str(tmp_path)}, {}, tmp_path / name)


def test_a_configuration_that_others_can_write_is_refused(folders: Folders) -> None:
    home.ensure_folder(folders.config, folders)
    home.user_config(folders).write_text("")
    home.user_config(folders).chmod(0o666)
    with pytest.raises(HomeError, match="chmod go-w"):
        home.load_settings({"PASSERBY_HOME": str(folders.config.parent)}, {}, None)

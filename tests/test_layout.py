"""The house stands as docs/architecture.md says, and the locks hold what they claim."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", re.MULTILINE)
# libp2p 0.8.1 pins a fastecdsa that has no Linux wheel; the override stands in pyproject.toml
OVERRIDDEN = {"fastecdsa"}


def locked(name: str) -> dict[str, str]:
    """Return what a lock pins: canonical name to version."""
    return {canonicalize_name(n): v for n, v in PINNED.findall((ROOT / name).read_text())}


def test_the_import_name_is_four_links_and_three_files() -> None:
    folder = ROOT / "src" / "passerby"
    names = {p.name for p in folder.iterdir() if p.name != "__pycache__"}
    assert names == {"__init__.py", "__main__.py", "py.typed", "cli.py", "crypto", "discovery", "node"}
    for name in ("cli.py", "crypto", "discovery", "node"):
        link = folder / name
        assert link.is_symlink()
        assert link.resolve() == ROOT / name


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_line_of_a_lock_has_a_hash_and_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert text.count("--hash=sha256:") >= len(PINNED.findall(text)) > 0
    assert "--index-url" not in text
    assert "://" not in text


def test_the_lock_satisfies_what_the_project_asks() -> None:
    pins = locked("requirements.lock")
    for text in PYPROJECT["project"]["dependencies"]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), text


def test_the_lock_satisfies_what_its_packages_ask() -> None:
    pins = locked("requirements.lock")
    for text in requires("libp2p") or ():
        wanted = Requirement(text)
        name = canonicalize_name(wanted.name)
        if name in OVERRIDDEN or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        assert wanted.specifier.contains(pins[name]), text


def test_the_lock_of_users_names_no_tool_of_developers() -> None:
    tools = {canonicalize_name(Requirement(t).name) for t in PYPROJECT["dependency-groups"]["dev"]}
    needed_to_run = {"cryptography", "psutil"}  # libp2p needs these itself
    assert not (set(locked("requirements.lock")) & tools) - needed_to_run


def test_the_developers_lock_agrees_with_the_users() -> None:
    ours = locked("requirements.lock")
    theirs = locked("requirements-dev.lock")
    assert {n: theirs[n] for n in ours} == ours

"""Each test has its own home, its own network name and no public seeds; it ends the children it started, no others."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from passerby.node import consent
from passerby.node.home import locate


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing that a test does reads or writes outside its own folder; afterwards its children are ended."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "PASSERBY_HOME"):
        folder = tmp_path / name.lower()
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(name, str(folder))
    for name in ("PASSERBY_SEEDS", "PASSERBY_LOCAL", "NO_COLOR", "LIBP2P_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PASSERBY_DIRECTORY", "off")
    monkeypatch.setenv("PASSERBY_NETWORK", f"test-{secrets.token_hex(4)}")
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    yield
    left = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=5)


@pytest.fixture
def consented(surroundings: None) -> None:
    """Consent given in the test's own home: asking for it has tests of its own."""
    consent.accept(locate(os.environ))

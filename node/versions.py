"""Versions of what matters in a report of a bug."""

import json
import platform
from importlib.metadata import version
from typing import Final

from passerby import __version__

PACKAGES: Final = ("libp2p", "pynacl", "trio", "aioconsole", "prompt_toolkit")


def versions(*, as_json: bool) -> str:
    """Ours, Python's and those of the packages that a chat runs on: a line each, or one JSON object."""
    names = {"passerby": __version__, "python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    return json.dumps(names) if as_json else "\n".join(f"{name} {number}" for name, number in names.items())

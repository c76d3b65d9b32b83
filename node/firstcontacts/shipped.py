"""The seeds that the release brings along: discovery/seeds.toml (protocol.md 3.6)."""

import tomllib
from importlib.resources import files
from typing import Final

import msgspec

from passerby.discovery.addresses import Address
from passerby.discovery.searching.seednames import SeedName, parse_named

FILE: Final = "seeds.toml"


def shipped_seeds(network: str, text: str | None = None) -> list[Address | SeedName]:
    """Return the seeds of a network that are listed in `text`, else in the release's own file."""
    if text is None:
        text = files("passerby.discovery").joinpath(FILE).read_text(encoding="utf-8")
    listed = msgspec.convert(tomllib.loads(text), dict[str, list[str]])
    return [parse_named(seed) for seed in listed.get(network, ())]

"""The handshakes of tests/vectors/pby1.json as values: honest material that fuzzing starts from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from passerby.crypto.handshake import Binding

FILE: Final = Path(__file__).parents[1] / "vectors" / "pby1.json"


@dataclass(frozen=True, slots=True)
class Direction:
    """One record stream: its key and header, and each record's inner bytes and what travelled (`u16 L || ct`)."""

    key: bytes
    header: bytes
    records: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Handshake:
    """One handshake, its random numbers and its four messages."""

    binding: Binding
    room: bytes
    tag: bytes
    stamp: bytes | None
    versions: tuple[tuple[int, ...], tuple[int, ...]]
    ephemerals: tuple[bytes, bytes]
    nonces: tuple[bytes, bytes]
    messages: tuple[bytes, bytes, bytes, bytes]
    directions: tuple[Direction, Direction]

    @classmethod
    def read(cls, case: Mapping[str, Any]) -> Self:
        def octets(name: str) -> bytes:
            return bytes.fromhex(case[name])

        def direction(name: str, header: str) -> Direction:
            records = [
                (bytes.fromhex(record["inner"]), bytes.fromhex(record["record"])) for record in case["records"][name]
            ]
            return Direction(bytes.fromhex(case["K"][name]), octets(header), tuple(records))

        return cls(
            Binding(case["network"], octets("pid_I"), octets("pid_R"), octets("cb")),
            octets("room"),
            octets("tag"),
            None if case["stamp"] is None else octets("stamp"),
            (tuple(case["versions_I"]), tuple(case["versions_R"])),
            (octets("esk_I"), octets("esk_R")),
            (octets("n_I"), octets("n_R")),
            (octets("M1"), octets("M2"), octets("M3"), octets("M4")),
            (direction("i2r", "hdr_I"), direction("r2i", "hdr_R")),
        )


@cache
def handshakes() -> tuple[Handshake, ...]:
    """Every handshake of the file."""
    document = json.loads(FILE.read_text(encoding="utf-8"))
    return tuple(map(Handshake.read, document["handshakes"]))


@cache
def refusals() -> tuple[bytes, ...]:
    """The bodies of the refusals of the file."""
    document = json.loads(FILE.read_text(encoding="utf-8"))
    return tuple(bytes.fromhex(refusal["M2"]) for refusal in document["refusals"])

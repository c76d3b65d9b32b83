"""Write lobby.json anew: ``python tests/vectors/make_lobby.py``.

What docs/protocol.md 1 to 3 shows: peer ids, rooms, tickets, frames of the lobby protocol and the name of the local
seed's files. Every key is drawn from SHAKE-256 of a name, so the file comes out the same each time. Bytes are
hexadecimal; fields have the names of the document.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from msgspec.structs import asdict

from passerby.crypto.keys import SIGNATURE_BYTES, SigningKey, blake2b, length_prefixed, peer_id_of
from passerby.discovery import wire
from passerby.discovery.addresses import parse
from passerby.discovery.peerids import peer_id_text
from passerby.discovery.rooms import RoomId, epoch_of, room_of
from passerby.discovery.tickets import Ticket, sign_ticket

FILE: Final = Path(__file__).with_name("lobby.json")
UNIX: Final = 1_800_000_123
NETWORKS: Final = ("main", "lab-7", "сеть")
PEOPLE: Final = {  # who waits, and where they listen
    "ana": ("/ip4/127.0.0.1/tcp/40001",),
    "ben": ("/ip4/127.0.0.1/tcp/40002", "/ip6/::1/tcp/40002"),
}
ROOM: Final = room_of("main", epoch_of(UNIX))


def key_of(name: str) -> SigningKey:
    """Return the key of a person of these examples."""
    return SigningKey.from_seed(seed_of(name))


def seed_of(name: str) -> bytes:
    return hashlib.shake_256(f"lobby: {name}".encode()).digest(32)


def peer_ids() -> dict[str, Any]:
    return {
        name: {
            "seed": seed_of(name),
            "key": key_of(name).public,
            "pid": peer_id_of(key_of(name).public),
            "text": peer_id_text(peer_id_of(key_of(name).public)),
        }
        for name in PEOPLE
    }


def rooms() -> dict[str, Any]:
    return {
        network: {
            "unix": UNIX,
            "epoch": epoch_of(UNIX),
            "tag": b"",
            "level": 0,
            "shard": 0,
            "tid": room_of(network, epoch_of(UNIX)).tid,
            "room": room_of(network, epoch_of(UNIX)).key,
        }
        for network in NETWORKS
    }


def ticket_of(name: str) -> bytes:
    key = key_of(name)
    return sign_ticket(key, Ticket(peer_id_of(key.public), ROOM, addresses=tuple(map(parse, PEOPLE[name]))))


def tickets() -> dict[str, Any]:
    return {
        name: {
            "addresses": list(addresses),
            "payload": ticket_of(name)[:-SIGNATURE_BYTES],
            "signature": ticket_of(name)[-SIGNATURE_BYTES:],
            "ticket": ticket_of(name),
        }
        for name, addresses in PEOPLE.items()
    }


MESSAGES: Final[dict[str, wire.Request | wire.Answer]] = {
    "enter": wire.Enter(1, ROOM, ticket_of("ana")),
    "enter without a ticket": wire.Enter(1, ROOM, None),
    "sample": wire.Sample(2, ROOM, 2, 5),
    "leave": wire.Leave(3, ROOM),
    "leave all": wire.Leave(4, None),
    "room": wire.Room(1, 1, tickets=(ticket_of("ben"),)),
    "empty room": wire.Room(1, 0),
    "unchanged": wire.Unchanged(2),
    "left": wire.Left(3),
    "busy": wire.Busy(1),
    "refused": wire.Refused(2, wire.Reason.NOT_ENTERED),
    "unsupported": wire.Unsupported(513),
}


def frames() -> dict[str, Any]:
    return {
        name: {"type": type(message).__name__, "fields": plain(message), "frame": wire.encode(message)}
        for name, message in MESSAGES.items()
    }


def plain(message: wire.Request | wire.Answer) -> dict[str, Any]:
    return {name: asdict(value) if isinstance(value, RoomId) else value for name, value in asdict(message).items()}


def local_seeds() -> dict[str, Any]:
    return {network: blake2b(b"pby1 local", length_prefixed(network.encode())) for network in NETWORKS}


def document() -> str:
    """Return the text of the file."""
    content = {
        "protocol": wire.PROTOCOL,
        "peer_ids": peer_ids(),
        "rooms": rooms(),
        "tickets": tickets(),
        "frames": frames(),
        "local": local_seeds(),
    }
    return json.dumps(content, default=bytes.hex, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")

"""Write lobby.json anew: ``python tests/vectors/make_lobby.py``.

What docs/protocol.md 1 to 3 shows: peer ids, rooms, tags, tickets, seed records, frames of the lobby's and the DHT's
protocols, and the name of the local seed's files. Every key is drawn from SHAKE-256 of a name, so the file comes out
the same each time. Bytes are hexadecimal; fields have the names of the document.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from passerby.crypto.keys import SIGNATURE_BYTES, SigningKey, blake2b, length_prefixed, peer_id_of
from passerby.crypto.stamp import puzzle_work
from passerby.discovery import dhtwire, wire
from passerby.discovery.addresses import parse
from passerby.discovery.hints import Hint
from passerby.discovery.lobbycodes import SALT_BYTES, code_work
from passerby.discovery.peerids import peer_id_text
from passerby.discovery.rooms import epoch_of, room_of
from passerby.discovery.seedrecord import SeedRecord, sign_record
from passerby.discovery.tags import interest, language
from passerby.discovery.tickets import Ticket, sign_ticket

FILE: Final = Path(__file__).with_name("lobby.json")
UNIX: Final = 1_800_000_123
NETWORKS: Final = ("main", "lab-7", "сеть")
PEOPLE: Final = {  # who waits, and where they listen
    "ana": ("/ip4/127.0.0.1/tcp/40001",),
    "ben": ("/ip4/127.0.0.1/tcp/40002", "/ip6/::1/tcp/40002"),
}
ROOM: Final = room_of("main", epoch_of(UNIX))
LEA: Final = ("/ip4/192.175.48.7/tcp/4001", "/ip6/2620:4f:8000::7/tcp/4001")  # where no seed ever is (RFC 7534)
SEED_NONCE: Final = 1_621  # the first with which the key of "lea" solves the puzzle of 9 bits on `main`


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


TAGS: Final = {  # what was typed, and what it becomes
    "games": ("Board  Games", interest),
    "street": ("Straße", interest),
    "wide": ("\u3000ｃｈｅｓｓ\t", interest),
    "accent": ("Cafe\u0301", interest),
    "language": ("de-AT", language),
}
CODES: Final = {
    "words": ("main", "suitcase parrot crown tent hedgehog diamond squid puzzle wolf"),
    "typed": ("lab-7", "  Straße  42 "),
}


def tags() -> dict[str, Any]:
    return {name: {"typed": typed, "tag": tag_of(typed)} for name, (typed, tag_of) in TAGS.items()}


def codes() -> dict[str, Any]:
    return {
        name: {
            "network": network,
            "typed": typed,
            "salt": blake2b(b"pby1 lobby", length_prefixed(network.encode()))[:SALT_BYTES],
            "tag": code_work(typed, network),
        }
        for name, (network, typed) in CODES.items()
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


def seed_records() -> dict[str, SeedRecord]:
    """Return a seed of one machine, and one of the public scope with its work."""
    kit, lea = key_of("kit").public, key_of("lea").public
    where = tuple(map(parse, LEA))
    work = puzzle_work(lea, SEED_NONCE, "main")
    return {
        "kit": SeedRecord(kit, (parse("/ip4/127.0.0.1/tcp/7171"),), UNIX),
        "lea": SeedRecord(lea, where, UNIX, SEED_NONCE, work, relay=True, contact="post@example.org", family="example"),
    }


RECORDS: Final = seed_records()
SIGNED: Final = {name: sign_record(key_of(name), record) for name, record in RECORDS.items()}


def records() -> dict[str, Any]:
    return {
        name: {
            "seed": seed_of(name),
            "key": record.public,
            "pid": record.pid,
            "network": "main",
            "addresses": list(map(str, record.addresses)),
            "nonce": record.nonce,
            "work": record.work,
            "position": record.position,
            "issued": record.issued,
            "versions": list(record.versions),
            "relay": record.relay,
            "contact": record.contact,
            "family": record.family,
            "payload": SIGNED[name][:-SIGNATURE_BYTES],
            "signature": SIGNED[name][-SIGNATURE_BYTES:],
            "record": SIGNED[name],
        }
        for name, record in RECORDS.items()
    }


MESSAGES: Final[dict[str, wire.Request | wire.Answer]] = {
    "enter": wire.Enter(1, ROOM, ticket_of("ana")),
    "enter without a ticket": wire.Enter(1, ROOM, None),
    "enter with a stamp": wire.Enter(1, ROOM, None, bytes(range(16))),
    "sample": wire.Sample(2, ROOM, 2, 5),
    "leave": wire.Leave(3, ROOM),
    "leave all": wire.Leave(4, None),
    "room": wire.Room(1, 1, tickets=(ticket_of("ben"),)),
    "empty room": wire.Room(1, 0),
    "unchanged": wire.Unchanged(2),
    "left": wire.Left(3),
    "room with a level": wire.Room(1, 40, 3),
    "busy": wire.Busy(1),
    "busy, with a level": wire.Busy(1, (), 3),
    "refused": wire.Refused(2, wire.Reason.NOT_ENTERED),
    "refused, stamp": wire.Refused(1, wire.Reason.STAMP, 4),
    "unsupported": wire.Unsupported(513),
}
DHT_MESSAGES: Final[dict[str, dhtwire.Request | dhtwire.Answer]] = {
    "find": dhtwire.Find(1, ROOM.key),
    "newcomer": dhtwire.Find(2, RECORDS["kit"].position, SIGNED["kit"]),
    "ping": dhtwire.Ping(3, bytes(range(8))),
    "dialback": dhtwire.Dialback(4, bytes(range(8)), 7171),
    "nodes": dhtwire.Nodes(2, (SIGNED["lea"],), Hint(3, 20)),
    "no nodes": dhtwire.Nodes(1),
    "pong": dhtwire.Pong(3, bytes(range(8)), UNIX, dhtwire.pack_observed("192.0.2.7", 40_001), Hint(0, 0), 12),
    "pong of few words": dhtwire.Pong(3, bytes(range(8)), UNIX),
    "dialled": dhtwire.Dialled(4, dhtwire.Result.OK),
    "unsupported": dhtwire.Unsupported(513),
}


def frames() -> dict[str, Any]:
    return {
        name: {"type": type(message).__name__, "fields": plain(message), "frame": wire.encode(message)}
        for name, message in MESSAGES.items()
    }


def dht_frames() -> dict[str, Any]:
    return {
        name: {"type": type(message).__name__, "fields": plain(message), "frame": dhtwire.encode(message)}
        for name, message in DHT_MESSAGES.items()
    }


def plain(message: Struct) -> dict[str, Any]:
    return {name: asdict(value) if isinstance(value, Struct) else value for name, value in asdict(message).items()}


def local_seeds() -> dict[str, Any]:
    return {network: blake2b(b"pby1 local", length_prefixed(network.encode())) for network in NETWORKS}


def document() -> str:
    """Return the text of the file."""
    content = {
        "protocol": wire.PROTOCOL,
        "peer_ids": peer_ids(),
        "rooms": rooms(),
        "tags": tags(),
        "codes": codes(),
        "tickets": tickets(),
        "frames": frames(),
        "records": records(),
        "dht": dht_frames(),
        "local": local_seeds(),
    }
    return json.dumps(content, default=bytes.hex, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")

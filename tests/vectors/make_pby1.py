"""Write pby1.json anew: ``python tests/vectors/make_pby1.py``.

Every input is drawn from SHAKE-256 of a name, so the file comes out the same each time. The one thing libsodium draws
by itself, the header of a record stream, is drawn from there too: a stream that was opened for pulling under a chosen
header is, state for state, the one that pushing would have begun with that header.

Bytes are hexadecimal; fields have the names of protocol.md 5.
"""

import hashlib
import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from nacl import bindings

from passerby.crypto.handshake import VERSIONS, Binding, Initiator, RefusalCode, Responder, Session, order, refusal
from passerby.crypto.keys import EphemeralKey, SigningKey, blake2b, peer_id_of
from passerby.crypto.messages import Confirmation, FirstMessage, Proof
from passerby.crypto.records import HEADER_BYTES, Sealer
from passerby.crypto.transcript import Secrets, after_first, after_reply
from passerby.crypto.words import TABLE

FILE: Final = Path(__file__).with_name("pby1.json")
LABELS: Final = (b"i2r", b"r2i", b"kc i", b"kc r", b"sas", b"resume")
EDGES: Final = (1, 255, 256, 1023, 1024, 4095)  # inner lengths at both ends of each bucket


@dataclass(frozen=True)
class Case:
    name: str
    tag: bytes = b""
    network: str = "main"
    versions: tuple[tuple[int, ...], tuple[int, ...]] = (VERSIONS, VERSIONS)
    features: tuple[int, int] = (0, 0)
    stamped: bool = False
    lengths: tuple[int, ...] = (12,)

    def draw(self, what: str, size: int = 32) -> bytes:
        return hashlib.shake_256(f"{self.name}: {what}".encode()).digest(size)

    def peer_id(self, role: str) -> bytes:
        return peer_id_of(SigningKey.from_seed(self.draw(f"identity {role}")).public)

    def ephemeral(self, role: str) -> EphemeralKey:
        return EphemeralKey(self.draw(f"ephemeral {role}"))


CASES: Final = (
    Case("anybody"),
    Case("anybody again"),
    Case("a tag", b"tag:music"),
    Case("a tag in Hindi", "tag:संगीत".encode()),
    Case("a tag of 48 bytes", b"tag:" + b"m" * 48),
    Case("a language", b"lang:eo"),
    Case("a code", b"code:" + hashlib.shake_256(b"code").digest(32)),
    Case("a resumed chat", b"resume:" + hashlib.shake_256(b"resume").digest(32)),
    Case("a tag of zero bytes", bytes(4)),
    Case("another network", network="lab-7"),
    Case("a network in Cyrillic", network="сеть"),
    Case("a network of one letter", network="x"),
    Case("a stamp", stamped=True),
    Case("a stamp and a tag", b"tag:chess", stamped=True),
    Case("two versions each", versions=((1, 2), (1, 2))),
    Case("the initiator speaks more", versions=((1, 2, 3), (1,))),
    Case("the responder speaks more", versions=((1,), (1, 2, 3))),
    Case("the highest common is not the highest", versions=((1, 3, 5), (2, 3, 4))),
    Case("eight versions", versions=(tuple(range(1, 9)), tuple(range(8, 16)))),
    Case("eight versions and a stamp", versions=(tuple(range(1, 9)), (8, 255)), stamped=True),
    Case("version 255", versions=((255,), (254, 255))),
    Case("records at the edges of the buckets", lengths=EDGES),
    Case("many records", lengths=(7,) * 16),
    Case("everything at once", b"lang:fr", "réseau", ((1, 9), (9, 10)), stamped=True, lengths=(255, 256)),
    Case("features of a later release", features=(0x80000005, 0xC0000003)),
)


@contextmanager
def chosen_headers(*headers: bytes) -> Generator[None]:
    """Let the next record streams begin with these headers instead of random ones."""
    left = list(headers)

    def init_push(state: bindings.crypto_secretstream_xchacha20poly1305_state, key: bytes) -> bytes:
        header = left.pop(0)
        bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
        return header

    with patch.object(bindings, "crypto_secretstream_xchacha20poly1305_init_push", init_push):
        yield


@contextmanager
def chosen_features(flags: int) -> Generator[None]:
    """Let what is encoded meanwhile carry the flags of a later release; this one sends 0 and reads past others."""
    with patch("passerby.crypto.handshake._FEATURES", flags):
        yield


def handshake(case: Case) -> dict[str, Any]:
    binding = Binding(case.network, case.peer_id("I"), case.peer_id("R"), case.draw("channel"))
    keys = {role: case.ephemeral(role) for role in "IR"}
    nonces = {role: case.draw(f"nonce {role}") for role in "IR"}
    room = case.draw("room")
    stamp = case.draw("stamp", 16) if case.stamped else None
    ours, theirs = case.versions
    initiator = Initiator(binding, room, case.tag, versions=ours, ephemeral=keys["I"], nonce=nonces["I"])
    responder = Responder(binding, versions=theirs, ephemeral=keys["R"], nonce=nonces["R"])
    with chosen_headers(case.draw("header I", HEADER_BYTES), case.draw("header R", HEADER_BYTES)):
        with chosen_features(case.features[0]):
            m1 = initiator.first_message(stamp)
        first = responder.receive_first(m1, stamp_asked=case.stamped)
        with chosen_features(case.features[1]):
            m2 = responder.accept(case.tag)
        m3 = initiator.receive_reply(m2)
        assert isinstance(m3, bytes)
        m4 = responder.receive_proof(m3)
    sessions = {"i2r": initiator.receive_confirmation(m4), "r2i": responder.session}
    return {
        "name": case.name,
        "network": case.network,
        "pid_I": binding.initiator,
        "pid_R": binding.responder,
        "cb": binding.channel_binding,
        "room": room,
        "tag": case.tag,
        "stamp": stamp,
        "ord": order(binding.channel_binding, binding.initiator).to_bytes(32, "big"),
        "versions_I": list(ours),
        "versions_R": list(theirs),
        **{f"features_{role}": flags for role, flags in zip("IR", case.features, strict=True)},
        "version": sessions["i2r"].version,
        **{f"esk_{role}": case.draw(f"ephemeral {role}") for role in "IR"},
        **{f"epk_{role}": keys[role].public for role in "IR"},
        **{f"n_{role}": nonces[role] for role in "IR"},
        **derived(binding, case.tag, first, (m1, m2), keys, nonces["I"]),
        "M1": m1,
        "M2": m2,
        "M3": m3,
        "M4": m4,
        "hdr_I": Proof.parse(m3).header,
        "mac_I": Proof.parse(m3).mac,
        "hdr_R": Confirmation.parse(m4).header,
        "mac_R": Confirmation.parse(m4).mac,
        "words": list(sessions["i2r"].words),
        "emoji": list(sessions["i2r"].emoji),
        "records": {direction: list(records(case, direction, session)) for direction, session in sessions.items()},
    }


def derived(
    binding: Binding,
    tag: bytes,
    first: FirstMessage,
    bodies: tuple[bytes, bytes],
    keys: dict[str, EphemeralKey],
    nonce: bytes,
) -> dict[str, Any]:
    """Return every intermediate value, step by step."""
    th0 = binding.transcript(first.room, tag)
    th1 = after_first(th0, bodies[0])
    th2 = after_reply(th1, bodies[1])
    shared = keys["R"].exchange(keys["I"].public)
    secrets = Secrets.agree(shared, th2, keys["I"].public, nonce)
    return {
        "head": first.head,
        "head_hash": blake2b(b"pby1 head", th0 + first.head),
        "commit": first.commitment,
        "th0": th0,
        "th1": th1,
        "th2": th2,
        "th3": secrets.transcript,
        "shared": shared,
        "prk": secrets.prk,
        "K": {label.decode(): secrets.key(label) for label in LABELS},
    }


def records(case: Case, direction: str, session: Session) -> Generator[dict[str, Any]]:
    """Seal what a chat would: HELLO in the middle bucket, texts of the case's lengths, and CLOSE with FINAL."""
    yield record(session.sealer, b"\x07" + case.draw(f"{direction} hello", 11), minimum_bucket=1024)
    for number, length in enumerate(case.lengths):
        yield record(session.sealer, case.draw(f"{direction} text {number}", length))
    yield record(session.sealer, b"\x03\x00", final=True)


def record(sealer: Sealer, inner: bytes, *, minimum_bucket: int = 256, final: bool = False) -> dict[str, Any]:
    sealed = sealer.seal(inner, minimum_bucket=minimum_bucket, final=final)
    return {"inner": inner, "minimum_bucket": minimum_bucket, "final": final, "record": sealed}


def refusals() -> Generator[dict[str, Any]]:
    for code, argument in ((RefusalCode.BUSY, 0), (RefusalCode.STAMP, 4), (RefusalCode.VERSION, 0)):
        yield {"name": code.name.lower(), "code": int(code), "argument": argument, "M2": refusal(code, argument)}


def document() -> str:
    """Return the text of the file."""
    content = {
        "protocol": "/passerby/chat/1.0.0",
        "words": [word for word, _ in TABLE],
        "emoji": [emoji for _, emoji in TABLE],
        "refusals": list(refusals()),
        "handshakes": [handshake(case) for case in CASES],
    }
    return json.dumps(content, default=bytes.hex, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")

"""tests/vectors/pby1.json checks in both roles, byte for byte, and is what its generator writes."""

import json
import runpy
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from passerby.crypto.errors import RemoteProtocolError
from passerby.crypto.handshake import Binding, Initiator, Refusal, RefusalCode, Responder, Session, order, refusal
from passerby.crypto.keys import EphemeralKey, blake2b
from passerby.crypto.messages import FirstMessage
from passerby.crypto.records import Opener
from passerby.crypto.transcript import Secrets, after_first, after_reply, commitment
from passerby.crypto.words import TABLE

FOLDER: Final = Path(__file__).parents[2] / "vectors"
DOCUMENT: Final[dict[str, Any]] = json.loads((FOLDER / "pby1.json").read_text(encoding="utf-8"))
HANDSHAKES: Final[list[dict[str, Any]]] = DOCUMENT["handshakes"]

EACH = pytest.mark.parametrize("vector", HANDSHAKES, ids=[vector["name"] for vector in HANDSHAKES])


@dataclass(frozen=True)
class Generator:
    document: Callable[[], str]
    chosen_headers: Callable[..., AbstractContextManager[None]]
    chosen_features: Callable[[int], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def generator() -> Generator:
    names = runpy.run_path(str(FOLDER / "make_pby1.py"))
    return Generator(names["document"], names["chosen_headers"], names["chosen_features"])


def raw(vector: dict[str, Any], *names: str) -> list[bytes]:
    return [bytes.fromhex(vector[name]) for name in names]


def binding_of(vector: dict[str, Any]) -> Binding:
    return Binding(vector["network"], *raw(vector, "pid_I", "pid_R", "cb"))


def stamp_of(vector: dict[str, Any]) -> bytes | None:
    return bytes.fromhex(vector["stamp"]) if vector["stamp"] else None


def assert_session(session: Session, vector: dict[str, Any]) -> None:
    assert session.version == vector["version"]
    assert session.transcript.hex() == vector["th3"]
    assert session.sas_key.hex() == vector["K"]["sas"]
    assert session.resume_secret.hex() == vector["K"]["resume"]
    assert list(session.words) == vector["words"]
    assert list(session.emoji) == vector["emoji"]


def assert_seals(session: Session, records: list[dict[str, Any]]) -> None:
    for record in records:
        sealed = session.sealer.seal(
            bytes.fromhex(record["inner"]), minimum_bucket=record["minimum_bucket"], final=record["final"]
        )
        assert sealed.hex() == record["record"]


def assert_opens(opener: Opener, records: list[dict[str, Any]]) -> None:
    for record in records:
        whole = bytes.fromhex(record["record"])
        assert opener.open(int.from_bytes(whole[:2], "big"), whole[2:]) == (
            bytes.fromhex(record["inner"]),
            record["final"],
        )


def test_the_file_is_what_its_generator_writes(generator: Generator) -> None:
    assert generator.document() == (FOLDER / "pby1.json").read_text(encoding="utf-8")


def test_there_are_vectors_for_every_shape() -> None:
    assert len(HANDSHAKES) >= 20
    assert {len(bytes.fromhex(vector["M1"])) for vector in HANDSHAKES} >= {74, 75, 81, 90, 97}
    assert {len(bytes.fromhex(vector["M2"])) for vector in HANDSHAKES} >= {71, 72, 78}
    assert any(vector["features_I"] & vector["features_R"] for vector in HANDSHAKES)
    lengths = {len(bytes.fromhex(r["record"])) for v in HANDSHAKES for d in v["records"].values() for r in d}
    assert lengths == {275, 1043, 4115}
    assert all(d[-1]["final"] and not d[0]["final"] for v in HANDSHAKES for d in v["records"].values())


@EACH
def test_the_initiator(vector: dict[str, Any], generator: Generator) -> None:
    room, tag, esk, nonce, header = raw(vector, "room", "tag", "esk_I", "n_I", "hdr_I")
    versions = tuple(vector["versions_I"])
    initiator = Initiator(binding_of(vector), room, tag, versions=versions, ephemeral=EphemeralKey(esk), nonce=nonce)
    with generator.chosen_features(vector["features_I"]):
        assert initiator.first_message(stamp_of(vector)).hex() == vector["M1"]
    with generator.chosen_headers(header):
        proof = initiator.receive_reply(bytes.fromhex(vector["M2"]))
    assert isinstance(proof, bytes)
    assert proof.hex() == vector["M3"]
    session = initiator.receive_confirmation(bytes.fromhex(vector["M4"]))
    assert_session(session, vector)
    assert_seals(session, vector["records"]["i2r"])
    assert_opens(session.opener, vector["records"]["r2i"])


@EACH
def test_the_responder(vector: dict[str, Any], generator: Generator) -> None:
    room, tag, esk, nonce, header = raw(vector, "room", "tag", "esk_R", "n_R", "hdr_R")
    versions = tuple(vector["versions_R"])
    responder = Responder(binding_of(vector), versions=versions, ephemeral=EphemeralKey(esk), nonce=nonce)
    first = responder.receive_first(bytes.fromhex(vector["M1"]), stamp_asked=vector["stamp"] is not None)
    assert (first.room, first.versions, first.stamp) == (room, tuple(vector["versions_I"]), stamp_of(vector))
    assert first.features == vector["features_I"]
    with generator.chosen_features(vector["features_R"]):
        assert responder.accept(tag).hex() == vector["M2"]
    with generator.chosen_headers(header):
        assert responder.receive_proof(bytes.fromhex(vector["M3"])).hex() == vector["M4"]
    session = responder.session
    assert_session(session, vector)
    assert_seals(session, vector["records"]["r2i"])
    assert_opens(session.opener, vector["records"]["i2r"])


@EACH
def test_every_intermediate_value(vector: dict[str, Any]) -> None:
    room, tag, public, nonce, m1, m2 = raw(vector, "room", "tag", "epk_I", "n_I", "M1", "M2")
    binding = binding_of(vector)
    assert EphemeralKey(bytes.fromhex(vector["esk_I"])).public == public
    shared = EphemeralKey(bytes.fromhex(vector["esk_R"])).exchange(public)
    head = FirstMessage.parse(m1).head
    th0 = binding.transcript(room, tag)
    th1 = after_first(th0, m1)
    th2 = after_reply(th1, m2)
    secrets = Secrets.agree(shared, th2, public, nonce)
    mac = secrets.initiator_mac(bytes.fromhex(vector["hdr_I"]))
    computed = {
        "ord": order(binding.channel_binding, binding.initiator).to_bytes(32, "big"),
        "head": head,
        "head_hash": blake2b(b"pby1 head", th0 + head),
        "commit": commitment(th0, head, public, nonce),
        "th0": th0,
        "th1": th1,
        "th2": th2,
        "th3": secrets.transcript,
        "shared": shared,
        "prk": secrets.prk,
        "mac_I": mac,
        "mac_R": secrets.responder_mac(mac, bytes.fromhex(vector["hdr_R"])),
    }
    assert {name: value.hex() for name, value in computed.items()} == {name: vector[name] for name in computed}
    assert {label: secrets.key(label.encode()).hex() for label in vector["K"]} == vector["K"]


@EACH
def test_the_records_open_with_key_and_header_alone(vector: dict[str, Any]) -> None:
    for direction, header in (("i2r", "hdr_I"), ("r2i", "hdr_R")):
        opener = Opener(bytes.fromhex(vector["K"][direction]), bytes.fromhex(vector[header]))
        assert_opens(opener, vector["records"][direction])


@pytest.mark.parametrize("one", range(0, len(HANDSHAKES), 5))
def test_one_vector_is_never_taken_for_another(one: int) -> None:
    vector = HANDSHAKES[one]
    esk, nonce, tag = raw(vector, "esk_R", "n_R", "tag")
    for other in HANDSHAKES:
        if other is not vector:
            responder = Responder(
                binding_of(vector), versions=tuple(vector["versions_R"]), ephemeral=EphemeralKey(esk), nonce=nonce
            )
            responder.receive_first(bytes.fromhex(vector["M1"]), stamp_asked=True)
            responder.accept(tag)
            with pytest.raises(RemoteProtocolError):
                responder.receive_proof(bytes.fromhex(other["M3"]))


@pytest.mark.parametrize("vector", DOCUMENT["refusals"], ids=[vector["name"] for vector in DOCUMENT["refusals"]])
def test_refusals(vector: dict[str, Any]) -> None:
    code, argument = RefusalCode(vector["code"]), vector["argument"]
    assert refusal(code, argument).hex() == vector["M2"]
    assert Refusal.parse(bytes.fromhex(vector["M2"])) == Refusal(code, argument)


def test_the_table_of_words() -> None:
    assert list(TABLE) == list(zip(DOCUMENT["words"], DOCUMENT["emoji"], strict=True))

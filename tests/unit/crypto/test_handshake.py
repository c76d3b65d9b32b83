"""The handshake between two honest sides, and the machines under calls that should not be."""

import hashlib
from collections.abc import Callable

import pytest

from passerby.crypto import handshake
from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.handshake import (
    LEGAL_LENGTHS,
    Binding,
    Initiator,
    Message,
    Responder,
    Session,
    check_length,
    frame,
    order,
)
from passerby.crypto.keys import peer_id_of
from passerby.crypto.messages import FAILURE

ROOM = bytes(range(32))
TAG = b"tag:music"
BINDING = Binding("main", peer_id_of(b"I" * 32), peer_id_of(b"R" * 32), b"c" * 32)
STAMP = bytes(range(16))


def pair() -> tuple[Initiator, Responder]:
    return Initiator(BINDING, ROOM, TAG), Responder(BINDING)


def meet(initiator: Initiator, responder: Responder, stamp: bytes | None = None) -> tuple[Session, Session]:
    responder.receive_first(initiator.first_message(stamp), stamp_asked=stamp is not None)
    proof = initiator.receive_reply(responder.accept(TAG))
    assert isinstance(proof, bytes)
    return initiator.receive_confirmation(responder.receive_proof(proof)), responder.session


def steps(machine: Initiator | Responder) -> list[Callable[[], object]]:
    if isinstance(machine, Initiator):
        return [
            machine.first_message,
            lambda: machine.receive_reply(bytes(71)),
            lambda: machine.receive_confirmation(bytes(56)),
        ]
    return [
        lambda: machine.receive_first(bytes(74)),
        lambda: machine.accept(b""),
        lambda: machine.receive_proof(bytes(120)),
    ]


def assert_over(machine: Initiator | Responder) -> None:
    for step in steps(machine):
        with pytest.raises(LocalProtocolError):
            step()
    if isinstance(machine, Responder):
        with pytest.raises(LocalProtocolError):
            _ = machine.session


def assert_fails(machine: Initiator | Responder, step: Callable[[], object]) -> None:
    """One text whatever happened, its cause chained, and the machine over."""
    with pytest.raises(RemoteProtocolError) as raised:
        step()
    assert str(raised.value) == FAILURE
    assert isinstance(raised.value.__cause__, RemoteProtocolError)
    assert_over(machine)


# ---- two honest sides ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stamp", [None, STAMP])
def test_both_sides_end_with_one_session(stamp: bytes | None) -> None:
    here, there = meet(*pair(), stamp)
    assert here.transcript == there.transcript
    assert (here.version, there.version) == (1, 1)
    assert here.words == there.words
    assert here.emoji == there.emoji
    assert here.resume_secret == there.resume_secret
    for sealer, opener in ((here.sealer, there.opener), (there.sealer, here.opener)):
        for final in (False, True):
            record = sealer.seal(b"text", final=final)
            assert opener.open(273, record[2:]) == (b"text", final)


def test_no_two_sessions_are_alike() -> None:
    sessions = [meet(*pair())[0] for _ in range(20)]
    for distinct in (
        {s.transcript for s in sessions},
        {s.words for s in sessions},
        {s.resume_secret for s in sessions},
        {s.sealer.header for s in sessions},
    ):
        assert len(distinct) == 20


def test_a_session_has_four_independent_secrets() -> None:
    here, there = meet(*pair())
    assert here.sas_key != here.resume_secret
    sealed = here.sealer.seal(b"text")
    with pytest.raises(RemoteProtocolError):
        here.opener.open(273, sealed[2:])
    assert there.opener.open(273, sealed[2:]) == (b"text", False)


def test_the_lengths_of_the_messages() -> None:
    initiator, responder = pair()
    first = initiator.first_message()
    responder.receive_first(first)
    reply = responder.accept(TAG)
    proof = initiator.receive_reply(reply)
    assert isinstance(proof, bytes)
    confirmation = responder.receive_proof(proof)
    assert [len(m) for m in (first, reply, proof, confirmation)] == [74, 71, 120, 56]
    assert len(pair()[0].first_message(STAMP)) == 90


def test_only_legal_lengths_are_read() -> None:
    legal = {
        Message.FIRST: {*range(74, 82), *range(90, 98)},
        Message.REPLY: {2, *range(71, 79)},
        Message.PROOF: {120},
        Message.CONFIRMATION: {56},
    }
    assert legal == LEGAL_LENGTHS
    for message, lengths in legal.items():
        for length in range(200):
            if length in lengths:
                check_length(message, length)
            else:
                with pytest.raises(RemoteProtocolError, match=FAILURE):
                    check_length(message, length)


def test_a_frame_is_a_length_and_the_body() -> None:
    assert frame(b"\1\0") == b"\0\2\1\0"
    assert frame(bytes(120)) == b"\0\x78" + bytes(120)
    with pytest.raises(LocalProtocolError):
        frame(b"")


def test_the_first_message_says_where_the_initiator_wants_to_meet() -> None:
    first = Responder(BINDING).receive_first(pair()[0].first_message(STAMP), stamp_asked=True)
    assert (first.room, first.versions, first.features, first.stamp) == (ROOM, (1,), 0, STAMP)


@pytest.mark.parametrize("speaker", ["initiator", "responder"])
def test_unknown_features_are_read_past(speaker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    initiator, responder = pair()
    with monkeypatch.context() as later_release:
        later_release.setattr(handshake, "_FEATURES", 0xFFFFFFFF if speaker == "initiator" else 0)
        first = responder.receive_first(initiator.first_message())
    assert first.features == (0xFFFFFFFF if speaker == "initiator" else 0)
    with monkeypatch.context() as later_release:
        later_release.setattr(handshake, "_FEATURES", 0xFFFFFFFF if speaker == "responder" else 0)
        reply = responder.accept(TAG)
    proof = initiator.receive_reply(reply)
    assert isinstance(proof, bytes)
    assert initiator.receive_confirmation(responder.receive_proof(proof)).words == responder.session.words


# ---- order and misuse ------------------------------------------------------------------------------------------------


def test_a_call_out_of_order_is_our_own_mistake_and_has_no_effect() -> None:
    initiator, responder = pair()
    sent: dict[str, bytes] = {}

    def reply() -> None:
        proof = initiator.receive_reply(sent["M2"])
        assert isinstance(proof, bytes)
        sent["M3"] = proof

    script: list[tuple[Initiator | Responder, int, Callable[[], object]]] = [
        (initiator, 0, lambda: sent.update(M1=initiator.first_message())),
        (responder, 0, lambda: responder.receive_first(sent["M1"])),
        (responder, 1, lambda: sent.update(M2=responder.accept(TAG))),
        (initiator, 1, reply),
        (responder, 2, lambda: sent.update(M4=responder.receive_proof(sent["M3"]))),
        (initiator, 2, lambda: initiator.receive_confirmation(sent["M4"])),
    ]
    for machine, turn, step in script:
        for number, other in enumerate(steps(machine)):
            if number != turn:
                with pytest.raises(LocalProtocolError):
                    other()
        step()
    assert responder.session.words
    assert_over(initiator)


@pytest.mark.parametrize("wrong", [b"", bytes(56), bytes(74), bytes(120)], ids=len)
def test_a_failure_has_one_text_and_is_the_end(wrong: bytes) -> None:
    initiator, responder = pair()
    fresh = Responder(BINDING)
    assert_fails(fresh, lambda: fresh.receive_first(wrong))
    responder.receive_first(initiator.first_message())
    reply = responder.accept(TAG)
    asked = Initiator(BINDING, ROOM, TAG)
    asked.first_message()
    assert_fails(asked, lambda: asked.receive_reply(wrong))
    assert isinstance(initiator.receive_reply(reply), bytes)
    assert_fails(responder, lambda: responder.receive_proof(wrong))
    assert_fails(initiator, lambda: initiator.receive_confirmation(wrong))


def test_the_session_of_the_responder_stands_only_after_a_good_proof() -> None:
    initiator, responder = pair()
    for step in (
        lambda: responder.receive_first(initiator.first_message()),
        lambda: responder.accept(TAG),
    ):
        with pytest.raises(LocalProtocolError):
            _ = responder.session
        step()
    with pytest.raises(LocalProtocolError):
        _ = responder.session


@pytest.mark.parametrize("size", [0, 31, 33])
def test_wrong_lengths_of_our_own_are_told_apart_from_theirs(size: int) -> None:
    wrong = bytes(size)
    for build in (
        lambda: Initiator(BINDING, wrong, TAG),
        lambda: Initiator(BINDING, ROOM, TAG, nonce=wrong),
        lambda: Responder(BINDING, nonce=wrong),
        lambda: Binding("main", BINDING.initiator, BINDING.responder, wrong),
    ):
        with pytest.raises(LocalProtocolError):
            build()


def test_a_binding_needs_a_network_and_two_different_ed25519_peers() -> None:
    with pytest.raises(LocalProtocolError):
        Binding("", BINDING.initiator, BINDING.responder, bytes(32))
    with pytest.raises(LocalProtocolError):
        Binding("main", BINDING.initiator, BINDING.initiator, bytes(32))
    with pytest.raises(RemoteProtocolError):
        Binding("main", b"\x12\x20" + bytes(32), BINDING.responder, bytes(32))
    with pytest.raises(RemoteProtocolError):
        Binding("main", BINDING.initiator, BINDING.responder[:-1], bytes(32))


def test_the_order_of_two_attempts_is_the_hash_both_ends_can_compute() -> None:
    digest = hashlib.blake2b(b"c" * 32 + BINDING.initiator, digest_size=32, person=b"pby1 order").digest()
    assert order(b"c" * 32, BINDING.initiator) == int.from_bytes(digest, "big")
    assert order(b"c" * 32, BINDING.responder) != order(b"c" * 32, BINDING.initiator)

"""The handshake between two honest sides, what each may refuse, and what a machine forgets on its way."""

import gc
import hashlib
import types
from collections.abc import Callable

import pytest

from passerby.crypto import handshake
from passerby.crypto.errors import LocalProtocolError, RemoteProtocolError
from passerby.crypto.handshake import (
    LEGAL_LENGTHS,
    Binding,
    Initiator,
    Message,
    Refusal,
    RefusalCode,
    Responder,
    Session,
    check_length,
    frame,
    order,
    refusal,
)
from passerby.crypto.keys import EphemeralKey, peer_id_of
from passerby.crypto.messages import FAILURE, Reply
from passerby.crypto.transcript import Secrets

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


# ---- versions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs", "chosen"),
    [((1,), (1, 2), 1), ((1, 2), (1, 2), 2), ((1, 3, 5), (2, 3, 4), 3), (tuple(range(1, 9)), (8, 255), 8)],
)
def test_the_highest_common_version_is_chosen(ours: tuple[int, ...], theirs: tuple[int, ...], chosen: int) -> None:
    sessions = meet(Initiator(BINDING, ROOM, TAG, versions=ours), Responder(BINDING, versions=theirs))
    assert [session.version for session in sessions] == [chosen, chosen]


def test_without_a_common_version_there_is_nothing_to_accept() -> None:
    responder = Responder(BINDING, versions=(2, 3))
    responder.receive_first(pair()[0].first_message())
    assert responder.version is None
    with pytest.raises(LocalProtocolError):
        responder.accept(TAG)


@pytest.mark.parametrize(("chosen", "versions"), [(1, (1, 2)), (2, (1,)), (3, (2, 3)), (0, (1, 2))])
def test_any_other_choice_is_refused(chosen: int, versions: tuple[int, ...]) -> None:
    initiator = Initiator(BINDING, ROOM, TAG, versions=(1, 2))
    initiator.first_message()
    public = EphemeralKey.generate().public
    reply = Reply(version=chosen, versions=versions, features=0, nonce=bytes(32), public=public)
    assert_fails(initiator, lambda: initiator.receive_reply(reply.encode()))


@pytest.mark.parametrize("nothing_common", [0, 1, 3])
def test_a_choice_where_nothing_is_common_is_refused(nothing_common: int) -> None:
    initiator = Initiator(BINDING, ROOM, TAG, versions=(1, 2))
    initiator.first_message()
    public = EphemeralKey.generate().public
    reply = Reply(version=nothing_common, versions=(3,), features=0, nonce=bytes(32), public=public)
    assert_fails(initiator, lambda: initiator.receive_reply(reply.encode()))


BAD_LISTS = [b"\0", b"\1\0", b"\2\1\1", b"\2\2\1", b"\2\0\1", b"\x09" + bytes(range(1, 10)), b"\3\1\2", b"\xff"]


@pytest.mark.parametrize("versions", BAD_LISTS, ids=bytes.hex)
def test_a_malformed_version_list_is_refused_in_either_direction(versions: bytes) -> None:
    responder = Responder(BINDING)
    assert_fails(responder, lambda: responder.receive_first(b"PBY1" + versions + bytes(4 + 32 + 32)))
    initiator = pair()[0]
    initiator.first_message()
    assert_fails(initiator, lambda: initiator.receive_reply(b"\1" + versions + bytes(4 + 32 + 32)))


@pytest.mark.parametrize("versions", [(), (0,), (2, 1), (1, 1), (256,), tuple(range(1, 10))])
def test_our_own_version_list_is_checked_too(versions: tuple[int, ...]) -> None:
    with pytest.raises(LocalProtocolError):
        Initiator(BINDING, ROOM, TAG, versions=versions)
    with pytest.raises(LocalProtocolError):
        Responder(BINDING, versions=versions)


def test_another_magic_is_refused() -> None:
    responder = Responder(BINDING)
    body = pair()[0].first_message()
    assert_fails(responder, lambda: responder.receive_first(b"PBY2" + body[4:]))


# ---- refusals and stamps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "argument", "body"),
    [(RefusalCode.BUSY, 0, b"\1\0"), (RefusalCode.STAMP, 4, b"\2\4"), (RefusalCode.VERSION, 0, b"\3\0")],
)
def test_a_refusal_ends_the_attempt_and_is_no_failure(code: RefusalCode, argument: int, body: bytes) -> None:
    assert refusal(code, argument) == body
    initiator = pair()[0]
    initiator.first_message()
    assert initiator.receive_reply(body) == Refusal(code, argument)
    assert_over(initiator)


@pytest.mark.parametrize("body", [b"\0\0", b"\4\0", b"\xff\0", b"\1\1", b"\3\1"], ids=bytes.hex)
def test_a_malformed_refusal_is_a_failure(body: bytes) -> None:
    initiator = pair()[0]
    initiator.first_message()
    assert_fails(initiator, lambda: initiator.receive_reply(body))


@pytest.mark.parametrize(
    ("code", "argument"), [(RefusalCode.BUSY, 1), (RefusalCode.VERSION, 1), (RefusalCode.STAMP, -1), (2, 256)]
)
def test_a_refusal_that_cannot_be_encoded_is_our_own_mistake(code: int, argument: int) -> None:
    with pytest.raises(LocalProtocolError):
        refusal(RefusalCode(code), argument)


def test_a_stamp_that_nobody_asked_for_is_refused() -> None:
    responder = Responder(BINDING)
    body = pair()[0].first_message(STAMP)
    assert_fails(responder, lambda: responder.receive_first(body))


def test_a_stamp_that_was_asked_for_may_still_be_missing_and_the_caller_sees_it() -> None:
    assert Responder(BINDING).receive_first(pair()[0].first_message(), stamp_asked=True).stamp is None


@pytest.mark.parametrize("size", [0, 15, 17])
def test_our_own_stamp_has_16_bytes(size: int) -> None:
    initiator, responder = pair()
    with pytest.raises(LocalProtocolError):
        initiator.first_message(bytes(size))
    meet(initiator, responder)


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


# ---- what a machine forgets ------------------------------------------------------------------------------------------


def knows(machine: Initiator | Responder) -> list[object]:
    """Everything that can be reached from a machine."""
    found: dict[int, object] = {}
    pending: list[object] = [machine]
    while pending:
        thing = pending.pop()
        if id(thing) not in found and not isinstance(thing, type | types.ModuleType | types.FunctionType):
            found[id(thing)] = thing
            pending.extend(gc.get_referents(thing))
    return list(found.values())


def knows_any(machine: Initiator | Responder, *kinds: type) -> bool:
    return any(isinstance(thing, kinds) for thing in knows(machine))


def test_the_ephemeral_key_goes_with_the_exchange_and_the_key_of_keys_with_the_last_message() -> None:
    initiator, responder = pair()
    responder.receive_first(initiator.first_message())
    reply = responder.accept(TAG)
    assert knows_any(initiator, EphemeralKey)
    assert knows_any(responder, EphemeralKey)
    proof = initiator.receive_reply(reply)
    assert isinstance(proof, bytes)
    assert knows_any(initiator, Secrets)
    assert not knows_any(initiator, EphemeralKey)
    confirmation = responder.receive_proof(proof)
    assert knows_any(responder, Session)
    assert not knows_any(responder, EphemeralKey, Secrets)
    initiator.receive_confirmation(confirmation)
    assert not knows_any(initiator, EphemeralKey, Secrets, Session)


def test_a_failure_or_a_refusal_drops_everything() -> None:
    initiator, responder = pair()
    nonce = b"a nonce that nobody shall know. "
    initiator = Initiator(BINDING, ROOM, TAG, nonce=nonce)
    responder.receive_first(initiator.first_message())
    assert nonce in knows(initiator)
    initiator.receive_reply(refusal(RefusalCode.BUSY))
    assert not knows_any(initiator, EphemeralKey, Secrets)
    assert nonce not in knows(initiator)
    responder.accept(TAG)
    assert_fails(responder, lambda: responder.receive_proof(bytes(120)))
    assert not knows_any(responder, EphemeralKey, Secrets)


def test_no_repr_shows_a_secret() -> None:
    secret = EphemeralKey.generate()
    initiator = Initiator(BINDING, ROOM, TAG, ephemeral=secret, nonce=b"n" * 32)
    responder = Responder(BINDING)
    session, _ = meet(initiator, responder)
    shown = " ".join(map(repr, (initiator, responder, session, session.sealer, session.opener)))
    for hidden in (session.sas_key, session.resume_secret, b"n" * 32):
        assert repr(hidden)[2:-1] not in shown
        assert hidden.hex() not in shown
